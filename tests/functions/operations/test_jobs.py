"""`outpaint jobs` says and does the same, wherever the jobs lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aws_answers import manifest

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.inference import InferenceFailure
from outpaint.contracts.job_states import JobState
from outpaint.contracts.storage_names import answer_prefix, outcome_name
from outpaint.functions.adapters.clock_and_ids import SystemClock
from outpaint.functions.service import settle
from outpaint.functions.service.records import Claim, Job, StoredPicture
from outpaint.functions.service.service import Service

Run = Callable[..., tuple[int, str, str]]
NOW = 2_000_000_000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is `NOW`, wherever that is looked up."""
    monkeypatch.setattr(SystemClock, "now", lambda self: NOW)


@pytest.fixture
def served(place: Any) -> Any:
    """A place with an account `ann` of 20 credits."""
    place.opened().keys.add_key("Ann", "d" * 64, 20, NOW, "ann")
    return place


def store(place: Any, job: Job, state: JobState = JobState.ACCEPTED, claim: bool = False) -> Job:
    jobs = place.opened().service.jobs
    held = None
    if claim:
        assert job.idempotency_key is not None
        held = Claim("ann", job.idempotency_key, "f", job.id, NOW, NOW + 1000)
    jobs.create(job, held, NOW)
    if state is not JobState.ACCEPTED:
        failure = None
        if state is JobState.FAILED:
            failure = InferenceFailure(inference_id=job.id, error_code=ErrorCode.PAINTING_FAILED, detail="it broke")
        assert jobs.move(job.id, state, failure=failure)
    return job


def credits_left(place: Any) -> int:
    return int(place.opened().keys.account_named("Ann").credits)


def ids(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()[1:]]


def test_are_listed_newest_first_and_bounded(run: Run, served: Any, a_job: Callable[..., Job]) -> None:
    made = [store(served, a_job(number, at=NOW - number, until=NOW + 1000)) for number in (3, 1, 2)]
    code, out, err = run("jobs", "list", *served.options)
    assert (code, err) == (0, "")
    assert ids(out) == [made[1].id, made[2].id, made[0].id]
    assert "hills ☃" in out
    assert ids(run("jobs", "list", "--limit", 2, *served.options)[1]) == [made[1].id, made[2].id]


def test_are_listed_by_state_and_account(run: Run, served: Any, a_job: Callable[..., Job]) -> None:
    states = (JobState.ACCEPTED, JobState.FAILED, JobState.SUCCEEDED, JobState.DISPATCHED, JobState.PAINTING)
    made = {
        state: store(served, a_job(number, at=NOW - number, until=NOW + 1000, price=1), state).id
        for number, state in enumerate(states)
    }

    def listed(*words: str) -> list[str]:
        return ids(run("jobs", "list", *words, *served.options)[1])

    for state in states:
        assert listed("--state", state) == [made[state]]
    assert listed("--state", "failed", "--state", "succeeded") == [made[JobState.FAILED], made[JobState.SUCCEEDED]]
    assert listed("--state", "unended") == [made[state] for state in (states[0], states[3], states[4])]
    assert listed("--account", "ann", "--limit", "3") == [made[state] for state in states[:3]]
    assert listed("--account", "bob") == []


