"""What can only be seen across several answers; what each must have by itself is checked on every one."""

from __future__ import annotations

from outpaint_contracts import headers
from outpaint_contracts.paths import BALANCE_PATH
from outpaint_contracts.proving import clauses
from outpaint_contracts.proving.api import Api
from outpaint_contracts.proving.case import case
from outpaint_contracts.proving.expectations import equal


@case(
    clauses.OWN_CORRELATION,
    when="five requests are made",
    then="each answer has a correlation id of its own",
)
def correlation_ids_differ(api: Api) -> None:
    ids = {api.get(BALANCE_PATH).headers.get(headers.CORRELATION_ID) for _ in range(5)}
    equal(len(ids), 5, "the number of different correlation ids")
