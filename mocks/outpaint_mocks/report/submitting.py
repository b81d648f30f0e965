"""Checks of how a client submits: idempotency keys, refusals, and what it makes of a 202."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl

from outpaint_contracts.errors import ErrorCode
from outpaint_contracts.headers import WARNING

from outpaint_mocks.calls import Call
from outpaint_mocks.effects import On
from outpaint_mocks.report.traffic import Occasion, Traffic, client, heard_before, job_failed, unknown_outcome, wish

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
