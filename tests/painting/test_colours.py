"""Colours that a file states look the same in the result: values are kept, and a profile says what they mean."""

from __future__ import annotations

import base64
import struct
from io import BytesIO

import numpy as np
import pytest
from chromium import browser as browser
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from playwright.sync_api import Browser

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.masks_and_formats import Format
from outpaint.painting.finish import encode
from outpaint.painting.inputs.colour_chunks import ColourChunks, rgb_profile, stated_colours
from outpaint.painting.inputs.decoding import decode
from outpaint.painting.inputs.file_header import MAX_CARRIED_PROFILE_BYTES, UnsupportedFileError
from outpaint.painting.inputs.inspection import read_canvas
from outpaint.painting.inputs.intake import take

_SIDE = 64
_MIDDLE = (8, 8, 56, 56)
_P3 = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
_SRGB = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


def gamma(exponent: float) -> bytes:
    return struct.pack(">I", round(exponent * 100_000))


def ramp() -> Image.Image:
    """Smooth colours, opaque in the middle alone."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    pixels = np.stack([4 * x, 4 * y, 2 * (x + y), np.zeros_like(x)], -1).astype(np.uint8)
    left, top, right, bottom = _MIDDLE
    pixels[top:bottom, left:right, 3] = 255
    return Image.fromarray(pixels)


def with_chunks(files, *chunks: tuple[bytes, bytes]) -> bytes:
    png = files.encoded(ramp())
    return png[:33] + b"".join(files.chunk(*chunk) for chunk in chunks) + png[33:]


CASES = {
    "linear light": [(b"gAMA", gamma(1))],
    "a Macintosh's gamma": [(b"gAMA", gamma(0.55556))],
    "P3 by its places": [(b"gAMA", gamma(0.45455)), (b"cHRM", _P3)],
    "P3 by its code points": [(b"cICP", bytes([12, 13, 0, 1]))],
    "BT.2020 as television has it": [(b"cICP", bytes([9, 14, 0, 1]))],
    "cICP before gAMA": [(b"gAMA", gamma(1)), (b"cICP", bytes([12, 13, 0, 1]))],
    "sRGB before gAMA": [(b"gAMA", gamma(1)), (b"sRGB", b"\0")],
    "places without a gamma": [(b"cHRM", _P3)],
    "the gamma of sRGB": [(b"gAMA", gamma(0.45455))],
}


@pytest.fixture(scope="module")
def seen(browser: Browser):
    """What Chromium shows of a picture's middle, as an array."""
    page = browser.new_page(viewport={"width": 80, "height": 80})

    def shown(data: bytes, media_type: str) -> np.ndarray:
        address = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
        page.set_content(f'<body style="margin:0"><img src="{address}"></body>')
        page.wait_for_function("document.images[0].complete && document.images[0].naturalWidth > 0")
        left, top, right, bottom = _MIDDLE
        clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        return np.asarray(Image.open(BytesIO(page.screenshot(clip=clip))).convert("RGB")).astype(int)

    yield shown
    page.close()


def assert_same_look(after: np.ndarray, before: np.ndarray, kind: Format) -> None:
    """PNG to the rounding of the profile; a lossy result in the mean, for single pixels have the codec's noise."""
    off = np.abs(after - before)
    assert off.max() <= 2 if kind is Format.PNG else off.mean() <= 2.5, f"{kind}: {off.max()}, in the mean {off.mean()}"


@pytest.mark.parametrize("case", CASES)
def test_chromium_shows_what_is_kept_as_before(files, seen, case):
    sent = with_chunks(files, *CASES[case])
    canvas = read_canvas(sent)
    before = seen(sent, "image/png")
    for kind in Format:
        after = seen(encode(canvas.picture, kind, canvas.icc_profile), kind.media_type)
        assert_same_look(after, before, kind)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF"])
def test_chromium_shows_pictures_with_a_profile_as_before(files, seen, kind):
    profile = stated_colours(ColourChunks(cicp=bytes([12, 13, 0, 1]))).profile
    picture = ramp().convert("RGB")
    sent = files.encoded(picture, kind, icc_profile=profile, **({} if kind == "TIFF" else {"quality": 95}))
    before_type = "image/" + kind.lower()
    if kind == "TIFF":  # which Chromium does not show
        before = seen(files.encoded(picture, icc_profile=profile), "image/png")
    else:
        before = seen(sent, before_type)
    mask = files.encoded(ramp().getchannel("A"))
    canvas = read_canvas(sent, mask)
    assert canvas.icc_profile == profile
    for format_ in Format:
        after = seen(encode(canvas.picture, format_, canvas.icc_profile), format_.media_type)
        assert_same_look(after, before, format_)


@pytest.mark.parametrize("case", CASES)
def test_values_stay_and_what_was_carried_over_is_said(files, case):
    result = decode(take(with_chunks(files, *CASES[case]), "image"))
    assert result.pixels.tobytes() == ramp().tobytes()
    assert bool(result.warnings) == (result.icc_profile is not None)


def test_srgb_in_numbers_is_taken_for_srgb(files):
    """As libpng takes it. Chromium shows it by the plain exponent of 2.2, up to 6 levels off in shadows."""
    result = decode(take(with_chunks(files, (b"gAMA", gamma(0.45455)), (b"cHRM", _SRGB)), "image"))
    assert (result.icc_profile, result.warnings) == (None, ())


