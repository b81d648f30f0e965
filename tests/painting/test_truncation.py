"""Files that end early are judged by what is missing of their pixels, and not by how they end."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import PictureLimits
from outpaint.painting.canvas import Canvas
from outpaint.painting.inputs import decoding, partial_decoding
from outpaint.painting.inputs.decoding import decode, decode_alpha
from outpaint.painting.inputs.inspection import inspect, read_canvas
from outpaint.painting.inputs.intake import take
from outpaint.painting.inputs.partial_decoding import decode_scans

SIZE = (96, 80)
END = b"\xff\xd9"
AFTER_SCANS = (b"\xff\xc4", b"\xff\xda", END)
TRAILERS = {
    "a phone's": b"SEFH\x6a\0\0\0SEFT",
    "zeros": bytes(300),
    "a text": b"Panorama by someone, 2031\r\n" * 9,
    "nothing": b"",
}
WAYS = {
    "plain": {},
    "4:4:4": {"subsampling": 0},
    "optimised": {"optimize": True},
    "restarts": {"restart_marker_blocks": 3},
    "progressive": {"progressive": True},
    "progressive with restarts": {"progressive": True, "restart_marker_blocks": 2},
}


def mask() -> Image.Image:
    weights = Image.new("L", SIZE, 255)
    weights.paste(0, (0, 0, 9, 80))
    return weights


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    coarse = np.random.default_rng(4).integers(0, 256, (10, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def taken(files):
    """The canvas of a file with a mask, or None where it is refused as unreadable; `inspect` finds the same."""
    sent = files.encoded(mask())

    def call(data: bytes, mask: bytes | None = sent, **limits: float) -> Canvas | None:
        given = PictureLimits(**limits)
        outcomes: list[Any] = []
        canvas = None
        for look in (read_canvas, inspect):
            try:
                found = look(data, mask, limits=given)
                outcomes.append(found.interpretation)
                canvas = canvas or found
            except OutpaintError as error:
                outcomes.append((error.code, error.field, error.detail))
        assert outcomes[0] == outcomes[1]
        assert canvas is not None or outcomes[0][0] is ErrorCode.UNREADABLE_IMAGE
        return canvas

    return call


def shown(canvas: Canvas) -> np.ndarray:
    return np.asarray(canvas.picture)[:, 9:]


def decoded(data: bytes) -> np.ndarray:
    with Image.open(BytesIO(data)) as opened:
        return np.asarray(opened.convert("RGB"))[:, 9:]


# JPEG, by blocks


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_with_every_block_is_whole_without_its_end(files, photo, taken, mode, way, trailer):
    whole = files.encoded(photo.convert(mode), "JPEG", **WAYS[way])
    canvas = taken(whole.removesuffix(END) + TRAILERS[trailer])
    assert canvas is not None
    assert (shown(canvas) == decoded(whole)).all()


def test_a_next_picture_may_follow_without_an_end(files, photo, taken):
    whole = files.encoded(photo, "JPEG")
    canvas = taken(whole.removesuffix(END) + whole)
    assert canvas is not None
    assert (shown(canvas) == decoded(whole)).all()


@settings(max_examples=100, deadline=None)
@given(way=st.sampled_from(list(WAYS)), mode=st.sampled_from(["RGB", "L", "CMYK"]), data=st.data())
def test_a_jpeg_that_lacks_blocks_is_refused_however_it_ends(files, photo, taken, way, mode, data):
    whole = files.encoded(photo.convert(mode), "JPEG", quality=90, **WAYS[way])
    scan = whole.index(b"\xff\xda") + 14
    cut = data.draw(st.integers(scan, len(whole) - 3))
    end = data.draw(st.sampled_from([b"", END, b"\xff", bytes(20), b"SEFH" + END]))
    # What stands in for the blocks that are missing, bits of one and what follows by chance, is a few blocks at most. A
    # progressive file that is cut between two scans is a whole one of fewer scans if it has an end.
    scan_end = min(place for marker in AFTER_SCANS if (place := whole.find(marker, cut - 3)) >= 0)
    if taken(whole[:cut] + end) is not None:
        assert scan_end - cut <= 48
        assert END in end or whole.startswith(END, scan_end)


def test_a_decoded_jpeg_is_not_copied_once_more_when_it_is_changed(files, photo):
    assert not decode(take(files.encoded(photo, "JPEG"), "image")).pixels.readonly


def test_a_file_cut_to_thirty_percent_is_no_picture_though_an_end_is_stuck_on(files, photo, taken):
    for way in WAYS.values():
        whole = files.encoded(photo.resize((256, 256)), "JPEG", quality=90, **way)
        weights = files.encoded(mask().resize((256, 256)))
        assert taken(whole[: len(whole) * 3 // 10] + END, weights) is None


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_restart_markers_let_the_last_interval_alone_be_looked_at(files, photo, monkeypatch, mode):
    looked_at = []

    def counted(picture, data, scans, **how):
        looked_at.append(len(data))
        decode_scans(picture, data, scans, **how)

    monkeypatch.setattr(partial_decoding, "decode_scans", counted)
    monkeypatch.setattr(decoding, "decode_scans", counted)
    whole = files.encoded(photo.convert(mode).resize((640, 480)), "JPEG", quality=98, restart_marker_blocks=20)
    assert decode_alpha(take(whole, "image"))[0] is None
    assert len(looked_at) == 1
    assert looked_at[0] < len(whole) / 8
    # Two markers in the other order, and the whole is.
    second = whole.index(b"\xff\xd2")
    mixed = whole[:second] + b"\xff\xd3" + whole[second + 2 :]
    assert decode_alpha(take(mixed, "image"))[0] is None
    assert looked_at[1] > len(whole) / 2


# PNG, by rows


@pytest.mark.parametrize("lost", [1, 8, 12, 13, 16, 18])
def test_a_png_that_lacks_no_row_is_whole(files, photo, taken, lost):
    whole = files.encoded(photo)
    canvas = taken(whole[:-lost])
    assert canvas is not None
    assert (shown(canvas) == decoded(whole)).all()


@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("ended", [True, False])
def test_a_png_that_lacks_rows_is_refused_however_it_ends(files, photo, taken, share, ended):
    whole = files.encoded(photo)
    place = whole.index(b"IDAT") + 4
    (length,) = struct.unpack_from(">I", whole, place - 8)
    kept = whole[place : place + int(length * share)]
    cut = (
        whole[: place - 8] + files.chunk(b"IDAT", kept) + files.chunk(b"IEND", b"")
        if ended
        else whole[: -int(length * (1 - share)) - 16]
    )
    assert taken(cut) is None


# WebP, by its sizes


@pytest.mark.parametrize("way", [{"lossless": True}, {"quality": 80}])
def test_a_webp_that_lacks_metadata_alone_is_whole(files, photo, taken, way):
    whole = files.encoded(photo, "WEBP", exif=files.exif(1) + bytes(41), **way)
    for lost in (1, 7, 40):
        canvas = taken(whole[:-lost])
        assert canvas is not None
        assert (shown(canvas) == decoded(whole)).all()


def test_a_webp_may_promise_more_than_it_has_if_its_picture_is_there(files, photo, taken):
    whole = bytearray(files.encoded(photo, "WEBP", lossless=True))
    struct.pack_into("<I", whole, 4, len(whole) + 1_000)
    assert taken(bytes(whole)) is not None


@pytest.mark.parametrize("patched", ["nothing", "the file's size", "both sizes"])
@pytest.mark.parametrize("way", [{"lossless": True}, {"quality": 80}])
def test_a_webp_that_lacks_pixels_is_refused_whatever_its_sizes_say(files, photo, taken, way, patched):
    cut = bytearray(files.encoded(photo, "WEBP", **way)[:-400])
    if patched != "nothing":
        struct.pack_into("<I", cut, 4, len(cut) - 8)
    if patched == "both sizes":
        struct.pack_into("<I", cut, 16, len(cut) - 20)
    assert taken(bytes(cut)) is None


# TIFF, by strips


def with_directory_first(data: bytes) -> bytes:
    """A little-endian TIFF whose strips stand behind everything else."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    strips = {}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number, value = struct.unpack_from("<HHII", data, place)
        if tag in (273, 279):
            letter = {3: "H", 4: "I"}[kind]
            at = value if struct.calcsize(letter) * number > 4 else place + 8
            strips[tag] = (at, letter, number)
    places, lengths = (struct.unpack_from(f"<{n}{letter}", data, at) for at, letter, n in (strips[273], strips[279]))
    moved = bytearray(data)
    at, letter, number = strips[273]
    ends = np.cumsum([len(data), *lengths[:-1]])
    struct.pack_into(f"<{number}{letter}", moved, at, *map(int, ends))
    return bytes(moved) + b"".join(data[p : p + n] for p, n in zip(places, lengths, strict=True))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_a_tiff_that_lacks_strips_is_refused(files, photo, taken, compression):
    options = {"compression": compression} if compression else {}
    data = with_directory_first(files.encoded(photo, "TIFF", tiffinfo={278: 16}, **options))
    assert taken(data) is not None
    assert taken(data + bytes(100)) is not None
    for lost in (200, 1_500):
        assert taken(data[:-lost]) is None


