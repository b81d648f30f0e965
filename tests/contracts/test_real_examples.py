"""The description's examples beside what the service answers in the same case, in its own world."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from outpaint.contracts import examples, openapi, paths_and_headers
from outpaint.contracts.errors import ERROR_KINDS, ErrorCode
from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY

DOCUMENT = json.loads(openapi.text())
BASE = "http://outpaint.test"
PHOTO = "https://example.com/photo.jpg"
MASK = "https://example.com/mask.png"
FORM = {"image_url": PHOTO, "prompt": "a mountain lake at sunrise", "count": "1"}


def png(size: tuple[int, int] = (64, 48), alpha: int | None = None, *, frames: int = 1) -> bytes:
    """A picture whose middle is kept, or all of it in one alpha."""
    picture = Image.new("RGBA", size, (90, 120, 150, 0 if alpha is None else alpha))
    if alpha is None:
        picture.paste((90, 120, 150, 255), (16, 12, 48, 36))
    stream = io.BytesIO()
    others = [Image.new("RGBA", size, (number, 0, 0, 0)) for number in range(1, frames)]
    picture.save(stream, "PNG", **({"save_all": True, "append_images": others} if others else {}))
    return stream.getvalue()


@pytest.fixture
def api(outpaint_world: Any) -> httpx.Client:
    """A client of a world in which the examples' addresses lead to pictures."""
    from outpaint.mocks.transports.httpx_transport import OutpaintTransport

    outpaint_world.sources.register(PHOTO, png())
    outpaint_world.sources.register(MASK, png())
    transport = OutpaintTransport(outpaint_world)
    return httpx.Client(transport=transport, base_url=BASE, headers={API_KEY: "dev"})


def shape(value: Any) -> Any:
    """A value with its members' names and types instead of what they say."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def described(answer: httpx.Response, path: str, verb: str) -> dict[str, Any]:
    """What the document says of an answer, once its body and headers have been held against it."""
    response: dict[str, Any] = DOCUMENT["paths"][path][verb]["responses"][str(answer.status_code)]
    media_type = answer.headers["Content-Type"].partition(";")[0]
    media: dict[str, Any] = response["content"][media_type]
    if "json" in media_type:
        Draft202012Validator({**media["schema"], "components": DOCUMENT["components"]}).validate(answer.json())
    for name in response["headers"]:
        header = DOCUMENT["components"]["headers"][name]
        assert name in answer.headers or not header.get("required"), name
        if name in answer.headers:
            text = answer.headers[name]
            value = int(text) if header["schema"]["type"] == "integer" else text
            Draft202012Validator(header["schema"]).validate(value)
    return media


def same_shape(answer: httpx.Response, example: str, path: str, verb: str) -> None:
    shown = described(answer, path, verb)["examples"][example]["value"]
    assert shape(answer.json()) == shape(shown)


def test_a_request_like_each_example_is_taken(api: httpx.Client) -> None:
    content = DOCUMENT["paths"][paths_and_headers.OUTPAINT_PATH]["post"]["requestBody"]["content"]
    form = content["multipart/form-data"]["examples"]["file"]["value"]
    files = {name: ("canvas.png", png()) for name, value in form.items() if str(value).startswith("@")}
    fields = {name: str(value) for name, value in form.items() if name not in files}
    answer = api.post(paths_and_headers.OUTPAINT_PATH, data=fields, files=files)
    assert answer.status_code == 200
    same_shape(answer, "done", paths_and_headers.OUTPAINT_PATH, "post")
    assert len(answer.json()["data"]) == form["count"]
    assert answer.json()["seed"] == form["seed"]
    addresses = content["application/json"]["examples"]["addresses"]["value"]
    for sent in ({"json": addresses}, {"data": {name: str(value) for name, value in addresses.items()}}):
        answer = api.post(paths_and_headers.OUTPAINT_PATH, **sent)
        assert answer.status_code == 202
        same_shape(answer, "taken", paths_and_headers.OUTPAINT_PATH, "post")


def linked(answer: httpx.Response, link: dict[str, Any]) -> dict[str, str]:
    """The values that a link takes from an answer's body."""
    found = {}
    for name, expression in {**link.get("parameters", {}), **link.get("requestBody", {})}.items():
        value = answer.json()
        for part in expression.removeprefix("$response.body#/").split("/"):
            value = value[int(part) if isinstance(value, list) else part]
        found[name] = value
    return found


