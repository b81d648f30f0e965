"""Simulates the deployed service under load, and writes what came out into docs/scale.md: `make scale`.

python bench/scale              every scenario, its tables and plots
python bench/scale --measure    the processor time of the functions' handlers on this machine, and nothing else
python bench/scale --sweep      a sweep over 5,000 and over 50,000 open jobs on this machine: `make bench-sweep`
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from report import machine, table

from scale import scenarios
from scale.parameters import Prices, Quotas, Serverless
from scale.scenarios import HOUR, Outcome

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "scale.md"
IMAGES = ROOT / "docs" / "images"


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--measure", action="store_true", help="only measure the handlers, on this machine")
    parser.add_argument("--sweep", action="store_true", help="only measure the sweep, on this machine")
    options = parser.parse_args()
    if options.sweep:
        print(machine())
        for number in (5_000, 50_000):
            print(swept(number))
        return
    if options.measure:
        from scale.measure import handlers

        print(machine())
        for name, (seconds, size) in handlers().items():
            print(
                f"{name:<8}{seconds * 1000:6.1f} ms of a processor" + (f", {size:,} bytes of pictures" if size else "")
            )
        return
    from scale import plots

    tables: dict[str, str] = {}
    for name, make in (("burst", _burst), ("day", _day), ("policies", _policies), ("account", _account)):
        print(f"{name} ...", file=sys.stderr)
        tables[name] = make(plots)
    print("rates ...", file=sys.stderr)
    tables["rates"] = rates_table()
    found = scenarios.demands()
    plots.limits(IMAGES / "scale-limits.svg", found, Quotas())
    tables["limits"] = limits_table(found)
    tables["index"] = index_table()
    tables["cold"] = cold_table()
    tables["serverless"] = serverless_table()
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")


def swept(number: int) -> str:
    """What a sweep over so many jobs takes, in a line."""
    from scale import sweep

    spent = sweep.measure(number)
    share = Serverless().sweep_share
    rate = spent.in_lambda(share, sweep.SWEEP_THREADS, Serverless())
    return (
        f"{number:>7,} open jobs: {spent.cpu / number * 1000:.2f} ms of a processor each, {spent.wall:.0f} s here, "
        f"at most {spent.peak_mib:.0f} MiB; in Lambda some {rate:.0f} jobs a second"
    )


def written(page: str, tables: dict[str, str]) -> str:
    """The page with each table between its markers made anew."""
    for name, made in tables.items():
        page, found = re.subn(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda match, made=made: f"{match[1]}{made}\n{match[2]}",
            page,
            flags=re.DOTALL,
        )
        if found != 1:
            raise SystemExit(f"{PAGE.name} needs the markers <!-- {name} --> and <!-- /{name} --> once")
    return page


def _burst(plots: object) -> str:
    found = scenarios.burst()
    plots.over_time(IMAGES / "scale-burst.svg", found, 60.0, "minutes", 36)  # type: ignore[attr-defined]
    return outcomes_table("instances", found)


def _day(plots: object) -> str:
    found = scenarios.day()
    plots.over_time(IMAGES / "scale-day.svg", found, HOUR, "hour of the day", 24)  # type: ignore[attr-defined]
    return outcomes_table("instances", found)


def _policies(plots: object) -> str:
    found = scenarios.policies()
    plots.scaling_in(IMAGES / "scale-in.svg", found, 40)  # type: ignore[attr-defined]
    return outcomes_table("what is let go", found)


def _account(plots: object) -> str:
    found = scenarios.account()
    plots.one_account(IMAGES / "scale-account.svg", found)  # type: ignore[attr-defined]
    rows = []
    for held, each in found.items():
        good = max((rate for rate, refused, *_ in each if refused <= 0.001), default=0.0)
        rows.append([f"{held * 1000:.0f} ms", f"{good:g}", f"{1 / held:,.0f}"])
    return table(["item held for", "submits a second with at most 0.1 % refused", "one after the other"], rows)


def outcomes_table(what: str, outcomes: list[Outcome]) -> str:
    """Percentiles, backlog, instances and cost of each."""
    rows = []
    for each in outcomes:
        p50, p95, p99 = each.percentiles()
        run = each.run
        rows.append(
            [
                each.name,
                *(said(seconds) for seconds in (p50, p95, p99)),
                f"{run.backlog.max():,}",
                f"{run.running.mean():.1f} / {run.running.max()}",
                f"${each.instance_cost:,.2f}",
            ]
        )
    return table([what, "p50", "p95", "p99", "highest backlog", "mean / most instances", "per 1,000 pictures"], rows)


def rates_table() -> str:
    """Each steady rate for a slow and a quick painter."""
    rows = []
    hourly = Prices().instance_hour["ml.g5.xlarge"]
    for seconds in (10.0, 0.57):
        for each in scenarios.rates(seconds, hourly=hourly):
            ways = [each.kept.percentiles(), each.scaled.percentiles()]
            rows.append(
                [
                    f"{seconds:g} s",
                    f"{each.jobs:g}",
                    f"{each.busy:,.1f}",
                    *(said(value) for way in ways for value in way[:2]),
                    f"{each.kept.instance_cost / hourly:,.2f}",
                    f"{each.scaled.instance_cost / hourly:,.2f}",
                ]
            )
    titles = ["a picture takes", "jobs a second", "instances busy", "p50, kept", "p95, kept"]
    titles += ["p50, scaled", "p95, scaled", "hours per 1,000 pictures, kept", "scaled"]
    return table(titles, rows)


def said(seconds: float) -> str:
    """Seconds, or that the run was over before."""
    return f"{seconds:,.0f} s" if seconds < float("inf") else "over"


def limits_table(found: dict[str, list[tuple[float, scenarios.Demand]]]) -> str:
    """What 1,000 submits a second need, and where each default ends."""
    rows = []
    quotas = Quotas()
    for name, each in found.items():
        rate, last = each[-1]
        for_one = [(last.requests / rate, quotas.stage_requests), (last.requests / rate, quotas.gateway_requests)]
        for_one.append((last.concurrency / rate, quotas.lambda_concurrency))
        for_one.append((last.table_writes / rate, quotas.table_writes))
        ends = [f"{allowed / one:,.0f}" for one, allowed in for_one]
        rows.append([name, f"{last.requests:,.0f}", f"{last.concurrency:,.0f}", f"{last.writes:,.0f}", *ends])
    titles = ["pictures are", "requests/s", "functions at a time", "write units/s"]
    ends = ["stage (1,000/s) ends at", "API Gateway (10,000/s) at", "Lambda (1,000) at", "a new table (4,000/s) at"]
    return table([*titles, *(f"{end}, submits/s" for end in ends)], rows)


def index_table() -> str:
    """How many submits a second the index of unended jobs takes, by the partitions that it has."""
    rows = []
    for partitions, found in scenarios.index_limits().items():
        median, few = np.percentile(found, [50, 1], method="lower")
        rows.append([f"{partitions}", f"{median:,.0f}", f"{few:,.0f}"])
    return table(["partitions of the index", "submits/s, mostly", "where the shards lie badly (1 of 100)"], rows)


def cold_table() -> str:
    """How many submits find no warm function."""
    rows = [[name, f"{100 * share:.2g} %", f"{number:,}"] for name, share, number in scenarios.cold_shares()]
    return table(["submits", "that start a function", "functions started"], rows)


def serverless_table() -> str:
    """Dollars for 1,000 jobs by service."""
    found = scenarios.serverless_costs()
    names = list(next(iter(found.values())))
    rows = [
        [f"{polls:g}", *(f"{costs[name]:.4f}" for name in names), f"{sum(costs.values()):.3f}"]
        for polls, costs in found.items()
    ]
    return table(["polls a job", *names, "$ per 1,000 jobs"], rows)


if __name__ == "__main__":
    main()
