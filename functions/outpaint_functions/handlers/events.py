"""Lambda's HTTP events to neutral messages and back: REST APIs (1.0), HTTP APIs and Function URLs (2.0)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlencode

import pybase64

from outpaint_functions.http.messages import RequestHead, Response

Event = Mapping[str, Any]


def is_second_version(event: Event) -> bool:
    """Whether this is payload format 2.0."""
    return event.get("version") == "2.0"


def request_head(event: Event) -> RequestHead:
    """The request's head; the stage that a gateway puts before the path becomes part of the origin."""
    context = event.get("requestContext", {})
    if is_second_version(event):
        method = context["http"]["method"]
        stage = context.get("stage", "$default")
        raw_path = event["rawPath"]
        prefix = f"/{stage}" if stage != "$default" and raw_path.startswith(f"/{stage}/") else ""
        path = unquote(raw_path.removeprefix(prefix))
        query = event.get("rawQueryString", "")
        headers = _pairs((name, [value]) for name, value in event.get("headers", {}).items())
    else:
        method = event["httpMethod"]
        proxy = (event.get("pathParameters") or {}).get("proxy")
        path = event["path"] if proxy is None else f"/{proxy}"
        whole = context.get("path", path)
        prefix = whole.removesuffix(path) if whole.endswith(path) else ""
        query = urlencode(event.get("multiValueQueryStringParameters") or {}, doseq=True)
        headers = _pairs((event.get("multiValueHeaders") or {}).items())
    host = next((value for name, value in headers if name == "host"), context.get("domainName", "localhost"))
    return RequestHead(method, path, query, headers, f"https://{host}{prefix}")


def request_body(event: Event) -> bytes | None:
    """The request's body; None where its base64 is damaged."""
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode()
    try:
        return pybase64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None


def written(event: Event, response: Response) -> dict[str, Any]:
    """The response in the format of the event that it answers."""
    try:
        body, encoded = response.body.decode(), False
    except UnicodeDecodeError:
        body, encoded = base64.b64encode(response.body).decode(), True
    values: dict[str, list[str]] = {}
    for name, value in response.headers:
        values.setdefault(name, []).append(value)
    answer: dict[str, Any] = {"statusCode": response.status, "body": body, "isBase64Encoded": encoded}
    if is_second_version(event):
        return {**answer, "headers": {name: ", ".join(several) for name, several in values.items()}}
    return {**answer, "multiValueHeaders": values}


def _pairs(headers: Iterable[tuple[str, list[str]]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, values in headers for value in values)
