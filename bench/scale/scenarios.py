"""The runs that docs/scale.md shows; each is seeded, so the same numbers come out every time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from . import arrivals
from .around import Demand, cold_starts, cost, demand, handler, index_submits, submits_of_one_account, time_to_picture
from .arrivals import Times
from .parameters import Endpoint, Painting, Prices, Quotas, Serverless
from .queueing import Run, simulate

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass
class Outcome:
    """A run, its clients' seconds to the picture, and what its instances cost for 1,000 pictures.

    Of the jobs that were looked at, infinite for one that had not ended when the run was over.
    """

    name: str
    run: Run
    seconds: Times
    instance_cost: float

    def percentiles(self) -> tuple[float, float, float]:
        """p50, p95 and p99 of the seconds."""
        if len(self.seconds) == 0:
            return math.nan, math.nan, math.nan
        p50, p95, p99 = np.percentile(self.seconds, [50, 95, 99], method="lower")
        return float(p50), float(p95), float(p99)


def outcome(
    name: str,
    arrived: Times,
    painting: Painting,
    endpoint: Endpoint,
    until: float,
    *,
    seed: int,
    hourly: float,
    at_first: int = 0,
    since: float = 0.0,
    tail: float = 0.0,
) -> Outcome:
    """Simulate, and look at the jobs that came after `since` and not within the last `tail` seconds."""
    random = np.random.default_rng(seed)
    run = simulate(random, arrived, painting, endpoint, until, at_first)
    counted = (run.arrived >= since) & (run.arrived <= until - tail)
    ended = run.finished[counted] <= until
    at_endpoint = run.finished[counted] - run.arrived[counted]
    seconds = time_to_picture(random, run.arrived[counted], at_endpoint, Serverless())
    seconds[~ended] = math.inf
    pictures = max(1, int(np.count_nonzero(np.isfinite(run.finished)))) * painting.pictures
    return Outcome(name, run, seconds, 1000 * run.billed / HOUR * hourly / pictures)


def burst() -> list[Outcome]:
    """Half a job a second for ten minutes, out of nothing: the template's two instances, and eight."""
    arrived = arrivals.burst(np.random.default_rng(1), 0.01, 0.5, 10 * 60, 10 * 60, 3 * HOUR)
    hourly = Prices().instance_hour["ml.g5.xlarge"]
    return [
        outcome(f"at most {most}", arrived, Painting(), Endpoint(most=most), 3 * HOUR, seed=2, hourly=hourly)
        for most in (2, 8)
    ]


def day() -> list[Outcome]:
    """A day of 0.05 jobs a second on average, 0.005 at night: down to no instance, and down to one."""
    arrived = arrivals.day(np.random.default_rng(3), 0.05)
    hourly = Prices().instance_hour["ml.g5.xlarge"]
    return [
        outcome(f"{least} to 8", arrived, Painting(), Endpoint(most=8, least=least), DAY, seed=4, hourly=hourly)
        for least in (0, 1)
    ]


@dataclass
class Rate:
    """A steady rate of jobs: as the template scales, and with a tenth more than what just keeps up always there."""

    jobs: float
    busy: float
    scaled: Outcome
    kept: Outcome


def rates(seconds_per_picture: float, *, hourly: float) -> list[Rate]:
    """Steady rates up to 1,000 jobs a second, with no quota on instances, from warm; the first third does not count."""
    found = []
    painting = Painting(seconds_per_picture=seconds_per_picture)
    for jobs in (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0):
        busy = jobs * painting.pictures * painting.seconds_per_picture
        enough = math.ceil(busy * 1.1)
        until = {100.0: 1.5, 1000.0: 0.75}.get(jobs, 6.0) * HOUR
        arrived = arrivals.poisson(np.random.default_rng(5), jobs, until)
        scaled, kept = (
            outcome(
                f"{jobs:g}/s", arrived, painting, Endpoint(most=max(2, enough * 3), least=least), until,
                seed=6, hourly=hourly, at_first=enough, since=until / 3, tail=900.0,
            )
            for least in (0, enough)
        )  # fmt: skip
        found.append(Rate(jobs, busy, scaled, kept))
    return found


