"""Consumers of the API as people write them, drawn from a seed: honest ones, and careless ones with one flaw.

Each is a generator that yields for how many seconds it sleeps, so that many live in one world side by side: `live`
wakes them in the order of the world's clock. They know the mock by HTTP alone.
"""

from __future__ import annotations

import heapq
import random
from base64 import b64encode
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO
from typing import Any, Final, TypeVar
from uuid import UUID

import httpx
from PIL import Image

from outpaint.contracts.profiles import WireProfile
from outpaint.functions.service.service import ServiceSettings
from outpaint.mocks.transports.httpx_transport import OutpaintTransport
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.world import World

_T = TypeVar("_T")
Life = Generator[float, None, _T]
BASE: Final = "https://genai-api.picsart.io/v1"
DAY: Final = 86400.0
ALMOST_STILL: Final = 1e-6
"""The scale of a clock that goes, so that pauses count, and that no slow machine moves on."""


class Flaw(StrEnum):
    """What a careless consumer does wrong; the value is the check that names it."""

    DEAF_TO_RETRY_AFTER = "retry_after"
    DEAF_TO_RATE_LIMIT = "rate_limit"
    NO_PAUSE = "hammering"
    EVEN_PAUSES = "back_off"
    STUBBORN = "gives_up"
    BUSY_POLLS = "polling_pace"
    OWN_PACE = "poll_as_asked"
    SENDS_INSTEAD_OF_POLLING = "follows_202"
    FORGETS_JOBS = "job_left"
    POLLS_ON = "stops_at_end"
    KEYLESS = "idempotency_key"
    KEY_FOR_EACH_TRY = "same_key_on_retry"
    KEY_FOR_ALL = "one_key_one_request"
    KEEPS_KEY_OF_FAILURE = "new_key_after_failure"
    DEAF_TO_402 = "payment_required"
    BLIND = "blind_repeat"
    KEY_IN_URL = "key_in_header"
    INVENTS_FIELDS = "known_fields"
    SAYS_JPEG = "exact_spelling"
    NEVER_FETCHES = "fetched_in_time"
    KEEPS_OLD_URL = "renews_urls"
    TAKES_ANY_BYTES = "broken_pictures"


TEMPTATIONS: Final = {
    Flaw.DEAF_TO_RETRY_AFTER: [("error(unavailable, retry_after=9)", "submit", 1)],
    Flaw.DEAF_TO_RATE_LIMIT: [("error(rate_limited, retry_after=20)", "submit", 1)],
    Flaw.NO_PAUSE: [("gateway(502)", "submit", 2)],
    Flaw.EVEN_PAUSES: [("error(internal)", "submit", 3)],
    Flaw.STUBBORN: [("error(internal)", "submit", 12)],
    Flaw.BUSY_POLLS: [("polls(2)", "submit", 1)],
    Flaw.OWN_PACE: [("polls(2)", "submit", 1)],
    Flaw.SENDS_INSTEAD_OF_POLLING: [("polls(2)", "submit", 2)],
    Flaw.FORGETS_JOBS: [("polls(2)", "submit", 1)],
    Flaw.POLLS_ON: [("polls(1)", "submit", 1)],
    Flaw.KEY_FOR_EACH_TRY: [("reset(after)", "submit", 1)],
    Flaw.KEEPS_KEY_OF_FAILURE: [("polls(1); fail(painting_failed)", "submit", 1)],
    Flaw.DEAF_TO_402: [("error(insufficient_credits)", "submit", 2)],
    Flaw.KEEPS_OLD_URL: [("polls(1); expired_url", "submit", 1)],
    Flaw.TAKES_ANY_BYTES: [("cut(90)", "file", 1)],
}
"""The scenarios, with the calls and how many of them, on which a flaw shows; of the other flaws none is needed."""

