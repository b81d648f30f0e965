"""Request bodies to fields, once for every content type and host."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final, NoReturn
from urllib.parse import parse_qsl

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.requests import KNOWN_FIELDS, FieldValue

from outpaint_functions.http.messages import Body, RequestHead
from outpaint_functions.http.multipart import header_options, malformed, read_multipart

MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
SUPPORTED: Final = (MULTIPART, URLENCODED, JSON)
MAX_FORM_FIELDS: Final = 64


def check_content_type(head: RequestHead) -> None:
    """Raise `OutpaintError` UNSUPPORTED_CONTENT_TYPE or MALFORMED_BODY for what no body could make good."""
    media_type, options = _content_type(head)
    if media_type not in SUPPORTED:
        raise OutpaintError(
            ErrorCode.UNSUPPORTED_CONTENT_TYPE,
            f"{'no content type' if not media_type else media_type[:60]} was sent: use {', '.join(SUPPORTED)}",
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


def read_fields(head: RequestHead, body: Body) -> dict[str, list[FieldValue]]:
    """Every value of every field, in order; files as `Upload`s, JSON values as they are.

    Call `check_content_type` first. Raises `OutpaintError` MALFORMED_BODY for a body that cannot be parsed.
    """
    media_type, options = _content_type(head)
    if media_type == MULTIPART:
        return read_multipart(options[b"boundary"], _pieces(body))
    return _read_urlencoded(whole(body)) if media_type == URLENCODED else _read_json(whole(body))


def whole(body: Body) -> bytes:
    """A body as one; raises `OutpaintError` MALFORMED_BODY where its pieces do."""
    return b"".join(_pieces(body))


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
    fields: dict[str, list[FieldValue]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def _read_json(body: bytes) -> dict[str, list[FieldValue]]:
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_members, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise malformed("the JSON body is not UTF-8") from None
    except RecursionError:
        raise malformed("the JSON body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise malformed(
            f"the JSON body cannot be parsed: {error.msg[:1].lower() + error.msg[1:]} at character {error.pos}"
        ) from None
    except ValueError as error:
        # A whole number of more digits than Python converts, or a constant refused below.
        raise malformed(f"the JSON body cannot be parsed: {str(error)[:100]}") from None
    if not isinstance(document, _Members):
        raise malformed('the JSON body must be an object, such as {"image_url": "...", "prompt": "..."}')
    fields: dict[str, list[FieldValue]] = {}
    for name, value in document:
        plain = value if value is None or isinstance(value, str | int | float | bool) else None
        # A name that means nothing here may carry anything; it is reported, and its value is not looked at.
        if plain is not value and name in KNOWN_FIELDS:
            raise OutpaintError.wrong_value(name, "<nested>", "send a plain value")
        fields.setdefault(name, []).append(plain)
    return fields


class _Members(list[tuple[str, object]]):
    """A JSON object as it was written, repeated names and all."""


def _members(pairs: list[tuple[str, object]]) -> _Members:
    return _Members(pairs)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
