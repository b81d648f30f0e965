"""A service as its operator looks after it, wherever it keeps its accounts and jobs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from outpaint.functions.service.account_keys import KeyRing
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service


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
