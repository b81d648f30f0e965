"""The API as the owner of one key uses it; an observer gets every exchange."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, TypeVar
from uuid import uuid4

import httpx

from outpaint.conformance.proving import drawn_pictures
from outpaint.conformance.proving.answer_reading import balance_of, finished, pending
from outpaint.conformance.proving.expectations import Unmet, equal
from outpaint.conformance.proving.observed_exchange import ObservedExchange, Observer
from outpaint.conformance.proving.provider import Provider
from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import BALANCE_PATH, INFERENCE_PATH, OUTPAINT_PATH

LONGEST_POLL_S: Final = 60.0
"""How long a case waits for a job's end."""
JOB_LIFETIME_S: Final = 3600
"""When a job that has not ended is ended as timed out."""
KEPT_S: Final = 24 * 3600
"""How long jobs that ended, their files and idempotency keys are kept."""
FAILURE: Final = "the brush broke: try again"
"""The detail of a job that a case makes fail."""
UNKNOWN_ID: Final = "00000000-0000-4000-8000-000000000000"
"""An id that was never given out."""
T = TypeVar("T")


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

    def another_connection(self) -> AbstractContextManager[Api]:
        """The same view by a client of its own, for a second thread."""
        return self.connected(self.provider, self.key, self._observer)

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Api]:
        """A provider of the same kind that has other settings, with a key of its own."""
        with (
            self.provider.configured(**settings) as provider,
            self.connected(provider, provider.key(), self._observer) as other,
        ):
            yield other

    def at_once(self, times: int, ask: Callable[[Api], T]) -> list[T]:
        """What `ask` gives, called so often in as many threads, each with a connection of its own."""

        def asked(_: int) -> T:
            with self.another_connection() as own:
                return ask(own)

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(asked, range(times)))

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, Any] | Sequence[tuple[str, str]] | None = None,
        **rest: Any,
    ) -> httpx.Response:
        """One request with the key; `headers` as pairs where a name has several lines."""
        sent = list(headers.items() if isinstance(headers, Mapping) else headers or ())
        if self.key is not None and all(name.lower() != names.API_KEY.lower() for name, _ in sent):
            sent.append((names.API_KEY, self.key))
        return self.send(self.client.build_request(method, path, headers=sent, **rest))

    def send(self, request: httpx.Request) -> httpx.Response:
        """One request exactly as it is, without the headers that a client adds of its own."""
        began = time.monotonic()
        response = self.client.send(request)
        self._observer(ObservedExchange.of(response, time.monotonic() - began))
        return response

    def get(self, path: str, **rest: Any) -> httpx.Response:
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

    def start(self, **fields: Any) -> str:
        """POST a form with mode async, which must be accepted; the job's id."""
        return pending(self.outpaint(mode="async", **fields))

    def post_form(self, fields: Mapping[str, Any], **rest: Any) -> httpx.Response:
        """POST application/x-www-form-urlencoded."""
        return self.request("POST", OUTPAINT_PATH, data=fields, **rest)

    def post_json(self, document: Any, **rest: Any) -> httpx.Response:
        """POST application/json."""
        return self.request("POST", OUTPAINT_PATH, json=document, **rest)

    def post_body(self, body: bytes, content_type: str | None, **rest: Any) -> httpx.Response:
        """POST exactly these bytes with this Content-Type, or with none."""
        headers = dict(rest.pop("headers", {}))
        if content_type is not None:
            headers["Content-Type"] = content_type
        return self.request("POST", OUTPAINT_PATH, content=body, headers=headers, **rest)

    def poll(self, inference_id: str, **rest: Any) -> httpx.Response:
        return self.get(INFERENCE_PATH.format(inference_id=inference_id), **rest)

    def failing(self, code: ErrorCode = ErrorCode.PAINTING_FAILED) -> AbstractContextManager[None]:
        """FAILING_JOBS: jobs that are painted inside the block end in this error, with `FAILURE` as its detail."""
        return self.provider.failing(OutpaintError(code, FAILURE))

    def end_of(self, inference_id: str) -> httpx.Response:
        """Poll until the job has ended; the answer is 200."""
        response = self.until(
            lambda: self.poll(inference_id), lambda answer: answer.status_code != 202, "the job's end"
        )
        equal(response.status_code, 200, "the status of the last poll")
        return response

    def balance(self) -> int:
        return balance_of(self.get(BALANCE_PATH))

    def wait_for_balance(self, wanted: int) -> None:
        """Ask until the balance is this."""
        self.until(self.balance, lambda seen: seen == wanted, f"a balance of {wanted}")

    def until(self, ask: Callable[[], T], done: Callable[[T], bool], what: str) -> T:
        """The first answer of `ask` that is `done`; raises `Unmet` where none is within `LONGEST_POLL_S`."""
        give_up = time.monotonic() + LONGEST_POLL_S
        while not done(found := ask()):
            if time.monotonic() > give_up:
                raise Unmet(f"{what}: not within {LONGEST_POLL_S:g} s, got {found}")
            time.sleep(self.provider.poll_pause)
        return found

    @contextmanager
    def charged(self, price: int) -> Iterator[None]:
        """Raise `Unmet` unless the balance falls by exactly this between the block's begin and end."""
        before = self.balance()
        yield
        equal(before - self.balance(), price, "the credits charged")

    def fetch(self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> httpx.Response:
        """A result file, without a key; observed only where the API itself serves it.

        Another host, also one that is only another port, makes none of the API's promises. A redirect is followed, as
        by whoever opens the URL.
        """
        began = time.monotonic()
        try:
            response = self.client.request(method, url, headers=headers, follow_redirects=True)
        except httpx.ConnectError as error:
            raise Unmet(f"the file at {url}: no connection: {error}", cause=no_connection(error)) from None
        if response.request.url.netloc == self.client.base_url.netloc:
            self._observer(ObservedExchange.of(response, time.monotonic() - began))
        return response

    def files_of(self, response: httpx.Response) -> list[bytes]:
        """The files of a finished request, fetched, in their order; at least one."""
        answers = [self.fetch(item.url) for item in finished(response)]
        for answer in answers:
            equal(answer.status_code, 200, "the status of the picture's file")
        if not answers:
            raise Unmet("data: expected at least one picture, got none")
        return [answer.content for answer in answers]

    def picture(self, **fields: Any) -> bytes:
        """POST a form that is waited for; the file of its only picture, a PNG unless `format` is another."""
        files = self.files_of(self.outpaint(**fields))
        equal(len(files), 1, "the number of pictures")
        return files[0]


def no_connection(error: httpx.ConnectError) -> str:
    """The cause of all failures for want of a connection to this host."""
    try:
        return f"no connection to {error.request.url.netloc.decode()}"
    except RuntimeError:  # made without a request
        return "no connection"


def once() -> dict[str, str]:
    """Headers with an idempotency key that nobody has used."""
    return {names.IDEMPOTENCY_KEY: str(uuid4())}
