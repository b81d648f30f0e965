"""More worlds than a mock may have, over TCP: it goes on serving, and what is no world's name is told so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.embedded.server import serving
from outpaint.functions.embedded.server_limits import ServerLimits, in_force, read_limits
from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.transports.tcp_connection import MockConnection
from outpaint.mocks.transports.tcp_server import MockHost
from outpaint.mocks.world.worlds import WorldLimits, Worlds

KEY = "X-Picsart-API-Key"


@pytest.fixture
def worlds() -> Worlds:
    return Worlds(most=5)


@pytest.fixture
def api(worlds: Worlds) -> Iterator[httpx.Client]:
    host = MockHost(worlds)
    try:
        with (
            serving(host, connection=MockConnection) as url,
            httpx.Client(base_url=url, headers={KEY: "anyone"}, trust_env=False) as client,
        ):
            yield client
    finally:
        host.close()


def test_made_up_names_lock_nobody_out(api: httpx.Client, worlds: Worlds) -> None:
    assert [api.get(f"/t/by-path-{number}/v1/balance").status_code for number in range(10)] == [200] * 10
    for number in range(10):
        assert api.get("/v1/balance", headers={KEY: f"@by-key-{number}:anyone"}).status_code == 200
    assert api.get("/v1/balance").status_code == 200
    assert api.get("/t/administered/_mock/clock").status_code == 200
    assert worlds.names == (*(f"by-key-{number}" for number in range(6, 10)), "default", "administered")
    listed = api.get("/_mock/worlds").json()
    assert (len(listed["worlds"]), listed["dropped"][-1]) == (6, "by-key-5")


@pytest.mark.parametrize("name", ["-", "a b", "%FF", "%0A", "", "x" * 65, "%F0%9F%8E%A8"])
def test_a_name_of_no_world_is_told_as_the_api_tells(
    api: httpx.Client, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    for path in (f"/t/{name}/v1/balance", f"/t/{name}/_mock/clock", f"/t/{name}/v1/files/x", f"/t/{name}/v1/a/_mock/b"):
        asked = httpx.Request("GET", api.base_url.copy_with(raw_path=path.encode()), headers={KEY: "anyone"})
        answer = api.send(asked)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "unknown_route")
    for method in ("GET", "POST"):
        answer = api.request(method, "/v1/painting/outpaint", headers={KEY: f"@{name}:anyone".encode()})
        assert (answer.status_code, answer.json()["field"]) == (404, "world")
    assert "Traceback" not in caplog.text


def test_a_client_that_leaves_in_its_body_leaves_no_call_under_way(api: httpx.Client, worlds: Worlds) -> None:
    address = urlsplit(str(api.base_url))
    head = "POST /t/left-{}/v1/painting/outpaint HTTP/1.1\r\nHost: x\r\nX-Picsart-API-Key: any\r\n"
    pipelined = "GET /t/left-behind-another/v1/balance HTTP/1.1\r\nHost: x\r\nX-Picsart-API-Key: any\r\n\r\n"
    body = "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    for before, name in (("", "at-once"), (pipelined, "behind-another")):
        with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
            connection.sendall(f"{before}{head.format(name)}{body}".encode())
            if before:
                connection.recv(1)
    for number in range(20):  # each is answered by the loop after it heard of the connections' end
        api.get(f"/t/other-{number}/v1/balance")
    # One with a call under way would have stayed.
    assert {"left-at-once", "left-behind-another"} <= set(worlds.dropped)


def test_the_limit_is_the_mocks_own() -> None:
    assert read_limits(["worlds=5", "bodies_in_flight=1MiB"], WorldLimits).server == WorldLimits(
        worlds=5, bodies_in_flight=2**20
    )
    with pytest.raises(OutpaintError, match="worlds has wrong value 0"):
        read_limits(["worlds=0"], WorldLimits)
    with pytest.raises(OutpaintError, match="sets no limit"):
        read_limits(["worlds=5"], ServerLimits)
    assert in_force(WorldLimits(worlds=5), ServiceSettings())["worlds"] == 5
