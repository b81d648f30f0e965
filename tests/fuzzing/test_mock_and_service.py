"""Mock and service are asked the same, in any order, and must answer the same, byte for byte.

Both draw ids, seeds and signatures alike, so nothing has to be mapped: an id or a URL that differs is a difference.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fuzzing.both_sides import KEYS, SETTINGS, Answer, MockSide, Plan, ServiceSide
from fuzzing.picture_files import TYPES, Layout, PictureFile, damaged_files, pictures
from outpaint.conformance.proving.raw_requests import FormPart, multipart, multipart_type
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import (
    API_KEY,
    BALANCE_PATH,
    IDEMPOTENCY_KEY,
    OUTPAINT_PATH,
    PREFER,
    UPLOADS_PATH,
)
from outpaint.functions.http.messages import RequestHead

BRIEF: Final = settings(
    max_examples=80,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
AT_ONCE: Final = Plan()
ORIGIN: Final = "http://outpaint.test"
UNKNOWN_ID: Final = "00000000-0000-4000-8000-000000000000"

keys = st.sampled_from([*KEYS, "plenty"])
plans = st.builds(Plan, held=st.booleans(), broken=st.sampled_from([False, False, True]))
idempotency_keys = st.sampled_from([None, None, "first", "second", "third", "fourth", "\x7f"])
preferences = st.sampled_from([None, None, "respond-async", "wait=5", "wait=5, respond-async", "wait=0", "nonsense"])
wholes = st.one_of(pictures(("PNG", "WEBP"), opaque=False), pictures(("PNG", "TIFF"), opaque=False), pictures())
# Mostly what is taken: a request with something wrong in it goes no further than that.
RIGHT: Final = {
    "count": ["1", "2", "3"],
    "format": ["JPG", "PNG", "webp"],
    "mode": ["sync", "async", "async"],
    "seed": ["7", "4294967295"],
    "mask_mode": ["auto", "luminance"],
    "negative_prompt": [""],
    "colour": ["blue", "\u2603"],
}
WRONG: Final = {
    "count": ["0", "11", "two", "2.0", ""],
    "format": ["GIF"],
    "mode": ["auto"],
    "seed": ["-1"],
    "mask_mode": ["alpha", "inverted_luminance", "dark"],
}
right = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in RIGHT.items()})
wrong = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in WRONG.items()})
FIELDS: Final = st.one_of(right, right, right, wrong)
prompts = st.one_of(st.just("a field"), st.just("hills"), st.text(max_size=8))


@dataclass
class Known:
    """A job that was taken, as far as its client can know; `price` is what was reserved for it."""

    key: str
    price: int
    held: bool
    ended: bool = False
    gone: bool = False
    last: bytes = b""


class MockAndService(RuleBasedStateMachine):
    """Drives both and compares; the invariants are looked at on both after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.mock, self.service = self.sides()
        self.jobs: dict[str, Known] = {}
        self.files: list[str] = []
        self.uploads: list[tuple[str, str, str]] = []
        self.pictures: list[str] = []
        self.posted: list[tuple[str, list[FormPart], str]] = []
        self.spent = dict.fromkeys(KEYS, 0)

    def sides(self) -> tuple[MockSide, ServiceSide]:
        """Both, at their beginning."""
        return MockSide(), ServiceSide()

    # What is asked

    @rule(
        key=keys,
        fields=FIELDS,
        prompt=prompts,
        picture=wholes,
        mask=st.one_of(st.none(), st.sampled_from(Layout)),
        mask_of_other_size=st.sampled_from([False] * 5 + [True]),
        field=st.sampled_from(["mask_image", "mask"]),
        prefer=preferences,
        idempotency_key=idempotency_keys,
        query=st.sampled_from(["", "", "", "?mode=async", "?mode=sync", "?mode=never"]),
        plan=plans,
    )
    def submit(
        self,
        key: str,
        fields: dict[str, str],
        prompt: str,
        picture: PictureFile,
        mask: Layout | None,
        mask_of_other_size: bool,
        field: str,
        prefer: str | None,
        idempotency_key: str | None,
        query: str,
        plan: Plan,
    ) -> None:
        """Post a picture, perhaps with a mask."""
        parts: list[FormPart] = [FormPart("image", picture.encoded(), "a.png"), FormPart("prompt", prompt.encode())]
        if mask is not None:
            beside = PictureFile("PNG", picture.width + mask_of_other_size, picture.height)
            parts.append(FormPart(field, beside.mask(mask), "b.png"))
        self._post(key, [*parts, *_texts(fields)], prefer, idempotency_key, plan, OUTPAINT_PATH + query)

    @rule(
        key=st.just("plenty"),
        fields=right,
        picture=pictures(("PNG", "WEBP"), opaque=False),
        idempotency_key=st.sampled_from([None, "fifth", "sixth"]),
        again=st.booleans(),
        plan=plans,
    )
    def submit_what_is_right(
        self,
        key: str,
        fields: dict[str, str],
        picture: PictureFile,
        idempotency_key: str | None,
        again: bool,
        plan: Plan,
    ) -> None:
        """Post what nothing is wrong with, once or twice."""
        fields = {name: value for name, value in fields.items() if name != "mask_mode"}
        parts = [FormPart("image", picture.encoded(), "a.png"), FormPart("prompt", b"a field"), *_texts(fields)]
        for _ in range(1 + again):
            self._post(key, parts, None, idempotency_key, plan)

    @precondition(lambda self: self.posted)
    @rule(
        which=st.integers(0),
        change=st.sampled_from([None, None, "key", "image", "mask", "prompt", "count", "mode", "twice"]),
        prefer=preferences,
        plan=plans,
    )
    def submit_again(self, which: int, change: str | None, prefer: str | None, plan: Plan) -> None:
        """Post once more under an idempotency key: the same, or with one thing changed."""
        key, parts, idempotency_key = self.posted[which % len(self.posted)]
        changed = {
            "image": FormPart("image", PictureFile("PNG", 21, 17).encoded(), "a.png"),
            "mask": FormPart("mask", PictureFile("PNG", 21, 17).mask(Layout.HOLE), "b.png"),
            "prompt": FormPart("prompt", b"another field"),
            "count": FormPart("count", b"3"),
            "mode": FormPart("mode", b"async"),
        }.get(change or "")
        if changed is not None:
            parts = [part for part in parts if part.name != changed.name] + [changed]
        if change == "twice":
            parts = [*parts, parts[-1]]
        if change == "key":
            key = next(other for other in KEYS if other != key)
        self._post(key, parts, prefer, idempotency_key, plan)

    @rule(key=keys, really=st.sampled_from([False, False, False, True]))
    def ask_too_often(self, key: str, really: bool) -> None:
        """Ask for more than a rate window has, though not so often that little else is answered."""
        for _ in range(SETTINGS.rate_limit if really else 0):
            self._get(BALANCE_PATH, key)

    @rule(key=keys, file=damaged_files(), fields=FIELDS)
    def submit_a_damaged_file(self, key: str, file: bytes, fields: dict[str, str]) -> None:
        """Post what is no picture to outpaint."""
        answer = self._post(key, [FormPart("image", file, "a.png"), FormPart("prompt", b"a field"), *_texts(fields)])
        assert answer.status >= 400

    @precondition(lambda self: self.pictures)
    @rule(key=keys, which=st.integers(0), layout=st.sampled_from(Layout), fields=FIELDS, plan=plans)
    def submit_by_id(self, key: str, which: int, layout: Layout, fields: dict[str, str], plan: Plan) -> None:
        """Post an id that an upload or a result has or had, and a mask; another account's id too."""
        id_ = self.pictures[which % len(self.pictures)]
        mask = PictureFile("PNG", 32, 24).mask(layout)
        parts = [FormPart("image_id", id_.encode()), FormPart("prompt", b"more"), FormPart("mask", mask, "m.png")]
        self._post(key, [*parts, *_texts(fields)], plan=plan)

    @precondition(lambda self: self.jobs)
    @rule(which=st.integers(0))
    def poll(self, which: int) -> None:
        """Poll a job by its own key."""
        id_ = list(self.jobs)[which % len(self.jobs)]
        job = self.jobs[id_]
        answer = self._get(f"/v1/painting/{id_}", job.key)
        if answer.status == 429:
            return
        self._look(id_, job, answer)

    @precondition(lambda self: self.jobs)
    @rule(which=st.integers(0))
    def poll_another_keys_job(self, which: int) -> None:
        """Poll a job by a key that it does not belong to."""
        id_ = list(self.jobs)[which % len(self.jobs)]
        stranger = next(key for key in KEYS if key != self.jobs[id_].key)
        assert self._get(f"/v1/painting/{id_}", stranger).status in (404, 429)

    @rule(key=st.sampled_from([*KEYS, "nobody's", ""]), id_=st.sampled_from([UNKNOWN_ID, "x", "a%2Fb", " "]))
    def poll_an_unknown_id(self, key: str, id_: str) -> None:
        """Poll what was never given out, by a key that may be unknown too."""
        assert self._get(f"/v1/painting/{id_}", key).status in (401, 404, 429)

    @rule(key=keys)
    def look_at_the_balance(self, key: str) -> None:
        """Ask for the credits left."""
        answer = self._get(BALANCE_PATH, key)
        assert answer.status == 429 or json.loads(answer.body) == {"credits": self.service.credits(key)}

    @rule(
        key=keys,
        body=st.one_of(
            st.sampled_from([*TYPES, "image/gif", ""]).map(lambda kind: json.dumps({"content_type": kind}).encode()),
            st.sampled_from([b"", b"{", b"[]", b'{"colour": 1}', b'{"content_type": "image/png", "size": [1]}']),
        ),
    )
    def ask_for_an_upload(self, key: str, body: bytes) -> None:
        """Ask for a form."""
        answer = self._ask("POST", UPLOADS_PATH, key, body, (("content-type", "application/json"),))
        if answer.status == 200:
            ticket = json.loads(answer.body)
            self.uploads.append((ticket["id"], ticket["url"], json.loads(body)["content_type"]))

    @precondition(lambda self: self.uploads)
    @rule(which=st.integers(0), other=st.sampled_from([False, False, True]), damaged=st.none() | damaged_files())
    def send_the_upload(self, which: int, other: bool, damaged: bytes | None) -> None:
        """Send a file by a form, perhaps of another type or damaged."""
        id_, url, kind = self.uploads[which % len(self.uploads)]
        type_ = "PNG" if other else TYPES[kind]
        file = damaged if damaged is not None else PictureFile(type_, 32, 24).encoded()
        answer = self._post("", [FormPart("file", file, "f")], url=url)
        if answer.status == 204 and id_ not in self.pictures:
            self.pictures.append(id_)

    @precondition(lambda self: self.files)
    @rule(which=st.integers(0), method=st.sampled_from(["GET", "GET", "HEAD"]), tampered=st.booleans())
    def fetch_a_file(self, which: int, method: str, tampered: bool) -> None:
        """Fetch a finished picture by its URL, or by one that somebody changed."""
        url = self.files[which % len(self.files)]
        answer = self._ask(method, url + ("0" if tampered else ""), "")
        assert not tampered or answer.status == 403

    @rule(
        method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE"]),
        path=st.sampled_from([OUTPAINT_PATH, BALANCE_PATH, UPLOADS_PATH, "/v1/painting/", "/v2", "/docs", "/health"]),
        key=st.sampled_from([*KEYS, ""]),
        accept=st.sampled_from([None, "application/json", "application/problem+json", "text/html"]),
        kind=st.sampled_from([None, "text/plain", "application/json", "multipart/form-data"]),
    )
    def ask_for_anything(self, method: str, path: str, key: str, accept: str | None, kind: str | None) -> None:
        """Any verb on any path, with any Accept."""
        headers = [(name, value) for name, value in (("accept", accept), ("content-type", kind)) if value is not None]
        self._ask(method, path, key, b"{}", tuple(headers))

    # What happens beside

    @precondition(lambda self: any(job.held for job in self.jobs.values()))
    @rule(which=st.integers(0))
    def release(self, which: int) -> None:
        """Let a held job end."""
        held = [id_ for id_, job in self.jobs.items() if job.held]
        id_ = held[which % len(held)]
        self.mock.release(id_)
        self.service.release(id_)
        self.jobs[id_].held = False

    @rule(seconds=st.sampled_from([0.5, 1, 59, 60, 899, 900, 3599, 3600, 86_399, 86_400]))
    def pass_time(self, seconds: float) -> None:
        """Let time pass: over the end of a rate window, a form's patience, a job's or a file's lifetime."""
        self.mock.advance(seconds)
        self.service.advance(seconds)

    # What must be so

    @invariant()
    def their_clocks_agree(self) -> None:
        """No side waits longer than the other."""
        assert self.mock.now == self.service.now

    @invariant()
    def credits_are_conserved(self) -> None:
        """Free, reserved and spent credits are what was granted, to the unit, on both sides."""
        reserved = dict.fromkeys(KEYS, 0)
        for id_, job in self.jobs.items():
            if job.gone:
                continue
            record = self.service.service.jobs.find(id_, 0.0)
            if record is None:
                job.gone = True
            elif not record.state.ended:
                reserved[job.key] += job.price
            elif not job.ended:
                job.ended, job.held = True, False
                self.spent[job.key] += job.price if record.state is JobState.SUCCEEDED else 0
        for key, granted in KEYS.items():
            assert self.service.credits(key) + reserved[key] + self.spent[key] == granted
            assert self.mock.credits(key) == self.service.credits(key)

    # How both are asked

    def _post(
        self,
        key: str,
        parts: list[FormPart],
        prefer: str | None = None,
        idempotency_key: str | None = None,
        plan: Plan = AT_ONCE,
        url: str = OUTPAINT_PATH,
    ) -> Answer:
        if idempotency_key:
            self.posted.append((key, parts, idempotency_key))
        headers = [("content-type", multipart_type())]
        headers += [(PREFER.lower(), prefer)] if prefer else []
        headers += [(IDEMPOTENCY_KEY.lower(), idempotency_key)] if idempotency_key else []
        answer = self._ask("POST", url, key, multipart(*parts), tuple(headers), plan)
        if url.startswith(OUTPAINT_PATH) and answer.body:
            self._note(key, answer, plan)
        return answer

    def _note(self, key: str, answer: Answer, plan: Plan) -> None:
        """Remember a job that was made; its id must answer at once."""
        id_ = json.loads(answer.body).get("inference_id") if answer.status < 300 else None
        headers = dict(answer.headers)
        made = [job for job in self.service.service.jobs.unended() if job.id not in self.jobs]
        record = self.service.service.jobs.find(id_, 0.0) if id_ else (made[0] if made else None)
        if record is not None and record.id not in self.jobs:
            assert "idempotent-replayed" not in headers
            self.jobs[record.id] = Known(key, record.price, plan.held and not record.state.ended)
        if id_ is not None:
            self._remember_files(answer)
            first = self._get(f"/v1/painting/{id_}", key)
            assert first.status != 404
            if first.status != 429:
                self._look(id_, self.jobs[id_], first)

    def _look(self, id_: str, job: Known, answer: Answer) -> None:
        """A poll may move on and never back: from running to an end, which stays as it is, to being forgotten."""
        if answer.status == 202:
            assert not job.last, "a job that had ended runs again"
            return
        if answer.status == 404:
            assert self.service.service.jobs.find(id_, self.service.now) is None
            return
        assert answer.status == 200
        document = json.loads(answer.body)
        self._remember_files(answer)
        end = json.dumps([document["status"], [item["id"] for item in document["data"]]]).encode()
        assert job.last in (b"", end), "a job's end changed"
        job.last = end

    def _remember_files(self, answer: Answer) -> None:
        for item in json.loads(answer.body).get("data", []):
            if item["url"] not in self.files:
                # Both have painted it, and the same.
                self._ask("GET", item["url"], "")
                self.files.append(item["url"])
            if item["id"] not in self.pictures:
                self.pictures.append(item["id"])

    def _get(self, path: str, key: str) -> Answer:
        return self._ask("GET", path, key)

    def _ask(
        self,
        method: str,
        url: str,
        key: str,
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
        plan: Plan = AT_ONCE,
    ) -> Answer:
        """The answer of both, which is one."""
        parts = urlsplit(url)
        keyed = ((API_KEY.lower(), key),) if key else ()
        head = RequestHead(method, parts.path, parts.query, (*keyed, *headers), origin=ORIGIN)
        service = self.service.ask(head, body, plan)
        mock = self.mock.ask(head, body, plan)
        assert _shown(mock) == _shown(service), f"{method} {url}"
        return service


def _texts(fields: dict[str, str]) -> list[FormPart]:
    return [FormPart(name, value.encode()) for name, value in fields.items()]


def _shown(answer: Answer) -> dict[str, Any]:
    """An answer so that a difference can be read."""
    try:
        body: Any = json.loads(answer.body)
    except ValueError:
        body = answer.body
    return {"status": answer.status, "body": body, "headers": answer.headers}


TestMockAndService = MockAndService.TestCase
if settings.get_current_profile_name() != "long":
    TestMockAndService.settings = BRIEF