TROUBLES: Final = (
    ("error(unavailable)", "any"), ("error(internal)", "any"), ("gateway(502)", "any"), ("reset(before)", "any"),
    ("reset(after)", "any"), ("reset(during)", "any"), ("refuse", "any"), ("error(rate_limited, retry_after=7)", "api"),
    ("error(idempotency_in_progress)", "submit"), ("error(insufficient_credits)", "submit"), ("wrong_shape", "api"),
    ("error(source_unavailable)", "submit"), ("fail(painting_failed)", "submit"), ("polls(3)", "submit"),
    ("polls(1); fail(timed_out)", "submit"),
    ("polls(2)", "submit"), ("polls(4)", "submit"), ("expired_url(times=1)", "submit"), ("cut(90)", "file"),
    ("cut(90, lying)", "file"), ("sequence(processing, error(internal), wrong_shape, processing, success)", "submit"),
    ("sequence(processing*2, reset(after), success)", "submit"), ("sequence(gateway, fail(painting_failed))", "submit"),
    ("error(unsupported_image_type)", "submit"), ("error(body_too_large)", "submit"), ("error(unknown_file)", "file"),
)  # fmt: skip
SLOW: Final = (
    ("time(4)", "submit"), ("time(30)", "submit"), ("time(75)", "submit"), ("latency(3)", "any"),
    ("latency(100)", "any"), ("drip(4000)", "file"),
)  # fmt: skip
"""What really takes its time where the clock ticks."""
_KINDS: Final = {"any": ("submit", "poll", "balance", "file"), "api": ("submit", "poll", "balance")}


def canvas() -> bytes:
    picture = Image.new("RGBA", (48, 32), (0, 0, 0, 0))
    picture.paste((200, 30, 30, 255), (12, 8, 36, 24))
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


CANVAS: Final = canvas()


def mask(size: tuple[int, int]) -> bytes:
    picture = Image.new("L", size, 0)
    picture.paste(255, (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2))
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


@dataclass
class Account:
    """What the consumers of one key know together."""

    key: str
    quiet_until: float = 0.0


