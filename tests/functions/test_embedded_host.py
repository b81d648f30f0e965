"""The embedded host on a data folder: when it takes no new work, and what it makes of jobs that a stop cut off."""

from __future__ import annotations

import logging
import shutil
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manual_process import ManualClock
from PIL import Image

from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.job_states import JobState
from outpaint.contracts.paths_and_headers import API_KEY
from outpaint.contracts.responses import PainterCard
from outpaint.functions.adapters.clock_and_ids import RandomIds
from outpaint.functions.adapters.fetch import SafeFetch
from outpaint.functions.embedded import folder_watch, painting_threads
from outpaint.functions.embedded.database import Database
from outpaint.functions.embedded.host import Host, open_host
from outpaint.functions.embedded.memory_ledger import MemoryLimits
from outpaint.functions.embedded.painting_marks import CutOff, PaintingMarks
from outpaint.functions.embedded.server import serving
from outpaint.functions.embedded.server_limits import ServerLimits
from outpaint.functions.embedded.sqlite_ledger import SqliteKeyRing, SqliteLedger
from outpaint.functions.embedded.starting_keys import StartingKeys
from outpaint.functions.embedded.storage_errors import StorageError
from outpaint.functions.embedded.stores import in_folder, open_database
from outpaint.functions.service import settle
from outpaint.functions.service.records import Job, StoredPicture
from outpaint.functions.service.service import Service
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters.flat import FlatPainter

Usage = namedtuple("Usage", "total used free")
GIB = 1 << 30
NOW = 200.0
DEV = StartingKeys(development=True)


class HeldPainter:
    """Paints as `flat` does, once it is let."""

    card = PainterCard(name="held", model="test", reads_prompt=False)

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        self.begun.set()
        assert self.go.wait(20)
        return FlatPainter().paint(canvas, brief)


class ListDispatch(list[InferenceRequest]):
    """The Dispatch port of nobody: a list of what was sent."""

    def start(self, request: InferenceRequest) -> None:
        self.append(request)

    def check(self, job: Job) -> None:
        """Nothing to settle."""


def client_of(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={API_KEY: "dev"}, timeout=20)


def submit(client: httpx.Client, picture: bytes, mode: str = "sync") -> httpx.Response:
    return client.post("/v1/painting/outpaint", data={"prompt": "hills", "mode": mode}, files={"image": picture})


def wait_for(host: Host, inference_id: str) -> Job:
    """The job, once it has ended."""
    ended = threading.Event()
    host.asgi._endings.subscribe(inference_id, ended.set)
    job = host.service.jobs.find(inference_id, 0.0)
    if job is not None and not job.state.ended:
        assert ended.wait(20)
        job = host.service.jobs.find(inference_id, 0.0)
    assert job is not None
    return job


def test_below_the_limit_of_free_disk_nothing_new_is_taken_and_the_rest_goes_on(
    tmp_path: Path, cut_out: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    free = GIB
    monkeypatch.setattr(folder_watch, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2 * GIB, GIB, free))
    caplog.set_level(logging.WARNING, "outpaint.storage")
    painter = HeldPainter()
    with (
        open_host([painter], data=tmp_path, limits=ServerLimits(free_disk=GIB), keys=DEV) as host,
        serving(host.asgi) as url,
        client_of(url) as client,
    ):
        assert host.unready() is None
        running = submit(client, cut_out, "async").json()["inference_id"]
        ticket = client.post("/v1/uploads", data={"content_type": "image/png"}).json()
        assert painter.begun.wait(20)
        free = GIB - 1
        reason = host.unready()
        assert reason is not None
        assert "has 1,023 MiB free, and below 1,024 MiB nothing new is taken: make room there" in reason
        for refused in (
            submit(client, cut_out),
            client.post("/v1/uploads", data={"content_type": "image/png"}),
            client.post(ticket["url"], files={"file": cut_out}),
        ):
            assert (refused.status_code, refused.json()["error_code"]) == (503, "unavailable")
            assert refused.json()["detail"] == reason
            assert int(refused.headers["Retry-After"]) > 0
        # What was taken goes on: polls, the painting itself, and downloads.
        assert client.get(f"/v1/painting/{running}").status_code == 202
        painter.go.set()
        assert wait_for(host, running).state is JobState.SUCCEEDED
        answer = client.get(f"/v1/painting/{running}")
        assert answer.json()["status"] == "success"
        assert client.get(answer.json()["data"][0]["url"]).status_code == 200
        assert client.get("/v1/balance").json()["credits"] == 998
        free = GIB
        assert host.unready() is None
        assert submit(client, cut_out).status_code == 200
        assert [message.partition(": ")[2][:40] for message in caplog.messages] == [
            "no new jobs or uploads are taken: the di",
            "new jobs and uploads are taken again",
        ]
    assert host.unready() == "the server is stopping"


