"""What is taken and what is refused from the header alone."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.masks_and_formats import PictureLimits
from outpaint.painting.inputs.intake import FileType, take

KINDS = {
    "JPEG": FileType.JPEG,
    "PNG": FileType.PNG,
    "WEBP": FileType.WEBP,
    "BMP": FileType.BMP,
    "TIFF": FileType.TIFF,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_known_by_its_bytes(files, kind):
    taken = take(files.encoded(files.noise(), kind), "image")
    assert taken.type is KINDS[kind]
    assert taken.header.size == (24, 20)


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b"", "an empty file"),
        (b"GIF89a" + bytes(50), "a GIF"),
        (b"%PDF-1.7\n", "a PDF"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG"),
        (b"\xef\xbb\xbf  <svg/>", "an SVG"),
        (b"<!DOCTYPE html><html></html>", "an HTML or XML text"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "a HEIC"),
        (b"\0\0\0\x18ftypavif" + bytes(20), "an AVIF"),
        (b"\0\0\0\x18ftypisom" + bytes(20), "an MP4"),
        (b"8BPS" + bytes(20), "a Photoshop file"),
        (b"PK\x03\x04" + bytes(20), "a ZIP archive"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a RIFF file that is no WebP"),
        (b"II*\0\x10\0\0\0CR\x02\0", "a raw photograph"),
        (b"this is no picture at all", "a text"),
        ("grüße".encode() * 300, "a text"),
        (b"BM, said the owl", "a text"),
        (b"\x01\x02\x03\x04\xff\xfe", "01 02 03 04 ff fe"),
    ],
)
def test_a_stranger_is_refused_and_named(refusal, data, seen):
    error = refusal(take, data, "mask_image")
    assert error.code is ErrorCode.UNSUPPORTED_IMAGE_TYPE
    assert error.field == "mask_image"
    assert seen in error.detail


def test_a_file_over_the_byte_limit_is_refused_before_anything_else(refusal):
    error = refusal(take, b"no picture", "image", PictureLimits(max_bytes=9))
    assert (error.code, error.field) == (ErrorCode.FILE_TOO_LARGE, "image")
    assert "9 are taken" in error.detail


def declares(kind: str, width: int, height: int) -> bytes:
    """A file that says it has this size, and has no pixels."""
    match kind:
        case "PNG":
            return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0) + bytes(4)
        case "JPEG":
            return b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
        case "WEBP":
            canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
            return b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + canvas
        case "BMP":
            return b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, width, -height, 1, 24, 0) + bytes(20)
        case _:
            entries = struct.pack("<HHII", 256, 4, 1, width) + struct.pack("<HHII", 257, 4, 1, height)
            return b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + bytes(4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("size", "limit"),
    [
        ((60_000, 60_000), "at most 16384 px"),
        ((16_385, 16), "at most 16384 px"),
        ((8_000, 8_001), "at most 64,000,000 px"),
        ((15, 400), "at least 16 px"),
    ],
)
def test_a_size_out_of_range_is_refused_by_the_header(refusal, kind, size, limit):
    error = refusal(take, declares(kind, *size), "image")
    assert (error.code, error.field) == (ErrorCode.DIMENSIONS_OUT_OF_RANGE, "image")
    assert limit in error.detail
    assert f"{size[0]}x{size[1]}" in error.detail


def test_a_png_of_ten_gigapixels_is_refused(refusal):
    assert refusal(take, declares("PNG", 100_000, 100_000), "image").code is ErrorCode.DIMENSIONS_OUT_OF_RANGE


def test_the_limits_are_settings(files, refusal):
    picture = files.encoded(files.noise(size=(40, 30)))
    assert take(picture, "image", PictureLimits(max_side=40)).header.size == (40, 30)
    assert "39 px" in refusal(take, picture, "image", PictureLimits(max_side=39)).detail
    assert "1,199 px" in refusal(take, picture, "image", PictureLimits(max_area=1_199)).detail


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_animations_and_pages_are_refused(files, refusal, kind):
    frames = [files.noise(seed=seed) for seed in range(3)]
    data = files.encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    error = refusal(take, data, "image")
    assert (error.code, error.field) == (ErrorCode.ANIMATED, "image")


def test_ten_thousand_frames_are_counted_and_none_decoded(files, refusal):
    still = files.encoded(files.noise())
    # The frames are announced, then torn off: were any looked for, the file would count as damaged.
    data = files.with_chunk(still, b"acTL", struct.pack(">II", 10_000, 0))
    error = refusal(take, data[:80], "image")
    assert error.code is ErrorCode.ANIMATED
    assert "10000 frames" in error.detail


def test_ten_thousand_webp_frames_are_refused_at_the_second(files, refusal):
    frame = b"ANMF" + struct.pack("<I", 24) + bytes(24)
    body = b"WEBPVP8X\x0a\0\0\0\x02\0\0\0" + (23).to_bytes(3, "little") + (19).to_bytes(3, "little")
    body += b"ANIM\x06\0\0\0" + bytes(6) + frame * 10_000
    assert refusal(take, b"RIFF" + struct.pack("<I", len(body)) + body, "image").code is ErrorCode.ANIMATED


def test_an_animation_of_one_frame_is_a_still(files):
    still = files.with_chunk(files.encoded(files.noise()), b"acTL", struct.pack(">II", 1, 0))
    assert take(still, "image").header.size == (24, 20)


def test_a_tiff_with_a_reduced_copy_of_itself_is_no_animation(files):
    frames = [files.noise(), files.noise(size=(12, 10))]
    data = bytearray(files.encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    (second,) = struct.unpack_from("<I", data, first + 2 + 12 * count)
    # The first tag of the second directory is its width; a reduced copy says so in NewSubfileType.
    moved = len(data)
    tags = data[second : second + 2 + 12 * struct.unpack_from("<H", data, second)[0]]
    tags[:2] = struct.pack("<H", struct.unpack_from("<H", tags)[0] + 1)
    data += tags[:2] + struct.pack("<HHII", 254, 4, 1, 1) + tags[2:] + bytes(4)
    struct.pack_into("<I", data, first + 2 + 12 * count, moved)
    assert take(bytes(data), "image").header.size == (24, 20)


def test_directories_that_run_in_a_circle_end(files, refusal):
    data = bytearray(files.encoded(files.noise(), "TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    assert refusal(take, bytes(data), "image").code is ErrorCode.ANIMATED


def test_a_bmp_in_runs_is_refused_as_too_slow_to_unpack(files, refusal):
    data = bytearray(files.encoded(files.noise("L"), "BMP"))
    struct.pack_into("<I", data, 30, 1)
    error = refusal(take, bytes(data), "image")
    assert error.code is ErrorCode.UNSUPPORTED_IMAGE_TYPE
    assert "run-length" in error.detail


def test_a_jpeg_of_very_many_scans_is_refused(files, refusal):
    data = files.encoded(files.noise(), "JPEG", progressive=True)
    scan = data[data.index(b"\xff\xda") : -2]
    error = refusal(take, data[:-2] + scan * 60 + data[-2:], "image")
    assert error.code is ErrorCode.UNREADABLE_IMAGE
    assert "scans" in error.detail


def _sequential(files, size, scans):
    """A JPEG of three components, each in scans of its own, which a decoder takes one after the other."""
    data = files.encoded(Image.new("L", size, 128), "JPEG")
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    three = struct.pack(">HBHHB", 17, 8, size[1], size[0], 3) + bytes([1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0])
    tables = data[frame + 2 + int.from_bytes(data[frame + 2 : frame + 4], "big") : scan]
    one = [b"\xff\xda\x00\x08\x01" + bytes([number]) + data[scan + 7 : -2] for number in (1, 2, 3)]
    return data[:frame] + b"\xff\xc0" + three + tables + b"".join(one) + one[0] * (scans - 3) + data[-2:]


def test_scans_are_counted_in_every_kind_of_jpeg_and_by_the_picture_s_area(files, refusal):
    assert take(_sequential(files, (24, 20), 3), "image").header.size == (24, 20)
    assert take(_sequential(files, (24, 20), 100), "image").header.size == (24, 20)
    assert "scans" in refusal(take, _sequential(files, (24, 20), 101), "image").detail
    large = (8000, 5000)
    assert take(_sequential(files, large, 20), "image").header.size == large
    assert "more than 20 scans" in refusal(take, _sequential(files, large, 21), "image").detail


def test_no_segment_hides_a_scan(files, refusal):
    data = files.encoded(files.noise(), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    # A comment that holds an end marker, one shorter than its own length field, and a marker without a length.
    for segment in (b"\xff\xfe\x00\x04\xff\xd9", b"\xff\xfe\x00\x00", b"\xff\x01"):
        hidden = data[:-2] + segment + scan * 99 + data[-2:]
        for coded in (hidden, hidden.replace(b"\xff\xc2", b"\xff\xca", 1)):
            assert "scans" in refusal(take, coded, "image").detail
    shown = data[:-2] + b"\xff\xfe\x01\x92" + b"\xff\xda" * 200 + data[-2:]
    assert take(shown, "image").header.size == (24, 20)


def test_a_second_picture_behind_a_jpeg_is_no_animation(files):
    photo, other = files.encoded(files.noise(), "JPEG"), files.encoded(files.noise(seed=1), "JPEG")
    assert take(photo + other, "image").header.size == (24, 20)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_samples_of_32_bits_are_refused_by_name(files, refusal, mode):
    error = refusal(take, files.encoded(Image.new(mode, (20, 20)), "TIFF"), "image")
    assert error.code is ErrorCode.UNSUPPORTED_IMAGE_TYPE
    assert "32-bit" in error.detail


def test_very_many_empty_chunks_are_refused(files, refusal):
    png = files.encoded(files.noise())
    data = png[:33] + files.chunk(b"prIv", b"") * 70_000 + png[33:]
    assert refusal(take, data, "image").code is ErrorCode.UNREADABLE_IMAGE


def test_a_rare_tiff_compression_is_refused_by_its_number(files, refusal):
    data = files.encoded(files.noise("L").convert("1"), "TIFF", compression="group4")
    error = refusal(take, data, "image")
    assert error.code is ErrorCode.UNSUPPORTED_IMAGE_TYPE
    assert "number 4" in error.detail


@pytest.mark.parametrize(
    ("tags", "seen"),
    [
        ({258: ("H", [16]), 262: ("H", [32_803])}, "PhotometricInterpretation 32803"),
        ({258: ("H", [16]), 262: ("H", [1]), 339: ("H", [2])}, "16-bit signed or floating-point"),
        ({258: ("H", [8, 8, 5]), 262: ("H", [2]), 277: ("H", [3])}, "different bits (8, 8, 5)"),
        ({258: ("H", [8] * 5), 262: ("H", [2]), 277: ("H", [5]), 338: ("H", [2, 0])}, "2 further channels"),
        ({258: ("H", [8]), 262: ("H", [1]), 50706: ("B", [1, 4, 0, 0])}, "raw photograph"),
    ],
)
def test_tiffs_that_would_come_out_wrong_are_refused_by_name(files, refusal, tags, seen):
    tags = {256: ("H", [32]), 257: ("H", [16]), 277: ("H", [1]), **tags}
    error = refusal(take, files.raw_tiff(tags, bytes(1_024)), "image")
    assert error.code is ErrorCode.UNSUPPORTED_IMAGE_TYPE
    assert seen in error.detail


@pytest.mark.parametrize(
    "tags",
    [
        {256: ("H", [32, 32])},
        {322: ("H", [8]), 323: ("H", [8])},
        {322: ("I", [1 << 20]), 323: ("I", [1 << 20])},
        {324: ("I", [16] * 200_001)},
    ],
)
def test_tiffs_built_to_cost_much_are_refused(files, refusal, tags):
    tags = {256: ("H", [32]), 257: ("H", [16]), 258: ("H", [8]), 262: ("H", [1]), 277: ("H", [1]), **tags}
    assert refusal(take, files.raw_tiff(tags, bytes(512)), "image").code is ErrorCode.UNREADABLE_IMAGE


@pytest.mark.parametrize(
    ("marker", "channels", "seen"),
    [(0xC0, 2, "2 channels"), (0xC3, 3, "lossless"), (0xCB, 3, "lossless"), (0xC6, 3, "hierarchical")],
)
def test_jpegs_that_nobody_decodes_are_refused_by_name(files, refusal, marker, channels, seen):
    data = bytearray(files.encoded(files.noise(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 1], data[frame + 9] = marker, channels
    error = refusal(take, bytes(data), "image")
    assert error.code is ErrorCode.UNSUPPORTED_IMAGE_TYPE
    assert seen in error.detail


def test_a_png_of_apples_own_kind_is_refused_by_name(files, refusal):
    png = files.encoded(files.noise())
    data = png[:8] + files.chunk(b"CgBI", bytes([0x50, 0, 0x20, 2])) + png[8:]
    error = refusal(take, data, "image")
    assert error.code is ErrorCode.UNSUPPORTED_IMAGE_TYPE
    assert "CgBI" in error.detail


def test_a_jpeg_of_12_bits_is_refused_by_name(files, refusal):
    data = bytearray(files.encoded(files.noise(), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    error = refusal(take, bytes(data), "image")
    assert error.code is ErrorCode.UNSUPPORTED_IMAGE_TYPE
    assert "12 bits" in error.detail


def test_a_big_endian_bigtiff_is_refused_by_name(files, refusal):
    tags = {256: ("H", [32]), 257: ("H", [16]), 258: ("H", [8]), 262: ("H", [1]), 277: ("H", [1])}
    error = refusal(take, files.raw_tiff(tags, bytes(512), order=">", big=True), "image")
    assert error.code is ErrorCode.UNSUPPORTED_IMAGE_TYPE
    assert "big-endian BigTIFF" in error.detail


def test_a_png_of_which_nothing_is_left_out_is_not_copied(files):
    whole = files.encoded(files.noise(), "PNG")
    assert take(whole, "image").header.pixels is whole


@pytest.mark.parametrize("place", [33, None])
def test_what_is_left_out_of_a_png_is_left_out_wherever_it_stands(files, place):
    whole = files.encoded(files.noise(), "PNG")
    place = len(whole) if place is None else place
    comment = struct.pack(">I4s4sI", 4, b"tEXt", b"a\0bc", 0)
    assert take(whole[:place] + comment + whole[place:], "image").header.pixels == whole


def test_a_jpeg_without_metadata_is_not_copied_and_one_with_some_is_cut_down(files):
    plain = files.encoded(files.noise().convert("RGB"), "JPEG")
    assert take(plain, "image").header.pixels is plain
    commented = files.with_segment(plain, 0xFE, b"where and when")
    assert take(commented, "image").header.pixels == plain
