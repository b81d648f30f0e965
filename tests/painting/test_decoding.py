"""Every kind of pixel comes out as 8-bit L, LA, RGB or RGBA, in the right colours, the right way up."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageOps

from outpaint.painting.inputs.decoding import decode
from outpaint.painting.inputs.file_header import orientation
from outpaint.painting.inputs.intake import take


def decoded(data: bytes, **options):
    return decode(take(data, "image"), **options)


def same(first: Image.Image, second: Image.Image) -> bool:
    return first.mode == second.mode and first.size == second.size and first.tobytes() == second.tobytes()


@pytest.fixture(scope="session")
def rgb_profile() -> bytes:
    """A profile that is not sRGB in its bytes, though Pillow made it."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_plain_modes_are_lossless(files, kind, mode):
    picture = files.noise(mode)
    if kind == "WEBP":
        picture = picture.convert("RGBA" if "A" in mode else "RGB")
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    result = decoded(files.encoded(picture, kind, **options))
    assert same(result.pixels, picture)
    assert result.warnings == ()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_one_bit_becomes_black_and_white(files, kind):
    picture = files.noise("L").point(lambda v: 255 * (v > 127)).convert("1")
    assert same(decoded(files.encoded(picture, kind)).pixels.convert("L"), picture.convert("L"))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_a_palette_becomes_its_colours(files, kind):
    palette = Image.frombytes("P", (24, 20), files.noise("L").tobytes())
    palette.putpalette(files.noise("L", (768, 1), seed=3).tobytes())
    assert same(decoded(files.encoded(palette, kind)).pixels, palette.convert("RGB"))


def test_a_palette_with_alphas_becomes_rgba(files):
    palette = Image.frombytes("P", (16, 16), bytes(range(256)))
    palette.putpalette(files.noise("L", (768, 1), seed=3).tobytes())
    data = files.encoded(palette, transparency=bytes(reversed(range(256))))
    result = decoded(data).pixels
    assert result.mode == "RGBA"
    assert result.getchannel("A").tobytes() == bytes(reversed(range(256)))
    assert same(result.convert("RGB"), palette.convert("RGB"))


