"""The keep map (docs/facts/pixels.md#which-pixels-are-painted), row by row, from files to canvas."""

from __future__ import annotations

import random
import struct
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import MaskMode, MaskSource, PictureLimits
from outpaint.painting.canvas import Canvas
from outpaint.painting.inputs.inspection import inspect, read_canvas

SMALL = PictureLimits(min_side=1, max_side=64)
SIZE = (24, 20)
BOX = (6, 5, 18, 15)


def flat(value: int, inside: int | None = None, size: tuple[int, int] = SIZE) -> Image.Image:
    """L of one value, with another inside the box."""
    picture = Image.new("L", size, value)
    if inside is not None:
        picture.paste(inside, BOX)
    return picture


def with_alpha(colours: Image.Image, alpha: Image.Image) -> Image.Image:
    colours = colours.convert("RGB")
    colours.putalpha(alpha)
    return colours


def both(image: bytes, mask: bytes | None = None, **options) -> Canvas:
    """The canvas; what `inspect` says of the same files must be the same."""
    canvas = read_canvas(image, mask, **options)
    seen = inspect(image, mask, **options)
    assert (seen.width, seen.height) == canvas.size
    assert seen.interpretation == canvas.interpretation
    assert canvas.picture.mode == "RGB"
    assert canvas.keep.mode == "L"
    assert canvas.keep.size == canvas.size
    return canvas


@pytest.fixture
def refused(refusal):
    """The error that both functions raise for the same files."""

    def call(*args, **kwargs):
        first, second = refusal(read_canvas, *args, **kwargs), refusal(inspect, *args, **kwargs)
        assert (first.code, first.field, first.detail) == (second.code, second.field, second.detail)
        return first

    return call


# No mask: the image's own alpha.


def test_the_alpha_of_the_image_is_the_keep_map(files):
    picture = files.noise("RGBA")
    canvas = both(files.encoded(picture))
    assert canvas.keep.tobytes() == picture.getchannel("A").tobytes()
    assert canvas.interpretation.source is MaskSource.IMAGE_ALPHA


def test_straight_colours_stay_and_hidden_ones_go(files):
    picture = files.noise("RGBA")
    canvas = both(files.encoded(picture))
    for kept, shown, found in zip(
        canvas.keep.tobytes(),
        struct.iter_unpack("3B", picture.convert("RGB").tobytes()),
        struct.iter_unpack("3B", canvas.picture.tobytes()),
        strict=True,
    ):
        assert found == (shown if kept else (0, 0, 0))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_an_opaque_image_alone_is_nothing_to_paint(files, refused, kind, mode):
    error = refused(files.encoded(files.noise(mode), kind), image_field="image_url")
    assert (error.code, error.field) == (ErrorCode.NOTHING_TO_PAINT, "image_url")
    assert "--extend" in error.detail


def test_an_alpha_channel_that_is_opaque_throughout_is_nothing_to_paint(files, refused):
    error = refused(files.encoded(with_alpha(files.noise(), flat(255))))
    assert error.code is ErrorCode.NOTHING_TO_PAINT


def test_an_image_that_is_transparent_throughout_is_nothing_to_keep(files, refused):
    error = refused(files.encoded(with_alpha(files.noise(), flat(0))))
    assert (error.code, error.field) == (ErrorCode.NOTHING_TO_KEEP, "image")


# A mask with alpha: its alpha.


def test_the_alpha_of_the_mask_is_the_keep_map_and_its_colours_count_for_nothing(files):
    image = files.encoded(files.noise(), "JPEG")
    weights = files.noise("L", seed=5)
    canvases = [both(image, files.encoded(with_alpha(files.noise(seed=seed), weights))) for seed in (1, 2)]
    for canvas in canvases:
        assert canvas.keep.tobytes() == weights.tobytes()
        assert canvas.interpretation.source is MaskSource.MASK_ALPHA
        assert not any("brightness" in warning for warning in canvas.interpretation.warnings)


