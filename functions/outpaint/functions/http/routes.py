"""Which route a path is, and the methods that it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final
from urllib.parse import unquote

from outpaint.contracts.paths_and_headers import BALANCE_PATH, INFERENCE_PATH, OUR_PATHS, OUTPAINT_PATH, UPLOADS_PATH
from outpaint.contracts.profiles import WireProfile
from outpaint.functions.service.file_urls import PREFIX as FILES_PREFIX
from outpaint.functions.service.file_urls import UPLOADS_PREFIX

_ENCODED_SLASH: Final = re.compile("%2f", re.IGNORECASE)
INFERENCES_PREFIX: Final = INFERENCE_PATH.partition("{")[0]


class Route(Enum):
    """The routes of the API."""

    OUTPAINT = auto()
    INFERENCE = auto()
    BALANCE = auto()
    FILE = auto()
    UPLOADS = auto()
    UPLOAD = auto()
    OPENAPI = auto()
    DOCS = auto()
    HEALTH = auto()
    READY = auto()
    METRICS = auto()


_READ: Final = ("GET", "HEAD", "OPTIONS")
METHODS: Final[dict[Route, tuple[str, ...]]] = {
    route: ("POST", "OPTIONS") if route in (Route.OUTPAINT, Route.UPLOADS, Route.UPLOAD) else _READ for route in Route
}
# Everything else needs an API key: these are public, or their URL is signed.
PUBLIC: Final = frozenset(
    {Route.FILE, Route.UPLOAD, Route.OPENAPI, Route.DOCS, Route.HEALTH, Route.READY, Route.METRICS}
)
# Their URLs are signed, and are to be used as they were given.
_SIGNED: Final = frozenset({Route.FILE, Route.UPLOAD})


@dataclass(frozen=True, slots=True)
class Match:
    """A route and the id in its path, if it has one; `operated` is found only on a host that tells its operators.

    With `slash` the path has a slash at its end which was not counted.
    """

    route: Route
    id: str = ""
    operated: bool = False
    slash: bool = False


_FIXED: Final = {
    OUTPAINT_PATH: Match(Route.OUTPAINT),
    BALANCE_PATH: Match(Route.BALANCE),
    UPLOADS_PATH: Match(Route.UPLOADS),
    "/openapi.json": Match(Route.OPENAPI),
    "/docs": Match(Route.DOCS),
    "/health": Match(Route.HEALTH),
    "/ready": Match(Route.READY, operated=True),
    "/metrics": Match(Route.METRICS, operated=True),
}
_WITH_ID: Final = (
    (INFERENCES_PREFIX, Route.INFERENCE),
    (FILES_PREFIX, Route.FILE),
    (UPLOADS_PREFIX, Route.UPLOAD),
)


def decoded_path(raw: str) -> str:
    """A path without its percent-encoding but that of a slash: `%2F` is data, and parts nothing (RFC 3986, 2.2)."""
    return "%2F".join([unquote(part) for part in _ENCODED_SLASH.split(raw)])


def match(path: str, profile: WireProfile = WireProfile.OURS) -> Match | None:
    """The route of a path, or None where there is none in the profile.

    In the profile `ours` one slash at the end of a path is not counted, but for URLs that are signed.
    """
    found = _exactly(path, profile)
    if found is None and profile is WireProfile.OURS and path.endswith("/"):
        found = _exactly(path[:-1], profile)
        return None if found is None or found.route in _SIGNED else replace(found, slash=True)
    return found


def _exactly(path: str, profile: WireProfile) -> Match | None:
    if profile is WireProfile.VENDOR and any(path == ours or path.startswith(f"{ours}/") for ours in OUR_PATHS):
        return None
    fixed = _FIXED.get(path)
    if fixed is not None:
        return fixed
    for prefix, route in _WITH_ID:
        if path.startswith(prefix):
            rest = path[len(prefix) :]
            if rest and "/" not in rest:
                return Match(route, rest)
    return None
