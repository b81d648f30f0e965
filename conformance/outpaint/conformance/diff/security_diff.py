"""Every change of how a client authenticates at an operation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

from outpaint.conformance.diff.canonical_schema import Schemas
from outpaint.conformance.diff.document_comparer import DocumentComparer, Node, json_text

Requirement = Mapping[str, frozenset[str]]
"""One way to authenticate: every scheme that it takes, by what it says, with its scopes."""

# What an OAuth flow says of where a client gets its token (OpenAPI, OAuth Flow Object).
_TOKEN_URLS: Final = ("authorizationUrl", "tokenUrl", "refreshUrl")


def compare_security(
    comparer: DocumentComparer, old: Iterable[Node], old_schemes: Node, new: Iterable[Node], new_schemes: Node
) -> None:
    """The changes of the ways to authenticate at one operation, any one of which is enough."""
    before, after = _ways(comparer.old, old, old_schemes), _ways(comparer.new, new, new_schemes)
    if not before or not after:
        if before != after:
            comparer.add("security.key-required" if after else "security.key-dropped")
        return
    urls = (_token_urls(comparer.old, old_schemes), _token_urls(comparer.new, new_schemes))
    _compare_token_urls(comparer, *urls, before)
    left_old = [way for way in before if way not in after]
    left_new = [way for way in after if way not in before]
    for way in list(left_old):
        same = next((one for one in left_new if one.keys() == way.keys()), None)
        if same is not None:
            left_old.remove(way)
            left_new.remove(same)
            for scheme, scopes in way.items():
                for scope in sorted(same[scheme] - scopes):
                    comparer.add("security.scope-added", is_=scope)
                for scope in sorted(scopes - same[scheme]):
                    comparer.add("security.scope-removed", was=scope)
    if len(left_old) == len(left_new) == 1:
        comparer.add("security.scheme-changed", was=_shown_way(left_old[0]), is_=_shown_way(left_new[0]))
        return
    for way in left_old:
        comparer.add("security.alternative-removed", was=_shown_way(way))
    for way in left_new:
        comparer.add("security.alternative-added", is_=_shown_way(way))


def _ways(schemas: Schemas, security: Iterable[Node], schemes: Node) -> list[Requirement]:
    """The requirements by what their schemes say, whose names do not count; none where no key is needed."""
    ways: list[Requirement] = [
        {
            json_text(_said(schemas.at(schemes.get(name, {"name": name})))): frozenset(scopes)
            for name, scopes in one.items()
        }
        for one in security
    ]
    return [] if {} in ways else ways


def _said(scheme: Node) -> dict[str, object]:
    """What a client has to do by a scheme, without notes, in one form.

    Names of headers and of HTTP's own schemes have no case (RFC 9110, 5.1 and 11.1).
    """
    kind = scheme.get("type")
    if kind == "apiKey":
        name = str(scheme.get("name", ""))
        place = scheme.get("in")
        return {"type": kind, "in": place, "name": name.lower() if place == "header" else name}
    if kind == "http":
        return {"type": kind, "scheme": str(scheme.get("scheme", "")).lower()}
    if kind == "oauth2":
        return {"type": kind, "flows": sorted(scheme.get("flows", {}))}
    if kind == "openIdConnect":
        return {"type": kind, "openIdConnectUrl": scheme.get("openIdConnectUrl")}
    return {"type": kind, "name": scheme.get("name")}


def _token_urls(schemas: Schemas, schemes: Node) -> dict[str, set[str]]:
    """Where a client gets its token, of every scheme that says so, by what the scheme says."""
    found: dict[str, set[str]] = {}
    for one in schemes.values():
        scheme = schemas.at(one)
        urls = {
            f"{name} {flow[name]}" for flow in scheme.get("flows", {}).values() for name in _TOKEN_URLS if name in flow
        }
        found.setdefault(json_text(_said(scheme)), set()).update(urls)
    return found


def _compare_token_urls(
    comparer: DocumentComparer, old: Mapping[str, set[str]], new: Mapping[str, set[str]], ways: Iterable[Requirement]
) -> None:
    """The changes of where the tokens of one operation are got."""
    for scheme in sorted({scheme for way in ways for scheme in way}):
        before, after = old.get(scheme, set()), new.get(scheme, set())
        if scheme in new and before - after:
            gone, come = sorted(before - after), sorted(after - before)
            comparer.add("security.token-url-changed", was=", ".join(gone), is_=", ".join(come))


def _shown_way(way: Requirement) -> str:
    shown = []
    for scheme in way:
        said = [value for value in json.loads(scheme).values() if value]
        shown.append(" ".join(one if isinstance(one, str) else ", ".join(one) for one in said))
    return " and ".join(shown)
