"""Whatever happens in whatever order, and whatever breaks meanwhile: the credits are those of a model's, to the unit.

A schedule is a seed: what clients, painter, operator and sweep do, and which calls of theirs meet which fault. Few run
here; `make test-faults` runs 200 over moto and 10,000 in memory.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Protocol

import pytest
from aws_answers import manifest, throttled
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from manual_process import CountedIds, Crash, ManualClock
from moto.core.models import botocore_stubber

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY
from outpaint.functions.aws import dynamo_items
from outpaint.functions.aws.completions import UnknownJob, settle_completion
from outpaint.functions.aws.dynamo_keys import DynamoKeyRing
from outpaint.functions.aws.dynamo_table import Table
from outpaint.functions.aws.outcomes import settle_outcome
from outpaint.functions.embedded.memory_ledger import MemoryLedger, MemoryLimits, MemoryPictures
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.functions.service import settle, sweeping
from outpaint.functions.service.account_keys import OutOfRange
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.records import Account, Job
from outpaint.functions.service.service import Service, ServiceSettings
from outpaint.painting.inputs.inspection import Inspection

GRANTED = 12
MINUTE, HOUR = 60.0, 3600.0
KEY = "key of a schedule"
SEEN = Inspection(64, 48, MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=0.25))


@dataclass
class Fates:
    """Draws what each call meets; nothing while `calm`."""

    random: Random
    rate: float
    calm: bool = True

    def draw(self, *kinds: str) -> str:
        """One of these kinds of faults, or `none`."""
        return "none" if self.calm or self.random.random() >= self.rate else self.random.choice(kinds)


class Place(Protocol):
    """Where a schedule runs: a service whose calls meet faults, and what is true of it."""

    fates: Fates
    queue: list[InferenceRequest]

    def service(self, skew: float) -> Service: ...
    def wait(self, seconds: float) -> None: ...
    def paint(self, request: InferenceRequest, good: bool) -> None: ...
    def tell(self, service: Service, request: InferenceRequest, good: bool) -> None: ...
    def credit(self, amount: int) -> None: ...
    def credits(self) -> int: ...
    def jobs(self) -> list[Job]: ...
    def movements(self) -> list[int]: ...
    def check_counts(self, requests: int) -> None: ...


@dataclass
class Run:
    """One schedule, and what its clients were told."""

    place: Place
    random: Random
    sent: dict[str, int] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    painted: dict[str, bool] = field(default_factory=dict)
    commands: list[int] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)
    requests: int = 0

    def go(self, form: Callable[..., tuple[bytes, str]]) -> None:
        self.form = form
        acts = (self.submit, self.submit, self.send_again, self.poll, self.paint, self.paint, self.sweep, self.credit)
        acts += (self.end_by_hand, self.wait)
        for _ in range(self.random.randint(4, 12)):
            act = self.random.choice(acts)
            self.place.fates.calm = False
            with suppress(Crash):
                act()
            self.place.fates.calm = True
            self.balance()
        self.end()

    def _service(self) -> Service:
        return self.place.service(self.random.choice([0.0] * 8 + [-600.0, 600.0]))

    def submit(self) -> None:
        key = f"k{len(self.sent)}"
        self.sent[key] = self.random.choice([1, 2, 3])
        self._send(key)

    def send_again(self) -> None:
        if self.sent:
            self._send(self.random.choice(sorted(self.sent)))

    def _send(self, key: str) -> None:
        body, content_type = self.form(prompt="a field", count=str(self.sent[key]), image=b"a picture")
        headers = {API_KEY.lower(): KEY, "content-type": content_type, "prefer": "respond-async"}
        answer = self._ask(RequestHead("POST", "/v1/painting/outpaint", headers=tuple(headers.items())), key, body)
        if answer.status == 202:
            self.accepted.add(json.loads(answer.body)["inference_id"])
        else:
            assert answer.status not in (400, 404, 422, 429), answer.body

    def _ask(self, head: RequestHead, key: str | None = None, body: bytes = b"") -> Response:
        self.requests += 1
        if key is not None:
            head = replace(head, headers=(*head.headers, (IDEMPOTENCY_KEY.lower(), key)))
        answer = Application(self._service()).respond(head, body)
        assert isinstance(answer, Response)
        return answer

    def poll(self) -> None:
        if self.accepted:
            path = f"/v1/painting/{self.random.choice(sorted(self.accepted))}"
            answer = self._ask(RequestHead("GET", path, headers=((API_KEY.lower(), KEY),)))
            assert answer.status != 404, "a job that was accepted is there"

    def paint(self) -> None:
        """The painter ends a job, and tells of it once, twice or never."""
        if not self.place.queue:
            return
        request = self.random.choice(self.place.queue)
        good = self.painted.setdefault(request.inference_id, self.random.random() < 0.7)
        self.place.paint(request, good)
        for _ in range(self.random.choice([0, 1, 1, 2])):
            with suppress(OutpaintError, UnknownJob):
                self.place.tell(self._service(), request, good)

    def sweep(self) -> None:
        since = self.random.choice([0.0, self.random.uniform(0.0, 3e9)])
        left = itertools.count(self.random.choice([1, 100]), -1)
        swept = sweeping.sweep_some(self._service(), since=since, goes_on=lambda: next(left) > 0)
        assert all(isinstance(error, OutpaintError) for error in swept.errors)

    def credit(self) -> None:
        amount = self.random.choice([5, 1, -3])
        self.commands.append(amount)
        with suppress(OutpaintError, OutOfRange):
            self.place.credit(amount)
            self.confirmed.append(amount)

    def end_by_hand(self) -> None:
        jobs = self.place.jobs()
        if jobs:
            with suppress(OutpaintError):
                settle.end_by_hand(self._service(), self.random.choice(jobs).id)

    def wait(self) -> None:
        self.place.wait(self.random.choice([30.0, 3 * MINUTE, 10 * MINUTE, HOUR + 1]))

    def balance(self) -> None:
        """The model: what was granted and moved, less what is reserved and spent."""
        jobs, movements = self.place.jobs(), self.place.movements()
        kept = sum(job.price for job in jobs if not job.state.ended or job.state is JobState.SUCCEEDED)
        assert self.place.credits() == GRANTED + sum(movements) - kept
        # Each command moved its amount once or not at all, and those that said so did.
        assert Counter(self.confirmed) <= Counter(movements) <= Counter(self.commands)
        for key in self.sent:
            alive = [job for job in jobs if job.idempotency_key == key]
            charged = [job for job in alive if not job.state.ended or job.state is JobState.SUCCEEDED]
            assert len(charged) <= 1, "one key is charged once at most"
            assert all(job.price == self.sent[key] for job in alive)
        assert self.accepted <= {job.id for job in jobs}

    def end(self) -> None:
        """The world goes on without faults: the sweep finds whatever was left lying."""
        for seconds in (3 * MINUTE, HOUR + 10 * MINUTE):
            self.place.wait(seconds)
            sweeping.sweep(self.place.service(0.0))
        jobs = self.place.jobs()
        assert all(job.state.ended for job in jobs)
        for job in jobs:
            assert (job.manifest is not None) == (job.state is JobState.SUCCEEDED)
            assert (job.failure is not None) == (job.state is not JobState.SUCCEEDED)
            if job.state is JobState.SUCCEEDED:
                assert self.painted[job.id], "only what was painted is paid for"
        self.balance()
        self.place.check_counts(self.requests)


# In memory: whole calls of the ports are refused, lost, or the last of their process


class Faulty:
    """A port whose calls meet what is drawn for them."""

    def __init__(self, port: object, fates: Fates) -> None:
        self._port = port
        self._fates = fates

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        # By their contract these two answer whatever happens.
        kinds = ("gone before", "gone after") if name in ("delete", "url", "purge") else (
            "refused", "lost", "gone before", "gone after"
        )  # fmt: skip

        def met(*args: Any, **named: Any) -> Any:
            fate = self._fates.draw(*kinds)
            if fate == "refused":
                raise OutpaintError.unavailable("refused")
            if fate == "gone before":
                raise Crash(name)
            result = call(*args, **named)
            if fate == "lost":
                raise OutpaintError.unavailable("the answer was lost")
            if fate == "gone after":
                raise Crash(name)
            return result

        return met


class Painter:
    """The Dispatch port: a queue, and outcomes that `check` finds after a minute."""

    def __init__(self, clock: ManualClock, queue: list[InferenceRequest]) -> None:
        self.clock = clock
        self.queue = queue
        self.outcomes: dict[str, Manifest | InferenceFailure] = {}

    def start(self, request: InferenceRequest) -> None:
        self.queue.append(request)

    def outcome(self, job: Job) -> Manifest | InferenceFailure | None:
        return self.outcomes.get(job.id) if self.clock.time >= job.created_at + MINUTE else None


class Looking(Faulty):
    """`Painter` as the service of one process has it, which settles by that process' own calls."""

    service: Service

    def check(self, job: Job) -> Job | None:
        outcome = self.outcome(job)
        return job if outcome is None else settle_outcome(self.service, job, outcome)


