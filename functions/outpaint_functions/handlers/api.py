"""The function behind the front door.

It imports nothing of powertools: logs are written as JSON by Lambda itself, and what its metrics would count the
front door counts anyway, so a cold start need not wait for them (docs/adr/0022).
"""

from __future__ import annotations

import contextlib
from typing import Any

from outpaint_functions.handlers import starting
from outpaint_functions.handlers.events import Event, request_body, request_head, written
from outpaint_functions.handlers.process import answering
from outpaint_functions.handlers.waiting import outcome_of
from outpaint_functions.http.messages import Response


def handler(event: Event, context: Any) -> dict[str, Any]:
    """Answer one HTTP request of a REST API, an HTTP API or a Function URL; never raises."""
    stack, application = answering()
    answer = application.respond(request_head(event), request_body(event))
    if not isinstance(answer, Response):
        answer = outcome_of(stack.service, answer, lambda: context.get_remaining_time_in_millis() / 1000)
    starting.over()
    return written(event, answer)


def prime() -> None:
    """Before a SnapStart snapshot: build what waits for its first use, so that a restored process finds it built."""
    from outpaint_painting import uploads  # noqa: F401 - with the image library

    clients = answering()[0].clients
    _ = clients.dynamodb, clients.s3, clients.queue
    starting.over()


with contextlib.suppress(ImportError):  # part of Lambda's own runtime, from Python 3.12 on
    from snapshot_restore_py import register_before_snapshot  # type: ignore[import-not-found]

    register_before_snapshot(prime)
