"""Whatever breaks, and wherever a process dies: every job ends, and no credit appears or vanishes."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aws_answers import throttled
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ReadTimeoutError
from manual_process import Crash
from moto.core.models import botocore_stubber

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY
from outpaint.functions.aws import dynamo_items, dynamo_ledger
from outpaint.functions.aws.aws_service import Stack
from outpaint.functions.aws.completions import UnknownJob, settle_completion
from outpaint.functions.aws.dynamo_keys import DynamoKeyRing
from outpaint.functions.aws.dynamo_table import Table
from outpaint.functions.aws.sagemaker_dispatch import paint_in_realtime
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.functions.service import account_keys
from outpaint.functions.service.account_keys import OutOfRange
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account, Job, StoredPicture
from outpaint.functions.service.sweeping import sweep

CREDITS = 20
MINUTE, HOUR = 60.0, 3600.0
REALTIME = {"realtime_endpoint": "quick", "realtime_function": "paint-now", "seconds_per_image": 5.0}


@dataclass
class Trial:
    """One account of its own, and what happens to its job."""

    cloud: Any
    picture: bytes
    number: int
    settings: Any = None
    skew: float = 0.0
    told: set[str] = field(default_factory=set)

    @property
    def key(self) -> str:
        return f"key {self.number}"

    @property
    def account(self) -> str:
        return f"account-{self.number}"

    def open(self) -> Trial:
        ring = DynamoKeyRing(self.cloud.table())
        ring.open_account(Account(self.account, self.account, CREDITS), key_digest(self.key), self.cloud.clock.now())
        self.cloud.endpoint.queue.clear()
        self.cloud.endpoint.events.clear()
        return self

    def stack(self, watched: bool = False, look_after: float = HOUR) -> Stack:
        stack: Stack = self.cloud.stack(watched=watched, look_after=look_after, skew=self.skew, settings=self.settings)
        return stack

    def submit(self, watched: bool = False, **fields: str | bytes) -> Response:
        body, content_type = self.cloud.form(
            **{"prompt": "a field", "count": "2", "image": self.picture, "mask": self.picture, **fields}
        )
        head = RequestHead(
            "POST",
            "/v1/painting/outpaint",
            headers=(
                (API_KEY.lower(), self.key),
                ("content-type", content_type),
                ("prefer", "respond-async"),
                (IDEMPOTENCY_KEY.lower(), self.key.replace(" ", "-")),
            ),
        )
        answer = Application(self.stack(watched).service).respond(head, body)
        assert isinstance(answer, Response)
        return answer

    def poll(self, watched: bool = False) -> Response:
        (job,) = self.jobs()
        head = RequestHead("GET", f"/v1/painting/{job.id}", headers=((API_KEY.lower(), self.key),))
        answer = Application(self.stack(watched).service).respond(head)
        assert isinstance(answer, Response)
        return answer

    def complete(self, request: InferenceRequest, watched: bool = False, status: str = "Completed") -> None:
        """SNS's message comes out of the queue."""
        stack = self.stack(watched)
        event = self.cloud.event(request, status)
        settle_completion(stack.service, stack.outcomes, json.loads(event["Records"][0]["body"])["Message"])

    def sweep(self, watched: bool = False) -> None:
        sweep(self.stack(watched, look_after=MINUTE).service)

    def paint(self, request: InferenceRequest, watched: bool = False) -> None:
        stack = self.stack(watched)
        paint_in_realtime(stack.service, stack.clients, "quick", request)

    def queued(self) -> list[InferenceRequest]:
        unique = {request.inference_id: request for request in self.cloud.endpoint.queue}
        return list(unique.values())

    def jobs(self) -> list[Job]:
        found = self.cloud.clients(watched=False).dynamodb.scan(
            TableName=self.cloud.settings.table,
            FilterExpression="begins_with(pk, :job) AND account_id = :account",
            ExpressionAttributeValues={":job": {"S": "JOB#"}, ":account": {"S": self.account}},
        )
        return [dynamo_items.job_of(item) for item in found["Items"]]

    def live_on(self, then: str) -> None:
        """What the rest of the world does after one of its processes died."""
        for request in self.cloud.endpoint.events:
            self.cloud.endpoint.answer = lambda request: self.cloud.paint(request).model_dump_json().encode()
            self.paint(request)
        for request in self.queued():
            if then in ("the end is reported", "the report is lost"):
                self.cloud.paint(request)
            if then == "the end is reported":
                self.complete(request)
            if then == "the painter fails":
                failure = InferenceFailure(
                    inference_id=request.inference_id, error_code=ErrorCode.UNREADABLE_IMAGE, detail="no picture"
                )
                self.cloud.fail(request, failure.model_dump_json().encode())
                # Where nobody wrote down where the failure lies, the message is left in the queue.
                with contextlib.suppress(UnknownJob):
                    self.complete(request, status="Failed")
        for wait in (3 * MINUTE, HOUR):
            self.cloud.clock.time += wait
            self.sweep()

    def check(self) -> str:
        """Every job has ended, credits are conserved, and nothing lies where no lifecycle finds it."""
        jobs = self.jobs()
        assert all(job.state.ended for job in jobs), jobs
        spent = sum(job.price for job in jobs if job.state is JobState.SUCCEEDED)
        assert self.cloud.credits(self.key) == CREDITS - spent
        for job in jobs:
            assert (job.manifest is not None) == (job.state is JobState.SUCCEEDED)
            assert (job.failure is not None) == (job.state is not JobState.SUCCEEDED)
        return ", ".join(sorted(job.state for job in jobs)) or "no job"


