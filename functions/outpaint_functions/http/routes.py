"""The paths of the API and the verbs each one takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from outpaint_functions.service.file_urls import PREFIX as FILES_PREFIX
from outpaint_functions.service.file_urls import UPLOADS_PREFIX

INFERENCES_PREFIX: Final = "/v1/painting/"
OUTPAINT_PATH: Final = "/v1/painting/outpaint"
BALANCE_PATH: Final = "/v1/balance"
UPLOADS_PATH: Final = "/v1/uploads"


class Route(Enum):
    """What lies at a path."""

    OUTPAINT = auto()
    INFERENCE = auto()
    BALANCE = auto()
    FILE = auto()
    UPLOADS = auto()
    UPLOAD = auto()
    OPENAPI = auto()
    DOCS = auto()
    HEALTH = auto()


_FIXED: Final = {
    OUTPAINT_PATH: Route.OUTPAINT,
    BALANCE_PATH: Route.BALANCE,
    UPLOADS_PATH: Route.UPLOADS,
    "/openapi.json": Route.OPENAPI,
    "/docs": Route.DOCS,
    "/health": Route.HEALTH,
}
_READ: Final = ("GET", "HEAD", "OPTIONS")
METHODS: Final[dict[Route, tuple[str, ...]]] = {
    route: ("POST", "OPTIONS") if route in (Route.OUTPAINT, Route.UPLOADS, Route.UPLOAD) else _READ for route in Route
}
# Everything else needs an API key: these are documents, or carry their permission in a signature.
PUBLIC: Final = frozenset({Route.FILE, Route.UPLOAD, Route.OPENAPI, Route.DOCS, Route.HEALTH})


@dataclass(frozen=True, slots=True)
class Match:
    """A route and the id in its path, if it has one."""

    route: Route
    id: str = ""


def match(path: str) -> Match | None:
    """What lies at a path, or None."""
    fixed = _FIXED.get(path)
    if fixed is not None:
        return Match(fixed)
    for prefix, route in (
        (INFERENCES_PREFIX, Route.INFERENCE),
        (FILES_PREFIX, Route.FILE),
        (UPLOADS_PREFIX, Route.UPLOAD),
    ):
        rest = path[len(prefix) :]
        if path.startswith(prefix) and rest and "/" not in rest:
            return Match(route, rest)
    return None
