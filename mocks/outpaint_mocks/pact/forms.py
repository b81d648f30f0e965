"""Request bodies as a pact has them: known fields in one order, multipart under one boundary, bytes in base64."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final, get_args
from urllib.parse import urlencode, urlsplit, urlunsplit

from outpaint_contracts.requests import IMAGE_FIELDS, MASK_FIELDS, PLAIN_FIELDS, FieldValue, Upload, Wish
from outpaint_functions.http.bodies import JSON, MULTIPART, URLENCODED
from outpaint_painting.file_types import FileType, file_type

from outpaint_mocks.pact import matchers
from outpaint_mocks.pact.matchers import Rule

BOUNDARY: Final = "outpaint-pact-boundary"
_URLS: Final = frozenset(name for kinds in (IMAGE_FIELDS, MASK_FIELDS) for name, kind in kinds.items() if kind == "url")
_SEEN_EXACTLY: Final = frozenset(
    {*(name for name in Wish.model_fields if Wish.about(name).decides_answer), "mode", "content_type"}
)
_ORDER: Final = (*IMAGE_FIELDS, *MASK_FIELDS, *PLAIN_FIELDS, "content_type")
Pairs = list[tuple[str, FieldValue]]


def known_pairs(fields: dict[str, list[FieldValue]]) -> Pairs:
    """The fields that mean something, in one order whatever order they came in; addresses without credentials."""
    return [(name, _clean(name, value)) for name in _ORDER for value in fields.get(name, [])]


def body_document(media_type: str, pairs: Pairs) -> tuple[dict[str, Any], str]:
    """A body in Pact v4's spelling, and its Content-Type."""
    if media_type == MULTIPART:
        content_type = f"{MULTIPART}; boundary={BOUNDARY}"
        data = b"".join(_parts(pairs))
        encoded = {"content": base64.b64encode(data).decode(), "contentType": content_type, "encoded": "base64"}
        return encoded, content_type
    if media_type == URLENCODED:
        return {"content": urlencode(pairs), "contentType": URLENCODED, "encoded": False}, URLENCODED
    return {"content": dict(pairs), "contentType": JSON, "encoded": False}, JSON


def body_rules(media_type: str, pairs: Pairs) -> dict[str, Rule]:
    """What of a body may differ from one request to the next."""
    rules: dict[str, Rule] = {}
    for name, value in pairs:
        path = f"$.{name}"
        if isinstance(value, Upload):
            kind = file_type(value.data)
            if kind is not None:
                rules[path] = matchers.media_type(media_type_of(kind))
        elif name in _URLS:
            rules[path] = matchers.same_type() if str(value)[:5].lower() == "data:" else matchers.regex(matchers.URL)
        elif name not in _SEEN_EXACTLY and value is not None:
            rules[path] = _same_kind(name, as_text=media_type != JSON)
    return rules


def addresses(pairs: Pairs) -> tuple[str, ...]:
    """The addresses that a provider has to fetch pictures from."""
    return tuple(str(value) for name, value in pairs if name in _URLS and str(value)[:5].lower() not in ("data:", ""))


def summary(pairs: Pairs) -> str:
    """A body in a few words: what two requests have in common that are alike."""
    return ", ".join(_in_words(name, value) for name, value in pairs)


def media_type_of(kind: FileType) -> str:
    """The media type of a kind of file."""
    return f"image/{kind.name.lower()}"


def _same_kind(name: str, *, as_text: bool) -> Rule:
    """A value of a field's type, however it is written there."""
    annotation = Wish.model_fields[name].annotation if name in Wish.model_fields else str
    kinds = {annotation, *get_args(annotation)}
    if int in kinds:
        return matchers.regex(matchers.DIGITS) if as_text else matchers.whole_number()
    if float in kinds:
        return matchers.regex(matchers.DECIMAL) if as_text else matchers.number()
    return matchers.same_type()


def _in_words(name: str, value: FieldValue) -> str:
    if isinstance(value, Upload):
        kind = file_type(value.data)
        return f"{name} ({'no picture' if kind is None else kind.value})"
    if name in _SEEN_EXACTLY:
        return f"{name}={value}"
    if name in _URLS and str(value)[:5].lower() == "data:":
        return f"{name} (data)"
    return name if value not in ("", None) else f"{name} (empty)"


def _parts(pairs: Pairs) -> Iterator[bytes]:
    for name, value in pairs:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
        if isinstance(value, Upload):
            # A temporary file's name differs from run to run, and decides nothing. Nor does a part's label: the
            # engine compares it all the same where there is one, whatever its rules say.
            head += f'; filename="{name}"'
            yield f"{head}\r\n\r\n".encode() + value.data + b"\r\n"
        else:
            yield f"{head}\r\n\r\n{value}\r\n".encode()
    yield f"--{BOUNDARY}--\r\n".encode()


def _clean(name: str, value: FieldValue) -> FieldValue:
    """An address without what may be somebody's secret: a user's name and password, and the query."""
    if name not in _URLS or not isinstance(value, str) or value[:5].lower() == "data:":
        return value
    try:
        parts = urlsplit(value)
    except ValueError:
        return value
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
