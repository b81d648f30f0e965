"""The accounts and jobs of a stack, over the adapters that its own functions use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from outpaint.contracts.storage_names import answer_prefix, failure_prefix, input_name, outcome_name
from outpaint.functions.aws.aws_clients import PICTURE_STORE, Clients, typed_errors
from outpaint.functions.aws.aws_service import assemble
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.aws.dynamo_keys import DynamoKeyRing
from outpaint.functions.aws.dynamo_ledger import DynamoLedger
from outpaint.functions.aws.dynamo_table import Table
from outpaint.functions.operations.deployment import Deployment, JobFile, StackName
from outpaint.functions.operations.stack.stack_connection import connected
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import ServiceSettings


class _BucketFiles:
    """Where a job's files lie in the stack's bucket."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def of(self, job: Job) -> list[JobFile]:
        """Its inputs, its results, and what the painter and SageMaker wrote of its end."""
        named = [("image", job.request.image), ("mask", job.request.mask)]
        named += [("result", id_) for id_ in job.request.output_ids]
        # A message too long for itself lies beside the inputs; SageMaker gives a failure a name of its own.
        named += [
            ("request", input_name(job.id, "request")),
            ("outcome", outcome_name(job.id)),
            ("answer", answer_prefix(job.id)),
            ("failure", failure_prefix(job.id)),
        ]
        files = [file for what, name in named if name is not None for file in self._found(what, name)]
        return [file for file in files if file.what != "request" or file.bytes is not None]

    def _found(self, what: str, name: str) -> list[JobFile]:
        """The objects whose names begin so, which is one; what is not there is told too."""
        with typed_errors(PICTURE_STORE):
            answer: dict[str, Any] = self._clients.s3.list_objects_v2(Bucket=self._bucket, Prefix=name, MaxKeys=10)
        found = [
            JobFile(what, f"s3://{self._bucket}/{each['Key']}", each["Size"]) for each in answer.get("Contents", [])
        ]
        return found or [JobFile(what, f"s3://{self._bucket}/{name}", None)]


@contextmanager
def stack_deployment(stack: StackName) -> Iterator[Deployment]:
    """A stack's accounts and jobs; raises what `connected` does, and so does the block."""
    with connected(stack) as connection:
        settings = AwsSettings(
            table=connection.outputs["TableName"],
            bucket=connection.outputs["BucketName"],
            endpoint=connection.outputs["EndpointName"],
            service=ServiceSettings(),
        )
        clients = Clients(connection.session)
        table = Table(clients, settings.table)
        # A person who asks about a job wants its end found now, however young it is.
        service = assemble(settings, look_after=0.0, clients=clients).service
        yield Deployment(service, DynamoKeyRing(table), DynamoLedger(table), _BucketFiles(clients, settings.bucket))
