"""Answers requests by the service: routing, authentication, limits, bodies and error mapping, once for all hosts."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import parse_qs, quote

from outpaint.contracts import paths_and_headers as names
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import INFERENCE_PATH, OUTPAINT_PATH, UPLOADS_PATH, Allowance, Prefer
from outpaint.contracts.profiles import RequestWarning, WarningCode, WireProfile, read_headers
from outpaint.contracts.requests import (
    Fields,
    OutpaintRequest,
    Upload,
    UploadRequest,
    known_fields,
    read_leniently,
)
from outpaint.contracts.responses import Balance, StatusWord
from outpaint.contracts.storage_names import is_file_id
from outpaint.functions.http import answers, bodies
from outpaint.functions.http.answers import Accept, Answers, Headers
from outpaint.functions.http.bodies import JSON
from outpaint.functions.http.field_values import malformed
from outpaint.functions.http.local_requests import foreign
from outpaint.functions.http.messages import Body, Fetching, RequestHead, Response, Waiting
from outpaint.functions.http.routes import INFERENCES_PREFIX, METHODS, PUBLIC, Match, Route, match
from outpaint.functions.service import admission, log_keys, settle, upload_forms
from outpaint.functions.service.admission import authenticate
from outpaint.functions.service.records import Account, Job, UploadGrant
from outpaint.functions.service.service import Service
from outpaint.functions.service.submit import Admitted, Submission, admit, carry_out, wants_no_wait

_LOG: Final = logging.getLogger("outpaint.http")
if TYPE_CHECKING:
    from outpaint.functions.http.operators import Operating

_MAX_WARNED_NAMES: Final = 10
_MAX_UPLOADS_BODY: Final = 64 * 1024
_FORM_AROUND_FILE: Final = 64 * 1024
_NO_CACHE: Final = ("Cache-Control", "no-cache")
_NO_STORE: Final = ("Cache-Control", "no-store")
_SLASH_LEFT_OUT: Final = RequestWarning(
    WarningCode.PATH_SLASH, "the slash at the end of the path was not counted: leave it out"
)
# The page contains its styles and needs nothing else.
_DOCS_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
_SINGLE: Final = {
    name.lower(): name for name in (names.API_KEY, names.IDEMPOTENCY_KEY, "Content-Type", "Content-Length", "Host")
}
"""Header fields that a request may have once (RFC 9110, 5.3)."""
_T = TypeVar("_T")


class Application:
    """The service on HTTP, in a profile; safe to use from several threads.

    `operating` is what the host tells its operators, at /ready, /metrics and /health?detail=1; a host without it has
    none of these.
    """

    def __init__(
        self, service: Service, operating: Operating | None = None, profile: WireProfile = WireProfile.OURS
    ) -> None:
        self.service = service
        self._operating = operating
        self._profile = profile

    def open(self, head: RequestHead) -> Exchange:
        """Begin a request by its head; never raises."""
        return Exchange(self.service, head, self._operating, self._profile)

    def respond(self, head: RequestHead, body: Body = b"") -> Response | Waiting:
        """The whole exchange in one call, for hosts that already hold the body; never raises."""
        exchange = self.open(head)
        if exchange.answer is not None:
            return exchange.answer
        return exchange.finish(body) if len(body) <= exchange.body_limit else exchange.too_large()

    def refusal(self, error: OutpaintError) -> Response:
        """The answer to a request that its host refuses by itself, and of which not even a head may be known."""
        return self.open(RequestHead("GET", "/")).refuse(error)


class Exchange:
    """One request: opened by its head, finished by its body.

    `answer` is set when the head alone decided (a refusal, or a quick read): the host may send it without
    reading the body. Otherwise the host reads at most `body_limit` bytes, answers a client that sends more by
    `too_large()`, and calls `finish`, which may take a while (it reads, hashes and decodes): off its event loop.
    `match` is the route of the request's path; once head and body were read, `request` is what a POST asks for, and
    `field_names` are the names in the body; `inference_id` is the job that the answer is about, where it is about one.
    In the `profile` of the vendor, what is ours in the request means nothing, and nothing of ours is answered.
    """

    def __init__(
        self,
        service: Service,
        head: RequestHead,
        operating: Operating | None = None,
        profile: WireProfile = WireProfile.OURS,
    ) -> None:
        self._service = service
        self._operating = operating
        self._profile = profile
        if profile is not WireProfile.OURS:
            head = replace(head, headers=read_headers(head.headers, profile))
        self._head = head
        self._answers = Answers(
            service.settings,
            head,
            head.correlation_id or service.ids.uuid(),
            admission.nothing_counted(service),
            profile=profile,
        )
        self._caller: Account | None = None
        self._grant: UploadGrant | None = None
        # Not bound: a cycle would keep the body for long.
        self._act: Callable[[Exchange], Response | Waiting | Fetching]
        self.match: Match | None = None
        self.request: OutpaintRequest | None = None
        self.field_names: tuple[str, ...] = ()
        self.inference_id: str | None = None
        self.body_limit = 0
        self.answer: Response | None = self._guarded(self._judge_head)

    @property
    def correlation_id(self) -> str:
        """The request's id, which the answer has too."""
        return self._answers.correlation_id

    @property
    def account_id(self) -> str | None:
        """The caller's account, once its key was found."""
        return None if self._caller is None else self._caller.id

    @property
    def allowance(self) -> Allowance:
        """The figures in the answer's headers; a host that refuses or limits by itself sets its own."""
        return self._answers.allowance

    @allowance.setter
    def allowance(self, allowance: Allowance) -> None:
        self._answers.allowance = allowance

    @property
    def payer(self) -> str:
        """The id of the account on whose behalf a body is sent; empty where there is none."""
        return (
            self._caller.id if self._caller is not None else self._grant.account_id if self._grant is not None else ""
        )

    @property
    def warnings(self) -> tuple[RequestWarning, ...]:
        """What the client is warned of, in the vendor's profile too, which has no header to say it."""
        return tuple(self._answers.warnings)

    @property
    def error_code(self) -> ErrorCode | None:
        """The code of the error that was answered, in the vendor's profile too, which does not send it."""
        return self._answers.error_code

    def finish(self, body: Body) -> Response | Waiting:
        """The answer to the whole request, or a wait; never raises."""
        return self.read(body) or self.act()

    def begin(self, body: Body) -> Response | Waiting | Fetching:
        """As `finish`, but for addresses: what has to read one is left to the host to go on with; never raises."""
        return self.read(body) or self.start()

    def read(self, body: Body) -> Response | None:
        """The first half of `finish`: parse the body; the refusal if it cannot be parsed."""
        return self._guarded(lambda: self._read(body))

    def act(self) -> Response | Waiting:
        """The second half of `finish`, after `read`: do what was asked for."""
        begun = self.start()
        return begun.go() if isinstance(begun, Fetching) else begun

    def start(self) -> Response | Waiting | Fetching:
        """The second half of `begin`, after `read`; what was read is let go of then."""
        act, self._act = self._act, _acted
        outcome = self._guarded(lambda: act(self))
        self.request = None
        return outcome

    def too_large(self) -> Response:
        """413 for a body that outgrew `body_limit`."""
        return self.refuse(self._body_too_large())

    def cut_short(self) -> Response:
        """400 for a body whose client stopped sending before its end."""
        return self.refuse(malformed("the body stopped arriving before its end: send it again, whole"))

    def no_room(self) -> Response:
        """503 for a body that the host has no memory for at this moment."""
        return self.refuse(no_room())

    def _guarded(self, step: Callable[[], _T]) -> _T | Response:
        """What a step returns, or the answer to whatever it raises: a host has no exception to handle."""
        named = log_keys.REQUEST.set(self)
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - the one place where errors become answers
            return self.refuse(error)
        finally:
            log_keys.REQUEST.reset(named)

    # Judged by the head

    def _judge_head(self) -> Response | None:
        head, settings = self._head, self._service.settings
        self._answers.accept = Accept.parse(head.header_values("accept"), self._profile)
        size = len(head.path) + len(head.query)
        for name, value in head.headers:
            size += len(name) + len(value) + 4
        if size > settings.max_header_bytes:
            raise OutpaintError(
                ErrorCode.HEADERS_TOO_LARGE,
                f"the request headers have more than {settings.max_header_bytes} bytes",
                limit="max_header_bytes",
            )
        if len(dict(head.headers)) < len(head.headers):
            _check_single([name for name, _ in head.headers])
        found = self.match = match(head.path, self._profile)
        if found is None or (found.operated and self._operating is None):
            self._show_credits()
            raise OutpaintError(
                ErrorCode.UNKNOWN_ROUTE,
                f"there is nothing at {quote(head.path[:100])}: {_elsewhere(head, self._profile)}",
            )
        if found.slash:
            self._answers.warnings.append(_SLASH_LEFT_OUT)
        methods = METHODS[found.route]
        if head.method == "OPTIONS":
            allowed = answers.preflight_headers(head, methods, self._profile)
            return self._answers.empty(204, (("Allow", ", ".join(methods)), *allowed))
        if head.method not in methods:
            self._show_credits()
            raise OutpaintError(
                ErrorCode.METHOD_NOT_ALLOWED, f"{quote(head.method[:20])} is not taken here: {_right_verb(head, found)}"
            )
        if found.route in PUBLIC:
            return self._public(found)
        caller = self._caller = authenticate(
            self._service, head.header(names.API_KEY), from_this_machine=self._from_this_machine
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
        if found.route is Route.UPLOADS and not self._offers_uploads:
            raise OutpaintError(ErrorCode.UNKNOWN_ROUTE, "this host takes no uploads: send the picture itself")
        self._expect_body(_MAX_UPLOADS_BODY if found.route is Route.UPLOADS else settings.max_body_bytes)
        return None

    def _from_this_machine(self) -> bool:
        return foreign(self._head, origins=self._service.settings.cors_origins) is None

    def _show_credits(self) -> None:
        """Show the credits of a valid key on a refusal that needs none; this counts no request."""
        try:
            caller = authenticate(
                self._service, self._head.header(names.API_KEY), from_this_machine=self._from_this_machine
            )
        except OutpaintError:
            return  # no key, or one that must be treated as none
        self._answers.allowance = replace(self._answers.allowance, credits=caller.credits)

    def _expect_body(self, limit: int) -> None:
        # Whatever has a body is new work: a job, or a picture to keep for one.
        readiness = self._service.readiness
        reason = None if readiness is None else readiness.unready()
        if reason is not None:
            raise OutpaintError.unavailable(reason)
        bodies.check_content_type(self._head)
        self.body_limit = limit
        declared = self._head.declared_size
        if declared is not None and declared > self.body_limit:
            raise self._body_too_large()

    def _public(self, found: Match) -> Response | None:
        if found.route is Route.FILE:
            return None
        if found.route is Route.UPLOAD:
            self._grant = self._granted(found.id)
            self._expect_body(self._grant.max_bytes + _FORM_AROUND_FILE)
            return None
        if found.route is Route.READY:
            return None  # what a host has to look at may take a while
        if found.route is Route.METRICS or (found.route is Route.HEALTH and self._asks_for_detail()):
            assert self._operating is not None
            if not self._operating.admits(self._head):
                raise OutpaintError(
                    ErrorCode.UNKNOWN_ROUTE,
                    f"{self._head.path} is for operators: ask on the server's own machine, or send its operator's "
                    "token as Authorization: Bearer TOKEN",
                )
            return None
        if found.route is Route.HEALTH:
            return self._answers.content(200, JSON, b'{"status":"ok"}')
        if found.route is Route.OPENAPI:
            return self._answers.content(200, *openapi(), (_NO_CACHE,))
        return self._answers.content(200, *docs(), (_NO_CACHE, ("Content-Security-Policy", _DOCS_POLICY)))

    def _asks_for_detail(self) -> bool:
        return self._operating is not None and bool(_query(self._head).get("detail"))

    @property
    def _offers_uploads(self) -> bool:
        return self._profile is WireProfile.OURS and upload_forms.uploads_offered(self._service)

    def _body_too_large(self) -> OutpaintError:
        settings = self._service.settings
        way_out = f": send larger pictures ahead by POST {UPLOADS_PATH}" if self._offers_uploads else ""
        return OutpaintError(
            ErrorCode.BODY_TOO_LARGE,
            f"the request body is too large: a picture may have at most {settings.pictures.max_bytes} bytes, "
            f"a request {settings.max_body_bytes}{way_out}",
            limit="max_bytes" if settings.body_limit is None else None,
        )

    # The routes

    def _operated(self, route: Route) -> Response:
        operating, answers_ = self._operating, self._answers
        assert operating is not None
        if route is Route.METRICS:
            return answers_.content(200, *operating.metrics(self._head.header("accept") or ""), (_NO_STORE,))
        if route is Route.HEALTH:
            return answers_.json(200, operating.detail())
        reason = operating.unready()
        if reason is None:
            return answers_.content(200, JSON, b'{"status":"ready"}', (_NO_STORE,))
        # A reason may name folders: strangers and load balancers are told that there is one.
        raise OutpaintError.unavailable(reason if operating.admits(self._head) else "no new work is taken just now")

    def _inference(self, caller: Account, inference_id: str) -> Response:
        self.inference_id = inference_id
        job = settle.find_job(self._service, caller, inference_id)
        if job.state.ended and job.state is not JobState.SUCCEEDED:
            return self._answers.json(200, answers.failed_body(job))
        return self._job(job)

    def _read(self, body: Body) -> None:
        """Parse the body, and decide what `act` is to do."""
        found, caller = self.match, self._caller
        assert found is not None
        if found.route is Route.FILE:
            # A body that comes with a GET means nothing.
            self._act = lambda own: own._file(found.id)
            return
        if found.route in (Route.HEALTH, Route.READY, Route.METRICS):
            self._act = lambda own: own._operated(found.route)
            return
        fields: Fields = bodies.read_fields(self._head, body, known_fields(self._profile))
        self.field_names = tuple(fields)
        if found.route is Route.UPLOAD:
            upload = _file_part(fields)
            self._act = lambda own: own._store(found.id, upload)
            return
        assert caller is not None
        for_upload = found.route is Route.UPLOADS
        unknown = (
            UploadRequest.unknown_fields(fields)
            if for_upload
            else OutpaintRequest.unknown_fields(fields, self._profile)
        )
        if unknown:
            shown = ", ".join(quote(name[:60], safe="[]", errors="replace") for name in unknown[:_MAX_WARNED_NAMES])
            self._answers.warnings.append(
                RequestWarning(WarningCode.UNKNOWN_FIELDS, f"unknown fields ignored: {shown}")
            )
        if for_upload:
            wanted = UploadRequest.from_fields(fields)
            self._act = lambda own: own._ticket(caller, wanted)
        else:
            if self._profile is WireProfile.OURS:
                fields, read = read_leniently(fields)
                self._answers.warnings += read
            else:
                fields = {name: values for name, values in fields.items() if name not in unknown}
            request = self.request = OutpaintRequest.from_fields(fields, query_mode=_query(self._head).get("mode"))
            self._act = lambda own: own._outpaint(caller, request)

    def _granted(self, file_id: str) -> UploadGrant:
        service = self._service
        if service.uploads is None or service.file_urls is None or not is_file_id(file_id):
            raise OutpaintError(ErrorCode.UNKNOWN_FILE, "no file can be sent here: ask POST /v1/uploads", field="id")
        return service.file_urls.check_upload(file_id, _query(self._head), service.clock.now())

    def _ticket(self, caller: Account, wanted: UploadRequest) -> Response:
        ticket = upload_forms.grant_upload(self._service, caller, wanted)
        return self._answers.json(200, answers.ticket_body(self._service, ticket, self._head.origin))

    def _store(self, file_id: str, upload: Upload) -> Response:
        assert self._grant is not None
        upload_forms.store_upload(self._service, file_id, self._grant, upload)
        return self._answers.empty(204)

    def _outpaint(self, caller: Account, request: OutpaintRequest) -> Response | Waiting | Fetching:
        head = self._head
        prefer = Prefer.parse(head.header_values(names.PREFER))
        # A setting chooses the word of an async POST. One that was to wait and is answered 202 has the word of a poll.
        word = self._service.settings.accepted_word if wants_no_wait(request, prefer) else StatusWord.PROCESSING
        admitted = admit(
            self._service,
            caller,
            request,
            prefer=prefer,
            idempotency_key=head.header(names.IDEMPOTENCY_KEY),
            correlation_id=self._answers.correlation_id,
        )
        if isinstance(admitted, Submission):
            return self._answer_to(admitted, word)
        if admitted.fetches:
            return Fetching(caller.id, lambda: self._guarded(lambda: self._carry_out(admitted, word)), self.refuse)
        return self._carry_out(admitted, word)

    def _carry_out(self, admitted: Admitted, word: StatusWord) -> Response | Waiting:
        return self._answer_to(carry_out(self._service, admitted), word)

    def _answer_to(self, submission: Submission, word: StatusWord) -> Response | Waiting:
        service, job = self._service, submission.job
        self.inference_id = job.id
        if job.state.ended or submission.wait <= 0:
            return self._submitted(submission, job, word)

        def resume() -> Response:
            current = service.jobs.find(job.id, service.clock.now()) or job
            return self._submitted(submission, settle.refreshed(service, current), word)

        return Waiting(
            inference_id=job.id,
            until=service.clock.now() + submission.wait,
            resume=lambda: self._guarded(resume),
            abandon=lambda: self._release(submission),
        )

    def _submitted(self, submission: Submission, job: Job, word: StatusWord) -> Response:
        """The answer to a POST: the job in its present state, and its claim free for replays."""
        self._release(submission)
        extra: Headers = ()
        if submission.preference_applied is not None:
            extra += ((names.PREFERENCE_APPLIED, submission.preference_applied),)
        if submission.replayed:
            extra += ((names.IDEMPOTENT_REPLAYED, "true"),)
        if submission.wait <= 0 and not submission.replayed:
            # A client that did not want to wait is answered 202, even where the painter was quicker than this answer.
            return self._accepted(job, extra, word)
        if job.state.ended and job.state is not JobState.SUCCEEDED:
            return self.refuse(answers.failure_of(job), extra)
        return self._job(job, extra, word)

    def _release(self, submission: Submission) -> None:
        """Let later requests with the idempotency key have the job: the first one has its answer.

        A store that does not take it keeps no client from its answer: the claim ends with the wait.
        """
        job = submission.job
        if submission.wait > 0 and not submission.replayed and job.idempotency_key is not None:
            with log_keys.about_job(job):
                try:
                    self._service.jobs.finish_claim(job.account_id, job.idempotency_key, job.id)
                except OutpaintError as error:
                    _LOG.error("that job %s was answered could not be recorded: %s", job.id, error)

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
        # A copy may be cached as long as this URL is valid, and no longer.
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

    def refuse(self, error: Exception, extra: Headers = (), *, retry_after: int | None = None) -> Response:
        """The answer to an error, of the core or of its host, with the headers that say what to do about it."""
        if isinstance(error, OutpaintError) and self.match is not None:
            if error.code is ErrorCode.METHOD_NOT_ALLOWED:
                extra += (("Allow", ", ".join(METHODS[self.match.route])),)
            elif error.code is ErrorCode.UNSUPPORTED_CONTENT_TYPE:
                extra += (("Accept-Post", ", ".join(bodies.SUPPORTED)),)
        return self._answers.error(error, extra, retry_after=retry_after)


def _acted(_exchange: Exchange) -> Response:
    raise RuntimeError("a request is acted on once")


def no_room() -> OutpaintError:
    """503 for a body that a host has no memory for at this moment."""
    return OutpaintError.unavailable("too many bytes of requests are being read now: send it again later")


def _check_single(sent: list[str]) -> None:
    """Refuse a head that has a field twice which may be there once.

    Which of the two counts would be decided here in one way, and in another by what stands before this host.
    """
    for lower, name in _SINGLE.items():
        if sent.count(lower) > 1:
            raise malformed(f"{name} was sent more than once: send it once", field=name)


def _file_part(fields: Fields) -> Upload:
    found = [value for value in fields.get("file", []) if isinstance(value, Upload)]
    if len(found) != 1:
        raise OutpaintError(
            ErrorCode.MISSING_PARAMETER, "file is missing: send the picture as one file named file", field="file"
        )
    return found[0]


def _elsewhere(head: RequestHead, profile: WireProfile) -> str:
    """Where a path that does not exist most likely should have led."""
    shorter = match(head.path[:-1], profile) if head.path.endswith("/") else None
    if shorter is not None and not shorter.slash:
        return "leave out the slash at its end"
    parts = [part for part in head.path.split("/") if part]
    path = "/".join(["", "v1", *(parts[1:] if parts[:1] == ["v1"] else parts)])
    found = match(path, profile)
    if found is not None and head.method in METHODS[found.route]:
        return f"did you mean {quote(path[:100])}?"
    return "see /docs for what there is"


def _right_verb(head: RequestHead, found: Match) -> str:
    """What to do instead of a verb that the path does not take."""
    if found.route is Route.INFERENCE and head.method in ("POST", "PUT", "PATCH"):
        return f"a picture goes to POST {OUTPAINT_PATH}, and GET asks for a job"
    if found.route is Route.OUTPAINT and head.method in ("GET", "HEAD"):
        return f"POST sends a picture, and GET {INFERENCE_PATH} asks for a job"
    methods = METHODS[found.route]
    return f"this path takes {', '.join(methods[:-1])} and {methods[-1]}"


def _query(head: RequestHead) -> dict[str, str]:
    """The query's parameters, the first value of each."""
    return {name: values[0] for name, values in parse_qs(head.query, keep_blank_values=False).items()}


@cache
def openapi() -> tuple[str, bytes]:
    """Media type and content of /openapi.json, made at the first call."""
    from outpaint.contracts import openapi as contract

    return JSON, json.dumps(contract.document()).encode()


@cache
def docs() -> tuple[str, bytes]:
    """Media type and content of the page at /docs, made at the first call."""
    from outpaint.functions.http.docs_page import docs_page

    return "text/html; charset=utf-8", docs_page().encode()
