"""Jobs never disturb one another, however their calls are interleaved, by one thread or eight."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.exchange.mock_application import MockApplication
from outpaint.mocks.world.world import World
from outpaint.mocks.world.worlds import Worlds

JOBS = 200
TROUBLE = ("error(internal)", "error(unavailable)", "gateway(502)", "gateway(504)", "wrong_shape")


@dataclass(frozen=True)
class Plan:
    """A scenario, and what each poll of its job must be answered: status and word."""

    scenario: str
    expected: tuple[tuple[int, str], ...]


PROCESSING, SUCCESS, FAILED = (202, "processing"), (200, "success"), (200, "error")
MET = {
    "error(internal)": (500, "internal"),
    "error(unavailable)": (503, "unavailable"),
    "gateway(502)": (502, "page"),
    "gateway(504)": (504, "page"),
    "wrong_shape": (202, "strange"),
}


def after(n: int, end: tuple[int, str]) -> tuple[tuple[int, str], ...]:
    return (*(PROCESSING,) * n, end, end)


polls = st.integers(0, 5)
steps = st.lists(st.sampled_from(("processing", *TROUBLE)), max_size=5)
ends = st.sampled_from((("success", SUCCESS), ("fail", FAILED), ("fail(timed_out)", FAILED)))
plans = st.one_of(
    st.just(Plan("immediate", (SUCCESS, SUCCESS))),
    polls.map(lambda n: Plan(f"polls({n})", after(n, SUCCESS))),
    polls.map(lambda n: Plan(f"polls({n}); duplicate_completion", after(n, SUCCESS))),
    polls.map(lambda n: Plan(f"fail_after_polls({n})", after(n, FAILED))),
    st.just(Plan("manual", (PROCESSING,) * 4)),
    st.just(Plan("lost_completion", (PROCESSING,) * 4)),
    st.just(Plan("error(internal, on=poll, times=2)", (MET["error(internal)"],) * 2 + (SUCCESS,) * 2)),
    st.tuples(steps, ends).map(
        lambda drawn: Plan(
            f"sequence({', '.join((*drawn[0], drawn[1][0]))})",
            (*(MET.get(step, PROCESSING) for step in drawn[0]), drawn[1][1], drawn[1][1]),
        )
    ),
)


def seen(answer: Any) -> tuple[int, str]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return answer.status, "page"
    if "inference_id" not in body and "error_code" not in body:
        return answer.status, "strange"
    return answer.status, body["error_code"] if answer.status >= 400 else body["status"]


def generous() -> World:
    return World("w", settings=ServiceSettings(rate_limit=10**9, credits_per_image=0))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(drawn=st.lists(plans, min_size=1, max_size=8), seed=st.integers(0, 2**32))
def test_two_hundred_interleaved_jobs_each_follow_their_own_plan(
    caller: Callable[..., Any], drawn: list[Plan], seed: int
) -> None:
    chance = random.Random(seed)
    api = caller(generous())
    jobs = [chance.choice(drawn) for _ in range(JOBS)]
    ids = [api.job(headers=(("x-mock-scenario", plan.scenario),)) for plan in jobs]
    order = [number for number, plan in enumerate(jobs) for _ in plan.expected]
    chance.shuffle(order)
    answers: list[list[tuple[int, str]]] = [[] for _ in jobs]
    for number in order:
        answers[number].append(seen(api.poll(ids[number])))
    assert [tuple(got) for got in answers] == [plan.expected for plan in jobs]


def follow(api: Any, jobs: list[Plan], seed: int) -> list[list[tuple[int, str]]]:
    """Submit and poll these jobs, interleaved in an order of the seed's."""
    chance = random.Random(seed)
    ids = [api.job(headers=(("x-mock-scenario", plan.scenario),)) for plan in jobs]
    order = [number for number, plan in enumerate(jobs) for _ in plan.expected]
    chance.shuffle(order)
    answers: list[list[tuple[int, str]]] = [[] for _ in jobs]
    for number in order:
        answers[number].append(seen(api.poll(ids[number])))
    return answers


@pytest.mark.parametrize("shared", [True, False], ids=["one world", "a world each"])
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(drawn=st.lists(plans, min_size=4, max_size=12), seed=st.integers(0, 2**32))
def test_eight_threads_do_not_disturb_each_others_jobs(
    caller: Callable[..., Any], shared: bool, drawn: list[Plan], seed: int
) -> None:
    chance = random.Random(seed)
    jobs = [[chance.choice(drawn) for _ in range(JOBS // 8)] for _ in range(8)]
    worlds = Worlds(lambda name: generous())
    apis = [caller(worlds, prefix="/t/one" if shared else f"/t/w{number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(follow, apis, jobs, range(seed, seed + 8)))
    assert [[tuple(got) for got in each] for each in answers] == [[plan.expected for plan in each] for each in jobs]


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_run_repeats_byte_for_byte(caller: Callable[..., Any], data: st.DataObject) -> None:
    scenarios = data.draw(st.lists(plans.map(lambda plan: plan.scenario), min_size=1, max_size=6))
    slow = "latency(lognormal, median=0.2, sigma=0.5, on=any)"

    def run() -> list[Any]:
        world = World(seed=5)
        world.scenarios.always(slow)
        api = caller(world)
        answers: list[Any] = []
        for text in scenarios:
            answers.append(api.submit(headers=(("x-mock-scenario", text),)))
            inference_id = json.loads(answers[-1].body)["inference_id"]
            answers += [api.poll(inference_id) for _ in range(4)]
            done = json.loads(answers[-1].body) if answers[-1].status == 200 else {}
            answers += [api.get(picture["url"], key="") for picture in done.get("data", ())]
            world.clock.advance(3)
        return answers

    assert run() == run()


def test_a_seed_changes_ids_and_nothing_else(caller: Callable[..., Any]) -> None:
    one, other = (caller(World(seed=seed)) for seed in (1, 2))
    assert one.job() != other.job()
    assert one.balance() == other.balance()


def test_an_application_of_one_world_needs_no_names(world: World) -> None:
    from outpaint.functions.http.messages import RequestHead

    application = MockApplication(world)
    head = RequestHead("GET", "/health")
    assert application.open(head).world is world
    assert application.respond(head).status == 200
