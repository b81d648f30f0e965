"""Providers that drifted on purpose: each is found, whether it was recorded or is asked again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from wire_kit.consumer import mask, png, poll, post

from outpaint.conformance.drift.answer_comparison import Baseline, differ
from outpaint.conformance.drift.recording_file import Recording
from outpaint.functions.service.service import ServiceSettings

from .conftest import Change, Provider, Sit, at, at_the_mock, names

FORM = {"prompt": "a wide beach", "count": "1"}


def with_headers(answer: httpx.Response, change: Callable[[dict[str, str]], Any]) -> httpx.Response:
    told = dict(answer.headers)
    change(told)
    return httpx.Response(answer.status_code, headers=told, content=answer.content)


def with_body(answer: httpx.Response, change: Callable[[dict[str, Any]], Any]) -> httpx.Response:
    if "json" not in answer.headers.get("content-type", ""):
        return answer
    value = answer.json()
    change(value)
    told = {name: text for name, text in answer.headers.items() if name != "content-length"}
    return httpx.Response(answer.status_code, headers=told, content=json.dumps(value).encode())


def no_retry_after(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    return with_headers(answer, lambda told: told.pop("retry-after", None))


def no_data_in_202(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    return with_body(answer, lambda body: body.pop("data")) if answer.status_code == 202 else answer


def null_data_in_202(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    return with_body(answer, lambda body: body.update(data=None)) if answer.status_code == 202 else answer


def word_of_2025(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    return with_body(answer, lambda body: body.update(status="success")) if answer.status_code == 202 else answer


def reset_as_epoch(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    return with_headers(answer, lambda told: told.update({"x-picsart-ratelimit-reset-time": "1767225660"}))


def another_id_in_prose(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    return with_body(answer, lambda body: body.update(transaction_id="x")) if answer.status_code == 202 else answer


def relative_urls(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    if answer.status_code != 200:
        return answer
    return with_body(answer, lambda body: [one.update(url="/a.png") for one in body.get("data") or []])


def dates_as_numbers(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    return with_body(answer, lambda body: [one.update(expires_at=1767225660) for one in body.get("data") or []])


def error_word(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    return with_body(answer, lambda body: body.update(message="Oops")) if answer.status_code == 422 else answer


def refused_as_400(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    answer.status_code = 400 if answer.status_code == 422 else answer.status_code
    return answer


def a_picture_less(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    return with_body(answer, lambda body: (body.get("data") or [0]).pop()) if answer.status_code == 200 else answer


def other_pictures(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    if not answer.headers.get("content-type", "").startswith("image/"):
        return answer
    return httpx.Response(200, headers=dict(answer.headers) | {"content-length": ""}, content=png((48, 64)))


def html_errors(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    return httpx.Response(404, html="<h1>Not found</h1>") if answer.status_code == 404 else answer


DRIFTS: dict[str, tuple[Change, str]] = {
    "a header gone": (no_retry_after, "header:retry-after"),
    "data absent in 202": (no_data_in_202, "body:/data"),
    "data null in 202": (null_data_in_202, "body:/data"),
    "status word changed": (word_of_2025, "body:/status"),
    "seconds as epoch": (reset_as_epoch, "header:x-picsart-ratelimit-reset-time"),
    "two ids": (another_id_in_prose, "body:/transaction_id"),
    "relative URLs": (relative_urls, "body:/data/*/url"),
    "dates as numbers": (dates_as_numbers, "body:/data/*/expires_at"),
    "another word of error": (error_word, "body:/message"),
    "another status": (refused_as_400, "status"),
    "a picture less": (a_picture_less, "body:/data"),
    "pictures of another size": (other_pictures, "picture:size"),
    "errors as web pages": (html_errors, "header:content-type"),
}


def consume(api: httpx.Client) -> None:
    """Enough to meet each of the drifts above, whatever they break on the way."""
    files = {"image": ("photo.png", png(), "image/png")}
    post(api, files=files, data=FORM | {"count": "11"})
    api.get("/painting/6f2f3c1e-0000-4000-8000-000000000000")
    accepted = post(api, files=files, data=FORM | {"mode": "async"}).json()
    api.get(f"/painting/{accepted['inference_id']}")
    done = post(api, files=files, data=FORM).json()
    for picture in done["data"]:
        if picture["url"].startswith("http"):
            api.get(picture["url"])


@pytest.fixture
def faithful(sit: Sit) -> Recording:
    """Recorded at a provider that keeps the contract."""
    sitting = sit()
    consume(sitting.api)
    return sitting.recording()


def test_a_faithful_provider_does_not_drift(faithful: Recording) -> None:
    assert at_the_mock(faithful).is_none
    assert at(faithful, Provider()).is_none


@pytest.mark.parametrize("name", DRIFTS)
def test_a_recorded_provider_that_drifted_is_found_on_the_mock(name: str, sit: Sit) -> None:
    change, expected = DRIFTS[name]
    sitting = sit(Provider(change))
    consume(sitting.api)
    found = at_the_mock(sitting.recording())
    assert expected in names(found)
    assert found.breaks
    assert all(0 < one.exchange <= 8 for one in found.differences)


@pytest.mark.parametrize("name", DRIFTS)
def test_a_provider_that_drifted_since_is_found(name: str, faithful: Recording) -> None:
    change, expected = DRIFTS[name]
    found = at(faithful, Provider(change))
    assert expected in names(found)
    assert found.breaks


def test_what_a_provider_has_beyond_the_mock_breaks_nobody(sit: Sit) -> None:
    def more(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
        return with_body(with_headers(answer, lambda told: told.update({"x-more": "1"})), lambda body: body.update(m=1))

    sitting = sit(Provider(more))
    sitting.api.get("/balance")
    found = at_the_mock(sitting.recording())
    assert names(found) == ["header:x-more", "body:/m"]
    assert not found.breaks
    assert found.baseline is Baseline.REPLAYED


def test_a_member_that_the_mock_invents_breaks(sit: Sit) -> None:
    def less(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
        return with_body(answer, lambda body: body.pop("credits"))

    sitting = sit(Provider(less))
    sitting.api.get("/balance")
    found = at_the_mock(sitting.recording())
    assert [(one.where, one.recorded, one.replayed, one.breaking) for one in found.differences] == [
        ("/credits", "absent", "number", True)
    ]


# Jobs: as many polls as were recorded, and an end as was recorded


@pytest.mark.parametrize("polls", [0, 1, 3])
@pytest.mark.parametrize("outcome", ["succeed", "fail(timed_out)", "fail(painting_failed)"])
def test_a_job_takes_the_polls_and_the_end_that_were_recorded(polls: int, outcome: str, sit: Sit) -> None:
    sitting = sit(Provider(scenario=f"polls({polls}); {outcome}"))
    accepted = post(sitting.api, files={"image": png()}, data=FORM | {"mode": "async"})
    poll(sitting.api, accepted, lambda: None)
    recording = sitting.recording()
    assert sum(one.answer.status == 202 for one in recording.exchanges if one.answer) == polls + 1
    found = at_the_mock(recording)
    assert found.is_none, found.differences
    assert not found.not_replayed


def test_a_poll_that_goes_backwards_is_drift(sit: Sit) -> None:
    asked: list[str] = []

    def backwards(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if request.method == "GET" and "/painting/" in request.url.path:
            asked.append(request.url.path)
            if len(asked) == 2:
                return with_body(answer, lambda body: body.update(status="processing", data=[]))
        return answer

    sitting = sit(Provider(backwards))
    accepted = post(sitting.api, files={"image": png()}, data=FORM | {"mode": "async"}).json()
    for _ in range(3):
        sitting.api.get(f"/painting/{accepted['inference_id']}")
    assert {"body:/status", "body:/data"} <= set(names(at_the_mock(sitting.recording())))


class OnePollMore:
    """Tells each job's end one poll later than it is there."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    def __call__(self, request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        path = request.url.path
        if request.method != "GET" or "/painting/" not in path or answer.status_code != 200 or path in self._held:
            return answer
        self._held.add(path)
        body = answer.json()
        pending = {"status": "processing", "data": [], "inference_id": body["inference_id"]}
        told = dict(answer.headers) | {"retry-after": "2"}
        told.pop("content-length")
        return httpx.Response(202, headers=told, content=json.dumps(pending).encode())


