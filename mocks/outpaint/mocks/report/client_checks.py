"""What is looked for: submitting, pacing, results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Final
from urllib.parse import parse_qsl

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.paths_and_headers import RATE_RESET, WARNING
from outpaint.mocks.report.traffic import (
    Occasion,
    PollPause,
    Traffic,
    broken,
    client,
    failed,
    heard_at,
    heard_before,
    job_failed,
    pause,
    retry_after,
    unknown_outcome,
    wish,
)
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.calls import Call

POLL_S: Final = 0.5
PAUSE_S: Final = 0.1
ATTEMPTS: Final = 10


def retry_after_honoured(traffic: Traffic) -> Iterator[Occasion]:
    """After each answer with Retry-After, 202 aside, the same is asked again no sooner."""
    for call in traffic.calls:
        wanted = None if call.status == 202 else retry_after(call)
        later = None if wanted is None else traffic.again(call)
        if wanted is not None and later is not None:
            yield _waited(call, later, wanted, f"#{call.number} ({call.status}) asked for {wanted:g} s")


def rate_limit_waited(traffic: Traffic) -> Iterator[Occasion]:
    """After each 429 the account sends nothing until the limit is whole again."""
    for call in traffic.api:
        wanted = _reset_time(call)
        if wanted is None:
            continue
        later = next(traffic.after(call, On.SUBMIT, On.POLL, On.BALANCE, On.UPLOAD), None)
        if later is not None:
            yield _waited(
                call, later, wanted, f"#{call.number} (429) said that the limit is whole again in {wanted:g} s"
            )


def polling_pace(traffic: Traffic) -> Iterator[Occasion]:
    """Between two polls of a job that still runs there is at least half a second."""
    for calls in traffic.polls_of.values():
        for earlier, later in pairwise(calls):
            if earlier.status == 202:
                yield _waited(earlier, later, POLL_S, f"#{earlier.number} found the job running")


def polls_as_asked(traffic: Traffic) -> Iterator[Occasion]:
    """After each 202 the job is polled no sooner than its Retry-After says."""
    for call in traffic.api:
        wanted = retry_after(call) if call.status == 202 else None
        later = None if wanted is None else _next_poll(traffic, call)
        if wanted is not None and later is not None:
            yield _waited(call, later, wanted, f"#{call.number} (202) asked for {wanted:g} s")


def no_hammering(traffic: Traffic) -> Iterator[Occasion]:
    """After a failure that says nothing of when to come back there is a pause all the same."""
    for call in traffic.calls:
        if not failed(call) or retry_after(call) is not None:
            continue
        later = traffic.again(call)
        if later is not None:
            yield _waited(call, later, PAUSE_S, f"#{call.number} ({call.status or 'no whole answer'}) failed")


def backs_off(traffic: Traffic) -> Iterator[Occasion]:
    """Of failures in a row that say nothing of when to come back, a later one is followed by a longer pause."""
    for run in traffic.runs():
        pauses = [pause(one, two) for one, two in pairwise(run) if failed(one) and retry_after(one) is None]
        if len(pauses) < 2:
            continue
        longer = max(later.seconds for later in pauses[1:]) >= 1.2 * pauses[0].seconds
        numbers = tuple(call.number for call in run)
        if longer and pauses[0].seconds > 0:
            yield Occasion(numbers)
        else:
            shown = ", ".join(str(one) for one in pauses[:6])
            yield Occasion(
                numbers, f"{_numbered(run)} failed in a row and the pauses did not grow: {shown}", _certain(pauses)
            )


def gives_up(traffic: Traffic) -> Iterator[Occasion]:
    """At most ten failures in a row."""
    for run in traffic.runs():
        failures = [call for call in run if failed(call)]
        if len(failures) < 2:
            continue
        numbers = tuple(call.number for call in failures[:3])
        if len(failures) <= ATTEMPTS:
            yield Occasion(numbers)
        else:
            yield Occasion(numbers, f"the same was asked {len(failures)} times in vain, from #{failures[0].number} on")


def _waited(earlier: Call, later: Call, wanted: float, why: str) -> Occasion:
    gap: PollPause = pause(earlier, later)
    numbers = (earlier.number, later.number)
    if not gap.shorter_than(wanted):
        return Occasion(numbers)
    return Occasion(numbers, f"{why}, and #{later.number} came after {gap}", gap.known)


def _reset_time(call: Call) -> float | None:
    if call.status != 429 or call.response is None:
        return None
    value = call.response.header(RATE_RESET) or ""
    return float(value) if value.isascii() and value.isdigit() else None


def _next_poll(traffic: Traffic, call: Call) -> Call | None:
    polls = traffic.polls_of.get(call.inference_id or "", ())
    return next((later for later in polls if later.number > call.number), None)


def _numbered(run: list[Call]) -> str:
    return ", ".join(f"#{call.number}" for call in run[:4] if failed(call))


def _certain(pauses: list[PollPause]) -> bool:
    return all(one.known for one in pauses)


def stops_at_end(traffic: Traffic) -> Iterator[Occasion]:
    """A job whose end was told is polled no more, but for new URLs once they have expired."""
    for inference_id, polls in traffic.polls_of.items():
        end = next((poll for poll in polls if poll.status == 200 and not broken(poll) and _is_end(traffic, poll)), None)
        if end is None:
            continue
        files = [call for call in traffic.files if call.inference_id == inference_id]
        told = end
        needless: Call | None = None
        for later in polls:
            if later.number <= told.number or not heard_before(told, later):
                continue
            refused = any(told.number < file.number < later.number and file.status in (403, 404) for file in files)
            if not refused and later.at < _expires_at(traffic, told):
                needless = later
                break
            told = later
        if needless is None:
            yield Occasion((end.number,))
        else:
            count = sum(1 for later in polls if later.number > end.number)
            yield Occasion(
                (end.number, needless.number),
                f"#{end.number} told the job's end; it was polled {count} times more, from #{needless.number} on",
            )


def sees_jobs_through(traffic: Traffic) -> Iterator[Occasion]:
    """A job that was answered 202 is polled until its end."""
    for call in traffic.submits:
        if call.status != 202 or broken(call):
            continue
        polls = [poll for poll in traffic.polls_of.get(call.inference_id or "", ()) if poll.number > call.number]
        if any(poll.status == 200 for poll in polls):
            yield Occasion((call.number,))
        elif polls:
            yield Occasion((call.number, polls[-1].number), f"the job of #{call.number} was left while it ran")
        else:
            yield Occasion((call.number,), f"#{call.number} was answered 202, and its job was never polled")


def fetched_in_time(traffic: Traffic) -> Iterator[Occasion]:
    """A result that was told is fetched whole before it expires."""
    whole = {call.path for call in traffic.files if call.status == 200 and not broken(call)}
    tried: dict[str, Call] = {call.path: call for call in traffic.files if call.path not in whole}
    for path in sorted(whole):
        yield Occasion(tuple(call.number for call in traffic.files if call.path == path)[-1:])
    for call in tried.values():
        ended = "was not whole" if broken(call) else f"ended in {call.status or 'no answer'}"
        yield Occasion((call.number,), f"a picture was asked for, the last try (#{call.number}) {ended}, and never got")
    for told, file_id, until in _told_files(traffic):
        asked = any(path.endswith(f"/{file_id}") for path in (*whole, *tried))
        if not asked and traffic.now >= until:
            yield Occasion(
                (told.number,), f"#{told.number} told of the picture {file_id}: it expired and was not fetched"
            )


def renews_urls(traffic: Traffic) -> Iterator[Occasion]:
    """A URL that was refused is not asked again; a poll signs a new one."""
    for call in traffic.files:
        if call.status != 403:
            continue
        later = next(
            (one for one in traffic.files if one.number > call.number and _url(one) == _url(call)),
            None,
        )
        if later is None:
            yield Occasion((call.number,))
        else:
            yield Occasion(
                (call.number, later.number),
                f"#{call.number} was refused (403), and #{later.number} asks for the same URL again",
            )


def refetches_broken(traffic: Traffic) -> Iterator[Occasion]:
    """A picture that did not come whole is fetched again."""
    for call in traffic.files:
        if not broken(call):
            continue
        later = next((one for one in traffic.files if one.number > call.number and one.path == call.path), None)
        taken = f"#{call.number} brought a picture that was not whole, and it was not fetched again"
        yield Occasion((call.number,), None if later is not None else taken)


def _is_end(traffic: Traffic, poll: Call) -> bool:
    return traffic.body(poll).get("status", "success") in ("success", "error")


def _told_files(traffic: Traffic) -> Iterator[tuple[Call, str, float]]:
    """The pictures that clients were told of, each once with its latest end."""
    latest: dict[str, tuple[Call, float]] = {}
    for call in traffic.calls:
        if call.route in (On.SUBMIT, On.POLL) and call.status == 200 and not broken(call):
            for file_id, until in _files(traffic, call):
                latest[file_id] = (call, until)
    for file_id, (call, until) in latest.items():
        yield call, file_id, until


def _files(traffic: Traffic, call: Call) -> Iterator[tuple[str, float]]:
    items = traffic.body(call).get("data", ())
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and isinstance(item.get("id"), str) and isinstance(item.get("expires_at"), str):
            yield item["id"], datetime.fromisoformat(item["expires_at"]).timestamp()


def _expires_at(traffic: Traffic, call: Call) -> float:
    return min((until for _, until in _files(traffic, call)), default=heard_at(call) + 86400.0)


def _url(call: Call) -> str:
    return f"{call.path}?{call.head.query}"


_MAY_BE_REPEATED: Final = frozenset({402, 408, 409, 429})
_KEY_NAMES: Final = frozenset({"x-picsart-api-key", "api-key", "api_key", "apikey", "key", "token", "access_token"})


def idempotency_key_sent(traffic: Traffic) -> Iterator[Occasion]:
    """Every submit carries an Idempotency-Key."""
    for call in traffic.submits:
        missing = call.idempotency_key is None
        yield Occasion((call.number,), f"#{call.number} came without an Idempotency-Key" if missing else None)


def same_key_on_retry(traffic: Traffic) -> Iterator[Occasion]:
    """A submit whose outcome is unknown is repeated under its own key."""
    for call in traffic.submits:
        later = traffic.again(call) if unknown_outcome(call) else None
        if later is None:
            continue
        numbers = call.number, later.number
        if call.idempotency_key is not None and call.idempotency_key == later.idempotency_key:
            yield Occasion(numbers)
            continue
        told = "without a key" if later.idempotency_key is None else "under a new key"
        yield Occasion(
            numbers,
            f"#{call.number} ended in {call.status or 'no answer'}, its outcome unknown, and #{later.number} repeats "
            f"it {told}: it may be painted and paid twice",
        )


def one_key_one_request(traffic: Traffic) -> Iterator[Occasion]:
    """A key stands for one request: other pictures or fields come under another."""
    for calls in _by_key(traffic).values():
        first = next((call for call in calls if wish(call) is not None), None)
        if first is None:
            continue
        other = next((call for call in calls if wish(call) not in (None, wish(first))), None)
        if other is None:
            yield Occasion((first.number,))
        else:
            yield Occasion(
                (first.number, other.number),
                f"#{other.number} asks for something else under the key of #{first.number}",
            )


def new_key_after_failed_job(traffic: Traffic) -> Iterator[Occasion]:
    """Once a job is known to have failed, a new try takes a new key."""
    for calls in _by_key(traffic).values():
        for call in calls:
            told = _told_of_failure(traffic, call)
            if told is None:
                continue
            later = next((one for one in calls if one.number > told.number and heard_before(told, one)), None)
            if later is None:
                yield Occasion((told.number,))
            else:
                yield Occasion(
                    (told.number, later.number),
                    f"#{told.number} told that the job had failed, and #{later.number} asks under the same key: "
                    "it can only be answered with that failure again",
                )
            break


def follows_202(traffic: Traffic) -> Iterator[Occasion]:
    """A request that was answered 202 is polled, not sent again."""
    for call in traffic.submits:
        if call.status != 202:
            continue
        polls = traffic.polls_of.get(call.inference_id or "", ())
        later = traffic.again(call)
        keyed = call.idempotency_key is not None or (later is not None and later.idempotency_key is not None)
        if later is None or polls or keyed or not heard_before(call, later):
            yield Occasion((call.number,))
        else:
            yield Occasion(
                (call.number, later.number),
                f"#{call.number} was answered 202 and never polled; #{later.number} sends the same again",
            )


def payment_required(traffic: Traffic) -> Iterator[Occasion]:
    """After a 402 the same is not asked again before a look at the balance."""
    for call in traffic.submits:
        if call.status != 402:
            continue
        later = traffic.again(call)
        looked = later is not None and any(
            call.number < look.number < later.number and client(look) == client(call)
            for look in traffic.api
            if look.route is On.BALANCE
        )
        if later is None or looked:
            yield Occasion((call.number,))
        else:
            yield Occasion(
                (call.number, later.number),
                f"#{call.number} was answered 402, and #{later.number} asks for the same without a look at the balance",
            )


def no_blind_repeat(traffic: Traffic) -> Iterator[Occasion]:
    """What was refused for good is not sent again unchanged."""
    for call in traffic.api:
        status = call.status or 0
        if not 400 <= status < 500 or status in _MAY_BE_REPEATED or (status == 404 and call.route is On.POLL):
            continue  # clients poll through a 404 as "not ready" (docs/facts/wire.md#client-habits)
        later = _sent_again(traffic, call)
        if later is None or later.api_key != call.api_key:
            yield Occasion((call.number,))
        else:
            yield Occasion(
                (call.number, later.number),
                f"#{call.number} was refused ({status} {call.error_code or ''}".rstrip()
                + f"), and #{later.number} sends the same again",
            )


def key_in_header(traffic: Traffic) -> Iterator[Occasion]:
    """No API key stands in a URL, where it ends up in logs."""
    keys = {call.api_key for call in traffic.calls if call.api_key}
    for call in traffic.api:
        sent = parse_qsl(call.head.query, keep_blank_values=True)
        shown = [name for name, value in sent if name.lower() in _KEY_NAMES or value in keys]
        yield Occasion(
            (call.number,), f"#{call.number} has an API key in its URL, as {shown[0][:40]}" if shown else None
        )


def known_fields(traffic: Traffic) -> Iterator[Occasion]:
    """No answer had to warn of fields that mean nothing."""
    for call in traffic.submits:
        if call.response is None or call.request is None:
            continue
        warned = call.response.header(WARNING)
        yield Occasion((call.number,), f"#{call.number} was warned: {warned}" if warned else None)


def _sent_again(traffic: Traffic, call: Call) -> Call | None:
    """The next call like a refused one; what a submit asked for was often not understood, its size has to do then."""
    if call.route is not On.SUBMIT or call.request is not None:
        return traffic.again(call)
    return next((later for later in traffic.after(call, On.SUBMIT) if later.body_size == call.body_size), None)


def _by_key(traffic: Traffic) -> dict[tuple[str, str], list[Call]]:
    found: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in traffic.submits:
        if call.idempotency_key is not None:
            found[client(call), call.idempotency_key].append(call)
    return dict(found)


def _told_of_failure(traffic: Traffic, call: Call) -> Call | None:
    """The call by which the client learnt that a submit's job had failed."""
    if job_failed(call) and call.error_code != ErrorCode.IDEMPOTENCY_MISMATCH:
        return call
    polls = traffic.polls_of.get(call.inference_id or "", ())
    return next((poll for poll in polls if traffic.body(poll).get("status") == "error" and poll.status == 200), None)
