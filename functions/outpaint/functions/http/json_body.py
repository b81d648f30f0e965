"""Reads JSON bodies into fields: pictures in large ones are cut out as they come, and `json` parses what is left."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from outpaint.contracts.data_uris import SCHEME, DataUri
from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.requests import KNOWN_FIELDS, MAY_BE_DATA_URI, FieldValue
from outpaint.functions.http.field_values import (
    LOOKED_AT,
    MAX_FIELDS,
    MAX_TEXT_BYTES,
    WHOLE_BYTES,
    FieldText,
    body_pieces,
    explained,
    malformed,
    text_too_long,
    whole_body,
)
from outpaint.functions.http.messages import Body

MAX_DEPTH: Final = 64
"""Lists and objects within each other, the body's own object counted."""
MAX_BYTES: Final = 512 * 1024
"""Bytes of a body without its pictures: two of the longest texts, each character escaped, and room around them."""
MAX_NESTED_BYTES: Final = WHOLE_BYTES
"""Bytes of all lists and objects in it, which no field takes: parsed, they would take fifty times as many."""
MAX_CONTAINERS: Final = 10_000
"""Lists and objects in a body of another API: parsed, they take thirty times the memory that their text does."""

_LONGEST_ESCAPE: Final = 6
_STRUCTURE: Final = re.compile(rb'["\[\]{},:]')
# All that stands in a string, no escape cut in two; it ends before the closing quote or before an escape that is cut.
_IN_STRING: Final = re.compile(rb'(?:[^"\\]+|\\[^u]|\\u[0-9A-Fa-f]{4})*+', re.DOTALL)
# Blanks and controls, which may stand before an address.
_AROUND_IN_STRING: Final = re.compile(rb"(?: |\\[bfnrt]|\\u00[01][0-9A-Fa-f]|\\u0020){0,64}+")
_HALF_A_PAIR: Final = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
_CONTROLS: Final = bytes(range(0x20))


def read_json(body: Body, known: frozenset[str] = KNOWN_FIELDS) -> dict[str, list[FieldValue]]:
    """The members of a JSON object in the order they came; an unknown one's list or object counts as None.

    Raises `OutpaintError`: MALFORMED_BODY for what is no JSON object, for more than `MAX_FIELDS` members, and beyond
    `MAX_DEPTH`, `MAX_BYTES` and `MAX_NESTED_BYTES`; INVALID_PARAMETER for a known field that has a list or an object,
    and for a text over `MAX_TEXT_BYTES` that is no picture.
    """
    if len(body) <= WHOLE_BYTES:
        whole = whole_body(body)
        if whole.count(b"{") + whole.count(b"[") <= MAX_DEPTH:
            return _fields(whole, {}, [], known)
        body = whole
    return read_json_pieces(body, known)


def read_json_pieces(body: Body, known: frozenset[str] = KNOWN_FIELDS) -> dict[str, list[FieldValue]]:
    """`read_json`, whatever the size: no more is held than its pictures, `MAX_BYTES` of text, and one piece."""
    outline = _Outline(body)
    outline.read()
    return _fields(outline.text, outline.pictures, outline.cuts, known)


