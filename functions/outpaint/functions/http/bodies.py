"""Parses request bodies into fields, whatever their content type; multipart bodies here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from io import BytesIO
from types import MappingProxyType
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.requests import KNOWN_FIELDS, FieldValue, Upload
from outpaint.functions.http.field_values import (
    LOOKED_AT,
    MAX_FIELDS,
    WHOLE_BYTES,
    FieldText,
    body_pieces,
    explained,
    malformed,
    utf_8,
)
from outpaint.functions.http.json_body import read_json
from outpaint.functions.http.messages import Body, RequestHead
from outpaint.functions.http.urlencoded_body import read_urlencoded

MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
SUPPORTED: Final = (MULTIPART, URLENCODED, JSON)
MAX_PART_HEADERS: Final = 16
MAX_PART_HEADER_BYTES: Final = 8 * 1024
MAX_BOUNDARIES: Final = 4 * MAX_FIELDS
"""How often the boundary's text may stand in a body after a line break; the parser takes time for each."""
MAX_PADDING: Final = 1024
"""Blanks behind a boundary (RFC 2046, 5.1.1), of which mail had a few; the parser goes through them one by one."""

_PARAMETER: Final = re.compile(rb';[ \t]*([^=;"\s]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)


def check_content_type(head: RequestHead) -> None:
    """Raise `OutpaintError` UNSUPPORTED_CONTENT_TYPE or MALFORMED_BODY for headers that no body can fit."""
    media_type, options = _content_type(head)
    if media_type not in SUPPORTED:
        raise OutpaintError(
            ErrorCode.UNSUPPORTED_CONTENT_TYPE,
            f"{media_type[:60] or 'no content type'} was sent: use {', '.join(SUPPORTED)}{_hint(media_type)}",
            field="Content-Type",
        )
    encoding = (head.header("content-encoding") or "identity").strip().lower()
    if encoding not in ("identity", ""):
        raise OutpaintError(
            ErrorCode.UNSUPPORTED_CONTENT_TYPE,
            f"bodies compressed with {encoding[:20]} are not taken: send the body as it is",
            field="Content-Encoding",
        )
    charset = options.get(b"charset", b"utf-8").decode("latin-1").lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise OutpaintError(
            ErrorCode.UNSUPPORTED_CONTENT_TYPE,
            f"the charset {charset[:20]} is not supported: send UTF-8",
            field="Content-Type",
        )
    if media_type == MULTIPART and not options.get(b"boundary"):
        raise malformed(
            "multipart/form-data needs a boundary in Content-Type: let your HTTP client set that header", "Content-Type"
        )


def _hint(media_type: str) -> str:
    """What else to say of a media type: a browser labels every text that it is given as a body so."""
    return "; pass a FormData to fetch as it is, not as text" if media_type == "text/plain" else ""


def read_fields(head: RequestHead, body: Body, known: frozenset[str] = KNOWN_FIELDS) -> dict[str, list[FieldValue]]:
    """Every value of every field, in order; files as `Upload`s, pictures in URIs as `DataUri`s.

    JSON's lists and objects count as None, where their field is not among the `known`.

    Memory is taken for the values alone, and for a piece of the body at a time. Call `check_content_type` first.
    Raises `OutpaintError` MALFORMED_BODY for a body that cannot be parsed or has more of anything than is taken,
    INVALID_PARAMETER for a field whose text is too long.
    """
    media_type, options = _content_type(head)
    if media_type == MULTIPART:
        return read_multipart(options[b"boundary"], body_pieces(body))
    return read_urlencoded(body) if media_type == URLENCODED else read_json(body, known)


@lru_cache(maxsize=256)
def header_options(value: str | bytes | None) -> tuple[bytes, Mapping[bytes, bytes]]:
    """A header's value and its parameters, cached: clients send the same few again and again."""
    kind, options = parse_options_header(value)
    return kind, MappingProxyType(options)


def read_multipart(boundary: bytes, body: Iterable[bytes]) -> dict[str, list[FieldValue]]:
    """The fields of a form in the order they came; parts with a file name are `Upload`s, the rest is text.

    The body comes in pieces, cut anywhere; each is released before the next is read.

    Raises `OutpaintError` MALFORMED_BODY for a body that breaks off, lacks its closing boundary, has more than
    `MAX_FIELDS` parts, or one without a name of its own; INVALID_PARAMETER for a text over `MAX_TEXT_BYTES` that is no
    picture.
    """
    if not boundary:
        raise malformed("multipart/form-data needs a boundary in Content-Type: let your HTTP client set that header")
    form, delimiters, start = _Form(), _Delimiters(b"\r\n--" + boundary), b""
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.part_begin,
                "on_part_data": form.part_data,
                "on_part_end": form.part_end,
                "on_header_field": form.header_field,
                "on_header_value": form.header_value,
                "on_header_end": form.header_end,
                "on_headers_finished": form.headers_finished,
                "on_end": form.end,
            },
            max_header_count=MAX_PART_HEADERS,
            max_header_size=MAX_PART_HEADER_BYTES,
        )
        read = 0
        for piece in body:
            read += len(piece)
            start = start or piece[:LOOKED_AT]
            if read > WHOLE_BYTES:  # in less, nothing takes long
                delimiters.look(piece, in_padding=parser.state is MultipartState.BOUNDARY_PADDING)
            parser.write(piece)
    except FormParserError as error:
        reason = str(error).rstrip(".")
        raise malformed(
            explained(start, boundary) or f"the multipart body cannot be parsed: {reason[:1].lower() + reason[1:]}"
        ) from None
    if not form.ended:
        raise malformed("the multipart body breaks off before its closing boundary: send it again, whole")
    return form.fields


