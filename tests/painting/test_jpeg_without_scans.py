"""A JPEG without its scans' data is refused exactly where the whole one is."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.masks_and_formats import PictureLimits
from outpaint.painting.inputs import jpeg
from outpaint.painting.inputs.decoding import decode, decode_alpha
from outpaint.painting.inputs.intake import take

SMALL = PictureLimits(min_side=1, max_side=4096)
MARKERS = (*range(0xC0, 0xE0), 0x01, 0x02, 0xE1, 0xF3, 0xFE, 0xFF)


@pytest.fixture(scope="session")
def pictures(files) -> list[bytes]:
    """JPEGs of every way of coding that Pillow writes."""
    colours, grey = files.noise(size=(83, 61)), files.noise("L", size=(83, 61))
    ways = [{}, {"progressive": True}, {"restart_marker_blocks": 3}, {"optimize": True, "subsampling": 0}]
    ways += [{"progressive": True, "restart_marker_blocks": 2}, {"icc_profile": files.profile(b"RGB ")}]
    pictures = [files.encoded(picture, "JPEG", **way) for picture in (colours, grey) for way in ways]
    return [*pictures, files.encoded(Image.new("CMYK", (83, 61), (9, 80, 30, 0)), "JPEG")]


def test_only_what_lies_between_markers_is_left_out(files, pictures):
    for data in pictures:
        outline = jpeg.without_scan_data(data)
        assert outline is not None
        assert len(outline) < 1_400 + 600 * data.count(b"\xff\xe2")
        assert outline == jpeg.without_scan_data(outline)
        assert decode_alpha(take(data, "image")) == (None, decode(take(data, "image")).warnings)


@pytest.mark.parametrize("end", [b"", b"\xff", b"\xff\xe1\x00\x04xx\xff\xd9", b"\xff\xd8\xff\xd9", b"\xff\xda\xff\xd9"])
def test_what_is_not_plain_is_left_to_the_decoder(pictures, end):
    assert jpeg.without_scan_data(pictures[0].removesuffix(b"\xff\xd9") + end) is None


def test_arithmetic_coding_is_left_to_the_decoder(pictures):
    assert jpeg.without_scan_data(pictures[0].replace(b"\xff\xc0", b"\xff\xc9")) is None


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The file with bytes changed, lost, repeated and put in between, markers above all, mostly in its scans."""
    broken = bytearray(data)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3, 8])):
        first = 2 if rng.random() < 0.4 else max(2, broken.find(b"\xff\xda"))
        place = rng.randrange(first, max(len(broken), first + 1))
        match rng.randrange(6):
            case 0:
                broken[place : place + 1] = rng.randbytes(1)
            case 1:
                broken[place : place + 1] = bytes((0xFF, rng.randrange(256)))
            case 2:
                length = rng.choice((b"", bytes((0, rng.randrange(30)))))
                broken[place:place] = bytes((0xFF, rng.choice(MARKERS))) + length
            case 3:
                del broken[place:]
            case 4:
                del broken[place : place + rng.randrange(1, 40)]
            case _:
                other = rng.randrange(len(broken))
                broken[place:place] = broken[other : other + rng.randrange(1, 60)]
    return bytes(broken)


@settings(max_examples=1_500, deadline=None)
@given(which=st.integers(0, 12), seed=st.integers(0, 2**32 - 1))
def test_a_damaged_one_is_refused_where_the_whole_one_is(pictures, which, seed):
    data = damaged(pictures[which], random.Random(seed))
    try:
        taken = take(data, "image", SMALL)
    except OutpaintError:
        return
    outcomes = []
    for look in (lambda: decode(taken).warnings, lambda: decode_alpha(taken)[1]):
        try:
            outcomes.append(look())
        except OutpaintError as error:
            outcomes.append((error.code, error.detail))
    assert outcomes[0] == outcomes[1]
