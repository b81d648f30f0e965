"""A REST API and a Function URL on loopback: HTTP to a function's events and back, in both formats (1.0 and 2.0).

The REST API is what the transformed template says it is; what AWS does besides stands with its place in AWS's docs.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs

from local_cloud.lambda_runtime import EventTooLarge, FunctionError
from local_cloud.processes import say
from local_cloud.transformed_template import ACCOUNT, REGION, TransformedTemplate
from outpaint.contracts.errors import OutpaintError
from outpaint.functions.embedded.asgi import BlockingHost, Scope
from outpaint.functions.embedded.server import serving
from outpaint.functions.http.messages import HasHeaders, Response
from outpaint.functions.http.routes import decoded_path

HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
MAX_REST_BODY: Final = 10_485_760
"""A REST API takes payloads of 10 MB (docs/facts/aws.md#front-doors)."""
_THREADS: Final = 64
_JSON: Final = ("Content-Type", "application/json")
_RESPONSE_HEADER: Final = "gatewayresponse.header."
_REMAPPED: Final = {"www-authenticate": "x-amzn-Remapped-www-authenticate"}
# "Gateway response types": the statuses of those that are given here, and their texts.
_OWN: Final = {
    "API_CONFIGURATION_ERROR": (500, "Internal server error"),
    "INTEGRATION_FAILURE": (502, "Internal server error"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long"),
    "THROTTLED": (429, "Too Many Requests"),
}
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

    def refusal(self, error: OutpaintError) -> Response:
        """What a gateway refuses by itself, such as bytes that are not HTTP."""
        status = error.kind.status
        text = f"{status.phrase}\n".encode()
        return Response(status.value, (("Content-Type", "text/plain"), ("Content-Length", str(len(text)))), text)

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


def rest_api_event(request: GatewayRequest, stage: str, base: str, is_binary: bool) -> bytes:
    """The event of a REST API with a `{proxy+}` resource; a body that is not binary is read as text.

    `base` was removed from the front of the request's path: "/" and the stage, or nothing at a custom domain.
    """
    path = decoded_path(request.raw_path)
    several = _several(request)
    query = parse_qs(request.raw_query, keep_blank_values=True)
    is_binary = is_binary and bool(request.body)
    return _written(
        {
            "resource": "/{proxy+}" if path != "/" else "/",
            "path": path,
            "httpMethod": request.method,
            "headers": {name: values[-1] for name, values in several.items()},
            "multiValueHeaders": several,
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": {"proxy": path[1:].rstrip("/")} if path != "/" else None,
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
        "rawPath": decoded_path(request.raw_path),
        "rawQueryString": request.raw_query,
        "headers": {name: ",".join(values) for name, values in several.items()},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": request.method,
                "path": decoded_path(request.raw_path),
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
            return _remapped(answer_of(self.invoke(function_url_event(request))))
        except EventTooLarge as error:
            return _message(413, {"Message": str(error)})
        except (FunctionError, MalformedAnswer) as error:
            _log(error)
            return _message(502, {"Message": "Internal Server Error"})


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """One of a REST API's own answers, as its definition says them under x-amazon-apigateway-gateway-responses."""

    status: int | None
    headers: Mapping[str, str]
    template: str

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> GatewayResponse:
        """What is said of it; the media type is application/json. Raises ValueError for parameters of other kinds."""
        headers = {}
        for place, expression in said.get("responseParameters", {}).items():
            if not place.startswith(_RESPONSE_HEADER):
                raise ValueError(f"a gateway response has no parameter {place}")
            headers[place.removeprefix(_RESPONSE_HEADER)] = str(expression)
        status = said.get("statusCode")
        return cls(
            None if status is None else int(status), headers, said.get("responseTemplates", {}).get(_JSON[1], "")
        )


@dataclass(frozen=True, slots=True)
class RestApiDefinition:
    """What a transformed template says of its REST API: the definition, its stage, and who may invoke the function.

    Places in the API Gateway developer guide: routes and integration "Lambda proxy integrations", `binary_types`
    "Binary media types for REST APIs", `responses` "Gateway responses", `rate` (a second) and `burst` "Throttle
    requests", `may_invoke` "Control access ... Lambda resource-based policies".
    """

    stage: str
    routes: tuple[str, ...]
    """The paths with an ANY method, such as /{proxy+}, which does not match / itself."""
    timeout_s: float
    binary_types: frozenset[str]
    responses: Mapping[str, GatewayResponse]
    rate: float
    burst: int
    may_invoke: bool
    """Whether a permission lets this API, whatever the stage and path, invoke the alias that it integrates."""

    @classmethod
    def read(cls, template: TransformedTemplate) -> RestApiDefinition:
        """The template's one REST API. Raises ValueError where what it says is no proxy to the function's alias."""
        ((api_id, api),) = template.of_type("AWS::ApiGateway::RestApi").items()
        (stage,) = template.of_type("AWS::ApiGateway::Stage").values()
        ((alias_id, alias),) = template.of_type("AWS::Lambda::Alias").items()
        body = api["Body"]
        integrations = []
        for path, methods in body["paths"].items():
            integration = methods["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]
            # "The integration's httpMethod must be POST": Lambda's Invoke is one.
            if (integration["type"], integration["httpMethod"]) != ("aws_proxy", "POST"):
                raise ValueError(f"{path} is no Lambda proxy")
            if f"functions/{template.known.get(alias_id, alias_id)}/invocations" not in integration["uri"]:
                raise ValueError(f"{path} does not lead to the alias {alias['Name']}")
            integrations.append(integration)
        (timeout,) = {integration["timeoutInMillis"] for integration in integrations}
        (settings,) = (
            one for one in stage["MethodSettings"] if (one["HttpMethod"], one["ResourcePath"]) == ("*", "/*")
        )
        source = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{template.known.get(api_id, api_id)}/*"
        return cls(
            stage=stage["StageName"],
            routes=tuple(body["paths"]),
            timeout_s=timeout / 1000,
            binary_types=frozenset(
                kind.replace("~1", "/")
                for kind in body.get("x-amazon-apigateway-binary-media-types", api.get("BinaryMediaTypes", ()))
            ),
            responses={
                kind: GatewayResponse.read(said)
                for kind, said in body.get("x-amazon-apigateway-gateway-responses", {}).items()
            },
            rate=float(settings["ThrottlingRateLimit"]),
            burst=int(settings["ThrottlingBurstLimit"]),
            may_invoke=any(
                permission["Principal"] == "apigateway.amazonaws.com"
                and permission["Action"] == "lambda:InvokeFunction"
                and permission["FunctionName"] == template.known.get(alias_id, alias_id)
                and permission["SourceArn"] == source
                for permission in template.of_type("AWS::Lambda::Permission").values()
            ),
        )

    def is_binary(self, media_type: str) -> bool:
        """Whether a media type is among the binary ones, which may be written as */* or image/*."""
        return bool({media_type, media_type.partition("/")[0] + "/*", "*/*"} & self.binary_types)

    def has_route(self, path: str) -> bool:
        """Whether some route matches: a greedy variable takes any path but the one that it stands in."""
        return any(
            path == route if "+}" not in route else path.startswith(front := route.partition("{")[0]) and path != front
            for route in self.routes
        )


class TokenBucket:
    """A stage's throttle: `rate` tokens a second, at most `burst` of them ("Throttle requests", token bucket)."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._then = float(burst), clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take a token where there is one."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._then) * self._rate)
            self._then = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


class RestApi:
    """A REST API's stage, which does what its definition says, and what API Gateway does by itself.

    Paths begin with `base`: the stage at the API's own address, nothing at a custom domain.
    """

    def __init__(
        self,
        invoke: Invoke,
        definition: RestApiDefinition,
        base: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.definition = definition
        self._invoke = invoke
        self._base = base
        self._bucket = TokenBucket(definition.rate, definition.burst, clock)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="integration")

    def __call__(self, request: GatewayRequest) -> Response:
        """What the function answers, or the gateway in its place."""
        base, said = self._base, self.definition
        path = request.raw_path.removeprefix(base) or "/"
        if not (request.raw_path == base or request.raw_path.startswith(base + "/")) or not said.has_route(path):
            return self._own("MISSING_AUTHENTICATION_TOKEN")
        if len(request.body) > MAX_REST_BODY:
            # Refused before the template's responses apply, as users of AWS report.
            text = f"HTTP content length exceeded {MAX_REST_BODY} bytes."
            return Response(413, (("Content-Type", "text/plain"),), text.encode())
        if not self._bucket.take():
            return self._own("THROTTLED")
        if not said.may_invoke:
            return self._own("API_CONFIGURATION_ERROR")
        event = rest_api_event(replace(request, raw_path=path), said.stage, base, said.is_binary(_media_type(request)))
        try:
            payload = self._threads.submit(self._invoke, event).result(said.timeout_s)
            return self._passed_on(request, payload)
        except TimeoutError:
            return self._own("INTEGRATION_TIMEOUT")
        except EventTooLarge:
            return self._own("REQUEST_TOO_LARGE")
        except (FunctionError, MalformedAnswer) as error:
            _log(error)
            return self._own("INTEGRATION_FAILURE")

    def _passed_on(self, request: GatewayRequest, payload: bytes) -> Response:
        """The function's answer as a client gets it.

        Base64 becomes bytes only where the first type that the request accepts is a binary one ("Binary media types
        for REST APIs"); else the client gets the base64.
        """
        answer = answer_of(payload)
        first = (request.header("accept") or "").partition(",")[0].partition(";")[0].strip().lower()
        if json.loads(payload).get("isBase64Encoded") and not self.definition.is_binary(first or "application/json"):
            answer = replace(answer, body=base64.b64encode(answer.body))
        return _remapped(answer)

    def _own(self, kind: str) -> Response:
        """An answer of the gateway's own: of its type as the definition says it, of its default, or as AWS has it."""
        status, text = _OWN[kind]
        default = "DEFAULT_5XX" if status >= 500 else "DEFAULT_4XX"
        response = self.definition.responses.get(kind) or self.definition.responses.get(default)
        if response is None:
            return _message(status, {"message": text})
        context = {"context.requestId": str(uuid.uuid4()), "context.error.message": text}
        given = tuple((name, _value(expression, context)) for name, expression in response.headers.items())
        return Response(response.status or status, (_JSON, *given), response.template.encode())


def _remapped(answer: Response) -> Response:
    """The answer with the header renamed that both doors rename (docs/facts/aws.md#front-doors)."""
    headers = tuple((_REMAPPED.get(name.lower(), name), value) for name, value in answer.headers)
    return replace(answer, headers=headers)


def _value(expression: str, context: Mapping[str, str]) -> str:
    """A mapping expression: 'text' in quotes, or the name of something in the context."""
    if expression[:1] == expression[-1:] == "'":
        return expression[1:-1]
    return context.get(expression, "")


def _message(status: int, document: Mapping[str, str]) -> Response:
    return Response(status, (_JSON,), json.dumps(document).encode())


def _log(error: Exception) -> None:
    say(f"the function failed: {error}")