class _Delimiters:
    """Refuses what would keep the parser busy: a boundary's text by the million, or blanks without end behind one."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._found = 0

    def look(self, piece: bytes, *, in_padding: bool) -> None:
        """Look at a piece before it is parsed; raises `OutpaintError` MALFORMED_BODY.

        What stands across two pieces is missed: that is one boundary a piece, and its padding is in the second.
        """
        if in_padding:
            self._check_padding(piece, 0)
        place = piece.find(self._delimiter)
        while place >= 0:
            self._found += 1
            if self._found > MAX_BOUNDARIES:
                raise malformed(f"the form's boundary stands in it more than {MAX_BOUNDARIES} times")
            place += len(self._delimiter)
            self._check_padding(piece, place)
            place = piece.find(self._delimiter, place)

    @staticmethod
    def _check_padding(piece: bytes, start: int) -> None:
        if piece[start : start + 1] not in (b" ", b"\t"):
            return
        behind = piece[start : start + MAX_PADDING]
        if len(behind) == MAX_PADDING and not behind.strip(b" \t"):
            raise malformed(f"the form has {MAX_PADDING} blanks behind a boundary")


class _Form:
    """The parser's callbacks; a part's bytes are copied once."""

    def __init__(self) -> None:
        self.fields: dict[str, list[FieldValue]] = {}
        self.ended = False
        self._parts = 0
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._name = ""
        self._filename: str | None = None
        self._file: BytesIO | None = None
        self._may_be_left_empty = False
        self._text: FieldText | None = None

    def part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_FIELDS:
            raise malformed(f"the form has more than {MAX_FIELDS} parts")
        self._headers = {}

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def header_end(self) -> None:
        name = self._header_name.lower()
        if name == b"content-disposition" and name in self._headers:
            raise malformed("a part of the form has two Content-Disposition headers: each needs one")
        self._headers.setdefault(name, self._header_value)
        self._header_name = self._header_value = b""

    def headers_finished(self) -> None:
        header = self._headers.get(b"content-disposition", b"")
        disposition, options = header_options(header)
        if disposition != b"form-data" or b"name" not in options:
            raise malformed("a part of the form has no name: each needs Content-Disposition: form-data; name=...")
        _check_parameters(header)
        self._name = utf_8(options[b"name"], "a field's name")
        encoding = self._headers.get(b"content-transfer-encoding", b"binary").strip().lower()
        if encoding not in (b"binary", b"8bit", b"7bit"):
            raise malformed(
                f"{self._name} is sent with a Content-Transfer-Encoding, which RFC 7578 dropped: send its bytes as "
                "they are",
                self._name,
            )
        # A name given only as filename* still marks a file, although RFC 7578 forbids that spelling.
        extended = b"filename*" in header.lower()
        media_type = self._headers.get(b"content-type", b"text/plain").strip().lower()
        if b"filename" in options or extended or not media_type.startswith(b"text/plain"):
            self._file = BytesIO()
        else:
            self._text = FieldText(self._name)
        # An HTML form sends a file input that was left empty so (docs/facts/wire.md#client-habits).
        self._may_be_left_empty = options.get(b"filename") == b""
        # A file's name decides nothing; of a whole path reports get the last part.
        filename = options.get(b"filename", b"").decode("utf-8", "replace")
        self._filename = filename.replace("\\", "/").rpartition("/")[2] or None

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
        elif self._text is not None:
            self._text.feed(data[start:end])

    def part_end(self) -> None:
        value: FieldValue = None
        if self._file is not None and self._may_be_left_empty and not self._file.tell():
            self._file = None
            return
        if self._file is not None:
            content_type = self._headers.get(b"content-type")
            label = content_type.decode("latin-1").strip() if content_type else None
            value = Upload(self._file.getvalue(), self._filename, label)
        elif self._text is not None:
            value = self._text.end()
        self._file = self._text = None
        self.fields.setdefault(self._name, []).append(value)

    def end(self) -> None:
        self.ended = True


@lru_cache(maxsize=256)
def _check_parameters(disposition: bytes) -> None:
    """Raise MALFORMED_BODY for a second name or filename: of two readers, one would take the first, one the second."""
    names = [found[1].lower() for found in _PARAMETER.finditer(disposition)]
    for name in (b"name", b"filename"):
        if names.count(name) > 1:
            raise malformed(f"a part of the form has two parameters {name.decode()} in its Content-Disposition")


def _content_type(head: RequestHead) -> tuple[str, Mapping[bytes, bytes]]:
    media_type, options = header_options(head.header("content-type"))
    return media_type.decode("latin-1").strip(), options
