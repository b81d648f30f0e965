"""The keys that a host opens as it starts: a first one where its store has none, and `dev` where it is asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.functions.service.account_keys import new_key
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.records import Account

DEVELOPMENT_KEY: Final = "dev"
DEVELOPMENT_ACCOUNT: Final = Account(id="dev", name="development", credits=1000, loopback_only=True)
FIRST_ACCOUNT: Final = Account(id="first", name="first", credits=1000)
FIRST_KEY_VARIABLE: Final = "OUTPAINT_FIRST_KEY"
"""The environment's variable with the first key, for hosts whose output nobody reads: a command line shows in `ps`."""
SHORTEST_KEY: Final = 24
LONGEST_KEY: Final = 200
_DISTINCT: Final = 8
"""Different characters that a first key has at least: a word said three times is long, too."""


@dataclass(frozen=True, slots=True)
class StartingKeys:
    """Which keys a host is to have: `development` opens the key `dev`, `first` is the first key, None for a made one.

    Raises `OutpaintError` INVALID_PARAMETER, which does not quote it, for a first key that could be guessed.
    """

    development: bool = False
    first: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        key = self.first
        if key is not None and not (
            SHORTEST_KEY <= len(key) <= LONGEST_KEY
            and all("!" <= character <= "~" for character in key)
            and len(set(key)) >= _DISTINCT
        ):
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER,
                f"{FIRST_KEY_VARIABLE} is no key that could not be guessed: give it {SHORTEST_KEY} to {LONGEST_KEY} "
                f"visible ASCII characters, {_DISTINCT} of them different, such as `openssl rand -hex 32` prints",
                field=FIRST_KEY_VARIABLE,
            )

    def opened(self, known: Collection[str]) -> OpenedKeys:
        """What is to be stored, where the digests of `known` keys are there already, revoked ones among them.

        A store whose only key is the development key has no first key yet. Its account is never opened again: a key
        that was revoked stays so.
        """
        development = key_digest(DEVELOPMENT_KEY)
        stored: list[tuple[Account, str]] = []
        made: str | None = None
        if self.development and development not in known:
            stored.append((DEVELOPMENT_ACCOUNT, development))
        fresh = not any(digest != development for digest in known)
        if fresh and (self.first is not None or not self.development):
            made = None if self.first is not None else new_key()
            stored.append((FIRST_ACCOUNT, key_digest(self.first or made or "")))
        unused = self.first is not None and not fresh and key_digest(self.first) not in known
        return OpenedKeys(tuple(stored), made, first_is_unused=unused)


@dataclass(frozen=True, slots=True)
class OpenedKeys:
    """Accounts to store, each with the digest of its key; `made` is a first key that was made, to be shown once.

    `first_is_unused` is whether a first key was given that opens nothing, because the store has had others before.
    """

    stored: tuple[tuple[Account, str], ...] = ()
    made: str | None = field(default=None, repr=False)
    first_is_unused: bool = False