def parsed_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body that is read for another API than the service's.

    Raises `OutpaintError` MALFORMED_BODY for what is none, and for more than `MAX_CONTAINERS` lists and objects.
    """
    if body.count(b"{") + body.count(b"[") > MAX_CONTAINERS:
        raise malformed(f"the body has more than {MAX_CONTAINERS} lists and objects")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise malformed(f"the body is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise malformed("the body is no JSON object")
    return content


def refuse_constant(name: str) -> NoReturn:
    """For `json.loads`: raises `ValueError` for NaN and the infinities."""
    raise ValueError(f"{name} is not JSON")


class _Members(list[tuple[str, object]]):
    """A JSON object with its members in order, repeated names included."""


def _fields(
    text: bytes | bytearray,
    pictures: Mapping[int, FieldValue],
    cuts: list[tuple[int, int]],
    known: frozenset[str],
) -> dict[str, list[FieldValue]]:
    """The fields of JSON text; `pictures` are the values of members by their place, which it has as empty strings."""
    try:
        document = json.loads(text.decode("utf-8"), object_pairs_hook=_Members, parse_constant=refuse_constant)
    except UnicodeDecodeError:
        raise _not_utf_8() from None
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        mistake = explained(bytes(text[:LOOKED_AT]))
        if mistake is not None:
            raise malformed(mistake) from None
        raise _broken(error.msg, error.pos + sum(length for place, length in cuts if place <= error.pos)) from None
    except ValueError as error:
        # A whole number of more digits than Python converts, or a constant that was refused.
        raise malformed(f"the JSON body cannot be parsed: {str(error)[:100]}") from None
    if not isinstance(document, _Members):
        raise malformed('the JSON body must be an object, such as {"image_url": "...", "prompt": "..."}')
    if len(document) > MAX_FIELDS:
        raise _too_many()
    fields: dict[str, list[FieldValue]] = {}
    for place, (name, value) in enumerate(document):
        if place in pictures:
            fields.setdefault(name, []).append(pictures[place])
            continue
        plain = value if value is None or isinstance(value, str | int | float | bool) else None
        # An unknown name may have any value; the name is reported, the value ignored.
        if plain is not value and name in known:
            raise OutpaintError.wrong_value(name, "<nested>", "send a plain value")
        if isinstance(plain, str) and _is_too_long(plain):
            raise text_too_long(name)
        fields.setdefault(name, []).append(plain)
    return fields


def _is_too_long(text: str) -> bool:
    if 4 * len(text) <= MAX_TEXT_BYTES or DataUri.begins(text):  # a short body's picture, which has no reader
        return False
    return len(text) > MAX_TEXT_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES


class _Outline:
    """Goes through a JSON text once, and takes apart what would be too much for a parser.

    `text` is the JSON without the pictures in `data:` URIs, where an empty string stands for each; `pictures` has them
    by the place of their member. `cuts` are places in `text` and the bytes left out there. Whether it is JSON is not
    judged here.
    """

    def __init__(self, body: Body) -> None:
        self.text = bytearray()
        self.pictures: dict[int, FieldValue] = {}
        self.cuts: list[tuple[int, int]] = []
        self._pieces = body_pieces(body)
        self._buffer = b""
        self._at = 0
        self._depth = 0
        self._member = 0
        self._nested_bytes = 0
        self._string = b""
        """The latest string that may be a member's name, in quotes."""
        self._name: str | None = None
        """The name of the member whose value comes next; None where a name does."""

    def read(self) -> None:
        """Read to the body's end; raises `OutpaintError` for what is beyond a limit."""
        while True:
            found = _STRUCTURE.search(self._buffer, self._at)
            self._take(len(self._buffer) if found is None else found.end())
            if found is None:
                if not self._more():
                    return
                continue
            mark = found[0]
            if mark == b'"':
                self._read_string()
            elif mark in b"{[":
                self._depth += 1
                if self._depth > MAX_DEPTH:
                    raise _too_deep()
            elif mark in b"]}":
                self._depth -= 1
            elif self._depth == 1:
                self._between(mark)

    def _between(self, mark: bytes) -> None:
        """A colon or a comma of the outermost object."""
        if mark == b",":
            self._name = None
            self._member += 1
            if self._member >= MAX_FIELDS:
                raise _too_many()
            return
        try:
            name = json.loads(self._string)
        except ValueError:  # the parser will say so
            name = ""
        self._name = name if isinstance(name, str) else ""

    def _read_string(self) -> None:
        """A string, after its opening quote."""
        if self._depth == 1 and self._name in MAY_BE_DATA_URI and self._is_picture():
            self._read_picture(self._name or "")
            return
        began = len(self.text) - 1
        is_value = self._depth == 1 and self._name is not None
        while True:
            part, closed = self._string_part()
            if is_value and len(self.text) - began + len(part) > _LONGEST_ESCAPE * MAX_TEXT_BYTES:
                raise text_too_long(self._name or "")
            self._keep(part)
            if closed:
                self._take(self._at + 1)
                break
            if not self._more():
                return
        if self._depth == 1 and self._name is None:
            self._string = bytes(self.text[began:])

    def _is_picture(self) -> bool:
        """Whether the string that comes is a `data:` URI."""
        length = _LONGEST_ESCAPE * len(SCHEME)
        while len(self._buffer) - self._behind_blanks() < length and self._more():
            pass
        begin = self._behind_blanks()
        start = _IN_STRING.match(self._buffer, begin, begin + length)
        assert start is not None
        try:
            return DataUri.begins(_unescaped(start[0].decode("utf-8", "replace")))
        except ValueError:
            return False

    def _behind_blanks(self) -> int:
        """Where the string begins that comes, without what browsers drop before an address."""
        blanks = _AROUND_IN_STRING.match(self._buffer, self._at)
        assert blanks is not None
        return blanks.end()

    def _read_picture(self, name: str) -> None:
        """A `data:` URI, of which the text keeps nothing."""
        value, decoder, length = FieldText(name), codecs.getincrementaldecoder("utf-8")(), 0
        while True:
            part, closed = self._string_part()
            try:
                if not part.isascii() or b"\\" in part or decoder.getstate()[0]:
                    part = _unescaped(decoder.decode(part, closed)).encode("utf-8", "replace")
                elif len(part.translate(None, _CONTROLS)) < len(part):
                    raise json.JSONDecodeError("Invalid control character", "", 0)
            except UnicodeDecodeError:
                raise _not_utf_8() from None
            except json.JSONDecodeError as error:
                raise _broken(error.msg, len(self.text) + sum(cut for _, cut in self.cuts) + length) from None
            value.feed(part)
            length += len(part)
            if closed:
                self.cuts.append((len(self.text), length))
                self._take(self._at + 1)
                self.pictures[self._member] = value.end()
                return
            if not self._more():
                return

    def _string_part(self) -> tuple[bytes, bool]:
        """As much of a string as is there, whole escapes alone, and whether its closing quote is next."""
        start, end = self._at, self._buffer.find(b'"', self._at)
        if end < 0:
            end = len(self._buffer)
        if self._buffer.find(b"\\", start, end) >= 0:
            found = _IN_STRING.match(self._buffer, start)
            assert found is not None
            end = found.end()
        closed = self._buffer[end : end + 1] == b'"'
        if not closed and end == start and len(self._buffer) - start >= _LONGEST_ESCAPE:
            end = start + 2  # no escape: the parser will say so
        elif not closed and (half := _HALF_A_PAIR.search(self._buffer, max(start, end - 6), end)):
            end = half.start()
        self._at = end
        return self._buffer[start:end], closed

    def _take(self, end: int) -> None:
        """Keep the buffer's bytes up to a place."""
        start, self._at = self._at, end
        self._keep(self._buffer[start:end])

    def _keep(self, part: bytes) -> None:
        self.text += part
        if self._depth > 1:
            self._nested_bytes += len(part)
            if self._nested_bytes > MAX_NESTED_BYTES:
                raise malformed(f"the JSON body has more than {MAX_NESTED_BYTES} bytes of lists and objects")
        if len(self.text) > MAX_BYTES:
            raise malformed(f"the JSON body has more than {MAX_BYTES} bytes besides its pictures")

    def _more(self) -> bool:
        """Read on; whether there was more."""
        piece = next(self._pieces, None)
        if piece is None:
            # What is left of a string that never ends.
            self._take(len(self._buffer))
            return False
        self._buffer, self._at = self._buffer[self._at :] + piece, 0
        return True


def _unescaped(text: str) -> str:
    """What stands in a JSON string; raises `json.JSONDecodeError`."""
    return str(json.loads(f'"{text}"'))


def _broken(reason: str, place: int) -> OutpaintError:
    return malformed(f"the JSON body cannot be parsed: {reason[:1].lower() + reason[1:]} at character {place}")


def _not_utf_8() -> OutpaintError:
    return malformed("the JSON body is not UTF-8")


def _too_deep() -> OutpaintError:
    return malformed("the JSON body is nested too deeply")


def _too_many() -> OutpaintError:
    return malformed(f"the JSON body has more than {MAX_FIELDS} members")
