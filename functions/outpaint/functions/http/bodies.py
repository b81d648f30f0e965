"""Parses request bodies into fields: JSON, urlencoded and multipart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from io import BytesIO
from types import MappingProxyType
from typing import Final, NoReturn
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.requests import KNOWN_FIELDS, FieldValue, Upload
from outpaint.functions.http.messages import Body, RequestHead

MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
SUPPORTED: Final = (MULTIPART, URLENCODED, JSON)
MAX_FORM_FIELDS: Final = 64
MAX_PARTS: Final = 64
MAX_TEXT_BYTES: Final = 64 * 1024
MAX_PART_HEADERS: Final = 16
MAX_PART_HEADER_BYTES: Final = 8 * 1024
_LOOKED_AT: Final = 512
"""Bytes at the beginning of a body by which a common mistake is known."""


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
    """Every value of every field, in order; files as `Upload`s, JSON values as they are, nested ones only if not known.

    Call `check_content_type` first. Raises `OutpaintError` MALFORMED_BODY for a body that cannot be parsed.
    """
    media_type, options = _content_type(head)
    if media_type == MULTIPART:
        return read_multipart(options[b"boundary"], _pieces(body))
    return _read_urlencoded(whole_body(body)) if media_type == URLENCODED else _read_json(whole_body(body), known)


def whole_body(body: Body) -> bytes:
    """A body in one piece; raises `OutpaintError` MALFORMED_BODY where its pieces do."""
    return b"".join(_pieces(body))


def malformed(detail: str, field: str | None = None) -> OutpaintError:
    """400: the body is not what its content type says."""
    return OutpaintError(ErrorCode.MALFORMED_BODY, detail, field=field)


@lru_cache(maxsize=256)
def header_options(value: str | bytes | None) -> tuple[bytes, Mapping[bytes, bytes]]:
    """A header's value and its parameters, cached: clients send the same few again and again."""
    kind, options = parse_options_header(value)
    return kind, MappingProxyType(options)


def read_multipart(boundary: bytes, body: Iterable[bytes]) -> dict[str, list[FieldValue]]:
    """The fields of a form in the order they came; parts with a file name are `Upload`s, the rest is text.

    The body comes in pieces, cut anywhere; each is released before the next is read.

    Raises `OutpaintError` MALFORMED_BODY for a body that breaks off, lacks its closing boundary, or whose
    parts have no name; INVALID_PARAMETER for a text field over 64 KiB.
    """
    if not boundary:
        raise malformed("multipart/form-data needs a boundary in Content-Type: let your HTTP client set that header")
    form = _Form()
    start = b""
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
        for piece in body:
            start = start or piece[:_LOOKED_AT]
            parser.write(piece)
    except FormParserError as error:
        reason = str(error).rstrip(".")
        raise malformed(
            _explained(start, boundary) or f"the multipart body cannot be parsed: {reason[:1].lower() + reason[1:]}"
        ) from None
    if not form.ended:
        raise malformed("the multipart body breaks off before its closing boundary: send it again, whole")
    return form.fields


def _explained(start: bytes, boundary: bytes = b"") -> str | None:
    """The sentence for a body that begins as those of a common mistake do; None for any other."""
    if start.startswith(b"[object "):
        shown = start.partition(b"]")[0].decode("ascii", "replace")[:40]
        return f"the body is the text {shown}]: pass a FormData to fetch as it is, and an object by JSON.stringify"
    if boundary and start.lstrip(b"\r\n").startswith(b"--" + boundary + b"\n"):
        return "the lines of the multipart body end in LF alone: end them in CR LF (RFC 2046, 4.1.1)"
    return None


