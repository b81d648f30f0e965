"""HTTP through a REST API or a Function URL to the API's function and back: nothing is lost on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_cloud.gateways import (
    MAX_REST_BODY,
    FunctionUrl,
    GatewayRequest,
    MalformedAnswer,
    RestApi,
    answer_of,
    function_url_event,
    rest_api_event,
    serve_gateway,
)
from local_cloud.lambda_runtime import MAX_PAYLOAD, EventTooLarge, FunctionError
from local_cloud.runtime_stack import Template

from outpaint.contracts.errors import ERROR_KINDS, ErrorBody
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.handlers.gateway_events import request_body, request_head, written
from outpaint.functions.http.bodies import whole_body
from outpaint.functions.http.messages import RequestHead, Response

ROOT = Path(__file__).parents[3]
MULTIPART = "multipart/form-data; boundary=b"
BINARY = frozenset({"multipart/form-data"})
TEMPLATE = Template(ROOT / "template.yaml", {"ExistingEndpoint": "painter"}, {"Table": "t", "Bucket": "b"}, {})
GATEWAY_RESPONSES = TEMPLATE.properties("RestApi")["GatewayResponses"]


class Echo:
    """A function that answers what it has understood of a request, in our own words for it."""

    def __init__(self) -> None:
        self.heard: list[tuple[RequestHead, bytes]] = []

    def __call__(self, payload: bytes) -> bytes:
        if len(payload) > MAX_PAYLOAD:
            raise EventTooLarge("Request must be smaller")
        event = json.loads(payload)
        head, body = request_head(event), whole_body(request_body(event))
        self.heard.append((head, body))
        answer = Response(200, (("X-Head", head.path), ("Content-Type", "image/png")), body)
        return json.dumps(written(event, answer)).encode()


def rest(function: Any) -> RestApi:
    return RestApi(function, "live", "/live", BINARY, GATEWAY_RESPONSES)


SEGMENTS = st.text(st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=["Cs", "Cc"]), min_size=1)
VALUES = st.text("abc ~!'()*;:=?@äß☃", max_size=8)


@given(
    body=st.binary(max_size=300),
    segments=st.lists(SEGMENTS, min_size=1, max_size=3),
    query=st.lists(st.tuples(st.sampled_from(["mode", "a b", "ü"]), VALUES), max_size=4),
    kind=st.sampled_from(["rest", "url"]),
)
def test_a_request_arrives_as_it_was_sent(
    body: bytes, segments: list[str], query: list[tuple[str, str]], kind: str
) -> None:
    url = httpx.URL("http://x/" + "/".join(segments).replace("%", "%25").replace("?", "%3F").replace("#", "%23"))
    path = url.raw_path.decode()
    raw_query = str(httpx.QueryParams(query))
    headers = (("Host", "api.test"), ("Content-Type", MULTIPART), (API_KEY, "k"), ("Accept", "a"), ("Accept", "b"))
    request = GatewayRequest("POST", path, raw_query, headers, body, "198.51.100.7")
    event = json.loads(
        rest_api_event(request, "live", "/live", BINARY) if kind == "rest" else function_url_event(request)
    )
    head = request_head(event)
    assert whole_body(request_body(event)) == body
    assert len(request_body(event)) == len(body)
    assert head.method == "POST"
    assert head.path == url.path
    # A gateway puts the values of a name together, whatever stood between them.
    assert sorted(httpx.QueryParams(head.query).multi_items()) == sorted(query)
    assert head.header(API_KEY) == "k"
    assert ",".join(head.header_values("accept")) == "a,b"
    assert head.origin == ("https://api.test/live" if kind == "rest" else "https://api.test")


@pytest.mark.parametrize("content", [b"plain", b"", bytes(range(256)) * 10])
def test_bytes_come_through_real_http_whole(content: bytes) -> None:
    for front, path in ((rest(Echo()), "/live/v1/x%20y"), (FunctionUrl(Echo()), "/v1/x%20y")):
        with serve_gateway(front) as url, httpx.Client(base_url=url, trust_env=False) as client:
            answer = client.post(path, content=content, headers={"Content-Type": MULTIPART})
            assert (answer.status_code, answer.content) == (200, content)
            assert answer.headers["X-Head"] == "/v1/x y"
            chunked = client.post(path, content=iter([content, content]), headers={"Content-Type": MULTIPART})
            assert chunked.content == content * 2
            assert client.head(path).content == b""


def test_text_at_a_rest_api_is_text() -> None:
    echo = Echo()
    request = GatewayRequest("POST", "/live/v1/x", "", (("content-type", "application/json"),), b'{"a": "\xff"}', "::1")
    rest(echo)(request)
    assert echo.heard[0][1] == '{"a": "\ufffd"}'.encode()


def check_gateway_answer(answer: Response) -> ErrorBody:
    """What every answer of ours has, a gateway's own has too."""
    body = ErrorBody.model_validate_json(answer.body)
    assert answer.status == body.code == ERROR_KINDS[body.error_code].status.value
    assert answer.header("X-Picsart-Correlation-Id")
    return body


