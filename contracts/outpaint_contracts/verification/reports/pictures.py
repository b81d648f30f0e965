"""The pictures of an exchange, inside a page: what was sent, how it reads as a keep map, what came back."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image

from outpaint_contracts.proving.exchange import Exchange
from outpaint_contracts.verification.reports.multipart import form_parts

_AS_THEY_ARE: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "BMP": "image/bmp"}
_LARGEST: Final = 512 * 1024
"""Bytes of a picture that is put into the page as it is; others are shrunk."""
_MOST_PIXELS: Final = 32_000_000
_LONGEST_SIDE: Final = 768
_IN_TEXT: Final = re.compile(rb"data:image/[a-z.+-]+;base64,([A-Za-z0-9+/]{40,}={0,2})")
_MASKS: Final = ("mask_image", "mask")


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture with a word on what it is; `uri` is empty where it cannot be shown."""

    what: str
    uri: str
    note: str


def pictures_of(exchange: Exchange) -> tuple[ShownPicture, ...]:
    """In the order of use: sent, as a keep map, received."""
    sent = dict(_sent(exchange))
    found = [_shown(f"sent: {name}", data) for name, data in sent.items()]
    keep = _keep_map(sent)
    if keep is not None:
        found.append(_shown("as a keep map: white is kept", keep))
    if (exchange.header("Content-Type") or "").startswith("image/") and exchange.body:
        found.append(_shown("received", exchange.body))
    return tuple(found)


def _sent(exchange: Exchange) -> Iterator[tuple[str, bytes]]:
    parts = form_parts(exchange)
    for part in parts:
        if part.is_file:
            yield part.name, part.data
    if not parts:
        for number, found in enumerate(_IN_TEXT.finditer(exchange.request_body), start=1):
            try:
                yield f"data: URI {number}", b64decode(found[1])
            except ValueError:
                continue


def _keep_map(sent: dict[str, bytes]) -> bytes | None:
    """What is kept, by the mask's alpha or brightness or else by the picture's own transparency."""
    mask = next((sent[name] for name in _MASKS if name in sent), None)
    picture = _opened(mask if mask is not None else sent.get("image", b""))
    if picture is None:
        return None
    if "A" in picture.getbands():
        keep = picture.getchannel("A")
    elif mask is not None:
        keep = picture.convert("L")
    else:
        return None
    return _encoded(keep)


def _shown(what: str, data: bytes) -> ShownPicture:
    picture = _opened(data)
    if picture is None:
        return ShownPicture(what, "", f"{len(data):,} bytes that are no picture, or one too large or damaged to show")
    note = f"{picture.format}, {picture.mode}, {picture.width} by {picture.height} px, {len(data):,} bytes"
    media_type = _AS_THEY_ARE.get(picture.format or "")
    if media_type is None or len(data) > _LARGEST:
        media_type, data = "image/png", _encoded(picture)
    return ShownPicture(what, f"data:{media_type};base64,{b64encode(data).decode()}", note)


def _opened(data: bytes) -> Image.Image | None:
    try:
        picture = Image.open(BytesIO(data))
        if picture.width * picture.height > _MOST_PIXELS:
            return None
        picture.load()
    except Exception:  # noqa: BLE001 - a damaged file breaks the decoder in any way it likes
        return None
    return picture


def _encoded(picture: Image.Image) -> bytes:
    shrunk = picture.copy() if picture.mode in ("L", "RGB", "RGBA") else picture.convert("RGBA")
    shrunk.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    stream = BytesIO()
    shrunk.save(stream, "PNG")
    return stream.getvalue()
