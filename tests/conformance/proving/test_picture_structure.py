"""Files of pictures are read to their last byte: what a decoder forgives shows, and what an encoder writes is whole."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from outpaint.conformance.proving import drawn_pictures
from outpaint.conformance.proving.drawn_pictures import encode, scene, with_chunk
from outpaint.conformance.proving.expectations import Unmet
from outpaint.conformance.proving.picture_structure import PictureStructure, structure_of

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FILES = {
    "image/png": drawn_pictures.photo(),
    "image/jpeg": drawn_pictures.jpeg(),
    "image/webp": encode(scene(), "WEBP"),
}
SOUND = {
    "png-with-a-palette": ("image/png", encode(scene().quantize(16), "PNG", optimize=True)),
    "jpeg-progressive": ("image/jpeg", encode(scene(), "JPEG", progressive=True)),
    "jpeg-with-restarts": ("image/jpeg", encode(scene(), "JPEG", restart_marker_blocks=1)),
    "jpeg-with-fill-bytes": ("image/jpeg", FILES["image/jpeg"][:2] + b"\xff\xff" + FILES["image/jpeg"][2:]),
    "jpeg-with-a-thumbnail": ("image/jpeg", encode(scene(), "JPEG", comment=FILES["image/jpeg"])),
    "webp-lossless": ("image/webp", encode(scene(), "WEBP", lossless=True)),
    "webp-of-odd-length": ("image/webp", encode(scene(), "WEBP", exif=b"Exif\0\0x")),
}


@pytest.mark.parametrize(("media_type", "data"), SOUND.values(), ids=SOUND)
def test_what_an_encoder_writes_is_whole(media_type: str, data: bytes) -> None:
    assert structure_of(data) == PictureStructure(media_type, moves=False, colours=(), bytes_after_end=0)


@given(media_type=st.sampled_from([*FILES]), share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_is_cut_anywhere_is_not_whole(media_type: str, share: float) -> None:
    data = FILES[media_type]
    with pytest.raises(Unmet):
        structure_of(data[: int(share * len(data))])


@given(media_type=st.sampled_from([*FILES]), behind=st.binary(max_size=40))
def test_bytes_after_the_end_are_counted(media_type: str, behind: bytes) -> None:
    assert structure_of(FILES[media_type] + behind).bytes_after_end == len(behind)


def test_every_changed_byte_of_a_png_shows() -> None:
    data = encode(scene((8, 8)))
    for place in range(len(data)):
        with pytest.raises(Unmet):
            structure_of(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


@pytest.mark.parametrize(
    ("data", "colours"),
    [
        (with_chunk(drawn_pictures.photo(), b"gAMA", struct.pack(">I", 100_000)), ("gAMA",)),
        (with_chunk(drawn_pictures.photo(), b"gAMA", struct.pack(">I", 45_455)), ()),
        (with_chunk(drawn_pictures.photo(), b"sRGB", b"\0"), ()),
        (with_chunk(drawn_pictures.photo(), b"cHRM", bytes(32)), ("cHRM",)),
        (with_chunk(drawn_pictures.photo(), b"cICP", bytes([9, 16, 0, 1])), ("cICP",)),
        (with_chunk(drawn_pictures.photo(), b"cICP", bytes([1, 13, 0, 1])), ()),
        (encode(scene(), "PNG", icc_profile=PROFILE), ("iCCP",)),
        (encode(scene(), "JPEG", icc_profile=PROFILE), ("ICC_PROFILE",)),
        (encode(scene(), "WEBP", icc_profile=PROFILE), ("ICCP",)),
    ],
)
def test_a_statement_of_colours_is_named_unless_it_means_srgb(data: bytes, colours: tuple[str, ...]) -> None:
    assert structure_of(data).colours == colours


def test_several_frames_show() -> None:
    assert structure_of(drawn_pictures.animated_webp()).moves
    assert structure_of(drawn_pictures.png_that_declares_frames(2)).moves


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "expected a PNG, a JPEG or a WebP"),
        (drawn_pictures.gif(), "expected a PNG, a JPEG or a WebP"),
        (with_chunk(drawn_pictures.photo(), b"gAMA", b"")[:8] + drawn_pictures.photo()[33:], "IHDR as its first"),
        (drawn_pictures.photo()[:33] + drawn_pictures.photo()[-12:], "it has no pixels"),
        (b"\xff\xd8\xff\xd9", "it has no pixels"),
        (b"\xff\xd8\x00\x00", "expected a marker at byte 2"),
        (b"\xff\xd8\xff\xe0\x00\x01", "its segment 0xe0 breaks off"),
        (b"RIFF\x04\0\0\0WEBP", "it has no pixels"),
        (b"RIFF\x0c\0\0\0WEBPVP8 \x09\0\0\0", "its chunk VP8  breaks off"),
    ],
)
def test_what_is_wrong_is_told(data: bytes, said: str) -> None:
    with pytest.raises(Unmet, match=said):
        structure_of(data)


def test_a_decoder_forgives_what_shows_here() -> None:
    """The reason for reading structure: each of these files is decoded without a word."""
    png, jpeg = FILES["image/png"], FILES["image/jpeg"]
    wrong_checksum = png[:-13] + bytes([png[-13] ^ 1]) + png[-12:]
    for data in (png[:-12], wrong_checksum):
        assert isinstance(drawn_pictures.decode(data), Image.Image)
        with pytest.raises(Unmet):
            structure_of(data)
    assert isinstance(drawn_pictures.decode(jpeg + b"more"), Image.Image)
    assert structure_of(jpeg + b"more").bytes_after_end == 4
