"""A recorded answer and a replayed one, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from outpaint_contracts.headers import CORRELATION_ID

from outpaint_mocks.drift.body_comparison import Found, compare_json
from outpaint_mocks.drift.difference import Baseline, Difference, Kind
from outpaint_mocks.drift.header_comparison import compare_headers
from outpaint_mocks.drift.links import REFERENCE
from outpaint_mocks.drift.recording import Answer, Body, Exchange, Json, Nothing, Picture, PictureBody
from outpaint_mocks.drift.timing_class import TimingClass, differ

_STORED: Final = frozenset({"content-type"})


def compare(exchange: Exchange, replayed: Answer, seconds: float, baseline: Baseline) -> list[Difference]:
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
        differences += _named(exchange, Kind.HEADER, headers, baseline)
        differences += _bodies(exchange, recorded, replayed, baseline)
    order = list(Kind)
    return sorted(differences, key=lambda one: order.index(one.kind))


def _by_the_api(exchange: Exchange, recorded: Answer, replayed: Answer) -> bool:
    """Whether the API itself answered both times: results and uploads may lie in a store of somebody else's."""
    if REFERENCE.fullmatch(exchange.request.target) is None:
        return True
    return all(answer.header(CORRELATION_ID) is not None for answer in (recorded, replayed))


def _status(exchange: Exchange, recorded: Answer, replayed: Answer) -> Difference | None:
    if recorded.status == replayed.status:
        return None
    by_store = not _by_the_api(exchange, recorded, replayed)
    if by_store and exchange.request.method == "POST" and recorded.status // 100 == replayed.status // 100:
        return None  # 200, 201 or 204: a store takes a file in its own words
    return Difference(exchange.number, Kind.STATUS, "", str(recorded.status), str(replayed.status), breaking=True)


def _timing(exchange: Exchange, seconds: float) -> Iterator[Difference]:
    if differ(exchange.seconds, seconds):
        one, other = TimingClass.of(exchange.seconds), TimingClass.of(seconds)
        yield Difference(
            exchange.number,
            Kind.TIMING,
            "",
            f"{one} ({exchange.seconds:.1f} s)",
            f"{other} ({seconds:.1f} s)",
            breaking=TimingClass.LONG in (one, other),
        )


def _bodies(exchange: Exchange, recorded: Answer, replayed: Answer, baseline: Baseline) -> Iterator[Difference]:
    one, other = recorded.body, replayed.body
    if isinstance(one, Json) and isinstance(other, Json):
        found = compare_json(one.value, other.value, recorded.status)
        yield from _named(exchange, Kind.BODY, found, baseline)
    elif isinstance(one, PictureBody) and isinstance(other, PictureBody):
        yield from _pictures(exchange, one.picture, other.picture)
    elif _kind(one) != _kind(other):
        yield Difference(exchange.number, Kind.BODY, "", _kind(one), _kind(other), breaking=True)


def _kind(body: Body) -> str:
    if isinstance(body, Nothing):
        return "empty"
    return {"json": "JSON", "picture": "a picture"}.get(body.kind, "something else")


def _pictures(exchange: Exchange, one: Picture, other: Picture) -> Iterator[Difference]:
    facts = {
        "format": (one.format, other.format),
        "size": (f"{one.width}x{one.height}", f"{other.width}x{other.height}"),
        "damage": (one.damage, other.damage),
        "frames": (one.frames, other.frames),
    }
    for where, (recorded, replayed) in facts.items():
        if recorded != replayed:
            yield Difference(
                exchange.number, Kind.PICTURE, where, str(recorded or "none"), str(replayed or "none"), breaking=True
            )


def _named(exchange: Exchange, kind: Kind, found: Iterator[Found], baseline: Baseline) -> Iterator[Difference]:
    for where, recorded, replayed, which in found:
        breaking = which == "other" or which == ("missing" if baseline is Baseline.RECORDED else "extra")
        yield Difference(exchange.number, kind, where, recorded, replayed, breaking)
