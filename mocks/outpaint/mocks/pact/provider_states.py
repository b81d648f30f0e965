"""The provider states of pacts: which of them a call met, and how a mock is put into one."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from outpaint.contracts.errors import ERROR_KINDS, JOB_ERRORS, Cause, ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY, CREDIT_AVAILABLE, Prefer
from outpaint.contracts.requests import MAX_COUNT, Mode
from outpaint.functions.http.messages import RequestHead, Response
from outpaint.mocks.exchange.mock_application import MockApplication
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.scenarios.grammar import nearest
from outpaint.mocks.scenarios.scenario import MAGIC
from outpaint.mocks.scenarios.world_scenarios import HEADER
from outpaint.mocks.world.mock_ledger import CREDITS
from outpaint.mocks.world.recorded_call import Call
from outpaint.mocks.world.world import World


class StateName(StrEnum):
    """The provider states; what varies is in their parameters."""

    ACCOUNT = "an account with credits"
    POOR_ACCOUNT = "an account without enough credits"
    LIMITED_ACCOUNT = "an account at its rate limit"
    FORBIDDEN_ACCOUNT = "an account that may not use the API"
    NO_ACCOUNT = "an API key that nobody has"
    SLOW_PAINTER = "a painter that takes longer than a request waits"
    FAILING_PAINTER = "a painter that fails"
    PROCESSING = "a job that is processing"
    SUCCEEDED = "a job that succeeded"
    FAILED = "a job that failed"
    EXPIRED_URL = "a picture whose URL has expired"
    ERROR = "a service that answers with an error"
    ADDRESSES = "pictures behind the addresses that are sent"


@dataclass(frozen=True, slots=True)
class ProviderState:
    """One state with its parameters."""

    name: StateName
    params: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As a pact has it."""
        return {"name": self.name.value, "params": self.params}


BY_REQUEST: Final = frozenset(
    code for code, kind in ERROR_KINDS.items() if kind.cause in (Cause.REQUEST, Cause.PICTURE)
)
"""The refusals whose reason is the request alone, whatever state the provider is in."""
_BY_CODE: Final = {
    ErrorCode.UNKNOWN_KEY: StateName.NO_ACCOUNT,
    ErrorCode.FORBIDDEN: StateName.FORBIDDEN_ACCOUNT,
    ErrorCode.RATE_LIMITED: StateName.LIMITED_ACCOUNT,
}
_ACCOUNT: Final = ProviderState(StateName.ACCOUNT, {"credits": CREDITS})


def states_met(call: Call, body: dict[str, Any], addresses: tuple[str, ...]) -> tuple[ProviderState, ...]:
    """The states in which a provider gives the answer that the mock gave to a call.

    `body` is the answer's JSON, empty if none; `addresses` are those in the request, as the pact has them.
    """
    code = ErrorCode(call.error_code) if call.error_code is not None and (call.status or 0) >= 400 else None
    if code is not None:
        state = _refused(call, code, from_address=bool(addresses))
    elif call.route is On.POLL:
        state = _polled(call, body)
    elif call.route is On.FILE:
        state = ProviderState(StateName.SUCCEEDED, {"count": 1, "format": _format(call.path)})
    elif call.route is On.SUBMIT and call.status == 202 and not _async(call):
        state = ProviderState(StateName.SLOW_PAINTER)
    else:
        state = _ACCOUNT
    # A request that is refused for its fields or its key is refused before anything is fetched.
    if addresses and (code is None or state.name in (StateName.POOR_ACCOUNT, StateName.FAILING_PAINTER)):
        return state, ProviderState(StateName.ADDRESSES, {"addresses": list(addresses)})
    return (state,)


def by_request(call: Call) -> bool:
    """Whether the request itself, and neither a state nor a scenario, is the reason for its answer."""
    return (call.error_code or ErrorCode.MALFORMED_BODY) in BY_REQUEST and not _scripted(call)


def _scripted(call: Call) -> bool:
    return any(effect.startswith("error(") for effect in call.effects)


