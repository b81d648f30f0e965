"""The asynchronous endpoint: one queue, instances that come and go, and the scaling that sends for them.

Own code on a heap rather than a simulation framework: docs/adr/0036 says why.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .arrivals import Random, Times
from .parameters import Endpoint, Painting

Integers = NDArray[np.int64]
MINUTE = 60.0


@dataclass
class Run:
    """What became of every job, and what was seen at every minute.

    `started` and `finished` are infinite for jobs that were not reached; `billed` is seconds of instances, from
    being sent for to being gone.
    """

    arrived: Times
    started: Times
    finished: Times
    minutes: Times
    backlog: Integers
    running: Integers
    wanted: Integers
    billed: float

    @property
    def waited(self) -> Times:
        """Seconds from arrival to the begin of painting, for each job that began."""
        begun = np.isfinite(self.started)
        waits: Times = self.started[begun] - self.arrived[begun]
        return waits


@dataclass
class _Fleet:
    """Instances by when each is next free, the earliest first; those that start are free when they are ready."""

    free: list[float] = field(default_factory=list)
    since: float = 0.0
    billed: float = 0.0
    ready: list[float] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.free)

    def running(self, now: float) -> int:
        """Those that have started."""
        self.ready = [time for time in self.ready if time > now]
        return len(self.free) - len(self.ready)

    def add(self, now: float, times: Times, until: float) -> None:
        """Send for instances, each ready after its time; they are billed from now on."""
        for time in times:
            heapq.heappush(self.free, now + float(time))
            self.ready.append(now + float(time))
        self.billed += len(times) * (until - now)

    def remove(self, now: float, number: int, until: float) -> None:
        """Let the idlest go, each when it has finished what it does."""
        going = heapq.nsmallest(number, self.free)
        self.free = sorted(self.free)[number:]
        self.billed -= sum(until - max(now, time) for time in going if time < until)


def simulate(
    random: Random, arrived: Times, painting: Painting, endpoint: Endpoint, until: float, at_first: int = 0
) -> Run:
    """Jobs first come, first served, until a moment; `at_first` instances run at the start."""
    jobs = len(arrived)
    work = painting.pictures * painting.seconds_per_picture
    needs = work * np.exp(random.normal(-(painting.spread**2) / 2, painting.spread, jobs))
    started, finished = np.full(jobs, np.inf), np.full(jobs, np.inf)
    fleet, scaling = _Fleet(), _Scaling(endpoint)
    fleet.add(0.0, np.zeros(max(at_first, endpoint.least)), until)
    arrivals, times = arrived.tolist(), needs.tolist()
    minutes = np.arange(MINUTE, until + MINUTE / 2, MINUTE)
    seen: list[tuple[int, int, int]] = []
    job = 0
    for minute in minutes.tolist():
        free = fleet.free
        while free and job < jobs:
            begin = max(arrivals[job], free[0])
            if begin >= minute:
                break
            end = begin + times[job]
            started[job], finished[job] = begin, end
            heapq.heapreplace(free, end)
            job += 1
        came = int(np.searchsorted(arrived, minute, side="right"))
        # AWS counts what is being painted into the backlog.
        backlog = came - int(np.count_nonzero(finished[:came] <= minute))
        running = fleet.running(minute)
        seen.append((backlog, running, fleet.size))
        change = scaling.change(minute, backlog, running, fleet.size)
        if change > 0:
            fleet.add(minute, endpoint.start.drawn(random, change), until)
        elif change < 0:
            fleet.remove(minute, -change, until)
    backlogs, runnings, wanteds = (np.array(column, dtype=np.int64) for column in zip(*seen, strict=True))
    return Run(arrived, started, finished, minutes, backlogs, runnings, wanteds, fleet.billed)


@dataclass
class _Scaling:
    """Target tracking on the backlog for each instance, and steps from none, to fewer and to none; once a minute."""

    endpoint: Endpoint
    above: int = 0
    below: int = 0
    spare: int = 0
    idle: int = 0
    last_out: float = -math.inf
    last_in: float = -math.inf
    last_step: float = -math.inf

    def change(self, now: float, backlog: int, running: int, wanted: int) -> int:
        """How many instances to send for, or to let go (negative)."""
        rules = self.endpoint
        if running == 0:
            # A backlog for each instance cannot be told where there is none, so only the step can act.
            self.above = self.below = self.spare = self.idle = 0
            may = now - self.last_step >= rules.from_zero_cooldown and wanted < rules.most
            if backlog == 0 or not may or (rules.one_change_at_a_time and wanted > 0):
                return 0
            self.last_step = now
            return 1
        each = backlog / running
        self.above = self.above + 1 if each > rules.backlog_per_instance else 0
        self.below = self.below + 1 if each < rules.low_share * rules.backlog_per_instance else 0
        # One instance with a job is never one too many.
        spare = each < rules.spare_below and (running > 1 or backlog == 0)
        self.spare = self.spare + 1 if spare else 0
        self.idle = self.idle + 1 if backlog == 0 else 0
        if rules.one_change_at_a_time and wanted != running:
            return 0
        aim = math.ceil(running * each / rules.backlog_per_instance)
        if self.above >= rules.minutes_above and now - self.last_out >= rules.scale_out_cooldown:
            more = min(aim, rules.most) - wanted
            if more > 0:
                self.last_out = now
                return more
        if not rules.tracks_in:
            return -self._spared(now, wanted)
        since = min(now - self.last_in, now - self.last_out)
        if self.below >= rules.minutes_below and since >= rules.scale_in_cooldown:
            fewer = min(wanted - max(aim, rules.least), math.ceil(wanted * rules.scale_in_share))
            if fewer > 0:
                self.last_in = now
                return -fewer
        return 0

    def _spared(self, now: float, wanted: int) -> int:
        """How many the steps let go: all after idle minutes, else a share of several, but never under MIN."""
        rules = self.endpoint
        if self.idle >= rules.idle_minutes:
            return wanted - rules.least
        if self.spare < rules.spare_minutes or now - self.last_in < rules.shrink_cooldown:
            return 0
        fewer = min(max(1, int(wanted * rules.shrink_share)), wanted - rules.least)
        if fewer > 0:
            self.last_in = now
        return max(0, fewer)
