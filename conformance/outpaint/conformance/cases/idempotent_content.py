"""When a request under a used Idempotency-Key is the same: its content counts, not how it is sent or waited for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx

from outpaint.conformance.proving import clauses, drawn_pictures
from outpaint.conformance.proving.answer_reading import refused, result_of
from outpaint.conformance.proving.api import Api, once
from outpaint.conformance.proving.case import critical, variants
from outpaint.conformance.proving.expectations import equal
from outpaint.conformance.proving.raw_requests import FormPart, multipart, multipart_type
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import IDEMPOTENCY_KEY

_OTHER: dict[str, dict[str, Any]] = {
    "prompt": {"prompt": "a desert"},
    "count": {"count": 2},
    "format": {"format": "WEBP"},
    "seed": {"seed": 1},
    "negative_prompt": {"negative_prompt": "people"},
    "mask_mode": {"mask_mode": "alpha"},
    "image": {"image": drawn_pictures.canvas((80, 60))},
    "one-byte": {"image": drawn_pictures.canvas() + b"\0"},
    "mask": {"mask": drawn_pictures.alpha_mask()},
}
_sent_again = partial(critical, given="a request that was answered", credits=2)


@critical(
    clauses.REPLAY_MISMATCH,
    given="a request that was answered",
    when="another content is sent under its key",
    then="the answer is 422 and names the header",
    credits=3,
    each=variants(other=_OTHER),
)
def other_content_is_422(api: Api, other: dict[str, Any]) -> None:
    key = once()
    result_of(api.outpaint(headers=key))
    refused(api.outpaint(headers=key, **other), ErrorCode.IDEMPOTENCY_MISMATCH, field=IDEMPOTENCY_KEY)


@critical(
    clauses.REPLAY_MISMATCH,
    given="a request with a mask that was answered",
    when="the same image is sent with another mask under its key",
    then="the answer is 422",
    credits=2,
)
def another_mask_is_422(api: Api) -> None:
    key, image = once(), drawn_pictures.photo()
    result_of(api.outpaint(image=image, mask=drawn_pictures.alpha_mask(), headers=key))
    other = api.outpaint(image=image, mask=drawn_pictures.luminance_mask(), headers=key)
    refused(other, ErrorCode.IDEMPOTENCY_MISMATCH, field=IDEMPOTENCY_KEY)


@_sent_again(
    clauses.REPLAY_MISMATCH,
    when="another content is sent under its key, and then its own again",
    then="the last answer is its job, and nothing more is charged",
    credits=3,
    watches_account=True,
)
def a_mismatch_costs_nothing(api: Api) -> None:
    key = once()
    with api.charged(1):
        first = result_of(api.outpaint(headers=key))
        refused(api.outpaint(headers=key, prompt="a desert"), ErrorCode.IDEMPOTENCY_MISMATCH)
        equal(result_of(api.outpaint(headers=key)).inference_id, first.inference_id, "the last inference_id")


def _sent_first(api: Api, key: dict[str, str]) -> str:
    """The job of a form with an image and a mask."""
    image, mask = drawn_pictures.photo(), drawn_pictures.alpha_mask()
    return result_of(
        api.outpaint(image=image, mask_image=mask, prompt="a lake", format="JPG", headers=key)
    ).inference_id


def _reordered(api: Api, key: dict[str, str]) -> httpx.Response:
    body = multipart(
        FormPart("format", "jpg"),
        FormPart("mask", drawn_pictures.alpha_mask(), "/home/me/other name.png", "application/octet-stream"),
        FormPart("negative_prompt", ""),
        FormPart("count", "1"),
        FormPart("prompt", "a lake"),
        FormPart("image", drawn_pictures.photo(), "b.png", "image/png"),
    )
    return api.post_body(body, multipart_type(), headers=key)


def _fields() -> dict[str, Any]:
    image, mask = drawn_pictures.data_uri(drawn_pictures.photo()), drawn_pictures.data_uri(drawn_pictures.alpha_mask())
    return {"image_url": image, "mask_url": mask, "prompt": " a lake ", "count": 1}


_WAYS: dict[str, Callable[[Api, dict[str, str]], httpx.Response]] = {
    "reordered": _reordered,
    "json": lambda api, key: api.post_json(_fields(), headers=key),
    "urlencoded": lambda api, key: api.post_form(_fields(), headers=key),
}


@_sent_again(
    clauses.REPLAY_SAME,
    when="the same content is sent under its key in another order, spelling or content type",
    then="the answer is the same job",
    each=variants(way=[*_WAYS]),
)
def how_it_is_sent_does_not_matter(api: Api, way: str) -> None:
    key = once()
    first = _sent_first(api, key)
    equal(result_of(_WAYS[way](api, key)).inference_id, first, "the second inference_id")


@_sent_again(
    clauses.REPLAY_SAME,
    when="the same is sent under its key, to be waited for otherwise",
    then="the answer is the same job",
    each=variants(
        how={
            "mode": {"mode": "async"},
            "mode-in-the-query": {"params": {"mode": "async"}},
            "prefer": {"prefer": "respond-async"},
        }
    ),
)
def how_it_is_waited_for_does_not_matter(api: Api, how: dict[str, Any]) -> None:
    key = once()
    first = result_of(api.outpaint(headers=key))
    rest = {name: value for name, value in how.items() if name != "prefer"}
    sent = key | ({"Prefer": how["prefer"]} if "prefer" in how else {})
    equal(result_of(api.outpaint(headers=sent, **rest)).inference_id, first.inference_id, "the second inference_id")


@critical(
    clauses.REPLAY_FREE,
    given="a request that was answered",
    when="the same content is sent under its key in every other way",
    then="it is charged once",
    credits=4,
    watches_account=True,
)
def sending_it_otherwise_costs_nothing(api: Api) -> None:
    key = once()
    with api.charged(1):
        _sent_first(api, key)
        for send in _WAYS.values():
            result_of(send(api, key | {"Prefer": "respond-async"}))
