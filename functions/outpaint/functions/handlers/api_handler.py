"""The Lambda function of the API: one HTTP request of a gateway or a Function URL in, its response out.

It imports nothing of powertools: Lambda itself writes logs as JSON, and the gateway in front of it counts what
powertools' metrics would, so a cold start need not wait for them (docs/adr/0022).
"""

from __future__ import annotations

# Before all others: garbage collection is to be off while they are imported.
from outpaint.functions.handlers import start

# isort: split
import contextlib
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.aws.aws_service import Stack, assemble
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.handlers.gateway_events import Event, request_body, request_head, written
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import Response, Waiting
from outpaint.functions.service.service import Service

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
    stack = assemble(settings, look_after=settings.service.job_lifetime)
    return stack, Application(stack.service)


def outcome_of(
    service: Service, waiting: Waiting, remaining: Callable[[], float], sleep: Callable[[float], None] = time.sleep
) -> Response:
    """The response at the job's end, or at the end of the wait or of the function's `remaining` seconds."""
    pause = _FIRST_PAUSE_S
    while True:
        left = min(waiting.until - service.clock.now(), remaining() - MARGIN_S)
        if left <= 0 or _is_over(service, waiting.inference_id):
            return waiting.resume()
        sleep(min(pause, left))
        pause = min(_LONGEST_PAUSE_S, pause * _GROWTH)


def _is_over(service: Service, inference_id: str) -> bool:
    try:
        job = service.jobs.find(inference_id, service.clock.now())
    except OutpaintError:
        return False  # a read that failed is no reason to end the wait
    return job is None or job.state.ended


def handler(event: Event, context: Any) -> dict[str, Any]:
    """Answer one HTTP request of a REST API, an HTTP API or a Function URL; never raises."""
    stack, application = answering()
    answer = application.respond(request_head(event), request_body(event))
    if not isinstance(answer, Response):
        answer = outcome_of(stack.service, answer, lambda: context.get_remaining_time_in_millis() / 1000)
    start.over()
    return written(event, answer)


def prime() -> None:
    """Before a SnapStart snapshot: build what waits for its first use, so that a restored process finds it built."""
    from outpaint.painting.inputs import inspection  # noqa: F401 - with the image library

    clients = answering()[0].clients
    _ = clients.dynamodb, clients.s3, clients.queue
    start.over()


with contextlib.suppress(ImportError):  # part of Lambda's own runtime, from Python 3.12 on
    from snapshot_restore_py import register_before_snapshot  # type: ignore[import-not-found]

    register_before_snapshot(prime)
