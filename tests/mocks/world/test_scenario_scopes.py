"""Which scenario counts: world, key, prompt, next calls, header, job; and what is refused with nothing changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from outpaint.contracts.errors import ERROR_KINDS, ErrorCode
from outpaint.mocks.scenarios.grammar import ScenarioError
from outpaint.mocks.world.world import World

HEADER = "x-mock-scenario"


def refused(answer: Any) -> str:
    """The code of a refusal, and that it has everything a refusal of the service has."""
    body = json.loads(answer.body)
    code = ErrorCode(body["error_code"])
    assert answer.status == body["code"] == ERROR_KINDS[code].status
    assert body["message"] == ERROR_KINDS[code].message
    for name in (
        "Correlation-Id",
        "Ratelimit-Limit",
        "Ratelimit-Available",
        "Ratelimit-Reset-Time",
        "Credit-Available",
    ):
        assert answer.header(f"X-Picsart-{name}") is not None
    return code.value


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_can_be_had_by_header_key_prompt_and_call(api: Any, world: World, code: ErrorCode) -> None:
    text = f"error({code}, on=submit)"
    assert refused(api.submit(headers=((HEADER, text),))) == code
    world.scenarios.next(text)
    assert refused(api.submit()) == code
    with world.scenarios.always(text):
        assert refused(api.submit()) == code
    assert api.submit().status == 202
    assert api.balance() == 998


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_has_a_magic_key_and_a_magic_prompt(api: Any, world: World, code: ErrorCode) -> None:
    file_only = {ErrorCode.UNKNOWN_FILE, ErrorCode.URL_EXPIRED, ErrorCode.URL_NOT_SIGNED}
    for told in ({"key": f"mock_{code}"}, {"prompt": f"mock_{code} and a lake"}):
        answer = api.submit(mode="sync", **told)
        if code in file_only:
            url = json.loads(answer.body)["data"][0]["url"]
            assert refused(api.get(url, key="")) == code
        elif code is ErrorCode.UNKNOWN_INFERENCE:
            inference_id = json.loads(answer.body)["inference_id"]
            assert refused(api.poll(inference_id, key=told.get("key"))) == code
        else:
            assert refused(answer) == code


def test_a_refusal_by_scenario_charges_nothing_and_makes_no_job(api: Any, world: World) -> None:
    world.scenarios.next("error(internal)", times=3)
    for _ in range(3):
        assert refused(api.submit()) == "internal"
    assert api.balance() == 1000
    assert world.pending == ()
    assert world.calls.submits.last.inference_id is None


def test_figures_fit_the_error_that_a_scenario_asks_for(api: Any, world: World) -> None:
    limited = api.submit(headers=((HEADER, "error(rate_limited)"),))
    assert limited.header("X-Picsart-Ratelimit-Available") == "0"
    assert limited.header("Retry-After") == limited.header("X-Picsart-Ratelimit-Reset-Time") == "60"
    soon = api.submit(headers=((HEADER, "error(rate_limited, retry_after=3)"),))
    assert soon.header("Retry-After") == soon.header("X-Picsart-Ratelimit-Reset-Time") == "3"
    assert api.submit(headers=((HEADER, "error(unavailable, retry_after=9)"),)).header("Retry-After") == "9"
    broke = api.submit(headers=((HEADER, "error(insufficient_credits)"),))
    assert broke.header("X-Picsart-Credit-Available") == "0"


def test_a_problem_document_is_written_for_those_who_ask(api: Any) -> None:
    answer = api.submit(headers=((HEADER, "error(internal)"), ("accept", "application/problem+json")))
    assert answer.header("Content-Type") == "application/problem+json"


def test_the_nearer_scope_wins_and_only_where_it_speaks(api: Any, world: World) -> None:
    world.scenarios.always("polls(5); latency(1)")
    assert api.words(api.job(), 1) == ["processing"]
    inference_id = api.job(key="mock_polls_1")
    assert [json.loads(api.poll(inference_id, key="mock_polls_1").body)["status"] for _ in range(2)] == [
        "processing",
        "success",
    ]
    by_prompt = api.job("mock_polls_3 a lake", key="mock_polls_1")
    assert [json.loads(api.poll(by_prompt, key="mock_polls_1").body)["status"] for _ in range(4)].count(
        "processing"
    ) == 3
    world.scenarios.next("immediate")
    assert api.words(api.job("mock_polls_3 a lake"), 1) == ["success"]
    world.scenarios.next("immediate")
    answer = api.submit("mock_polls_3 a lake", headers=((HEADER, "polls(1)"),))
    assert answer.latency == 1
    assert api.words(json.loads(answer.body)["inference_id"], 2) == ["processing", "success"]


def test_succeed_takes_back_the_trouble_of_wider_scopes(api: Any, world: World) -> None:
    world.scenarios.always("error(internal); latency(2)")
    assert api.submit().status == 500
    answer = api.submit(headers=((HEADER, "succeed"),))
    assert (answer.status, answer.latency) == (202, 2)
    world.scenarios.clear()
    world.scenarios.always("fail; duplicate_completion; expired_url")
    assert api.words(api.job(headers=((HEADER, "succeed"),)), 1) == ["success"]


def test_a_header_counts_for_its_call_and_the_job_it_makes(api: Any) -> None:
    inference_id = api.job(headers=((HEADER, "latency(2, on=poll); cut(9); polls(1); error(internal, on=balance)"),))
    other = api.job()
    assert api.balance() == 996
    assert [api.poll(inference_id).latency for _ in range(2)] == [2, 2]
    assert api.poll(other).latency == 0
    mine, theirs = (json.loads(api.poll(id_).body)["data"][0]["url"] for id_ in (inference_id, other))
    assert len(api.get(mine, key="").body) == 9
    assert len(api.get(theirs, key="").body) > 100


def test_the_next_calls_are_those_that_a_scenario_has_to_do_with(api: Any, world: World) -> None:
    inference_id = api.job()
    world.scenarios.next("polls(1)", times=2)
    world.scenarios.next("error(internal)", on="poll")
    world.scenarios.next("error(unavailable)")
    assert [queued.left for queued in world.scenarios.waiting] == [2, 1, 1]
    assert refused(api.poll(inference_id)) == "internal"
    assert refused(api.poll(inference_id)) == "unavailable"
    assert api.words(inference_id, 1) == ["success"]
    assert api.words(api.job(), 2) == ["processing", "success"]
    assert api.words(api.job(), 2) == ["processing", "success"]
    assert api.words(api.job(), 1) == ["success"]
    assert not world.scenarios.waiting
    world.assert_all_called()


def test_what_was_never_called_is_named(world: World) -> None:
    world.scenarios.next("fail", times=2)
    world.sources.register("https://pictures.example/a.png", status=404)
    with pytest.raises(
        AssertionError,
        match=r"scenario fail\(painting_failed\) \(2 calls left\)\n  source https://pictures.example/a.png",
    ):
        world.assert_all_called()


def test_a_scenario_that_was_set_can_be_taken_back(api: Any, world: World) -> None:
    handle = world.scenarios.always("error(internal)")
    other = world.scenarios.next("error(unavailable)", times=5)
    assert refused(api.submit()) == "unavailable"
    other.remove()
    assert refused(api.submit()) == "internal"
    handle.remove()
    assert api.submit().status == 202


def test_a_worlds_word_on_polls_ends_with_it(api: Any, world: World) -> None:
    with world.scenarios.always("error(internal, on=poll); polls(0)"):
        inference_id = api.job()
        assert api.words(inference_id, 1) == ["internal"]
    assert api.words(inference_id, 1) == ["success"]


def test_a_counted_effect_touches_so_many_calls_of_each_account(api: Any) -> None:
    assert [api.submit(key="mock_flaky").status for _ in range(4)] == [503, 503, 202, 202]
    header = ((HEADER, "error(internal, times=1)"),)
    assert [api.submit(key=key, headers=header).status for key in "aabb"] == [500, 202, 500, 202]


def test_a_counted_effect_of_a_job_is_that_jobs_alone(api: Any) -> None:
    header = ((HEADER, "error(internal, on=poll, times=1)"),)
    one, other = api.job(headers=header), api.job(headers=header)
    assert [api.poll(id_).status for id_ in (one, other, one, other)] == [500, 500, 200, 200]


@pytest.mark.parametrize(
    ("told", "status", "field", "says"),
    [
        ({"headers": ((HEADER, "pols(2)"),)}, 422, "X-Mock-Scenario", "did you mean polls?"),
        ({"headers": ((HEADER, "sequence(processing)"),)}, 422, "X-Mock-Scenario", "ends with success"),
        ({"key": "mock_no_credit"}, 401, "X-Picsart-API-Key", "did you mean mock_no_credits?"),
        ({"prompt": "mock_polls_33 a lake"}, 422, "prompt", "did you mean mock_polls_3?"),
    ],
)
def test_a_word_that_means_nothing_is_refused_and_changes_nothing(
    api: Any, world: World, told: dict[str, Any], status: int, field: str, says: str
) -> None:
    answer = api.submit(**told)
    body = json.loads(answer.body)
    assert (answer.status, body["field"]) == (status, field)
    assert says in body["detail"]
    assert world.pending == ()
    assert api.balance() == 1000


@pytest.mark.parametrize(
    "wrong",
    [
        lambda s: s.next("pols(2)"),
        lambda s: s.next([]),
        lambda s: s.next("fail", times=0),
        lambda s: s.next("fail", times=True),
        lambda s: s.next("fail", on="poll"),
        lambda s: s.next("latency(1)", on="polls"),
        lambda s: s.always("polls(1); time(2)"),
        lambda s: s.always("sequence(success, success)"),
        lambda s: s.job("nothing", "fail"),
        lambda s: s.job("nothing", "cut(3)"),
    ],
)
def test_a_scenario_that_cannot_be_changes_nothing(world: World, wrong: Any) -> None:
    with pytest.raises(ScenarioError):
        wrong(world.scenarios)
    assert not world.scenarios.lasting
    assert not world.scenarios.waiting


def test_a_call_without_a_key_is_refused_as_ever(api: Any, world: World) -> None:
    world.scenarios.always("latency(1)")
    assert refused(api.submit(key="")) == "missing_key"


def test_a_world_may_know_listed_keys_only(caller: Any) -> None:
    api = caller(World(keys={"mine": 7}))
    assert api.balance(key="mine") == 7
    assert refused(api.submit(key="another")) == "unknown_key"
    assert refused(api.submit(key="mock_painting_failed", mode="sync")) == "painting_failed"


def test_a_page_in_a_browser_may_send_the_header(api: Any) -> None:
    from outpaint.functions.http.messages import RequestHead

    answer = api.application.respond(RequestHead("OPTIONS", "/v1/painting/outpaint"))
    assert answer.status == 204
    assert "X-Mock-Scenario" in answer.header("Access-Control-Allow-Headers")
