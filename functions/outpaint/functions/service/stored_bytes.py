"""How much an account may have stored: over the limit no picture is taken, and none that was paid for is refused."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.service.ports import UploadStore


class Reservations:
    """The bytes that are about to be stored in this process, by account; safe to use from several threads.

    A store knows the bytes that it holds only once they are there. What is reserved here counts as stored until then,
    so that several requests at once stay within the limit together.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reserved: dict[str, int] = {}

    def room(self, store: UploadStore | None, account_id: str, size: int, limit: int) -> AbstractContextManager[None]:
        """Reserve room for `size` bytes of an account, for the block that stores them.

        Raises `OutpaintError` STORAGE_FULL where the account would have more than `limit` bytes; nothing where no
        `store` knows how many it has. For a moment, what is stored and still reserved counts twice: at the limit that
        may refuse a picture too many, and never takes one.
        """
        if store is None or not size:
            return nullcontext()
        with self._lock:
            reserved = self._reserved.get(account_id, 0) + size
            if store.stored_bytes(account_id) + reserved > limit:
                raise storage_full(limit)
            self._reserved[account_id] = reserved
        return _Room(self, account_id, size)

    def _let_go(self, account_id: str, size: int) -> None:
        with self._lock:
            left = self._reserved.pop(account_id) - size
            if left:
                self._reserved[account_id] = left


class _Room(AbstractContextManager[None]):
    """A reservation. Every submit has one, and a generator in its place would cost twice as much."""

    __slots__ = ("_account_id", "_reservations", "_size")

    def __init__(self, reservations: Reservations, account_id: str, size: int) -> None:
        self._reservations = reservations
        self._account_id = account_id
        self._size = size

    def __exit__(self, *_: object) -> None:
        self._reservations._let_go(self._account_id, self._size)


def storage_full(limit: int) -> OutpaintError:
    """The 429 for what would be stored over an account's `limit` of bytes."""
    return OutpaintError(
        ErrorCode.STORAGE_FULL,
        f"this account has nearly the {limit} bytes stored that it may have, and this would be more: wait until jobs "
        "end and uploads and results expire, or ask the service's operator for a higher limit",
        limit="stored_bytes_per_account",
    )
