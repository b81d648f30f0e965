"""The front doors of a function: a REST API and a Function URL, with what they refuse by themselves."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from outpaint_functions.embedded.cli.console import OUT
from outpaint_functions.http.messages import Response

from local_cloud.http_door import Request
from local_cloud.proxy_events import MalformedAnswer, answer_of, function_url_event, rest_api_event
from local_cloud.runtime_api import EventTooLarge, FunctionError

MAX_REST_BODY: Final = 10_485_760
"""A REST API takes payloads of 10 MB (docs/facts/aws.md#front-doors)."""
Invoke = Callable[[bytes], bytes]
_JSON: Final = ("Content-Type", "application/json")


class FunctionUrl:
    """A Function URL: what Lambda refuses comes in Lambda's own words."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke

    def __call__(self, request: Request) -> Response:
        """What the function answers; 413 for an event over 6 MiB, 502 for a function that fails."""
        try:
            return answer_of(self._invoke(function_url_event(request)))
        except EventTooLarge as error:
            return _words(413, {"Message": str(error)})
        except (FunctionError, MalformedAnswer) as error:
            _log(error)
            return _words(502, {"Message": "Internal Server Error"})


class RestApi:
    """A REST API's stage, whose own answers are the GatewayResponses of a template, resolved.

    Paths begin with `base`: the stage at the API's own address, nothing at a domain of one's own. Those that do not
    are 403, as at AWS.
    """

    def __init__(
        self,
        invoke: Invoke,
        stage: str,
        base: str,
        binary_types: frozenset[str],
        responses: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._invoke = invoke
        self._stage = stage
        self._base = base
        self._binary_types = binary_types
        self._responses = responses

    def __call__(self, request: Request) -> Response:
        """What the function answers, or the gateway in its place."""
        base = self._base
        if request.raw_path != base and not request.raw_path.startswith(base + "/"):
            return _words(403, {"message": "Missing Authentication Token"})
        inner = Request(
            request.method,
            request.raw_path.removeprefix(base) or "/",
            request.raw_query,
            request.headers,
            request.body,
            request.peer,
        )
        if len(request.body) > MAX_REST_BODY:
            # Refused before anything of the template is looked at, as those report who have tried.
            said = f"HTTP content length exceeded {MAX_REST_BODY} bytes."
            return Response(413, (("Content-Type", "text/plain"),), said.encode())
        try:
            return answer_of(self._invoke(rest_api_event(inner, self._stage, base, self._binary_types)))
        except EventTooLarge:
            return self._own("REQUEST_TOO_LARGE", 413)
        except (FunctionError, MalformedAnswer) as error:
            _log(error)
            return self._own("DEFAULT_5XX", 502)

    def _own(self, kind: str, status: int) -> Response:
        told = self._responses.get(kind)
        if told is None:
            return _words(status, {"message": "Internal server error"})
        context = {"context.requestId": str(uuid.uuid4())}
        headers = told.get("ResponseParameters", {}).get("Headers", {})
        given = tuple((name, _value(expression, context)) for name, expression in headers.items())
        body = told.get("ResponseTemplates", {}).get("application/json", "")
        return Response(int(told.get("StatusCode", status)), (_JSON, *given), body.encode())


def _value(expression: str, context: Mapping[str, str]) -> str:
    """A mapping expression: 'text' in quotes, or the name of something in the context."""
    if expression[:1] == expression[-1:] == "'":
        return expression[1:-1]
    return context.get(expression, "")


def _words(status: int, document: Mapping[str, str]) -> Response:
    return Response(status, (_JSON,), json.dumps(document).encode())


def _log(error: Exception) -> None:
    OUT.print(f"the function failed: {error}", markup=False, highlight=False, soft_wrap=True)
