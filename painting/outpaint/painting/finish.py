"""Makes files of painted pictures: composites, encodes, and adds the XMP packet that says how a picture was made."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

# All three are imported so that Pillow's registry has them: else the first save would import every plugin there is.
from PIL import (
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,
    WebPImagePlugin,  # noqa: F401
)

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import Format
from outpaint.painting.canvas import Brief, Canvas, Painter

COMPOSITE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC NewsCodes: a picture with parts made by a trained model, as every outpainted picture is."""

SOURCE_TYPE_XMP: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'Iptc4xmpExt:DigitalSourceType="{COMPOSITE}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
).encode()
"""An XMP packet with that digital source type and nothing else."""

# 4:4:4, since half the colour resolution is what shows as drift along sharp coloured edges of kept parts.
_SETTINGS: Final[dict[Format, dict[str, Any]]] = {
    Format.JPG: {"format": "JPEG", "quality": 90, "subsampling": 0},
    Format.PNG: {"format": "PNG", "compress_level": 1},
    Format.WEBP: {"format": "WEBP", "quality": 90, "method": 2},
}


def outpaint(canvas: Canvas, brief: Brief, painter: Painter, format: Format) -> Iterator[bytes]:  # noqa: A002
    """The finished files, one for each seed of the brief, each as soon as it is ready.

    Raises PAINTING_FAILED where the painter gives a picture of another size or mode, or too few or too many.
    """
    for painted in painted_pictures(canvas, brief, painter):
        yield encode(composite(canvas, painted), format, canvas.icc_profile)


def painted_pictures(canvas: Canvas, brief: Brief, painter: Painter) -> Iterator[Image.Image]:
    """The painter's pictures, one for each seed; raises PAINTING_FAILED where it gives too few or too many."""
    wanted, made = len(brief.seeds), 0
    for picture in painter.paint(canvas, brief):
        made += 1
        if made > wanted:
            break
        yield picture
        del picture  # which is the receiver's now: its memory may be needed for the next
    if made != wanted:
        count = f"more than {wanted}" if made > wanted else f"{made} instead of {wanted}"
        raise OutpaintError(ErrorCode.PAINTING_FAILED, f"painter {painter.card.name} gave {count} pictures; try again")


def composite(canvas: Canvas, painted: Image.Image) -> Image.Image:
    """k * original + (1 - k) * painted for each pixel and channel, k = keep / 255, rounded; k = 1 is exact.

    The result is written into `painted`. Raises PAINTING_FAILED where that has another size or mode.
    """
    if painted.size != canvas.size or painted.mode != "RGB":
        raise OutpaintError(
            ErrorCode.PAINTING_FAILED,
            f"the painter gave {painted.mode} of {painted.width}x{painted.height} px "
            f"for a canvas of {canvas.size[0]}x{canvas.size[1]} px; try again",
        )
    painted.paste(canvas.picture, (0, 0), canvas.keep)
    return painted


def encode(
    picture: Image.Image,
    format: Format,  # noqa: A002
    icc_profile: bytes | None = None,
    *,
    xmp: bytes | None = None,
) -> bytes:
    """An RGB picture as a file: JPG at quality 90 without chroma subsampling, PNG at level 1, WebP at quality 90.

    The profile and the XMP packet are embedded; no other metadata is, whatever `picture` carries.
    """
    # Savers fall back on these: comments, resolution, an older profile.
    picture.info = {}
    metadata: dict[str, Any] = {}
    if xmp is not None and format is Format.PNG:
        metadata["pnginfo"] = PngImagePlugin.PngInfo()
        metadata["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    elif xmp is not None:
        metadata["xmp"] = xmp
    stream = BytesIO()
    picture.save(stream, icc_profile=icc_profile, **metadata, **_SETTINGS[format])
    return stream.getvalue()