@pytest.fixture(autouse=True)
def two_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first shard and a next one: every sweep asks each, and moto takes milliseconds for an answer.

    Eight, as the service has them, are test_ledger.py's.
    """
    for module in (dynamo_items, dynamo_ledger):
        monkeypatch.setattr(module, "SHARDS", dynamo_items.SHARDS[:2])


THEN = ("the end is reported", "the report is lost", "the painter fails", "the painter is never heard of again")
Process = tuple[Callable[[Trial], None], Callable[[Trial], None]]


def _nothing(_: Trial) -> None:
    pass


def _submitted(trial: Trial) -> None:
    assert trial.submit().status == 202


def _painted(trial: Trial) -> None:
    _submitted(trial)
    trial.cloud.paint(trial.queued()[0])


def _failed(trial: Trial) -> None:
    _submitted(trial)
    trial.cloud.fail(trial.queued()[0], b"the container is broken")


def _overdue(trial: Trial) -> None:
    _submitted(trial)
    trial.cloud.clock.time += HOUR + 1


def _painted_in_silence(trial: Trial) -> None:
    _painted(trial)
    trial.cloud.clock.time += 2 * MINUTE


def _cut_off(trial: Trial) -> None:
    trial.cloud.wire.faults["PutObject"] = []
    trial.cloud.wire.calls.clear()
    # Dies right after the job was created: neither inputs nor dispatch.
    trial.cloud.wire.crash_at = (5, "before")
    with pytest.raises(BaseException, match="PutObject"):
        trial.submit(watched=True)
    trial.cloud.wire.crash_at = None
    trial.cloud.clock.time += 5 * MINUTE


PROCESSES: dict[str, Process] = {
    "submit": (_nothing, lambda trial: _ignored(trial.submit(watched=True))),
    "completion": (_painted, lambda trial: trial.complete(trial.queued()[0], watched=True)),
    "completion of a failure": (
        _failed,
        lambda trial: trial.complete(trial.queued()[0], watched=True, status="Failed"),
    ),
    "poll of an overdue job": (_overdue, lambda trial: _ignored(trial.poll(watched=True))),
    "sweep of a job cut off": (_cut_off, lambda trial: trial.sweep(watched=True)),
    "sweep of an unreported end": (_painted_in_silence, lambda trial: trial.sweep(watched=True)),
    "sweep of an overdue job": (_overdue, lambda trial: trial.sweep(watched=True)),
}


def _ignored(_: Response) -> None:
    """A client whose answer never came."""


# What a process hangs on when it dies: the rest cannot tell one way of the world from another.
WAYS = [("submit", then) for then in THEN] + [
    (process, then)
    for process in PROCESSES
    if process != "submit"
    for then in ("the end is reported", "the painter is never heard of again")
]


@pytest.mark.parametrize(("process", "then"), WAYS)
def test_a_crash_at_any_call(
    cloud: Any, cut_out: bytes, process: str, then: str, fault_table: Callable[..., None]
) -> None:
    prepare, run = PROCESSES[process]
    # Before the first call, then after each: between two calls a process does nothing that outlives it.
    number, moment = 1, "before"
    while True:
        cloud.empty()
        trial = Trial(cloud, cut_out, number * 2 + (moment == "after")).open()
        prepare(trial)
        cloud.wire.calls.clear()
        cloud.wire.crash_at = (number, moment)
        crashed = False
        try:
            run(trial)
        except Crash:
            crashed = True
        call = cloud.wire.calls[-1] if cloud.wire.calls else "-"
        cloud.wire.crash_at = None
        if process == "submit" and crashed:
            # The client, who heard nothing, sends it again: at most one job, and one charge.
            cloud.clock.time += 1
            assert trial.submit().status == 202
        trial.live_on(then)
        end = trial.check()
        assert "," not in end, "a job too many"
        if not crashed:
            break
        fault_table(process, f"{number} {call}", moment, then, end)
        number, moment = (number + (moment == "after"), "after")
    assert number > 2, "the process made hardly any calls: is it the one that was meant?"


@pytest.mark.parametrize("then", THEN)
def test_a_crash_at_any_call_of_the_realtime_function(
    cloud: Any, cut_out: bytes, then: str, fault_table: Callable[..., None]
) -> None:
    settings = cloud.settings.model_copy(update=REALTIME)
    cloud.endpoint.answer = lambda request: cloud.paint(request).model_dump_json().encode()
    number, moment = 1, "before"
    while True:
        cloud.empty()
        trial = Trial(cloud, cut_out, number * 2 + (moment == "after"), settings).open()
        _quick(trial)
        cloud.wire.calls.clear()
        cloud.wire.crash_at = (number, moment)
        crashed = False
        try:
            trial.paint(cloud.endpoint.events[0], watched=True)
        except Crash:
            crashed = True
        call, cloud.wire.crash_at = cloud.wire.calls[-1], None
        if then != "the end is reported":
            cloud.endpoint.events.clear()  # Lambda tries again, but nothing says that it must come through
        trial.live_on(then)
        end = trial.check()
        if not crashed:
            assert end == "succeeded"
            break
        fault_table("realtime", f"{number} {call}", moment, then, end)
        number, moment = (number + (moment == "after"), "after")
    assert number >= 4


def _quick(trial: Trial) -> None:
    _submitted(trial)
    assert len(trial.cloud.endpoint.events) == 1
    assert trial.queued() == []


# What AWS itself fails at


def _throttled(refused: Any, code: str = "ThrottlingException") -> ClientError:
    error: ClientError = refused(code, 400)
    return error


@pytest.mark.parametrize(
    ("operation", "error", "status"),
    [
        ("GetItem", ("ProvisionedThroughputExceededException", 400), 503),
        ("UpdateItem", ("ThrottlingException", 400), 503),
        ("TransactWriteItems", ("ThrottlingException", 400), 503),
        ("TransactWriteItems", ("InternalServerError", 500), 503),
        ("PutObject", ("SlowDown", 503), 503),
        ("PutObject", ("AccessDenied", 403), 500),
        ("InvokeEndpointAsync", ("ThrottlingException", 400), 503),
        ("InvokeEndpointAsync", ("ServiceUnavailable", 503), 503),
        ("InvokeEndpointAsync", ("InternalFailure", 500), 503),
        ("InvokeEndpointAsync", ("ValidationError", 400), 503),
        ("InvokeEndpointAsync", ("AccessDeniedException", 403), 500),
    ],
)
def test_a_submit_that_aws_refuses_is_told_and_costs_nothing(
    cloud: Any,
    cut_out: bytes,
    operation: str,
    error: tuple[str, int],
    status: int,
    refused: Any,
    fault_table: Callable[..., None],
) -> None:
    trial = Trial(cloud, cut_out, 1).open()
    cloud.wire.faults[operation] = [refused(*error)]
    answer = trial.submit(watched=True)
    cloud.wire.faults.clear()
    assert answer.status == status
    assert error[0].encode() not in answer.body
    assert (answer.header("Retry-After") is not None) == (status == 503)
    assert cloud.credits(trial.key) == CREDITS
    assert cloud.objects("inputs/") == []
    # The key is free again: another try with the same key is a try of its own.
    assert trial.submit().status == 202
    trial.live_on("the end is reported")
    end = trial.check()
    assert end.endswith("succeeded")
    fault_table("submit", operation, f"{error[1]} {error[0]}", "sent again", end)


@pytest.mark.parametrize("error", [ReadTimeoutError(endpoint_url="https://runtime"), None])
def test_a_dispatch_that_was_never_answered_may_have_come_through(
    cloud: Any, cut_out: bytes, error: Exception | None, fault_table: Callable[..., None]
) -> None:
    """The job was queued, then the connection broke: it fails here, and its pictures are nobody's."""
    trial = Trial(cloud, cut_out, 1).open()
    if error is not None:
        cloud.wire.faults["InvokeEndpointAsync"] = [error]
    answer = trial.submit(watched=True)
    assert answer.status == (202 if error is None else 503)
    if error is not None:
        (job,) = trial.jobs()
        cloud.endpoint.queue.append(job.request)
    trial.live_on("the end is reported")
    assert trial.check() == ("succeeded" if error is None else "failed")
    fault_table("submit", "InvokeEndpointAsync", "timeout" if error else "none", "painted all the same", trial.check())


