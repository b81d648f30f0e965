"""The neutral request-to-response core: every host hands it a head, then a body, and sends what comes back."""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import parse_qs, quote

from outpaint_contracts import headers as names
from outpaint_contracts.errors import ErrorBody, ErrorCode, OutpaintError, ProblemDetails
from outpaint_contracts.headers import Allowance, Prefer
from outpaint_contracts.jobs import JobState
from outpaint_contracts.requests import OutpaintRequest
from outpaint_contracts.responses import Balance, StatusWord
from pydantic import BaseModel

from outpaint_functions.http import bodies, cors, documents, presentation
from outpaint_functions.http.messages import RequestHead, Response, Waiting
from outpaint_functions.http.negotiation import JSON, PROBLEM, Accept
from outpaint_functions.http.routes import INFERENCES_PREFIX, METHODS, PUBLIC, Match, Route, match
from outpaint_functions.service import rate_limit, result, sources
from outpaint_functions.service.authentication import authenticate
from outpaint_functions.service.records import Account, Job
from outpaint_functions.service.service import Service
from outpaint_functions.service.submit import Submission, submit

_LOG: Final = logging.getLogger("outpaint.http")
_MAX_WARNED_NAMES: Final = 10


class Application:
    """The service on HTTP: routing, authentication, limits, parsing and error mapping."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def open(self, head: RequestHead) -> Exchange:
        """Judge a request by its head; never raises."""
        return Exchange(self.service, head)

    def respond(self, head: RequestHead, body: bytes = b"") -> Response | Waiting:
        """The whole exchange in one call, for hosts that already hold the body; never raises."""
        exchange = self.open(head)
        if exchange.answer is not None:
            return exchange.answer
        return exchange.finish(body) if len(body) <= exchange.body_limit else exchange.too_large()


class Exchange:
    """One request on its way: opened by its head, finished by its body.

    `answer` is set when the head alone decided (a refusal, or a quick read): the host may send it without
    reading the body. Otherwise the host reads at most `body_limit` bytes, answers a client that sends more by
    `too_large()`, and calls `finish`, which may take a while (it reads, hashes and decodes): off its event loop.
    """

    def __init__(self, service: Service, head: RequestHead) -> None:
        self._service = service
        self._head = head
        self._correlation_id = service.ids.uuid()
        self._allowance: Allowance = rate_limit.nothing_counted(service)
        self._accept = Accept()
        self._caller: Account | None = None
        self._match: Match | None = None
        self._warnings: list[str] = []
        self.body_limit = 0
        self.answer: Response | None = None
        try:
            self.answer = self._judge_head()
        except Exception as error:
            self.answer = self._error(error)

    def finish(self, body: bytes) -> Response | Waiting:
        """The answer to the whole request, or a wait; never raises."""
        try:
            assert self._match is not None
            if self._match.route is Route.FILE:
                return self._file(self._match.id)
            return self._outpaint(body)
        except Exception as error:
            return self._error(error)

    def too_large(self) -> Response:
        """413 for a body that outgrew `body_limit`."""
        return self._error(self._body_too_large())

    def cut_short(self) -> Response:
        """400 for a body whose client stopped sending before its end."""
        return self._error(
            OutpaintError(ErrorCode.MALFORMED_BODY, "the body stopped arriving before its end: send it again, whole")
        )

    # Judged by the head

    def _judge_head(self) -> Response | None:
        head = self._head
        self._accept = Accept.parse(head.header_values("accept"))
        size = sum(len(name) + len(value) + 4 for name, value in head.headers)
        limit = self._service.settings.max_header_bytes
        if size > limit:
            raise OutpaintError(ErrorCode.HEADERS_TOO_LARGE, f"the request headers have more than {limit} bytes")
        found = self._match = match(head.path)
        if found is None:
            raise OutpaintError(
                ErrorCode.UNKNOWN_ROUTE, f"there is nothing at {quote(head.path[:100])}: see /docs for what there is"
            )
        methods = METHODS[found.route]
        if head.method == "OPTIONS":
            return self._empty(204, [("Allow", ", ".join(methods)), *cors.preflight_headers(methods)])
        if head.method not in methods:
            raise OutpaintError(
                ErrorCode.METHOD_NOT_ALLOWED, f"{head.method[:20]} is not taken here: use {' or '.join(methods[:-1])}"
            )
        if found.route in PUBLIC:
            return self._public(found)
        caller = self._caller = authenticate(
            self._service, head.header(names.API_KEY), peer_is_loopback=head.peer_is_loopback
        )
        self._allowance, refusal = rate_limit.take(self._service, caller)
        if refusal is not None:
            raise refusal
        if not self._accept.json:
            raise OutpaintError(
                ErrorCode.NOT_ACCEPTABLE, f"answers come as {JSON}: say so in Accept, or leave it out", field="Accept"
            )
        if found.route is Route.BALANCE:
            return self._json(200, Balance(credits=caller.credits))
        if found.route is Route.INFERENCE:
            return self._inference(caller, found.id)
        bodies.check_content_type(head)
        self.body_limit = self._service.settings.max_body_bytes
        declared = head.header("content-length") or "0"
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > self.body_limit:
            raise self._body_too_large()
        return None

    def _public(self, found: Match) -> Response | None:
        if found.route is Route.FILE:
            return None
        if found.route is Route.HEALTH:
            return self._response(200, JSON, b'{"status":"ok"}')
        content_type, body = documents.openapi() if found.route is Route.OPENAPI else documents.docs()
        return self._response(200, content_type, body, [("Cache-Control", "no-cache")])

    def _body_too_large(self) -> OutpaintError:
        limit = self._service.settings.pictures.max_bytes
        return OutpaintError(
            ErrorCode.BODY_TOO_LARGE,
            f"the request body is too large: a picture may have at most {limit} bytes, a request "
            f"{self._service.settings.max_body_bytes}",
        )

    # The routes

    def _inference(self, caller: Account, inference_id: str) -> Response:
        job = result.find(self._service, caller, inference_id)
        if job.state.ended and job.state is not JobState.SUCCEEDED:
            return self._json(200, presentation.failed_body(job))
        return self._job(job)

    def _outpaint(self, body: bytes) -> Response | Waiting:
        service, head, caller = self._service, self._head, self._caller
        assert caller is not None
        fields = bodies.read_fields(head, body)
        unknown = OutpaintRequest.unknown_fields(fields)
        if unknown:
            shown = ", ".join(quote(name[:60], safe="[]") for name in unknown[:_MAX_WARNED_NAMES])
            self._warnings.append(f"unknown fields ignored: {shown}")
        query_mode = parse_qs(head.query, keep_blank_values=False, max_num_fields=None).get("mode", [None])[0]
        request = OutpaintRequest.from_fields(fields, query_mode=query_mode)
        submission = submit(
            service,
            caller,
            request,
            prefer=Prefer.parse(head.header_values("prefer")),
            idempotency_key=head.header(names.IDEMPOTENCY_KEY),
        )
        job = submission.job
        if job.state.ended or submission.wait <= 0:
            return self._submitted(submission, job)

        def resume() -> Response:
            try:
                now = service.clock.now()
                current = result.refreshed(service, service.jobs.find(job.id, now) or job)
                return self._submitted(submission, current)
            except Exception as error:
                return self._error(error)

        return Waiting(
            inference_id=job.id,
            until=service.clock.now() + submission.wait,
            resume=resume,
            abandon=lambda: self._release(submission),
        )

    def _submitted(self, submission: Submission, job: Job) -> Response:
        """The answer to a POST: the job as it stands now, its claim free for replays."""
        self._release(submission)
        extra: list[tuple[str, str]] = []
        if submission.preference_applied is not None:
            extra.append((names.PREFERENCE_APPLIED, submission.preference_applied))
        if submission.replayed:
            extra.append((names.IDEMPOTENT_REPLAYED, "true"))
        if job.state.ended and job.state is not JobState.SUCCEEDED:
            return self._error(presentation.failure_of(job), extra)
        return self._job(job, extra, word=self._service.settings.accepted_word)

    def _release(self, submission: Submission) -> None:
        """The first request with an idempotency key has its answer: later ones may have the job's."""
        job = submission.job
        if submission.wait > 0 and not submission.replayed and job.idempotency_key is not None:
            self._service.jobs.finish_claim(job.account_id, job.idempotency_key, job.id)

    def _job(
        self, job: Job, extra: list[tuple[str, str]] | None = None, word: StatusWord = StatusWord.PROCESSING
    ) -> Response:
        if job.state is JobState.SUCCEEDED:
            return self._json(200, presentation.result_body(self._service, job, self._head.origin), extra)
        return self._json(
            202,
            presentation.accepted_body(job, word),
            [
                ("Location", f"{INFERENCES_PREFIX}{job.id}"),
                (names.RETRY_AFTER, str(self._service.settings.retry_after)),
                *(extra or []),
            ],
        )

    def _file(self, file_id: str) -> Response:
        service = self._service
        now = service.clock.now()
        query = parse_qs(self._head.query)
        if service.file_urls is not None:
            service.file_urls.check(
                file_id, expires=query.get("expires", [""])[0], signature=query.get("signature", [""])[0], now=now
            )
        served = service.file_urls is not None and sources.is_file_id(file_id)
        stored = service.pictures.get(file_id, now) if served else None
        if stored is None:
            raise OutpaintError(ErrorCode.UNKNOWN_FILE, "there is no such file, or its lifetime is over", field="id")
        remaining = max(0, int(stored.expires_at - now))
        return self._response(
            200,
            stored.media_type,
            stored.data,
            [
                ("Cache-Control", f"private, max-age={remaining}, immutable"),
                ("Content-Disposition", f'inline; filename="{file_id}"'),
            ],
        )

    # Answers

    def _json(self, status: int, body: BaseModel, extra: list[tuple[str, str]] | None = None) -> Response:
        return self._response(
            status, JSON, body.model_dump_json().encode(), [("Cache-Control", "no-store"), *(extra or [])]
        )

    def _error(self, error: Exception, extra: list[tuple[str, str]] | None = None) -> Response:
        if not isinstance(error, OutpaintError):
            _LOG.error("request %s broke", self._correlation_id, exc_info=error)
            error = OutpaintError(
                ErrorCode.INTERNAL,
                f"something broke on our side: try again, and quote {self._correlation_id} if it stays",
            )
        status = error.kind.status.value
        more = [("Cache-Control", "no-store"), *(extra or [])]
        if status == 401:
            more.append(("WWW-Authenticate", f'ApiKey header="{names.API_KEY}"'))
        elif status == 405 and self._match is not None:
            more.append(("Allow", ", ".join(METHODS[self._match.route])))
        elif error.code is ErrorCode.UNSUPPORTED_CONTENT_TYPE:
            more.append(("Accept-Post", ", ".join(bodies.SUPPORTED)))
        elif status == 429:
            more.append((names.RETRY_AFTER, str(self._allowance.reset_in)))
        elif status == 503:
            more.append((names.RETRY_AFTER, str(self._service.settings.retry_after)))
        body: BaseModel
        if self._accept.problem:
            body, media_type = ProblemDetails.of(error, correlation_id=self._correlation_id), PROBLEM
        else:
            body, media_type = ErrorBody.of(error), JSON
        return self._response(status, media_type, body.model_dump_json().encode(), more)

    def _empty(self, status: int, extra: list[tuple[str, str]]) -> Response:
        return Response(status, (*self._common(), *extra))

    def _response(
        self, status: int, content_type: str, body: bytes, extra: list[tuple[str, str]] | None = None
    ) -> Response:
        headers = (
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            *self._common(),
            *(extra or []),
        )
        return Response(status, headers, b"" if self._head.method == "HEAD" else body)

    def _common(self) -> list[tuple[str, str]]:
        """The headers on EVERY response, errors too (wire.md)."""
        headers = [
            (names.CORRELATION_ID, self._correlation_id),
            *self._allowance.headers(),
            ("X-Content-Type-Options", "nosniff"),
            *cors.response_headers(self._head, self._service.settings.cors_origins),
        ]
        if self._warnings:
            headers.append((names.WARNING, "; ".join(self._warnings)))
        return headers
