"""A stack's accounts and jobs for its operator, by the adapters that its functions use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from botocore.exceptions import ClientError

from outpaint.contracts.inference import CompletionLocations
from outpaint.contracts.storage_names import answer_prefix, failure_prefix, input_name, outcome_name
from outpaint.functions.aws.aws_clients import PICTURE_STORE, Clients, code_of, typed_errors
from outpaint.functions.aws.aws_service import assemble
from outpaint.functions.aws.aws_settings import SWEEP_THREADS, AwsSettings
from outpaint.functions.aws.dynamo_keys import DynamoKeyRing
from outpaint.functions.aws.dynamo_ledger import DynamoLedger
from outpaint.functions.aws.dynamo_table import Table
from outpaint.functions.operations.deployment import Deployment, JobFile, StackName, picture_names
from outpaint.functions.operations.stack.stack_connection import DENIED, StackConnection, connected
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import ServiceSettings

_MOST_RECOVERY_DAYS: Final = 35
"""How long DynamoDB's point-in-time recovery reaches back at most, and unless it is told otherwise."""


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
        # A person who asks about a job wants its end found now, however young it is; what has none is left alone.
        service = assemble(settings, look_after=0.0, clients=clients, sends_again=False).service
        yield Deployment(
            service,
            DynamoKeyRing(table),
            DynamoLedger(table).latest,
            partial(_files, clients, settings.bucket),
            partial(_beyond_erasure, connection),
        )


def _beyond_erasure(connection: StackConnection) -> list[str]:
    until = _recovery_ends(connection)
    rows = [f"rows as they were, by the table's point-in-time recovery, {until}"] if until else []
    return [
        *rows,
        "ids and times in the logs, for as long as those are kept (docs/deploy.md)",
        "messages in the queues, dead letters among them, for 14 days at most: with the prompt where the real-time "
        "function dropped the job",
        "what a painter that was at work still writes: the bucket's lifecycle takes it within 48 h",
        "results that clients have fetched",
    ]


def _recovery_ends(connection: StackConnection) -> str | None:
    """Until when the table can be restored to this moment, in words; None where it cannot be at all."""
    try:
        days = recovery_days(connection.client("dynamodb"), connection.outputs["TableName"])
    except ClientError as error:
        if code_of(error) not in DENIED:
            raise
        return f"for up to {_MOST_RECOVERY_DAYS} days"
    return None if days is None else f"until {datetime.now(UTC) + timedelta(days):%Y-%m-%d}"


def recovery_days(dynamodb: Any, table: str) -> int | None:
    """To how many days back a table can be restored, by `dynamodb`'s client; None where it cannot be."""
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        return None
    return int(recovery.get("RecoveryPeriodInDays", _MOST_RECOVERY_DAYS))


def _files(clients: Clients, bucket: str, job: Job) -> list[JobFile]:
    """A job's pictures, and what the painter and SageMaker wrote of its end."""
    told = job.locations or CompletionLocations()
    named = [
        *picture_names(job),
        # A message too long for SageMaker is beside the inputs.
        ("request", input_name(job.id, "request")),
        ("outcome", outcome_name(job.id)),
        # SageMaker has told where it writes; where that was lost, by the names that it may have given them.
        ("answer", (told.output or answer_prefix(job.id, job.attempts)).removeprefix(f"s3://{bucket}/")),
        ("failure", (told.failure or failure_prefix(job.id, job.attempts)).removeprefix(f"s3://{bucket}/")),
    ]
    files = [file for what, name in named for file in _found(clients, bucket, what, name)]
    return [file for file in files if file.what != "request" or file.bytes is not None]


def _found(clients: Clients, bucket: str, what: str, prefix: str) -> list[JobFile]:
    """The objects whose names begin so, mostly one; without any, a file that is not there."""
    with typed_errors(PICTURE_STORE):
        listed = clients.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=10)
    found = [JobFile(what, f"s3://{bucket}/{each['Key']}", each["Size"]) for each in listed.get("Contents", [])]
    return found or [JobFile(what, f"s3://{bucket}/{prefix}", None)]
