"""Jobs, accounts and keys in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.job_states import ENDED, JobState, sources_of
from outpaint.contracts.masks_and_formats import MaskInterpretation
from outpaint.functions.embedded.database import Database
from outpaint.functions.service.account_keys import MAX_CREDITS, KeyEntry, OutOfRange
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.ports import AlreadyClaimed
from outpaint.functions.service.records import GIVES_BACK, Account, Claim, Job, insufficient

_ENTRIES: Final = (
    "SELECT k.digest, k.created_at, k.revoked_at, a.id, a.name, a.credits, a.allowed, a.loopback_only "
    "FROM keys k JOIN accounts a ON a.id = k.account_id"
)


class SqliteKeyRing:
    """The KeyRing port on one `Database`; works beside a running server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_account(self, account: Account, key: str, now: float) -> None:
        """Store an account and its first key."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO accounts (id, name, credits, allowed, loopback_only) VALUES (?, ?, ?, ?, ?)",
                (account.id, account.name, account.credits, account.allowed, account.loopback_only),
            )
            _add_key(connection, account.id, key_digest(key), now)

    def add_key(self, account_name: str, digest: str, credits_: int, now: float, new_id: str) -> None:
        """Let a key open the account of this name and add to its credits; opened as `new_id` where there is none."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT id FROM accounts WHERE name = ?", (account_name,)).fetchone()
            account_id = new_id if row is None else row[0]
            if row is None:
                connection.execute(
                    "INSERT INTO accounts (id, name, credits) VALUES (?, ?, 0)", (account_id, account_name)
                )
            _add_credits(connection, account_id, credits_)
            _add_key(connection, account_id, digest, now)

    def add_credits(self, account_id: str, amount: int) -> Account:
        """Add to an account's free credits; the account after it."""
        with self._database.transaction() as connection:
            _add_credits(connection, account_id, amount)
            row = connection.execute(
                "SELECT id, name, credits, allowed, loopback_only FROM accounts WHERE id = ?", (account_id,)
            ).fetchone()
        return _account(row)

    def revoke(self, digest: str, now: float) -> None:
        """Let a known key open nothing any more; the time of its first revocation stays."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE digest = ?", (now, digest))

    def account_named(self, name: str) -> Account | None:
        """The account of this name."""
        row = self._database.connection.execute(
            "SELECT id, name, credits, allowed, loopback_only FROM accounts WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else _account(row)

    def entry(self, digest: str) -> KeyEntry | None:
        """The key of this digest, revoked or not."""
        row = self._database.connection.execute(f"{_ENTRIES} WHERE k.digest = ?", (digest,)).fetchone()
        return None if row is None else _entry(row)

    def entries(self) -> list[KeyEntry]:
        """Every key, oldest first, revoked ones included."""
        rows = self._database.connection.execute(f"{_ENTRIES} ORDER BY k.created_at, k.digest").fetchall()
        return [_entry(row) for row in rows]


def _add_key(connection: sqlite3.Connection, account_id: str, digest: str, now: float) -> None:
    connection.execute("INSERT INTO keys (digest, account_id, created_at) VALUES (?, ?, ?)", (digest, account_id, now))


def _add_credits(connection: sqlite3.Connection, account_id: str, amount: int) -> None:
    changed = connection.execute(
        "UPDATE accounts SET credits = credits + ?1 WHERE id = ?2 AND credits + ?1 BETWEEN 0 AND ?3",
        (amount, account_id, MAX_CREDITS),
    )
    if changed.rowcount == 0:
        raise OutOfRange


def _entry(row: tuple[str, float, float | None, str, str, int, int, int]) -> KeyEntry:
    digest, created_at, revoked_at, *account = row
    return KeyEntry(digest, _account(account), created_at, revoked_at)


def _account(row: tuple[object, ...] | list[object]) -> Account:
    id_, name, credits_, allowed, loopback_only = row
    return Account(str(id_), str(name), int(str(credits_)), allowed=bool(allowed), loopback_only=bool(loopback_only))


_COLUMNS: Final = (
    "id, account_id, state, created_at, deadline_at, expires_at, price, request, interpretation, "
    "idempotency_key, attempts, manifest, failure"
)
_CLAIM_COLUMNS: Final = "account_id, key, fingerprint, inference_id, running_until, expires_at"


def _words(states: frozenset[JobState]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


# Words of our own enumeration, so no value of a client's ever stands in a statement.
_UNENDED: Final = _words(frozenset(JobState) - ENDED)
_MOVE: Final = {
    state: "UPDATE jobs SET state = ?, manifest = coalesce(?, manifest), failure = coalesce(?, failure), "  # noqa: S608
    f"expires_at = coalesce(?, expires_at) WHERE id = ? AND state IN ({_words(sources_of(state))})"
    for state in JobState
}
_FIND: Final = f"SELECT {_COLUMNS} FROM jobs WHERE id = ?"  # noqa: S608


class SqliteLedger:
    """The Accounts and Jobs ports on one `Database`, so that credits and jobs change in one transaction.

    `on_end` is called with a job's id after its end is committed, from whichever thread ended it.
    """

    def __init__(self, database: Database, on_end: Callable[[str], None] = lambda _: None) -> None:
        self._database = database
        self._on_end = on_end

    # Accounts

    def by_key_digest(self, digest: str) -> Account | None:
        """The account whose key has this SHA-256 (hex), or None for unknown and revoked keys."""
        row = self._database.connection.execute(
            "SELECT a.id, a.name, a.credits, a.allowed, a.loopback_only "
            "FROM keys k JOIN accounts a ON a.id = k.account_id WHERE k.digest = ? AND k.revoked_at IS NULL",
            (digest,),
        ).fetchone()
        if row is None:
            return None
        id_, name, credits_, allowed, loopback_only = row
        return Account(id_, name, credits_, allowed=bool(allowed), loopback_only=bool(loopback_only))

    # Jobs

    def create(self, job: Job, claim: Claim | None, now: float) -> None:
        """Claim the key, take the price and store the job: all or nothing."""
        with self._database.transaction() as connection:
            if claim is not None:
                held = _live_claim(connection, claim.account_id, claim.key, now)
                if held is not None:
                    raise AlreadyClaimed(held)
            paid = connection.execute(
                "UPDATE accounts SET credits = credits - ?1 WHERE id = ?2 AND credits >= ?1",
                (job.price, job.account_id),
            )
            if paid.rowcount == 0:
                row = connection.execute("SELECT credits FROM accounts WHERE id = ?", (job.account_id,)).fetchone()
                raise insufficient(job.price, 0 if row is None else row[0])
            if claim is not None:
                connection.execute(
                    f"INSERT OR REPLACE INTO claims ({_CLAIM_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
                    (
                        claim.account_id,
                        claim.key,
                        claim.fingerprint,
                        claim.inference_id,
                        claim.running_until,
                        claim.expires_at,
                    ),
                )
            connection.execute(
                f"INSERT INTO jobs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (
                    job.id,
                    job.account_id,
                    job.state,
                    job.created_at,
                    job.deadline_at,
                    job.expires_at,
                    job.price,
                    job.request.model_dump_json(),
                    job.interpretation.model_dump_json(),
                    job.idempotency_key,
                    job.attempts,
                    None if job.manifest is None else job.manifest.model_dump_json(),
                    None if job.failure is None else job.failure.model_dump_json(),
                ),
            )

    def find(self, inference_id: str, now: float) -> Job | None:
        """The job, whoever owns it, unless it has expired."""
        row = self._database.connection.execute(f"{_FIND} AND expires_at > ?", (inference_id, now)).fetchone()
        return None if row is None else _job(row)

    def find_claim(self, account_id: str, key: str, now: float) -> Claim | None:
        """The live claim on an idempotency key."""
        return _live_claim(self._database.connection, account_id, key, now)

    def finish_claim(self, account_id: str, key: str, inference_id: str) -> None:
        """Record that the claiming request has been answered."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE claims SET running_until = 0 WHERE account_id = ? AND key = ? AND inference_id = ?",
                (account_id, key, inference_id),
            )

    def move(
        self,
        inference_id: str,
        to: JobState,
        *,
        manifest: Manifest | None = None,
        failure: InferenceFailure | None = None,
        expires_at: float | None = None,
        release_claim: bool = False,
    ) -> Job | None:
        """Move the job if it stands in one of `sources_of(to)`, else change nothing and return None."""
        with self._database.transaction() as connection:
            moved = connection.execute(
                _MOVE[to],
                (
                    to,
                    None if manifest is None else manifest.model_dump_json(),
                    None if failure is None else failure.model_dump_json(),
                    expires_at,
                    inference_id,
                ),
            )
            if moved.rowcount == 0:
                return None
            job = _job(connection.execute(_FIND, (inference_id,)).fetchone())
            if to in GIVES_BACK:
                connection.execute(
                    "UPDATE accounts SET credits = credits + ? WHERE id = ?", (job.price, job.account_id)
                )
            if release_claim and job.idempotency_key is not None:
                connection.execute(
                    "DELETE FROM claims WHERE account_id = ? AND key = ? AND inference_id = ?",
                    (job.account_id, job.idempotency_key, job.id),
                )
        if to.ended:
            self._on_end(inference_id)
        return job

    def begin_again(self, inference_id: str) -> Job | None:
        """Count one more attempt of a job that has not ended."""
        with self._database.transaction() as connection:
            counted = connection.execute(
                f"UPDATE jobs SET attempts = attempts + 1 WHERE id = ? AND state IN ({_UNENDED})",  # noqa: S608
                (inference_id,),
            )
            if counted.rowcount == 0:
                return None
            return _job(connection.execute(_FIND, (inference_id,)).fetchone())

    def unended(self) -> list[Job]:
        """Every job that has not ended, oldest first."""
        rows = self._database.connection.execute(
            f"SELECT {_COLUMNS} FROM jobs WHERE state IN ({_UNENDED}) ORDER BY created_at, id"  # noqa: S608
        )
        return [_job(row) for row in rows.fetchall()]

    def latest(self) -> Iterator[Job]:
        """The newest jobs first, expired ones included, for people to look at; read as asked for."""
        rows = self._database.connection.execute(
            f"SELECT {_COLUMNS} FROM jobs ORDER BY created_at DESC, id"  # noqa: S608
        )
        for row in rows:
            yield _job(row)

    def purge(self, now: float) -> int:
        """Forget ended jobs and claims that have expired; returns how many jobs went."""
        with self._database.transaction() as connection:
            gone = connection.execute(
                f"DELETE FROM jobs WHERE expires_at <= ? AND state NOT IN ({_UNENDED})",  # noqa: S608
                (now,),
            ).rowcount
            connection.execute("DELETE FROM claims WHERE expires_at <= ?", (now,))
        return gone


def _live_claim(connection: sqlite3.Connection, account_id: str, key: str, now: float) -> Claim | None:
    row = connection.execute(
        f"SELECT {_CLAIM_COLUMNS} FROM claims WHERE account_id = ? AND key = ? AND expires_at > ?",  # noqa: S608
        (account_id, key, now),
    ).fetchone()
    return None if row is None else Claim(*row)


def _job(row: tuple[str, ...]) -> Job:
    (id_, account_id, state, created_at, deadline_at, expires_at, price, request, interpretation, *rest) = row
    idempotency_key, attempts, manifest, failure = rest
    return Job(
        id=id_,
        account_id=account_id,
        state=JobState(state),
        created_at=float(created_at),
        deadline_at=float(deadline_at),
        expires_at=float(expires_at),
        price=int(price),
        request=InferenceRequest.model_validate_json(request),
        interpretation=MaskInterpretation.model_validate_json(interpretation),
        idempotency_key=idempotency_key,
        attempts=int(attempts),
        manifest=None if manifest is None else Manifest.model_validate_json(manifest),
        failure=None if failure is None else InferenceFailure.model_validate_json(failure),
    )
