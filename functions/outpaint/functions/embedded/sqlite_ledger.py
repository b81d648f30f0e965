"""The Accounts, Jobs and KeyRing ports on one SQLite database."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any, Final, Unpack

from pydantic import BaseModel

from outpaint.contracts.inference import CompletionLocations, InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.job_states import ENDED, JobState, sources_of
from outpaint.contracts.masks_and_formats import MaskInterpretation
from outpaint.functions.embedded.database import Database
from outpaint.functions.service.account_keys import MAX_CREDITS, KeyEntry, OutOfRange
from outpaint.functions.service.ports import AlreadyClaimed, UnreadableJobsError
from outpaint.functions.service.records import GIVES_BACK, Account, Claim, Job, JobChange, insufficient

_LOG: Final = logging.getLogger("outpaint.storage")

# A record's fields are its table's columns.
_ACCOUNT: Final = ", ".join(f"accounts.{field.name}" for field in fields(Account))
_CLAIM: Final = ", ".join(field.name for field in fields(Claim))
_JOB_COLUMNS: Final = tuple(field.name for field in fields(Job))
_JOB: Final = ", ".join(_JOB_COLUMNS)


def _states(states: Iterable[JobState]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


# Statements contain names of our own only, never a client's values.
_FIND_ACCOUNT: Final = f"SELECT {_ACCOUNT} FROM accounts WHERE "  # noqa: S608
_FIND_JOB: Final = f"SELECT {_JOB} FROM jobs WHERE id = ?"  # noqa: S608
_FIND_CLAIM: Final = f"SELECT {_CLAIM} FROM claims WHERE account_id = ? AND key = ? AND expires_at > ?"  # noqa: S608
UNENDED: Final = _states(set(JobState) - ENDED)
"""The states of jobs that have not ended, as SQL's IN takes them."""
_MOVE: Final = {
    state: "UPDATE jobs SET state = ?, manifest = coalesce(?, manifest), failure = coalesce(?, failure), "  # noqa: S608
    "expires_at = coalesce(?, expires_at), locations = coalesce(?, locations) "
    f"WHERE id = ? AND state IN ({_states(sources_of(state))})"
    for state in JobState
}
_ERASE_JOBS: Final = f"DELETE FROM jobs WHERE id = ? AND state NOT IN ({UNENDED})"  # noqa: S608
_ERASE_CLAIMS: Final = (
    "DELETE FROM claims WHERE (account_id, key, inference_id) = "  # noqa: S608
    f"(SELECT account_id, idempotency_key, id FROM jobs WHERE id = ? AND state NOT IN ({UNENDED}))"
)
_ENTRIES: Final = (
    f"SELECT keys.digest, keys.created_at, keys.revoked_at, {_ACCOUNT} "  # noqa: S608
    "FROM keys JOIN accounts ON accounts.id = keys.account_id"
)


