"""The Accounts, Jobs, Limits and Pictures ports in memory, for mocks, tests and `outpaint serve --in-memory`."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Unpack

from outpaint.contracts.inference import CompletionLocations
from outpaint.contracts.job_states import JobState, sources_of
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.ports import AlreadyClaimed
from outpaint.functions.service.records import GIVES_BACK, Account, Claim, Job, JobChange, StoredPicture, insufficient


class MemoryLedger:
    """The Accounts and Jobs ports behind one lock, so that credits and jobs change together.

    `on_end` is called with a job's id after it has ended, outside the lock, from whichever thread ended it.
    """

    def __init__(self, on_end: Callable[[str], None] = lambda _: None) -> None:
        self._on_end = on_end
        self._lock = threading.Lock()
        self._accounts: dict[str, Account] = {}
        self._keys: dict[str, str] = {}
        self._jobs: dict[str, Job] = {}
        self._unended: dict[str, None] = {}
        self._claims: dict[tuple[str, str], Claim] = {}

    def add_account(self, account: Account, *digests: str) -> None:
        """Add an account, and keys for it by their SHA-256 digests (hex)."""
        with self._lock:
            self._accounts[account.id] = account
            self._keys.update(dict.fromkeys(digests, account.id))

    def add_credits(self, account_id: str, amount: int) -> Account:
        """Add to an account's free credits; the account after it."""
        with self._lock:
            return self._pay(account_id, amount)

    def by_key_digest(self, digest: str) -> Account | None:
        with self._lock:
            return self._accounts.get(self._keys.get(digest, ""))

    def free_credits(self, account_id: str) -> int:
        with self._lock:
            account = self._accounts.get(account_id)
            return 0 if account is None else account.credits

    def create(self, job: Job, claim: Claim | None, now: float) -> None:
        with self._lock:
            if claim is not None:
                held = self._claims.get((claim.account_id, claim.key))
                if held is not None and held.expires_at > now:
                    raise AlreadyClaimed(held)
            account = self._accounts.get(job.account_id)
            available = 0 if account is None else account.credits
            if account is None or available < job.price:
                raise insufficient(job.price, available)
            self._pay(job.account_id, -job.price)
            if claim is not None:
                self._claims[claim.account_id, claim.key] = claim
            self._jobs[job.id] = job
            self._unended[job.id] = None

    def find(self, inference_id: str, now: float) -> Job | None:
        with self._lock:
            job = self._jobs.get(inference_id)
        return job if job is not None and job.expires_at > now else None

    def find_claim(self, account_id: str, key: str, now: float) -> Claim | None:
        with self._lock:
            claim = self._claims.get((account_id, key))
        return claim if claim is not None and claim.expires_at > now else None

    def finish_claim(self, account_id: str, key: str, inference_id: str) -> None:
        with self._lock:
            claim = self._claims.get((account_id, key))
            if claim is not None and claim.inference_id == inference_id:
                self._claims[account_id, key] = replace(claim, running_until=0.0)

    def move(self, inference_id: str, to: JobState, **change: Unpack[JobChange]) -> Job | None:
        with self._lock:
            job = self._jobs.get(inference_id)
            if job is None or job.state not in sources_of(to):
                return None
            job = self._jobs[inference_id] = job.moved(to, change)
            if to.ended:
                self._unended.pop(inference_id, None)
            if to in GIVES_BACK:
                self._pay(job.account_id, job.price)
            if change.get("release_claim") and job.idempotency_key is not None:
                claim = self._claims.get((job.account_id, job.idempotency_key))
                if claim is not None and claim.inference_id == inference_id:
                    del self._claims[claim.account_id, claim.key]
        if to.ended:
            self._on_end(inference_id)
        return job

    def begin_again(self, inference_id: str, attempt: int, locations: CompletionLocations | None = None) -> Job | None:
        with self._lock:
            job = self._jobs.get(inference_id)
            if job is None or job.state.ended or job.attempts > attempt:
                return None
            job = self._jobs[inference_id] = replace(job, attempts=attempt, locations=locations)
            return job

    def unended(self, since: float = 0.0) -> list[Job]:
        with self._lock:
            jobs = [job for id_ in self._unended if (job := self._jobs[id_]).created_at >= since]
        return sorted(jobs, key=lambda job: (job.created_at, job.id))

    def purge(self, now: float) -> int:
        with self._lock:
            gone = [job.id for job in self._jobs.values() if job.expires_at <= now and job.state.ended]
            for id_ in gone:
                del self._jobs[id_]
            for held in [held for held, claim in self._claims.items() if claim.expires_at <= now]:
                del self._claims[held]
        return len(gone)

    def erase(self, inference_ids: Iterable[str]) -> int:
        with self._lock:
            found = [self._jobs.get(id_) for id_ in inference_ids]
            ended = [job for job in found if job is not None and job.state.ended]
            for job in ended:
                del self._jobs[job.id]
                claim = self._claims.get((job.account_id, job.idempotency_key or ""))
                if claim is not None and claim.inference_id == job.id:
                    del self._claims[claim.account_id, claim.key]
        return len(ended)

    def _pay(self, account_id: str, amount: int) -> Account:
        account = self._accounts[account_id]
        account = self._accounts[account_id] = replace(account, credits=account.credits + amount)
        return account


