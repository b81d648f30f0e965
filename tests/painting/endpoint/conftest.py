"""What the endpoint's tests share: a model without weights, a clock that is told the time, a server on loopback."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.masks_and_formats import Format, MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.contracts.responses import PainterCard
from outpaint.painting.canvas import Canvas
from outpaint.painting.endpoint.endpoint_app import create_app
from outpaint.painting.endpoint.endpoint_jobs import OneAtATime, PaintingEndpoint
from outpaint.painting.endpoint.endpoint_settings import EndpointSettings
from outpaint.painting.endpoint.object_store import FolderStore
from outpaint.painting.endpoint.scheduler import Scheduler
from outpaint.painting.painters.diffusion.diffusion_painter import DiffusionPainter
from outpaint.painting.painters.diffusion.passes import Pass
from outpaint.painting.painters.flat import FlatPainter
from outpaint.painting.pipeline import OutputRules


class PlainModel:
    """Paints one colour, taken from prompt and seed, and shifts what it was shown by a tint, as decoders do.

    `before` is called with the passes before a batch begins, `between` with the number of each step: either may
    raise, or hold the batch up.
    """

    steps = 4
    digest = "0" * 64

    def __init__(self) -> None:
        self.card = PainterCard(name="plain", model="one colour", reads_prompt=True)
        self.batches: list[list[Pass]] = []
        self.scenes_encoded = 0
        self.before: Callable[[Sequence[Pass]], None] = lambda _: None
        self.between: Callable[[int], None] = lambda _: None
        self.tint = 0

    def check(self, wish: Wish) -> None:
        pass

    def begin(self, passes: Sequence[Pass]) -> PlainRun:
        self.before(passes)
        self.batches.append(list(passes))
        for scene in dict.fromkeys(work.scene for work in passes):
            if scene.encoded is None:
                scene.encoded = True
                self.scenes_encoded += 1
        return PlainRun(self, list(passes))

    @staticmethod
    def colour(work: Pass) -> tuple[int, int, int]:
        digest = hashlib.sha256(f"{work.wish.prompt}|{work.seed}".encode()).digest()
        return digest[0], digest[1], digest[2]


class PlainRun:
    def __init__(self, model: PlainModel, passes: list[Pass]) -> None:
        self._model = model
        self._passes = passes
        self._step = 0
        self.steps = round(passes[0].steps * passes[0].strength)

    def step(self) -> None:
        self._model.between(self._step)
        self._step += 1

    def keep(self, indices: Sequence[int]) -> None:
        self._passes = [self._passes[index] for index in indices]

    def finish(self) -> list[Image.Image]:
        pictures = []
        for work in self._passes:
            shifted = np.clip(np.asarray(work.scene.picture, dtype=np.int16) + self._model.tint, 0, 255)
            picture = Image.fromarray(shifted.astype(np.uint8))
            picture.paste(self._model.colour(work), (0, 0, *picture.size), work.scene.open)
            pictures.append(picture)
        return pictures


class HandClock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class StandIn:
    """The process behind the HTTP face, without loading anything."""

    endpoint: PaintingEndpoint | None
    health: str | None = None
    close_calls: list[bool] = field(default_factory=list)

    def start(self) -> None:
        pass

    def close(self) -> None:
        self.close_calls.append(True)


@dataclass
class Served:
    """A running endpoint: its client, store and model."""

    client: httpx.Client
    store: FolderStore
    folder: Path
    model: PlainModel
    scheduler: Scheduler
    endpoint: PaintingEndpoint
    process: StandIn

    def put(self, name: str, data: bytes) -> str:
        self.store.put(name, data, "application/octet-stream")
        return name

    def invoke(self, message: InferenceRequest | bytes | str) -> httpx.Response:
        content = message.model_dump_json() if isinstance(message, InferenceRequest) else message
        return self.client.post("/invocations", content=content, headers={"content-type": "application/json"})

    def files(self) -> set[str]:
        """Every finished file in the store, half-written ones included."""
        return {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.relative_to(self.folder).as_posix().startswith(("inputs/", "outcomes/"))
        }


@pytest.fixture
def model() -> PlainModel:
    return PlainModel()


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()


@pytest.fixture
def scheduler(model: PlainModel) -> Iterator[Scheduler]:
    scheduler = Scheduler(model, count=4, linger=0.01)
    scheduler.start()
    yield scheduler
    scheduler.close()


@pytest.fixture
def served(tmp_path: Path, model: PlainModel, scheduler: Scheduler, serving: Callable[..., Any]) -> Iterator[Served]:
    """The real server over the real scheduler, with windows of 64 pixels and the plain model as `klein`."""
    folder = tmp_path / "store"
    store = FolderStore(folder)
    settings = EndpointSettings(store=str(folder), window=64, jobs=8, waiting=8, finishers=2)
    painter = DiffusionPainter(model, scheduler.submit, window=64, smallest_window=32)
    endpoint = PaintingEndpoint(
        store,
        {"klein": painter, "flat": OneAtATime(FlatPainter())},
        settings,
        OutputRules(limits=settings.limits),
        changed=scheduler.look_again,
    )
    process = StandIn(endpoint)
    with serving(create_app(process)) as client:
        yield Served(client, store, folder, model, scheduler, endpoint, process)
    endpoint.cut_off()
    endpoint.close()


@pytest.fixture
def request_for() -> Callable[..., InferenceRequest]:
    """A job with everything an inference request needs."""

    def make(inference_id: str = "job-1", count: int = 1, **changes: Any) -> InferenceRequest:
        wished = {field: changes.pop(field) for field in Wish.model_fields if field in changes}
        values: dict[str, Any] = {
            "inference_id": inference_id,
            "image": f"inputs/{inference_id}/image",
            "wish": Wish(**{"prompt": "a green field", "seed": 7, "format": Format.PNG, "count": count} | wished),
            "output_ids": tuple(f"{inference_id}-{index}.png" for index in range(count)),
            **changes,
        }
        return InferenceRequest(**values)

    return make


@pytest.fixture(scope="session")
def canvas_of() -> Callable[..., Canvas]:
    """A canvas of smooth colours whose box is kept."""

    def make(size: tuple[int, int], kept: tuple[int, int, int, int], seed: int = 3) -> Canvas:
        rng = np.random.default_rng(seed)
        picture = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
        keep = Image.new("L", size, 0)
        keep.paste(255, kept)
        interpretation = MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=0.5)
        return Canvas.of(picture, keep, None, interpretation)

    return make
