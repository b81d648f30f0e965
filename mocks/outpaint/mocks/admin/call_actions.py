"""The operations of the admin API on calls: watched, searched, compared, sent once more, copied as curl and as a test.

They come after those of `actions`; `ALL_OPERATIONS` has both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.mocks.admin import admin_models as models
from outpaint.mocks.admin import call_models, views
from outpaint.mocks.admin.actions import OPERATIONS, kept_call, operation
from outpaint.mocks.admin.copied_tests import as_test
from outpaint.mocks.admin.operation import BYTES, TEXT, AdminOperation, AdminRequest
from outpaint.mocks.admin.repeated_calls import as_curl, body_of, part_of, replay
from outpaint.mocks.admin.told_calls import difference, nearest_call, redaction_of, searched, unmet
from outpaint.mocks.mock_paths import ADMIN_ROOT
from outpaint.mocks.world.recorded_call import Call
from outpaint.mocks.world.world import World

_JOBS: Final = 50
"""Running jobs that the page lists."""


@operation("GET", "/watch", "watch", query=call_models.WatchQuery, of_world=False)
def watch(asked: AdminRequest) -> call_models.Watched:
    """All that the page shows of a world, at once; with the last ETag 304, until there is something new."""
    wanted: call_models.WatchQuery = asked.query
    world = replace(asked, world_name=wanted.world).world
    calls = world.journal.calls
    newer = [call for call in calls if call.number > wanted.after]
    under_way = (call.number for call in calls if call.answered_at is None)
    latest = calls[-1].number if calls else 0
    settled = next(under_way, latest + 1) - 1  # before the calls are looked at: they may be answered meanwhile
    found, near = searched(newer, wanted)
    nearest = (
        None if near is None or wanted.after else call_models.NearMiss(call=views.call_summary(near[0]), unmet=near[1])
    )
    with world.lock:
        return call_models.Watched(
            world=views.world_detail(world, asked.origin),
            worlds=asked.worlds.names,
            scenarios=views.scenario_states(world),
            jobs=views.job_list(world, pending=True, limit=_JOBS),
            sources=views.source_list(world),
            calls=tuple(map(views.call_summary, found[-wanted.limit :])),
            first=calls[0].number if calls else None,
            settled=settled,
            nearest=nearest,
        )


@operation("GET", "/calls", "search-calls", query=call_models.SearchQuery, of_world=False)
def search_calls(asked: AdminRequest) -> call_models.FoundCalls:
    """Search the calls of every world."""
    wanted: call_models.SearchQuery = asked.query
    part = (wanted.world or "").casefold()
    found: list[call_models.FoundCall] = []
    for world, call in _latest_first(world for world in asked.worlds if part in world.name.casefold()):
        if call.number <= wanted.after or unmet(call, wanted):
            continue
        if len(found) == wanted.limit:
            return call_models.FoundCalls(calls=_in_order(found), more=True)
        found.append(call_models.FoundCall(world=world.name, call=views.call_summary(call)))
    return call_models.FoundCalls(calls=_in_order(found), more=False)


def _latest_first(worlds: Iterator[World]) -> Iterator[tuple[World, Call]]:
    for world in worlds:
        for call in reversed(world.journal.calls):
            yield world, call


def _in_order(found: list[call_models.FoundCall]) -> tuple[call_models.FoundCall, ...]:
    places = {name: place for place, name in enumerate(dict.fromkeys(one.world for one in found))}
    return tuple(sorted(found, key=lambda one: (places[one.world], one.call.number)))


@operation("GET", "/journal/{number}/difference", "call-difference", query=call_models.DifferenceQuery)
def show_difference(asked: AdminRequest) -> call_models.Difference:
    """How a call differs from another one, or from the nearest one that was answered otherwise."""
    wanted: call_models.DifferenceQuery = asked.query
    world, call = asked.world, kept_call(asked)
    if wanted.other is None:
        other = nearest_call(call, world.journal.calls)
    else:
        other = world.journal.find(wanted.other)
        if other is None:
            raise OutpaintError(
                ErrorCode.UNKNOWN_ROUTE,
                f"there is no call {wanted.other} in the journal of world {world.name}",
                field="other",
            )
    if other is None:
        return call_models.Difference(call=call.number, other=None, nearest=True, values=(), same=0)
    found = difference(call, other, show_keys=_shows_keys(wanted))
    values = tuple(
        call_models.DifferingValue(part=part, name=name, here=here, there=there)
        for part, name, here, there in found.values
    )
    return call_models.Difference(
        call=call.number,
        other=views.call_summary(other),
        nearest=wanted.other is None,
        values=values,
        same=found.same,
    )


@operation("POST", "/journal/{number}/replay", "replay-call", makes=True)
def replay_call(asked: AdminRequest) -> models.CallSummary:
    """Send a call once more, as it came; the call that this makes."""
    return views.call_summary(replay(asked.world, kept_call(asked)))


@operation("GET", "/journal/{number}/body", "call-body", gives=BYTES, query=models.KeysQuery)
def show_body(asked: AdminRequest) -> bytes:
    """The body that a call was sent with, byte by byte but for credentials."""
    call = kept_call(asked)
    return _shown(call, body_of(call), call.request_head.header("content-type"), asked.query)


@operation("GET", "/journal/{number}/body/{place}", "call-part", gives=BYTES, query=models.KeysQuery)
def show_part(asked: AdminRequest) -> bytes:
    """One part of the form that a call was sent with, from place 0 on."""
    call = kept_call(asked)
    part = part_of(call, asked.number("place"))
    return _shown(call, part.data, part.media_type, asked.query)


@operation("GET", "/journal/{number}/curl", "call-curl", gives=TEXT, query=models.KeysQuery)
def show_curl(asked: AdminRequest) -> bytes:
    """A call as curl commands that send it once more."""
    world, call = asked.world, kept_call(asked)
    return as_curl(world, call, asked.origin.rstrip("/"), _journal(asked), show_keys=_shows_keys(asked.query)).encode()


@operation("GET", "/journal/{number}/test", "call-test", gives=TEXT, query=models.KeysQuery)
def show_test(asked: AdminRequest) -> bytes:
    """A call as a pytest function that makes it in a world of its own, and asserts its answer."""
    world, call = asked.world, kept_call(asked)
    return as_test(world, call, _journal(asked), show_keys=_shows_keys(asked.query)).encode()


def _journal(asked: AdminRequest) -> str:
    return f"{asked.origin.rstrip('/')}{asked.base}{ADMIN_ROOT}/journal"


def _shows_keys(query: models.KeysQuery) -> bool:
    return query.keys == "shown"


def _shown(call: Call, data: bytes, media_type: str | None, query: models.KeysQuery) -> bytes:
    redaction = redaction_of(call, show_keys=_shows_keys(query))
    return data if redaction is None else redaction.content(data, media_type or "")


ALL_OPERATIONS: Final[tuple[AdminOperation, ...]] = tuple(OPERATIONS)
"""Every operation of the admin API, in the order of its documentation; where two paths could mean one request, the
first counts."""
