"""A service as its operator looks after it, wherever it keeps its accounts and jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_functions.service.keys import KeyRing
from outpaint_functions.service.records import Job
from outpaint_functions.service.service import Service


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file of a job: what it is, where it lies, and its size in bytes, None where it is not there (any more)."""

    what: str
    at: str
    bytes: int | None


class JobBook(Protocol):
    """Every job, for people to look at."""

    def latest(self) -> Iterable[Job]:
        """The newest jobs first, expired ones included; read as they are asked for."""
        ...


class JobFiles(Protocol):
    """Where a job's files lie."""

    def of(self, job: Job) -> list[JobFile]:
        """Its inputs, its results and what was written of its end."""
        ...


@dataclass(frozen=True, slots=True)
class Deployment:
    """The rules over one place's stores, and what only an operator sees of them."""

    service: Service
    keys: KeyRing
    jobs: JobBook
    files: JobFiles


@dataclass(frozen=True, slots=True)
class StackName:
    """Which CloudFormation stack, by whose leave; region and profile as the AWS command line finds them if None."""

    name: str
    region: str | None = None
    profile: str | None = None


@contextmanager
def opened(place: Path | StackName) -> Iterator[Deployment]:
    """The deployment in a data folder, made where there is none, or in a stack.

    Raises `OutpaintError` in one line with the way out where it cannot be reached; so does the block.
    """
    if isinstance(place, Path):
        from outpaint_functions.operations.data_folder import folder_deployment

        with folder_deployment(place) as deployment:
            yield deployment
        return
    with needs_botocore():
        from outpaint_functions.operations.stack.deployment import stack_deployment
    with stack_deployment(place) as deployment:
        yield deployment


@contextmanager
def needs_botocore() -> Iterator[None]:
    """Say which extra is missing where an import in the block finds no botocore."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "botocore":
            raise
        raise OutpaintError(
            ErrorCode.UNAVAILABLE, "a stack is looked after by botocore: pip install 'outpaint-kit[server,aws]'"
        ) from None
