"""What shows in a journal that a client leans on what the vendor's API does not have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from outpaint.contracts.paths_and_headers import IDEMPOTENCY_KEY, OUR_PATHS, RETRY_AFTER, UPLOADS_PATH
from outpaint.contracts.requests import KNOWN_FIELDS, VENDOR_FIELDS
from outpaint.functions.http.answers import PROBLEM
from outpaint.mocks.report.traffic import TOLERANCE_S, Occasion, Traffic, pause, retry_after, told
from outpaint.mocks.world.recorded_call import Call


def leans_on_ours(traffic: Traffic) -> Iterator[Occasion]:
    """Uses nothing that the vendor's API does not have."""
    late = {poll.number: end for end, poll in _renewed_by_expires_at(traffic)}
    for call in traffic.api:
        problems = list(_sent(call))
        later = None if retry_after(call) is None else _next(traffic, call)
        numbers = [call.number]
        if later is not None and _waited_exactly(call, later):
            waited = f"#{later.number} came when {RETRY_AFTER} of #{call.number} said"
            problems.append(f"{waited}, and the vendor sends none")
            numbers.append(later.number)
        if call.number in late:
            end = late[call.number]
            problems.append(
                f"#{call.number} polls again once expires_at of #{end.number} has passed, and the vendor sends none"
            )
        yield Occasion(tuple(numbers), "; ".join(problems) or None)


def _sent(call: Call) -> Iterator[str]:
    """What of ours a call carries."""
    head = call.request_head
    if call.path.startswith(OUR_PATHS):
        yield f"#{call.number} asks for {UPLOADS_PATH}, which the vendor does not have"
    if call.idempotency_key is not None:
        yield f"#{call.number} has an {IDEMPOTENCY_KEY}: to the vendor the same again is a second job, paid again"
    if PROBLEM in ",".join(head.header_values("accept")).lower():
        yield f"#{call.number} asks for {PROBLEM}, and with it for typed codes, which the vendor does not have"
    sent = [name for name in sorted(KNOWN_FIELDS - VENDOR_FIELDS) if name in call.field_names]
    if sent:
        yield f"#{call.number} sends {' and '.join(sent)}, which the vendor ignores"


def _next(traffic: Traffic, call: Call) -> Call | None:
    """The next call that the answer made the client wait for."""
    return traffic.next_poll(call) if call.status == 202 else traffic.again(call)


def _waited_exactly(call: Call, later: Call) -> bool:
    gap = pause(call, later)
    return gap.known and abs(gap.seconds - (retry_after(call) or 0.0)) <= TOLERANCE_S


def _renewed_by_expires_at(traffic: Traffic) -> Iterator[tuple[Call, Call]]:
    """Polls of ended jobs after their URLs' end, with the answer that told it: no refused URL was the reason."""
    for inference_id, polls in traffic.polls_of.items():
        files = [call for call in traffic.files if call.inference_id == inference_id]
        for end, later in pairwise(poll for poll in polls if poll.status == 200 and told(poll)):
            ends = [
                item["expires_at"]
                for item in end.json_object.get("data", ())
                if isinstance(item, dict) and isinstance(item.get("expires_at"), str)
            ]
            tried = any(end.number < file.number < later.number and (file.status or 0) >= 400 for file in files)
            if ends and not tried and later.at >= min(datetime.fromisoformat(one).timestamp() for one in ends):
                yield end, later
