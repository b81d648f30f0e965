"""Pictures in little memory: kept once, spilled, looked at once, painted when fetched."""

from __future__ import annotations

import gc
import json
import tempfile
import threading
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from outpaint.contracts.errors import OutpaintError
from outpaint.functions.service.erasure import erase_account, erase_job
from outpaint.mocks.scenarios.effect import On
from outpaint.mocks.world import blobs
from outpaint.mocks.world.blobs import Blobs, Inspections
from outpaint.mocks.world.world import Studio, World
from outpaint.painting.painters.flat import FlatPainter


def test_bytes_are_kept_once_under_their_digest() -> None:
    blobs = Blobs()
    data = bytes(range(256)) * 100
    assert blobs.keep(data) == blobs.keep(bytes(bytearray(data))) == sha256(data).hexdigest()
    assert blobs.held == (len(data), 0)
    assert blobs.get("0" * 64) is None


@given(st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=40))
def test_what_is_kept_comes_back_from_memory_and_folder(many: list[bytes]) -> None:
    blobs = Blobs(memory_bytes=20)
    digests = [blobs.keep(data) for data in many]
    assert digests == [sha256(data).hexdigest() for data in many]
    assert [blobs.get(digest) for digest in digests] == many
    assert blobs.held[0] <= max(20, max(map(len, many)))


def test_pictures_that_look_alike_at_a_glance_are_told_apart() -> None:
    blobs = Blobs()
    one = bytearray(1000)
    other = bytearray(one)
    other[200] = 1
    assert blobs.keep(bytes(one)) != blobs.keep(bytes(other))
    assert blobs.get(blobs.keep(bytes(one))) == one


def test_memory_and_folder_are_bounded_and_the_folder_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    blobs = Blobs(memory_bytes=3000, folder_bytes=10_000)
    digests = [blobs.keep(str(number).encode() * 500) for number in range(10, 60)]
    assert blobs.held[0] <= 3000
    assert blobs.held[1] <= 10_000
    (folder,) = tmp_path.iterdir()
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 10_000
    assert blobs.get(digests[0]) is None
    assert blobs.get(digests[-1]) is not None
    del blobs
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_picture_whose_file_was_swept_away_is_gone_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    blobs = Blobs(memory_bytes=10)
    first = blobs.keep(b"first" * 10)
    blobs.keep(b"other" * 10)
    (path,) = next(tmp_path.iterdir()).iterdir()
    path.unlink()
    assert blobs.get(first) is None
    assert blobs.keep(b"first" * 10) == first
    blobs.keep(b"another" * 10)
    assert blobs.get(first) == b"first" * 10


def test_one_big_picture_is_held_whatever_the_bound() -> None:
    blobs = Blobs(memory_bytes=10)
    assert blobs.get(blobs.keep(b"x" * 1000)) == b"x" * 1000


