"""Which parts of a body may differ: the matching rules of a pact, for JSON and for forms.

Regular expressions are read by Onigmo here, and by Java and JavaScript elsewhere: they use only what all three have,
and match whole values.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, get_args
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import BaseModel

from outpaint.contracts import examples
from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.errors import ErrorBody, ErrorCode, ProblemDetails
from outpaint.contracts.examples import FILE_ID, INFERENCE_ID
from outpaint.contracts.requests import IMAGE_FIELDS, MASK_FIELDS, PLAIN_FIELDS, FieldValue, Upload, Wish
from outpaint.contracts.responses import Accepted, Balance, FailedJob, FinishedPicture, Result, UploadTicket
from outpaint.functions.http.bodies import JSON, MULTIPART, URLENCODED
from outpaint.painting.inputs.intake import file_type

Rule = dict[str, Any]
Described = tuple[Any, dict[str, Rule]]
"""An example, and the rules of its parts by path."""
Pairs = list[tuple[str, FieldValue]]
"""The fields of a form: name and value."""

API_KEY_EXAMPLE: Final = "YOUR-API-KEY"
"""What every file has in place of the consumer's key."""
JOB_ID: Final = INFERENCE_ID
COUNTER: Final = 42
IDEMPOTENCY_KEY_EXAMPLE: Final = "3f1d8a52-6a0e-4b7e-9d1b-6d2c9f0b7a11"
SIGNATURE: Final = "4f" * 32

ID: Final = "[0-9A-Za-z-]+"
URL: Final = "https?://[^ ]+"
DATE_TIME: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
DIGITS: Final = "[0-9]+"
DECIMAL: Final = "-?[0-9]+([.][0-9]+)?"
VISIBLE: Final = "[!-~]+"
WITH_BOUNDARY: Final = "multipart/form-data;.*boundary=.+"

BOUNDARY: Final = "outpaint-pact-boundary"
_URLS: Final = frozenset(name for kinds in (IMAGE_FIELDS, MASK_FIELDS) for name, kind in kinds.items() if kind == "url")
_EXACT_FIELDS: Final = frozenset(
    {*(name for name in Wish.model_fields if Wish.about(name).decides_answer), "mode", "content_type"}
)
_ORDER: Final = (*IMAGE_FIELDS, *MASK_FIELDS, *PLAIN_FIELDS, "content_type")
_EXACT_TEXTS: Final = frozenset({"message", "title", "type", "field"})
"""The members whose texts are promised; other texts may differ."""
_EXACT_NUMBERS: Final = frozenset({"code", "status"})
# For people, and different from one provider to the next.
_LEFT_OUT: Final = frozenset({"warnings", "instance"})
_JOB_IDS: Final = frozenset({"inference_id", "transaction_id"})


def file_id(extension: str) -> str:
    """An example of a finished picture's id."""
    return f"{FILE_ID.partition('.')[0]}.{extension}"


def regex(pattern: str) -> Rule:
    """The whole value matches a regular expression."""
    return matcher("regex", regex=pattern)


def matcher(kind: str, **options: Any) -> Rule:
    """A rule of one matcher: `type` and `values` by the example, `integer`, `number`, `boolean`, `contentType`, ..."""
    return {"combine": "AND", "matchers": [{"match": kind, **options}]}


def from_state(expression: str) -> dict[str, Any]:
    """The verifier puts in what the provider state gave: `${api_key}`, `${inference_id}`, ..."""
    return {"type": "ProviderState", "expression": expression, "dataType": "STRING"}


def model_of(status: int, body: dict[str, Any]) -> type[BaseModel] | None:
    """The model that a JSON answer is made by; None where no contract knows its shape."""
    word = body.get("status")
    if status >= 400:
        return ProblemDetails if isinstance(word, int) else ErrorBody
    if "credits" in body:
        return Balance
    if "fields" in body:
        return UploadTicket
    if status == 202:
        return Accepted
    by_word: dict[str, type[BaseModel]] = {"success": Result, "error": FailedJob}
    return by_word.get(str(word))


def described(model: type[BaseModel], body: dict[str, Any], path: str = "$") -> Described:
    """The example that a file has for a body, and the rules of all its members by path.

    Words and codes are kept as they came, because they are promised; ids, URLs, times, counters and sentences are
    matched by pattern or type, and replaced by an example of the contract's.
    """
    example: dict[str, Any] = {}
    rules: dict[str, Rule] = {}
    for name, field in model.model_fields.items():
        if name not in body or name in _LEFT_OUT:
            continue
        annotation: Any = field.annotation
        value, found = _member(name, annotation, body[name], body, f"{path}.{name}")
        example[name] = value
        rules |= found
    return example, rules


