"""Watches whether a data folder can take new work: its disk's free space, and that its files are still there."""

from __future__ import annotations

import logging
import os
import shutil
import time
from pathlib import Path
from typing import Final

from outpaint.functions.embedded.database import Database
from outpaint.functions.embedded.storage_errors import READ_ONLY, StorageError, storage_errors

_LOG: Final = logging.getLogger("outpaint.storage")
LOOK_EVERY_S: Final = 1.0
"""How long an answer is kept: every submit asks."""
_MIB: Final = 1024 * 1024


class FolderWatch:
    """The Readiness port of a data folder; safe to ask from any thread.

    Below `free_disk` free bytes on the folder's disk nothing new is taken, so that what was taken can be finished; 0
    switches that off.
    """

    def __init__(self, data: Path, database: Database, free_disk: int) -> None:
        self._data = data
        self._database = database
        self._free_disk = free_disk
        self._reason: str | None = None
        self._until = 0.0

    def unready(self) -> str | None:
        """At most every `LOOK_EVERY_S` seconds it looks at the disk, which takes microseconds."""
        now = time.monotonic()
        if now >= self._until:
            self._until = now + LOOK_EVERY_S
            before, self._reason = self._reason, self._look()
            if before is not None and self._reason is None:
                _LOG.warning("%s: new jobs and uploads are taken again", self._data)
            elif self._reason not in (None, before):
                _LOG.error("%s: no new jobs or uploads are taken: %s", self._data, self._reason)
        return self._reason

    def _look(self) -> str | None:
        try:
            self._database.check()
            with storage_errors(self._data / "pictures"):
                if _is_read_only(self._data / "pictures"):
                    return READ_ONLY
                free = shutil.disk_usage(self._data / "pictures").free
        except StorageError as error:
            return error.detail
        if free >= self._free_disk:
            return None
        return (
            f"the disk of the server's data folder has {free // _MIB:,} MiB free, and below "
            f"{self._free_disk / _MIB:,.0f} MiB nothing new is taken: make room there, or start the server with "
            "another limit free_disk"
        )


def _is_read_only(folder: Path) -> bool:
    """Whether its file system is; where a system does not tell, writing will."""
    if not hasattr(os, "statvfs"):
        return False
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
