"""The pictures of a call as PNG, for whoever looks at a journal."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_contracts.jobs import JobState
from PIL import Image, UnidentifiedImageError

if TYPE_CHECKING:
    from outpaint_functions.service.records import Job

    from outpaint_mocks.calls import Call
    from outpaint_mocks.world import World

_MODES: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})


def picture_of(world: World, call: Call, what: str, side: int | None = None) -> bytes:
    """PNG of `image`, `mask`, `keep-map` or `results/<place>`, no side longer than `side` px.

    Raises `OutpaintError` (404) where there is none, it is no longer kept, or it is none that can be shown.
    """
    try:
        if what == "image":
            picture = call.image
        elif what == "mask":
            mask = call.mask
            if mask is None:
                raise LookupError(f"{call} brought no mask")
            picture = mask
        elif what == "keep-map":
            picture = call.keep_map
        else:
            picture = Image.open(BytesIO(_result(world, call, what.removeprefix("results/"))))
        return _png(picture, side)
    except LookupError as error:
        raise OutpaintError(ErrorCode.UNKNOWN_FILE, str(error.args[0])) from None
    except OutpaintError as error:
        raise OutpaintError(ErrorCode.UNKNOWN_FILE, f"call {call.number} has no {what}: {error.detail}") from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        UnidentifiedImageError,
    ):
        raise OutpaintError(
            ErrorCode.UNKNOWN_FILE, f"the {what} of call {call.number} is no picture that can be shown"
        ) from None


def finished_job(world: World, call: Call) -> Job | None:
    """The job of a call, if it has results that live."""
    if call.inference_id is None:
        return None
    job = world.ledger.find(call.inference_id, world.clock.now())
    return job if job is not None and job.state is JobState.SUCCEEDED and job.manifest is not None else None


def _result(world: World, call: Call, place: str) -> bytes:
    job = finished_job(world, call)
    files = () if job is None or job.manifest is None else job.manifest.files
    if not place.isascii() or not place.isdigit() or int(place) >= len(files):
        raise LookupError(f"call {call.number} has {len(files)} results, none at {place[:20]}")
    stored = world.pictures.get(files[int(place)].id, world.clock.now())
    if stored is None:
        raise LookupError(f"what result {place} of call {call.number} is painted from is no longer kept")
    return stored.data


def _png(picture: Image.Image, side: int | None) -> bytes:
    if picture.mode not in _MODES:
        picture = picture.convert("RGB")
    if side is not None and max(picture.size) > side:
        picture = picture.convert("RGBA" if "A" in picture.mode or picture.mode == "P" else "RGB")
        picture.thumbnail((side, side))
    stream = BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
