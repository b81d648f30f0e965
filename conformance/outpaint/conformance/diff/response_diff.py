"""Every change of what an operation answers: its statuses, bodies, headers and links, and how a job is followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from outpaint.conformance.diff.canonical_schema import Raw, Schemas
from outpaint.conformance.diff.document_comparer import (
    RESPONSE,
    DocumentComparer,
    Node,
    by_media_type,
    includes,
    json_text,
    need,
    only_media,
    pairs,
    without_notes,
)

_DEFAULT: Final = "default"
_SUCCESS: Final = ("1", "2", "3")
_STATUS: Final = "status"
"""The member of a body by whose words a client knows whether to poll on."""
# Headers that a client of a job relies on, and the rule for their loss.
_JOB_HEADERS: Final = {"location": "job.location.removed", "retry-after": "job.retry-after.removed"}
_ACCEPTED: Final = "202"


def compare_responses(comparer: DocumentComparer, old: Node, new: Node) -> None:
    """The changes of one operation's responses, in each of its statuses."""
    olds, news = (
        {status: one for status, one in responses.items() if not status.startswith("x-")} for responses in (old, new)
    )
    for status in dict.fromkeys([*olds, *news]):
        (before, only_before), (after, only_after) = _answer(olds, status), _answer(news, status)
        kind = "success" if _is_success(status, olds, news) else "error"
        if after is None:
            # Statuses inside a range are compared with it, each at its own turn.
            kept = any(_is_inside(one, status) for one in news)
            code = "response.status.range-removed" if kept else f"response.status.removed-{kind}"
            comparer.add(code, status, was=status)
        elif before is None:
            later = status == _ACCEPTED and any(one in olds for one in ("200", "201"))
            comparer.add("job.answered-later" if later else f"response.status.added-{kind}", status, is_=status)
        elif kind == "success" and only_after:
            # `default` speaks of what was not foreseen, and promises no client this status.
            comparer.add("response.status.removed-success", status, was=status, is_=_DEFAULT)
        else:
            if kind == "success" and only_before:
                comparer.add("response.status.declared-success", status, was=_DEFAULT, is_=status)
            _compare_response(comparer, status, comparer.old.at(before), comparer.new.at(after))


def _answer(responses: Mapping[str, Node], status: str) -> tuple[Node | None, bool]:
    """What a status is answered, by its own response, its range's or `default`, and whether it is by `default` alone.

    Of successes `default` speaks only where no success is declared.
    """
    for declared in (status, f"{status[:1]}XX"):
        if declared in responses:
            return responses[declared], False
    if status.startswith(_SUCCESS) and any(one.startswith(_SUCCESS) for one in responses):
        return None, False
    return responses.get(_DEFAULT), _DEFAULT in responses


def _is_success(status: str, olds: Mapping[str, Node], news: Mapping[str, Node]) -> bool:
    """Whether clients wait for a status; for `default` where neither document declares a success."""
    if status != _DEFAULT:
        return status.startswith(_SUCCESS)
    return not any(one.startswith(_SUCCESS) for one in (*olds, *news))


def _is_inside(status: str, declared: str) -> bool:
    return status != declared and declared.endswith("XX") and status[:1] == declared[:1]


def _compare_response(comparer: DocumentComparer, status: str, old: Node, new: Node) -> None:
    _compare_headers(comparer, status, old.get("headers", {}), new.get("headers", {}))
    before, after = by_media_type(old), by_media_type(new)
    if bool(before) != bool(after):
        comparer.add(f"response.body.{'added' if after else 'removed'}", status)
    else:
        _compare_bodies(comparer, status, before, after)
    for name, was, is_ in pairs(old.get("links", {}), new.get("links", {})):
        _compare_link(comparer, status, name, was, is_)


