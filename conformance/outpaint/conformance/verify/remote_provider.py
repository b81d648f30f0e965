"""Any provider at a base URL, asked no faster than it allows."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import httpx

from outpaint.conformance.proving.expectations import NotOffered
from outpaint.conformance.proving.provider import Need, is_near
from outpaint.contracts.paths_and_headers import MAX_WAIT, RATE_RESET, RETRY_AFTER

LONGEST_WAIT_S: Final = 120.0
MOST_WAITS: Final = 5
"""For one request; after these its 429 is the answer."""


class SharedPause:
    """A pause that all clients of a provider keep together. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0

    def begin(self, seconds: float) -> None:
        """Let the pause last so long from now, or as long as it lasts already."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)

    def wait(self) -> None:
        """Return when the pause is over."""
        while (left := self._until - time.monotonic()) > 0:
            time.sleep(left)


class RetryingClient(httpx.Client):
    """An httpx client by which a 429 is waited out, within bounds, and the request sent again.

    Cases about rate limits are proven on providers that were configured for them, whose clients are plain ones.
    """

    def __init__(self, pause: SharedPause, **options: Any) -> None:
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


TIMEOUT_S: Final = 120.0
"""Longer than the minute that a sync request may wait."""


@cache
def trusted_certificates() -> ssl.SSLContext:
    """The machine's own; reading them takes longer than most cases."""
    return ssl.create_default_context()


def client_options(base_url: str) -> dict[str, Any]:
    """What an httpx client of this base URL is made with: no proxy to this machine, no certificates for plain HTTP."""
    return {
        "base_url": base_url,
        "timeout": TIMEOUT_S,
        "verify": trusted_certificates() if base_url.startswith("https:") else False,
        "trust_env": not is_near(base_url),
    }


_NEAR_PAUSE_S: Final = 0.02
_FAR_PAUSE_S: Final = 1.0
"""Between two polls over a network: half of what `Retry-After` usually asks for, and a sixtieth of the rate limit."""


def _not_offered(*_: object, **__: object) -> NoReturn:
    raise NotOffered("it can be asked from outside alone")


class RemoteProvider:
    """Offers a socket where it is plain HTTP, a second account where its key is given, and nothing else.

    `base_url` is the URL before `/v1`, `longest_wait` the most seconds that it grants to `Prefer: wait`. All cases
    share the key's account, so those that watch it run one by one.
    """

    shares_account = True
    exact_key = forbidden_key = publish = staticmethod(_not_offered)
    hold = failing = advance = configured = staticmethod(_not_offered)

    def __init__(self, base_url: str, key: str, second_key: str | None = None, longest_wait: int = MAX_WAIT) -> None:
        self.name = base_url.rstrip("/").removesuffix("/v1")
        self._key = key
        self._second_key = second_key
        self.longest_wait = longest_wait
        self._pause = SharedPause()
        self.offers = frozenset(self._offered())
        self.poll_pause = _NEAR_PAUSE_S if is_near(self.name) else _FAR_PAUSE_S

    def _offered(self) -> Iterator[Need]:
        if self._second_key is not None:
            yield Need.SECOND_ACCOUNT
        if urlsplit(self.name).scheme == "http":
            yield Need.SOCKET

    def client(self) -> httpx.Client:
        """A client with connections of its own, which waits out a 429."""
        return RetryingClient(self._pause, **client_options(self.name))

    def key(self, balance: int = 100) -> str:  # noqa: ARG002 - the protocol's signature
        """The key; whether it has enough credits is checked for all cases together, before they run."""
        return self._key

    def second_key(self) -> str:
        if self._second_key is None:
            raise NotOffered("there is no second account")
        return self._second_key

    def address(self) -> tuple[str, int]:
        url = urlsplit(self.name)
        if url.scheme != "http":
            raise NotOffered("it has no socket for plain HTTP")
        return url.hostname or "", url.port or 80
