"""What an operator does with accounts and their keys; works beside a running service.

Errors are `OutpaintError` INVALID_PARAMETER, whose detail says what to do.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.ports import Ids
from outpaint.functions.service.records import Account

KEY_PREFIX: Final = "ok_"
"""What our keys begin with, for people and for tools that look for leaked secrets."""
ID_LENGTH: Final = 8
MAX_CREDITS: Final = 1_000_000_000


def new_key() -> str:
    """A new API key: the prefix and 32 random bytes in URL-safe base64."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as it is stored: never the key itself, only its SHA-256 (hex); times are epoch seconds."""

    digest: str
    account: Account
    created_at: float
    revoked_at: float | None

    @property
    def id(self) -> str:
        """The key's id for people: the start of its digest."""
        return self.digest[:ID_LENGTH]


class KeyRing(Protocol):
    """A store's accounts and keys, for their operator; each change is one transaction."""

    def add_key(self, account_name: str, digest: str, credits_: int, now: float, new_id: str) -> None:
        """Add a key to the account of this name, and to its credits; without such an account, make it as `new_id`.

        Raises `OutOfRange` where its credits would leave 0 to `MAX_CREDITS`.
        """

    def add_credits(self, account_id: str, amount: int, now: float) -> Account:
        """Add to an account's free credits; the account after it. Raises `OutOfRange` as `add_key` does."""

    def revoke(self, digest: str, now: float) -> None:
        """Revoke a known key; the time of its first revocation stays."""

    def account_named(self, name: str) -> Account | None:
        """The account of this name."""

    def entry(self, digest: str) -> KeyEntry | None:
        """The key of this digest, revoked or not."""

    def entries(self) -> Iterable[KeyEntry]:
        """Every key, oldest first, revoked ones included."""


class OutOfRange(Exception):  # noqa: N818 - an outcome; the functions below make the error for an operator of it
    """An account's credits would fall below 0 or rise over `MAX_CREDITS`."""


def create(ring: KeyRing, ids: Ids, name: str, credits_: int, now: float) -> str:
    """A new key for the account of this name, which is made where there is none; credits are added to the account."""
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise _wrong("an account's name has 1 to 100 printable characters")
    _check_amount(credits_, at_least=0)
    key = new_key()
    try:
        ring.add_key(name, key_digest(key), credits_, now, ids.uuid())
    except OutOfRange:
        raise _out_of_range() from None
    return key


def revoke(ring: KeyRing, key: str, now: float) -> KeyEntry:
    """Revoke a key, given by its id or in full; its account and other keys stay."""
    found = _find(ring, key)
    ring.revoke(found.digest, now)
    return found


def credit(ring: KeyRing, account: str, amount: int, now: float) -> Account:
    """Add to the credits of an account, named or by one of its keys; a negative amount takes away."""
    _check_amount(amount, at_least=-MAX_CREDITS)
    try:
        return ring.add_credits(account_of(ring, account).id, amount, now)
    except OutOfRange:
        raise _out_of_range() from None


def account_of(ring: KeyRing, account: str) -> Account:
    """An account by its name, or by one of its keys, whole or by its id."""
    return ring.account_named(account) or _find(ring, account).account


def _find(ring: KeyRing, key: str) -> KeyEntry:
    """The key given in full, which is one look-up, or by its id, for which all keys are read."""
    whole = ring.entry(key_digest(key))
    if whole is not None:
        return whole
    found = [entry for entry in ring.entries() if entry.id == key]
    if len(found) > 1:
        raise _wrong(f"{len(found)} keys have the id {key}: give the key in full")
    if not found:
        raise _wrong(f"there is no key or account {key[:40]!r}: `outpaint keys list` shows what there is")
    return found[0]


def _check_amount(amount: int, *, at_least: int) -> None:
    if not at_least <= amount <= MAX_CREDITS:
        raise _wrong(f"credits are a number from {at_least} to {MAX_CREDITS}")


def _out_of_range() -> OutpaintError:
    return _wrong(
        f"an account has 0 to {MAX_CREDITS} credits, and what its running jobs cost is not among them: "
        "`outpaint keys list` shows how many there are"
    )


def _wrong(detail: str) -> OutpaintError:
    return OutpaintError(ErrorCode.INVALID_PARAMETER, detail)
