"""The interface of a provider that cases are proven on, and what a case may need of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from outpaint.contracts.errors import ErrorCode


class NewAccounts(ABC):
    """Implements the methods of `Provider` that give keys, each with a new account."""

    @abstractmethod
    def new_account(self, balance: int, *, allowed: bool = True) -> str:
        """A key of a new account with exactly these credits; it may do nothing unless it is `allowed`."""

    def key(self, balance: int = 100) -> str:
        return self.new_account(balance)

    def exact_key(self, balance: int) -> str:
        return self.new_account(balance)

    def second_key(self) -> str:
        return self.new_account(100)

    def forbidden_key(self) -> str:
        return self.new_account(100, allowed=False)


class Need(StrEnum):
    """What a case needs of a provider beyond its answers; it is not proven on one that does not offer that."""

    ACCOUNTS = "accounts"
    """New accounts with chosen credits and permissions."""
    SECOND_ACCOUNT = "second-account"
    """A key of another account."""
    SOURCES = "sources"
    """An address from which the provider reads bytes that the case chooses."""
    HELD_JOBS = "held-jobs"
    """Jobs that do not end before the case says so."""
    FAILING_JOBS = "failing-jobs"
    """Jobs that end in an error that the case chooses."""
    TIME = "time"
    """A clock that the case sets ahead."""
    SETTINGS = "settings"
    """Limits and waits other than the usual ones."""
    SOCKET = "socket"
    """A TCP socket that takes bytes which are no valid HTTP."""


class Provider(Protocol):
    """Anything that serves the API.

    A method raises `NotOffered`, with the reason, where the provider does not offer what it stands for.
    """

    name: str
    offers: frozenset[Need]
    shares_account: bool
    """Whether `key` is always a key of one account: then cases that watch it cannot run side by side."""
    poll_pause: float
    """Seconds between two requests for something that is not there yet."""
    longest_wait: int
    """The most seconds that `Prefer: wait` is granted: 600, or fewer where a gateway closes connections sooner."""

    def client(self) -> httpx.Client:
        """A client whose relative URLs lead to the provider; the caller closes it."""

    def key(self, balance: int = 100) -> str:
        """A key of an account with at least these credits (where accounts can be made: a new one, exactly these)."""

    def exact_key(self, balance: int) -> str:
        """ACCOUNTS: a key of a new account with exactly these credits."""

    def second_key(self) -> str:
        """SECOND_ACCOUNT: a key of another account than `key`'s."""

    def forbidden_key(self) -> str:
        """ACCOUNTS: a key that is known and not allowed."""

    def publish(self, data: bytes | ErrorCode) -> str:
        """SOURCES: an address from which the provider reads these bytes, or at which it meets this error."""

    def hold(self) -> AbstractContextManager[None]:
        """HELD_JOBS: jobs begun inside the block do not end before it does."""

    def failing(self, error: Exception) -> AbstractContextManager[None]:
        """FAILING_JOBS: jobs that are painted inside the block end in this error."""

    def advance(self, seconds: float) -> None:
        """TIME: set the provider's clock ahead."""

    def configured(self, **settings: Any) -> AbstractContextManager[Provider]:
        """SETTINGS: a second provider of the same kind with other settings."""

    def address(self) -> tuple[str, int]:
        """SOCKET: host and port of plain HTTP."""


def is_near(base_url: str) -> bool:
    """Whether a base URL leads to this machine."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