def _member(name: str, annotation: Any, value: Any, body: dict[str, Any], path: str) -> Described:
    if value is None or name in _EXACT_TEXTS or (name in _EXACT_NUMBERS and isinstance(value, int)):
        return value, {}
    if isinstance(value, list):
        return _list(value, path)
    if isinstance(value, dict):
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return described(annotation, value, path)
        return {"key": "value"}, {path: matcher("values"), f"{path}.*": matcher("type")}
    if isinstance(value, bool):
        return value, {path: matcher("boolean")}
    if isinstance(value, int):
        return COUNTER, {path: matcher("integer")}
    if isinstance(value, float):
        return 0.5, {path: matcher("number")}
    return _text(name, annotation, str(value), body, path)


def _text(name: str, annotation: Any, value: str, body: dict[str, Any], path: str) -> Described:
    if annotation is datetime:
        return "2026-01-02T00:00:00Z", {path: regex(DATE_TIME)}
    if name in _JOB_IDS:
        return JOB_ID, {path: regex(ID)}
    if name == "id":
        extension = value.rpartition(".")[2]
        return file_id(extension), {path: regex(f"{ID}[.]{extension}")}
    if name == "url":
        return "https://pictures.example.com/finished", {path: regex(URL)}
    if name == "detail":
        # The vendor has no typed codes; its message is the same for each status.
        code = body.get("error_code")
        example = str(body.get("message", "it was refused")) if code is None else examples.error(ErrorCode(code)).detail
        return example, {path: matcher("type")}
    if isinstance(annotation, type) and issubclass(annotation, StrEnum) and name == "source":
        # Whether alpha or a mask was read depends on the picture behind an address.
        return value, {path: regex("|".join(annotation))}
    if name in ("name", "model"):
        return "any", {path: matcher("type")}
    return value, {}


def _list(value: list[Any], path: str) -> Described:
    if not value:
        return [], {}
    item, rules = described(FinishedPicture, value[0], f"{path}[*]")
    return [item], {path: matcher("type", min=len(value), max=len(value)), **rules}


def known_pairs(fields: dict[str, list[FieldValue]]) -> Pairs:
    """The fields of the contract, in a fixed order; addresses without credentials."""
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
    """The rules for the fields that may differ from one request to the next."""
    rules: dict[str, Rule] = {}
    for name, value in pairs:
        path = f"$.{name}"
        if isinstance(value, Upload):
            kind = file_type(value.data)
            if kind is not None:
                rules[path] = matcher("contentType", value=f"image/{kind.name.lower()}")
        elif name in _URLS:
            rules[path] = matcher("type") if DataUri.begins(str(value)) else regex(URL)
        elif name not in _EXACT_FIELDS and value is not None:
            rules[path] = _same_kind(name, as_text=media_type != JSON)
    return rules


def addresses(pairs: Pairs) -> tuple[str, ...]:
    """The addresses that a provider has to fetch pictures from."""
    return tuple(str(value) for name, value in pairs if name in _URLS and value and not DataUri.begins(str(value)))


def body_summary(pairs: Pairs) -> str:
    """A body in words; two requests are alike if these are the same."""
    return ", ".join(_in_words(name, value) for name, value in pairs)


def _same_kind(name: str, *, as_text: bool) -> Rule:
    """The rule for any value of a field's type, as text or as JSON."""
    annotation = Wish.model_fields[name].annotation if name in Wish.model_fields else str
    kinds = {annotation, *get_args(annotation)}
    if int in kinds:
        return regex(DIGITS) if as_text else matcher("integer")
    if float in kinds:
        return regex(DECIMAL) if as_text else matcher("number")
    return matcher("type")


def _in_words(name: str, value: FieldValue) -> str:
    if isinstance(value, Upload):
        kind = file_type(value.data)
        return f"{name} ({'no picture' if kind is None else kind.value})"
    if name in _EXACT_FIELDS:
        return f"{name}={value}"
    if name in _URLS and DataUri.begins(str(value)):
        return f"{name} (data)"
    return name if value not in ("", None) else f"{name} (empty)"


def _parts(pairs: Pairs) -> Iterator[bytes]:
    for name, value in pairs:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
        if isinstance(value, Upload):
            # A temporary file's name differs from run to run, and decides nothing. Nor does a part's Content-Type,
            # which Pact's engine compares where there is one, whatever the rules say.
            head += f'; filename="{name}"'
            yield f"{head}\r\n\r\n".encode() + value.data + b"\r\n"
        else:
            yield f"{head}\r\n\r\n{value}\r\n".encode()
    yield f"--{BOUNDARY}--\r\n".encode()


def _clean(name: str, value: FieldValue) -> FieldValue:
    """An address without what may be secret: user name, password and query."""
    if isinstance(value, DataUri):
        return value.text
    if name not in _URLS or not isinstance(value, str) or DataUri.begins(value):
        return value
    try:
        parts = urlsplit(value)
    except ValueError:
        return value
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