def _compare_bodies(
    comparer: DocumentComparer, status: str, olds: Mapping[str, Node], news: Mapping[str, Node]
) -> None:
    """The bodies of one status, by media types that are the same or of which one includes the other."""
    left = [name for name in news if name not in olds]
    for name, before in olds.items():
        place = f"{status} {name}"
        narrower = [one for one in left if includes(name, one)]
        wider = [one for one in news if includes(one, name)]
        if name in news:
            _compare_body(comparer, place, before, news[name])
        elif narrower:
            comparer.add("response.content-type.narrowed", place, was=name, is_=", ".join(narrower))
            for one in narrower:
                _compare_body(comparer, place, before, news[one])
        elif wider:
            if not any(one in olds for one in wider):
                comparer.add("response.content-type.widened", place, was=name, is_=", ".join(wider))
            _compare_body(comparer, place, before, news[wider[0]])
        else:
            comparer.add("response.content-type.removed", place, was=name)
    for name in left:
        known = [one for one in olds if includes(one, name)]
        if not known and not any(includes(name, one) and one not in news for one in olds):
            comparer.add("response.content-type.added", f"{status} {name}", is_=name)
        elif any(one in news for one in known):
            # A part of a range that stays, with a description of its own.
            _compare_body(comparer, f"{status} {name}", olds[known[0]], news[name])


def _compare_headers(comparer: DocumentComparer, status: str, old: Node, new: Node) -> None:
    before = {name.lower(): (name, comparer.old.at(header)) for name, header in old.items()}
    after = {name.lower(): (name, comparer.new.at(header)) for name, header in new.items()}
    for key, was, is_ in pairs(before, after):
        if key == "content-type":
            continue
        place = f"{status} header {(is_ or was)[0]}"
        if is_ is None:
            comparer.add(_JOB_HEADERS.get(key, f"response.header.removed-{need(was[1])}"), place)
        elif was is None:
            comparer.add("response.header.added", place)
        else:
            if need(was[1]) != need(is_[1]):
                comparer.add(f"response.header.became-{need(is_[1])}", place)
            comparer.compare_schemas(RESPONSE, place, only_media(was[1]), only_media(is_[1]))


def _compare_body(comparer: DocumentComparer, place: str, was: Node, is_: Node) -> None:
    """A body, whose status words are compared as one set, in whichever of its alternatives they are."""
    old, new = was.get("schema", True), is_.get("schema", True)
    found = comparer.differences(RESPONSE, old, new)
    old_schemas, new_schemas = comparer.schemas(RESPONSE)
    before, after = _status_words(old_schemas, old), _status_words(new_schemas, new)
    if before != after and (before or after):
        found = [one for one in found if one.field != _STATUS or not one.kind.startswith("enum.")]
        if after is None:
            comparer.add("job.status-words.opened", place, field=_STATUS, was=", ".join(sorted(before or ())))
        elif before is None:
            comparer.add("job.status-words.closed", place, field=_STATUS, is_=", ".join(sorted(after)))
        else:
            for word in sorted(after - before):
                comparer.add("job.status-word.added", place, field=_STATUS, is_=word)
            for word in sorted(before - after):
                comparer.add("job.status-word.removed", place, field=_STATUS, was=word)
    comparer.add_differences(RESPONSE, place, found)


def _status_words(schemas: Schemas, raw: Raw) -> frozenset[str] | None:
    """The values that `status` may have in a body; None where it may have any, or is not declared at all."""
    shape = schemas.shape(raw)
    if _STATUS in shape.properties:
        return schemas.shape(shape.properties[_STATUS]).values
    words: frozenset[str] = frozenset()
    for choice in shape.choices:
        for one in choice.alternatives if choice.kind in ("alternatives", "exclusive") else ():
            some = _status_words(schemas, one)
            if some is None:
                return None
            words |= some
    return words or None


def _compare_link(comparer: DocumentComparer, status: str, name: str, was: Node | None, is_: Node | None) -> None:
    place = f"{status} link {name}"
    # A client finds its result by the link from an accepted job.
    family = "job.poll-link" if status == _ACCEPTED else "response.link"
    if is_ is None:
        comparer.add(f"{family}.removed", place)
    elif was is None:
        comparer.add("response.link.added", place)
    else:
        old, new = (json_text(without_notes(one, "server")) for one in (comparer.old.at(was), comparer.new.at(is_)))
        if old != new:
            comparer.add(f"{family}.changed", place, was=old, is_=new)
