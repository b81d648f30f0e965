"""The keys of a provider that can make an account whenever a case asks for one."""

from __future__ import annotations

from abc import ABC, abstractmethod


class NewAccounts(ABC):
    """Answers all that `Provider` says of keys, each time by a new account."""

    @abstractmethod
    def new_account(self, balance: int, *, allowed: bool = True) -> str:
        """A key of a new account with exactly these credits; it may do nothing unless it is `allowed`."""

    def key(self, balance: int = 100) -> str:
        """A key of a new account."""
        return self.new_account(balance)

    def exact_key(self, balance: int) -> str:
        """A key of a new account."""
        return self.new_account(balance)

    def second_key(self) -> str:
        """A key of a new account."""
        return self.new_account(100)

    def forbidden_key(self) -> str:
        """A key of an account that may do nothing."""
        return self.new_account(100, allowed=False)
