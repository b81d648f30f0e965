"""docs/mocking.md, held to its word."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml
from click.testing import CliRunner

from outpaint.functions.embedded.server import serving
from outpaint.mocks import pytest_plugin
from outpaint.mocks.mock_command import mock
from outpaint.mocks.scenarios.scenario import Scenario
from outpaint.mocks.transports.tcp_connection import MockConnection
from outpaint.mocks.transports.tcp_server import MockHost
from outpaint.mocks.world.worlds import Worlds

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mocking.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_it_begins_with_a_test() -> None:
    assert PAGE.index("```python") < 20
    assert len(blocks("python")[0].splitlines()) < 15


def test_its_tests_pass(pytester: pytest.Pytester) -> None:
    code = blocks("python")
    for number, block in enumerate(code):
        pytester.makepyfile(**{f"test_{number}": block})
    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error")
    outcome.assert_outcomes(passed=len(code))


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_its_curl_lines_work() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("curl ")]
    assert len(lines) >= 4
    worlds = Worlds()
    host = MockHost(worlds)
    with serving(host, connection=MockConnection) as url:
        script = "\n".join(f"{line} -fsS -o /dev/null" for line in lines).replace("http://127.0.0.1:4010", url)
        environment = {**os.environ, "no_proxy": "*"}
        subprocess.run(["sh", "-e", "-c", script], check=True, capture_output=True, env=environment, timeout=60)
        assert [call.status for call in worlds.get().calls] == [200]
        assert [one.left for one in worlds.get().scenarios.waiting] == [2]
        assert worlds.get().clock.time.day == 2
    host.close()


def test_its_scenarios_can_be_read() -> None:
    named = re.findall(
        r"`([a-z_]+\([^`\[\]=|]*\)(?:; [^`]+)?)`", PAGE.partition("## Scenarios")[2].partition("<!--")[0]
    )
    assert len(named) >= 2
    for text in named:
        if "…" not in text and "scenarios." not in text:
            Scenario.of(text)


def test_its_fixtures_are_all_of_the_plugins() -> None:
    there = {name for name in dir(pytest_plugin) if name.startswith("outpaint_")}
    assert set(re.findall(r"^\| `(outpaint_\w+)` \|", PAGE, re.MULTILINE)) == there


def test_the_commands_it_names_are_there() -> None:
    told = {
        name: CliRunner().invoke(mock, [*words, "--help"]).output
        for name, words in {"": (), "report": ("report",)}.items()
    }
    for line in re.findall(r"`outpaint mock ([^`]+)`", PAGE):
        command = "report" if line.startswith("report") else ""
        for option in re.findall(r"--[a-z-]+", line):
            assert option in told[command] or option == "--help", line
    for option in re.findall(r"`(--[a-z-]+)`", PAGE):
        assert option in told[""] + told["report"]


def test_its_workflow_is_one() -> None:
    (workflow,) = blocks("yaml")
    steps = yaml.safe_load(workflow)["jobs"]["test"]["steps"]
    assert any("outpaint mock report" in step.get("run", "") for step in steps)


def test_a_running_mock_has_the_presets_of_the_table() -> None:
    rows = re.findall(r"^\| `(mock_\w+)` \| `([^`]+)` \|$", PAGE, re.MULTILINE)
    assert len(rows) > 20
    worlds = Worlds()
    host = MockHost(worlds)
    with serving(host, connection=MockConnection) as url:
        language = httpx.get(f"{url}/_mock/language", trust_env=False).json()
    host.close()
    there = {preset["name"]: preset["scenario"] for preset in language["presets"]}
    assert all(there[name] == scenario for name, scenario in rows)
