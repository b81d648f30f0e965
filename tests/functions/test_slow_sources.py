"""Addresses whose servers are slow, over TCP: they hold up their own requests, and nobody else's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.adapters.fetch import SafeFetch
from outpaint.functions.embedded.fetch_pool import FetchPool
from outpaint.functions.embedded.host import open_host
from outpaint.functions.embedded.memory_ledger import MemoryLedger
from outpaint.functions.embedded.server import serving
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.embedded.starting_keys import StartingKeys
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account
from outpaint.painting.painters.flat import FlatPainter

_LONG_S = 30.0


class SlowSource:
    """A web server whose pictures come when it is told so; `begun` is released once for each that was asked for."""

    def __init__(self, picture: bytes) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self.asked: list[str] = []
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source.asked.append(self.path)
                if self.path != "/quick":
                    source.begun.release()
                    assert source.go.wait(_LONG_S)
                self.send_response(200)
                self.send_header("Content-Length", str(len(picture)))
                self.end_headers()
                self.wfile.write(picture)

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def wait_for(self, count: int) -> None:
        """Wait until so many more slow pictures were asked for."""
        for _ in range(count):
            assert self.begun.acquire(timeout=_LONG_S)

    @contextmanager
    def running(self) -> Iterator[SlowSource]:
        self._thread.start()
        try:
            yield self
        finally:
            self.go.set()
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


class Kit:
    """A server, its accounts `dev`, `other` and `poor`, and the slow source."""

    def __init__(self, url: str, source: SlowSource, clients: ThreadPoolExecutor) -> None:
        self._url = url
        self.source = source
        self._clients = clients

    def client(self, key: str = "dev") -> httpx.Client:
        return httpx.Client(base_url=self._url, headers={API_KEY: key}, timeout=_LONG_S, verify=False)

    def by_address(self, path: str, key: str = "dev") -> httpx.Response:
        with self.client(key) as client:
            body = {"image_url": self.source.url + path, "prompt": "a lake", "mode": "async", "count": 1}
            return client.post("/v1/painting/outpaint", json=body)

    def send(self, path: str, key: str = "dev") -> Future[httpx.Response]:
        return self._clients.submit(self.by_address, path, key)


@contextmanager
def _served(picture: bytes, **limits: int) -> Iterator[Kit]:
    with (
        ThreadPoolExecutor(64) as clients,
        SlowSource(picture).running() as source,
        open_host(
            [FlatPainter()],
            fetch=SafeFetch(insecure=True),
            limits=ServerLimits(**limits),
            keys=StartingKeys(development=True),
        ) as host,
        serving(host.asgi) as url,
    ):
        accounts = host.service.accounts
        assert isinstance(accounts, MemoryLedger)
        accounts.add_account(Account("other", "other", 100), key_digest("other"))
        accounts.add_account(Account("poor", "poor", 0), key_digest("poor"))
        try:
            yield Kit(url, source, clients)
        finally:
            source.go.set()


def test_slow_sources_delay_no_download_no_poll_and_no_submit(cut_out: bytes) -> None:
    # One more than there are threads for requests.
    slow = 33
    with _served(cut_out, fetches_at_a_time=slow, fetches_per_account=slow) as kit, kit.client() as client:
        waiting = [kit.send("/slow") for _ in range(slow)]
        kit.source.wait_for(slow)
        form = {"prompt": (None, "a lake"), "count": (None, "1"), "image": ("a.png", cut_out)}
        finished = client.post("/v1/painting/outpaint", files=form)
        assert finished.status_code == 200, finished.text
        body = finished.json()
        assert client.get(f"/v1/painting/{body['inference_id']}").status_code == 200
        assert client.get(body["data"][0]["url"]).status_code == 200
        assert client.get("/health").status_code == 200
        assert not any(one.done() for one in waiting)
        kit.source.go.set()
        assert {one.result(_LONG_S).status_code for one in waiting} == {202}


def test_one_accounts_slow_sources_leave_room_for_anothers(cut_out: bytes) -> None:
    with _served(cut_out, fetches_at_a_time=3, fetches_per_account=2) as kit:
        waiting = [kit.send(f"/slow{number}") for number in range(5)]
        kit.source.wait_for(2)
        assert kit.send("/quick", "other").result(_LONG_S).status_code == 202
        assert len(kit.source.asked) == 3  # no more of the first account's than its share
        assert not any(one.done() for one in waiting)
        kit.source.go.set()
        assert {one.result(_LONG_S).status_code for one in waiting} == {202}


def test_more_than_may_wait_are_told_to_come_back(cut_out: bytes) -> None:
    limits = {"fetches_per_account": 1, "fetches_waiting_per_account": 0}
    with _served(cut_out, **limits) as kit, kit.client() as client:
        first = kit.send("/slow")
        kit.source.wait_for(1)
        refused = kit.by_address("/quick")
        assert (refused.status_code, refused.json()["error_code"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        assert client.get("/v1/balance").json() == {"credits": 1000}
        assert kit.source.asked == ["/slow"]
        kit.source.go.set()
        assert first.result(_LONG_S).status_code == 202
        assert kit.by_address("/quick").status_code == 202


def test_who_cannot_pay_or_has_paid_before_waits_for_no_source(cut_out: bytes) -> None:
    limits = {"fetches_per_account": 1, "fetches_waiting_per_account": 0}
    with _served(cut_out, **limits) as kit, kit.client() as client:
        again = {"Idempotency-Key": "the-same"}
        body = {"image_url": kit.source.url + "/quick", "prompt": "a lake", "mode": "async", "count": 1}
        assert client.post("/v1/painting/outpaint", json=body, headers=again).status_code == 202
        first = kit.send("/slow")
        kit.source.wait_for(1)
        # Neither has a turn to wait for.
        replayed = client.post("/v1/painting/outpaint", json=body, headers=again)
        assert replayed.headers["Idempotent-Replayed"] == "true"
        assert kit.by_address("/quick", "poor").status_code == 402
        assert kit.source.asked == ["/quick", "/slow"]
        kit.source.go.set()
        assert first.result(_LONG_S).status_code == 202


# Turns, without a server


def _limits(at_a_time: int, per_account: int, waiting: int = 64) -> ServerLimits:
    return ServerLimits(
        fetches_at_a_time=at_a_time, fetches_per_account=per_account, fetches_waiting_per_account=waiting
    )


def test_turns_go_round_among_the_accounts_that_wait() -> None:
    order: list[str] = []

    async def scenario() -> None:
        pool = FetchPool(_limits(1, 1))
        go = threading.Event()
        first = asyncio.ensure_future(pool.run("ann", lambda: go.wait(_LONG_S), _LONG_S))
        await asyncio.sleep(0)
        waiting = []
        for account in ("ann", "ann", "ann", "bob", "bob", "cy"):
            waiting.append(asyncio.ensure_future(pool.run(account, lambda name=account: order.append(name), _LONG_S)))
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(first, *waiting)
        pool.close()

    asyncio.run(scenario())
    assert order == ["ann", "bob", "cy", "ann", "bob", "ann"]


def test_who_waited_too_long_is_refused_and_leaves_its_place_to_others() -> None:
    async def scenario() -> list[object]:
        pool = FetchPool(_limits(1, 1))
        go = threading.Event()
        first = asyncio.ensure_future(pool.run("ann", lambda: go.wait(_LONG_S), _LONG_S))
        await asyncio.sleep(0)
        impatient = asyncio.ensure_future(pool.run("ann", lambda: "never", 0.0))
        patient = asyncio.ensure_future(pool.run("ann", lambda: "in its turn", _LONG_S))
        with pytest.raises(OutpaintError) as refused:
            await impatient
        go.set()
        await first
        outcome = [refused.value.code, await patient, await pool.run("ann", lambda: "at once", 0.0)]
        pool.close()
        return outcome

    assert asyncio.run(scenario()) == [ErrorCode.UNAVAILABLE, "in its turn", "at once"]


def test_work_that_breaks_gives_its_place_back() -> None:
    async def scenario() -> str:
        pool = FetchPool(_limits(1, 1))
        with pytest.raises(ZeroDivisionError):
            await pool.run("ann", lambda: 1 // 0, 0.0)
        found = await pool.run("ann", lambda: "next", 0.0)
        pool.close()
        return found

    assert asyncio.run(scenario()) == "next"
