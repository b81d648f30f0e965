"""What a host counts of its requests, jobs and credits since it began, in plain numbers that cost next to nothing."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from outpaint.contracts.job_states import JobState
from outpaint.functions.http.routes import Route
from outpaint.functions.service.ports import Observer
from outpaint.functions.service.records import GIVES_BACK, Job

REQUEST_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
JOB_BOUNDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Upper bounds of the buckets in seconds; one more is open."""
NO_ROUTE: Final = "none"
"""The route of a request to a path that does not exist, or of what is no HTTP."""
OTHER: Final = "other"
"""The method of a request whose own is none of HTTP's usual ones, or could not be read."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class Spread:
    """How many seconds things took: a count for each bucket, and their sum."""

    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


class RequestFigures:
    """Answers by method, route and status, and what they took; written by the event loop's thread alone.

    Names that clients invent count as `other` methods and as no route, so that there are only so many rows.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int, int], _Row] = {}
        self._spreads: dict[str, Spread] = {}

    def answered(self, method: str, route: Route | None, status: int, seconds: float) -> None:
        """Count an answer, `seconds` after its request's head was read."""
        # A member's hash is computed in Python, its id is not; members stay as long as the process.
        row = self._rows.get((method, id(route), status)) or self._new_row(method, route, status)
        row.count += 1
        row.spread.add(seconds)

    def answers(self) -> dict[tuple[str, str, int], int]:
        """How many answers there were, by method, route and status; from any thread."""
        return {row.key: row.count for row in self._rows.copy().values()}

    def seconds(self) -> dict[str, Spread]:
        """What the answers of each route took; from any thread."""
        return self._spreads.copy()

    def _new_row(self, method: str, route: Route | None, status: int) -> _Row:
        if method not in _METHODS and method != OTHER:
            return self._rows.get((OTHER, id(route), status)) or self._new_row(OTHER, route, status)
        name = NO_ROUTE if route is None else route.name.lower()
        spread = self._spreads.get(name)
        if spread is None:
            spread = self._spreads[name] = Spread(REQUEST_BOUNDS)
        row = self._rows[method, id(route), status] = _Row((method, name, status), spread)
        return row


@dataclass(slots=True)
class _Row:
    key: tuple[str, str, int]
    spread: Spread
    count: int = 0


class JobFigures:
    """The service's Observer on a host that paints by itself: jobs, their credits and what they took.

    `now` is the clock of the jobs' times, in seconds since the epoch; `others` is told of each job after it is counted.
    """

    def __init__(self, now: Callable[[], float], others: Observer | None = None) -> None:
        self._now = now
        self._others = others
        self._lock = threading.Lock()
        self.accepted_jobs = 0
        self.ended_jobs: Counter[JobState] = Counter()
        self.credits: Counter[str] = Counter()
        self.seconds = Spread(JOB_BOUNDS)
        self.painter_seconds: dict[str, float] = {}

    def accepted(self, job: Job) -> None:
        """Count a job, and its price as reserved."""
        with self._lock:
            self.accepted_jobs += 1
            self.credits["reserved"] += job.price
        if self._others is not None:
            self._others.accepted(job)

    def ended(self, job: Job) -> None:
        """Count a job's end, its price as kept or given back, and what painting took."""
        with self._lock:
            self.ended_jobs[job.state] += 1
            self.credits["returned" if job.state in GIVES_BACK else "settled"] += job.price
            self.seconds.add(max(0.0, self._now() - job.created_at))
            if job.manifest is not None and job.manifest.timings is not None:
                painter = job.manifest.painter.name
                self.painter_seconds[painter] = self.painter_seconds.get(painter, 0.0) + job.manifest.timings.painted
        if self._others is not None:
            self._others.ended(job)
