"""What SNS promises, and no more: at least once, in any order; and what the mock promises beside it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outpaint.mocks.sagemaker.endpoint_definition import S3Location
from outpaint.mocks.sagemaker.endpoint_models import ModelAnswer, ModelRequest
from outpaint.mocks.sagemaker.inference_journal import State
from outpaint.mocks.sagemaker.runtime_calls import RuntimeOperation
from outpaint.mocks.sagemaker.sagemaker_mock import SageMakerMock
from outpaint.mocks.world.virtual_clock import VirtualClock

ENDED = {State.COMPLETED: "Completed", State.FAILED: "Failed", State.EXPIRED: "Expired"}
SUCCESS = "arn:aws:sns:us-east-1:123456789012:painted"
ERROR = "arn:aws:sns:us-east-1:123456789012:failed"

works = st.lists(
    st.tuples(st.integers(0, 1000), st.sampled_from([200, 400, 500]), st.integers(1, 900), st.integers(0, 50)),
    min_size=1,
    max_size=8,
)
deliveries = st.fixed_dictionaries(
    {"DelaySeconds": st.integers(0, 100), "Copies": st.integers(1, 4), "JitterSeconds": st.integers(0, 300)}
)
scalings = st.fixed_dictionaries(
    {
        "InitialInstances": st.integers(0, 1),
        "ColdStartSeconds": st.integers(0, 400),
        "MaxInstances": st.integers(1, 3),
        "TargetBacklogPerInstance": st.none() | st.integers(1, 3),
        "ScaleInAfterSeconds": st.none() | st.integers(0, 200),
    }
)


class Recorder:
    """An S3 and SNS that remember the order of what they were told."""

    mock: SageMakerMock

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.told: list[tuple[str, str, str, bool]] = []

    def read(self, location: S3Location) -> bytes:
        return self.objects[str(location)]

    def write(self, location: S3Location, body: bytes, content_type: str | None) -> None:
        self.objects[str(location)] = body

    def publish(self, topic: str, message: Any) -> str:
        (entry,) = self.mock.journal.entries(inference_id=message["inferenceId"])
        # Where a failure lies only the answer to the call has said.
        place = message.get("responseParameters", {}).get("outputLocation", entry.failure_location)
        self.told.append((topic, message["inferenceId"], message["invocationStatus"], place in self.objects))
        return str(len(self.told))


def _play(
    work: list[tuple[int, int, int, int]], delivery: Any, scaling: Any, steps: list[int], seed: int
) -> tuple[SageMakerMock, Recorder]:
    recorder = Recorder()
    by_name = {f"job-{number}": (seconds, status) for number, (seconds, status, _, _) in enumerate(work)}

    def model(request: ModelRequest) -> ModelAnswer:
        seconds, status = by_name[str(request.inference_id)]
        return ModelAnswer(str(request.inference_id).encode(), status=status, seconds=seconds)

    output = {
        "S3OutputPath": "s3://b/done",
        "S3FailurePath": "s3://b/failed",
        "NotificationConfig": {"SuccessTopic": SUCCESS, "ErrorTopic": ERROR},
    }
    mock = SageMakerMock(cloud=recorder, clock=VirtualClock.frozen(1_800_000_000.0), allow_unsigned=True, seed=seed)
    recorder.mock = mock
    with mock:
        mock.define(
            {
                "EndpointName": "slow",
                "AsyncInferenceConfig": {"OutputConfig": output},
                "Scaling": scaling,
                "Delivery": delivery,
            },
            model,
        )
        for number, (_, _, timeout, pause) in enumerate(work):
            headers = {
                "x-amzn-sagemaker-inference-id": f"job-{number}",
                "x-amzn-sagemaker-invocationtimeoutseconds": str(timeout),
            }
            assert mock.handle(RuntimeOperation.ASYNC, "slow", headers, b"x").status == 202
            mock.advance(pause)
        for step in steps:
            mock.advance(step)
        mock.advance(100_000)
    return mock, recorder


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(works, deliveries, scalings, st.lists(st.integers(0, 500), max_size=5), st.integers(0, 9))
def test_every_inference_ends_once_and_is_told_at_least_once(
    work: Any, delivery: Any, scaling: Any, steps: Any, seed: int
) -> None:
    mock, recorder = _play(work, delivery, scaling, steps, seed)
    entries = mock.journal.entries()
    assert [entry.attempts for entry in entries] == [1] * len(work)
    expected = Counter()  # type: ignore[var-annotated]
    for entry, (seconds, status, timeout, _) in zip(entries, work, strict=True):
        wanted = State.EXPIRED if seconds > timeout else State.COMPLETED if status == 200 else State.FAILED
        assert entry.state is wanted
        assert entry.started_at is not None
        assert entry.ended_at == entry.started_at + min(seconds, timeout)
        topic = SUCCESS if wanted is State.COMPLETED else ERROR
        expected[topic, entry.inference_id, ENDED[wanted], True] += delivery["Copies"]
        earliest = entry.ended_at + delivery["DelaySeconds"]
        for notice in entry.notices:
            assert earliest <= notice.at <= earliest + delivery["JitterSeconds"]
    assert Counter(recorder.told) == expected
    if not delivery["JitterSeconds"]:
        ends = {entry.inference_id: entry.ended_at for entry in entries}
        told = [ends[name] for _, name, _, _ in recorder.told]
        assert told == sorted(told)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(works, deliveries, scalings, st.lists(st.integers(0, 500), max_size=8), st.integers(0, 9))
def test_how_the_clock_is_moved_on_changes_nothing(
    work: Any, delivery: Any, scaling: Any, steps: Any, seed: int
) -> None:
    _, at_once = _play(work, delivery, scaling, [], seed)
    _, in_steps = _play(work, delivery, scaling, steps, seed)
    assert at_once.told == in_steps.told
    assert Counter(at_once.objects.values()) == Counter(in_steps.objects.values())


def test_a_jitter_really_reorders() -> None:
    work = [(0, 200, 900, 0)] * 8
    delivery = {"Copies": 2, "JitterSeconds": 300}
    _, recorder = _play(work, delivery, {"MaxInstances": 3}, [], 0)
    order = [name for _, name, _, _ in recorder.told]
    assert order != sorted(order)
    assert Counter(order) == {f"job-{number}": 2 for number in range(8)}
