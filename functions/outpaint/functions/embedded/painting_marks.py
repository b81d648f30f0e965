"""Which jobs are being painted, kept in a data folder's database so that a kill counts against nobody else.

A process that dies while one job is painted counts one try of that job. Where several were painted, none of them is
counted: each is painted alone next time, and then only the one that kills again is (docs/adr/0058).
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from typing import Final

from outpaint.functions.embedded.database import Database
from outpaint.functions.embedded.sqlite_ledger import UNENDED

_LEFT: Final = (
    "SELECT jobs.id, paintings.attempt = jobs.attempts FROM paintings JOIN jobs ON jobs.id = inference_id "  # noqa: S608
    f"WHERE jobs.state IN ({UNENDED})"
)
_CLEAR: Final = (
    "DELETE FROM paintings WHERE inference_id NOT IN "  # noqa: S608
    f"(SELECT id FROM jobs WHERE state IN ({UNENDED}))"
)


@dataclass(frozen=True, slots=True)
class CutOff:
    """What a host that was killed left: `counted` were painted alone at that time, `suspects` are to be from now on."""

    counted: frozenset[str] = frozenset()
    suspects: frozenset[str] = frozenset()


class PaintingMarks:
    """A row for each job that a painter works on, and for each that is to be painted alone.

    `attempt` is the try of the job that is painted; 0 where the job only waits. Every call is one transaction, and
    raises `StorageError` where it cannot be written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._stopped = False

    def begin(self, inference_id: str, attempt: int, *, alone: bool, after: str | None = None) -> None:
        """A painter begins this try of a job; `after` is the job it had before, which has ended."""
        with self._lock:
            if self._stopped:
                return  # what is painted in the time that a stop leaves counts against nobody
            with self._database.transaction() as connection:
                if after is not None:
                    connection.execute("DELETE FROM paintings WHERE inference_id = ?", (after,))
                connection.execute("INSERT OR REPLACE INTO paintings VALUES (?, ?, ?)", (inference_id, attempt, alone))

    def stop(self) -> None:
        """The host stops in order: nothing that is painted now counts as killed, whatever becomes of it."""
        with self._lock:
            with self._database.transaction() as connection:
                clear_marks(connection)
            self._stopped = True

    def take_over(self) -> CutOff:
        """What the host before left; for a host that has just started. To ask twice changes nothing more."""
        with self._database.transaction() as connection:
            rows = connection.execute(_LEFT).fetchall()
            connection.execute(_CLEAR)
            painted = frozenset(id_ for id_, now in rows if now)
            if len(painted) > 1:
                connection.execute("UPDATE paintings SET attempt = 0")
            connection.execute("UPDATE paintings SET alone = 1")
        return CutOff(painted if len(painted) == 1 else frozenset(), frozenset(id_ for id_, _ in rows))


def clear_marks(connection: sqlite3.Connection) -> None:
    """Have nothing that is painted now count as killed; what is to be painted alone stays so."""
    connection.execute("DELETE FROM paintings WHERE NOT alone")
    connection.execute("UPDATE paintings SET attempt = 0")
