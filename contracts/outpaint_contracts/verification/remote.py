"""A provider that is known by its base URL and keys alone."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.headers import MAX_WAIT
from outpaint_contracts.proving.expectations import NotOffered
from outpaint_contracts.proving.provider import Need, Provider
from outpaint_contracts.verification.patience import PatientClient, Pause

TIMEOUT_S: Final = 120.0
"""Longer than the minute that a sync request may wait."""
_NEAR_PAUSE_S: Final = 0.02
_FAR_PAUSE_S: Final = 1.0
"""Between two polls over a network: half of what `Retry-After` usually asks for, and a sixtieth of the rate limit."""


class RemoteProvider:
    """Offers a socket where it is plain HTTP, a second account where its key is given, and nothing else.

    `base_url` is what stands before `/v1`, `longest_wait` the most seconds that it grants to `Prefer: wait`. The key's
    account is everybody's, so cases that watch it run one by one.
    """

    shares_account = True

    def __init__(self, base_url: str, key: str, second_key: str | None = None, longest_wait: int = MAX_WAIT) -> None:
        self.name = base_url.rstrip("/").removesuffix("/v1")
        self._key = key
        self._second_key = second_key
        self.longest_wait = longest_wait
        self.pause = Pause()
        self.offers = frozenset(self._offered())
        self.poll_pause = _NEAR_PAUSE_S if is_near(self.name) else _FAR_PAUSE_S

    def _offered(self) -> Iterator[Need]:
        if self._second_key is not None:
            yield Need.SECOND_ACCOUNT
        if urlsplit(self.name).scheme == "http":
            yield Need.SOCKET

    @cached_property
    def _tls(self) -> ssl.SSLContext | bool:
        # Reading the trusted certificates takes longer than most cases; plain HTTP needs none.
        return ssl.create_default_context() if self.name.startswith("https:") else False

    def client(self) -> httpx.Client:
        """A client with connections of its own; it waits where it is told that it asks too much."""
        return PatientClient(
            self.pause, base_url=self.name, timeout=TIMEOUT_S, verify=self._tls, trust_env=not is_near(self.name)
        )

    def key(self, balance: int = 100) -> str:  # noqa: ARG002 - the protocol's signature
        """The key; whether it has enough credits was reckoned for all cases together."""
        return self._key

    def exact_key(self, balance: int) -> str:
        """Not offered."""
        raise NotOffered(f"accounts of {balance} credits cannot be made there")

    def second_key(self) -> str:
        """The second key, where it was given."""
        if self._second_key is None:
            raise NotOffered("there is no second account")
        return self._second_key

    def forbidden_key(self) -> str:
        """Not offered."""
        raise NotOffered("accounts cannot be made there")

    def publish(self, data: bytes | ErrorCode) -> str:  # noqa: ARG002 - the protocol's signature
        """Not offered."""
        raise NotOffered("it cannot be made to read an address of ours")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Not offered."""
        raise NotOffered("its jobs cannot be held")
        yield

    @contextmanager
    def failing(self, error: Exception) -> Iterator[None]:  # noqa: ARG002 - the protocol's signature
        """Not offered."""
        raise NotOffered("its jobs cannot be made to fail")
        yield

    def advance(self, seconds: float) -> None:  # noqa: ARG002 - the protocol's signature
        """Not offered."""
        raise NotOffered("its clock is its own")

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Provider]:  # noqa: ARG002 - the protocol's signature
        """Not offered."""
        raise NotOffered("it has the settings it has")
        yield self

    def address(self) -> tuple[str, int]:
        """Host and port of plain HTTP."""
        url = urlsplit(self.name)
        if url.scheme != "http":
            raise NotOffered("it has no socket for plain HTTP")
        return url.hostname or "", url.port or 80


def is_near(base_url: str) -> bool:
    """Whether a base URL leads to this machine."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
