"""What bodies of every kind have in common: how much of a field is taken, and how its text is read piece by piece."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from outpaint.contracts.data_uris import AROUND, SCHEME, DataUri, DataUriReader
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.requests import MAX_TEXT_LENGTH, MAY_BE_DATA_URI, FieldValue
from outpaint.functions.http.messages import PIECE_BYTES, Body

MAX_FIELDS: Final = 64
"""Fields of one body, known or not."""
MAX_TEXT_BYTES: Final = 4 * MAX_TEXT_LENGTH
"""Bytes of one field's text in UTF-8, unless it is a picture in a `data:` URI: the longest prompt has as many."""
LOOKED_AT: Final = 512
"""Bytes at the beginning of a body by which a common mistake is known."""
WHOLE_BYTES: Final = 64 * 1024
"""A body of at most so many bytes is read in one piece, which takes no time to speak of."""


def malformed(detail: str, field: str | None = None) -> OutpaintError:
    """400: the body is not what its content type says."""
    return OutpaintError(ErrorCode.MALFORMED_BODY, detail, field=field)


def explained(start: bytes, boundary: bytes = b"") -> str | None:
    """The sentence for a body that begins as those of a common mistake do; None for any other."""
    if start.startswith(b"[object "):
        shown = start.partition(b"]")[0].decode("ascii", "replace")[:40]
        return f"the body is the text {shown}]: pass a FormData to fetch as it is, and an object by JSON.stringify"
    if boundary and start.lstrip(b"\r\n").startswith(b"--" + boundary + b"\n"):
        return "the lines of the multipart body end in LF alone: end them in CR LF (RFC 2046, 4.1.1)"
    return None


def text_too_long(name: str) -> OutpaintError:
    """422: a field's text has more than `MAX_TEXT_BYTES`."""
    return OutpaintError.wrong_value(
        name, f"<more than {MAX_TEXT_BYTES} bytes>", f"a text field has at most {MAX_TEXT_BYTES} bytes"
    )


def body_pieces(body: Body) -> Iterator[bytes]:
    """A body's bytes, at most `PIECE_BYTES` at a time; raises `OutpaintError` MALFORMED_BODY where its pieces do."""
    for piece in (body,) if isinstance(body, bytes) else body.pieces():
        if len(piece) <= PIECE_BYTES:
            yield piece
            continue
        for start in range(0, len(piece), PIECE_BYTES):
            yield piece[start : start + PIECE_BYTES]


def whole_body(body: Body) -> bytes:
    """A body in one piece; raises `OutpaintError` MALFORMED_BODY where its pieces do."""
    if isinstance(body, bytes):
        return body
    whole = BytesIO()
    for piece in body.pieces():
        whole.write(piece)
    return whole.getvalue()


def utf_8(data: bytes | bytearray, what: str) -> str:
    """Text of UTF-8; raises `OutpaintError` MALFORMED_BODY for other bytes."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed(f"{what} is not UTF-8 text", what) from None


class FieldText:
    """A field's text in UTF-8, which comes in pieces, cut anywhere.

    A picture in a `data:` URI is decoded as it comes, and may have any length. Raises `OutpaintError`:
    INVALID_PARAMETER as soon as other text has more than `MAX_TEXT_BYTES`, MALFORMED_BODY for what is not UTF-8.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._text = bytearray()
        self._uri: DataUriReader | None = None
        self._undecided = name in MAY_BE_DATA_URI
        self._utf_8: codecs.IncrementalDecoder | None = None

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        if self._uri is None:
            self._text += piece
            start = self._text.lstrip(AROUND) if self._undecided else b""
            if len(start) >= len(SCHEME):
                self._undecided = False
                if DataUri.begins(bytes(start[: len(SCHEME)])):
                    self._uri, piece = DataUriReader(), bytes(start)
                    self._text.clear()
        if self._uri is None:
            if len(self._text) > MAX_TEXT_BYTES:
                raise text_too_long(self._name)
            return
        self._check(piece)
        self._uri.feed(piece)

    def end(self) -> FieldValue:
        """The text, or the picture that it is."""
        if self._uri is None:
            return utf_8(self._text, self._name)
        self._check(b"", final=True)
        return DataUri(self._uri.label, *self._uri.end())

    def _check(self, piece: bytes, *, final: bool = False) -> None:
        """Raise for what is not UTF-8. Base64 is ASCII, which is found out much faster than it is decoded."""
        if self._utf_8 is None and piece.isascii():
            return
        self._utf_8 = self._utf_8 or codecs.getincrementaldecoder("utf-8")()
        if final or not piece.isascii() or self._utf_8.getstate()[0]:
            try:
                self._utf_8.decode(piece, final)
            except UnicodeDecodeError:
                raise malformed(f"{self._name} is not UTF-8 text", self._name) from None