@dataclass
class Consumer:
    """One consumer; its habits are drawn from `chance`."""

    world: World
    account: Account
    chance: random.Random
    flaw: Flaw | None = None
    jobs: int = 2
    keys: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        draw = self.chance
        self.ours = self.world.profile is WireProfile.OURS
        self.attempts = 20 if self.flaw is Flaw.STUBBORN else draw.randint(4, 6)
        self.base = draw.choice([0.2, 0.5, 1.0])
        self.jitter = "none" if self.flaw else draw.choice(["none", "full", "equal"])
        headers = {} if self.flaw is Flaw.KEY_IN_URL else {"X-Picsart-API-Key": self.account.key}
        timeout = httpx.Timeout(5.0 if self.flaw else draw.choice([5.0, 20.0, 200.0]))
        self.http = httpx.Client(
            transport=OutpaintTransport(self.world), headers=headers, timeout=timeout, trust_env=False
        )
        self.files = httpx.Client(transport=OutpaintTransport(self.world), timeout=timeout, trust_env=False)
        self.name = f"{self.account.key}, {draw.getrandbits(32)},"
        self.sizes: dict[str, tuple[int, int]] = {}

    # A life

    def live(self) -> Life[None]:
        """So many jobs, one after another."""
        for number in range(self.jobs):
            yield self.chance.uniform(0.1, 5)
            yield from self.order(f"{self.name} wants picture {number} " + "x" * self.chance.randint(0, 20))
            if self.chance.random() < 0.3:
                yield from self.asked("GET", f"{BASE}/balance")

    def watch(self) -> Life[None]:
        """Looks at the balance now and then, whatever else goes on."""
        for _ in range(4):
            yield 30
            yield from self.asked("GET", f"{BASE}/balance")

    def order(self, prompt: str, goes_on_with: str | None = None) -> Life[None]:
        """A picture, from its submit until it is downloaded; a job that failed is tried once more."""
        if self.flaw is Flaw.BLIND or self.chance.random() < 0.15:
            yield from self.mistake(prompt)
        request = yield from self.request(prompt, goes_on_with)
        if request is None:
            return
        for _ in range(2):
            ended = yield from self.ordered(request)
            if ended != "failed":
                return
            yield self.chance.uniform(0.5, 3)

    def ordered(self, request: dict[str, Any]) -> Life[str]:
        """One try of a job under a key of its own: done, failed or given up."""
        key = self.new_key()
        answer = yield from self.submitted(request, key)
        if answer is not None and self.chance.random() < 0.2 and answer.status_code == 202 and self.ours:
            # Its process ends here, and another one takes up the order.
            yield self.chance.uniform(0.5, 20)
            answer = yield from self.submitted(request, key)
        ended, result = yield from self.followed(answer, request)
        if result is None:
            return ended
        yield from self.downloaded(result, request["size"])
        if self.ours and self.chance.random() < 0.25:
            # The next day's process has the order's key, and nothing else: it asks and polls as for any order.
            yield self.chance.choice([3.0, 3600.0, DAY - 60])
            again = yield from self.submitted(request, key)
            if again is not None and again.status_code in (200, 202):
                _, result = yield from self.polled(str(again.json()["inference_id"]), 2.0)
                if result is not None:
                    yield from self.downloaded(result, request["size"])
        return ended

    # Requests

    def new_key(self) -> str | None:
        if not self.ours or self.flaw in (Flaw.KEYLESS, Flaw.SENDS_INSTEAD_OF_POLLING):
            return None
        if self.keys and self.flaw in (Flaw.KEY_FOR_ALL, Flaw.KEEPS_KEY_OF_FAILURE):
            return self.keys[0]
        self.keys.append(str(UUID(int=self.chance.getrandbits(128))))
        return self.keys[-1]

    def request(self, prompt: str, goes_on_with: str | None) -> Life[dict[str, Any] | None]:
        """What the client library is called with, for a picture that comes in one of many ways."""
        draw = self.chance
        fields = {"prompt": prompt, "count": draw.choice(["1", "1", "2"]), "format": "PNG"}
        if self.flaw is Flaw.SAYS_JPEG:
            fields["format"] = "JPEG"
        if self.flaw is Flaw.INVENTS_FIELDS:
            fields["colour"] = "red"
        headers = {}
        mode = draw.choice(["async", "async", "sync", "prefer async", "prefer wait"])
        if mode.startswith("prefer"):
            headers["Prefer"] = "respond-async" if mode == "prefer async" else f"wait={draw.choice([1, 10])}"
        else:
            fields["mode"] = "async" if self.flaw else mode
        kind = draw.choice(["file", "url", "url", "data", "id"] if self.ours else ["file", "url", "url", "data"])
        request: dict[str, Any] = {"headers": headers, "size": (48, 32)}
        if goes_on_with is not None:
            size = self.sizes[goes_on_with]
            fields = fields | {"image_id": goes_on_with}
            return request | {"data": fields, "files": {"mask_image": ("m.png", mask(size))}, "size": size}
        if kind == "id":
            image = yield from self.uploaded()
            if image is None:
                return None
            return request | {"data": fields | {"image_id": image}}
        if kind == "url":
            address = f"https://pictures.example/{draw.randint(1, 9)}.png"
            return request | {"data": fields | {"image_url": address}, "size": (512, 384)}
        if kind == "data":
            uri = f"data:image/png;base64,{b64encode(CANVAS).decode()}"
            return request | {"json": fields | {"image_url": uri, "count": int(fields["count"])}}
        return request | {"data": fields, "files": {"image": ("a.png", CANVAS)}}

    def uploaded(self) -> Life[str | None]:
        """A picture sent ahead: its id."""
        answer = yield from self.asked("POST", f"{BASE}/uploads", json={"content_type": "image/png"})
        if answer is None or answer.status_code != 200:
            return None
        ticket = answer.json()
        sent = {"data": ticket["fields"], "files": {"file": ("a.png", CANVAS)}}
        yield from self.ready()
        stored = yield from self.tried(lambda: self.send(self.files, "POST", ticket["url"], **sent))
        return None if stored is None or stored.status_code != 204 else str(ticket["id"])

    def submitted(self, request: dict[str, Any], key: str | None) -> Life[httpx.Response | None]:
        """The answer to a submit; after a 402 it is sent again once the balance allows it."""
        url = f"{BASE}/painting/outpaint" + (f"?key={self.account.key}" if self.flaw is Flaw.KEY_IN_URL else "")
        headers = dict(request["headers"])
        sent = {name: value for name, value in request.items() if name not in ("headers", "size")}
        answer = None
        for _ in range(2):

            def send() -> httpx.Response | None:
                if key is not None:
                    headers["Idempotency-Key"] = key if self.flaw is not Flaw.KEY_FOR_EACH_TRY else str(self.new_key())
                return self.send(self.http, "POST", url, headers=headers, **sent)

            answer = yield from self.tried(send)
            if answer is None or not (answer.status_code == 402 or self.code(answer) == "source_unavailable"):
                return answer
            yield 2.0
            if answer.status_code == 402 and self.flaw is not Flaw.DEAF_TO_402:
                balance = yield from self.asked("GET", f"{BASE}/balance")
                if balance is None or not balance.json().get("credits"):
                    return answer
        return answer

    def mistake(self, prompt: str) -> Life[None]:
        """A request that is refused, and that a person then sets right."""
        wrong = {"prompt": prompt, "count": "99", "image_url": "https://pictures.example/1.png"}
        for count in ("99", "99") if self.flaw is Flaw.BLIND else ("99",):
            headers = {} if (key := self.new_key()) is None else {"Idempotency-Key": key}
            sent = {"data": wrong | {"count": count}, "headers": headers}
            yield from self.tried(lambda sent=sent: self.send(self.http, "POST", f"{BASE}/painting/outpaint", **sent))
            yield self.chance.uniform(1, 30)

    # Waiting for a job

    def followed(self, answer: httpx.Response | None, request: dict[str, Any]) -> Life[tuple[str, Any]]:
        """How the job of a submit's answer ends, and its result."""
        if answer is None or answer.status_code not in (200, 202):
            failed = answer is not None and self.code(answer) in ("painting_failed", "timed_out")
            return ("failed" if failed else "given up"), None
        if answer.status_code == 200:
            return "done", answer.json()
        if self.flaw is Flaw.FORGETS_JOBS:
            return "given up", None
        if self.flaw is Flaw.SENDS_INSTEAD_OF_POLLING:
            for _ in range(2):
                yield 3.0
                yield from self.submitted(request, None)
            return "given up", None
        return (yield from self.polled(str(answer.json()["inference_id"]), self.pace(answer)))

    def polled(self, inference_id: str, first: float) -> Life[tuple[str, Any]]:
        """Poll until the end."""
        pace = first
        while True:
            yield pace
            answer = yield from self.asked("GET", f"{BASE}/painting/{inference_id}")
            if answer is None or answer.status_code not in (200, 202):
                return "given up", None
            if answer.status_code == 202:
                pace = self.pace(answer)
                continue
            if self.flaw is Flaw.POLLS_ON:
                yield 2.0
                yield from self.asked("GET", f"{BASE}/painting/{inference_id}")
            body = {"inference_id": inference_id} | answer.json()  # the vendor's has no id
            return ("failed", None) if body["status"] == "error" else ("done", body)

    def pace(self, answer: httpx.Response) -> float:
        """How long it waits before it polls."""
        if self.flaw in (Flaw.BUSY_POLLS, Flaw.OWN_PACE):
            return 0.1 if self.flaw is Flaw.BUSY_POLLS else 0.9
        own = self.chance.choice([0.0, 0.0, 1.5]) if self.ours else self.chance.choice([0.7, 1.3, 5.0])
        return max(own, float(answer.headers.get("retry-after", 0)) if self.ours else 0.7)

    # Files

    def downloaded(self, result: dict[str, Any], size: tuple[int, int]) -> Life[None]:
        """Fetch every picture whole, under a new URL where the old one was refused, and now and then once more."""
        if self.flaw is Flaw.NEVER_FETCHES:
            return
        onward: list[str] = []
        for place, item in enumerate(result["data"]):
            self.sizes.setdefault(item["id"], size)
            if self.ours and self.chance.random() < 0.1 and self.flaw is None:
                onward.append(item["id"])
                continue
            url: str = item["url"]
            for _ in range(3):
                answer = yield from self.tried(lambda url=url: self.picture(url))
                if answer is None or answer.status_code not in (403, 404):
                    break
                if self.flaw is Flaw.KEEPS_OLD_URL:
                    yield 1.0
                    continue
                if "inference_id" not in result:
                    break
                _, renewed = yield from self.polled(str(result["inference_id"]), 0.0)
                if renewed is None:
                    break
                url = renewed["data"][place]["url"]
            had = answer is not None and answer.status_code == 200
            if had and self.flaw is None and self.chance.random() < 0.2:
                yield self.chance.uniform(0.1, 60)
                yield from self.tried(lambda url=url: self.picture(url))
        for picture in onward:
            yield from self.order(f"{self.name} goes on {self.chance.random()}", picture)

    def picture(self, url: str) -> httpx.Response | None:
        """A file's answer; None for one that is no whole picture."""
        answer = self.send(self.files, "GET", url)
        if answer is None or answer.status_code != 200 or self.flaw is Flaw.TAKES_ANY_BYTES:
            return answer
        try:
            with Image.open(BytesIO(answer.content)) as picture:
                picture.load()
        except (OSError, SyntaxError, ValueError):
            return None
        return answer

    # Sending

    def asked(self, method: str, url: str, **rest: Any) -> Life[httpx.Response | None]:
        return (yield from self.tried(lambda: self.send(self.http, method, url, **rest)))

    def tried(self, send: Callable[[], httpx.Response | None]) -> Life[httpx.Response | None]:
        """The answer that is no passing trouble; None once it has tried often enough."""
        pauses = self.pauses()
        for left in reversed(range(self.attempts)):
            yield from self.ready()
            answer = send()
            wanted = self.wait_after(answer)
            if wanted is None:
                return answer
            if left:
                yield max(wanted, next(pauses)) if self.flaw is not Flaw.NO_PAUSE else 0.02
        return None

    def ready(self) -> Life[None]:
        """Wait until the account may send again."""
        while self.world.clock.now() < self.account.quiet_until and self.flaw is not Flaw.DEAF_TO_RATE_LIMIT:
            yield self.account.quiet_until - self.world.clock.now() + 0.001

    def pauses(self) -> Iterator[float]:
        pause = self.base
        while True:
            low = {"none": pause, "full": 0.11, "equal": max(0.11, pause / 2)}[self.jitter]
            yield self.chance.uniform(low, max(low, pause))
            pause = pause if self.flaw is Flaw.EVEN_PAUSES else min(2 * pause, 60.0)

    def wait_after(self, answer: httpx.Response | None) -> float | None:
        """How long to wait at least before the same is sent again; None where it need not be."""
        if answer is None:
            return 0.0
        asked = float(answer.headers.get("retry-after", 0)) if self.ours else 0.0
        if self.flaw is Flaw.DEAF_TO_RETRY_AFTER:
            asked = 0.0
        if answer.status_code == 429:
            reset = float(answer.headers.get("x-picsart-ratelimit-reset-time", 1))
            if self.flaw is Flaw.DEAF_TO_RATE_LIMIT:
                return 0.0
            self.account.quiet_until = self.world.clock.now() + max(reset, asked)
            return max(reset, asked)
        if answer.status_code == 409:
            return asked
        if answer.status_code >= 500:
            return None if self.ours and self.code(answer) in ("painting_failed", "timed_out") else asked
        readable = answer.status_code not in (200, 202) or not _is_json(answer) or _is_of_the_api(answer.json())
        return None if readable else 0.0

    def code(self, answer: httpx.Response) -> str | None:
        """The error's code; the vendor sends none."""
        try:
            body = answer.json()
        except ValueError:
            return None
        found = body.get("error_code") if isinstance(body, dict) else None
        return found if isinstance(found, str) else None

    @staticmethod
    def send(client: httpx.Client, method: str, url: str, **rest: Any) -> httpx.Response | None:
        """The answer; None where the connection broke, or the time was up."""
        try:
            return client.request(method, url, **rest)
        except httpx.TransportError:
            return None


