"""What the torch models share: prompts encoded once, scenes encoded once, noise by seed, one loop of steps."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from PIL import Image

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.responses import PainterCard
from outpaint.painting.painters.diffusion.passes import DeviceLost, OutOfMemory, Pass, Scene

if TYPE_CHECKING:
    from torch import Tensor

    from outpaint.contracts.requests import Wish

_EMPTY: Final = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a loaded model is, for its card."""

    painter: str
    name: str
    digest: str


class PromptCache:
    """The embeddings of the last prompts, least recently used out first; for the device's thread."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def get(self, key: tuple[str, str], encode: Callable[[], Any]) -> Any:
        """The embedding of a prompt and a negative prompt, encoded only where it is not known."""
        if key in self._kept:
            self.hits += 1
            self._kept.move_to_end(key)
            return self._kept[key]
        self.misses += 1
        value = encode()
        self._kept[key] = value
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return value


class TorchModel(ABC):
    """A diffusers pipeline taken apart, so that one batch can hold passes of many requests.

    The pipeline's own components do the work, and its own tensors go in; only the loop over the steps is here,
    because a pipeline's call knows one request. Tests hold the result to the pipeline's own.
    """

    steps: int
    reads_negative: bool = False

    def __init__(self, pipeline: Any, identity: Identity, *, embeddings: int = 256) -> None:
        self.pipeline = pipeline
        self.device: torch.device = pipeline.device
        self.prompts = PromptCache(embeddings)
        self.scenes_encoded = 0
        self._identity = identity

    # DiffusionModel

    @property
    def card(self) -> PainterCard:
        """Name, model with digest; diffusion models read the prompt."""
        who = self._identity
        return PainterCard(name=who.painter, model=f"{who.name}, sha256 {who.digest[:12]}", reads_prompt=True)

    @property
    def digest(self) -> str | None:
        """SHA-256 (hex) over the weights."""
        return self._identity.digest

    def check(self, wish: Wish) -> None:
        """Raises INVALID_PARAMETER where a text is longer than the encoder reads, so that nothing is cut silently."""
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
        """A run over passes of one key, prompts and scenes encoded where they are not yet."""
        with torch.inference_mode(), device_errors():
            self._encode_scenes([work.scene for work in passes])
            # A negative prompt that the model cannot read must not split the cache.
            keys = [(p.wish.prompt, p.wish.negative_prompt if self.reads_negative else _EMPTY) for p in passes]
            prompts = [self.prompts.get(key, lambda key=key: self.encode_prompt(*key)) for key in keys]  # type: ignore[misc]
            return TorchRun(self, passes, prompts)

    # What each model knows

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
    def noise_shape(self, size: tuple[int, int]) -> tuple[int, ...]:
        """The shape of one pass's noise, without the batch axis, for a size in pixels."""

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
        """What is done to the latents after each step, in place of `run.latents`."""

    @abstractmethod
    def decode(self, run: TorchRun) -> Tensor:
        """The pictures [n, 3, h, w] in -1 to 1."""

    # Shared by them

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
    @abstractmethod
    def denoiser(self) -> Any:
        """The network that is called at every step."""

    def _encode_scenes(self, scenes: Sequence[Scene]) -> None:
        """Encode those that are new, each once however many variants it has."""
        new = [scene for scene in dict.fromkeys(scenes) if scene.encoded is None]
        if not new:
            return
        pictures = torch.from_numpy(np.stack([np.asarray(scene.picture) for scene in new]))
        areas = torch.from_numpy(np.stack([np.asarray(scene.open) for scene in new]))
        pictures = pictures.to(self.device).permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1
        areas = (areas.to(self.device)[:, None] >= 128).to(torch.float32)
        for scene, encoded in zip(new, self.encode_scenes(pictures, areas), strict=True):
            scene.encoded = encoded
        self.scenes_encoded += len(new)


class TorchRun:
    """One batch in work; see `Run`."""

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
        """How many times `step` is to be called."""
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
        """Denoise once more."""
        with torch.inference_mode(), device_errors():
            timestep = self._timesteps[self._next]
            output = self.model.predict(self, timestep)
            self.latents = self.scheduler.step(output, timestep, self.latents, return_dict=False)[0]
            self.model.after_step(self)
            self._next += 1

    def keep(self, indices: Sequence[int]) -> None:
        """Go on with these passes alone."""
        chosen = list(indices)
        self.passes = [self.passes[i] for i in chosen]
        self.prompts = [self.prompts[i] for i in chosen]
        self.latents = self.latents[chosen]
        self.noise = self.noise[chosen]
        self._stacked.clear()

    def finish(self) -> list[Image.Image]:
        """The pictures; rounded on the device, so that bytes alone travel."""
        with torch.inference_mode(), device_errors():
            pixels = self.model.decode(self).float()
            pixels = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
            pictures = pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return [Image.fromarray(picture) for picture in pictures]


@contextmanager
def device_errors() -> Iterator[None]:
    """Torch's errors as the scheduler knows them."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        _free()
        raise OutOfMemory(str(error).splitlines()[0]) from None
    except torch.AcceleratorError as error:
        raise DeviceLost(str(error).splitlines()[0]) from error


def _free() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
