"""The calls that came, their pictures, and whether they came as expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_mocks.admin import models, shown
from outpaint_mocks.admin.operation import Asked
from outpaint_mocks.admin.pictures import picture_of
from outpaint_mocks.mock_paths import ADMIN_ROOT

if TYPE_CHECKING:
    from outpaint_mocks.calls import Call


def calls_listed(asked: Asked) -> models.CallPage:
    """The calls that came and are wanted, the latest of them."""
    wanted: models.CallQuery = asked.query
    world = asked.world
    with world.lock:
        found = [call for call in world.journal.since(wanted.after) if _wanted(call, wanted)]
        told = tuple(shown.call_summary(call) for call in found[-wanted.limit :])
        return models.CallPage(calls=told, total=world.journal.total, dropped=world.journal.dropped)


def clear_journal(asked: Asked) -> models.CallPage:
    """Forget every call."""
    asked.world.journal.clear()
    return models.CallPage(calls=(), total=asked.world.journal.total, dropped=0)


def call_shown(asked: Asked) -> models.CallDetail:
    """One call with all that is kept of it; raises `OutpaintError` for one that is not kept."""
    world, call = asked.world, _kept(asked)
    with world.lock:
        return shown.call_detail(world, call, f"{asked.base}{ADMIN_ROOT}/journal/{call.number}")


def call_picture(what: str) -> Callable[[Asked], bytes]:
    """The act that shows one of a call's pictures as PNG: image, mask, keep-map, or results by their place."""

    def act(asked: Asked) -> bytes:
        wanted = f"{what}/{asked.path['place']}" if what == "results" else what
        return picture_of(asked.world, _kept(asked), wanted, asked.query.side)

    return act


def assert_calls(asked: Asked) -> models.Judged:
    """Whether calls came as expected, and if not, what a test would have been told."""
    wanted: models.Expected = asked.body
    world = asked.world
    with world.lock:
        calls = world.calls
        if wanted.route is not None:
            calls = calls.where(lambda call: call.route is wanted.route)
        if wanted.inference_id is not None:
            calls = calls.of_job(wanted.inference_id)
        matched = None
        try:
            if wanted.all_called:
                world.assert_all_called()
            if wanted.times is not None:
                calls.assert_call_count(wanted.times)
            if wanted.values is not None:
                matched = calls.assert_called_with(**wanted.values).number
        except AssertionError as error:
            return models.Judged(holds=False, message=str(error))
        except TypeError as error:
            raise OutpaintError(ErrorCode.INVALID_PARAMETER, str(error), field="values") from None
    return models.Judged(holds=True, call=matched)


def _wanted(call: Call, wanted: models.CallQuery) -> bool:
    return (
        (wanted.route is None or call.route is wanted.route)
        and (wanted.status is None or call.status == wanted.status)
        and (wanted.inference_id is None or call.inference_id == wanted.inference_id)
    )


def _kept(asked: Asked) -> Call:
    number = asked.number("number")
    call = asked.world.journal.find(number)
    if call is None:
        raise OutpaintError(
            ErrorCode.UNKNOWN_ROUTE,
            f"there is no call {number} in the journal of world {asked.world.name}",
        )
    return call
