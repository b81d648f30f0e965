"""The endpoint over real HTTP: jobs in and out, each once, and every bad input ending in a typed failure."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from outpaint.contracts.errors import ERROR_KINDS, ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.masks_and_formats import Format
from outpaint.painting.endpoint.endpoint_app import MAX_MESSAGE
from outpaint.painting.endpoint.object_store import FolderStore
from outpaint.painting.painters.diffusion.passes import DeviceLost

WAIT = 20
Make = Callable[..., InferenceRequest]


def failure(response: httpx.Response, code: ErrorCode) -> InferenceFailure:
    """The failure object of an answer, whose status is its error's."""
    found = InferenceFailure.model_validate_json(response.content)
    assert found.error_code is code
    assert response.status_code == ERROR_KINDS[code].status
    assert found.detail
    assert "\n" not in found.detail
    return found


def works(served: Any, request_for: Make, cut_out_png: Callable[..., bytes], job: str = "after") -> None:
    """The next job runs."""
    served.put(f"inputs/{job}/image", cut_out_png())
    assert served.invoke(request_for(job)).status_code == 200


@pytest.mark.parametrize("kind", list(Format))
def test_a_job_paints_its_files_and_says_so(
    served: Any, request_for: Make, cut_out_png: Callable[..., bytes], kind: Format
) -> None:
    source = cut_out_png((48, 40))
    served.put("inputs/job-1/image", source)
    job = request_for(count=3, format=kind, output_ids=tuple(f"out-{i}.{kind.extension}" for i in range(3)))
    response = served.invoke(job)
    assert response.status_code == 200
    manifest = Manifest.model_validate_json(response.content)
    assert (manifest.inference_id, manifest.width, manifest.height) == ("job-1", 48, 40)
    assert [file.seed for file in manifest.files] == [7, 8, 9]
    assert manifest.model_digest == served.model.digest
    assert manifest.painter.name == "plain"
    assert manifest.timings is not None
    assert manifest.timings.painted <= manifest.seconds
    assert served.files() == {file.id for file in manifest.files}
    with Image.open(BytesIO(source)) as opened:
        original = np.asarray(opened)
    for file in manifest.files:
        data = served.store.get(file.id)
        assert data is not None
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256)
        with Image.open(BytesIO(data)) as opened:
            assert opened.size == (48, 40)
            assert opened.format == {"JPG": "JPEG"}.get(kind, kind)
            if kind is Format.PNG:
                kept = original[..., 3] == 255
                assert (np.asarray(opened)[kept] == original[kept][:, :3]).all()
    stored = served.store.get("outcomes/job-1.json")
    assert stored is not None
    assert Manifest.model_validate_json(stored) == manifest


def test_a_mask_and_its_mode_count(served: Any, request_for: Make, cut_out_png: Callable[..., bytes]) -> None:
    stream = BytesIO()
    Image.new("RGB", (64, 64), (10, 20, 30)).save(stream, "PNG")
    served.put("inputs/job-1/image", stream.getvalue())
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    stream = BytesIO()
    mask.save(stream, "PNG")
    served.put("inputs/job-1/mask", stream.getvalue())
    response = served.invoke(request_for(mask="inputs/job-1/mask", mask_mode="inverted_luminance"))
    data = served.store.get(Manifest.model_validate_json(response.content).files[0].id)
    with Image.open(BytesIO(data)) as opened:
        assert opened.getpixel((40, 10)) == (10, 20, 30)
        assert opened.getpixel((5, 10)) != (10, 20, 30)


def test_a_redelivered_job_finds_its_files_and_paints_nothing(
    served: Any, request_for: Make, cut_out_png: Callable[..., bytes]
) -> None:
    served.put("inputs/job-1/image", cut_out_png())
    first = served.invoke(request_for(count=2))
    painted = len(served.model.batches)
    second = served.invoke(request_for(count=2))
    assert second.content == first.content
    assert len(served.model.batches) == painted


def test_a_job_killed_halfway_paints_only_what_is_missing(
    served: Any, request_for: Make, cut_out_png: Callable[..., bytes]
) -> None:
    served.put("inputs/job-1/image", cut_out_png())
    before = Manifest.model_validate_json(served.invoke(request_for(count=3)).content)
    served.store.delete("outcomes/job-1.json")
    served.store.delete("job-1-1.png")
    served.model.batches.clear()
    after = Manifest.model_validate_json(served.invoke(request_for(count=3)).content)
    assert [each.seed for batch in served.model.batches for each in batch] == [8]
    assert after.files == before.files


