"""The rules for clients, and the report that judges a world's journal by them.

Each rule looks for occasions on which a client could keep or break it; its docstring is its text in reports and in the
documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from urllib.parse import parse_qsl

from outpaint.contracts.errors import ERROR_KINDS, Cause, ErrorCode
from outpaint.contracts.paths_and_headers import CREDIT_AVAILABLE, RATE_RESET
from outpaint.contracts.profiles import WireProfile
from outpaint.contracts.requests import UrlSource
from outpaint.mocks.report.findings import CheckOutcome, CheckResult, Finding, FindingSeverity, Report, verdict_of
from outpaint.mocks.report.leaning import leans_on_ours
from outpaint.mocks.report.result_checks import expires_at, fetched_in_time, refetches_broken, renews_urls
from outpaint.mocks.report.traffic import (
    Occasion,
    PollPause,
    Traffic,
    broken,
    content,
    failed,
    header_seconds,
    heard_before,
    job_failed,
    pause,
    retry_after,
    told,
    unknown_outcome,
    wish,
)
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.recorded_call import Call
from outpaint.mocks.world.world import World

_POLL_S: Final = 0.5
_PAUSE_S: Final = 0.1
_CALM_S: Final = 10.0
"""A client that pauses for so long presses nobody, whether or not it pauses longer each time."""
_ATTEMPTS: Final = 10
_TRIES: Final = 3
"""After so many failures in a row a client may leave a job."""
_FOR_GOOD: Final = frozenset({400, 401, 403, 413, 415, 422})
_KEY_NAMES: Final = frozenset({"x-picsart-api-key", "api-key", "api_key", "apikey", "key", "token", "access_token"})
_SHOWN: Final = 20
_CLOCK_WAS_FROZEN: Final = (
    "the clock stood still, so nobody can tell how long the client waited: let its sleep advance the clock, or let "
    "the clock tick"
)
_ERROR, _WARNING = FindingSeverity.ERROR, FindingSeverity.WARNING
_OURS: Final = WireProfile.OURS
_NOT_HERE: Final = {
    WireProfile.OURS: "it is for clients that are to work with the vendor: ask for the profile vendor",
    WireProfile.VENDOR: "it is about what the vendor does not have",
}

OccasionsOf = Callable[[Traffic], Iterator[Occasion]]


@dataclass(frozen=True, slots=True)
class ClientCheck:
    """One rule for clients; `needs` says what did not happen where it was never put to the test.

    One with a `profile` is made in that alone.
    """

    code: str
    severity: FindingSeverity
    rule: str
    needs: str
    occasions: OccasionsOf
    profile: WireProfile | None = None


CHECKS: Final[list[ClientCheck]] = []
"""Every check, in the order of reports."""


def _check(
    code: str, severity: FindingSeverity, needs: str, profile: WireProfile | None = None
) -> Callable[[OccasionsOf], OccasionsOf]:
    def register(occasions: OccasionsOf) -> OccasionsOf:
        CHECKS.append(ClientCheck(code, severity, occasions.__doc__ or "", needs, occasions, profile))
        return occasions

    return register


@_check("retry_after", _ERROR, "nothing was asked again after an answer with Retry-After", _OURS)
def retry_after_honoured(traffic: Traffic) -> Iterator[Occasion]:
    """Asks again no sooner than Retry-After says."""
    for call in traffic.calls:
        wanted = None if call.status == 202 else retry_after(call)
        later = None if wanted is None else traffic.again(call)
        if wanted is not None and later is not None:
            yield _waited(call, later, wanted, f"#{call.number} ({call.status}) asked for {wanted:g} s")


@_check("rate_limit", _ERROR, "no call came after a 429 of the rate limit")
def rate_limit_waited(traffic: Traffic) -> Iterator[Occasion]:
    """After a 429 of the rate limit sends nothing until X-Picsart-Ratelimit-Reset-Time has passed."""
    for call in traffic.api:
        limited = call.status == 429 and call.error_code != ErrorCode.STORAGE_FULL
        wanted = header_seconds(call, RATE_RESET) if limited else None
        if wanted is None:
            continue
        later = next(traffic.after(call, On.SUBMIT, On.POLL, On.BALANCE, On.UPLOAD), None)
        if later is not None:
            yield _waited(
                call, later, wanted, f"#{call.number} (429) said that the limit is whole again in {wanted:g} s"
            )


@_check("hammering", _ERROR, "nothing was asked again after a failure")
def no_hammering(traffic: Traffic) -> Iterator[Occasion]:
    """Pauses at least a tenth of a second after a server's error or a lost connection."""
    for call in traffic.calls:
        if not failed(call) or retry_after(call) is not None:
            continue
        later = traffic.again(call)
        if later is not None:
            yield _waited(call, later, _PAUSE_S, f"#{call.number} ({call.status or 'no whole answer'}) failed")


