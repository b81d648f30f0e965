"""What scenarios say of one call: found by its head, then by its prompt, and brought about for its account."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.headers import API_KEY
from outpaint_functions.http.routes import Route
from outpaint_functions.service import rate_limit

from outpaint_mocks.effects import CallEffect, Credits, On, RateLimit, Slot
from outpaint_mocks.grammar import ScenarioError
from outpaint_mocks.presets import MAGIC, preset_of
from outpaint_mocks.scenario import Scenario
from outpaint_mocks.scenarios import HEADER

if TYPE_CHECKING:
    from collections.abc import Callable

    from outpaint_functions.http.application import Exchange
    from outpaint_functions.http.messages import RequestHead
    from outpaint_functions.http.routes import Match
    from outpaint_functions.service.records import Account
    from outpaint_functions.service.service import Service

    from outpaint_mocks.calls_in_hand import CallInHand
    from outpaint_mocks.world import World

_KEYLESS: Final = frozenset({Route.FILE, Route.UPLOAD})
_KEY: Final = API_KEY.lower()
_HEADER: Final = HEADER.lower()
_T = TypeVar("_T")


class CallScenarios:
    """What scenarios say of one call, told to its `CallInHand`; asked under the world's lock.

    `refusal` is what a scenario that cannot be, or its rate limit, makes of the call; `account_id` whose call it is.
    """

    def __init__(self, world: World, head: RequestHead, found: Match | None, hand: CallInHand) -> None:
        self._world = world
        self._head = head
        self._found = found
        self._hand = hand
        self._spent: dict[tuple[str, CallEffect], bool] = {}
        self.refusal: OutpaintError | None = None
        self.account_id: str | None = None

    def ask_head(self, kind: On) -> Service:
        """Find what counts for this call; the service under the limits that it gives."""
        world, head, hand = self._world, self._head, self._hand
        assert self._found is not None
        if kind is On.POLL:
            hand.inference_id = self._found.id
        elif kind is On.FILE:
            hand.inference_id = world.pictures.job_of(self._found.id)
        key = None if self._found.route in _KEYLESS else head.header(_KEY)
        key = None if key is None else key.strip()
        attached = None if kind is On.SUBMIT else world.dispatch.attached(hand.inference_id)
        magic = None
        if key is not None and key.startswith(MAGIC):
            magic = self._told(preset_of, key, API_KEY, ErrorCode.UNKNOWN_KEY)
            world.ledger.admit(key)
        header = head.header(_HEADER)
        own = None if header is None else self._told(Scenario.of, header, HEADER)
        hand.resolved = world.scenarios.resolve(kind, preset=magic, own=own, attached=attached)
        account = self._account(key)
        self.account_id = None if account is None else account.id
        if hand.resolved is None:
            return world.service
        service = self._charge(account)
        self._touch()
        return service

    def ask_prompt(self, exchange: Exchange) -> None:
        """A magic prompt speaks once the body was read."""
        hand, request = self._hand, exchange.request
        if request is None or not request.wish.prompt.startswith(MAGIC):
            return
        preset = self._told(preset_of, request.wish.prompt.split(None, 1)[0], "prompt")
        if preset is None:
            return
        hand.resolved = self._world.scenarios.with_prompt(hand.resolved, preset)
        before = None if self.account_id is None else self._credits()
        key = self._head.header(_KEY)
        account = self._account(None if key is None else key.strip())
        limited = self._charge(account)
        self._touch()
        if account is None:
            return
        if self._credits() != before:
            exchange.allowance = replace(exchange.allowance, credits=self._credits())
        if limited is not self._world.service and self._by_prompt(RateLimit):
            exchange.allowance, refusal = rate_limit.take(limited, replace(account, credits=self._credits()))
            self.refusal = self.refusal or refusal

    def _told(
        self, understand: Callable[[str], _T], word: str, field: str, code: ErrorCode = ErrorCode.INVALID_PARAMETER
    ) -> _T | None:
        """What a word of the client's means; one that means nothing is the call's refusal."""
        try:
            return understand(word)
        except ScenarioError as error:
            self.refusal = self.refusal or OutpaintError(code, error.detail, field=field)
            return None

    def _account(self, key: str | None) -> Account | None:
        return self._world.ledger.of_key(key) if key else None

    def _charge(self, account: Account | None) -> Service:
        """Let what scenarios say of the account come true; the service under its rate limit."""
        world, resolved = self._world, self._hand.resolved
        service = world.service
        if resolved is None or account is None:
            return service
        for scope, effect in resolved.account.values():
            if isinstance(effect, RateLimit):
                service = world.limited(effect)
            elif isinstance(effect, Credits) and (
                scope.startswith("next") or world.scenarios.first_time(f"{scope}: {effect}", account.id)
            ):
                world.ledger.set_credits(account.id, effect.n)
                self._hand.note(effect)
        return service

    def _touch(self) -> None:
        """Take the effects that are not used up; each is counted once for this call."""
        hand = self._hand
        assert hand.resolved is not None
        hand.effects = {}
        for slot, (scope, effect) in hand.resolved.call.items():
            if (scope, effect) not in self._spent:
                who = hand.inference_id if scope == "job" else self.account_id
                self._spent[scope, effect] = self._world.scenarios.spend(effect, who or "", scope)
            if self._spent[scope, effect]:
                hand.effects[slot] = effect

    def _by_prompt(self, kind: type[RateLimit]) -> bool:
        resolved = self._hand.resolved
        assert resolved is not None
        found = resolved.account.get(Slot.LIMIT)
        return found is not None and found[0] == "prompt" and isinstance(found[1], kind)

    def _credits(self) -> int:
        return next((a.credits for a in self._world.ledger.accounts if a.id == self.account_id), 0)