def test_deliveries_at_the_same_time_share_one_run(
    served: Any, request_for: Make, cut_out_png: Callable[..., bytes]
) -> None:
    served.put("inputs/job-1/image", cut_out_png())
    reached, gate = threading.Event(), threading.Event()

    def hold(passes: Sequence[Any]) -> None:
        reached.set()
        assert gate.wait(WAIT)

    served.model.before = hold
    with ThreadPoolExecutor(4) as callers:
        answers = [callers.submit(served.invoke, request_for())]
        assert reached.wait(WAIT)
        answers += [callers.submit(served.invoke, request_for()) for _ in range(3)]
        gate.set()
        contents = {answer.result(WAIT).content for answer in answers}
    assert len(contents) == 1
    assert sum(len(batch) for batch in served.model.batches) == 1


def test_jobs_of_many_share_batches(served: Any, request_for: Make, cut_out_png: Callable[..., bytes]) -> None:
    for job in range(6):
        served.put(f"inputs/job-{job}/image", cut_out_png(seed=job))
    reached, gate = threading.Event(), threading.Event()
    waiting = threading.Semaphore(0)
    submit = served.scheduler.submit

    def hold(passes: Sequence[Any]) -> None:
        reached.set()
        assert gate.wait(WAIT)

    served.model.before = hold
    painter = served.endpoint.painters["klein"]

    def counted(work: Any, ticket: Any) -> Any:
        future = submit(work, ticket)
        waiting.release()
        return future

    painter._submit = counted
    with ThreadPoolExecutor(6) as callers:
        answers = [callers.submit(served.invoke, request_for("job-0"))]
        assert reached.wait(WAIT)
        answers += [callers.submit(served.invoke, request_for(f"job-{job}", account=f"a{job}")) for job in range(1, 6)]
        for _ in range(6):
            assert waiting.acquire(timeout=WAIT)
        gate.set()
        assert all(answer.result(WAIT).status_code == 200 for answer in answers)
    assert [len(batch) for batch in served.model.batches] == [1, 4, 1]


def test_ping_says_when_it_is_not_well(served: Any, request_for: Make, cut_out_png: Callable[..., bytes]) -> None:
    assert served.client.get("/ping").status_code == 200
    served.process.health = "loading"
    assert served.client.get("/ping").status_code == 503
    served.process.health = None

    def lost(step: int) -> None:
        raise DeviceLost("gone")

    served.model.between = lost
    served.put("inputs/job-1/image", cut_out_png())
    failure(served.invoke(request_for()), ErrorCode.UNAVAILABLE)
    assert served.scheduler.failure == "gone"


def test_before_it_is_warm_jobs_are_sent_away(served: Any, request_for: Make) -> None:
    served.process.endpoint = None
    failure(served.invoke(request_for()), ErrorCode.UNAVAILABLE)


def test_a_picture_from_another_painter_by_name(
    served: Any, request_for: Make, cut_out_png: Callable[..., bytes]
) -> None:
    served.put("inputs/job-1/image", cut_out_png())
    manifest = Manifest.model_validate_json(served.invoke(request_for(painter="flat")).content)
    assert manifest.painter.name == "flat"
    assert manifest.model_digest is None


def png(mode: str, size: tuple[int, int], colour: Any) -> bytes:
    stream = BytesIO()
    Image.new(mode, size, colour).save(stream, "PNG")
    return stream.getvalue()


BAD_PICTURES = {
    "missing": (None, None, ErrorCode.SOURCE_UNAVAILABLE),
    "no picture": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None, ErrorCode.UNSUPPORTED_IMAGE_TYPE),
    "cut off": (png("RGBA", (64, 64), (1, 2, 3, 0))[:60], None, ErrorCode.UNREADABLE_IMAGE),
    "too wide": (png("RGBA", (17_000, 16), (1, 2, 3, 0)), None, ErrorCode.DIMENSIONS_OUT_OF_RANGE),
    "opaque": (png("RGB", (64, 64), (1, 2, 3)), None, ErrorCode.NOTHING_TO_PAINT),
    "nothing kept": (png("RGBA", (64, 64), (1, 2, 3, 0)), None, ErrorCode.NOTHING_TO_KEEP),
    "mask of another size": (png("RGB", (64, 64), (1, 2, 3)), png("L", (32, 64), 0), ErrorCode.SIZE_MISMATCH),
}


@pytest.mark.parametrize("case", list(BAD_PICTURES))
def test_bad_pictures_end_in_a_typed_failure(
    served: Any, request_for: Make, cut_out_png: Callable[..., bytes], case: str
) -> None:
    image, mask, code = BAD_PICTURES[case]
    if image is not None:
        served.put("inputs/job-1/image", image)
    if mask is not None:
        served.put("inputs/job-1/mask", mask)
    found = failure(served.invoke(request_for(mask=None if mask is None else "inputs/job-1/mask")), code)
    assert found.field in ("image", "mask_image")
    stored = served.store.get("outcomes/job-1.json")
    assert stored is not None
    assert InferenceFailure.model_validate_json(stored) == found
    assert served.files() == set()
    works(served, request_for, cut_out_png)