@_check("back_off", _WARNING, "nothing failed twice in a row and was asked again")
def backs_off(traffic: Traffic) -> Iterator[Occasion]:
    """Pauses longer when failures go on."""
    for run in traffic.runs():
        # A 429 says how long to wait, to a client of the vendor by the limit's reset.
        own = [
            (one, two) for one, two in pairwise(run) if failed(one) and retry_after(one) is None and one.status != 429
        ]
        pauses = [pause(one, two) for one, two in own]
        if len(pauses) < 2:
            continue
        numbers = tuple(call.number for call in run)
        if _grow(pauses):
            yield Occasion(numbers)
        else:
            failures = ", ".join(f"#{call.number}" for call in run[:4] if failed(call))
            shown = ", ".join(str(one) for one in pauses[:6])
            known = all(one.known for one in pauses)
            yield Occasion(numbers, f"{failures} failed in a row and the pauses did not grow: {shown}", known)


@_check("gives_up", _WARNING, "nothing failed twice in a row")
def gives_up(traffic: Traffic) -> Iterator[Occasion]:
    """Gives up after ten failures in a row."""
    for run in traffic.runs():
        failures = [call for call in run if failed(call)]
        if len(failures) < 2:
            continue
        numbers = tuple(call.number for call in failures[:3])
        if len(failures) <= _ATTEMPTS:
            yield Occasion(numbers)
        else:
            yield Occasion(numbers, f"the same was asked {len(failures)} times in vain, from #{failures[0].number} on")


@_check("polling_pace", _ERROR, "no job was polled again while it ran")
def polling_pace(traffic: Traffic) -> Iterator[Occasion]:
    """Leaves at least half a second between two polls of a job."""
    for call in traffic.calls.polls:
        later = traffic.next_poll(call) if call.status == 202 and told(call) else None
        if later is not None:
            yield _waited(call, later, _POLL_S, f"#{call.number} found the job running")


@_check("poll_as_asked", _WARNING, "no job was polled after a 202", _OURS)
def polls_as_asked(traffic: Traffic) -> Iterator[Occasion]:
    """Polls no sooner than a 202's Retry-After says."""
    for call in traffic.api:
        wanted = retry_after(call) if call.status == 202 and told(call) else None
        later = None if wanted is None else traffic.next_poll(call)
        if wanted is not None and later is not None:
            yield _waited(call, later, wanted, f"#{call.number} (202) asked for {wanted:g} s")


@_check("follows_202", _ERROR, "no submit was answered 202")
def follows_202(traffic: Traffic) -> Iterator[Occasion]:
    """Takes a 202 as accepted: polls it, and does not send the request again."""
    for call in traffic.calls.submits:
        if call.status != 202 or not told(call):
            continue
        later = traffic.again(call)
        keyed = call.idempotency_key is not None or (later is not None and later.idempotency_key is not None)
        if keyed or call.inference_id in traffic.polls_of:
            later = None
        yield Occasion.unless(call, later, "#{0} was answered 202 and never polled; #{1} sends the same again")


