"""Two answers' headers side by side: which there are, and what kind of value each has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from outpaint_contracts.headers import EXPOSED

from outpaint_mocks.drift.body_comparison import Found
from outpaint_mocks.drift.difference import ABSENT
from outpaint_mocks.drift.recording import Answer
from outpaint_mocks.drift.value_classes import class_of_text

_OF_THE_WAY: Final = re.compile(
    r"date|server|connection|keep-alive|content-length|transfer-encoding|content-encoding|accept-ranges|via|age|alt-svc"
    r"|vary|etag|last-modified|set-cookie|strict-transport-security|nel|report-to|server-timing|x-powered-by"
    r"|x-request-id|x-amzn-.*|x-amz-.*|apigw-.*|x-cache.*|x-served-by|x-timer|x-envoy-.*|cf-.*|x-mock-.*|x-runtime"
)
"""What servers, gateways and caches add: nothing that a client of the API relies on."""
_OF_THE_CONTRACT: Final = frozenset(
    {name.lower() for name in EXPOSED} | {"content-type", "allow", "www-authenticate", "access-control-allow-origin"}
)
_EXACT: Final = frozenset({"preference-applied", "idempotent-replayed", "access-control-allow-origin"})
_LISTS: Final = frozenset(
    {"allow", "access-control-allow-methods", "access-control-allow-headers", "access-control-expose-headers"}
)
_SAYS_NOTHING: Final = frozenset({"cache-control", "content-disposition", "www-authenticate", "x-outpaint-warning"})
"""Whose values are prose, or nobody's business: only whether they are there."""


def compare_headers(recorded: Answer, replayed: Answer, *, only: frozenset[str] | None = None) -> Iterator[Found]:
    """The differences; `only` these headers, by their names in lower case."""
    one, other = _told(recorded), _told(replayed)
    for name in sorted(one.keys() | other.keys()):
        if _OF_THE_WAY.fullmatch(name) or (only is not None and name not in only):
            continue
        mild = name not in _OF_THE_CONTRACT
        if name not in other:
            yield name, _shown(name, one[name]), ABSENT, "mild" if mild else "missing"
        elif name not in one:
            yield name, ABSENT, _shown(name, other[name]), "mild" if mild else "extra"
        elif _shown(name, one[name]) != _shown(name, other[name]):
            ids = {_shown(name, one[name]), _shown(name, other[name])} <= _ID_CLASSES
            yield name, _shown(name, one[name]), _shown(name, other[name]), "mild" if mild or ids else "other"


_ID_CLASSES: Final = frozenset({"a UUID", "hexadecimal digits", "text", "a whole number"})


def _told(answer: Answer) -> dict[str, str]:
    told: dict[str, str] = {}
    for name, value in answer.headers:
        lower = name.lower()
        told[lower] = f"{told[lower]}, {value}" if lower in told else value
    return told


def _shown(name: str, value: str) -> str:
    """What of a value counts."""
    if name == "content-type":
        return value.partition(";")[0].strip().lower()
    if name in _EXACT:
        return value
    if name in _LISTS:
        return ", ".join(sorted({item.strip().lower() for item in value.split(",")}))
    return "there" if name in _SAYS_NOTHING else class_of_text(value)
