"""The Dispatch port of a mock: each job follows a plan, which scenarios make and polls and time move on."""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest, ManifestFile
from outpaint.functions.service import settle
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service
from outpaint.mocks.restorable import Restorable
from outpaint.mocks.scenarios.effect import CallEffect, Effect, On, Slot
from outpaint.mocks.scenarios.grammar import ScenarioError
from outpaint.mocks.scenarios.job_effects import (
    DuplicateCompletion,
    ExpiredUrl,
    Fail,
    FailAfterPolls,
    Immediate,
    LostCompletion,
    Polls,
    Processing,
    Sequence,
    Succeed,
    Time,
)
from outpaint.mocks.scenarios.scenario import Scenario, asked_for
from outpaint.mocks.scenarios.world_scenarios import Attached, ScenarioEffects
from outpaint.mocks.world.blobs import Inspections
from outpaint.mocks.world.mock_pictures import MockPictures
from outpaint.mocks.world.recorded_call import Call
from outpaint.painting.canvas import Painter

_IMMEDIATE: Final = Immediate()
_SUCCEED: Final = Succeed()


@dataclass(frozen=True, slots=True)
class JobPlan:
    """How one job goes on and ends; immutable, a poll makes the next one.

    `since` is when it began to count (seconds since the epoch), `polls` how many polls it has seen.
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
        """When it ends by itself; infinite for one that waits for polls, for a test, or never ends."""
        if self.lost:
            return math.inf
        if isinstance(self.progress, Time):
            return self.since + self.progress.seconds
        return self.since if isinstance(self.progress, Immediate) else math.inf

    @property
    def waits_for_polls(self) -> bool:
        """Whether nothing but polls moves it on, so that no wait can see its end."""
        return isinstance(self.progress, Polls | FailAfterPolls | Sequence)

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


@dataclass(frozen=True, slots=True)
class _Past:
    """A clock that shows the moment at which something was due, for work that is done later."""

    at: float

    def now(self) -> float:
        return self.at


class CallSeenByPorts:
    """The call that a world works on, as its ports see it; read and changed under the world's lock.

    `record` is its entry in the journal. `effects` is what scenarios say of it, `touching` by slot what of that is not
    used up. `suspended` keeps a poll from moving its job on: the call is answered with trouble and nothing else
    happens. `step_met` is whether a step of the job's sequence touches it. `seconds` is virtual time that the call
    took inside, such as a slow source's. `urls_expired` is None until it is known whether a scenario ends the URLs
    that this call is answered with.
    """

    def __init__(self, record: Call) -> None:
        self.record = record
        self.effects = ScenarioEffects()
        self.touching: dict[Slot, CallEffect] = {}
        self.suspended = False
        self.step_met = False
        self.seconds = 0.0
        self.urls_expired: bool | None = None

    def made(self, inference_id: str, image: str, mask: str | None) -> None:
        """The call made this job, of pictures with these SHA-256 (hex)."""
        record = self.record
        record.inference_id = inference_id
        if record.image_sha256 is None:
            record.image_sha256, record.mask_sha256 = image, mask
        for effect in self.effects.job.values():
            self.note(effect)

    def meets(self, trouble: CallEffect) -> None:
        """A step of the job's sequence touches this call."""
        self.touching |= dict.fromkeys(trouble.slots, trouble)
        self.step_met = True

    def note(self, effect: Effect) -> None:
        """Write down, once, what a scenario did to the call."""
        if str(effect) not in self.record.effects:
            self.record.effects += (str(effect),)


