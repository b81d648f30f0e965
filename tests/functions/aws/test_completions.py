"""What comes by the completion queue, as AWS sends it: failures without a place, nulls, tries, dropped events."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.storage_names import invocation_id, outcome_name
from outpaint.functions.aws.completions import UnknownJob, settle_completion
from outpaint.functions.aws.sagemaker_dispatch import REALTIME_BOUND_S, paint_in_realtime
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.functions.service.records import Job
from outpaint.functions.service.sweeping import sweep

CREDITS = 20
STOPPING = OutpaintError.unavailable("the endpoint is shutting down: send the job again")
REALTIME = {"realtime_endpoint": "quick", "realtime_function": "paint-now", "seconds_per_image": 5.0}


@dataclass
class Submitted:
    """A job at the endpoint, and what happens to it."""

    cloud: Any
    id: str
    settings: Any = None

    @property
    def job(self) -> Job:
        job: Job | None = self.stack().service.jobs.find(self.id, self.cloud.clock.now())
        assert job is not None
        return job

    @property
    def request(self) -> InferenceRequest:
        """The latest try as the endpoint has it."""
        request: InferenceRequest = self.cloud.endpoint.queue[-1]
        return request

    def stack(self, look_after: float = 0.0) -> Any:
        return self.cloud.stack(look_after=look_after, settings=self.settings)

    def hear(self, message: str | dict[str, Any]) -> Job | None:
        """The completion function gets a message."""
        stack = self.stack()
        text = message if isinstance(message, str) else json.dumps(message)
        return settle_completion(stack.service, stack.outcomes, text)

    def told(self, request: InferenceRequest, status: str = "Failed") -> dict[str, Any]:
        """SageMaker's message on the end of a try."""
        message: dict[str, Any] = json.loads(
            json.loads(self.cloud.event(request, status)["Records"][0]["body"])["Message"]
        )
        return message

    def give_back(self, error: OutpaintError = STOPPING) -> dict[str, Any]:
        """The container answers the latest try with a failure, which SageMaker stores; returns its message."""
        request = self.request
        self.cloud.fail(request, InferenceFailure.of(request.inference_id, error).model_dump_json().encode())
        return self.told(request)

    def sweep(self) -> None:
        sweep(self.stack().service)


def note(cloud: Any, inference_id: str) -> None:
    """What a container writes itself of a job that it was told to stop in the middle of."""
    body = InferenceFailure.of(inference_id, STOPPING).model_dump_json().encode()
    cloud.clients(watched=False).s3.put_object(Bucket=cloud.settings.bucket, Key=outcome_name(inference_id), Body=body)


@pytest.fixture
def submit(cloud: Any, cut_out: bytes) -> Callable[..., Submitted]:
    """Sends a job of two pictures."""

    def send(**settings: Any) -> Submitted:
        own = cloud.settings.model_copy(update=settings)
        body, content_type = cloud.form(prompt="a field", count="2", image=cut_out)
        headers = ((API_KEY.lower(), "key"), ("content-type", content_type), ("prefer", "respond-async"))
        head = RequestHead("POST", "/v1/painting/outpaint", headers=headers)
        answer = Application(cloud.stack(settings=own).service).respond(head, body)
        assert isinstance(answer, Response)
        assert answer.status == 202, answer.body
        return Submitted(cloud, json.loads(answer.body)["inference_id"], own)

    return send


def test_the_endpoints_words_on_places_are_kept_with_the_job(cloud: Any, submit: Any) -> None:
    job = submit().job
    assert job.locations is not None
    output, failure = cloud.endpoint.places[job.id]
    assert job.locations.output == f"s3://{cloud.settings.bucket}/{output}"
    assert job.locations.failure == f"s3://{cloud.settings.bucket}/{failure}"


@pytest.mark.parametrize("hears", ["completion", "sweep"])
def test_a_failure_that_says_not_where_it_lies_is_read(cloud: Any, submit: Any, hears: str) -> None:
    sent = submit()
    message = sent.give_back(OutpaintError(ErrorCode.UNREADABLE_IMAGE, "the image is cut off"))
    assert "responseParameters" not in message
    sent.hear(message) if hears == "completion" else sent.sweep()
    failure = sent.job.failure
    assert failure is not None
    assert (failure.error_code, failure.detail) == (ErrorCode.UNREADABLE_IMAGE, "the image is cut off")
    assert cloud.credits() == CREDITS


@pytest.mark.parametrize(
    "left",
    [
        None,
        b"ClientError: Received server error (500) from model. See the SageMaker Endpoint logs.",
        b'{"inference_id": "another\'s"}',
    ],
)
def test_a_client_never_reads_awss_own_words(cloud: Any, submit: Any, left: bytes | None) -> None:
    sent = submit()
    if left is not None:
        cloud.fail(sent.request, left)
    sent.hear(sent.told(sent.request))
    failure = sent.job.failure
    assert failure is not None
    assert failure.error_code is ErrorCode.PAINTING_FAILED
    assert "the painter failed" in failure.detail
    assert not any(word in failure.model_dump_json() for word in ("ClientError", "SageMaker", "another"))


