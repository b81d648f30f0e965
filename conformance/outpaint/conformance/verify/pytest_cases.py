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
from outpaint.conformance.verify.case_runner import AnswerJudge, Outcome, Runner
from outpaint.conformance.verify.case_selection import Selection
from outpaint.conformance.verify.text_reports import failure_lines
from outpaint.contracts.profiles import WireProfile
from outpaint.contracts.redaction import Redaction

_JUDGES: Final[dict[tuple[str, WireProfile], tuple[AnswerJudge, Redaction]]] = {}


def every_case(
    *, only: Sequence[str] = (), skip: Sequence[str] = (), profile: str = WireProfile.OURS
) -> Callable[[Callable[..., None]], Any]:
    """Parametrize a test by `case`: all that the patterns and the profile (`vendor` or `ours`) leave."""
    selection = Selection(only, skip, WireProfile(profile))
    return pytest.mark.parametrize("case", selection.of(all_cases()), ids=lambda case: case.id)


def prove(case: Case, provider: Provider, *, profile: str = WireProfile.OURS) -> None:
    """Prove one case: fails with what was seen, skips with the reason where the provider does not offer what it needs.

    Promises about every answer are checked too. Each that is broken fails the first case that meets it, and no other:
    a header that is missing everywhere is one failure, with the promise's id.
    """
    __tracebackhide__ = True
    judge, redaction = _judge(provider.name, WireProfile(profile))
    first_broken: list[tuple[AnswerCheck, str]] = []
    result = Runner(provider, lambda exchange: first_broken.extend(judge.watch(exchange)), redaction).one(case)
    if result.outcome in (Outcome.NOT_OFFERED, Outcome.NOT_RUN):
        pytest.skip(result.said)
    if result.outcome is Outcome.FAILED:
        heading = f"{result.subject.id} ({result.subject.severity}): {result.said}"
        pytest.fail("\n  ".join([heading, *failure_lines(result)]), pytrace=False)
    if first_broken:
        pytest.fail("\n".join(f"{check.id}: {said}" for check, said in first_broken), pytrace=False)


def _judge(name: str, profile: WireProfile) -> tuple[AnswerJudge, Redaction]:
    found = _JUDGES.get((name, profile))
    if found is None:
        redaction = Redaction()
        found = _JUDGES[name, profile] = (
            AnswerJudge(Selection(profile=profile).of(checks()), redaction, profile),
            redaction,
        )
    return found
