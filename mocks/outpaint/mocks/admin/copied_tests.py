"""A call of the journal as a test to copy: a pytest function over `outpaint_api` that gets the same answer."""

from __future__ import annotations

import base64
import json
import re
import shlex
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from outpaint.contracts.curl_commands import SentPart, form_parts
from outpaint.contracts.errors import ERROR_KINDS, Cause, ErrorCode, OutpaintError
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.profiles import WireProfile
from outpaint.contracts.redaction import SECRET_HEADERS
from outpaint.contracts.requests import IdSource, UrlSource
from outpaint.functions.http.routes import Route, match
from outpaint.mocks.admin.repeated_calls import ANY_KEY, body_of, target_of
from outpaint.mocks.admin.told_calls import redaction_of
from outpaint.mocks.scenarios.effect import On, Slot
from outpaint.mocks.scenarios.scenario import Scenario
from outpaint.mocks.scenarios.world_scenarios import HEADER
from outpaint.mocks.world.recorded_call import REPLAY_OF, Call
from outpaint.mocks.world.world import World

INLINE_BYTES: Final = 4096
"""A file or body of so many bytes stands in the test itself; a larger one in a file beside it."""
MAX_STEPS: Final = 50
"""Calls of one test: those that the last one rests on, and itself."""
_ORIGIN: Final = "https://genai-api.picsart.io"
_SENT_BY_HTTPX: Final = frozenset(
    {"host", "accept-encoding", "connection", "content-length", "user-agent", "transfer-encoding", "expect"}
)
_LINE: Final = 88
_MULTIPART: Final = "multipart/form-data"
_URLENCODED: Final = "application/x-www-form-urlencoded"


def as_test(world: World, call: Call, journal: str, *, show_keys: bool = False) -> str:
    """The text of a module with one test, which makes the call and asserts its answer in a world of its own.

    Before it come the calls that it rests on: those of its job, or the first one with its idempotency key. What a
    scenario did, or what the world's state had the service refuse, the test asks of the mock as a scenario. Files of
    more than `INLINE_BYTES` are read from beside the test; a comment says how to fetch them from the `journal`'s
    address. Without `show_keys` credentials are left out or replaced.

    Raises `OutpaintError`: 422 for a call that no world of its own can repeat, 404 where a body is no longer kept.
    """
    steps = _rests_on(world, call)
    text = _TestText(world, call, journal, show_keys=show_keys)
    for place, step in enumerate(steps):
        text.add(step, steps[:place])
    return text.module()


def _refused(call: Call, why: str) -> OutpaintError:
    return OutpaintError(ErrorCode.INVALID_PARAMETER, f"call {call.number} makes no test: {why}", field="number")


def _rests_on(world: World, call: Call) -> list[Call]:
    """The calls of a test, the wanted one last."""
    if call.response is None:
        raise _refused(call, "it has no answer")
    found = match(call.path)
    if found is not None and found.route is Route.UPLOAD:
        raise _refused(call, "it sends a picture by a form that only its own world takes")
    before = [one for one in world.journal.calls if one.number < call.number and one.response is not None]
    steps: list[Call] = []
    if call.route in (On.POLL, On.FILE) and call.inference_id is not None:
        of_job = [one for one in before if one.inference_id == call.inference_id]
        made = next((one for one in of_job if one.route is On.SUBMIT), None)
        if made is not None:
            steps = [*_earlier_claim(made, before), made]
            steps += [one for one in of_job if one.route is On.POLL and one.number > made.number]
        elif call.status is not None and call.status < 400:
            raise _refused(call, f"the call that made job {call.inference_id} is no longer kept")
    elif call.route is On.SUBMIT:
        steps = _earlier_claim(call, before)
    if len(steps) >= MAX_STEPS:
        raise _refused(call, f"it rests on {len(steps)} other calls, and a test has at most {MAX_STEPS}")
    return [*steps, call]


def _earlier_claim(call: Call, before: list[Call]) -> list[Call]:
    """The call that made a job under the same idempotency key."""
    if call.idempotency_key is None:
        return []
    same = (call.idempotency_key, call.account_id)
    earlier = (one for one in before if one.number < call.number and one.route is On.SUBMIT)
    return [one for one in earlier if one.inference_id and (one.idempotency_key, one.account_id) == same][:1]


