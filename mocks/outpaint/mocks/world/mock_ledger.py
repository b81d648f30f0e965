"""The Accounts, Jobs and Limits ports of a mock: memory, with an account for every key that comes."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Mapping, ValuesView
from functools import cache
from itertools import islice
from typing import Any, Final, cast

from pydantic import TypeAdapter

from outpaint.functions.embedded.memory_ledger import MemoryLedger, MemoryLimits
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account, Job
from outpaint.mocks.restorable import Restorable

CREDITS: Final = 1000
"""What an account begins with unless it is said otherwise."""
_UNPACKED: Final = 1000
"""How many ended jobs stay as they are."""


class PackedJobs(dict[str, Job]):
    """Jobs by their id; those that ended before the latest thousand are compressed, to a thirtieth of their size.

    The first compressed job is the dictionary for all later ones, because the jobs of a test are much alike. A test
    run may make twenty thousand jobs of four kilobytes each, and reads few of them again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ended: deque[str] = deque()
        self._model = b""

    def __setitem__(self, inference_id: str, job: Job) -> None:
        super().__setitem__(inference_id, job)
        if job.state.ended:
            self._ended.append(inference_id)
            if len(self._ended) > _UNPACKED:
                self._pack(self._ended.popleft())

    def __getitem__(self, inference_id: str) -> Job:
        return self._unpacked(super().__getitem__(inference_id))

    def get(self, inference_id: str, default: Any = None) -> Any:
        """The job, or the default."""
        found = super().get(inference_id)
        return default if found is None else self._unpacked(found)

    def values(self) -> ValuesView[Job]:  # type: ignore[override]
        """Every job, unpacked."""
        return {key: self._unpacked(value) for key, value in self.items()}.values()

    def __copy__(self) -> PackedJobs:
        other = PackedJobs()
        dict.update(other, self)
        other._ended = self._ended.copy()
        other._model = self._model
        return other

    def _pack(self, inference_id: str) -> None:
        job = super().get(inference_id)
        if type(job) is not Job:
            return  # gone meanwhile, or packed
        whole = _jobs().dump_json(job)
        self._model = self._model or whole
        packer = zlib.compressobj(1, zdict=self._model)
        super().__setitem__(inference_id, cast("Job", packer.compress(whole) + packer.flush()))

    def _unpacked(self, held: Job | bytes) -> Job:
        if isinstance(held, Job):
            return held
        return _jobs().validate_json(zlib.decompressobj(zdict=self._model).decompress(held))


@cache
def _jobs() -> TypeAdapter[Job]:
    """Writes and reads jobs as JSON; made at the first use, because a mock's start does not need it."""
    return TypeAdapter(Job)


class MockLedger(MemoryLedger, Restorable):
    """The Accounts and Jobs ports of a mock: every unknown key opens an account of its own.

    With `keys` (key to credits) only those are known, and every other is refused as the service refuses it.
    """

    _state = ("_accounts", "_keys", "_jobs", "_unended", "_claims")

    def __init__(
        self, on_end: Callable[[str], None], *, opening_credits: int = CREDITS, keys: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(on_end)
        self._jobs = PackedJobs()
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
            self._digests[key] = digest  # every call asks; keeping keys is no risk, because none here is a secret
        return account

    def admit(self, key: str) -> None:
        """Open a key's account even where keys are listed: magic keys are always known."""
        digest = key_digest(key)
        if super().by_key_digest(digest) is None:
            self._open_account(digest, self._credits)

    def set_credits(self, account_id: str, amount: int) -> None:
        """Set an account's free credits."""
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

    def _open_account(self, digest: str, amount: int) -> Account:
        account = Account(id=f"account-{digest[:16]}", name=f"mock account {digest[:8]}", credits=amount)
        self.add_account(account, digest)
        return account


class MockLimits(MemoryLimits, Restorable):
    """The Limits port of a mock."""

    _state = ("_counts",)


class OtherWindows:
    """The Limits port where a scenario sets limit and window: its counters are apart from all others."""

    def __init__(self, limits: MockLimits, name: str) -> None:
        self._limits = limits
        self._name = name

    def count(self, account_id: str, window: int, expires_at: float) -> int:
        """Add one to the account's counter for this window and return it."""
        return self._limits.count(f"{account_id} {self._name}", window, expires_at)
