"""The functions as Lambda calls them: events in, answers out."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lambda_context import LambdaContext
from lambda_events import rest_event
from pydantic import ValidationError

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import API_KEY, WARNING
from outpaint.functions.handlers import api_handler, gateway_events, job_handlers
from outpaint.functions.handlers.api_handler import MARGIN_S, outcome_of
from outpaint.functions.handlers.gateway_events import request_body, request_head
from outpaint.functions.http.application import Application
from outpaint.functions.http.bodies import read_fields
from outpaint.functions.http.field_values import whole_body
from outpaint.functions.http.messages import RequestHead, Response, Waiting


@pytest.fixture
def function(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The functions over the test's cloud."""
    stack = cloud.stack(look_after=0.0)
    monkeypatch.setattr(api_handler, "answering", lambda: (stack, Application(stack.service)))
    monkeypatch.setattr(job_handlers, "settling", lambda: stack)
    return cloud


def rest(method: str, path: str, body: bytes | None = None, **headers: str) -> dict[str, Any]:
    """A REST API's event."""
    return rest_event(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})


def second(method: str, path: str, body: bytes | None = None, **headers: str) -> dict[str, Any]:
    """An HTTP API's or a Function URL's event."""
    given = {"host": "u.lambda-url.aws", API_KEY.lower(): "key", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "mode=async",
        "headers": given,
        "requestContext": {"stage": "$default", "domainName": "u.lambda-url.aws", "http": {"method": method}},
        "body": None if body is None else base64.b64encode(body).decode(),
        "isBase64Encoded": body is not None,
    }


@pytest.mark.parametrize("event", [rest, second])
def test_a_picture_goes_in_and_comes_out(function: Any, cut_out: bytes, event: Any) -> None:
    body, content_type = function.form(image=cut_out, prompt="a field")
    accepted = api_handler.handler(
        event("POST", "/v1/painting/outpaint", body, content_type=content_type, prefer="respond-async"), LambdaContext()
    )
    assert accepted["statusCode"] == 202
    assert not accepted["isBase64Encoded"]
    headers = accepted.get("headers") or {name: v[0] for name, v in accepted["multiValueHeaders"].items()}
    inference_id = json.loads(accepted["body"])["inference_id"]
    prefix = "https://api.example.com/live" if event is rest else "https://u.lambda-url.aws"
    assert headers["Location"] == f"{prefix}/v1/painting/{inference_id}"
    assert headers["X-Picsart-Credit-Available"] == "20"

    (request,) = function.endpoint.queue
    function.paint(request)
    assert job_handlers.completion(function.event(request), LambdaContext()) == {"batchItemFailures": []}
    done = api_handler.handler(event("GET", f"/v1/painting/{inference_id}"), LambdaContext())
    assert done["statusCode"] == 200
    assert [picture["id"] for picture in json.loads(done["body"])["data"]] == list(request.output_ids)