def _is_json(answer: httpx.Response) -> bool:
    return answer.headers.get("content-type", "").startswith("application/json")


def _is_of_the_api(body: Any) -> bool:
    return isinstance(body, dict) and ("status" in body or "credits" in body or "fields" in body)


def live(world: World, lives: list[Life[None]]) -> None:
    """Let them live side by side until all are done: each is woken when its sleep is over by the world's clock."""
    asleep = [(world.clock.now(), number) for number in range(len(lives))]
    heapq.heapify(asleep)
    while asleep:
        until, number = heapq.heappop(asleep)
        world.clock.reach(until)
        try:
            pause = next(lives[number])
        except StopIteration:
            continue
        heapq.heappush(asleep, (max(until, world.clock.now()) + pause, number))


def troubles(world: World, chance: random.Random, *, slow: bool) -> Life[None]:
    """Trouble now and then: the next calls of a kind meet it, whoever makes them."""
    for _ in range(chance.randint(0, 8)):
        yield chance.uniform(0, 15)
        text, kind = chance.choice(TROUBLES + SLOW if slow else TROUBLES)
        world.scenarios.next(text, times=chance.choice([1, 1, 2, 3]), on=chance.choice(_KINDS.get(kind, (kind,))))


def honest_world(seed: int) -> World:
    """A world in which honest consumers have lived, of one to three accounts, in one profile, with troubles."""
    chance = random.Random(seed)
    vendor, ticking = chance.random() < 0.25, chance.random() < 0.25
    settings = ServiceSettings(rate_limit=8, rate_window=10) if chance.random() < 0.3 else ServiceSettings()
    world = World(
        clock=VirtualClock(1_800_000_000.0, scale=ALMOST_STILL) if ticking else VirtualClock.frozen(),
        profile=WireProfile.VENDOR if vendor else WireProfile.OURS,
        settings=settings,
        credits=10_000,
    )
    accounts = [Account(f"account-{number}") for number in range(chance.randint(1, 3))]
    consumers = [
        Consumer(world, account, random.Random(chance.random()))
        for account in accounts
        for _ in range(chance.randint(1, 2))
    ]
    lives = [consumer.live() for consumer in consumers]
    if chance.random() < 0.3:
        lives.append(Consumer(world, accounts[0], random.Random(chance.random())).watch())
    live(world, [*lives, troubles(world, chance, slow=not ticking)])
    if chance.random() < 0.5:
        world.clock.advance(2 * DAY)
    return world


def careless_world(flaw: Flaw, seed: int) -> World:
    """A world in which one careless consumer has lived, and met what tempts it."""
    world = World(clock=VirtualClock(1_800_000_000.0, scale=ALMOST_STILL))
    for text, kind, times in TEMPTATIONS.get(flaw, []):
        world.scenarios.next(text, times=times, on=kind)
    live(world, [Consumer(world, Account("careless"), random.Random(seed), flaw).live()])
    world.clock.advance(2 * DAY)
    return world


def story(world: World) -> str:
    """The calls of a world, for a test that fails."""
    return "\n".join(
        f"{call.at - world.calls[0].at:10.2f} {call} {' '.join(call.effects)} {call.idempotency_key or ''}"
        for call in world.calls
    )