def test_pictures_that_are_there_count_whatever_the_message_says(cloud: Any, submit: Any) -> None:
    sent = submit()
    painted = cloud.paint(sent.request)
    s3 = cloud.clients(watched=False).s3
    s3.put_object(Bucket=cloud.settings.bucket, Key=outcome_name(sent.id), Body=painted.model_dump_json().encode())
    sent.hear(sent.told(sent.request))
    assert sent.job.state is JobState.SUCCEEDED


@pytest.mark.parametrize("status", ["Completed", "Failed"])
def test_no_null_goes_to_the_dead_letters(cloud: Any, submit: Any, status: str) -> None:
    members = ("awsRegion", "failureReason", "requestParameters", "responseParameters", "invocationStatus")
    for member in (*members, "responseParameters.outputLocation", "responseParameters.failureLocation"):
        sent = submit()
        if status == "Completed":
            cloud.paint(sent.request)
            message = sent.told(sent.request, status)
        else:
            message = sent.give_back(OutpaintError(ErrorCode.UNREADABLE_IMAGE, "no"))
        parent, _, child = member.partition(".")
        message[parent] = {**(message.get(parent) or {}), child: None} if child else None
        sent.hear(message)
        assert sent.job.state is (JobState.SUCCEEDED if status == "Completed" else JobState.FAILED), member


def test_a_message_without_a_job_is_left_to_the_sweep(cloud: Any, submit: Any) -> None:
    sent = submit()
    cloud.paint(sent.request)
    assert sent.hear({**sent.told(sent.request, "Completed"), "inferenceId": None}) is None
    assert not sent.job.state.ended
    sent.sweep()
    assert sent.job.state is JobState.SUCCEEDED


