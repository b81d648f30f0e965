"""The API as a client with one key sees it; whoever observes is told of every exchange."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from outpaint.conformance.proving import drawn_pictures
from outpaint.conformance.proving.expectations import Unmet, equal
from outpaint.conformance.proving.observed_exchange import ObservedExchange, Observer
from outpaint.conformance.proving.provider import Provider
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ERROR_KINDS, ErrorBody, ErrorCode
from outpaint.contracts.paths_and_headers import BALANCE_PATH, FILE_PATH, OUTPAINT_PATH
from outpaint.contracts.responses import Accepted, Balance, FailedJob, Result

LONGEST_POLL_S: Final = 60.0
_FILES: Final = FILE_PATH.partition("{")[0]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Item:
    """A finished picture as far as the vendor's clients read it."""

    id: str
    url: str


class Api:
    """A key's view of a provider."""

    def __init__(self, provider: Provider, client: httpx.Client, key: str | None, observer: Observer) -> None:
        self.provider = provider
        self.client = client
        self.key = key
        self._observer = observer

    @classmethod
    @contextmanager
    def connected(cls, provider: Provider, key: str | None, observer: Observer = lambda _: None) -> Iterator[Api]:
        """The provider as this key's owner sees it, while the block runs."""
        with provider.client() as client:
            yield cls(provider, client, key, observer)

    def with_key(self, key: str | None) -> Api:
        """The same provider and connection, seen with another key or none."""
        return Api(self.provider, self.client, key, self._observer)

    @contextmanager
    def at(self, provider: Provider, key: str | None) -> Iterator[Api]:
        """Another provider, with the same observer: for one that was configured for a case."""
        with self.connected(provider, key, self._observer) as other:
            yield other

    @contextmanager
    def another_connection(self) -> Iterator[Api]:
        """The same view by a client of its own, for a second thread."""
        with self.at(self.provider, self.key) as other:
            yield other

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, Any] | Sequence[tuple[str, str]] | None = None,
        **rest: Any,
    ) -> httpx.Response:
        """One request with the key; `headers` as pairs where a name stands on several lines."""
        sent = list(headers.items() if isinstance(headers, Mapping) else headers or ())
        if self.key is not None and all(name.lower() != names.API_KEY.lower() for name, _ in sent):
            sent.append((names.API_KEY, self.key))
        return self.send(self.client.build_request(method, path, headers=sent, **rest))

    def send(self, request: httpx.Request) -> httpx.Response:
        """One request exactly as it is: for what a client's own headers would spoil."""
        began = time.monotonic()
        response = self.client.send(request)
        self._observer(ObservedExchange.of(response, time.monotonic() - began))
        return response

    def get(self, path: str, **rest: Any) -> httpx.Response:
        """GET with the key."""
        return self.request("GET", path, **rest)

    def outpaint(self, **fields: Any) -> httpx.Response:
        """POST a multipart form: bytes become files, all else text; `image` and `prompt` have defaults.

        `headers` and `params` go to the request; a field that is None is left out.
        """
        headers, params = fields.pop("headers", None), fields.pop("params", None)
        form = {"image": drawn_pictures.canvas(), "prompt": "a green field", "count": 1, "format": "PNG"} | fields
        files: list[tuple[str, Any]] = []
        for name, value in form.items():
            if value is None:
                continue
            files.append((name, (f"{name}.png", value) if isinstance(value, bytes) else (None, str(value))))
        return self.request("POST", OUTPAINT_PATH, files=files, headers=headers, params=params)

    def post_form(self, fields: Mapping[str, Any], **rest: Any) -> httpx.Response:
        """POST application/x-www-form-urlencoded."""
        return self.request("POST", OUTPAINT_PATH, data=fields, **rest)

    def post_json(self, document: Any, **rest: Any) -> httpx.Response:
        """POST application/json."""
        return self.request("POST", OUTPAINT_PATH, json=document, **rest)

    def post_body(self, body: bytes, content_type: str | None, **rest: Any) -> httpx.Response:
        """POST these very bytes under this very label."""
        headers = dict(rest.pop("headers", {}))
        if content_type is not None:
            headers["Content-Type"] = content_type
        return self.request("POST", OUTPAINT_PATH, content=body, headers=headers, **rest)

    def poll(self, inference_id: str) -> httpx.Response:
        """One look at a job."""
        return self.get(f"/v1/painting/{inference_id}")

    def end_of(self, inference_id: str) -> httpx.Response:
        """Poll until the job has ended; the answer is 200."""
        give_up = time.monotonic() + LONGEST_POLL_S
        while (response := self.poll(inference_id)).status_code == 202:
            if time.monotonic() > give_up:
                raise Unmet(f"the job's end: not within {LONGEST_POLL_S:g} s")
            time.sleep(self.provider.poll_pause)
        equal(response.status_code, 200, "the status of the last poll")
        return response

    def balance(self) -> int:
        """The credits left."""
        response = self.get(BALANCE_PATH)
        equal(response.status_code, 200, "the status of the balance")
        return parsed(response, Balance).credits

    def wait_for_balance(self, wanted: int) -> None:
        """Look until the balance is this."""
        give_up = time.monotonic() + LONGEST_POLL_S
        while (seen := self.balance()) != wanted:
            if time.monotonic() > give_up:
                raise Unmet(f"the balance: expected {wanted} within {LONGEST_POLL_S:g} s, got {seen}")
            time.sleep(self.provider.poll_pause)

    @contextmanager
    def charged(self, price: int) -> Iterator[None]:
        """What happens in the block must cost this much, all told."""
        before = self.balance()
        yield
        equal(before - self.balance(), price, "the credits charged")

    def fetch(self, url: str, *, method: str = "GET") -> httpx.Response:
        """A result file, without a key; who else may have it, a port away too, keeps none of the API's promises."""
        began = time.monotonic()
        response = self.client.request(method, url)
        if response.request.url.netloc == self.client.base_url.netloc:
            self._observer(ObservedExchange.of(response, time.monotonic() - began))
        return response


