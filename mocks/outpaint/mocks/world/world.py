"""One mocked world, the parts that several worlds share, and snapshots."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from outpaint.contracts.profiles import WireProfile
from outpaint.functions.embedded.endings import Endings
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.ports import Fetch
from outpaint.functions.service.service import Service, ServiceSettings
from outpaint.mocks.mock_paths import DEFAULT_WORLD
from outpaint.mocks.restorable import Restorable
from outpaint.mocks.scenarios.call_effects import RateLimit
from outpaint.mocks.scenarios.scenario import ScenarioLike
from outpaint.mocks.scenarios.world_scenarios import Scenarios
from outpaint.mocks.world.blobs import Blobs, Inspections
from outpaint.mocks.world.calls import Calls
from outpaint.mocks.world.journal import BODY_BYTES, MAX_CALLS, Journal
from outpaint.mocks.world.machine_time import MachineTime
from outpaint.mocks.world.mock_ledger import CREDITS, MockLedger, MockLimits, OtherWindows
from outpaint.mocks.world.mock_pictures import MockPictures, ResultPainter
from outpaint.mocks.world.repeatable_ids import RepeatableIds
from outpaint.mocks.world.scripted_dispatch import STALLED_POLLS, ScriptedDispatch
from outpaint.mocks.world.virtual_clock import VirtualClock
from outpaint.mocks.world.web_sources import Sources
from outpaint.painting.canvas import Painter
from outpaint.painting.painters.flat import FlatPainter


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A world's state at one moment; opaque, good for `World.rollback` any number of times."""

    world: str
    parts: tuple[Any, ...]


class Studio:
    """What worlds share: the painter with its latest results, the pictures by content, and their inspections."""

    def __init__(self, painter: Painter | None = None, blobs: Blobs | None = None) -> None:
        self.blobs: Final = blobs or Blobs()
        self.results: Final = ResultPainter(painter or FlatPainter(), self.blobs)
        self.inspections: Final = Inspections(self.blobs)


