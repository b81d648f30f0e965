"""The interface of a service for its operator, which a data folder and a stack implement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from outpaint.functions.service.account_keys import KeyRing
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file of a job: what it is, its path or URL, and its size in bytes, None where it is not there (any more)."""

    what: str
    at: str
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A service, and what its operator sees beyond its ports.

    `latest` reads the newest jobs first, expired ones included, as they are asked for; `files` finds a job's inputs,
    results and recorded outcome. `beyond_erasure` says in a line each what an erasure does not reach, and until when.
    """

    service: Service
    keys: KeyRing
    latest: Callable[[], Iterable[Job]]
    files: Callable[[Job], list[JobFile]]
    beyond_erasure: Callable[[], list[str]]


@dataclass(frozen=True, slots=True)
class StackName:
    """A CloudFormation stack's name; without region and profile, those of the AWS settings are used."""

    name: str
    region: str | None = None
    profile: str | None = None


def picture_names(job: Job) -> list[tuple[str, str]]:
    """What each picture of a job is (image, mask or result), and its name in the picture store."""
    inputs = zip(("image", "mask"), job.request.inputs, strict=False)
    return [*inputs, *(("result", id_) for id_ in job.request.output_ids)]