def _polled(call: Call, body: dict[str, Any]) -> ProviderState:
    if call.status == 202:
        return ProviderState(StateName.PROCESSING)
    if call.error_code is not None:
        return ProviderState(StateName.FAILED, {"error_code": str(call.error_code)})
    pictures = body["data"]
    return ProviderState(StateName.SUCCEEDED, {"count": len(pictures), "format": _format(pictures[0]["id"])})


def _refused(call: Call, code: ErrorCode, *, from_address: bool) -> ProviderState:
    if code is ErrorCode.INSUFFICIENT_CREDITS:
        left = call.response.header(CREDIT_AVAILABLE) if call.response is not None else None
        return ProviderState(StateName.POOR_ACCOUNT, {"credits": int(left or 0)})
    if code is ErrorCode.URL_EXPIRED:
        return ProviderState(StateName.EXPIRED_URL, {"format": _format(call.path)})
    if code in _BY_CODE:
        return ProviderState(_BY_CODE[code])
    if code in JOB_ERRORS and call.inference_id is not None:
        return ProviderState(StateName.FAILING_PAINTER, {"error_code": code.value})
    # A picture that was fetched is no part of the request.
    fetched = from_address and ERROR_KINDS[code].cause is Cause.PICTURE
    if _scripted(call) or code not in BY_REQUEST or fetched:
        return ProviderState(StateName.ERROR, {"error_code": code.value})
    return _ACCOUNT


def _async(call: Call) -> bool:
    if Prefer.parse(call.request_head.header_values("prefer")).respond_async:
        return True
    return call.request is not None and call.request.mode is Mode.ASYNC


def _format(file_id: str) -> str:
    return file_id.rpartition(".")[2].upper()


Values = dict[str, str]

_NUMBERS: Final = itertools.count(1)
_SOURCE: Final = "https://example.com/pact-state.png"


class StateError(OutpaintError):
    """A provider state that this provider cannot be put in."""

    def __init__(self, detail: str) -> None:
        super().__init__(ErrorCode.INVALID_PARAMETER, detail, field="state")


def state_named(name: str) -> StateName:
    """The state of this name; raises `StateError` naming the nearest."""
    try:
        return StateName(name)
    except ValueError:
        raise StateError(f"there is no provider state {name[:80]!r}: {nearest(name[:80], list(StateName))}") from None


def stage(world: World, name: str, params: dict[str, Any], origin: str) -> Values:
    """Put a world into a state, and return the values that requests of the interaction need.

    They are `api_key`, and `inference_id`, `file_id`, `expires`, `signature` where the state has them. Each has an
    account of its own, so that verified interactions do not disturb one another. `origin` is where clients reach the
    mock. An empty name is an account with credits. Raises `StateError` for an unknown state or wrong parameters.
    """
    state = state_named(name) if name.strip() else StateName.ACCOUNT
    return ON_A_MOCK[state][2](_Scene(world, params, origin))


