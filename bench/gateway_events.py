"""The events that functions are given to measure, as a REST API sends them."""

from __future__ import annotations

import json
from typing import Any

from local_cloud.gateways import GatewayRequest, rest_api_event
from stub_aws import KEY
from uploads import CONTENT_TYPE, form

from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY, PREFER

_BINARY = frozenset({"multipart/form-data"})


def get(path: str) -> dict[str, Any]:
    """GET of a path."""
    return _event("GET", path)


def submit(image: bytes, mask: bytes, idempotency_key: str = "bench") -> dict[str, Any]:
    """POST of an image, a mask and three fields, to be answered at once."""
    fields = {"prompt": "a green field", "count": "2", "format": "JPG"}
    headers = (("Content-Type", CONTENT_TYPE), (IDEMPOTENCY_KEY, idempotency_key), (PREFER, "respond-async"))
    return _event("POST", "/v1/painting/outpaint", headers, form(fields, {"image": image, "mask": mask}))


def _event(method: str, path: str, headers: tuple[tuple[str, str], ...] = (), body: bytes = b"") -> dict[str, Any]:
    given = (("Host", "api.test"), (API_KEY, KEY), ("Accept", "*/*"), *headers)
    request = GatewayRequest(method, path, "", given, body, "198.51.100.7")
    event: dict[str, Any] = json.loads(rest_api_event(request, "live", "/live", _BINARY))
    return event