def test_a_busy_store_is_asked_again_by_botocore(
    cloud: Any, cut_out: bytes, monkeypatch: pytest.MonkeyPatch, fault_table: Callable[..., None]
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waits.append)
    trial = Trial(cloud, cut_out, 1).open()
    stack = trial.stack()
    sent = []

    def busy(request: Any, **_: Any) -> AWSResponse | None:
        sent.append(request.url)
        return throttled(request) if len(sent) < 3 else None

    events = stack.clients.s3.meta.events
    events.register_first("before-send.s3.PutObject", busy)
    try:
        stack.service.pictures.put("inputs/x/image", StoredPicture(b"x", "image/png", "ann", 1e10))
    finally:
        events.unregister("before-send.s3.PutObject", busy)  # the client is every test's
    assert (len(sent), len(waits)) == (3, 2)
    assert cloud.objects("inputs/x/") == ["inputs/x/image"]
    fault_table("submit", "PutObject", "503 SlowDown, twice", "asked again", "stored")


@pytest.mark.parametrize("operation", ["GetObject", "UpdateItem"])
def test_a_completion_that_aws_refuses_comes_again(
    cloud: Any, cut_out: bytes, operation: str, refused: Any, fault_table: Callable[..., None]
) -> None:
    trial = Trial(cloud, cut_out, 1).open()
    _painted(trial)
    (request,) = trial.queued()
    cloud.wire.faults[operation] = [refused("ServiceUnavailable", 503)]
    with pytest.raises(OutpaintError) as error:
        trial.complete(request, watched=True)
    assert error.value.code is ErrorCode.UNAVAILABLE
    trial.complete(request, watched=True)
    assert trial.check() == "succeeded"
    fault_table("completion", operation, "503", "comes again", trial.check())


