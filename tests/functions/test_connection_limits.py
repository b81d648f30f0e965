"""What a client may take of a server over TCP: heads, connections, bodies in flight, answers that it does not read."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx
import pytest
from functions.raw_connections import Answer, ask, connection_to, is_closed

from outpaint.conformance.drift.recorder import RecordingHost
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.embedded.asgi import PooledHost
from outpaint.functions.embedded.bounded_connection import BoundedConnection
from outpaint.functions.embedded.client_addresses import TrustedProxies
from outpaint.functions.embedded.host import open_host
from outpaint.functions.embedded.server import serving
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.embedded.starting_keys import StartingKeys
from outpaint.functions.http.messages import Response
from outpaint.mocks.sagemaker.sagemaker_mock import SageMakerMock
from outpaint.mocks.sagemaker.sagemaker_server import RuntimeConnection, RuntimeHost
from outpaint.mocks.transports.tcp_connection import MockConnection
from outpaint.mocks.transports.tcp_server import MockHost
from outpaint.mocks.world.world import Studio
from outpaint.mocks.world.world_options import WorldOptions
from outpaint.mocks.world.worlds import Worlds
from outpaint.painting.painters.flat import FlatPainter

KEY = f"Host: localhost\r\n{API_KEY}: dev\r\n"
GET = f"GET /v1/balance HTTP/1.1\r\n{KEY}\r\n"
POST = f"POST /v1/painting/outpaint HTTP/1.1\r\n{KEY}Content-Type: application/json\r\n"
BIG = 8 * 1024 * 1024
"""Twice what the system holds of an answer that its client does not read."""


class Served:
    """A host and where it is served."""

    def __init__(self, app: PooledHost, url: str) -> None:
        self.app = app
        self.url = url


@contextmanager
def _embedded(limits: ServerLimits, proxies: TrustedProxies) -> Iterator[Served]:
    keys = StartingKeys(development=True)
    with open_host([FlatPainter()], limits=limits, proxies=proxies, keys=keys) as host, serving(host.asgi) as url:
        yield Served(host.asgi, url)


@contextmanager
def _pooled(app: Any, connection: type[BoundedConnection]) -> Iterator[Served]:
    with ExitStack() as stack:
        stack.callback(app.close)
        yield Served(app, stack.enter_context(serving(app, connection=connection)))


def _mock(limits: ServerLimits, proxies: TrustedProxies) -> Any:
    options, studio = WorldOptions(clock="ticking").checked(), Studio()
    worlds = Worlds(lambda name: options.world(name, studio))
    return _pooled(MockHost(worlds, limits=limits, proxies=proxies), MockConnection)


HOSTS: dict[str, Callable[[ServerLimits, TrustedProxies], Any]] = {"serve": _embedded, "mock": _mock}


@pytest.fixture(params=HOSTS)
def served(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """What serves a host with these limits for as long as a block runs: `serve`'s and the mock's."""

    def start(proxies: str = "", **limits: float) -> Any:
        return HOSTS[request.param](ServerLimits.model_validate(limits), TrustedProxies.of(proxies))

    return start


@pytest.fixture(scope="module", params=HOSTS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where `serve`'s host and the mock's are, under their usual limits."""
    with HOSTS[request.param](ServerLimits(), TrustedProxies()) as here:
        yield here.url


