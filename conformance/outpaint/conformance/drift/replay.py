"""A recording replayed at a target, and the differences of each answer from the recorded one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final

import httpx

from outpaint.conformance.drift.answer_comparison import AnswerDifference, Baseline, DifferenceKind, compare
from outpaint.conformance.drift.drift_targets import Target, TargetReply
from outpaint.conformance.drift.job_scripts import Setting, balance_in, is_of_an_account, job_of
from outpaint.conformance.drift.recorded_bodies import body_of
from outpaint.conformance.drift.recording_file import Answer, RecordedExchange, Recording
from outpaint.conformance.drift.repeated_requests import CannotAsk, RepeatedRequest, ReplayedValues, repeated
from outpaint.contracts.paths_and_headers import RETRY_AFTER

_STATE_DEPENDENT: Final = frozenset({402, 403, 409, 429})
"""Answers that depend on the state that a provider is in, into which a replay cannot put it."""
_SHARE_OF_WAIT: Final = 0.9
"""Of what `Retry-After` asks for: a recording's times are taken at the proxy, not at the client."""
_PATIENCE_S: Final = 300.0
"""How long a job at a provider is polled beyond what was recorded."""


@dataclass
class _Charges:
    """The balances of each account in both answers, for targets whose accounts began with the recorded credits."""

    _balances: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)

    def see(self, exchange: RecordedExchange, replayed: Answer) -> None:
        if exchange.answer is None or exchange.request.key is None or not is_of_an_account(exchange):
            return
        one, other = balance_in(exchange.answer), balance_in(replayed)
        if one is not None and other is not None and exchange.answer.status != 401:
            self._balances.setdefault(exchange.request.key, []).append((exchange.number, one, other))

    def differences(self) -> list[AnswerDifference]:
        """One for each account whose last balances differ, at the exchange from which on they differ by as much.

        Balances may differ for a while: credits of a failed job are given back when it ends, or when that is seen.
        """
        found = []
        for balances in self._balances.values():
            apart = balances[-1][1] - balances[-1][2]
            if apart == 0:
                continue
            last_other = max((at for at, (_, one, other) in enumerate(balances) if one - other != apart), default=-1)
            number, one, other = balances[last_other + 1]
            found.append(AnswerDifference(number, DifferenceKind.CREDITS, f"{one:,} credits", f"{other:,} credits"))
        return found


@dataclass(frozen=True)
class Drift:
    """What a replay found. `not_replayed` has reasons by exchange; `ignored` counts differences that were left out."""

    recording: Recording
    target: str
    baseline: Baseline
    differences: tuple[AnswerDifference, ...]
    not_replayed: dict[int, str]
    replayed: tuple[int, ...]
    seconds: float
    ignored: int = 0

    @property
    def is_none(self) -> bool:
        return not self.differences

    @property
    def breaks(self) -> bool:
        return any(difference.breaking for difference in self.differences)


@dataclass
class _Replay:
    target: Target
    setting: Setting
    baseline: Baseline
    values: ReplayedValues
    differences: list[AnswerDifference] = field(default_factory=list)
    not_replayed: dict[int, str] = field(default_factory=dict)
    replayed: list[int] = field(default_factory=list)
    charges: _Charges = field(default_factory=_Charges)
    answered_at: dict[str, float] = field(default_factory=dict)
    """By recorded job: when the last recorded answer about it came."""


def replay(
    recording: Recording,
    target: Target,
    *,
    baseline: Baseline | None = None,
    on_exchange: Callable[[RecordedExchange], None] = lambda _: None,
) -> Drift:
    """Ask every recorded request at a target again, and compare the answers.

    `baseline` is whose answers clients rely on. By default that is the mock where it is the target, for clients are
    tested against it; else the recording, for clients worked with what was recorded.
    """
    if baseline is None:
        baseline = Baseline.REPLAYED if target.scripted else Baseline.RECORDED
    began = time.perf_counter()
    run = _Replay(target, Setting.of(recording), baseline, ReplayedValues(target.idempotency))
    for exchange in recording.exchanges:
        if exchange.can_be_replayed:
            try:
                _replay_one(run, exchange)
            except CannotAsk as reason:
                run.not_replayed[exchange.number] = str(reason)
        else:
            assert exchange.mark is not None
            run.not_replayed[exchange.number] = exchange.mark.says
        on_exchange(exchange)
    # It is not known what a request would have cost that was not asked again.
    if not run.not_replayed:
        run.differences += run.charges.differences()
    return Drift(
        recording,
        target.name,
        baseline,
        tuple(run.differences),
        run.not_replayed,
        tuple(run.replayed),
        time.perf_counter() - began,
    )


