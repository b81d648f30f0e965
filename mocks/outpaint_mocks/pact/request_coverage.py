"""Whether a request that a consumer sends is one that the contract takes: the mock reads it by the service's rules."""

from __future__ import annotations

import json
from typing import Any, Final

from outpaint_contracts import headers as names
from outpaint_contracts.errors import ERROR_KINDS, ErrorCode
from outpaint_functions.http.messages import RequestHead, Response
from outpaint_functions.http.routes import PUBLIC, Match, Route

from outpaint_mocks.mock_application import MockApplication
from outpaint_mocks.pact.answer_coverage import Found
from outpaint_mocks.pact.provider_states import BY_REQUEST, StateName
from outpaint_mocks.pact.reading import ExpectedInteraction
from outpaint_mocks.world import Studio, World

STUDIO: Final = Studio()
"""Pictures and painter of the worlds that a pact is held against."""


def request_coverage(interaction: ExpectedInteraction, found: Match, path: str) -> Found:
    """What the contract has against a request to `path`, where `found` lies."""
    key = (interaction.request.header(names.API_KEY) or "").strip()
    if found.route not in PUBLIC and interaction.status != 401:
        if not key:
            yield f"its request has no {names.API_KEY}: whoever verifies it must add one", True
        elif not interaction.request.rules.frees_header(names.API_KEY):
            yield f"its request pins {names.API_KEY}: match it by pattern, and keep real keys out of the file", True
    if found.route not in (Route.OUTPAINT, Route.UPLOADS) or interaction.method != "POST":
        return
    answer = _tried(interaction, path, key)
    refused = ErrorCode(answer[1]["error_code"]) if answer[0] >= 400 else None
    if refused is None:
        yield from _taken(interaction, answer[0])
    elif refused is ErrorCode.MISSING_KEY and interaction.status == 401:
        return
    elif answer[0] != interaction.status:
        yield (
            f"the contract refuses its request with {answer[0]} {refused} ({answer[1]['detail']}), "
            f"and the pact expects {interaction.status}",
            False,
        )


def _taken(interaction: ExpectedInteraction, status: int) -> Found:
    """A request that is good: which answers are then none."""
    expected = interaction.status
    if expected == 200 and status == 202:
        yield "its request asks for an async job, which is answered 202, and the pact expects 200", False
    if expected >= 400 and StateName.ERROR not in [name for name, _ in interaction.states]:
        possible = [code for code in ErrorCode if ERROR_KINDS[code].status == expected]
        if possible and all(code in BY_REQUEST - {ErrorCode.MISSING_KEY} for code in possible):
            yield f"the contract takes its request, and the pact expects {expected}", False


def _tried(interaction: ExpectedInteraction, path: str, key: str) -> tuple[int, Any]:
    """What the mock answers: the contract's own rules read the request, its pictures too."""
    world = World("pact", studio=STUDIO)
    world.scenarios.always("immediate")
    sent = tuple(
        (name.lower(), value) for name, value in interaction.request.headers if name.lower() != "content-length"
    )
    if not key and interaction.status != 401:
        sent = (*(pair for pair in sent if pair[0] != names.API_KEY.lower()), (names.API_KEY.lower(), "any"))
    body = interaction.request.body or b""
    head = RequestHead(
        interaction.method, path, interaction.query, (*sent, ("content-length", str(len(body)))), "http://localhost"
    )
    answer = MockApplication(world).respond(head, body)
    assert isinstance(answer, Response)
    problem = json.loads(answer.body) if answer.body else {}
    return answer.status, problem
