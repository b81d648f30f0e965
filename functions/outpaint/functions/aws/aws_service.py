"""Builds the service on AWS from its adapters."""

from __future__ import annotations

from dataclasses import dataclass

from outpaint.functions.adapters.clock_and_ids import RandomIds, SystemClock
from outpaint.functions.aws.aws_clients import Clients
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.aws.dynamo_ledger import DynamoLedger, DynamoLimits, SweepMark
from outpaint.functions.aws.dynamo_table import Table
from outpaint.functions.aws.outcomes import Outcomes
from outpaint.functions.aws.s3_pictures import S3Pictures
from outpaint.functions.aws.sagemaker_dispatch import SageMakerDispatch
from outpaint.functions.service.ports import Clock, Ids, Observer
from outpaint.functions.service.service import Service


class LazyFetch:
    """The Fetch port by `SafeFetch`, whose HTTP client is imported at the first address: most requests have none."""

    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:
        from outpaint.functions.adapters.fetch import SafeFetch

        return SafeFetch().fetch(url, max_bytes=max_bytes, timeout=timeout, field=field)


@dataclass(frozen=True, slots=True)
class Stack:
    """A service, and those of its parts that a function's handler uses directly."""

    service: Service
    clients: Clients
    dispatch: SageMakerDispatch
    outcomes: Outcomes
    mark: SweepMark


def assemble(
    settings: AwsSettings,
    *,
    look_after: float,
    clients: Clients | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
    observer: Observer | None = None,
    sends_again: bool = True,
) -> Stack:
    """The service over the stack's table, bucket and endpoint; no connection is opened before it is needed.

    `look_after` is the age in seconds from which a job's outcome is looked for in the bucket: that takes two
    calls, so the function that answers polls leaves it to the sweep until the job is overdue. Without `sends_again`
    a job that its painter gave back is left to the sweep too.
    """
    clients = clients or Clients()
    clock = clock or SystemClock()
    table = Table(clients, settings.table)
    ledger = DynamoLedger(table)
    pictures = S3Pictures(clients, settings.bucket, clock, settings.service.result_lifetime)
    dispatch = SageMakerDispatch(clients, settings, look_after, sends_again=sends_again)
    service = Service(
        clock=clock,
        ids=ids or RandomIds(),
        accounts=ledger,
        limits=DynamoLimits(table),
        jobs=ledger,
        pictures=pictures,
        dispatch=dispatch,
        fetch=LazyFetch(),
        settings=settings.service,
        upload_forms=pictures,
        observer=observer,
    )
    dispatch.service = service
    return Stack(service, clients, dispatch, Outcomes(clients, settings.bucket), SweepMark(table))
