"""What is kept of a body: facts in place of its pictures, and pictures that are drawn from those facts."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import struct
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from PIL import Image, ImageStat
from pydantic import ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from outpaint.conformance.drift.recording_file import (
    Body,
    Damage,
    Form,
    Json,
    Nothing,
    Opaque,
    OpaqueBody,
    PictureBody,
    RecordedPart,
    RecordedPicture,
)
from outpaint.conformance.proving.drawn_pictures import encode, png_that_declares
from outpaint.contracts.data_uris import DataUri
from outpaint.functions.http.json_body import refuse_constant


@dataclass
class RawPart:
    """One part of a form: its headers, by name in lower case, and its bytes."""

    labels: dict[str, str] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)

    def option(self, name: str) -> str | None:
        _, options = parse_options_header(self.labels.get("content-disposition"))
        value = options.get(name.encode())
        return None if value is None else value.decode("utf-8", "replace")


class Unparsable(Exception):  # noqa: N818 - an outcome, not an error
    """The body is no form, or not a whole one."""


def parts_of(content_type: str, body: bytes) -> list[RawPart]:
    """The parts of a multipart body in their order; raises `Unparsable`."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise Unparsable
    parts: list[RawPart] = []
    name, value = bytearray(), bytearray()
    ended = False

    def end_label() -> None:
        parts[-1].labels[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")
        name.clear()
        value.clear()

    def end() -> None:
        nonlocal ended
        ended = True

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": lambda: parts.append(RawPart()),
                "on_header_field": lambda data, start, stop: name.extend(data[start:stop]),
                "on_header_value": lambda data, start, stop: value.extend(data[start:stop]),
                "on_header_end": end_label,
                "on_part_data": lambda data, start, stop: parts[-1].data.extend(data[start:stop]),
                "on_end": end,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise Unparsable from None
    if not ended:
        raise Unparsable
    return parts


LARGEST_AREA: Final = 64_000_000
"""Pixels; a larger picture is judged by its header alone, and the one drawn for it has no more."""
_CELLS: Final = 32
_ORIENTATION: Final = 0x0112
_DATA_URI: Final = re.compile(r"(?is)data:(image/[a-z0-9.+-]+|application/octet-stream)?(;[a-z0-9=-]+)*;base64,(.+)")


def facts_of(data: bytes, *, is_mask: bool = False, keep: bool = False) -> RecordedPicture:
    """What is kept of a picture's bytes, with `keep` the bytes too; of what is no picture that it is none."""
    known: dict[str, Any] = {
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "data": base64.b64encode(data).decode() if keep else None,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(io.BytesIO(data))
        except Image.DecompressionBombError:
            return _too_large(data, known)
        except Exception:  # noqa: BLE001 - a file may be broken in any way, and a decoder may say so by any error
            return RecordedPicture(format=None, damage=Damage.UNREADABLE, **known)
        known |= {"format": picture.format, "mode": picture.mode, "width": picture.width, "height": picture.height}
        if picture.width * picture.height > LARGEST_AREA:
            return RecordedPicture(**known)
        try:
            picture.load()
            known["frames"] = getattr(picture, "n_frames", 1)
            orientation = picture.getexif().get(_ORIENTATION)
            reads, layout = _layout_of(picture, is_mask=is_mask)
        except Exception:  # noqa: BLE001 - as above
            return RecordedPicture(damage=Damage.TRUNCATED, **known)
    return RecordedPicture(
        orientation=orientation if orientation in range(1, 9) else None, reads=reads, layout=layout, **known
    )


def _too_large(data: bytes, known: dict[str, Any]) -> RecordedPicture:
    """A picture that Pillow refuses to open for its size; a PNG has that at a fixed place."""
    if data[12:16] != b"IHDR":
        return RecordedPicture(format=None, damage=Damage.UNREADABLE, **known)
    width, height = struct.unpack(">II", data[16:24])
    return RecordedPicture(format="PNG", mode="RGB", width=width, height=height, **known)


def of_data_uri(text: str, *, is_mask: bool = False, keep: bool = False) -> RecordedPicture | None:
    """The facts of the picture in a data: URI; None for any other text."""
    found = _DATA_URI.fullmatch(text.strip())
    if found is None:
        return None
    uri = DataUri.of(text)
    data = found[3].encode() if uri.fault is not None else uri.data
    return facts_of(data, is_mask=is_mask, keep=keep)


def _layout_of(picture: Image.Image, *, is_mask: bool) -> tuple[Literal["alpha", "luminance"] | None, tuple[str, ...]]:
    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    if has_alpha:
        alpha = picture.convert("RGBA").getchannel("A")
        if alpha.getextrema() != (255, 255):
            return "alpha", _rows(alpha)
    if is_mask or _looks_like_a_mask(picture):
        return "luminance", _rows(picture.convert("L"))
    return None, ()


def _looks_like_a_mask(picture: Image.Image) -> bool:
    """Whether nearly all of it is black or white: a mask that was uploaded before its request has no field name."""
    small = picture.convert("RGB").resize((64, 64), Image.Resampling.NEAREST)
    grey = small.convert("L")
    counts = grey.histogram()
    ends = sum(counts[:9]) + sum(counts[247:])
    coloured = max(ImageStat.Stat(small.convert("HSV")).mean[1], 0.0)
    return ends >= 0.99 * 64 * 64 and coloured < 4


def _rows(channel: Image.Image) -> tuple[str, ...]:
    """The map of one channel; if it is low or high anywhere, so is a cell of the map."""
    size = (min(_CELLS, channel.width), min(_CELLS, channel.height))
    cells = list(channel.resize(size, Image.Resampling.BOX).tobytes())
    letters = ["#" if cell >= 192 else "." if cell < 64 else "+" for cell in cells]
    low, high = channel.getextrema()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if low < 64 and "." not in letters:
        letters[cells.index(min(cells))] = "."
    if high >= 192 and "#" not in letters:
        letters[max(range(len(cells)), key=cells.__getitem__)] = "#"
    return tuple("".join(letters[row * size[0] : (row + 1) * size[0]]) for row in range(size[1]))


PICTURE: Final = "$picture"
"""The one member of the object that replaces a picture's data: URI in kept JSON."""


class KeptPicture(dict[str, Any]):
    """`{"$picture": facts}` as we made it: a client may have written the same, and that is scrubbed like any text."""


_LONGEST_TEXT: Final = 16_384


def body_of(data: bytes, content_type: str, *, keep_pixels: bool = False) -> Body:
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
            value = json.loads(data, parse_constant=refuse_constant)
        except (ValueError, RecursionError):
            return OpaqueBody(opaque=_opaque(data))
        return Json(value=_without_pictures(value, "", keep=keep_pixels))
    if media_type.startswith("image/") or media_type == "application/octet-stream":
        picture = facts_of(data, keep=keep_pixels)
        if picture.format is not None or media_type.startswith("image/"):
            return PictureBody(picture=picture)
    return OpaqueBody(opaque=_opaque(data))


def _part(raw: RawPart, *, keep: bool) -> RecordedPart:
    name, filename = raw.option("name") or "", raw.option("filename")
    content_type = raw.labels.get("content-type")
    data = bytes(raw.data)
    if filename is None:
        value = _value(name, data, keep=keep)
        return RecordedPart(name=name, content_type=content_type, **value)
    if not data:
        return RecordedPart(name=name, filename=filename, content_type=content_type, text="")
    picture = facts_of(data, is_mask=_is_mask(name), keep=keep)
    return RecordedPart(name=name, filename=filename, content_type=content_type, picture=picture)


def _form(data: bytes, *, keep: bool) -> Body:
    try:
        pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        return OpaqueBody(opaque=_opaque(data))
    parts = tuple(RecordedPart(name=name, **_value(name, value.encode(), keep=keep)) for name, value in pairs)
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
    if isinstance(value, str) and DataUri.begins(value):
        picture = of_data_uri(value, is_mask=_is_mask(name), keep=keep)
        if picture is not None:
            return KeptPicture({PICTURE: picture.model_dump(mode="json", exclude_none=True)})
    return value


def kept_picture(value: Any) -> RecordedPicture | None:
    """The picture of `{"$picture": …}` in kept JSON; None for any other value."""
    if isinstance(value, dict) and value.keys() == {PICTURE}:
        try:
            return RecordedPicture.model_validate(value[PICTURE])
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
        # A body that could not be parsed may still contain a picture.
        if text is not None and (";base64," in text or "\x00" in text):
            text = None
    return Opaque(bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), text=text)


_LEVELS: Final = {"#": 255, "+": 128, ".": 0}


@lru_cache(maxsize=64)
def stand_in(picture: RecordedPicture, at_least: int = 0) -> bytes:
    """A file drawn from a picture's facts, at least so many bytes long; the picture itself where it was kept.

    The same facts give the same file, another hash another one.
    """
    if picture.data is not None:
        return base64.b64decode(picture.data)
    data = _no_picture(picture) if picture.format is None else _drawn(picture)
    return data + bytes(max(0, at_least - len(data)))


def media_type(picture: RecordedPicture) -> str:
    return "application/octet-stream" if picture.format is None else f"image/{picture.format.lower()}"


def data_uri(picture: RecordedPicture) -> str:
    return f"data:{media_type(picture)};base64,{base64.b64encode(stand_in(picture)).decode()}"


def _no_picture(picture: RecordedPicture) -> bytes:
    """Bytes that no decoder takes, as many as there were up to a few."""
    filler = f"no picture {picture.sha256} ".encode()
    wanted = min(picture.bytes, 4096)
    return (filler * (wanted // len(filler) + 1))[:wanted]


def _drawn(picture: RecordedPicture) -> bytes:
    width, height = picture.width or 1, picture.height or 1
    if width * height > LARGEST_AREA:
        return png_that_declares(width, height)  # a picture this large is refused by its header
    image = _surface(picture, width, height)
    options: dict[str, Any] = {}
    if picture.orientation is not None:
        exif = Image.Exif()
        exif[_ORIENTATION] = picture.orientation
        options["exif"] = exif
    if picture.frames > 1:
        options |= {"save_all": True, "append_images": [image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)]}
    try:
        data = encode(image, picture.format or "PNG", **options)
    except (OSError, ValueError, KeyError):
        # A format that is read and not written here: PNG has every mode that a mask or picture can have.
        data = encode(image.convert("RGBA"))
    return data[: len(data) // 2] if picture.damage is Damage.TRUNCATED else data


def _surface(picture: RecordedPicture, width: int, height: int) -> Image.Image:
    """Two colours of the hash, one blending into the other, and the layout over them."""
    shades = bytes.fromhex(picture.sha256)[:6]
    ramp = Image.linear_gradient("L").resize((width, height))
    colours = [Image.new("RGB", (width, height), tuple(shades[start : start + 3])) for start in (0, 3)]
    image = Image.composite(colours[0], colours[1], ramp)
    layout = _stand_in_layout(picture, width, height)
    if layout is not None and picture.reads == "luminance":
        return layout.convert(picture.mode or "L")
    mode = picture.mode or "RGB"
    if layout is None:
        return image.convert(mode)
    image.putalpha(layout)
    return image.convert(mode) if mode in ("RGBA", "LA") else image


def _stand_in_layout(picture: RecordedPicture, width: int, height: int) -> Image.Image | None:
    if not picture.layout:
        return None
    cells = bytes(_LEVELS.get(letter, 255) for row in picture.layout for letter in row)
    size = (len(picture.layout[0]), len(picture.layout))
    return Image.frombytes("L", size, cells).resize((width, height), Image.Resampling.NEAREST)
