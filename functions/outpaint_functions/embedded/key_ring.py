"""Accounts and keys of a data folder, as the command line looks after them."""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import dataclass
from typing import Final

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_functions.embedded.database import Database
from outpaint_functions.embedded.keys import new_key
from outpaint_functions.service.authentication import key_digest
from outpaint_functions.service.records import Account

ID_LENGTH: Final = 8
MAX_CREDITS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """What is known of a key: never the key itself. `id` is the start of its SHA-256; times are epoch seconds."""

    id: str
    account: Account
    created_at: float
    revoked_at: float | None


class KeyRing:
    """Creates, lists, revokes and credits; works beside a running server.

    Errors are `OutpaintError` INVALID_PARAMETER with the way out.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_account(self, account: Account, key: str, now: float) -> None:
        """Store an account and its first key."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO accounts (id, name, credits, allowed, loopback_only) VALUES (?, ?, ?, ?, ?)",
                (account.id, account.name, account.credits, account.allowed, account.loopback_only),
            )
            _add_key(connection, account.id, key, now)

    def create(self, name: str, credits_: int, now: float) -> str:
        """A new key for the account of this name, opened where there is none; its credits are added to it."""
        if not name.strip() or len(name) > 100 or not name.isprintable():
            raise _wrong("an account's name has 1 to 100 printable characters")
        key = new_key()
        _check_amount(credits_, at_least=0)
        with self._database.transaction() as connection:
            row = connection.execute("SELECT id FROM accounts WHERE name = ?", (name,)).fetchone()
            account_id = str(uuid.uuid4()) if row is None else row[0]
            if row is None:
                connection.execute("INSERT INTO accounts (id, name, credits) VALUES (?, ?, 0)", (account_id, name))
            _add_credits(connection, account_id, credits_)
            _add_key(connection, account_id, key, now)
        return key

    def entries(self) -> list[KeyEntry]:
        """Every key, oldest first, revoked ones included."""
        rows = self._database.connection.execute(
            "SELECT k.digest, k.created_at, k.revoked_at, a.id, a.name, a.credits, a.allowed, a.loopback_only "
            "FROM keys k JOIN accounts a ON a.id = k.account_id ORDER BY k.created_at, k.digest"
        ).fetchall()
        return [
            KeyEntry(
                digest[:ID_LENGTH],
                Account(id_, name, credits_, allowed=bool(allowed), loopback_only=bool(loopback_only)),
                created_at,
                revoked_at,
            )
            for digest, created_at, revoked_at, id_, name, credits_, allowed, loopback_only in rows
        ]

    def revoke(self, key: str, now: float) -> KeyEntry:
        """Let a key, given by its id or in full, open nothing any more; its account and other keys stay."""
        id_ = self._id(key)
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE substr(digest, 1, ?) = ?",
                (now, ID_LENGTH, id_),
            )
        return next(entry for entry in self.entries() if entry.id == id_)

    def credit(self, account: str, amount: int) -> Account:
        """Add to the credits of an account, named or by one of its keys; a negative amount takes away."""
        _check_amount(amount, at_least=-MAX_CREDITS)
        found = next((entry.account for entry in self.entries() if entry.account.name == account), None)
        if found is None:
            id_ = self._id(account)
            found = next(entry.account for entry in self.entries() if entry.id == id_)
        with self._database.transaction() as connection:
            _add_credits(connection, found.id, amount)
        return next(entry.account for entry in self.entries() if entry.account.id == found.id)

    def _id(self, key: str) -> str:
        for entry in self.entries():
            if key == entry.id or key_digest(key).startswith(entry.id):
                return entry.id
        raise _wrong(f"there is no key or account {key[:40]!r}: `outpaint keys list` shows what there is")


def _add_key(connection: sqlite3.Connection, account_id: str, key: str, now: float) -> None:
    connection.execute(
        "INSERT INTO keys (digest, account_id, created_at) VALUES (?, ?, ?)", (key_digest(key), account_id, now)
    )


def _add_credits(connection: sqlite3.Connection, account_id: str, amount: int) -> None:
    changed = connection.execute(
        "UPDATE accounts SET credits = credits + ?1 WHERE id = ?2 AND credits + ?1 BETWEEN 0 AND ?3",
        (amount, account_id, MAX_CREDITS),
    )
    if changed.rowcount == 0:
        raise _wrong(f"an account has 0 to {MAX_CREDITS} credits; reserved ones cannot be taken away")


def _check_amount(amount: int, *, at_least: int) -> None:
    if not at_least <= amount <= MAX_CREDITS:
        raise _wrong(f"credits are a number from {at_least} to {MAX_CREDITS}")


def _wrong(detail: str) -> OutpaintError:
    return OutpaintError(ErrorCode.INVALID_PARAMETER, detail)
