"""Tiny pipelines with random weights, built and saved by the tests; nothing here runs where torch isn't installed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

os.environ["HF_HUB_OFFLINE"] = "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tiny tensors: more threads only get in each other's way."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a painter's tiny pipeline, saved and described as an operator does."""
    pytest.importorskip("torch", reason="torch isn't installed: make test-gpu runs these")
    from outpaint.painting.painters.diffusion import model_folder

    from .random_pipelines import build

    made: dict[str, Path] = {}

    def folder(painter: str) -> Path:
        if painter not in made:
            place = tmp_path_factory.mktemp(painter)
            build(painter, "tiny").save_pretrained(place)
            assert model_folder.main([str(place), "--name", f"tiny {painter}", "--licence", "none"]) == 0
            made[painter] = place
        return made[painter]

    return folder


@pytest.fixture(scope="session")
def models(folders: Callable[[str], Path]) -> Callable[[str], Any]:
    """A painter's model, loaded by the real loading code."""
    from outpaint.painting.painters.diffusion.model_loading import load_model

    loaded: dict[str, Any] = {}

    def model(painter: str) -> Any:
        if painter not in loaded:
            loaded[painter] = load_model(painter, folders(painter), device="cpu").model
        return loaded[painter]

    return model


@pytest.fixture(scope="session")
def scene() -> Callable[..., Any]:
    """Smooth colours, open outside of the middle."""
    from outpaint.painting.painters.diffusion.passes import Scene

    def make(seed: int = 0, size: tuple[int, int] = (64, 64)) -> Scene:
        rng = np.random.default_rng(seed)
        picture = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8))
        open_area = Image.new("L", size, 255)
        open_area.paste(0, (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4))
        return Scene(picture.resize(size, Image.Resampling.BICUBIC), open_area)

    return make