def link_of(path: str, verb: str, status: str, name: str) -> dict[str, Any]:
    link: dict[str, Any] = DOCUMENT["paths"][path][verb]["responses"][status]["links"][name]
    operations = {one["operationId"] for verbs in DOCUMENT["paths"].values() for one in verbs.values()}
    assert link["operationId"] in operations
    return link


def test_every_link_leads_where_it_says(api: httpx.Client, outpaint_world: Any) -> None:
    """Submit to poll, poll to poll, result to submit by id."""
    outpaint_world.scenarios.next("polls(1)")
    answer = api.post(paths_and_headers.OUTPAINT_PATH, data={**FORM, "mode": "async", "format": "PNG"})
    first = linked(answer, link_of(paths_and_headers.OUTPAINT_PATH, "post", "202", "poll"))
    running = api.get(paths_and_headers.INFERENCE_PATH.format(**first))
    assert running.status_code == 202
    same_shape(running, "taken", paths_and_headers.INFERENCE_PATH, "get")
    assert linked(running, link_of(paths_and_headers.INFERENCE_PATH, "get", "202", "poll")) == first
    done = api.get(paths_and_headers.INFERENCE_PATH.format(**first))
    same_shape(done, "done", paths_and_headers.INFERENCE_PATH, "get")
    outpaint_world.scenarios.next("immediate")
    for answer, path, verb in (
        (done, paths_and_headers.INFERENCE_PATH, "get"),
        (api.post(paths_and_headers.OUTPAINT_PATH, data=FORM), paths_and_headers.OUTPAINT_PATH, "post"),
    ):
        again = linked(answer, link_of(path, verb, "200", "grow-further"))
        mask = {"mask_image_url": MASK, "mask_mode": "alpha"}
        grown = api.post(
            paths_and_headers.OUTPAINT_PATH, json={**again, **mask, "prompt": "more of it", "mode": "async"}
        )
        assert grown.status_code == 202, grown.text


def test_an_upload_leads_to_a_request(api: httpx.Client) -> None:
    ticket = api.post(paths_and_headers.UPLOADS_PATH, json=examples.UPLOAD_REQUEST)
    if ticket.status_code == 503:
        pytest.skip("this host takes no uploads ahead")
    described(ticket, paths_and_headers.UPLOADS_PATH, "post")
    assert set(ticket.json()) == set(examples.UPLOAD_TICKET.model_dump())
    for name, field in (("image", "image_id"), ("mask", "mask_image_id")):
        found = linked(ticket, link_of(paths_and_headers.UPLOADS_PATH, "post", "200", name))
        assert found == {field: ticket.json()["id"]}


def test_a_failed_job_a_balance_and_a_picture_are_as_shown(api: httpx.Client, outpaint_world: Any) -> None:
    outpaint_world.scenarios.next("fail(painting_failed)")
    job = api.post(paths_and_headers.OUTPAINT_PATH, data={**FORM, "mode": "async"}).json()
    failed = api.get(paths_and_headers.INFERENCE_PATH.format(inference_id=job["inference_id"]))
    same_shape(failed, "failed", paths_and_headers.INFERENCE_PATH, "get")
    same_shape(api.get(paths_and_headers.BALANCE_PATH), "balance", paths_and_headers.BALANCE_PATH, "get")
    url = api.post(paths_and_headers.OUTPAINT_PATH, data=FORM).json()["data"][0]["url"]
    described(api.get(url), paths_and_headers.FILE_PATH, "get")


