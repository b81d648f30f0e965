"""Accounts and keys of a data folder."""

from __future__ import annotations

import sqlite3
from typing import Final

from outpaint_functions.embedded.database import Database
from outpaint_functions.service.authentication import key_digest
from outpaint_functions.service.keys import MAX_CREDITS, KeyEntry, OutOfRange
from outpaint_functions.service.records import Account

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
