"""The patch of httpx and httpx2, beside other tools that patch them, and what it refuses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import httpx2
import pytest
from respx.models import AllMockedAssertionError

from outpaint.contracts.errors import OutpaintError
from outpaint.mocks.transports.client_patch import PatchUndoneError
from outpaint.mocks.transports.httpx2_patch import OutpaintPatch
from outpaint.mocks.transports.in_process import VENDOR_BASE_URL
from outpaint.mocks.transports.respx_router import OutpaintRouter
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World

pytest_plugins = ["pytester"]

KEY = {"X-Picsart-API-Key": "anyone"}
BALANCE = f"{VENDOR_BASE_URL}/balance"
QUIET = ("-q", *(f"-pno:{name}" for name in ("cacheprovider", "cov", "hypothesispytest", "benchmark", "xdist")))
BOTH = pytest.mark.parametrize(("library", "patch"), [(httpx, OutpaintRouter), (httpx2, OutpaintPatch)])


def ask(library: Any, url: str = BALANCE, *, by_async: bool = False, **client: Any) -> Any:
    if not by_async:
        with library.Client(headers=KEY, **client) as opened:
            return opened.get(url)

    async def go() -> Any:
        async with library.AsyncClient(headers=KEY, **client) as opened:
            return await opened.get(url)

    return asyncio.run(go())


def test_pytest_httpx_in_any_order(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio

        import httpx
        import pytest
        from respx.models import AllMockedAssertionError

        VENDOR = "https://genai-api.picsart.io/v1/balance"
        HOOK = "https://hooks.test/done"
        KEY = {"X-Picsart-API-Key": "mine"}
        ONLY_HOOKS = pytest.mark.httpx_mock(should_mock=lambda request: request.url.host == "hooks.test")

        def both_answer(httpx_mock):
            httpx_mock.add_response(url=HOOK, status_code=204, is_reusable=True)
            assert httpx.get(HOOK).status_code == 204
            assert httpx.get(VENDOR, headers=KEY).json() == {"credits": 1000}

            async def go():
                async with httpx.AsyncClient(headers=KEY) as client:
                    return (await client.get(HOOK)).status_code, (await client.get(VENDOR)).json()

            assert asyncio.run(go()) == (204, {"credits": 1000})

        def test_it_first(httpx_mock, outpaint_api):
            both_answer(httpx_mock)

        def test_it_second(outpaint_api, httpx_mock):
            both_answer(httpx_mock)

        def test_around_both_what_it_undoes(monkeypatch, outpaint_api, httpx_mock):
            both_answer(httpx_mock)

        def test_afterwards_requests_go_where_they_should():
            with pytest.raises(httpx.ConnectError, match="refused"):
                httpx.get("http://127.0.0.1:9/")

        def test_again_after_all_that(outpaint_api, httpx_mock):
            both_answer(httpx_mock)

        @pytest.mark.parametrize("order", [("httpx_mock", "outpaint_api"), ("outpaint_api", "httpx_mock")])
        @ONLY_HOOKS
        def test_what_neither_answers_stays_here(request, order):
            both_answer({name: request.getfixturevalue(name) for name in order}["httpx_mock"])
            with pytest.raises(AllMockedAssertionError, match="not under a base URL of the mock"):
                httpx.get("http://127.0.0.1:9/")

            async def go():
                async with httpx.AsyncClient() as client:
                    await client.get("http://127.0.0.1:9/")

            with pytest.raises(AllMockedAssertionError, match="not under a base URL of the mock"):
                asyncio.run(go())

        @pytest.mark.parametrize("order", [("httpx_mock", "outpaint_api"), ("outpaint_api", "httpx_mock")])
        @pytest.mark.outpaint(unknown_hosts="pass")
        @ONLY_HOOKS
        def test_what_neither_answers_goes_where_the_test_lets_it(request, order):
            both_answer({name: request.getfixturevalue(name) for name in order}["httpx_mock"])
            with pytest.raises(httpx.ConnectError, match="refused"):
                httpx.get("http://127.0.0.1:9/")
        """
    )
    pytester.runpytest_subprocess(*QUIET, "-W", "error").assert_outcomes(passed=9)