def test_a_job_that_failed_may_be_sent_again(served: Any, request_for: Make, cut_out_png: Callable[..., bytes]) -> None:
    failure(served.invoke(request_for()), ErrorCode.SOURCE_UNAVAILABLE)
    works(served, request_for, cut_out_png, "job-1")


def test_an_unknown_painter(served: Any, request_for: Make, cut_out_png: Callable[..., bytes]) -> None:
    found = failure(served.invoke(request_for(painter="dalle")), ErrorCode.INVALID_PARAMETER)
    assert found.field == "painter"
    assert "flat, klein" in found.detail
    works(served, request_for, cut_out_png)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"inference_id": "x"}', b"\xff\xfe", b"null"])
def test_a_message_that_is_none(served: Any, body: bytes) -> None:
    failure(served.invoke(body), ErrorCode.MALFORMED_BODY)


def test_a_message_too_long(served: Any) -> None:
    failure(served.invoke(b" " * (MAX_MESSAGE + 1)), ErrorCode.BODY_TOO_LARGE)


@pytest.mark.parametrize(
    "changes", [{"inference_id": "../../up"}, {"output_ids": ("/tmp/x.png",)}, {"image": "../secret"}]
)
def test_no_reference_leads_out_of_the_store(served: Any, request_for: Make, changes: dict[str, Any]) -> None:
    values = request_for().model_dump() | changes
    failure(served.invoke(InferenceRequest(**values)), ErrorCode.SOURCE_REFUSED)
    assert served.files() == set()


def test_a_store_that_refuses_midway_leaves_nothing_to_be_seen(
    served: Any, request_for: Make, cut_out_png: Callable[..., bytes]
) -> None:
    served.put("inputs/job-1/image", cut_out_png())
    put = served.store.put
    written: list[str] = []

    def third_is_refused(name: str, data: bytes, media_type: str, account: str = "") -> None:
        if name.endswith(".png"):
            written.append(name)
            if len(written) == 3:
                raise OutpaintError(ErrorCode.PAINTING_FAILED, "the endpoint may not use its bucket")
        put(name, data, media_type, account)

    served.store.put = third_is_refused
    failure(served.invoke(request_for(count=4)), ErrorCode.PAINTING_FAILED)
    assert len(written) >= 3
    assert served.files() == set()
    works(served, request_for, cut_out_png)


def test_an_output_check_holds_the_whole_job_back(
    served: Any, request_for: Make, cut_out_png: Callable[..., bytes]
) -> None:
    served.put("inputs/job-1/image", cut_out_png())
    calls: list[int] = []

    def second_is_bad(picture: Image.Image) -> str | None:
        calls.append(1)
        return "not safe" if len(calls) == 2 else None

    rules = served.endpoint.rules
    served.endpoint.rules = type(rules)(limits=rules.limits, check=second_is_bad)
    assert "not safe" in failure(served.invoke(request_for(count=3)), ErrorCode.PAINTING_FAILED).detail
    assert served.files() == set()


def test_a_painter_that_breaks(served: Any, request_for: Make, cut_out_png: Callable[..., bytes]) -> None:
    served.put("inputs/job-1/image", cut_out_png())

    def broken(passes: Sequence[Any]) -> None:
        raise ZeroDivisionError

    served.model.before = broken
    found = failure(served.invoke(request_for()), ErrorCode.PAINTING_FAILED)
    assert "ZeroDivisionError" in found.detail
    served.model.before = lambda _: None
    works(served, request_for, cut_out_png)


def test_a_deadline_that_has_passed(served: Any, request_for: Make, cut_out_png: Callable[..., bytes]) -> None:
    served.put("inputs/job-1/image", cut_out_png())
    failure(served.invoke(request_for(deadline_at=1.0)), ErrorCode.TIMED_OUT)
    assert served.model.batches == []
    works(served, request_for, cut_out_png)


def test_a_job_is_cancelled_between_steps(served: Any, request_for: Make, cut_out_png: Callable[..., bytes]) -> None:
    served.put("inputs/job-1/image", cut_out_png())
    statuses: list[int] = []
    steps: list[int] = []

    def cancel(step: int) -> None:
        steps.append(step)
        if step == 1:
            statuses.append(httpx.delete(f"{served.client.base_url}/invocations/job-1").status_code)

    served.model.between = cancel
    failure(served.invoke(request_for()), ErrorCode.PAINTING_FAILED)
    assert statuses == [202]
    assert steps == [0, 1]
    assert served.files() == set()
    assert served.client.delete("/invocations/job-1").status_code == 404