def test_inputs_that_cannot_be_deleted_hold_up_no_end(
    cloud: Any, cut_out: bytes, refused: Any, fault_table: Callable[..., None]
) -> None:
    trial = Trial(cloud, cut_out, 1).open()
    _painted(trial)
    cloud.wire.faults["DeleteObject"] = [refused("SlowDown", 503)] * 2
    trial.complete(trial.queued()[0], watched=True)
    assert trial.check() == "succeeded"
    assert len(cloud.objects("inputs/")) == 2  # the bucket's lifecycle has them
    fault_table("completion", "DeleteObject", "503", "left to the lifecycle", trial.check())


# Messages twice, early, late, and in another order


def test_a_completion_twice_counts_once(cloud: Any, cut_out: bytes, fault_table: Callable[..., None]) -> None:
    trial = Trial(cloud, cut_out, 1).open()
    _painted(trial)
    (request,) = trial.queued()
    for status in ("Completed", "Completed", "Failed"):
        trial.complete(request, status=status)
        assert trial.check() == "succeeded"
    assert cloud.credits(trial.key) == CREDITS - 2
    fault_table("completion", "SNS", "twice, then the opposite", "", trial.check())


def test_the_first_of_two_opposite_ends_stands(cloud: Any, cut_out: bytes, fault_table: Callable[..., None]) -> None:
    trial = Trial(cloud, cut_out, 1).open()
    _failed(trial)
    (request,) = trial.queued()
    trial.complete(request, status="Failed")
    cloud.paint(request)
    trial.complete(request)
    assert trial.check() == "failed"
    assert cloud.credits(trial.key) == CREDITS
    fault_table("completion", "SNS", "failed, then done", "", trial.check())


