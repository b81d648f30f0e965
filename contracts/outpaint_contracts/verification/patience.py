"""A client that waits where a provider says that it is asked too much, and asks again."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import httpx

from outpaint_contracts.headers import RATE_RESET, RETRY_AFTER

LONGEST_WAIT_S: Final = 120.0
MOST_WAITS: Final = 5
"""For one request; then its 429 is passed on."""


class Pause:
    """Until when nobody asks a provider; shared by all who do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self.waits = 0

    def begin(self, seconds: float) -> None:
        """Nobody asks for so long."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)
            self.waits += 1

    def wait(self) -> None:
        """Come back when asking is fine."""
        while (left := self._until - time.monotonic()) > 0:
            time.sleep(left)


class PatientClient(httpx.Client):
    """An httpx client by which a 429 is waited out, within bounds, and the request sent again.

    Cases about rate limits are proven on providers that were configured for them, whose clients are plain ones.
    """

    def __init__(self, pause: Pause, **options: Any) -> None:
        super().__init__(**options)
        self._pause = pause

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """The answer, a 429 only where waiting did not help or the body cannot be sent twice."""
        for _ in range(MOST_WAITS):
            self._pause.wait()
            response = super().send(request, **options)
            seconds = _asked_to_wait(response)
            if seconds is None or not _can_go_again(request):
                return response
            response.close()
            self._pause.begin(seconds)
        self._pause.wait()
        return super().send(request, **options)


def _asked_to_wait(response: httpx.Response) -> float | None:
    """Seconds that a 429 asks for; None for any other answer, and for a wait beyond bounds."""
    if response.status_code != 429:
        return None
    for name in (RETRY_AFTER, RATE_RESET):
        value = response.headers.get(name, "")
        if value.isascii() and value.isdigit():
            return float(value) if float(value) <= LONGEST_WAIT_S else None
    return 1.0


def _can_go_again(request: httpx.Request) -> bool:
    """Whether the request can be sent a second time: its body is whole, not read from an iterator."""
    try:
        request.read()
    except httpx.StreamError:
        return False
    return True
