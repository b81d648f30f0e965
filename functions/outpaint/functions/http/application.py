"""A request head and body through the service; openapi.json and the docs page, loaded when asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import parse_qs, quote

from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import UPLOADS_PATH, Prefer
from outpaint.contracts.requests import Fields, OutpaintRequest, Upload, UploadRequest
from outpaint.contracts.responses import Balance, StatusWord
from outpaint.contracts.storage_names import is_file_id
from outpaint.functions.http import answers, bodies
from outpaint.functions.http.answers import JSON, Accept, Answers, Headers
from outpaint.functions.http.messages import Body, RequestHead, Response, Waiting
from outpaint.functions.http.routes import INFERENCES_PREFIX, METHODS, PUBLIC, Match, Route, match
from outpaint.functions.service import admission, picture_sources, settle
from outpaint.functions.service.admission import authenticate
from outpaint.functions.service.submit import Submission, submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from outpaint.contracts.paths_and_headers import Allowance
    from outpaint.functions.service.records import Account, Job, UploadGrant
    from outpaint.functions.service.service import Service


@cache
def openapi() -> tuple[str, bytes]:
    """Media type and bytes of openapi.json."""
    from outpaint.contracts import openapi as contract

    return JSON, json.dumps(contract.document()).encode()


@cache
def docs() -> tuple[str, bytes]:
    """Media type and bytes of the page at /docs."""
    from outpaint.functions.http.docs_page import docs_page

    return "text/html; charset=utf-8", docs_page().encode()


_MAX_WARNED_NAMES: Final = 10
_MAX_UPLOADS_BODY: Final = 64 * 1024
_FORM_AROUND_FILE: Final = 64 * 1024
_NO_CACHE: Final = ("Cache-Control", "no-cache")
# The page brings its styles along and needs nothing else.
_DOCS_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
_T = TypeVar("_T")


class Application:
    """The service on HTTP: routing, authentication, limits, parsing and error mapping."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def open(self, head: RequestHead) -> Exchange:
        """Judge a request by its head; never raises."""
        return Exchange(self.service, head)

    def respond(self, head: RequestHead, body: Body = b"") -> Response | Waiting:
        """The whole exchange in one call, for hosts that already hold the body; never raises."""
        exchange = self.open(head)
        if exchange.answer is not None:
            return exchange.answer
        return exchange.finish(body) if len(body) <= exchange.body_limit else exchange.too_large()

    def unreadable(self) -> Response:
        """400 for bytes that are not HTTP, of which not even a head is known."""
        return Exchange(self.service, RequestHead("GET", "/")).unreadable()


