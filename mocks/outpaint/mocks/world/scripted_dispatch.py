"""The Dispatch port: each job follows its plan."""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest, ManifestFile
from outpaint.functions.service import settle
from outpaint.mocks.scenarios.effect import CallEffect, Effect, On, Slot
from outpaint.mocks.scenarios.grammar import ScenarioError
from outpaint.mocks.scenarios.job_effects import (
    DuplicateCompletion,
    ExpiredUrl,
    Fail,
    FailAfterPolls,
    Immediate,
    LostCompletion,
    Manual,
    Polls,
    Processing,
    Sequence,
    Succeed,
    Time,
)
from outpaint.mocks.scenarios.scenario import asked_for
from outpaint.mocks.scenarios.world_scenarios import Attached, ScenarioEffects

if TYPE_CHECKING:
    from outpaint.functions.service.records import Job
    from outpaint.functions.service.service import Service
    from outpaint.mocks.scenarios.scenario import Scenario
    from outpaint.mocks.world.blobs import Inspections
    from outpaint.mocks.world.mock_pictures import MockPictures
    from outpaint.painting.canvas import Painter


@dataclass(frozen=True, slots=True)
class JobPlan:
    """The plan of one job; immutable, a poll makes the next one.

    `since` is when it began to count (seconds since the epoch), `polls` how many polls it has seen. Jobs share no
    plan, so whatever is done to one leaves every other as it was.
    """

    progress: Effect
    outcome: Succeed | Fail
    since: float
    polls: int = 0
    duplicate: bool = False
    lost: bool = False

    @classmethod
    def of(cls, effects: Mapping[Slot, Effect], since: float) -> Self:
        """The plan that a scenario's effects on a job make; without any it is done at once and succeeds."""
        progress = effects.get(Slot.PROGRESS, _IMMEDIATE)
        outcome = effects.get(Slot.OUTCOME, _SUCCEED)
        if isinstance(outcome, FailAfterPolls):
            outcome = Fail(code=outcome.code)
        elif isinstance(outcome, Sequence):
            outcome = outcome.steps[-1]
        completion = effects.get(Slot.COMPLETION)
        assert isinstance(outcome, Succeed | Fail)
        return cls(
            progress,
            outcome,
            since,
            duplicate=isinstance(completion, DuplicateCompletion),
            lost=isinstance(completion, LostCompletion),
        )

    @property
    def ends_at(self) -> float:
        """When it ends by itself; infinite for one that waits for polls, for a test or for ever."""
        if self.lost:
            return math.inf
        if isinstance(self.progress, Time):
            return self.since + self.progress.seconds
        return self.since if isinstance(self.progress, Immediate) else math.inf

    @property
    def waits_for_polls(self) -> bool:
        """Whether nothing but polls moves it on, so that no wait can see its end."""
        return isinstance(self.progress, Polls | FailAfterPolls | Sequence)

    @property
    def is_manual(self) -> bool:
        """Whether a test ends it."""
        return isinstance(self.progress, Manual)

    def polled(self) -> tuple[Self, Effect | None, bool]:
        """One poll: the plan after it, the trouble this poll meets, and whether it finds the job ended."""
        # `dataclasses.replace` looks through all fields, which every poll would pay for.
        after = type(self)(self.progress, self.outcome, self.since, self.polls + 1, self.duplicate, self.lost)
        progress = self.progress
        if isinstance(progress, Sequence):
            step = progress.steps[min(self.polls, len(progress.steps) - 1)]
            ends = isinstance(step, Succeed | Fail)
            return after, None if ends else step, ends and not self.lost
        if isinstance(progress, Polls | FailAfterPolls):
            return after, None, self.polls >= progress.n and not self.lost
        return after, None, False


_IMMEDIATE = Immediate()
_SUCCEED = Succeed()


@dataclass(frozen=True, slots=True)
class _Past:
    """A clock that stands at the moment something was due, for whoever looks later."""

    at: float

    def now(self) -> float:
        return self.at


class CallSeenByPorts(Protocol):
    """The call that a world works on, as its ports see it, under the world's lock.

    `suspended` keeps a poll from moving its job on: the call is answered with trouble and nothing else happens.
    `seconds` is virtual time that the call took inside, such as a slow source's. `urls_expired` is None until it is
    known whether a scenario ends the URLs that this call is answered with.
    """

    effects: ScenarioEffects
    suspended: bool
    seconds: float
    urls_expired: bool | None

    @property
    def kind(self) -> On | None:
        """Which kind of call it is; None for what no effect touches."""

    def made(self, inference_id: str, image: str, mask: str | None) -> None:
        """The call made this job, of pictures with these SHA-256 (hex)."""

    def meets(self, trouble: CallEffect) -> None:
        """A step of the job's sequence touches this call."""

    def note(self, effect: Effect) -> None:
        """Write down, once, what a scenario did to the call."""