class InMemory:
    """The Place over the ports in memory."""

    def __init__(self, fates: Fates) -> None:
        self.fates = fates
        self.queue: list[InferenceRequest] = []
        self._clock = ManualClock()
        self._ids = CountedIds()
        self._ledger = MemoryLedger()
        self._ledger.add_account(Account("ann", "Ann", GRANTED), key_digest(KEY))
        self._limits = MemoryLimits()
        self._pictures = MemoryPictures(FileUrls(b"a secret of the test"))
        self._painter = Painter(self._clock, self.queue)
        self._movements: list[int] = []

    def service(self, skew: float) -> Service:
        ledger, painter = Faulty(self._ledger, self.fates), Looking(self._painter, self.fates)
        ports: dict[str, Any] = {
            "accounts": ledger,
            "limits": Faulty(self._limits, self.fates),
            "jobs": ledger,
            "pictures": Faulty(self._pictures, self.fates),
            "dispatch": painter,
            "fetch": None,
        }
        clock = self._clock.skewed(skew)
        settings = ServiceSettings(rate_limit=10_000)
        painter.service = Service(clock, self._ids, **ports, settings=settings, inspect=_seen)
        return painter.service

    def wait(self, seconds: float) -> None:
        self._clock.time += seconds

    def paint(self, request: InferenceRequest, good: bool) -> None:
        self._painter.outcomes[request.inference_id] = manifest(request) if good else _failure(request)

    def tell(self, service: Service, request: InferenceRequest, good: bool) -> None:
        job = service.jobs.find(request.inference_id, service.clock.now())
        if job is not None:
            settle_outcome(service, job, self._painter.outcomes[job.id])

    def credit(self, amount: int) -> None:
        if self.credits() + amount < 0:
            raise OutOfRange
        Faulty(self, self.fates).move(amount)

    def move(self, amount: int) -> None:
        self._ledger.add_credits("ann", amount)
        self._movements.append(amount)

    def credits(self) -> int:
        account = self._ledger.by_key_digest(key_digest(KEY))
        assert account is not None
        return account.credits

    def jobs(self) -> list[Job]:
        return list(self._ledger._jobs.values())

    def movements(self) -> list[int]:
        return self._movements

    def check_counts(self, requests: int) -> None:
        """Nothing repeats a count in memory."""


