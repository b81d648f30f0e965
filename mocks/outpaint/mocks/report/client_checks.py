"""The rules for clients, and the report that judges a world's journal by them.

Each rule looks for occasions on which a client could keep or break it; its docstring is its text in reports and in the
documentation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from urllib.parse import parse_qsl

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import RATE_RESET
from outpaint.contracts.profiles import LENIENCIES, WarningCode, WireProfile
from outpaint.mocks.report.findings import CheckOutcome, CheckResult, Finding, FindingSeverity, Report, ReportVerdict
from outpaint.mocks.report.leaning import leans_on_ours
from outpaint.mocks.report.traffic import (
    Occasion,
    Traffic,
    broken,
    client,
    failed,
    header_seconds,
    heard_at,
    heard_before,
    job_failed,
    pause,
    polls_on_a_moving_clock,
    retry_after,
    unknown_outcome,
    wish,
)
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.calls import Call
from outpaint.mocks.world.world import World

_POLL_S: Final = 0.5
_PAUSE_S: Final = 0.1
_ATTEMPTS: Final = 10
_MAY_BE_REPEATED: Final = frozenset({402, 408, 409, 429})
_KEY_NAMES: Final = frozenset({"x-picsart-api-key", "api-key", "api_key", "apikey", "key", "token", "access_token"})
_SHOWN: Final = 20
_RESULTS_LIVE_S: Final = 86400.0
_CLOCK_WAS_FROZEN: Final = (
    "the clock stood still, so nobody can tell how long the client waited: let its sleeps move the "
    "clock (outpaint_sleeps), or let the clock tick"
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
        pauses = [pause(one, two) for one, two in pairwise(run) if failed(one) and retry_after(one) is None]
        if len(pauses) < 2:
            continue
        longer = max(later.seconds for later in pauses[1:]) >= 1.2 * pauses[0].seconds
        numbers = tuple(call.number for call in run)
        if longer and pauses[0].seconds > 0:
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
    for calls in traffic.polls_of.values():
        for earlier, later in pairwise(calls):
            if earlier.status == 202:
                yield _waited(earlier, later, _POLL_S, f"#{earlier.number} found the job running")


@_check("poll_as_asked", _WARNING, "no job was polled after a 202", _OURS)
def polls_as_asked(traffic: Traffic) -> Iterator[Occasion]:
    """Polls no sooner than a 202's Retry-After says."""
    for call in traffic.api:
        wanted = retry_after(call) if call.status == 202 else None
        later = None if wanted is None else _next_poll(traffic, call)
        if wanted is not None and later is not None:
            yield _waited(call, later, wanted, f"#{call.number} (202) asked for {wanted:g} s")


@_check("follows_202", _ERROR, "no submit was answered 202")
def follows_202(traffic: Traffic) -> Iterator[Occasion]:
    """Takes a 202 as accepted: polls it, and does not send the request again."""
    for call in traffic.calls.submits:
        if call.status != 202:
            continue
        polls = traffic.polls_of.get(call.inference_id or "", ())
        later = traffic.again(call)
        keyed = call.idempotency_key is not None or (later is not None and later.idempotency_key is not None)
        if polls or keyed or (later is not None and not heard_before(call, later)):
            later = None
        yield Occasion.unless(call, later, "#{0} was answered 202 and never polled; #{1} sends the same again")


@_check("job_left", _WARNING, "no submit was answered 202")
def sees_jobs_through(traffic: Traffic) -> Iterator[Occasion]:
    """Polls an accepted job until its end."""
    for call in traffic.calls.submits:
        if call.status != 202 or broken(call):
            continue
        polls = [poll for poll in traffic.polls_of.get(call.inference_id or "", ()) if poll.number > call.number]
        if any(poll.status == 200 for poll in polls):
            yield Occasion((call.number,))
        elif polls:
            yield Occasion((call.number, polls[-1].number), f"the job of #{call.number} was left while it ran")
        else:
            yield Occasion((call.number,), f"#{call.number} was answered 202, and its job was never polled")


