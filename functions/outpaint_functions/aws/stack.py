"""The service on AWS, put together."""

from __future__ import annotations

from dataclasses import dataclass

from outpaint_functions.adapters.system import RandomIds, SystemClock
from outpaint_functions.aws.clients import Clients
from outpaint_functions.aws.dispatch import SageMakerDispatch
from outpaint_functions.aws.ledger import DynamoLedger
from outpaint_functions.aws.limits import DynamoLimits
from outpaint_functions.aws.outcomes import Outcomes
from outpaint_functions.aws.pictures import S3Pictures
from outpaint_functions.aws.settings import AwsSettings
from outpaint_functions.aws.table import Table
from outpaint_functions.service.ports import Clock, Ids
from outpaint_functions.service.service import Service


class LazyFetch:
    """The Fetch port; its HTTP client is imported when the first address is fetched, for most requests have none."""

    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:
        """The bytes at an address, within seconds and size; see `SafeFetch`."""
        from outpaint_functions.adapters.fetch import SafeFetch

        return SafeFetch().fetch(url, max_bytes=max_bytes, timeout=timeout, field=field)


@dataclass(frozen=True, slots=True)
class Stack:
    """A service and the parts of it that a function's handler needs by themselves."""

    service: Service
    clients: Clients
    dispatch: SageMakerDispatch
    outcomes: Outcomes


def assemble(
    settings: AwsSettings,
    *,
    look_after: float,
    clients: Clients | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
) -> Stack:
    """The service over the stack's table, bucket and endpoint; nothing is connected to before it is needed.

    `look_after` is the age in seconds from which a job's outcome is looked for in the bucket: that takes two
    calls, so the function that answers polls leaves it to the sweep until the job is overdue.
    """
    clients = clients or Clients()
    clock = clock or SystemClock()
    table = Table(clients, settings.table)
    ledger = DynamoLedger(table)
    pictures = S3Pictures(clients, settings.bucket, clock, settings.service.result_lifetime)
    dispatch = SageMakerDispatch(clients, settings, look_after)
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
    )
    dispatch.service = service
    return Stack(service, clients, dispatch, Outcomes(clients, settings.bucket))