# On moto: what botocore sends is throttled, lost or carried out twice, again and again, or the last of its process


class OnMoto:
    """The Place over the stack's own adapters; faults lie below botocore, which repeats what it can."""

    def __init__(self, cloud: Any, fates: Fates) -> None:
        self.fates = fates
        self.queue: list[InferenceRequest] = cloud.endpoint.queue
        self._cloud = cloud
        self._watched = cloud.clients(watched=True)
        settings = cloud.settings.service.model_copy(update={"rate_limit": 10_000, "sweep_threads": 1})
        self._settings = cloud.settings.model_copy(update={"service": settings})
        self._counted: set[str] = set()
        cloud.empty()
        self.queue.clear()
        DynamoKeyRing(cloud.table()).open_account(Account("ann", "Ann", GRANTED), key_digest(KEY), cloud.clock.now())

    @contextmanager
    def faulty(self) -> Iterator[None]:
        """The calls of the watched clients meet their fates while the block runs."""
        invoke = self._cloud.endpoint.invoke_async

        def invoked(**call: Any) -> Any:
            fate = self.fates.draw("throttled", "lost", "twice", "gone before", "gone after")
            if fate == "throttled":
                raise ReadTimeoutError(endpoint_url="https://runtime")
            if fate == "gone before":
                raise Crash
            answer = invoke(**call)
            if fate == "lost":
                raise ReadTimeoutError(endpoint_url="https://runtime")
            if fate == "gone after":
                raise Crash
            return invoke(**call) if fate == "twice" else answer

        clients = (self._watched.dynamodb, self._watched.s3)
        for client in clients:
            client.meta.events.register_first("before-send", self._send)
        self._cloud.endpoint.invoke_async = invoked
        try:
            yield
        finally:
            self._cloud.endpoint.invoke_async = invoke
            for client in clients:
                client.meta.events.unregister("before-send", self._send)

    def _send(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        fate = self.fates.draw("throttled", "lost", "lost", "twice", "gone before", "gone after")
        if fate == "gone before":
            raise Crash(event_name)
        if fate == "throttled":
            return throttled(request)
        if b"LIMIT#" in (request.body or b""):
            self._counted.add(request.headers["amz-sdk-invocation-id"].decode())
        answer = botocore_stubber(event_name, request)
        if fate == "lost":
            raise ReadTimeoutError(endpoint_url=request.url)
        if fate == "gone after":
            raise Crash(event_name)
        return botocore_stubber(event_name, request) if fate == "twice" else answer

    def service(self, skew: float) -> Service:
        self._stack = self._cloud.stack(watched=True, look_after=MINUTE, skew=skew, settings=self._settings)
        self._stack.dispatch.service = replace(self._stack.service, inspect=_seen)
        service: Service = self._stack.dispatch.service
        service.jobs._table._sleep = lambda _: None  # type: ignore[attr-defined]
        return service

    def wait(self, seconds: float) -> None:
        self._cloud.clock.time += seconds

    def paint(self, request: InferenceRequest, good: bool) -> None:
        if good:
            self._cloud.paint(request)
        else:
            self._cloud.fail(request, _failure(request).model_dump_json().encode())

    def tell(self, service: Service, request: InferenceRequest, good: bool) -> None:
        event = self._cloud.event(request, "Completed" if good else "Failed")
        settle_completion(service, self._stack.outcomes, json.loads(event["Records"][0]["body"])["Message"])

    def credit(self, amount: int) -> None:
        DynamoKeyRing(Table(self._watched, self._settings.table, lambda _: None)).add_credits(
            "ann", amount, self._cloud.clock.now()
        )

    def credits(self) -> int:
        credits_: int = self._cloud.credits(KEY)
        return credits_

    def jobs(self) -> list[Job]:
        return [dynamo_items.job_of(item) for item in self._items("JOB#")]

    def movements(self) -> list[int]:
        return [int(item["amount"]["N"]) for item in self._items("MOVEMENT#")]

    def check_counts(self, requests: int) -> None:
        counted = sum(int(item["requests"]["N"]) for item in self._items("LIMIT#"))
        assert counted == len(self._counted) <= requests
        assert all(job.attempts == 1 for job in self.jobs())

    def _items(self, prefix: str) -> list[dict[str, Any]]:
        found: dict[str, Any] = self._cloud.clients(watched=False).dynamodb.scan(
            TableName=self._settings.table,
            FilterExpression="begins_with(pk, :prefix)",
            ExpressionAttributeValues={":prefix": {"S": prefix}},
        )
        return list(found["Items"])


def _seen(image: bytes, mask: bytes | None = None, **how: Any) -> Inspection:
    return SEEN


def _failure(request: InferenceRequest) -> InferenceFailure:
    return InferenceFailure(inference_id=request.inference_id, error_code=ErrorCode.PAINTING_FAILED, detail="it broke")


def _fates(seed: int) -> tuple[Random, Fates]:
    random = Random(seed)
    return random, Fates(Random(seed + 1), random.choice([0.0, 0.05, 0.2, 0.4]))


def test_schedules_in_memory(many: bool, fault_table: Callable[..., None], form: Any) -> None:
    number = 10_000 if many else 200
    ends: Counter[str] = Counter()
    for seed in range(number):
        random, fates = _fates(seed)
        run = Run(InMemory(fates), random)
        try:
            run.go(form)
        except AssertionError as error:
            raise AssertionError(f"schedule {seed}") from error
        ends.update(job.state for job in run.place.jobs())
    assert {"succeeded", "failed", "expired"} <= ends.keys()
    fault_table(f"{number} schedules", "any, in memory", "any", "any order", _said(ends))


def test_schedules_on_moto(
    many: bool, cloud: Any, fault_table: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    number = 200 if many else 6
    ends: Counter[str] = Counter()
    for seed in range(number):
        random, fates = _fates(seed)
        place = OnMoto(cloud, fates)
        with place.faulty():
            try:
                Run(place, random).go(cloud.form)
            except AssertionError as error:
                raise AssertionError(f"schedule {seed}") from error
        ends.update(job.state for job in place.jobs())
        s3, bucket = cloud.clients(watched=False).s3, cloud.settings.bucket
        for key in cloud.objects():
            s3.delete_object(Bucket=bucket, Key=key)
    assert ends["succeeded"] > 0
    fault_table(f"{number} schedules", "any, on moto", "any", "any order", _said(ends))


def _said(ends: Counter[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(ends.items()))
