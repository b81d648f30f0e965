"""A deployed stack, as those who call it and those who look after it know it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from outpaint_functions.aws.clients import Clients
from outpaint_functions.aws.key_ring import DynamoKeyRing
from outpaint_functions.aws.table import Table
from outpaint_functions.service.authentication import key_digest
from outpaint_functions.service.keys import new_key
from outpaint_functions.service.records import Account

from local_cloud.orders import Orders

CREDITS: Final = 100_000
STACK: Final = "outpaint"
RATE_LIMIT: Final = 100_000
"""Requests a minute: a stack is asked by one machine as fast as that can."""
SYNC_WAIT_S: Final = 600
"""Seconds that a sync request may wait: the most that may be chosen."""
Another = Callable[[Mapping[str, str]], AbstractContextManager[str]]


@dataclass(frozen=True)
class Deployment:
    """Where the deployed stack answers, and what it is made of.

    `longest_wait` is how many seconds its front door lets `Prefer: wait` have. `another` opens a second API function on
    the same table, bucket and endpoint, with these environment variables beside its own, and gives its base URL.
    """

    url: str
    outputs: Mapping[str, str]
    orders: Orders
    longest_wait: int
    another: Another

    @cached_property
    def _ring(self) -> DynamoKeyRing:
        return DynamoKeyRing(Table(Clients(), self.outputs["TableName"]))

    def open_account(self, name: str, credits_: int = CREDITS, *, allowed: bool = True) -> str:
        """A new account's first key."""
        key = new_key()
        account = Account(id=secrets.token_hex(8), name=name, credits=credits_, allowed=allowed)
        self._ring.open_account(account, key_digest(key), time.time())
        return key
