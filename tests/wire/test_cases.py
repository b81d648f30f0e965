"""Every case of the contract on every host of our own."""

from __future__ import annotations

from outpaint_contracts.proving.case import Case
from outpaint_contracts.proving.provider import Provider
from outpaint_contracts.verification.pytest import every_case, prove


@every_case()
def test_case(provider: Provider, case: Case) -> None:
    prove(case, provider)
