"""The section on Pact of docs/contract-testing.md, held to its word."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import httpx
import pytest
import yaml

from outpaint.conformance.pact_check.pact_command import pact
from outpaint.mocks.mock_command import mock
from outpaint.mocks.pact.pact_file import pact_of
from outpaint.mocks.pact.provider_states import ON_A_MOCK, StateName
from outpaint.mocks.scenarios.scenario import Scenario
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.transports.tcp_server import thread_server
from outpaint.mocks.world.world import World

PAGE = (Path(__file__).parents[3] / "docs" / "contract-testing.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Pact\n")[2].partition("\n## ")[0]
COMMANDS: dict[str, click.Group] = {"outpaint contract pact ": pact, "outpaint mock ": mock}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)


def shown() -> list[str]:
    text = "\n".join([*blocks("sh"), *blocks("yaml"), *re.findall(r"`(outpaint [^`]+)`", SECTION)])
    return re.findall(r"outpaint (?:contract pact|mock) [^\n#&`]+", text.replace("\\\n", " "))


def test_its_commands_take_the_options_it_shows() -> None:
    assert {line.split()[1] for line in shown()} == {"contract", "mock"}
    for line in shown():
        prefix = next(prefix for prefix in COMMANDS if line.startswith(prefix))
        words = shlex.split(line.removeprefix(prefix))
        command: click.Command = COMMANDS[prefix]
        if isinstance(command, click.Group) and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_its_workflows_are_some() -> None:
    jobs = [yaml.safe_load(text)["jobs"] for text in blocks("yaml")]
    assert [list(job) for job in jobs] == [["consumer"], ["provider"]]


def test_every_state_is_in_its_table_with_a_scenario_that_can_be_read() -> None:
    assert list(ON_A_MOCK) == list(StateName)
    for name, (_, scenario, _) in ON_A_MOCK.items():
        assert f"| {name} |" in SECTION
        Scenario.of(scenario.replace("error_code", "painting_failed").replace("credits(credits)", "credits(0)"))


def test_its_provider_in_python_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block as it stands, at another port, with accounts that it leaves to its reader."""
    (code,) = blocks("python")
    world, opened = World("provider"), []

    class Accounts:
        def open(self, **asked: int) -> str:
            opened.append(asked["credits"])
            return "a-key"

    shop = World()
    with httpx.Client(transport=OutpaintTransport(shop), headers={"X-Picsart-API-Key": "any"}) as client:
        client.get("http://mock.test/v1/balance")
    (tmp_path / "pacts").mkdir()
    pact_of(shop, "web-shop").write(tmp_path / "pacts" / "web-shop-outpaint.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACT_DO_NOT_TRACK", "true")
    with thread_server() as server, server.serving(world) as served:
        at_the_mock = code.replace("http://127.0.0.1:8080", served.url)
        assert at_the_mock != code
        exec(compile(at_the_mock, "docs/contract-testing.md", "exec"), {"my_accounts": Accounts()})
    assert opened
    assert [call.status for call in world.calls] == [200]
