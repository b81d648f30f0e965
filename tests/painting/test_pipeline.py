"""One job carried out: how far painting goes ahead of what is encoded and stored, and what is held meanwhile."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.inference import InferenceRequest, Manifest
from outpaint.contracts.requests import Wish
from outpaint.contracts.responses import PainterCard
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.finish import painted_pictures
from outpaint.painting.inputs.inspection import read_canvas
from outpaint.painting.pipeline import Files, OutputRules, carry_out

SIDE = 32


class Plain:
    """Paints black pictures, so many or one for each seed, and calls `before` with how many it has given."""

    card = PainterCard(name="plain", model="black", reads_prompt=False)

    def __init__(self, before: Callable[[int], object], count: int | None = None) -> None:
        self._before = before
        self._count = count

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        for given in range(len(brief.seeds) if self._count is None else self._count):
            self._before(given)
            yield Image.new("RGB", canvas.size)


@pytest.fixture
def cut_out(files) -> bytes:
    picture = Image.new("RGBA", (SIDE, SIDE), (9, 9, 9, 255))
    picture.putpixel((0, 0), (0, 0, 0, 0))
    return files.encoded(picture)


def carried_out(image: bytes, painter: Plain, stored: dict[str, bytes], held: int = 4) -> Manifest:
    request = InferenceRequest(
        inference_id="job",
        image="inputs/image",
        wish=Wish(prompt="x", count=4, seed=1, format="PNG"),
        output_ids=("a.png", "b.png", "c.png", "d.png"),
        account="ann",
    )
    files = Files({"inputs/image": image}.get, lambda name, data, _: stored.update({name: data}))
    with ThreadPoolExecutor(2) as finishers:
        return carry_out(request, files, painter, finishers=finishers, rules=OutputRules(held=held))


@pytest.mark.parametrize("held", [1, 2, 3])
def test_pictures_are_stored_before_more_are_painted_than_may_be_held(cut_out, held):
    stored: dict[str, bytes] = {}
    ahead: list[int] = []
    manifest = carried_out(cut_out, Plain(lambda given: ahead.append(given - len(stored))), stored, held)
    assert len(ahead) == 4
    assert max(ahead) < held
    assert {file.id for file in manifest.files} == stored.keys() == {"a.png", "b.png", "c.png", "d.png"}


@pytest.mark.parametrize("count", [3, 5])
def test_too_few_and_too_many_pictures_fail_the_job(cut_out, count):
    with pytest.raises(OutpaintError) as failed:
        carried_out(cut_out, Plain(lambda _: None, count), {})
    assert failed.value.code is ErrorCode.PAINTING_FAILED
    assert "pictures" in failed.value.detail


def test_a_picture_that_was_handed_on_is_not_held_while_the_next_is_painted(cut_out):
    handed_on: list[weakref.ref[Image.Image]] = []

    def before(given: int) -> None:
        assert len(handed_on) == given
        assert all(one() is None for one in handed_on)

    pictures = painted_pictures(read_canvas(cut_out), Brief(Wish(prompt="x"), (1, 2, 3)), Plain(before))
    for picture in pictures:
        handed_on.append(weakref.ref(picture))
        del picture
    assert len(handed_on) == 3
