"""The mock over TCP: worlds on one server, faults on the socket, and clients that misbehave."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import httpx
import pytest
import requests

from outpaint.functions.embedded.server import serving
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.mocks.transports.tcp_connection import MockConnection
from outpaint.mocks.transports.tcp_server import MockHost, ThreadServer
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World
from outpaint.mocks.world.worlds import WorldError, Worlds

if TYPE_CHECKING:
    from conftest import Transport  # type: ignore[import-not-found]

KEY = {"X-Picsart-API-Key": "anyone"}


def connected(transport: Transport) -> socket.socket:
    url = urlsplit(transport.base_url)
    return socket.create_connection((url.hostname or "", url.port or 0), timeout=5)


def head(transport: Transport, request: str = "GET", path: str = "/balance", extra: str = "") -> bytes:
    url = urlsplit(transport.base_url)
    return (
        f"{request} {url.path}{path} HTTP/1.1\r\nHost: {url.netloc}\r\nX-Picsart-API-Key: anyone\r\n{extra}\r\n"
    ).encode()


def read_all(sock: socket.socket) -> bytes:
    received = bytearray()
    _read_into(received, sock)
    return bytes(received)


def _read_into(received: bytearray, sock: socket.socket) -> None:
    while chunk := sock.recv(65536):
        received += chunk


def _send_slowly(sock: socket.socket, size: int) -> None:
    for _ in range(size // 1000):
        sock.sendall(bytes(1000))
        time.sleep(0.001)


# Worlds


def test_each_world_has_its_own_base_url(server: ThreadServer) -> None:
    with server.serving(World(uuid4().hex)) as one, server.serving(World(uuid4().hex, credits=5)) as two:
        assert requests.get(f"{one.base_url}/balance", headers=KEY, timeout=5).json() == {"credits": 1000}
        assert requests.get(f"{two.base_url}/balance", headers=KEY, timeout=5).json() == {"credits": 5}
        assert len(one.calls) == len(two.calls) == 1
        assert urlsplit(one.url).port == urlsplit(two.url).port


def test_a_world_whose_test_is_over_is_told_so(server: ThreadServer) -> None:
    world = World(uuid4().hex)
    with server.serving(world) as served, pytest.raises(WorldError, match="another name"), server.serving(world):
        pass
    late = requests.get(f"{served.base_url}/balance", headers=KEY, timeout=5)
    assert late.status_code == 404
    assert "its test is over" in late.json()["detail"]


def test_aiohttp_is_a_client_too(far: Transport) -> None:
    async def go() -> dict[str, object]:
        async with aiohttp.ClientSession() as session, session.get(f"{far.base_url}/balance", headers=KEY) as answer:
            body: dict[str, object] = await answer.json()
            return body

    assert asyncio.run(go()) == {"credits": 1000}


def test_a_refused_connection_has_an_address(server: ThreadServer, world: World) -> None:
    with server.serving(world) as served, pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.refused_url}/balance", headers=KEY)


# Faults, byte by byte


def test_a_reset_is_a_reset_and_no_ordinary_end(far: Transport) -> None:
    far.world.scenarios.next("reset(before)")
    with connected(far) as sock:
        sock.sendall(head(far))
        with pytest.raises(ConnectionResetError):
            sock.recv(10)


def test_what_came_before_a_reset_can_be_read(far: Transport) -> None:
    far.world.scenarios.next("reset(during, on=balance)")
    with connected(far) as sock:
        sock.sendall(head(far))
        received = bytearray()
        with pytest.raises(ConnectionResetError):
            _read_into(received, sock)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(b'\r\n\r\n{"credit')
    assert b"Content-Length: 16\r\n" in received


def test_a_lying_length_ends_by_an_ordinary_close(far: Transport) -> None:
    far.world.scenarios.next("cut(5, lying, on=balance)")
    with connected(far) as sock:
        sock.sendall(head(far))
        received = read_all(sock)
    assert received.endswith(b'\r\n\r\n{"cre')
    assert b"Content-Length: 16" in received


def test_a_reset_upload_leaves_no_job(far: Transport) -> None:
    far.world.scenarios.next("reset(before, on=submit)")
    with connected(far) as sock:
        body = "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n"
        sock.sendall(head(far, "POST", "/painting/outpaint", body))
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            _send_slowly(sock, 100_000)
    assert not far.world.pending
    assert far.balance().json() == {"credits": 1000}


def test_a_drip_comes_in_many_pieces(server: ThreadServer) -> None:
    world = World(uuid4().hex, clock=VirtualClock.ticking())
    world.scenarios.next("drip(100)", on="balance")
    with server.serving(world) as served, httpx.stream("GET", f"{served.base_url}/balance", headers=KEY) as answer:
        assert len(list(answer.iter_raw())) >= 4


def test_connections_stay_open_between_answers(far: Transport) -> None:
    with connected(far) as sock:
        for _ in range(3):
            sock.sendall(head(far))
            answer = sock.recv(65536)
            assert answer.endswith(b'{"credits":1000}')
        sock.sendall(head(far, extra="Connection: close\r\n"))
        assert b"connection: close" in read_all(sock).lower()


def test_a_long_row_of_requests_is_answered_in_order(far: Transport) -> None:
    number = 2000
    with connected(far) as sock:
        requests_ = head(far) * (number - 1) + head(far, extra="Connection: close\r\n")
        sending = threading.Thread(target=sock.sendall, args=(requests_,))
        sending.start()
        received = read_all(sock)
        sending.join(10)
    # The account's 500 a minute count here as anywhere.
    assert received.count(b"HTTP/1.1 200") == 500
    assert received.count(b"HTTP/1.1 429") == number - 500


# Clients that misbehave


def test_a_client_that_never_reads_holds_up_nobody(far: Transport) -> None:
    url = far.submit(image=_large()).json()["data"][0]["url"]
    path = urlsplit(url)
    line = f"GET {path.path}?{path.query} HTTP/1.1\r\nHost: {path.netloc}\r\n\r\n".encode()
    with connected(far) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(0.5)
        try:
            for _ in range(200):
                sock.sendall(line)
        except TimeoutError:
            pass
        assert far.balance().status_code == 200


def test_pipelined_requests_that_must_wait_are_answered_in_order(far: Transport) -> None:
    late = "X-Mock-Scenario: latency(0.02)\r\n"
    with connected(far) as sock:
        last = head(far, extra=f"{late}Connection: close\r\n")
        sock.sendall(head(far, extra=late) + head(far, path="/painting/x", extra=late) + last)
        lines = [line for line in read_all(sock).split(b"\r\n") if b"HTTP/1.1 " in line]
    assert [line.split(b"HTTP/1.1 ")[1].split()[0] for line in lines] == [b"200", b"404", b"200"]


def test_a_client_that_never_reads_is_cut_off_without_a_word_in_the_log(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    host = MockHost(Worlds(), limits=ServerLimits(answer_patience=0.2, answer_rate=1_000_000))
    with serving(host, connection=MockConnection) as url, socket.socket() as deaf:
        address = urlsplit(url)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((address.hostname or "", address.port or 0))
        deaf.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 120)
        for _ in range(400):
            if host.load.cut_off_readers:
                break
            threading.Event().wait(0.02)
        assert host.load.cut_off_readers == 1
        assert requests.get(f"{url}/v1/balance", headers=KEY, timeout=5).status_code == 200
    host.close()
    assert caplog.text == ""
    assert "Traceback" not in capfd.readouterr().err


def test_half_a_request_holds_up_nobody(far: Transport) -> None:
    with connected(far) as first, connected(far) as second:
        first.sendall(head(far)[:20])
        second.sendall(
            head(far, "POST", "/painting/outpaint", "Content-Type: application/json\r\nContent-Length: 99\r\n")
        )
        second.sendall(b'{"half')
        assert far.balance().status_code == 200


def test_a_thousand_connections_are_held(far: Transport) -> None:
    sockets: list[socket.socket] = []
    try:
        sockets.extend(connected(far) for _ in range(1000))
        assert far.balance().status_code == 200
        sockets[0].sendall(head(far))
        sockets[-1].sendall(head(far))
        assert sockets[0].recv(20).startswith(b"HTTP/1.1 200")
        assert sockets[-1].recv(20).startswith(b"HTTP/1.1 200")
    finally:
        for sock in sockets:
            sock.close()
    assert far.balance().status_code == 200


def test_a_client_that_leaves_while_it_waits_costs_nothing_more(server: ThreadServer) -> None:
    world = World(uuid4().hex, clock=VirtualClock.ticking())
    with server.serving(world) as served:
        world.scenarios.always("latency(60)", on="balance")
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{served.base_url}/balance", headers=KEY, timeout=0.1)
        world.scenarios.clear()
        assert httpx.get(f"{served.base_url}/balance", headers=KEY).status_code == 200


def test_many_clients_at_once_in_many_worlds(server: ThreadServer) -> None:
    worlds = [World(uuid4().hex, credits=10 + n) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:

        def use(world: World) -> list[int]:
            with server.serving(world) as served, httpx.Client(headers=KEY) as client:
                return [client.get(f"{served.base_url}/balance").json()["credits"] for _ in range(20)]

        assert list(pool.map(use, worlds)) == [[10 + n] * 20 for n in range(8)]


def test_the_admin_api_stands_at_the_root_and_in_each_world(far: Transport) -> None:
    origin = far.base_url.partition("/t/")[0]
    names = [world["name"] for world in httpx.get(f"{origin}/_mock/worlds").json()["worlds"]]
    assert far.world.name in names
    answer = httpx.post(
        f"{far.base_url.removesuffix('/v1')}/_mock/scenarios/next", json={"scenario": "error(internal)"}
    )
    assert answer.status_code < 300, answer.text
    assert far.balance().status_code == 500
    assert httpx.get(f"{origin}/_mocked").status_code == 404


def _large() -> bytes:
    from io import BytesIO

    from PIL import Image

    picture = Image.effect_noise((900, 900), 90).convert("RGBA")
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(0, (0, 0, 20, 900))
    picture.putalpha(alpha)
    stream = BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
