"""The device's one thread: takes batches from the queue, runs them step by step, and survives what goes wrong."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_painting.endpoint.memory import DeviceMemory
from outpaint_painting.endpoint.waiting import Entry, WaitingPasses
from outpaint_painting.painters.diffusion.passes import DeviceLost, OutOfMemory, PassTooLarge

if TYPE_CHECKING:
    from PIL import Image

    from outpaint_painting.painters.diffusion.passes import DiffusionModel, Pass
    from outpaint_painting.painters.diffusion.tickets import Ticket

_LOG: Final = logging.getLogger("outpaint.scheduler")


@dataclass(frozen=True, slots=True)
class BatchRules:
    """`count`: passes in a batch at most. `linger`: seconds that a pass waits for company at most.
    `stuck`: seconds without a step after which the device counts as sick."""

    count: int = 8
    linger: float = 0.015
    stuck: float = 300.0


class Scheduler:
    """Runs passes of one model in shared batches; `submit` from any thread.

    `measure` gives the bytes that the device took at its peak since it was last asked, None where that cannot
    be known.
    """

    def __init__(
        self,
        model: DiffusionModel,
        *,
        rules: BatchRules | None = None,
        memory: DeviceMemory | None = None,
        measure: Callable[[], int | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._rules = rules or BatchRules()
        self._memory = memory or DeviceMemory()
        self._measure = measure
        self._clock = clock
        self._waiting = WaitingPasses(self._rules.count, self._rules.linger, self._memory.capacity)
        self._changed = threading.Condition()
        self._closing = False
        self._sick: str | None = None
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._loop, name="device", daemon=True)
        self.batches: list[int] = []
        """Sizes of the last batches run, newest last, for figures."""

    def start(self) -> None:
        """Begin to run batches."""
        self._thread.start()

    def close(self) -> None:
        """Run nothing more but the batch in work; what waits ends as UNAVAILABLE."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._end(self._waiting.take_all(), _shutting_down())

    def submit(self, work: Pass, ticket: Ticket) -> Future[Image.Image]:
        """The painted picture of a pass, once its batch has run.

        The future raises `PassTooLarge`, or `OutpaintError`: UNAVAILABLE, TIMED_OUT or PAINTING_FAILED.
        """
        entry = Entry(work, ticket, self._clock())
        with self._changed:
            if self._closing or self._sick is not None:
                entry.future.set_exception(_shutting_down() if self._closing else _sick(self._sick or ""))
            else:
                self._waiting.add(entry)
                self._changed.notify_all()
        return entry.future

    def look_again(self) -> None:
        """A ticket was cancelled: what waits on it ends now."""
        with self._changed:
            self._changed.notify_all()

    @property
    def sick(self) -> str | None:
        """Why no batch can be run any more, None while all is well."""
        if self._sick is None and self._busy_since is not None:
            busy = self._clock() - self._busy_since
            if busy > self._rules.stuck:
                return f"the device has been at one step for {busy:.0f} seconds"
        return self._sick

    def _loop(self) -> None:
        while True:
            with self._changed:
                batch: list[Entry] = []
                while not self._closing and not batch:
                    now = self._clock()
                    self._refuse(self._waiting.take_ended(now), now)
                    batch = self._waiting.take(now)
                    if not batch:
                        self._changed.wait(self._waiting.ready_in(now))
                if self._closing and not batch:
                    return
            now = self._clock()
            wanted = []
            for entry in batch:
                if entry.future.set_running_or_notify_cancel():
                    entry.ticket.count_wait(now - entry.arrived)
                    wanted.append(entry)
            self._run(wanted)

    def _run(self, batch: list[Entry]) -> None:
        """Run a batch to its end, in halves where it does not fit, one by one where it breaks."""
        if not batch:
            return
        if self._sick is not None:
            self._end(batch, _sick(self._sick))
            return
        key = batch[0].work.key
        too_large = False
        try:
            self._run_whole(batch)
        except OutOfMemory:
            too_large = True
        except DeviceLost as error:
            self._sick = str(error) or "the device was lost"
            _LOG.error("the device is lost: %s", self._sick)
            self._end(batch, _sick(self._sick))
        except OutpaintError as error:
            self._one_by_one(batch, error)
        except Exception as error:  # noqa: BLE001 - the thread must live on for the next batch
            _LOG.exception("a batch of %d broke", len(batch))
            self._one_by_one(
                batch,
                OutpaintError(
                    ErrorCode.PAINTING_FAILED,
                    f"painting broke off ({type(error).__name__}): try again, or another seed",
                ),
            )
        finally:
            self._busy_since = None
        if too_large:
            # Outside of the except clause, whose traceback holds on to the batch's memory.
            batch = [entry for entry in batch if not entry.future.done()]
            self._memory.refuse(key, len(batch))
            _LOG.warning("%d passes of %dx%d px did not fit the device", len(batch), *key.size)
            if len(batch) == 1:
                batch[0].future.set_exception(PassTooLarge(f"{key.size[0]}x{key.size[1]}"))
                return
            middle = len(batch) // 2
            self._run(batch[:middle])
            self._run(batch[middle:])

    def _run_whole(self, batch: list[Entry]) -> None:
        entries = self._still_wanted(batch)
        if not entries:
            return
        size = len(entries)
        self._measure()
        self._busy_since = self._clock()
        run = self._model.begin([entry.work for entry in entries])
        for _ in range(run.steps):
            staying = self._still_wanted(entries)
            if not staying:
                return
            if len(staying) < len(entries):
                run.keep([entries.index(entry) for entry in staying])
                entries = staying
            run.step()
            self._busy_since = self._clock()
        pictures = run.finish()
        taken = self._measure()
        if taken is not None:
            self._memory.learn(entries[0].work.key, size, taken)
        self.batches = [*self.batches[-99:], size]
        for entry, picture in zip(entries, pictures, strict=True):
            entry.future.set_result(picture)

    def _one_by_one(self, batch: list[Entry], error: OutpaintError) -> None:
        """One pass that breaks must not take its neighbours with it."""
        left = [entry for entry in batch if not entry.future.done()]
        if len(left) == 1:
            left[0].future.set_exception(error)
            return
        for entry in left:
            self._run([entry])

    def _still_wanted(self, entries: Sequence[Entry]) -> list[Entry]:
        now = self._clock()
        wanted = []
        for entry in entries:
            if entry.future.done():
                continue
            end = entry.ticket.end(now)
            if end is None:
                wanted.append(entry)
            else:
                entry.future.set_exception(end)
        return wanted

    def _refuse(self, entries: list[Entry], now: float) -> None:
        for entry in entries:
            reason = entry.ticket.end(now)
            if reason is not None and entry.future.set_running_or_notify_cancel():
                entry.future.set_exception(reason)

    def _end(self, entries: Sequence[Entry], error: OutpaintError) -> None:
        for entry in entries:
            if entry.future.done():
                continue
            if entry.future.running() or entry.future.set_running_or_notify_cancel():
                entry.future.set_exception(error)


def _shutting_down() -> OutpaintError:
    return OutpaintError(ErrorCode.UNAVAILABLE, "the painter's host is shutting down: send the job again")


def _sick(reason: str) -> OutpaintError:
    return OutpaintError(ErrorCode.UNAVAILABLE, f"the painter's device has failed ({reason}): send the job again")