class _TestText:
    """The text of a test while its calls are added."""

    def __init__(self, world: World, call: Call, journal: str, *, show_keys: bool) -> None:
        self._world, self._call = world, call
        self._journal, self._show_keys = journal, show_keys
        self._keys: dict[str, str] = {}
        self._constants: list[str] = []
        self._lines: list[str] = []
        self._moved: float | None = None
        self._released = False

    def module(self) -> str:
        """The whole text."""
        call, profile = self._call, self._world.profile
        came = datetime.fromtimestamp(call.at, UTC).isoformat(timespec="seconds")
        marker = [] if profile is WireProfile.OURS else [f'@pytest.mark.outpaint(profile="{profile}")']
        code = "\n".join([*marker, *self._lines])
        constants = "\n".join(self._constants)
        standard = [f"import {name}" for name in ("base64", "pathlib") if f"= {name}." in constants]
        others = ["import httpx", *(["import pytest"] if "pytest." in code else [])]
        return "\n".join(
            [
                f'"""Call {call.number} of world {self._world.name}, {came}, as a test."""',
                "",
                *([*standard, ""] if standard else []),
                *others,
                *(["", *self._constants] if self._constants else []),
                "",
                "",
                *marker,
                f"def test_call_{call.number}{f'_{call.route}' if call.route else ''}(outpaint_api):",
                f'    with httpx.Client(base_url="{_ORIGIN}", timeout=None) as api:',
                *[f"        {line}" for line in self._lines],
                "",
            ]
        )

    def add(self, call: Call, before: list[Call]) -> None:
        """One more call, with the time before it and what is to be true of its answer."""
        self._pass_time(call)
        self._place_sources(call)
        made = next((one for one in reversed(before) if one.route is On.SUBMIT), None)
        scenario = self._scenario(call, made, before)
        if scenario:
            self._lines.append(f"outpaint_api.scenarios.next({scenario!r})")
        self._release(call, made)
        response = call.response
        assert response is not None
        request = self._request(call, before)
        if response.fault is not None and response.fault.breaks is not None:
            self._lines += ["with pytest.raises(httpx.TransportError):", *[f"    {line}" for line in request]]
        else:
            self._lines += [f"answer = {request[0]}", *request[1:], f"assert answer.status_code == {call.status}"]
            for name in ("status", "error_code"):
                value = call.json_object.get(name)
                if isinstance(value, str) and not any(effect.startswith("wrong_shape") for effect in call.effects):
                    self._lines.append(f'assert answer.json()["{name}"] == "{value}"')
        if call is not self._call and call.route is On.SUBMIT:
            self._lines.append("inference_id = outpaint_api.calls.last.inference_id")
        place = self._place_of_url(call)
        if place is not None:
            self._lines.append(f'url = answer.json()["data"][{place}]["url"]')

    def _pass_time(self, call: Call) -> None:
        response = call.response
        assert response is not None
        if self._moved is not None and (gap := round(call.at - self._moved, 6)) > 0:
            self._lines.append(f"outpaint_api.clock.advance({gap:.15g})")
        self._moved = (call.at if call.answered_at is None else call.answered_at) + response.latency

    def _release(self, call: Call, made: Call | None) -> None:
        """End a job that a person ended."""
        if made is None or call.route is not On.POLL or call.status == 202 or self._released:
            return
        if "manual" in made.effects:
            self._released = True
            self._lines.append("outpaint_api.world.release()")

    # Scenarios

    def _scenario(self, call: Call, made: Call | None, before: list[Call]) -> str:
        """What the test asks of the mock for this call, in the scenario language."""
        known = {*_effects(call.request_head.header(HEADER))}
        if made is not None and made is not call and call.route is not On.SUBMIT:
            known |= {*made.effects, *_effects(made.request_head.header(HEADER))}
            if any(effect.startswith("sequence(") for effect in made.effects):
                return ""  # its job's steps touch this call by themselves
        told = []
        answers = False
        for effect in call.effects:
            meant = Scenario.of(effect)
            answers = answers or any(Slot.ANSWER in slots for slots in meant.calls.values())
            if effect in known or meant.account or (meant.job and call.route is not On.SUBMIT):
                continue
            told.append(effect)
        refusal = None if answers else self._refusal_by_state(call, before)
        return "; ".join([*told, *([refusal] if refusal else [])])

    def _refusal_by_state(self, call: Call, before: list[Call]) -> str | None:
        """The effect for a refusal that lies in the state of its world rather than in what was asked."""
        code = call.error_code
        if code not in set(ErrorCode) or call.status is None or call.status < 400:
            return None
        code = ErrorCode(str(code))
        if ERROR_KINDS[code].cause is not Cause.STATE:
            return None
        if code is ErrorCode.IDEMPOTENCY_MISMATCH and before:
            return None
        registered = {source.url for source in self._world.sources.registered}
        if code is ErrorCode.SOURCE_UNAVAILABLE and any(url in registered for _, url in _addresses(call)):
            return None
        effect = f"error({code})"
        touches = call.route is None or call.route in Scenario.of(effect).routes
        return effect if touches else f"error({code}, on={call.route})"

    # The request

    def _request(self, call: Call, before: list[Call]) -> list[str]:
        """The lines of the request, an expression."""
        if call.route is On.FILE and any(self._place_of_url(one) is not None for one in before):
            target = "url"
        elif call.route is On.POLL and before:
            query = target_of(call, redaction_of(call, show_keys=self._show_keys)).partition("?")[2]
            target = 'f"/v1/painting/{inference_id}"' + (f" + {f'?{query}'!r}" if query else "")
        else:
            target = repr(target_of(call, redaction_of(call, show_keys=self._show_keys)))
        body, sends = self._body(call)
        headers = self._headers(call, keeps_type=sends)
        given = [*([f"headers={headers!r},"] if headers else []), *body]
        plain = call.method == "POST" or (call.method == "GET" and not body)
        start = f"api.{call.method.lower()}(" if plain else f"api.request({call.method!r}, "
        if not given:
            return [f"{start}{target})"]
        return [start.rstrip(), f"    {target},", *[f"    {one}" for one in given], ")"]

    def _headers(self, call: Call, *, keeps_type: bool) -> dict[str, str]:
        redaction = redaction_of(call, show_keys=self._show_keys)
        found: dict[str, str] = {}
        for name, value in call.request_head.headers:
            if name == API_KEY.lower():
                found[API_KEY] = value if self._show_keys else self._stand_in(value)
            elif (
                name in _SENT_BY_HTTPX
                or name == REPLAY_OF.lower()
                or (name, value) == ("accept", "*/*")
                or (name == "content-type" and not keeps_type)
                or (redaction is not None and name in SECRET_HEADERS)
            ):
                continue
            else:
                found[name] = value if redaction is None else redaction.text(value)
        return found

    def _stand_in(self, key: str) -> str:
        """Another key for each one that is not shown."""
        return self._keys.setdefault(key, f"{ANY_KEY}-{len(self._keys) + 1}" if self._keys else ANY_KEY)

    def _body(self, call: Call) -> tuple[list[str], bool]:
        """The arguments that make the body, and whether the Content-Type has to be given with them."""
        body = self._sent(call)
        head = call.request_head
        media_type = (head.header("content-type") or "").partition(";")[0].strip().lower()
        if not body:
            return [], True
        parts = form_parts(head.headers, body)
        if media_type == _MULTIPART and parts and all(_is_plain(part) for part in parts):
            return self._form(call, parts), False
        if media_type == _URLENCODED and len(body) <= INLINE_BYTES and body.isascii():
            return _listing("data", [(name, repr(value)) for name, value in _pairs(body)]), True
        document = _json(body) if media_type == "application/json" else None
        if document is not None:
            return [f"json={document!r},"], True
        return [
            f"content={self._constant(f'BODY_{call.number}', body, f'call-{call.number}.body', 'body', call)},"
        ], True

    def _sent(self, call: Call) -> bytes:
        if call.body is None and not call.body_size and call.error_code != ErrorCode.BODY_TOO_LARGE:
            return b""  # the head alone decided
        body, redaction = body_of(call), redaction_of(call, show_keys=self._show_keys)
        return body if redaction is None else redaction.content(body, call.request_head.header("content-type") or "")

    def _form(self, call: Call, parts: tuple[SentPart, ...]) -> list[str]:
        files, fields = [], []
        for place, part in enumerate(parts):
            if not part.is_file:
                fields.append((part.name, part.text))
                continue
            name = f"{re.sub('[^A-Z0-9]', '_', part.name.upper())}_{call.number}_{place}"
            data = self._constant(name, part.data, f"call-{call.number}-part-{place}", f"body/{place}", call)
            said = [repr(part.filename), data, *([repr(part.media_type)] if part.media_type else [])]
            files.append((part.name, f"({', '.join(said)})"))
        if not files:  # without a file httpx would send another kind of form
            return _listing("files", [(name, f"(None, {text!r})") for name, text in fields])
        return [*_listing("data", [(name, repr(text)) for name, text in fields]), *_listing("files", files)]

    def _constant(self, name: str, data: bytes, file_name: str, entry: str, call: Call) -> str:
        """The name of a constant with these bytes; a small one is written as it is."""
        if len(data) <= INLINE_BYTES:
            text = base64.b64encode(data).decode()
            lines = [f'    "{text[start : start + _LINE]}"' for start in range(0, len(text), _LINE)]
            self._constants += [f"{name} = base64.b64decode(", *lines, ")"] if lines else [f'{name} = b""']
        else:
            keys = "?keys=shown" if self._show_keys and entry.startswith("body") else ""
            address = f"{self._journal}/{call.number}/{entry}{keys}"
            self._constants += [
                f"# curl -sSf -o {file_name} {shlex.quote(address)}",
                f"{name} = pathlib.Path(__file__).with_name({file_name!r}).read_bytes()",
            ]
        return name

    # Pictures behind addresses, and results

    def _place_sources(self, call: Call) -> None:
        """Put behind the call's addresses what its world had there."""
        if call.request is not None and call.status is not None and call.status < 400:
            for given in (call.request.image, call.request.mask):
                if isinstance(given, IdSource):
                    raise _refused(call, f"it names a picture by the id {given.id}, which another world does not have")
        registered = {source.url: source for source in self._world.sources.registered}
        redaction = redaction_of(call, show_keys=self._show_keys)
        for what, url in _addresses(call):
            digest = call.image_sha256 if what == "image" else call.mask_sha256
            data = None if digest is None or call.blobs is None else call.blobs.get(digest)
            source, said = registered.get(url), [repr(url if redaction is None else redaction.text(url))]
            if source is not None:
                said += [f"status={source.status}"] if source.status != 200 else []
                said += [f"seconds={source.seconds:.15g}"] if source.seconds else []
                said += ["broken=True"] if source.broken else []
                data = source.data
            elif not self._world.sources.is_live or data is None:
                continue
            if data is not None:
                name = f"{what.upper()}_AT_URL_{call.number}"
                said.insert(1, self._constant(name, data, f"call-{call.number}-{what}.png", what, call))
            self._lines.append(f"outpaint_api.sources.register({', '.join(said)})")

    def _place_of_url(self, call: Call) -> int | None:
        """Where an answer has the URL that the test's file comes from."""
        wanted = self._call
        if wanted.route is not On.FILE or call is wanted:
            return None
        data: Any = call.json_object.get("data")
        query = wanted.request_head.query
        end = f"{wanted.path}{'?' if query else ''}{query}"
        urls = [one.get("url") for one in data if isinstance(one, dict)] if isinstance(data, list) else []
        return next((place for place, url in enumerate(urls) if isinstance(url, str) and url.endswith(end)), None)


