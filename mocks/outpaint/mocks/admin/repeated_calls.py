"""A call of the journal sent once more: by the mock itself, or by whoever runs the curl command that is made of it."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from outpaint.contracts.curl_commands import KEY_VARIABLE, SentPart, curl_options, form_parts
from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.redaction import SECRET_HEADERS, Redaction
from outpaint.functions.http.messages import Waiting
from outpaint.mocks.admin.told_calls import MAX_TEXT, redaction_of
from outpaint.mocks.exchange.call_under_way import CallUnderWay
from outpaint.mocks.mock_paths import prefix_of
from outpaint.mocks.world.recorded_call import REPLAY_OF, Call
from outpaint.mocks.world.world import World

ANY_KEY: Final = "any"
"""A key that a world knows unless it was given a list of keys."""


def body_of(call: Call) -> bytes:
    """The body that a call was sent with, empty where it had none.

    Raises `OutpaintError` (404) where it is no longer kept, or was never read.
    """
    if call.body is not None:
        return call.body
    head = call.request_head
    if call.body_size or head.declared_size or head.header("transfer-encoding") is not None:
        why = (
            "is not kept, or no longer: have the journal keep more (a world's body_bytes, the command's --keep-bodies)"
            if call.body_size
            else "was never read: the call was answered without it"
        )
        raise OutpaintError(ErrorCode.UNKNOWN_FILE, f"the body of call {call.number} {why}")
    return b""


def part_of(call: Call, place: int) -> SentPart:
    """One part of the form that a call was sent with, from place 0 on; raises `OutpaintError` (404) without one."""
    parts = form_parts(call.request_head.headers, body_of(call))
    if place >= len(parts):
        raise OutpaintError(
            ErrorCode.UNKNOWN_FILE, f"the form of call {call.number} has {len(parts)} parts, none at {place}"
        )
    return parts[place]


def replay(world: World, call: Call) -> Call:
    """Send a call once more, as it was, to a world of now; the call that this makes, with its answer.

    Nobody waits for the answer: where the clock ticks, a call that would wait for a job is answered as if its wait was
    over. Raises `OutpaintError` as `body_of` does.
    """
    body, head = body_of(call), call.request_head
    headers = tuple(one for one in head.headers if one[0] != REPLAY_OF.lower())
    first = call.replay_of or call.number
    again = replace(head, headers=(*headers, (REPLAY_OF.lower(), str(first))), correlation_id=None)
    under_way = CallUnderWay(world, again)
    # A GET's body, which servers leave unread, is none of the call's.
    answer = under_way.respond(body if under_way.body_limit else b"")
    if isinstance(answer, Waiting):
        answer.resume()
    elif world.clock.is_frozen:
        world.clock.advance(answer.latency)
    return under_way.record


def target_of(call: Call, redaction: Redaction | None) -> str:
    """The path, percent-encoded, and the query that a call was sent to, without its world's prefix."""
    query = call.request_head.query if redaction is None else redaction.text(call.request_head.query)
    # A slash that was encoded still is (see `decoded_path`).
    path = "%2F".join(quote(part, safe="/:@!$&'()*+,;=~") for part in re.split("(?i)%2F", call.path))
    return f"{path}?{query}" if query else path


def as_curl(world: World, call: Call, origin: str, journal: str, *, show_keys: bool = False) -> str:
    """A call as commands for a POSIX shell: the files of its form are fetched from the mock, then it is sent.

    `origin` is where the mock is reached, `journal` the address of its world's journal. Without `show_keys` the key is
    that of the environment variable OUTPAINT_KEY or any, and what else is a credential is left out. Raises
    `OutpaintError` as `body_of` does.
    """
    redaction, head = redaction_of(call, show_keys=show_keys), call.request_head
    body, keys = body_of(call), "?keys=shown" if show_keys else ""
    if redaction is not None:
        body = redaction.content(body, head.header("content-type") or "")
    entry, saved_body = f"{journal}/{call.number}/body", f"call-{call.number}.body"
    places = (place for place, part in enumerate(form_parts(head.headers, body)) if part.is_file)
    fetched: list[str] = []

    def fetch(name: str, address: str) -> None:
        fetched.append(f"curl -sSf -o {shlex.quote(name)} {shlex.quote(address)} &&")

    def saved(part: SentPart) -> str:
        place = next(places)  # asked for in the order of the form
        name = f"call-{call.number}-part-{place}"
        fetch(name, f"{entry}/{place}{keys}")
        said = re.sub(r'(["\\])', r"\\\1", part.filename or "")
        return f'{name};filename="{said}"' + (f";type={part.media_type}" if part.media_type else "")

    options = curl_options(
        call.method,
        _headers(call, redaction),
        body,
        saved=saved,
        saved_body=saved_body,
        key=None if show_keys else f"${{{KEY_VARIABLE}:-{ANY_KEY}}}",
        longest_body=MAX_TEXT,
    )
    if any(option.endswith(f"@{saved_body}") for option in options):
        fetch(saved_body, f"{entry}{keys}")
    url = f"{origin}{prefix_of(world.name)}{target_of(call, redaction)}"
    globs = " -g" if set(url) & set("[]{}") else ""
    command = " \\\n  ".join([f"curl -sS -i{globs}", *options, shlex.quote(url)])
    return "\n".join([*fetched, command, ""])


def _headers(call: Call, redaction: Redaction | None) -> list[tuple[str, str]]:
    """The headers of a call that are sent once more."""
    key = API_KEY.lower()
    return [
        (name, value if redaction is None or name == key else redaction.text(value))
        for name, value in call.request_head.headers
        if name != REPLAY_OF.lower() and (redaction is None or name == key or name not in SECRET_HEADERS)
    ]