class _Form:
    """The parser's callbacks; a part's bytes are copied once."""

    def __init__(self) -> None:
        self.fields: dict[str, list[FieldValue]] = {}
        self.ended = False
        self._parts = 0
        self._data = BytesIO()
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._name = ""
        self._filename: str | None = None
        self._is_file = False
        self._may_be_left_empty = False

    def part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise malformed(f"the form has more than {MAX_PARTS} parts")
        self._data = BytesIO()
        self._headers = {}

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def header_end(self) -> None:
        self._headers.setdefault(self._header_name.lower(), self._header_value)
        self._header_name = self._header_value = b""

    def headers_finished(self) -> None:
        disposition, options = header_options(self._headers.get(b"content-disposition"))
        if disposition != b"form-data" or b"name" not in options:
            raise malformed("a part of the form has no name: each needs Content-Disposition: form-data; name=...")
        self._name = _text(options[b"name"], "a field's name")
        encoding = self._headers.get(b"content-transfer-encoding", b"binary").strip().lower()
        if encoding not in (b"binary", b"8bit", b"7bit"):
            raise malformed(
                f"{self._name} is sent with a Content-Transfer-Encoding, which RFC 7578 dropped: send its bytes as "
                "they are",
                self._name,
            )
        # A name given only as filename* still marks a file, although RFC 7578 forbids that spelling.
        extended = b"filename*" in self._headers.get(b"content-disposition", b"").lower()
        media_type = self._headers.get(b"content-type", b"text/plain").strip().lower()
        self._is_file = b"filename" in options or extended or not media_type.startswith(b"text/plain")
        # An HTML form sends a file input that was left empty so (docs/facts/wire.md#client-habits).
        self._may_be_left_empty = options.get(b"filename") == b""
        # A file's name decides nothing; of a whole path reports get the last part.
        filename = options.get(b"filename", b"").decode("utf-8", "replace")
        self._filename = filename.replace("\\", "/").rpartition("/")[2] or None

    def part_data(self, data: bytes, start: int, end: int) -> None:
        self._data.write(memoryview(data)[start:end])

    def part_end(self) -> None:
        value = self._data.getvalue()
        self._data = BytesIO()
        if self._may_be_left_empty and not value:
            return
        values = self.fields.setdefault(self._name, [])
        if self._is_file:
            content_type = self._headers.get(b"content-type")
            values.append(
                Upload(value, self._filename, content_type.decode("latin-1").strip() if content_type else None)
            )
            return
        if len(value) > MAX_TEXT_BYTES and not value[:5].lower() == b"data:":
            raise OutpaintError.wrong_value(
                self._name, f"<{len(value)} bytes>", f"a text field has at most {MAX_TEXT_BYTES} bytes"
            )
        values.append(_text(value, self._name))

    def end(self) -> None:
        self.ended = True


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed(f"{what} is not UTF-8 text", what) from None


def _pieces(body: Body) -> Iterable[bytes]:
    return (body,) if isinstance(body, bytes) else body.pieces()


def _content_type(head: RequestHead) -> tuple[str, Mapping[bytes, bytes]]:
    media_type, options = header_options(head.header("content-type"))
    return media_type.decode("latin-1").strip(), options


def _read_urlencoded(body: bytes) -> dict[str, list[FieldValue]]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise malformed("the form is not percent-encoded UTF-8 text") from None
    except ValueError:
        raise malformed(f"the form has more than {MAX_FORM_FIELDS} fields") from None
    explained = _explained(body)
    if explained is not None:
        raise malformed(explained)
    fields: dict[str, list[FieldValue]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def _read_json(body: bytes, known: frozenset[str]) -> dict[str, list[FieldValue]]:
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_Members, parse_constant=refuse_constant)
    except UnicodeDecodeError:
        raise malformed("the JSON body is not UTF-8") from None
    except RecursionError:
        raise malformed("the JSON body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise malformed(
            _explained(body)
            or f"the JSON body cannot be parsed: {error.msg[:1].lower() + error.msg[1:]} at character {error.pos}"
        ) from None
    except ValueError as error:
        # A whole number of more digits than Python converts, or a constant refused below.
        raise malformed(f"the JSON body cannot be parsed: {str(error)[:100]}") from None
    if not isinstance(document, _Members):
        raise malformed('the JSON body must be an object, such as {"image_url": "...", "prompt": "..."}')
    fields: dict[str, list[FieldValue]] = {}
    for name, value in document:
        plain = value if value is None or isinstance(value, str | int | float | bool) else None
        # An unknown name may have any value; the name is reported, the value ignored.
        if plain is not value and name in known:
            raise OutpaintError.wrong_value(name, "<nested>", "send a plain value")
        fields.setdefault(name, []).append(plain)
    return fields


class _Members(list[tuple[str, object]]):
    """A JSON object with its members in order, repeated names included."""


def refuse_constant(name: str) -> NoReturn:
    """For `json.loads`: raises `ValueError` for NaN and the infinities."""
    raise ValueError(f"{name} is not JSON")
