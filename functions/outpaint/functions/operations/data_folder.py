"""A data folder as its operator looks after it, also beside a server that has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceRequest
from outpaint.functions.adapters.clock_and_ids import RandomIds, SystemClock
from outpaint.functions.embedded.folder_pictures import FolderPictures
from outpaint.functions.embedded.memory_ledger import MemoryLimits
from outpaint.functions.embedded.sqlite_ledger import SqliteKeyRing, SqliteLedger
from outpaint.functions.embedded.stores import open_database
from outpaint.functions.operations.deployment import Deployment, JobFile
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service


class _NoPainter:
    """The Dispatch and Fetch ports of a process that paints nothing."""

    def start(self, request: InferenceRequest) -> None:
        """Nobody is here to paint."""
        raise OutpaintError(ErrorCode.UNAVAILABLE, f"{request.inference_id} is for the server to paint")

    def check(self, job: Job) -> Job | None:
        """A server reports its jobs' ends itself: there is nothing to look for."""
        return job

    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:  # noqa: ARG002 - the port's
        """Nothing is submitted here."""
        raise OutpaintError(ErrorCode.SOURCE_UNAVAILABLE, f"{url} is for the server to fetch")


class _FolderFiles:
    """Where a job's files lie in a data folder."""

    def __init__(self, pictures: FolderPictures) -> None:
        self._pictures = pictures

    def of(self, job: Job) -> list[JobFile]:
        """Its inputs and its results."""
        named = [("image", job.request.image), ("mask", job.request.mask)]
        named += [("result", id_) for id_ in job.request.output_ids]
        return [self._file(what, name) for what, name in named if name is not None]

    def _file(self, what: str, name: str) -> JobFile:
        path = self._pictures.path(name)
        try:
            size: int | None = path.stat().st_size
        except OSError:
            size = None
        return JobFile(what, str(path), size)


@contextmanager
def folder_deployment(data: Path) -> Iterator[Deployment]:
    """The accounts and jobs of a data folder, made where there is none."""
    with open_database(data) as database:
        ledger, painter = SqliteLedger(database), _NoPainter()
        # It gives no URL away, so it needs no secret to sign them by.
        pictures = FolderPictures(data / "pictures", database, FileUrls(b""))
        service = Service(
            clock=SystemClock(),
            ids=RandomIds(),
            accounts=ledger,
            limits=MemoryLimits(),
            jobs=ledger,
            pictures=pictures,
            dispatch=painter,
            fetch=painter,
        )
        yield Deployment(service, SqliteKeyRing(database), ledger, _FolderFiles(pictures))
