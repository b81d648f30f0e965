"""Whether an account was charged as it was then: its balance in the recording and in the replay, side by side."""

from __future__ import annotations

from dataclasses import dataclass, field

from outpaint_contracts.headers import CREDIT_AVAILABLE

from outpaint_mocks.drift.difference import Difference, Kind
from outpaint_mocks.drift.job_scripts import is_of_an_account
from outpaint_mocks.drift.recording import Answer, Exchange


@dataclass
class Charges:
    """Balances by account, in the order they were told; for targets whose accounts began as the recorded ones."""

    _told: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)

    def see(self, exchange: Exchange, replayed: Answer) -> None:
        """Note what both answers tell of the account."""
        if exchange.answer is None or exchange.request.key is None or not is_of_an_account(exchange):
            return
        one, other = (answer.header(CREDIT_AVAILABLE) or "" for answer in (exchange.answer, replayed))
        if one.isdigit() and other.isdigit() and exchange.answer.status != 401:
            self._told.setdefault(exchange.request.key, []).append((exchange.number, int(one), int(other)))

    def differences(self) -> list[Difference]:
        """One for each account whose balance ends up another, at the exchange from which on it is.

        Balances may part for a while: credits of a failed job are given back when it ends, or when that is seen.
        """
        found = []
        for told in self._told.values():
            apart = told[-1][1] - told[-1][2]
            if apart == 0:
                continue
            first = told[-1]
            for entry in reversed(told):
                if entry[1] - entry[2] != apart:
                    break
                first = entry
            number, one, other = first
            found.append(Difference(number, Kind.CREDITS, "", f"{one:,} credits", f"{other:,} credits", breaking=False))
        return found
