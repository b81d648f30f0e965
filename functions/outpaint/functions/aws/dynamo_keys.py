"""The KeyRing port in DynamoDB: a deployed stack's accounts and keys, for its operator."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.aws import dynamo_table
from outpaint.functions.aws.dynamo_items import (
    LISTED_INDEX,
    LISTED_KEYS,
    account_item,
    account_of,
    further_key_item,
    movement_item,
    pk_of,
)
from outpaint.functions.aws.dynamo_table import Action, ConditionRefused, Item, Table, as_item, chunks
from outpaint.functions.service.account_keys import MAX_CREDITS, KeyEntry, OutOfRange
from outpaint.functions.service.records import Account

_NEW: Final = "attribute_not_exists(pk)"


class AlreadyThere(Exception):  # noqa: N818 - for callers that choose ids, names and keys themselves
    """An account of this id or name, or this key, exists."""


class DynamoKeyRing:
    """The KeyRing port on the table.

    Accounts and whole keys are looked up by their own items; a list is read from the index `listed`, which lags
    behind the table by moments.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def open_account(self, account: Account, digest: str, now: float) -> None:
        """Store an account and its first key; the same again changes nothing. Raises `AlreadyThere`."""
        pk = pk_of("KEY", digest)
        new = [
            account_item(account, digest, now),
            as_item({"pk": pk_of("ACCOUNT", account.id), "opens": pk}),
            as_item({"pk": pk_of("NAME", account.name), "opens": pk}),
        ]
        try:
            with _in_doubt():
                self._table.transact(*(dynamo_table.put(item, _NEW) for item in new))
        except ConditionRefused as refused:
            there = refused.reasons[0] or {}
            if there.get("account_id") != new[0]["account_id"]:
                raise AlreadyThere(account.id) from None

    def add_key(self, account_name: str, digest: str, credits_: int, now: float, new_id: str) -> None:
        pk = self._opens(pk_of("NAME", account_name))
        if pk is None:
            if not 0 <= credits_ <= MAX_CREDITS:
                raise OutOfRange
            try:
                return self.open_account(Account(new_id, account_name, credits_), digest, now)
            except AlreadyThere:
                # Another operator opened it between our read and our write.
                pk = self._opens(pk_of("NAME", account_name))
                if pk is None:
                    raise
        try:
            with _in_doubt():
                self._table.transact(_credit(pk, credits_), dynamo_table.put(further_key_item(digest, pk, now), _NEW))
        except ConditionRefused as refused:
            _, key = refused.reasons
            if key is None:
                raise OutOfRange from None
            if key.get("opens") != {"S": pk}:
                raise AlreadyThere(account_name) from None
        return None

    def add_credits(self, account_id: str, amount: int, now: float) -> Account:
        pk = self._opens(pk_of("ACCOUNT", account_id))
        if pk is None:
            raise OutOfRange
        movement = movement_item(secrets.token_hex(16), account_id, amount, now)
        with _in_doubt():
            try:
                self._table.transact(_credit(pk, amount), dynamo_table.put(movement, _NEW))
            except ConditionRefused as refused:
                if refused.reasons[1] is None:
                    raise OutOfRange from None
            account = self._table.get(pk)
        if account is None:
            raise OutOfRange
        return account_of(account)

    def revoke(self, digest: str, now: float) -> None:
        once = "SET revoked_at = if_not_exists(revoked_at, :now)"
        self._table.update(dynamo_table.update(pk_of("KEY", digest), once, "attribute_exists(pk)", now=now))

    def account_named(self, name: str) -> Account | None:
        pk = self._opens(pk_of("NAME", name))
        item = None if pk is None else self._table.get(pk)
        return None if item is None else account_of(item)

    def entry(self, digest: str) -> KeyEntry | None:
        item = self._table.get(pk_of("KEY", digest))
        return None if item is None else next(self._entries([item]), None)

    def entries(self) -> Iterator[KeyEntry]:
        """Read in hundreds as they are asked for."""
        found = self._table.query(LISTED_INDEX, LISTED_KEYS)
        for chunk in chunks(item["pk"]["S"] for item in found):
            entries = self._entries(list(self._table.get_many(chunk)))
            yield from sorted(entries, key=lambda entry: (entry.created_at, entry.digest))

    def _entries(self, keys: list[Item]) -> Iterator[KeyEntry]:
        """The entries of keys' items; the accounts of further keys are looked up all together."""
        opened = {item["opens"]["S"] for item in keys if "opens" in item}
        accounts = {item["pk"]["S"]: item for item in keys if "opens" not in item}
        missing = opened - accounts.keys()
        accounts |= {item["pk"]["S"]: item for item in self._table.get_many(sorted(missing))}
        for item in keys:
            account = accounts.get(item["opens"]["S"] if "opens" in item else item["pk"]["S"])
            if account is not None:
                yield KeyEntry(
                    item["pk"]["S"].removeprefix("KEY#"),
                    account_of(account),
                    float(item["created_at"]["N"]),
                    float(item["revoked_at"]["N"]) if "revoked_at" in item else None,
                )

    def _opens(self, pk: str) -> str | None:
        """The pk of the account that an id, a name or a further key refers to."""
        reference = self._table.get(pk)
        return None if reference is None else str(reference["opens"]["S"])


@contextmanager
def _in_doubt() -> Iterator[None]:
    """Of a change that no try was answered for, nobody knows whether it was made: whoever repeats it makes another."""
    try:
        yield
    except OutpaintError as error:
        if error.code is not ErrorCode.UNAVAILABLE:
            raise
        raise OutpaintError.unavailable(
            "the database did not answer, and may have made the change all the same: "
            "see what `outpaint keys list` shows before you try again"
        ) from error


def _credit(pk: str, amount: int) -> Action:
    """Add to an account's credits, on condition that they stay within what an account may have."""
    return dynamo_table.update(
        pk,
        "ADD credits :amount",
        "credits BETWEEN :least AND :most",
        amount=amount,
        least=max(0, -amount),
        most=MAX_CREDITS - max(0, amount),
    )
