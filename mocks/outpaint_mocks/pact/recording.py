"""From calls to interactions: what a consumer asked, in which state of the provider, and what it was answered."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from outpaint_mocks.effects import On
from outpaint_mocks.pact.provider_states import ProviderState, StateName, states_met
from outpaint_mocks.pact.recorded_requests import LeftOutError, recorded_request
from outpaint_mocks.pact.recorded_responses import recorded_response

if TYPE_CHECKING:
    from outpaint_mocks.calls import Call

_SPOILED: Final = ("gateway", "wrong_shape", "content_type", "cut", "reset", "refuse")
_HELD: Final = frozenset({StateName.PROCESSING, StateName.SUCCEEDED, StateName.FAILED, StateName.EXPIRED_URL})
_SHORTEST_KEY: Final = 6


@dataclass(frozen=True, slots=True)
class Interaction:
    """One interaction of a pact, as its v4 document; alike ones have the same `key`."""

    document: dict[str, Any] = field(repr=False)

    @property
    def key(self) -> str:
        """What it is known by: the SHA-256 of its description and state, shortened."""
        return str(self.document["key"])

    @property
    def description(self) -> str:
        """What it is called."""
        return str(self.document["description"])

    @property
    def text(self) -> str:
        """All of it, in one spelling."""
        return json.dumps(self.document, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A call that made no interaction."""

    call: str
    reason: str

    def __str__(self) -> str:
        return f"{self.call}: {self.reason}"


def record(call: Call) -> Interaction | LeftOut:
    """The interaction that a call makes, or why it makes none."""
    try:
        return _recorded(call)
    except LeftOutError as reason:
        return LeftOut(str(call), str(reason))


def _recorded(call: Call) -> Interaction:
    if call.method in ("OPTIONS", "HEAD"):
        raise LeftOutError(
            f"{call.method} asks nothing of its own: a preflight is a browser's, HEAD is GET without a body"
        )
    spoiled = next((effect for effect in call.effects if effect.startswith(_SPOILED)), None)
    if spoiled is not None:
        raise LeftOutError(f"no provider promises {spoiled}")
    response = recorded_response(call)
    request = recorded_request(call)
    states = states_met(call, response.body, request.addresses)
    names = {state.name for state in states}
    if call.route is On.FILE and StateName.ERROR in names:
        raise LeftOutError("a file's trouble cannot be asked of a provider: its URL carries no key")
    description = f"{request.summary} -> {response.summary}"
    document: dict[str, Any] = {
        "type": "Synchronous/HTTP",
        "key": _digest(description, states),
        "description": description,
        "pending": False,
        "providerStates": [state.document() for state in states],
        "request": request.held() if names & _HELD else request.document,
        "response": response.document,
    }
    interaction = Interaction(document)
    key = (call.api_key or "").strip()
    if len(key) >= _SHORTEST_KEY and _holds(document, interaction.text, key):
        raise LeftOutError("its API key stands elsewhere than in its header")
    return interaction


def _holds(document: dict[str, Any], text: str, secret: str) -> bool:
    """Whether a secret stands anywhere in an interaction, its form included."""
    body = document["request"].get("body", {})
    form = base64.b64decode(body["content"]) if body.get("encoded") == "base64" else b""
    return secret in text or secret.encode() in form


def _digest(description: str, states: tuple[ProviderState, ...]) -> str:
    # Which addresses were sent tells two requests as little apart as their prompts do.
    told = [state.document() for state in states if state.name is not StateName.ADDRESSES]
    return sha256(json.dumps([description, told], sort_keys=True).encode()).hexdigest()[:16]
