"""Every case on the local server over TCP, where what cases say of themselves is true as well: they use what they
declare, spend no more, watch no account in secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import httpx
import pytest
from wire_kit.every_host import OFFERS_EVERYTHING, opened

from outpaint.conformance.proving.api import Api
from outpaint.conformance.proving.case import Case
from outpaint.conformance.proving.provider import Need, Provider
from outpaint.conformance.verify.pytest_cases import every_case, prove
from outpaint.contracts import paths_and_headers
from outpaint.contracts.errors import ErrorCode

_FIGURES: Final = (
    paths_and_headers.RATE_LIMIT,
    paths_and_headers.RATE_AVAILABLE,
    paths_and_headers.RATE_RESET,
    paths_and_headers.CREDIT_AVAILABLE,
)
_BALANCE: Final = 1000


class Bookkeeper:
    """A provider that notes which controls are used, and whether anybody looks at an account's figures.

    The first key that it is asked for is `first`, if there is one.
    """

    shares_account = False
    poll_pause = 0.005
    longest_wait = paths_and_headers.MAX_WAIT

    def __init__(self, provider: Provider, used: set[Need], first: str | None = None) -> None:
        self._provider = provider
        self._first = first
        self.used = used
        self.name = provider.name
        self.offers = provider.offers
        self.looked = False

    def client(self) -> httpx.Client:
        client = self._provider.client()
        client.event_hooks = {"response": [self._watch]}
        return client

    def _watch(self, response: httpx.Response) -> None:
        response.headers = _Watched(response.headers, self)

    def key(self, balance: int = 100) -> str:
        first, self._first = self._first, None
        return first or self._provider.key(balance)

    def exact_key(self, balance: int) -> str:
        self.used.add(Need.ACCOUNTS)
        return self._provider.exact_key(balance)

    def second_key(self) -> str:
        self.used.add(Need.SECOND_ACCOUNT)
        return self._provider.second_key()

    def forbidden_key(self) -> str:
        self.used.add(Need.ACCOUNTS)
        return self._provider.forbidden_key()

    def publish(self, data: bytes | ErrorCode) -> str:
        self.used.add(Need.SOURCES)
        return self._provider.publish(data)

    def hold(self) -> AbstractContextManager[None]:
        self.used.add(Need.HELD_JOBS)
        return self._provider.hold()

    def failing(self, error: Exception) -> AbstractContextManager[None]:
        self.used.add(Need.FAILING_JOBS)
        return self._provider.failing(error)

    def advance(self, seconds: float) -> None:
        self.used.add(Need.TIME)
        self._provider.advance(seconds)

    @contextmanager
    def configured(self, **settings: Any) -> Iterator[Provider]:
        self.used.add(Need.SETTINGS)
        with self._provider.configured(**settings) as other:
            yield Bookkeeper(other, self.used)

    def address(self) -> tuple[str, int]:
        self.used.add(Need.SOCKET)
        return self._provider.address()


class _Watched(httpx.Headers):
    """Headers that note when a case reads one of the account's figures by name; httpx and observers read them all."""

    def __init__(self, found: httpx.Headers, book: Bookkeeper) -> None:
        super().__init__(found.raw)
        self._book = book

    def __getitem__(self, key: str) -> str:
        if key in _FIGURES:
            self._book.looked = True
        return super().__getitem__(key)


@pytest.fixture(scope="module")
def tcp() -> Iterator[Provider]:
    with opened(OFFERS_EVERYTHING) as provider:
        yield provider


@every_case()
def test_a_case_is_kept_over_tcp_and_does_what_it_declares_and_no_more(
    tcp: Provider, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tcp.exact_key(_BALANCE)
    book = Bookkeeper(tcp, set(), key)
    ask = Api.balance

    def balance(api: Api) -> int:
        # Every comparison of balances calls this; accounts that the case made for itself do not count.
        book.looked |= api.key == key
        return ask(api)

    monkeypatch.setattr(Api, "balance", balance)
    prove(case, book)
    monkeypatch.undo()

    assert book.used <= case.needs, f"{case.id} uses {book.used - case.needs} and does not say so"
    assert case.needs <= book.used, f"{case.id} declares {case.needs - book.used} and does not use it"
    if Need.SETTINGS not in book.used:
        assert case.watches_account or not book.looked, f"{case.id} looks at its account in secret"
    with Api.connected(tcp, key) as api:
        # Reservations of jobs that still run are taken off already.
        spent = _BALANCE - api.balance()
    assert spent <= case.credits, f"{case.id} spent {spent} credits and declares {case.credits}"
