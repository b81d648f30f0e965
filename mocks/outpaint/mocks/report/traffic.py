"""A journal as the checks read it: which calls repeat another, how long a client waited, what it was answered."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.paths_and_headers import RETRY_AFTER, UPLOADS_PATH
from outpaint.contracts.requests import IdSource, Source, Upload
from outpaint.functions.service.picture_sources import identity
from outpaint.mocks.scenarios.effect import API, On
from outpaint.mocks.world.calls import Calls
from outpaint.mocks.world.recorded_call import Call

TOLERANCE_S: Final = 0.05
"""How many seconds too early a call may come: clocks and timers are not exact."""
_UNREADABLE: Final = ("wrong_shape", "content_type(")
"""How the effects begin that make an answer's body none of the API's."""


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
    """The calls of one world's clients in the order they came; `now` is the world's time.

    What a tester sent again by the admin API is no client's.
    """

    def __init__(self, calls: Iterable[Call], now: float) -> None:
        self.calls: Final = Calls(
            sorted((call for call in calls if call.replay_of is None), key=lambda call: call.number)
        )
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
    def files_of(self) -> dict[str, list[Call]]:
        """GETs of results by the job that they are of."""
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self.files:
            found[call.inference_id or ""].append(call)
        return dict(found)

    @cached_property
    def submits_of(self) -> dict[str, list[Call]]:
        """Submits by their job: the one that made it, and those that were answered with it again."""
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls.submits:
            if call.inference_id is not None:
                found[call.inference_id].append(call)
        return dict(found)

    @cached_property
    def by_subject(self) -> dict[object, list[Call]]:
        """Calls that ask for the same thing, under one client's name."""
        found: dict[object, list[Call]] = defaultdict(list)
        for call in self.calls:
            found[_subject(call)].append(call)
        return dict(found)

    def looks_after(self, call: Call) -> list[Call]:
        """What asked for the state of a call's job after it: polls, and repeats of its submit, which ask for it too."""
        job = call.inference_id or ""
        calls = (*self.polls_of.get(job, ()), *self.submits_of.get(job, ()), *self.under_its_key(call))
        later = {one.number: one for one in calls if one.number > call.number}
        return [later[number] for number in sorted(later)]

    @cached_property
    def by_key(self) -> dict[tuple[str, str], list[Call]]:
        """Submits by their client and idempotency key."""
        found: dict[tuple[str, str], list[Call]] = defaultdict(list)
        for call in self.calls.submits:
            if call.idempotency_key is not None:
                found[client(call), call.idempotency_key].append(call)
        return dict(found)

    def under_its_key(self, call: Call) -> Sequence[Call]:
        """Every submit under a call's idempotency key, itself included; none for one without."""
        key = call.idempotency_key
        return () if key is None or call.route is not On.SUBMIT else self.by_key[client(call), key]

    def again(self, call: Call) -> Call | None:
        """The next call that asks for the same, sent when the answer to the first was there, or known not to come.

        Another job may ask for the same: of a submit with an idempotency key one under that key counts before others.
        Of a submit that was never read it is not known what it asked for: without a key, the next one as long counts.
        """
        for later in self.under_its_key(call):
            if later.number > call.number and heard_before(call, later) and _may_be_the_same(call, later):
                return later
        if call.route is On.SUBMIT and call.request is None and call.body_sample is None:
            return next((later for later in self.after(call, On.SUBMIT) if _is_as_long(call, later)), None)
        alike = self.by_subject[_subject(call)]
        return next((one for one in alike if one.number > call.number and heard_before(call, one)), None)

    def between(self, call: Call, later: Call) -> Sequence[Call]:
        """The same client's calls of the API between two of its calls."""
        calls = self.calls[self._place[call.number] + 1 : self._place[later.number]]
        return [one for one in calls if one.route in API and client(one) == client(call)]

    def next_poll(self, call: Call) -> Call | None:
        """The poll that a call's answer made its client wait for; None where a repeat of the submit came before it."""
        looks = (look for look in self.looks_after(call) if heard_before(call, look))
        later = next(looks, None)
        return later if later is not None and later.route is On.POLL else None

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
    """When the client had its answer, or gave it up, virtual time; infinite while it waits."""
    if call.left_at is not None:
        return call.left_at
    if call.answered_at is None:
        return math.inf
    return call.answered_at + (0.0 if call.response is None else call.response.latency)


