"""The threads that fetch pictures from addresses: so many at a time, of one account fewer, and the others in turn."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.embedded.server_limits import ServerLimits

_T = TypeVar("_T")


class FetchPool:
    """Runs what waits for other people's servers on threads of its own, so that it holds up nothing else.

    Its methods are called on the event loop. What waits for its turn is a task and no thread. Turns go round among the
    accounts that wait: one whose sources are slow holds up its own requests, and never takes more threads than
    `fetches_per_account`.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.fetches_at_a_time, thread_name_prefix="fetch")
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """Turns that were not given yet, by account; the account whose turn is next comes first."""

    async def run(self, account_id: str, work: Callable[[], _T], patience: float) -> _T:
        """What `work` returns, begun within `patience` seconds.

        Raises `OutpaintError` UNAVAILABLE, before `work` is called, where it has no turn by then, or where
        `fetches_waiting_per_account` of the account wait already.
        """
        await self._turn(account_id, patience)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._end(account_id)

    def close(self) -> None:
        """End the threads, each after what it does now."""
        self._pool.shutdown()

    async def _turn(self, account_id: str, patience: float) -> None:
        # Whoever ends gives its place to one that waits, so where there is a place, nobody waits for it.
        if self._has_place(account_id):
            self._running[account_id] += 1
            return
        waiting = len(self._waiting.get(account_id, ()))
        if waiting >= self._limits.fetches_waiting_per_account:
            raise OutpaintError.unavailable(
                f"{waiting} requests of this account wait for pictures at addresses already: try again in a moment, "
                "or send the picture itself"
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account_id, deque()).append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._end(account_id)  # the turn came in the same moment
            else:
                self._forget(account_id, turn)
            if isinstance(error, TimeoutError):
                raise OutpaintError.unavailable(
                    f"other pictures at addresses took longer than {patience:g} seconds: try again in a moment, "
                    "or send the picture itself"
                ) from None
            raise

    def _has_place(self, account_id: str) -> bool:
        return (
            self._running.total() < self._limits.fetches_at_a_time
            and self._running[account_id] < self._limits.fetches_per_account
        )

    def _end(self, account_id: str) -> None:
        self._running[account_id] -= 1
        if not self._running[account_id]:
            del self._running[account_id]
        for waiting_id in list(self._waiting):
            if self._has_place(waiting_id):
                turns = self._waiting.pop(waiting_id)
                self._running[waiting_id] += 1
                turns.popleft().set_result(None)
                if turns:
                    self._waiting[waiting_id] = turns  # behind the other accounts

    def _forget(self, account_id: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting[account_id]
        turns.remove(turn)
        if not turns:
            del self._waiting[account_id]
