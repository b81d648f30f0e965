"""What a client is answered: statuses, headers, bodies, links, and all that a job's poller hangs on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from outpaint_contracts.comparison.canonical import Raw, Schemas
from outpaint_contracts.comparison.finding import Finder, Node, pairs
from outpaint_contracts.comparison.schemas import Difference

_SIDE: Final = "response"
_STATUS: Final = "status"
"""The member of a body whose words tell a poller whether to go on."""
# What a client of a job reads from an answer's head, and the rule for its loss.
_JOB_HEADERS: Final = {"location": "job.location.removed", "retry-after": "job.retry-after.removed"}
_LATER: Final = "202"


def compare_responses(finder: Finder, old: Node, new: Node) -> None:
    """Every status of one operation."""
    for status, was, is_ in pairs(old, new):
        if status.startswith("x-"):
            continue
        success = status.startswith(("1", "2", "3"))
        # A status without a place of its own falls under its range, or under the default.
        before = was or _fallback(old, status)
        after = is_ or _fallback(new, status)
        if after is None:
            finder.add(f"response.status.removed-{'success' if success else 'error'}", status, was=status)
        elif before is None:
            kind = "success" if success else "error"
            later = status == _LATER and any(one in old for one in ("200", "201"))
            finder.add("job.answered-later" if later else f"response.status.added-{kind}", status, is_=status)
        elif before is not after:
            _compare_response(finder, status, finder.old.at(before), finder.new.at(after))


def _fallback(responses: Node, status: str) -> Node | None:
    found: Node | None = responses.get(f"{status[:1]}XX", responses.get("default"))
    return found


def _compare_response(finder: Finder, status: str, old: Node, new: Node) -> None:
    _compare_headers(finder, status, old.get("headers", {}), new.get("headers", {}))
    before, after = old.get("content", {}), new.get("content", {})
    if before and not after:
        finder.add("response.body.removed", status)
    elif after and not before:
        finder.add("response.body.added", status)
    else:
        for media_type, was, is_ in pairs(before, after):
            place = f"{status} {media_type}"
            if is_ is None:
                finder.add("response.content-type.removed", place, was=media_type)
            elif was is None:
                finder.add("response.content-type.added", place, is_=media_type)
            else:
                _compare_body(finder, place, was.get("schema", True), is_.get("schema", True))
    for name, was, is_ in pairs(old.get("links", {}), new.get("links", {})):
        _compare_link(finder, status, name, was, is_)


def _compare_headers(finder: Finder, status: str, old: Node, new: Node) -> None:
    before = {name.lower(): (name, header) for name, header in old.items()}
    after = {name.lower(): (name, header) for name, header in new.items()}
    for key, was, is_ in pairs(before, after):
        if key == "content-type":
            continue
        place = f"{status} header {(is_ or was)[0]}"
        if is_ is None:
            required = finder.old.at(was[1]).get("required")
            general = f"response.header.removed-{'required' if required else 'optional'}"
            finder.add(_JOB_HEADERS.get(key, general), place)
        elif was is None:
            finder.add("response.header.added", place)
        else:
            header, now = finder.old.at(was[1]), finder.new.at(is_[1])
            if bool(header.get("required")) != bool(now.get("required")):
                finder.add(f"response.header.became-{'required' if now.get('required') else 'optional'}", place)
            found = finder.differences(header.get("schema", True), now.get("schema", True))
            finder.add_differences(_SIDE, place, found)


def _compare_body(finder: Finder, place: str, old: Raw, new: Raw) -> None:
    """A body, whose status words are judged together, wherever among its alternatives they stand."""
    found: Iterable[Difference] = finder.differences(old, new)
    was, is_ = _words(finder.old, old), _words(finder.new, new)
    if was != is_ and (was or is_):
        found = [one for one in found if one.field != _STATUS or not one.kind.startswith("enum.")]
        if is_ is None:
            finder.add("job.status-words.opened", place, field=_STATUS, was=", ".join(sorted(was or ())))
        elif was is None:
            finder.add("job.status-words.closed", place, field=_STATUS, is_=", ".join(sorted(is_)))
        else:
            for word in sorted(is_ - was):
                finder.add("job.status-word.added", place, field=_STATUS, is_=word)
            for word in sorted(was - is_):
                finder.add("job.status-word.removed", place, field=_STATUS, was=word)
    finder.add_differences(_SIDE, place, found)


def _words(schemas: Schemas, raw: Raw) -> frozenset[str] | None:
    """The words that `status` may have in a body; None where it may be anything, or is not there at all."""
    shape = schemas.shape(raw)
    if _STATUS in shape.properties:
        return schemas.shape(shape.properties[_STATUS]).values
    words: frozenset[str] = frozenset()
    for choice in shape.choices:
        for one in choice.alternatives if choice.kind in ("alternatives", "exclusive") else ():
            some = _words(schemas, one)
            if some is None:
                return None
            words |= some
    return words or None


def _compare_link(finder: Finder, status: str, name: str, was: Node | None, is_: Node | None) -> None:
    place = f"{status} link {name}"
    # The link that leads from an accepted job to its result is no convenience.
    family = "job.poll-link" if status == _LATER else "response.link"
    if is_ is None:
        finder.add(f"{family}.removed", place)
    elif was is None:
        finder.add("response.link.added", place)
    else:
        before, after = _leads(finder.old.at(was)), _leads(finder.new.at(is_))
        if before != after:
            finder.add(f"{family}.changed", place, was=before, is_=after)


def _leads(link: Node) -> str:
    told: dict[str, Any] = {name: value for name, value in link.items() if name not in ("description", "server")}
    return json.dumps(told, sort_keys=True)
