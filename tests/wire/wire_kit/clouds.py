"""The deployed stack on this machine, twice: the built package under Lambda's own runtime client, and ministack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from local_cloud import ministack, runtime_stack
from local_cloud.processes import ROOT, CloudError
from local_cloud.proof import StackProvider

from outpaint.conformance.proving.provider import Provider

_FOLDERS: Final = ROOT / "build" / "cloud"
_PAINTER: Final = "flat"


def missing(name: str) -> str | None:
    """Why this one cannot be opened here, None where it can."""
    try:
        runtime_stack.Artifact.here() if name == "lambda" else ministack.check_installed()
    except CloudError as error:
        return str(error)
    return None


@contextmanager
def runtime_client() -> Iterator[Provider]:
    """The built package under awslambdaric behind a REST API, over moto's AWS."""
    with ExitStack() as running:
        artifact = runtime_stack.Artifact.here()
        deployed = runtime_stack.deploy(running, _FOLDERS / "runtime", _PAINTER, artifact, "RestApi")
        yield StackProvider("lambda", deployed)


@contextmanager
def in_ministack() -> Iterator[Provider]:
    """template.yaml deployed into ministack, behind a Function URL."""
    with ExitStack() as running:
        yield StackProvider("ministack", ministack.deploy(running, _FOLDERS / "ministack", _PAINTER))
