"""Painting threads: every job they take ends, whatever its painter does, or is left for the next host."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.job_states import JobState
from outpaint.contracts.responses import PainterCard
from outpaint.functions.adapters.clock_and_ids import RandomIds, SystemClock
from outpaint.functions.adapters.fetch import SafeFetch
from outpaint.functions.embedded.endings import Endings
from outpaint.functions.embedded.memory_ledger import MemoryLedger, MemoryLimits, MemoryPictures
from outpaint.functions.embedded.painting_threads import PaintingThreads
from outpaint.functions.service.admission import key_digest
from outpaint.functions.service.file_urls import FileUrls
from outpaint.functions.service.records import Account, Job, StoredPicture
from outpaint.functions.service.service import Service
from outpaint.functions.service.settle import recover
from outpaint.painting.canvas import Brief, Canvas, Painter
from outpaint.painting.painters.flat import FlatPainter

PaintStep = Callable[[Canvas, Brief], Iterator[Image.Image]]


class StepPainter:
    """Paints as a function says."""

    card = PainterCard(name="step", model="test", reads_prompt=False)

    def __init__(self, step: PaintStep) -> None:
        self._step = step

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        return self._step(canvas, brief)


def flat(canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
    return FlatPainter().paint(canvas, brief)


class WorkerKit:
    """A service over memory whose jobs are painted by the painters given, and a way to wait for their ends."""

    def __init__(self, *painters: Painter, capacity: int = 1000) -> None:
        self.endings = Endings()
        self.ledger = MemoryLedger(self.endings.announce)
        self.ledger.add_account(Account(id="ann", name="Ann", credits=100), key_digest("key"))
        self.painting = PaintingThreads(*painters, capacity=capacity)
        file_urls = FileUrls(b"a secret of the test")
        self.service = Service(
            clock=SystemClock(),
            ids=RandomIds(),
            accounts=self.ledger,
            limits=MemoryLimits(),
            jobs=self.ledger,
            pictures=MemoryPictures(file_urls),
            dispatch=self.painting,
            fetch=SafeFetch(),
            file_urls=file_urls,
        )

    def submit(self, job: Job, picture: bytes) -> threading.Event:
        """Store and dispatch a job; the event is set at its end."""
        now = self.service.clock.now()
        until = now + 60 + self.service.settings.result_lifetime
        job = replace(job, created_at=now, deadline_at=now + 60, expires_at=until)
        self.ledger.create(job, None, now)
        self.service.pictures.put(job.request.image, StoredPicture(picture, "image/png", "ann", now + 60))
        ended = threading.Event()
        self.endings.subscribe(job.id, ended.set)
        self.painting.start(job.request)
        return ended

    def find(self, job: Job) -> Job:
        found = self.ledger.find(job.id, 0.0)
        assert found is not None
        return found

    def credits(self) -> int:
        account = self.ledger.by_key_digest(key_digest("key"))
        assert account is not None
        return account.credits


@contextmanager
def _running(kit: WorkerKit) -> Iterator[WorkerKit]:
    kit.painting.run(kit.service)
    try:
        yield kit
    finally:
        kit.painting.close(10)


def test_a_job_ends_with_its_files_stored(a_job: Callable[..., Job], cut_out: bytes) -> None:
    job = a_job()
    with _running(WorkerKit(FlatPainter())) as kit:
        assert kit.submit(job, cut_out).wait(20)
        done = kit.find(job)
        assert done.state is JobState.SUCCEEDED
        assert done.manifest is not None
        assert (done.manifest.width, done.manifest.height, done.manifest.painter.name) == (64, 48, "flat")
        (file,) = done.manifest.files
        stored = kit.service.pictures.get(job.request.output_ids[0], kit.service.clock.now())
        assert stored is not None
        assert (file.id, file.seed, file.bytes) == (job.request.output_ids[0], 7, len(stored.data))
        assert (stored.media_type, stored.account_id, stored.inference_id) == ("image/jpeg", "ann", job.id)
        assert stored.expires_at >= done.expires_at
        assert kit.credits() == 98


def _raise(error: BaseException) -> PaintStep:
    def step(canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        raise error

    return step


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (_raise(RuntimeError("torn")), ErrorCode.PAINTING_FAILED),
        (_raise(MemoryError()), ErrorCode.PAINTING_FAILED),
        (_raise(OutpaintError(ErrorCode.UNAVAILABLE, "no paint today")), ErrorCode.UNAVAILABLE),
        (lambda canvas, brief: iter([]), ErrorCode.PAINTING_FAILED),
        (lambda canvas, brief: iter([Image.new("RGB", (1, 1))]), ErrorCode.PAINTING_FAILED),
    ],
    ids=["breaks", "memory", "typed", "nothing", "wrong size"],
)
def test_a_painter_that_fails_costs_nothing_and_the_next_job_runs(
    a_job: Callable[..., Job], cut_out: bytes, step: PaintStep, code: ErrorCode
) -> None:
    steps = iter([step, flat])
    painter = StepPainter(lambda canvas, brief: next(steps)(canvas, brief))
    with _running(WorkerKit(painter)) as kit:
        bad, good = a_job(1), a_job(2)
        assert kit.submit(bad, cut_out).wait(20)
        assert kit.submit(good, cut_out).wait(20)
        failure = kit.find(bad).failure
        assert failure is not None
        assert failure.error_code is code
        assert kit.find(bad).state is JobState.FAILED
        assert kit.find(good).state is JobState.SUCCEEDED
        assert kit.credits() == 98


def test_an_input_that_cannot_be_read_fails_the_job(a_job: Callable[..., Job]) -> None:
    with _running(WorkerKit(FlatPainter())) as kit:
        assert kit.submit(a_job(), b"not a picture").wait(20)
        failure = kit.find(a_job()).failure
        assert failure is not None
        assert failure.error_code is ErrorCode.UNSUPPORTED_IMAGE_TYPE


def test_an_input_that_is_gone_fails_the_job(a_job: Callable[..., Job], cut_out: bytes) -> None:
    kit = WorkerKit(FlatPainter())
    ended = kit.submit(a_job(), cut_out)
    kit.service.pictures.delete(a_job().request.image)
    with _running(kit):
        assert ended.wait(20)
        failure = kit.find(a_job()).failure
        assert failure is not None
        assert failure.error_code is ErrorCode.SOURCE_UNAVAILABLE


def test_a_job_that_ended_while_queued_is_not_painted(a_job: Callable[..., Job], cut_out: bytes) -> None:
    painted: list[str] = []

    def step(canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        painted.append(brief.wish.prompt)
        return flat(canvas, brief)

    kit = WorkerKit(StepPainter(step))
    cancelled, other = a_job(1), a_job(2)
    kit.submit(cancelled, cut_out)
    kit.ledger.move(cancelled.id, JobState.CANCELLED)
    ended = kit.submit(other, cut_out)
    with _running(kit):
        assert ended.wait(20)
    assert len(painted) == 1
    assert kit.find(cancelled).state is JobState.CANCELLED


def test_a_full_queue_takes_no_more(a_job: Callable[..., Job], cut_out: bytes) -> None:
    kit = WorkerKit(FlatPainter(), capacity=1)
    kit.submit(a_job(1), cut_out)
    with pytest.raises(OutpaintError) as refused:
        kit.submit(a_job(2), cut_out)
    assert refused.value.code is ErrorCode.UNAVAILABLE


def test_closing_lets_the_running_job_end_and_leaves_the_queued_for_the_next_host(
    a_job: Callable[..., Job], cut_out: bytes
) -> None:
    begun, go = threading.Event(), threading.Event()

    def step(canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        begun.set()
        assert go.wait(20)
        return flat(canvas, brief)

    kit = WorkerKit(StepPainter(step))
    running, queued = a_job(1), a_job(2)
    kit.submit(running, cut_out)
    kit.submit(queued, cut_out)
    kit.painting.run(kit.service)
    assert begun.wait(20)
    threading.Timer(0.05, go.set).start()
    assert kit.painting.close(20)
    assert kit.find(running).state is JobState.SUCCEEDED
    assert kit.find(queued).state is JobState.ACCEPTED
    with pytest.raises(OutpaintError, match="shutting down"):
        kit.painting.start(queued.request)


def test_a_job_cut_off_between_pictures_is_begun_again(a_job: Callable[..., Job], cut_out: bytes) -> None:
    one, two = a_job(), a_job(2)
    both = {
        "wish": one.request.wish.model_copy(update={"count": 2}),
        "output_ids": one.request.output_ids + two.request.output_ids,
    }
    job = replace(one, request=one.request.model_copy(update=both))
    first_done, go = threading.Event(), threading.Event()

    def step(canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        pictures = flat(canvas, brief)
        yield next(pictures)
        first_done.set()
        assert go.wait(20)
        yield from pictures

    kit = WorkerKit(StepPainter(step))
    kit.submit(job, cut_out)
    kit.painting.run(kit.service)
    assert first_done.wait(20)
    assert not kit.painting.close(0)
    go.set()
    assert kit.painting.close(20)
    assert kit.find(job).state is JobState.PAINTING

    # The next host on the same stores.
    painting = PaintingThreads(FlatPainter())
    service = replace(kit.service, dispatch=painting)
    ended = threading.Event()
    kit.endings.subscribe(job.id, ended.set)
    recover(service)
    painting.run(service)
    assert ended.wait(20)
    assert painting.close(20)
    assert (kit.find(job).state, kit.find(job).attempts) == (JobState.SUCCEEDED, 1)
    assert kit.credits() == 98


def test_two_painters_paint_two_jobs_at_once(a_job: Callable[..., Job], cut_out: bytes) -> None:
    meeting = threading.Barrier(2)

    def step(canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        meeting.wait(20)
        return flat(canvas, brief)

    with _running(WorkerKit(StepPainter(step), StepPainter(step))) as kit:
        ends = [kit.submit(a_job(number), cut_out) for number in (1, 2)]
        assert all(end.wait(20) for end in ends)
        assert kit.find(a_job(1)).state is kit.find(a_job(2)).state is JobState.SUCCEEDED


class TestEndings:
    def test_tells_each_waiter_once(self) -> None:
        endings, told = Endings(), []
        endings.subscribe("a", lambda: told.append(1))
        endings.subscribe("a", lambda: told.append(2))
        endings.subscribe("b", lambda: told.append(3))
        endings.announce("a")
        endings.announce("a")
        assert told == [1, 2]

    def test_who_left_is_not_told(self) -> None:
        endings, told = Endings(), []
        leave = endings.subscribe("a", lambda: told.append(1))
        leave()
        leave()
        endings.announce("a")
        assert told == []

    def test_one_that_breaks_does_not_keep_the_others_waiting(self, caplog: pytest.LogCaptureFixture) -> None:
        endings, told = Endings(), []

        def broken() -> None:
            raise RuntimeError("torn")

        endings.subscribe("a", broken)
        endings.subscribe("a", lambda: told.append(1))
        endings.announce("a")
        assert told == [1]
        assert "broke" in caplog.text
