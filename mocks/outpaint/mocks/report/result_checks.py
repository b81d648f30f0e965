"""The rules about results: whether a client fetches its pictures in time and whole, and renews their URLs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from outpaint.mocks.report.traffic import Occasion, Traffic, broken, heard_at, heard_before, ids_used, told
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world.recorded_call import Call

_RESULTS_LIVE_S: Final = 86400.0
_TRIES: Final = 3
"""After so many tries in vain a client may give a picture up."""


def fetched_in_time(traffic: Traffic) -> Iterator[Occasion]:
    """Fetches results whole before they expire."""
    tries: dict[str, list[Call]] = defaultdict(list)
    for call in traffic.files:
        tries[call.path].append(call)
    used = set[str]().union(*map(ids_used, traffic.calls.submits))
    for path in sorted(tries):
        calls = tries[path]
        last = next((call for call in reversed(calls) if call.status == 200 and not broken(call)), None)
        if last is not None:
            yield Occasion((last.number,))
        elif len(calls) < _TRIES and _file_id(path) not in used and _is_whole_story(traffic, calls[0]):
            last = calls[-1]
            if last.status in (403, 404) and not _can_be_renewed(traffic, last):
                continue
            ended = "was not whole" if broken(last) else f"ended in {last.status or 'no answer'}"
            text = f"a picture was asked for, the last try (#{last.number}) {ended}, and never got"
            yield Occasion((last.number,), text)
    used |= set(map(_file_id, tries))
    for answer, file_id, until in _named_files(traffic):
        if file_id not in used and traffic.now >= until and _is_whole_story(traffic, answer):
            yield Occasion(
                (answer.number,), f"#{answer.number} named the picture {file_id}: it expired and was not fetched"
            )


def renews_urls(traffic: Traffic) -> Iterator[Occasion]:
    """Polls for a new URL once one was refused, and does not repeat it."""
    for call in traffic.files:
        if call.status != 403 or broken(call):
            continue
        again = (one for one in traffic.files if one.number > call.number and _url(one) == _url(call))
        later = next((one for one in again if heard_before(call, one)), None)
        if later is not None and _was_named_again(traffic, call, later):
            later = None
        yield Occasion.unless(call, later, "#{0} was refused (403), and #{1} asks for the same URL again")


def refetches_broken(traffic: Traffic) -> Iterator[Occasion]:
    """Notices a picture that did not come whole, and fetches it again."""
    tried: dict[str, int] = defaultdict(int)
    for call in traffic.files:
        tried[call.path] += 1
        if not broken(call):
            continue
        later = next((one for one in traffic.files if one.number > call.number and one.path == call.path), None)
        if later is not None:
            yield Occasion((call.number,))
        elif tried[call.path] < _TRIES:
            yield Occasion(
                (call.number,), f"#{call.number} brought a picture that was not whole, and it was not fetched again"
            )


def expires_at(call: Call) -> float:
    """When the first URL of an answer expires, virtual time; of one without URLs, when its job is forgotten."""
    return min((until for _, until in _files(call)), default=heard_at(call) + _RESULTS_LIVE_S)


def _is_whole_story(traffic: Traffic, call: Call) -> bool:
    """Whether everything that was done with a call's job is in the journal, because what made the job is."""
    return call.inference_id is None or call.inference_id in traffic.submits_of


def _can_be_renewed(traffic: Traffic, call: Call) -> bool:
    """Whether the client can ask for a new URL: the vendor's answer to a submit that waited has no id to poll."""
    job = call.inference_id
    if job is None or job in traffic.polls_of:
        return True
    return any("inference_id" in submit.json_object for submit in traffic.submits_of.get(job, ()))


def _was_named_again(traffic: Traffic, call: Call, later: Call) -> bool:
    """Whether the client asked for the result between two fetches: the URL that it was given may be the same."""
    looks = traffic.looks_after(call)
    return any(look.number < later.number and look.status == 200 for look in looks)


def _named_files(traffic: Traffic) -> Iterator[tuple[Call, str, float]]:
    """The pictures named in answers, each once: the last answer that names it, its id, and when its URL expires."""
    latest: dict[str, tuple[Call, float]] = {}
    for call in traffic.calls:
        if call.route in (On.SUBMIT, On.POLL) and call.status == 200 and told(call):
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


def _file_id(path: str) -> str:
    return path.rpartition("/")[2]


def _url(call: Call) -> str:
    return f"{call.path}?{call.request_head.query}"
