"""HTTP through a REST API or a Function URL to the API's function and back: nothing is lost on the way."""

from __future__ import annotations

import dataclasses
import json
import threading
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
    RestApiDefinition,
    answer_of,
    function_url_event,
    rest_api_event,
    serve_gateway,
)
from local_cloud.lambda_runtime import MAX_PAYLOAD, EventTooLarge, FunctionError
from local_cloud.transformed_template import TransformedTemplate

from outpaint.contracts.errors import ERROR_KINDS, ErrorBody
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.handlers.gateway_events import request_body, request_head, written
from outpaint.functions.http.field_values import whole_body
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.painting.endpoint.endpoint_settings import EndpointSettings

MULTIPART = "multipart/form-data; boundary=b"
DEFINITION = RestApiDefinition.read(TransformedTemplate({"ExistingEndpoint": "painter"}))


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
    return RestApi(function, DEFINITION, "/live")


SEGMENTS = st.text(st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=["Cs", "Cc"]), min_size=1)
VALUES = st.text("abc ~!'()*;:=?@äß☃", max_size=8)


@given(
    body=st.binary(max_size=300),
    segments=st.lists(SEGMENTS, min_size=1, max_size=3),
    query=st.lists(st.tuples(st.sampled_from(["mode", "a b", "ü"]), VALUES), max_size=4),
    kind=st.sampled_from(["rest", "url"]),
    end=st.sampled_from(["", "/", "//"]),
)
def test_a_request_arrives_as_it_was_sent(
    body: bytes, segments: list[str], query: list[tuple[str, str]], kind: str, end: str
) -> None:
    url = httpx.URL("http://x/" + "/".join(segments).replace("%", "%25").replace("?", "%3F").replace("#", "%23") + end)
    path = url.raw_path.decode()
    raw_query = str(httpx.QueryParams(query))
    headers = (("Host", "api.test"), ("Content-Type", MULTIPART), (API_KEY, "k"), ("Accept", "a"), ("Accept", "b"))
    request = GatewayRequest("POST", path, raw_query, headers, body, "198.51.100.7")
    is_binary = DEFINITION.is_binary("multipart/form-data")
    event = json.loads(
        rest_api_event(request, "live", "/live", is_binary) if kind == "rest" else function_url_event(request)
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
            # A REST API gives bytes to those alone who accept, before all else, a type that it takes for binary.
            client.headers.update({"Content-Type": MULTIPART, "Accept": "multipart/form-data, */*"})
            answer = client.post(path, content=content)
            assert (answer.status_code, answer.content) == (200, content)
            assert answer.headers["X-Head"] == "/v1/x y"
            chunked = client.post(path, content=iter([content, content]))
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
    own = RestApi(echo, DEFINITION, "")
    own(GatewayRequest("GET", "/v1/balance", "", (("Host", "api.test"),), b"", "::1"))
    ((head, _),) = echo.heard
    assert (head.origin, head.path) == ("https://api.test", "/v1/balance")


def changed(**changes: Any) -> RestApi:
    """The API as another definition would have it."""
    return RestApi(Echo(), dataclasses.replace(DEFINITION, **changes), "/live")


BALANCE = GatewayRequest("GET", "/live/v1/balance", "", (), b"", "::1")


def test_what_the_template_says_is_what_the_gateway_does() -> None:
    assert DEFINITION.binary_types == {"multipart/form-data"}
    assert DEFINITION.stage == "live"
    assert DEFINITION.may_invoke
    assert DEFINITION.timeout_s == 29
    # A wait that the template grants ends before the gateway hangs up.
    template = TransformedTemplate({})
    assert float(template.environment("ApiFunction")["OUTPAINT_MAX_WAIT"]) < DEFINITION.timeout_s
    assert template.properties("ApiFunction")["Timeout"] <= DEFINITION.timeout_s


def test_without_its_binary_type_an_upload_is_spoiled() -> None:
    """What the template would lose with one line, and why the wire suite runs through its definition."""
    sent = bytes(range(256))
    request = GatewayRequest("POST", "/live/v1/x", "", (("content-type", MULTIPART),), sent, "::1")
    for api, whole in ((rest(Echo()), True), (changed(binary_types=frozenset()), False)):
        api(request)
        echo: Any = api._invoke
        assert (echo.heard[0][1] == sent) == whole


@pytest.mark.parametrize(("accept", "as_bytes"), [(None, False), ("*/*", False), ("multipart/form-data", True)])
def test_bytes_come_back_as_base64_but_to_those_who_accept_a_binary_type_first(
    accept: str | None, as_bytes: bool
) -> None:
    headers = (("content-type", MULTIPART), *((("accept", accept),) if accept else ()))
    body = rest(Echo())(GatewayRequest("POST", "/live/v1/x", "", headers, b"\xff\xfe", "::1")).body
    assert body == (b"\xff\xfe" if as_bytes else b"//4=")


def test_a_function_that_takes_too_long_is_504() -> None:
    over = threading.Event()

    def slow(_: bytes) -> bytes:
        over.wait(10)
        return b"{}"

    body = check_gateway_answer(RestApi(slow, dataclasses.replace(DEFINITION, timeout_s=0.05), "/live")(BALANCE))
    over.set()
    assert (body.code, body.error_code) == (504, "timed_out")


def test_beyond_its_burst_a_stage_throttles_until_its_rate_has_filled_the_bucket() -> None:
    now = [0.0]
    definition = dataclasses.replace(DEFINITION, rate=2.0, burst=3)
    api = RestApi(Echo(), definition, "/live", lambda: now[0])
    assert [api(BALANCE).status for _ in range(4)] == [200, 200, 200, 429]
    refused = api(BALANCE)
    assert check_gateway_answer(refused).error_code == "rate_limited"
    assert refused.header("Retry-After") == "1"
    now[0] = 0.5
    assert [api(BALANCE).status for _ in range(2)] == [200, 429]
    now[0] = 100.0
    assert [api(BALANCE).status for _ in range(4)] == [200, 200, 200, 429]


def test_without_leave_to_invoke_the_alias_every_request_fails() -> None:
    assert check_gateway_answer(changed(may_invoke=False)(BALANCE)).code == 503


def test_a_greedy_path_takes_all_but_the_root() -> None:
    proxy_alone = changed(routes=("/{proxy+}",))
    root = GatewayRequest("GET", "/live", "", (), b"", "::1")
    assert (proxy_alone(BALANCE).status, proxy_alone(root).status) == (200, 403)


def test_an_answer_that_the_definition_does_not_say_is_aws_own() -> None:
    assert json.loads(changed(responses={}, may_invoke=False)(BALANCE).body) == {"message": "Internal server error"}


def test_both_doors_rename_the_header_that_says_how_to_authenticate() -> None:
    def refusing(_: bytes) -> bytes:
        return json.dumps({"statusCode": 401, "headers": {"WWW-Authenticate": "ApiKey"}, "body": ""}).encode()

    for door, path in ((rest(refusing), "/live/v1/balance"), (FunctionUrl(refusing), "/v1/balance")):
        answer = door(GatewayRequest("GET", path, "", (), b"", "::1"))
        assert answer.header("WWW-Authenticate") is None
        assert answer.header("X-Amzn-Remapped-WWW-Authenticate") == "ApiKey"


def test_a_definition_that_leads_elsewhere_is_no_api_of_ours() -> None:
    template = TransformedTemplate({}, {"ApiFunctionAliaslive": "arn:alias"})
    assert RestApiDefinition.read(template).may_invoke
    template.resources["RestApiPermission"]["Properties"]["SourceArn"] = "arn:aws:execute-api:x:y:other/*"
    assert not RestApiDefinition.read(template).may_invoke
    paths = template.resources["RestApi"]["Properties"]["Body"]["paths"]
    paths["/"]["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]["type"] = "mock"
    with pytest.raises(ValueError, match="/ is no Lambda proxy"):
        RestApiDefinition.read(template)


@pytest.mark.parametrize("payload", [b"nonsense", b"[]", b"null", b"{}", b'{"statusCode": 200, "headers": 5}'])
def test_an_answer_that_is_none_is_told(payload: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        answer_of(payload)


@pytest.mark.parametrize("share", ["0", "0.05", "0.9999"])
def test_what_may_be_missing_is_the_same_to_the_functions_and_the_painter(share: str) -> None:
    template = TransformedTemplate({"ImageUri": "painter:1", "MaxMissing": share}, {"Table": "t", "Bucket": "b"})
    functions = AwsSettings.from_environment(template.environment("ApiFunction")).service.pictures
    container = template.properties("Model")["PrimaryContainer"]["Environment"]
    painter = EndpointSettings.from_environment(container).limits
    assert functions.max_missing == painter.max_missing == float(share)


def test_the_template_gives_the_functions_their_environment() -> None:
    parameters = {"ExistingEndpoint": "painter", "RateLimit": 7, "PublicUrl": "https://a.test/x"}
    template = TransformedTemplate(parameters, {"Table": "ledger", "Bucket": "pictures"})
    settings = AwsSettings.from_environment(template.environment("ApiFunction"))
    assert (settings.table, settings.bucket, settings.endpoint) == ("ledger", "pictures", "painter")
    assert (settings.service.rate_limit, settings.service.public_url) == (7, "https://a.test/x")
    assert settings.realtime_function is None
    with pytest.raises(ValueError, match="no parameter Rate"):
        TransformedTemplate({"Rate": 1})
