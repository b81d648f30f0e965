"""The names of files in the picture store, which the service, the painter's container and SageMaker share.

All files are in one bucket or folder; results and uploads are at its root, named by their public ids.
"""

from __future__ import annotations

import re
from typing import Final, Literal

INPUTS_PREFIX: Final = "inputs/"
"""Begins the names of files that belong to one job alone and are deleted when it ends."""
OUTCOMES_PREFIX: Final = "outcomes/"
"""Begins the names of files that say how a job ended."""
DONE_PREFIX: Final = OUTCOMES_PREFIX + "done/"
FAILED_PREFIX: Final = OUTCOMES_PREFIX + "failed/"
"""The last parts of the asynchronous endpoint's S3OutputPath and S3FailurePath (template.yaml)."""

Part = Literal["image", "mask", "request"]

UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_INVOCATION: Final = re.compile(r"(.+)\.([1-9][0-9]{0,3})", re.DOTALL)
_FILE_ID: Final = re.compile(rf"{UUID}\.[a-z]{{3,4}}")
_PICTURE: Final = re.compile(rf"{INPUTS_PREFIX}{UUID}/(?:image|mask)|{_FILE_ID.pattern}")


def input_name(inference_id: str, part: Part) -> str:
    """A job's picture, its mask, or its whole message where that is too long for SageMaker."""
    return f"{INPUTS_PREFIX}{inference_id}/{part}"


def file_id(uuid: str, extension: str) -> str:
    """The public id, and name, of a result or an upload; the extension comes without its dot."""
    return f"{uuid}.{extension}"


def is_file_id(text: str) -> bool:
    """Whether a text can be the id of a result or an upload."""
    return _FILE_ID.fullmatch(text) is not None


def is_picture_name(text: str) -> bool:
    """Whether a text can be the name of a job's image or mask, of a result or of an upload."""
    return _PICTURE.fullmatch(text) is not None


def outcome_name(inference_id: str) -> str:
    """The manifest or failure that the container writes of a job."""
    return f"{OUTCOMES_PREFIX}{inference_id}.json"


def invocation_id(inference_id: str, attempt: int) -> str:
    """What a try of a job is called at SageMaker, so that its end is told from that of the tries before it."""
    return inference_id if attempt == 1 else f"{inference_id}.{attempt}"


def invoked_by(name: str) -> tuple[str, int]:
    """The job and its try that an `invocation_id` names; one that is none of ours is its own job's first try."""
    found = _INVOCATION.fullmatch(name)
    return (name, 1) if found is None else (found[1], int(found[2]))


def answer_file_name(inference_id: str, attempt: int = 1) -> str:
    """The name that SageMaker is to give its answer to a try: at most 32 letters, digits and hyphens.

    That is the job's id without hyphens; for a later try its end makes room for the number.
    """
    name = inference_id.replace("-", "")
    if attempt == 1:
        return name
    number = f"-{attempt}"
    return name[: 32 - len(number)] + number


def answer_prefix(inference_id: str, attempt: int = 1) -> str:
    """The beginning of the name that SageMaker gives its answer where it honours `Filename`."""
    return DONE_PREFIX + answer_file_name(inference_id, attempt)


def failure_prefix(inference_id: str, attempt: int = 1) -> str:
    """The beginning of a failure's name where SageMaker makes it of the invocation's id."""
    return FAILED_PREFIX + invocation_id(inference_id, attempt)
