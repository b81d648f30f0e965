"""Converts Lambda's HTTP events to neutral messages and back: REST APIs (1.0), HTTP APIs and Function URLs (2.0)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlencode

import pybase64

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.storage_names import UUID
from outpaint.functions.http.messages import Body, RequestHead, Response
from outpaint.functions.http.routes import decoded_path

Event = Mapping[str, Any]

# Characters, a multiple of four: so many that the time of the loop around it does not matter.
_PIECE: Final = 256 * 1024


def is_second_version(event: Event) -> bool:
    """Whether this is payload format 2.0."""
    return event.get("version") == "2.0"


def is_http(event: Any) -> bool:
    """Whether this is a request of a gateway or a Function URL; a warm-up or a test by hand is none."""
    if not isinstance(event, Mapping):
        return False
    if is_second_version(event):
        return "rawPath" in event and "method" in ((event.get("requestContext") or {}).get("http") or {})
    return "httpMethod" in event and "path" in event


def gateway_request_id(event: Event) -> str | None:
    """The gateway's id of the request, which its access log has; a UUID, but for an HTTP API."""
    found = event.get("requestContext", {}).get("requestId")
    return str(found) if found else None


def request_head(event: Event) -> RequestHead:
    """The request's head; a stage or a domain's mapping key before the path becomes part of the origin.

    The gateway's id of the request, where it is a UUID, becomes the answer's correlation id, as it is in the answers
    that the gateway gives by itself: one id finds the access log's line and the function's records.
    """
    context = event.get("requestContext", {})
    id_ = gateway_request_id(event)
    if is_second_version(event):
        method = context["http"]["method"]
        stage = context.get("stage", "$default")
        raw_path = event["rawPath"]
        prefix = f"/{stage}" if stage != "$default" and raw_path.startswith(f"/{stage}/") else ""
        path = decoded_path(raw_path.removeprefix(prefix))
        proxy = _greedy(event, path)
        if proxy is not None and path.endswith(proxy):
            # A domain's mapping key stands in the raw path, before what the route matched.
            prefix += path.removesuffix(proxy)
            path = proxy
        query = event.get("rawQueryString", "")
        headers = _pairs((name, [value]) for name, value in event.get("headers", {}).items())
    else:
        method = event["httpMethod"]
        query = urlencode(_several(event, "QueryStringParameters"), doseq=True)
        headers = _pairs(_several(event, "Headers").items())
        path = _greedy(event, event["path"]) or event["path"]
        whole = context.get("path", path)
        prefix = whole.removesuffix(path) if whole.endswith(path) else ""
        if "elb" in context:
            # A load balancer hands on path and query as they were sent.
            path = decoded_path(path)
            query = unquote(query)
    host = next((value for name, value in headers if name == "host"), context.get("domainName", "localhost"))
    correlation_id = id_ if id_ is not None and re.fullmatch(UUID, id_) else None
    return RequestHead(method, path, query, headers, f"https://{host}{prefix}", correlation_id=correlation_id)


def request_body(event: Event) -> Body:
    """The request's body, decoded as it is read where the event has it in base64."""
    body = event.get("body") or ""
    return Base64Body(body) if event.get("isBase64Encoded") else str(body).encode()


class Base64Body:
    """A body in base64, decoded piece by piece as it is read, so that memory never holds all of it twice."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __len__(self) -> int:
        return len(self._text) // 4 * 3 - self._text[-2:].count("=")

    def pieces(self) -> Iterator[bytes]:
        """The bytes in order; raises `OutpaintError` MALFORMED_BODY where the base64 is damaged."""
        for start in range(0, len(self._text), _PIECE):
            text = self._text[start : start + _PIECE]
            try:
                piece = pybase64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                piece = b""
            if not piece or (len(piece) % 3 and start + _PIECE < len(self._text)):
                raise OutpaintError(ErrorCode.MALFORMED_BODY, "the body's base64 is damaged: send the request again")
            yield piece


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
    if is_second_version(event) or "multiValueHeaders" not in event:
        return {**answer, "headers": {name: ", ".join(several) for name, several in values.items()}}
    return {**answer, "multiValueHeaders": values}


def _greedy(event: Event, whole: str) -> str | None:
    """The path that `{proxy+}` stands for, None without one; `whole` is the path that it is the end of.

    A gateway leaves a slash at the end out of the variable, and not out of the path (docs/facts/aws.md#front-doors).
    """
    proxy = (event.get("pathParameters") or {}).get("proxy")
    if proxy is None:
        return None
    slashes = whole[len(whole.rstrip("/")) :]
    return f"/{proxy}" if proxy.endswith(slashes) or not proxy else f"/{proxy}{slashes}"


def _several(event: Event, what: str) -> Mapping[str, list[str]]:
    """Headers or query parameters with all their values; a load balancer gives one of each unless told otherwise."""
    several: Mapping[str, list[str]] | None = event.get(f"multiValue{what}")
    if several is not None:
        return several
    single: Mapping[str, str] = event.get(what[0].lower() + what[1:]) or {}
    return {name: [value] for name, value in single.items()}


def _pairs(headers: Iterable[tuple[str, list[str]]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, values in headers for value in values)
