"""What comparing two OpenAPI documents rests on: the changes as they are found, and when two parts are the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

from outpaint.conformance.diff.canonical_schema import Raw, Schemas
from outpaint.conformance.diff.diff_rules import Change, rule
from outpaint.conformance.diff.schema_diff import SchemaComparison, SchemaDifference

Node = Mapping[str, Any]
"""A JSON object of a document."""
Side = Literal["request", "response"]
REQUEST: Final = "request"
RESPONSE: Final = "response"

# What the members of a side's schemas are marked with that are no part of it.
_HIDES: Final[Mapping[Side, str]] = {REQUEST: "readOnly", RESPONSE: "writeOnly"}
# A parameter of a media type with its value, which may be quoted (RFC 9110, 5.6.6).
_TYPE_PARAMETER: Final = re.compile(r';\s*([^=;\s]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')


class DocumentComparer:
    """Two documents, and the changes between them as they are found."""

    def __init__(self, old: Node, new: Node) -> None:
        self.operation = ""
        self.changes: Final[list[Change]] = []
        self._schemas: Final = {
            side: (Schemas(old, hides=keyword), Schemas(new, hides=keyword)) for side, keyword in _HIDES.items()
        }
        self._comparisons: Final = {side: SchemaComparison(*both) for side, both in self._schemas.items()}
        # A reference leads to the same part on either side.
        self.old: Final = self._schemas[REQUEST][0]
        self.new: Final = self._schemas[REQUEST][1]

    def schemas(self, side: Side) -> tuple[Schemas, Schemas]:
        """The old and the new document's schemas, as one side has them."""
        return self._schemas[side]

    def add(self, code: str, place: str = "", *, field: str = "", was: str = "", is_: str = "") -> None:
        """A change in the operation that is being compared, judged by its rule."""
        judged = rule(code)
        self.changes.append(
            Change(
                code=judged.code,
                verdict=judged.verdict,
                operation=self.operation,
                place=place,
                field=field,
                was=was,
                is_=is_,
                why=judged.why,
            )
        )

    def differences(self, side: Side, old: Raw, new: Raw) -> list[SchemaDifference]:
        """The differences between two schemas, as one side has them."""
        return self._comparisons[side].differences(old, new)

    def add_differences(self, side: Side, place: str, differences: Iterable[SchemaDifference]) -> None:
        """A change for each difference, judged from its side."""
        for one in differences:
            self.add(f"{side}.{one.kind}", place, field=one.field, was=one.was, is_=one.is_)

    def compare_schemas(self, side: Side, place: str, old: Node, new: Node) -> None:
        """The changes between the schemas of two parameters, headers or bodies; without one, anything is allowed."""
        self.add_differences(side, place, self.differences(side, old.get("schema", True), new.get("schema", True)))


def pairs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Every name in either, with its old and its new value or None; the old one's order first."""
    return [(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]


def need(node: Node) -> str:
    """`required` or `optional`."""
    return "required" if node.get("required") else "optional"


def json_text(value: object) -> str:
    """JSON in one form, to be compared and shown."""
    return json.dumps(value, sort_keys=True)


def without_notes(node: Node, *others: str) -> dict[str, Any]:
    """A node without its description, its extensions and these other members."""
    return {
        name: value
        for name, value in node.items()
        if name not in ("description", *others) and not name.startswith("x-")
    }


@lru_cache(maxsize=1024)
def media_type(name: str) -> str:
    """A media type in one form: case, blanks, quotes, the order of parameters and `charset` do not count.

    JSON has no charset (RFC 8259, 11), and a form's is UTF-8 whatever a label says (WHATWG URL, 5.1).
    """
    parameters = {
        found[1].lower(): re.sub(r"\\(.)", r"\1", found[2].strip().removeprefix('"').removesuffix('"'))
        for found in _TYPE_PARAMETER.finditer(name)
    }
    parameters.pop("charset", None)
    whole = re.sub(r"\s", "", name.partition(";")[0]).lower()
    return "".join([whole, *(f";{key}={value}" for key, value in sorted(parameters.items()))])


def by_media_type(body: Node) -> dict[str, Node]:
    """The content of a body by its media types, each in one form."""
    return {media_type(name): media for name, media in body.get("content", {}).items()}


def includes(declared: str, other: str) -> bool:
    """Whether a media type or range, in the form of `media_type`, includes another."""
    whole = other.partition(";")[0]
    return declared in (other, whole, f"{whole.partition('/')[0]}/*", "*/*")


def only_media(node: Node) -> Node:
    """The one media type of a parameter or header that has `content`; any other, as it is."""
    media: Node = next(iter(node.get("content", {}).values()), node)
    return media
