"""The consumer report as data: a verdict, and for each check its outcome with the calls that show it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from outpaint.contracts.profiles import WireProfile
from outpaint.mocks.world.calls import CannotTellError


class FindingSeverity(StrEnum):
    """How bad it is to fail a check: an error fails the report, a warning is only shown."""

    ERROR = "error"
    WARNING = "warning"


class CheckOutcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


class ReportVerdict(StrEnum):
    """How a whole report ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOTHING_JUDGED = "nothing_judged"
    CANNOT_TELL = "cannot_tell"
    """No rule is broken by the calls that are kept, and earlier ones are not kept any more."""


class Finding(BaseModel):
    """One thing that was wrong, with the numbers of the calls that show it."""

    model_config = ConfigDict(frozen=True)

    text: str
    calls: tuple[int, ...]


class CheckResult(BaseModel):
    """One check's outcome."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(description="Stable name, to be ignored or looked up by.")
    severity: FindingSeverity
    rule: str = Field(description="What a well-behaved client does, in one sentence.")
    outcome: CheckOutcome
    judged: int = Field(ge=0, description="On how many occasions it could be judged.")
    failed: int = Field(ge=0, description="On how many of them the rule was broken.")
    findings: tuple[Finding, ...] = Field(default=(), description="The first twenty of those.")
    note: str = Field(default="", description="Why it was not applicable.")

    @property
    def breaks(self) -> bool:
        """Whether it fails the report."""
        return self.outcome is CheckOutcome.FAILED and self.severity is FindingSeverity.ERROR


class Report(BaseModel):
    """What the calls in a world's journal say about their client."""

    model_config = ConfigDict(frozen=True)

    world: str
    at: float = Field(description="The world's time, seconds since the epoch.")
    calls: int = Field(ge=0, description="How many calls were looked at.")
    dropped: int = Field(default=0, ge=0, description="How many earlier ones the journal no longer has.")
    verdict: ReportVerdict
    profile: WireProfile = Field(default=WireProfile.OURS, description="Whose API the client was judged as one of.")
    checks: tuple[CheckResult, ...]

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The checks that failed, errors first."""
        failed = [check for check in self.checks if check.outcome is CheckOutcome.FAILED]
        return tuple(sorted(failed, key=lambda check: check.severity is not FindingSeverity.ERROR))

    def of(self, code: str) -> CheckResult:
        """The result of one check; raises `LookupError` for a code that is none."""
        for check in self.checks:
            if check.code == code:
                return check
        raise LookupError(f"there is no check {code}: there are {', '.join(check.code for check in self.checks)}")

    def ignoring(self, codes: Collection[str]) -> Report:
        """The report as if these checks had not been made; raises `LookupError` for a code that is none."""
        for code in codes:
            self.of(code)
        checks = tuple(
            check.model_copy(
                update={"outcome": CheckOutcome.NOT_APPLICABLE, "findings": (), "failed": 0, "note": "ignored"}
            )
            if check.code in codes
            else check
            for check in self.checks
        )
        return self.model_copy(update={"checks": checks, "verdict": verdict_of(checks, self.dropped)})

    def passes(self, *, strict: bool = False) -> bool:
        """Whether all calls were there to be judged, and no error was found, with `strict` no warning either."""
        return self.verdict is ReportVerdict.PASSED and not (strict and self.failures)

    def assert_passed(self, *, ignore: Collection[str] = (), strict: bool = False) -> None:
        """It passes, those checks aside whose codes are ignored.

        Raises `LookupError` for an ignored code that is none, `AssertionError` with the findings, and `CannotTellError`
        where there are none, but calls were dropped.
        """
        report = self.ignoring(ignore)
        if self.verdict is ReportVerdict.NOTHING_JUDGED:
            raise AssertionError("nothing was judged: no call of the API came")
        wrong = [check for check in report.failures if strict or check.breaks]
        if wrong:
            raise AssertionError("the client does not behave:\n" + "\n".join(_described(check) for check in wrong))
        if not report.passes(strict=strict):
            raise CannotTellError(self.dropped, "call", "those that are kept break no rule")


def verdict_of(checks: Sequence[CheckResult], dropped: int) -> ReportVerdict:
    """What these results come to, where the journal no longer has `dropped` of the calls."""
    if any(check.breaks for check in checks):
        return ReportVerdict.FAILED
    if dropped:
        return ReportVerdict.CANNOT_TELL
    return ReportVerdict.PASSED if any(check.judged for check in checks) else ReportVerdict.NOTHING_JUDGED


def _described(check: CheckResult) -> str:
    lines = [f"  {check.severity} {check.code}: {check.rule}"]
    lines += [f"    {finding.text}" for finding in check.findings[:5]]
    if check.failed > 5:
        lines.append(f"    and {check.failed - 5} more")
    return "\n".join(lines)
