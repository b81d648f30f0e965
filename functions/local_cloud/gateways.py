"""A REST API and a Function URL on loopback: HTTP to a function's events and back, in both formats (1.0 and 2.0)."""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from local_cloud.lambda_runtime import EventTooLarge, FunctionError
from local_cloud.processes import say
from outpaint.functions.embedded.asgi import BlockingHost, Scope
from outpaint.functions.embedded.server import serving
from outpaint.functions.http.messages import HasHeaders, Response

HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
MAX_REST_BODY: Final = 10_485_760
"""A REST API takes payloads of 10 MB (docs/facts/aws.md#front-doors)."""
_THREADS: Final = 64
_JSON: Final = ("Content-Type", "application/json")
# What a Function URL passes on as text; all else comes as base64.
_TEXT: Final = frozenset({"application/json", "application/javascript", "application/xml", "application/vnd.api+json"})


@dataclass(frozen=True, slots=True)
class GatewayRequest(HasHeaders):
    """A request as it came: names of headers as they were written, path and query still encoded."""

    method: str
    raw_path: str
    raw_query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    peer: str


Invoke = Callable[[bytes], bytes]
Answering = Callable[[GatewayRequest], Response]


class Gateway(BlockingHost):
    """`answering` as an ASGI application."""

    def __init__(self, answering: Answering) -> None:
        super().__init__(_THREADS, "gateway")
        self._answering = answering

    def unreadable(self) -> Response:
        """400 for bytes that are not HTTP, as a gateway answers them."""
        return Response(400, (("Content-Type", "text/plain"), ("Connection", "close")), b"Bad Request\n")

    def answer(self, scope: Scope, body: bytes) -> Response:
        request = GatewayRequest(
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
            body,
            (scope.get("client") or ("127.0.0.1", 0))[0],
        )
        answer = self._answering(request)
        # HEAD has the length that a GET would have had.
        dropped = HOP_BY_HOP - {"content-length"} if request.method == "HEAD" else HOP_BY_HOP
        return replace(answer, headers=tuple(header for header in answer.headers if header[0].lower() not in dropped))


@contextmanager
def serve_gateway(answering: Answering, port: int = 0) -> Iterator[str]:
    """Serve on loopback for as long as the block runs; yields the base URL."""
    app = Gateway(answering)
    try:
        with serving(app, port=port) as url:
            yield url
    finally:
        app.close()


class MalformedAnswer(Exception):  # noqa: N818 - API Gateway's "Malformed Lambda proxy response"
    """A function's answer that is no response."""


def rest_api_event(request: GatewayRequest, stage: str, base: str, binary_types: frozenset[str]) -> bytes:
    """The event of a REST API with a `{proxy+}` resource; other media types than `binary_types` are read as text.

    `base` was removed from the front of the request's path: "/" and the stage, or nothing at a custom domain.
    """
    path = unquote(request.raw_path)
    several = _several(request)
    query = parse_qs(request.raw_query, keep_blank_values=True)
    is_binary = bool(request.body) and _media_type(request) in binary_types
    return _written(
        {
            "resource": "/{proxy+}" if path != "/" else "/",
            "path": path,
            "httpMethod": request.method,
            "headers": {name: values[-1] for name, values in several.items()},
            "multiValueHeaders": several,
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": {"proxy": path[1:]} if path != "/" else None,
            "stageVariables": None,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "local",
                "domainName": request.header("host") or "localhost",
                "httpMethod": request.method,
                "identity": {"sourceIp": request.peer, "userAgent": request.header("user-agent")},
                "path": base + path,
                "protocol": "HTTP/1.1",
                "requestId": str(uuid.uuid4()),
                "requestTimeEpoch": int(time.time() * 1000),
                "resourcePath": "/{proxy+}" if path != "/" else "/",
                "stage": stage,
            },
            "body": _body(request.body, is_binary),
            "isBase64Encoded": is_binary,
        }
    )


def function_url_event(request: GatewayRequest) -> bytes:
    """The event of a Function URL: lower-case headers, several of one name joined by commas, the query as it came."""
    several = _several(request, lower=True)
    cookies = [cookie.strip() for value in several.pop("cookie", []) for cookie in value.split(";")]
    query = parse_qs(request.raw_query, keep_blank_values=True)
    media_type = _media_type(request)
    is_binary = bool(request.body) and not (media_type.startswith("text/") or media_type in _TEXT)
    if not is_binary:
        try:
            request.body.decode()
        except UnicodeDecodeError:
            is_binary = True
    host = request.header("host") or "localhost"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(request.raw_path),
        "rawQueryString": request.raw_query,
        "headers": {name: ",".join(values) for name, values in several.items()},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": request.method,
                "path": unquote(request.raw_path),
                "protocol": "HTTP/1.1",
                "sourceIp": request.peer,
                "userAgent": request.header("user-agent") or "",
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": is_binary,
    }
    if query:
        event["queryStringParameters"] = {name: ",".join(values) for name, values in query.items()}
    if cookies:
        event["cookies"] = cookies
    if request.body:
        event["body"] = _body(request.body, is_binary)
    return _written(event)