class MemoryLimits:
    """The Limits port: one counter for each account, of its latest window only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, int]] = {}

    def count(self, account_id: str, window: int, expires_at: float) -> int:  # noqa: ARG002 - nothing to purge here
        with self._lock:
            latest, count = self._counts.get(account_id, (window, 0))
            # A thread that read the clock just before a window's end may come late: it counts in the new one. A window
            # before that comes of a clock that was set back, and is counted like any other.
            counted = (latest, count + 1) if window in (latest, latest - 1) else (window, 1)
            self._counts[account_id] = counted
            return counted[1]


class MemoryPictures:
    """The Pictures port; `file_urls` signs the paths under which this host serves the files."""

    def __init__(self, file_urls: FileUrls) -> None:
        self._file_urls = file_urls
        self._lock = threading.Lock()
        self._pictures: dict[str, StoredPicture] = {}
        self._stored: Counter[str] = Counter()

    def put(self, name: str, picture: StoredPicture) -> None:
        with self._lock:
            self._forget(name)
            self._keep(name, picture)

    def put_new(self, name: str, picture: StoredPicture) -> bool:
        with self._lock:
            if name in self._pictures:
                return False
            self._keep(name, picture)
            return True

    def get(self, name: str, now: float) -> StoredPicture | None:
        with self._lock:
            picture = self._pictures.get(name)
        return picture if picture is not None and picture.expires_at > now else None

    def delete(self, name: str) -> None:
        with self._lock:
            self._forget(name)

    def url(self, name: str, until: float) -> str:
        return self._file_urls.sign(name, until)

    def purge(self, now: float) -> int:
        with self._lock:
            gone = [name for name, picture in self._pictures.items() if picture.expires_at <= now]
            for name in gone:
                self._forget(name)
        return len(gone)

    def erase(self, inference_id: str, names: Iterable[str]) -> int:  # noqa: ARG002 - a job has no other names here
        with self._lock:
            return sum(self._forget(name) for name in names)

    def erase_account(self, account_id: str) -> int:
        with self._lock:
            names = [name for name, picture in self._pictures.items() if picture.account_id == account_id]
            for name in names:
                self._forget(name)
        return len(names)

    def stored_bytes(self, account_id: str) -> int:
        with self._lock:
            return self._stored.get(account_id, 0)

    def _keep(self, name: str, picture: StoredPicture) -> None:
        self._pictures[name] = picture
        self._stored[picture.account_id] += len(picture.data)

    def _forget(self, name: str) -> bool:
        picture = self._pictures.pop(name, None)
        if picture is not None:
            self._stored[picture.account_id] -= len(picture.data)
        return picture is not None