def heard_before(call: Call, later: Call) -> bool:
    """Whether a call's answer was there before another call was sent."""
    return later.at >= heard_at(call) - TOLERANCE_S


def pause(earlier: Call, later: Call) -> PollPause:
    """How long the client let pass from an answer to its next call.

    While the clock is frozen, real time counts as well: a client that really sleeps does wait. When a client gave an
    answer up, a server notices a moment later, in which the clock may have been moved: the time since its call counts.
    """
    virtual = later.at - (earlier.at if earlier.abandoned else heard_at(earlier))
    if earlier.scale > 0:
        return PollPause(virtual, known=True)
    return PollPause(max(virtual, later.real_at - earlier.real_at), known=virtual > 0)


def header_seconds(call: Call, name: str) -> float | None:
    """A header of an answer that counts seconds; None where there is none, or no whole answer reached the client."""
    if call.response is None or broken(call):
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


def told(call: Call) -> bool:
    """Whether the client knows what it was answered: it came whole, and has the API's form."""
    return (
        call.response is not None
        and not broken(call)
        and not any(effect.startswith(_UNREADABLE) for effect in call.effects)
    )


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
    if call.answered_at is None:
        return False
    status = call.status or 0
    return broken(call) or (status >= 500 and not job_failed(call)) or (status < 400 and not told(call))


def wish(call: Call) -> tuple[object, ...] | None:
    """What a submit asks for, equal for what the service takes for the same; None where it was refused unread.

    A picture that came along is its content, one at an address is the address, whatever is behind it.
    """
    request = call.request
    if request is None:
        return None
    return (_picture(request.image, call.image_sha256), _picture(request.mask, call.mask_sha256), request.wish)


def content(call: Call) -> tuple[object, ...]:
    """What a body that was not understood is compared by; of one that was never read its declared length."""
    head = call.request_head
    media_type = (head.header("content-type") or "").partition(";")[0].strip().lower()
    return media_type, call.body_sample, call.body_size or head.declared_size


def _picture(source: Source | None, digest: str | None) -> object:
    if source is None:
        return None
    if isinstance(source, Upload | DataUri):
        # Its bytes may be dropped. One that could not be read has no digest.
        return digest or (source.label if isinstance(source, DataUri) else "")
    return identity(source)


def ids_used(call: Call) -> set[str]:
    """The uploads and results that a submit names as its pictures."""
    sources = () if call.request is None else (call.request.image, call.request.mask)
    return {source.id for source in sources if isinstance(source, IdSource)}


def _may_be_the_same(call: Call, later: Call) -> bool:
    """Whether two submits under one key may ask for the same, as far as is known of both."""
    unread = any(one.request is None and one.body_sample is None for one in (call, later))
    if unread or call.request is not None or later.request is not None:
        return unread or wish(call) == wish(later)
    return content(call) == content(later)


def _is_as_long(call: Call, later: Call) -> bool:
    """Whether a submit without a key may be an earlier one again, of which only the head is known."""
    sizes = {one.request_head.declared_size for one in (call, later)}
    return call.idempotency_key is None and later.idempotency_key is None and len(sizes) == 1


def _named(call: Call) -> str:
    return call.inference_id or call.path.rpartition("/")[2]


def _subject(call: Call) -> object:
    if call.route is On.SUBMIT:
        # One that was read is known by its body, one that was not by its head alone.
        unread = ("unread", None if call.body_sample else call.idempotency_key, *content(call))
        return client(call), On.SUBMIT, wish(call) or unread
    if call.route is On.POLL:
        return client(call), On.POLL, _named(call)
    about = content(call) if call.path == UPLOADS_PATH else None
    return ("" if call.route is On.FILE else client(call)), call.route, call.method, call.path, about