def test_a_sync_request_waits_for_its_pictures(function: Any, cut_out: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        function.clock.time += seconds
        if len(slept) == 3:
            (request,) = function.endpoint.queue
            function.paint(request)
            job_handlers.completion(function.event(request), LambdaContext())

    monkeypatch.setattr(
        api_handler, "outcome_of", lambda service, waiting, remaining: outcome_of(service, waiting, remaining, sleep)
    )
    body, content_type = function.form(image=cut_out, prompt="a field")
    event = rest("POST", "/v1/painting/outpaint", body, content_type=content_type)
    answer = api_handler.handler(event, LambdaContext())
    assert answer["statusCode"] == 200
    assert len(slept) == 3
    assert slept == sorted(slept)


@pytest.mark.parametrize("limit", ["the client's", "the function's"])
def test_a_wait_ends_in_time(function: Any, cut_out: bytes, limit: str) -> None:
    started = function.clock.time

    def sleep(seconds: float) -> None:
        function.clock.time += seconds

    def remaining() -> float:
        return (60.0 if limit == "the client's" else 10.0) - (function.clock.time - started)

    stack, application = api_handler.answering()
    body, content_type = function.form(image=cut_out, prompt="a field")
    event = rest("POST", "/v1/painting/outpaint", body, content_type=content_type, prefer="wait=20")
    waiting = application.respond(request_head(event), body)
    assert isinstance(waiting, Waiting)
    answer = outcome_of(stack.service, waiting, remaining, sleep)
    assert answer.status == 202
    assert function.clock.time - started == pytest.approx(20 if limit == "the client's" else 10 - MARGIN_S)


def test_a_look_that_fails_ends_no_wait(function: Any, cut_out: bytes, refused: Any) -> None:
    stack, application = api_handler.answering()
    body, content_type = function.form(image=cut_out, prompt="a field")
    event = rest("POST", "/v1/painting/outpaint", body, content_type=content_type)
    waiting = application.respond(request_head(event), body)
    assert isinstance(waiting, Waiting)
    function.wire.faults["GetItem"] = [refused("ThrottlingException", 400)] * 2
    looks = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        function.clock.time += seconds

    assert isinstance(outcome_of(stack.service, waiting, lambda: 60.0, sleep), Response)
    assert len(looks) > 2


@pytest.mark.parametrize("event", [rest, second])
@pytest.mark.parametrize("body", ["not base64!", "QUJD*", "QUJ"])
def test_damaged_base64_is_told(function: Any, event: Any, body: str) -> None:
    broken = {**event("POST", "/v1/painting/outpaint", b"", content_type="application/json"), "body": body}
    answer = api_handler.handler(broken, LambdaContext())
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["error_code"] == "malformed_body"


@given(
    lengths=st.lists(st.integers(0, 500), min_size=1, max_size=3),
    piece=st.integers(1, 40).map(lambda fours: 4 * fours),
)
def test_a_form_is_read_whatever_pieces_it_is_decoded_in(lengths: list[int], piece: int) -> None:
    files = [bytes(range(256)) * 2 + b"\r\n--b\r" * length for length in lengths]
    part = b'--b0\r\nContent-Disposition: form-data; name="%d"; filename="f"\r\n\r\n%b\r\n'
    body = b"".join(part % (number, data) for number, data in enumerate(files)) + b"--b0--\r\n"
    with patch.object(gateway_events, "_PIECE", piece):
        encoded = request_body({"body": base64.b64encode(body).decode(), "isBase64Encoded": True})
        head = RequestHead("POST", "/", headers=(("content-type", "multipart/form-data; boundary=b0"),))
        fields = read_fields(head, encoded)
        assert whole_body(encoded) == body
    assert len(encoded) == len(body)
    assert [fields[str(number)][0].data for number in range(len(files))] == files


@pytest.mark.parametrize("text", ["QUI=QUJDREVG", "QUJDQUI=REVG", "QUJDQQ==REVGQUJD", "QUJDREV"])
def test_base64_is_damaged_wherever_a_piece_of_it_is(text: str) -> None:
    with patch.object(gateway_events, "_PIECE", 4), pytest.raises(OutpaintError) as raised:
        whole_body(request_body({"body": text, "isBase64Encoded": True}))
    assert raised.value.code is ErrorCode.MALFORMED_BODY


def test_every_part_of_an_event_is_read(function: Any) -> None:
    event = rest("GET", "/v1/painting/x")
    event["multiValueHeaders"]["Accept"] = ["text/html", "application/json"]
    event["multiValueQueryStringParameters"] = {"mode": ["sync", "async"], "a b": ["&"]}
    head = request_head(event)
    assert head.header_values("accept") == ["text/html", "application/json"]
    assert head.query == "mode=sync&mode=async&a+b=%26"
    assert head.path == "/v1/painting/x"
    assert request_body({"body": "plain ☃"}) == "plain ☃".encode()
    assert request_body({"body": None}) == b""

    staged = second("GET", "/live/v1/painting/a%20b")
    staged["requestContext"]["stage"] = "live"
    head = request_head(staged)
    assert (head.path, head.origin) == ("/v1/painting/a b", "https://u.lambda-url.aws/live")


def test_a_custom_domain_has_its_own_path(function: Any) -> None:
    event = rest("GET", "/v1/balance")
    event["path"] = "/paint/v1/balance"
    event["requestContext"]["path"] = "/paint/v1/balance"
    head = request_head(event)
    assert (head.path, head.origin) == ("/v1/balance", "https://api.example.com/paint")


@pytest.mark.parametrize("event", [rest, second])
def test_a_slash_at_the_end_belongs_to_the_path(function: Any, event: Any) -> None:
    """`{proxy+}` lacks it: docs/facts/aws.md#front-doors."""
    asked = event("GET", "/v1/balance/")
    prefix = "https://api.example.com/live" if event is rest else "https://u.lambda-url.aws"
    head = request_head(asked)
    assert (head.path, head.origin) == ("/v1/balance/", prefix)
    answer = api_handler.handler(asked, LambdaContext())
    headers = answer.get("headers") or {name: v[0] for name, v in answer["multiValueHeaders"].items()}
    assert (answer["statusCode"], "slash" in headers[WARNING]) == (200, True)
    assert api_handler.handler(event("GET", "/v1/balance//"), LambdaContext())["statusCode"] == 404


@pytest.mark.parametrize("proxy", ["v1/balance", "v1/balance/"])
def test_a_slash_at_the_end_hides_no_mapping_key(function: Any, proxy: str) -> None:
    event = second("GET", "/paint/v1/balance/")
    event |= {"routeKey": "ANY /{proxy+}", "pathParameters": {"proxy": proxy}}
    head = request_head(event)
    assert (head.path, head.origin) == ("/v1/balance/", "https://u.lambda-url.aws/paint")


def test_an_http_apis_domain_has_its_own_path(function: Any) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mappings.html"""
    event = second("GET", "/paint/v1/painting/a%20b")
    event |= {"routeKey": "ANY /{proxy+}", "pathParameters": {"proxy": "v1/painting/a b"}}
    head = request_head(event)
    assert (head.path, head.origin) == ("/v1/painting/a b", "https://u.lambda-url.aws/paint")


@pytest.mark.parametrize("several", [True, False])
def test_a_load_balancer_is_answered_as_it_asks(function: Any, several: bool) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html"""
    headers = {"host": "b.elb.example", API_KEY.lower(): "key"}
    query = {"mode": "a%26b", "x": "1%2B1"}
    event: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/x/y"}},
        "httpMethod": "GET",
        "path": "/v1/bal%61nce",
        "body": "",
        "isBase64Encoded": False,
    }
    if several:
        event["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
        event["multiValueQueryStringParameters"] = {name: [value] for name, value in query.items()}
    else:
        event |= {"headers": headers, "queryStringParameters": query}
    head = request_head(event)
    assert (head.path, head.query, head.origin) == ("/v1/balance", "mode=a%26b&x=1%2B1", "https://b.elb.example")
    answer = api_handler.handler(event, LambdaContext())
    assert answer["statusCode"] == 200, answer["body"]
    assert ("multiValueHeaders" in answer, "headers" in answer) == (several, not several)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_every_answer_is_one_that_lambda_takes(function: Any, method: str) -> None:
    for path in ("/health", "/openapi.json", "/docs", "/v1/balance", "/nothing"):
        answer = json.loads(json.dumps(api_handler.handler(rest(method, path), LambdaContext())))
        assert isinstance(answer["body"], str)
        assert all(isinstance(values, list) for values in answer["multiValueHeaders"].values())
        flat = api_handler.handler(second(method, path), LambdaContext())
        assert all(isinstance(value, str) for value in flat["headers"].values())
        assert flat["statusCode"] == answer["statusCode"]


def test_only_the_messages_that_failed_come_again(function: Any, cut_out: bytes) -> None:
    body, content_type = function.form(image=cut_out, prompt="a field")
    event = rest("POST", "/v1/painting/outpaint", body, content_type=content_type, prefer="respond-async")
    api_handler.handler(event, LambdaContext())
    (request,) = function.endpoint.queue
    function.paint(request)
    good = function.event(request)["Records"][0]
    stranger = function.event(request.model_copy(update={"inference_id": "nobody's"}))["Records"][0]
    records = [
        {**good, "messageId": "good"},
        {**stranger, "messageId": "stranger"},
        {**good, "messageId": "nonsense", "body": "{}"},
        {**good, "messageId": "again"},
    ]
    answer = job_handlers.completion({"Records": records}, LambdaContext())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "stranger"}, {"itemIdentifier": "nonsense"}]}
    service = function.stack(watched=False).service
    assert service.jobs.find(request.inference_id, function.clock.now()).state is JobState.SUCCEEDED