def test_a_plain_cut_out_mask_needs_no_word(files):
    mask = with_alpha(files.noise(), flat(0, 255))
    assert both(files.encoded(files.noise()), files.encoded(mask)).interpretation.warnings == ()


def test_transparency_by_palette_counts_as_alpha(files):
    mask = Image.new("P", SIZE, 0)
    mask.paste(1, BOX)
    mask.putpalette([255, 255, 255, 0, 0, 0])
    canvas = both(files.encoded(files.noise()), files.encoded(mask, transparency=0))
    assert canvas.keep.tobytes() == flat(0, 255).tobytes()
    assert canvas.interpretation.source is MaskSource.MASK_ALPHA


def test_transparency_by_colour_counts_as_alpha(files):
    canvas = both(files.encoded(files.noise()), files.encoded(flat(9, 200), transparency=9))
    assert canvas.keep.tobytes() == flat(0, 255).tobytes()


# A mask without alpha: its brightness.


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P", "I;16"])
def test_white_keeps_and_black_paints(files, mode):
    mask = flat(0, 255)
    mask = mask.point(lambda v: v * 257, "I").convert("I;16") if mode == "I;16" else mask.convert(mode)
    canvas = both(files.encoded(files.noise()), files.encoded(mask))
    assert canvas.keep.tobytes() == flat(0, 255).tobytes()
    assert canvas.interpretation.source is MaskSource.MASK_LUMINANCE
    assert any("inverted_luminance" in warning for warning in canvas.interpretation.warnings)
    assert canvas.interpretation.painted_share == 0.75


def test_brightness_is_weighed_as_the_eye_does(files):
    mask = Image.new("RGB", SIZE, (0, 0, 0))
    for x, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]):
        mask.putpixel((x, 0), colour)
    keep = both(files.encoded(files.noise()), files.encoded(mask)).keep
    assert [keep.getpixel((x, 0)) for x in range(4)] == [76, 150, 29, 255]


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_lossy_mask_is_snapped(files, kind):
    mask = files.encoded(flat(0, 255), kind, quality=30)
    with Image.open(BytesIO(mask)) as ringing:
        assert set(ringing.convert("L").tobytes()) != {0, 255}
    counts = both(files.encoded(files.noise()), mask).keep.histogram()
    assert not any(counts[1:9])
    assert not any(counts[247:255])
    assert counts[0]
    assert counts[255]


def test_a_lossless_mask_is_not_snapped(files):
    mask = Image.frombytes("L", (16, 16), bytes(range(256)))
    canvas = both(files.encoded(files.noise(size=(16, 16))), files.encoded(mask))
    assert canvas.keep.tobytes() == bytes(range(256))


# Overrides.


def test_inverted_luminance(files):
    canvas = both(files.encoded(files.noise()), files.encoded(flat(255, 0)), mask_mode=MaskMode.INVERTED_LUMINANCE)
    assert canvas.keep.tobytes() == flat(0, 255).tobytes()
    assert canvas.interpretation.source is MaskSource.MASK_INVERTED_LUMINANCE
    assert canvas.interpretation.warnings == ()


def test_an_asked_for_luminance_is_not_wondered_at(files):
    canvas = both(files.encoded(files.noise()), files.encoded(flat(0, 255)), mask_mode=MaskMode.LUMINANCE)
    assert canvas.interpretation.source is MaskSource.MASK_LUMINANCE
    assert canvas.interpretation.warnings == ()


@pytest.mark.parametrize(
    ("mode", "kept"), [(MaskMode.LUMINANCE, flat(0, 255)), (MaskMode.INVERTED_LUMINANCE, flat(255, 0))]
)
def test_what_is_transparent_in_a_mask_read_by_brightness_counts_as_black(files, mode, kept):
    mask = with_alpha(flat(255), flat(0, 255))
    assert both(files.encoded(files.noise()), files.encoded(mask), mask_mode=mode).keep.tobytes() == kept.tobytes()