def test_a_picture_sent_again_is_not_decoded_again(api: Any, make_canvas: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    real = blobs.inspect

    def counted(image: bytes, *more: Any, **named: Any) -> Any:
        looked.append(len(image))
        return real(image, *more, **named)

    monkeypatch.setattr(blobs, "inspect", counted)
    picture, other = make_canvas((60, 40)), make_canvas((60, 42))
    for _ in range(5):
        api.job(image=picture)
        api.job(image=other)
        assert api.submit(image=b"\x89PNG\r\n\x1a\n broken").status == 422
    assert len(looked) == 3


def test_an_inspection_remembers_errors_and_which_field_they_name(make_canvas: Any) -> None:
    look = Inspections(Blobs())
    for field in ("image", "image_url", "image"):
        with pytest.raises(OutpaintError) as caught:
            look(b"no picture", image_field=field)
        assert caught.value.field == field
        assert caught.value.__traceback__ is not None
    assert look(make_canvas((60, 40))) is look(make_canvas((60, 40)))
    assert look.size(sha256(make_canvas((60, 40))).hexdigest()) == (60, 40)


class Counting(FlatPainter):
    """Counts what it paints."""

    def __init__(self) -> None:
        self.painted = 0

    def paint(self, canvas: Any, brief: Any) -> Iterator[Image.Image]:
        self.painted += len(brief.seeds)
        return super().paint(canvas, brief)


def test_results_are_painted_when_they_are_fetched_and_once(caller: Any) -> None:
    painter = Counting()
    api = caller(World(studio=Studio(painter)))
    body = json.loads(api.submit(mode="sync", count="4").body)
    assert painter.painted == 0
    urls = [picture["url"] for picture in body["data"]]
    first = [api.get(url, key="").body for url in urls[:2]]
    assert painter.painted == 2
    assert [api.get(url, key="").body for url in urls[:2]] == first
    assert painter.painted == 2


def test_a_result_painted_again_has_the_same_bytes(caller: Any) -> None:
    painted = []
    for _ in range(2):
        api = caller(World(studio=Studio()))
        url = json.loads(api.submit(mode="sync", format="WEBP").body)["data"][0]["url"]
        painted.append(api.get(url, key="").body)
    assert painted[0] == painted[1]


@pytest.mark.parametrize(("name", "kind"), [("JPG", "JPEG"), ("PNG", "PNG"), ("WEBP", "WEBP")])
def test_results_are_pictures_of_the_right_size_format_and_count(api: Any, name: str, kind: str) -> None:
    body = json.loads(api.submit(mode="sync", format=name, count="2").body)
    pictures = [api.get(picture["url"], key="") for picture in body["data"]]
    for answer in pictures:
        picture = Image.open(BytesIO(answer.body))
        picture.load()
        assert (picture.format, picture.size) == (kind, (48, 32))
    assert pictures[0].body != pictures[1].body


def test_a_result_serves_as_a_source_by_its_id(api: Any, world: World) -> None:
    file_id = json.loads(api.submit(mode="sync", format="PNG").body)["data"][0]["id"]
    opaque = api.submit(image=None, image_id=file_id)
    assert json.loads(opaque.body)["error_code"] == "nothing_to_paint"
    mask = world.calls.submits.first.image
    stream = BytesIO()
    mask.save(stream, "PNG")
    answer = api.submit_files(
        {"prompt": "more", "image_id": file_id, "mode": "sync"}, {"mask_image": stream.getvalue()}, image=None
    )
    assert answer.status == 200
    result = json.loads(answer.body)["data"][0]["url"]
    assert api.get(result, key="").status == 200


def test_a_picture_sent_ahead_is_a_source_by_its_id(api: Any, world: World, make_canvas: Any) -> None:
    ticket = api.send("/v1/uploads", b'{"content_type": "image/png"}', "application/json")
    body = json.loads(ticket.body)
    assert ticket.status == 200, body
    stored = api.send_form(body["url"], body["fields"], {"file": make_canvas((52, 36))})
    assert stored.status == 204
    answer = json.loads(api.submit(image=None, image_id=body["id"], mode="sync", format="PNG").body)
    assert Image.open(BytesIO(api.get(answer["data"][0]["url"], key="").body)).size == (52, 36)
    assert [call.route for call in world.calls][:2] == [On.UPLOAD, On.UPLOAD]
    world.scenarios.next("error(unavailable)", on="upload")
    assert api.send("/v1/uploads", b'{"content_type": "image/png"}', "application/json").status == 503


def test_a_result_whose_input_had_to_go_is_gone_too(caller: Any) -> None:
    api = caller(World(studio=Studio(blobs=Blobs(memory_bytes=10, folder_bytes=0))))
    url = json.loads(api.submit(mode="sync").body)["data"][0]["url"]
    api.submit(image=None, image_url="https://pictures.example/other.png")
    assert json.loads(api.get(url, key="").body)["error_code"] == "unknown_file"


def test_an_erased_job_is_gone_with_its_pictures(caller: Any) -> None:
    world = World(studio=Studio())
    api = caller(world)
    bodies = [json.loads(api.submit(mode="sync").body) for _ in range(2)]
    urls = [body["data"][0]["url"] for body in bodies]
    erased = erase_job(world.service, bodies[0]["inference_id"])
    assert (erased.jobs, erased.files) == (1, 2)
    assert api.get(f"/v1/painting/{bodies[0]['inference_id']}").status == 404
    assert [api.get(url, key="").status for url in urls] == [404, 200]
    account = world.service.jobs.find(bodies[1]["inference_id"], 0.0).account_id
    assert world.service.pictures.erase_account(account) == 0
    assert erase_account(world.service, account, [world.service.jobs.find(bodies[1]["inference_id"], 0.0)]).jobs == 1
    assert api.get(urls[1], key="").status == 404


def test_many_threads_fetch_and_send_at_once(api: Any, make_canvas: Any) -> None:
    url = json.loads(api.submit(mode="sync").body)["data"][0]["url"]
    want = api.get(url, key="").body
    wrong: list[object] = []

    def work(number: int) -> None:
        for step in range(20):
            if api.submit(image=make_canvas((48 + number, 32 + step))).status != 202:
                wrong.append("submit")
            if api.get(url, key="").body != want:
                wrong.append("file")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_large_pictures_go_to_the_folder_behind_the_calls_back() -> None:
    blobs = Blobs(memory_bytes=100_000, folder_bytes=1_000_000)
    many = [bytes([number]) * 90_000 for number in range(30)]
    digests = [blobs.keep(data) for data in many]
    found = [blobs.get(digest) for digest in digests]
    # A tenth of them fit; each that is there is whole, whether it was still on its way or not.
    assert all(data is None or data == many[number] for number, data in enumerate(found))
    assert found[-1] == many[-1]
    assert sum(data is not None for data in found) >= 10
    assert blobs.held[1] <= 1_000_000