class ScriptedDispatch(Restorable):
    """The Dispatch port of a mock. A job's end counts from the moment it was due, however late it is noticed."""

    _state = ("_plans", "_attached", "_due")

    def __init__(self, pictures: MockPictures, inspections: Inspections, painter: Painter) -> None:
        self._pictures = pictures
        self._inspections = inspections
        self._painter = painter
        self._lock = threading.RLock()
        self._service: Service | None = None
        self._plans: dict[str, JobPlan] = {}
        self._attached: dict[str, Attached] = {}
        self._due: list[tuple[float, str]] = []
        self.current_call: CallSeenByPorts | None = None
        """The call that the world works on, under the world's lock."""

    def serve(self, service: Service) -> None:
        """Set the service whose jobs these are; it is made after this port, which it holds."""
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
        call = self.current_call
        effects = ScenarioEffects() if call is None else call.effects
        plan = JobPlan.of(effects.job, created)
        with self._lock:
            heapq.heappush(self._due, (min(plan.ends_at, deadline), request.inference_id))
            self._plans[request.inference_id] = plan
            urls = effects.job.get(Slot.URLS)
            if effects.later or urls is not None:
                expired = urls if isinstance(urls, ExpiredUrl) else None
                self._attached[request.inference_id] = Attached(effects.later, expired)
        if call is not None:
            call.made(request.inference_id, *digests)

    def check(self, job: Job) -> Job | None:
        """Move the job on: by the time, or by one poll if a poll is what asks."""
        call = self.current_call
        now = self.service.clock.now()
        with self._lock:
            plan = self._plans.get(job.id)
            if plan is None:
                return None
            if plan.ends_at <= now:
                return self._end(job, plan, plan.ends_at)
            if call is None or call.record.route is not On.POLL or call.suspended:
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
        urls = scenario.job.get(Slot.URLS)
        effects: dict[Slot, Effect] = {slot: effect for slot, effect in scenario.job.items() if slot is not Slot.URLS}
        for effect in scenario.account.values():
            raise ScenarioError(f"{effect} concerns an account: it cannot be said of one job")
        calls: dict[On, dict[Slot, CallEffect]] = {
            on: slots for on, slots in scenario.calls.items() if on in (On.POLL, On.FILE)
        }
        with self._lock:
            if effects:
                job, plan = self._pending(inference_id)
                changed = JobPlan.of(effects, self.service.clock.now())
                if Slot.PROGRESS in effects:
                    plan = replace(plan, progress=changed.progress, since=changed.since, polls=0)
                if Slot.OUTCOME in effects:
                    plan = replace(plan, outcome=changed.outcome)
                if Slot.COMPLETION in effects:
                    plan = replace(plan, duplicate=changed.duplicate, lost=changed.lost)
                self._plans[inference_id] = plan
                heapq.heappush(self._due, (min(plan.ends_at, job.deadline_at), inference_id))
            elif self.service.jobs.find(inference_id, self.service.clock.now()) is None:
                raise ScenarioError(f"there is no job {inference_id[:60]}", field="inference_id")
            if calls or urls is not None:
                before = self._attached.get(inference_id, Attached())
                merged = {
                    route: {**before.calls.get(route, {}), **calls.get(route, {})} for route in {*before.calls, *calls}
                }
                self._attached[inference_id] = Attached(merged, urls if isinstance(urls, ExpiredUrl) else before.urls)

    def _pending(self, inference_id: str) -> tuple[Job, JobPlan]:
        plan = self._plans.get(inference_id)
        job = self.service.jobs.find(inference_id, self.service.clock.now())
        if job is None:
            raise ScenarioError(f"there is no job {inference_id[:60]}", field="inference_id")
        if plan is None or job.state.ended:
            raise ScenarioError(f"job {inference_id} has ended ({job.state}): nothing can change that")
        return job, plan

    def _end(self, job: Job, plan: JobPlan, at: float) -> Job | None:
        """Report the job's end as of a time; with `duplicate` twice, and then the opposite, which must not count."""
        self._plans.pop(job.id, None)
        service = self.service
        if at < service.clock.now():
            service = replace(service, clock=_Past(at))
        if isinstance(plan.outcome, Fail):
            failure = _failure_of(job.id, plan.outcome)
            ended = settle.fail(service, failure)
            if plan.duplicate:
                settle.fail(service, failure)
                settle.succeed(service, self._manifest(job, at))
            return ended
        manifest = self._manifest(job, at)
        ended = settle.succeed(service, manifest)
        if plan.duplicate:
            settle.succeed(service, manifest)
            settle.fail(service, _failure_of(job.id, Fail()))
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


def _failure_of(inference_id: str, outcome: Fail) -> InferenceFailure:
    """The end that a scenario asks for."""
    detail = outcome.detail or asked_for(outcome.code, "; the credits were given back")
    return InferenceFailure(inference_id=inference_id, error_code=outcome.code, detail=detail)