def test_what_is_too_large_for_lambda_is_told_the_way_out_by_a_rest_api() -> None:
    echo = Echo()
    request = GatewayRequest(
        "POST", "/live/v1/painting/outpaint", "", (("content-type", MULTIPART),), bytes(4_800_000), "::1"
    )
    body = check_gateway_answer(rest(echo)(request))
    assert body.code == 413
    assert "/v1/uploads" in body.detail
    assert echo.heard == []


def test_what_is_too_large_for_a_rest_api_it_refuses_in_its_own_words() -> None:
    echo = Echo()
    large = bytes(MAX_REST_BODY + 1)
    answer = rest(echo)(
        GatewayRequest("POST", "/live/v1/painting/outpaint", "", (("content-type", MULTIPART),), large, "::1")
    )
    assert (answer.status, answer.header("Content-Type")) == (413, "text/plain")
    assert echo.heard == []


def test_what_is_too_large_for_lambda_is_refused_by_a_function_url_in_its_own_words() -> None:
    request = GatewayRequest(
        "POST", "/v1/painting/outpaint", "", (("content-type", MULTIPART),), bytes(4_800_000), "::1"
    )
    answer = FunctionUrl(Echo())(request)
    assert answer.status == 413
    assert list(json.loads(answer.body)) == ["Message"]


@pytest.mark.parametrize("fault", [FunctionError("Sandbox.Timedout", "late"), None])
def test_a_function_that_fails_is_503_at_a_rest_api_and_502_at_a_url(fault: FunctionError | None) -> None:
    def broken(_: bytes) -> bytes:
        if fault is not None:
            raise fault
        return b'{"no": "answer"}'

    answer = rest(broken)(GatewayRequest("GET", "/live/v1/balance", "", (), b"", "::1"))
    assert check_gateway_answer(answer).code == 503
    assert answer.header("Retry-After")
    assert FunctionUrl(broken)(GatewayRequest("GET", "/v1/balance", "", (), b"", "::1")).status == 502


def test_outside_its_stage_a_rest_api_knows_nothing() -> None:
    assert rest(Echo())(GatewayRequest("GET", "/v1/balance", "", (), b"", "::1")).status == 403
    assert rest(Echo())(GatewayRequest("GET", "/live", "", (), b"", "::1")).header("X-Head") == "/"


def test_at_a_domain_of_ones_own_the_stage_is_not_seen() -> None:
    echo = Echo()
    own = RestApi(echo, "live", "", BINARY, GATEWAY_RESPONSES)
    own(GatewayRequest("GET", "/v1/balance", "", (("Host", "api.test"),), b"", "::1"))
    ((head, _),) = echo.heard
    assert (head.origin, head.path) == ("https://api.test", "/v1/balance")


@pytest.mark.parametrize("payload", [b"nonsense", b"[]", b"null", b"{}", b'{"statusCode": 200, "headers": 5}'])
def test_an_answer_that_is_none_is_told(payload: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        answer_of(payload)


def test_the_template_gives_the_functions_their_environment() -> None:
    parameters = {"ExistingEndpoint": "painter", "RateLimit": 7, "PublicUrl": "https://a.test/x"}
    template = Template(ROOT / "template.yaml", parameters, {"Table": "ledger", "Bucket": "pictures"}, {})
    settings = AwsSettings.from_environment(template.environment("ApiFunction"))
    assert (settings.table, settings.bucket, settings.endpoint) == ("ledger", "pictures", "painter")
    assert (settings.service.rate_limit, settings.service.public_url) == (7, "https://a.test/x")
    assert settings.realtime_function is None
    with pytest.raises(ValueError, match="no parameter Rate"):
        Template(ROOT / "template.yaml", {"Rate": 1}, {}, {})
