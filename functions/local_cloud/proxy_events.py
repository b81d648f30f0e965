"""HTTP requests as Lambda's proxy events, and a function's answer to one as an HTTP response.

Both formats that the deployed front doors speak: a REST API's (1.0) and a Function URL's (2.0).
"""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from outpaint_functions.http.messages import Response

from local_cloud.http_door import Request

# What a Function URL hands over as text; all else comes as base64.
_TEXT: Final = frozenset({"application/json", "application/javascript", "application/xml", "application/vnd.api+json"})


class MalformedAnswer(Exception):  # noqa: N818 - API Gateway's "Malformed Lambda proxy response"
    """A function's answer that no front door can make a response of."""


def rest_api_event(request: Request, stage: str, base: str, binary_types: frozenset[str]) -> bytes:
    """The event of a REST API with a `{proxy+}` resource; other media types than `binary_types` are read as text.

    `base` is what stood before the request's path: "/" and the stage, or nothing at a domain of one's own.
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


def function_url_event(request: Request) -> bytes:
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


def _several(request: Request, *, lower: bool = False) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in request.headers:
        found.setdefault(name.lower() if lower else name, []).append(value)
    return found


def _media_type(request: Request) -> str:
    return (request.header("content-type") or "").partition(";")[0].strip().lower()


def _body(body: bytes, is_binary: bool) -> str | None:
    if not body:
        return None
    # A gateway that takes a body for text makes replacement characters of what is none.
    return base64.b64encode(body).decode() if is_binary else body.decode(errors="replace")


def _written(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()