@_check("job_left", _WARNING, "no submit was answered 202")
def sees_jobs_through(traffic: Traffic) -> Iterator[Occasion]:
    """Polls an accepted job until its end."""
    for call in traffic.calls.submits:
        if call.status != 202 or not told(call):
            continue
        looks = traffic.looks_after(call)
        if any(look.status == 200 or job_failed(look) for look in looks):
            yield Occasion((call.number,))
        elif not looks:
            yield Occasion((call.number,), f"#{call.number} was answered 202, and its job was never polled")
        elif not _had_to_leave(looks):
            yield Occasion((call.number, looks[-1].number), f"the job of #{call.number} was left while it ran")


@_check("stops_at_end", _ERROR, "no poll was answered with a job's end")
def stops_at_end(traffic: Traffic) -> Iterator[Occasion]:
    """Stops polling once the job's success or failure was answered."""
    for inference_id, polls in traffic.polls_of.items():
        end = next((poll for poll in polls if poll.method == "GET" and poll.status == 200 and told(poll)), None)
        if end is None:
            continue
        latest = end
        needless: Call | None = None
        for later in polls:
            if later.number <= latest.number or not heard_before(latest, later):
                continue
            if not _asks_anew(traffic, inference_id, latest, later):
                needless = later
                break
            if later.status == 200 and told(later):
                latest = later
        count = 0 if needless is None else sum(later.number >= needless.number for later in polls)
        yield Occasion.unless(
            latest,
            needless,
            f"#{{0}} was answered with the job's end; it was polled {count} times more, from #{{1}} on",
        )


@_check("idempotency_key", _WARNING, "nothing was submitted", _OURS)
def idempotency_key_sent(traffic: Traffic) -> Iterator[Occasion]:
    """Sends an Idempotency-Key with every submit."""
    for call in traffic.calls.submits:
        missing = call.idempotency_key is None
        yield Occasion((call.number,), f"#{call.number} came without an Idempotency-Key" if missing else None)


@_check("same_key_on_retry", _ERROR, "no submit of unknown outcome was repeated", _OURS)
def same_key_on_retry(traffic: Traffic) -> Iterator[Occasion]:
    """Repeats a submit of unknown outcome under the same Idempotency-Key."""
    for call in traffic.calls.submits:
        later = traffic.again(call) if unknown_outcome(call) else None
        if later is None:
            continue
        numbers = call.number, later.number
        key = call.idempotency_key
        if key is not None and later.idempotency_key == key:
            yield Occasion(numbers)
            continue
        if any(one.number < call.number for one in traffic.under_its_key(call)):
            continue  # it repeated it under the key before it gave up: what comes now may be another job
        how = "without a key" if later.idempotency_key is None else "under a new key"
        yield Occasion(
            numbers,
            f"#{call.number} ended in {call.status or 'no answer'}, its outcome unknown, and #{later.number} repeats "
            f"it {how}: it may be painted and paid twice",
        )


@_check("one_key_one_request", _ERROR, "no submit had an Idempotency-Key", _OURS)
def one_key_one_request(traffic: Traffic) -> Iterator[Occasion]:
    """Uses an Idempotency-Key for one request only."""
    for calls in traffic.by_key.values():
        first = next((call for call in calls if wish(call) is not None), None)
        if first is None:
            continue
        other = next((call for call in calls if wish(call) not in (None, wish(first))), None)
        yield Occasion.unless(first, other, "#{1} asks for something else under the key of #{0}")


@_check("new_key_after_failure", _ERROR, "no job under an Idempotency-Key was known to have failed", _OURS)
def new_key_after_failed_job(traffic: Traffic) -> Iterator[Occasion]:
    """Takes a new Idempotency-Key to try again after a failed job."""
    for calls in traffic.by_key.values():
        for call in calls:
            failure = _failure_known_by(traffic, call)
            if failure is None:
                continue
            later = next((one for one in calls if one.number > failure.number and heard_before(failure, one)), None)
            yield Occasion.unless(
                failure,
                later,
                "#{0} said that the job had failed, and #{1} asks under the same key: it can only be answered with "
                "that failure again",
            )
            break


