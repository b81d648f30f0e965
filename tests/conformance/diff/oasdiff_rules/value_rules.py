"""oasdiff's rules about types, values and members: of bodies, their properties, parameters and headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from oasdiff_rules.rule_row import OasdiffRule, Schema, level_of
from oasdiff_rules.schema_rules import ANSWERED, BOTH, schema_rule

_PARAMETERS: Final = ("request-parameter", "request-parameter-property")
_TEXT: Final[Schema] = {"type": "string"}
_WHOLE: Final[Schema] = {"type": "integer"}
_NUMBER: Final[Schema] = {"type": "number"}
_TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
_TEXT_OR_WHOLE: Final[Schema] = {"type": ["string", "integer"]}
_ONE, _TWO, _OTHER = ({**_TEXT, "enum": values} for values in (["a"], ["a", "b"], ["b"]))
_SAME, _ELSE = ({**_TEXT, "const": value} for value in "ab")


def type_rules() -> Iterator[OasdiffRule]:
    """Types that are another, more or fewer, and null among them."""
    for place in (*BOTH, *_PARAMETERS, *ANSWERED, "response-header"):
        side = place.partition("-")[0]
        narrows, widens = level_of(side, "narrows"), level_of(side, "widens")
        of_parameter = place == "request-parameter-property"
        yield schema_rule(
            *(f"{place}-type-changed", "warn" if of_parameter else "error", place, (_TEXT, _WHOLE)),
            *({f"{side}.type.changed"}, "refused" if of_parameter else ""),
        )
        yield schema_rule(f"{place}-type-generalized", widens, place, (_WHOLE, _NUMBER), {f"{side}.type.widened"})
        if of_parameter or side == "response":
            yield schema_rule(f"{place}-type-specialized", narrows, place, (_NUMBER, _WHOLE), {f"{side}.type.narrowed"})
        if place not in _PARAMETERS:
            change = (_TEXT, _TEXT_OR_WHOLE) if side == "request" else (_TEXT_OR_WHOLE, _TEXT)
            codes = {"request.type.widened" if side == "request" else "response.type.narrowed"}
            yield schema_rule(f"{place}-type-compatible", "info", place, change, codes)
        if place != "response-header":
            name = f"{place}-list-of-types"
            yield schema_rule(f"{name}-widened", widens, place, (_TEXT, _TEXT_OR_WHOLE), {f"{side}.type.widened"})
            yield schema_rule(f"{name}-narrowed", narrows, place, (_TEXT_OR_WHOLE, _TEXT), {f"{side}.type.narrowed"})
        yield schema_rule(f"{place}-became-nullable", widens, place, (_TEXT, _TEXT_OR_NULL), {f"{side}.null.allowed"})
        refused = {f"{side}.null.refused"}
        yield schema_rule(f"{place}-became-not-nullable", narrows, place, (_TEXT_OR_NULL, _TEXT), refused)


def value_rules() -> Iterator[OasdiffRule]:
    """Enums, constants, defaults and patterns."""
    for place in ("request-body", "request-property", "request-header-property", "request-parameter"):
        yield schema_rule(f"{place}-became-enum", "error", place, (_TEXT, _ONE), {"request.enum.closed"})
    for place in ("request-body", "request-property", *_PARAMETERS):
        yield schema_rule(f"{place}-enum-value-removed", "error", place, (_TWO, _ONE), {"request.enum.value-removed"})
        if place != "request-body":
            yield schema_rule(f"{place}-enum-value-added", "info", place, (_ONE, _TWO), {"request.enum.value-added"})
    hidden = "request-read-only-property"
    yield schema_rule(f"{hidden}-enum-value-removed", "info", hidden, (_TWO, _ONE), set())
    shown, unseen = "response-property", "response-write-only-property"
    yield schema_rule(f"{shown}-enum-value-added", "warn", shown, (_ONE, _TWO), {"response.enum.value-added"})
    yield schema_rule(f"{unseen}-enum-value-added", "info", unseen, (_ONE, _TWO), set())
    yield schema_rule(f"{shown}-enum-value-removed", "info", shown, (_TWO, _ONE), {"response.enum.value-removed"})
    gone = {"response.enum.value-removed"}
    yield schema_rule("response-mediatype-enum-value-removed", "info", "response-body", (_TWO, _ONE), gone)
    for place in (*BOTH, *ANSWERED):
        yield from _constants(place)
    for place in (*BOTH, "request-parameter", *ANSWERED):
        side = place.partition("-")[0]
        first, second = ({**_TEXT, "default": value} for value in "ab")
        reason = "defaults" if side == "request" else ""
        yield schema_rule(f"{place}-default-value-added", "info", place, (_TEXT, first), {f"{side}.default.added"})
        for name, change in (("removed", (first, _TEXT)), ("changed", (first, second))):
            codes = {f"{side}.default.{name}"}
            yield schema_rule(f"{place}-default-value-{name}", "info", place, change, codes, reason)
    for place in ("request-parameter", "request-property", "response-property"):
        yield from _patterns(place)


def _constants(place: str) -> Iterator[OasdiffRule]:
    side = place.partition("-")[0]
    more = "" if side == "request" else "answers"
    narrows, widens = level_of(side, "narrows"), level_of(side, "widens")
    yield schema_rule(f"{place}-const-added", narrows, place, (_TEXT, _SAME), {f"{side}.enum.closed"})
    yield schema_rule(f"{place}-const-removed", widens, place, (_SAME, _TEXT), {f"{side}.enum.opened"}, more)
    both = {f"{side}.enum.value-removed", f"{side}.enum.value-added"}
    yield schema_rule(f"{place}-const-changed", "error", place, (_SAME, _ELSE), both, more)


def _patterns(place: str) -> Iterator[OasdiffRule]:
    side = place.partition("-")[0]
    first, second, general = ({**_TEXT, "pattern": pattern} for pattern in ("^a", "^b", ".*"))
    more = "" if side == "request" else "answers"
    narrows, widens = level_of(side, "narrows"), level_of(side, "widens")
    yield schema_rule(f"{place}-pattern-added", narrows, place, (_TEXT, first), {f"{side}.pattern.added"})
    yield schema_rule(f"{place}-pattern-removed", widens, place, (first, _TEXT), {f"{side}.pattern.removed"}, more)
    yield schema_rule(f"{place}-pattern-changed", "warn", place, (first, second), {f"{side}.pattern.changed"})
    if side == "request":
        yield schema_rule(f"{place}-pattern-generalized", "info", place, (first, general), {f"{side}.pattern.removed"})


def _with(field: Schema | None, *, required: bool = False, **more: Any) -> Schema:
    """An object with the member `n`, where there is one."""
    members = {} if field is None else {"n": field}
    return {"type": "object", "properties": members, **({"required": ["n"]} if required else {}), **more}


def member_rules() -> Iterator[OasdiffRule]:
    """Members that come and go, are required or not, and are a part of one side alone."""
    body, answer = "request-body", "response-body"
    filled = {**_TEXT, "default": "a"}
    none, may, must = _with(None), _with(_TEXT), _with(_TEXT, required=True)
    may_filled, must_filled = _with(filled), _with(filled, required=True)
    asked = "request.property."
    yield schema_rule("new-required-request-property", "error", body, (none, must), {f"{asked}added-required"})
    yield schema_rule(
        *("new-required-request-property-with-default", "error", body, (none, must_filled)), {f"{asked}added-required"}
    )
    yield schema_rule("new-optional-request-property", "info", body, (none, may), {f"{asked}added-optional"})
    yield schema_rule("request-property-removed", "warn", body, (may, none), {f"{asked}removed"}, "asked")
    yield schema_rule("request-property-became-required", "error", body, (may, must), {f"{asked}became-required"})
    yield schema_rule(
        *("request-property-became-required-with-default", "error", body, (may_filled, must_filled)),
        {f"{asked}became-required"},
    )
    yield schema_rule("request-property-became-optional", "info", body, (must, may), {f"{asked}became-optional"})
    header = "request-header"
    yield schema_rule("new-required-request-header-property", "error", header, (none, must), {f"{asked}added-required"})
    yield schema_rule(
        "request-header-property-became-required", "error", header, (may, must), {f"{asked}became-required"}
    )
    told = "response.property."
    yield schema_rule("response-optional-property-added", "info", answer, (none, may), {f"{told}added"})
    yield schema_rule("response-required-property-added", "info", answer, (none, must), {f"{told}added"})
    fewer = {f"{told}removed-optional"}
    yield schema_rule("response-optional-property-removed", "info", answer, (may, none), fewer, "fewer")
    yield schema_rule("response-required-property-removed", "error", answer, (must, none), {f"{told}removed-required"})
    yield schema_rule("response-property-became-optional", "error", answer, (must, may), {f"{told}became-optional"})
    yield schema_rule("response-property-became-required", "info", answer, (may, must), {f"{told}became-required"})
    unseen = {**_TEXT, "writeOnly": True}
    may_unseen, must_unseen = _with(unseen), _with(unseen, required=True)
    for name, change in (
        ("optional-write-only-property-added", (none, may_unseen)),
        ("optional-write-only-property-removed", (may_unseen, none)),
        ("required-write-only-property-added", (none, must_unseen)),
        ("required-write-only-property-removed", (must_unseen, none)),
        ("write-only-property-became-optional", (must_unseen, may_unseen)),
        ("write-only-property-became-required", (may_unseen, must_unseen)),
    ):
        yield schema_rule(f"response-{name}", "info", answer, change, set())
    yield from _one_sided()


def _one_sided() -> Iterator[OasdiffRule]:
    """Members that become read-only or write-only, or are it no more."""
    judged: dict[tuple[str, str, str], tuple[str, str]] = {
        ("request", "optional", "became-read-only"): ("removed", "asked"),
        ("request", "required", "became-read-only"): ("removed", "asked"),
        ("request", "optional", "became-not-read-only"): ("added-optional", ""),
        ("request", "required", "became-not-read-only"): ("added-required", "required"),
        ("response", "optional", "became-write-only"): ("removed-optional", "fewer"),
        ("response", "required", "became-write-only"): ("removed-required", "hidden"),
        ("response", "optional", "became-not-write-only"): ("added", ""),
        ("response", "required", "became-not-write-only"): ("added", "known"),
    }
    for side in ("request", "response"):
        for need in ("optional", "required"):
            plain = _with(_TEXT, required=need == "required")
            for keyword, word in (("readOnly", "read-only"), ("writeOnly", "write-only")):
                marked = _with({**_TEXT, keyword: True}, required=need == "required")
                for action, change in ((f"became-{word}", (plain, marked)), (f"became-not-{word}", (marked, plain))):
                    kind, reason = judged.get((side, need, action), ("", ""))
                    warned = (side, need, action) == ("response", "required", "became-not-write-only")
                    yield schema_rule(
                        *(f"{side}-{need}-property-{action}", "warn" if warned else "info", f"{side}-body", change),
                        *({f"{side}.property.{kind}"} if kind else set(), reason),
                    )
