"""Reads urlencoded bodies into fields, large ones piece by piece."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, unquote_to_bytes

from outpaint.contracts.data_uris import PIECE, SCHEME, PercentDecoder
from outpaint.contracts.requests import MAY_BE_DATA_URI, FieldValue
from outpaint.functions.http.field_values import (
    MAX_FIELDS,
    WHOLE_BYTES,
    FieldText,
    body_pieces,
    explained,
    malformed,
    utf_8,
    whole_body,
)
from outpaint.functions.http.messages import Body

MAX_NAME_BYTES: Final = 8 * 1024
"""Bytes of a field's name as it is sent."""
_PLUS_IS_BLANK: Final = bytes.maketrans(b"+", b" ")


def read_urlencoded(body: Body) -> dict[str, list[FieldValue]]:
    """The fields of a form in the order they came, as `urllib.parse.parse_qsl` reads it, blank values included.

    Raises `OutpaintError`: MALFORMED_BODY for text that is not percent-encoded UTF-8, more than `MAX_FIELDS` fields or
    a name of more than `MAX_NAME_BYTES`; INVALID_PARAMETER for a value over `MAX_TEXT_BYTES` that is no picture.

    One thing differs: in a `data:` URI that was sent without percent-encoding a plus is a plus. It is a letter of
    base64, and who writes blanks as pluses escapes the colon too (URL standard, 5.2).
    """
    if len(body) > WHOLE_BYTES:
        return read_urlencoded_pieces(body)
    body = whole_body(body)
    return read_urlencoded_pieces(body) if b"=" + SCHEME in body.lower() else _read_whole(body)


def _read_whole(body: bytes) -> dict[str, list[FieldValue]]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise _not_text() from None
    except ValueError:
        raise _too_many() from None
    mistake = explained(body)
    if mistake is not None:
        raise malformed(mistake)
    fields: dict[str, list[FieldValue]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def read_urlencoded_pieces(body: Body) -> dict[str, list[FieldValue]]:
    """`read_urlencoded`, whatever the size: no more is held than the fields that were read, and one piece."""
    form, fields = _Form(), 1
    for piece in body_pieces(body):
        if not piece.isascii():
            raise _not_text()
        fields += piece.count(b"&")
        if fields > MAX_FIELDS:
            raise _too_many()
        first, *others = piece.split(b"&")
        form.feed(first)
        for other in others:
            form.end_pair()
            form.feed(other)
    form.end_pair()
    return form.fields


class _Form:
    """The pairs of a form, whose text comes cut anywhere."""

    def __init__(self) -> None:
        self.fields: dict[str, list[FieldValue]] = {}
        self._name = b""
        self._text: FieldText | None = None
        self._start: bytes | None = b""
        """What came of a value, while it is too short to tell whether it is a bare URI."""
        self._is_bare = False
        self._percent = PercentDecoder()

    def feed(self, part: bytes) -> None:
        """The next bytes, none of them '&'."""
        if self._text is None:
            name, equals, part = part.partition(b"=")
            self._name += name
            if len(self._name) > MAX_NAME_BYTES:
                raise malformed(f"the form has a field whose name has more than {MAX_NAME_BYTES} bytes")
            if not equals:
                return
            self._text = FieldText(self._decoded_name())
        if self._start is not None:
            self._start += part
            if len(self._start) < len(SCHEME):
                return
            part, self._start = self._start, None
            self._is_bare = part[: len(SCHEME)].lower() == SCHEME and self._decoded_name() in MAY_BE_DATA_URI
        self._feed_text(self._text, part)

    def _feed_text(self, text: FieldText, part: bytes) -> None:
        if not self._is_bare:
            part = part.translate(_PLUS_IS_BLANK)
        for start in range(0, len(part), PIECE):
            text.feed(self._percent.feed(part[start : start + PIECE]))
            if self._percent.is_wasteful:
                raise malformed("the form is percent-encoded where it need not be")

    def end_pair(self) -> None:
        """The pair has been read."""
        text, self._text = self._text, None
        if text is not None or self._name:
            name = self._decoded_name()
            if text is not None:
                self._feed_text(text, self._start or b"")
                text.feed(self._percent.end())
            self.fields.setdefault(name, []).append("" if text is None else text.end())
        self._name, self._percent = b"", PercentDecoder()
        self._start, self._is_bare = b"", False

    def _decoded_name(self) -> str:
        return utf_8(unquote_to_bytes(self._name.translate(_PLUS_IS_BLANK)), "a field's name")


def _not_text() -> Exception:
    return malformed("the form is not percent-encoded UTF-8 text")


def _too_many() -> Exception:
    return malformed(f"the form has more than {MAX_FIELDS} fields")