def spaced(recording: Recording, seconds: float) -> Recording:
    """The same with so much time between two exchanges."""
    exchanges = tuple(one.model_copy(update={"at": seconds * one.number}) for one in recording.exchanges)
    return recording.model_copy(update={"exchanges": exchanges})


def test_an_extra_poll_is_told_to_a_client_that_waits_as_asked(faithful: Recording) -> None:
    slept: list[float] = []
    found = at(spaced(faithful, 2.0), Provider(OnePollMore()), slept=slept)
    assert names(found) == ["polls"]
    assert found.differences[0].replayed == "pending for 1 more poll"
    assert 2.0 in slept


def test_an_extra_poll_of_an_impatient_client_is_no_drift(faithful: Recording) -> None:
    assert at(spaced(faithful, 0.1), Provider(OnePollMore())).is_none


def test_a_job_that_never_ends_is_given_up(faithful: Recording) -> None:
    found = at(faithful, Provider(scenario="polls(999)"))
    assert "status" in names(found)
    assert "polls" in names(found)


# Time


def lasting(recording: Recording, number: int, seconds: float) -> Recording:
    exchanges = tuple(
        one.model_copy(update={"seconds": seconds}) if one.number == number else one for one in recording.exchanges
    )
    return recording.model_copy(update={"exchanges": exchanges})


