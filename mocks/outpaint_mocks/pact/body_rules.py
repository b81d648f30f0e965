"""Answers' bodies by the contract's models: an example of each member, and the rule by which it matches."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from outpaint_contracts import examples
from outpaint_contracts.errors import ErrorBody, ErrorCode, ProblemDetails
from outpaint_contracts.responses import Accepted, Balance, FailedJob, Result, UploadTicket
from pydantic import BaseModel

from outpaint_mocks.pact import matchers
from outpaint_mocks.pact.matchers import Rule

Described = tuple[Any, dict[str, Rule]]

# Words of the wire that mean something by themselves; all other text is only text.
_SAID_EXACTLY: Final = frozenset({"message", "title", "type", "field"})
_NUMBERS_SAID: Final = frozenset({"code", "status"})
# For people, and different from one provider to the next.
_LEFT_OUT: Final = frozenset({"warnings", "instance"})
_JOB_IDS: Final = frozenset({"inference_id", "transaction_id"})


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
    """The example that stands in the file for a body, and the rules of all its members by path.

    Words and codes stand as they came, for they are promised; ids, URLs, times, counters and sentences are matched
    by pattern or type, and an example of the contract's stands in for them.
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
    if value is None or name in _SAID_EXACTLY or (name in _NUMBERS_SAID and isinstance(value, int)):
        return value, {}
    if isinstance(value, list):
        return _list(value, path)
    if isinstance(value, dict):
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return described(annotation, value, path)
        return {"key": "value"}, {path: matchers.each_value(), f"{path}.*": matchers.same_type()}
    if isinstance(value, bool):
        return value, {path: matchers.truth()}
    if isinstance(value, int):
        return matchers.COUNTER, {path: matchers.whole_number()}
    if isinstance(value, float):
        return 0.5, {path: matchers.number()}
    return _text(name, annotation, str(value), body, path)


def _text(name: str, annotation: Any, value: str, body: dict[str, Any], path: str) -> Described:
    if annotation is datetime:
        return matchers.TIME, {path: matchers.regex(matchers.DATE_TIME)}
    if name in _JOB_IDS:
        return matchers.JOB_ID, {path: matchers.regex(matchers.ID)}
    if name == "id":
        extension = value.rpartition(".")[2]
        return matchers.file_id(extension), {path: matchers.regex(f"{matchers.ID}[.]{extension}")}
    if name == "url":
        return "https://pictures.example.com/finished", {path: matchers.regex(matchers.URL)}
    if name == "detail":
        return _sentence(body), {path: matchers.same_type()}
    if isinstance(annotation, type) and issubclass(annotation, StrEnum) and name == "source":
        # What a picture behind an address is read from is that picture's affair.
        return value, {path: matchers.regex("|".join(annotation))}
    if name in ("name", "model"):
        return "any", {path: matchers.same_type()}
    return value, {}


def _list(value: list[Any], path: str) -> Described:
    if not value:
        return [], {}
    from outpaint_contracts.responses import FinishedPicture

    item, rules = described(FinishedPicture, value[0], f"{path}[*]")
    return [item], {path: matchers.each_like(len(value)), **rules}


def _sentence(body: dict[str, Any]) -> str:
    return examples.error(ErrorCode(body["error_code"])).detail