def account() -> dict[float, list[tuple[float, float, float, float]]]:
    """For each time that a transaction holds the item: rate, share refused, tries each, and p99 seconds."""
    found = {}
    for held in (0.005, 0.010, 0.020):
        rows = []
        for rate in (5, 10, 20, 30, 40, 60, 80, 100, 150, 200):
            ledger = submits_of_one_account(np.random.default_rng(7), rate, 120.0, held)
            p99 = float(np.percentile(ledger.seconds, 99)) if len(ledger.seconds) else math.nan
            rows.append((float(rate), ledger.refused, ledger.tries, p99))
        found[held] = rows
    return found


def demands() -> dict[str, list[tuple[float, Demand]]]:
    """What rates ask of functions and front door, by how long a picture takes and whether clients wait or poll."""
    found = {}
    for name, seconds, sync in (
        ("waited for, 5 s", 5.0, True),
        ("waited for, 60 s", 60.0, True),
        ("polled for, 5 s", 5.0, False),
        ("polled for, 60 s", 60.0, False),
    ):
        found[name] = [
            (rate, demand(np.random.default_rng(8), rate, seconds, Serverless(), sync=sync))
            for rate in np.geomspace(1, 1000, 13).tolist()
        ]
    return found


def policies() -> list[Outcome]:
    """Ten jobs a second of 2 s a picture, which keep 40 instances busy: four ways to let instances go."""
    painting = Painting(seconds_per_picture=2.0)
    busy = 10 * painting.pictures * 2
    arrived = arrivals.poisson(np.random.default_rng(9), 10.0, 3 * HOUR)
    hourly = Prices().instance_hour["ml.g5.xlarge"]
    ways = {
        "target tracking, all that its formula spares": Endpoint(most=200, tracks_in=True),
        "target tracking, a tenth at a time": Endpoint(most=200, tracks_in=True, scale_in_share=0.1),
        "the template's steps": Endpoint(most=200),
        "never under 44 (`endpoint scale 44 200`)": Endpoint(most=200, least=44),
    }
    return [
        outcome(name, arrived, painting, way, 3 * HOUR, seed=10, hourly=hourly, at_first=math.ceil(busy * 1.1))
        for name, way in ways.items()
    ]


def cold_shares() -> list[tuple[str, float, int]]:
    """The share of submits that start a function, and how many do, for steady rates and for a burst."""
    random, around = np.random.default_rng(11), Serverless()
    busy = float(handler(random, "submit", around, 4000).mean())
    loads = {f"{rate:g} a second": arrivals.poisson(random, rate, 3 * HOUR) for rate in (0.001, 0.01, 0.1, 1.0, 10.0)}
    loads["1 a second, then 100 for a minute"] = arrivals.burst(random, 1.0, 100.0, 600.0, 60.0, 1200.0)
    found = []
    for name, arrived in loads.items():
        cold = cold_starts(arrived, busy, around.kept_warm)
        found.append((name, float(cold.mean()), int(cold.sum())))
    return found


def index_limits() -> dict[int, Times]:
    """What the index of unended jobs takes: new, and warmed to 10,000 and to 40,000 writes a second."""
    quotas = Quotas()
    each = (int(writes / quotas.partition_writes) for writes in (quotas.table_writes, 10_000.0, 40_000.0))
    return {number: index_submits(np.random.default_rng(12), number, quotas) for number in each}


def serverless_costs() -> dict[float, dict[str, float]]:
    """Dollars for 1,000 jobs by service, for jobs that are polled for so often."""
    return {polls: cost(Serverless(), Prices(), polls) for polls in (1.0, 5.0, 30.0)}
