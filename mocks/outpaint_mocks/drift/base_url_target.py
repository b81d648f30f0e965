"""Any provider at a base URL as a target, in the state that it is in."""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx
from outpaint_contracts.verification.patience import PatientClient, Pause
from outpaint_contracts.verification.remote import TIMEOUT_S, is_near

from outpaint_mocks.drift.asking_again import Again, CannotAsk
from outpaint_mocks.drift.recording import Exchange
from outpaint_mocks.drift.targets import Reply

_LONGEST_PAUSE_S: Final = 60.0


class BaseUrl:
    """Any provider at a base URL (without `/v1`), in the state that it is in.

    `keys` stand for the recorded ones in the order in which those came; one that was refused then gets a made-up key.
    `sleep` lets real time pass: a job is polled no sooner than the recorded client did.
    """

    scripted = False

    def __init__(
        self,
        base_url: str,
        keys: Sequence[str],
        *,
        known: Sequence[str] = (),
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        timeout: float = TIMEOUT_S,
    ) -> None:
        self.name = base_url
        self.idempotency = f".drift-{secrets.token_hex(4)}"
        self._sleep = sleep
        self._keys = dict(zip(known, keys, strict=False))
        self._known = frozenset(known)
        verify: ssl.SSLContext | bool = ssl.create_default_context() if base_url.startswith("https:") else False
        options: dict[str, Any] = {
            "base_url": base_url,
            "timeout": timeout,
            "verify": verify,
            "trust_env": not is_near(base_url),
            "transport": transport,
        }
        self._patient = PatientClient(Pause(), **options)
        self._plain = httpx.Client(**options)

    def close(self) -> None:
        """Let go of the connections."""
        self._patient.close()
        self._plain.close()

    def __enter__(self) -> BaseUrl:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def key(self, name: str) -> str:
        """One of ours, or a made-up one for a key that was refused."""
        if name not in self._known:
            return f"drift-unknown-{name}"
        if name not in self._keys:
            raise CannotAsk(f"it needs a key in place of {name}: give --api-key once for each")
        return self._keys[name]

    def come_to(self, exchange: Exchange, ended: Sequence[str]) -> None:
        """Nothing: it is when it is."""

    def pause(self, seconds: float) -> None:
        """Wait, within bounds."""
        self._sleep(min(max(seconds, 0.0), _LONGEST_PAUSE_S))

    def ask(self, request: Again, scenario: str | None) -> Reply:
        """The answer, a 429 waited out unless the recording has one there."""
        client = self._plain if scenario is not None and "rate_limited" in scenario else self._patient
        began = time.monotonic()
        response = client.request(request.method, request.url, headers=request.wire_headers, content=request.body)
        return Reply(response, time.monotonic() - began)
