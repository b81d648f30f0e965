"""The sweep over tens of thousands of open jobs: its processor time for a job, and the memory that it takes.

The stack's own adapters and botocore read the table and look into the bucket for every job, three calls each; what
would have gone over the wire is answered in place. Times of the network come from `parameters.py`.
"""

from __future__ import annotations

import json
import os
import resource
import time
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from uuid import UUID

from botocore.awsrequest import AWSResponse
from botocore.session import Session
from stub_aws import ENVIRONMENT

from outpaint.contracts.inference import CompletionLocations, InferenceRequest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.functions.aws import dynamo_items
from outpaint.functions.aws.aws_clients import Clients
from outpaint.functions.aws.aws_service import assemble
from outpaint.functions.aws.aws_settings import SWEEP_THREADS, AwsSettings
from outpaint.functions.service.records import Job
from outpaint.functions.service.sweeping import sweep

from .measure import response
from .parameters import Latency, Serverless

NOW = 1_900_000_000.0
AGE = 600.0
"""Of every job: past the age from which the bucket is looked into, and before its deadline."""
_PAGE = 1000
_NO_KEY = b"<Error><Code>NoSuchKey</Code></Error>"


class OpenJobs:
    """Answers for so many open jobs, whose items are made when they are asked for."""

    def __init__(self, number: int) -> None:
        self._shards: dict[str, list[int]] = {}
        for each in range(number):
            self._shards.setdefault(dynamo_items.shard_of(str(UUID(int=each))), []).append(each)
        id_ = str(UUID(int=0))
        request = InferenceRequest(
            inference_id=id_,
            image=f"inputs/{id_}/image",
            wish=Wish(prompt="rolling hills under a clear sky", seed=7, count=2),
            output_ids=tuple(f"{UUID(int=each)}.jpg" for each in (1, 2)),
            account="ann",
            deadline_at=NOW + 3000,
        )
        self._item = dynamo_items.job_item(
            Job(
                id=id_,
                account_id="ann",
                state=JobState.DISPATCHED,
                created_at=NOW - AGE,
                deadline_at=NOW + 3600 - AGE,
                expires_at=NOW + 90_000,
                price=2,
                request=request,
                interpretation=MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=0.25),
                locations=CompletionLocations(
                    output=f"s3://{ENVIRONMENT['OUTPAINT_BUCKET']}/outcomes/done/{id_}.out",
                    failure=f"s3://{ENVIRONMENT['OUTPAINT_BUCKET']}/outcomes/failed/{id_}-error.out",
                ),
            ),
            "KEY#none",
        )

    def answer(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        operation = event_name.rpartition(".")[2]
        if operation == "GetObject":
            return response(request, 404, {}, _NO_KEY)
        return response(request, 200, {}, json.dumps(getattr(self, operation)(json.loads(request.body))).encode())

    def Query(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - the operation's name
        numbers = self._shards.get(asked["ExpressionAttributeValues"][":partition"]["S"], [])
        start = int(asked["ExclusiveStartKey"]["at"]["N"]) if "ExclusiveStartKey" in asked else 0
        page = numbers[start : start + _PAGE]
        answer: dict[str, Any] = {"Items": [{"pk": {"S": _pk(n)}, "created_at": {"N": repr(_at(n))}} for n in page]}
        if start + _PAGE < len(numbers):
            answer["LastEvaluatedKey"] = {"at": {"N": str(start + _PAGE)}}
        return answer

    def BatchGetItem(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        ((table, wanted),) = asked["RequestItems"].items()
        return {"Responses": {table: [{**self._item, "pk": key["pk"]} for key in wanted["Keys"]]}}


@dataclass(frozen=True)
class Measured:
    """Seconds of a processor and of a clock for the whole sweep, its jobs, and the process' peak memory."""

    jobs: int
    cpu: float
    wall: float
    peak_mib: float

    def in_lambda(self, share: float, threads: int, around: Serverless) -> float:
        """Jobs a second where calls take what `around` says, and the function has so much of a processor."""
        look: Latency = around.small_object
        return min(share * self.jobs / self.cpu, threads / (3 * look.median))


def measure(number: int) -> Measured:
    """Sweep so many open jobs once, all of them looked for in the bucket and none of them ended."""
    jobs = OpenJobs(number)
    with patch.dict(os.environ, ENVIRONMENT):
        session = Session()
        session.register("before-send", jobs.answer)
        settings = AwsSettings.from_environment()
        assert settings.service.sweep_threads == SWEEP_THREADS
        service = assemble(settings, look_after=60.0, clients=Clients(session), clock=_Clock()).service
        began, cpu = time.perf_counter(), time.process_time()
        swept = sweep(service)
        spent = Measured(
            swept.looked_at,
            time.process_time() - cpu,
            time.perf_counter() - began,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )
    assert (swept.looked_at, swept.left) == (number, number)
    return spent


class _Clock:
    def now(self) -> float:
        return NOW


def _pk(number: int) -> str:
    return dynamo_items.pk_of("JOB", str(UUID(int=number)))


def _at(number: int) -> float:
    return NOW - AGE + number / 1_000_000
