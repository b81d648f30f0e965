"""A deployed stack as a provider of the contract: accounts are made in its table, its painter takes orders."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Final

import httpx
from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.proving.expectations import NotOffered
from outpaint_contracts.proving.new_accounts import NewAccounts
from outpaint_contracts.proving.provider import Need, Provider
from outpaint_functions.aws.settings import PREFIX

from local_cloud.deployment import Deployment

TIMEOUT_S: Final = 120.0
_POLL_PAUSE_S: Final = 0.05
_NUMBERS: Final = itertools.count(1)


class StackProvider(NewAccounts):
    """Offers what its operator can do: accounts, held and failing jobs, an API function with other settings.

    Not offered: its clock is AWS's; its fetcher refuses addresses of ours, for they are private; and bytes that are no
    HTTP end at AWS's front door, in whose place a stand-in's stands here.
    """

    offers = frozenset({Need.ACCOUNTS, Need.SECOND_ACCOUNT, Need.HELD_JOBS, Need.FAILING_JOBS, Need.SETTINGS})
    shares_account = False
    poll_pause = _POLL_PAUSE_S

    def __init__(self, name: str, deployment: Deployment) -> None:
        self.name = name
        self.longest_wait = deployment.longest_wait
        self._deployment = deployment

    def client(self) -> httpx.Client:
        """A client of the front door."""
        # Plain HTTP: without `verify` no certificates are read, which takes longer than most cases.
        return httpx.Client(base_url=self._deployment.url, timeout=TIMEOUT_S, verify=False, trust_env=False)  # noqa: S501

    def new_account(self, balance: int, *, allowed: bool = True) -> str:
        """A key of a new account in the stack's table."""
        return self._deployment.open_account(f"{self.name} {next(_NUMBERS)}", balance, allowed=allowed)

    def publish(self, data: bytes | ErrorCode) -> str:  # noqa: ARG002 - the protocol's signature
        """Not offered."""
        raise NotOffered("its fetcher refuses private addresses, and this machine has no other")

    def hold(self) -> AbstractContextManager[None]:
        """The painting process paints nothing meanwhile."""
        return self._deployment.orders.hold()

    def failing(self, error: Exception) -> AbstractContextManager[None]:
        """The painter raises this error meanwhile."""
        return self._deployment.orders.failing(error)

    def advance(self, seconds: float) -> None:  # noqa: ARG002 - the protocol's signature
        """Not offered."""
        raise NotOffered("its clock is AWS's")

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Provider]:
        """Another API function of the same stack, with these settings."""
        told = {
            PREFIX + name.upper(): json.dumps(value) if isinstance(value, dict) else str(value)
            for name, value in settings.items()
        }
        with self._deployment.another(told) as url:
            yield StackProvider(self.name, replace(self._deployment, url=url))

    def address(self) -> tuple[str, int]:
        """Not offered."""
        raise NotOffered("bytes that are no HTTP end at AWS's front door, and here at a stand-in's")
