"""A journal as the checks read it: which calls repeat another, how long a client waited, what it was answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.paths_and_headers import RETRY_AFTER
from outpaint.contracts.requests import IdSource, Source, UrlSource
from outpaint.mocks.scenarios.effect import API, On
from outpaint.mocks.world.calls import Call, Calls

TOLERANCE_S: Final = 0.05
"""How many seconds too early a call may come: clocks and timers are not exact."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """One occasion on which a client could keep or break a rule.

    `calls` are the numbers of the calls that show it. `problem` is None where it kept the rule. `known` is False where
    that cannot be said, because the clock was frozen.
    """

    calls: tuple[int, ...]
    problem: str | None = None
    known: bool = True

    @classmethod
    def unless(cls, call: Call, later: Call | None, problem: str) -> Self:
        """A rule that is kept unless a `later` call breaks it; `problem` has {0} and {1} for both calls' numbers."""
        if later is None:
            return cls((call.number,))
        return cls((call.number, later.number), problem.format(call.number, later.number))


@dataclass(frozen=True, slots=True)
class PollPause:
    """How long a client waited between an answer and its next call, in seconds; `known` unless the clock was frozen."""

    seconds: float
    known: bool

    def shorter_than(self, wanted: float) -> bool:
        """Whether it was shorter than that by more than the tolerance."""
        return self.seconds < wanted - TOLERANCE_S

    def __str__(self) -> str:
        return f"{self.seconds:.3g} s"


class Traffic:
    """The calls of one world in the order they came; `now` is the world's time."""

    def __init__(self, calls: Iterable[Call], now: float) -> None:
        self.calls: Final = Calls(sorted(calls, key=lambda call: call.number))
        self.now: Final = now
        self._place: Final = {call.number: place for place, call in enumerate(self.calls)}

    @cached_property
    def api(self) -> Sequence[Call]:
        """Calls of the API proper, files aside."""
        return [call for call in self.calls if call.route in API]

    @cached_property
    def files(self) -> Sequence[Call]:
        """GETs of results."""
        return list(self.calls.files)

    @cached_property
    def polls_of(self) -> dict[str, list[Call]]:
        """Polls by the job they name."""
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls.polls:
            found[_named(call)].append(call)
        return dict(found)

    @cached_property
    def by_subject(self) -> dict[object, list[Call]]:
        """Calls that ask for the same thing, under one client's name."""
        found: dict[object, list[Call]] = defaultdict(list)
        for call in self.calls:
            found[_subject(call)].append(call)
        return dict(found)

    def again(self, call: Call) -> Call | None:
        """The next call that asks for the same.

        Of a submit that was refused unread it is not known what it asked for: then the next one with the same
        idempotency key counts, or the next one without a key.
        """
        if call.route is On.SUBMIT and call.request is None:
            for later in self.after(call, On.SUBMIT):
                if later.idempotency_key == call.idempotency_key:
                    return later
            return None
        return next((later for later in self.by_subject[_subject(call)] if later.number > call.number), None)

    def runs(self) -> Iterator[list[Call]]:
        """Failures in a row of calls that ask for the same, with the call after them where one came."""
        for calls in self.by_subject.values():
            run: list[Call] = []
            for call in calls:
                run.append(call)
                if not failed(call):
                    if len(run) > 1:
                        yield run
                    run = []
            if run:
                yield run

    def after(self, call: Call, *routes: On) -> Iterator[Call]:
        """The same client's calls of these kinds after it had the answer to a call."""
        for later in self.calls[self._place[call.number] + 1 :]:
            if later.route in routes and client(later) == client(call) and heard_before(call, later):
                yield later


def polls_on_a_moving_clock(traffic: Traffic) -> Iterator[Occasion]:
    """Does not poll a job over and over while the world's clock stands still."""
    for polls in traffic.polls_of.values():
        stalled = next((poll for poll in reversed(polls) if poll.stalled), None)
        yield Occasion(((stalled or polls[-1]).number,), None if stalled is None else stalled.standstill)


def client(call: Call) -> str:
    """Who calls: the account, or the key where it is no account's. GETs of results carry neither."""
    return call.account_id or call.api_key or ""


def heard_at(call: Call) -> float:
    """When the client had its answer, virtual time."""
    answered = call.at if call.answered_at is None else call.answered_at
    return answered + (0.0 if call.response is None else call.response.latency)


def heard_before(call: Call, later: Call) -> bool:
    """Whether a call's answer was there before another call was sent."""
    return later.at >= heard_at(call) - TOLERANCE_S


def pause(earlier: Call, later: Call) -> PollPause:
    """How long the client let pass from an answer to its next call.

    While the clock is frozen, real time counts as well: a client that really sleeps does wait.
    """
    virtual = later.at - heard_at(earlier)
    if earlier.scale > 0:
        return PollPause(virtual, known=True)
    return PollPause(max(virtual, later.real_at - earlier.real_at), known=virtual > 0)


def header_seconds(call: Call, name: str) -> float | None:
    """A header of an answer that counts seconds; None where there is none, or no answer reached the client."""
    if call.status is None or call.response is None:
        return None
    value = call.response.header(name) or ""
    return float(value) if value.isascii() and value.isdigit() else None


def retry_after(call: Call) -> float | None:
    """The seconds that an answer asks to wait, if it does."""
    return header_seconds(call, RETRY_AFTER)


def broken(call: Call) -> bool:
    """Whether the answer did not reach the client whole."""
    if call.abandoned or call.response is None:
        return call.answered_at is not None or call.abandoned
    fault = call.response.fault
    return (fault is not None and fault.breaks is not None) or any(effect.startswith("cut(") for effect in call.effects)


def failed(call: Call) -> bool:
    """Whether a call failed in a way that may pass: no whole answer, 429 or a server's error, but no failed job."""
    if broken(call):
        return True
    trouble = call.status is not None and (call.status == 429 or call.status >= 500)
    return trouble and not job_failed(call)


def job_failed(call: Call) -> bool:
    """Whether a POST that waited was answered that its job had failed, which is final."""
    return call.route is On.SUBMIT and call.inference_id is not None and (call.status or 0) >= 400


def unknown_outcome(call: Call) -> bool:
    """Whether a client cannot know if its submit was carried out."""
    return broken(call) or ((call.status or 0) >= 500 and not job_failed(call))


def wish(call: Call) -> tuple[object, ...] | None:
    """What a submit asks for, equal for the same pictures and fields; None where it was refused unread."""
    request = call.request
    if request is None:
        return None
    return (call.image_sha256 or _address(request.image), call.mask_sha256 or _address(request.mask), request.wish)


def _address(source: Source | None) -> object:
    if isinstance(source, UrlSource):
        return source.url
    if isinstance(source, DataUri):  # one that could not be read
        return source.label
    return source.id if isinstance(source, IdSource) else None


def _named(call: Call) -> str:
    return call.inference_id or call.path.rpartition("/")[2]


def _subject(call: Call) -> object:
    if call.route is On.SUBMIT:
        key = call.idempotency_key
        return client(call), On.SUBMIT, wish(call) or ("unread", key)
    if call.route is On.POLL:
        return client(call), On.POLL, _named(call)
    return ("" if call.route is On.FILE else client(call)), call.route, call.method, call.path
