"""The one table of checks, and their judgement of a journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outpaint_mocks.report import pacing, results, submitting
from outpaint_mocks.report.traffic import Occasion, Traffic
from outpaint_mocks.report.verdict import CheckResult, Finding, Outcome, Report, Severity, Verdict

if TYPE_CHECKING:
    from outpaint_mocks.world import World

_SHOWN: Final = 20
_ERROR, _WARNING = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True, slots=True)
class Check:
    """One rule for clients: `needs` says what had to happen for it to be judged."""

    code: str
    severity: Severity
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
            outcome = Outcome.NOT_APPLICABLE
            note = _STOOD_STILL if occasions else self.needs
        else:
            outcome = Outcome.FAILED if wrong else Outcome.PASSED
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

CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "retry_after",
        _ERROR,
        "Asks again no sooner than Retry-After says.",
        "nothing was asked again after an answer with Retry-After",
        pacing.retry_after_honoured,
    ),
    Check(
        "rate_limit",
        _ERROR,
        "After a 429 sends nothing until X-Picsart-Ratelimit-Reset-Time has passed.",
        "no call came after a 429",
        pacing.rate_limit_waited,
    ),
    Check(
        "hammering",
        _ERROR,
        "Pauses at least a tenth of a second after a server's error or a lost connection.",
        "nothing was asked again after a failure",
        pacing.no_hammering,
    ),
    Check(
        "back_off",
        _WARNING,
        "Pauses longer when failures go on.",
        "nothing failed twice in a row and was asked again",
        pacing.backs_off,
    ),
    Check(
        "gives_up",
        _WARNING,
        "Gives up after ten failures in a row.",
        "nothing failed twice in a row",
        pacing.gives_up,
    ),
    Check(
        "polling_pace",
        _ERROR,
        "Leaves at least half a second between two polls of a job.",
        "no job was polled again while it ran",
        pacing.polling_pace,
    ),
    Check(
        "poll_as_asked",
        _WARNING,
        "Polls no sooner than a 202's Retry-After says.",
        "no job was polled after a 202",
        pacing.polls_as_asked,
    ),
    Check(
        "follows_202",
        _ERROR,
        "Takes a 202 as accepted: polls it, and does not send the request again.",
        "no submit was answered 202",
        submitting.follows_202,
    ),
    Check(
        "job_left",
        _WARNING,
        "Polls an accepted job until its end.",
        "no submit was answered 202",
        results.sees_jobs_through,
    ),
    Check(
        "stops_at_end",
        _ERROR,
        "Stops polling once the job's success or failure was told.",
        "no poll told a job's end",
        results.stops_at_end,
    ),
    Check(
        "idempotency_key",
        _WARNING,
        "Sends an Idempotency-Key with every submit.",
        "nothing was submitted",
        submitting.idempotency_key_sent,
    ),
    Check(
        "same_key_on_retry",
        _ERROR,
        "Repeats a submit of unknown outcome under the same Idempotency-Key.",
        "no submit of unknown outcome was repeated",
        submitting.same_key_on_retry,
    ),
    Check(
        "one_key_one_request",
        _ERROR,
        "Uses an Idempotency-Key for one request only.",
        "no submit had an Idempotency-Key",
        submitting.one_key_one_request,
    ),
    Check(
        "new_key_after_failure",
        _ERROR,
        "Takes a new Idempotency-Key to try again after a failed job.",
        "no job under an Idempotency-Key was told to have failed",
        submitting.new_key_after_failed_job,
    ),
    Check(
        "payment_required",
        _ERROR,
        "After a 402 asks for the same again only after a look at the balance.",
        "no submit was answered 402",
        submitting.payment_required,
    ),
    Check(
        "blind_repeat",
        _ERROR,
        "Does not send again unchanged what was refused for good (400, 401, 403, 413, 415, 422).",
        "nothing was refused for good",
        submitting.no_blind_repeat,
    ),
    Check(
        "key_in_header",
        _ERROR,
        "Keeps API keys out of URLs.",
        "no call of the API came",
        submitting.key_in_header,
    ),
    Check(
        "known_fields",
        _WARNING,
        "Sends no fields that mean nothing.",
        "no submit was understood",
        submitting.known_fields,
    ),
    Check(
        "fetched_in_time",
        _ERROR,
        "Fetches results whole before they expire.",
        "no result was fetched, and none has expired",
        results.fetched_in_time,
    ),
    Check(
        "renews_urls",
        _ERROR,
        "Polls for a new URL once one was refused, and does not repeat it.",
        "no result's URL was refused",
        results.renews_urls,
    ),
    Check(
        "broken_pictures",
        _ERROR,
        "Notices a picture that did not come whole, and fetches it again.",
        "no picture came broken",
        results.refetches_broken,
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
        verdict = Verdict.FAILED
    else:
        judged = any(check.judged for check in checks)
        verdict = Verdict.PASSED if judged else Verdict.NOTHING_JUDGED
    return Report(world=world.name, at=now, calls=len(calls), dropped=dropped, verdict=verdict, checks=checks)