class SqliteKeyRing:
    """The KeyRing port on one `Database`; works beside a running server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_account(self, account: Account, digest: str, now: float) -> None:
        """Store an account and its first key."""
        with self._database.transaction() as connection:
            _insert(connection, "accounts", account)
            _add_key(connection, account.id, digest, now)

    def add_key(self, account_name: str, digest: str, credits_: int, now: float, new_id: str) -> None:
        with self._database.transaction() as connection:
            row = connection.execute("SELECT id FROM accounts WHERE name = ?", (account_name,)).fetchone()
            account_id = new_id if row is None else row[0]
            if row is None:
                _insert(connection, "accounts", Account(account_id, account_name, 0))
            _add_credits(connection, account_id, credits_)
            _add_key(connection, account_id, digest, now)

    def add_credits(self, account_id: str, amount: int, now: float) -> Account:  # noqa: ARG002 - nothing is repeated
        with self._database.transaction() as connection:
            _add_credits(connection, account_id, amount)
            return _account(connection.execute(f"{_FIND_ACCOUNT} id = ?", (account_id,)).fetchone())

    def revoke(self, digest: str, now: float) -> None:
        with self._database.transaction() as connection:
            connection.execute("UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE digest = ?", (now, digest))

    def account_named(self, name: str) -> Account | None:
        row = self._database.row(f"{_FIND_ACCOUNT} name = ?", (name,))
        return None if row is None else _account(row)

    def entry(self, digest: str) -> KeyEntry | None:
        row = self._database.row(f"{_ENTRIES} WHERE keys.digest = ?", (digest,))
        return None if row is None else _entry(row)

    def entries(self) -> list[KeyEntry]:
        return [_entry(row) for row in self._database.rows(f"{_ENTRIES} ORDER BY keys.created_at, keys.digest")]


class SqliteLedger:
    """The Accounts and Jobs ports on one `Database`, so that credits and jobs change in one transaction.

    `on_end` is called with a job's id after its end is committed, from whichever thread ended it.
    """

    def __init__(self, database: Database, on_end: Callable[[str], None] = lambda _: None) -> None:
        self._database = database
        self._on_end = on_end

    def by_key_digest(self, digest: str) -> Account | None:
        row = self._database.row(
            f"SELECT {_ACCOUNT} FROM keys JOIN accounts ON accounts.id = keys.account_id "  # noqa: S608
            "WHERE keys.digest = ? AND keys.revoked_at IS NULL",
            (digest,),
        )
        return None if row is None else _account(row)

    def free_credits(self, account_id: str) -> int:
        row = self._database.row("SELECT credits FROM accounts WHERE id = ?", (account_id,))
        return 0 if row is None else int(row[0])

    def create(self, job: Job, claim: Claim | None, now: float) -> None:
        with self._database.transaction() as connection:
            if claim is not None:
                held = connection.execute(_FIND_CLAIM, (claim.account_id, claim.key, now)).fetchone()
                if held is not None:
                    raise AlreadyClaimed(Claim(*held))
            paid = connection.execute(
                "UPDATE accounts SET credits = credits - ?1 WHERE id = ?2 AND credits >= ?1",
                (job.price, job.account_id),
            )
            if paid.rowcount == 0:
                row = connection.execute("SELECT credits FROM accounts WHERE id = ?", (job.account_id,)).fetchone()
                raise insufficient(job.price, 0 if row is None else row[0])
            if claim is not None:
                _insert(connection, "claims", claim)
            _insert(connection, "jobs", job)

    def find(self, inference_id: str, now: float) -> Job | None:
        row = self._database.row(f"{_FIND_JOB} AND expires_at > ?", (inference_id, now))
        return None if row is None else _job(row)

    def find_claim(self, account_id: str, key: str, now: float) -> Claim | None:
        row = self._database.row(_FIND_CLAIM, (account_id, key, now))
        return None if row is None else Claim(*row)

    def finish_claim(self, account_id: str, key: str, inference_id: str) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE claims SET running_until = 0 WHERE account_id = ? AND key = ? AND inference_id = ?",
                (account_id, key, inference_id),
            )

    def move(self, inference_id: str, to: JobState, **change: Unpack[JobChange]) -> Job | None:
        with self._database.transaction() as connection:
            new = [_stored(change.get(name)) for name in ("manifest", "failure", "expires_at", "locations")]
            if connection.execute(_MOVE[to], (to, *new, inference_id)).rowcount == 0:
                return None
            job = _job(connection.execute(_FIND_JOB, (inference_id,)).fetchone())
            if to in GIVES_BACK:
                connection.execute(
                    "UPDATE accounts SET credits = credits + ? WHERE id = ?", (job.price, job.account_id)
                )
            if change.get("release_claim") and job.idempotency_key is not None:
                connection.execute(
                    "DELETE FROM claims WHERE account_id = ? AND key = ? AND inference_id = ?",
                    (job.account_id, job.idempotency_key, job.id),
                )
        if to.ended:
            self._on_end(inference_id)
        return job

    def begin_again(self, inference_id: str, attempt: int, locations: CompletionLocations | None = None) -> Job | None:
        with self._database.transaction() as connection:
            recorded = connection.execute(
                "UPDATE jobs SET attempts = ?1, locations = ?2 "  # noqa: S608
                f"WHERE id = ?3 AND attempts <= ?1 AND state IN ({UNENDED})",
                (attempt, _stored(locations), inference_id),
            )
            if recorded.rowcount == 0:
                return None
            return _job(connection.execute(_FIND_JOB, (inference_id,)).fetchone())

    def unended(self, since: float = 0.0) -> Iterator[Job]:
        """Raises `UnreadableJobsError` in the end: one row that is no job must not keep the others from their ends."""
        rows = self._database.rows(
            f"SELECT {_JOB} FROM jobs WHERE state IN ({UNENDED}) AND created_at >= ? ORDER BY created_at, id",  # noqa: S608
            (since,),
        )
        return _jobs(rows)

    def latest(self) -> Iterator[Job]:
        """The newest jobs first, expired ones included, for people to look at; read as asked for. Raises as above."""
        return _jobs(self._database.each(f"SELECT {_JOB} FROM jobs ORDER BY created_at DESC, id"))  # noqa: S608

    def purge(self, now: float) -> int:
        with self._database.transaction() as connection:
            gone = connection.execute(
                f"DELETE FROM jobs WHERE expires_at <= ? AND state NOT IN ({UNENDED})",  # noqa: S608
                (now,),
            ).rowcount
            connection.execute("DELETE FROM claims WHERE expires_at <= ?", (now,))
        return gone

    def erase(self, inference_ids: Iterable[str]) -> int:
        ids = [(id_,) for id_ in inference_ids]
        with self._database.transaction() as connection:
            for statement in _ERASE_CLAIMS, _ERASE_JOBS:
                gone = connection.executemany(statement, ids).rowcount
        self._database.overwrite_deleted()
        return gone


def _insert(connection: sqlite3.Connection, table: str, record: Account | Claim | Job) -> None:
    """Store a record; a claim replaces one that has expired."""
    columns = [field.name for field in fields(record)]
    connection.execute(
        f"INSERT {'OR REPLACE ' if table == 'claims' else ''}INTO {table} ({', '.join(columns)}) "  # noqa: S608
        f"VALUES ({', '.join('?' * len(columns))})",
        [_stored(getattr(record, column)) for column in columns],
    )


def _stored(value: Any) -> Any:
    """A field's value as its column holds it: models as JSON."""
    return value.model_dump_json() if isinstance(value, BaseModel) else value