# How much may be missing is a setting


@pytest.mark.parametrize(("kind", "rows"), [("JPEG", "below"), ("PNG", "below"), ("BMP", "above"), ("TIFF", "below")])
def test_what_may_be_missing_is_painted_and_said(files, photo, taken, kind, rows):
    whole = files.encoded(photo, kind)
    cut = whole[: int(len(whole) * 0.85)]
    assert taken(cut) is None
    assert taken(cut, max_missing=0.04) is None
    canvas = taken(cut, max_missing=0.5)
    assert canvas is not None
    assert any("rows are missing" in warning for warning in canvas.interpretation.warnings)
    keep = np.asarray(canvas.keep)
    gone = (keep == 0).all(axis=1)
    count = int(gone.sum())
    assert 0.04 * SIZE[1] < count < 0.5 * SIZE[1]
    assert gone[-count:].all() if rows == "below" else gone[:count].all()
    assert not np.asarray(canvas.picture)[gone].any()
    assert (shown(canvas)[~gone] == decoded(whole)[~gone]).all()


def test_a_bmp_from_top_to_bottom_lacks_its_last_rows(files, photo, taken):
    whole = bytearray(files.encoded(photo, "BMP"))
    struct.pack_into("<i", whole, 22, -SIZE[1])
    assert taken(bytes(whole[:-1])) is None
    canvas = taken(bytes(whole[: -10 * 3 * SIZE[0]]), max_missing=0.5)
    assert canvas is not None
    assert (np.asarray(canvas.keep) == 0).all(axis=1).nonzero()[0].tolist() == list(range(SIZE[1] - 10, SIZE[1]))


def test_an_opaque_picture_that_lacks_rows_needs_no_mask(files, photo, taken):
    cut = files.encoded(photo, "JPEG")[:-500]
    canvas = taken(cut, None, max_missing=0.5)
    assert canvas is not None
    assert canvas.keep.getextrema() == (0, 255)
    with pytest.raises(OutpaintError) as refused:
        read_canvas(files.encoded(photo, "JPEG"), limits=PictureLimits(max_missing=0.5))
    assert refused.value.code is ErrorCode.NOTHING_TO_PAINT


def test_rows_that_are_missing_turn_with_the_picture(files, photo):
    cut = files.encoded(photo, "JPEG", exif=files.exif(3))[:-500]
    keep = np.asarray(read_canvas(cut, limits=PictureLimits(max_missing=0.5)).keep)
    assert not keep[0].any()
    assert keep[-1].all()


def test_a_mask_must_be_whole_whatever_the_setting(files, photo, refusal):
    weights = files.encoded(mask())
    error = refusal(read_canvas, files.encoded(photo), weights[:-40], limits=PictureLimits(max_missing=0.9))
    assert (error.code, error.field) == (ErrorCode.UNREADABLE_IMAGE, "mask_image")