@_check("payment_required", _ERROR, "no submit was answered 402")
def payment_required(traffic: Traffic) -> Iterator[Occasion]:
    """After a 402 asks for the same again only after a look at the balance."""
    for call in traffic.calls.submits:
        if call.status != 402 or not told(call):
            continue
        later = traffic.again(call)
        if later is not None and any(_shows_credits(call, look) for look in traffic.between(call, later)):
            later = None
        yield Occasion.unless(
            call, later, "#{0} was answered 402, and #{1} asks for the same without a look at the balance"
        )


@_check("blind_repeat", _ERROR, "nothing was refused for good")
def no_blind_repeat(traffic: Traffic) -> Iterator[Occasion]:
    """Does not send again unchanged what was refused for good (400, 401, 403, 413, 415, 422)."""
    for call in traffic.api:
        if call.status not in _FOR_GOOD or not told(call) or _may_pass(call):
            continue
        later = _sent_again(traffic, call)
        code = f" {call.error_code}" if call.error_code else ""
        yield Occasion.unless(call, later, f"#{{0}} was refused ({call.status}{code}), and #{{1}} sends the same again")


@_check("key_in_header", _ERROR, "no call of the API came")
def key_in_header(traffic: Traffic) -> Iterator[Occasion]:
    """Keeps API keys out of URLs."""
    keys = {call.api_key for call in traffic.calls if call.api_key}
    for call in traffic.api:
        sent = parse_qsl(call.request_head.query, keep_blank_values=True)
        shown = [name for name, value in sent if name.lower() in _KEY_NAMES or value in keys]
        yield Occasion(
            (call.number,), f"#{call.number} has an API key in its URL, as {shown[0][:40]}" if shown else None
        )


@_check("known_fields", _WARNING, "no submit was understood")
def known_fields(traffic: Traffic) -> Iterator[Occasion]:
    """Sends no fields that mean nothing."""
    for call in traffic.calls.submits:
        if call.response is None or call.request is None:
            continue
        warned = "; ".join(call.warnings)
        yield Occasion((call.number,), f"#{call.number} was warned: {warned}" if warned else None)


_check("fetched_in_time", _ERROR, "no result was fetched, and none has expired")(fetched_in_time)
_check("renews_urls", _ERROR, "no result's URL was refused")(renews_urls)
_check("broken_pictures", _ERROR, "no picture came broken")(refetches_broken)
_check("leans_on_ours", _WARNING, "no call of the API came", WireProfile.VENDOR)(leans_on_ours)


def _waited(earlier: Call, later: Call, wanted: float, why: str) -> Occasion:
    gap = pause(earlier, later)
    numbers = (earlier.number, later.number)
    if not gap.shorter_than(wanted):
        return Occasion(numbers)
    return Occasion(numbers, f"{why}, and #{later.number} came after {gap}", gap.known)


def _grow(pauses: Sequence[PollPause]) -> bool:
    """Whether pauses may be those of a client that pauses longer each time.

    Drawn ones (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/) may be shorter than those
    before, so that only pauses which are all alike, or of which four or more never exceed the first, do not grow.
    """
    seconds = [one.seconds for one in pauses]
    shortest, longest = min(seconds), max(seconds)
    if shortest >= _CALM_S:
        return True
    # Two that were drawn may be alike by chance, but not to the millisecond.
    alike = longest - shortest <= (0.001 if len(seconds) == 2 else 0.05 * longest)
    return not alike and (len(seconds) < 4 or longest > seconds[0])


def _had_to_leave(looks: Sequence[Call]) -> bool:
    """Whether a client left a job because it could not learn more: refused for good, or failing again and again."""
    if 400 <= (looks[-1].status or 0) < 500 and not failed(looks[-1]):
        return True
    latest = looks[-_TRIES:]
    return len(latest) == _TRIES and all(failed(look) or not told(look) for look in latest)


