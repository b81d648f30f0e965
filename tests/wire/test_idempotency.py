"""Idempotency-Key: sending twice, paying once."""

from __future__ import annotations

import threading
from uuid import uuid4

import httpx
import pytest
from outpaint_contracts import headers
from outpaint_contracts.errors import ErrorCode, OutpaintError
from wire_kit import pictures
from wire_kit.api import Api, accepted_of, refused, result_of
from wire_kit.forms import Part, multipart, multipart_type
from wire_kit.providers import Provider

REPLAYED = headers.IDEMPOTENT_REPLAYED


@pytest.fixture
def once() -> dict[str, str]:
    """Headers with an idempotency key nobody has used."""
    return {headers.IDEMPOTENCY_KEY: str(uuid4())}


def test_the_same_request_again_is_answered_with_the_same_job_and_costs_nothing(api: Api, once: dict[str, str]) -> None:
    with api.charged(2):
        first = api.outpaint(count=2, headers=once)
        second = api.outpaint(count=2, headers=once)
    assert REPLAYED not in first.headers
    assert second.headers[REPLAYED] == "true"
    assert result_of(second).inference_id == result_of(first).inference_id
    assert [item.id for item in result_of(second).data] == [item.id for item in result_of(first).data]


def test_an_async_request_again_is_answered_with_the_same_id_while_it_runs(
    provider: Provider, api: Api, once: dict[str, str]
) -> None:
    with provider.hold():
        first = accepted_of(api.outpaint(mode="async", headers=once))
        again = api.outpaint(mode="async", headers=once)
        assert accepted_of(again).inference_id == first.inference_id
        assert again.headers[REPLAYED] == "true"
    api.end_of(first.inference_id)
    done = api.outpaint(mode="async", headers=once)
    assert result_of(done).inference_id == first.inference_id
    assert done.headers[REPLAYED] == "true"


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "a desert"},
        {"count": 2},
        {"format": "WEBP"},
        {"seed": 1},
        {"negative_prompt": "people"},
        {"image": pictures.canvas((80, 60))},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_another_content_under_the_same_key_is_422(api: Api, once: dict[str, str], other: dict[str, object]) -> None:
    with api.charged(1):
        result_of(api.outpaint(headers=once))
        refused(api.outpaint(headers=once, **other), ErrorCode.IDEMPOTENCY_MISMATCH, field=headers.IDEMPOTENCY_KEY)


def test_a_file_that_differs_in_one_byte_is_another_content(api: Api, once: dict[str, str]) -> None:
    image = pictures.canvas()
    result_of(api.outpaint(image=image, headers=once))
    other = image.replace(b"IEND", b"IEND", 1) + b"\0"
    answer = api.outpaint(image=other, headers=once)
    refused(answer, ErrorCode.IDEMPOTENCY_MISMATCH)


def test_a_mask_is_part_of_the_content(api: Api, once: dict[str, str]) -> None:
    result_of(api.outpaint(image=pictures.canvas(), headers=once))
    answer = api.outpaint(image=pictures.canvas(), mask=pictures.alpha_mask(), headers=once)
    refused(answer, ErrorCode.IDEMPOTENCY_MISMATCH)


def test_how_it_is_sent_is_no_part_of_the_content(api: Api, once: dict[str, str]) -> None:
    image, mask = pictures.photo(), pictures.alpha_mask()
    with api.charged(1):
        first = result_of(api.outpaint(image=image, mask_image=mask, prompt="a lake", format="JPG", headers=once))
        reordered = multipart(
            Part("format", "jpg"),
            Part("mask", mask, "/home/me/other name.png", "application/octet-stream"),
            Part("negative_prompt", ""),
            Part("count", "1"),
            Part("prompt", "a lake"),
            Part("image", image, "b.png", "image/png"),
            Part("mode", "async"),
        )
        second = api.post_body(reordered, multipart_type(), headers=once)
        as_json = {
            "image_url": pictures.data_uri(image),
            "mask_url": pictures.data_uri(mask),
            "prompt": " a lake ",
            "count": 1,
        }
        third = api.post_json(as_json, headers={**once, "Prefer": "respond-async"})
    assert result_of(second).inference_id == result_of(third).inference_id == first.inference_id


