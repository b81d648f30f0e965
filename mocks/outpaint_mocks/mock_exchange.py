"""One request on its way through a world: judged by its head, then by its body, by scenarios and by the service."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.headers import RETRY_AFTER
from outpaint_contracts.requests import Source, Upload
from outpaint_functions.http.application import Exchange
from outpaint_functions.http.messages import RequestHead, Response, Waiting
from outpaint_functions.http.routes import Route, match

from outpaint_mocks.answers import MockResponse
from outpaint_mocks.call_scenarios import CallScenarios
from outpaint_mocks.calls import Call
from outpaint_mocks.calls_in_hand import CallInHand
from outpaint_mocks.effects import Error, Gateway, Latency, On, Refuse, Reset, Slot, WrongShape
from outpaint_mocks.scenario_errors import asked_for
from outpaint_mocks.spoiled_answers import allowing_scenarios, drawn, gateway_page, spoiled, with_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from outpaint_functions.service.service import Service

    from outpaint_mocks.faults import Fault
    from outpaint_mocks.world import World

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
_T = TypeVar("_T")


class MockExchange:
    """One request on its way through a world: opened by its head, finished by its body, as `Exchange` is.

    `answer` and what `finish` returns are `MockResponse`s: look at `fault` before anything is sent, and let
    `latency` pass by the world's clock. A wait is returned only while the clock goes by itself; its `until` is
    virtual time (see `VirtualClock.real_seconds` and `on_change`).
    """

    def __init__(self, world: World, head: RequestHead) -> None:
        self.world = world
        self._head = head
        self._found = match(head.path)
        kind = None if self._found is None else _KINDS.get((self._found.route, head.method))
        self._hand = CallInHand(kind)
        self._scenarios = CallScenarios(world, head, self._found, self._hand)
        self._exchange: Exchange | None = None
        self.body_limit = 0
        self.answer: MockResponse | None = None
        with world.lock:
            now = world.clock.now()
            world.dispatch.settle_due(now)
            self.call = Call(
                world.journal.number(), now, kind, head, time.monotonic(), world.clock.scale, blobs=world.studio.blobs
            )
            world.journal.add(self.call)
            self._open()

    # As the host sees it

    def finish(self, body: bytes) -> MockResponse | Waiting:
        """The answer to the whole request, or a wait; never raises."""
        exchange = self._exchange
        refusal = None if exchange is None else exchange.read(body)
        self._note_body(body)
        with self.world.lock:
            self.world.dispatch.settle_due(self.world.clock.now())
            if exchange is not None:
                self._scenarios.ask_prompt(exchange)
            trouble = self._trouble()
            if trouble is not None or exchange is None or self._never_arrives:
                return self._answered(trouble or _nothing())
            if refusal is not None:
                return self._answered(refusal)
            if self._hand.route is not On.FILE:
                outcome = self._in_hand(exchange.act)
                return self._answered(outcome) if isinstance(outcome, Response) else self._waiting(outcome)
        # Painting takes its time and changes nothing: the world's other calls need not wait for it.
        answer = exchange.act()
        assert isinstance(answer, Response)
        with self.world.lock:
            return self._answered(answer)

    def too_large(self) -> MockResponse:
        """413 for a body that outgrew `body_limit`."""
        exchange = self._exchange
        with self.world.lock:
            return self._answered(_nothing() if exchange is None else exchange.too_large())

    def cut_short(self) -> MockResponse:
        """400 for a body whose client stopped sending before its end."""
        exchange = self._exchange
        with self.world.lock:
            return self._answered(_nothing() if exchange is None else exchange.cut_short())

    # Judged by the head

    def _open(self) -> None:
        world, head, kind = self.world, self._head, self._hand.route
        service = world.service
        if kind is not None:
            service = self._scenarios.ask_head(kind)
            if self._hand.effects and self._ends_before(service):
                return
        error = isinstance(self._hand.effects.get(Slot.ANSWER), Error)
        self._hand.suspended = error or self._scenarios.refusal is not None
        self._exchange = self._in_hand(lambda: Exchange(service, head))
        if self._exchange.answer is not None or self._scenarios.refusal is not None:
            self.answer = self._answered(self._trouble() or self._exchange.answer or _nothing())
            return
        # A file's GET is finished without a body: its picture may have to be painted first.
        self.body_limit = self._exchange.body_limit

    def _ends_before(self, service: Service) -> bool:
        """Whether a scenario ends the call before the service sees it."""
        if self._never_arrives:
            self.answer = self._answered(_nothing())
            return True
        if not isinstance(self._hand.effects.get(Slot.ANSWER), Gateway):
            return False
        # What a client sends is read all the same.
        if self._head.method == "POST":
            self.body_limit = service.settings.max_body_bytes
        else:
            self.answer = self._answered(self._trouble() or _nothing())
        return True

    @property
    def _never_arrives(self) -> bool:
        """Whether the connection ends before the service could see the whole call."""
        wire = self._hand.effects.get(Slot.WIRE)
        return isinstance(wire, Refuse) or (isinstance(wire, Reset) and wire.when == "before")

    # Judged by the body

    def _note_body(self, body: bytes) -> None:
        """Write down what came, its pictures by content."""
        call, exchange, blobs = self.call, self._exchange, self.world.studio.blobs
        call.body_size = len(body)
        call.body = body
        request = call.request = None if exchange is None else exchange.request
        if request is None:
            return
        image, mask = _upload(request.image), _upload(request.mask)
        if image is not None:
            call.image_sha256, call.image_size = blobs.keep(image), len(image)
        if mask is not None:
            call.mask_sha256, call.mask_size = blobs.keep(mask), len(mask)
        if image is not None and (mask is not None or request.mask is None):
            # Decoded now, before the world is locked: the service finds it in memory.
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
        """Answer at once what no wait can change, let a frozen clock pass the rest, and hand on true waits."""
        world = self.world
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
            return self._answered(self._in_hand(waiting.resume))

    def _abandoned(self, waiting: Waiting) -> None:
        waiting.abandon()
        with self.world.lock:
            self.call.abandoned = True
            self._journal()

    # Answers

    def _trouble(self) -> Response | None:
        """What a scenario, or a scenario that cannot be, makes of the answer; None to let the service speak."""
        exchange, effect = self._exchange, self._hand.effects.get(Slot.ANSWER)
        if self._scenarios.refusal is not None and exchange is not None:
            return exchange.refuse(self._scenarios.refusal)
        if isinstance(effect, Gateway):
            return gateway_page(effect.status)
        if isinstance(effect, Error) and exchange is not None:
            return self._error(exchange, effect)
        return None

    def _error(self, exchange: Exchange, effect: Error) -> Response:
        allowance = exchange.allowance
        if effect.code is ErrorCode.RATE_LIMITED:
            reset_in = allowance.reset_in or self.world.service.settings.rate_window
            allowance = replace(allowance, available=0, reset_in=reset_in)
        elif effect.code is ErrorCode.INSUFFICIENT_CREDITS:
            allowance = replace(allowance, credits=0)
        if effect.retry_after is not None:
            allowance = replace(allowance, reset_in=effect.retry_after)
        exchange.allowance = allowance
        answer = exchange.refuse(OutpaintError(effect.code, effect.detail or asked_for(effect.code)))
        if effect.retry_after is not None:
            answer = with_header(answer, RETRY_AFTER, str(effect.retry_after))
        return answer

    def _answered(self, answer: Response) -> MockResponse:
        """The answer as it goes out, and the end of the journal's entry."""
        effects = self._hand.effects
        fault: Fault | None = None
        latency = self._hand.seconds
        if effects:
            answer, fault = self._spoiled(answer)
            slow = effects.get(Slot.LATENCY)
            if isinstance(slow, Latency):
                latency += drawn(slow, self.world.ids)
            for effect in dict.fromkeys(effects.values()):
                self._hand.note(effect)
        if self._head.method == "OPTIONS" and self._found is not None:
            answer = allowing_scenarios(answer)
        done = MockResponse(answer.status, answer.headers, answer.body, latency, fault)
        self.call.response = done
        self._journal()
        return done

    def _spoiled(self, answer: Response) -> tuple[Response, Fault | None]:
        if self._hand.stumbled and not isinstance(self._hand.effects.get(Slot.ANSWER), WrongShape):
            answer = self._trouble() or answer
        return spoiled(answer, self._hand.effects)

    def _journal(self) -> None:
        call, hand = self.call, self._hand
        call.account_id = self._scenarios.account_id
        call.inference_id = hand.inference_id
        if call.image_sha256 is None and hand.image is not None:
            call.image_sha256, call.mask_sha256 = hand.image, hand.mask
        if hand.resolved is not None and hand.route is On.SUBMIT and hand.inference_id is not None:
            for effect in hand.resolved.job.values():
                self._hand.note(effect)
        call.effects = tuple(hand.applied)
        call.answered_at = self.world.clock.now()
        self.world.journal.answered(call)

    def _in_hand(self, step: Callable[[], _T]) -> _T:
        """Do a step with this call in hand, for the ports to see."""
        dispatch = self.world.dispatch
        before, dispatch.in_hand = dispatch.in_hand, self._hand
        try:
            return step()
        finally:
            dispatch.in_hand = before


def _upload(source: Source | None) -> bytes | None:
    return source.data if isinstance(source, Upload) else None


def _nothing() -> Response:
    """What stands in for an answer that never comes across."""
    return Response(503)
