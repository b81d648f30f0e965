"""The mock over TCP: in a thread for tests, one server for a process and a base URL for each world."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from outpaint_functions.embedded.server import serving

from outpaint_mocks.admin import Administration
from outpaint_mocks.faces.connection import MockConnection
from outpaint_mocks.faces.host import MockHost
from outpaint_mocks.mock_paths import DEFAULT_WORLD, WORLD_PREFIX
from outpaint_mocks.world import World
from outpaint_mocks.worlds import WorldError, Worlds

if TYPE_CHECKING:
    from outpaint_mocks.calls import Calls
    from outpaint_mocks.scenarios import Scenarios
    from outpaint_mocks.sources import Sources
    from outpaint_mocks.virtual_clock import VirtualClock


class ServedWorld:
    """A world under a base URL of its own on a shared server.

    `url` is what stands before `/v1`, `base_url` what a client of the API is configured with.
    """

    def __init__(self, world: World, server_url: str, refused_url: str) -> None:
        self.world: Final = world
        self.url: Final = f"{server_url}{WORLD_PREFIX}{world.name}"
        self.base_url: Final = f"{self.url}/v1"
        self.refused_url: Final = refused_url
        """A base URL whose port is taken, but not listened on: connections are refused while the server runs."""

    @property
    def calls(self) -> Calls:
        """Every call that the world was sent."""
        return self.world.calls

    @property
    def scenarios(self) -> Scenarios:
        """What goes how."""
        return self.world.scenarios

    @property
    def clock(self) -> VirtualClock:
        """The world's time."""
        return self.world.clock

    @property
    def sources(self) -> Sources:
        """The pictures behind addresses."""
        return self.world.sources


class ThreadServer:
    """A mock server in a thread; worlds come and go while it runs."""

    def __init__(self, url: str, refused_url: str, worlds: Worlds, given: dict[str, World]) -> None:
        self.url: Final = url
        self.refused_url: Final = refused_url
        self._worlds = worlds
        self._given = given

    @contextmanager
    def serving(self, world: World) -> Iterator[ServedWorld]:
        """Serve a world for as long as the block runs; its name must be its own on this server."""
        if world.name in self._worlds.names:
            raise WorldError(f"there is a world {world.name} already: give this one another name")
        self._given[world.name] = world
        self._worlds.get(world.name)
        try:
            yield ServedWorld(world, self.url, self.refused_url)
        finally:
            self._worlds.remove(world.name)


@contextmanager
def thread_server() -> Iterator[ThreadServer]:
    """A server on a free loopback port for as long as the block runs."""
    given: dict[str, World] = {DEFAULT_WORLD: World(DEFAULT_WORLD)}

    def make(name: str) -> World:
        world = given.pop(name, None)
        if world is None:
            raise WorldError(f"there is no world {name[:70]}: its test is over, or never began")
        return world

    worlds = Worlds(make)
    host = MockHost(worlds, Administration(worlds))
    with ExitStack() as stack:
        stack.callback(host.close)
        closed = stack.enter_context(_closed_port())
        url = stack.enter_context(serving(host, connection=MockConnection))
        yield ThreadServer(url, closed, worlds, given)


@contextmanager
def _closed_port() -> Iterator[str]:
    """A base URL on a port that nobody else gets and nobody listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"


_NUMBERS: Final = itertools.count(1)


def fresh_name() -> str:
    """A world's name that this process has not used."""
    return f"w{next(_NUMBERS)}"
