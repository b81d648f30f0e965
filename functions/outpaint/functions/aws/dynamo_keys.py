"""Accounts and keys of a deployed stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from outpaint.functions.aws import dynamo_items
from outpaint.functions.aws.dynamo_items import number, text
from outpaint.functions.aws.dynamo_table import ConditionRefused, Item, Table, chunks
from outpaint.functions.service.account_keys import MAX_CREDITS, KeyEntry, OutOfRange
from outpaint.functions.service.records import Account

_NEW: Final = "attribute_not_exists(pk)"
_TOGETHER: Final = 100


class AlreadyThere(Exception):  # noqa: N818 - said to whoever names accounts and keys themselves
    """An account of this id or name, or this key, exists."""


class DynamoKeyRing:
    """The KeyRing port on the table; keys are known by their SHA-256 (hex) alone.

    Accounts and whole keys are looked up by their own items; a list is read from the index `listed`, which lags
    behind the table by moments.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def open_account(self, account: Account, digest: str, now: float) -> None:
        """Store an account and its first key; raises `AlreadyThere`."""
        where = dynamo_items.key_pk(digest)
        new = [
            dynamo_items.account_item(account, digest, now),
            {"pk": text(dynamo_items.account_pk(account.id)), "opens": text(where)},
            {"pk": text(dynamo_items.name_pk(account.name)), "opens": text(where)},
        ]
        try:
            self._table.transact(*(("Put", {"Item": item, "ConditionExpression": _NEW}) for item in new))
        except ConditionRefused:
            raise AlreadyThere(account.id) from None

    def add_key(self, account_name: str, digest: str, credits_: int, now: float, new_id: str) -> None:
        """Let a key open the account of this name and add to its credits; opened as `new_id` where there is none."""
        where = self._opens(dynamo_items.name_pk(account_name))
        if where is None:
            if not 0 <= credits_ <= MAX_CREDITS:
                raise OutOfRange
            try:
                return self.open_account(Account(new_id, account_name, credits_), digest, now)
            except AlreadyThere:
                # Another operator opened it between our look and our write.
                where = self._opens(dynamo_items.name_pk(account_name))
                if where is None:
                    raise
        key = {"Item": dynamo_items.further_key_item(digest, where, now), "ConditionExpression": _NEW}
        try:
            self._table.transact(("Update", {"Key": {"pk": text(where)}, **_credits(credits_)}), ("Put", key))
        except ConditionRefused:
            raise OutOfRange from None
        return None

    def add_credits(self, account_id: str, amount: int) -> Account:
        """Add to an account's free credits; the account after it."""
        where = self._opens(dynamo_items.account_pk(account_id))
        if where is None:
            raise OutOfRange
        try:
            item = self._table.update(where, ReturnValues="ALL_NEW", **_credits(amount))
        except ConditionRefused:
            raise OutOfRange from None
        return dynamo_items.account_of(item)

    def revoke(self, digest: str, now: float) -> None:
        """Let a known key open nothing any more; the time of its first revocation stays."""
        self._table.update(
            dynamo_items.key_pk(digest),
            UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :now)",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":now": number(now)},
        )

    def account_named(self, name: str) -> Account | None:
        """The account of this name."""
        where = self._opens(dynamo_items.name_pk(name))
        item = None if where is None else self._table.get(where)
        return None if item is None else dynamo_items.account_of(item)

    def entry(self, digest: str) -> KeyEntry | None:
        """The key of this digest, revoked or not."""
        item = self._table.get(dynamo_items.key_pk(digest))
        return None if item is None else next(self._entries([item]), None)

    def entries(self) -> Iterator[KeyEntry]:
        """Every key, oldest first, revoked ones included; read in hundreds as they are asked for."""
        found = self._table.query(
            IndexName=dynamo_items.LISTED_INDEX,
            KeyConditionExpression="listed = :keys",
            ExpressionAttributeValues={":keys": text(dynamo_items.LISTED_KEYS)},
        )
        for chunk in chunks((item["pk"]["S"] for item in found), _TOGETHER):
            entries = self._entries(list(self._table.get_many(chunk)))
            yield from sorted(entries, key=lambda entry: (entry.created_at, entry.digest))

    def _entries(self, keys: list[Item]) -> Iterator[KeyEntry]:
        """The entries of keys' items; what further keys open is looked up, all of it together."""
        opened = {item["opens"]["S"] for item in keys if "opens" in item}
        accounts = {item["pk"]["S"]: item for item in keys if "opens" not in item}
        missing = opened - accounts.keys()
        accounts |= {item["pk"]["S"]: item for item in self._table.get_many(sorted(missing))}
        for item in keys:
            account = accounts.get(item["opens"]["S"] if "opens" in item else item["pk"]["S"])
            if account is not None:
                yield KeyEntry(
                    dynamo_items.digest_of(item),
                    dynamo_items.account_of(account),
                    float(item["created_at"]["N"]),
                    float(item["revoked_at"]["N"]) if "revoked_at" in item else None,
                )

    def _opens(self, pk: str) -> str | None:
        way = self._table.get(pk)
        return None if way is None else str(way["opens"]["S"])


def _credits(amount: int) -> dict[str, Any]:
    """The update that adds to an account's credits, on condition that they stay within what an account may have."""
    return {
        "UpdateExpression": "ADD credits :amount",
        "ConditionExpression": "credits BETWEEN :least AND :most",
        "ExpressionAttributeValues": {
            ":amount": number(amount),
            ":least": number(max(0, -amount)),
            ":most": number(MAX_CREDITS - max(0, amount)),
        },
    }
