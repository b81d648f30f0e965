"""Canvases between inspection and painting, so that a host which does both decodes a picture once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from outpaint_contracts.pictures import MaskMode, PictureLimits
from outpaint_painting.canvas import Canvas
from outpaint_painting.intake import DEFAULT_LIMITS
from outpaint_painting.uploads import Inspection, inspection_of, read_canvas

MAX_BYTES: Final = 256 * 1024 * 1024
"""Files and decoded pixels that may lie here; jobs beyond that are decoded again when their turn comes."""
_BYTES_A_PIXEL: Final = 4

_Key = tuple[bytes, bytes | None, MaskMode]


class CanvasShelf:
    """Keeps what `inspect` decoded until a painting thread takes it; the oldest goes when room runs out.

    A canvas is found by the very bytes that made it, compared whole, so that no picture is taken for another.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._canvases: OrderedDict[_Key, tuple[Canvas, int]] = OrderedDict()
        self._bytes = 0

    def inspect(
        self,
        image: bytes,
        mask: bytes | None = None,
        *,
        mask_mode: MaskMode = MaskMode.AUTO,
        limits: PictureLimits = DEFAULT_LIMITS,
        image_field: str = "image",
        mask_field: str = "mask_image",
    ) -> Inspection:
        """What `outpaint_painting.uploads.inspect` finds, and the errors it raises; the canvas is kept."""
        canvas = read_canvas(
            image, mask, mask_mode=mask_mode, limits=limits, image_field=image_field, mask_field=mask_field
        )
        self._put((image, mask, mask_mode), canvas)
        return inspection_of(canvas)

    def take(self, image: bytes, mask: bytes | None, mask_mode: MaskMode, limits: PictureLimits) -> Canvas:
        """The canvas of these files: the one kept, which then leaves the shelf, or one read anew."""
        with self._lock:
            canvas, size = self._canvases.pop((image, mask, mask_mode), (None, 0))
            self._bytes -= size
        return canvas or read_canvas(image, mask, mask_mode=mask_mode, limits=limits)

    def _put(self, key: _Key, canvas: Canvas) -> None:
        size = len(key[0]) + len(key[1] or b"") + canvas.size[0] * canvas.size[1] * _BYTES_A_PIXEL
        with self._lock:
            _, replaced = self._canvases.pop(key, (None, 0))
            self._canvases[key] = canvas, size
            self._bytes += size - replaced
            while self._bytes > self._max_bytes:
                _, (_, gone) = self._canvases.popitem(last=False)
                self._bytes -= gone