def answer_of(payload: bytes) -> Response:
    """The response that a function's answer describes, in either format; raises `MalformedAnswer`."""
    try:
        answer = json.loads(payload)
        body = answer.get("body") or ""
        content = base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else str(body).encode()
        headers = [(name, str(value)) for name, value in (answer.get("headers") or {}).items()]
        for name, values in (answer.get("multiValueHeaders") or {}).items():
            headers += [(name, str(value)) for value in values]
        headers += [("Set-Cookie", cookie) for cookie in answer.get("cookies") or []]
        return Response(int(answer["statusCode"]), tuple(headers), content)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise MalformedAnswer(repr(error)) from None


def _several(request: GatewayRequest, *, lower: bool = False) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in request.headers:
        found.setdefault(name.lower() if lower else name, []).append(value)
    return found


def _media_type(request: GatewayRequest) -> str:
    return (request.header("content-type") or "").partition(";")[0].strip().lower()


def _body(body: bytes, is_binary: bool) -> str | None:
    if not body:
        return None
    # A gateway that reads a body as text replaces what is none.
    return base64.b64encode(body).decode() if is_binary else body.decode(errors="replace")


def _written(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """A Function URL, with Lambda's own answers to what it refuses."""

    invoke: Invoke

    def __call__(self, request: GatewayRequest) -> Response:
        """What the function answers; 413 for an event over 6 MiB, 502 for a function that fails."""
        try:
            return answer_of(self.invoke(function_url_event(request)))
        except EventTooLarge as error:
            return _message(413, {"Message": str(error)})
        except (FunctionError, MalformedAnswer) as error:
            _log(error)
            return _message(502, {"Message": "Internal Server Error"})


@dataclass(frozen=True, slots=True)
class RestApi:
    """A REST API's stage, whose own answers are the resolved GatewayResponses of a template.

    Paths begin with `base`: the stage at the API's own address, nothing at a custom domain. Others are 403, as at AWS.
    """

    invoke: Invoke
    stage: str
    base: str
    binary_types: frozenset[str]
    responses: Mapping[str, Mapping[str, Any]]

    def __call__(self, request: GatewayRequest) -> Response:
        """What the function answers, or the gateway in its place."""
        base = self.base
        if request.raw_path != base and not request.raw_path.startswith(base + "/"):
            return _message(403, {"message": "Missing Authentication Token"})
        inner = replace(request, raw_path=request.raw_path.removeprefix(base) or "/")
        if len(request.body) > MAX_REST_BODY:
            # Refused before the template's responses apply, as users of AWS report.
            said = f"HTTP content length exceeded {MAX_REST_BODY} bytes."
            return Response(413, (("Content-Type", "text/plain"),), said.encode())
        try:
            return answer_of(self.invoke(rest_api_event(inner, self.stage, base, self.binary_types)))
        except EventTooLarge:
            return self._gateway_response("REQUEST_TOO_LARGE", 413)
        except (FunctionError, MalformedAnswer) as error:
            _log(error)
            return self._gateway_response("DEFAULT_5XX", 502)

    def _gateway_response(self, kind: str, status: int) -> Response:
        response = self.responses.get(kind)
        if response is None:
            return _message(status, {"message": "Internal server error"})
        context = {"context.requestId": str(uuid.uuid4())}
        headers = response.get("ResponseParameters", {}).get("Headers", {})
        given = tuple((name, _value(expression, context)) for name, expression in headers.items())
        body = response.get("ResponseTemplates", {}).get("application/json", "")
        return Response(int(response.get("StatusCode", status)), (_JSON, *given), body.encode())


def _value(expression: str, context: Mapping[str, str]) -> str:
    """A mapping expression: 'text' in quotes, or the name of something in the context."""
    if expression[:1] == expression[-1:] == "'":
        return expression[1:-1]
    return context.get(expression, "")


def _message(status: int, document: Mapping[str, str]) -> Response:
    return Response(status, (_JSON,), json.dumps(document).encode())


def _log(error: Exception) -> None:
    say(f"the function failed: {error}")
