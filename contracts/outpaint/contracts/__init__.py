"""The wire contract of the outpainting API: what is sent, what is answered, and the states in between.

Imports pydantic and the standard library only, so that a client, a mock or a test can depend on it alone.
"""

from __future__ import annotations

import sys

# Not typing's: whatever imports a module of this floor runs this file.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from outpaint.contracts import openapi as openapi
    from outpaint.contracts.data_uris import DataUri as DataUri
    from outpaint.contracts.errors import ERROR_KINDS as ERROR_KINDS
    from outpaint.contracts.errors import Cause as Cause
    from outpaint.contracts.errors import ErrorBody as ErrorBody
    from outpaint.contracts.errors import ErrorCode as ErrorCode
    from outpaint.contracts.errors import ErrorKind as ErrorKind
    from outpaint.contracts.errors import Operations as Operations
    from outpaint.contracts.errors import OutpaintError as OutpaintError
    from outpaint.contracts.errors import ProblemDetails as ProblemDetails
    from outpaint.contracts.inference import Completion as Completion
    from outpaint.contracts.inference import CompletionLocations as CompletionLocations
    from outpaint.contracts.inference import DroppedEvent as DroppedEvent
    from outpaint.contracts.inference import InferenceFailure as InferenceFailure
    from outpaint.contracts.inference import InferenceRequest as InferenceRequest
    from outpaint.contracts.inference import Manifest as Manifest
    from outpaint.contracts.inference import ManifestFile as ManifestFile
    from outpaint.contracts.inference import Timings as Timings
    from outpaint.contracts.job_states import JobState as JobState
    from outpaint.contracts.masks_and_formats import Format as Format
    from outpaint.contracts.masks_and_formats import MaskInterpretation as MaskInterpretation
    from outpaint.contracts.masks_and_formats import MaskMode as MaskMode
    from outpaint.contracts.masks_and_formats import MaskSource as MaskSource
    from outpaint.contracts.masks_and_formats import PictureLimits as PictureLimits
    from outpaint.contracts.paths_and_headers import Allowance as Allowance
    from outpaint.contracts.paths_and_headers import Prefer as Prefer
    from outpaint.contracts.profiles import WireProfile as WireProfile
    from outpaint.contracts.requests import IdSource as IdSource
    from outpaint.contracts.requests import Mode as Mode
    from outpaint.contracts.requests import OutpaintRequest as OutpaintRequest
    from outpaint.contracts.requests import Upload as Upload
    from outpaint.contracts.requests import UploadRequest as UploadRequest
    from outpaint.contracts.requests import UrlSource as UrlSource
    from outpaint.contracts.requests import Wish as Wish
    from outpaint.contracts.responses import Accepted as Accepted
    from outpaint.contracts.responses import Balance as Balance
    from outpaint.contracts.responses import FailedJob as FailedJob
    from outpaint.contracts.responses import FinishedPicture as FinishedPicture
    from outpaint.contracts.responses import PainterCard as PainterCard
    from outpaint.contracts.responses import Result as Result
    from outpaint.contracts.responses import StatusWord as StatusWord
    from outpaint.contracts.responses import UploadTicket as UploadTicket


def lazy_names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a floor whose public names are imported when they are first asked for.

    `homes` has the module of each name, as seen from the package; a name that is its own home is a module.
    """

    def getattribute(name: str) -> object:
        from importlib import import_module

        # freezegun looks at every name of every module while it replaces the clock: nothing is to be imported then.
        if sys._getframe(1).f_globals.get("__name__") == "freezegun.api":
            raise AttributeError(name)
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{home}")
        return module if home == name else getattr(module, name)

    def names() -> list[str]:
        return sorted(homes)

    return getattribute, names


# The public names of each module, as seen from here.
PUBLIC = {
    "data_uris": ("DataUri",),
    "errors": (
        "Cause",
        "ERROR_KINDS",
        "ErrorBody",
        "ErrorCode",
        "ErrorKind",
        "Operations",
        "OutpaintError",
        "ProblemDetails",
    ),
    "inference": (
        "Completion",
        "CompletionLocations",
        "DroppedEvent",
        "InferenceFailure",
        "InferenceRequest",
        "Manifest",
        "ManifestFile",
        "Timings",
    ),
    "job_states": ("JobState",),
    "masks_and_formats": ("Format", "MaskInterpretation", "MaskMode", "MaskSource", "PictureLimits"),
    "openapi": ("openapi",),
    "paths_and_headers": ("Allowance", "Prefer"),
    "profiles": ("WireProfile",),
    "requests": ("IdSource", "Mode", "OutpaintRequest", "Upload", "UploadRequest", "UrlSource", "Wish"),
    "responses": (
        "Accepted",
        "Balance",
        "FailedJob",
        "FinishedPicture",
        "PainterCard",
        "Result",
        "StatusWord",
        "UploadTicket",
    ),
}
HOMES = {name: module for module, names in PUBLIC.items() for name in names}
__all__ = sorted(HOMES)

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, HOMES)