def test_alpha_asked_of_a_mask_that_has_none(files, refused):
    error = refused(files.encoded(files.noise()), files.encoded(flat(0, 255)), mask_mode=MaskMode.ALPHA)
    assert (error.code, error.field) == (ErrorCode.INVALID_PARAMETER, "mask_mode")
    assert "mask_image has no alpha" in error.detail


def test_alpha_asked_of_a_mask_that_is_opaque(files, refused):
    mask = with_alpha(flat(0, 255), flat(255))
    error = refused(files.encoded(files.noise()), files.encoded(mask), mask_mode=MaskMode.ALPHA)
    assert (error.code, error.field) == (ErrorCode.NOTHING_TO_PAINT, "mask_image")


def test_a_mask_mode_without_a_mask_is_said_to_have_no_effect(files):
    canvas = both(files.encoded(files.cut_out()), mask_mode=MaskMode.LUMINANCE)
    assert canvas.interpretation.source is MaskSource.IMAGE_ALPHA
    assert "mask_mode had no effect" in canvas.interpretation.warnings[0]


# Both.


def test_the_smaller_weight_of_mask_and_image_counts(files):
    image_alpha, weights = files.noise("L", seed=1), files.noise("L", seed=2)
    image_alpha.paste(0, (0, 0, 8, 8))
    canvas = both(
        files.encoded(with_alpha(files.noise(), image_alpha)),
        files.encoded(with_alpha(files.noise(), weights)),
    )
    expected = bytes(map(min, image_alpha.tobytes(), weights.tobytes()))
    assert canvas.keep.tobytes() == expected
    assert canvas.interpretation.source is MaskSource.MASK_ALPHA
    assert any("fully transparent in image" in warning for warning in canvas.interpretation.warnings)
    assert any("image is half transparent where the mask" in warning for warning in canvas.interpretation.warnings)


def test_a_mask_that_keeps_no_more_than_the_image_needs_no_word(files):
    image = with_alpha(files.noise(), flat(0, 128))
    canvas = both(files.encoded(image), files.encoded(image))
    assert canvas.keep.tobytes() == flat(0, 128).tobytes()
    assert not any("mask keeps" in warning for warning in canvas.interpretation.warnings)


def test_an_empty_image_under_an_opaque_mask_still_has_something_to_paint(files):
    image = with_alpha(files.noise(), flat(0, 255))
    canvas = both(files.encoded(image), files.encoded(flat(255)))
    assert canvas.keep.tobytes() == flat(0, 255).tobytes()


def test_a_mask_that_keeps_what_is_empty_alone_keeps_nothing(files, refused):
    image = with_alpha(files.noise(), flat(255, 0))
    error = refused(files.encoded(image), files.encoded(flat(0, 255)))
    assert (error.code, error.field) == (ErrorCode.NOTHING_TO_KEEP, "mask_image")
    assert "transparent in image" in error.detail


@pytest.mark.parametrize(("value", "code"), [(255, ErrorCode.NOTHING_TO_PAINT), (0, ErrorCode.NOTHING_TO_KEEP)])
@pytest.mark.parametrize("kind", ["alpha", "luminance"])
def test_a_mask_of_one_extreme_is_refused(files, refused, value, code, kind):
    if kind == "alpha" and value == 255:
        mask = flat(255)
    else:
        mask = with_alpha(flat(255), flat(value)) if kind == "alpha" else flat(value)
    error = refused(files.encoded(files.noise()), files.encoded(mask), mask_field="mask_url")
    assert (error.code, error.field) == (code, "mask_url")


# Sizes.


def test_two_sizes_are_both_named(files, refused):
    error = refused(files.encoded(files.noise()), files.encoded(flat(0, size=(30, 20))))
    assert (error.code, error.field) == (ErrorCode.SIZE_MISMATCH, "mask_image")
    assert "24x20" in error.detail
    assert "30x20" in error.detail