@pytest.fixture(scope="module", params=[*HOSTS, "mock-admin", "mock-world", "sagemaker", "recorder"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A server, and a path that it has: every server of ours there is, under its usual limits."""
    limits, proxies = ServerLimits(), TrustedProxies()
    started, path = {
        "serve": (_embedded, "/v1/balance"),
        "mock": (_mock, "/v1/balance"),
        "mock-admin": (_mock, "/_mock/calls"),
        "mock-world": (_mock, "/t/other/v1/balance"),
        "sagemaker": (lambda *_: _pooled(RuntimeHost(SageMakerMock()), RuntimeConnection), "/_mock/endpoints"),
        "recorder": (lambda *_: _pooled(RecordingHost(_NoUpstream()), BoundedConnection), "/v1/balance"),  # type: ignore[arg-type]
    }[request.param]
    with started(limits, proxies) as served:
        yield served.url, path


class _NoUpstream:
    """A recorder that answers by itself."""

    def handle(self, _: Any) -> Response:
        return Response(200, (("Content-Length", "0"),))


class TestHeads:
    @pytest.mark.parametrize(
        "lines",
        [
            ["Cookie: " + "x" * 140_000, "Idempotency-Key: k"],
            [f"X-{n}: {'x' * 20}" for n in range(6000)],
            [f"X-{n}: x" for n in range(300)],
            ["x" * 140_000 + ": x"],
        ],
        ids=["a-large-cookie", "many-fields-of-many-bytes", "many-small-fields", "a-large-name"],
    )
    def test_over_the_limit_are_431_everywhere(self, place: tuple[str, str], lines: list[str]) -> None:
        url, path = place
        with connection_to(url) as connected:
            answer = ask(connected, "\r\n".join([f"GET {path} HTTP/1.1", f"{KEY}X: x", *lines, "", ""]))
            assert answer.status == 431
            assert answer.headers["connection"] == "close"
            assert is_closed(connected)

    def test_with_a_large_request_line_are_431_everywhere(self, place: tuple[str, str]) -> None:
        url, path = place
        with connection_to(url) as connected:
            assert ask(connected, f"GET {path}?{'x' * 140_000} HTTP/1.1\r\n{KEY}\r\n").status == 431

    @pytest.mark.parametrize("piece", [b"x" * 65536, b"x: " + b"x" * 9_000 + b"\r\n"], ids=["one-field", "fields"])
    def test_without_end_are_431_and_their_client_is_closed(self, place: tuple[str, str], piece: bytes) -> None:
        """httptools keeps a field until its end: what is counted are the bytes as they come."""
        url, path = place
        with connection_to(url) as connected:
            connected.sendall(f"GET {path} HTTP/1.1\r\n{KEY}X: ".encode())
            for _ in range(200):
                connected.sendall(piece)
            assert Answer(connected).status == 431
            assert is_closed(connected)

    def test_under_the_limit_are_taken_beside_a_large_body(self, served: Callable[..., Any]) -> None:
        with served(head_bytes=2048) as here, connection_to(here.url) as connected:
            for _ in range(2):
                connected.sendall(f"{POST}X: {'x' * 1500}\r\nContent-Length: 300000\r\n\r\n".encode() + b" " * 300_000)
                assert Answer(connected).status == 400

    def test_trailers_are_no_headers(self, url: str) -> None:
        head = "POST /v1/painting/outpaint HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        with connection_to(url) as connected:
            answer = ask(
                connected,
                f"{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n{API_KEY}: dev\r\n\r\n",
            )
            assert (answer.status, answer.code) == (401, "missing_key")

    def test_trailers_without_end_are_431(self, url: str) -> None:
        with connection_to(url) as connected:
            connected.sendall(f"{POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nX: ".encode())
            for _ in range(20):
                connected.sendall(b"x" * 65536)
            assert Answer(connected).status == 431
            assert is_closed(connected)

    def test_a_refusal_comes_after_the_answers_before_it(self, url: str) -> None:
        with connection_to(url) as connected:
            connected.sendall((GET + GET + "GET / HTTP/1.1\r\n" + f"X: {'x' * 140_000}\r\n\r\n" + GET).encode())
            assert [Answer(connected).status for _ in range(3)] == [200, 200, 431]
            assert is_closed(connected)


class TestSmallPrint:
    @pytest.mark.parametrize(
        "head",
        [
            f"GET /v1/balance HTTP/1.1\r\n{API_KEY}: dev\r\n\r\n",
            f"GET /v1/balance HTTP/1.1\r\n{KEY}Host: localhost\r\n\r\n",
            f"GET /v1/balance HTTP/1.1\r\n{KEY}host: y\r\n\r\n",
            f"GET /v1/balance HTTP/1.0\r\n{KEY}Host: y\r\n\r\n",
            f"CONNECT x:80 HTTP/1.1\r\n{KEY}\r\n",
            f"GET /v1/balance HTTP/1.1\r\n{KEY}X : x\r\n\r\n",
            f"GET /v1/balance HTTP/1.1\r\n{KEY}X: x\r\n folded\r\n\r\n",
            f"GET /v1/balance HTTP/1.1\r\n {KEY}\r\n",
            f"GET /v1/balance HTTP/1.1\r\n{KEY}X: a\0b\r\n\r\n",
            f"GET /v1/balance HTTP/1.1\r\n{KEY}X\0: b\r\n\r\n",
            f"GET /v1/balance HTTP/1.1\r\n{KEY}X: a\rb\r\n\r\n",
            f"GET /v1/balance HTTP/1.1\r\n{KEY}: b\r\n\r\n",
            f"GET /v1/balance HTTP/1.1\n{KEY}\n",
        ],
        ids=[
            "no-host",
            "two-hosts",
            "two-hosts-in-two-spellings",
            "two-hosts-in-an-old-request",
            "connect",
            "blank-before-colon",
            "folded-line",
            "blank-before-first-field",
            "zero-byte-in-value",
            "zero-byte-in-name",
            "bare-carriage-return",
            "no-name",
            "bare-line-feeds",
        ],
    )
    def test_what_http_forbids_is_400(self, url: str, head: str) -> None:
        with connection_to(url) as connected:
            answer = ask(connected, head)
            assert (answer.status, answer.code) == (400, "malformed_body")
            assert is_closed(connected)

    @pytest.mark.parametrize("name", [API_KEY, "Idempotency-Key", "Content-Type"])
    @pytest.mark.parametrize("values", [("a", "b"), ("a", "a")], ids=["two-values", "one-value"])
    def test_a_field_that_may_be_there_once_is_400_twice(self, url: str, name: str, values: tuple[str, str]) -> None:
        head = POST if name == "Idempotency-Key" else POST.replace(f"{name}: ", "X: ")
        lines = "".join(f"{name if n else name.lower()}: {value}\r\n" for n, value in enumerate(values))
        with connection_to(url) as connected:
            answer = ask(connected, f"{head}{lines}Content-Length: 2\r\n\r\n{{}}")
            assert (answer.status, answer.code) == (400, "malformed_body")
            assert json.loads(answer.body)["field"] == name

    def test_an_old_request_needs_no_host(self, url: str) -> None:
        with connection_to(url) as connected:
            assert ask(connected, "GET /health HTTP/1.0\r\n\r\n").status == 200

    @pytest.mark.parametrize("at", range(1, 28, 3))
    def test_an_offer_to_upgrade_is_passed_over_wherever_it_is_split(self, url: str, at: int) -> None:
        """Were its body taken for another protocol's, the request in it would be answered."""
        offer = "Connection: Upgrade\r\nUpgrade: h2c\r\n"
        with connection_to(url) as connected:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            whole = f"{POST}{offer}Content-Length: {len(GET)}\r\n\r\n{GET}{GET}".encode()
            cut = len(POST) + at
            for part in (whole[:cut], whole[cut : cut + 5], whole[cut + 5 :]):
                connected.sendall(part)
                time.sleep(0.003)  # so that the parts arrive apart
            answer = Answer(connected)
            assert (answer.status, answer.code) == (400, "malformed_body")
            assert Answer(connected).status == 200

    def test_pipelined_offers_to_upgrade_are_passed_over(self, url: str) -> None:
        offer = "Connection: Upgrade\r\nUpgrade: h2c\r\n"
        chunked = f"{POST}{offer}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        with connection_to(url) as connected:
            connected.sendall((GET[:-2] + offer + "\r\n" + chunked + GET[:-2] + offer + "\r\n" + GET).encode())
            assert [Answer(connected).status for _ in range(4)] == [200, 400, 200, 200]

    @pytest.mark.parametrize(
        "path",
        [
            "/v1%2Fbalance",
            "/v1%2fbalance",
            "/%2Fv1/balance",
            "/v1/%2e%2e/v1/balance",
            "/v1/%2E/balance",
            "/v1//balance",
        ],
    )
    def test_what_is_encoded_parts_no_path(self, url: str, path: str) -> None:
        with connection_to(url) as connected:
            answer = ask(connected, f"GET {path} HTTP/1.1\r\n{KEY}\r\n")
            assert (answer.status, answer.code) == (404, "unknown_route")


class TestConnections:
    def test_of_one_address_are_limited_and_freed_again(self, served: Callable[..., Any]) -> None:
        with served(connections_per_address=2) as here, ExitStack() as stack, _as_peer("203.0.113.7"):
            two = [stack.enter_context(connection_to(here.url)) for _ in range(2)]
            with connection_to(here.url) as third:
                answer = Answer(third)
                assert (answer.status, answer.code) == (503, "unavailable")
                assert answer.headers["retry-after"]
                assert is_closed(third)
            assert here.app.load.refused_connections == 1
            two[0].close()
            _until(lambda: here.app.load.of_client("203.0.113.7") == 1)
            with connection_to(here.url) as again:
                # Not 503; the key of `serve` is good on this machine only.
                assert ask(again, GET).status in (200, 401)

    def test_of_this_machine_are_not(self, served: Callable[..., Any]) -> None:
        with served(connections_per_address=1) as here, ExitStack() as stack:
            every = [stack.enter_context(connection_to(here.url)) for _ in range(5)]
            assert [ask(each, GET).status for each in every] == [200] * 5

    def test_of_all_together_are_limited(self, served: Callable[..., Any]) -> None:
        with served(connections=3, drain_seconds=0.2) as here, ExitStack() as stack:
            three = [stack.enter_context(connection_to(here.url)) for _ in range(3)]
            assert [ask(each, GET).status for each in three] == [200] * 3
            with connection_to(here.url) as fourth:
                fourth.sendall(GET.encode())
                assert Answer(fourth).status == 503
                assert is_closed(fourth)
            assert ask(three[0], GET).status == 200

    def test_that_are_refused_end_soon_and_cannot_pile_up(self, served: Callable[..., Any]) -> None:
        with served(connections=1, drain_seconds=0.3) as here, ExitStack() as stack:
            assert ask(stack.enter_context(connection_to(here.url)), GET).status == 200
            flood = [stack.enter_context(connection_to(here.url)) for _ in range(80)]
            _until(lambda: here.app.load.refused_connections == 80)
            # Those that are cut off at once are gone when the loop comes round; the others wait for their clients.
            _until(lambda: here.app.load.connections <= 1 + 33, 0.25)
            assert is_closed(flood[-1])
            _until(lambda: here.app.load.connections == 1, 5.0)

    def test_never_take_the_last_files_of_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import resource

        from outpaint.functions.embedded.server_load import ServerLoad

        monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
        assert ServerLoad(ServerLimits()).most_connections == 1024 - 256
        monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert ServerLoad(ServerLimits(connections=7)).most_connections == 7


@contextmanager
def _as_peer(address: str) -> Iterator[None]:
    """Take every connection for one from another address, as only another machine's would be."""
    made = BoundedConnection.connection_made

    class Elsewhere:
        """A transport whose peer is elsewhere."""

        def __init__(self, transport: Any) -> None:
            self._transport = transport

        def get_extra_info(self, name: str, default: Any = None) -> Any:
            if name == "peername":
                return address, 4711
            return None if name == "socket" else self._transport.get_extra_info(name, default)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._transport, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BoundedConnection, "connection_made", lambda self, transport: made(self, Elsewhere(transport)))
        yield


def _until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    for _ in range(int(seconds / 0.005)):
        if holds():
            return
        threading.Event().wait(0.005)
    pytest.fail("it did not come to be")


class TestTrustedProxies:
    FORWARDED = "X-Forwarded-For: {}\r\n"

    def test_say_whose_requests_count(self) -> None:
        """A client's own X-Forwarded-For comes before what the proxy adds, and counts for nothing."""
        limits, proxies = ServerLimits(connections_per_address=2), TrustedProxies.of("127.0.0.1")
        post = f"{POST}Content-Length: 2\r\nX-Forwarded-For: {{}}\r\n\r\n"
        with _mock(limits, proxies) as here, ExitStack() as stack:
            for number in range(2):
                held = stack.enter_context(connection_to(here.url))
                held.sendall(post.format(f"198.51.100.{number}, 203.0.113.7").encode())
            _until(lambda: here.app.load.of_client("203.0.113.7") == 2)
            with connection_to(here.url) as connected:
                connected.sendall((GET[:-2] + self.FORWARDED.format("203.0.113.7") + "\r\n").encode())
                answer = Answer(connected)
                assert (answer.status, answer.code) == (503, "unavailable")
            with connection_to(here.url) as connected:
                other = GET[:-2] + self.FORWARDED.format("203.0.113.8") + "\r\n"
                assert [ask(connected, other).status for _ in range(3)] == [200] * 3
            stack.close()
            _until(lambda: here.app.load.of_client("203.0.113.7") == 0)

    def test_are_nobody_unless_named(self, served: Callable[..., Any]) -> None:
        with served("10.0.0.0/8", connections_per_address=1) as here, ExitStack() as stack:
            for _ in range(3):
                connected = stack.enter_context(connection_to(here.url))
                connected.sendall((GET[:-2] + self.FORWARDED.format("203.0.113.7") + "\r\n").encode())
                assert Answer(connected).status in (200, 401)

    @pytest.mark.parametrize(
        ("host", "path", "status"),
        [("serve", "/v1/balance", 401), ("mock", "/_mock/clock", 403)],
    )
    def test_make_no_request_one_of_this_machine(self, host: str, path: str, status: int) -> None:
        head = f"GET {path} HTTP/1.1\r\n{KEY}"
        with HOSTS[host](ServerLimits(), TrustedProxies.of("127.0.0.1")) as here, connection_to(here.url) as connected:
            assert ask(connected, f"{head}\r\n").status == 200
            for client in ("127.0.0.1", "::1", "203.0.113.7"):
                assert ask(connected, f"{head}{self.FORWARDED.format(client)}\r\n").status == status


class TestBodiesInFlight:
    @pytest.mark.parametrize("limit", ["bodies_in_flight", "bodies_in_flight_per_key"])
    def test_over_the_limit_are_503_before_they_are_read(self, served: Callable[..., Any], limit: str) -> None:
        with served(**{limit: 1000}) as here, connection_to(here.url) as held, connection_to(here.url) as late:
            held.sendall(f"{POST}Content-Length: 600\r\n\r\n".encode())
            _until(lambda: here.app.load.body_bytes == 600)
            answer = ask(late, f"{POST}Content-Length: 500\r\n\r\n")
            assert (answer.status, answer.code) == (503, "unavailable")
            assert answer.headers["retry-after"]
            assert here.app.load.refused_bodies == 1
            late.sendall(b"x" * 500)
            assert ask(late, f"{POST}Content-Length: 300\r\n\r\n" + " " * 300).status == 400
            held.sendall(b" " * 600)
            assert Answer(held).status == 400
            assert here.app.load.body_bytes == 0

    def test_of_one_key_leave_room_for_others(self) -> None:
        limits = ServerLimits(bodies_in_flight=1000, bodies_in_flight_per_key=600)
        with _mock(limits, TrustedProxies()) as here, ExitStack() as stack:
            held, again, other = (stack.enter_context(connection_to(here.url)) for _ in range(3))
            held.sendall(f"{POST}Content-Length: 600\r\n\r\n".encode())
            _until(lambda: here.app.load.body_bytes == 600)
            assert ask(again, f"{POST}Content-Length: 1\r\n\r\n").status == 503
            others = POST.replace("dev", "other")
            assert ask(other, f"{others}Content-Length: 300\r\n\r\n" + " " * 300).status == 400

    def test_in_chunks_count_as_they_come(self, served: Callable[..., Any]) -> None:
        with served(bodies_in_flight=1000) as here, connection_to(here.url) as connected:
            connected.sendall(f"{POST}Transfer-Encoding: chunked\r\n\r\n".encode())
            connected.sendall(b"1f4\r\n" + b" " * 500 + b"\r\n")
            _until(lambda: here.app.load.body_bytes == 500)
            connected.sendall(b"258\r\n" + b" " * 600 + b"\r\n")
            assert Answer(connected).status == 503
            connected.sendall(b"0\r\n\r\n")
            assert here.app.load.body_bytes == 0
            assert ask(connected, GET).status == 200

    @pytest.mark.parametrize("how", ["close", "reset", "garbage", "silence", "too-large"])
    def test_are_let_go_of_however_a_request_ends(self, served: Callable[..., Any], how: str) -> None:
        with served(body_patience=0.2, message_patience=0.2) as here, connection_to(here.url) as connected:
            if how in ("garbage", "too-large"):
                connected.sendall(f"{POST}Transfer-Encoding: chunked\r\n\r\n5\r\n     \r\n".encode())
            else:
                connected.sendall(f"{POST}Content-Length: 600\r\n\r\n ".encode())
            _until(lambda: here.app.load.body_bytes > 0)
            if how == "reset":
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if how in ("close", "reset"):
                connected.close()
            elif how == "garbage":
                assert ask(connected, "no chunk\r\n").status == 400
            elif how == "too-large":
                connected.sendall(b"fffffff\r\n")
            _until(lambda: here.app.load.body_bytes == 0)

    def test_are_let_go_of_while_a_job_is_waited_for(self, cut_out: bytes) -> None:
        request = httpx.Request("POST", "http://x", data={"prompt": "x"}, files={"image": ("a.png", cut_out)})
        body = request.read()
        head = POST.replace("application/json", request.headers["content-type"])
        with _mock(ServerLimits(), TrustedProxies()) as here, connection_to(here.url) as connected:
            connected.sendall(f"{head}X-Mock-Scenario: time(60)\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            _until(lambda: here.app.load.body_bytes == len(body))
            connected.sendall(body)
            _until(lambda: here.app.load.body_bytes == 0)
            connected.settimeout(0.1)
            with pytest.raises(TimeoutError):
                connected.recv(1)


class BigAnswers(PooledHost):
    """Answers every request with the same large body."""

    def __init__(self, **limits: float) -> None:
        super().__init__(1, "big", ServerLimits.model_validate(limits))

    def refusal(self, _: Any) -> Response:
        return Response(503)

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"%d" % BIG)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(BIG)})