@pytest.mark.parametrize("message", ["", "[]", "null", '{"requestPayload": {}}', '{"status": "Completed"}'])
def test_what_is_no_message_of_ours_is_not_lost(cloud: Any, submit: Any, message: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        submit().hear(message)


# A container that is told to stop


@pytest.mark.parametrize("hears", ["completion", "sweep"])
def test_a_job_that_its_container_gave_back_is_sent_again(cloud: Any, submit: Any, hears: str) -> None:
    sent = submit()
    first = sent.request
    message = sent.give_back()
    cloud.clock.time += 600
    sent.hear(message) if hears == "completion" else sent.sweep()
    job, second = sent.job, sent.request
    assert not job.state.ended
    assert (job.attempts, second.attempt, len(cloud.endpoint.queue)) == (2, 2, 2)
    assert second == first.model_copy(update={"attempt": 2})
    headers = cloud.endpoint.parameters["headers"]
    assert headers["x-amzn-sagemaker-inference-id"] == f"{job.id}.2"
    # The job's deadline holds for this try too.
    assert headers["x-amzn-sagemaker-requestttlseconds"] == "3000"
    assert len(headers["x-amzn-sagemaker-filename"]) <= 32
    assert job.locations is not None
    assert job.locations.output is not None
    assert job.locations.output.endswith(cloud.endpoint.places[f"{job.id}.2"][0])
    assert cloud.credits() == CREDITS - 2
    cloud.paint(second)
    sent.hear(sent.told(second, "Completed"))
    assert sent.job.state is JobState.SUCCEEDED
    assert cloud.credits() == CREDITS - 2


def test_one_cause_sends_a_job_again_once(cloud: Any, submit: Any) -> None:
    sent = submit()
    message = sent.give_back()
    for _ in range(3):
        assert sent.hear(message) is None
        sent.sweep()
    assert (sent.job.attempts, len(cloud.endpoint.queue)) == (2, 2)
    # The container's own note of the first try says nothing of the second.
    note(cloud, sent.id)
    sent.sweep()
    assert (sent.job.attempts, len(cloud.endpoint.queue)) == (2, 2)


def test_the_success_of_an_earlier_try_counts(cloud: Any, submit: Any) -> None:
    sent = submit()
    first = sent.request
    sent.hear(sent.give_back())
    cloud.paint(first)
    sent.hear(sent.told(first, "Completed"))
    assert sent.job.state is JobState.SUCCEEDED
    assert cloud.credits() == CREDITS - 2
    # The later try's end comes too late for anything.
    sent.hear(sent.give_back())
    assert (sent.job.state, len(cloud.endpoint.queue)) == (JobState.SUCCEEDED, 2)


def test_the_last_try_ends_the_job_in_the_containers_words(cloud: Any, submit: Any) -> None:
    sent = submit()
    most = cloud.settings.service.max_attempts
    for attempt in range(1, most + 1):
        assert sent.job.attempts == attempt
        sent.hear(sent.give_back())
    assert len(cloud.endpoint.queue) == most
    failure = sent.job.failure
    assert failure is not None
    assert (failure.error_code, failure.detail) == (ErrorCode.UNAVAILABLE, STOPPING.detail)
    assert cloud.credits() == CREDITS


def test_no_try_begins_after_the_deadline(cloud: Any, submit: Any) -> None:
    sent = submit()
    message = sent.give_back()
    cloud.clock.time = sent.job.deadline_at
    sent.hear(message)
    assert (sent.job.state, len(cloud.endpoint.queue)) == (JobState.EXPIRED, 1)
    assert cloud.credits() == CREDITS


@pytest.mark.parametrize("operation", ["InvokeEndpointAsync", "UpdateItem"])
def test_a_try_that_cannot_be_sent_comes_again(cloud: Any, submit: Any, refused: Any, operation: str) -> None:
    sent = submit()
    message = sent.give_back()
    cloud.wire.faults[operation] = [refused("ServiceUnavailable", 503)]
    with pytest.raises(OutpaintError) as raised:
        sent.hear(message)
    assert raised.value.code is ErrorCode.UNAVAILABLE
    assert sent.job.attempts == 1
    sent.hear(message)
    assert sent.job.attempts == 2
    # Sent twice where it was not recorded, and both times as the same try.
    assert {request.attempt for request in cloud.endpoint.queue[1:]} == {2}
    assert len(cloud.endpoint.queue) == (2 if operation == "InvokeEndpointAsync" else 3)


def test_a_try_that_nobody_has_recorded_yet_is_told_again(cloud: Any, submit: Any, refused: Any) -> None:
    sent = submit()
    first = sent.give_back()
    cloud.wire.faults["UpdateItem"] = [refused("ServiceUnavailable", 503)]
    with pytest.raises(OutpaintError):
        sent.hear(first)
    second = sent.give_back(OutpaintError(ErrorCode.UNREADABLE_IMAGE, "no"))
    with pytest.raises(UnknownJob):
        sent.hear(second)
    sent.hear(first)
    sent.hear(second)
    assert sent.job.state is JobState.FAILED
    assert cloud.credits() == CREDITS


@pytest.mark.parametrize("noted", [False, True])
def test_a_job_that_is_just_being_dispatched_is_left_to_its_dispatcher(cloud: Any, submit: Any, noted: bool) -> None:
    invoke, heard = cloud.endpoint.invoke_async, []

    def at_once(params: dict[str, Any], **more: Any) -> Any:
        answer = invoke(params, **more)
        job = Submitted(cloud, cloud.endpoint.queue[-1].inference_id)
        message = job.give_back()
        if noted:
            note(cloud, job.id)
            assert job.hear(message) is None
        else:
            with pytest.raises(UnknownJob):
                job.hear(message)
        heard.append(message)
        return answer

    cloud.endpoint.invoke_async = at_once
    sent = submit()
    cloud.endpoint.invoke_async = invoke
    assert (sent.job.attempts, len(cloud.endpoint.queue)) == (1, 1)
    # A message that was taken does not come again: then it is the sweep that finds the failure.
    sent.sweep() if noted else sent.hear(heard[0])
    assert (sent.job.attempts, len(cloud.endpoint.queue)) == (2, 2)


# Where the answer to the call was lost, or names another bucket


@pytest.mark.parametrize("answer", [{}, {"OutputLocation": "s3://other/x", "FailureLocation": "s3://other/y"}])
@pytest.mark.parametrize("ends", ["painted", "failed"])
def test_without_places_the_bucket_is_searched(cloud: Any, submit: Any, answer: dict[str, str], ends: str) -> None:
    invoke = cloud.endpoint.invoke_async

    def without_places(params: dict[str, Any], **more: Any) -> Any:
        accepted, _ = invoke(params, **more)
        cloud.endpoint.places.clear()
        return accepted, answer

    cloud.endpoint.invoke_async = without_places
    sent = submit()
    if ends == "painted":
        cloud.paint(sent.request)
    else:
        sent.give_back(OutpaintError(ErrorCode.UNREADABLE_IMAGE, "no"))
    sent.sweep()
    assert sent.job.state is (JobState.SUCCEEDED if ends == "painted" else JobState.FAILED)
    assert (sent.job.failure is None) or sent.job.failure.error_code is ErrorCode.UNREADABLE_IMAGE


# The real-time function


def _record(request: InferenceRequest, condition: str) -> dict[str, Any]:
    """What Lambda sends to a function's OnFailure destination (docs/facts/aws.md#lambda)."""
    return {
        "version": "1.0",
        "timestamp": "2026-11-29T12:00:00.000Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-4f3f-8880-a18cdf61200e",
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:outpaint-realtime:$LATEST",
            "condition": condition,
            "approximateInvokeCount": 1,
        },
        "requestPayload": request.model_dump(mode="json"),
        **({} if condition == "EventAgeExceeded" else {"responsePayload": {"errorMessage": "exited"}}),
    }


