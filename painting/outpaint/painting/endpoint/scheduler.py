"""Runs passes in batches on the device: which pass waits for which, how many fit its memory, whose turn it is."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.painting.painters.diffusion.passes import (
    BatchKey,
    DeviceLost,
    OutOfMemory,
    Pass,
    PassTicket,
    PassTooLarge,
)

if TYPE_CHECKING:
    from outpaint.painting.painters.diffusion.torch_model import TorchModel

_LOG: Final = logging.getLogger("outpaint.scheduler")
_CAUTION: Final = 1.1  # the memory that a batch took, times this, is what the next of its size is expected to take


class DeviceMemory:
    """How many passes of a kind fit the device at once.

    `budget` is what activations may take, in bytes, None where it is not limited. Until a size was measured,
    `first_guess` bytes a pixel are assumed. Used from the device's thread only.
    """

    def __init__(self, budget: int | None = None, first_guess: float = 4096.0) -> None:
        self._budget = budget
        self._per_pixel = first_guess
        self._per_pass: dict[tuple[int, int], float] = {}
        self._ceiling: dict[tuple[int, int], int] = {}

    def capacity(self, key: BatchKey, wanted: int) -> int:
        """How many of `wanted` passes of this kind may run together: at least one, whether it fits or not."""
        fitting = wanted
        if self._budget is not None:
            expected = self._per_pass.get(key.size, self._per_pixel * key.size[0] * key.size[1])
            fitting = int(self._budget // expected)
        return max(1, min(wanted, fitting, self._ceiling.get(key.size, wanted)))

    def learn(self, key: BatchKey, count: int, taken: int) -> None:
        """A batch of `count` passes took `taken` bytes at its peak."""
        if taken > 0:
            each = taken / count * _CAUTION
            self._per_pass[key.size] = max(each, self._per_pass.get(key.size, 0.0))
            self._per_pixel = each / (key.size[0] * key.size[1])

    def refuse(self, key: BatchKey, count: int) -> None:
        """A batch of `count` passes did not fit: no such batch is tried again."""
        self._ceiling[key.size] = max(1, min(count - 1, self._ceiling.get(key.size, count)))


@dataclass(eq=False, slots=True)
class WaitingPass:
    """A pass that waits: `arrived` is on the scheduler's clock, in seconds."""

    work: Pass
    ticket: PassTicket
    arrived: float
    future: Future[Image.Image] = field(default_factory=Future)

    def fail(self, error: OutpaintError) -> None:
        """End the pass with this error, unless it has ended or was cancelled."""
        if not self.future.done() and (self.future.running() or self.future.set_running_or_notify_cancel()):
            self.future.set_exception(error)


class WaitingPasses:
    """The queue, without threads or a clock of its own.

    A batch is ready when as many passes of a key wait as may run together (`count`, or what `capacity` allows for the
    key), or when one of them has waited `linger` seconds. Between ready batches, and within one, the account with the
    least work done so far goes first. An account that had nothing waiting starts equal to the least served of those
    that wait, so it gains nothing from having been idle, nor from sending many jobs.
    """

    def __init__(self, count: int, linger: float, capacity: Callable[[BatchKey, int], int]) -> None:
        self._count = count
        self._linger = linger
        self._capacity = capacity
        self._groups: dict[BatchKey, list[WaitingPass]] = {}
        self._served: dict[str, float] = {}

    def add(self, entry: WaitingPass) -> None:
        """Have a pass wait."""
        active = {waiting.ticket.account for group in self._groups.values() for waiting in group}
        account = entry.ticket.account
        if account not in active:
            level = min((self._served.get(other, 0.0) for other in active), default=0.0)
            if not active:
                self._served.clear()
            self._served[account] = max(self._served.get(account, 0.0), level)
        self._groups.setdefault(entry.work.key, []).append(entry)

    def ready_in(self, now: float) -> float | None:
        """Seconds until a batch is ready, 0 if one is, None where nothing waits."""
        if not self._groups:
            return None
        return max(0.0, min(self._ready_at(key, group) for key, group in self._groups.items()) - now)

    def take_ended(self, now: float) -> list[WaitingPass]:
        """Take out the passes whose future was cancelled or whose ticket has ended."""
        ended = []
        for key, group in list(self._groups.items()):
            gone = [entry for entry in group if entry.future.cancelled() or entry.ticket.end(now) is not None]
            if gone:
                ended += gone
                self._put(key, [entry for entry in group if entry not in gone])
        return ended

    def take_all(self) -> list[WaitingPass]:
        """Take out everything."""
        entries = [entry for group in self._groups.values() for entry in group]
        self._groups.clear()
        return entries

    def take(self, now: float) -> list[WaitingPass]:
        """The batch to run now, at most as large as may run together; empty while none is ready."""
        ready = [key for key, group in self._groups.items() if self._ready_at(key, group) <= now]
        if not ready:
            return []
        key = min(ready, key=lambda each: min(self._turn(entry) for entry in self._groups[each]))
        group = self._groups[key]
        batch: list[WaitingPass] = []
        while group and len(batch) < self._size(key):
            entry = min(group, key=self._turn)
            group.remove(entry)
            batch.append(entry)
            self._served[entry.ticket.account] += key.cost
        self._put(key, group)
        return batch

    def _turn(self, entry: WaitingPass) -> tuple[float, float]:
        return (self._served[entry.ticket.account], entry.arrived)

    def _size(self, key: BatchKey) -> int:
        return max(1, min(self._count, self._capacity(key, self._count)))

    def _ready_at(self, key: BatchKey, group: list[WaitingPass]) -> float:
        if len(group) >= self._size(key):
            return float("-inf")
        return min(entry.arrived for entry in group) + self._linger

    def _put(self, key: BatchKey, group: list[WaitingPass]) -> None:
        if group:
            self._groups[key] = group
        else:
            self._groups.pop(key, None)