class ScriptedDispatch:
    """The Dispatch port of a mock. Ends are settled as of the moment they were due, whenever somebody looks."""

    def __init__(self, pictures: MockPictures, inspections: Inspections, painter: Painter) -> None:
        self._pictures = pictures
        self._inspections = inspections
        self._painter = painter
        self._lock = threading.RLock()
        self._service: Service | None = None
        self._plans: dict[str, JobPlan] = {}
        self._attached: dict[str, Attached] = {}
        self._due: list[tuple[float, str]] = []
        self.in_hand: CallSeenByPorts | None = None
        """The call that the world works on, under the world's lock."""

    def serve(self, service: Service) -> None:
        """Take the service whose jobs these are; it holds this port, so it comes after."""
        self._service = service

    @property
    def service(self) -> Service:
        """The service whose jobs these are."""
        assert self._service is not None
        return self._service

    # Dispatch

    def start(self, request: InferenceRequest) -> None:
        """Take a job over, under the plan of the call that makes it."""
        service = self.service
        now = service.clock.now()
        digests = self._pictures.hold(request, now)
        job = service.jobs.find(request.inference_id, now)
        created = now if job is None else job.created_at
        deadline = now + service.settings.job_lifetime if job is None else job.deadline_at
        call = self.in_hand
        said = ScenarioEffects() if call is None else call.effects
        plan = JobPlan.of(said.job, created)
        with self._lock:
            heapq.heappush(self._due, (min(plan.ends_at, deadline), request.inference_id))
            self._plans[request.inference_id] = plan
            url = said.job.get(Slot.URLS)
            if said.later or url is not None:
                self._attached[request.inference_id] = Attached(
                    said.later, url if isinstance(url, ExpiredUrl) else None
                )
        if call is not None:
            call.made(request.inference_id, *digests)

    def check(self, job: Job) -> Job | None:
        """Move the job on: by the time, or by one poll if a poll is what asks."""
        call = self.in_hand
        now = self.service.clock.now()
        with self._lock:
            plan = self._plans.get(job.id)
            if plan is None:
                return None
            if plan.ends_at <= now:
                return self._end(job, plan, plan.ends_at)
            if call is None or call.kind is not On.POLL or call.suspended:
                return job
            after, trouble, ends = plan.polled()
            self._plans[job.id] = after
        if trouble is not None and not isinstance(trouble, Processing):
            assert isinstance(trouble, CallEffect)
            call.meets(trouble)
        return self._end(job, after, now) if ends else job

    # For the world

    def settle_due(self, now: float) -> None:
        """End every job whose time has come, as of that time; overdue ones expire as of their deadline."""
        due = self._due
        if not due or due[0][0] > now:
            return
        with self._lock:
            while due and due[0][0] <= now:
                at, inference_id = heapq.heappop(due)
                job = self.service.jobs.find(inference_id, at)
                plan = self._plans.get(inference_id)
                if job is None or plan is None or job.state.ended:
                    continue
                if at >= job.deadline_at:
                    del self._plans[inference_id]
                    settle.expire(replace(self.service, clock=_Past(at)), job)
                elif plan.ends_at <= at:
                    self._end(job, plan, at)

    def plan_of(self, inference_id: str) -> JobPlan | None:
        """The plan of a job that has not ended."""
        return self._plans.get(inference_id)

    def pending(self) -> tuple[str, ...]:
        """The jobs that have not ended, oldest first."""
        with self._lock:
            return tuple(self._plans)

    def attached(self, inference_id: str | None) -> Attached | None:
        """What a job's later calls meet."""
        return None if inference_id is None else self._attached.get(inference_id)

    def release(self, inference_id: str) -> None:
        """End a pending job now, as its plan says it ends. Raises `ScenarioError` for one that is not pending."""
        with self._lock:
            job, plan = self._pending(inference_id)
            self._end(job, plan, self.service.clock.now())

    def change(self, inference_id: str, scenario: Scenario) -> None:
        """Give a job another plan, counted from now, or other trouble for its later calls."""
        url = scenario.job.get(Slot.URLS)
        effects: dict[Slot, Effect] = {slot: effect for slot, effect in scenario.job.items() if slot is not Slot.URLS}
        for effect in scenario.account.values():
            raise ScenarioError(f"{effect} concerns an account: it cannot be said of one job")
        calls = _of_job(scenario)
        with self._lock:
            if effects:
                job, plan = self._pending(inference_id)
                now = self.service.clock.now()
                changed = JobPlan.of(effects, now)
                self._plans[inference_id] = replace(
                    changed,
                    progress=changed.progress if Slot.PROGRESS in effects else plan.progress,
                    since=changed.since if Slot.PROGRESS in effects else plan.since,
                    polls=0 if Slot.PROGRESS in effects else plan.polls,
                    outcome=changed.outcome if Slot.OUTCOME in effects else plan.outcome,
                    duplicate=changed.duplicate if Slot.COMPLETION in effects else plan.duplicate,
                    lost=changed.lost if Slot.COMPLETION in effects else plan.lost,
                )
                heapq.heappush(self._due, (min(self._plans[inference_id].ends_at, job.deadline_at), inference_id))
            elif self.service.jobs.find(inference_id, self.service.clock.now()) is None:
                raise ScenarioError(f"there is no job {inference_id[:60]}", field="inference_id")
            if calls or url is not None:
                before = self._attached.get(inference_id, Attached())
                merged = {
                    route: {**before.calls.get(route, {}), **calls.get(route, {})} for route in {*before.calls, *calls}
                }
                self._attached[inference_id] = Attached(merged, url if isinstance(url, ExpiredUrl) else before.urls)

    def forget_expired(self, now: float) -> None:
        """Drop what is attached to jobs that are no more."""
        with self._lock:
            for inference_id in [id_ for id_ in self._attached if self.service.jobs.find(id_, now) is None]:
                del self._attached[inference_id]

    def snapshot(self) -> tuple[Any, ...]:
        """All of it, for `restore`."""
        with self._lock:
            return dict(self._plans), dict(self._attached), list(self._due)

    def restore(self, state: tuple[Any, ...]) -> None:
        """Stand as at a snapshot."""
        plans, attached, due = state
        with self._lock:
            self._plans, self._attached, self._due = dict(plans), dict(attached), list(due)

    def _pending(self, inference_id: str) -> tuple[Job, JobPlan]:
        plan = self._plans.get(inference_id)
        job = self.service.jobs.find(inference_id, self.service.clock.now())
        if job is None:
            raise ScenarioError(f"there is no job {inference_id[:60]}", field="inference_id")
        if plan is None or job.state.ended:
            raise ScenarioError(f"job {inference_id} has ended ({job.state}): nothing can change that")
        return job, plan

    def _end(self, job: Job, plan: JobPlan, at: float) -> Job | None:
        """Report the job's end as of a time; if its plan says so again, and then otherwise, which must not count."""
        self._plans.pop(job.id, None)
        service = self.service
        if at < service.clock.now():
            service = replace(service, clock=_Past(at))
        failure = None
        if isinstance(plan.outcome, Fail):
            failure = failure_of(job.id, plan.outcome)
        if failure is not None:
            ended = settle.fail(service, failure)
            if plan.duplicate:
                settle.fail(service, failure)
                settle.succeed(service, self._manifest(job, at))
            return ended
        manifest = self._manifest(job, at)
        ended = settle.succeed(service, manifest)
        if plan.duplicate:
            settle.succeed(service, manifest)
            settle.fail(service, failure_of(job.id, Fail()))
        return ended

    def _manifest(self, job: Job, at: float) -> Manifest:
        request = job.request
        recipe = self._pictures.recipe(job.id)
        width, height = (1, 1) if recipe is None else self._inspections.size(recipe[0])
        return Manifest(
            inference_id=job.id,
            files=tuple(
                ManifestFile(id=file_id, seed=seed)
                for file_id, seed in zip(request.output_ids, request.wish.seeds, strict=True)
            ),
            painter=self._painter.card,
            width=width,
            height=height,
            seconds=max(0.0, at - job.created_at),
        )


def _of_job(scenario: Scenario) -> dict[On, dict[Slot, CallEffect]]:
    """What a scenario says of the calls that name a job."""
    return {route: dict(scenario.calls[route]) for route in (On.POLL, On.FILE) if route in scenario.calls}


def failure_of(inference_id: str, outcome: Fail) -> InferenceFailure:
    """The end that a scenario asks for."""
    detail = outcome.detail or asked_for(outcome.code, "; the credits were given back")
    return InferenceFailure(inference_id=inference_id, error_code=outcome.code, detail=detail)
