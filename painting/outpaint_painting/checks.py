"""The output check: a hook that looks at every painted picture before it is stored."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from outpaint_contracts.errors import ErrorCode, OutpaintError

if TYPE_CHECKING:
    from PIL import Image


class OutputCheck(Protocol):
    """Looks at a finished picture (RGB, not to be changed); may be called from several threads."""

    def __call__(self, picture: Image.Image) -> str | None:
        """A few words on why the picture must not be handed out, or None where it may."""
        ...


def nothing_checked(picture: Image.Image) -> str | None:  # noqa: ARG001 - the hook's signature
    """Lets every picture pass: what `none` stands for."""
    return None


def load_check(address: str, threshold: float = 0.8) -> OutputCheck:
    """The check that a setting names: `none`, `nsfw` with its threshold (0 to 1), or a function as module:function.

    Raises `OutpaintError`: INVALID_PARAMETER where there is no such check, UNAVAILABLE where its weights are missing.
    """
    if address == "none":
        return nothing_checked
    if address == "nsfw":
        from outpaint_painting.nsfw import NsfwCheck

        bundled = NsfwCheck(threshold)
        bundled.load()
        return bundled
    module, _, name = address.partition(":")
    try:
        check = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise OutpaintError.wrong_value(
            "check", address, f"it is none, nsfw, or a function as module:function ({error})"
        ) from error
    if not callable(check):
        raise OutpaintError.wrong_value("check", address, "it cannot be called")
    return cast("OutputCheck", check)


def withheld(reason: str) -> OutpaintError:
    """The error of a job one of whose pictures the check held back."""
    return OutpaintError(
        ErrorCode.PAINTING_FAILED,
        f"a picture was withheld by the output check ({reason}): change the prompt or the seed",
    )