class Scheduler:
    """Runs passes of one model in shared batches; `submit` from any thread.

    `count` is how many passes a batch has at most, `linger` how many seconds a pass waits for others at most, `stuck`
    after how many seconds without a step the device counts as failed. `measure` gives the bytes that the device took at
    its peak since it was last called, None where that cannot be known.
    """

    def __init__(
        self,
        model: TorchModel,
        *,
        count: int = 8,
        linger: float = 0.015,
        stuck: float = 300.0,
        memory: DeviceMemory | None = None,
        measure: Callable[[], int | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._stuck = stuck
        self._memory = memory or DeviceMemory()
        self._measure = measure
        self._clock = clock
        self._waiting = WaitingPasses(count, linger, self._memory.capacity)
        self._changed = threading.Condition()
        self._closing = False
        self._failure: str | None = None
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._loop, name="device", daemon=True)

    def start(self) -> None:
        """Start the thread that runs batches."""
        self._thread.start()

    def close(self) -> None:
        """Finish the batch that runs; waiting passes end as UNAVAILABLE."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        _fail_all(self._waiting.take_all(), _shutting_down())

    def submit(self, work: Pass, ticket: PassTicket) -> Future[Image.Image]:
        """The painted picture of a pass, once its batch has run.

        The future raises `PassTooLarge`, or `OutpaintError`: UNAVAILABLE, TIMED_OUT or PAINTING_FAILED.
        """
        entry = WaitingPass(work, ticket, self._clock())
        with self._changed:
            if self._closing or self._failure is not None:
                entry.future.set_exception(_shutting_down() if self._closing else _device_failed(self._failure or ""))
            else:
                self._waiting.add(entry)
                self._changed.notify_all()
        return entry.future

    def look_again(self) -> None:
        """A ticket was cancelled: end its waiting passes now."""
        with self._changed:
            self._changed.notify_all()

    @property
    def failure(self) -> str | None:
        """Why no batch can be run any more, None while they can."""
        if self._failure is None and self._busy_since is not None:
            busy = self._clock() - self._busy_since
            if busy > self._stuck:
                return f"the device has been at one step for {busy:.0f} seconds"
        return self._failure

    def _loop(self) -> None:
        while True:
            with self._changed:
                batch: list[WaitingPass] = []
                while not self._closing and not batch:
                    now = self._clock()
                    for entry in self._waiting.take_ended(now):
                        if reason := entry.ticket.end(now):
                            entry.fail(reason)
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

    def _run(self, batch: list[WaitingPass]) -> None:
        """Run a batch to its end: in halves where it does not fit, one by one where it fails."""
        if not batch:
            return
        if self._failure is not None:
            _fail_all(batch, _device_failed(self._failure))
            return
        key = batch[0].work.key
        too_large = False
        try:
            self._run_whole(batch)
        except OutOfMemory:
            too_large = True
        except DeviceLost as error:
            self._failure = str(error) or "the device was lost"
            _LOG.error("the device is lost: %s", self._failure)
            _fail_all(batch, _device_failed(self._failure))
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
            # Not in the except clause: its traceback keeps the batch's memory in use.
            batch = [entry for entry in batch if not entry.future.done()]
            self._memory.refuse(key, len(batch))
            _LOG.warning("%d passes of %dx%d px did not fit the device", len(batch), *key.size)
            if len(batch) == 1:
                batch[0].future.set_exception(PassTooLarge(f"{key.size[0]}x{key.size[1]}"))
                return
            middle = len(batch) // 2
            self._run(batch[:middle])
            self._run(batch[middle:])

    def _run_whole(self, batch: list[WaitingPass]) -> None:
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
        for entry, picture in zip(entries, pictures, strict=True):
            entry.future.set_result(picture)

    def _one_by_one(self, batch: list[WaitingPass], error: OutpaintError) -> None:
        """Passes one at a time, so that only those fail that fail alone, too."""
        left = [entry for entry in batch if not entry.future.done()]
        if len(left) == 1:
            left[0].future.set_exception(error)
            return
        for entry in left:
            self._run([entry])

    def _still_wanted(self, entries: Sequence[WaitingPass]) -> list[WaitingPass]:
        now = self._clock()
        for entry in entries:
            if reason := entry.ticket.end(now):
                entry.fail(reason)
        return [entry for entry in entries if not entry.future.done()]


def _fail_all(entries: list[WaitingPass], error: OutpaintError) -> None:
    for entry in entries:
        entry.fail(error)


def _shutting_down() -> OutpaintError:
    return OutpaintError.unavailable("the painter's host is shutting down: send the job again")


def _device_failed(reason: str) -> OutpaintError:
    return OutpaintError.unavailable(f"the painter's device has failed ({reason}): send the job again")
