"""Accounts and keys of a deployed stack, as its operator looks after them."""

from __future__ import annotations

from typing import Final

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_functions.aws import items
from outpaint_functions.aws.items import number, text
from outpaint_functions.aws.table import Refused, Table
from outpaint_functions.service.records import Account

_NEW: Final = "attribute_not_exists(pk)"


class DynamoKeyRing:
    """Opens accounts, adds and revokes keys, adds credits; keys are known by their SHA-256 (hex) alone.

    Errors are `OutpaintError` INVALID_PARAMETER with the way out.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def open_account(self, account: Account, digest: str, now: float) -> None:
        """Store an account and its first key."""
        way = {"pk": text(items.account_pk(account.id)), "opens": text(items.key_pk(digest))}
        try:
            self._table.transact(
                ("Put", {"Item": items.account_item(account, digest, now), "ConditionExpression": _NEW}),
                ("Put", {"Item": way, "ConditionExpression": _NEW}),
            )
        except Refused:
            raise _wrong("this key or account exists already") from None

    def add_key(self, account_id: str, digest: str, now: float) -> None:
        """Let a further key open an account."""
        item = {
            "pk": text(items.key_pk(digest)),
            "opens": text(self._where(account_id)),
            "created_at": number(now),
        }
        try:
            self._table.transact(("Put", {"Item": item, "ConditionExpression": _NEW}))
        except Refused:
            raise _wrong("this key exists already") from None

    def revoke(self, digest: str, now: float) -> None:
        """Let a key open nothing any more; its account and other keys stay."""
        try:
            self._table.update(
                items.key_pk(digest),
                UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :now)",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":now": number(now)},
            )
        except Refused:
            raise _wrong("there is no such key") from None

    def credit(self, account_id: str, amount: int) -> Account:
        """Add to an account's free credits, or take from them with a negative amount; the account after it."""
        try:
            item = self._table.update(
                self._where(account_id),
                UpdateExpression="ADD credits :amount",
                ConditionExpression="credits >= :least",
                ExpressionAttributeValues={":amount": number(amount), ":least": number(max(0, -amount))},
                ReturnValues="ALL_NEW",
            )
        except Refused:
            raise _wrong("an account's credits cannot fall below 0; reserved ones cannot be taken away") from None
        return items.account_of(item)

    def _where(self, account_id: str) -> str:
        way = self._table.get(items.account_pk(account_id))
        if way is None:
            raise _wrong(f"there is no account {account_id[:40]!r}")
        pk: str = way["opens"]["S"]
        return pk


def _wrong(detail: str) -> OutpaintError:
    return OutpaintError(ErrorCode.INVALID_PARAMETER, detail)
