"""The Lambda function of the API: one HTTP request of a gateway or a Function URL in, its response out.

It imports nothing of powertools: Lambda itself writes logs as JSON, to which `log_records` adds powertools' keys, and
`metrics` writes powertools' lines, so a cold start need not wait for an import (docs/adr/0050).
"""

from __future__ import annotations

# Before all others: garbage collection is to be off while they are imported.
from outpaint.functions.handlers import start

# isort: split
import contextlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.aws.aws_service import Stack, assemble
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.handlers import log_records
from outpaint.functions.handlers.gateway_events import (
    gateway_request_id,
    is_http,
    request_body,
    request_head,
    written,
)
from outpaint.functions.handlers.metrics import EmbeddedMetrics, JobCounts, Metric
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import RequestHead, Response, Waiting
from outpaint.functions.service import log_keys
from outpaint.functions.service.service import Service

if TYPE_CHECKING:
    from outpaint.functions.aws.operator_settings import OperatorSettings

_LOG: Final = logging.getLogger("outpaint.api")
METRICS: Final = EmbeddedMetrics()
COUNTS: Final = JobCounts(METRICS.add)
MARGIN_S: Final = 3.0
"""Kept back of the function's time, for the answer."""
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 1.0
_GROWTH: Final = 1.3


@cache
def answering() -> tuple[Stack, Application]:
    """The service as requests use it, built at the first call.

    An outcome that nobody reported is looked for only once the job is overdue: before that, the sweep does it.
    """
    settings = AwsSettings.from_environment()
    stack = assemble(settings, look_after=settings.service.job_lifetime, observer=COUNTS)
    return stack, Application(stack.service)


@cache
def operated() -> OperatorSettings | None:
    """What an operator may change without a deployment; None where the stack does not read it."""
    settings, (stack, _) = AwsSettings.from_environment(), answering()
    if settings.parameters is None:
        return None
    from outpaint.functions.aws.operator_settings import OperatorSettings

    return OperatorSettings(
        stack.clients, settings.parameters, settings.service, lambda: METRICS.add(Metric.SETTINGS_FELL_BACK, 1)
    )


def outcome_of(
    service: Service, waiting: Waiting, remaining: Callable[[], float], sleep: Callable[[float], None] = time.sleep
) -> Response:
    """The response at the job's end, or at the end of the wait or of the function's `remaining` seconds."""
    pause = _FIRST_PAUSE_S
    with log_keys.about(waiting.inference_id):
        while True:
            left = min(waiting.until - service.clock.now(), remaining() - MARGIN_S)
            if left <= 0 or _is_over(service, waiting.inference_id):
                answer = waiting.resume()
                METRICS.add(Metric.WAITS_RUN_OUT if answer.status == HTTPStatus.ACCEPTED else Metric.WAITS_ANSWERED, 1)
                return answer
            sleep(min(pause, left))
            pause = min(_LONGEST_PAUSE_S, pause * _GROWTH)


def _is_over(service: Service, inference_id: str) -> bool:
    try:
        job = service.jobs.find(inference_id, service.clock.now())
    except OutpaintError:
        return False  # a read that failed is no reason to end the wait
    return job is None or job.state.ended


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one HTTP request of a REST API, an HTTP API or a Function URL; never raises.

    Any other event is answered 400 and changes nothing: a warm-up's, or a test's by hand.
    """
    began = time.perf_counter()
    if log_records.begin(context):
        METRICS.add(Metric.COLD_START, 1)
    COUNTS.last_accepted = None
    if not is_http(event):
        _LOG.warning("this event is no HTTP request, nothing was done: is it a warm-up, or a test by hand?")
        return _not_http()
    stack, application = answering()
    head = request_head(event)
    head = head if head.correlation_id else replace(head, correlation_id=stack.service.ids.uuid())
    log_records.name(correlation_id=head.correlation_id, gateway_request_id=gateway_request_id(event))
    answer = _in_force(application, head).respond(head, request_body(event))
    if (job := COUNTS.last_accepted) is not None:
        METRICS.add(Metric.SUBMIT_LATENCY, (time.perf_counter() - began) * 1000)
        log_records.name(inference_id=job.id)
    if not isinstance(answer, Response):
        answer = outcome_of(stack.service, answer, lambda: context.get_remaining_time_in_millis() / 1000)
    METRICS.flush(log_records.keys())
    start.over()
    return written(event, answer)


def _in_force(application: Application, head: RequestHead) -> Application:
    """The application with the settings that hold now. Price and waits concern submits, so only a POST reads them."""
    if head.method != "POST" or (operator := operated()) is None:
        return application
    settings = operator.in_force(application.service.clock.now())
    if settings == application.service.settings:
        return application
    return Application(replace(application.service, settings=settings))


def _not_http() -> dict[str, Any]:
    METRICS.flush(log_records.keys())
    detail = "this function answers HTTP requests of a REST API, an HTTP API or a Function URL"
    return {"statusCode": 400, "body": json.dumps({"status": "error", "detail": detail}), "isBase64Encoded": False}


def prime() -> None:
    """Before a SnapStart snapshot: build what waits for its first use, so that a restored process finds it built."""
    from outpaint.painting.inputs import inspection  # noqa: F401 - with the image library

    clients = answering()[0].clients
    _ = clients.dynamodb, clients.s3, clients.queue
    if operated() is not None:
        _ = clients.parameters
    start.over()


with contextlib.suppress(ImportError):  # part of Lambda's own runtime, from Python 3.12 on
    from snapshot_restore_py import register_before_snapshot  # type: ignore[import-not-found]

    register_before_snapshot(prime)
