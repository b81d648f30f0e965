"""The MI-GAN painter: with the real weights for what people see, with a plain filler for the rules of growth."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.painting import weights
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters import migan
from outpaint.painting.painters.migan import MiganPainter
from outpaint.painting.sample import sample_photo

PAINT = 150


class PlainFiller:
    """Stands where the network stands: fills with one grey, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[np.ndarray] = []

    def fill(self, picture: np.ndarray, known: np.ndarray) -> np.ndarray:
        assert picture.shape == (512, 512, 3)
        assert picture.dtype == np.uint8
        self.given.append(known)
        return np.where(known[..., None], picture, np.uint8(PAINT))


@pytest.fixture
def filler(monkeypatch: pytest.MonkeyPatch) -> PlainFiller:
    plain = PlainFiller()
    monkeypatch.setattr(migan, "network_of", lambda path: plain)
    return plain


@pytest.fixture(scope="session")
def painter() -> Iterator[MiganPainter]:
    """The real one; its weights are pulled where they are not there yet."""
    path = weights.find("migan")
    if path is None and shutil.which("npm") is None:
        pytest.skip("npm is not on the PATH, so the MI-GAN weights cannot be pulled: REAL PAINTING IS NOT TESTED")
    path = path or weights.pull("migan")
    with pytest.MonkeyPatch.context() as patch:
        # On a thread of its own: several wait for each other in a loop, and the other test workers have the cores.
        patch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
        migan.network_of(path)
    yield MiganPainter(path)
    migan.network_of.cache_clear()


def canvas_of(picture: Image.Image, keep: np.ndarray) -> Canvas:
    colours = np.asarray(picture).copy()
    colours[keep == 0] = 0
    return Canvas(
        Image.fromarray(colours),
        Image.fromarray(keep),
        None,
        MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=float((keep == 0).mean())),
    )


def noise(keep: np.ndarray) -> Canvas:
    colours = np.random.default_rng(7).integers(120, 180, (*keep.shape, 3), dtype=np.uint8)
    return canvas_of(Image.fromarray(colours), keep)


def photo(size: tuple[int, int], room: tuple[int, int, int, int]) -> Canvas:
    """The sample photo at `size`, with room to paint at left, top, right and bottom, in pixels."""
    width, height = size[0] + room[0] + room[2], size[1] + room[1] + room[3]
    picture = Image.new("RGB", (width, height))
    picture.paste(Image.open(BytesIO(sample_photo())).resize(size), room[:2])
    keep = np.zeros((height, width), dtype=np.uint8)
    keep[room[1] : room[1] + size[1], room[0] : room[0] + size[0]] = 255
    return canvas_of(picture, keep)


def paint(painter: MiganPainter, canvas: Canvas, *seeds: int) -> list[Image.Image]:
    return list(painter.paint(canvas, Brief(Wish(prompt="a green field"), seeds)))


keep_maps = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(16, 64), st.integers(16, 64)),
    elements=st.sampled_from([0, 0, 0, 255, 255, 128, 3]),
    fill=st.sampled_from([0, 255]),
).filter(lambda keep: bool(keep.any()))


@given(keep_maps, st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_any_mask_is_painted_completely(keep: np.ndarray, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migan, "network_of", lambda path: PlainFiller())
        (painted,) = paint(MiganPainter(Path("none")), noise(keep), seed)
    assert painted.mode == "RGB"
    assert painted.size == (keep.shape[1], keep.shape[0])
    # All that is kept or filled in lies between 120 and 180: black is what was left open.
    assert np.asarray(painted)[keep == 0].min(initial=255) > 80


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ((16, 16), (6, 6, 10, 10)),
        ((16, 8192), (0, 4000, 16, 4400)),
        ((8192, 512), (3840, 0, 4352, 512)),
        ((2500, 2000), (600, 500, 1900, 1500)),
        ((640, 480), (0, 0, 640, 40)),
        ((640, 480), (300, 200, 303, 203)),
    ],
)
def test_every_size_is_painted_completely_in_bounded_passes(
    size: tuple[int, int], kept: tuple[int, int, int, int], filler: PlainFiller
) -> None:
    keep = np.zeros((size[1], size[0]), dtype=np.uint8)
    keep[kept[1] : kept[3], kept[0] : kept[2]] = 255
    (painted,) = paint(MiganPainter(Path("none")), noise(keep), 1)
    assert painted.size == size
    assert np.asarray(painted).min() > 80
    assert 1 <= len(filler.given) <= 60
    assert all(known.any() for known in filler.given)


def test_a_doubled_canvas_costs_three_passes_each_with_most_already_known(filler: PlainFiller) -> None:
    keep = np.zeros((512, 512), dtype=np.uint8)
    keep[128:384, 128:384] = 255
    paint(MiganPainter(Path("none")), noise(keep), 1)
    assert len(filler.given) == 3
    assert all(known.mean() > 0.3 for known in filler.given)


def test_nothing_open_costs_no_pass(filler: PlainFiller) -> None:
    canvas = noise(np.full((40, 60), 255, dtype=np.uint8))
    (painted,) = paint(MiganPainter(Path("none")), canvas, 1)
    assert painted.tobytes() == canvas.picture.tobytes()
    assert filler.given == []


def test_the_card_names_the_weights_and_says_that_the_prompt_is_not_read() -> None:
    card = MiganPainter(Path("none")).card
    assert (card.name, card.reads_prompt) == ("migan", False)
    assert weights.REGISTRY["migan"].sha256[:12] in card.model


def test_a_seed_makes_one_picture_and_seeds_differ(painter: MiganPainter) -> None:
    canvas = photo((120, 80), (12, 8, 12, 8))
    three, five = paint(painter, canvas, 3, 5)
    assert paint(painter, canvas, 5)[0].tobytes() == five.tobytes()
    opened = np.asarray(canvas.keep) == 0
    difference = np.abs(np.asarray(three).astype(int) - np.asarray(five))[opened]
    assert difference.mean() > 4  # of 255: a person sees it
    kept = ~opened
    for picture in (three, five):
        composed = Image.composite(canvas.picture, picture, canvas.keep)
        assert (np.asarray(composed)[kept] == np.asarray(canvas.picture)[kept]).all()


def test_colours_go_on_across_the_border(painter: MiganPainter) -> None:
    canvas = photo((300, 200), (0, 0, 100, 0))
    (painted,) = paint(painter, canvas, 1)
    composed = np.asarray(Image.composite(canvas.picture, painted, canvas.keep)).astype(float)
    across = np.abs(composed[:, 300] - composed[:, 299]).mean()
    beside = np.abs(np.diff(composed[:, 284:316], axis=1)).mean()
    assert across < 3 * beside
    assert abs((composed[:, 300:308].mean(axis=1) - composed[:, 292:300].mean(axis=1)).mean()) < 10


def test_a_flat_sky_stays_flat_without_frame_or_bands(painter: MiganPainter) -> None:
    sky = np.zeros((192, 256, 3), dtype=np.uint8)
    sky[:] = (120, 160, 210)
    keep = np.zeros((192, 256), dtype=np.uint8)
    keep[32:160, 48:208] = 255
    (painted,) = paint(painter, canvas_of(Image.fromarray(sky), keep), 2)
    off = np.abs(np.asarray(painted).astype(int) - (120, 160, 210)).max(axis=2)
    assert np.quantile(off, 0.95) <= 24
    edge = np.concatenate([off[:2].ravel(), off[-2:].ravel(), off[:, :2].ravel(), off[:, -2:].ravel()])
    assert edge.mean() <= off.mean() + 12
