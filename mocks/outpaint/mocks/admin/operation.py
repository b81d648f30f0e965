"""What an operation of the admin API is, what it is asked and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from outpaint.mocks.scenarios.grammar import ScenarioError
from outpaint.mocks.world.machine_time import MachineTime
from outpaint.mocks.world.world import World
from outpaint.mocks.world.worlds import Worlds

PNG: Final = "image/png"
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
XML: Final = "application/xml"
TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class AdminRequest:
    """A request to one operation; `path` has the parameters in its path, `query` and `body` are the operation's models.

    `origin` is where the server is reached, `base` the path before /_mock: empty, or a world's prefix.
    """

    worlds: Worlds
    world_name: str
    origin: str
    base: str
    path: dict[str, str]
    query: Any
    body: Any

    @property
    def world(self) -> World:
        """The world that the request is about, made if there is none; raises `WorldError` for a name of none."""
        world = self.worlds.get(self.world_name)
        world.used_at = MachineTime.seconds()
        return world

    def number(self, name: str = "number") -> int:
        """A number in the path, by its name there; raises `ScenarioError` for what is none."""
        text = self.path[name]
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            raise ScenarioError(f"{text[:30]!r} is no number", field=name)
        return int(text)


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of an operation that makes something, where that was there already."""

    body: BaseModel


Action = Callable[[AdminRequest], BaseModel | Found | bytes]


@dataclass(frozen=True, slots=True)
class AdminOperation:
    """One operation: `path` is a template below /_mock, `gives` a model or a media type.

    What `makes` something answers 201. What is not `of_world` concerns the whole server.
    """

    method: str
    path: str
    name: str
    summary: str
    act: Action
    gives: type[BaseModel] | str
    takes: type[BaseModel] | None
    optional_body: bool
    query: type[BaseModel] | None
    of_world: bool
    makes: bool
