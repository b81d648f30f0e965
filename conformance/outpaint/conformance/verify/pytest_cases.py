"""The contract's cases as tests of your own provider.

```python
from outpaint.conformance import RemoteProvider, every_case, prove

PROVIDER = RemoteProvider("http://127.0.0.1:8000", key="dev")

@every_case()
def test_contract(case): prove(case, PROVIDER)
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from outpaint.conformance.cases import all_cases
from outpaint.conformance.proving.answer_promises import AnswerCheck, checks
from outpaint.conformance.proving.case import Case
from outpaint.conformance.proving.provider import Provider
from outpaint.conformance.verify.case_outcome import CaseResult, Outcome
from outpaint.conformance.verify.case_runner import Runner, Witness
from outpaint.conformance.verify.case_selection import Profile, Selection
from outpaint.conformance.verify.curl import as_curl
from outpaint.conformance.verify.redaction import Redaction

__all__ = ["every_case", "prove"]

_WITNESSES: Final[dict[tuple[str, Profile], tuple[Witness, Redaction]]] = {}


def every_case(
    *, only: Sequence[str] = (), skip: Sequence[str] = (), profile: str = Profile.FULL
) -> Callable[[Callable[..., None]], Any]:
    """Parametrize a test by `case`: all that the patterns and the profile (`vendor` or `full`) leave."""
    selection = Selection(only, skip, Profile(profile))
    return pytest.mark.parametrize("case", selection.of(all_cases()), ids=lambda case: case.id)


def prove(case: Case, provider: Provider, *, profile: str = Profile.FULL) -> None:
    """Prove one case: fails with what was seen, skips with the reason where the provider doesn't offer it.

    What every answer must have is looked at too: the first case that meets a broken promise of this kind fails with
    the promise's own id; the same promise fails no second one, so that a missing header does not turn all cases red.
    """
    __tracebackhide__ = True
    witness, redaction = _witness(provider.name, Profile(profile))
    first_broken: list[tuple[AnswerCheck, str]] = []
    result = Runner(provider, lambda exchange: first_broken.extend(witness.watch(exchange)), redaction).one(case)
    if result.outcome in (Outcome.NOT_OFFERED, Outcome.NOT_RUN):
        pytest.skip(result.said)
    if result.outcome is Outcome.FAILED:
        pytest.fail(_told(result), pytrace=False)
    if first_broken:
        pytest.fail("\n".join(f"{check.id}: {said}" for check, said in first_broken), pytrace=False)


def _witness(name: str, profile: Profile) -> tuple[Witness, Redaction]:
    found = _WITNESSES.get((name, profile))
    if found is None:
        redaction = Redaction()
        found = _WITNESSES[name, profile] = (Witness(Selection(profile=profile).of(checks()), redaction), redaction)
    return found


def _told(result: CaseResult) -> str:
    subject = result.subject
    lines = [
        f"{subject.id} ({subject.severity}): {result.said}",
        f"  {subject.sentence}",
        f"  guards {subject.guards.id}: {subject.guards.says}",
    ]
    for exchange in result.exchanges:
        lines += [f"  {line}" for line in as_curl(exchange).splitlines()]
        lines.append(f"  -> {exchange.status} {exchange.body[:300].decode('utf-8', 'replace')}")
    return "\n".join(lines)
