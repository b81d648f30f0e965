"""A stack deployed on this machine, and the orders by which tests hold or fail its painter."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.aws.aws_clients import Clients
from outpaint.functions.aws.dynamo_keys import DynamoKeyRing
from outpaint.functions.aws.dynamo_table import Table
from outpaint.functions.service.account_keys import new_key
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account

STACK: Final = "outpaint"
RATE_LIMIT: Final = 100_000
"""Requests a minute: more than one machine can send."""
SYNC_WAIT_S: Final = 600
"""Seconds that a sync request may wait: the most that the template allows."""
Another = Callable[[Mapping[str, str]], AbstractContextManager[str]]
LONGEST_HOLD_S: Final = 120.0
_LOOK_S: Final = 0.01


class Orders:
    """Orders for the painter of another process, as files in a folder: no connection to it is needed."""

    def __init__(self, folder: Path) -> None:
        self._hold = folder / "hold"
        self._fail = folder / "fail"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Nothing is painted while the block runs."""
        with _there(self._hold, b""):
            yield

    @contextmanager
    def failing(self, error: Exception) -> Iterator[None]:
        """What is painted while the block runs fails with this error."""
        order = [error.code, error.detail] if isinstance(error, OutpaintError) else [None, str(error)]
        with _there(self._fail, json.dumps(order).encode()):
            yield

    def follow(self) -> None:
        """For the painter: wait while held, raise the error that was ordered."""
        until = time.monotonic() + LONGEST_HOLD_S
        while self._hold.exists():
            if time.monotonic() > until:
                raise OutpaintError.unavailable("a case forgot to release its jobs")
            time.sleep(_LOOK_S)
        try:
            code, detail = json.loads(self._fail.read_bytes())
        except FileNotFoundError:
            return
        raise RuntimeError(detail) if code is None else OutpaintError(ErrorCode(code), detail)


@contextmanager
def _there(path: Path, content: bytes) -> Iterator[None]:
    """A file that is in place, whole, while the block runs."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.rename(path)
    try:
        yield
    finally:
        path.unlink()


@dataclass(frozen=True)
class LocalDeployment:
    """A deployed stack: its base URL, its outputs, and the orders for its painter.

    `longest_wait` is the longest `Prefer: wait` in seconds that its gateway allows. `another` opens a second API
    function on the same table, bucket and endpoint, with further environment variables, and gives its base URL.
    """

    url: str
    outputs: Mapping[str, str]
    orders: Orders
    longest_wait: int
    another: Another

    @cached_property
    def _ring(self) -> DynamoKeyRing:
        return DynamoKeyRing(Table(Clients(), self.outputs["TableName"]))

    def open_account(self, name: str, credits_: int = 100_000, *, allowed: bool = True) -> str:
        """Open an account; its first key."""
        key = new_key()
        account = Account(id=secrets.token_hex(8), name=name, credits=credits_, allowed=allowed)
        self._ring.open_account(account, key_digest(key), time.time())
        return key
