"""A recorded answer compared with the one to the same request now: status, headers, body, pictures, time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import NoneType
from typing import Any, Final

from outpaint.conformance.drift.recording_file import (
    Answer,
    Body,
    Json,
    Nothing,
    PictureBody,
    RecordedExchange,
    RecordedPicture,
)
from outpaint.conformance.drift.scrubbing import REFERENCE
from outpaint.contracts.paths_and_headers import CORRELATION_ID, EXPOSED


class DifferenceKind(StrEnum):
    """What differs."""

    STATUS = "status"
    HEADER = "header"
    BODY = "body"
    PICTURE = "picture"
    POLLS = "polls"
    TIMING = "timing"
    CREDITS = "credits"


class Baseline(StrEnum):
    """Whose answers clients are taken to rely on: what these have and the others lack breaks them."""

    RECORDED = "recorded"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class AnswerDifference:
    """One difference; `where` is a header's name, a JSON pointer with `*` for any place in a list, or empty."""

    exchange: int
    kind: DifferenceKind
    recorded: str
    replayed: str
    breaking: bool = False
    where: str = ""

    @property
    def name(self) -> str:
        """As `--ignore` names it: `header:retry-after`, `body:/data/*/url`, `status`."""
        return f"{self.kind}:{self.where}" if self.where else self.kind.value


