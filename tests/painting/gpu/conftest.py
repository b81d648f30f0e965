"""Tiny pipelines with random weights, built and saved by the tests; nothing here runs where torch isn't installed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
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


@pytest.fixture(scope="session")
def cut_out() -> Callable[..., bytes]:
    """A PNG of noise whose middle is opaque, the rest transparent."""

    def make(size: tuple[int, int], seed: int = 0) -> bytes:
        rng = np.random.default_rng(seed)
        pixels = rng.integers(0, 255, (size[1], size[0], 4), dtype=np.uint8)
        pixels[..., 3] = 0
        pixels[size[1] // 4 : 3 * size[1] // 4, size[0] // 4 : 3 * size[0] // 4, 3] = 255
        stream = BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        return stream.getvalue()

    return make


@pytest.fixture(scope="session")
def serving() -> Callable[..., Any]:
    """An application on uvicorn on a free loopback port, as a client."""
    import threading
    import time

    import httpx
    import uvicorn

    @contextmanager
    def serve(app: Any) -> Iterator[httpx.Client]:
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            until = time.monotonic() + 30
            while not server.started:
                assert thread.is_alive()
                assert time.monotonic() < until
                time.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()

    return serve