# What is sent, so that the service refuses it as the example says it does.
REFUSED: dict[ErrorCode, dict[str, Any]] = {
    ErrorCode.MISSING_PARAMETER: {"data": {"image_url": PHOTO}},
    ErrorCode.INVALID_PARAMETER: {"data": {**FORM, "count": "11"}},
    ErrorCode.CONFLICTING_PARAMETERS: {"data": FORM, "files": {"image": png()}},
    ErrorCode.MALFORMED_BODY: {
        "content": b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na fie',
        "headers": {"Content-Type": "multipart/form-data; boundary=b"},
    },
    ErrorCode.INVALID_IDEMPOTENCY_KEY: {"data": FORM, "headers": {IDEMPOTENCY_KEY: "x" * 256}},
    ErrorCode.MISSING_KEY: {"data": FORM, "headers": {API_KEY: ""}},
    ErrorCode.NOT_ACCEPTABLE: {"data": FORM, "headers": {"Accept": "text/html"}},
    ErrorCode.UNSUPPORTED_CONTENT_TYPE: {"content": b"a,b", "headers": {"Content-Type": "text/csv"}},
    ErrorCode.UNSUPPORTED_IMAGE_TYPE: {"data": {"prompt": "x"}, "files": {"image": b"GIF89a" + bytes(60)}},
    ErrorCode.NOTHING_TO_PAINT: {"data": {"prompt": "x"}, "files": {"image": png(alpha=255)}},
    ErrorCode.NOTHING_TO_KEEP: {"data": {"prompt": "x"}, "files": {"image": png(alpha=0)}},
    ErrorCode.SIZE_MISMATCH: {
        "data": {"prompt": "x"},
        "files": {"image": png((1024, 768)), "mask_image": png((512, 512))},
    },
    ErrorCode.DIMENSIONS_OUT_OF_RANGE: {"data": {"prompt": "x"}, "files": {"image": png((20_000, 16))}},
    ErrorCode.ANIMATED: {"data": {"prompt": "x"}, "files": {"image": png(frames=24)}},
    ErrorCode.UNREADABLE_IMAGE: {"data": {"prompt": "x"}, "files": {"image": png((300, 200))[:-60]}},
    ErrorCode.SOURCE_REFUSED: {"data": {**FORM, "image_url": "https://10.0.0.1/"}},
    ErrorCode.SOURCE_UNAVAILABLE: {"data": {**FORM, "image_url": "https://example.com/gone.jpg"}},
}


@pytest.mark.parametrize("code", REFUSED, ids=str)
def test_a_refusal_is_worded_as_its_example(api: httpx.Client, outpaint_world: Any, code: ErrorCode) -> None:
    outpaint_world.sources.register("https://example.com/gone.jpg", b"", status=404)
    answer = api.post(paths_and_headers.OUTPAINT_PATH, **REFUSED[code])
    assert answer.status_code == ERROR_KINDS[code].status.value, answer.text
    shown = DOCUMENT["components"]["examples"][code.value]["value"]
    described(answer, paths_and_headers.OUTPAINT_PATH, "post")
    assert answer.json()["error_code"] == code
    assert numberless(answer.json()) == numberless(shown)


def numberless(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "detail": re.sub(r"\d+", "#", body["detail"])}


def test_refusals_of_the_account_and_of_ids_are_worded_as_their_examples(
    api: httpx.Client, outpaint_world: Any
) -> None:
    """The rest of what a client can bring about by what it asks for, and when."""

    def check(answer: httpx.Response, code: ErrorCode, path: str, verb: str) -> None:
        described(answer, path, verb)
        assert answer.json()["error_code"] == code, answer.text
        shown = DOCUMENT["components"]["examples"][code.value]["value"]
        assert numberless(answer.json()) == numberless(shown)

    check(api.get("/v1/painting/nothing"), ErrorCode.UNKNOWN_INFERENCE, paths_and_headers.INFERENCE_PATH, "get")
    check(
        api.put(paths_and_headers.OUTPAINT_PATH), ErrorCode.METHOD_NOT_ALLOWED, paths_and_headers.OUTPAINT_PATH, "post"
    )
    url = api.post(paths_and_headers.OUTPAINT_PATH, data=FORM).json()["data"][0]["url"]
    check(api.get(url + "0"), ErrorCode.URL_NOT_SIGNED, paths_and_headers.FILE_PATH, "get")
    outpaint_world.clock.advance(hours=25)
    check(api.get(url), ErrorCode.URL_EXPIRED, paths_and_headers.FILE_PATH, "get")
    key = {IDEMPOTENCY_KEY: "order-1042"}
    api.post(paths_and_headers.OUTPAINT_PATH, data=FORM, headers=key)
    other = {**FORM, "prompt": "something else"}
    again = api.post(paths_and_headers.OUTPAINT_PATH, data=other, headers=key)
    check(again, ErrorCode.IDEMPOTENCY_MISMATCH, paths_and_headers.OUTPAINT_PATH, "post")
    outpaint_world.scenarios.always("credits(1)")
    poor = api.post(paths_and_headers.OUTPAINT_PATH, data={**FORM, "count": "2"}, headers={API_KEY: "poor"})
    check(poor, ErrorCode.INSUFFICIENT_CREDITS, paths_and_headers.OUTPAINT_PATH, "post")
    outpaint_world.scenarios.always("rate_limit(1, 60)")
    answers = [api.get(paths_and_headers.BALANCE_PATH, headers={API_KEY: "busy"}) for _ in range(2)]
    check(answers[1], ErrorCode.RATE_LIMITED, paths_and_headers.BALANCE_PATH, "get")