def test_a_caller_that_hangs_up_gives_its_job_up(
    served: Any, request_for: Make, cut_out_png: Callable[..., bytes]
) -> None:
    served.put("inputs/job-1/image", cut_out_png())
    left = threading.Event()
    steps: list[int] = []

    def step(number: int) -> None:
        steps.append(number)
        if number == 0:
            assert left.wait(WAIT)

    served.model.between = step

    # The dataclass has slots: the class is where a method can be watched.
    original = type(served.endpoint).leave
    type(served.endpoint).leave = lambda self, job: (original(self, job), left.set())[0]  # type: ignore[method-assign]
    try:
        with pytest.raises(httpx.ReadTimeout):
            served.client.post("/invocations", content=request_for().model_dump_json(), timeout=0.3)
        assert left.wait(WAIT)
    finally:
        type(served.endpoint).leave = original  # type: ignore[method-assign]
    works(served, request_for, cut_out_png)
    assert served.store.get("job-1-0.png") is None
    assert steps[:1] == [0]


def test_a_full_queue_sends_jobs_away(served: Any, request_for: Make, cut_out_png: Callable[..., bytes]) -> None:
    settings = served.endpoint.settings
    served.endpoint.settings = settings.model_copy(update={"jobs": 0, "waiting": 0})
    failure(served.invoke(request_for()), ErrorCode.UNAVAILABLE)
    served.endpoint.settings = settings
    works(served, request_for, cut_out_png)


SLOW = """
import threading, sys
from outpaint.painting.painters.flat import FlatPainter
from outpaint.painting.endpoint import endpoint_process, __main__
class Slow(FlatPainter):
    def paint(self, canvas, brief):
        for number, picture in enumerate(super().paint(canvas, brief)):
            yield picture
            if number == 0 and brief.wish.prompt != "warm up":
                print("painting", flush=True)
                threading.Event().wait(1.0)
endpoint_process.load_painter = lambda name, folder: Slow()
sys.exit(__main__.main())
"""


@pytest.mark.parametrize(("grace", "status"), [("0", 503), ("15", 200)])
def test_sigterm_in_the_middle_of_a_job(
    tmp_path: Path, request_for: Make, cut_out_png: Callable[..., bytes], grace: str, status: int
) -> None:
    """Cut off at once it fails whole; with grace it ends well. Either way the process ends with 0."""
    folder = tmp_path / "store"
    store = FolderStore(folder)
    store.put("inputs/job-1/image", cut_out_png(), "image/png")
    probe = __import__("socket").socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    environment = {
        **os.environ,
        "OUTPAINT_STORE": str(folder),
        "OUTPAINT_PAINTER": "flat",
        "OUTPAINT_HOST": "127.0.0.1",
        "OUTPAINT_PORT": str(port),
        "OUTPAINT_GRACE_S": grace,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            ready = threading.Event()

            def wait_until_warm() -> None:
                while not ready.is_set():
                    assert process.poll() is None
                    try:
                        if client.get("/ping").status_code == 200:
                            ready.set()
                    except httpx.ConnectError:
                        threading.Event().wait(0.05)

            with ThreadPoolExecutor(2) as threads:
                threads.submit(wait_until_warm).result(30)
                answer = threads.submit(client.post, "/invocations", content=request_for(count=2).model_dump_json())
                assert process.stdout is not None
                assert process.stdout.readline() == "painting\n"
                process.send_signal(signal.SIGTERM)
                response = answer.result(30)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()
    assert response.status_code == status
    if status == 503:
        failure(response, ErrorCode.UNAVAILABLE)
        assert store.get("job-1-0.png") is None
    else:
        assert store.get("job-1-1.png") is not None
    assert list(folder.rglob(".part-*")) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"OUTPAINT_STORE": ""}, "OUTPAINT_STORE"),
        (
            {"OUTPAINT_PAINTER": "klein", "OUTPAINT_MODEL": "/nowhere", "OUTPAINT_DEVICE": "cpu"},
            "the painter klein has no weights in /nowhere: give the template's ModelData",
        ),
    ],
)
def test_a_wrong_setting_ends_the_process_with_one_line(tmp_path: Path, changes: dict[str, str], word: str) -> None:
    environment = {**os.environ, "OUTPAINT_STORE": str(tmp_path), "OUTPAINT_HOST": "127.0.0.1", "OUTPAINT_PORT": "0"}
    process = subprocess.run(
        [sys.executable, "-m", "outpaint.painting.endpoint"],
        env=environment | changes,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 1
    assert word in process.stderr
    assert "Traceback" not in process.stderr
