"""Provider states on a mock: what each of them means for a world, and the values that requests then carry."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from outpaint_contracts.errors import JOB_ERRORS, ErrorCode, OutpaintError
from outpaint_contracts.headers import API_KEY
from outpaint_contracts.requests import MAX_COUNT
from outpaint_functions.http.messages import RequestHead, Response

from outpaint_mocks.grammar import nearest
from outpaint_mocks.mock_application import MockApplication
from outpaint_mocks.pact.provider_states import CREDITS, StateName
from outpaint_mocks.presets import MAGIC
from outpaint_mocks.scenarios import HEADER
from outpaint_mocks.world import World

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
    """Put a world into a state; the values are `api_key`, and `inference_id`, `file_id`, `expires`, `signature`
    where the state has them.

    Each state is an account of its own, so that one verified interaction leaves the next nothing. `origin` is
    where clients reach the mock. A pact's interaction without a state gets an account with credits. Raises
    `StateError` for an unknown state or wrong parameters.
    """
    state = state_named(name) if name.strip() else StateName.ACCOUNT
    return _STAGES[state](_Scene(world, params, origin))


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
        """A job that is done, and what stands in its first picture's URL."""
        values = self.job(scenario, count=count)
        path = f"/v1/painting/{values['inference_id']}"
        told = json.loads(self._ask("GET", path, ((API_KEY.lower(), values["api_key"]),)).body)
        url = urlsplit(told["data"][0]["url"])
        query = parse_qs(url.query)
        return values | {
            "file_id": told["data"][0]["id"],
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


_STAGES: Final[dict[StateName, Callable[[_Scene], Values]]] = {
    StateName.ACCOUNT: lambda scene: {"api_key": scene.key(scene.number("credits", CREDITS, 0, 2**53))},
    StateName.POOR_ACCOUNT: lambda scene: {"api_key": scene.key(scene.number("credits", 0, 0, 2**53))},
    StateName.LIMITED_ACCOUNT: _magic(ErrorCode.RATE_LIMITED),
    StateName.FORBIDDEN_ACCOUNT: _magic(ErrorCode.FORBIDDEN),
    StateName.NO_ACCOUNT: _magic(ErrorCode.UNKNOWN_KEY),
    StateName.SLOW_PAINTER: _magic("polls_1"),
    StateName.FAILING_PAINTER: lambda scene: {"api_key": f"{MAGIC}{scene.code(ends=True)}"},
    StateName.PROCESSING: lambda scene: scene.job("manual"),
    StateName.SUCCEEDED: lambda scene: scene.picture("immediate", count=scene.number("count", 1, 1, MAX_COUNT)),
    StateName.FAILED: lambda scene: scene.job(f"immediate; fail({scene.code(ends=True)})"),
    StateName.EXPIRED_URL: lambda scene: scene.picture("immediate; expired_url"),
    StateName.ERROR: lambda scene: {"api_key": f"{MAGIC}{scene.code()}"},
    # Every https address stands for a picture anyway.
    StateName.ADDRESSES: lambda _: {},
}
