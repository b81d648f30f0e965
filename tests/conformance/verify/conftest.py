"""Providers made up for the runner's own tests: deliberately broken ones, in process and over TCP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import Case, Severity
from outpaint.conformance.proving.clauses import Clause, Origin
from outpaint.conformance.proving.expectations import NotOffered
from outpaint.conformance.proving.provider import Need
from outpaint.contracts import paths_and_headers
from outpaint.contracts.errors import ErrorCode

CLAUSE = Clause("made-up.clause", "It is so.", "nowhere", Origin.VENDOR)
GOOD_HEADERS = {
    paths_and_headers.CORRELATION_ID: "c7a1de94-52c6-4a3f-8a5e-1f4d7f0f9b21",
    paths_and_headers.RATE_LIMIT: "500",
    paths_and_headers.RATE_AVAILABLE: "499",
    paths_and_headers.RATE_RESET: "12",
    paths_and_headers.CREDIT_AVAILABLE: "100",
    "Cache-Control": "no-store",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": ", ".join(paths_and_headers.EXPOSED),
}


def made_up(
    id_: str = "area.name",
    act: Callable[[Api], Any] = lambda api: api.get("/v1/balance"),
    *,
    needs: frozenset[Need] = frozenset(),
    credits: int = 0,  # noqa: A002 - the field's word
    watches_account: bool = False,
    severity: Severity = Severity.MAJOR,
    guards: Clause = CLAUSE,
) -> Case:
    """A case that no area registered."""
    return Case(
        id=id_,
        guards=guards,
        given="something",
        when="something happens",
        then="something is so",
        severity=severity,
        needs=needs,
        credits=credits,
        seconds=0.0,
        watches_account=watches_account,
        act=act,
        family=id_.partition("[")[0],
        values={},
    )


def balance(_: httpx.Request) -> httpx.Response:
    """A proper answer to a look at the balance."""
    return httpx.Response(200, json={"credits": 100}, headers=GOOD_HEADERS)


class MadeUpProvider:
    """Answers by a function; offers nothing but what it is told to."""

    poll_pause = 0.0
    longest_wait = paths_and_headers.MAX_WAIT

    def __init__(
        self,
        answer: Callable[[httpx.Request], httpx.Response] = balance,
        *,
        name: str = "https://made-up.test",
        offers: frozenset[Need] = frozenset(),
        shares_account: bool = False,
        key: str = "a-key-of-some-length",
    ) -> None:
        self.name = name
        self.offers = offers
        self.shares_account = shares_account
        self._answer = answer
        self._key = key

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._answer), base_url="https://made-up.test")

    def key(self, balance: int = 100) -> str:
        return self._key

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: Any, **__: Any) -> Any:
            raise NotOffered(f"{name} is not offered")

        return refuse


Answered = tuple[int, dict[str, str], bytes]


@contextmanager
def served(answer: Callable[[str, str, dict[str, str], bytes], Answered]) -> Iterator[str]:
    """A server on a loopback port that answers by a function of method, path, headers and body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sent = {name.lower(): value for name, value in self.headers.items()}
            status, told, content = answer(self.command, self.path, sent, body)
            self.send_response(status)
            for name, value in told.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_OPTIONS = _any  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass  # clients that leave early are part of the tests

    with Quiet(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def as_json(status: int, document: Any, **extra: str) -> Answered:
    """An answer in JSON with all the headers of a proper one."""
    return status, GOOD_HEADERS | {"Content-Type": "application/json"} | extra, json.dumps(document).encode()


def error_of(code: ErrorCode, status: int, message: str, detail: str = "it is so") -> dict[str, Any]:
    """An error's body."""
    return {"status": "error", "detail": detail, "message": message, "code": status, "error_code": code.value}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """`outpaint contract ...` in this process: its exit code, stdout and stderr."""
    monkeypatch.delenv("OUTPAINT_KEY", raising=False)
    monkeypatch.delenv("OUTPAINT_SECOND_KEY", raising=False)

    def run(*words: str) -> tuple[int, str, str]:
        from outpaint.functions.command_line.entry import main

        monkeypatch.setattr("sys.argv", ["outpaint", "contract", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run