def test_a_completion_before_the_row_is_seen_comes_again(
    cloud: Any, cut_out: bytes, fault_table: Callable[..., None]
) -> None:
    trial = Trial(cloud, cut_out, 1).open()
    _painted(trial)
    (request,) = trial.queued()
    client = cloud.clients(watched=False).dynamodb
    pk = {"pk": {"S": dynamo_items.pk_of("JOB", request.inference_id)}}
    row = client.get_item(TableName=cloud.settings.table, Key=pk)["Item"]
    client.delete_item(TableName=cloud.settings.table, Key=pk)
    with pytest.raises(UnknownJob):
        trial.complete(request)
    client.put_item(TableName=cloud.settings.table, Item=row)
    trial.complete(request)
    assert trial.check() == "succeeded"
    fault_table("completion", "SNS", "before the row is seen", "comes again", trial.check())


def test_a_completion_before_the_job_is_marked_dispatched(
    cloud: Any, cut_out: bytes, fault_table: Callable[..., None]
) -> None:
    trial = Trial(cloud, cut_out, 1).open()
    invoke = cloud.endpoint.invoke_async

    def at_once(params: dict[str, Any], **more: Any) -> Any:
        answer = invoke(params, **more)
        cloud.paint(cloud.endpoint.queue[-1])
        trial.complete(cloud.endpoint.queue[-1])
        return answer

    cloud.endpoint.invoke_async = at_once
    assert trial.submit().status == 202
    assert trial.check() == "succeeded"
    fault_table("completion", "SNS", "before the job is marked dispatched", "", trial.check())


@pytest.mark.parametrize("submit", [-600.0, 600.0])
@pytest.mark.parametrize("rest", [-600.0, 600.0])
@pytest.mark.parametrize("then", THEN)
def test_clocks_ten_minutes_off(
    cloud: Any, cut_out: bytes, submit: float, rest: float, then: str, fault_table: Callable[..., None]
) -> None:
    trial = Trial(cloud, cut_out, 1, skew=submit).open()
    _submitted(trial)
    trial.skew = rest
    trial.sweep()
    trial.live_on(then)
    cloud.clock.time += HOUR
    trial.sweep()
    end = trial.check()
    assert (
        end
        == {
            "the end is reported": "succeeded",
            "the report is lost": "succeeded",
            "the painter fails": "failed",
            "the painter is never heard of again": "expired",
        }[then]
    )
    fault_table("clock", f"submit {submit:+.0f} s", f"the rest {rest:+.0f} s", then, end)


def test_a_sweep_whose_clock_is_ahead_may_end_a_job_that_is_just_being_sent(
    cloud: Any, cut_out: bytes, fault_table: Callable[..., None]
) -> None:
    trial = Trial(cloud, cut_out, 1).open()
    ahead = replace(trial, skew=600.0)
    invoke = cloud.endpoint.invoke_async

    def meanwhile(params: dict[str, Any], **more: Any) -> Any:
        ahead.sweep()
        return invoke(params, **more)

    cloud.endpoint.invoke_async = meanwhile
    assert trial.submit().status == 202
    trial.live_on("the end is reported")
    assert trial.check() == "failed"
    fault_table("clock", "sweep +600 s", "while a job is sent", "the end is reported", trial.check())


