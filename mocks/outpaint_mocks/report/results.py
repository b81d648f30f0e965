"""Checks of what a client makes of its jobs' ends and of the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from outpaint_mocks.calls import Call
from outpaint_mocks.effects import On
from outpaint_mocks.report.traffic import Occasion, Traffic, broken, heard_at, heard_before


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
