"""Speed recipes: each a switch, each off until it was measured to be worth it on the device at hand."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from outpaint_contracts.errors import ErrorCode, OutpaintError

if TYPE_CHECKING:
    import torch

_LOG: Final = logging.getLogger("outpaint.recipes")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is done to a loaded model before it runs.

    `compile`: the repeated blocks alone, once for all layers. `compile_cache`: a file that keeps compiled code
    between starts. `cuda_graphs`: compiled blocks replayed as graphs, which needs `compile`. `fp8`: weights and
    activations in eight bits by torchao. `attention`: a backend by diffusers' name. `channels_last`: the VAE's
    layout.
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
            self._load_cache()
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

    def _load_cache(self) -> None:
        import torch

        if self.compile_cache is not None:
            with contextlib.suppress(FileNotFoundError):
                torch.compiler.load_cache_artifacts(self.compile_cache.read_bytes())


def _impossible(name: str, error: Exception) -> OutpaintError:
    text = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
    return OutpaintError.wrong_value(name, "on", f"this machine cannot do that: {text}")
