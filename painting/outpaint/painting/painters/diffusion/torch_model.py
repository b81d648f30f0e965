"""What the torch models share: prompts and scenes encoded once, noise from the seed alone, one loop over the steps."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.requests import Wish
from outpaint.contracts.responses import PainterCard
from outpaint.painting.painters.diffusion.passes import DeviceLost, OutOfMemory, Pass, Scene


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a loaded model is, for its card."""

    painter: str
    name: str
    digest: str


class TorchModel(ABC):
    """A diffusers pipeline whose components are called one by one, so that a batch can hold passes of many requests.

    Only the loop over the steps is here, because a pipeline's own call knows one request; tests compare the results.
    The embeddings of the last `embeddings` prompts are kept. `begin` and its runs belong to the device's thread, the
    rest to any.
    """

    steps: int
    """How many steps the model is meant to take."""
    reads_negative: bool = False
    denoiser_part: str = "transformer"
    """The pipeline's component that is called at every step."""

    def __init__(self, pipeline: Any, identity: Identity, *, embeddings: int = 256) -> None:
        self.pipeline = pipeline
        self.device: torch.device = pipeline.device
        self._identity = identity
        self._embedded = lru_cache(embeddings)(self.encode_prompt)

    @property
    def card(self) -> PainterCard:
        """Name, and model with digest; diffusion models read the prompt."""
        who = self._identity
        return PainterCard(name=who.painter, model=f"{who.name}, sha256 {who.digest[:12]}", reads_prompt=True)

    @property
    def digest(self) -> str | None:
        """SHA-256 (hex) over the weights."""
        return self._identity.digest

    def check(self, wish: Wish) -> None:
        """Raises INVALID_PARAMETER where a text is longer than the encoder reads, which would cut it silently."""
        texts = {"prompt": wish.prompt, "negative_prompt": wish.negative_prompt if self.reads_negative else ""}
        for field, text in texts.items():
            tokens, most = self.count_tokens(text)
            if tokens > most:
                raise OutpaintError.wrong_value(
                    field,
                    text,
                    f"it has {tokens} tokens and the painter {self._identity.painter} reads {most}; shorten it",
                )

    def begin(self, passes: Sequence[Pass]) -> TorchRun:
        """A run over passes of one key; raises OutOfMemory or DeviceLost."""
        with torch.inference_mode(), device_errors():
            self._encode_scenes([work.scene for work in passes])
            # A negative prompt that the model cannot read must not make another entry of the cache.
            prompts = [
                self._embedded(work.wish.prompt, work.wish.negative_prompt if self.reads_negative else "")
                for work in passes
            ]
            return TorchRun(self, passes, prompts)

    # What each model does its own way

    @abstractmethod
    def count_tokens(self, text: str) -> tuple[int, int]:
        """Tokens of a text, special ones included, and how many the encoder reads. Any thread."""

    @abstractmethod
    def encode_prompt(self, prompt: str, negative_prompt: str) -> Any:
        """The embedding of one prompt."""

    @abstractmethod
    def encode_scenes(self, pictures: Tensor, open_areas: Tensor) -> list[Any]:
        """What the model keeps of each: `pictures` [n, 3, h, w] in -1 to 1, `open_areas` [n, 1, h, w], 1 to paint."""

    @abstractmethod
    def timesteps(self, scheduler: Any, size: tuple[int, int], steps: int, strength: float) -> Tensor:
        """Set the scheduler up and give the timesteps to run."""

    @abstractmethod
    def first_latents(self, run: TorchRun, noise: Tensor) -> Tensor:
        """The latents that the first step begins with, [n, ...]."""

    @abstractmethod
    def predict(self, run: TorchRun, timestep: Tensor) -> Tensor:
        """The model's output for the run's latents."""

    def after_step(self, run: TorchRun) -> None:  # noqa: B027 - most models do nothing here
        """Change `run.latents` after a step."""

    @abstractmethod
    def decode(self, run: TorchRun) -> Tensor:
        """The pictures [n, 3, h, w] in -1 to 1."""

    # What they share

    def noise_shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """[channels, rows, columns] of one pass's noise, for a size in pixels: those of latents."""
        factor = self.pipeline.vae_scale_factor
        return (self.pipeline.vae.config.latent_channels, size[1] // factor, size[0] // factor)

    def whole_and_masked(self, pictures: Tensor, open_areas: Tensor) -> tuple[Tensor, Tensor]:
        """Latents [n, c, h, w] of the pictures, and of the same with a grey open area."""
        vae = self.pipeline.vae
        both = torch.cat([pictures, pictures * (1 - open_areas)]).to(vae.dtype)
        latents = (vae.encode(both).latent_dist.mode() - self._shift) * vae.config.scaling_factor
        whole, masked = latents.to(self.dtype).chunk(2)
        return whole, masked

    def pixels_of(self, latents: Tensor) -> Tensor:
        """The pictures [n, 3, h, w] in -1 to 1 of latents [n, c, h, w]."""
        vae = self.pipeline.vae
        pictures: Tensor = vae.decode(
            (latents / vae.config.scaling_factor + self._shift).to(vae.dtype), return_dict=False
        )[0]
        return pictures

    @property
    def _shift(self) -> float:
        return getattr(self.pipeline.vae.config, "shift_factor", None) or 0.0

    def noise(self, passes: Sequence[Pass]) -> Tensor:
        """Each pass's noise from its seed alone, drawn on the CPU, where it is the same on every machine."""
        shape = self.noise_shape(passes[0].scene.size)
        drawn = [
            torch.randn((1, *shape), generator=torch.Generator("cpu").manual_seed(work.seed), dtype=self.dtype)
            for work in passes
        ]
        return torch.cat(drawn).to(self.device)

    @property
    def dtype(self) -> torch.dtype:
        """Of the latents and of what conditions them."""
        dtype: torch.dtype = self.denoiser.dtype
        return dtype

    @property
    def denoiser(self) -> Any:
        """The network that is called at every step."""
        return getattr(self.pipeline, self.denoiser_part)

    def _encode_scenes(self, scenes: Sequence[Scene]) -> None:
        """Encode those that are new, each once however many passes show it."""
        new = [scene for scene in dict.fromkeys(scenes) if scene.encoded is None]
        if not new:
            return
        pictures = torch.from_numpy(np.stack([np.asarray(scene.picture) for scene in new]))
        areas = torch.from_numpy(np.stack([np.asarray(scene.open) for scene in new]))
        pictures = pictures.to(self.device).permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1
        areas = areas.to(self.device)[:, None].to(torch.float32) / 255
        for scene, encoded in zip(new, self.encode_scenes(pictures, areas), strict=True):
            scene.encoded = encoded


class TorchRun:
    """One batch of passes of one key, step by step. `step` and `finish` raise OutOfMemory or DeviceLost."""

    def __init__(self, model: TorchModel, passes: Sequence[Pass], prompts: list[Any]) -> None:
        self.model = model
        self.passes = list(passes)
        self.prompts = prompts
        first = passes[0]
        self.size = first.scene.size
        # A scheduler counts its steps: each run has its own.
        self.scheduler = copy.deepcopy(model.pipeline.scheduler)
        self._timesteps = model.timesteps(self.scheduler, self.size, first.steps, first.strength)
        self.strength = first.strength
        self.noise = model.noise(passes)
        self._stacked: dict[str, Any] = {}
        self.latents = model.first_latents(self, self.noise)
        self._next = 0

    @property
    def steps(self) -> int:
        """How many times `step` is to be called: fewer than the passes' own steps where their strength is below 1."""
        return len(self._timesteps)

    @property
    def timestep_after(self) -> Tensor | None:
        """The timestep of the next step, None at the last."""
        return self._timesteps[self._next + 1] if self._next + 1 < len(self._timesteps) else None

    def stacked(self, name: str, make: Callable[[], Any]) -> Any:
        """A tensor of the whole batch, made once for as long as the batch stays as it is."""
        if name not in self._stacked:
            self._stacked[name] = make()
        return self._stacked[name]

    def step(self) -> None:
        """Denoise every pass once more."""
        with torch.inference_mode(), device_errors():
            timestep = self._timesteps[self._next]
            output = self.model.predict(self, timestep)
            self.latents = self.scheduler.step(output, timestep, self.latents, return_dict=False)[0]
            self.model.after_step(self)
            self._next += 1

    def keep(self, indices: Sequence[int]) -> None:
        """Go on with these passes of the batch alone, in this order."""
        chosen = list(indices)
        self.passes = [self.passes[i] for i in chosen]
        self.prompts = [self.prompts[i] for i in chosen]
        self.latents = self.latents[chosen]
        self.noise = self.noise[chosen]
        self._stacked.clear()

    def finish(self) -> list[Image.Image]:
        """The pictures, RGB, in the batch's order; rounded on the device, so that only bytes leave it."""
        with torch.inference_mode(), device_errors():
            pixels = self.model.decode(self).float()
            pixels = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
            pictures = pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return [Image.fromarray(picture) for picture in pictures]


@contextmanager
def device_errors() -> Iterator[None]:
    """Raises torch's errors as those that the scheduler handles."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemory(str(error).splitlines()[0]) from None
    except torch.AcceleratorError as error:
        raise DeviceLost(str(error).splitlines()[0]) from error
