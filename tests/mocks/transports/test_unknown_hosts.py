"""Requests that are not the mock's: nothing leaves the machine unless a test asks for it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import httpx2
import pytest
import respx
from respx.models import AllMockedAssertionError

from outpaint.contracts.errors import OutpaintError
from outpaint.mocks.transports.httpx2_patch import OutpaintPatch
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.transports.in_process import VENDOR_BASE_URL, BaseUrls
from outpaint.mocks.transports.respx_router import OutpaintRouter
from outpaint.mocks.transports.tcp_server import ThreadServer
from outpaint.mocks.world.world import World

KEY = {"X-Picsart-API-Key": "anyone"}


def test_respx_fails_them_and_says_what_to_do(world: World) -> None:
    with OutpaintRouter(world), pytest.raises(AllMockedAssertionError, match="not under a base URL of the mock"):
        httpx.get("http://127.0.0.1:9/")


def test_httpx2_fails_them_and_says_what_to_do(world: World) -> None:
    with OutpaintPatch(world), pytest.raises(httpx2.ConnectError, match="not under a base URL of the mock"):
        httpx2.get("http://127.0.0.1:9/")


def test_a_transport_with_base_urls_fails_them_or_hands_them_on(world: World) -> None:
    own = [VENDOR_BASE_URL]
    with (
        httpx.Client(transport=OutpaintTransport(world, base_urls=own)) as client,
        pytest.raises(httpx.ConnectError, match="not under a base URL"),
    ):
        client.get("https://elsewhere.test/")
    other = httpx.MockTransport(lambda request: httpx.Response(204))
    with httpx.Client(transport=OutpaintTransport(world, base_urls=own, otherwise=other)) as client:
        assert client.get("https://elsewhere.test/").status_code == 204
        assert client.get(f"{VENDOR_BASE_URL}/balance", headers=KEY).status_code == 200


def test_they_pass_where_the_user_lets_them(world: World, server: ThreadServer) -> None:
    other = World(uuid4().hex)
    with server.serving(other) as served, OutpaintRouter(world, unknown_hosts="pass"):
        with OutpaintPatch(world, unknown_hosts="pass"):
            assert httpx2.get(f"{served.base_url}/balance", headers=KEY).json() == {"credits": 1000}
        assert httpx.get(f"{served.base_url}/balance", headers=KEY).json() == {"credits": 1000}

        async def go() -> int:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"{served.base_url}/balance", headers=KEY)).status_code

        assert asyncio.run(go()) == 200
    assert len(other.calls) == 3
    assert not world.calls


def test_a_word_that_is_neither_is_refused(world: World) -> None:
    with pytest.raises(OutpaintError, match="use fail or pass"):
        OutpaintRouter(world, unknown_hosts="ignore")  # type: ignore[arg-type]


def test_routes_of_the_tests_own_answer_other_hosts(world: World) -> None:
    with OutpaintRouter(world) as api:
        hook = api.post("https://hooks.test/done").respond(202)
        assert httpx.post("https://hooks.test/done", json={}).status_code == 202
        assert httpx.get(f"{VENDOR_BASE_URL}/balance", headers=KEY).status_code == 200
        assert hook.call_count == 1
        assert len(api.calls) == 1


def test_a_router_of_respx_beside_it_is_asked_too(world: World) -> None:
    with respx.mock(base_url="https://other.test") as other, OutpaintRouter(world):
        other.get("/x").respond(203)
        assert httpx.get("https://other.test/x").status_code == 203
        assert httpx.get(f"{VENDOR_BASE_URL}/balance", headers=KEY).status_code == 200


def test_a_router_of_respx_does_not_come_between_a_world_and_its_sources(world: World, server: ThreadServer) -> None:
    body = {"image_url": "https://pictures.test/a.png", "prompt": "hills"}
    with respx.mock(assert_all_called=False) as other, server.serving(world) as served:
        other.route(host="127.0.0.1").pass_through()
        answer = httpx.post(f"{served.base_url}/painting/outpaint", headers=KEY, json=body)
    assert answer.status_code == 200


def test_clients_with_a_transport_of_their_own_are_left_alone(world: World) -> None:
    own = httpx.MockTransport(lambda request: httpx.Response(299))
    with OutpaintRouter(world), httpx.Client(transport=own) as client:
        assert client.get(f"{VENDOR_BASE_URL}/balance").status_code == 299


def test_httpx2_is_as_it_was_afterwards(world: World) -> None:
    before = httpx2.HTTPTransport.handle_request, httpx2.AsyncHTTPTransport.handle_async_request
    with OutpaintPatch(world), OutpaintPatch(World("other"), base_urls=["https://other.test"]):
        assert httpx2.HTTPTransport.handle_request is not before[0]
        assert httpx2.get("https://other.test/v1/balance", headers=KEY).status_code == 200
        assert httpx2.get(f"{VENDOR_BASE_URL}/balance", headers=KEY).status_code == 200
    assert (httpx2.HTTPTransport.handle_request, httpx2.AsyncHTTPTransport.handle_async_request) == before


@pytest.mark.parametrize(
    ("base", "url", "path"),
    [
        ("https://a.test", "https://a.test/v1/balance", "/v1/balance"),
        ("https://a.test/v1", "https://a.test/v1/balance", "/v1/balance"),
        ("https://a.test/v1/", "https://A.test:443/v1/balance", "/v1/balance"),
        ("https://a.test/genai/v1", "https://a.test/genai/v1/balance", "/v1/balance"),
        ("https://a.test/genai/v1", "https://a.test/genaiv1/balance", None),
        ("https://a.test:8443", "https://a.test/v1/balance", None),
        ("http://a.test", "https://a.test/v1/balance", None),
        ("http://[::1]:80/v1", "http://[::1]/v1/balance", "/v1/balance"),
    ],
)
def test_what_lies_under_a_base_url(base: str, url: str, path: str | None) -> None:
    asked = httpx.URL(url)
    place = BaseUrls([base]).place(asked.scheme, asked.host, asked.port, asked.path)
    assert (None if place is None else place[1]) == path


@pytest.mark.parametrize("base", ["", "a.test", "ftp://a.test", "https://", "https://a.test/?q=1", "https://a:b/"])
def test_what_is_no_base_url_is_refused(base: str) -> None:
    with pytest.raises(OutpaintError, match="is no base URL"):
        BaseUrls([base])


def test_results_lie_under_the_base_url_that_was_used(world: World) -> None:
    from outpaint.mocks.world.web_sources import picture_for

    base = "https://proxy.test/genai/v1"
    with OutpaintRouter(world, base_urls=[VENDOR_BASE_URL, base]):
        files = {"image": picture_for("https://a.test/a.png")}
        answer = httpx.post(f"{base}/painting/outpaint", headers=KEY, files=files, data={"prompt": "x"})
        url = answer.json()["data"][0]["url"]
        assert url.startswith("https://proxy.test/genai/v1/files/")
        assert httpx.get(url).status_code == 200