def test_the_disk_is_looked_at_once_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: (looked.append(path), Usage(GIB, 0, GIB))[1])
    with open_host([FlatPainter()], data=tmp_path, keys=DEV) as host:
        assert {host.unready() for _ in range(1000)} == {None}
    assert looked == [tmp_path / "pictures"]


def test_a_limit_of_nothing_takes_jobs_until_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(GIB, GIB, 0))
    with open_host([FlatPainter()], data=tmp_path, limits=ServerLimits(free_disk=0), keys=DEV) as host:
        assert host.unready() is None


def test_a_job_that_stops_in_order_cut_off_is_painted_in_the_end(tmp_path: Path, cut_out: bytes) -> None:
    inference_id, held = "", []
    for _ in range(4):
        painter = HeldPainter()
        held.append(painter)
        with open_host([painter], data=tmp_path, grace=0, keys=DEV) as host, serving(host.asgi) as url:
            if not inference_id:
                with client_of(url) as client:
                    inference_id = submit(client, cut_out, "async").json()["inference_id"]
            assert painter.begun.wait(20)
    with open_host([FlatPainter()], data=tmp_path, keys=DEV) as host:
        job = wait_for(host, inference_id)
    assert (job.state, job.attempts) == (JobState.SUCCEEDED, 1)
    for painter in held:
        painter.go.set()


class TestMarks:
    """What a host that was killed leaves, read by the next."""

    @pytest.fixture
    def database(self, tmp_path: Path, a_job: Callable[..., Job]) -> Iterator[Database]:
        with open_database(tmp_path) as database:
            SqliteKeyRing(database).add_key("dev", "digest", 1000, NOW, "dev")
            for number in (1, 2, 3):
                SqliteLedger(database).create(a_job(number, account="dev"), None, 0.0)
            yield database

    @pytest.fixture
    def ids(self, a_job: Callable[..., Job]) -> list[str]:
        return [a_job(number).id for number in (1, 2, 3)]

    def test_one_job_is_counted_and_is_painted_alone(self, database: Database, ids: list[str]) -> None:
        PaintingMarks(database).begin(ids[0], 1, alone=False)
        left = CutOff(frozenset(ids[:1]), frozenset(ids[:1]))
        # To ask again changes nothing, until the try is counted.
        assert [PaintingMarks(database).take_over() for _ in range(2)] == [left, left]
        SqliteLedger(database).begin_again(ids[0], 2)
        assert PaintingMarks(database).take_over() == CutOff(frozenset(), frozenset(ids[:1]))

    def test_several_are_suspects_and_none_is_counted(self, database: Database, ids: list[str]) -> None:
        marks = PaintingMarks(database)
        for id_ in ids[:2]:
            marks.begin(id_, 1, alone=False)
        assert PaintingMarks(database).take_over() == CutOff(frozenset(), frozenset(ids[:2]))
        # They stay suspects while one of them is painted alone, and that one is counted.
        PaintingMarks(database).begin(ids[1], 1, alone=True)
        assert PaintingMarks(database).take_over() == CutOff(frozenset(ids[1:2]), frozenset(ids[:2]))

    def test_a_job_that_ended_is_none_of_them(self, database: Database, ids: list[str]) -> None:
        marks = PaintingMarks(database)
        marks.begin(ids[0], 1, alone=False)
        SqliteLedger(database).move(ids[0], JobState.FAILED)
        marks.begin(ids[1], 1, alone=False, after=ids[0])
        marks.begin(ids[2], 1, alone=False, after=ids[1])
        assert PaintingMarks(database).take_over() == CutOff(frozenset(ids[2:]), frozenset(ids[2:]))

    def test_a_stop_in_order_clears_all_but_suspicion(self, database: Database, ids: list[str]) -> None:
        marks = PaintingMarks(database)
        marks.begin(ids[0], 1, alone=True)
        marks.begin(ids[1], 1, alone=False)
        marks.stop()
        marks.begin(ids[2], 1, alone=False)
        assert PaintingMarks(database).take_over() == CutOff(frozenset(), frozenset(ids[:1]))


