"""The recording proxy: it sends a client's requests on to a provider, and keeps both what was asked and answered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, unquote

from outpaint.conformance.drift.recorded_bodies import body_of
from outpaint.conformance.drift.recording_file import (
    Answer,
    AskedRequest,
    Headers,
    Json,
    Mark,
    RecordedExchange,
    Recording,
    Trouble,
    pictures_asked_for,
)
from outpaint.conformance.drift.scrubbing import LOCATION, Link, Links, Scrubber, host_of, map_urls, reference, urls_in
from outpaint.conformance.drift.upstream import NoUpstreamAnswer, Upstream, UpstreamRequest, refusal
from outpaint.conformance.verify.case_selection import CreditBudget
from outpaint.contracts.errors import ErrorBody, ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENT_REPLAYED, UPLOADS_PATH
from outpaint.functions.embedded.asgi import BlockingHost, Scope, request_head
from outpaint.functions.http.local_requests import foreign
from outpaint.functions.http.messages import Response

_KEY: Final = API_KEY.lower()
_UNKEPT_OF_REQUESTS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "expect", "keep-alive"}
)
_NOT_FOR_STORES: Final = frozenset({_KEY, "authorization", "cookie"})
_UNPASSED: Final = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "trailer", "upgrade"}
)
MAX_BODY_BYTES: Final = 128 * 1024 * 1024
_THREADS: Final = 32


@dataclass
class _ExchangeUnderWay:
    """`answer` is the provider's, `shown` what the client gets, `at` and `seconds` as in a `RecordedExchange`."""

    number: int
    at: float
    asked: UpstreamRequest
    link: Link | None
    cost: int = 0
    answer: Response | None = None
    mark: Mark | None = None
    seconds: float = 0.0
    shown: Response | None = None


@dataclass(eq=False, repr=False)
class Recorder:
    """Sends requests on and keeps the exchanges. Safe for many threads.

    `base_url` is where clients reach it (without `/v1`). `budget` is what requests may cost, at `price` credits an
    image. `key` goes to the provider in place of any key that a client sends. With `follow` results are fetched as soon
    as an answer names them, and their URLs are left as they are. `on_exchange` is called with each exchange that ended.
    """

    upstream: Upstream
    base_url: str
    budget: CreditBudget
    _: KW_ONLY
    price: int = 1
    key: str | None = None
    keep_pixels: bool = False
    follow: bool = False
    on_exchange: Callable[[RecordedExchange], None] = lambda _: None

    def __post_init__(self) -> None:
        self._links = Links(self.base_url)
        self._scrubber = Scrubber()
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._recorded_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._count = 0
        self._kept: dict[int, RecordedExchange] = {}
        if self.key is not None:
            self._scrubber.learn(self.key)

    def recording(self) -> Recording:
        """All exchanges so far, without any credential that is known so far."""
        with self._lock:
            kept = [self._kept[number] for number in sorted(self._kept)]
        return Recording(
            upstream=self._scrubber.text(host_of(self.upstream.base_url)),
            recorded_at=self._recorded_at,
            kept_pixels=self.keep_pixels,
            credits_reckoned=self.budget.spent,
            exchanges=tuple(self._scrubber.exchange(exchange) for exchange in kept),
        )

    def handle(self, asked: UpstreamRequest) -> Response:
        """The answer for the client: the provider's, or one of the proxy's own where there is none."""
        begun = self._begin(asked)
        try:
            if asked.too_large:
                says = f"a request may be {MAX_BODY_BYTES // 1024**2} MiB to be recorded"
                raise NoUpstreamAnswer(413, Trouble.TOO_LARGE, says)
            self._pay(begun)
            self._ask(begun)
        except NoUpstreamAnswer as outcome:
            begun.mark = outcome.mark
            begun.shown = refusal(outcome.status, outcome.mark)
        assert begun.shown is not None
        self._keep(begun)
        if self.follow and begun.answer is not None:
            self._fetch_all(begun)
        return begun.shown

    def _begin(self, asked: UpstreamRequest) -> _ExchangeUnderWay:
        path, _, query = asked.target.partition("?")
        with self._lock:
            self._count += 1
            number = self._count
        # Credentials have to be known before anything is kept.
        for name, value in asked.headers:
            if name.lower() == _KEY and value.strip():
                self._scrubber.key(value.strip())
        self._scrubber.learn_headers(asked.headers)
        self._scrubber.learn_query(query)
        return _ExchangeUnderWay(number, time.monotonic() - self._began, asked, self._links.at(unquote(path)))

    def _pay(self, begun: _ExchangeUnderWay) -> None:
        asked = begun.asked
        path, _, query = asked.target.partition("?")
        if asked.method != "POST" or begun.link is not None or path.rstrip("/").startswith(UPLOADS_PATH):
            return
        body = body_of(asked.body, asked.header("content-type") or "")
        cost = self.price * pictures_asked_for(body, dict(parse_qsl(query, keep_blank_values=True)))
        if not self.budget.take(cost):
            says = (
                f"the recording may spend {self.budget.left} more credits and this request may cost {cost}: "
                "nothing was sent on; raise --max-credits, or ask for fewer pictures"
            )
            raise NoUpstreamAnswer(402, Trouble.OVER_BUDGET, says)
        begun.cost = cost

    def _ask(self, begun: _ExchangeUnderWay) -> None:
        asked = begun.asked
        headers, body = self._passed_on(asked, begun.link), self._links.originals(asked.body)
        began = time.monotonic()
        try:
            if begun.link is not None:
                answer = self.upstream.fetch(asked.method, begun.link.url, headers, body)
            else:
                answer = self.upstream.ask(asked.method, asked.target, headers, body)
        finally:
            begun.seconds = time.monotonic() - began
        begun.answer = answer
        if begun.cost and (answer.status >= 400 or (answer.header(IDEMPOTENT_REPLAYED) or "").lower() == "true"):
            self.budget.give_back(begun.cost)
        if begun.link is None and "html" in (answer.header("content-type") or "").lower():
            says = f"{host_of(self.upstream.base_url)} answers {answer.status} with a web page where JSON belongs"
            begun.mark = Mark(trouble=Trouble.HTML, says=says)
        begun.shown = self._shown(begun, answer)

    def _passed_on(self, asked: UpstreamRequest, link: Link | None) -> list[tuple[str, str]]:
        if link is not None and host_of(link.url) != host_of(self.upstream.base_url):
            # The client gave its key for the provider, not for the store in which that keeps its files.
            return [(name, value) for name, value in asked.headers if name.lower() not in _NOT_FOR_STORES]
        if self.key is None or not (asked.header(API_KEY) or "").strip():
            return asked.headers
        return [(name, self.key if name.lower() == _KEY else value) for name, value in asked.headers]

    def _shown(self, begun: _ExchangeUnderWay, answer: Response) -> Response:
        """What the client gets: the answer with URLs that lead to the proxy."""
        dropped = _UNPASSED - {"content-length"} if begun.asked.method == "HEAD" else _UNPASSED
        headers = tuple(
            (name, self._location(value, begun.number) if name.lower() == "location" else value)
            for name, value in answer.headers
            if name.lower() not in dropped
        )
        body, value = answer.body, _json(answer)
        if value is not None and not self.follow and begun.link is None:
            proxied = map_urls(value, lambda url, pointer: self._links.proxy_url(url, begun.number, pointer))
            if proxied != value:
                body = json.dumps(proxied).encode()
        return Response(answer.status, headers, body)

    def _location(self, value: str, number: int) -> str:
        own = self.upstream.base_url
        if value.startswith(f"{own}/"):
            return self.base_url + value[len(own) :]
        if value.lower().startswith(("http://", "https://")):
            return self._links.proxy_url(value, number, LOCATION)
        return value

    def _fetch_all(self, begun: _ExchangeUnderWay) -> None:
        """Fetch the results that an answer names, as exchanges of their own."""
        assert begun.answer is not None
        value = _json(begun.answer)
        results = value.get("data") if isinstance(value, dict) else None
        for url, pointer in urls_in(results, "/data"):
            asked = UpstreamRequest("GET", "", [("accept", "*/*")])
            fetch = self._begin(asked)
            fetch.link = Link(url, reference(begun.number, pointer))
            try:
                self._ask(fetch)
            except NoUpstreamAnswer as outcome:
                fetch.mark = outcome.mark
            self._keep(fetch)

    def _keep(self, begun: _ExchangeUnderWay) -> None:
        asked = begun.asked
        key = (asked.header(API_KEY) or "").strip()
        sent = body_of(
            self._links.references(asked.body), asked.header("content-type") or "", keep_pixels=self.keep_pixels
        )
        exchange = RecordedExchange(
            number=begun.number,
            at=round(begun.at, 3),
            seconds=round(begun.seconds, 3),
            request=AskedRequest(
                method=asked.method,
                target=asked.target if begun.link is None else begun.link.reference,
                key=self._scrubber.key(key) if key else None,
                headers=_kept(asked.headers),
                body=sent,
            ),
            answer=None if begun.answer is None else self._answer(begun.answer),
            mark=begun.mark,
        )
        with self._lock:
            self._kept[begun.number] = exchange
        self.on_exchange(self._scrubber.exchange(exchange))

    def _answer(self, answer: Response) -> Answer:
        headers = tuple((name, value) for name, value in answer.headers if name.lower() != "connection")
        body = body_of(answer.body, answer.header("content-type") or "", keep_pixels=self.keep_pixels)
        return Answer(status=answer.status, headers=headers, body=body)


