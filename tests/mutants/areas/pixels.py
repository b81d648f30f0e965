"""Faults in the pictures themselves."""

from __future__ import annotations

import itertools
from dataclasses import replace
from io import BytesIO
from typing import Any

from PIL import Image, ImageChops, ImageFilter

from mutants.mutant import Patch, mutant, wishing
from outpaint.contracts.masks_and_formats import Format, MaskMode, MaskSource
from outpaint.functions.http import application
from outpaint.painting import finish, pipeline
from outpaint.painting.canvas import Canvas
from outpaint.painting.inputs import decoding, inspection, keep_map, mask_reading, png_and_webp, tiff_layout
from outpaint.painting.inputs.colour_chunks import StatedColours
from outpaint.painting.inputs.file_header import FileHeader
from outpaint.painting.painters import flat


def change_composite(patch: Patch, change: Any) -> None:
    """The composite, `change(canvas, picture)`, before it is encoded."""
    patch.around(pipeline, "composite", lambda original, canvas, painted: change(canvas, original(canvas, painted)))


def change_keep_map(patch: Patch, change: Any) -> None:
    """The keep map's weights pass through `change`."""

    def of(_: Any, pixels: Image.Image, keep: Image.Image, *rest: Any) -> Canvas:
        return original(pixels, change(keep), *rest)

    original = Canvas.of
    patch.set(Canvas, "of", classmethod(of))


@mutant("what is opaque is painted and what is open is kept", "pixels.kept-pixels-are-exact-in-png")
def mask_is_inverted(patch: Patch) -> None:
    change_keep_map(patch, ImageChops.invert)


@mutant("a bright mask paints and a dark one keeps", "pixels.black-is-painted")
def luminance_is_inverted(patch: Patch) -> None:
    def read(original: Any, mask: Any, field: str) -> Any:
        reading = original(mask, field)
        if reading.source is not MaskSource.MASK_LUMINANCE:
            return reading
        return replace(reading, weights=ImageChops.invert(reading.weights))

    patch.around(inspection, "read_mask", read)


@mutant("a mask's brightness counts though it has an alpha", "pixels.masks-alpha-counts-and-not-its-colours")
def alpha_of_the_mask_ignored(patch: Patch) -> None:
    def read(original: Any, mask: Any, field: str) -> Any:
        mode = MaskMode.LUMINANCE if mask.mode is MaskMode.AUTO else mask.mode
        return original(replace(mask, mode=mode), field)

    patch.around(inspection, "read_mask", read)


@mutant("the mask is not read where the image has an alpha", "pixels.mask-opens-what-is-opaque")
def mask_ignored_beside_alpha(patch: Patch) -> None:
    def read(original: Any, image_alpha: Any, mask: Any, **rest: Any) -> Any:
        return original(image_alpha, None if image_alpha is not None else mask, **rest)

    patch.around(inspection, "keep_map", read)


@mutant("where the image is empty the mask may keep it, black", "pixels.mask-cannot-keep-what-is-transparent")
def empty_pixels_are_kept(patch: Patch) -> None:
    patch.set(keep_map, "_smaller", lambda weights, *_: weights)


@mutant("a mask makes half-transparent pixels solid", "pixels.mask-does-not-make-soft-pixels-solid")
def mask_makes_soft_pixels_solid(patch: Patch) -> None:
    def smaller(weights: Image.Image, image_alpha: Image.Image, *_: Any) -> Image.Image:
        return ImageChops.darker(weights, image_alpha.point([0] + [255] * 255))

    patch.set(keep_map, "_smaller", smaller)


@mutant("half kept pixels are cut at the middle", "blending.soft-weights-are-linear")
def weights_are_cut_at_the_middle(patch: Patch) -> None:
    change_keep_map(patch, lambda keep: keep.point([0] * 128 + [255] * 128))


@mutant("ringing of a JPEG mask weighs a little", "blending.compressed-white-is-still-white")
def ringing_counts(patch: Patch) -> None:
    patch.set(mask_reading, "_black_and_white", lambda _: None)


@mutant("what a JPEG lacks is grey", "bad-pictures.jpeg-without-its-rest-is-refused")
def missing_blocks_are_grey(patch: Patch) -> None:
    def load(_: Any, picture: Any, taken: Any, **__: Any) -> None:
        picture.fp = BytesIO(taken.header.pixels + b"\xff\xd9")
        picture.load()

    patch.around(decoding, "_load", load)


@mutant("a JPEG without its end is taken for damaged", "bad-pictures.picture-without-its-end-is-taken")
def end_marker_is_demanded(patch: Patch) -> None:
    patch.around(decoding, "_load", lambda _, picture, *__, **___: picture.load())


@mutant("every mask in greys is cut to black and white", "blending.few-greys-are-weights")
def greys_are_cut(patch: Patch) -> None:
    def cut(grey: Image.Image) -> Image.Image:
        return grey.point([0] * 128 + [255] * 128)

    patch.set(mask_reading, "_black_and_white", cut)


