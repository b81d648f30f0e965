"""The two profiles of the wire: all that this service reads and sends, and what the vendor's API does of it.

What is ours alone is declared beside it: members of bodies by `OURS` in their `Annotated`, request fields by
`About.ours`, headers in `VENDOR_ANSWER_HEADERS` and `OUR_REQUEST_HEADERS`, spellings in `LENIENCIES`. The functions
here read those declarations; docs/facts/wire.md#responses and docs/facts/wire.md#headers are their source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from outpaint.contracts.paths_and_headers import OUR_REQUEST_HEADERS, VENDOR_ANSWER_HEADERS

Header = tuple[str, str]


class WireProfile(StrEnum):
    """Whose API is played, or demanded of a provider."""

    OURS = "ours"
    """All of the contract, our extensions and decisions too."""
    VENDOR = "vendor"
    """What the vendor sends, reads and promises, and the standards that it keeps to."""


@dataclass(frozen=True, slots=True)
class VendorSends:
    """Part of a member's `Annotated`: with which statuses the vendor's answers have it.

    `only` are those statuses, None for any; `never` are taken away from them. A member without this is always there.
    """

    only: frozenset[int] | None = None
    never: frozenset[int] = frozenset()

    def at(self, status: int) -> bool:
        """Whether the vendor's answer with this status has the member."""
        return (self.only is None or status in self.only) and status not in self.never

    def __str__(self) -> str:
        if self.only is not None:
            return f"yes, with {_listed(self.only)} alone" if self.only else "no"
        return f"yes, but not with {_listed(self.never)}" if self.never else "yes"


OURS: Final = VendorSends(only=frozenset())
"""The mark of a member that the vendor never sends."""
_ALWAYS: Final = VendorSends()


def vendor_sends(field: FieldInfo) -> VendorSends:
    """What is declared of a model's field."""
    return next((mark for mark in field.metadata if isinstance(mark, VendorSends)), _ALWAYS)


def vendor_body(body: BaseModel, status: int) -> dict[str, Any]:
    """The members of an answer's body that the vendor sends with this status, as JSON values."""
    return _members(body, body.model_dump(mode="json"), status)


def _members(model: BaseModel, dumped: dict[str, Any], status: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        if not vendor_sends(field).at(status):
            continue
        value, shown = getattr(model, name), dumped[name]
        if isinstance(value, BaseModel):
            shown = _members(value, shown, status)
        elif isinstance(value, tuple):
            shown = [
                _members(one, plain, status) if isinstance(one, BaseModel) else plain
                for one, plain in zip(value, shown, strict=True)
            ]
        kept[name] = shown
    return kept


def vendor_members(model: type[BaseModel]) -> Iterator[str]:
    """`member` and `member[].member` for every member of a model that the vendor sends with any status."""
    for name, field in model.model_fields.items():
        if vendor_sends(field).only == frozenset():
            continue
        yield name
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from (f"{name}[].{path}" for path in vendor_members(inner))


class WarningCode(StrEnum):
    """What a sentence of `X-Outpaint-Warning` is about."""

    UNKNOWN_FIELDS = "unknown_fields"
    PATH_SLASH = "path_slash"
    FORMAT_WORD = "format_word"


@dataclass(frozen=True, slots=True)
class RequestWarning:
    """A sentence of `X-Outpaint-Warning`: what of a request was ignored, or was read though it is spelled otherwise."""

    code: WarningCode
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Leniency:
    """A spelling that is not the API's: what it is, and the status with which the profile `vendor` refuses it."""

    what: str
    refused_with: int


LENIENCIES: Final = {
    WarningCode.PATH_SLASH: Leniency("a slash at the end of a path", 404),
    WarningCode.FORMAT_WORD: Leniency("`JPEG` in place of `JPG`", 422),
}
"""What the profile `ours` takes with a warning of this code, although the API spells it otherwise."""


def sent_headers(headers: Iterable[Header], profile: WireProfile) -> tuple[Header, ...]:
    """An answer's headers without those that the profile does not send."""
    if profile is WireProfile.OURS:
        return tuple(headers)
    return tuple((name, value) for name, value in headers if name.lower() in VENDOR_ANSWER_HEADERS)


def read_headers(headers: Iterable[Header], profile: WireProfile) -> tuple[Header, ...]:
    """A request's headers, by lower-case names, without those that mean nothing in the profile."""
    if profile is WireProfile.OURS:
        return tuple(headers)
    return tuple((name, value) for name, value in headers if name not in OUR_REQUEST_HEADERS)


def _listed(statuses: Iterable[int]) -> str:
    return " and ".join(map(str, sorted(statuses)))
