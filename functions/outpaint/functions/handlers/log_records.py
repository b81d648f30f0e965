"""Puts on every log record of a function what its event and its job are called: the ids to search the logs for.

Names of keys are powertools' own, so that the records of the function that answers requests, which Lambda's formatter
writes, and those of the others, which powertools writes, are found by the same search:

| key | what |
|---|---|
| `service` | the stack's name |
| `function_name`, `function_request_id` | the function, and Lambda's id of the event |
| `cold_start` | whether it is the first event of the process |
| `gateway_request_id` | `requestContext.requestId`: the gateway's id of the request, as its access log has it |
| `correlation_id` | X-Picsart-Correlation-Id of the answer; behind a queue, of the request that submitted the job |
| `inference_id` | the job |

The keys are added by a filter on handlers, so that they are on the records of libraries too.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from outpaint.functions.handlers.metrics import DIMENSION, service_name
from outpaint.functions.service import log_keys

_event: dict[str, Any] = {}
_seen_any = False


def begin(context: Any) -> bool:
    """Name the event that records are about from now on; whether it is the first of the process.

    A process has one event at a time.
    """
    global _event, _seen_any
    first, _seen_any = not _seen_any, True
    _event = {
        DIMENSION: service_name(),
        "function_name": getattr(context, "function_name", None),
        "function_request_id": getattr(context, "aws_request_id", None),
        "cold_start": first,
    }
    for handler in logging.root.handlers:
        handler.addFilter(ADDING_KEYS)
    return first


def name(**keys: str | None) -> None:
    """Add keys to the event's; those that are None are left out."""
    _event.update(keys)


def keys() -> Mapping[str, Any]:
    """What a record of this moment is about: a job's keys, and before them the event's."""
    return {**log_keys.bound(), **{key: value for key, value in _event.items() if value is not None}}


class _AddingKeys(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.update(keys())
        return True


ADDING_KEYS: Final = _AddingKeys()
"""For handlers that are not the root logger's."""
