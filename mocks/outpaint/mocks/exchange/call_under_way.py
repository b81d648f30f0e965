"""One call to a world: what scenarios and the service make of its head, its body, its wait and its answer."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.profiles import WireProfile
from outpaint.contracts.requests import OutpaintRequest, Source, Upload, known_fields
from outpaint.contracts.responses import StatusWord
from outpaint.functions.http.application import Exchange
from outpaint.functions.http.bodies import check_content_type, read_fields
from outpaint.functions.http.field_values import whole_body
from outpaint.functions.http.messages import Body, Fetching, RequestHead, Response, Waiting
from outpaint.functions.http.routes import Match, Route, match
from outpaint.functions.service import admission, picture_sources
from outpaint.functions.service.records import Account
from outpaint.functions.service.service import Service
from outpaint.mocks.exchange.body_sample import SampledBody, sample_of
from outpaint.mocks.exchange.spoiled_answers import allowing_scenarios, drawn, gateway_page, refused, spoiled
from outpaint.mocks.scenarios.call_effects import (
    AcceptedWord,
    Credits,
    Error,
    Gateway,
    Latency,
    Profile,
    RateLimit,
    Refuse,
    Reset,
    WrongShape,
)
from outpaint.mocks.scenarios.effect import CallEffect, On, Slot
from outpaint.mocks.scenarios.grammar import ScenarioError
from outpaint.mocks.scenarios.scenario import MAGIC, Scenario, preset_of
from outpaint.mocks.scenarios.world_scenarios import HEADER
from outpaint.mocks.world.mock_answers import MockResponse, WireFault
from outpaint.mocks.world.recorded_call import Call
from outpaint.mocks.world.scripted_dispatch import CallSeenByPorts
from outpaint.mocks.world.world import World

_KINDS: Final = {
    (Route.OUTPAINT, "POST"): On.SUBMIT,
    (Route.INFERENCE, "GET"): On.POLL,
    (Route.INFERENCE, "HEAD"): On.POLL,
    (Route.BALANCE, "GET"): On.BALANCE,
    (Route.BALANCE, "HEAD"): On.BALANCE,
    (Route.FILE, "GET"): On.FILE,
    (Route.FILE, "HEAD"): On.FILE,
    (Route.UPLOADS, "POST"): On.UPLOAD,
    (Route.UPLOAD, "POST"): On.UPLOAD,
}
_KEYLESS: Final = frozenset({Route.FILE, Route.UPLOAD})
_OF_THE_SERVER: Final = frozenset({Route.HEALTH, Route.READY, Route.METRICS, Route.OPENAPI, Route.DOCS})
_PAGES: Final = frozenset({"/", "/favicon.ico"})
"""What browsers and probes ask any server for."""
_KEY: Final = API_KEY.lower()
_HEADER: Final = HEADER.lower()
_NOTHING: Final = Response(503)
"""In place of an answer that never reaches the client."""
_T = TypeVar("_T")


class CallUnderWay(CallSeenByPorts):
    """One call to a world: judged by its head when it is made, finished by `finish` with its body.

    `answer` is the `MockResponse` where the head decides it, else None. Its host observes `fault` and `latency` before
    it sends a `MockResponse`. `finish` returns a `Waiting` only while the clock ticks; `Waiting.until` is virtual time
    (see `VirtualClock.real_seconds` and `on_change`). What is known of the call is written to `record` at once.
    """

    def __init__(self, world: World, head: RequestHead) -> None:
        self.world = world
        self.body_limit = 0
        self.answer: MockResponse | None = None
        self._found = match(head.path)
        self._exchange: Exchange | None = None
        self._key: str | None = None
        self._refusal: OutpaintError | None = None
        self._unread: Response | None = None
        self._spent: dict[tuple[str, CallEffect], bool] = {}
        kind = None if self._found is None else _KINDS.get((self._found.route, head.method))
        with world.lock:
            now = world.clock.now()
            world.dispatch.settle_due(now)
            self._in_journal = _is_call(head, self._found)
            number = world.journal.number() if self._in_journal else 0
            world.used_at = real_now = time.monotonic()
            world.under_way += 1
            super().__init__(Call(number, now, kind, head, real_now, world.clock.scale, blobs=world.studio.blobs))
            if self._in_journal:
                world.journal.add(self.record)
            self._open()

    # For the host

    @property
    def may_fetch(self) -> bool:
        """Whether it may wait for other servers, which only a world with a live port does."""
        return self.record.route is On.SUBMIT and self.world.sources.is_live

    def finish(self, body: Body) -> MockResponse | Waiting:
        """The answer to the whole request, or a wait; never raises."""
        self.take(body)
        return self.conclude()

    def take(self, body: Body) -> None:
        """The first half of `finish`: read the body."""
        exchange, size = self._exchange, len(body)
        # A body that is not kept is let go of while it is read.
        kept = whole_body(body) if self.world.journal.keeps(size) else None
        whole = body if kept is None else kept
        read = whole if isinstance(whole, bytes) else SampledBody(whole)
        if exchange is None:
            request = self._asked(read)
        else:
            self._unread = exchange.read(read)
            request = exchange.request
        if request is None and self.record.route in (On.SUBMIT, On.UPLOAD):
            self.record.body_sample = sample_of(self.record.request_head, read)
        self._note_body(kept, size, request)

    @property
    def is_quick(self) -> bool:
        """Whether `conclude` takes little time: the pictures that `take` found are small, or were seen before."""
        request = self.record.request
        return request is None or self.world.studio.inspections.are_quick(
            _picture(request.image), _picture(request.mask)
        )

    def conclude(self) -> MockResponse | Waiting:
        """The second half of `finish`: the answer, or a wait; never raises."""
        exchange, refusal = self._exchange, self._unread
        self._inspect()
        with self.world.lock:
            self.world.dispatch.settle_due(self.world.clock.now())
            if exchange is not None:
                self._read_prompt(exchange)
            trouble = self._trouble()
            if trouble is not None or exchange is None or self._never_arrives:
                return self._answered(trouble or _NOTHING)
            if refusal is not None:
                return self._answered(refusal)
            fetching = None
            request = exchange.request  # `start` lets go of it
            if self.record.route is not On.FILE:
                outcome = self._as_current(exchange.start)
                if isinstance(outcome, Fetching) and not self.world.sources.is_live:
                    outcome = self._as_current(outcome.go)
                if not isinstance(outcome, Fetching):
                    return self._outcome(outcome)
                fetching = outcome
        if fetching is not None:
            assert request is not None
            return self._fetched(picture_sources.addresses(request), fetching)
        # Painting takes long and changes nothing, so that the world's other calls do not wait for it.
        answer = exchange.act()
        assert isinstance(answer, Response)
        with self.world.lock:
            return self._answered(answer)

    def _fetched(self, addresses: Mapping[str, str], fetching: Fetching) -> MockResponse | Waiting:
        """The answer to a request with addresses that are really read: other calls go on meanwhile."""
        settings = self.world.service.settings
        with (
            self.world.sources.read_ahead(
                addresses,
                max_bytes=settings.pictures.max_bytes,
                timeout=settings.fetch_timeout,
            ),
            self.world.lock,
        ):
            self.world.dispatch.settle_due(self.world.clock.now())
            return self._outcome(self._as_current(fetching.go))

    def _outcome(self, outcome: Response | Waiting) -> MockResponse | Waiting:
        return self._answered(outcome) if isinstance(outcome, Response) else self._waiting(outcome)

    def respond(self, body: Body) -> MockResponse | Waiting:
        """The answer to the whole request, or a wait, for hosts that hold the body already; never raises."""
        if self.answer is not None:
            return self.answer
        return self.finish(body) if len(body) <= self.body_limit else self.too_large()

    def too_large(self) -> MockResponse:
        """413 for a body of more than `body_limit` bytes."""
        exchange = self._exchange
        with self.world.lock:
            return self._answered(_NOTHING if exchange is None else exchange.too_large())

    def cut_short(self) -> MockResponse:
        """400 for a body whose client stopped sending before its end."""
        exchange = self._exchange
        with self.world.lock:
            return self._answered(_NOTHING if exchange is None else exchange.cut_short())

    def no_room(self) -> MockResponse:
        """503 for a body that its host has no memory for at this moment."""
        exchange = self._exchange
        with self.world.lock:
            return self._answered(_NOTHING if exchange is None else exchange.no_room())

    def left(self) -> None:
        """Take note that the client went away before it had the answer."""
        with self.world.lock:
            if self.record.left_at is None:
                self.record.left_at = self.world.clock.now()

    @property
    def payer(self) -> str:
        """The id of the account on whose behalf the body is sent, in its world; empty where there is none."""
        payer = "" if self._exchange is None else self._exchange.payer
        return f"{self.world.name}/{payer}" if payer else ""

    # The head

    def _open(self) -> None:
        kind = self.record.route
        service = self.world.service if kind is None else self._read_head(kind)
        if self.touching and self._ends_before(service):
            return
        self.suspended = isinstance(self.touching.get(Slot.ANSWER), Error) or self._refusal is not None
        chosen = self.touching.get(Slot.PROFILE)
        profile = chosen.profile if isinstance(chosen, Profile) else self.world.profile
        self.record.profile = profile
        word = self.touching.get(Slot.WORD)
        if isinstance(word, AcceptedWord):
            settings = service.settings.model_copy(update={"accepted_word": StatusWord(word.word)})
            service = replace(service, settings=settings)
        self._exchange = self._as_current(lambda: Exchange(service, self.record.request_head, profile=profile))
        if self._exchange.answer is not None or self._refusal is not None:
            self.answer = self._answered(self._trouble() or self._exchange.answer or _NOTHING)
            return
        # A file's GET is finished without a body: its picture may have to be painted first.
        self.body_limit = self._exchange.body_limit

    def _as_current(self, step: Callable[[], _T]) -> _T:
        """Do a step of the service whose ports see this call."""
        dispatch = self.world.dispatch
        before, dispatch.current_call = dispatch.current_call, self
        try:
            return step()
        finally:
            dispatch.current_call = before

    def _read_head(self, kind: On) -> Service:
        """Find the effects on this call; returns the service, under the rate limit that they set."""
        world, record, found = self.world, self.record, self._found
        assert found is not None
        if kind is On.POLL:
            record.inference_id = found.id
        elif kind is On.FILE:
            record.inference_id = world.pictures.job_of(found.id)
        key = None if found.route in _KEYLESS else record.request_head.header(_KEY)
        magic = None
        if key is not None:
            self._key = key = key.strip()
            if key.startswith(MAGIC):
                magic = self._understood(preset_of, key, API_KEY, ErrorCode.UNKNOWN_KEY)
                world.ledger.admit(key)
        header = record.request_head.header(_HEADER)
        own = None if header is None else self._understood(Scenario.of, header, HEADER)
        attached = world.dispatch.attached(record.inference_id)
        self.effects = world.scenarios.resolve(kind, preset=magic, own=own, attached=attached)
        account = self._account()
        record.account_id = None if account is None else account.id
        service = self._charge(account)
        self._touch()
        return service

    def _ends_before(self, service: Service) -> bool:
        """Whether a scenario ends the call before the service sees it."""
        if self._never_arrives:
            self.answer = self._answered(_NOTHING)
            return True
        if not isinstance(self.touching.get(Slot.ANSWER), Gateway):
            return False
        # The body is read all the same.
        if self.record.method == "POST":
            self.body_limit = service.settings.max_body_bytes
        else:
            self.answer = self._answered(self._trouble() or _NOTHING)
        return True

    @property
    def _never_arrives(self) -> bool:
        """Whether the connection ends before the service could see the whole call."""
        wire = self.touching.get(Slot.WIRE)
        return isinstance(wire, Refuse) or (isinstance(wire, Reset) and wire.when == "before")

    def _understood(
        self, understand: Callable[[str], _T], word: str, field: str, code: ErrorCode = ErrorCode.INVALID_PARAMETER
    ) -> _T | None:
        """The scenario that a word of the client's means; for one that means nothing the call is refused."""
        try:
            return understand(word)
        except ScenarioError as error:
            self._refusal = self._refusal or OutpaintError(code, error.detail, field=field)
            return None

    def _account(self) -> Account | None:
        """The account whose call it is, as it is now."""
        return self.world.ledger.of_key(self._key) if self._key else None

    def _charge(self, account: Account | None) -> Service:
        """Apply the effects on the account; returns the service, under the rate limit that they set."""
        world = self.world
        service = world.service
        if account is None:
            return service
        for scope, effect in self.effects.account.values():
            if isinstance(effect, RateLimit):
                service = world.limited(effect)
            elif isinstance(effect, Credits) and (
                scope.startswith("next") or world.scenarios.first_time(f"{scope}: {effect}", account.id)
            ):
                world.ledger.set_credits(account.id, effect.n)
                self.note(effect)
        return service

    def _touch(self) -> None:
        """Find the effects that are not used up; each is counted once for this call."""
        self.touching = {}
        for slot, (scope, effect) in self.effects.call.items():
            if (scope, effect) not in self._spent:
                who = self.record.inference_id if scope == "job" else self.record.account_id
                self._spent[scope, effect] = self.world.scenarios.spend(effect, who or "", scope)
            if self._spent[scope, effect]:
                self.touching[slot] = effect

    # The body

    def _read_prompt(self, exchange: Exchange) -> None:
        """Apply the scenario of a magic prompt."""
        request = exchange.request
        if request is None or not request.wish.prompt.startswith(MAGIC):
            return
        preset = self._understood(preset_of, request.wish.prompt.split(None, 1)[0], "prompt")
        if preset is None:
            return
        self.effects = self.effects.with_prompt(preset)
        before = self._account()
        limited = self._charge(before)
        self._touch()
        account = self._account()
        if before is None or account is None:
            return
        if account.credits != before.credits:
            exchange.allowance = replace(exchange.allowance, credits=account.credits)
        if self.effects.account.get(Slot.LIMIT, ("", None))[0] == "prompt":
            exchange.allowance, refusal = admission.take_rate(limited, account)
            self._refusal = self._refusal or refusal

    def _asked(self, body: Body) -> OutpaintRequest | None:
        """What a submit asks for that a gateway answers: the service never sees it, and the journal does."""
        if self.record.route is not On.SUBMIT:
            return None
        head, known = self.record.request_head, known_fields(self.world.profile)
        try:
            check_content_type(head)
            fields = {name: values for name, values in read_fields(head, body, known).items() if name in known}
            return OutpaintRequest.from_fields(fields, query_mode=dict(parse_qsl(head.query)).get("mode"))
        except OutpaintError:
            return None

    def _note_body(self, body: bytes | None, size: int, request: OutpaintRequest | None) -> None:
        """Write the body, where it is kept, what it asks for and its pictures to the record."""
        record, blobs = self.record, self.world.studio.blobs
        record.body_size = size
        record.body = body
        record.request = request
        if request is None:
            return
        image, mask = _picture(request.image), _picture(request.mask)
        if image is not None:
            record.image_sha256, record.image_size = blobs.keep(image), len(image)
        if mask is not None:
            record.mask_sha256, record.mask_size = blobs.keep(mask), len(mask)

    def _inspect(self) -> None:
        """Look at the pictures before the world is locked; the service then finds the result in memory."""
        request = self.record.request
        if request is None or self._exchange is None:
            return
        image, mask = _picture(request.image), _picture(request.mask)
        if self.record.idempotency_key is not None:
            for source in (request.image, request.mask):
                if isinstance(source, Upload | DataUri):
                    _ = source.sha256
        if image is not None and (mask is not None or request.mask is None):
            with contextlib.suppress(OutpaintError):
                self.world.studio.inspections(
                    image,
                    mask,
                    mask_mode=request.wish.mask_mode,
                    limits=self.world.service.settings.pictures,
                    image_field=request.image_field,
                    mask_field=request.mask_field or "mask_image",
                )

    # Waits

    def _waiting(self, waiting: Waiting) -> MockResponse | Waiting:
        """The answer where no wait can change it; else a frozen clock moves on, and a ticking one has the host wait."""
        world = self.world
        self.record.inference_id = waiting.inference_id  # a repeat waits for a job that it did not make
        plan = world.dispatch.plan_of(waiting.inference_id)
        now = world.clock.now()
        until = waiting.until
        if plan is not None:
            until = now if plan.waits_for_polls else min(until, plan.ends_at)
        if until > now:
            if not world.clock.is_frozen:
                return Waiting(
                    inference_id=waiting.inference_id,
                    until=until,
                    resume=lambda: self._resumed(waiting),
                    abandon=lambda: self._abandoned(waiting),
                )
            world.clock.reach(until)
            world.dispatch.settle_due(world.clock.now())
        return self._resumed(waiting)

    def _resumed(self, waiting: Waiting) -> MockResponse:
        with self.world.lock:
            self.world.dispatch.settle_due(self.world.clock.now())
            return self._answered(self._as_current(waiting.resume))

    def _abandoned(self, waiting: Waiting) -> None:
        waiting.abandon()
        with self.world.lock:
            self.record.left_at = self.world.clock.now()
            self._journal()

    # Answers

    def _trouble(self) -> Response | None:
        """The answer that a scenario asks for, or the refusal of a wrong one; None for the service's own answer."""
        exchange, effect = self._exchange, self.touching.get(Slot.ANSWER)
        if self._refusal is not None and exchange is not None:
            return exchange.refuse(self._refusal)
        if isinstance(effect, Gateway):
            return gateway_page(effect.status)
        if isinstance(effect, Error) and exchange is not None:
            return refused(exchange, effect, self.world.service.settings.rate_window)
        return None

    def _answered(self, answer: Response) -> MockResponse:
        """The answer as it is sent, after writing it to the record."""
        fault: WireFault | None = None
        latency = self.seconds
        if self.touching:
            if self.step_met and not isinstance(self.touching.get(Slot.ANSWER), WrongShape):
                answer = self._trouble() or answer
            answer, fault = spoiled(answer, self.touching)
            slow = self.touching.get(Slot.LATENCY)
            if isinstance(slow, Latency):
                latency += drawn(slow, self.world.ids)
            for effect in dict.fromkeys(self.touching.values()):
                self.note(effect)
        if self._exchange is not None:
            if self.record.inference_id is None:
                self.record.inference_id = self._exchange.inference_id
            self.record.warnings = self._exchange.warnings
            self.record.hidden_code = self._exchange.error_code if self.record.profile is WireProfile.VENDOR else None
            self.record.field_names = self._exchange.field_names
        if self.record.method == "OPTIONS" and self._found is not None:
            answer = allowing_scenarios(answer)
        done = MockResponse(answer.status, answer.headers, answer.body, latency, fault)
        self.record.response = done
        self._journal()
        return done

    def _journal(self) -> None:
        if self.record.answered_at is None:
            self.world.under_way -= 1
        self.record.answered_at = self.world.clock.now()
        if self._in_journal:
            self.world.journal.answered(self.record)


def _picture(source: Source | None) -> bytes | None:
    """The bytes of a picture that stands in the request; None for others, and for a data: URI that has a fault."""
    return source.data or None if isinstance(source, Upload | DataUri) else None


def _is_call(head: RequestHead, found: Match | None) -> bool:
    """Whether a request is a call of the API, be it a wrong one, and no probe of the server or load of its pages."""
    if found is not None:
        return found.route not in _OF_THE_SERVER
    return head.path not in _PAGES or head.method not in ("GET", "HEAD")
