"""One call as a journal keeps it: what came, what it asked for, what it was answered, and its pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from outpaint.contracts.data_uris import DataUri
from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.masks_and_formats import MaskMode
from outpaint.contracts.paths_and_headers import API_KEY, IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED
from outpaint.contracts.profiles import WireProfile
from outpaint.contracts.requests import OutpaintRequest, Upload
from outpaint.functions.http.messages import RequestHead
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.blobs import Blobs
from outpaint.mocks.world.mock_answers import MockResponse

if TYPE_CHECKING:
    from PIL import Image

_KEPT_BODY: Final = 4096
"""Bytes of an answer that is kept whatever else is dropped."""
_SHOWN_PATH: Final = 120
_SHOWN_PROMPT: Final = 40


@dataclass(slots=True, repr=False)
class Call:
    """One call that a mock was sent, and its answer; its text shows no key, and is short whatever was sent.

    `at` and `answered_at` are virtual time, seconds since the epoch; answered_at is before the latency. `route` is the
    kind of call, None for a request that no effect touches. `request` is what a POST asks for, None where it was not
    understood. `image_sha256` and `mask_sha256` (hex) are of the pictures that it brought or pointed to. `body` is None
    where bodies are not kept; `body_size` is its size in bytes all the same. `inference_id` is the job that the call is
    about: the one that it made, found again by its idempotency key, polled or fetched a file of. `effects` are what
    scenarios did to it, as text. `real_at` is the machine's monotonic time, and `scale` the clock's (0 frozen), when it
    came.
    """

    number: int
    at: float
    route: On | None
    request_head: RequestHead
    real_at: float = 0.0
    scale: float = 0.0
    account_id: str | None = None
    request: OutpaintRequest | None = None
    body: bytes | None = None
    body_size: int = 0
    body_sample: str | None = None
    """The SHA-256 (hex) of a refused body's beginning and end, without its boundary: by it a repeat is known."""
    image_sha256: str | None = None
    mask_sha256: str | None = None
    image_size: int | None = None
    mask_size: int | None = None
    inference_id: str | None = None
    effects: tuple[str, ...] = ()
    response: MockResponse | None = None
    answered_at: float | None = None
    left_at: float | None = None
    """When the client went away without its answer, virtual time; None where it stayed."""
    profile: WireProfile = WireProfile.OURS
    """Whose API was played."""
    hidden_code: ErrorCode | None = None
    """The error code of an answer whose profile does not send it."""
    field_names: tuple[str, ...] = ()
    """The names of its body's fields, whether or not they mean something."""
    warnings: tuple[str, ...] = ()
    """What the service warns of, whether or not the answer has a header for it."""
    blobs: Blobs | None = None

    @property
    def method(self) -> str:
        """The method."""
        return self.request_head.method

    @property
    def path(self) -> str:
        """The path, percent-decoded, without a world's prefix."""
        return self.request_head.path

    @property
    def api_key(self) -> str | None:
        """The API key it came with."""
        return self.request_head.header(API_KEY)

    @property
    def idempotency_key(self) -> str | None:
        """The Idempotency-Key it came with."""
        return self.request_head.header(IDEMPOTENCY_KEY)

    @property
    def abandoned(self) -> bool:
        """Whether the client went away before it had its answer."""
        return self.left_at is not None

    @property
    def replayed(self) -> bool:
        """Whether it was answered with the job that an earlier call had made under its Idempotency-Key."""
        return self.response is not None and self.response.header(IDEMPOTENT_REPLAYED) is not None

    @property
    def status(self) -> int | None:
        """The status of its answer; None while it waits, and where the client had none: it left, or by a fault."""
        if self.response is None or self.abandoned:
            return None
        return None if self.response.fault is not None and not self.response.fault.answers else self.response.status

    @property
    def error_code(self) -> str | None:
        """The error code of its answer, a refusal or a failed job; None for any other answer."""
        response = self.response
        if self.hidden_code is not None:
            return self.hidden_code
        if response is None or b'"error_code"' not in response.body[:_KEPT_BODY]:
            return None
        code = self.json_object.get("error_code")
        return code if isinstance(code, str) else None

    @property
    def json_object(self) -> dict[str, Any]:
        """The JSON object that it was answered with; empty where there was none, or it is no longer kept."""
        try:
            found = None if self.response is None else json.loads(self.response.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def json(self) -> Any:
        """The answer's body, parsed."""
        if self.response is None:
            raise LookupError("this call has no answer yet")
        return json.loads(self.response.body)

    @property
    def image(self) -> Image.Image:
        """The picture it brought, decoded and turned by its EXIF orientation."""
        return self._decoded(self.image_sha256, "image")

    @property
    def mask(self) -> Image.Image | None:
        """The mask it brought, decoded and turned by its EXIF orientation; None where it brought none."""
        return None if self.mask_sha256 is None else self._decoded(self.mask_sha256, "mask")

    @property
    def keep_map(self) -> Image.Image:
        """What the service keeps of the picture, by its alpha or mask: mode L, 255 kept exactly, 0 painted.

        Raises `OutpaintError` as the service does where neither says that.
        """
        mask = None if self.mask_sha256 is None else self._bytes(self.mask_sha256, "mask")
        from outpaint.painting.inputs.inspection import read_canvas  # brings the image library

        mode = MaskMode.AUTO if self.request is None else self.request.wish.mask_mode
        return read_canvas(self._bytes(self.image_sha256, "image"), mask, mask_mode=mode).keep

    @property
    def picture_bytes(self) -> int:
        """Bytes of the pictures that its request still has."""
        if self.request is None:
            return 0
        return sum(
            len(one.data) for one in (self.request.image, self.request.mask) if isinstance(one, Upload | DataUri)
        )

    def strip(self) -> None:
        """Drop its bytes; sizes and SHA-256 stay."""
        self.body = None
        if self.request is not None and self.picture_bytes:
            pictures = {"image": _emptied(self.request.image), "mask": _emptied(self.request.mask)}
            self.request = self.request.model_copy(update=pictures)
        if self.response is not None and (self.route is On.FILE or len(self.response.body) > _KEPT_BODY):
            self.response = replace(self.response, body=b"")

    def __repr__(self) -> str:
        return f"<Call {self}>"

    def __str__(self) -> str:
        path = self.path if len(self.path) <= _SHOWN_PATH else f"{self.path[:_SHOWN_PATH]}..."
        what = f"#{self.number} {self.method[:20]} {path}"
        if self.request is not None:
            what += f" prompt={self.request.wish.prompt[:_SHOWN_PROMPT]!r} count={self.request.wish.count}"
        answer = "no answer" if self.status is None else str(self.status)
        code = self.error_code
        return f"{what} -> {answer}{f' {code}' if code else ''}"

    def _bytes(self, digest: str | None, what: str) -> bytes:
        if digest is None:
            raise LookupError(f"{self} brought no {what}")
        data = None if self.blobs is None else self.blobs.get(digest)
        if data is None:
            raise LookupError(f"the {what} of {self} is no longer kept; its SHA-256 is {digest}")
        return data

    def _decoded(self, digest: str | None, what: str) -> Image.Image:
        from PIL import Image, ImageOps

        picture = Image.open(BytesIO(self._bytes(digest, what)))
        return ImageOps.exif_transpose(picture)


def _emptied(source: object) -> object:
    return replace(source, data=b"") if isinstance(source, Upload | DataUri) else source
