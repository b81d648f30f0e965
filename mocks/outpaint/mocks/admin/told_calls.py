"""What the admin API tells of a call in words: searched through, compared with another call's, credentials redacted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.redaction import REDACTED, SECRET_HEADERS, Redaction
from outpaint.contracts.requests import FieldValue, IdSource, Source, Upload, UrlSource
from outpaint.functions.http.bodies import check_content_type, read_fields
from outpaint.functions.service.account_keys import ID_LENGTH
from outpaint.functions.service.admission import key_digest
from outpaint.mocks.admin.admin_models import CallQuery
from outpaint.mocks.admin.call_models import Part
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.recorded_call import Call

MAX_TEXT: Final = 64 * 1024
"""Bytes of a text body that are shown and searched."""
_MAX_VALUE: Final = 500
_MAX_VALUES: Final = 200
"""Values of an answer's JSON that are compared."""
_MAX_COMPARED: Final = 1000
"""The latest calls among which the nearest one is looked for."""
_BOUNDARY: Final = re.compile(r";\s*boundary=[^;]*")

NearestMiss = tuple[Call, tuple[str, ...]]
"""A call, and the names of the criteria that it does not meet."""
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
    return tuple(
        name
        for name, meets in CRITERIA.items()
        if (value := getattr(wanted, name)) is not None and not meets(call, value)
    )


def searched(calls: Iterable[Call], wanted: CallQuery) -> tuple[list[Call], NearestMiss | None]:
    """The calls that meet all criteria; where none does, the one that meets most of them, the latest of several.

    There is no nearest one where none meets any.
    """
    given = sum(getattr(wanted, name) is not None for name in CRITERIA)
    found: list[Call] = []
    nearest: NearestMiss | None = None
    for call in calls:
        missing = unmet(call, wanted)
        if not missing:
            found.append(call)
        elif len(missing) < given and (nearest is None or len(missing) <= len(nearest[1])):
            nearest = call, missing
    return found, None if found else nearest


def _has_status(call: Call, status: int | str) -> bool:
    if status == "none":
        return call.status is None
    if isinstance(status, str):
        return call.status is not None and str(call.status)[0] == status[0]
    return call.status == status


def _has_text(call: Call, text: str) -> bool:
    found = [piece for piece in _texts(call) if text in piece.casefold()]
    if not found:  # as of most calls: redacting all of them would take seconds
        return False
    redaction = redaction_of(call)
    assert redaction is not None
    return any(text in redaction.text(piece).replace(REDACTED, "").casefold() for piece in found)


def _texts(call: Call) -> Iterator[str]:
    """What is searched through."""
    head, request = call.request_head, call.request
    yield f"{call.method} {call.path}?{head.query}"
    yield " ".join(filter(None, (call.inference_id, call.account_id, call.error_code, *call.effects)))
    yield "\n".join([f"{name}: {value}" for name, value in head.headers if name not in SECRET_HEADERS])
    if request is not None:
        yield from (f"{field}={text}" for field, text in request.plain_values.items())
        yield from filter(None, map(_name_of, (request.image, request.mask)))
    elif call.body is not None and len(call.body) <= MAX_TEXT:
        yield call.body.decode("utf-8", "replace")
    yield answer_text(call) or ""


CRITERIA: Final[dict[str, Callable[[Call, Any], bool]]] = {
    "route": lambda call, route: call.route is route,
    "status": _has_status,
    "inference_id": lambda call, inference_id: call.inference_id == inference_id,
    "key": lambda call, key: key in (key_id(call), call.account_id),
    "text": lambda call, text: _has_text(call, text.casefold()),
}
"""What a search may ask for, by the name of its parameter."""


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
