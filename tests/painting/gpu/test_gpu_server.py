"""Every torch painter through the real server: the process put together from its settings, over real HTTP."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest
from outpaint.contracts.masks_and_formats import Format
from outpaint.contracts.requests import Wish

torch = pytest.importorskip("torch", reason="torch isn't installed: make test-gpu runs these")

from outpaint.painting.endpoint.endpoint_app import create_app  # noqa: E402 - with torch alone
from outpaint.painting.endpoint.endpoint_process import EndpointProcess  # noqa: E402
from outpaint.painting.endpoint.endpoint_settings import EndpointSettings  # noqa: E402
from outpaint.painting.endpoint.object_store import FolderStore  # noqa: E402

# Diffusers' Euler scheduler makes arrays of tensors in a way that numpy means to drop.
pytestmark = [
    pytest.mark.parametrize("painter", ["klein", "sdxl", "fluxfill"]),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]


class Running:
    def __init__(self, client: Any, store: FolderStore, process: EndpointProcess) -> None:
        self.client = client
        self.store = store
        self.process = process

    def job(self, name: str, picture: bytes, seeds: int = 1, **changes: Any) -> InferenceRequest:
        self.store.put(f"inputs/{name}", picture, "image/png")
        wished = {field: changes.pop(field) for field in Wish.model_fields if field in changes}
        values: dict[str, Any] = {
            "inference_id": name,
            "image": f"inputs/{name}",
            "wish": Wish(**{"prompt": "a green field", "seed": 7, "format": Format.PNG, "count": seeds} | wished),
            "output_ids": tuple(f"{name}-{index}.png" for index in range(seeds)),
            **changes,
        }
        return InferenceRequest(**values)

    def paint(self, request: InferenceRequest) -> list[np.ndarray[Any, Any]]:
        response = self.client.post("/invocations", content=request.model_dump_json())
        assert response.status_code == 200, response.text
        manifest = Manifest.model_validate_json(response.content)
        pictures = []
        for file in manifest.files:
            with Image.open(BytesIO(self.store.get(file.id) or b"")) as opened:
                pictures.append(np.asarray(opened))
        return pictures


@pytest.fixture
def running(folders: Callable[[str], Path], serving: Callable[..., Any], painter: str, tmp_path: Path) -> Any:
    """The whole process on the painter's tiny weights, with windows of 64 pixels and two steps."""
    settings = EndpointSettings(
        store=str(tmp_path / "store"),
        painter=painter,  # type: ignore[arg-type]
        model=folders(painter),
        device="cpu",
        window=64,
        steps=2,
        prefill="colours",
        linger_ms=30,
        batch=4,
    )
    store = FolderStore(tmp_path / "store")
    process = EndpointProcess(settings, store)
    with serving(create_app(process)) as client:
        until = time.monotonic() + 120
        while client.get("/ping").status_code != 200:
            assert time.monotonic() < until, process.health
            time.sleep(0.02)
        yield Running(client, store, process)


def test_from_message_to_pixels(running: Running, cut_out_png: Callable[..., bytes], painter: str) -> None:
    """Kept pixels exact, seeds reproduce and differ, small and large pictures, two at once."""
    # A large picture's passes see what earlier ones painted, so that a rounding in one is carried into the next.
    for name, size, rounding in (("small", (48, 40), 1), ("large", (200, 90), 4)):
        source = cut_out_png(size)
        with Image.open(BytesIO(source)) as opened:
            original = np.asarray(opened)
        kept = original[..., 3] == 255
        first, second = running.paint(running.job(name, source, seeds=2))
        for painted in (first, second):
            assert painted.shape == (size[1], size[0], 3)
            assert (painted[kept] == original[kept][:, :3]).all()
        assert (first != second).any()
        # Alone it ran in another batch: the same picture, to rounding.
        (alone,) = running.paint(running.job(f"{name}-alone", source, seed=8))
        assert np.abs(alone.astype(int) - second).max() <= rounding
        (again,) = running.paint(running.job(f"{name}-again", source, seed=8))
        assert (again == alone).all()
    manifest = Manifest.model_validate_json(running.store.get("outcomes/small.json") or b"")
    assert manifest.painter.name == painter
    assert manifest.model_digest is not None


def test_jobs_of_many_callers_share_batches_and_stay_apart(
    running: Running, cut_out_png: Callable[..., bytes], painter: str
) -> None:
    jobs = [
        running.job(f"job-{i}", cut_out_png((50 + 3 * i, 44), seed=i), prompt=f"field {i}", account=f"a{i % 2}")
        for i in range(6)
    ]
    model = running.process._schedulers[0]._model
    with mock.patch.object(model, "begin", wraps=model.begin) as begin, ThreadPoolExecutor(6) as callers:
        together = [pictures[0] for pictures in callers.map(running.paint, jobs)]
    assert max(len(call.args[0]) for call in begin.call_args_list) > 1
    for index in (0, 5):
        changed = jobs[index].model_copy(update={"inference_id": f"alone-{index}", "output_ids": (f"x{index}.png",)})
        (alone,) = running.paint(changed)
        assert np.abs(alone.astype(int) - together[index]).max() <= 1


def test_a_prompt_too_long_is_said(running: Running, cut_out_png: Callable[..., bytes], painter: str) -> None:
    request = running.job("long", cut_out_png((40, 40)), prompt="word " * 600)
    response = running.client.post("/invocations", content=request.model_dump_json())
    found = InferenceFailure.model_validate_json(response.content)
    assert (response.status_code, found.error_code, found.field) == (422, ErrorCode.INVALID_PARAMETER, "prompt")
    assert "tokens" in found.detail
    running.paint(running.job("after", cut_out_png((40, 40))))


def test_nothing_is_warm_before_the_weights_are_loaded(
    folders: Callable[[str], Path], serving: Callable[..., Any], painter: str, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing"
    settings = EndpointSettings(store=str(tmp_path), painter=painter, model=nothing, device="cpu")  # type: ignore[arg-type]
    failed = threading.Event()
    process = EndpointProcess(settings, FolderStore(tmp_path), failed=failed.set)
    with serving(create_app(process)) as client:
        assert failed.wait(60)
        answer = client.get("/ping")
        assert answer.status_code == 503
        assert f"the painter {painter} has no weights in {nothing}" in answer.text
    assert os.environ["HF_HUB_OFFLINE"] == "1"