def _replay_one(run: _Replay, exchange: RecordedExchange) -> None:
    recorded = exchange.answer
    assert recorded is not None
    script = run.setting.scripts[exchange.number]
    request = repeated(exchange, run.values)
    if exchange.request.key is not None:
        request = request.with_key(run.target.key(exchange.request.key))
    run.target.come_to(exchange, run.values.id(script.ended))
    job = job_of(exchange)
    waited = 0.0
    if not run.target.scripted and job in run.answered_at:
        waited = max(0.0, exchange.at - run.answered_at[job])
        run.target.pause(waited)
    try:
        reply = run.target.ask(request, script.scenario)
        if not run.target.scripted and recorded.status != 202 and request.method == "GET":
            reply = _polled(run, exchange, request, reply, waited)
    except httpx.TimeoutException:
        _unanswered(run, exchange, "nothing within its time")
        return
    except httpx.HTTPError as error:
        _unanswered(run, exchange, f"no answer: {error or type(error).__name__}")
        return
    if job is not None:
        run.answered_at[job] = exchange.at + exchange.seconds
    run.values.learn(exchange, reply.response)
    _judge(run, exchange, recorded, _answer(reply.response), reply.seconds)


def _judge(run: _Replay, exchange: RecordedExchange, recorded: Answer, replayed: Answer, seconds: float) -> None:
    if not run.target.scripted and recorded.status != replayed.status:
        if recorded.status in _STATE_DEPENDENT or recorded.status >= 500:
            run.not_replayed[exchange.number] = (
                f"{recorded.status} came of the provider's state then; now it answers {replayed.status}"
            )
            return
        if recorded.status == 202 and replayed.status == 200 and exchange.request.method == "GET":
            run.replayed.append(exchange.number)
            return  # done sooner: a poll less harms no client
    run.replayed.append(exchange.number)
    run.differences += compare(exchange, replayed, seconds, run.baseline)
    if run.target.scripted:
        run.charges.see(exchange, replayed)


def _polled(
    run: _Replay, exchange: RecordedExchange, request: RepeatedRequest, reply: TargetReply, waited: float
) -> TargetReply:
    """Poll on where a job has not ended that had ended then.

    Polls that a client would make which waits as it is asked to are a difference.
    """
    extra, passed, since = 0, 0.0, waited
    while reply.response.status_code == 202 and passed <= _PATIENCE_S:
        asked = reply.response.headers.get(RETRY_AFTER, "")
        wait = float(asked) if asked.isascii() and asked.isdigit() else 0.0
        # After a poll that came sooner than asked, one more 202 is no difference.
        extra += since >= wait * _SHARE_OF_WAIT
        since = max(wait, 0.1)
        run.target.pause(since)
        passed += since
        reply = run.target.ask(request, None)
    if extra and exchange.answer is not None:
        more = f"pending for {extra} more {'poll' if extra == 1 else 'polls'}"
        status = str(exchange.answer.status)
        run.differences.append(AnswerDifference(exchange.number, DifferenceKind.POLLS, status, more))
    return reply


def _unanswered(run: _Replay, exchange: RecordedExchange, what: str) -> None:
    assert exchange.answer is not None
    run.replayed.append(exchange.number)
    status = str(exchange.answer.status)
    run.differences.append(AnswerDifference(exchange.number, DifferenceKind.STATUS, status, what, breaking=True))


def _answer(response: httpx.Response) -> Answer:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
    body = body_of(response.content, response.headers.get("content-type", ""))
    return Answer(status=response.status_code, headers=headers, body=body)


def ignoring(drift: Drift, patterns: Sequence[str]) -> Drift:
    """The drift without differences whose name fits a pattern: `header:x-*`, `body:/data/?/seed`, `timing`."""
    kept = tuple(
        one for one in drift.differences if not any(fnmatchcase(one.name.lower(), word.lower()) for word in patterns)
    )
    return replace(drift, differences=kept, ignored=drift.ignored + len(drift.differences) - len(kept))
