"""The server on a real socket: what a well-behaved client never sees, and a broken or hostile one must not break."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
from functions.raw_connections import Answer, ask, connection_to, is_closed
from PIL import Image

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY, CORRELATION_ID, RATE_LIMIT
from outpaint.contracts.responses import PainterCard
from outpaint.functions.embedded.host import Host, open_host
from outpaint.functions.embedded.server import listen, serving, url_of
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.embedded.starting_keys import StartingKeys
from outpaint.functions.service.service import ServiceSettings
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.flat import FlatPainter

FIRST = "first-key-of-32-characters-0123"
KEYS = StartingKeys(development=True, first=FIRST)
KEY = f"{API_KEY}: {FIRST}\r\n"
SMALL = ServiceSettings().model_copy(
    update={"pictures": ServiceSettings().pictures.model_copy(update={"max_bytes": 3072})}
)


class HeldPainter:
    """The flat painter, which begins when it is told to."""

    def __init__(self) -> None:
        self._flat = FlatPainter()
        self.begun = threading.Event()
        self.go = threading.Event()

    @property
    def card(self) -> PainterCard:
        return self._flat.card

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        self.begun.set()
        assert self.go.wait(30)
        return self._flat.paint(canvas, brief)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with open_host([FlatPainter()], settings=SMALL, keys=KEYS) as host, serving(host.asgi) as base:
        yield base


@contextmanager
def _limited(**limits: float) -> Iterator[str]:
    with (
        open_host([FlatPainter()], settings=SMALL, limits=ServerLimits.model_validate(limits), keys=KEYS) as host,
        serving(host.asgi) as base,
    ):
        yield base


@contextmanager
def _held(limits: ServerLimits = ServerLimits(), **settings: object) -> Iterator[tuple[Host, HeldPainter, str]]:
    painter = HeldPainter()
    with (
        open_host(
            [painter], settings=ServiceSettings.model_validate(settings), limits=limits, grace=10, keys=KEYS
        ) as host,
        serving(host.asgi) as base,
    ):
        try:
            yield host, painter, base
        finally:
            painter.go.set()


def _balance(connected: socket.socket) -> Answer:
    return ask(connected, f"GET /v1/balance HTTP/1.1\r\nHost: x\r\n{KEY}\r\n")


def _multipart(picture: bytes, **fields: str) -> tuple[str, bytes]:
    request = httpx.Request("POST", "http://x", data=fields, files={"image": ("a.png", picture, "image/png")})
    return request.headers["content-type"], request.read()


class TestKeepAlive:
    def test_many_requests_share_a_connection(self, url: str) -> None:
        with connection_to(url) as connected:
            assert [_balance(connected).status for _ in range(3)] == [200, 200, 200]

    def test_pipelined_requests_are_answered_in_order(self, url: str) -> None:
        with connection_to(url) as connected:
            connected.sendall(
                f"GET /v1/balance HTTP/1.1\r\nHost: x\r\n{KEY}\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            )
            assert [Answer(connected).status, Answer(connected).status] == [200, 404]

    @pytest.mark.parametrize(("extra", "status"), [("", 401), (KEY, 413)])
    def test_a_refusal_reaches_a_client_that_is_still_sending(self, url: str, extra: str, status: int) -> None:
        size = 8 * 1024 * 1024
        with connection_to(url) as connected:
            connected.sendall(
                f"POST /v1/painting/outpaint HTTP/1.1\r\nHost: x\r\n{extra}Content-Type: application/json\r\n"
                f"Content-Length: {size}\r\n\r\n".encode()
            )
            connected.sendall(bytes(size))
            assert Answer(connected).status == status
            assert _balance(connected).status == 200

    def test_a_chunked_body_is_cut_off_at_the_limit(self, url: str) -> None:
        chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        with connection_to(url) as connected:
            connected.sendall(
                f"POST /v1/painting/outpaint HTTP/1.1\r\nHost: x\r\n{KEY}Content-Type: application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n".encode()
            )
            for _ in range(64):
                connected.sendall(chunk)
            connected.sendall(b"0\r\n\r\n")
            answer = Answer(connected)
            assert (answer.status, answer.code) == (413, "body_too_large")
            assert _balance(connected).status == 200

    def test_a_body_dropped_is_bounded(self) -> None:
        with _limited(drain_bytes=1024 * 1024) as url, connection_to(url) as connected:
            connected.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
            assert Answer(connected).status == 404

            def send_until_closed() -> None:
                for _ in range(1000):
                    connected.sendall(bytes(1024 * 1024))

            with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
                send_until_closed()

    def test_expect_is_answered_without_the_body(self, url: str) -> None:
        head = "POST /v1/painting/outpaint HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100\r\n"
        with connection_to(url) as connected:
            answer = ask(connected, f"{head}\r\n")
            assert answer.status == 401
            assert answer.headers["connection"] == "close"
            assert is_closed(connected)
        with connection_to(url) as connected:
            connected.sendall(f"{head}{KEY}Content-Type: application/json\r\n\r\n".encode())
            assert Answer(connected, head_only=True).status == 100
            assert ask(connected, "{" + " " * 98 + "}").status == 422

    def test_an_offer_to_upgrade_is_passed_over(self, url: str) -> None:
        # Java's HttpClient offers h2c with its first request, body and all.
        body = json.dumps({"prompt": "x"})
        with connection_to(url) as connected:
            answer = ask(
                connected,
                f"POST /v1/painting/outpaint HTTP/1.1\r\nHost: x\r\n{KEY}Content-Type: application/json\r\n"
                f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}",
            )
            assert (answer.status, answer.code) == (422, "missing_parameter")
            assert _balance(connected).status == 200


class TestPatience:
    def test_a_body_that_stops_is_answered(self) -> None:
        with _limited(body_patience=0.2) as url, connection_to(url) as connected:
            answer = ask(
                connected,
                f"POST /v1/painting/outpaint HTTP/1.1\r\nHost: x\r\n{KEY}Content-Type: application/json\r\n"
                "Content-Length: 100\r\n\r\n{",
            )
            assert (answer.status, answer.code) == (400, "malformed_body")
            assert is_closed(connected)

    def test_a_body_that_drips_is_answered(self) -> None:
        with _limited(body_patience=0.3) as url, connection_to(url) as connected:
            connected.sendall(
                f"POST /v1/painting/outpaint HTTP/1.1\r\nHost: x\r\n{KEY}Content-Type: application/json\r\n"
                "Content-Length: 1000\r\n\r\n".encode()
            )
            connected.settimeout(0.05)
            for _ in range(100):
                connected.sendall(b" ")
                try:
                    connected.recv(1, socket.MSG_PEEK)
                    break
                except TimeoutError:
                    continue
            connected.settimeout(20)
            assert Answer(connected).status == 400

    @pytest.mark.parametrize("sent", [b"", b"GET /v1/bal", b"GET /v1/balance HTTP/1.1\r\nHost: x\r\n"])
    def test_a_head_that_never_ends_is_hung_up_on(self, sent: bytes) -> None:
        with _limited(message_patience=0.2) as url, connection_to(url) as connected:
            connected.sendall(sent)
            assert is_closed(connected)

    def test_a_dripping_head_is_hung_up_on(self) -> None:
        def drip(connected: socket.socket) -> None:
            connected.settimeout(0.05)
            connected.sendall(b"GET / HTTP/1.1\r\n")
            for number in range(200):
                connected.sendall(b"X-%d: x\r\n" % number)
                try:
                    if connected.recv(1) == b"":
                        return
                except TimeoutError:
                    continue
            pytest.fail("the server listened for ever")

        with (
            _limited(message_patience=0.3) as url,
            connection_to(url) as connected,
            suppress(BrokenPipeError, ConnectionResetError),
        ):
            drip(connected)

    def test_a_client_that_waits_is_not_hung_up_on(self, cut_out: bytes) -> None:
        content_type, body = _multipart(cut_out, prompt="x", count="1")
        with _held(ServerLimits(message_patience=0.1)) as (_, painter, base), connection_to(base) as connected:
            connected.sendall(
                f"POST /v1/painting/outpaint HTTP/1.1\r\nHost: x\r\n{KEY}Content-Type: {content_type}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            connected.settimeout(0.5)
            with pytest.raises(TimeoutError):
                connected.recv(1)
            connected.settimeout(20)
            painter.go.set()
            assert Answer(connected).status == 200

    def test_an_idle_connection_is_closed_in_the_end(self) -> None:
        with _limited(message_patience=0.1, keep_alive=0.3) as url, connection_to(url) as connected:
            for _ in range(2):
                connected.sendall(f"GET /v1/balance HTTP/1.1\r\nHost: x\r\n{KEY}\r\n".encode())
                assert Answer(connected).status == 200
            assert is_closed(connected)

    def test_an_idle_connection_is_kept_for_a_while(self) -> None:
        with _limited(message_patience=0.1) as url, connection_to(url) as connected:
            connected.sendall(f"GET /v1/balance HTTP/1.1\r\nHost: x\r\n{KEY}\r\n".encode())
            assert Answer(connected).status == 200
            connected.settimeout(0.5)
            with pytest.raises(TimeoutError):
                connected.recv(1)


class TestBrokenMessages:
    @pytest.mark.parametrize(
        "sent",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            "GET /\u00e9 HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1"),
        ],
    )
    def test_are_answered_in_the_contracts_shape(self, url: str, sent: bytes) -> None:
        with connection_to(url) as connected:
            connected.sendall(sent)
            answer = Answer(connected)
            assert (answer.status, answer.code) == (400, "malformed_body")
            assert {CORRELATION_ID.lower(), RATE_LIMIT.lower()} <= set(answer.headers)
            assert is_closed(connected)


class TestWhoAsks:
    def test_a_proxy_on_this_machine_makes_nobody_local(self, url: str) -> None:
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host"):
            answer = httpx.get(f"{url}/v1/balance", headers={API_KEY: "dev", name: "203.0.113.9"})
            assert answer.status_code == 401

    def test_results_are_where_the_request_was_sent(self, url: str, cut_out: bytes) -> None:
        for host, origin in [("paint.example:99", "http://paint.example:99"), ("a b<c>", url), ("", url)]:
            answer = httpx.post(
                f"{url}/v1/painting/outpaint",
                headers={API_KEY: FIRST, "Host": host},
                data={"prompt": "x", "count": "1"},
                files={"image": cut_out},
            )
            assert answer.status_code == 200
            assert answer.json()["data"][0]["url"].startswith(f"{origin}/v1/files/")

    def test_head_has_no_body(self, url: str) -> None:
        with connection_to(url) as connected:
            connected.sendall(f"HEAD /v1/balance HTTP/1.1\r\nHost: x\r\n{KEY}\r\n".encode())
            answer = Answer(connected, head_only=True)
            assert answer.status == 200
            assert answer.headers["content-length"] == _balance(connected).headers["content-length"]


def _post(base: str, picture: bytes, **fields: str) -> httpx.Response:
    return httpx.post(
        f"{base}/v1/painting/outpaint",
        headers={API_KEY: FIRST},
        data={"prompt": "x", "count": "1", **fields},
        files={"image": picture},
        timeout=30,
    )


class TestWaiting:
    def test_holds_no_thread(self, cut_out: bytes) -> None:
        """More clients wait than there are threads, and others are still served."""
        with _held(rate_limit=10_000) as (_, painter, base):
            answers: list[int] = []
            clients = [
                threading.Thread(target=lambda: answers.append(_post(base, cut_out).status_code)) for _ in range(48)
            ]
            for client in clients:
                client.start()
            assert painter.begun.wait(20)
            assert httpx.get(f"{base}/v1/balance", headers={API_KEY: FIRST}).status_code == 200
            assert _post(base, cut_out, mode="async").status_code == 202
            painter.go.set()
            for client in clients:
                client.join(30)
            assert answers == [200] * 48

    def test_holds_no_body(self, cut_out: bytes) -> None:
        content_type, body = _multipart(cut_out, prompt="x", count="1")
        with _held() as (host, painter, base), connection_to(base) as connected:
            connected.sendall(
                f"POST /v1/painting/outpaint HTTP/1.1\r\nHost: x\r\n{KEY}Content-Type: {content_type}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            assert painter.begun.wait(20)
            for _ in range(400):
                if host.asgi.load.body_bytes == 0:
                    break
                threading.Event().wait(0.01)
            else:
                pytest.fail("the body of a request that waits is held")
            painter.go.set()
            assert Answer(connected).status == 200

    def test_runs_out_into_202_and_loses_nothing(self, cut_out: bytes) -> None:
        with _held(sync_wait=0) as (_, painter, base):
            taken = _post(base, cut_out)
            assert taken.status_code == 202
            painter.go.set()
            assert _poll(base, taken.json()["inference_id"])["status"] == "success"

    def test_of_a_client_that_left_lets_the_job_go_on(self, cut_out: bytes) -> None:
        with _held() as (host, painter, base):
            content_type, body = _multipart(cut_out, prompt="x", count="1")
            head = (
                f"POST /v1/painting/outpaint HTTP/1.1\r\nHost: x\r\n{KEY}Content-Type: {content_type}\r\n"
                f"Idempotency-Key: k\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            with connection_to(base) as connected:
                connected.sendall(head.encode() + body)
                assert painter.begun.wait(20)
            (job,) = host.service.jobs.unended()
            # The claim is answered as soon as the server notices, so that a retry finds the job.
            for _ in range(200):
                claim = host.service.jobs.find_claim("first", "k", host.service.clock.now())
                assert claim is not None
                if claim.running_until == 0.0:
                    break
                threading.Event().wait(0.05)
            else:
                pytest.fail("the claim of a client that left still runs")
            painter.go.set()
            assert _poll(base, job.id)["status"] == "success"

    def test_ends_with_202_when_the_server_stops(self, cut_out: bytes) -> None:
        answers: list[httpx.Response] = []
        painter = HeldPainter()
        with open_host([painter], grace=10, keys=KEYS) as host:
            with serving(host.asgi) as base:
                client = threading.Thread(target=lambda: answers.append(_post(base, cut_out)))
                client.start()
                assert painter.begun.wait(20)
            client.join(20)
            assert [answer.status_code for answer in answers] == [202]
            painter.go.set()


def _poll(base: str, inference_id: str) -> dict[str, object]:
    for _ in range(400):
        answer = httpx.get(f"{base}/v1/painting/{inference_id}", headers={API_KEY: FIRST})
        if answer.status_code == 200:
            body = answer.json()
            assert isinstance(body, dict)
            return body
        threading.Event().wait(0.02)
    pytest.fail("the job did not end")


class TestListening:
    def test_a_port_in_use_says_so(self) -> None:
        with listen("127.0.0.1", 0) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(OutpaintError, match=f"port {port} is in use"):
                listen("127.0.0.1", port)

    @pytest.mark.parametrize("host", ["no such host.invalid", "203.0.113.1"])
    def test_an_address_that_is_not_ours_says_so(self, host: str) -> None:
        with pytest.raises(OutpaintError, match=r"listen"):
            listen(host, 0)

    @pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")])
    def test_the_url_is_one_that_works(self, host: str, shown: str) -> None:
        with listen(host, 0) as listener:
            assert url_of(listener) == f"http://{shown}:{listener.getsockname()[1]}"


def test_requests_are_logged_without_their_secrets(url: str, caplog: pytest.LogCaptureFixture, cut_out: bytes) -> None:
    with caplog.at_level("INFO", logger="outpaint.requests"):
        made = _post(url, cut_out).json()["data"][0]["url"]
        assert httpx.get(made).status_code == 200
        # A line is written after its answer; the next answer shows that it is there.
        httpx.get(f"{url}/health")
    lines = [record.getMessage() for record in caplog.records if record.name == "outpaint.requests"]
    assert any(line.startswith("POST '/v1/painting/outpaint' 200 ") for line in lines)
    assert any(line.startswith("GET '/v1/files/") for line in lines)
    assert not any("signature" in line or FIRST in line for line in lines)