def test_more_than_a_page_is_listed(
    run: Run, served: Any, a_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outpaint.functions.aws.dynamo_table.BATCH", 5)
    for number in range(17):
        store(served, a_job(number, price=0, at=NOW - number, until=NOW + 1000))
    out = run("jobs", "list", "--limit", 12, *served.options)[1]
    assert ids(out) == [a_job(number).id for number in range(12)]


def test_says_when_it_has_not_looked_through_all(
    run: Run, served: Any, a_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    from outpaint.functions.operations import jobs_command

    monkeypatch.setattr(jobs_command, "LOOKED_THROUGH", 2)
    for number in range(3):
        store(served, a_job(number, at=NOW - number, until=NOW + 1000))
    for words in (("--account", "bob"), ("--state", "failed")):
        code, out, err = run("jobs", "list", *words, *served.options)
        assert (code, ids(out)) == (0, [])
        assert "newest 2 jobs" in err
    assert run("jobs", "list", "--limit", "2", *served.options)[2] == ""


def test_show_where_their_files_lie(run: Run, served: Any, a_job: Callable[..., Job]) -> None:
    job = store(served, a_job(until=NOW + 1000, at=NOW))
    picture = StoredPicture(b"12345", "image/png", "ann", NOW + 1000)
    served.opened().service.pictures.put(job.request.image, picture)
    code, out, _ = run("jobs", "show", job.id, *served.options)
    shown = json.loads(out)
    assert (code, shown["request"]["wish"]["prompt"], shown["state"]) == (0, "hills ☃", "accepted")
    files = {file["what"]: file for file in shown["files"]}
    assert files["image"]["bytes"] == 5
    assert files["result"]["bytes"] is None
    assert files["result"]["at"].endswith(job.request.output_ids[0])
    if served.kind == "stack":
        assert files["image"]["at"] == f"s3://outpaint-pictures/{job.request.image}"
        assert {"outcome", "answer", "failure"} < files.keys()
        assert "request" not in files
        # Without a word of SageMaker's, the answer to the latest try lies under that one's own name.
        served.opened().service.jobs.begin_again(job.id, 2)
        shown = json.loads(run("jobs", "show", job.id, *served.options)[1])
        at = {file["what"]: file["at"] for file in shown["files"]}
        assert at["answer"] == f"s3://outpaint-pictures/{answer_prefix(job.id, 2)}"


def test_expired_ones_are_shown_while_they_are_there(run: Run, served: Any, a_job: Callable[..., Job]) -> None:
    job = store(served, a_job(until=NOW - 1))
    assert json.loads(run("jobs", "show", job.id, *served.options)[1])["id"] == job.id


@pytest.mark.parametrize("word", ["show", "end"])
def test_one_that_is_not_there_is_told(run: Run, served: Any, word: str) -> None:
    code, out, err = run("jobs", word, "nothing", *served.options)
    assert (code, out) == (2, "")
    assert err == "error: there is no job nothing: `outpaint jobs list` shows what there is\n"


@pytest.mark.parametrize("state", [JobState.ACCEPTED, JobState.DISPATCHED, JobState.PAINTING])
def test_ended_by_hand_give_credits_and_key_back(
    run: Run, served: Any, a_job: Callable[..., Job], state: JobState
) -> None:
    job = store(served, replace(a_job(key="k", at=NOW, until=NOW + 1000), deadline_at=NOW + 60), state, claim=True)
    assert credits_left(served) == 18
    code, out, _ = run("jobs", "end", job.id, *served.options)
    assert (code, out) == (0, f"{job.id} is failed; its credits were given back\n")
    assert credits_left(served) == 20
    service = served.opened().service
    ended = service.jobs.find(job.id, NOW)
    assert (ended.state, ended.failure.error_code) == (JobState.FAILED, ErrorCode.UNAVAILABLE)
    assert service.jobs.find_claim("ann", "k", NOW) is None
    code, out, err = run("jobs", "end", job.id, *served.options)
    assert (code, out, "has ended already: it is failed" in err) == (2, "", True)
    assert credits_left(served) == 20


def test_ended_by_hand_when_overdue_expire(run: Run, served: Any, a_job: Callable[..., Job]) -> None:
    job = store(served, a_job(at=NOW - 100, until=NOW + 1000), JobState.DISPATCHED)
    assert run("jobs", "end", job.id, *served.options)[1] == f"{job.id} is expired; its credits were given back\n"


def test_a_job_whose_pictures_lie_there_ends_with_them(run: Run, aws: Any, a_job: Callable[..., Job]) -> None:
    from outpaint.functions.operations.deployment import StackName
    from outpaint.functions.operations.place import opened

    with opened(StackName("painting")) as deployment:
        deployment.keys.add_key("Ann", "d" * 64, 20, NOW, "ann")
        job = a_job(at=NOW, until=NOW + 1000)
        deployment.service.jobs.create(job, None, NOW)
    body = manifest(job.request).model_dump_json().encode()
    aws.client("s3").put_object(Bucket="outpaint-pictures", Key=outcome_name(job.id), Body=body)
    out = run("jobs", "end", job.id, "--stack", "painting")[1]
    assert out == f"{job.id} is succeeded; its credits were kept\n"


def test_a_sweep_by_hand_ends_what_hangs(run: Run, served: Any, a_job: Callable[..., Job]) -> None:
    cut_off = store(served, replace(a_job(1, at=NOW - 200, until=NOW + 1000), deadline_at=NOW + 60))
    overdue = store(served, a_job(2, at=NOW - 100, until=NOW + 1000), JobState.DISPATCHED)
    young = store(served, replace(a_job(3, at=NOW, until=NOW + 1000), deadline_at=NOW + 60))
    code, out, _ = run("jobs", "sweep", *served.options)
    assert (code, out) == (0, "3 jobs had not ended: 1 expired, 1 failed; 1 go on\n")
    find = served.opened().service.jobs.find
    states = [find(job.id, NOW).state for job in (cut_off, overdue, young)]
    assert states == [JobState.FAILED, JobState.EXPIRED, JobState.ACCEPTED]
    assert credits_left(served) == 18


def test_a_sweep_by_hand_ends_the_others_and_says_what_it_could_not_look_at(
    run: Run, served: Any, a_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    overdue = [store(served, a_job(number, at=NOW - 100, until=NOW + 1000), JobState.DISPATCHED) for number in (1, 2)]
    look_after = settle.look_after

    def look(service: Service, job: Job) -> Job | None:
        if job.id == overdue[0].id:
            raise ValueError("no such state")
        return look_after(service, job)

    monkeypatch.setattr(settle, "look_after", look)
    code, out, err = run("jobs", "sweep", *served.options)
    assert (code, out) == (1, "2 jobs had not ended: 1 expired; 1 go on\n")
    assert err == "error: 1 job could not be looked at, the first for ValueError: no such state\n"


def test_one_that_cannot_be_read_hides_no_other(run: Run, aws: Any, a_job: Callable[..., Job]) -> None:
    from outpaint.functions.operations.deployment import StackName
    from outpaint.functions.operations.place import opened

    with opened(StackName("painting")) as deployment:
        deployment.keys.add_key("Ann", "d" * 64, 20, NOW, "ann")
        jobs = [a_job(number, at=NOW + number, until=NOW + 1000) for number in (1, 2)]
        for job in jobs:
            deployment.service.jobs.create(job, None, NOW)
    key = {"pk": {"S": f"JOB#{jobs[0].id}"}}
    table = "outpaint"
    change = {"AttributeUpdates": {"job_state": {"Value": {"S": "of another release"}, "Action": "PUT"}}}
    aws.client("dynamodb").update_item(TableName=table, Key=key, **change)
    for wanted in ((), ("--state", "unended")):
        code, out, err = run("jobs", "list", *wanted, "--stack", "painting")
        assert (code, out.count(jobs[0].id), out.count(jobs[1].id)) == (0, 0, 1)
        assert f"the stored job {jobs[0].id} cannot be read: run the release" in err
    code, _, err = run("jobs", "erase", "--account", "Ann", "--yes", "--stack", "painting")
    assert (code, jobs[0].id in err) == (1, True), "it may be one of this account's"