@mutant("one pixel of stray alpha decides what a mask is", "masks.stray-alpha-decides-nothing")
def stray_alpha_decides(patch: Patch) -> None:
    patch.set(mask_reading, "_is_stray", lambda *_: False)


@mutant("kept pixels are off by one", "inputs.kept-pixels-are-exact-of-each-kind")
def kept_pixels_off_by_one(patch: Patch) -> None:
    def change(canvas: Canvas, picture: Image.Image) -> Image.Image:
        shifted = picture.point([min(255, value + 1) for value in range(256)] * 3)
        picture.paste(shifted, (0, 0), canvas.keep.point([0] * 255 + [255]))
        return picture

    change_composite(patch, change)


@mutant("kept pixels went through a JPEG", "inputs.kept-pixels-are-exact-of-each-kind")
def kept_pixels_were_compressed(patch: Patch) -> None:
    def change(_: Canvas, picture: Image.Image) -> Image.Image:
        stream = BytesIO()
        picture.save(stream, "JPEG", quality=85)
        return Image.open(stream).convert("RGB")

    change_composite(patch, change)


@mutant("kept pixels are moved by one column", "inputs.kept-pixels-are-exact-of-each-kind")
def kept_pixels_are_moved(patch: Patch) -> None:
    change_composite(patch, lambda _, picture: ImageChops.offset(picture, 1, 0))


@mutant("the border of what is kept is softened inwards", "inputs.kept-pixels-are-exact-of-each-kind")
def seam_is_feathered_inwards(patch: Patch) -> None:
    def change(canvas: Canvas, picture: Image.Image) -> Image.Image:
        soft = picture.filter(ImageFilter.GaussianBlur(1))
        inner = canvas.keep.filter(ImageFilter.MinFilter(3))
        picture.paste(soft, (0, 0), ImageChops.subtract(canvas.keep, inner))
        return picture

    change_composite(patch, change)


@mutant("half kept pixels are kept whole", "blending.soft-pixels-are-not-kept-whole")
def soft_edges_are_hard(patch: Patch) -> None:
    change_keep_map(patch, lambda keep: keep.point([0] + [255] * 255))


@mutant("colours hidden under transparency show in the result", "pixels.hidden-colours-make-no-difference")
def hidden_colours_leak(patch: Patch) -> None:
    def of(_: Any, pixels: Image.Image, keep: Image.Image, profile: Any, interpretation: Any) -> Canvas:
        return Canvas(
            pixels.convert("RGB"), keep.point([max(128, value) for value in range(256)]), profile, interpretation
        )

    patch.set(Canvas, "of", classmethod(of))