@BOTH
@pytest.mark.parametrize("by_async", [False, True])
def test_a_patch_that_another_tool_undoes_is_told(library: Any, patch: Any, by_async: bool) -> None:
    owner, name = (
        (library.AsyncHTTPTransport, "handle_async_request") if by_async else (library.HTTPTransport, "handle_request")
    )
    own = vars(owner)[name]
    active = patch(World(uuid4().hex))
    active.start()
    setattr(owner, name, own)  # as monkeypatch does at the end of a tool that began before
    with pytest.raises(PatchUndoneError, match="calls may leave the machine"):
        ask(library, by_async=by_async)
    assert not active.world.calls
    with pytest.raises(PatchUndoneError, match=rf"{owner.__name__}\.{name}"):
        active.stop()
    assert vars(owner)[name] is own
    with patch(World(uuid4().hex)):
        assert ask(library, by_async=by_async).status_code == 200


@BOTH
def test_a_patch_that_comes_back_after_its_end_does_nothing(library: Any, patch: Any) -> None:
    own = library.HTTPTransport.handle_request
    with patch(World(uuid4().hex)):
        stale = library.HTTPTransport.handle_request
    library.HTTPTransport.handle_request = stale
    try:
        with pytest.raises(library.ConnectError, match="refused"):
            ask(library, "http://127.0.0.1:9/")
        with patch(World(uuid4().hex)) as active:
            assert ask(library).status_code == 200
            with pytest.raises((AllMockedAssertionError, library.ConnectError), match="not under a base URL"):
                ask(library, "http://127.0.0.1:9/")
            assert len(active.calls) == 1
    finally:
        library.HTTPTransport.handle_request = own


@BOTH
def test_two_worlds_under_one_base_url_are_refused(library: Any, patch: Any) -> None:
    one, other = World("one"), World("other")
    with patch(one):
        with pytest.raises(OutpaintError, match=r"world one already answers https://genai-api\.picsart\.io/v1"):
            patch(other, base_urls=["https://other.test", VENDOR_BASE_URL]).start()
        with patch(one):  # the same world is no mix-up
            assert ask(library).status_code == 200
        assert ask(library).status_code == 200
    assert (len(one.calls), len(other.calls)) == (2, 0)
    with patch(other):
        assert ask(library).status_code == 200
    assert len(other.calls) == 1


@BOTH
def test_threads_with_a_base_url_each_have_a_world_each(library: Any, patch: Any) -> None:
    count, rounds = 4, 5
    worlds = [World(f"w{number}") for number in range(count)]
    gate, wrong = threading.Barrier(count), []

    def client(world: World) -> None:
        base = f"https://{world.name}.test"
        gate.wait()
        for _ in range(rounds):
            with patch(world, base_urls=[base]):
                answer = ask(library, f"{base}/v1/balance", verify=False)
            if answer.status_code != 200:
                wrong.append(answer)

    threads = [threading.Thread(target=client, args=(world,)) for world in worlds]
    before = library.HTTPTransport.handle_request, library.Client._transport_for_url
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert [len(world.calls) for world in worlds] == [rounds] * count
    assert (library.HTTPTransport.handle_request, library.Client._transport_for_url) == before


