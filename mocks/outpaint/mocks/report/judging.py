"""The one table of checks, and their judgement of a journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outpaint.mocks.report import client_checks
from outpaint.mocks.report.findings import CheckOutcome, CheckResult, Finding, FindingSeverity, Report, ReportVerdict
from outpaint.mocks.report.traffic import Occasion, Traffic

if TYPE_CHECKING:
    from outpaint.mocks.world.world import World

_SHOWN: Final = 20
_ERROR, _WARNING = FindingSeverity.ERROR, FindingSeverity.WARNING


@dataclass(frozen=True, slots=True)
class ClientCheck:
    """One rule for clients: `needs` says what had to happen for it to be judged."""

    code: str
    severity: FindingSeverity
    rule: str
    needs: str
    judge: Callable[[Traffic], Iterator[Occasion]]

    def result(self, traffic: Traffic) -> CheckResult:
        """What the traffic says of it."""
        occasions = list(self.judge(traffic))
        sure = [occasion for occasion in occasions if occasion.known or occasion.problem is None]
        wrong = [occasion for occasion in sure if occasion.problem is not None]
        note = ""
        if not sure:
            outcome = CheckOutcome.NOT_APPLICABLE
            note = _STOOD_STILL if occasions else self.needs
        else:
            outcome = CheckOutcome.FAILED if wrong else CheckOutcome.PASSED
        return CheckResult(
            code=self.code,
            severity=self.severity,
            rule=self.rule,
            outcome=outcome,
            judged=len(sure),
            failed=len(wrong),
            findings=tuple(Finding(text=one.problem or "", calls=one.calls) for one in wrong[:_SHOWN]),
            note=note,
        )


_STOOD_STILL: Final = (
    "the clock stood still, so nobody can tell how long the client waited: let its sleep advance the clock, or let "
    "the clock tick"
)

CHECKS: Final[tuple[ClientCheck, ...]] = (
    ClientCheck(
        "retry_after",
        _ERROR,
        "Asks again no sooner than Retry-After says.",
        "nothing was asked again after an answer with Retry-After",
        client_checks.retry_after_honoured,
    ),
    ClientCheck(
        "rate_limit",
        _ERROR,
        "After a 429 sends nothing until X-Picsart-Ratelimit-Reset-Time has passed.",
        "no call came after a 429",
        client_checks.rate_limit_waited,
    ),
    ClientCheck(
        "hammering",
        _ERROR,
        "Pauses at least a tenth of a second after a server's error or a lost connection.",
        "nothing was asked again after a failure",
        client_checks.no_hammering,
    ),
    ClientCheck(
        "back_off",
        _WARNING,
        "Pauses longer when failures go on.",
        "nothing failed twice in a row and was asked again",
        client_checks.backs_off,
    ),
    ClientCheck(
        "gives_up",
        _WARNING,
        "Gives up after ten failures in a row.",
        "nothing failed twice in a row",
        client_checks.gives_up,
    ),
    ClientCheck(
        "polling_pace",
        _ERROR,
        "Leaves at least half a second between two polls of a job.",
        "no job was polled again while it ran",
        client_checks.polling_pace,
    ),
    ClientCheck(
        "poll_as_asked",
        _WARNING,
        "Polls no sooner than a 202's Retry-After says.",
        "no job was polled after a 202",
        client_checks.polls_as_asked,
    ),
    ClientCheck(
        "follows_202",
        _ERROR,
        "Takes a 202 as accepted: polls it, and does not send the request again.",
        "no submit was answered 202",
        client_checks.follows_202,
    ),
    ClientCheck(
        "job_left",
        _WARNING,
        "Polls an accepted job until its end.",
        "no submit was answered 202",
        client_checks.sees_jobs_through,
    ),
    ClientCheck(
        "stops_at_end",
        _ERROR,
        "Stops polling once the job's success or failure was told.",
        "no poll told a job's end",
        client_checks.stops_at_end,
    ),
    ClientCheck(
        "idempotency_key",
        _WARNING,
        "Sends an Idempotency-Key with every submit.",
        "nothing was submitted",
        client_checks.idempotency_key_sent,
    ),
    ClientCheck(
        "same_key_on_retry",
        _ERROR,
        "Repeats a submit of unknown outcome under the same Idempotency-Key.",
        "no submit of unknown outcome was repeated",
        client_checks.same_key_on_retry,
    ),
    ClientCheck(
        "one_key_one_request",
        _ERROR,
        "Uses an Idempotency-Key for one request only.",
        "no submit had an Idempotency-Key",
        client_checks.one_key_one_request,
    ),
    ClientCheck(
        "new_key_after_failure",
        _ERROR,
        "Takes a new Idempotency-Key to try again after a failed job.",
        "no job under an Idempotency-Key was told to have failed",
        client_checks.new_key_after_failed_job,
    ),
    ClientCheck(
        "payment_required",
        _ERROR,
        "After a 402 asks for the same again only after a look at the balance.",
        "no submit was answered 402",
        client_checks.payment_required,
    ),
    ClientCheck(
        "blind_repeat",
        _ERROR,
        "Does not send again unchanged what was refused for good (400, 401, 403, 413, 415, 422).",
        "nothing was refused for good",
        client_checks.no_blind_repeat,
    ),
    ClientCheck(
        "key_in_header",
        _ERROR,
        "Keeps API keys out of URLs.",
        "no call of the API came",
        client_checks.key_in_header,
    ),
    ClientCheck(
        "known_fields",
        _WARNING,
        "Sends no fields that mean nothing.",
        "no submit was understood",
        client_checks.known_fields,
    ),
    ClientCheck(
        "fetched_in_time",
        _ERROR,
        "Fetches results whole before they expire.",
        "no result was fetched, and none has expired",
        client_checks.fetched_in_time,
    ),
    ClientCheck(
        "renews_urls",
        _ERROR,
        "Polls for a new URL once one was refused, and does not repeat it.",
        "no result's URL was refused",
        client_checks.renews_urls,
    ),
    ClientCheck(
        "broken_pictures",
        _ERROR,
        "Notices a picture that did not come whole, and fetches it again.",
        "no picture came broken",
        client_checks.refetches_broken,
    ),
)
"""Every check, in the order they are told."""


def judge(world: World) -> Report:
    """The report on all calls that the world's journal has."""
    with world.lock:
        calls, dropped, now = list(world.calls), world.journal.dropped, world.clock.now()
    traffic = Traffic(calls, now)
    checks = tuple(check.result(traffic) for check in CHECKS)
    if any(check.breaks for check in checks):
        verdict = ReportVerdict.FAILED
    else:
        judged = any(check.judged for check in checks)
        verdict = ReportVerdict.PASSED if judged else ReportVerdict.NOTHING_JUDGED
    return Report(world=world.name, at=now, calls=len(calls), dropped=dropped, verdict=verdict, checks=checks)
