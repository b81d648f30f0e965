"""The pytest plugin: fixtures with a world for each test, and with the transports by which clients reach it.

Nothing of the mock is imported before a test uses one of these fixtures.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from outpaint.mocks.moto_stack import AwsStack
    from outpaint.mocks.pact.pact_file import Pact
    from outpaint.mocks.report.findings import Report
    from outpaint.mocks.transports.httpx2_patch import OutpaintPatch
    from outpaint.mocks.transports.httpx_transport import OutpaintTransport
    from outpaint.mocks.transports.respx_router import OutpaintRouter
    from outpaint.mocks.transports.tcp_server import ServedWorld, ThreadServer
    from outpaint.mocks.transports.vendor_guard import VendorGuard
    from outpaint.mocks.world.virtual_sleeps import VirtualSleeps
    from outpaint.mocks.world.world import Studio, World

MARKER = "outpaint"
_TRANSPORT_OPTIONS = ("base_url", "unknown_hosts", "assert_all_called", "pact")
_PACT = "outpaint-pact"
_NUMBERS = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for the run's pact."""
    group = parser.getgroup("outpaint", "the mock of the outpainting API")
    group.addoption(
        "--outpaint-pact",
        metavar="FILE",
        type=Path,
        help="write what the tests did to the mock as a Pact v4 file, if all of them pass",
    )
    group.addoption(
        "--outpaint-consumer", metavar="NAME", help="who the consumer is in that file (the root folder's name)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the plugin that writes the run's pact."""
    file: Path | None = config.getoption("--outpaint-pact")
    if file is not None:
        from outpaint.mocks.pact.pact_session import PactSession

        consumer = config.getoption("--outpaint-consumer") or config.rootpath.name
        session = PactSession(config.invocation_params.dir / file, consumer, getattr(config, "workeroutput", None))
        config.pluginmanager.register(session, _PACT)
    config.addinivalue_line(
        "markers",
        f"{MARKER}(scenario='polls(2)', credits=3, keys={{'key': 10}}, clock='frozen', start=None, seed=0, "
        "painter='flat', settings={'rate_limit': 5}, stalled_polls=100, base_url='https://...', unknown_hosts='fail', "
        "assert_all_called=False, pact=True): set up the mock of the outpainting API; the nearest marker wins, option "
        "by option",
    )


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The markers' options, of which the nearest marker's win."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers(MARKER))):
        if marker.args:
            raise pytest.UsageError(f"@pytest.mark.{MARKER} takes its options by name, not {marker.args[0]!r}")
        options |= marker.kwargs
    return options


def _bases(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The options of the transports that intercept clients."""
    from outpaint.mocks.transports.in_process import VENDOR_BASE_URL

    marked = _marked(request)
    urls = marked.get("base_url", VENDOR_BASE_URL)
    return {
        "base_urls": (urls,) if isinstance(urls, str) else urls,
        "unknown_hosts": marked.get("unknown_hosts", "fail"),
    }


@pytest.fixture(scope="session")
def _outpaint_studios() -> dict[str, Studio]:
    """What worlds share, by painter, so that a picture is inspected once in a session."""
    return {}


@pytest.fixture
def outpaint_world(request: pytest.FixtureRequest, _outpaint_studios: dict[str, Studio]) -> Iterator[World]:
    """A world of the test's own: the service with a clock, scenarios, sources and a journal that the test controls.

    All transports of one test lead to it. Set it up by `@pytest.mark.outpaint(...)`.
    """
    from outpaint.contracts.errors import OutpaintError
    from outpaint.mocks.world.world import Studio
    from outpaint.mocks.world.world_options import WorldOptions, painter_named

    marked = _marked(request)
    try:
        options = WorldOptions.of({name: value for name, value in marked.items() if name not in _TRANSPORT_OPTIONS})
        if options.painter not in _outpaint_studios:
            _outpaint_studios[options.painter] = Studio(painter_named(options.painter))
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", request.node.name)[:40].strip("-.")
        world = options.world(f"{slug or 'test'}-{next(_NUMBERS)}", _outpaint_studios[options.painter])
    except OutpaintError as error:
        raise pytest.UsageError(f"@pytest.mark.{MARKER}: {error.detail}") from error
    yield world
    session = request.config.pluginmanager.get_plugin(_PACT)
    if session is not None and marked.get("pact", True):
        session.add(world)
    if marked.get("assert_all_called", False):
        world.assert_all_called()


@pytest.fixture
def outpaint_api(request: pytest.FixtureRequest, outpaint_world: World) -> Iterator[OutpaintRouter]:
    """A respx router that answers httpx clients, sync and async, under the vendor's base URL or the marker's."""
    from outpaint.mocks.transports.respx_router import OutpaintRouter

    with OutpaintRouter(outpaint_world, **_bases(request)) as router:
        yield router


@pytest.fixture
def outpaint_sleeps(outpaint_world: World) -> Iterator[VirtualSleeps]:
    """The client's own sleeps take no time and move the world's clock on; `outpaint_sleeps.seconds` lists them."""
    from outpaint.mocks.world.virtual_sleeps import VirtualSleeps

    with VirtualSleeps(outpaint_world.clock) as sleeps:
        yield sleeps


@pytest.fixture
def outpaint_guard() -> Iterator[VendorGuard]:
    """Fails the test if anything looks for the vendor's own host on the network."""
    from outpaint.mocks.transports.vendor_guard import VendorGuard

    with VendorGuard() as guard:
        yield guard


@pytest.fixture
def outpaint_report(outpaint_world: World) -> Callable[..., Report]:
    """Judges the client by the calls of the test so far: `outpaint_report().assert_passed()`.

    `outpaint_report("vendor")` judges it as one that is to work with the vendor; by default the world's profile counts.
    """
    from outpaint.contracts.profiles import WireProfile
    from outpaint.mocks.report.client_checks import judge

    return lambda profile=None: judge(outpaint_world, None if profile is None else WireProfile(profile))


@pytest.fixture
def outpaint_pact(outpaint_world: World) -> Callable[..., Pact]:
    """The pact of the test so far: `outpaint_pact("web-shop").write("pacts/web-shop-outpaint.json")`."""
    from outpaint.mocks.pact.pact_file import pact_of

    return lambda consumer, *, provider="outpaint": pact_of(outpaint_world, consumer, provider)


@pytest.fixture
def outpaint_httpx2(request: pytest.FixtureRequest, outpaint_world: World) -> Iterator[OutpaintPatch]:
    """Answers httpx2 clients, sync and async, under the vendor's base URL or the marker's."""
    from outpaint.mocks.transports.httpx2_patch import OutpaintPatch

    with OutpaintPatch(outpaint_world, **_bases(request)) as patch:
        yield patch


@pytest.fixture
def outpaint_transport(outpaint_world: World) -> OutpaintTransport:
    """A transport for httpx clients that take one; it answers all their requests."""
    from outpaint.mocks.transports.httpx_transport import OutpaintTransport

    return OutpaintTransport(outpaint_world)


@pytest.fixture(scope="session")
def _outpaint_thread_server() -> Iterator[ThreadServer]:
    """One server for all tests of a process."""
    from outpaint.mocks.transports.tcp_server import thread_server

    with thread_server() as server:
        yield server


@pytest.fixture
def outpaint_server(outpaint_world: World, _outpaint_thread_server: ThreadServer) -> Iterator[ServedWorld]:
    """The test's world over TCP, under a base URL of its own: for any client, subprocess or browser."""
    with _outpaint_thread_server.serving(outpaint_world) as served:
        yield served


@pytest.fixture
def outpaint_aws() -> Iterator[AwsStack]:
    """The deployed stack's table, bucket, topic and queue in moto; needs the extra `mocks-aws`."""
    from outpaint.mocks.moto_stack import aws_stack

    with aws_stack() as stack:
        yield stack
