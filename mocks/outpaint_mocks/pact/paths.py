"""Which values of a message a pact's matching rules reach, in the spellings of every version."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

Tokens = tuple[str, ...]

_TOKEN: Final = re.compile(r"\.([^.\[\]]+)|\['([^']*)'\]|\[\"([^\"]*)\"\]|\[(\d+|\*)\]")
# These reach whatever lies below what they stand on; the others one value.
_CASCADING: Final = frozenset({"type", "values", "eachValue", "arrayContains", "notEmpty", "contentType"})
_EXACT: Final = frozenset({"equality", "include"})


@dataclass(frozen=True, slots=True)
class Rules:
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


def read_rules(rules: dict[str, Any], version: int) -> Rules:
    """The rules of a message as its pact has them."""
    if version < 3:
        rules = _by_category(rules)
    body = tuple((tokens_of(path), _kinds(rule)) for path, rule in (rules.get("body") or {}).items())
    headers = {name.lower(): _kinds(rule) for name, rule in (rules.get("header") or rules.get("headers") or {}).items()}
    return Rules(body, headers)


def tokens_of(path: str) -> Tokens:
    """A path's steps: `$.data[0].id` and `$['data'][*]['id']` alike."""
    return tuple(next(step for step in found if step) for found in _TOKEN.findall(path))


def _by_category(rules: dict[str, Any]) -> dict[str, Any]:
    """Rules of version 2, whose paths begin with what they are about, as those after it."""
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
