"""The container's process, made of its settings: store, painters, schedulers, endpoint."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from PIL import Image

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.endpoint.cuda_driver import require_cuda
from outpaint.painting.endpoint.endpoint_jobs import JobPainter, OneAtATime, PaintingEndpoint
from outpaint.painting.endpoint.endpoint_settings import EndpointSettings
from outpaint.painting.endpoint.object_store import FolderStore, ObjectStore, S3Store
from outpaint.painting.endpoint.scheduler import DeviceMemory, Scheduler
from outpaint.painting.finish import SOURCE_TYPE_XMP
from outpaint.painting.painters.diffusion.diffusion_painter import DiffusionPainter, Prefill, painted_by, spread_colours
from outpaint.painting.painters.diffusion.passes import Pass, PassTicket, Scene
from outpaint.painting.painters.painter_table import PAINTERS, PainterOptions, load_painter
from outpaint.painting.pipeline import HostMemory, OutputRules, load_check
from outpaint.painting.weights import REGISTRY, WeightsUnavailable

_LOG: Final = logging.getLogger("outpaint.endpoint")
_BYTES_PER_PIXEL: Final = 48  # of a picture that is painted: canvas, keep map, states and masks of its variants


def open_store(address: str) -> ObjectStore:
    """The store at `s3://bucket/prefix/` or in a folder."""
    if address.startswith("s3://"):
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        return S3Store(bucket, prefix if not prefix or prefix.endswith("/") else prefix + "/")
    return FolderStore(Path(address))


@dataclass(slots=True)
class EndpointProcess:
    """Loads in a thread of its own, so that /ping answers meanwhile.

    `endpoint` is None until it is warm. `failed` is called when loading did not succeed.
    """

    settings: EndpointSettings
    store: ObjectStore
    failed: Callable[[], None] = lambda: None
    endpoint: PaintingEndpoint | None = None
    _schedulers: list[Scheduler] = field(default_factory=list)
    _health: str | None = "loading"
    _loading: threading.Thread | None = None
    _closing: bool = False

    @property
    def health(self) -> str | None:
        """Why the endpoint cannot work now, None while it can."""
        if self._health is not None:
            return self._health
        return next((scheduler.failure for scheduler in self._schedulers if scheduler.failure is not None), None)

    def start(self) -> None:
        """Begin to load."""
        self._loading = threading.Thread(target=self._load, name="loading", daemon=True)
        self._loading.start()

    def drain(self) -> None:
        """SIGTERM: take no more jobs, and end those still running after the grace that the settings give."""
        self._health = "shutting down"
        self._closing = True
        if self.endpoint is not None:
            self.endpoint.drain()
            timer = threading.Timer(self.settings.grace_s, self.endpoint.cut_off)
            timer.daemon = True
            timer.start()

    def close(self) -> None:
        """End what runs, and the threads."""
        self._health = "shut down"
        if self.endpoint is not None:
            self.endpoint.drain()
            self.endpoint.cut_off()
        for scheduler in self._schedulers:
            scheduler.close()
        if self.endpoint is not None:
            self.endpoint.close()

    def _load(self) -> None:
        try:
            started = time.perf_counter()
            endpoint = self._endpoint()
            if self._closing:
                endpoint.drain()
            self.endpoint = endpoint
            if not self._closing:
                self._health = None
            _LOG.info("ready after %.1f s with %s", time.perf_counter() - started, ", ".join(endpoint.painters))
        except OutpaintError as error:
            self._health = f"not loaded: {error.detail}"
            _LOG.error("not loaded: %s", error.detail)
            self.failed()
        except Exception as error:  # noqa: BLE001 - whatever it was, the process must say so and end
            self._health = f"not loaded: {type(error).__name__}"
            _LOG.exception("not loaded")
            self.failed()

    def _endpoint(self) -> PaintingEndpoint:
        settings = self.settings
        names = tuple(dict.fromkeys((settings.painter, *settings.others, "flat")))
        for name in names:
            # Before gigabytes of weights are hashed, which takes minutes.
            require_cuda(name, settings.device)
        painters: dict[str, JobPainter] = {}
        for name in names:
            painters[name] = self._turns(name) if PAINTERS[name].pipeline is None else self._diffusion(name)
        memory = HostMemory(settings.host_memory_mb * 2**20 or _free_memory() // 2)
        rules = OutputRules(
            limits=settings.limits,
            check=load_check(settings.check, settings.nsfw_threshold),
            xmp=SOURCE_TYPE_XMP if settings.source_type else None,
            reserve=lambda pixels: memory.reserve(pixels * _BYTES_PER_PIXEL),
        )
        return PaintingEndpoint(self.store, painters, settings, rules, changed=self._look_again)

    def _look_again(self) -> None:
        for scheduler in self._schedulers:
            scheduler.look_again()

    def _weights_of(self, name: str) -> Path:
        """The folder of a painter's weights: its own inside `model` where that holds several, by name."""
        own = self.settings.model / name
        return own if own.is_dir() else self.settings.model

    def _turns(self, name: str) -> OneAtATime:
        """The painter, warm, for jobs that take turns; weights come from `model`, or else from the image."""
        weights = PAINTERS[name].weights
        painter = load_painter(name, PainterOptions(weights=self._weights_of(name)))
        # One small picture, so that no request pays for the first use of anything.
        keep = Image.new("L", (64, 64), 0)
        keep.paste(255, (16, 16, 48, 48))
        interpretation = MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=0.75)
        canvas = Canvas.of(Image.new("RGB", (64, 64), (127, 127, 127)), keep, None, interpretation)
        for _ in painter.paint(canvas, Brief(Wish(prompt="warm up"), (0,))):
            pass
        return OneAtATime(painter, None if weights is None else REGISTRY[weights].sha256)

    def _diffusion(self, name: str) -> JobPainter:
        """The painter on its own scheduler, warm."""
        from outpaint.painting.painters.diffusion.model_loading import Recipe, load_model

        settings = self.settings
        recipe = Recipe(**settings.model_dump(include=set(Recipe.__dataclass_fields__)))
        folder = self._weights_of(name)
        if not folder.is_dir() or not any(folder.iterdir()):
            raise OutpaintError.unavailable(
                f"the painter {name} has no weights in {folder}: give the template's ModelData their folder in S3, "
                "or mount it there"
            )
        loaded = load_model(
            name,
            folder,
            device=settings.device,
            dtype=settings.dtype,
            embeddings=settings.embeddings,
            recipe=recipe,
        )
        budget = settings.device_memory_mb * 2**20 or loaded.free_memory
        scheduler = Scheduler(
            loaded.model,
            count=settings.batch,
            linger=settings.linger_ms / 1000,
            stuck=settings.stuck_s,
            memory=DeviceMemory(budget),
            measure=loaded.peak_memory,
        )
        scheduler.start()
        self._schedulers.append(scheduler)
        _warm(scheduler, settings.window, settings.steps or loaded.model.steps)
        recipe.save_cache()
        return DiffusionPainter(
            loaded.model,
            scheduler.submit,
            window=settings.window,
            smallest_window=min(256, settings.window),
            steps=settings.steps,
            prefill=_prefill(settings.prefill),
        )


def _prefill(choice: str) -> Prefill:
    """MI-GAN where the setting says so, or has a GPU to run on and weights; soft colours otherwise."""
    if choice == "colours":
        return spread_colours
    if choice == "auto":
        from onnxruntime import get_available_providers

        if "CUDAExecutionProvider" not in get_available_providers():
            return spread_colours
    try:
        fill = painted_by(load_painter("migan"))
    except WeightsUnavailable as error:
        if choice == "migan":
            raise
        _LOG.warning("prefilling with plain colours: %s", error.detail)
        return spread_colours
    turn = threading.Lock()

    def one_at_a_time(picture: Image.Image, known: Image.Image) -> Image.Image:
        with turn:
            return fill(picture, known)

    return one_at_a_time


def _warm(scheduler: Scheduler, window: int, steps: int) -> None:
    """One pass of the commonest size, so that no request pays for the first use of anything."""
    scene = Scene(Image.new("RGB", (window, window), (127, 127, 127)), Image.new("L", (window, window), 255))
    scheduler.submit(Pass(scene, Wish(prompt="warm up"), seed=0, steps=steps), PassTicket()).result()


def _free_memory() -> int:
    """Bytes of the host's memory that are free now; 4 GiB where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 4 * 2**30