@_check("stops_at_end", _ERROR, "no poll was answered with a job's end")
def stops_at_end(traffic: Traffic) -> Iterator[Occasion]:
    """Stops polling once the job's success or failure was answered."""
    for inference_id, polls in traffic.polls_of.items():
        end = next((poll for poll in polls if poll.status == 200 and not broken(poll) and _is_end(poll)), None)
        if end is None:
            continue
        files = [call for call in traffic.files if call.inference_id == inference_id]
        latest = end
        needless: Call | None = None
        for later in polls:
            if later.number <= latest.number or not heard_before(latest, later):
                continue
            refused = any(latest.number < file.number < later.number and file.status in (403, 404) for file in files)
            if not refused and later.at < _expires_at(latest):
                needless = later
                break
            latest = later
        count = sum(1 for later in polls if later.number > end.number)
        yield Occasion.unless(
            end, needless, f"#{{0}} was answered with the job's end; it was polled {count} times more, from #{{1}} on"
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
        if call.idempotency_key is not None and call.idempotency_key == later.idempotency_key:
            yield Occasion(numbers)
            continue
        how = "without a key" if later.idempotency_key is None else "under a new key"
        yield Occasion(
            numbers,
            f"#{call.number} ended in {call.status or 'no answer'}, its outcome unknown, and #{later.number} repeats "
            f"it {how}: it may be painted and paid twice",
        )


@_check("one_key_one_request", _ERROR, "no submit had an Idempotency-Key", _OURS)
def one_key_one_request(traffic: Traffic) -> Iterator[Occasion]:
    """Uses an Idempotency-Key for one request only."""
    for calls in _by_key(traffic).values():
        first = next((call for call in calls if wish(call) is not None), None)
        if first is None:
            continue
        other = next((call for call in calls if wish(call) not in (None, wish(first))), None)
        yield Occasion.unless(first, other, "#{1} asks for something else under the key of #{0}")


@_check("new_key_after_failure", _ERROR, "no job under an Idempotency-Key was known to have failed", _OURS)
def new_key_after_failed_job(traffic: Traffic) -> Iterator[Occasion]:
    """Takes a new Idempotency-Key to try again after a failed job."""
    for calls in _by_key(traffic).values():
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
        if call.status != 402:
            continue
        later = traffic.again(call)
        looked = later is not None and any(
            call.number < look.number < later.number and client(look) == client(call)
            for look in traffic.api
            if look.route is On.BALANCE
        )
        yield Occasion.unless(
            call,
            None if looked else later,
            "#{0} was answered 402, and #{1} asks for the same without a look at the balance",
        )


@_check("blind_repeat", _ERROR, "nothing was refused for good")
def no_blind_repeat(traffic: Traffic) -> Iterator[Occasion]:
    """Does not send again unchanged what was refused for good (400, 401, 403, 413, 415, 422)."""
    for call in traffic.api:
        status = call.status or 0
        if not 400 <= status < 500 or status in _MAY_BE_REPEATED or (status == 404 and call.route is On.POLL):
            continue  # clients poll through a 404 as "not ready" (docs/facts/wire.md#client-habits)
        later = _sent_again(traffic, call)
        if later is not None and later.api_key != call.api_key:
            later = None
        code = f" {call.error_code}" if call.error_code else ""
        yield Occasion.unless(call, later, f"#{{0}} was refused ({status}{code}), and #{{1}} sends the same again")


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
        warned = _warned(call, WarningCode.UNKNOWN_FIELDS)
        yield Occasion((call.number,), f"#{call.number} was warned: {warned}" if warned else None)


@_check("exact_spelling", _WARNING, "no call of the API came")
def exact_spelling(traffic: Traffic) -> Iterator[Occasion]:
    """Spells paths and words as the API does: no slash at the end of a path, and JPG for JPEG."""
    for call in traffic.api:
        warned = _warned(call, *LENIENCIES)
        refused = f"#{call.number} was warned, and the vendor would refuse it: {warned}"
        yield Occasion((call.number,), refused if warned else None)


@_check("fetched_in_time", _ERROR, "no result was fetched, and none has expired")
def fetched_in_time(traffic: Traffic) -> Iterator[Occasion]:
    """Fetches results whole before they expire."""
    whole = {call.path for call in traffic.files if call.status == 200 and not broken(call)}
    tried: dict[str, Call] = {call.path: call for call in traffic.files if call.path not in whole}
    for path in sorted(whole):
        yield Occasion(tuple(call.number for call in traffic.files if call.path == path)[-1:])
    for call in tried.values():
        ended = "was not whole" if broken(call) else f"ended in {call.status or 'no answer'}"
        yield Occasion((call.number,), f"a picture was asked for, the last try (#{call.number}) {ended}, and never got")
    for answer, file_id, until in _named_files(traffic):
        asked = any(path.endswith(f"/{file_id}") for path in (*whole, *tried))
        if not asked and traffic.now >= until:
            yield Occasion(
                (answer.number,), f"#{answer.number} named the picture {file_id}: it expired and was not fetched"
            )


@_check("renews_urls", _ERROR, "no result's URL was refused")
def renews_urls(traffic: Traffic) -> Iterator[Occasion]:
    """Polls for a new URL once one was refused, and does not repeat it."""
    for call in traffic.files:
        if call.status != 403:
            continue
        later = next((one for one in traffic.files if one.number > call.number and _url(one) == _url(call)), None)
        yield Occasion.unless(call, later, "#{0} was refused (403), and #{1} asks for the same URL again")


@_check("broken_pictures", _ERROR, "no picture came broken")
def refetches_broken(traffic: Traffic) -> Iterator[Occasion]:
    """Notices a picture that did not come whole, and fetches it again."""
    for call in traffic.files:
        if not broken(call):
            continue
        later = next((one for one in traffic.files if one.number > call.number and one.path == call.path), None)
        taken = f"#{call.number} brought a picture that was not whole, and it was not fetched again"
        yield Occasion((call.number,), None if later is not None else taken)


_check("frozen_clock", _WARNING, "no job was polled")(polls_on_a_moving_clock)
_check("leans_on_ours", _WARNING, "no call of the API came", WireProfile.VENDOR)(leans_on_ours)


def _warned(call: Call, *codes: WarningCode) -> str:
    """What a call was warned of under these codes."""
    return "; ".join(str(warning) for warning in call.warnings if warning.code in codes)


def _waited(earlier: Call, later: Call, wanted: float, why: str) -> Occasion:
    gap = pause(earlier, later)
    numbers = (earlier.number, later.number)
    if not gap.shorter_than(wanted):
        return Occasion(numbers)
    return Occasion(numbers, f"{why}, and #{later.number} came after {gap}", gap.known)


def _next_poll(traffic: Traffic, call: Call) -> Call | None:
    polls = traffic.polls_of.get(call.inference_id or "", ())
    return next((later for later in polls if later.number > call.number), None)


def _is_end(poll: Call) -> bool:
    return poll.json_object.get("status", "success") in ("success", "error")


def _named_files(traffic: Traffic) -> Iterator[tuple[Call, str, float]]:
    """The pictures named in answers, each once: the last answer that names it, its id, and when its URL expires."""
    latest: dict[str, tuple[Call, float]] = {}
    for call in traffic.calls:
        if call.route in (On.SUBMIT, On.POLL) and call.status == 200 and not broken(call):
            for file_id, until in _files(call):
                latest[file_id] = (call, until)
    for file_id, (call, until) in latest.items():
        yield call, file_id, until


def _files(call: Call) -> Iterator[tuple[str, float]]:
    items = call.json_object.get("data", ())
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            until = item.get("expires_at")  # the vendor sends none
            ends = datetime.fromisoformat(until).timestamp() if isinstance(until, str) else None
            yield item["id"], heard_at(call) + _RESULTS_LIVE_S if ends is None else ends


def _expires_at(call: Call) -> float:
    return min((until for _, until in _files(call)), default=heard_at(call) + _RESULTS_LIVE_S)


def _url(call: Call) -> str:
    return f"{call.path}?{call.request_head.query}"


def _sent_again(traffic: Traffic, call: Call) -> Call | None:
    """The next call like a refused one; submits that were not understood are compared by the size of their bodies."""
    if call.route is not On.SUBMIT or call.request is not None:
        return traffic.again(call)
    return next((later for later in traffic.after(call, On.SUBMIT) if later.body_size == call.body_size), None)


def _by_key(traffic: Traffic) -> dict[tuple[str, str], list[Call]]:
    found: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in traffic.calls.submits:
        if call.idempotency_key is not None:
            found[client(call), call.idempotency_key].append(call)
    return dict(found)


def _failure_known_by(traffic: Traffic, call: Call) -> Call | None:
    """The call by which the client learnt that a submit's job had failed."""
    if job_failed(call) and call.error_code != ErrorCode.IDEMPOTENCY_MISMATCH:
        return call
    polls = traffic.polls_of.get(call.inference_id or "", ())
    return next((poll for poll in polls if poll.json_object.get("status") == "error" and poll.status == 200), None)


def judge(world: World, profile: WireProfile | None = None) -> Report:
    """The report on all calls that the world's journal has, as clients of this profile; by default the world's own."""
    profile = profile or world.profile
    with world.lock:
        calls, dropped, now = list(world.calls), world.journal.dropped, world.clock.now()
    traffic = Traffic(calls, now)
    checks = tuple(_result(check, traffic, profile) for check in CHECKS)
    if any(check.breaks for check in checks):
        verdict = ReportVerdict.FAILED
    else:
        judged = any(check.judged for check in checks)
        verdict = ReportVerdict.PASSED if judged else ReportVerdict.NOTHING_JUDGED
    seen = {"calls": len(calls), "dropped": dropped}
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