def test_fifty_posts_with_one_idempotency_key(cloud: Any, cut_out: bytes, fault_table: Callable[..., None]) -> None:
    trial = Trial(cloud, cut_out, 1).open()
    cloud.settings = cloud.settings.model_copy(
        update={"service": cloud.settings.service.model_copy(update={"rate_limit": 1000})}
    )
    barrier = threading.Barrier(50)

    def post(_: int) -> tuple[int, str]:
        barrier.wait()
        answer = trial.submit()
        return answer.status, json.loads(answer.body).get("inference_id", "")

    with ThreadPoolExecutor(50) as pool:
        answers = Counter(pool.map(post, range(50)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 202
    assert len(trial.jobs()) == 1
    assert len(cloud.endpoint.queue) == 1
    assert cloud.credits(trial.key) == CREDITS - 2
    trial.live_on("the end is reported")
    assert trial.check() == "succeeded"
    fault_table("submit", "50 at once", "one idempotency key", "one job, one charge", trial.check())


# The real-time endpoint


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (("ThrottlingException", 400), "passed on"),
        (("ModelNotReadyException", 429), "passed on"),
        (("ValidationError", 400), "passed on"),
        (("ServiceUnavailable", 503), "passed on"),
        (("ModelError", 424), "passed on"),
        (("ModelError", 424, ErrorCode.UNREADABLE_IMAGE), "failed"),
        (("ModelError", 424, ErrorCode.UNAVAILABLE), "passed on"),
        ("timeout", "passed on"),
        ("nonsense", "failed"),
    ],
)
def test_the_realtime_endpoint_fails(
    cloud: Any, cut_out: bytes, error: Any, expected: str, refused: Any, fault_table: Callable[..., None]
) -> None:
    trial = Trial(cloud, cut_out, 1, cloud.settings.model_copy(update=REALTIME)).open()
    _quick(trial)
    (request,) = cloud.endpoint.events
    cloud.endpoint.answer = lambda _: b"<html>"
    if isinstance(error, tuple):
        failure = InferenceFailure(
            inference_id=request.inference_id,
            error_code=error[-1] if len(error) == 3 else ErrorCode.INTERNAL,
            detail='a "word"',
        )
        said = failure.model_dump_json() if len(error) == 3 else "worker died"
        cloud.wire.faults["InvokeEndpoint"] = [refused(*error[:2], OriginalStatusCode=500, OriginalMessage=said)]
    elif error == "timeout":
        cloud.wire.faults["InvokeEndpoint"] = [ReadTimeoutError(endpoint_url="https://runtime")]
    trial.paint(request, watched=True)
    cloud.endpoint.events.clear()
    if expected == "passed on":
        assert [job.inference_id for job in trial.queued()] == [request.inference_id]
        trial.live_on("the end is reported")
        assert trial.check() == "succeeded"
    else:
        assert trial.queued() == []
        assert trial.check() == "failed"
    fault_table(
        "realtime",
        "InvokeEndpoint",
        " ".join(map(str, error)) if isinstance(error, tuple) else error,
        expected,
        trial.check(),
    )


def test_no_function_for_the_realtime_endpoint_means_the_queue(
    cloud: Any, cut_out: bytes, refused: Any, fault_table: Callable[..., None]
) -> None:
    trial = Trial(cloud, cut_out, 1, cloud.settings.model_copy(update=REALTIME)).open()
    cloud.wire.faults["Invoke"] = [refused("TooManyRequestsException", 429)]
    assert trial.submit(watched=True).status == 202
    assert len(trial.queued()) == 1
    trial.live_on("the end is reported")
    assert trial.check() == "succeeded"
    fault_table("submit", "Invoke", "429", "the asynchronous endpoint", trial.check())


# Answers that are lost: the call was carried out, and botocore makes it again