def test_sizes_are_compared_after_each_is_turned(files, refused):
    image = files.encoded(files.noise(size=(24, 20)), "JPEG", exif=files.exif(6))
    upright = flat(0, 255, size=(20, 24))
    assert both(image, files.encoded(upright)).keep.tobytes() == upright.tobytes()
    turned = flat(0, 255, size=(24, 20))
    canvas = both(image, files.encoded(turned, exif=files.exif(6)))
    assert canvas.keep.tobytes() == turned.transpose(Image.Transpose.ROTATE_270).tobytes()
    error = refused(image, files.encoded(turned))
    assert error.code is ErrorCode.SIZE_MISMATCH
    assert "orientation to both or to neither" in error.detail


def test_the_header_of_the_mask_is_judged_before_any_pixel_of_the_image(files, refused):
    broken = files.encoded(files.noise(), "JPEG")[:-200]
    error = refused(broken, b"GIF89a")
    assert (error.code, error.field) == (ErrorCode.UNSUPPORTED_IMAGE_TYPE, "mask_image")


# Words.


def test_a_mask_that_paints_the_inside_is_wondered_at(files):
    canvas = both(files.encoded(files.noise()), files.encoded(flat(255, 0)))
    assert any("inpainting" in warning for warning in canvas.interpretation.warnings)


def test_much_softness_is_named_and_little_is_not(files):
    image = files.encoded(files.noise())
    soft = both(image, files.encoded(flat(255, 100)))
    assert any("25% of the picture is neither" in warning for warning in soft.interpretation.warnings)
    edge = flat(0, 255)
    edge.paste(128, (6, 5, 7, 15))
    assert not any("neither" in warning for warning in both(image, files.encoded(edge)).interpretation.warnings)


def test_a_picture_without_one_exactly_kept_pixel_is_named(files):
    canvas = both(files.encoded(with_alpha(files.noise(), flat(0, 254))))
    assert any("kept exactly" in warning for warning in canvas.interpretation.warnings)


@pytest.mark.parametrize(("value", "share"), [(254, 0.0001), (1, 0.9999)])
def test_a_share_is_never_rounded_to_nothing_or_all(files, value, share):
    alpha = Image.new("L", (64, 64), 255 if value == 254 else 0)
    alpha.putpixel((3, 3), value)
    canvas = both(files.encoded(with_alpha(Image.new("L", (64, 64)), alpha)))
    assert canvas.interpretation.painted_share == share


def test_16_bits_and_cmyk_are_told_in_both(files):
    cmyk = files.encoded(Image.new("CMYK", SIZE, (10, 20, 30, 0)), "JPEG")
    canvas = both(cmyk, files.encoded(with_alpha(flat(0), flat(0, 255))))
    assert any("CMYK" in warning for warning in canvas.interpretation.warnings)


# Properties.


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1_000), other=st.integers(1_001, 2_000), kind=st.sampled_from(["PNG", "TIFF", "WEBP"]))
def test_what_lies_under_full_transparency_changes_nothing(files, seed, other, kind):
    picture = files.noise("RGBA", seed=seed)
    alpha = picture.getchannel("A").point(lambda v: 0 if v < 128 else v)
    picture.putalpha(alpha)
    hidden = Image.composite(picture.convert("RGB"), files.noise(seed=other), alpha.point(lambda v: 255 * (v > 0)))
    hidden.putalpha(alpha)
    assert ImageChops.difference(picture.convert("RGB"), hidden.convert("RGB")).getbbox()
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    first, second = (both(files.encoded(p, kind, **options)) for p in (picture, hidden))
    assert first.picture.tobytes() == second.picture.tobytes()
    assert first.keep.tobytes() == second.keep.tobytes()


def corrupt(data: bytes, seed: int) -> bytes:
    """A file with some bytes changed, and often cut short."""
    rng = random.Random(seed)
    broken = bytearray(data)
    # Headers are short and decide most: they get half of the changes.
    for _ in range(rng.choice([0, 1, 1, 2, 5, 20])):
        place = rng.randrange(min(len(broken), rng.choice([64, 200, len(broken)])))
        broken[place] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    if rng.random() < 0.5:
        del broken[rng.randrange(len(broken)) :]
    if rng.random() < 0.2:
        broken += rng.randbytes(rng.randrange(40))
    return bytes(broken)