class _Scene:
    """A world, and what a state's parameters say."""

    def __init__(self, world: World, params: dict[str, Any], origin: str) -> None:
        self.world = world
        self.origin = origin
        self._params = params
        self._application = MockApplication(world)

    def number(self, name: str, default: int, least: int, most: int) -> int:
        value = self._params.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise StateError(f"{name} is {value!r}: use a whole number, {least} to {most}")
        return value

    def code(self, *, ends: bool = False) -> ErrorCode:
        value = self._params.get("error_code", ErrorCode.PAINTING_FAILED if ends else ErrorCode.INTERNAL)
        known = tuple(sorted(JOB_ERRORS)) if ends else tuple(ErrorCode)
        if value not in known:
            raise StateError(f"error_code is {value!r}: {nearest(str(value)[:60], [code.value for code in known])}")
        return ErrorCode(value)

    @property
    def format(self) -> str:
        return str(self._params.get("format", "JPG"))

    def key(self, credits_: int = CREDITS) -> str:
        """The key of an account that nobody used, with so many credits."""
        key = f"pact-{next(_NUMBERS)}"
        ledger = self.world.ledger
        ledger.admit(key)
        account = ledger.of_key(key)
        assert account is not None
        ledger.set_credits(account.id, credits_)
        return key

    def job(self, scenario: str, *, count: int = 1) -> Values:
        """An account's job that goes as a scenario says."""
        key = self.key()
        form = {"image_url": _SOURCE, "prompt": "a provider state", "count": count, "format": self.format}
        answer = self._ask(
            "POST",
            "/v1/painting/outpaint",
            (
                (API_KEY.lower(), key),
                ("content-type", "application/x-www-form-urlencoded"),
                (HEADER.lower(), scenario),
                ("prefer", "respond-async"),
            ),
            urlencode(form).encode(),
        )
        return {"api_key": key, "inference_id": json.loads(answer.body)["inference_id"]}

    def picture(self, scenario: str, *, count: int = 1) -> Values:
        """A job that is done, and the parts of its first picture's URL."""
        values = self.job(scenario, count=count)
        path = f"/v1/painting/{values['inference_id']}"
        result = json.loads(self._ask("GET", path, ((API_KEY.lower(), values["api_key"]),)).body)
        url = urlsplit(result["data"][0]["url"])
        query = parse_qs(url.query)
        return values | {
            "file_id": result["data"][0]["id"],
            "expires": query["expires"][0],
            "signature": query["signature"][0],
        }

    def _ask(self, method: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes = b"") -> Response:
        head = RequestHead(method, path, headers=(*headers, ("content-length", str(len(body)))), origin=self.origin)
        answer = self._application.respond(head, body)
        assert isinstance(answer, Response)
        if answer.status >= 400:
            raise StateError(f"the mock refused to be put in this state: {json.loads(answer.body)['detail']}")
        return answer


def _magic(name: str) -> Callable[[_Scene], Values]:
    return lambda _: {"api_key": f"{MAGIC}{name}"}


ON_A_MOCK: Final[dict[StateName, tuple[str, str, Callable[[_Scene], Values]]]] = {
    StateName.ACCOUNT: (
        "credits", "succeed", lambda scene: {"api_key": scene.key(scene.number("credits", CREDITS, 0, 2**53))},
    ),
    StateName.POOR_ACCOUNT: (
        "credits", "credits(credits)", lambda scene: {"api_key": scene.key(scene.number("credits", 0, 0, 2**53))},
    ),
    StateName.LIMITED_ACCOUNT: ("", "error(rate_limited)", _magic(ErrorCode.RATE_LIMITED)),
    StateName.FORBIDDEN_ACCOUNT: ("", "error(forbidden)", _magic(ErrorCode.FORBIDDEN)),
    StateName.NO_ACCOUNT: ("", "error(unknown_key)", _magic(ErrorCode.UNKNOWN_KEY)),
    StateName.SLOW_PAINTER: ("", "polls(1)", _magic("polls_1")),
    StateName.FAILING_PAINTER: (
        "error_code", "fail(error_code)", lambda scene: {"api_key": f"{MAGIC}{scene.code(ends=True)}"},
    ),
    StateName.PROCESSING: ("", "manual", lambda scene: scene.job("manual")),
    StateName.SUCCEEDED: (
        "count, format", "immediate",
        lambda scene: scene.picture("immediate", count=scene.number("count", 1, 1, MAX_COUNT)),
    ),
    StateName.FAILED: (
        "error_code", "immediate; fail(error_code)",
        lambda scene: scene.job(f"immediate; fail({scene.code(ends=True)})"),
    ),
    StateName.EXPIRED_URL: (
        "format", "immediate; expired_url", lambda scene: scene.picture("immediate; expired_url"),
    ),
    StateName.ERROR: ("error_code", "error(error_code)", lambda scene: {"api_key": f"{MAGIC}{scene.code()}"}),
    # Every https address has a picture on a mock.
    StateName.ADDRESSES: ("addresses", "succeed", lambda _: {}),
}  # fmt: skip
"""What each state takes, the scenario that it is on a mock, and what puts a mock into it."""