def _kept(headers: list[tuple[str, str]]) -> Headers:
    return tuple((name.lower(), value) for name, value in headers if name.lower() not in _UNKEPT_OF_REQUESTS)


def _json(answer: Response) -> object:
    if "json" not in (answer.header("content-type") or ""):
        return None
    body = body_of(answer.body, "application/json")
    return body.value if isinstance(body, Json) else None


def _own_answer(status: int, error: OutpaintError) -> Response:
    return Response(status, (("Content-Type", "application/json"),), ErrorBody.of(error).model_dump_json().encode())


class RecordingHost(BlockingHost):
    """The recorder as an ASGI application: each request has a thread, so that none waits for another's answer.

    A provider's answer may have been paid for, so it is always waited for. A recorder that has a key of its own serves
    programs of this machine alone: a page in its browser could spend that key, whatever it sends for one.
    """

    kept = MAX_BODY_BYTES

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(_THREADS, "record")
        self._recorder = recorder

    def refusal(self, error: OutpaintError) -> Response:
        """The answer to a request that the recorder refuses by itself, and of which nothing was sent on."""
        body = ErrorBody.of(error).model_dump_json().encode()
        retry = (("Retry-After", "1"),) if error.kind.retry_after else ()
        lines = (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *retry)
        return Response(error.kind.status.value, lines, body)

    def answer(self, scope: Scope, body: bytes) -> Response:
        stranger = None if self._recorder.key is None else foreign(request_head(scope))
        if stranger is not None:
            return _own_answer(
                403,
                OutpaintError(
                    ErrorCode.FORBIDDEN,
                    "this proxy adds a key, so that it serves programs on this machine alone, and knows another by "
                    f"{stranger.value}: record that without --key-env",
                ),
            )
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        too_large = len(body) > MAX_BODY_BYTES
        kept = b"" if too_large else body
        return self._recorder.handle(UpstreamRequest(scope["method"], target, headers, kept, too_large=too_large))
