"""The sweep over all jobs that have not ended: several at a time, oldest first, for as long as its host lets it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from outpaint.contracts.job_states import JobState
from outpaint.functions.service import settle
from outpaint.functions.service.ports import UnreadableJobsError
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service

_ERRORS_KEPT: Final = 10
"""Of a store that answers nothing, every job would leave an error."""
_AHEAD: Final = 2
"""Jobs that are read for each thread before one of them is done."""


@dataclass
class Swept:
    """What a sweep did.

    `looked_at` counts jobs, `ended` those of them that it made to end, by their state, `left` those that go on. `lag`
    is by how many seconds the oldest job that it left unended is over its deadline: 0 where none is, None where the
    jobs could not be read at all. `resume_at` is the `since` of the next sweep: 0 after one that came to the end.
    `errors` are the first of the `failed`.
    """

    looked_at: int = 0
    ended: Counter[JobState] = field(default_factory=Counter)
    left: int = 0
    lag: float | None = 0.0
    resume_at: float = 0.0
    failed: int = 0
    errors: list[Exception] = field(default_factory=list)

    def raise_errors(self) -> None:
        """Raise what went wrong, if anything did, as an `ExceptionGroup`."""
        if self.errors:
            raise ExceptionGroup(f"{self.failed} jobs could not be looked at", self.errors)


def sweep(service: Service) -> Swept:
    """End overdue jobs and jobs that were accepted but never dispatched; purge jobs, claims and files.

    Safe to run at any time, from several processes at once. A job that fails to be checked keeps no other from its
    end: what went wrong is raised after all of them, as an `ExceptionGroup`.
    """
    swept = sweep_some(service)
    swept.raise_errors()
    return swept


def sweep_some(service: Service, *, since: float = 0.0, goes_on: Callable[[], bool] = lambda: True) -> Swept:
    """A sweep that ends early where `goes_on` says so; what went wrong with jobs is in what it returns, not raised.

    Overdue jobs come first, whatever `since` is; then those accepted at `since` or later. `settings.sweep_threads`
    jobs are looked at at a time, and few more are in memory than that.
    """
    round_ = _Round(service)
    round_.go(since, goes_on)
    now = service.clock.now()
    service.jobs.purge(now)
    service.pictures.purge(now)
    return round_.swept


class _Round:
    """One sweep under way."""

    def __init__(self, service: Service) -> None:
        self.swept = Swept()
        self._service = service
        self._threads = service.settings.sweep_threads

    def go(self, since: float, goes_on: Callable[[], bool]) -> None:
        if self._threads == 1:
            self._look_at_all(since, goes_on, None)
            return
        with ThreadPoolExecutor(self._threads, "sweep") as pool:
            self._look_at_all(since, goes_on, pool)

    def _look_at_all(self, since: float, goes_on: Callable[[], bool], pool: ThreadPoolExecutor | None) -> None:
        under_way: dict[Future[Job | Exception | None], Job] = {}
        latest: Job | None = None
        try:
            for job in self._jobs(since):
                if not goes_on():
                    self._stop(job, since)
                    break
                latest = job
                if pool is None:
                    self._note(job, self._look_at(job))
                    continue
                if len(under_way) >= self._threads * _AHEAD:
                    for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                        self._note(under_way.pop(done), done.result())
                under_way[pool.submit(self._look_at, job)] = job
        except UnreadableJobsError as error:
            self._fail(error)  # the list was read to its end
        except Exception as error:  # noqa: BLE001 - the list could not be read any further
            self._fail(error)
            self._stop(latest, since)
        for done, job in under_way.items():
            self._note(job, done.result())

    def _jobs(self, since: float) -> Iterator[Job]:
        now = self._service.clock.now()
        if since > 0:
            for job in self._service.jobs.unended():
                if job.created_at >= since or now < job.deadline_at:
                    break
                yield job
        yield from self._service.jobs.unended(since)

    def _look_at(self, job: Job) -> Job | Exception | None:
        try:
            return settle.look_after(self._service, job)
        except Exception as error:  # noqa: BLE001 - told after all other jobs
            return error

    def _note(self, job: Job, found: Job | Exception | None) -> None:
        self.swept.looked_at += 1
        if isinstance(found, Exception):
            self._fail(found)
        if isinstance(found, Job) and found.state.ended:
            self.swept.ended[found.state] += 1
        elif found is not None:
            self.swept.left += 1
            self._leave(job)

    def _fail(self, error: Exception) -> None:
        self.swept.failed += 1
        if len(self.swept.errors) < _ERRORS_KEPT:
            self.swept.errors.append(error)

    def _stop(self, at: Job | None, since: float) -> None:
        """The next sweep begins at this job; all that were not looked at are as old or younger."""
        self.swept.resume_at = since if at is None else max(since, at.created_at)
        if at is None:
            self.swept.lag = None
        else:
            self._leave(at)

    def _leave(self, job: Job) -> None:
        if self.swept.lag is not None:
            self.swept.lag = max(self.swept.lag, self._service.clock.now() - job.deadline_at)
