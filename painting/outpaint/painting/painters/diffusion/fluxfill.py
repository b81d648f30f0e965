"""FLUX.1 Fill: guided, with the masked picture and the mask as further channels of every token."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from diffusers.pipelines.flux.pipeline_flux_fill import calculate_shift
from torch import Tensor

from outpaint.painting.painters.diffusion.torch_model import TorchModel, TorchRun

GUIDANCE: Final = 30.0
"""The value that the model's authors use."""

MAX_TOKENS: Final = 512


class FluxFillModel(TorchModel):
    """`FluxFillPipeline`'s components; its guidance is distilled, so negative prompts have no effect."""

    steps = 28

    def count_tokens(self, text: str) -> tuple[int, int]:
        """T5's tokens; CLIP only adds a summary, of the first 77, by the model's design."""
        return len(self.pipeline.tokenizer_2(text)["input_ids"]), MAX_TOKENS

    def encode_prompt(self, prompt: str, negative_prompt: str) -> tuple[Tensor, Tensor]:  # noqa: ARG002 - see the class
        """[1, tokens, channels] and the pooled [1, channels]."""
        embeds = self.pipeline._get_t5_prompt_embeds(prompt, max_sequence_length=MAX_TOKENS, device=self.device)
        tokenizer, encoder = self.pipeline.tokenizer, self.pipeline.text_encoder
        # Cut here rather than by the pipeline, which would warn of it.
        short = tokenizer(
            prompt, max_length=tokenizer.model_max_length, truncation=True, padding="max_length", return_tensors="pt"
        )
        pooled = encoder(short["input_ids"].to(self.device), output_hidden_states=False).pooler_output
        return embeds.to(self.dtype), pooled.to(self.dtype)

    def encode_scenes(self, pictures: Tensor, open_areas: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each the picture's latents [1, c, h, w], and masked picture and mask as tokens [1, s, c]."""
        pipeline, count = self.pipeline, len(pictures)
        whole, masked = self.whole_and_masked(pictures, open_areas)
        rows, columns = whole.shape[-2:]
        factor = pipeline.vae_scale_factor
        areas = open_areas[:, 0].view(count, rows, factor, columns, factor).permute(0, 2, 4, 1, 3)
        areas = areas.reshape(count, factor * factor, rows, columns).to(self.dtype)
        tokens = torch.cat(
            [
                pipeline._pack_latents(masked, count, masked.shape[1], rows, columns),
                pipeline._pack_latents(areas, count, factor * factor, rows, columns),
            ],
            dim=-1,
        )
        return list(zip(whole.split(1), tokens.split(1), strict=True))

    def timesteps(self, scheduler: Any, size: tuple[int, int], steps: int, strength: float) -> Tensor:
        """Shifted by the picture's size."""
        _, rows, columns = self.noise_shape(size)
        config = scheduler.config
        mu = calculate_shift(
            rows * columns // 4,
            config.get("base_image_seq_len", 256),
            config.get("max_image_seq_len", 4096),
            config.get("base_shift", 0.5),
            config.get("max_shift", 1.15),
        )
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), device=self.device, mu=mu)
        first = int(max(steps - min(steps * strength, steps), 0))
        scheduler.set_begin_index(first)
        return scheduler.timesteps[first:]

    def first_latents(self, run: TorchRun, noise: Tensor) -> Tensor:
        """Noise, mixed with the picture where strength is below 1, as tokens."""
        whole = torch.cat([work.scene.encoded[0] for work in run.passes])
        at = run._timesteps[:1].repeat(len(run.passes))
        mixed = run.scheduler.scale_noise(whole, at, noise)
        return self.pipeline._pack_latents(mixed, *mixed.shape)

    def predict(self, run: TorchRun, timestep: Tensor) -> Tensor:
        """One call; guidance is an input of the network."""
        count = len(run.passes)
        scenes = run.stacked("scenes", lambda: torch.cat([work.scene.encoded[1] for work in run.passes]))
        texts = run.stacked("texts", lambda: torch.cat([prompt[0] for prompt in run.prompts]))
        pooled = run.stacked("pooled", lambda: torch.cat([prompt[1] for prompt in run.prompts]))
        _, rows, columns = self.noise_shape(run.size)
        ids = run.stacked(
            "ids",
            lambda: self.pipeline._prepare_latent_image_ids(count, rows // 2, columns // 2, self.device, self.dtype),
        )
        text_ids = run.stacked("text_ids", lambda: torch.zeros(texts.shape[1], 3, device=self.device, dtype=self.dtype))
        guidance = None
        if self.denoiser.config.guidance_embeds:
            guidance = torch.full([count], GUIDANCE, device=self.device, dtype=torch.float32)
        return self.denoiser(
            hidden_states=torch.cat((run.latents, scenes), dim=2),
            timestep=timestep.expand(count).to(self.dtype) / 1000,
            guidance=guidance,
            pooled_projections=pooled,
            encoder_hidden_states=texts,
            txt_ids=text_ids,
            img_ids=ids,
            return_dict=False,
        )[0]

    def decode(self, run: TorchRun) -> Tensor:
        width, height = run.size
        return self.pixels_of(self.pipeline._unpack_latents(run.latents, height, width, self.pipeline.vae_scale_factor))
