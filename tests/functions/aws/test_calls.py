"""How many AWS calls a request costs, and of which kind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY
from outpaint.functions.aws.aws_service import LazyFetch, Stack
from outpaint.functions.aws.dynamo_keys import DynamoKeyRing
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.functions.service import settle
from outpaint.functions.service.records import StoredPicture

LOOK_AFTER = 3600.0
PICTURE = "00000000-0000-4000-8000-000000000001.png"
MASK = "00000000-0000-4000-8000-000000000002.png"


def fresh(cloud: Any) -> Stack:
    """A process that has seen nothing yet."""
    stack: Stack = cloud.stack(look_after=LOOK_AFTER)
    cloud.wire.calls.clear()
    return stack


def send(
    stack: Stack, cloud: Any, method: str, path: str, idempotency_key: str | None = None, **fields: Any
) -> Response:
    body, content_type = cloud.form(**fields) if fields else (b"", "")
    headers = [(API_KEY.lower(), "key"), ("content-type", content_type), ("prefer", "respond-async")]
    if idempotency_key is not None:
        headers.append((IDEMPOTENCY_KEY.lower(), idempotency_key))
    answer = Application(stack.service).respond(RequestHead(method, path, headers=tuple(headers)), body)
    assert isinstance(answer, Response)
    return answer


def submit(stack: Stack, cloud: Any, **fields: Any) -> str:
    answer = send(stack, cloud, "POST", "/v1/painting/outpaint", prompt="a field", **fields)
    assert answer.status == 202, answer.body
    inference_id = json.loads(answer.body)["inference_id"]
    assert isinstance(inference_id, str)
    return inference_id


def test_a_submit_with_everything_costs_eight(cloud: Any, cut_out: bytes) -> None:
    submit(fresh(cloud), cloud, image=cut_out, mask=cut_out, idempotency_key="k")
    assert cloud.wire.calls == [
        "GetItem",  # the key and its account
        "UpdateItem",  # the rate limit
        "GetItem",  # the idempotency key
        "TransactWriteItems",  # claim, credits and job
        "PutObject",
        "PutObject",
        "InvokeEndpointAsync",
        "UpdateItem",  # dispatched
    ]


def test_a_submit_by_ids_costs_eight(cloud: Any, cut_out: bytes) -> None:
    for name in (PICTURE, MASK):
        picture = StoredPicture(cut_out, "image/png", "ann", cloud.clock.now() + 90_000)
        cloud.stack(watched=False).service.pictures.put(name, picture)
    submit(fresh(cloud), cloud, image_id=PICTURE, mask_id=MASK, idempotency_key="k")
    assert sorted(cloud.wire.calls) == sorted(
        ["GetItem"] * 2 + ["UpdateItem"] * 2 + ["GetObject"] * 2 + ["TransactWriteItems", "InvokeEndpointAsync"]
    )
    assert cloud.endpoint.queue[0].image == PICTURE


@pytest.mark.parametrize("state", ["accepted", "dispatched", "painting", "succeeded", "failed"])
def test_a_poll_costs_three(cloud: Any, cut_out: bytes, state: str) -> None:
    inference_id = submit(cloud.stack(watched=False), cloud, image=cut_out)
    service = cloud.stack(watched=False).service
    request = cloud.endpoint.queue[0]
    if state == "painting":
        settle.begin(service, inference_id)
    if state == "succeeded":
        settle.succeed(service, cloud.paint(request))
    if state == "failed":
        settle.expire(service, service.jobs.find(inference_id, cloud.clock.now()))
    answer = send(fresh(cloud), cloud, "GET", f"/v1/painting/{inference_id}")
    assert answer.status == (200 if state in ("succeeded", "failed") else 202)
    assert cloud.wire.calls == ["GetItem", "UpdateItem", "GetItem"]


@pytest.mark.parametrize(
    ("method", "path", "calls"),
    [
        ("GET", "/v1/balance", ["GetItem", "UpdateItem"]),
        ("GET", "/health", []),
        ("GET", "/openapi.json", []),
        ("OPTIONS", "/v1/painting/outpaint", []),
        ("GET", "/nothing", ["GetItem"]),  # its answer shows a known key its credits
        ("PUT", "/v1/balance", ["GetItem"]),
    ],
)
def test_what_else_costs(cloud: Any, method: str, path: str, calls: list[str]) -> None:
    send(fresh(cloud), cloud, method, path)
    assert cloud.wire.calls == calls


def test_a_refusal_without_a_key_costs_nothing(cloud: Any) -> None:
    answer = Application(fresh(cloud).service).respond(RequestHead("GET", "/nothing"))
    assert isinstance(answer, Response)
    assert (answer.status, cloud.wire.calls) == (404, [])


def test_an_upload_costs_three_and_no_call_to_s3(cloud: Any) -> None:
    answer = send(fresh(cloud), cloud, "POST", "/v1/uploads", content_type="image/png")
    assert answer.status == 200
    # The key and its account, the rate limit, the forms that the account has had.
    assert cloud.wire.calls == ["GetItem", "UpdateItem", "UpdateItem"]


def test_forms_count_as_the_largest_picture_until_their_files_are_gone(cloud: Any) -> None:
    settings = cloud.settings.service
    limit = settings.stored_bytes_per_account // settings.pictures.max_bytes
    assert limit == 2048
    two = settings.model_copy(update={"stored_bytes_per_account": 2 * settings.pictures.max_bytes})
    cloud.settings = cloud.settings.model_copy(update={"service": two})

    def asked() -> Response:
        return send(fresh(cloud), cloud, "POST", "/v1/uploads", content_type="image/png")

    assert [asked().status for _ in range(3)] == [200, 200, 429]
    refusal = asked()
    assert json.loads(refusal.body)["error_code"] == "storage_full"
    assert refusal.header("Retry-After") == str(settings.retry_after)
    cloud.clock.time += settings.result_lifetime
    assert asked().status == 200


def test_an_address_costs_a_look_at_the_credits_as_they_are_when_it_is_fetched(
    cloud: Any, cut_out: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = fresh(cloud)
    monkeypatch.setattr(LazyFetch, "fetch", lambda *_, **__: cut_out)
    submit(stack, cloud, image_url="https://example.com/a.png")
    assert cloud.wire.calls == [
        "GetItem",  # the key and its account
        "UpdateItem",  # the rate limit
        "GetItem",  # the account again
        "TransactWriteItems",
        "PutObject",
        "InvokeEndpointAsync",
        "UpdateItem",
    ]


def test_who_cannot_pay_costs_a_look_at_the_account_as_it_is_now(cloud: Any, cut_out: bytes) -> None:
    DynamoKeyRing(cloud.table()).add_credits("ann", -20, cloud.clock.now())
    for path, fields in (
        ("/v1/uploads", {"content_type": "image/png"}),
        ("/v1/painting/outpaint", {"image": cut_out, "prompt": "a field", "count": "1"}),
        ("/v1/painting/outpaint", {"image_url": "https://example.com/a.png", "prompt": "a field", "count": "1"}),
    ):
        answer = send(fresh(cloud), cloud, "POST", path, **fields)
        assert answer.status == 402, answer.body
        assert cloud.wire.calls == ["GetItem", "UpdateItem", "GetItem"]


def test_clients_are_built_when_they_are_needed(aws: None, cloud: Any) -> None:
    stack = cloud.stack()
    kept, every = vars(stack.clients), {"dynamodb", "functions", "queue", "realtime", "s3"}
    for name in kept.keys() & every:
        del kept[name]
    send(stack, cloud, "GET", "/health")
    assert not kept.keys() & every
    send(stack, cloud, "GET", "/v1/balance")
    assert kept.keys() & every == {"dynamodb"}


def test_a_message_too_long_for_itself_goes_by_way_of_s3(cloud: Any, cut_out: bytes) -> None:
    text = "☃" * 19_999
    submit(cloud.stack(), cloud, image=cut_out, negative_prompt=text)
    (request,) = cloud.endpoint.queue
    assert isinstance(request, InferenceRequest)
    assert request.wish.negative_prompt == text
    assert "x-amzn-sagemaker-inputlocation" not in cloud.endpoint.parameters["headers"]
    longest = request.model_copy(update={"account": "☃" * 60_000})
    cloud.stack().dispatch.start(longest)
    assert cloud.endpoint.queue[1] == longest
    assert cloud.endpoint.parameters["headers"]["x-amzn-sagemaker-inputlocation"].endswith("/request")


def test_what_sagemaker_is_told(cloud: Any, cut_out: bytes) -> None:
    inference_id = submit(cloud.stack(), cloud, image=cut_out)
    headers = cloud.endpoint.parameters["headers"]
    assert cloud.endpoint.parameters["path"].startswith("/endpoints/painter/")
    assert headers["x-amzn-sagemaker-inference-id"] == inference_id
    # SageMaker takes no file name of more than 32 characters, and botocore does not say so.
    assert headers["x-amzn-sagemaker-filename"] == inference_id.replace("-", "")
    assert len(headers["x-amzn-sagemaker-filename"]) <= 32
    assert headers["x-amzn-sagemaker-requestttlseconds"] == "3600"
    assert headers["x-amzn-sagemaker-invocationtimeoutseconds"] == "3600"
    assert headers["x-amzn-sagemaker-content-type"] == "application/json"
