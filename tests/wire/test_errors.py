"""Refusals that belong to no single field: keys, routes, verbs, Accept, sizes; and their two shapes."""

from __future__ import annotations

import httpx
import pytest
from outpaint_contracts import headers
from outpaint_contracts.errors import ErrorCode, ProblemDetails
from wire_kit import pictures
from wire_kit.api import BALANCE, OUTPAINT, Api, accepted_of, check_every_answer, refused, result_of
from wire_kit.providers import Provider

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", OUTPAINT), ("GET", f"/v1/painting/{UNKNOWN_ID}"), ("GET", BALANCE)]
)
class TestKeys:
    def test_no_key_is_401(self, api: Api, method: str, path: str) -> None:
        answer = api.with_key(None).request(method, path)
        refused(answer, ErrorCode.MISSING_KEY)
        assert answer.json()["message"] == "token_error"

    @pytest.mark.parametrize("key", ["wrong", "dev2", "x" * 500])
    def test_an_unknown_key_is_401(self, api: Api, method: str, path: str, key: str) -> None:
        answer = api.with_key(key).request(method, path)
        refused(answer, ErrorCode.UNKNOWN_KEY)
        assert answer.json()["message"] == "token_error"
        assert key not in answer.text

    @pytest.mark.parametrize("name", ["api_key", "apikey", "key", "X-Picsart-API-Key"])
    def test_a_key_in_the_query_counts_for_nothing(self, api: Api, method: str, path: str, name: str) -> None:
        refused(api.with_key(None).request(method, path, params={name: api.key}), ErrorCode.MISSING_KEY)

    def test_a_key_that_is_not_allowed_is_403(self, provider: Provider, api: Api, method: str, path: str) -> None:
        refused(api.with_key(provider.forbidden_key()).request(method, path), ErrorCode.FORBIDDEN)


@pytest.mark.parametrize("name", ["x-picsart-api-key", "X-PICSART-API-KEY", "X-Picsart-Api-Key"])
def test_the_key_header_is_read_in_any_case(api: Api, name: str) -> None:
    assert api.client.get(BALANCE, headers={name: api.key or ""}).status_code == 200


def test_a_refused_key_is_told_so_before_its_body_is_looked_at(api: Api) -> None:
    answer = api.with_key("wrong").post_body(b"not multipart at all", "multipart/form-data")
    refused(answer, ErrorCode.UNKNOWN_KEY)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/nothing",
        "/v1/balance/",
        "/v1/painting/",
        "/v2/balance",
        "/v1/painting/a/b",
        "/%00",
        "/../etc/passwd",
    ],
)
def test_an_unknown_path_is_404(api: Api, path: str) -> None:
    refused(api.get(path), ErrorCode.UNKNOWN_ROUTE)


@pytest.mark.parametrize("inference_id", [UNKNOWN_ID, "1", "x" * 300, "%00", "..", "a%20b", "%F0%9F%9B%B6"])
def test_an_unknown_inference_is_404(api: Api, inference_id: str) -> None:
    answer = api.poll(inference_id)
    assert answer.status_code == 404
    assert answer.json()["error_code"] in ("unknown_inference", "unknown_route")


def test_another_accounts_inference_is_404(provider: Provider, api: Api) -> None:
    accepted = accepted_of(api.outpaint(mode="async"))
    stranger = api.with_key(provider.second_key())
    unknown, foreign = stranger.poll(UNKNOWN_ID), stranger.poll(accepted.inference_id)
    refused(foreign, ErrorCode.UNKNOWN_INFERENCE)
    # Nothing tells a stranger that the id exists.
    assert foreign.json() == unknown.json()
    assert api.end_of(accepted.inference_id).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_another_verb_on_outpaint_is_405_with_allow(api: Api, method: str) -> None:
    answer = api.request(method, OUTPAINT)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", [BALANCE, f"/v1/painting/{UNKNOWN_ID}"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_another_verb_on_what_is_read_is_405_with_allow(api: Api, path: str, method: str) -> None:
    answer = api.request(method, path)
    refused(answer, ErrorCode.METHOD_NOT_ALLOWED)
    assert "GET" in answer.headers["Allow"]


