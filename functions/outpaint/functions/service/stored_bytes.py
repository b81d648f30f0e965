"""How much an account may have stored: over the limit no picture is taken, and none that was paid for is refused."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.service.ports import UploadStore


class Reservations:
    """The bytes that are about to be stored in this process, by account; safe to use from several threads.

    A store knows the bytes that it holds only once they are there. What is reserved here counts as stored until then,
    so that several requests at once stay within the limit together.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reserved: Counter[str] = Counter()

    @contextmanager
    def room(self, store: UploadStore | None, account_id: str, size: int, limit: int) -> Iterator[None]:
        """Keep room for `size` bytes of an account while the block stores them.

        Raises `OutpaintError` STORAGE_FULL, before the block, where the account would have more than `limit` bytes;
        nothing where no `store` knows how many it has. For a moment, what is stored and still reserved counts twice: at
        the limit that may refuse a picture too many, and never takes one.
        """
        if store is None or not size:
            yield
            return
        with self._lock:
            stored = store.stored_bytes(account_id)
            if stored + self._reserved[account_id] + size > limit:
                raise storage_full(limit)
            self._reserved[account_id] += size
        try:
            yield
        finally:
            with self._lock:
                self._reserved[account_id] -= size
                if not self._reserved[account_id]:
                    del self._reserved[account_id]


def storage_full(limit: int) -> OutpaintError:
    """The 429 for what would be stored over an account's `limit` of bytes."""
    return OutpaintError(
        ErrorCode.STORAGE_FULL,
        f"this account has nearly the {limit} bytes stored that it may have, and this would be more: wait until jobs "
        "end and uploads and results expire, or ask the service's operator for a higher limit",
    )
