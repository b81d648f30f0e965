"""A pact file of any version from 1 to 4 read: its interactions, and their matching rules by path."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from outpaint.functions.command_line.command_endings import CommandError
from outpaint.functions.command_line.exit_codes import ExitCode
from outpaint.functions.http.messages import HasHeaders

Tokens = tuple[str, ...]

_TOKEN: Final = re.compile(r"\.([^.\[\]]+)|\['([^']*)'\]|\[\"([^\"]*)\"\]|\[(\d+|\*)\]")
# Matchers that hold for whatever is below their path; the others hold for one value.
_CASCADING: Final = frozenset({"type", "values", "eachValue", "arrayContains", "notEmpty", "contentType"})
_EXACT: Final = frozenset({"equality", "include"})


@dataclass(frozen=True, slots=True)
class PathRules:
    """The matching rules of a message: of its body by path, of its headers by name in lower case."""

    body: tuple[tuple[Tokens, tuple[str, ...]], ...] = ()
    headers: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def frees(self, path: Tokens) -> bool:
        """Whether a body's value may be another than the example's."""
        return any(
            _reaches(tokens, path, cascading=any(kind in _CASCADING for kind in kinds))
            and not all(kind in _EXACT for kind in kinds)
            for tokens, kinds in self.body
        )

    def frees_header(self, name: str) -> bool:
        """Whether a header's value may be another than the example's."""
        kinds = self.headers.get(name.lower(), ())
        return bool(kinds) and not all(kind in _EXACT for kind in kinds)


def read_rules(rules: dict[str, Any], version: int) -> PathRules:
    """The rules of a message as its pact has them."""
    if version < 3:
        rules = _by_category(rules)
    body = tuple((tokens_of(path), _kinds(rule)) for path, rule in (rules.get("body") or {}).items())
    headers = {name.lower(): _kinds(rule) for name, rule in (rules.get("header") or rules.get("headers") or {}).items()}
    return PathRules(body, headers)


def tokens_of(path: str) -> Tokens:
    """A path's steps: `$.data[0].id` and `$['data'][*]['id']` alike."""
    return tuple(next(step for step in found if step) for found in _TOKEN.findall(path))


def _by_category(rules: dict[str, Any]) -> dict[str, Any]:
    """Rules of version 2, whose paths begin with `body` or `header`, in the form of later versions."""
    found: dict[str, Any] = {}
    for path, rule in rules.items():
        tokens = tokens_of(path)
        if not tokens:
            continue
        rest = "$" + "".join(
            f"['{step}']" if step != "*" and not step.isdigit() else f"[{step}]" for step in tokens[1:]
        )
        if tokens[0] in ("header", "headers"):
            found.setdefault("header", {})[".".join(tokens[1:])] = rule
        elif tokens[0] == "body":
            found.setdefault("body", {})[rest] = rule
        else:
            found[tokens[0]] = rule
    return found


def _kinds(rule: Any) -> tuple[str, ...]:
    if not isinstance(rule, dict):
        return ()
    several = rule.get("matchers", [rule])
    return tuple(_kind(one) for one in several if isinstance(one, dict))


def _kind(matcher: dict[str, Any]) -> str:
    if "match" in matcher:
        return str(matcher["match"])
    # Version 2 leaves the word out where a bound says enough.
    return "regex" if "regex" in matcher else "type"


def _reaches(rule: Tokens, path: Tokens, *, cascading: bool) -> bool:
    if len(rule) > len(path) or (len(rule) < len(path) and not cascading):
        return False
    return all(mine in ("*", its) or (its == "*" and mine.isdigit()) for mine, its in zip(rule, path, strict=False))


HTTP: Final = "Synchronous/HTTP"
"""The type of an interaction that is a request and its response."""


