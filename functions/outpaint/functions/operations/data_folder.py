"""A data folder's accounts and jobs for its operator, also beside a running server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceRequest
from outpaint.functions.adapters.clock_and_ids import RandomIds, SystemClock
from outpaint.functions.embedded.folder_pictures import FolderPictures
from outpaint.functions.embedded.memory_ledger import MemoryLimits
from outpaint.functions.embedded.sqlite_ledger import SqliteKeyRing, SqliteLedger
from outpaint.functions.embedded.storage_errors import StorageError
from outpaint.functions.embedded.stores import open_database
from outpaint.functions.operations.deployment import Deployment, JobFile, picture_names
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.records import Job
from outpaint.functions.service.service import Service

_BEYOND: Final = ("backups, copies and snapshots of the folder", "results that clients have fetched")


class _NoPainter:
    """The Dispatch and Fetch ports of a process that paints nothing."""

    def start(self, request: InferenceRequest) -> None:
        raise OutpaintError.unavailable(f"{request.inference_id} is for the server to paint")

    def check(self, job: Job) -> Job | None:
        """Nothing to settle: the server does that itself."""
        return job

    def fetch(self, url: str, *, max_bytes: int, timeout: float, field: str) -> bytes:  # noqa: ARG002 - the port's
        raise OutpaintError(ErrorCode.SOURCE_UNAVAILABLE, f"{url} is for the server to fetch")


@contextmanager
def folder_deployment(data: Path) -> Iterator[Deployment]:
    """The accounts and jobs of a data folder, made where there is none.

    Raises `OutpaintError` UNAVAILABLE, with the path, where the disk or a file does not let the block do something.
    """
    # A command prints its error in one line; with no handler at all, logging would print another.
    logging.getLogger("outpaint.storage").addHandler(logging.NullHandler())
    try:
        with _opened(data) as deployment:
            yield deployment
    except StorageError as error:
        raise OutpaintError.unavailable(error.line) from None


@contextmanager
def _opened(data: Path) -> Iterator[Deployment]:
    with open_database(data) as database:
        ledger, painter = SqliteLedger(database), _NoPainter()
        # No URLs are signed here, so no secret is needed.
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

        def files(job: Job) -> list[JobFile]:
            paths = [(what, pictures.path(name)) for what, name in picture_names(job)]
            return [JobFile(what, str(path), path.stat().st_size if path.exists() else None) for what, path in paths]

        yield Deployment(service, SqliteKeyRing(database), ledger.latest, files, lambda: list(_BEYOND))
