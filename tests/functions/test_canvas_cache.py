"""A picture that was inspected is not decoded again to be painted, and none is taken for another."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import BYTES_A_PIXEL, MaskMode, PictureLimits
from outpaint.functions.embedded import painting_threads
from outpaint.functions.embedded.painting_threads import CanvasCache, PictureMemory
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.painting.canvas import Canvas
from outpaint.painting.inputs.inspection import inspect, read_canvas

LIMITS = PictureLimits()


def png(colour: tuple[int, int, int], side: int = 32) -> bytes:
    picture = Image.new("RGBA", (side, side))
    picture.paste((*colour, 255), (8, 8, 24, 24))
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def test_what_was_inspected_is_there_once_whatever_object_holds_its_bytes() -> None:
    cache = CanvasCache()
    image = png((1, 2, 3))
    found = cache.inspect(image)
    assert found == inspect(image)
    canvas = cache.take(bytes(bytearray(image)), None, MaskMode.AUTO, LIMITS)
    again = cache.take(image, None, MaskMode.AUTO, LIMITS)
    assert again is not canvas
    for one in (canvas, again):
        assert one.picture.tobytes() == read_canvas(image).picture.tobytes()


@pytest.mark.parametrize(
    ("image", "mask", "mode"),
    [
        (png((9, 9, 9)), None, MaskMode.AUTO),
        (png((1, 2, 3)), png((1, 2, 3)), MaskMode.AUTO),
        (png((1, 2, 3)), None, MaskMode.ALPHA),
    ],
)
def test_another_picture_mask_or_mode_is_read_anew(image: bytes, mask: bytes | None, mode: MaskMode) -> None:
    cache = CanvasCache()
    cache.inspect(png((1, 2, 3)))
    taken = cache.take(image, mask, mode, LIMITS)
    expected = read_canvas(image, mask, mask_mode=mode)
    assert taken.picture.tobytes() == expected.picture.tobytes()
    assert taken.interpretation == expected.interpretation


def test_the_oldest_goes_when_room_runs_out_and_comes_back_by_decoding() -> None:
    first, second = png((1, 1, 1)), png((2, 2, 2))
    cache = CanvasCache(max_bytes=32 * 32 * 5 + len(second))
    cache.inspect(first)
    cache.inspect(second)
    cache.inspect(second)
    for image in (first, second):
        assert cache.take(image, None, MaskMode.AUTO, LIMITS).picture.tobytes() == read_canvas(image).picture.tobytes()


def test_a_canvas_larger_than_the_shelf_is_not_kept() -> None:
    cache = CanvasCache(max_bytes=1)
    cache.inspect(png((1, 1, 1)))
    assert cache.take(png((1, 1, 1)), None, MaskMode.AUTO, LIMITS).size == (32, 32)


def test_a_refusal_is_the_same_and_leaves_nothing() -> None:
    with pytest.raises(OutpaintError) as caught:
        CanvasCache().inspect(b"no picture", image_field="image_url")
    assert (caught.value.code, caught.value.field) == (ErrorCode.UNSUPPORTED_IMAGE_TYPE, "image_url")


def test_the_largest_picture_by_default_is_kept() -> None:
    # Of its pixels the cache knows the number alone.
    assert LIMITS.max_area * 5 + 32 * 2**20 < painting_threads._MAX_BYTES


def test_what_is_decoded_holds_its_part_of_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = PictureMemory(ServerLimits(picture_memory=1))
    held: list[int] = []

    def watched(*given: Any, **how: Any) -> Canvas:
        held.append(memory._bytes._taken)
        return read_canvas(*given, **how)

    monkeypatch.setattr(painting_threads, "read_canvas", watched)
    cache = CanvasCache(memory)
    assert cache.inspect(png((1, 2, 3))) == inspect(png((1, 2, 3)))
    with pytest.raises(OutpaintError):
        cache.inspect(png((1, 2, 3), 64), limits=PictureLimits(max_area=4095))
    with pytest.raises(OutpaintError):
        cache.inspect(b"no picture")
    assert held == [32 * 32 * BYTES_A_PIXEL, 0, 0]
    assert memory._bytes._taken == 0