class World:
    """One mock of the API, which shares no state with any other world but its `studio`.

    `service` answers by the service's own rules. `clock` gives it the time, `scenarios` say what goes wrong, `sources`
    has the pictures behind addresses, and `calls` lists what came. The same seed, start and calls give the same bytes;
    ids, seeds and pictures depend on no start.

    `credits` is what an account begins with; with `keys` (key to credits) only those keys are known. `live`, if given,
    is a port that really fetches the addresses which nobody registered. The journal keeps `max_calls` calls and
    `body_bytes` of their bodies, 0 for none. `scenarios` apply from the beginning, to which `reset` goes back; they
    raise as `scenarios.always` does. In the `profile` of the vendor it does nothing that the vendor's API does not do,
    but where a scenario says otherwise. While the clock stands still, the polls of a job that only time or the test
    ends are marked in the journal from the `stalled_polls`-th on, with 0 none. May be used from several threads.
    """

    def __init__(
        self,
        name: str = DEFAULT_WORLD,
        *,
        seed: int = 0,
        clock: VirtualClock | None = None,
        settings: ServiceSettings | None = None,
        credits: int = CREDITS,  # noqa: A002 - what a test would look for
        keys: Mapping[str, int] | None = None,
        live: Fetch | None = None,
        max_calls: int = MAX_CALLS,
        body_bytes: int = BODY_BYTES,
        profile: WireProfile = WireProfile.OURS,
        studio: Studio | None = None,
        scenarios: Sequence[ScenarioLike] = (),
        stalled_polls: int = STALLED_POLLS,
    ) -> None:
        self.name: Final = name
        self.profile: Final = profile
        self.lock: Final = threading.RLock()
        """Held while a call changes anything; take it to read several things that belong together."""
        self.used_at: float = MachineTime.seconds()
        """When the latest call came, or the world was made, by the machine's monotonic time."""
        self.under_way: int = 0
        """How many calls have no answer yet; changed under `lock`."""
        self.clock: Final = clock or VirtualClock.frozen()
        self.ids: Final = RepeatableIds(seed)
        self.journal: Final = Journal(max_calls, body_bytes)
        self.endings: Final = Endings()
        self.ledger: Final = MockLedger(self.endings.announce, opening_credits=credits, keys=keys)
        self.limits: Final = MockLimits()
        self.sources: Final = Sources(self._pass_time, live)
        settings = settings or ServiceSettings()
        file_urls = FileUrls(sha256(f"outpaint-mock {seed}".encode()).digest())
        self.studio: Final = studio or Studio()
        self.pictures: Final = MockPictures(
            self.studio.results, file_urls, settings.pictures, self.ledger.find, self._urls_end
        )
        self.dispatch: Final = ScriptedDispatch(
            self.pictures, self.studio.inspections, self.studio.results.painter, stalled_polls
        )
        self.scenarios: Final = Scenarios(self.dispatch.change)
        self.service: Final = Service(
            clock=self.clock,
            ids=self.ids,
            accounts=self.ledger,
            limits=self.limits,
            jobs=self.ledger,
            pictures=self.pictures,
            dispatch=self.dispatch,
            fetch=self.sources,
            file_urls=file_urls,
            uploads=self.pictures,
            settings=settings,
            inspect=self.studio.inspections,
        )
        self.dispatch.serve(self.service)
        self._limited: dict[RateLimit, Service] = {}
        for scenario in scenarios:
            self.scenarios.always(scenario)
        self._beginning: Final = self.snapshot()

    @property
    def calls(self) -> Calls:
        """Every call that came, as far as the journal keeps them."""
        return self.journal.calls

    @property
    def pending(self) -> tuple[str, ...]:
        """The ids of jobs that have not ended, oldest first."""
        self.settle()
        return self.dispatch.pending()

    def has_ended(self, inference_id: str) -> bool:
        """Whether nobody need wait for this job: it has ended by the clock, or is no more."""
        job = self.service.jobs.find(inference_id, self.clock.now())
        return job is None or job.state.ended

    def release(self, inference_id: str | None = None) -> None:
        """End one pending job now as its plan says, or without an id all of them.

        Raises `ScenarioError` for a job that is unknown or has ended.
        """
        with self.lock:
            self.settle()
            for id_ in self.dispatch.pending() if inference_id is None else (inference_id,):
                self.dispatch.release(id_)

    def settle(self) -> None:
        """End every job whose time has come by the clock; every call does it first."""
        with self.lock:
            self.dispatch.settle_due(self.clock.now())

    def assert_all_called(self) -> None:
        """Every scenario of the next calls was used up and every registered source was fetched."""
        unused = [f"scenario {queued.scenario} ({queued.left} calls left)" for queued in self.scenarios.waiting]
        unused += [f"source {source.url}" for source in self.sources.registered if not source.fetched]
        if unused:
            raise AssertionError("never called:\n" + "\n".join(f"  {what}" for what in unused))

    # Snapshots

    def snapshot(self) -> Snapshot:
        """The whole state, time included."""
        with self.lock:
            return Snapshot(self.name, tuple(part.snapshot() for part in self._parts))

    def rollback(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot; raises `ValueError` for one of another world."""
        if snapshot.world != self.name:
            raise ValueError(f"this snapshot is of world {snapshot.world}, not of {self.name}")
        with self.lock:
            for part, state in zip(self._parts, snapshot.parts, strict=True):
                part.restore(state)

    def reset(self) -> None:
        """Go back to the beginning; a clock that ticked then goes on from the machine's time."""
        with self.lock:
            self.rollback(self._beginning)
            self.clock.begin_again()

    # For calls

    def limited(self, limit: RateLimit) -> Service:
        """The service under another rate limit, with counters of its own."""
        service = self._limited.get(limit)
        if service is None:
            settings = self.service.settings.model_copy(update={"rate_limit": limit.limit, "rate_window": limit.window})
            service = replace(self.service, settings=settings, limits=OtherWindows(self.limits, str(limit)))
            self._limited[limit] = service
        return service

    @property
    def _parts(self) -> tuple[VirtualClock | Restorable, ...]:
        return (
            self.clock,
            self.ids,
            self.ledger,
            self.limits,
            self.pictures,
            self.dispatch,
            self.scenarios,
            self.sources,
            self.journal,
        )

    def _pass_time(self, seconds: float) -> None:
        call = self.dispatch.current_call
        if call is not None:
            call.seconds += seconds

    def _urls_end(self, file_id: str, until: float) -> float:
        inference_id = self.pictures.job_of(file_id)
        attached = self.dispatch.attached(inference_id)
        if attached is None or attached.urls is None or inference_id is None:
            return until
        call = self.dispatch.current_call
        # Counted once for each result, however many pictures it has.
        expired = None if call is None else call.urls_expired
        if expired is None:
            expired = self.scenarios.spend(attached.urls, inference_id, "job")
            if call is not None:
                call.urls_expired = expired
                if expired:
                    call.note(attached.urls)
        return min(until, self.clock.now()) if expired else until


class WorldParts:
    """The parts of `world` that tests use most, for what gives a test access to one."""

    world: World

    @property
    def calls(self) -> Calls:
        """Every call that the world was sent."""
        return self.world.calls

    @property
    def scenarios(self) -> Scenarios:
        """The scenarios of the world."""
        return self.world.scenarios

    @property
    def clock(self) -> VirtualClock:
        """The world's time."""
        return self.world.clock

    @property
    def sources(self) -> Sources:
        """The pictures behind addresses."""
        return self.world.sources
