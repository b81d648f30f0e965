"""docs/mocking.md, held to its word."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
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
    first = blocks("python")[0]
    assert len(first.splitlines()) < 40
    assert count_of(first) == 3


def count_of(block: str) -> int:
    return len(re.findall(r"^ *(?:async )?def test_", block, re.MULTILINE)) + block.count("@pytest.mark.parametrize(")


def test_its_tests_pass(pytester: pytest.Pytester) -> None:
    code = [block for block in blocks("python") if count_of(block)]
    for number, block in enumerate(code):
        pytester.makepyfile(**{f"test_{number}": block})
    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error")
    outcome.assert_outcomes(passed=sum(map(count_of, code)))


def test_its_programs_run(tmp_path: Path) -> None:
    code = [block for block in blocks("python") if not count_of(block)]
    assert len(code) == 2
    for number, block in enumerate(code):
        (tmp_path / f"{number}.py").write_text(block, encoding="utf-8")
    run = "import runpy, sys; [runpy.run_path(path) for path in sys.argv[1:]]"
    command = [sys.executable, "-W", "error", "-c", run, *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "1000" in done.stdout
    assert "GMT" in done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_its_curl_lines_work() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("curl ")]
    assert len(lines) >= 4
    worlds = Worlds()
    before = worlds.get().clock.time
    host = MockHost(worlds)
    with serving(host, connection=MockConnection) as url:
        script = "\n".join(f"{line} -fsS -o /dev/null" for line in lines).replace("http://127.0.0.1:4010", url)
        environment = {**os.environ, "no_proxy": "*"}
        subprocess.run(["sh", "-e", "-c", script], check=True, capture_output=True, env=environment, timeout=60)
        assert [call.status for call in worlds.get().calls] == [200]
        assert [one.left for one in worlds.get().scenarios.waiting] == [2]
        assert worlds.get().clock.time - before == timedelta(hours=25)
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