def samples(files) -> list[bytes]:
    """One file of each kind and pixel layout."""
    profile = files.grey_profile(1.8)
    rgba, rgb, grey = files.cut_out(), files.noise(), files.noise("L")
    wide = struct.pack(">96H", *range(0, 96 * 600, 600))
    return [
        files.encoded(rgba),
        files.encoded(rgb, icc_profile=files.profile(b"RGB "), exif=files.exif(6)),
        files.encoded(grey, icc_profile=profile),
        files.encoded(grey.convert("P"), transparency=3),
        files.raw_png((24, 16), 16, 6, [wide] * 16),
        files.raw_png((48, 16), 16, 4, [wide] * 16),
        files.encoded(rgb, "JPEG", exif=files.exif(6), icc_profile=files.profile(b"RGB "), comment=b"x"),
        files.encoded(rgb, "JPEG", progressive=True),
        files.encoded(Image.new("CMYK", SIZE), "JPEG", icc_profile=files.cmyk_profile()),
        files.encoded(rgba, "WEBP", lossless=True),
        files.encoded(rgba, "WEBP", exif=files.exif(3), icc_profile=files.profile(b"RGB ")),
        files.encoded(rgb, "WEBP"),
        files.encoded(rgb, "BMP"),
        files.encoded(grey.convert("P"), "BMP"),
        files.encoded(rgba, "BMP"),
        files.encoded(rgba, "TIFF", tiffinfo={274: 6, 305: "a program"}),
        *(files.encoded(rgba, "TIFF", compression=c) for c in ("tiff_lzw", "tiff_adobe_deflate", "packbits")),
        files.encoded(rgb, "TIFF", compression="jpeg"),
        files.encoded(grey.convert("1"), "TIFF", compression="tiff_lzw"),
    ]


@pytest.fixture(scope="session")
def sound_files(files) -> list[bytes]:
    return samples(files)


@settings(max_examples=1_500, deadline=None)
@given(which=st.integers(0, 20), seed=st.integers(0, 2**32 - 1), role=st.sampled_from(["alone", "image", "mask"]))
def test_no_damaged_file_does_more_than_be_refused(files, sound_files, which, seed, role):
    data, mask = corrupt(sound_files[which], seed), flat(0, 255)
    other = files.encoded(mask.crop((0, 0, 24, 16)) if which in (4, 5) else mask)
    pair = {"alone": (data, None), "image": (data, other), "mask": (other, data)}[role]
    outcomes = []
    for function in (read_canvas, inspect):
        try:
            outcomes.append(function(*pair, limits=SMALL).interpretation)
        except OutpaintError as error:
            outcomes.append((error.code, error.field))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("which", range(21))
def test_every_file_is_sound_before_it_is_damaged(refusal, files, sound_files, which):
    weights = flat(0, 255) if which not in (1, 4, 5, 6, 15) else None
    mask = weights or Image.new("L", {4: (24, 16), 5: (48, 16)}.get(which, (20, 24)), 255)
    if weights is None:
        mask.paste(0, (0, 0, 9, 9))
    assert both(sound_files[which], files.encoded(mask)).size == mask.size


@settings(max_examples=300, deadline=None)
@given(
    head=st.sampled_from(
        [
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"RIFF\x40\0\0\0WEBP",
            b"BM" + bytes(12) + b"\x28\0\0\0",
            b"II*\0",
            b"MM\0+",
        ]
    ),
    rest=st.binary(max_size=200),
)
def test_any_bytes_behind_a_signature_are_refused_cleanly(head, rest):
    with pytest.raises(OutpaintError):
        read_canvas(head + rest)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_unreadable(files, refused, kind, share):
    data = files.encoded(files.noise(size=(64, 64)), kind)
    mask = files.encoded(flat(0, 255, size=(64, 64)))
    error = refused(data[: int(len(data) * share)], mask)
    assert (error.code, error.field) == (ErrorCode.UNREADABLE_IMAGE, "image")
