"""Every case of the contract on every host of our own."""

from __future__ import annotations

from outpaint.conformance.proving.case import Case
from outpaint.conformance.proving.provider import Provider
from outpaint.conformance.verify.pytest_cases import every_case, prove


@every_case()
def test_case(provider: Provider, case: Case) -> None:
    prove(case, provider)