def _asks_anew(traffic: Traffic, inference_id: str, end: Call, later: Call) -> bool:
    """Whether a poll after a job's end has a reason of its own.

    The URLs that the end brought have expired, or a fetch came to nothing; or the client has begun again, by a repeat
    of the submit, and does not know the end.
    """
    if later.at >= expires_at(end):
        return True
    fetches = (file for file in traffic.files_of.get(inference_id, ()) if file.status != 200 or broken(file))
    since = [*fetches, *traffic.submits_of.get(inference_id, ())]
    return any(end.number < call.number < later.number for call in since)


def _shows_credits(refused: Call, look: Call) -> bool:
    """Whether a call told a client more of its credits than a 402 had: any answer has them in a header."""
    if look.route is On.BALANCE:
        return True
    before, now = header_seconds(refused, CREDIT_AVAILABLE), header_seconds(look, CREDIT_AVAILABLE)
    return before is not None and now is not None and now > before


def _may_pass(call: Call) -> bool:
    """Whether what was refused may be taken another time, though the request is the same."""
    if call.error_code == ErrorCode.SOURCE_UNAVAILABLE:
        return True
    request = call.request
    if request is None or call.error_code is None or ERROR_KINDS[ErrorCode(call.error_code)].cause is not Cause.PICTURE:
        return False
    # Another picture may lie there by then.
    return isinstance(request.image, UrlSource) or isinstance(request.mask, UrlSource)


def _sent_again(traffic: Traffic, call: Call) -> Call | None:
    """The next call like a refused one, under the same API key."""
    if call.route is On.SUBMIT and call.request is None and call.body_sample is None:
        unread = (one for one in traffic.after(call, On.SUBMIT) if one.request is None and one.body_sample is None)
        later = next((one for one in unread if content(one) == content(call)), None)
    else:
        later = traffic.again(call)
    if later is None or later.api_key != call.api_key:
        return None
    of_the_key = call.error_code in (ErrorCode.IDEMPOTENCY_MISMATCH, ErrorCode.INVALID_IDEMPOTENCY_KEY)
    return None if of_the_key and later.idempotency_key != call.idempotency_key else later


def _failure_known_by(traffic: Traffic, call: Call) -> Call | None:
    """The call by which the client learnt that a submit's job had failed."""
    if job_failed(call) and told(call):
        return call
    polls = traffic.polls_of.get(call.inference_id or "", ())
    ends = (poll for poll in polls if poll.status == 200 and told(poll))
    return next((poll for poll in ends if poll.json_object.get("status") == "error"), None)


def judge(world: World, profile: WireProfile | None = None) -> Report:
    """The report on all calls that the world's journal has, as clients of this profile; by default the world's own."""
    profile = profile or world.profile
    with world.lock:
        calls, now = world.calls, world.clock.now()
    traffic = Traffic(calls, now)
    checks = tuple(_result(check, traffic, profile) for check in CHECKS)
    verdict = verdict_of(checks, calls.dropped)
    seen = {"calls": len(calls), "dropped": calls.dropped}
    return Report(world=world.name, at=now, **seen, verdict=verdict, profile=profile, checks=checks)


def _result(check: ClientCheck, traffic: Traffic, profile: WireProfile) -> CheckResult:
    if check.profile not in (None, profile):
        return CheckResult(
            code=check.code,
            severity=check.severity,
            rule=check.rule,
            outcome=CheckOutcome.NOT_APPLICABLE,
            judged=0,
            failed=0,
            note=_NOT_HERE[profile],
        )
    occasions = list(check.occasions(traffic))
    certain = [occasion for occasion in occasions if occasion.known or occasion.problem is None]
    wrong = [occasion for occasion in certain if occasion.problem is not None]
    note = ""
    if not certain:
        outcome = CheckOutcome.NOT_APPLICABLE
        note = _CLOCK_WAS_FROZEN if occasions else check.needs
    else:
        outcome = CheckOutcome.FAILED if wrong else CheckOutcome.PASSED
    return CheckResult(
        code=check.code,
        severity=check.severity,
        rule=check.rule,
        outcome=outcome,
        judged=len(certain),
        failed=len(wrong),
        findings=tuple(Finding(text=one.problem or "", calls=one.calls) for one in wrong[:_SHOWN]),
        note=note,
    )
