"""The API as a client sees it; every answer that passes through is checked for what EVERY answer must have."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from outpaint_contracts import headers as names
from outpaint_contracts.errors import ERROR_KINDS, ErrorBody, ErrorCode, ProblemDetails
from outpaint_contracts.responses import Accepted, Balance, FailedJob, Result

from wire_kit import pictures

OUTPAINT = "/v1/painting/outpaint"
BALANCE = "/v1/balance"
LONGEST_POLL_S = 60.0

_COUNTERS = (names.RATE_LIMIT, names.RATE_AVAILABLE, names.RATE_RESET, names.CREDIT_AVAILABLE)
_INT32 = 2**31 - 1


class Api:
    """A key's view of a provider."""

    def __init__(self, client: httpx.Client, key: str | None) -> None:
        self.client = client
        self.key = key

    def with_key(self, key: str | None) -> Api:
        """The same provider, seen with another key or none."""
        return Api(self.client, key)

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **rest: Any
    ) -> httpx.Response:
        """One request with the key; the answer has passed `check_every_answer`."""
        sent = dict(headers or {})
        if self.key is not None:
            sent.setdefault(names.API_KEY, self.key)
        response = self.client.request(method, path, headers=sent, **rest)
        check_every_answer(response)
        return response

    def get(self, path: str, **rest: Any) -> httpx.Response:
        return self.request("GET", path, **rest)

    def outpaint(self, **fields: Any) -> httpx.Response:
        """POST a multipart form: bytes become files, all else text; `image` and `prompt` have defaults.

        `headers` and `params` go to the request; a field that is None is left out.
        """
        headers, params = fields.pop("headers", None), fields.pop("params", None)
        form = {"image": pictures.canvas(), "prompt": "a green field", "count": 1, "format": "PNG"} | fields
        files: list[tuple[str, Any]] = []
        for name, value in form.items():
            if value is None:
                continue
            files.append((name, (f"{name}.png", value) if isinstance(value, bytes) else (None, str(value))))
        return self.request("POST", OUTPAINT, files=files, headers=headers, params=params)

    def post_form(self, fields: Mapping[str, Any], **rest: Any) -> httpx.Response:
        """POST application/x-www-form-urlencoded."""
        return self.request("POST", OUTPAINT, data=fields, **rest)

    def post_json(self, document: Any, **rest: Any) -> httpx.Response:
        """POST application/json."""
        return self.request("POST", OUTPAINT, json=document, **rest)

    def post_body(self, body: bytes, content_type: str | None, **rest: Any) -> httpx.Response:
        """POST these very bytes under this very label."""
        headers = dict(rest.pop("headers", {}))
        if content_type is not None:
            headers["Content-Type"] = content_type
        return self.request("POST", OUTPAINT, content=body, headers=headers, **rest)

    def poll(self, inference_id: str) -> httpx.Response:
        """One look at a job."""
        return self.get(f"/v1/painting/{inference_id}")

    def end_of(self, inference_id: str) -> httpx.Response:
        """Poll until the job has ended; the answer is 200."""
        give_up = time.monotonic() + LONGEST_POLL_S
        while (response := self.poll(inference_id)).status_code == 202:
            assert time.monotonic() < give_up, f"{inference_id} did not end within {LONGEST_POLL_S:g} s"
            time.sleep(0.005)
        assert response.status_code == 200, response.text
        return response

    def balance(self) -> int:
        """The credits left."""
        response = self.get(BALANCE)
        assert response.status_code == 200, response.text
        return Balance.model_validate(response.json()).credits

    def wait_for_balance(self, wanted: int) -> None:
        """Look until the balance is this."""
        give_up = time.monotonic() + LONGEST_POLL_S
        while self.balance() != wanted:
            assert time.monotonic() < give_up, f"the balance did not become {wanted}"
            time.sleep(0.02)

    @contextmanager
    def charged(self, price: int) -> Iterator[None]:
        """Assert that what happens in the block costs this much, all told."""
        before = self.balance()
        yield
        after = self.balance()
        assert before - after == price

    def fetch(self, url: str) -> httpx.Response:
        """A result file, without a key; it may lie with another host than the API, whose answers are its own."""
        response = self.client.get(url)
        if response.request.url.netloc == self.client.base_url.netloc:
            check_every_answer(response)
        return response


def result_of(response: httpx.Response) -> Result:
    """The body of a 200 with pictures."""
    assert response.status_code == 200, response.text
    return Result.model_validate(response.json())


def accepted_of(response: httpx.Response) -> Accepted:
    """The body of a 202."""
    assert response.status_code == 202, response.text
    return Accepted.model_validate(response.json())


def failure_of(response: httpx.Response) -> FailedJob:
    """The body of a poll on a job that ended without pictures."""
    assert response.status_code == 200, response.text
    return FailedJob.model_validate(response.json())


def refused(response: httpx.Response, code: ErrorCode, *, field: str | None = None) -> str:
    """Assert a refusal with this code, its declared status and, where given, its field; returns the detail."""
    assert response.status_code == ERROR_KINDS[code].status.value, response.text
    body = ErrorBody.model_validate(response.json())
    assert body.error_code == code, body.detail
    if field is not None:
        assert body.field == field, body
    return body.detail


def check_every_answer(response: httpx.Response) -> None:
    """What wire.md promises of every answer, whatever was asked: the headers, and the shape of an error."""
    where = f"{response.request.method} {response.request.url.path} -> {response.status_code}"
    assert response.headers.get(names.CORRELATION_ID), where
    for name in _COUNTERS:
        value = response.headers.get(name)
        assert value is not None, f"{where}: {name} is missing"
        assert re.fullmatch(r"[0-9]+", value), f"{where}: {name} is {value!r}"
        assert int(value) <= _INT32, f"{where}: {name} is no int32"
    # Seconds from now: an epoch would have a client sleep for decades.
    assert int(response.headers[names.RATE_RESET]) <= 3600, where
    assert int(response.headers[names.RATE_AVAILABLE]) <= int(response.headers[names.RATE_LIMIT]), where
    exposed = response.headers.get("Access-Control-Expose-Headers", "").lower()
    assert all(name.lower() in exposed for name in (names.CORRELATION_ID, *_COUNTERS, names.RETRY_AFTER)), where
    assert response.headers.get("Access-Control-Allow-Origin"), where
    if response.status_code in (202, 429, 503):
        assert int(response.headers[names.RETRY_AFTER]) >= 1, where
    if response.status_code >= 400:
        _check_error(response, where)


def _check_error(response: httpx.Response, where: str) -> None:
    if response.status_code == 405:
        assert response.headers.get("Allow"), where
    if response.request.method == "HEAD":
        return
    document = response.json()
    kind = response.headers["Content-Type"].partition(";")[0]
    body: ErrorBody | ProblemDetails
    if kind == "application/problem+json":
        body = ProblemDetails.model_validate(document)
        assert body.status == response.status_code, where
        assert document["type"].endswith(body.error_code), where
    else:
        assert kind == "application/json", where
        body = ErrorBody.model_validate(document)
        assert body.code == response.status_code, where
        assert document["status"] == "error", where
        assert document["message"] == ERROR_KINDS[body.error_code].message, where
    assert ERROR_KINDS[body.error_code].status.value == response.status_code, where
    assert body.detail, where
    assert "\n" not in body.detail, where
    assert "Traceback" not in response.text, where
