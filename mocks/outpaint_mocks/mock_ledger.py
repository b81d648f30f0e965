"""Accounts for any key, jobs and claims in memory, and counters for windows of any length."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final

from outpaint_functions.embedded.memory import MemoryLedger, MemoryLimits
from outpaint_functions.service.authentication import key_digest
from outpaint_functions.service.records import Account, Job

from outpaint_mocks.job_shelf import JobShelf

CREDITS: Final = 1000


class MockLedger(MemoryLedger):
    """The Accounts and Jobs ports of a mock: every key that nobody named is an account of its own.

    With `keys` (key to credits) only those are known, and every other is refused as the service refuses it.
    """

    def __init__(
        self, on_end: Callable[[str], None], *, opening_credits: int = CREDITS, keys: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(on_end)
        self._jobs = JobShelf()
        self._credits = opening_credits
        self._open = keys is None
        self._digests: dict[str, str] = {}
        for key, amount in (keys or {}).items():
            self._open_account(key_digest(key), amount)

    def by_key_digest(self, digest: str) -> Account | None:
        """The account of a key with this SHA-256 (hex); opened now if it is new and keys are not listed."""
        account = super().by_key_digest(digest)
        if account is None and self._open:
            account = self._open_account(digest, self._credits)
        return account

    def of_key(self, key: str) -> Account | None:
        """The account of a key."""
        key = key.strip()
        digest = self._digests.get(key) or key_digest(key)
        account = self.by_key_digest(digest)
        if account is not None:
            self._digests[key] = digest  # every call asks, and no key here is a secret
        return account

    def admit(self, key: str) -> None:
        """Open a key's account even where keys are listed: magic keys are always known."""
        digest = key_digest(key)
        if super().by_key_digest(digest) is None:
            self._open_account(digest, self._credits)

    def set_credits(self, account_id: str, amount: int) -> None:
        """Let an account stand at that many free credits."""
        with self._lock:
            if account_id in self._accounts:
                self._pay(account_id, amount - self._accounts[account_id].credits)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Every account, in the order they were opened."""
        with self._lock:
            return tuple(self._accounts.values())

    def latest_jobs(self, count: int) -> tuple[Job, ...]:
        """The jobs made last, the latest first; expired ones that nobody swept are among them."""
        with self._lock:
            return tuple(self._jobs[inference_id] for inference_id in islice(reversed(self._jobs), count))

    def snapshot(self) -> tuple[Any, ...]:
        """All of it, for `restore`; records are immutable, so this copies five dictionaries and nothing else."""
        with self._lock:
            return (
                dict(self._accounts),
                dict(self._keys),
                self._jobs.copy(),
                dict(self._unended),
                dict(self._claims),
            )

    def restore(self, state: tuple[Any, ...]) -> None:
        """Stand as at a snapshot."""
        with self._lock:
            self._accounts, self._keys, self._jobs, self._unended, self._claims = (part.copy() for part in state)

    def _open_account(self, digest: str, amount: int) -> Account:
        account = Account(id=f"account-{digest[:16]}", name=f"mock account {digest[:8]}", credits=amount)
        self.add_account(account, digest)
        return account


class MockLimits(MemoryLimits):
    """The Limits port of a mock."""

    def snapshot(self) -> dict[str, tuple[int, int]]:
        """All of it, for `restore`."""
        with self._lock:
            return dict(self._counts)

    def restore(self, state: dict[str, tuple[int, int]]) -> None:
        """Stand as at a snapshot."""
        with self._lock:
            self._counts = dict(state)


class OtherWindows:
    """The Limits port where a scenario sets limit and window: its counters are apart from all others."""

    def __init__(self, limits: MockLimits, name: str) -> None:
        self._limits = limits
        self._name = name

    def count(self, account_id: str, window: int, expires_at: float) -> int:
        """Add one to the account's counter for this window and return it."""
        return self._limits.count(f"{account_id} {self._name}", window, expires_at)
