"""What an operation of the admin API is: how it is asked, what it is given and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from outpaint.mocks.mock_paths import DEFAULT_WORLD
from outpaint.mocks.scenarios.grammar import ScenarioError

if TYPE_CHECKING:
    from outpaint.mocks.world.world import World
    from outpaint.mocks.world.worlds import Worlds

PNG: Final = "image/png"
JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"
XML: Final = "application/xml"


@dataclass(frozen=True, slots=True)
class AdminRequest:
    """A request to one operation: its world, what stood in its path, query and body, and where the server is."""

    worlds: Worlds
    world_name: str
    origin: str
    base: str
    """What stood before /_mock: empty, or a world's prefix."""
    path: dict[str, str] = field(default_factory=dict)
    query: Any = None
    body: Any = None

    @property
    def world(self) -> World:
        """The world that the request is about; it must exist, but for the default one."""
        if self.world_name == DEFAULT_WORLD:
            return self.worlds.get()
        return self.worlds.find(self.world_name)

    def number(self, name: str) -> int:
        """A number in the path; raises `ScenarioError` for what is none."""
        text = self.path[name]
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            raise ScenarioError(f"{text[:30]!r} is no number", field=name)
        return int(text)


@dataclass(frozen=True, slots=True)
class Made:
    """An answer that made something."""

    body: BaseModel


@dataclass(frozen=True, slots=True)
class AdminOperation:
    """One operation: `path` is a template below /_mock, `gives` a model or a media type."""

    verb: str
    path: str
    name: str
    summary: str
    act: Callable[[AdminRequest], BaseModel | Made | bytes]
    gives: type[BaseModel] | str
    takes: type[BaseModel] | None = None
    optional_body: bool = False
    query: type[BaseModel] | None = None
    of_world: bool = True
    makes: bool = False