@BOTH
def test_one_world_among_threads_counts_every_call(library: Any, patch: Any) -> None:
    with patch(World(uuid4().hex)) as active:
        threads = [threading.Thread(target=ask, args=(library,), kwargs={"verify": False}) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(call.number for call in active.calls) == list(range(1, 9))
        assert {call.status for call in active.calls} == {200}


@BOTH
@pytest.mark.parametrize("first_passes", [False, True])
def test_one_that_lets_unknown_hosts_pass_keeps_nothing_from_another(
    library: Any, patch: Any, first_passes: bool
) -> None:
    words: list[Any] = ["pass", "fail"] if first_passes else ["fail", "pass"]
    other = "https://other.test"
    with patch(World("one"), unknown_hosts=words[0]), patch(World("two"), base_urls=[other], unknown_hosts=words[1]):
        assert ask(library).status_code == 200
        assert ask(library, f"{other}/v1/balance").status_code == 200
        with pytest.raises((AllMockedAssertionError, library.ConnectError), match="not under a base URL"):
            ask(library, "http://127.0.0.1:9/")


def test_a_route_that_the_test_lets_pass_goes_to_the_network(world: World) -> None:
    with OutpaintRouter(world) as api:
        api.route(host="127.0.0.1").pass_through()
        with pytest.raises(httpx.ConnectError, match="refused"):
            httpx.get("http://127.0.0.1:9/")


# Clients' own transports


@BOTH
def test_a_transport_that_wraps_the_librarys_is_answered(library: Any, patch: Any) -> None:
    class Wrapping(library.BaseTransport):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.inner, self.seen = library.HTTPTransport(), 0

        def handle_request(self, request: Any) -> Any:
            self.seen += 1
            return self.inner.handle_request(request)

    with patch(World(uuid4().hex)):
        transport = Wrapping()
        assert ask(library, transport=transport).status_code == 200
        with pytest.raises((AllMockedAssertionError, library.ConnectError), match="not under a base URL"):
            ask(library, "http://127.0.0.1:9/", transport=Wrapping())
    assert transport.seen == 1


@BOTH
def test_what_a_transport_adds_to_the_librarys_is_not_left_out(library: Any, patch: Any) -> None:
    seen = []

    class Logging(library.HTTPTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            seen.append(str(request.url))
            return super().handle_request(request)

    with patch(World(uuid4().hex)):
        assert ask(library, transport=Logging()).status_code == 200
    assert seen == [BALANCE]


@BOTH
def test_a_proxy_of_the_environment_is_not_asked(library: Any, patch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with patch(World(uuid4().hex)):
        assert ask(library).status_code == 200
        assert ask(library, by_async=True).status_code == 200


@BOTH
@pytest.mark.parametrize("by_async", [False, True])
@pytest.mark.parametrize(("refusals", "took"), [(1, 0.0), (2, 0.5), (3, 1.5), (4, None)])
def test_the_librarys_own_retries_see_refused_connections(
    library: Any, patch: Any, by_async: bool, refusals: int, took: float | None
) -> None:
    with patch(World(uuid4().hex, clock=VirtualClock(1e9))) as active:
        active.world.scenarios.next("refuse", times=refusals)
        transport = (library.AsyncHTTPTransport if by_async else library.HTTPTransport)(retries=3)
        if took is None:
            with pytest.raises(library.ConnectError):
                ask(library, by_async=by_async, transport=transport)
        else:
            assert ask(library, by_async=by_async, transport=transport).status_code == 200
            # httpcore pauses 0, 0.5 and 1 seconds.
            assert active.world.clock.now() - 1e9 == took
        assert len(active.calls) == min(refusals, 3) + 1


@BOTH
def test_a_refused_connection_is_not_tried_again_by_itself(library: Any, patch: Any) -> None:
    with patch(World(uuid4().hex)) as active:
        active.world.scenarios.next("refuse")
        with pytest.raises(library.ConnectError):
            ask(library)
        assert len(active.calls) == 1


def test_a_router_answers_by_its_handler_too(world: World) -> None:
    """As respx offers it for clients that take a transport."""
    router: Callable[..., Any] = OutpaintRouter(world).handler
    with httpx.Client(transport=httpx.MockTransport(router), headers=KEY) as client:
        assert client.get(BALANCE).status_code == 200
        with pytest.raises(AllMockedAssertionError, match="not under a base URL"):
            client.get("https://elsewhere.test/")
