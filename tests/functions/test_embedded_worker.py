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


class Bench:
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
def _running(bench: Bench) -> Iterator[Bench]:
    bench.painting.run(bench.service)
    try:
        yield bench
    finally:
        bench.painting.close(10)


def test_a_job_ends_with_its_files_stored(a_job: Callable[..., Job], cut_out: bytes) -> None:
    job = a_job()
    with _running(Bench(FlatPainter())) as bench:
        assert bench.submit(job, cut_out).wait(20)
        done = bench.find(job)
        assert done.state is JobState.SUCCEEDED
        assert done.manifest is not None
        assert (done.manifest.width, done.manifest.height, done.manifest.painter.name) == (64, 48, "flat")
        (file,) = done.manifest.files
        stored = bench.service.pictures.get(job.request.output_ids[0], bench.service.clock.now())
        assert stored is not None
        assert (file.id, file.seed, file.bytes) == (job.request.output_ids[0], 7, len(stored.data))
        assert (stored.media_type, stored.account_id, stored.inference_id) == ("image/jpeg", "ann", job.id)
        assert stored.expires_at >= done.expires_at
        assert bench.credits() == 98


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
    with _running(Bench(painter)) as bench:
        bad, good = a_job(1), a_job(2)
        assert bench.submit(bad, cut_out).wait(20)
        assert bench.submit(good, cut_out).wait(20)
        failure = bench.find(bad).failure
        assert failure is not None
        assert failure.error_code is code
        assert bench.find(bad).state is JobState.FAILED
        assert bench.find(good).state is JobState.SUCCEEDED
        assert bench.credits() == 98


def test_an_input_that_cannot_be_read_fails_the_job(a_job: Callable[..., Job]) -> None:
    with _running(Bench(FlatPainter())) as bench:
        assert bench.submit(a_job(), b"not a picture").wait(20)
        failure = bench.find(a_job()).failure
        assert failure is not None
        assert failure.error_code is ErrorCode.UNSUPPORTED_IMAGE_TYPE


def test_an_input_that_is_gone_fails_the_job(a_job: Callable[..., Job], cut_out: bytes) -> None:
    bench = Bench(FlatPainter())
    ended = bench.submit(a_job(), cut_out)
    bench.service.pictures.delete(a_job().request.image)
    with _running(bench):
        assert ended.wait(20)
        failure = bench.find(a_job()).failure
        assert failure is not None
        assert failure.error_code is ErrorCode.SOURCE_UNAVAILABLE


def test_a_job_that_ended_while_queued_is_not_painted(a_job: Callable[..., Job], cut_out: bytes) -> None:
    painted: list[str] = []

    def step(canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        painted.append(brief.wish.prompt)
        return flat(canvas, brief)

    bench = Bench(StepPainter(step))
    cancelled, other = a_job(1), a_job(2)
    bench.submit(cancelled, cut_out)
    bench.ledger.move(cancelled.id, JobState.CANCELLED)
    ended = bench.submit(other, cut_out)
    with _running(bench):
        assert ended.wait(20)
    assert len(painted) == 1
    assert bench.find(cancelled).state is JobState.CANCELLED


def test_a_full_queue_takes_no_more(a_job: Callable[..., Job], cut_out: bytes) -> None:
    bench = Bench(FlatPainter(), capacity=1)
    bench.submit(a_job(1), cut_out)
    with pytest.raises(OutpaintError) as refused:
        bench.submit(a_job(2), cut_out)
    assert refused.value.code is ErrorCode.UNAVAILABLE


def test_closing_lets_the_running_job_end_and_leaves_the_queued_for_the_next_host(
    a_job: Callable[..., Job], cut_out: bytes
) -> None:
    begun, go = threading.Event(), threading.Event()

    def step(canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        begun.set()
        assert go.wait(20)
        return flat(canvas, brief)

    bench = Bench(StepPainter(step))
    running, queued = a_job(1), a_job(2)
    bench.submit(running, cut_out)
    bench.submit(queued, cut_out)
    bench.painting.run(bench.service)
    assert begun.wait(20)
    threading.Timer(0.05, go.set).start()
    assert bench.painting.close(20)
    assert bench.find(running).state is JobState.SUCCEEDED
    assert bench.find(queued).state is JobState.ACCEPTED
    with pytest.raises(OutpaintError, match="shutting down"):
        bench.painting.start(queued.request)


def test_a_job_cut_off_between_pictures_is_begun_again(a_job: Callable[..., Job], cut_out: bytes) -> None:
    one, two = a_job(), a_job(2)
    asked = {
        "output_ids": one.request.output_ids + two.request.output_ids,
        "wish": one.request.wish.model_copy(update={"count": 2}),
    }
    job = replace(one, request=one.request.model_copy(update=asked))
    first_done, go = threading.Event(), threading.Event()

    def step(canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        pictures = flat(canvas, brief)
        yield next(pictures)
        first_done.set()
        assert go.wait(20)
        yield from pictures

    bench = Bench(StepPainter(step))
    bench.submit(job, cut_out)
    bench.painting.run(bench.service)
    assert first_done.wait(20)
    assert not bench.painting.close(0)
    go.set()
    assert bench.painting.close(20)
    assert bench.find(job).state is JobState.PAINTING

    # The next host on the same stores.
    painting = PaintingThreads(FlatPainter())
    service = replace(bench.service, dispatch=painting)
    ended = threading.Event()
    bench.endings.subscribe(job.id, ended.set)
    recover(service)
    painting.run(service)
    assert ended.wait(20)
    assert painting.close(20)
    assert (bench.find(job).state, bench.find(job).attempts) == (JobState.SUCCEEDED, 2)
    assert bench.credits() == 98


def test_two_painters_paint_two_jobs_at_once(a_job: Callable[..., Job], cut_out: bytes) -> None:
    meeting = threading.Barrier(2)

    def step(canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        meeting.wait(20)
        return flat(canvas, brief)

    with _running(Bench(StepPainter(step), StepPainter(step))) as bench:
        ends = [bench.submit(a_job(number), cut_out) for number in (1, 2)]
        assert all(end.wait(20) for end in ends)
        assert bench.find(a_job(1)).state is bench.find(a_job(2)).state is JobState.SUCCEEDED


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