def test_a_batch_may_hold_nulls_given_back_jobs_and_dropped_events(function: Any, cut_out: bytes) -> None:
    body, content_type = function.form(image=cut_out, prompt="a field")
    for _ in range(2):
        event = rest("POST", "/v1/painting/outpaint", body, content_type=content_type, prefer="respond-async")
        api_handler.handler(event, LambdaContext())
    given_back, dropped = function.endpoint.queue
    stopping = OutpaintError.unavailable("the endpoint is shutting down: send the job again")
    failure = InferenceFailure.of(given_back.inference_id, stopping)
    function.fail(given_back, failure.model_dump_json().encode())
    failed = function.event(given_back, "Failed")["Records"][0]
    said = json.loads(json.loads(failed["body"])["Message"])
    messages = {
        "given back": said,
        "again": {**said, "failureReason": None, "responseParameters": None},
        "of no job": {**said, "inferenceId": None},
        "dropped": {"requestContext": {"condition": "EventAgeExceeded"}, "requestPayload": dropped.model_dump()},
    }
    records = [
        {
            **failed,
            "messageId": name,
            "body": json.dumps({**json.loads(failed["body"]), "Message": json.dumps(message)}),
        }
        for name, message in messages.items()
    ]
    assert job_handlers.completion({"Records": records}, LambdaContext()) == {"batchItemFailures": []}
    assert [(one.inference_id, one.attempt) for one in function.endpoint.queue[2:]] == [
        (given_back.inference_id, 2),
        (dropped.inference_id, 2),
    ]


