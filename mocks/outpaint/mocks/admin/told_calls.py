"""What the admin API tells of a call in words: searched through, compared with another call's, credentials redacted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.redaction import REDACTED, Redaction
from outpaint.contracts.requests import FieldValue, IdSource, Source, Upload, UrlSource
from outpaint.functions.http.bodies import check_content_type, read_fields
from outpaint.functions.service.account_keys import ID_LENGTH
from outpaint.functions.service.admission import key_digest
from outpaint.mocks.admin.admin_models import CallQuery
from outpaint.mocks.admin.call_models import Part
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.calls import Call

MAX_TEXT: Final = 64 * 1024
"""Bytes of a text body that are shown and searched."""
_MAX_VALUE: Final = 500
_MAX_VALUES: Final = 200
"""Values of an answer's JSON that are compared."""
_MAX_COMPARED: Final = 1000
"""The latest calls among which the nearest one is looked for."""
_BOUNDARY: Final = re.compile(r";\s*boundary=[^;]*")

Told = dict[tuple[Part, str], str]
"""A call's values by what they are part of and their name."""


def key_id(call: Call) -> str | None:
    """The id of the API key that a call came with, as `outpaint keys list` has it; None without one."""
    key = (call.api_key or "").strip()
    return key_digest(key)[:ID_LENGTH] if key else None


def redaction_of(call: Call, *, show_keys: bool = False) -> Redaction | None:
    """What takes the credentials out of a call's texts; None where they are to be shown."""
    return None if show_keys else Redaction(filter(None, (call.api_key,)))


def answer_text(call: Call) -> str | None:
    """The body of a call's answer, where it is text and kept."""
    response = call.response
    if response is None or not response.body or len(response.body) > MAX_TEXT or call.route is On.FILE:
        return None
    return response.body.decode("utf-8", "replace")


# Searches


def unmet(call: Call, wanted: CallQuery) -> tuple[str, ...]:
    """The names of the criteria that a call does not meet; `after` and `limit` are none."""
    checks = (
        ("route", wanted.route is None or call.route is wanted.route),
        ("status", wanted.status is None or _has_status(call, wanted.status)),
        ("inference_id", wanted.inference_id is None or call.inference_id == wanted.inference_id),
        ("key", wanted.key is None or wanted.key in (key_id(call), call.account_id)),
        ("text", wanted.text is None or _has_text(call, wanted.text.casefold())),
    )
    return tuple(name for name, met in checks if not met)


def nearest_miss(calls: Iterable[Call], wanted: CallQuery) -> tuple[Call, tuple[str, ...]] | None:
    """The latest of the calls that meet most criteria, with those that it does not meet; None if none meets any."""
    names = ("route", "status", "inference_id", "key", "text")
    given = sum(getattr(wanted, name) is not None for name in names)
    found = [(unmet(call, wanted), call) for call in calls]
    best = min(found, key=lambda one: (len(one[0]), -one[1].number), default=None)
    return None if best is None or len(best[0]) == given else (best[1], best[0])


def _has_status(call: Call, status: int | str) -> bool:
    if status == "none":
        return call.status is None
    if isinstance(status, str):
        return call.status is not None and str(call.status)[0] == status[0]
    return call.status == status


def _has_text(call: Call, text: str) -> bool:
    redaction = redaction_of(call)
    assert redaction is not None
    shown = (redaction.text(piece).replace(REDACTED, "") for piece in _texts(call))
    return any(text in piece.casefold() for piece in shown)


def _texts(call: Call) -> Iterator[str]:
    """What is searched through; a key's header is redacted by its name."""
    head, request = call.request_head, call.request
    yield f"{call.method} {call.path}?{head.query}"
    yield " ".join(filter(None, (call.inference_id, call.account_id, call.error_code, *call.effects)))
    for name, value in Redaction().headers(head.headers):
        yield f"{name}: {value}"
    if request is not None:
        yield from (f"{field}={text}" for field, text in request.plain_values.items())
        yield from filter(None, map(_name_of, (request.image, request.mask)))
    elif call.body is not None and len(call.body) <= MAX_TEXT:
        yield call.body.decode("utf-8", "replace")
    yield answer_text(call) or ""


def _name_of(source: Source | None) -> str | None:
    """The address, id or file name of a picture."""
    if isinstance(source, UrlSource):
        return source.url
    if isinstance(source, IdSource):
        return source.id
    return source.filename if isinstance(source, Upload) else None


# Differences


@dataclass(frozen=True, slots=True)
class CallDifference:
    """What differs between two calls: part, name, here and there; None where one has no such value.

    `same` is how many values are the same in both.
    """

    values: tuple[tuple[Part, str, str | None, str | None], ...]
    same: int


