"""Checks of a client's pace: what it waits before it asks again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from outpaint_contracts.headers import RATE_RESET

from outpaint_mocks.calls import Call
from outpaint_mocks.effects import On
from outpaint_mocks.report.traffic import Occasion, Pause, Traffic, failed, pause, retry_after

POLL_S: Final = 0.5
PAUSE_S: Final = 0.1
ATTEMPTS: Final = 10


def retry_after_honoured(traffic: Traffic) -> Iterator[Occasion]:
    """After each answer with Retry-After, 202 aside, the same is asked again no sooner."""
    for call in traffic.calls:
        wanted = None if call.status == 202 else retry_after(call)
        later = None if wanted is None else traffic.again(call)
        if wanted is not None and later is not None:
            yield _waited(call, later, wanted, f"#{call.number} ({call.status}) asked for {wanted:g} s")


def rate_limit_waited(traffic: Traffic) -> Iterator[Occasion]:
    """After each 429 the account sends nothing until the limit is whole again."""
    for call in traffic.api:
        wanted = _reset_time(call)
        if wanted is None:
            continue
        later = next(traffic.after(call, On.SUBMIT, On.POLL, On.BALANCE, On.UPLOAD), None)
        if later is not None:
            yield _waited(
                call, later, wanted, f"#{call.number} (429) said that the limit is whole again in {wanted:g} s"
            )


def polling_pace(traffic: Traffic) -> Iterator[Occasion]:
    """Between two polls of a job that still runs there is at least half a second."""
    for calls in traffic.polls_of.values():
        for earlier, later in pairwise(calls):
            if earlier.status == 202:
                yield _waited(earlier, later, POLL_S, f"#{earlier.number} found the job running")


def polls_as_asked(traffic: Traffic) -> Iterator[Occasion]:
    """After each 202 the job is polled no sooner than its Retry-After says."""
    for call in traffic.api:
        wanted = retry_after(call) if call.status == 202 else None
        later = None if wanted is None else _next_poll(traffic, call)
        if wanted is not None and later is not None:
            yield _waited(call, later, wanted, f"#{call.number} (202) asked for {wanted:g} s")


def no_hammering(traffic: Traffic) -> Iterator[Occasion]:
    """After a failure that says nothing of when to come back there is a pause all the same."""
    for call in traffic.calls:
        if not failed(call) or retry_after(call) is not None:
            continue
        later = traffic.again(call)
        if later is not None:
            yield _waited(call, later, PAUSE_S, f"#{call.number} ({call.status or 'no whole answer'}) failed")


def backs_off(traffic: Traffic) -> Iterator[Occasion]:
    """Of failures in a row that say nothing of when to come back, a later one is followed by a longer pause."""
    for run in traffic.runs():
        pauses = [pause(one, two) for one, two in pairwise(run) if failed(one) and retry_after(one) is None]
        if len(pauses) < 2:
            continue
        longer = max(later.seconds for later in pauses[1:]) >= 1.2 * pauses[0].seconds
        numbers = tuple(call.number for call in run)
        if longer and pauses[0].seconds > 0:
            yield Occasion(numbers)
        else:
            shown = ", ".join(str(one) for one in pauses[:6])
            yield Occasion(
                numbers, f"{_numbered(run)} failed in a row and the pauses did not grow: {shown}", _certain(pauses)
            )


def gives_up(traffic: Traffic) -> Iterator[Occasion]:
    """At most ten failures in a row."""
    for run in traffic.runs():
        failures = [call for call in run if failed(call)]
        if len(failures) < 2:
            continue
        numbers = tuple(call.number for call in failures[:3])
        if len(failures) <= ATTEMPTS:
            yield Occasion(numbers)
        else:
            yield Occasion(numbers, f"the same was asked {len(failures)} times in vain, from #{failures[0].number} on")


def _waited(earlier: Call, later: Call, wanted: float, why: str) -> Occasion:
    gap: Pause = pause(earlier, later)
    numbers = (earlier.number, later.number)
    if not gap.shorter_than(wanted):
        return Occasion(numbers)
    return Occasion(numbers, f"{why}, and #{later.number} came after {gap}", gap.known)


def _reset_time(call: Call) -> float | None:
    if call.status != 429 or call.response is None:
        return None
    value = call.response.header(RATE_RESET) or ""
    return float(value) if value.isascii() and value.isdigit() else None


def _next_poll(traffic: Traffic, call: Call) -> Call | None:
    polls = traffic.polls_of.get(call.inference_id or "", ())
    return next((later for later in polls if later.number > call.number), None)


def _numbered(run: list[Call]) -> str:
    return ", ".join(f"#{call.number}" for call in run[:4] if failed(call))


def _certain(pauses: list[Pause]) -> bool:
    return all(one.known for one in pauses)