@pytest.mark.parametrize("condition", ["EventAgeExceeded", "RetriesExhausted"])
@pytest.mark.parametrize("began", [False, True])
def test_an_event_that_lambda_drops_goes_to_the_asynchronous_endpoint(
    cloud: Any, submit: Any, condition: str, began: bool
) -> None:
    sent = submit(**REALTIME)
    (event,) = cloud.endpoint.events
    assert cloud.endpoint.queue == []
    if began:
        stack = sent.stack()
        cloud.wire.faults["InvokeEndpoint"] = [SystemExit("out of memory")]
        with pytest.raises(SystemExit):
            paint_in_realtime(stack.service, stack.clients, "quick", event)
        assert sent.job.state is JobState.PAINTING
    for _ in range(2):
        assert sent.hear(_record(event, condition)) is None
    assert (sent.job.attempts, len(cloud.endpoint.queue), len(cloud.endpoint.events)) == (2, 1, 1)
    # Lambda may deliver the event all the same.
    stack = sent.stack()
    assert paint_in_realtime(stack.service, stack.clients, "quick", event) is None
    cloud.paint(sent.request)
    sent.hear(sent.told(sent.request, "Completed"))
    assert sent.job.state is JobState.SUCCEEDED
    assert sent.hear(_record(event, condition)) is None


def test_a_dropped_event_of_no_job_comes_again(cloud: Any, submit: Any) -> None:
    sent = submit(**REALTIME)
    stranger = cloud.endpoint.events[0].model_copy(update={"inference_id": "nobody's"})
    with pytest.raises(UnknownJob):
        sent.hear(_record(stranger, "EventAgeExceeded"))


@pytest.mark.parametrize("began", [False, True])
def test_the_sweep_knows_how_long_the_real_time_function_can_take(cloud: Any, submit: Any, began: bool) -> None:
    sent = submit(**REALTIME)
    if began:
        sent.stack().service.jobs.move(sent.id, JobState.PAINTING)
    cloud.clock.time += REALTIME_BOUND_S - 1
    sent.sweep()
    assert (sent.job.attempts, cloud.endpoint.queue) == (1, [])
    cloud.clock.time += 1
    for _ in range(2):
        sent.sweep()
    assert (sent.job.attempts, len(cloud.endpoint.queue)) == (2, 1)
    cloud.paint(sent.request)
    sent.sweep()
    assert sent.job.state is JobState.SUCCEEDED


def test_a_job_at_the_asynchronous_endpoint_has_its_whole_life(cloud: Any, submit: Any) -> None:
    sent = submit()
    cloud.clock.time += 3000
    sent.sweep()
    assert (sent.job.attempts, len(cloud.endpoint.queue)) == (1, 1)


def test_without_a_real_time_endpoint_no_job_is_taken_for_one_of_its(cloud: Any, submit: Any) -> None:
    """One that an earlier release has sent does not say where its answer will lie."""
    sent = submit()
    assert sent.stack().service.jobs.begin_again(sent.id, 1).locations is None
    cloud.clock.time += REALTIME_BOUND_S
    sent.sweep()
    assert (sent.job.attempts, len(cloud.endpoint.queue)) == (1, 1)


def test_a_queue_that_does_not_answer_leaves_a_real_time_job_to_lambda(cloud: Any, submit: Any) -> None:
    sent = submit(**REALTIME)
    (event,) = cloud.endpoint.events
    cloud.wire.faults["InvokeEndpoint"] = [ReadTimeoutError(endpoint_url="https://runtime")]
    cloud.wire.faults["InvokeEndpointAsync"] = [ReadTimeoutError(endpoint_url="https://runtime")]
    stack = sent.stack()
    with pytest.raises(OutpaintError):
        paint_in_realtime(stack.service, stack.clients, "quick", event)
    sent.hear(_record(event, "RetriesExhausted"))
    assert [invocation_id(one.inference_id, one.attempt) for one in cloud.endpoint.queue] == [f"{sent.id}.2"]


def test_an_operator_who_looks_at_a_job_sends_nothing(cloud: Any, submit: Any) -> None:
    from outpaint.functions.aws.aws_service import assemble
    from outpaint.functions.service.settle import refreshed

    sent = submit()
    sent.give_back()
    service = assemble(
        cloud.settings, look_after=0.0, clients=cloud.clients(), clock=cloud.clock, ids=cloud.ids, sends_again=False
    ).service
    assert refreshed(service, sent.job) == sent.job
    assert len(cloud.endpoint.queue) == 1