def test_an_invented_verb_is_405_or_not_even_http(api: Api) -> None:
    assert api.request("BREW", BALANCE).status_code in (400, 405)


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "application/json", "text/html, application/json;q=0.1", "APPLICATION/JSON", ""]
)
def test_an_accept_that_json_meets_is_met(api: Api, accept: str) -> None:
    assert api.get(BALANCE, headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/xml", "application/json;q=0", "text/*"])
def test_an_accept_that_json_cannot_meet_is_406(api: Api, accept: str) -> None:
    refused(api.get(BALANCE, headers={"Accept": accept}), ErrorCode.NOT_ACCEPTABLE, field="Accept")
    with api.charged(0):
        answer = api.outpaint(headers={"Accept": accept})
    refused(answer, ErrorCode.NOT_ACCEPTABLE)


@pytest.mark.parametrize("accept", [PROBLEM, f"application/json, {PROBLEM}", f"{PROBLEM}, */*;q=0.1"])
def test_who_asks_for_problem_details_gets_errors_as_those(api: Api, accept: str) -> None:
    answer = api.outpaint(count=11, headers={"Accept": accept})
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == PROBLEM
    problem = ProblemDetails.model_validate(answer.json())
    assert problem.status == 422
    assert problem.type == "urn:outpaint-kit:error:invalid_parameter"
    assert problem.title
    assert problem.detail.startswith("count has wrong value 11")
    assert problem.field == "count"
    assert problem.instance == f"urn:uuid:{answer.headers[headers.CORRELATION_ID]}"


def test_who_ranks_plain_json_higher_gets_plain_json(api: Api) -> None:
    answer = api.get("/v1/nothing", headers={"Accept": f"application/json, {PROBLEM};q=0.5"})
    assert answer.headers["Content-Type"] == "application/json"


def test_who_asks_for_problem_details_gets_results_as_json(api: Api) -> None:
    answer = api.get(BALANCE, headers={"Accept": PROBLEM})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/nothing", 404), ("PUT", BALANCE, 405), ("GET", BALANCE, 401)]
)
def test_every_refusal_can_be_a_problem(api: Api, method: str, path: str, status: int) -> None:
    answer = api.with_key(None).request(method, path, headers={"Accept": PROBLEM})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == PROBLEM


def test_headers_of_more_than_32_kib_are_431(api: Api) -> None:
    refused(api.get(BALANCE, headers={"X-Filler": "x" * 40_000}), ErrorCode.HEADERS_TOO_LARGE)


def test_headers_of_60_kib_are_431_and_the_next_request_is_served(api: Api) -> None:
    refused(api.get(BALANCE, headers={f"X-{n}": "x" * 1000 for n in range(60)}), ErrorCode.HEADERS_TOO_LARGE)
    assert api.get(BALANCE).status_code == 200


def test_a_file_over_the_limit_is_413(provider: Provider) -> None:
    with provider.configured(pictures={"max_bytes": 10_000}) as small, small.client() as client:
        api = Api(client, small.key())
        with api.charged(0):
            answer = api.outpaint(image=pictures.canvas() + bytes(10_000))
        refused(answer, ErrorCode.FILE_TOO_LARGE, field="image")
        result_of(api.outpaint())


def test_a_body_over_the_limit_is_413(provider: Provider) -> None:
    with provider.configured(pictures={"max_bytes": 10_000}) as small, small.client() as client:
        api = Api(client, small.key())
        with api.charged(0):
            answer = api.outpaint(image=bytes(2_000_000))
        refused(answer, ErrorCode.BODY_TOO_LARGE)
        result_of(api.outpaint())


def test_a_body_over_the_limit_sent_in_chunks_is_413(provider: Provider) -> None:
    with provider.configured(pictures={"max_bytes": 10_000}) as small, small.client() as client:
        api = Api(client, small.key())
        chunks = iter([bytes(100_000)] * 20)
        answer = api.request("POST", OUTPAINT, content=chunks, headers={"Content-Type": "application/json"})
        refused(answer, ErrorCode.BODY_TOO_LARGE)


def test_correlation_ids_differ_from_answer_to_answer(api: Api) -> None:
    assert len({api.get(BALANCE).headers[headers.CORRELATION_ID] for _ in range(5)}) == 5


def test_the_balance_has_one_member_and_no_other(api: Api) -> None:
    document = api.get(BALANCE).json()
    assert list(document) == ["credits"]
    assert type(document["credits"]) is int


def test_head_answers_as_get_without_a_body(api: Api) -> None:
    answer = api.request("HEAD", BALANCE)
    assert answer.status_code == 200
    assert answer.content == b""


def test_errors_are_json_even_for_a_client_that_sends_no_accept(api: Api) -> None:
    request = httpx.Request("GET", api.client.base_url.join("/v1/nothing"))
    answer = api.client.send(request)
    check_every_answer(answer)
    assert answer.headers["Content-Type"] == "application/json"
