"""The worlds of one server; a request names its own by the path's prefix /t/<world> or the key's prefix @<world>:."""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import Field

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.http.messages import RequestHead
from outpaint.mocks.mock_paths import DEFAULT_WORLD, WORLD_PREFIX
from outpaint.mocks.world.world import Studio, World
from outpaint.mocks.world.world_options import WorldOptions

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEY_HEADER: Final = API_KEY.lower()
_LOG: Final = logging.getLogger("outpaint.mock")
_DROPPED_NAMES: Final = 100


class WorldLimits(ServerLimits):
    """The limits of a mock: those of any server, and of its worlds."""

    worlds: Annotated[
        int, Field(ge=1, description="Worlds of a mock beside its default one; the idlest makes room for a new one.")
    ] = 1000


class WorldError(OutpaintError):
    """A world that does not exist or cannot be made."""

    def __init__(self, detail: str, code: ErrorCode = ErrorCode.UNKNOWN_ROUTE) -> None:
        super().__init__(code, detail, field="world")


class Worlds:
    """The worlds of one server; each is made when it is first named. May be used from several threads.

    `make` makes a world from its name; without it, worlds have a frozen clock each and share painter and pictures.
    `make_other` makes one with other options, by name as `WorldOptions` has them; None where that is not offered.

    There are at most `most` of them beside the default one, which is always there to be made. One more takes the place
    of the one that was called longest ago: first of those that calls alone made and that have no job running, then of
    those with such jobs, and last of those that were set up. A world with a call under way stays, and so does one that
    was added.
    """

    def __init__(
        self,
        make: Callable[[str], World] | None = None,
        make_other: Callable[[str, Mapping[str, Any]], World] | None = None,
        most: int = WorldLimits().worlds,
    ) -> None:
        studio = Studio()
        if make is None:
            make, make_other = (lambda name: World(name, studio=studio)), make_other or _set_up(studio)
        self._make = make
        self._make_other = make_other
        self._most = most
        self._lock = threading.Lock()
        self._worlds: dict[str, World] = {}
        self._set_up: set[str] = set()
        self._added: set[str] = set()
        self._dropped: deque[str] = deque(maxlen=_DROPPED_NAMES)

    @property
    def names(self) -> tuple[str, ...]:
        """The worlds there are, in the order they were made."""
        with self._lock:
            return tuple(self._worlds)

    @property
    def dropped(self) -> tuple[str, ...]:
        """The names of the latest worlds that made room for others, at most a hundred."""
        with self._lock:
            return tuple(self._dropped)

    def __iter__(self) -> Iterator[World]:
        with self._lock:
            return iter(tuple(self._worlds.values()))

    def get(self, name: str = DEFAULT_WORLD) -> World:
        """The world of this name, made if there is none.

        Raises `WorldError` for a name that cannot be one, and where no world can make room for it.
        """
        world = self._worlds.get(name)
        if world is not None:
            return world
        with self._lock:
            return self._worlds.get(name) or self._made(name, lambda: self._make(name))

    def make(self, name: str, options: Mapping[str, Any]) -> World:
        """A new world with other options than the server's others.

        Raises `WorldError` where there is one of this name already, and `OutpaintError` for options out of range.
        """
        make_other = self._make_other
        if make_other is None:
            raise WorldError("the worlds of this server are made by its test: set them up there")
        with self._lock:
            world = self._made(name, lambda: make_other(name, options))
            self._set_up.add(name)
            return world

    def add(self, world: World) -> None:
        """Serve a world that was made elsewhere; raises `WorldError` where there is one of its name already."""
        with self._lock:
            self._made(world.name, lambda: world)
            self._added.add(world.name)

    def keep(self, name: str) -> None:
        """Count a world as set up, so that it goes after those that calls alone made."""
        with self._lock:
            if name in self._worlds:
                self._set_up.add(name)

    def remove(self, name: str) -> None:
        """Forget a world with all its state; raises `WorldError` where there is none."""
        with self._lock:
            if name not in self._worlds:
                raise WorldError(f"there is no world {name[:70]}")
            self._forget(name)

    def _made(self, name: str, make: Callable[[], World]) -> World:
        if name in self._worlds:
            raise WorldError(
                f"there is a world {name[:70]} already: remove it first, or give this one another name",
                ErrorCode.INVALID_PARAMETER,
            )
        if _NAME.fullmatch(name) is None:
            raise WorldError(
                f"{name[:70]!r} cannot name a world: use 1 to 64 letters, digits, dots, dashes and underscores"
            )
        # Made before another is dropped for it: one that cannot be made costs nobody a world.
        world = make()
        if name != DEFAULT_WORLD and len(self._worlds) - (DEFAULT_WORLD in self._worlds) >= self._most:
            self._make_room(name)
        self._worlds[name] = world
        return world

    def _make_room(self, name: str) -> None:
        idle = [
            world
            for world in sorted(self._worlds.values(), key=lambda world: world.used_at)
            if not world.under_way and world.name != DEFAULT_WORLD and world.name not in self._added
        ]
        by_calls = (world for world in idle if world.name not in self._set_up)
        first: World | None = None
        for world in by_calls:
            if not world.pending:
                first = world
                break
            first = first or world
        gone = first or next(iter(idle), None)
        if gone is None:
            raise WorldError(
                f"all {self._most} worlds are in use: remove one that is done with, or start with --limit worlds=N",
                ErrorCode.UNAVAILABLE,
            )
        self._forget(gone.name)
        self._dropped.append(gone.name)
        said = "world %s was dropped for world %s: --limit worlds=N lets more than %d be"
        _LOG.warning(said, gone.name, name, self._most)

    def _forget(self, name: str) -> None:
        del self._worlds[name]
        self._set_up.discard(name)
        self._added.discard(name)

    def of(self, head: RequestHead) -> tuple[World, RequestHead]:
        """The world that a request names, and the request without the prefix that names it.

        A path's prefix is moved to `origin`, so that result URLs lead back to this world. Where path and key both name
        a world, the path counts. Raises `WorldError` for a name that cannot be one.
        """
        name: str | None = None
        if head.path.startswith(WORLD_PREFIX):
            name, slash, rest = head.path[len(WORLD_PREFIX) :].partition("/")
            head = replace(head, path=slash + rest)
        key = head.header(_KEY_HEADER)
        if key is not None and key.startswith("@"):
            by_key, colon, bare = key[1:].partition(":")
            if not colon:
                # The detail doesn't repeat it: a key that begins so by chance would stand in its client's log.
                raise WorldError("a key that begins with @ names a world: write @<world>:<key>")
            headers = tuple((n, bare if n == _KEY_HEADER else value) for n, value in head.headers)
            head = replace(head, headers=headers)
            name = by_key if name is None else name
        if name is None:
            return self.get(), head
        return self.get(name), replace(head, origin=f"{head.origin.rstrip('/')}{WORLD_PREFIX}{name}")


def _set_up(studio: Studio) -> Callable[[str, Mapping[str, Any]], World]:
    return lambda name, options: WorldOptions.of(options).checked().world(name, studio)