def is_own_file(url: str) -> bool:
    """Whether this leads to a file of the API itself, not to a store beside it, which signs URLs in its own way."""
    return _FILES in url


def finished(response: httpx.Response) -> list[Item]:
    """The pictures of a 200, by the members that the vendor promises and no others."""
    equal(response.status_code, 200, "the status")
    try:
        document = response.json()
        status, items = document["status"], [Item(item["id"], item["url"]) for item in document["data"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Unmet(f"the body: expected status and data with id and url, got {error!r}") from None
    equal(status, "success", "the status word")
    for item in items:
        if not (isinstance(item.id, str) and item.id and isinstance(item.url, str) and item.url):
            raise Unmet(f"an item of data: expected id and url as text, got {item}")
    return items


def files_of(api: Api, response: httpx.Response) -> list[bytes]:
    """The files of a finished request, fetched, in their order; there is at least one."""
    items = finished(response)
    if not items:
        raise Unmet("data: expected at least one picture, got none")
    files = []
    for item in items:
        answer = api.fetch(item.url)
        equal(answer.status_code, 200, "the status of the picture's file")
        files.append(answer.content)
    return files


def result_of(response: httpx.Response) -> Result:
    """The body of a 200 with pictures."""
    equal(response.status_code, 200, "the status")
    return parsed(response, Result)


def accepted_of(response: httpx.Response) -> Accepted:
    """The body of a 202."""
    equal(response.status_code, 202, "the status")
    return parsed(response, Accepted)


def failure_of(response: httpx.Response) -> FailedJob:
    """The body of a poll on a job that ended without pictures."""
    equal(response.status_code, 200, "the status")
    return parsed(response, FailedJob)


def refused(response: httpx.Response, code: ErrorCode, *, field: str | None = None) -> str:
    """It must be a refusal with this code, its declared status and, where given, its field; returns the detail."""
    equal(response.status_code, ERROR_KINDS[code].status.value, "the status")
    body = parsed(response, ErrorBody)
    equal(body.error_code, code, "the error code")
    if field is not None:
        equal(body.field, field, "the offending field")
    return body.detail


def parsed(response: httpx.Response, model: type[Model]) -> Model:
    """The body as this model."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise Unmet(f"{model.__name__}: {where}: {first['msg']}") from None