@mutant("the result is half the size", "pixels.result-has-the-size-that-was-sent")
def result_is_smaller(patch: Patch) -> None:
    change_composite(patch, lambda _, picture: picture.resize((picture.width // 2, picture.height // 2)))


@mutant("the result is one column wider", "pixels.result-has-the-size-that-was-sent")
def result_is_wider(patch: Patch) -> None:
    def change(_: Canvas, picture: Image.Image) -> Image.Image:
        wider = Image.new("RGB", (picture.width + 1, picture.height))
        wider.paste(picture, (0, 0))
        return wider

    change_composite(patch, change)


@mutant("the open area comes back black", "pixels.what-is-painted-is-painted")
def open_area_is_left_black(patch: Patch) -> None:
    def change(canvas: Canvas, picture: Image.Image) -> Image.Image:
        picture.paste((0, 0, 0), (0, 0, *picture.size), ImageChops.invert(canvas.keep))
        return picture

    change_composite(patch, change)


@mutant("every format is a PNG under another name", "fields.file-is-of-the-format-asked-for")
def format_is_always_png(patch: Patch) -> None:
    patch.around(
        pipeline, "encode", lambda original, whole, _, *rest, **more: original(whole, Format.PNG, *rest, **more)
    )


@mutant("the format asked for is not looked at", "fields.file-is-of-the-format-asked-for")
def format_ignored(patch: Patch) -> None:
    def admit(original: Any, service: Any, caller: Any, request: Any, **rest: Any) -> Any:
        return original(service, caller, wishing(request, format=Format.JPG), **rest)

    patch.around(application, "admit", admit)


@mutant("all variants are the same picture", "seeds.variants-differ")
def variants_are_the_same(patch: Patch) -> None:
    patch.around(flat, "_colours", lambda original, brief, _: original(brief, brief.seeds[0]))


@mutant("the seed does not count", "seeds.seed-makes-the-same-picture-again")
def seed_does_not_count(patch: Patch) -> None:
    numbers = itertools.count()
    patch.around(flat, "_colours", lambda original, brief, _: original(brief, next(numbers)))


@mutant("EXIF orientation is not looked at", "orientation.cameras-jpeg-is-put-upright")
def orientation_ignored(patch: Patch) -> None:
    patch.set(FileHeader, "orientation", property(lambda _: 1))


@mutant("the position a photo was taken at is in the result", "inputs.place-of-a-picture-stays-behind")
def metadata_leaks(patch: Patch) -> None:
    def encode(original: Any, picture: Image.Image, kind: Format, *rest: Any, **more: Any) -> bytes:
        data = original(picture, kind, *rest, **more)
        exif = Image.Exif()
        exif[0x010E] = "a comment of the camera's"
        stream = BytesIO()
        with Image.open(BytesIO(data)) as opened:
            opened.save(stream, opened.format, exif=exif, quality=95)
        return stream.getvalue()

    patch.around(pipeline, "encode", encode)


@mutant("the colour profile is dropped", "inputs.profile-goes-along")
def colour_profile_dropped(patch: Patch) -> None:
    def encode(original: Any, picture: Image.Image, kind: Format, *_: Any, **more: Any) -> bytes:
        return bytes(original(picture, kind, None, **more))

    patch.around(pipeline, "encode", encode)


@mutant("colours that a PNG states are dropped", "inputs.stated-colours-look-the-same")
def stated_colours_dropped(patch: Patch) -> None:
    patch.set(png_and_webp, "stated_colours", lambda chunks: StatedColours(chunks.profile or None))


@mutant("the planes of a TIFF are read as pixels", "inputs.sixteen-bits-are-rounded")
def planes_are_read_as_pixels(patch: Patch) -> None:
    def reading(original: Any, *layout: Any, is_planar: bool) -> Any:
        return original(*layout, is_planar=False)

    patch.around(tiff_layout, "_reading", reading)


@mutant("results have an alpha channel", "pixels.result-is-opaque")
def result_has_alpha(patch: Patch) -> None:
    def encode(original: Any, picture: Image.Image, kind: Format, *rest: Any, **more: Any) -> bytes:
        if kind is not Format.PNG:
            return bytes(original(picture, kind, *rest, **more))
        return _file(picture.convert("RGBA"))

    patch.around(pipeline, "encode", encode)


@mutant("a lossy result is hardly the picture any more", "pixels.kept-pixels-are-close-in-lossy-formats")
def lossy_formats_are_poor(patch: Patch) -> None:
    settings = {
        **finish._SETTINGS,
        Format.JPG: {"format": "JPEG", "quality": 2},
        Format.WEBP: {"format": "WEBP", "quality": 1},
    }
    patch.set(finish, "_SETTINGS", settings)


@mutant("an opaque picture without a mask is painted over", "bad-pictures.opaque-picture-without-a-mask-is-refused")
def nothing_to_paint_is_painted(patch: Patch) -> None:
    def take(original: Any, image: bytes, mask: bytes | None, *rest: Any) -> Any:
        if mask is None:
            with Image.open(BytesIO(image)) as opened:
                opaque = opened.convert("RGBA").getchannel("A").getextrema() == (255, 255)
                half = Image.new("L", opened.size, 0)
                half.paste(255, (0, 0, opened.width // 2, opened.height))
            mask = _file(half) if opaque else None
        return original(image, mask, *rest)

    patch.around(inspection, "_take_both", take)


@mutant("a picture with nothing to keep is painted whole", "bad-pictures.transparent-picture-is-refused")
def nothing_to_keep_is_painted(patch: Patch) -> None:
    def read(original: Any, image_alpha: Any, mask: Any, **rest: Any) -> Any:
        if mask is None and image_alpha is not None and image_alpha.getextrema() == (0, 0):
            image_alpha = image_alpha.copy()
            image_alpha.putpixel((0, 0), 255)
        return original(image_alpha, mask, **rest)

    patch.around(inspection, "keep_map", read)


@mutant("a mask of another size is stretched", "bad-pictures.mask-of-another-size-is-refused")
def mask_is_stretched(patch: Patch) -> None:
    def take(original: Any, image: bytes, mask: bytes | None, *rest: Any) -> Any:
        if mask is not None:
            with Image.open(BytesIO(image)) as opened, Image.open(BytesIO(mask)) as other:
                if opened.size != other.size:
                    mask = _file(other.resize(opened.size))
        return original(image, mask, *rest)

    patch.around(inspection, "_take_both", take)


@mutant("16 bits a channel are cut to white", "inputs.sixteen-bits-are-rounded")
def sixteen_bits_are_clipped(patch: Patch) -> None:
    def of(_: Any, pixels: Image.Image, keep: Image.Image, profile: Any, interpretation: Any) -> Canvas:
        if any("16" in warning for warning in interpretation.warnings):
            pixels = Image.new("RGB", pixels.size, (255, 255, 255))
        return original(pixels, keep, profile, interpretation)

    original = Canvas.of
    patch.set(Canvas, "of", classmethod(of))


def _file(picture: Image.Image) -> bytes:
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