def test_an_embedded_profile_counts_before_srgb_and_gamma(files, rgb_profile_bytes):
    png = files.encoded(ramp(), icc_profile=rgb_profile_bytes)
    data = png[:33] + files.chunk(b"gAMA", gamma(1)) + files.chunk(b"sRGB", b"\0") + png[33:]
    assert decode(take(data, "image")).icc_profile == rgb_profile_bytes


@pytest.fixture(scope="module")
def rgb_profile_bytes() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_a_damaged_profile_leaves_the_word_to_the_next_chunk(files):
    data = with_chunks(files, (b"iCCP", b"x\0\0no zlib"), (b"gAMA", gamma(1)))
    result = decode(take(data, "image"))
    assert result.icc_profile == decode(take(with_chunks(files, (b"gAMA", gamma(1))), "image")).icc_profile


@pytest.mark.parametrize(
    ("content", "seen_in_it"), [((9, 16, 0, 1), "PQ"), ((9, 18, 0, 1), "HLG"), ((1, 13, 0, 0), "narrow range")]
)
def test_colours_that_8_bits_cannot_carry_are_refused_by_name(files, refusal, content, seen_in_it):
    error = refusal(take, with_chunks(files, (b"cICP", bytes(content))), "image")
    assert error.code is ErrorCode.UNSUPPORTED_IMAGE_TYPE
    assert seen_in_it in error.detail


@given(
    st.builds(
        ColourChunks,
        cicp=st.none() | st.binary(max_size=5),
        profile=st.none() | st.binary(max_size=140),
        srgb=st.booleans(),
        gamma=st.none() | st.binary(max_size=5) | st.floats(0, 20).map(gamma),
        chromaticities=st.none() | st.binary(min_size=32, max_size=32) | st.just(_P3),
    )
)
def test_any_chunks_give_a_profile_that_is_one_or_none(chunks):
    try:
        stated = stated_colours(chunks)
    except UnsupportedFileError:
        return
    if stated.profile is not None:
        assert ImageCms.ImageCmsProfile(BytesIO(stated.profile)).profile.xcolor_space.strip() in ("RGB", "GRAY")


@given(st.floats(0.2, 4))
def test_white_is_white_whatever_the_exponent(exponent):
    profile = rgb_profile(((0.64, 0.33), (0.3, 0.6), (0.15, 0.06), (0.3127, 0.329)), (exponent,), "any")
    assert profile is not None
    white = Image.new("RGB", (1, 1), (255, 255, 255))
    shown = ImageCms.profileToProfile(white, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"))
    assert min(shown.getpixel((0, 0))) >= 254


def test_a_profile_too_large_to_be_carried_is_converted_through(files):
    linear = stated_colours(ColourChunks(gamma=gamma(1))).profile
    assert linear is not None
    large = bytearray(linear + bytes(MAX_CARRIED_PROFILE_BYTES))
    struct.pack_into(">I", large, 0, len(large))
    picture = Image.new("RGBA", (20, 20), (128, 0, 255, 200))
    for kind in ("PNG", "TIFF"):
        result = decode(take(files.encoded(picture, kind, icc_profile=bytes(large)), "image"))
        assert result.icc_profile is None
        # Linear light at half is 188 in sRGB.
        assert np.abs(np.array(result.pixels.getpixel((3, 3))) - (188, 0, 255, 200)).max() <= 1
        assert any("converted to sRGB" in warning for warning in result.warnings)


def bmp_of_a_long_header(
    space: bytes, *, ends: bytes = bytes(36), gammas: bytes = bytes(12), profile: bytes = b""
) -> bytes:
    """The ramp as a BMP with a BITMAPV5HEADER."""
    content = ramp().convert("RGB").transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGR")
    head = struct.pack("<IiiHHIIiiII", 124, _SIDE, _SIDE, 1, 24, 0, len(content), 2835, 2835, 0, 0)
    head += bytes(16) + space + ends + gammas + struct.pack("<IIII", 0, 124 + len(content), len(profile), 0)
    length = 14 + len(head) + len(content) + len(profile)
    return b"BM" + struct.pack("<IHHI", length, 0, 0, 14 + len(head)) + head + content + profile


def test_chromium_shows_a_bmp_with_a_profile_as_before(files, seen):
    profile = stated_colours(ColourChunks(cicp=bytes([12, 13, 0, 1]))).profile
    sent = bmp_of_a_long_header(b"DEBM", profile=profile)
    canvas = read_canvas(sent, files.encoded(ramp().getchannel("A")))
    assert canvas.icc_profile == profile
    after = seen(encode(canvas.picture, Format.PNG, canvas.icc_profile), "image/png")
    assert_same_look(after, seen(sent, "image/bmp"), Format.PNG)


@pytest.mark.parametrize(("ends", "gammas", "said"), [(1, 1, True), (0, 1, False), (1, 0, False), (0, 0, False)])
def test_colours_of_a_bmps_header_that_are_not_used_are_told(ends, gammas, said):
    data = bmp_of_a_long_header(bytes(4), ends=bytes([ends]) * 36, gammas=bytes([gammas]) * 12)
    assert bool(decode(take(data, "image")).warnings) is said
