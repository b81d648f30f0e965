"""Looking at a picture once, however often it is sent."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from outpaint_contracts.errors import OutpaintError
from outpaint_contracts.pictures import MaskMode, PictureLimits
from outpaint_functions.service.service import inspect

from outpaint_mocks.blobs import Blobs

if TYPE_CHECKING:
    from outpaint_painting.uploads import Inspection

_LIMITS: Final = PictureLimits()
_MOST: Final = 4096
_Key = tuple[str, str | None, MaskMode, PictureLimits, str, str]


class Inspections:
    """`outpaint_painting.uploads.inspect` with a memory: the same pictures are decoded once, errors included."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, Inspection | OutpaintError] = OrderedDict()
        self._sizes: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def __call__(
        self,
        image: bytes,
        mask: bytes | None = None,
        *,
        mask_mode: MaskMode = MaskMode.AUTO,
        limits: PictureLimits = _LIMITS,
        image_field: str = "image",
        mask_field: str = "mask_image",
    ) -> Inspection:
        """What `inspect` finds; raises what it raises."""
        digest = self._blobs.keep(image)
        mask_digest = None if mask is None else self._blobs.keep(mask)
        key = (digest, mask_digest, mask_mode, limits, image_field, mask_field)
        with self._lock:
            found = self._known.get(key)
        if found is None:
            try:
                found = inspect(
                    image,
                    mask,
                    mask_mode=mask_mode,
                    limits=limits,
                    image_field=image_field,
                    mask_field=mask_field,
                )
            except OutpaintError as error:
                found = error
            with self._lock:
                self._known[key] = found
                if len(self._known) > _MOST:
                    self._known.popitem(last=False)
                if not isinstance(found, OutpaintError):
                    self._sizes[digest] = (found.width, found.height)
                    if len(self._sizes) > _MOST:
                        self._sizes.popitem(last=False)
        if isinstance(found, OutpaintError):
            # A new one each time: raising the same again would string tracebacks together.
            raise OutpaintError(found.code, found.detail, field=found.field)
        return found

    def size(self, digest: str) -> tuple[int, int]:
        """Width and height in pixels of a picture that passed, as it is shown; (1, 1) where that is forgotten."""
        return self._sizes.get(digest, (1, 1))