def test_a_palette_with_one_transparent_entry(files):
    palette = Image.frombytes("P", (16, 16), bytes(range(256)))
    palette.putpalette(bytes(768))
    result = decoded(files.encoded(palette, transparency=7)).pixels
    assert [i for i, a in enumerate(result.getchannel("A").tobytes()) if a == 0] == [7]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_grey_that_counts_as_transparent_counts_at_every_depth(files, bits):
    highest = (1 << bits) - 1
    values = [(7 * i) % (highest + 1) for i in range(32)]
    row = sum(value << bits * (31 - i) for i, value in enumerate(values)).to_bytes(4 * bits, "big")
    data = files.raw_png((32, 16), bits, 0, [row] * 16, (b"tRNS", struct.pack(">H", values[1])))
    result = decoded(data).pixels
    assert result.mode == "LA"
    assert list(result.getchannel("A").tobytes()[:32]) == [0 if v == values[1] else 255 for v in values]
    assert list(result.getchannel("L").tobytes()[:32]) == [(v * 255 + highest // 2) // highest for v in values]


@pytest.mark.parametrize("bits", [8, 16])
def test_an_rgb_value_that_counts_as_transparent_counts_exactly(files, bits):
    top = 1 << bits
    pixels = [((3 * i) % top, (top - 1 - i) % top, i % 2) for i in range(32)]
    form = ">3B" if bits == 8 else ">3H"
    row = b"".join(struct.pack(form, *pixel) for pixel in pixels)
    data = files.raw_png((32, 16), bits, 2, [row] * 16, (b"tRNS", struct.pack(">3H", *pixels[5])))
    alpha = decoded(data).pixels.getchannel("A").tobytes()[:32]
    assert [i for i, a in enumerate(alpha) if a == 0] == [5]


@settings(max_examples=25, deadline=None)
@given(
    colour_type=st.sampled_from([(0, "L"), (4, "LA"), (2, "RGB"), (6, "RGBA")]),
    values=st.lists(st.integers(0, 65_535), min_size=96, max_size=96),
)
def test_sixteen_bits_are_rounded_to_eight(files, colour_type, values):
    number, mode = colour_type
    row = struct.pack(">96H", *values)
    result = decoded(files.raw_png((96 // len(mode), 16), 16, number, [row] * 16))
    assert result.pixels.mode == mode
    assert list(result.pixels.tobytes()[:96]) == [(value * 255 + 32_767) // 65_535 for value in values]
    assert any("16 bits" in warning for warning in result.warnings)


def test_sixteen_bit_grey_tiff_is_rounded(files):
    values = [0, 1, 128, 129, 0x12FE, 0x7FFF, 0xFF00, 0xFFFF] * 4
    picture = Image.frombytes("I;16", (32, 16), struct.pack("<32H", *values) * 16)
    result = decoded(files.encoded(picture, "TIFF"))
    assert list(result.pixels.tobytes()[:32]) == [(value * 255 + 32_767) // 65_535 for value in values]
    assert result.warnings


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tag", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(files, kind, tag, order):
    picture = files.noise("RGB", (24, 18))
    block = files.exif(tag, order=order)
    if kind == "TIFF":
        data = files.encoded(picture, kind, tiffinfo={274: tag})
    else:
        data = files.encoded(picture, kind, exif=block, **({"lossless": True} if kind == "WEBP" else {}))
    unturned = decoded(files.encoded(picture, kind, **({"lossless": True} if kind == "WEBP" else {}))).pixels
    shown = unturned.copy()
    shown.getexif()[0x0112] = tag
    shown = ImageOps.exif_transpose(shown)
    result = decoded(data).pixels
    assert same(result, shown)
    assert take(data, "image").header.shown_size == shown.size


@pytest.mark.parametrize(
    ("value", "kind", "count"), [(0, 3, 1), (9, 3, 1), (65_535, 3, 1), (0, 4, 1), (6, 4, 1), (6, 3, 2), (6, 3, 0)]
)
def test_an_orientation_that_is_not_valid_is_ignored(files, value, kind, count):
    data = files.encoded(files.noise("RGB", (24, 18)), "JPEG", exif=files.exif(value, kind=kind, count=count))
    assert decoded(data).pixels.size == (24, 18)


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda b: b"Exif\0\0II*\0\x08\0\0\0" + b))
def test_any_bytes_as_exif_give_an_orientation(block):
    assert 1 <= orientation(block) <= 8


def test_rgb_with_a_profile_keeps_values_and_profile(files, rgb_profile):
    picture = files.noise()
    for kind in ("PNG", "TIFF", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        result = decoded(files.encoded(picture, kind, icc_profile=rgb_profile, **options))
        assert same(result.pixels, picture)
        assert result.icc_profile == rgb_profile
    assert decoded(files.encoded(picture, "JPEG", icc_profile=rgb_profile)).icc_profile == rgb_profile


def test_a_profile_in_many_jpeg_segments_is_put_together(files):
    profile = files.profile(b"RGB ", tags={b"data": b"data" + bytes(200_000)})
    assert decoded(files.encoded(files.noise(), "JPEG", icc_profile=profile)).icc_profile == profile


@pytest.mark.parametrize("space", [b"CMYK", b"GRAY", b"Lab "])
def test_a_profile_of_other_colours_is_ignored_with_a_word(files, space):
    picture = files.noise()
    result = decoded(files.encoded(picture, icc_profile=files.profile(space)))
    assert same(result.pixels, picture)
    assert result.icc_profile is None
    assert any("profile" in warning for warning in result.warnings)


def test_a_damaged_profile_is_ignored_with_a_word(files):
    result = decoded(files.encoded(files.noise(), icc_profile=b"not a profile"))
    assert result.icc_profile is None
    assert any("damaged" in warning for warning in result.warnings)


def test_grey_with_a_grey_profile_becomes_srgb(files):
    ramp = Image.frombytes("L", (256, 16), bytes(range(256)) * 16)
    result = decoded(files.encoded(ramp, icc_profile=files.grey_profile(1.0)))
    assert result.pixels.mode == "RGB"
    assert result.icc_profile is None
    # Linear light at half is 188 in sRGB; ends stay where they are.
    assert [result.pixels.getpixel((x, 0))[0] for x in (0, 255)] == [0, 255]
    assert abs(result.pixels.getpixel((128, 0))[1] - 188) <= 1
    assert any("sRGB" in warning for warning in result.warnings)


def test_grey_with_alpha_and_a_grey_profile_keeps_its_alpha(files):
    picture = files.noise("LA")
    result = decoded(files.encoded(picture, icc_profile=files.grey_profile(1.8)))
    assert result.pixels.mode == "RGBA"
    assert same(result.pixels.getchannel("A"), picture.getchannel("A"))


def test_cmyk_goes_through_its_profile(files):
    inks = Image.new("CMYK", (24, 20), (255, 0, 0, 0))
    inks.paste((0, 0, 0, 0), (0, 0, 12, 20))
    for kind in ("JPEG", "TIFF"):
        options = {"quality": 100} if kind == "JPEG" else {}
        result = decoded(files.encoded(inks, kind, icc_profile=files.cmyk_profile(), **options))
        red, green, blue = result.pixels.getpixel((20, 10))
        # The plain formula would give cyan; this press prints it as mid grey.
        assert max(red, green, blue) - min(red, green, blue) < 10
        assert 100 < green < 140
        assert min(result.pixels.getpixel((2, 10))) > 250
        assert result.icc_profile is None
        assert any("CMYK" in w and "through its colour profile" in w for w in result.warnings)


def test_cmyk_without_a_profile_is_turned_with_a_word(files):
    result = decoded(files.encoded(Image.new("CMYK", (24, 20), (0, 255, 255, 0)), "JPEG", quality=100))
    red, green, blue = result.pixels.getpixel((10, 10))
    assert red > 240
    assert max(green, blue) < 15
    assert any("about right" in warning for warning in result.warnings)


def test_ycck_is_read(files):
    cmyk = Image.new("CMYK", (24, 20), (0, 255, 255, 0))
    data = files.encoded(cmyk, "JPEG", quality=100)
    assert b"Adobe" in data
    marker = data.index(b"Adobe") + 11
    # Transform 2 says that the first three channels are YCbCr: the same bytes mean other inks.
    ycck = data[:marker] + b"\x02" + data[marker + 1 :]
    first, second = decoded(data).pixels, decoded(ycck).pixels
    assert first.mode == second.mode == "RGB"
    assert ImageChops.difference(first, second).getbbox()


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt", b"iTXt"])
def test_a_bomb_in_a_metadata_chunk_does_not_go_off(files, kind):
    bomb = zlib.compress(bytes(200_000_000), 9)
    head = {b"iCCP": b"x\0\0", b"zTXt": b"x\0\0", b"iTXt": b"x\0\x01\0\0\0"}[kind]
    picture = files.noise()
    result = decoded(files.with_chunk(files.encoded(picture), kind, head + bomb))
    assert same(result.pixels, picture)
    assert result.icc_profile is None


def test_a_long_text_in_a_png_is_no_reason_to_refuse_it(files):
    picture = files.noise()
    text = b"XML:com.adobe.xmp\0\x01\0\0\0" + zlib.compress(b"<x>" * 2_000_000)
    assert same(decoded(files.with_chunk(files.encoded(picture), b"iTXt", text)).pixels, picture)


def test_nothing_but_pixels_is_left(files):
    picture = files.noise()
    data = files.encoded(picture, "JPEG", exif=files.exif(1), comment=b"a remark", dpi=(300, 300))
    result = decoded(data).pixels
    assert result.info == {}
    assert dict(result.getexif()) == {}


def tiff_tags(bits: list[int], photometric: int, *, alpha: int | None = None) -> dict[int, tuple[str, list[int]]]:
    """The tags of a picture 16 px high; alpha is the kind of extra sample (1 premultiplied, 2 straight)."""
    tags = {256: ("H", [32]), 257: ("H", [16]), 258: ("H", bits), 262: ("H", [photometric]), 277: ("H", [len(bits)])}
    return tags | ({338: ("H", [alpha])} if alpha is not None else {})


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_16_bit_tiff_is_rounded_in_either_byte_order(files, order, big, channels):
    values = [(i * 40_503) % 65_536 for i in range(32 * 16 * channels)]
    tags = tiff_tags([16] * channels, 1 if channels == 1 else 2, alpha=2 if channels == 4 else None)
    content = struct.pack(f"{order}{len(values)}H", *values)
    result = decoded(files.raw_tiff(tags, content, order=order, big=big))
    assert list(result.pixels.tobytes()) == [(value * 255 + 32_767) // 65_535 for value in values]


def test_premultiplied_alpha_becomes_straight(files):
    content = bytes([50, 100, 0, 128]) * (32 * 16)
    result = decoded(files.raw_tiff(tiff_tags([8] * 4, 2, alpha=1), content))
    assert result.pixels.mode == "RGBA"
    red, green, blue, alpha = result.pixels.getpixel((3, 3))
    assert (round(red * 128 / 255), round(green * 128 / 255), blue, alpha) == (50, 100, 0, 128)


def test_lab_becomes_srgb(files):
    content = bytes([255, 0, 0]) * (32 * 16)
    result = decoded(files.raw_tiff(tiff_tags([8] * 3, 8), content))
    assert result.pixels.mode == "RGB"
    assert min(result.pixels.getpixel((3, 3))) >= 250
    assert any("L*a*b*" in warning for warning in result.warnings)


@pytest.mark.parametrize("planar", [1, 2])
def test_a_tall_tiff_that_pillow_has_no_mode_for_is_read_to_its_last_row(files, planar):
    """It is put together in strips of rows."""
    height = 300
    grey = [(i * 40_503) % 65_536 for i in range(16 * height)]
    alpha = [(i * 30_011) % 65_536 for i in range(16 * height)]
    values = grey + alpha if planar == 2 else [value for pair in zip(grey, alpha, strict=True) for value in pair]
    content = struct.pack(f"<{len(values)}H", *values)
    half = len(content) // 2
    places = {273: ("I", [16, 16 + half]), 279: ("I", [half, half])} if planar == 2 else {}
    tags = tiff_tags([16, 16], 1, alpha=2) | {256: ("H", [16]), 257: ("H", [height]), 284: ("H", [planar])} | places
    result = decoded(files.raw_tiff(tags, content)).pixels
    assert result.mode == "LA"
    for band, meant in (("L", grey), ("A", alpha)):
        assert list(result.getchannel(band).tobytes()) == [(value * 255 + 32_767) // 65_535 for value in meant]


def test_planes_of_different_numbers_of_strips_are_damage(files, refusal):
    tags = tiff_tags([8] * 3, 2) | {284: ("H", [2]), 273: ("I", [16] * 4), 279: ("I", [512] * 4)}
    assert "planes" in refusal(decoded, files.raw_tiff(tags, bytes(2_048))).detail


def test_pillows_own_limit_does_not_refuse_what_ours_takes(files, monkeypatch):
    """Rows are read as bytes here, four a pixel, of which Pillow would count each as one."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 32 * 16)
    result = decoded(files.raw_tiff(tiff_tags([16, 16], 1, alpha=2), bytes(4 * 32 * 16)))
    assert result.pixels.size == (32, 16)