def test_the_same_request_while_the_first_still_waits_is_409(
    provider: Provider, api: Api, once: dict[str, str]
) -> None:
    answers: list[httpx.Response] = []
    before = api.balance()
    with provider.client() as client:
        waiting = Api(client, api.key)
        first = threading.Thread(target=lambda: answers.append(waiting.outpaint(headers=once)))
        with provider.hold():
            first.start()
            # The first is known to the service once its credits are taken.
            api.wait_for_balance(before - 1)
            refused(api.outpaint(headers=once), ErrorCode.IDEMPOTENCY_IN_PROGRESS, field=headers.IDEMPOTENCY_KEY)
        first.join(60)
    again = api.outpaint(headers=once)
    assert result_of(again).inference_id == result_of(answers[0]).inference_id
    assert again.headers[REPLAYED] == "true"
    assert api.balance() == before - 1


def test_many_at_once_under_one_key_make_one_job(provider: Provider, api: Api, once: dict[str, str]) -> None:
    answers: list[httpx.Response] = []

    def send() -> None:
        with provider.client() as client:
            answers.append(Api(client, api.key).outpaint(mode="async", headers=once))

    with api.charged(1):
        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(answers) == 8
    assert {answer.status_code for answer in answers} <= {200, 202, 409}
    assert len({answer.json()["inference_id"] for answer in answers if answer.status_code != 409}) == 1


def test_another_account_has_its_own_keys(provider: Provider, api: Api, once: dict[str, str]) -> None:
    other = api.with_key(provider.second_key())
    first = result_of(api.outpaint(headers=once))
    answer = other.outpaint(headers=once, prompt="another wish")
    assert result_of(answer).inference_id != first.inference_id
    assert REPLAYED not in answer.headers


def test_a_refused_request_leaves_its_key_free(api: Api, once: dict[str, str]) -> None:
    assert api.outpaint(count=11, headers=once).status_code == 422
    assert api.outpaint(image=pictures.opaque_everywhere(), headers=once).status_code == 422
    answer = api.outpaint(headers=once)
    result_of(answer)
    assert REPLAYED not in answer.headers


def test_a_failed_job_is_replayed_too(provider: Provider, api: Api, once: dict[str, str]) -> None:
    with api.charged(0):
        with provider.failing(OutpaintError(ErrorCode.PAINTING_FAILED, "the brush broke: try again")):
            refused(api.outpaint(headers=once), ErrorCode.PAINTING_FAILED)
        again = api.outpaint(headers=once)
    refused(again, ErrorCode.PAINTING_FAILED)
    assert again.headers[REPLAYED] == "true"


def test_a_key_is_remembered_for_24_hours(provider: Provider, api: Api, once: dict[str, str]) -> None:
    first = result_of(api.outpaint(headers=once))
    provider.advance(24 * 3600 - 60)
    assert result_of(api.outpaint(headers=once)).inference_id == first.inference_id
    provider.advance(120)
    assert result_of(api.outpaint(headers=once)).inference_id != first.inference_id


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256], ids=["empty", "two words", "not ascii", "long"])
def test_a_key_that_can_be_none_is_400(api: Api, key: str) -> None:
    with api.charged(0):
        answer = api.outpaint(headers={headers.IDEMPOTENCY_KEY: key.encode("latin-1")})
    refused(answer, ErrorCode.INVALID_IDEMPOTENCY_KEY, field=headers.IDEMPOTENCY_KEY)


def test_a_key_of_255_characters_is_taken(api: Api) -> None:
    result_of(api.outpaint(headers={headers.IDEMPOTENCY_KEY: uuid4().hex + "x" * 223}))


def test_without_a_key_the_same_request_is_another_job(api: Api) -> None:
    with api.charged(2):
        first, second = (result_of(api.outpaint(seed=1)) for _ in range(2))
    assert first.inference_id != second.inference_id