@contextmanager
def _slow_client(url: str) -> Iterator[socket.socket]:
    """A connection whose client takes little before it reads."""
    address = httpx.URL(url)
    with socket.socket() as connected:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connected.connect((address.host, address.port))
        connected.settimeout(20)
        yield connected


class TestUnreadAnswers:
    def test_are_dropped_with_a_client_that_does_not_read(self) -> None:
        app = BigAnswers(answer_patience=0.3)
        with _pooled(app, BoundedConnection) as here, _slow_client(here.url) as connected:
            connected.sendall(GET.encode())
            _until(lambda: app.load.unread_bytes > 0)
            _until(lambda: app.load.connections == 0)
            assert (app.load.unread_bytes, app.load.cut_off_readers) == (0, 1)
            # Reset, not closed: a closed connection's kernel would keep megabytes of the answer for minutes.
            with pytest.raises(ConnectionResetError):  # noqa: PT012 - it may have got a part before
                while connected.recv(256 * 1024):
                    pass

    def test_are_dropped_with_a_client_that_drips(self) -> None:
        app = BigAnswers(answer_patience=0.4, answer_rate=100_000_000)
        with _pooled(app, BoundedConnection) as here, _slow_client(here.url) as connected:
            connected.sendall(GET.encode())
            got = 0
            with suppress(ConnectionError):
                while piece := connected.recv(16 * 1024):
                    got += len(piece)
                    threading.Event().wait(0.002)
            assert got < BIG
            assert app.load.cut_off_readers == 1

    def test_are_kept_for_a_client_that_reads(self) -> None:
        app = BigAnswers(answer_patience=0.2)
        with _pooled(app, BoundedConnection) as here, _slow_client(here.url) as connected:
            connected.sendall((GET + GET).encode())
            for _ in range(2):
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += connected.recv(1)
                got = 0
                while got < BIG:
                    got += len(connected.recv(min(256 * 1024, BIG - got)))
            assert app.load.cut_off_readers == 0
            assert app.load.unread_bytes == 0

    def test_over_the_limit_cut_off_the_slowest(self) -> None:
        app = BigAnswers(unread_answers=2 * BIG)
        with _pooled(app, BoundedConnection) as here, ExitStack() as stack:
            for number in range(1, 7):
                stack.enter_context(_slow_client(here.url)).sendall(GET.encode())
                _until(lambda number=number: app.load.slow_readers + app.load.cut_off_readers == number)  # type: ignore[misc]
                _until(lambda: app.load.unread_bytes <= 2 * BIG)
            assert 2 <= app.load.cut_off_readers <= 4

    def test_stop_the_next_requests_of_their_connection(self) -> None:
        """Whoever reads nothing makes no more answers than are there already."""
        app = BigAnswers()
        with _pooled(app, BoundedConnection) as here, _slow_client(here.url) as connected:
            connected.sendall((GET * 50).encode())
            _until(lambda: app.load.unread_bytes > 0)
            threading.Event().wait(0.1)
            assert app.load.unread_bytes <= BIG + 1024

    def test_smaller_than_a_buffer_do_not_hold_a_connection(self, served: Callable[..., Any]) -> None:
        with served(message_patience=0.1, keep_alive=0.2) as here, _slow_client(here.url) as connected:
            for _ in range(60):
                connected.sendall(GET.encode())
            _until(lambda: here.app.load.connections == 0)


class TestAfterAnAnswer:
    def test_the_rest_of_a_request_is_read_for_a_while_only(self, served: Callable[..., Any]) -> None:
        with served(drain_seconds=0.2) as here, connection_to(here.url) as connected:
            answer = ask(connected, "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n")
            assert answer.status == 404
            with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):  # noqa: PT012 - it ends at no certain byte
                for _ in range(500):
                    connected.sendall(b"x")
                    threading.Event().wait(0.005)

    def test_a_rest_that_comes_in_time_costs_no_connection(self, served: Callable[..., Any]) -> None:
        with served(drain_seconds=0.2) as here, connection_to(here.url) as connected:
            assert (
                ask(connected, "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n").status == 404
            )
            connected.sendall(b"ab")
            threading.Event().wait(0.3)
            assert ask(connected, GET).status == 200