def _effects(scenario: str | None) -> tuple[str, ...]:
    """The effects that a header names; none for one that means nothing, which is refused whoever sends it."""
    try:
        return () if scenario is None else tuple(map(str, Scenario.of(scenario).effects))
    except OutpaintError:
        return ()


def _addresses(call: Call) -> list[tuple[str, str]]:
    request = call.request
    if request is None:
        return []
    sources = (("image", request.image), ("mask", request.mask))
    return [(what, source.url) for what, source in sources if isinstance(source, UrlSource)]


def _is_plain(part: SentPart) -> bool:
    return part.is_file or (len(part.data) <= INLINE_BYTES and part.text.encode() == part.data)


def _pairs(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("ascii"), keep_blank_values=True)


def _listing(argument: str, pairs: list[tuple[str, str]]) -> list[str]:
    """An argument with a pair on each line: a dict, or a list of pairs where a name comes twice."""
    if not pairs:
        return []
    if len({name for name, _ in pairs}) == len(pairs):
        return [f"{argument}={{", *[f"    {name!r}: {value}," for name, value in pairs], "},"]
    if argument == "data":  # httpx takes several values of a field as a list
        names = dict.fromkeys(name for name, _ in pairs)
        grouped = [(one, f"[{', '.join(value for name, value in pairs if name == one)}]") for one in names]
        return ["data={", *[f"    {name!r}: {value}," for name, value in grouped], "},"]
    return [f"{argument}=[", *[f"    ({name!r}, {value})," for name, value in pairs], "],"]


def _json(body: bytes) -> Any:
    """A JSON body that httpx would write so that it means the same; None for any other."""
    if len(body) > INLINE_BYTES:
        return None
    try:
        document = json.loads(body, object_pairs_hook=_unique, parse_constant=_no_number)
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(text)
