"""A sync request on Lambda: the job is looked at now and then, for as long as the function may run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from outpaint_contracts.errors import OutpaintError

from outpaint_functions.http.messages import Response, Waiting
from outpaint_functions.service.service import Service

MARGIN_S: Final = 3.0
"""Kept back of the function's time, for the answer."""
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 1.0
_GROWTH: Final = 1.3


def outcome_of(
    service: Service,
    waiting: Waiting,
    remaining: Callable[[], float],
    sleep: Callable[[float], None] = time.sleep,
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
        return False  # a look that failed is no reason to send the client away
    return job is None or job.state.ended