class Exchange:
    """One request on its way: opened by its head, finished by its body.

    `answer` is set when the head alone decided (a refusal, or a quick read): the host may send it without
    reading the body. Otherwise the host reads at most `body_limit` bytes, answers a client that sends more by
    `too_large()`, and calls `finish`, which may take a while (it reads, hashes and decodes): off its event loop.
    """

    def __init__(self, service: Service, head: RequestHead) -> None:
        self._service = service
        self._head = head
        self._answers = Answers(service.settings, head, service.ids.uuid(), admission.nothing_counted(service))
        self._caller: Account | None = None
        self._match: Match | None = None
        self._request: OutpaintRequest | None = None
        self._grant: UploadGrant | None = None
        self._upload: Upload | None = None
        self._upload_request: UploadRequest | None = None
        self.body_limit = 0
        self.answer: Response | None = self._guarded(self._judge_head)

    @property
    def match(self) -> Match | None:
        """What lies at the request's path, once the head was judged."""
        return self._match

    @property
    def request(self) -> OutpaintRequest | None:
        """What a POST asks for, once its body was read."""
        return self._request

    @property
    def allowance(self) -> Allowance:
        """The figures that stand in the answer's headers; a host that refuses or limits by itself sets its own."""
        return self._answers.allowance

    @allowance.setter
    def allowance(self, allowance: Allowance) -> None:
        self._answers.allowance = allowance

    def finish(self, body: Body) -> Response | Waiting:
        """The answer to the whole request, or a wait; never raises."""
        return self.read(body) or self.act()

    def read(self, body: Body) -> Response | None:
        """The first half of `finish`: understand the body; the refusal if it cannot be understood."""
        return self._guarded(lambda: self._read(body))

    def act(self) -> Response | Waiting:
        """The second half of `finish`, after `read`: do what was asked for."""
        return self._guarded(self._act)

    def refuse(self, error: OutpaintError) -> Response:
        """The answer to a request that its host refuses, in the words and headers of any other refusal."""
        return self._error(error)

    def too_large(self) -> Response:
        """413 for a body that outgrew `body_limit`."""
        return self._answers.error(self._body_too_large())

    def cut_short(self) -> Response:
        """400 for a body whose client stopped sending before its end."""
        return self._answers.error(
            OutpaintError(ErrorCode.MALFORMED_BODY, "the body stopped arriving before its end: send it again, whole")
        )

    def _guarded(self, step: Callable[[], _T]) -> _T | Response:
        """Whatever goes wrong in a step is an answer, never an exception for the host to deal with."""
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - the one place where errors become answers
            return self._error(error)

    def unreadable(self) -> Response:
        """400 for a message that breaks the rules of HTTP itself."""
        return self._answers.error(
            OutpaintError(ErrorCode.MALFORMED_BODY, "this is not a request that HTTP/1.1 allows")
        )

    # Judged by the head

    def _judge_head(self) -> Response | None:
        head, settings = self._head, self._service.settings
        self._answers.accept = Accept.parse(head.header_values("accept"))
        size = len(head.path) + len(head.query)
        for name, value in head.headers:
            size += len(name) + len(value) + 4
        if size > settings.max_header_bytes:
            raise OutpaintError(
                ErrorCode.HEADERS_TOO_LARGE, f"the request headers have more than {settings.max_header_bytes} bytes"
            )
        found = self._match = match(head.path)
        if found is None:
            self._show_credits()
            raise OutpaintError(
                ErrorCode.UNKNOWN_ROUTE, f"there is nothing at {quote(head.path[:100])}: see /docs for what there is"
            )
        methods = METHODS[found.route]
        if head.method == "OPTIONS":
            return self._answers.empty(204, (("Allow", ", ".join(methods)), *answers.preflight_headers(methods)))
        if head.method not in methods:
            self._show_credits()
            raise OutpaintError(
                ErrorCode.METHOD_NOT_ALLOWED, f"{quote(head.method[:20])} is not taken here: use {methods[0]}"
            )
        if found.route in PUBLIC:
            return self._public(found)
        caller = self._caller = authenticate(
            self._service, head.header(names.API_KEY), peer_is_loopback=head.peer_is_loopback
        )
        self._answers.allowance, refusal = admission.take_rate(self._service, caller)
        if refusal is not None:
            raise refusal
        if not self._answers.accept.json:
            raise OutpaintError(
                ErrorCode.NOT_ACCEPTABLE, f"answers come as {JSON}: say so in Accept, or leave it out", field="Accept"
            )
        if found.route is Route.BALANCE:
            return self._answers.json(200, Balance(credits=caller.credits))
        if found.route is Route.INFERENCE:
            return self._inference(caller, found.id)
        if found.route is Route.UPLOADS and not picture_sources.uploads_offered(self._service):
            raise OutpaintError(ErrorCode.UNKNOWN_ROUTE, "this host takes no uploads: send the picture itself")
        self._expect_body(_MAX_UPLOADS_BODY if found.route is Route.UPLOADS else settings.max_body_bytes)
        return None

    def _show_credits(self) -> None:
        """Let a refusal that asks for no key show what a caller has who sent one that counts; it costs no request."""
        try:
            caller = authenticate(
                self._service, self._head.header(names.API_KEY), peer_is_loopback=self._head.peer_is_loopback
            )
        except OutpaintError:
            return  # no key, or one that the refusal must not tell from none
        self._answers.allowance = replace(self._answers.allowance, credits=caller.credits)

    def _expect_body(self, limit: int) -> None:
        bodies.check_content_type(self._head)
        self.body_limit = limit
        declared = self._head.header("content-length") or "0"
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > self.body_limit:
            raise self._body_too_large()

    def _public(self, found: Match) -> Response | None:
        if found.route is Route.FILE:
            return None
        if found.route is Route.UPLOAD:
            self._grant = self._granted(found.id)
            self._expect_body(self._grant.max_bytes + _FORM_AROUND_FILE)
            return None
        if found.route is Route.HEALTH:
            return self._answers.content(200, JSON, b'{"status":"ok"}')
        if found.route is Route.OPENAPI:
            return self._answers.content(200, *openapi(), (_NO_CACHE,))
        return self._answers.content(200, *docs(), (_NO_CACHE, ("Content-Security-Policy", _DOCS_POLICY)))

    def _body_too_large(self) -> OutpaintError:
        settings = self._service.settings
        way_out = (
            f": send larger pictures ahead by POST {UPLOADS_PATH}"
            if picture_sources.uploads_offered(self._service)
            else ""
        )
        return OutpaintError(
            ErrorCode.BODY_TOO_LARGE,
            f"the request body is too large: a picture may have at most {settings.pictures.max_bytes} bytes, "
            f"a request {settings.max_body_bytes}{way_out}",
        )

    # The routes

    def _act(self) -> Response | Waiting:
        assert self._match is not None
        if self._match.route is Route.FILE:
            return self._file(self._match.id)
        if self._match.route is Route.UPLOAD:
            assert self._grant is not None
            assert self._upload is not None
            picture_sources.store_upload(self._service, self._match.id, self._grant, self._upload)
            return self._answers.empty(204)
        assert self._caller is not None
        if self._match.route is Route.UPLOADS:
            assert self._upload_request is not None
            return self._ticket(picture_sources.grant_upload(self._service, self._caller, self._upload_request))
        assert self._request is not None
        return self._outpaint(self._caller, self._request)

    def _inference(self, caller: Account, inference_id: str) -> Response:
        job = settle.find_job(self._service, caller, inference_id)
        if job.state.ended and job.state is not JobState.SUCCEEDED:
            return self._answers.json(200, answers.failed_body(job))
        return self._job(job)

    def _read(self, body: Body) -> None:
        assert self._match is not None
        if self._match.route is Route.FILE:
            return  # what a GET sends beside its head means nothing
        fields = bodies.read_fields(self._head, body)
        if self._match.route is Route.UPLOAD:
            self._upload = _file_part(fields)
            return
        for_upload = self._match.route is Route.UPLOADS
        unknown = (UploadRequest if for_upload else OutpaintRequest).unknown_fields(fields)
        if unknown:
            shown = ", ".join(quote(name[:60], safe="[]", errors="replace") for name in unknown[:_MAX_WARNED_NAMES])
            self._answers.warnings.append(f"unknown fields ignored: {shown}")
        if for_upload:
            self._upload_request = UploadRequest.from_fields(fields)
        else:
            self._request = OutpaintRequest.from_fields(fields, query_mode=_query(self._head).get("mode"))

    def _granted(self, file_id: str) -> UploadGrant:
        service = self._service
        if service.file_urls is None or not is_file_id(file_id):
            raise OutpaintError(ErrorCode.UNKNOWN_FILE, "no file can be sent here: ask POST /v1/uploads", field="id")
        return service.file_urls.check_upload(file_id, _query(self._head), service.clock.now())

    def _ticket(self, ticket: picture_sources.IssuedUpload) -> Response:
        return self._answers.json(200, answers.ticket_body(self._service, ticket, self._head.origin))

    def _outpaint(self, caller: Account, request: OutpaintRequest) -> Response | Waiting:
        service, head = self._service, self._head
        submission = submit(
            service,
            caller,
            request,
            prefer=Prefer.parse(head.header_values(names.PREFER)),
            idempotency_key=head.header(names.IDEMPOTENCY_KEY),
        )
        job = submission.job
        if job.state.ended or submission.wait <= 0:
            return self._submitted(submission, job)

        def resume() -> Response:
            current = service.jobs.find(job.id, service.clock.now()) or job
            return self._submitted(submission, settle.refreshed(service, current))

        return Waiting(
            inference_id=job.id,
            until=service.clock.now() + submission.wait,
            resume=lambda: self._guarded(resume),
            abandon=lambda: self._release(submission),
        )

    def _submitted(self, submission: Submission, job: Job) -> Response:
        """The answer to a POST: the job as it stands now, its claim free for replays."""
        self._release(submission)
        extra: Headers = ()
        if submission.preference_applied is not None:
            extra += ((names.PREFERENCE_APPLIED, submission.preference_applied),)
        if submission.replayed:
            extra += ((names.IDEMPOTENT_REPLAYED, "true"),)
        word = self._service.settings.accepted_word
        if submission.wait <= 0 and not submission.replayed:
            # Who did not want to wait is answered 202, even where the painter was quicker than this answer.
            return self._accepted(job, extra, word)
        if job.state.ended and job.state is not JobState.SUCCEEDED:
            return self._error(answers.failure_of(job), extra)
        return self._job(job, extra, word)

    def _release(self, submission: Submission) -> None:
        """The first request with an idempotency key has its answer: later ones may have the job's."""
        job = submission.job
        if submission.wait > 0 and not submission.replayed and job.idempotency_key is not None:
            self._service.jobs.finish_claim(job.account_id, job.idempotency_key, job.id)

    def _job(self, job: Job, extra: Headers = (), word: StatusWord = StatusWord.PROCESSING) -> Response:
        if job.state is JobState.SUCCEEDED:
            return self._answers.json(200, answers.result_body(self._service, job, self._head.origin), extra)
        return self._accepted(job, extra, word)

    def _accepted(self, job: Job, extra: Headers, word: StatusWord) -> Response:
        return self._answers.json(
            202,
            answers.accepted_body(job, word),
            (
                ("Location", answers.absolute(self._service, INFERENCES_PREFIX + job.id, self._head.origin)),
                (names.RETRY_AFTER, str(self._service.settings.retry_after)),
                *extra,
            ),
        )

    def _file(self, file_id: str) -> Response:
        service = self._service
        now = service.clock.now()
        query = _query(self._head)
        if service.file_urls is None or not is_file_id(file_id):
            raise self._unknown_file()
        service.file_urls.check(
            file_id, expires=query.get("expires", ""), signature=query.get("signature", ""), now=now
        )
        stored = service.pictures.get(file_id, now)
        if stored is None:
            raise self._unknown_file()
        # A copy may be kept as long as this URL would have answered, and no longer.
        remaining = max(0, int(min(stored.expires_at, float(query["expires"])) - now))
        return self._answers.content(
            200,
            stored.media_type,
            stored.data,
            (
                ("Cache-Control", f"private, max-age={remaining}, immutable"),
                ("Content-Disposition", f'inline; filename="{file_id}"'),
            ),
        )

    @staticmethod
    def _unknown_file() -> OutpaintError:
        return OutpaintError(ErrorCode.UNKNOWN_FILE, "there is no such file, or its lifetime is over", field="id")

    def _error(self, error: Exception, extra: Headers = ()) -> Response:
        if isinstance(error, OutpaintError) and self._match is not None:
            if error.code is ErrorCode.METHOD_NOT_ALLOWED:
                extra += (("Allow", ", ".join(METHODS[self._match.route])),)
            elif error.code is ErrorCode.UNSUPPORTED_CONTENT_TYPE:
                extra += (("Accept-Post", ", ".join(bodies.SUPPORTED)),)
        return self._answers.error(error, extra)


def _file_part(fields: Fields) -> Upload:
    found = [value for value in fields.get("file", []) if isinstance(value, Upload)]
    if len(found) != 1:
        raise OutpaintError(
            ErrorCode.MISSING_PARAMETER, "file is missing: send the picture as one file named file", field="file"
        )
    return found[0]


def _query(head: RequestHead) -> dict[str, str]:
    """The query's parameters, the first value of each."""
    return {name: values[0] for name, values in parse_qs(head.query, keep_blank_values=False).items()}