_ABSENT: Final = "absent"
_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_CLASSES: Final = (
    (re.compile(rf"(?i){_UUID}"), "a UUID"),
    (re.compile(rf"(?i){_UUID}\.[a-z0-9]{{2,5}}"), "a UUID with an extension"),
    (re.compile(r"(?i)https?://[^\s/]+.*"), "an absolute URL"),
    (re.compile(rf"(?i)/\S*{_UUID}\S*"), "a path with a UUID"),
    (re.compile(r"/\S*"), "a path"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)"), "a date with a time zone"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?"), "a date without a time zone"),
    (re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"), "an HTTP date"),
    (re.compile(r"(?i)[0-9a-f]{16,128}"), "hexadecimal digits"),
)
_TYPES: Final = {NoneType: "null", bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
_ID_NAMES: Final = re.compile(r"(?:.*_)?id")
_EPOCH_S: Final = 500_000_000
_EPOCH_MS: Final = 500_000_000_000


def names_an_id(member: str) -> bool:
    return _ID_NAMES.fullmatch(member) is not None


def class_of_text(text: str) -> str:
    if re.fullmatch(r"-?\d{1,18}", text):
        return class_of_number(int(text))
    if re.fullmatch(r"-?\d+\.\d+", text):
        return "a number with a fraction"
    if not text.strip():
        return "empty"
    return next((name for pattern, name in _CLASSES if pattern.fullmatch(text)), "text")


def class_of_number(number: float) -> str:
    """A number by its size, where it may be a time: seconds from now are small, those since 1970 are not."""
    if abs(number) >= _EPOCH_MS:
        return "milliseconds since 1970, or as large"
    return "seconds since 1970, or as large" if abs(number) >= _EPOCH_S else "a whole number"


def type_of(value: Any) -> str:
    return _TYPES.get(type(value), "object")


Found = tuple[str, str, str, str]
"""Where, recorded, replayed, and what it is: `missing` or `extra` now, `other`, or `mild`, which breaks no client."""

_CONTRACT_WORDS: Final = frozenset({"status", "error_code", "code", "source"})
"""Members whose values are words of the contract: clients branch on them."""
_TIMES: Final = re.compile(r".*(_at|_in|reset|after|seconds|time|expires)")
_FREE: Final = frozenset({"fields"})
"""Members whose own members differ from provider to provider: an upload form's fields."""
_MAY_BE_NULL: Final = frozenset({"field"})
"""Members that may be null on one side: an error that a scenario brings about names no field."""
_COUNTED: Final = frozenset({"data"})
_ERRORS: Final = 400


def compare_json(recorded: Any, replayed: Any, status: int) -> Iterator[Found]:
    """The differences of two bodies of the same status."""
    yield from _values(recorded, replayed, "", "", status)
    yield from _same_id(recorded, replayed)


def _values(recorded: Any, replayed: Any, where: str, name: str, status: int) -> Iterator[Found]:
    one, other = type_of(recorded), type_of(replayed)
    if name in _MAY_BE_NULL and "null" in (one, other):
        return
    if one != other:
        yield where, one, other, "other"
    elif isinstance(recorded, dict):
        if name not in _FREE:
            yield from _members(recorded, replayed, where, status)
    elif isinstance(recorded, list):
        yield from _items(recorded, replayed, where, name, status)
    elif name in _CONTRACT_WORDS or (name == "message" and status >= _ERRORS):
        if recorded != replayed:
            yield where, repr(recorded), repr(replayed), "other"
    elif isinstance(recorded, str):
        yield from _texts(recorded, replayed, where, name)
    elif one == "number" and _TIMES.fullmatch(name):
        first, second = class_of_number(recorded), class_of_number(replayed)
        if first != second:
            yield where, first, second, "other"


def _members(recorded: dict[str, Any], replayed: dict[str, Any], where: str, status: int) -> Iterator[Found]:
    for name in [*recorded, *(name for name in replayed if name not in recorded)]:
        below = f"{where}/{name}"
        if name not in replayed:
            yield below, type_of(recorded[name]), _ABSENT, "missing"
        elif name not in recorded:
            yield below, _ABSENT, type_of(replayed[name]), "extra"
        else:
            yield from _values(recorded[name], replayed[name], below, name, status)


def _items(recorded: list[Any], replayed: list[Any], where: str, name: str, status: int) -> Iterator[Found]:
    if name in _COUNTED and len(recorded) != len(replayed):
        yield where, f"{len(recorded)} items", f"{len(replayed)} items", "other"
    seen: set[Found] = set()
    for one, other in zip(recorded, replayed, strict=False):
        for found in _values(one, other, f"{where}/*", "", status):
            if found not in seen:
                seen.add(found)
                yield found


def _texts(recorded: str, replayed: str, where: str, name: str) -> Iterator[Found]:
    one, other = class_of_text(recorded), class_of_text(replayed)
    if one == other:
        return
    if name == "url" or name.endswith("_url"):
        yield where, one, other, "other"
    elif names_an_id(name):
        yield where, one, other, "mild"
    elif _TIMES.fullmatch(name):
        yield where, one, other, "other"


def _same_id(recorded: Any, replayed: Any) -> Iterator[Found]:
    """Whether both names of a job's id have the same value, where both are there."""
    shown = []
    for value in (recorded, replayed):
        if not isinstance(value, dict) or not {"inference_id", "transaction_id"} <= value.keys():
            return
        same = value["inference_id"] == value["transaction_id"]
        shown.append("equal to /inference_id" if same else "another than /inference_id")
    if shown[0] != shown[1]:
        yield "/transaction_id", shown[0], shown[1], "other"


_OF_INTERMEDIARIES: Final = re.compile(
    r"date|server|connection|keep-alive|content-length|transfer-encoding|content-encoding|accept-ranges|via|age|alt-svc"
    r"|vary|etag|last-modified|set-cookie|strict-transport-security|nel|report-to|server-timing|x-powered-by"
    r"|x-request-id|x-amzn-.*|x-amz-.*|apigw-.*|x-cache.*|x-served-by|x-timer|x-envoy-.*|cf-.*|x-mock-.*|x-runtime"
)
"""What servers, gateways and caches add, and no client of the API relies on."""
_CONTRACT_HEADERS: Final = frozenset(
    {name.lower() for name in EXPOSED} | {"content-type", "allow", "www-authenticate", "access-control-allow-origin"}
)
_EXACT: Final = frozenset({"preference-applied", "idempotent-replayed", "access-control-allow-origin"})
_LISTS: Final = frozenset(
    {"allow", "access-control-allow-methods", "access-control-allow-headers", "access-control-expose-headers"}
)
_PRESENCE_COUNTS: Final = frozenset({"cache-control", "content-disposition", "www-authenticate", "x-outpaint-warning"})
"""Headers whose values are prose or no part of the contract: only their presence counts."""


def compare_headers(recorded: Answer, replayed: Answer, *, only: frozenset[str] | None = None) -> Iterator[Found]:
    """The differences of the headers, or of `only` these, by their names in lower case."""
    one, other = _by_name(recorded), _by_name(replayed)
    for name in sorted(one.keys() | other.keys()):
        if _OF_INTERMEDIARIES.fullmatch(name) or (only is not None and name not in only):
            continue
        mild = name not in _CONTRACT_HEADERS
        if name not in other:
            yield name, _shown(name, one[name]), _ABSENT, "mild" if mild else "missing"
        elif name not in one:
            yield name, _ABSENT, _shown(name, other[name]), "mild" if mild else "extra"
        elif _shown(name, one[name]) != _shown(name, other[name]):
            ids = {_shown(name, one[name]), _shown(name, other[name])} <= _ID_CLASSES
            yield name, _shown(name, one[name]), _shown(name, other[name]), "mild" if mild or ids else "other"


_ID_CLASSES: Final = frozenset({"a UUID", "hexadecimal digits", "text", "a whole number"})


def _by_name(answer: Answer) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in answer.headers:
        lower = name.lower()
        values[lower] = f"{values[lower]}, {value}" if lower in values else value
    return values


def _shown(name: str, value: str) -> str:
    """What of a value counts."""
    if name == "content-type":
        return value.partition(";")[0].strip().lower()
    if name in _EXACT:
        return value
    if name in _LISTS:
        return ", ".join(sorted({item.strip().lower() for item in value.split(",")}))
    return "there" if name in _PRESENCE_COUNTS else class_of_text(value)


_WAITS_S: Final = 3.0
_LONG_S: Final = 70.0
"""Beyond the minute that a sync request waits, and what a network adds to it."""
_SLACK: Final = 1.5


class TimingClass(StrEnum):
    """How long an answer took: at once, as long as a request may wait, or longer than clients usually wait."""

    IMMEDIATE = "immediate"
    WAITS = "waits"
    LONG = "long"

    @classmethod
    def of(cls, seconds: float) -> TimingClass:
        if seconds < _WAITS_S:
            return cls.IMMEDIATE
        return cls.WAITS if seconds < _LONG_S else cls.LONG


def differ(recorded: float, replayed: float) -> bool:
    """Whether two durations are of different classes, and not just on both sides of an edge."""
    low, high = sorted((recorded, replayed))
    return TimingClass.of(low) is not TimingClass.of(high) and high > low * _SLACK


_STORED: Final = frozenset({"content-type"})


def compare(exchange: RecordedExchange, replayed: Answer, seconds: float, baseline: Baseline) -> list[AnswerDifference]:
    """Every difference of one exchange; where the status differs, only that and the time."""
    recorded = exchange.answer
    assert recorded is not None
    differences = list(_timing(exchange, seconds))
    status = _status(exchange, recorded, replayed)
    if status is not None:
        return [status, *differences]
    only = None if _by_the_api(exchange, recorded, replayed) else _STORED
    if only is None or recorded.status < 400:
        headers = compare_headers(recorded, replayed, only=only)
        differences += _named(exchange, DifferenceKind.HEADER, headers, baseline)
        differences += _bodies(exchange, recorded, replayed, baseline)
    order = list(DifferenceKind)
    return sorted(differences, key=lambda one: order.index(one.kind))


def _by_the_api(exchange: RecordedExchange, recorded: Answer, replayed: Answer) -> bool:
    """Whether the API itself answered both times: files and uploads may be in a store beside it."""
    if REFERENCE.fullmatch(exchange.request.target) is None:
        return True
    return all(answer.header(CORRELATION_ID) is not None for answer in (recorded, replayed))


def _status(exchange: RecordedExchange, recorded: Answer, replayed: Answer) -> AnswerDifference | None:
    if recorded.status == replayed.status:
        return None
    by_store = not _by_the_api(exchange, recorded, replayed)
    if by_store and exchange.request.method == "POST" and recorded.status // 100 == replayed.status // 100:
        return None  # 200, 201 or 204: a store takes a file in its own words
    return AnswerDifference(exchange.number, DifferenceKind.STATUS, str(recorded.status), str(replayed.status), True)


def _timing(exchange: RecordedExchange, seconds: float) -> Iterator[AnswerDifference]:
    if differ(exchange.seconds, seconds):
        one, other = TimingClass.of(exchange.seconds), TimingClass.of(seconds)
        shown = (f"{one} ({exchange.seconds:.1f} s)", f"{other} ({seconds:.1f} s)")
        yield AnswerDifference(exchange.number, DifferenceKind.TIMING, *shown, TimingClass.LONG in (one, other))


def _bodies(
    exchange: RecordedExchange, recorded: Answer, replayed: Answer, baseline: Baseline
) -> Iterator[AnswerDifference]:
    one, other = recorded.body, replayed.body
    if isinstance(one, Json) and isinstance(other, Json):
        found = compare_json(one.value, other.value, recorded.status)
        yield from _named(exchange, DifferenceKind.BODY, found, baseline)
    elif isinstance(one, PictureBody) and isinstance(other, PictureBody):
        yield from _pictures(exchange, one.picture, other.picture)
    elif _kind(one) != _kind(other):
        yield AnswerDifference(exchange.number, DifferenceKind.BODY, _kind(one), _kind(other), True)


def _kind(body: Body) -> str:
    if isinstance(body, Nothing):
        return "empty"
    return {"json": "JSON", "picture": "a picture"}.get(body.kind, "something else")


def _pictures(exchange: RecordedExchange, one: RecordedPicture, other: RecordedPicture) -> Iterator[AnswerDifference]:
    facts = {
        "format": (one.format, other.format),
        "size": (f"{one.width}x{one.height}", f"{other.width}x{other.height}"),
        "damage": (one.damage, other.damage),
        "frames": (one.frames, other.frames),
    }
    for where, (recorded, replayed) in facts.items():
        if recorded != replayed:
            shown = (str(recorded or "none"), str(replayed or "none"))
            yield AnswerDifference(exchange.number, DifferenceKind.PICTURE, *shown, True, where)


def _named(
    exchange: RecordedExchange, kind: DifferenceKind, found: Iterator[Found], baseline: Baseline
) -> Iterator[AnswerDifference]:
    for where, recorded, replayed, which in found:
        breaking = which == "other" or which == ("missing" if baseline is Baseline.RECORDED else "extra")
        yield AnswerDifference(exchange.number, kind, recorded, replayed, breaking, where)
