"""Lists of calls with filters and assertions, which say when they cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, overload

from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.redaction import REDACTED, SECRET_HEADERS
from outpaint.contracts.requests import PLAIN_FIELDS
from outpaint.functions.service.account_keys import ID_LENGTH
from outpaint.functions.service.admission import key_digest
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.scenarios.grammar import nearest
from outpaint.mocks.world.recorded_call import Call

CallStep = On | str | Mapping[str, object]
"""One call that is expected: its kind, or values as `Calls.assert_called_with` takes them."""

_MOST_LISTED: Final = 20
_KINDS: Final = tuple(on for on in On if on is not On.ANY)


class CannotTellError(AssertionError):
    """An assertion that would need calls which the journal no longer keeps: nobody can say whether it holds."""

    def __init__(self, dropped: int, what: str, known: str) -> None:
        super().__init__(
            f"cannot tell, {dropped} {what}s dropped: {known}; have the journal keep more (max_calls of a world, "
            "--keep-calls of the command), or clear it where the test begins"
        )


class Calls(Sequence[Call]):
    """Calls in the order they came; every filter gives another `Calls`.

    `dropped` is how many calls the journal no longer keeps that may belong to the list: a filter by kind knows how
    many of that kind were dropped, any other cannot. Length, places and loops are about those that are kept. An
    assertion that the dropped ones could decide raises `CannotTellError`, which is an `AssertionError`.
    """

    def __init__(
        self, calls: Sequence[Call], what: str = "call", dropped: Mapping[On | None, int] | None = None
    ) -> None:
        """`dropped` counts, by their kind, the calls that are no longer kept."""
        self._calls = calls
        self._what = what
        self._dropped: Mapping[On | None, int] = dropped or {}

    @overload
    def __getitem__(self, place: int) -> Call: ...
    @overload
    def __getitem__(self, place: slice) -> Calls: ...
    def __getitem__(self, place: int | slice) -> Call | Calls:
        if isinstance(place, slice):
            # The latest are kept: a part that is counted from the end lacks nothing.
            whole = place.start is not None and -len(self) <= place.start < 0
            return Calls(list(self._calls)[place], self._what, {} if whole else self._dropped)
        try:
            return self._calls[place]
        except IndexError:
            raise LookupError(f"there are {len(self)} {self._what}s, none at {place}") from None

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    @property
    def dropped(self) -> int:
        """How many calls that may belong to the list are no longer kept."""
        return sum(self._dropped.values())

    # Lists

    @property
    def last(self) -> Call:
        """The latest; raises `AssertionError` where there is none."""
        self.assert_called()
        return self._calls[-1]

    @property
    def first(self) -> Call:
        """The earliest; raises `AssertionError` where there is none, `CannotTellError` where it may be dropped."""
        self._need_every("the first may be among them")
        self.assert_called()
        return self._calls[0]

    @property
    def submits(self) -> Calls:
        """POSTs of jobs."""
        return self.of_kind(On.SUBMIT)

    @property
    def polls(self) -> Calls:
        """GETs of a job."""
        return self.of_kind(On.POLL)

    @property
    def balances(self) -> Calls:
        """GETs of the credits."""
        return self.of_kind(On.BALANCE)

    @property
    def files(self) -> Calls:
        """GETs of results."""
        return self.of_kind(On.FILE)

    def of_kind(self, kind: On) -> Calls:
        """The calls of one kind."""
        dropped: dict[On | None, int] = {kind: self._dropped[kind]} if kind in self._dropped else {}
        return Calls([call for call in self._calls if call.route is kind], kind.value, dropped)

    def of_job(self, inference_id: str) -> Calls:
        """The calls of one job: its submit and what was sent again under its key, its polls, its files."""
        return self.where(lambda call: call.inference_id == inference_id)

    def of_key(self, api_key: str) -> Calls:
        """The calls of one API key."""
        return self.where(lambda call: call.api_key == api_key)

    def with_status(self, status: int) -> Calls:
        """The calls answered with a status."""
        return self.where(lambda call: call.status == status)

    def where(self, wanted: Callable[[Call], bool]) -> Calls:
        """The calls for which a function says yes."""
        return Calls([call for call in self._calls if wanted(call)], self._what, self._dropped)

    # Assertions

    def assert_called(self) -> None:
        """There is at least one."""
        if not self._calls:
            self._need_every("none that is kept fits, but one of them may")
            raise AssertionError(f"no {self._what} came")

    def assert_not_called(self) -> None:
        """There is none."""
        if self._calls:
            raise AssertionError(f"no {self._what} was expected, {len(self)} came:\n{_listed(self._calls)}")
        self._need_every("none that is kept fits, but one of them may")

    def assert_called_once(self) -> None:
        """There is exactly one."""
        self.assert_call_count(1)

    def assert_call_count(self, count: int) -> None:
        """There are exactly so many."""
        kept = len(self)
        if kept <= count:
            self._need_every(f"{count} were expected, and {kept} are kept")
        if kept != count:
            listed = f":\n{_listed(self._calls)}" if kept else ""
            raise AssertionError(f"{count} {self._what}s were expected, {kept} came{listed}")

    def assert_called_with(self, **expected: object) -> Call:
        """One call has all these values; returns the latest that does.

        Names are those of the request's fields (prompt, count, format, ...) or of `Call` (status, api_key,
        inference_id, image_sha256, ...); `headers` maps names to values, all of which must be there. A value may be a
        function that says whether it fits. The `AssertionError` shows the closest call, value by value, and of keys
        their ids alone.
        """
        self.assert_called()
        best: list[tuple[str, object, object]] | None = None
        nearest_call: Call | None = None
        for call in reversed(self._calls):
            differences = _differences(call, expected)
            if not differences:
                return call
            if best is None or len(differences) < len(best):
                best, nearest_call = differences, call
        assert best is not None
        self._need_every(f"none of the {len(self)} that are kept came like that; the closest is {nearest_call}")
        lines = [
            f"  {name}: expected {_short(_unkeyed(name, want))}, was {_short(_unkeyed(name, have))}"
            for name, want, have in best
        ]
        wrong = {"headers" if name.startswith("header ") else name for name, _, _ in best}
        right = [name for name in expected if name not in wrong]
        if right:
            lines.append(f"  as expected: {', '.join(right)}")
        raise AssertionError(
            f"none of {len(self)} {self._what}s came like that; the closest is {nearest_call}\n" + "\n".join(lines)
        )

    def assert_in_order(self, *steps: CallStep) -> tuple[Call, ...]:
        """Calls like these came one after another, whatever came between them; returns them.

        A step is a kind of call (`"submit"`, `On.POLL`) or a mapping of values as in `assert_called_with`, of which
        `route` is the kind: `assert_in_order("submit", {"route": "poll", "status": 200}, "file")`. The order is that
        in which calls came. The `AssertionError` says which step is missing, and what came where it should have been.
        """
        wanted = [_values(step) for step in steps]
        found: list[Call] = []
        place = 0
        for number, values in enumerate(wanted, 1):
            while place < len(self) and _differences(self._calls[place], values):
                place += 1
            if place == len(self):
                after = f"after {found[-1]}" if found else "at all"
                missing = f"step {number} of {len(wanted)} ({_described(values)}) did not come {after}"
                self._need_every(f"of those that are kept, {missing}")
                raise AssertionError(missing + self._around(values, found))
            found.append(self._calls[place])
            place += 1
        return tuple(found)

    def __repr__(self) -> str:
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        return f"<{len(self)} {self._what}s{dropped}>"

    def _need_every(self, known: str) -> None:
        """Raise where calls were dropped that could decide; `known` is what those that are kept say."""
        if self.dropped:
            raise CannotTellError(self.dropped, self._what, known)

    def _around(self, values: Mapping[str, object], found: list[Call]) -> str:
        """What a failed assertion on the order shows: where the step came instead, and what came after the others."""
        reached = found[-1].number if found else 0
        earlier = next(
            (call for call in self._calls if call.number <= reached and not _differences(call, values)), None
        )
        rest = [call for call in self._calls if call.number > reached]
        said = "" if earlier is None else f"; it came before, as {earlier}"
        return said + (f"\nwhat came instead:\n{_listed(rest)}" if rest else "\nnothing came after that")


def _listed(calls: Sequence[Call]) -> str:
    shown = [f"  {call}" for call in calls[:_MOST_LISTED]]
    if len(calls) > _MOST_LISTED:
        shown.append(f"  and {len(calls) - _MOST_LISTED} more")
    return "\n".join(shown)


def _values(step: CallStep) -> Mapping[str, object]:
    """A step as values; raises `TypeError` for a word that is no kind of call."""
    if not isinstance(step, str):
        return step
    if step not in _KINDS:
        raise TypeError(f"{step[:40]!r} is no kind of call: {nearest(step, _KINDS)}")
    return {"route": On(step)}


def _described(values: Mapping[str, object]) -> str:
    others = [f"{name}={_short(_unkeyed(name, value))}" for name, value in values.items() if name != "route"]
    kind = [str(values["route"])] if "route" in values else []
    return ", ".join([*kind, *others]) or "any call"


def _differences(call: Call, expected: Mapping[str, object]) -> list[tuple[str, object, object]]:
    wrong: list[tuple[str, object, object]] = []
    for name, want in expected.items():
        if name == "headers" and isinstance(want, dict):
            for header, value in want.items():
                sent = call.request_head.header(str(header))
                if not _fits(sent, value):
                    wrong.append((f"header {str(header).lower()}", value, sent))
            continue
        have = _value(call, name)
        if not _fits(have, want):
            wrong.append((name, want, have))
    return wrong


def _value(call: Call, name: str) -> object:
    if name in PLAIN_FIELDS:
        return _MISSING if call.request is None else call.request.plain_values[name]
    if name.startswith("_") or not hasattr(Call, name):
        raise TypeError(f"a call has no {name}: use {', '.join(PLAIN_FIELDS)}, or a property of Call")
    return getattr(call, name)


def _fits(have: object, want: object) -> bool:
    return bool(want(have)) if callable(want) else have == want


def _short(value: object) -> str:
    if isinstance(value, bytes) and len(value) > 24:
        return f"{len(value)} bytes, from {value[:16]!r} on"
    shown = repr(value)
    return shown if len(shown) <= 120 else shown[:117] + "..."


def _unkeyed(name: str, value: object) -> object:
    """A value as a message may show it: of a key its id, as in `outpaint keys list`, of other credentials nothing."""
    if name == "headers" and isinstance(value, Mapping):
        return {key: _unkeyed(f"header {str(key).lower()}", one) for key, one in value.items()}
    if isinstance(value, str):
        if name in ("api_key", f"header {API_KEY}".lower()):
            return f"key {key_digest(value)[:ID_LENGTH]}"
        if name.removeprefix("header ") in SECRET_HEADERS:
            return REDACTED
    return value


class _Missing:
    def __repr__(self) -> str:
        return "nothing (the request was not understood)"


_MISSING: Final = _Missing()
