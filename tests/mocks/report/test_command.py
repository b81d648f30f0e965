"""`outpaint mock report` against a mock that runs, and the fixture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
from click.testing import CliRunner, Result

from outpaint.functions.command_line.exit_codes import ExitCode
from outpaint.mocks.mock_command import mock
from outpaint.mocks.transports.tcp_server import ServedWorld, thread_server
from outpaint.mocks.world.world import World

pytest_plugins = ["pytester"]


@pytest.fixture(scope="module")
def served() -> Iterator[ServedWorld]:
    with thread_server() as server, server.serving(World("checkout")) as world:
        yield world


@pytest.fixture(autouse=True)
def _fresh(served: ServedWorld) -> None:
    served.world.reset()


def call(served: ServedWorld, path: str = "/balance") -> None:
    httpx.get(f"{served.base_url}{path}", headers={"X-Picsart-API-Key": "anyone"}, trust_env=False)


def report(served: ServedWorld, *words: str, world: str = "checkout") -> Result:
    server = served.url.partition("/t/")[0]
    return CliRunner().invoke(mock, ["report", "--url", server, "--world", world, *words])


def test_a_client_that_behaves_ends_it_with_0(served: ServedWorld) -> None:
    call(served)
    result = report(served)
    assert result.exit_code == 0, result.output
    assert "world checkout: passed" in result.output


def test_a_client_that_does_not_ends_it_with_1_and_every_file_is_written(served: ServedWorld, tmp_path: Path) -> None:
    call(served, "/balance?api_key=secret")
    files = {form: tmp_path / f"report.{form}" for form in ("junit", "json", "html")}
    result = report(served, *(word for form, path in files.items() for word in (f"--{form}", str(path))))
    assert result.exit_code == 1
    assert "FAIL  key_in_header" in result.output
    assert json.loads(files["json"].read_text())["verdict"] == "failed"
    assert ET.parse(files["junit"]).find(".//failure") is not None
    assert "Broken rules" in files["html"].read_text()


def test_a_check_is_ignored_by_its_code(served: ServedWorld) -> None:
    call(served, "/balance?api_key=secret")
    assert report(served, "--ignore", "key_in_header").exit_code == 0
    wrong = report(served, "--ignore", "keys")
    assert wrong.exit_code == 2
    assert "there is no check keys" in wrong.output


def test_warnings_fail_a_strict_one(served: ServedWorld) -> None:
    body = {"image_url": "https://example.com/a.png", "prompt": "x", "colour": "red"}
    headers = {"X-Picsart-API-Key": "anyone"}
    httpx.post(f"{served.base_url}/painting/outpaint", json=body, headers=headers, trust_env=False)
    assert report(served).exit_code == 0
    assert report(served, "--strict").exit_code == 1


def test_no_call_at_all_is_no_success_and_no_fault_of_a_client(served: ServedWorld) -> None:
    result = report(served)
    assert result.exit_code == ExitCode.TOO_LITTLE_SEEN
    assert "nothing was judged" in result.output


def test_a_world_that_is_not_there_is_told(served: ServedWorld) -> None:
    result = report(served, world="elsewhere")
    assert result.exit_code == ExitCode.USAGE
    assert "there is no world elsewhere" in result.output


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1:9", ExitCode.UNREACHABLE),
        ("nonsense", ExitCode.USAGE),
        ("http://[", ExitCode.UNREACHABLE),  # a host that no name server knows
        ("", ExitCode.USAGE),
    ],
)
def test_a_mock_that_is_not_there_is_no_client_that_misbehaves(url: str, code: ExitCode) -> None:
    result = CliRunner().invoke(mock, ["report", "--url", url])
    assert result.exit_code == code, result.output
    assert "`outpaint mock` running" in result.output


def test_a_server_that_is_no_mock_is_told(served: ServedWorld) -> None:
    server = served.url.partition("/t/")[0]
    result = CliRunner().invoke(mock, ["report", "--url", f"{server}/t/checkout/nothing"])
    assert result.exit_code == ExitCode.NOT_THIS_API
    assert "Error: " in result.output


def test_a_mock_that_may_not_be_asked_is_told(served: ServedWorld) -> None:
    # A name that leads to this machine and is not its own (docs/adr/0024).
    url = served.url.partition("/t/")[0].replace("127.0.0.1", "0.0.0.0")
    result = CliRunner().invoke(mock, ["report", "--url", url])
    assert result.exit_code == ExitCode.KEY_REFUSED, result.output


def test_the_verdict_is_printed_though_a_report_finds_no_room(served: ServedWorld, tmp_path: Path) -> None:
    call(served)
    refused = report(served, "--junit", str(tmp_path))
    assert refused.exit_code == ExitCode.USAGE
    nested = tmp_path / "not" / "there" / "report.xml"
    assert report(served, "--junit", str(nested)).exit_code == ExitCode.PROVEN
    assert ET.parse(nested).getroot().get("failures") == "0"


def test_the_fixture_judges_the_tests_own_calls(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import httpx
        import pytest

        def client(url):
            return httpx.get(url, headers={"X-Picsart-API-Key": "anyone"})

        def test_good(outpaint_api, outpaint_report):
            client("https://genai-api.picsart.io/v1/balance")
            outpaint_report().assert_passed(strict=True)

        def test_bad(outpaint_api, outpaint_report):
            client("https://genai-api.picsart.io/v1/balance?api_key=anyone")
            with pytest.raises(AssertionError, match="error key_in_header"):
                outpaint_report().assert_passed()
        """
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)