def test_the_sweep_and_the_realtime_function_run(function: Any, cut_out: bytes, monkeypatch: Any) -> None:
    body, content_type = function.form(image=cut_out, prompt="a field")
    event = rest("POST", "/v1/painting/outpaint", body, content_type=content_type, prefer="respond-async")
    api_handler.handler(event, LambdaContext())
    (request,) = function.endpoint.queue
    quick = function.settings.model_copy(update={"realtime_endpoint": "quick"})
    monkeypatch.setattr(job_handlers, "settings", lambda: quick)
    function.endpoint.answer = lambda wanted: function.paint(wanted).model_dump_json().encode()
    job_handlers.realtime(json.loads(request.model_dump_json()), LambdaContext())
    job_handlers.sweeper({}, LambdaContext())
    service = function.stack(watched=False).service
    assert service.jobs.find(request.inference_id, function.clock.now()).state is JobState.SUCCEEDED
    assert list(service.jobs.unended()) == []


@pytest.mark.parametrize(
    "event", [{}, None, [], "warm", {"source": "aws.events"}, {"version": "2.0"}, {"Records": [{}]}]
)
def test_an_event_of_somebody_else_is_told_apart_and_changes_nothing(
    function: Any, event: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer = api_handler.handler(event, LambdaContext())
    assert answer["statusCode"] == 400
    assert "answers HTTP requests" in json.loads(answer["body"])["detail"]
    assert job_handlers.completion(event, LambdaContext()) == {"batchItemFailures": []}
    assert job_handlers.realtime(event, LambdaContext()) is None
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3
    assert all("nothing was done" in text for text in told)
    assert function.wire.calls == []


def test_a_job_that_cannot_be_read_is_no_event_of_somebody_else(function: Any) -> None:
    with pytest.raises(ValidationError):
        job_handlers.realtime({"inference_id": "of another version"}, LambdaContext())


@pytest.mark.parametrize("in_lambda", [True, False])
def test_garbage_is_not_looked_for_while_a_process_starts_in_lambda(in_lambda: bool) -> None:
    line = (
        "import gc, outpaint.functions.handlers.api_handler; from outpaint.functions.handlers import start; "
        "before = gc.isenabled(); start.over(); print(before, gc.isenabled(), gc.get_freeze_count() > 0)"
    )
    environment = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"} if in_lambda else {}
    said = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True, env=environment)
    assert said.stdout.split() == (["False", "True", "True"] if in_lambda else ["True", "True", "False"])


def test_a_snapshot_holds_what_otherwise_waits_for_its_first_use() -> None:
    line = (
        "import sys; from outpaint.functions.handlers import api_handler; api_handler.prime(); "
        "print('PIL.Image' in sys.modules, sorted(vars(api_handler.answering()[0].clients)))"
    )
    environment = {**os.environ, "AWS_DEFAULT_REGION": "eu-west-1"}
    environment |= {"OUTPAINT_TABLE": "t", "OUTPAINT_BUCKET": "b", "OUTPAINT_ENDPOINT": "e"}
    primed = subprocess.run([sys.executable, "-c", line], env=environment, capture_output=True, text=True, check=True)
    assert primed.stdout.strip() == "True ['_lock', '_made', '_session', 'dynamodb', 'queue', 's3']"


@pytest.mark.parametrize(
    ("handlers", "not_imported"),
    [
        ("api_handler", ("aws_lambda_powertools",)),
        ("job_handlers", ("aws_lambda_powertools.utilities.batch", "outpaint.functions.http", "python_multipart")),
    ],
)
def test_a_function_starts_without_what_it_does_not_need(handlers: str, not_imported: tuple[str, ...]) -> None:
    line = f"import sys, outpaint.functions.handlers.{handlers}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout.split()
    for heavy in (*not_imported, "boto3", "pydantic_settings", "httpcore", "PIL", "numpy", "asyncio"):
        assert heavy not in loaded


def test_garbage_collection_is_off_before_the_large_imports() -> None:
    line = "import sys, outpaint.functions.handlers.api_handler; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout.split()
    start = loaded.index("outpaint.functions.handlers.start")
    assert all(start < loaded.index(large) for large in ("pydantic", "botocore", "outpaint.contracts.errors"))
