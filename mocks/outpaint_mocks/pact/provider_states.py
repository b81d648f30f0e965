"""The states a provider is put in before an interaction, each by one name, and how a call tells which it met."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from outpaint_contracts.errors import ERROR_KINDS, JOB_ERRORS, Cause, ErrorCode
from outpaint_contracts.headers import CREDIT_AVAILABLE, Prefer
from outpaint_contracts.requests import Mode

from outpaint_mocks.effects import On

if TYPE_CHECKING:
    from outpaint_mocks.calls import Call

CREDITS: Final = 1000
"""More than any one request costs."""


class StateName(StrEnum):
    """The provider states there are; what varies stands in their parameters."""

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


ON_A_MOCK: Final[dict[StateName, tuple[str, str]]] = {
    StateName.ACCOUNT: ("credits", "succeed"),
    StateName.POOR_ACCOUNT: ("credits", "credits(credits)"),
    StateName.LIMITED_ACCOUNT: ("", "error(rate_limited)"),
    StateName.FORBIDDEN_ACCOUNT: ("", "error(forbidden)"),
    StateName.NO_ACCOUNT: ("", "error(unknown_key)"),
    StateName.SLOW_PAINTER: ("", "polls(1)"),
    StateName.FAILING_PAINTER: ("error_code", "fail(error_code)"),
    StateName.PROCESSING: ("", "manual"),
    StateName.SUCCEEDED: ("count, format", "immediate"),
    StateName.FAILED: ("error_code", "immediate; fail(error_code)"),
    StateName.EXPIRED_URL: ("format", "immediate; expired_url"),
    StateName.ERROR: ("error_code", "error(error_code)"),
    StateName.ADDRESSES: ("addresses", "succeed"),
}
"""What each state takes, and the scenario that it is on a mock."""

# Refusals for which a request itself is reason enough, whatever state the provider is in.
BY_REQUEST: Final = frozenset(
    code for code, kind in ERROR_KINDS.items() if kind.cause in (Cause.REQUEST, Cause.PICTURE)
)
_BY_CODE: Final = {
    ErrorCode.UNKNOWN_KEY: StateName.NO_ACCOUNT,
    ErrorCode.FORBIDDEN: StateName.FORBIDDEN_ACCOUNT,
    ErrorCode.RATE_LIMITED: StateName.LIMITED_ACCOUNT,
}
_ACCOUNT: Final = ProviderState(StateName.ACCOUNT, {"credits": CREDITS})


def states_met(call: Call, body: dict[str, Any], addresses: tuple[str, ...]) -> tuple[ProviderState, ...]:
    """The states in which a provider answers a call as the mock did.

    `body` is the answer's JSON, empty if none; `addresses` are those in the request, as the pact has them.
    """
    code = ErrorCode(body["error_code"]) if "error_code" in body and (call.status or 0) >= 400 else None
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


def by_request(call: Call, body: dict[str, Any]) -> bool:
    """Whether the request itself, and neither a state nor a scenario, is the reason for its answer."""
    return body.get("error_code", ErrorCode.MALFORMED_BODY) in BY_REQUEST and not _scripted(call)


def _scripted(call: Call) -> bool:
    return any(effect.startswith("error(") for effect in call.effects)


def _polled(call: Call, body: dict[str, Any]) -> ProviderState:
    if call.status == 202:
        return ProviderState(StateName.PROCESSING)
    if "error_code" in body:
        return ProviderState(StateName.FAILED, {"error_code": body["error_code"]})
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
    # What is wrong with a picture that was fetched is not in the request.
    fetched = from_address and ERROR_KINDS[code].cause is Cause.PICTURE
    if _scripted(call) or code not in BY_REQUEST or fetched:
        return ProviderState(StateName.ERROR, {"error_code": code.value})
    return _ACCOUNT


def _async(call: Call) -> bool:
    if Prefer.parse(call.head.header_values("prefer")).respond_async:
        return True
    return call.request is not None and call.request.mode is Mode.ASYNC


def _format(file_id: str) -> str:
    return file_id.rpartition(".")[2].upper()