def difference(call: Call, other: Call, *, show_keys: bool = False) -> CallDifference:
    """What differs between two calls, the request first; of an API key, where it is not shown, its id."""
    here, there = _told(call, show_keys), _told(other, show_keys)
    names = sorted(dict.fromkeys([*here, *there]), key=lambda name: list(Part).index(name[0]))
    values = tuple(
        (part, name, here.get((part, name)), there.get((part, name)))
        for part, name in names
        if here.get((part, name)) != there.get((part, name))
    )
    return CallDifference(values, len(names) - len(values))


def nearest_call(call: Call, others: Iterable[Call]) -> Call | None:
    """The other call of the same kind whose request is most like a call's, the later of two.

    One that was answered otherwise (status, error code) is nearer than any that was answered alike.
    """
    alike = [
        one for one in others if one.number != call.number and (one.route, one.method) == (call.route, call.method)
    ]
    if not alike:
        return None
    asked = _asked(call, show_keys=False)

    def distance(other: Call) -> tuple[bool, int, int]:
        theirs = _asked(other, show_keys=False)
        differing = sum(asked.get(name) != theirs.get(name) for name in {*asked, *theirs})
        return _outcome(other) == _outcome(call), differing, -other.number

    return min(alike[-_MAX_COMPARED:], key=distance)


def _outcome(call: Call) -> tuple[int | None, str | None]:
    return call.status, call.error_code


def _told(call: Call, show_keys: bool) -> Told:
    return {**_asked(call, show_keys=show_keys), **_answered(call, redaction_of(call, show_keys=show_keys))}


def _asked(call: Call, *, show_keys: bool) -> Told:
    redaction, head = redaction_of(call, show_keys=show_keys), call.request_head
    told: Told = {(Part.REQUEST, "method"): call.method, (Part.REQUEST, "path"): call.path}
    if head.query:
        told[Part.REQUEST, "query"] = head.query if redaction is None else redaction.text(head.query)
    for name, text in _fields(call).items():
        told[Part.FIELD, name] = text if redaction is None else redaction.text(text)
    for name, value in head.headers if redaction is None else redaction.headers(head.headers):
        if name == API_KEY.lower() and redaction is not None:
            value = f"key {key_id(call)}"
        value = _BOUNDARY.sub("", value) if name == "content-type" else value
        before = told.get((Part.HEADER, name))
        told[Part.HEADER, name] = value if before is None else f"{before}, {value}"
    return told


def _answered(call: Call, redaction: Redaction | None) -> Told:
    told: Told = {(Part.ANSWER, "status"): "none" if call.status is None else str(call.status)}
    if call.error_code is not None:
        told[Part.ANSWER, "error_code"] = call.error_code
    if call.effects:
        told[Part.ANSWER, "effects"] = "; ".join(call.effects)
    response, text = call.response, answer_text(call)
    if response is None:
        return told
    if text is not None:
        text = text if redaction is None else redaction.text(text)
        told |= {(Part.ANSWER, f"body {name}".strip()): value for name, value in _flat(text)}
    for name, value in response.headers if redaction is None else redaction.headers(response.headers):
        told[Part.ANSWER_HEADER, name.lower()] = value
    return told


def _fields(call: Call) -> dict[str, str]:
    """The fields of a call's body as they were sent, or as they were understood where the body is no longer kept."""
    sent: dict[str, list[FieldValue]] = {}
    if call.body:
        try:
            check_content_type(call.request_head)
            sent = read_fields(call.request_head, call.body, frozenset())
        except OutpaintError:
            return {"body": _short(call.body[:MAX_TEXT].decode("utf-8", "replace"))}
    if sent:
        return {name: ", ".join(map(_field, values)) for name, values in sent.items()}
    request = call.request
    if request is None:
        return {}
    values = {name: _short(str(value)) for name, value in request.plain_values.items() if value is not None}
    for name, digest, size in (
        (request.image_field, call.image_sha256, call.image_size),
        (request.mask_field or "mask", call.mask_sha256, call.mask_size),
    ):
        if digest is not None:
            values[name] = f"{size} bytes, SHA-256 {digest[:12]}"
    return values


def _field(value: FieldValue) -> str:
    if isinstance(value, Upload | DataUri):
        return f"{len(value.data)} bytes, SHA-256 {value.sha256[:12]}"
    return _short(str(value))


def _flat(text: str) -> Iterator[tuple[str, str]]:
    """The values of a JSON text by their path, such as data.0.url; of another text the whole."""
    try:
        document = json.loads(text)
    except ValueError:
        yield "", _short(text)
        return
    left = _MAX_VALUES
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting and left:
        name, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting += [(f"{name}.{key}".lstrip("."), one) for key, one in reversed(value.items())]
        elif isinstance(value, list) and value:
            waiting += [(f"{name}.{place}".lstrip("."), one) for place, one in reversed(list(enumerate(value)))]
        else:
            left -= 1
            yield name, _short(value if isinstance(value, str) else json.dumps(value))


def _short(text: str) -> str:
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}... ({len(text)} characters)"
