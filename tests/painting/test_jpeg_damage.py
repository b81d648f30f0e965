"""A JPEG is refused when it is inspected exactly where it is when it is painted, however it is damaged."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.masks_and_formats import PictureLimits
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


@settings(max_examples=600, deadline=None)
@given(which=st.integers(0, 12), seed=st.integers(0, 2**32 - 1))
def test_both_ways_to_decode_find_the_same_damage(pictures, which, seed):
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
