"""The worlds of one server; a request names its own by the path's prefix /t/<world> or the key's prefix @<world>:."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.http.messages import RequestHead
from outpaint.mocks.mock_paths import DEFAULT_WORLD, WORLD_PREFIX
from outpaint.mocks.world.world import Studio, World
from outpaint.mocks.world.world_options import WorldOptions

MAX_WORLDS: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEY_HEADER: Final = API_KEY.lower()


class WorldError(OutpaintError):
    """A world that does not exist or cannot be made."""

    def __init__(self, detail: str, code: ErrorCode = ErrorCode.UNKNOWN_ROUTE) -> None:
        super().__init__(code, detail, field="world")


class Worlds:
    """The worlds of one server; each is made when it is first named. May be used from several threads.

    `make` makes a world from its name; without it, worlds have a frozen clock each and share painter and pictures.
    `make_other` makes one with other options, by name as `WorldOptions` has them; None where that is not offered.
    """

    def __init__(
        self,
        make: Callable[[str], World] | None = None,
        make_other: Callable[[str, Mapping[str, Any]], World] | None = None,
    ) -> None:
        studio = Studio()
        if make is None:
            make, make_other = (lambda name: World(name, studio=studio)), make_other or _set_up(studio)
        self._make = make
        self._make_other = make_other
        self._lock = threading.Lock()
        self._worlds: dict[str, World] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The worlds there are, in the order they were made."""
        with self._lock:
            return tuple(self._worlds)

    def get(self, name: str = DEFAULT_WORLD) -> World:
        """The world of this name, made if there is none.

        Raises `WorldError` for a name that cannot be one, and when there are too many worlds.
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
            return self._made(name, lambda: make_other(name, options))

    def add(self, world: World) -> None:
        """Serve a world that was made elsewhere; raises `WorldError` where there is one of its name already."""
        with self._lock:
            self._made(world.name, lambda: world)

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
        if len(self._worlds) >= MAX_WORLDS:
            raise WorldError(
                f"there are {MAX_WORLDS} worlds already: remove one that is done with", ErrorCode.UNAVAILABLE
            )
        world = self._worlds[name] = make()
        return world

    def find(self, name: str) -> World:
        """The world of this name; raises `WorldError` where there is none."""
        world = self._worlds.get(name)
        if world is None:
            raise WorldError(f"there is no world {name[:70]}: it comes to be when a call or a test first names it")
        return world

    def remove(self, name: str) -> None:
        """Forget a world with all its state; raises `WorldError` where there is none."""
        with self._lock:
            if self._worlds.pop(name, None) is None:
                raise WorldError(f"there is no world {name[:70]}")

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
                raise WorldError(f"{_shown(key)} names no world: write @<world>:<key>")
            headers = tuple((n, bare if n == _KEY_HEADER else value) for n, value in head.headers)
            head = replace(head, headers=headers)
            name = by_key if name is None else name
        if name is None:
            return self.get(), head
        return self.get(name), replace(head, origin=f"{head.origin.rstrip('/')}{WORLD_PREFIX}{name}")


def _set_up(studio: Studio) -> Callable[[str, Mapping[str, Any]], World]:
    return lambda name, options: WorldOptions.of(options).checked().world(name, studio)


def _shown(key: str) -> str:
    return key if len(key) <= 40 else key[:37] + "..."
