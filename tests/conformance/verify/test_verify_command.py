"""`outpaint contract verify` as a whole: budget, reports, exit codes, against providers that are broken on purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import click
import pytest

from outpaint.conformance.cases import all_cases
from outpaint.conformance.contract_command import contract
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.command_line.exit_codes import ExitCode

from .conftest import as_json, served

Run = Callable[..., tuple[int, str, str]]
KEY = "a-key-of-some-length"
ACCEPTED = {
    "status": "processing",
    "inference_id": "j-1",
    "transaction_id": "j-1",
    "data": [],
    "mask_interpretation": {"source": "image_alpha", "painted_share": 0.5, "warnings": []},
}
CASE = "asynchronous.mode-async-is-202"


def answer(method: str, path: str, sent: dict[str, str], body: bytes) -> Any:
    """Takes every job and never finishes one; its 202 has no word on when to come back."""
    if path == "/v1/balance":
        return as_json(200, {"credits": 50})
    if method == "POST":
        return as_json(202, ACCEPTED | {"echo": sent.get(API_KEY.lower())})
    return as_json(200, {"status": "success", "data": []})


def verify(run: Run, *words: str, served_by: Any = answer) -> tuple[int, str, str]:
    with served(served_by) as url:
        return run("verify", "--base-url", url, "--api-key", KEY, "--seed", "1", *words)


def test_a_failure_is_named_with_all_that_helps(run: Run) -> None:
    status, out, _ = verify(run, "--only", "always.retry-after", "--only", CASE)
    assert status == ExitCode.FAILED
    assert "failed always.retry-after (major)" in out
    assert "Retry-After: missing" in out
    assert "Broken: 1 failed, 1 passed" in out
    assert f'-H "{API_KEY}: $OUTPAINT_KEY"' in out
    assert KEY not in out


def test_every_report_tells_the_same(run: Run, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("junit", "json", "html")}
    words = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    verify(run, "--only", "always.retry-after", "--only", CASE, *words)

    told = json.loads(files["json"].read_text())
    assert told["verdict"] == "failed"
    assert told["counts"] == {"passed": 1, "failed": 1, "failed alike": 0, "not offered": 0, "not run": 0}
    outcomes = {case["id"]: case["outcome"] for case in told["cases"]}
    assert outcomes == {CASE: "passed", "always.retry-after": "failed"}

    root = ET.parse(files["junit"]).getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "0")
    failure = root.find(".//failure")
    assert failure is not None
    assert "Retry-After" in (failure.get("message") or "")

    page = files["html"].read_text()
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    # The picture that was sent, and how it reads as a keep map.
    assert page.count('<img src="data:image/png;base64,') == 2
    assert not any(KEY in path.read_text() for path in files.values())


def test_a_report_that_cannot_be_written_is_told_before_the_first_request(run: Run, tmp_path: Path) -> None:
    asked: list[str] = []

    def noting(method: str, path: str, sent: dict[str, str], body: bytes) -> Any:
        asked.append(path)
        return answer(method, path, sent, body)

    (tmp_path / "file").write_text("no folder")
    for option in ("--junit", "--json", "--html"):
        status, _, err = verify(run, "--only", CASE, option, str(tmp_path / "file" / "x"), served_by=noting)
        assert status == ExitCode.USAGE
        assert f"'{option}'" in err
    assert not asked


def test_a_report_in_a_folder_that_is_not_there_is_written(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "dir" / "that" / "does" / "not" / "exist" / "x.xml"
    status, _, _ = verify(run, "--only", CASE, "--junit", str(path))
    assert status == ExitCode.PROVEN
    assert ET.parse(path).getroot().get("failures") == "0"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this machine has no device that is always full")
def test_a_report_that_finds_no_room_is_not_lost(run: Run) -> None:
    status, out, err = verify(run, "--only", CASE, "--junit", "/dev/full")
    assert status == ExitCode.MACHINE
    assert "Proven: 1 passed" in out
    named = re.search(r"/dev/full cannot be written .*: the report is in (\S+)", err)
    assert named is not None, err
    kept = Path(named[1])
    assert ET.parse(kept).getroot().get("failures") == "0"
    kept.unlink()
    # A verdict counts more.
    status, _, err = verify(run, "--only", "always.retry-after", "--only", CASE, "--junit", "/dev/full")
    assert status == ExitCode.FAILED
    Path(str(re.search(r"the report is in (\S+)", err)[1])).unlink()  # type: ignore[index]


def test_a_dry_run_asks_for_nothing_but_the_balance(run: Run) -> None:
    asked: list[str] = []

    def noting(method: str, path: str, sent: dict[str, str], body: bytes) -> Any:
        asked.append(f"{method} {path}")
        return answer(method, path, sent, body)

    status, out, _ = verify(run, "--only", CASE, "--dry-run", served_by=noting)
    assert status == 0
    assert "at most 1 credits; the key has 50" in out
    assert [one for one in asked if "/_mock" not in one] == ["GET /v1/balance"]


@pytest.mark.parametrize("words", [("--max-credits", "0"), ()])
def test_it_does_not_begin_what_could_cost_too_much(run: Run, words: tuple[str, ...]) -> None:
    posts: list[str] = []

    def poor(method: str, path: str, sent: dict[str, str], body: bytes) -> Any:
        if method == "POST":
            posts.append(path)
        return as_json(200, {"credits": 0 if not words else 50})

    status, out, err = verify(run, "--only", CASE, *words, served_by=poor)
    assert status == ExitCode.OVER_BUDGET
    assert out == ""
    assert "could cost 1 credits" in err
    assert not posts


def test_it_stops_at_the_budget_where_it_may(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "json"
    status, _, _ = verify(run, "--only", "asynchronous", "--max-credits", "1", "--partial", "--json", str(file))
    told = json.loads(file.read_text())
    spent = sum(case["credits"] for case in told["cases"])
    assert spent <= 1
    assert told["counts"]["not run"] >= 1
    assert status in (ExitCode.FAILED, ExitCode.TOO_LITTLE_SEEN)


def test_too_little_seen_is_no_proof(run: Run) -> None:
    """Nothing fails where hardly anything is asked for; that proves nothing."""
    needy = next(case for case in all_cases() if case.needs)
    status, out, _ = verify(run, "--only", needy.id)
    assert status == ExitCode.TOO_LITTLE_SEEN
    assert "The provider was asked nothing." in out
    assert "Not proven" in out


def test_the_groups_help_has_a_line_for_each_command_and_every_command_is_there(run: Run) -> None:
    status, out, _ = run("--help")
    assert status == 0
    for name in contract.list_commands(click.Context(contract)):
        command = contract.get_command(click.Context(contract), name)
        assert command is not None
        assert command.name == name
        assert re.search(rf"^  {name} +{re.escape(str(command.short_help))}$", out, re.MULTILINE)


def test_help_tells_every_exit_code(run: Run) -> None:
    status, out, _ = run("verify", "--help")
    assert status == 0
    for code in ExitCode:
        if code is not ExitCode.INTERRUPTED:
            assert re.search(rf"^ +{code.value}  \w", out, re.MULTILINE)


def test_cases_are_listed(run: Run) -> None:
    status, out, _ = run("cases")
    assert status == 0
    assert CASE in out
    _, out, _ = run("cases", "--json", "--only", CASE)
    (case,) = json.loads(out)
    assert (case["credits"], case["severity"]) == (1, "critical")
    assert case["sentence"].startswith("Given ")