class PactFileError(CommandError):
    """A file that is no pact, or cannot be read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(ExitCode.USAGE, f"{path}: {reason}")


@dataclass(frozen=True, slots=True)
class Message(HasHeaders):
    """A request or a response as a pact has it: `json` is None where the body is none or no JSON."""

    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    json: Any
    rules: PathRules


@dataclass(frozen=True, slots=True)
class ExpectedInteraction:
    """One interaction: what is asked, in which states, and what is expected."""

    description: str
    states: tuple[tuple[str, dict[str, Any]], ...]
    method: str
    path: str
    query: str
    request: Message
    status: int
    response: Message


@dataclass(frozen=True, slots=True)
class PactFile:
    """A pact as it was read; `others` are descriptions of interactions that are no HTTP."""

    path: Path
    consumer: str
    provider: str
    version: int
    interactions: tuple[ExpectedInteraction, ...]
    others: tuple[str, ...] = ()
    document: dict[str, Any] = field(default_factory=dict, repr=False)


def read_pact(path: Path) -> PactFile:
    """The pact in a file; raises `PactFileError`."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PactFileError(path, f"it cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise PactFileError(path, "it is no JSON, so it is no pact") from None
    if not isinstance(document, dict) or not {"consumer", "provider"} <= document.keys():
        raise PactFileError(path, "it names no consumer and provider, so it is no pact")
    found = document.get("interactions", document.get("messages"))
    if not isinstance(found, list):
        raise PactFileError(path, "it has no interactions")
    version = _version(document.get("metadata"))
    interactions: list[ExpectedInteraction] = []
    others: list[str] = []
    for number, one in enumerate(found, 1):
        kind = one.get("type", HTTP) if isinstance(one, dict) else None
        if kind is None or (kind == HTTP and not {"request", "response"} <= one.keys()):
            raise PactFileError(path, f"interaction {number} has no request and response")
        if kind != HTTP:
            others.append(str(one.get("description", f"interaction {number}")))
            continue
        try:
            interactions.append(_interaction(one, version))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PactFileError(path, f"interaction {number} cannot be read: {error}") from None
    names = (_name(document["consumer"]), _name(document["provider"]))
    return PactFile(path, *names, version, tuple(interactions), tuple(others), document)


def _name(who: Any) -> str:
    return str(who.get("name", "?")) if isinstance(who, dict) else str(who)


def _version(metadata: Any) -> int:
    """The specification's major version, which files have in one of several places, and old ones not at all: then 2."""
    if not isinstance(metadata, dict):
        return 2
    for name in ("pactSpecification", "pact-specification"):
        if isinstance(metadata.get(name), dict):
            return int(str(metadata[name].get("version", "2")).partition(".")[0] or 2)
    return int(str(metadata.get("pactSpecificationVersion", "2")).partition(".")[0] or 2)


def _interaction(one: dict[str, Any], version: int) -> ExpectedInteraction:
    request, response = one["request"], one["response"]
    return ExpectedInteraction(
        description=str(one.get("description", "")),
        states=_states(one),
        method=str(request.get("method", "GET")).upper(),
        path=str(request.get("path", "/")),
        query=_query(request.get("query")),
        request=_message(request, version),
        status=int(response.get("status", 200)),
        response=_message(response, version),
    )


def _states(one: dict[str, Any]) -> tuple[tuple[str, dict[str, Any]], ...]:
    several = one.get("providerStates")
    if several is None:
        single = one.get("providerState", one.get("provider_state"))
        several = single if isinstance(single, list) else [single] if single else []
    return tuple(
        (str(state.get("name", "")), dict(state.get("params") or {})) if isinstance(state, dict) else (str(state), {})
        for state in several
    )


def _query(query: Any) -> str:
    if not query:
        return ""
    if isinstance(query, str):
        return urlencode(parse_qsl(query, keep_blank_values=True))
    pairs = [
        (name, value) for name, values in query.items() for value in (values if isinstance(values, list) else [values])
    ]
    return urlencode([(name, "" if value is None else value) for name, value in pairs])


def _message(message: Mapping[str, Any], version: int) -> Message:
    headers: list[tuple[str, str]] = []
    for name, values in (message.get("headers") or {}).items():
        headers += [(name, str(value)) for value in (values if isinstance(values, list) else [values])]
    label = next((value for name, value in headers if name.lower() == "content-type"), "")
    content = message.get("body")
    encoded: Any = False
    if version >= 4 and isinstance(content, dict) and "content" in content:
        encoded = content.get("encoded", False)
        if not label and content.get("contentType"):
            label = str(content["contentType"])
            headers.append(("Content-Type", label))
        content = content["content"]
    body, parsed = _body(content, encoded, label)
    return Message(tuple(headers), body, parsed, read_rules(message.get("matchingRules") or {}, version))


def _body(content: Any, encoded: Any, label: str) -> tuple[bytes | None, Any]:
    """A body's bytes, and their value where they are JSON."""
    if content is None:
        return None, None
    if encoded and str(encoded).lower() != "json":
        try:
            data = base64.b64decode(str(content), validate=True)
        except binascii.Error as error:
            raise ValueError(f"its body is no base64 ({error})") from None
        return data, _parsed(data) if "json" in label else None
    if not isinstance(content, str):
        return json.dumps(content).encode(), content
    if str(encoded).lower() == "json" or ("json" in label and _parsed(content.encode()) is not None):
        return content.encode(), _parsed(content.encode())
    if "json" in label or not label:
        return json.dumps(content).encode(), content
    # Before version 4, bytes that are no text were written in base64 without any mark.
    if not (label.startswith(("text/", "application/x-www-form-urlencoded")) or content.startswith("--")):
        try:
            return base64.b64decode(content, validate=True), None
        except binascii.Error:
            pass
    return content.encode(), None


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