def test_a_sync_answer_that_took_its_time_takes_it_on_the_mock_too(faithful: Recording) -> None:
    submit = next(one.number for one in faithful.exchanges if one.request.method == "POST" and one.answer.status == 200)  # type: ignore[union-attr]
    assert at_the_mock(lasting(faithful, submit, 42.0)).is_none


def test_a_poll_that_waits_is_drift(faithful: Recording) -> None:
    number = next(one.number for one in faithful.exchanges if one.request.method == "GET" and one.answer.status == 200)  # type: ignore[union-attr]
    found = at_the_mock(lasting(faithful, number, 30.0))
    assert names(found) == ["timing"]
    assert not found.breaks
    assert at_the_mock(lasting(faithful, number, 100.0)).breaks


def test_an_edge_between_classes_is_wide() -> None:
    assert not differ(2.9, 3.1)
    assert differ(0.5, 5.0)
    assert not differ(0.01, 2.5)


# The state of a provider


@pytest.mark.parametrize(
    "scenario",
    [
        "error(rate_limited, retry_after=7)",
        "error(forbidden)",
        "error(unavailable)",
        "error(internal)",
        "error(unknown_key)",
        "error(insufficient_credits)",
        "gateway(503)",
        "fail(painting_failed)",
        "fail(timed_out)",
    ],
)
def test_trouble_that_came_of_the_providers_state_is_made_again(scenario: str, sit: Sit) -> None:
    sitting = sit(Provider(scenario=scenario))
    post(sitting.api, files={"image": png()}, data=FORM)
    recording = sitting.recording()
    assert recording.exchanges[0].answer is not None
    assert recording.exchanges[0].answer.status >= 400
    found = at_the_mock(recording)
    assert found.is_none, found.differences
    assert found.replayed == (1,)


def test_a_rate_limit_and_credits_that_run_out_by_themselves(sit: Sit) -> None:
    settings = ServiceSettings(rate_limit=6, credits_per_image=3)
    sitting = sit(Provider(settings=settings, credits=7))
    files = {"image": png()}
    for _ in range(3):
        post(sitting.api, files=files, data=FORM)
    for _ in range(5):
        sitting.api.get("/balance")
    recording = sitting.recording()
    statuses = [one.answer.status for one in recording.exchanges if one.answer]
    assert statuses == [200, 200, 402, 200, 200, 200, 429, 429]
    found = at_the_mock(recording)
    assert found.is_none, found.differences


def test_state_that_nobody_can_bring_about_is_passed_over(sit: Sit) -> None:
    sitting = sit(Provider(scenario="error(forbidden)"))
    sitting.api.get("/balance")
    found = at(sitting.recording(), Provider())
    assert found.is_none
    assert found.not_replayed == {1: "403 came of the provider's state then; now it answers 200"}


def test_a_mask_beside_the_picture(sit: Sit) -> None:
    sitting = sit()
    files = {"image": ("photo.png", png(opaque=True), "image/png"), "mask": ("mask.png", mask(), "image/png")}
    post(sitting.api, files=files, data=FORM)
    found = at_the_mock(sitting.recording())
    assert found.is_none, found.differences


# Credits


def test_credits_charged_on_a_refusal_are_drift(sit: Sit) -> None:
    provider = Provider(credits=20)
    refused: list[int] = []

    def charge(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
        told = int(answer.headers["x-picsart-credit-available"]) - len(refused)
        if answer.status_code == 422:
            refused.append(1)
        return with_headers(answer, lambda told_: told_.update({"x-picsart-credit-available": str(told)}))

    provider._change = charge
    sitting = sit(provider)
    for count in ("2", "11", "1"):
        post(sitting.api, files={"image": png()}, data=FORM | {"count": count})
    sitting.api.get("/balance")
    found = at_the_mock(sitting.recording())
    assert [(one.exchange, one.name, one.recorded, one.replayed) for one in found.differences] == [
        (3, "credits", "17 credits", "18 credits")
    ]


def test_credits_of_a_failed_job_may_come_back_before_its_poll(sit: Sit) -> None:
    sitting = sit(Provider(scenario="time(5); fail(timed_out)", credits=20))
    accepted = post(sitting.api, files={"image": png()}, data=FORM | {"mode": "async"}).json()
    world = sitting.provider.world
    sitting.api.get("/balance")
    world.clock.advance(6)
    sitting.api.get("/balance")
    sitting.api.get(f"/painting/{accepted['inference_id']}")
    sitting.api.get("/balance")
    recording = sitting.recording()
    told = [one.answer.header("x-picsart-credit-available") for one in recording.exchanges if one.answer]
    assert told == ["20", "19", "20", "20", "20"]
    found = at_the_mock(recording)
    assert found.is_none, found.differences