@given(
    deadly=st.lists(st.booleans(), min_size=1, max_size=6),
    painters=st.integers(1, 3),
)
@settings(max_examples=25)
def test_whatever_jobs_kill_the_host_they_fail_and_no_other_is_counted(
    a_job: Callable[..., Job], deadly: list[bool], painters: int
) -> None:
    """A host that is killed by each job that is to, again and again, with the rules of recovery and no thread."""
    with TemporaryDirectory() as folder, in_folder(Path(folder), lambda _: None, DEV) as stores:
        marks, queue = stores.marks, ListDispatch()
        assert marks is not None
        service = Service(
            clock=ManualClock(NOW), ids=RandomIds(), accounts=stores.accounts, limits=MemoryLimits(), jobs=stores.jobs,
            pictures=stores.pictures, dispatch=queue, fetch=SafeFetch(),
        )  # fmt: skip
        killers = {a_job(number).id for number, kills in enumerate(deadly) if kills}
        for number in range(len(deadly)):
            job = a_job(number, account="dev", at=NOW)
            stores.jobs.create(job, None, NOW)
            stores.pictures.put(job.request.image, StoredPicture(b"x", "image/png", "dev", NOW + 100))
        starts = 0
        while any(stores.jobs.unended()):
            starts += 1
            assert starts <= 4 * len(killers) + 1
            left = marks.take_over()
            queue.clear()
            settle.recover(service, left.counted)
            alone = [[request] for request in queue if request.inference_id in left.suspects]
            others = [request for request in queue if request.inference_id not in left.suspects]
            groups = alone + [others[at : at + painters] for at in range(0, len(others), painters)]
            for group in groups:
                for request in group:
                    marks.begin(request.inference_id, request.attempt, alone=group in alone)
                if any(request.inference_id in killers for request in group):
                    break  # the kill
                for request in group:
                    stores.jobs.move(request.inference_id, JobState.SUCCEEDED)
        for number, kills in enumerate(deadly):
            ended = stores.jobs.find(a_job(number).id, NOW)
            assert ended is not None
            assert (ended.state, ended.attempts) == ((JobState.FAILED, 3) if kills else (JobState.SUCCEEDED, 1))


def test_a_finished_picture_waits_for_its_store_and_no_longer_than_its_host(
    tmp_path: Path, cut_out: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painting_threads, "STORE_AGAIN_S", 0.01)
    refused, put = threading.Event(), Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if target.suffix != ".jpg":
            return put(path, target)
        refused.set()
        raise OSError(28, "No space left on device", str(path))

    with (
        open_host([FlatPainter()], data=tmp_path, grace=0, keys=DEV) as host,
        serving(host.asgi) as url,
        client_of(url) as client,
    ):
        monkeypatch.setattr(Path, "replace", refuse)
        inference_id = submit(client, cut_out, "async").json()["inference_id"]
        assert refused.wait(20)
        assert client.get(f"/v1/painting/{inference_id}").status_code == 202
    monkeypatch.undo()
    with (
        open_host([FlatPainter()], data=tmp_path, keys=DEV) as host,
        serving(host.asgi) as url,
        client_of(url) as client,
    ):
        assert wait_for(host, inference_id).state is JobState.SUCCEEDED
        assert client.get("/v1/balance").json()["credits"] == 998


def test_a_store_that_fails_while_a_client_waits_is_503_and_the_job_goes_on(
    tmp_path: Path, cut_out: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(painting_threads, "STORE_AGAIN_S", 0.01)
    seen: list[str] = []

    def refuse(ledger: SqliteLedger, inference_id: str, *_: object) -> None:
        seen.append(inference_id)
        raise StorageError("the disk is on fire", tmp_path, "in a test")

    painter = HeldPainter()
    painter.go.set()
    with open_host([painter], data=tmp_path, keys=DEV) as host, serving(host.asgi) as url, client_of(url) as client:
        with monkeypatch.context() as patch:
            for name in ("find", "finish_claim"):
                patch.setattr(SqliteLedger, name, refuse)
            client.headers["Idempotency-Key"] = "one"
            refused = submit(client, cut_out)
            assert (refused.status_code, refused.json()["detail"]) == (503, "the disk is on fire")
        assert wait_for(host, seen[0]).state is JobState.SUCCEEDED
        assert client.get("/v1/balance").json()["credits"] == 998
    assert "Traceback" not in caplog.text
