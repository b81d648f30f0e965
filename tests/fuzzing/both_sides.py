"""The mock and the service, each in a world of its own, asked the same things at the same times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.responses import PainterCard
from outpaint.functions.embedded.memory_ledger import MemoryLedger, MemoryLimits, MemoryPictures
from outpaint.functions.embedded.painting_threads import PaintingThreads
from outpaint.functions.http.application import Application
from outpaint.functions.http.messages import RequestHead, Response, Waiting
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.records import Account
from outpaint.functions.service.service import Service, ServiceSettings
from outpaint.functions.service.sweeping import sweep
from outpaint.mocks.exchange.mock_application import MockApplication
from outpaint.mocks.scenarios.job_effects import Fail
from outpaint.mocks.scenarios.world_scenarios import HEADER as SCENARIO
from outpaint.mocks.transports.delivery import deliver, drive
from outpaint.mocks.world.repeatable_ids import RepeatableIds
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.web_sources import Sources
from outpaint.mocks.world.world import World
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.flat import FlatPainter

KEYS: Final = {"plenty": 40, "little": 4}
"""The accounts' keys, and the credits that they begin with."""
SETTINGS: Final = ServiceSettings(rate_limit=30)
BROKEN: Final = OutpaintError(ErrorCode.PAINTING_FAILED, "the painter broke, as a test asked for")
_SEED: Final = 0
_START: Final = 1_800_000_000.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as it is compared: headers without regard to their order and case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def of(cls, response: Response) -> Answer:
        """A response as it is compared; that a browser may send the mock its scenario is the mock's alone."""
        headers = sorted((name.lower(), value.replace(f", {SCENARIO}", "")) for name, value in response.headers)
        return cls(response.status, tuple(headers), response.body)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a job goes: `held` until it is released, and then `broken` or not; one that is not held ends at once."""

    held: bool = False
    broken: bool = False


class MockSide:
    """The mock, on a clock that stands."""

    def __init__(self) -> None:
        self.world = World(seed=_SEED, settings=SETTINGS, keys=KEYS, clock=VirtualClock.frozen(_START))
        self._application = MockApplication(self.world)

    @property
    def now(self) -> float:
        """Its time."""
        return self.world.clock.now()

    def ask(self, head: RequestHead, body: bytes, plan: Plan) -> Answer:
        """The answer; a job that this request makes goes as planned."""
        with ExitStack() as standing:
            if plan.held:
                standing.enter_context(self.world.scenarios.always("manual"))
            if plan.broken:
                standing.enter_context(self.world.scenarios.always(Fail(code=BROKEN.code, detail=BROKEN.detail)))
            return Answer.of(drive(deliver(self._application, head, body)))

    def release(self, inference_id: str) -> None:
        """End a held job as it was planned."""
        self.world.release(inference_id)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.world.clock.advance(seconds)

    def credits(self, key: str) -> int:
        """What is free to spend."""
        self.world.settle()
        account = self.world.ledger.of_key(key)
        assert account is not None
        return account.credits


class ServiceSide:
    """The service over memory, its painter worked by hand, on a clock that stands."""

    def __init__(self) -> None:
        self.clock = VirtualClock.frozen(_START)
        self._ledger = MemoryLedger()
        for key, credits_ in KEYS.items():
            digest = key_digest(key)
            # Accounts have the mock's names, for the URLs of uploads tell them.
            name = f"account-{digest[:16]}"
            self._ledger.add_account(Account(id=name, name=f"mock account {digest[:8]}", credits=credits_), digest)
        # The mock's own secret, so that equal files have equal URLs.
        file_urls = FileUrls(sha256(f"outpaint-mock {_SEED}".encode()).digest())
        self._painting = _PaintingByHand()
        pictures = MemoryPictures(file_urls)
        self.service = Service(
            clock=self.clock,
            ids=RepeatableIds(_SEED),
            accounts=self._ledger,
            limits=MemoryLimits(),
            jobs=self._ledger,
            pictures=pictures,
            dispatch=self._painting,
            fetch=Sources(lambda _: None),
            file_urls=file_urls,
            uploads=pictures,
            settings=SETTINGS,
        )
        self._application = Application(self.service)

    @property
    def now(self) -> float:
        """Its time."""
        return self.clock.now()

    def ask(self, head: RequestHead, body: bytes, plan: Plan) -> Answer:
        """The answer; a job that this request makes goes as planned."""
        outcome = self._application.respond(head, body)
        for request in self._painting.taken():
            self._painting.broken[request.inference_id] = plan.broken
            if not plan.held:
                self.release(request.inference_id)
        if isinstance(outcome, Waiting):
            job = self.service.jobs.find(outcome.inference_id, self.now)
            if job is not None and not job.state.ended:
                self._pass_until(outcome.until)
            outcome = outcome.resume()
        return Answer.of(outcome)

    def release(self, inference_id: str) -> None:
        """End a held job as it was planned."""
        self._painting.paint(self.service, inference_id)

    def advance(self, seconds: float) -> None:
        """Let time pass, with the sweep that a host makes now and then: here in time for each deadline."""
        self._pass_until(self.now + seconds)

    def credits(self, key: str) -> int:
        """What is free to spend."""
        account = self._ledger.by_key_digest(key_digest(key))
        assert account is not None
        return account.credits

    def _pass_until(self, until: float) -> None:
        for deadline in sorted(job.deadline_at for job in self._ledger.unended() if job.deadline_at <= until):
            self.clock.reach(deadline)
            sweep(self.service)
        self.clock.reach(until)
        sweep(self.service)


class _PaintingByHand(PaintingThreads):
    """The painting threads' own work, done on the caller's thread and when it says so."""

    def __init__(self) -> None:
        self._painter = _BreakablePainter()
        super().__init__(self._painter)
        self._held: dict[str, InferenceRequest] = {}
        self._new: list[InferenceRequest] = []
        self.broken: dict[str, bool] = {}

    def start(self, request: InferenceRequest) -> None:
        self._held[request.inference_id] = request
        self._new.append(request)

    def taken(self) -> list[InferenceRequest]:
        """The jobs that came since this was asked last."""
        new, self._new = self._new, []
        return new

    def paint(self, service: Service, inference_id: str) -> None:
        """Paint a job that was taken, to its end."""
        self._painter.broken = self.broken.get(inference_id, False)
        self._paint_job(service, self._painter, self._held.pop(inference_id))


class _BreakablePainter:
    """The flat painter, or one that breaks."""

    def __init__(self) -> None:
        self._flat = FlatPainter()
        self.broken = False

    @property
    def card(self) -> PainterCard:
        return self._flat.card

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        if self.broken:
            raise BROKEN
        yield from self._flat.paint(canvas, brief)
