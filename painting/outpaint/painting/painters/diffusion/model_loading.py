"""Loads a model onto its device, as a recipe says: quantised, compiled, with another attention."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.painting.painters.diffusion import model_folder
from outpaint.painting.painters.painter_table import PAINTERS

if TYPE_CHECKING:
    import torch

    from outpaint.painting.painters.diffusion.torch_model import TorchModel

_LOG: Final = logging.getLogger("outpaint.loading")

_RESERVED: Final = 0.9
"""The share of free device memory that batches may take: allocators fragment, and libraries keep workspaces."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is done to a loaded model before it runs: the settings of these names (`EndpointSettings`).

    `compile` compiles the repeated blocks alone, once for all layers; `cuda_graphs` needs it.
    """

    compile: bool = False
    compile_cache: Path | None = None
    cuda_graphs: bool = False
    fp8: bool = False
    attention: str = ""
    channels_last: bool = False

    def apply(self, denoiser: Any, vae: torch.nn.Module) -> None:
        """Change the denoiser (a diffusers model) and the VAE in place.

        Raises `OutpaintError` INVALID_PARAMETER where this machine cannot follow the recipe.
        """
        import torch

        if self.attention:
            try:
                denoiser.set_attention_backend(self.attention)
            except (ValueError, RuntimeError, ImportError) as error:
                raise _impossible("attention", error) from error
        if self.fp8:
            try:
                from torchao.quantization import Float8DynamicActivationFloat8WeightConfig, quantize_
            except ImportError as error:
                raise _impossible("fp8", error) from error
            quantize_(denoiser, Float8DynamicActivationFloat8WeightConfig())
        if self.channels_last:
            vae.to(memory_format=torch.channels_last)
        if self.cuda_graphs and not self.compile:
            raise OutpaintError(
                ErrorCode.INVALID_PARAMETER,
                "cuda_graphs replays compiled blocks: switch compile on too",
                field="cuda_graphs",
            )
        if self.compile:
            if self.compile_cache is not None:
                with contextlib.suppress(FileNotFoundError):
                    torch.compiler.load_cache_artifacts(self.compile_cache.read_bytes())
            # Every bucket is another shape: without a limit for each, all but the first few would run uncompiled.
            torch._dynamo.config.recompile_limit = 64
            denoiser.compile_repeated_blocks(
                fullgraph=True, dynamic=False, mode="reduce-overhead" if self.cuda_graphs else "default"
            )

    def save_cache(self) -> None:
        """Keep what was compiled so far, for the next start."""
        import torch

        if not (self.compile and self.compile_cache):
            return
        artifacts = torch.compiler.save_cache_artifacts()
        if artifacts is not None:
            part = self.compile_cache.with_suffix(".part")
            try:
                part.write_bytes(artifacts[0])
                part.replace(self.compile_cache)
            except OSError as error:
                _LOG.warning("compiled code could not be kept: %s", error)


def _impossible(name: str, error: Exception) -> OutpaintError:
    return OutpaintError.wrong_value(name, "on", f"this machine cannot do that: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model, the bytes that are free on its device (None on a CPU), and what measures the peak of those taken."""

    model: TorchModel
    free_memory: int | None
    peak_memory: Callable[[], int | None]


def load_model(
    painter: str,
    folder: Path,
    *,
    device: str = "auto",
    dtype: str = "auto",
    embeddings: int = 256,
    recipe: Recipe = Recipe(),
) -> LoadedModel:
    """The painter's pipeline from `folder`, every file checked against the folder's manifest first.

    `dtype` auto is bfloat16 on a GPU and float32 on a CPU. Raises `OutpaintError`: UNAVAILABLE where the folder
    is not what its manifest says or no such pipeline, INVALID_PARAMETER where this machine cannot do what is
    asked of it.
    """
    # huggingface_hub reads these when it is imported.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("DIFFUSERS_OFFLINE", "1")
    manifest = model_folder.verified_manifest(folder)
    try:
        import diffusers
        import torch
    except ImportError as error:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER,
            f"the painter {painter} needs the extra gpu, and {error.name} is not installed: "
            "pip install 'outpaint-kit[gpu]'",
            field="painter",
        ) from error
    where = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    if where.type == "cuda" and not torch.cuda.is_available():
        raise OutpaintError.wrong_value("device", device, "torch sees no GPU here")
    if painter == "fluxfill":
        _LOG.warning(
            "fluxfill paints with FLUX.1 Fill [dev], whose licence is NON-COMMERCIAL: "
            "serve it only if you hold a licence that allows your use (folder's licence: %s)",
            manifest.licence,
        )
    diffusers.utils.logging.disable_progress_bar()
    wanted = PAINTERS[painter].pipeline
    assert wanted is not None
    pipeline_class = getattr(diffusers, wanted)
    if dtype == "auto":
        dtype = "bfloat16" if where.type == "cuda" else "float32"
    try:
        pipeline: Any = pipeline_class.from_pretrained(folder, dtype=getattr(torch, dtype), local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise OutpaintError.unavailable(
            f"the weights are no {wanted} ({_first_line(error)}): check which model was shipped"
        ) from error
    found = type(pipeline).__name__
    if found != wanted:
        raise OutpaintError.unavailable(f"the weights are a {found}, not a {wanted}")
    pipeline.set_progress_bar_config(disable=True)
    pipeline.to(where)
    model = _model(painter, pipeline, manifest, embeddings)
    recipe.apply(model.denoiser, pipeline.vae)
    return LoadedModel(
        model,
        free_memory=int(torch.cuda.mem_get_info(where)[0] * _RESERVED) if where.type == "cuda" else None,
        peak_memory=_PeakMemory(where),
    )


def _model(painter: str, pipeline: Any, manifest: model_folder.ModelManifest, embeddings: int) -> TorchModel:
    from outpaint.painting.painters.diffusion.torch_model import Identity

    model_class: type[TorchModel]
    match painter:
        case "klein":
            from outpaint.painting.painters.diffusion.klein import KleinModel

            model_class = KleinModel
        case "sdxl":
            from outpaint.painting.painters.diffusion.sdxl import SdxlModel

            model_class = SdxlModel
            if pipeline.unet.config.in_channels != 9:
                raise OutpaintError.unavailable("the weights are SDXL without inpainting channels: ship inpainting 0.1")
        case _:
            from outpaint.painting.painters.diffusion.fluxfill import FluxFillModel

            model_class = FluxFillModel
    return model_class(pipeline, Identity(painter, manifest.name, manifest.digest), embeddings=embeddings)


class _PeakMemory:
    """The bytes that the device took at its peak beyond what it had taken at the call before; None on a CPU."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._before = 0

    def __call__(self) -> int | None:
        import torch

        if self._device.type != "cuda":
            return None
        taken = torch.cuda.max_memory_allocated(self._device) - self._before
        torch.cuda.reset_peak_memory_stats(self._device)
        self._before = torch.cuda.memory_allocated(self._device)
        return max(0, int(taken))