def _account(row: tuple[Any, ...]) -> Account:
    id_, name, credits_, allowed, loopback_only = row
    return Account(id_, name, credits_, allowed=bool(allowed), loopback_only=bool(loopback_only))


def _job(row: tuple[Any, ...]) -> Job:
    """The job of a row; raises `UnreadableJobsError` where it is none of this release."""
    columns = dict(zip(_JOB_COLUMNS, row, strict=True))
    manifest, failure, locations = columns["manifest"], columns["failure"], columns["locations"]
    try:
        read = {
            "state": JobState(columns["state"]),
            "request": InferenceRequest.model_validate_json(columns["request"]),
            "interpretation": MaskInterpretation.model_validate_json(columns["interpretation"]),
            "manifest": None if manifest is None else Manifest.model_validate_json(manifest),
            "failure": None if failure is None else InferenceFailure.model_validate_json(failure),
            "locations": None if locations is None else CompletionLocations.model_validate_json(locations),
        }
    except ValueError as error:  # pydantic's is one, too
        _LOG.error("the row of job %s cannot be read: %s", columns["id"], " ".join(str(error).split()))
        raise UnreadableJobsError([str(columns["id"])]) from error
    return Job(**{**columns, **read})


def _jobs(rows: Iterable[tuple[Any, ...]]) -> Iterator[Job]:
    """The jobs of rows as they are asked for; raises `UnreadableJobsError` in the end for those that are none."""
    unreadable: list[str] = []
    for row in rows:
        try:
            job = _job(row)
        except UnreadableJobsError as error:
            unreadable += error.ids
            continue
        yield job
    if unreadable:
        raise UnreadableJobsError(unreadable)


def _add_key(connection: sqlite3.Connection, account_id: str, digest: str, now: float) -> None:
    connection.execute("INSERT INTO keys (digest, account_id, created_at) VALUES (?, ?, ?)", (digest, account_id, now))


def _add_credits(connection: sqlite3.Connection, account_id: str, amount: int) -> None:
    changed = connection.execute(
        "UPDATE accounts SET credits = credits + ?1 WHERE id = ?2 AND credits + ?1 BETWEEN 0 AND ?3",
        (amount, account_id, MAX_CREDITS),
    )
    if changed.rowcount == 0:
        raise OutOfRange


def _entry(row: tuple[Any, ...]) -> KeyEntry:
    digest, created_at, revoked_at, *account = row
    return KeyEntry(digest, _account(tuple(account)), created_at, revoked_at)
