"""A stack's accounts and jobs for its operator, by the adapters that its functions use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from outpaint.contracts.storage_names import answer_prefix, failure_prefix, input_name, outcome_name
from outpaint.functions.aws.aws_clients import PICTURE_STORE, Clients, typed_errors
from outpaint.functions.aws.aws_service import assemble
from outpaint.functions.aws.aws_settings import SWEEP_THREADS, AwsSettings
from outpaint.functions.aws.dynamo_keys import DynamoKeyRing
from outpaint.functions.aws.dynamo_ledger import DynamoLedger
from outpaint.functions.aws.dynamo_table import Table
from outpaint.functions.operations.deployment import Deployment, JobFile, StackName, picture_names
from outpaint.functions.operations.stack.stack_connection import connected
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import ServiceSettings


@contextmanager
def stack_deployment(stack: StackName) -> Iterator[Deployment]:
    """A stack's accounts and jobs; raises what `connected` does, and so does the block."""
    with connected(stack) as connection:
        settings = AwsSettings(
            table=connection.outputs["TableName"],
            bucket=connection.outputs["BucketName"],
            endpoint=connection.outputs["EndpointName"],
            service=ServiceSettings(sweep_threads=SWEEP_THREADS),
        )
        clients = Clients(connection.session)
        table = Table(clients, settings.table)
        # A person who asks about a job wants its end found now, however young it is.
        service = assemble(settings, look_after=0.0, clients=clients).service
        files = partial(_files, clients, settings.bucket)
        yield Deployment(service, DynamoKeyRing(table), DynamoLedger(table).latest, files)


def _files(clients: Clients, bucket: str, job: Job) -> list[JobFile]:
    """A job's pictures, and what the painter and SageMaker wrote of its end."""
    named = [
        *picture_names(job),
        # A message too long for SageMaker is beside the inputs; SageMaker gives a failure a name of its own.
        ("request", input_name(job.id, "request")),
        ("outcome", outcome_name(job.id)),
        ("answer", answer_prefix(job.id)),
        ("failure", failure_prefix(job.id)),
    ]
    files = [file for what, name in named for file in _found(clients, bucket, what, name)]
    return [file for file in files if file.what != "request" or file.bytes is not None]


def _found(clients: Clients, bucket: str, what: str, prefix: str) -> list[JobFile]:
    """The objects whose names begin so, mostly one; without any, a file that is not there."""
    with typed_errors(PICTURE_STORE):
        listed = clients.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=10)
    found = [JobFile(what, f"s3://{bucket}/{each['Key']}", each["Size"]) for each in listed.get("Contents", [])]
    return found or [JobFile(what, f"s3://{bucket}/{prefix}", None)]