@dataclass
class Line:
    """The way to AWS: every call that botocore sends meets the fault once, and comes through when it is repeated.

    `lost` carries it out and never answers, `throttled` refuses it, `twice` carries it out twice and gives the second
    answer. moto knows no ClientRequestToken, so a repeated transaction changes nothing by its own conditions alone.
    """

    fault: str
    met: dict[str, str] = field(default_factory=dict)

    def send(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        repeated = request.headers["amz-sdk-invocation-id"].decode()
        if repeated in self.met:
            return None
        self.met[repeated] = operation
        if self.fault == "throttled":
            return throttled(request)
        botocore_stubber(event_name, request)
        if self.fault == "lost":
            raise ReadTimeoutError(endpoint_url=request.url)
        return botocore_stubber(event_name, request)

    def twice(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same for what the stand-ins answer before botocore sends it."""

        def repeated(*args: Any, **named: Any) -> Any:
            if self.fault != "throttled":
                call(*args, **named)
            return call(*args, **named)

        return repeated

    @contextmanager
    def between(self, cloud: Any) -> Iterator[None]:
        """The line of the watched clients, while the block runs."""
        clients = cloud.clients(watched=True)
        called = ("invoke_async", "invoke", "invoke_function")
        plain = {name: getattr(cloud.endpoint, name) for name in called}
        for client in (clients.dynamodb, clients.s3):
            client.meta.events.register_first("before-send", self.send)
        for name, call in plain.items():
            setattr(cloud.endpoint, name, self.twice(call))
        try:
            yield
        finally:
            for client in (clients.dynamodb, clients.s3):
                client.meta.events.unregister("before-send", self.send)
            for name, call in plain.items():
                setattr(cloud.endpoint, name, call)


@pytest.fixture(params=["lost", "throttled", "twice"])
def line(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    return Line(request.param)


def _counted(trial: Trial) -> list[int]:
    """The counters of the account's rate limit."""
    found = trial.cloud.clients(watched=False).dynamodb.scan(
        TableName=trial.cloud.settings.table,
        FilterExpression="begins_with(pk, :limit)",
        ExpressionAttributeValues={":limit": {"S": f"LIMIT#{trial.account}#"}},
    )
    return [int(item["requests"]["N"]) for item in found["Items"]]


@pytest.mark.parametrize("process", PROCESSES)
def test_every_call_meets_a_fault_once(
    cloud: Any, cut_out: bytes, process: str, line: Line, fault_table: Callable[..., None]
) -> None:
    prepare, run = PROCESSES[process]
    trial = Trial(cloud, cut_out, 1).open()
    prepare(trial)
    before = sum(_counted(trial))
    with line.between(cloud):
        run(trial)
    ended = trial.jobs()[0].state.ended
    assert ended == (process != "submit"), "the process did at once what it was to do"
    assert sum(_counted(trial)) == before + (process in ("submit", "poll of an overdue job"))
    trial.live_on("the end is reported")
    assert "," not in trial.check()
    assert all(job.attempts == 1 for job in trial.jobs())
    fault_table(process, f"each of {len(line.met)}", f"answer {line.fault}", "repeated by botocore", trial.check())


def test_every_call_of_the_realtime_function_meets_a_fault_once(
    cloud: Any, cut_out: bytes, line: Line, fault_table: Callable[..., None]
) -> None:
    trial = Trial(cloud, cut_out, 1, cloud.settings.model_copy(update=REALTIME)).open()
    cloud.endpoint.answer = lambda request: cloud.paint(request).model_dump_json().encode()
    with line.between(cloud):
        trial.submit(watched=True)
        for request in list(cloud.endpoint.events):
            trial.paint(request, watched=True)
    assert trial.check() == "succeeded"
    fault_table("realtime", f"each of {len(line.met)}", f"answer {line.fault}", "repeated by botocore", trial.check())


def test_an_operators_credits_are_added_once(cloud: Any, line: Line, fault_table: Callable[..., None]) -> None:
    clients = cloud.clients(watched=True)
    ring, ids, now = DynamoKeyRing(Table(clients, cloud.settings.table)), cloud.ids, cloud.clock.now()
    with line.between(cloud):
        key = account_keys.create(ring, ids, "Bob", 100, now)
        assert account_keys.credit(ring, "Bob", 50, now).credits == 150
        assert account_keys.credit(ring, "Bob", -150, now).credits == 0
        second = account_keys.create(ring, ids, "Bob", 7, now)
        with pytest.raises(OutpaintError):
            account_keys.credit(ring, "Bob", -8, now)
        with pytest.raises(OutOfRange):
            ring.add_credits("nobody", 1, now)
        account_keys.revoke(ring, key, now)
    assert cloud.credits(second) == 7
    revoked = {entry.digest: entry.revoked_at for entry in ring.entries() if entry.account.name == "Bob"}
    assert revoked == {key_digest(key): now, key_digest(second): None}
    fault_table("keys", f"each of {len(line.met)}", f"answer {line.fault}", "repeated by botocore", "to the unit")


def test_credits_in_doubt_are_told_as_such(cloud: Any) -> None:
    """No try was answered: to say no more than "try again" would have them added twice."""
    ring = DynamoKeyRing(Table(cloud.clients(watched=True), cloud.settings.table))
    cloud.wire.faults["TransactWriteItems"] = [ReadTimeoutError(endpoint_url="https://dynamodb")] * 2
    for change in (
        lambda: account_keys.credit(ring, "Ann", 50, 0.0),
        lambda: account_keys.create(ring, cloud.ids, "Bob", 50, 0.0),
    ):
        with pytest.raises(OutpaintError, match="see what `outpaint keys list` shows") as error:
            change()
        assert error.value.code is ErrorCode.UNAVAILABLE


def test_an_attempt_is_counted_once(cloud: Any, cut_out: bytes, line: Line, fault_table: Callable[..., None]) -> None:
    trial = Trial(cloud, cut_out, 1).open()
    _submitted(trial)
    (job,) = trial.jobs()
    jobs = trial.stack(watched=True).service.jobs
    with line.between(cloud):
        for attempt in (2, 3, 4):
            assert jobs.begin_again(job.id, attempt) == replace(job, attempts=attempt, locations=None)
    fault_table("begin again", "UpdateItem", f"answer {line.fault}", "repeated by botocore", "to the unit")


def test_a_count_that_is_repeated_after_others_counts_once(cloud: Any) -> None:
    """Between a lost answer and its repeat, others may count."""
    ours, theirs = (cloud.stack(watched=False).service.limits for _ in range(2))
    event, after = "before-send.dynamodb.UpdateItem", []

    def meanwhile(request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        if after:
            return None
        after.append(request)
        botocore_stubber(event_name, request)
        for _ in range(3):
            theirs.count("ann", 1, 60.0)
        return botocore_stubber(event_name, request)

    events = cloud.clients(watched=False).dynamodb.meta.events
    events.register_first(event, meanwhile)
    try:
        assert ours.count("ann", 1, 60.0) == 4
    finally:
        events.unregister(event, meanwhile)
    assert ours.count("ann", 1, 60.0) == 5


def test_a_batch_that_is_left_unread_is_an_error(cloud: Any, refused: Any) -> None:
    """DynamoDB throttles a BatchGetItem by answering with the keys that it has not read."""
    table, calls = cloud.table(), []
    account = f"KEY#{key_digest('key')}"

    def busy(params: dict[str, Any], **_: Any) -> Any:
        calls.append(params)
        keys = {cloud.settings.table: {"Keys": [{"pk": {"S": account}}], "ConsistentRead": True}}
        return type("Answer", (), {"status_code": 200})(), {"Responses": {}, "UnprocessedKeys": keys}

    events, event = cloud.clients(watched=False).dynamodb.meta.events, "before-call.dynamodb.BatchGetItem"
    events.register_first(event, busy)
    try:
        with pytest.raises(OutpaintError) as error:
            list(table.get_many([account]))
    finally:
        events.unregister(event, busy)
    assert error.value.code is ErrorCode.UNAVAILABLE
    assert len(calls) == 8
    assert [item["pk"]["S"] for item in table.get_many([account])] == [account]
