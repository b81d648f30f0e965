"""What effects make of an answer: an error in its place, another body or Content-Type, a fault on the wire."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.http.application import Exchange
from outpaint.functions.http.messages import Response
from outpaint.mocks.scenarios.call_effects import ContentType, Cut, Drip, Error, Latency, Refuse, Reset, WrongShape
from outpaint.mocks.scenarios.effect import CallEffect, Slot
from outpaint.mocks.scenarios.scenario import asked_for
from outpaint.mocks.scenarios.world_scenarios import HEADER
from outpaint.mocks.world.mock_answers import Break, WireFault
from outpaint.mocks.world.repeatable_ids import RepeatableIds

_WRONG_SHAPE: Final = json.dumps({"ok": "yes", "result": [{"picture": 1}, None], "data": {"0": "not a list"}}).encode()


def spoiled(answer: Response, effects: Mapping[Slot, CallEffect]) -> tuple[Response, WireFault | None]:
    """The answer under these effects, and its fault on the wire, None for one that arrives whole."""
    if isinstance(effects.get(Slot.ANSWER), WrongShape):
        answer = _with_body(answer, _WRONG_SHAPE)
    label = effects.get(Slot.MEDIA_TYPE)
    if isinstance(label, ContentType):
        answer = with_header(answer, "Content-Type", label.value)
    wire = effects.get(Slot.WIRE)
    size = len(answer.body)
    if isinstance(wire, Refuse):
        return answer, WireFault(Break.REFUSED)
    if isinstance(wire, Reset):
        if wire.when == "during":
            return answer, WireFault(Break.DURING, sent=size // 2)
        return answer, WireFault(Break.BEFORE if wire.when == "before" else Break.AFTER)
    if isinstance(wire, Cut):
        if wire.at >= size:
            return answer, None
        if wire.length == "lying":
            return answer, WireFault(Break.SHORT, sent=wire.at)
        return _with_body(answer, answer.body[: wire.at]), None
    if isinstance(wire, Drip):
        return answer, WireFault(bytes_per_second=wire.bytes_per_second)
    return answer, None


def drawn(effect: Latency, ids: RepeatableIds) -> float:
    """How long this answer takes, in virtual seconds: as the effect says, or drawn from its distribution."""
    if effect.distribution == "fixed":
        return effect.seconds or 0.0
    chance = ids.chance()
    if effect.distribution == "uniform":
        return chance.uniform(effect.low or 0.0, effect.high or 0.0)
    median = effect.median or 0.0
    if effect.distribution == "lognormal":
        return median * chance.lognormvariate(0.0, effect.sigma or 0.0)
    return chance.expovariate(1.0) * median / math.log(2)


def refused(exchange: Exchange, effect: Error, rate_window: int) -> Response:
    """The error that an effect asks for, with the rate and credit headers that belong to it."""
    allowance = exchange.allowance
    if effect.code is ErrorCode.RATE_LIMITED:
        allowance = replace(allowance, available=0, reset_in=allowance.reset_in or rate_window)
    elif effect.code is ErrorCode.INSUFFICIENT_CREDITS:
        allowance = replace(allowance, credits=0)
    if effect.retry_after is not None:
        allowance = replace(allowance, reset_in=effect.retry_after)
    exchange.allowance = allowance
    error = OutpaintError(effect.code, effect.detail or asked_for(effect.code))
    return exchange.refuse(error, retry_after=effect.retry_after)


def gateway_page(status: int) -> Response:
    """The HTML page of a gateway before the service."""
    words = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}[status]
    page = (
        f"<html>\r\n<head><title>{status} {words}</title></head>\r\n<body>\r\n<center><h1>{status} {words}</h1>"
        "</center>\r\n<hr><center>gateway</center>\r\n</body>\r\n</html>\r\n"
    ).encode()
    return Response(status, (("Content-Type", "text/html"), ("Content-Length", str(len(page)))), page)


def with_header(answer: Response, name: str, value: str) -> Response:
    """The answer with one header in place of all others of that name."""
    wanted = name.lower()
    kept = tuple((n, v) for n, v in answer.headers if n.lower() != wanted)
    return replace(answer, headers=(*kept, (name, value)))


def allowing_scenarios(answer: Response) -> Response:
    """A preflight's answer that lets a page in a browser send the scenario header too."""
    name = "Access-Control-Allow-Headers"
    allowed = answer.header(name)
    if allowed is None or HEADER.lower() in allowed.lower().split(", "):
        return answer
    return with_header(answer, name, f"{allowed}, {HEADER}")


def _with_body(answer: Response, body: bytes) -> Response:
    return replace(with_header(answer, "Content-Length", str(len(body))), body=body)
