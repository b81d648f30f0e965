"""Asks a target everything that was recorded, in its order, and compares what it says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx
from outpaint_contracts.headers import RETRY_AFTER

from outpaint_mocks.drift.asking_again import Again, CannotAsk, Mapping, again
from outpaint_mocks.drift.bodies import body_of
from outpaint_mocks.drift.charges import Charges
from outpaint_mocks.drift.comparison import compare
from outpaint_mocks.drift.difference import Baseline, Difference, Kind
from outpaint_mocks.drift.job_scripts import Setting, inference_id_of
from outpaint_mocks.drift.recording import Answer, Exchange, Recording
from outpaint_mocks.drift.targets import Reply, Target

_OF_ITS_STATE: Final = frozenset({402, 403, 409, 429})
"""Answers that a provider gives for what it is like just then, and that nobody can make it give."""
_NEARLY: Final = 0.9
"""Of what `Retry-After` asks for: a recording's times are taken at the proxy, not at the client."""
PATIENCE_S: Final = 300.0
"""How long a job at a provider is polled beyond what was recorded."""


@dataclass(frozen=True)
class Drift:
    """What a replay found. `not_replayed` tells by an exchange's number why; `ignored` counts what was left out."""

    recording: Recording
    target: str
    baseline: Baseline
    differences: tuple[Difference, ...]
    not_replayed: dict[int, str]
    replayed: tuple[int, ...]
    seconds: float
    ignored: int = 0

    @property
    def is_none(self) -> bool:
        """Whether there is no difference."""
        return not self.differences

    @property
    def breaks(self) -> bool:
        """Whether a difference breaks clients."""
        return any(difference.breaking for difference in self.differences)


@dataclass
class _Replay:
    target: Target
    setting: Setting
    baseline: Baseline
    mapping: Mapping
    differences: list[Difference] = field(default_factory=list)
    not_replayed: dict[int, str] = field(default_factory=dict)
    replayed: list[int] = field(default_factory=list)
    charges: Charges = field(default_factory=Charges)
    heard: dict[str, float] = field(default_factory=dict)
    """By recorded job: when the recording was answered about it last."""


def replay(
    recording: Recording,
    target: Target,
    *,
    baseline: Baseline | None = None,
    on_exchange: Callable[[Exchange], None] = lambda _: None,
) -> Drift:
    """Replay a recording at a target and tell every difference.

    `baseline` is whose answers clients rely on: by default the mock's where that is the target, as clients are tested
    against it; else the recording's, as clients worked with what was recorded.
    """
    if baseline is None:
        baseline = Baseline.REPLAYED if target.scripted else Baseline.RECORDED
    began = time.perf_counter()
    run = _Replay(target, Setting.of(recording), baseline, Mapping(target.idempotency))
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
    # Where something could not be asked again, nobody can say what the account would have paid for it.
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


def _replay_one(run: _Replay, exchange: Exchange) -> None:
    recorded = exchange.answer
    assert recorded is not None
    script = run.setting.scripts[exchange.number]
    request = again(exchange, run.mapping)
    if exchange.request.key is not None:
        request = request.with_key(run.target.key(exchange.request.key))
    run.target.come_to(exchange, [id_ for job in script.ended if (id_ := run.mapping.id(job)) is not None])
    job = inference_id_of(recorded)
    waited = 0.0
    if not run.target.scripted and job in run.heard:
        waited = max(0.0, exchange.at - run.heard[job])
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
        run.heard[job] = exchange.at + exchange.seconds
    run.mapping.learn(exchange, reply.response)
    _judge(run, exchange, recorded, _answer(reply))


def _judge(run: _Replay, exchange: Exchange, recorded: Answer, reply: tuple[Answer, float]) -> None:
    replayed, seconds = reply
    same = recorded.status == replayed.status
    if not run.target.scripted and not same:
        if recorded.status in _OF_ITS_STATE or recorded.status >= 500:
            run.not_replayed[exchange.number] = (
                f"{recorded.status} came of the provider's state then; now it answers {replayed.status}"
            )
            return
        if recorded.status == 202 and replayed.status == 200 and exchange.request.method == "GET":
            run.replayed.append(exchange.number)
            return  # done sooner: a poll less is nobody's harm
    run.replayed.append(exchange.number)
    run.differences += compare(exchange, replayed, seconds, run.baseline)
    if run.target.scripted:
        run.charges.see(exchange, replayed)


def _polled(run: _Replay, exchange: Exchange, request: Again, reply: Reply, waited: float) -> Reply:
    """Poll on where a job has not ended that had ended then; polls beyond what a patient client makes are told."""
    extra, passed, since = 0, 0.0, waited
    while reply.response.status_code == 202 and passed <= PATIENCE_S:
        asked = reply.response.headers.get(RETRY_AFTER, "")
        wait = float(asked) if asked.isascii() and asked.isdigit() else 0.0
        # Who polled sooner than asked may be told 202 once more.
        extra += since >= wait * _NEARLY
        since = max(wait, 0.1)
        run.target.pause(since)
        passed += since
        reply = run.target.ask(request, None)
    if extra and exchange.answer is not None:
        told = f"pending for {extra} more {'poll' if extra == 1 else 'polls'}"
        run.differences.append(
            Difference(exchange.number, Kind.POLLS, "", str(exchange.answer.status), told, breaking=False)
        )
    return reply


def _unanswered(run: _Replay, exchange: Exchange, what: str) -> None:
    assert exchange.answer is not None
    run.replayed.append(exchange.number)
    run.differences.append(
        Difference(exchange.number, Kind.STATUS, "", str(exchange.answer.status), what, breaking=True)
    )


def _answer(reply: Reply) -> tuple[Answer, float]:
    response = reply.response
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
    body = body_of(response.content, response.headers.get("content-type", ""))
    return Answer(status=response.status_code, headers=headers, body=body), reply.seconds
