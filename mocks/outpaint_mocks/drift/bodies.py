"""What is kept of a body: fields and members as they are, pictures as their facts."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import ValidationError

from outpaint_mocks.drift.multipart_parts import RawPart, Unparsable, parts_of
from outpaint_mocks.drift.picture_facts import facts_of, of_data_uri
from outpaint_mocks.drift.recording import Body, Form, Json, Nothing, Opaque, OpaqueBody, Part, Picture, PictureBody

PICTURE: Final = "$picture"
"""The member under which a data: URI of a picture stands in kept JSON."""


class KeptPicture(dict[str, Any]):
    """`{"$picture": facts}` as we made it, while an exchange is being kept: what a client wrote itself is no such."""


_LONGEST_TEXT: Final = 16_384


def body_of(data: bytes, content_type: str, *, keep_pixels: bool = False) -> Body:
    """What is kept of a body of this type."""
    if not data:
        return Nothing()
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        try:
            parts = parts_of(content_type, data)
        except Unparsable:
            return OpaqueBody(opaque=_opaque(data))
        return Form(kind="multipart", parts=tuple(_part(part, keep=keep_pixels) for part in parts))
    if media_type == "application/x-www-form-urlencoded":
        return _form(data, keep=keep_pixels)
    if media_type.endswith("json"):
        try:
            value = json.loads(data, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return OpaqueBody(opaque=_opaque(data))
        return Json(value=_without_pictures(value, "", keep=keep_pixels))
    if media_type.startswith("image/") or media_type == "application/octet-stream":
        picture = facts_of(data, keep=keep_pixels)
        if picture.format is not None or media_type.startswith("image/"):
            return PictureBody(picture=picture)
    return OpaqueBody(opaque=_opaque(data))


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _part(raw: RawPart, *, keep: bool) -> Part:
    name, filename = raw.option("name") or "", raw.option("filename")
    content_type = raw.labels.get("content-type")
    data = bytes(raw.data)
    if filename is None:
        value = _value(name, data, keep=keep)
        return Part(name=name, content_type=content_type, **value)
    if not data:
        return Part(name=name, filename=filename, content_type=content_type, text="")
    picture = facts_of(data, is_mask=_is_mask(name), keep=keep)
    return Part(name=name, filename=filename, content_type=content_type, picture=picture)


def _form(data: bytes, *, keep: bool) -> Body:
    try:
        pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        return OpaqueBody(opaque=_opaque(data))
    parts = tuple(Part(name=name, **_value(name, value.encode(), keep=keep)) for name, value in pairs)
    return Form(kind="urlencoded", parts=parts)


def _value(name: str, data: bytes, *, keep: bool) -> dict[str, Any]:
    """The value of a field, as a part holds it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {"opaque": _opaque(data)}
    picture = of_data_uri(text, is_mask=_is_mask(name), keep=keep)
    if picture is not None:
        return {"picture": picture, "data_uri": True}
    return {"text": text} if len(text) <= _LONGEST_TEXT else {"opaque": _opaque(data)}


def _without_pictures(value: Any, name: str, *, keep: bool) -> Any:
    if isinstance(value, dict):
        return {key: _without_pictures(member, key, keep=keep) for key, member in value.items()}
    if isinstance(value, list):
        return [_without_pictures(item, name, keep=keep) for item in value]
    if isinstance(value, str) and value[:5].lower() == "data:":
        picture = of_data_uri(value, is_mask=_is_mask(name), keep=keep)
        if picture is not None:
            return KeptPicture({PICTURE: picture.model_dump(mode="json", exclude_none=True)})
    return value


def kept_picture(value: Any) -> Picture | None:
    """The picture that stands in kept JSON as `{"$picture": …}`; None for any other value."""
    if isinstance(value, dict) and value.keys() == {PICTURE}:
        try:
            return Picture.model_validate(value[PICTURE])
        except ValidationError:
            return None  # a client wrote that itself
    return None


def _is_mask(name: str) -> bool:
    return name.startswith("mask")


def _opaque(data: bytes) -> Opaque:
    text = None
    if len(data) <= _LONGEST_TEXT:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = None
        # What nobody could parse may yet have a picture in it.
        if text is not None and (";base64," in text or "\x00" in text):
            text = None
    return Opaque(bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), text=text)
