"""The simulation behind docs/scale.md keeps the laws that every queue keeps, and template.yaml's numbers."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "bench"))

from scale import around, arrivals, scenarios  # noqa: E402
from scale.parameters import Endpoint, Latency, Painting, Quotas, Serverless  # noqa: E402
from scale.queueing import Run, simulate  # noqa: E402

HOUR = 3600.0


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as nothing: only plain numbers are looked at."""


Loader.add_multi_constructor("!", lambda *_: None)


def random(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def erlang_c(servers: int, load: float) -> float:
    """The share of jobs that wait in M/M/c, by the recursion for Erlang's formulas."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    busy = load / servers
    return blocked / (1 - busy + busy * blocked)


def in_system(run: Run, at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    came = np.searchsorted(run.arrived, at, side="right")
    gone = np.searchsorted(np.sort(run.finished), at, side="right")
    return came - gone


@given(
    seed=st.integers(0, 2**32 - 1),
    rate=st.floats(0.001, 0.5),
    most=st.integers(1, 6),
    least=st.integers(0, 2),
    target=st.floats(1, 8),
    share=st.sampled_from([0.1, 0.5, 1.0]),
    tracks_in=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_job_is_lost_or_overtaken_and_no_instance_does_two(
    seed: int, rate: float, most: int, least: int, target: float, share: float, tracks_in: bool
) -> None:
    endpoint = Endpoint(
        most=most,
        least=min(least, most),
        backlog_per_instance=target,
        tracks_in=tracks_in,
        scale_in_share=share,
        shrink_share=share,
    )
    arrived = arrivals.poisson(random(seed), rate, 3 * HOUR)
    run = simulate(random(seed), arrived, Painting(), endpoint, 6 * HOUR)
    begun = np.isfinite(run.started)
    assert np.all(run.started[begun] >= run.arrived[begun])
    assert np.all(run.finished[begun] > run.started[begun])
    assert np.all(np.diff(run.started[begun]) >= 0), "first come, first served"
    # Whoever has begun came before whoever has not.
    assert not np.any(np.diff(begun.astype(int)) > 0)
    for minute, backlog, wanted in zip(run.minutes, run.backlog, run.wanted, strict=True):
        came, gone = np.count_nonzero(run.arrived <= minute), np.count_nonzero(run.finished <= minute)
        assert backlog == came - gone
        assert min(least, most) <= wanted <= most
    # Instances paint one job at a time, and work that is done was paid for.
    events = np.concatenate([run.started[begun], run.finished[begun]])
    steps = np.concatenate([np.ones(begun.sum()), -np.ones(begun.sum())])
    order = np.lexsort((steps, events))
    assert np.max(np.cumsum(steps[order]), initial=0) <= most
    done = np.minimum(run.finished[begun], 6 * HOUR) - np.minimum(run.started[begun], 6 * HOUR)
    assert run.billed >= done.sum() - 1e-6


def test_littles_law() -> None:
    painting = Painting(pictures=1, seconds_per_picture=9.0)
    arrived = arrivals.poisson(random(2), 1.0, 20 * HOUR)
    run = simulate(random(2), arrived, painting, Endpoint(most=10, least=10), 21 * HOUR)
    moments = random(3).uniform(0, 20 * HOUR, 200_000)
    mean_number = in_system(run, moments).mean()
    rate = len(arrived) / (20 * HOUR)
    assert mean_number == pytest.approx(rate * (run.finished - run.arrived).mean(), rel=0.02)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.7), (5, 4.0), (40, 36.0)])
def test_waits_are_those_that_erlang_found(monkeypatch: pytest.MonkeyPatch, servers: int, load: float) -> None:
    """With exponential times and a fixed number of instances it is M/M/c, whose mean wait is known."""
    generator = random(4)
    monkeypatch.setattr(np, "exp", lambda drawn: generator.exponential(1.0, len(drawn)))
    painting = Painting(pictures=1, seconds_per_picture=10.0)
    seconds = 150_000 * 10.0 / load
    arrived = arrivals.poisson(random(5), load / 10.0, seconds)
    run = simulate(random(6), arrived, painting, Endpoint(most=servers, least=servers), seconds)
    expected = erlang_c(servers, load) * 10.0 / (servers - load)
    assert run.waited.mean() == pytest.approx(expected, rel=0.08)


def test_a_queue_that_is_too_slow_grows_by_what_is_left_over() -> None:
    arrived = arrivals.poisson(random(7), 0.5, 2 * HOUR)
    run = simulate(random(7), arrived, Painting(), Endpoint(most=2, least=2), 2 * HOUR)
    assert run.backlog[-1] == pytest.approx((0.5 - 2 / 20) * 2 * HOUR, rel=0.05)


def test_it_scales_to_none_after_its_idle_time_and_then_costs_nothing() -> None:
    arrived = np.sort(random(8).uniform(0, 600, 100))
    short, long = (simulate(random(8), arrived, Painting(), Endpoint(most=4), hours * HOUR) for hours in (6, 60))
    assert short.running[-1] == 0
    # Fifteen minutes of a low backlog, the cooldown, and once more for what a first step left.
    last = short.finished.max()
    gone = short.minutes[np.flatnonzero(short.wanted)[-1]]
    assert last < gone <= last + 2 * (15 * 60 + 600) + 60
    assert long.billed == pytest.approx(short.billed)


def test_nothing_asked_for_costs_nothing_and_a_kept_instance_costs_its_time() -> None:
    nothing = np.array([])
    assert simulate(random(), nothing, Painting(), Endpoint(), 24 * HOUR).billed == 0
    assert simulate(random(), nothing, Painting(), Endpoint(least=1), 24 * HOUR).billed == 24 * HOUR


def test_the_first_job_waits_for_an_instance_to_start() -> None:
    run = simulate(random(), np.array([30.0]), Painting(), Endpoint(start=Latency(300.0, 300.0)), HOUR)
    assert run.started[0] == pytest.approx(60 + 300), "noticed at the next minute, started after five"


def test_instances_that_are_spare_go_and_those_that_are_busy_stay() -> None:
    arrived = arrivals.poisson(random(8), 10.0, 4 * HOUR)
    run = simulate(random(8), arrived, Painting(seconds_per_picture=2.0), Endpoint(most=200), 4 * HOUR, 200)
    settled = run.wanted[run.minutes > 2 * HOUR]
    assert 40 < settled.min() <= settled.max() < 40 / 0.75 + 2, "40 are busy, and a quarter more are too many"
    assert np.all(np.diff(run.wanted) <= 0), "none is sent for again"


def test_the_parameters_are_the_templates() -> None:
    template = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), Loader)
    resources, parameters, ours = template["Resources"], template["Parameters"], Endpoint()
    tracking = resources["AsyncByBacklog"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    assert ours.backlog_per_instance == parameters["BacklogPerInstance"]["Default"]
    assert ours.most == parameters["MaxInstances"]["Default"]
    assert ours.least == resources["AsyncTarget"]["Properties"]["MinCapacity"]
    assert ours.scale_out_cooldown == tracking["ScaleOutCooldown"]
    assert ours.tracks_in is not tracking["DisableScaleIn"]
    shrink = resources["AsyncShrink"]["Properties"]["StepScalingPolicyConfiguration"]
    (change,) = shrink["StepAdjustments"]
    assert (ours.shrink_cooldown, ours.shrink_share) == (shrink["Cooldown"], -change["ScalingAdjustment"] / 100)
    spare, idle = (resources[name]["Properties"] for name in ("AsyncHasSpare", "AsyncIsIdle"))
    assert (ours.spare_below, ours.spare_minutes) == (spare["Threshold"], spare["EvaluationPeriods"])
    assert ours.idle_minutes == idle["EvaluationPeriods"] * idle["Period"] / 60
    step = resources["AsyncFromZero"]["Properties"]["StepScalingPolicyConfiguration"]
    assert ours.from_zero_cooldown == step["Cooldown"]
    alarm = resources["AsyncHasNobody"]["Properties"]
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 60
    around_ = Serverless()
    assert around_.sweep_share == pytest.approx(resources["SweeperFunction"]["Properties"]["MemorySize"] / 1769)
    assert around_.sync_wait == parameters["SyncWait"]["Default"]
    assert around_.api_share == pytest.approx(parameters["MemorySize"]["Default"] / 1769)
    assert around_.completion_share == pytest.approx(resources["CompletionFunction"]["Properties"]["MemorySize"] / 1769)
    (settings_,) = resources["RestApi"]["Properties"]["MethodSettings"]
    assert Quotas().stage_requests == settings_["ThrottlingRateLimit"]


def test_calls_are_those_that_the_services_own_tests_count() -> None:
    assert (len(around.SUBMIT_CALLS), len(around.POLL_CALLS)) == (8, 3)
    assert sorted(set(around.SUBMIT_CALLS)) == ["invoke_async", "put_object", "read", "transaction", "write"]


def test_latencies_have_the_quantiles_that_they_say() -> None:
    times = Latency(0.01, 0.05).drawn(random(9), 400_000)
    assert np.median(times) == pytest.approx(0.01, rel=0.01)
    assert np.percentile(times, 99) == pytest.approx(0.05, rel=0.02)


def test_a_client_sees_its_picture_within_a_poll_of_its_end() -> None:
    there = np.full(10_000, 7.0)
    seen = around.time_to_picture(random(10), np.arange(10_000.0), there, Serverless())
    assert np.all(seen > 7.0)
    assert seen.mean() < 7.0 + 1.5 + 2.0


def test_a_function_starts_cold_when_none_is_warm() -> None:
    def cold(*arrived: float) -> list[bool]:
        return around.cold_starts(np.array(arrived), busy=1.0, idle=100.0).tolist()

    assert cold(0.0, 2.0, 50.0, 150.0) == [True, False, False, False], "one after the other"
    assert cold(0.0, 0.5, 2.0, 2.5) == [True, True, False, False], "two at a time, then the same two"
    assert cold(0.0, 101.5, 203.0) == [True, True, True], "too far apart"
    many = around.cold_starts(arrivals.poisson(random(14), 20.0, HOUR), 0.5, 420.0)
    assert 10 <= many.sum() < 40, "as many as there are ever at a time, about ten on average"


def test_an_index_takes_no_more_than_its_partitions_do_and_no_less_than_one() -> None:
    quotas = Quotas()
    for partitions in (1, 4, 40):
        found = around.index_submits(random(15), partitions, quotas, 2_000)
        assert found.min() >= quotas.partition_writes / 2, "two writes for each submit"
        assert found.max() <= min(partitions, 8) * quotas.partition_writes / 2
    assert np.all(around.index_submits(random(15), 1, quotas, 100) == 500)


def test_what_is_asked_of_functions_is_littles_law_too() -> None:
    waiting = around.demand(random(11), 10.0, 60.0, Serverless(), sync=True)
    assert waiting.concurrency == pytest.approx(10 * 24, rel=0.1)
    polling = around.demand(random(11), 10.0, 60.0, Serverless(), sync=False)
    assert polling.requests == 10 * 31


def test_one_account_alone_is_never_refused_and_a_flood_is_bounded_by_the_time_its_item_is_held() -> None:
    calm = around.submits_of_one_account(random(12), 1.0, 600.0, 0.01)
    assert calm.refused == 0
    assert calm.tries == pytest.approx(1.0, abs=0.05)
    flood = around.submits_of_one_account(random(12), 500.0, 60.0, 0.01)
    assert len(flood.seconds) / 60.0 <= 1 / 0.01
    assert flood.refused > 0.5


def test_a_day_has_its_mean_and_its_swing() -> None:
    times = arrivals.day(random(13), 1.0)
    assert len(times) == pytest.approx(86_400, rel=0.02)
    hours = np.histogram(times, 24, (0, 86_400))[0]
    assert hours.argmin() in (3, 4)
    assert hours.argmax() in (15, 16)
    assert np.all(np.diff(times) >= 0)


def test_the_scenarios_are_the_same_every_time() -> None:
    first, again = scenarios.burst(), scenarios.burst()
    assert [each.percentiles() for each in first] == [each.percentiles() for each in again]
    more = first[1]
    assert more.percentiles()[1] < first[0].percentiles()[1], "eight instances are quicker than two"
    assert not any(math.isnan(value) for value in more.percentiles())


def test_the_pages_plots_and_tables_are_there() -> None:
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    for name in ("burst", "day", "policies", "account", "rates", "limits", "index", "cold", "serverless"):
        table = page.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- /{name} -->")[0]
        assert table.count("\n") >= 4, f"run `make scale` and commit docs/scale.md: {name}"
    rows = page.partition("<!-- burst -->")[2].partition("<!-- /burst -->")[0]
    p50 = [f"{each.percentiles()[0]:,.0f} s" for each in scenarios.burst()]
    assert all(value in rows for value in p50), "run `make scale`: the page's numbers are not the simulation's"
