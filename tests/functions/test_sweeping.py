"""The sweep: how many jobs at a time, how far ahead it reads, where it goes on, and how late it says it is."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.functions.embedded.memory_ledger import MemoryLedger, MemoryLimits, MemoryPictures
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.records import Account, Job
from outpaint.functions.service.service import Service, ServiceSettings
from outpaint.functions.service.sweeping import sweep, sweep_some

LIFETIME = 60.0
"""A job's, as `a_job` makes them."""


@dataclass
class Looks:
    """The Dispatch port: notes which jobs were looked at, and does what a test says."""

    seen: list[str] = field(default_factory=list)
    look: Callable[[Job], None] = lambda _: None

    def start(self, request: Any) -> None:
        raise AssertionError("a sweep starts nothing")

    def check(self, job: Job) -> Job:
        self.seen.append(job.id)
        self.look(job)
        return job


class Reading(MemoryLedger):
    """Counts how many jobs are read, and may break after so many."""

    read = 0
    breaks_after: int | None = None

    def unended(self, since: float = 0.0) -> Iterator[Job]:  # type: ignore[override]
        for job in super().unended(since):
            if self.read == self.breaks_after:
                raise OutpaintError.unavailable("the database is busy")
            self.read += 1
            yield job


@dataclass
class Sweeps:
    ledger: Reading
    looks: Looks
    service: Service
    time: float = 0.0

    def now(self) -> float:
        return self.time

    def jobs(self, make: Callable[..., Job], number: int) -> list[str]:
        """One job dispatched each second, from the second 1 on."""
        jobs = [
            replace(make(n, at=float(n), until=9e9, price=0), state=JobState.DISPATCHED) for n in range(1, number + 1)
        ]
        for job in jobs:
            self.ledger.create(job, None, 0.0)
        return [job.id for job in jobs]


def sweeps(threads: int = 1) -> Sweeps:
    ledger, looks = Reading(), Looks()
    ledger.add_account(Account("ann", "Ann", 0), key_digest("key"))
    made = Sweeps(ledger, looks, None)  # type: ignore[arg-type]
    made.service = Service(
        clock=made,
        ids=None,  # type: ignore[arg-type]
        accounts=ledger,
        limits=MemoryLimits(),
        jobs=ledger,
        pictures=MemoryPictures(FileUrls(b"a secret of the test")),
        dispatch=looks,
        fetch=None,  # type: ignore[arg-type]
        settings=ServiceSettings(sweep_threads=threads),
    )
    return made


def test_looks_at_as_many_jobs_at_a_time_as_the_setting_says(a_job: Callable[..., Job]) -> None:
    kit = sweeps(threads=8)
    kit.jobs(a_job, 40)
    # Broken, and so an error, where fewer than eight come together.
    together = threading.Barrier(8, timeout=30)
    lock, now, most = threading.Lock(), Counter[str](), []

    def look(_: Job) -> None:
        with lock:
            now["at once"] += 1
            most.append(now["at once"])
        together.wait()
        with lock:
            now["at once"] -= 1

    kit.looks.look = look
    assert sweep(kit.service).looked_at == 40
    assert max(most) == 8


def test_reads_few_jobs_ahead(a_job: Callable[..., Job]) -> None:
    kit = sweeps(threads=4)
    kit.jobs(a_job, 300)
    done = itertools.count()
    ahead: list[int] = []
    kit.looks.look = lambda _: ahead.append(kit.ledger.read - next(done))
    assert sweep(kit.service).looked_at == 300
    assert max(ahead) <= 4 * 2 + 1 + 4


@pytest.mark.parametrize("threads", [1, 4])
def test_goes_on_where_it_stopped(a_job: Callable[..., Job], threads: int) -> None:
    kit = sweeps(threads)
    ids = kit.jobs(a_job, 10)
    since, rounds = 0.0, []
    for _ in range(4):
        left = iter(range(3))
        swept = sweep_some(kit.service, since=since, goes_on=lambda left=left: next(left, None) is not None)
        since = swept.resume_at
        rounds.append(sorted(kit.looks.seen))
        kit.looks.seen.clear()
    assert rounds == [ids[:3], ids[3:6], ids[6:9], ids[9:]]
    assert since == 0.0, "the next begins with the oldest again"


def test_overdue_jobs_come_first_wherever_it_goes_on(a_job: Callable[..., Job]) -> None:
    kit = sweeps()
    ids = kit.jobs(a_job, 10)
    kit.time = 2.0 + LIFETIME
    swept = sweep_some(kit.service, since=8.0)
    assert kit.looks.seen == [*ids[:2], *ids[7:]]
    assert (swept.ended, swept.left, swept.looked_at, swept.lag) == ({JobState.EXPIRED: 2}, 3, 5, 0.0)


@settings(max_examples=40)
@given(number=st.integers(0, 12), budgets=st.lists(st.integers(1, 5), min_size=1, max_size=14), late=st.integers(0, 12))
def test_every_job_is_reached_and_none_overdue_is_left_for_long(
    a_job: Callable[..., Job], number: int, budgets: list[int], late: int
) -> None:
    """Each sweep that may look at n jobs looks at n of those overdue, if there are as many, and then at the next."""
    kit = sweeps()
    ids = kit.jobs(a_job, number)
    since, seen, round_over = 0.0, set[str](), False
    for budget in budgets:
        kit.time = late + LIFETIME
        overdue = [job.id for job in kit.ledger._jobs.values() if not job.state.ended and job.deadline_at <= kit.time]
        left = iter(range(budget))
        swept = sweep_some(kit.service, since=since, goes_on=lambda left=left: next(left, None) is not None)
        assert swept.ended.total() >= min(budget, len(overdue))
        over = [kit.time - job.deadline_at for job in kit.ledger.unended()]
        assert swept.lag == max(0.0, *over, 0.0)
        seen.update(kit.looks.seen)
        since = swept.resume_at
        round_over = round_over or since == 0.0
    if round_over:
        assert seen == set(ids)


def test_its_lag_is_that_of_the_oldest_job_that_it_could_not_end(a_job: Callable[..., Job]) -> None:
    kit = sweeps()
    ids = kit.jobs(a_job, 30)
    kit.time = 30.0 + LIFETIME + 100

    def look(job: Job) -> None:
        if job.id in ids[4:20]:
            raise OutpaintError.unavailable("S3 does not answer")

    kit.looks.look = look
    swept = sweep_some(kit.service)
    assert swept.lag == 30 - 5 + 100
    assert (swept.failed, len(swept.errors), swept.left) == (16, 10, 16)
    with pytest.raises(ExceptionGroup, match="16 jobs could not be looked at"):
        swept.raise_errors()
    kit.looks.look = lambda _: None
    assert sweep(kit.service).lag == 0.0


@pytest.mark.parametrize("threads", [1, 4])
def test_a_list_that_cannot_be_read_to_its_end(a_job: Callable[..., Job], threads: int) -> None:
    kit = sweeps(threads)
    kit.jobs(a_job, 10)
    kit.time = 10.0 + LIFETIME
    kit.ledger.breaks_after = 6
    swept = sweep_some(kit.service)
    assert (swept.looked_at, swept.resume_at, swept.ended.total()) == (6, 6.0, 6)
    assert swept.lag == 4.0, "whoever comes after the sixth is no older"
    assert [error.code for error in swept.errors if isinstance(error, OutpaintError)] == [ErrorCode.UNAVAILABLE]
    kit.ledger.breaks_after = kit.ledger.read
    swept = sweep_some(kit.service, since=swept.resume_at)
    assert (swept.lag, swept.resume_at) == (None, 6.0)
