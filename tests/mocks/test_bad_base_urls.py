"""Whichever command of `outpaint contract` is given a bad base URL, it ends as `verify` does, in the same words."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from outpaint.conformance.contract_command import contract
from outpaint.conformance.drift.recording_file import Recording
from outpaint.conformance.pact_check import pact_verifying
from outpaint.conformance.verify import reachability
from outpaint.functions.command_line.exit_codes import ExitCode

KEY = "a-key-of-some-length"
HTML = {"Content-Type": "text/html"}
JSON = {"Content-Type": "application/json"}
Answered = tuple[int, dict[str, str], bytes]


def refusal(status: int, detail: str) -> Answered:
    return status, JSON, json.dumps({"detail": detail, "code": status}).encode()


ANSWERS: dict[str, tuple[Answered, ExitCode]] = {
    "a web page": ((200, HTML, b"<!doctype html><title>Welcome</title>"), ExitCode.NOT_THIS_API),
    "no page": ((404, HTML, b"<h1>Not Found</h1>"), ExitCode.NOT_THIS_API),
    "a gateway's page": ((502, HTML, b"<h1>Bad Gateway</h1>"), ExitCode.NOT_THIS_API),
    "a redirect": ((301, {"Location": "https://elsewhere.test/v1/balance"}, b""), ExitCode.NOT_THIS_API),
    "another API": ((200, JSON, b'{"balance": 5}'), ExitCode.NOT_THIS_API),
    "another API's 404": (refusal(404, "no such thing"), ExitCode.NOT_THIS_API),
    "an unknown key": (refusal(401, "who is that"), ExitCode.KEY_REFUSED),
    "a refused key": (refusal(403, f"{KEY}\nis not\nwelcome"), ExitCode.KEY_REFUSED),
    "not now": (refusal(503, "come back later"), ExitCode.UNREACHABLE),
}
NO_BASE_URLS = (
    "127.0.0.1:8080",
    "ftp://provider.test",
    "http://",
    "http://user:word@provider.test",
    "http://h.test/?a=1",
)


@contextmanager
def answering(answer: Answered) -> Iterator[str]:
    """A server that says the same to every GET."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def silent() -> Iterator[str]:
    """A port where connections are taken and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def contract_(*words: object) -> Result:
    return CliRunner().invoke(contract, [str(word) for word in words], catch_exceptions=False)


Ask = Callable[[str], Result]
COMMANDS = ("pact verify", "drift", "record", "record without a key", "pact write")


@pytest.fixture
def ask(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs the command that the test names at a base URL; it must leave nothing behind."""
    monkeypatch.setenv("THE_KEY", KEY)
    pact, recording, out = (tmp_path / name for name in ("pact.json", "recording.json", "out.json"))
    names = {"consumer": {"name": "shop"}, "provider": {"name": "outpaint"}}
    balance = {"request": {"method": "GET", "path": "/v1/balance"}, "response": {"status": 401}}
    pact.write_text(json.dumps(names | {"interactions": [balance]}))
    Recording(upstream="https://h.test", recorded_at="2026-01-01T00:00:00+00:00", exchanges=()).write(recording)
    recording_at = ("--port", "0", "--out", out, "--upstream")
    words = {
        "pact verify": ("pact", "verify", pact, "--api-key", KEY, "--base-url"),
        "drift": ("drift", recording, "--api-key", KEY, "--against"),
        "record": ("record", "--key-env", "THE_KEY", *recording_at),
        "record without a key": ("record", *recording_at),
        "pact write": ("pact", "write", out, "--consumer", "shop", "--url"),
    }[request.param]

    def ask(base_url: str) -> Result:
        found = contract_(*words, base_url)
        assert not out.exists()
        assert found.stdout == ""
        assert found.stderr.startswith("Error: ")
        assert found.stderr.count("\n") == 1, found.stderr
        assert KEY not in found.stderr
        return found

    return ask


def as_verify_says(found: Result, base_url: str, exit_code: ExitCode) -> None:
    wanted = contract_("verify", "--base-url", base_url, "--api-key", KEY)
    assert (wanted.exit_code, found.exit_code) == (exit_code, exit_code)
    assert found.stderr == wanted.stderr


@pytest.mark.parametrize("ask", COMMANDS[:3], indirect=True)
@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_not_this_api_or_needs_another_key(ask: Ask, answer: str) -> None:
    answered, exit_code = ANSWERS[answer]
    with answering(answered) as url:
        as_verify_says(ask(f"{url}/v1"), f"{url}/v1", exit_code)


@pytest.mark.parametrize("ask", COMMANDS, indirect=True)
def test_what_is_not_there(ask: Ask) -> None:
    with silent() as url:
        pass
    as_verify_says(ask(url), url, ExitCode.UNREACHABLE)


@pytest.mark.parametrize("ask", COMMANDS, indirect=True)
@pytest.mark.parametrize("url", NO_BASE_URLS)
def test_what_is_no_base_url(ask: Ask, url: str) -> None:
    as_verify_says(ask(url), url, ExitCode.USAGE)


@pytest.mark.parametrize("ask", ["record without a key"], indirect=True)
@pytest.mark.parametrize("answer", ["a web page", "no page", "a gateway's page", "a redirect"])
def test_what_shows_without_a_key_too(ask: Ask, answer: str) -> None:
    answered, exit_code = ANSWERS[answer]
    with answering(answered) as url:
        as_verify_says(ask(url), url, exit_code)


@pytest.mark.parametrize("ask", ["pact write"], indirect=True)
@pytest.mark.parametrize("answer", ["a web page", "no page", "a gateway's page", "a redirect", "another API"])
def test_what_is_no_mock(ask: Ask, answer: str) -> None:
    with answering(ANSWERS[answer][0]) as url:
        assert ask(url).exit_code == ExitCode.NOT_THIS_API


@pytest.mark.parametrize("ask", ["pact verify"], indirect=True)
def test_what_hangs(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pact_verifying, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(pact_verifying, "balance_at", partial(reachability.balance_at, patience=0.2))
    with silent() as url:
        found = ask(url)
    assert found.exit_code == ExitCode.UNREACHABLE
    assert found.stderr == f"Error: {url} does not answer: nothing whole came within 0.2 seconds\n"
