"""Whom a case may run against, and what a provider may be able to do for it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import pytest
from outpaint_contracts.errors import ErrorCode

from wire_kit.api import Api


class Provider(Protocol):
    """Anything that speaks the API.

    What a provider cannot do, its method says by `pytest.skip` with the reason, so a case just asks.
    """

    name: str

    def client(self) -> httpx.Client:
        """A client whose relative URLs lead to the provider."""
        ...

    def key(self, balance: int = 100) -> str:
        """A key of an account nobody else uses, with at least (where accounts can be made: exactly) these credits."""
        ...

    def exact_key(self, balance: int) -> str:
        """A key of a new account with exactly these credits."""
        ...

    def second_key(self) -> str:
        """A key of another account than `key`'s."""
        ...

    def forbidden_key(self) -> str:
        """A key that is known and not allowed."""
        ...

    def publish(self, data: bytes | ErrorCode) -> str:
        """An address from which the provider will read these bytes, or run into this error."""
        ...

    def hold(self) -> AbstractContextManager[None]:
        """Jobs begun inside the block do not end before it does."""
        ...

    def failing(self, error: Exception) -> AbstractContextManager[None]:
        """Jobs painted inside the block break with this error."""
        ...

    def advance(self, seconds: float) -> None:
        """Move the provider's clock ahead."""
        ...

    def configured(self, **settings: Any) -> AbstractContextManager[Provider]:
        """A second provider of the same kind with other settings."""
        ...

    def address(self) -> tuple[str, int]:
        """Host and port, for cases that write their own bytes to a socket."""
        ...


class RemoteProvider:
    """A provider known by its base URL and keys alone."""

    def __init__(self, base_url: str, key: str, second_key: str | None) -> None:
        self.name = base_url
        self._key = key
        self._second_key = second_key
        # Reading the trusted certificates takes longer than most cases.
        self._tls = ssl.create_default_context()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.name, timeout=120, verify=self._tls)

    def key(self, balance: int = 20) -> str:
        with self.client() as client:
            if Api(client, self._key).balance() < balance:
                pytest.skip(f"the key at {self.name} has fewer than {balance} credits left")
        return self._key

    def exact_key(self, balance: int) -> str:
        pytest.skip(f"accounts cannot be made at {self.name}")

    def second_key(self) -> str:
        if self._second_key is None:
            pytest.skip("no --second-api-key was given")
        return self._second_key

    def forbidden_key(self) -> str:
        pytest.skip(f"accounts cannot be made at {self.name}")

    def publish(self, data: bytes | ErrorCode) -> str:
        pytest.skip(f"{self.name} cannot be made to read an address of ours")

    @contextmanager
    def hold(self) -> Iterator[None]:
        pytest.skip(f"jobs at {self.name} cannot be held")
        yield

    @contextmanager
    def failing(self, error: Exception) -> Iterator[None]:
        pytest.skip(f"jobs at {self.name} cannot be made to fail")
        yield

    def advance(self, seconds: float) -> None:
        pytest.skip(f"the clock of {self.name} is its own")

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Provider]:
        pytest.skip(f"{self.name} has the settings it has")
        yield self

    def address(self) -> tuple[str, int]:
        url = urlsplit(self.name)
        if url.scheme != "http":
            pytest.skip("written for plain HTTP")
        return url.hostname or "", url.port or 80
