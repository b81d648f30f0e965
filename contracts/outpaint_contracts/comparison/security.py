"""Who a client has to say that it is, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from outpaint_contracts.comparison.finding import Finder, Node

Requirement = Mapping[str, frozenset[str]]
"""One way to be let in: every scheme that it takes, with its scopes."""


def compare_security(finder: Finder, was: Node, is_: Node) -> None:
    """The ways to be let into one operation; any one of them is enough."""
    old, new = _ways(finder.old, was), _ways(finder.new, is_)
    if not old or not new:
        if old != new:
            finder.add("security.key-required" if new else "security.key-dropped")
        return
    left_old = [way for way in old if way not in new]
    left_new = [way for way in new if way not in old]
    for way in list(left_old):
        same = next((one for one in left_new if one.keys() == way.keys()), None)
        if same is not None:
            left_old.remove(way)
            left_new.remove(same)
            for scheme, scopes in way.items():
                for scope in sorted(same[scheme] - scopes):
                    finder.add("security.scope-added", is_=scope)
                for scope in sorted(scopes - same[scheme]):
                    finder.add("security.scope-removed", was=scope)
    if len(left_old) == len(left_new) == 1:
        finder.add("security.scheme-changed", was=_told(left_old[0]), is_=_told(left_new[0]))
        return
    for way in left_old:
        finder.add("security.alternative-removed", was=_told(way))
    for way in left_new:
        finder.add("security.alternative-added", is_=_told(way))


def _ways(schemas: Any, operation: Node) -> list[Requirement]:
    """The requirements by what their schemes are, whose names are not on the wire; none where nobody is asked."""
    schemes = operation["schemes"]
    ways: list[Requirement] = [
        {_scheme(schemas.at(schemes.get(name, {"name": name}))): frozenset(scopes) for name, scopes in one.items()}
        for one in operation["security"]
    ]
    return [] if {} in ways else ways


def _scheme(scheme: Node) -> str:
    told = {name: value for name, value in scheme.items() if name != "description" and not name.startswith("x-")}
    return json.dumps(told, sort_keys=True)


def _told(way: Requirement) -> str:
    return " and ".join(
        " ".join(str(value) for name, value in json.loads(scheme).items() if isinstance(value, str)) for scheme in way
    )
