"""SDXL inpainting: guided by two predictions a step, with mask and masked picture as further channels."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

from outpaint.painting.painters.diffusion.torch_model import TorchModel, TorchRun

GUIDANCE: Final = 7.5
"""The pipeline's own default."""


class SdxlModel(TorchModel):
    """`StableDiffusionXLInpaintPipeline`'s components, for the nine-channel network of inpainting 0.1."""

    steps = 25
    reads_negative = True
    denoiser_part = "unet"

    def count_tokens(self, text: str) -> tuple[int, int]:
        """CLIP's tokens; both encoders cut at the same length."""
        tokenizer = self.pipeline.tokenizer
        return len(tokenizer(text)["input_ids"]), tokenizer.model_max_length

    def encode_prompt(self, prompt: str, negative_prompt: str) -> tuple[Tensor, ...]:
        """Text [1, tokens, channels] and pooled [1, channels], each of the prompt and of the negative one."""
        embeds: tuple[Tensor, ...] = self.pipeline.encode_prompt(
            prompt=prompt,
            # None rather than an empty text: the folder's config says what then counts, zeros for the base model.
            negative_prompt=negative_prompt or None,
            device=self.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=True,
        )
        return tuple(each.to(self.dtype) for each in embeds)

    def encode_scenes(self, pictures: Tensor, open_areas: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each the picture's latents [1, 4, h, w], and mask and masked picture [1, 5, h, w]."""
        whole, masked = self.whole_and_masked(pictures, open_areas)
        areas = torch.nn.functional.interpolate(open_areas, size=whole.shape[-2:]).to(self.dtype)
        return list(zip(whole.split(1), torch.cat([areas, masked], dim=1).split(1), strict=True))

    def timesteps(self, scheduler: Any, size: tuple[int, int], steps: int, strength: float) -> Tensor:  # noqa: ARG002
        """Whatever schedule the folder's scheduler has."""
        scheduler.set_timesteps(steps, device=self.device)
        first = max(steps - min(int(steps * strength), steps), 0) * scheduler.order
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(first)
        return scheduler.timesteps[first:]

    def first_latents(self, run: TorchRun, noise: Tensor) -> Tensor:
        """Pure noise at strength 1, else the picture with noise on it."""
        if run.strength >= 1:
            return noise * run.scheduler.init_noise_sigma
        whole = torch.cat([work.scene.encoded[0] for work in run.passes])
        return run.scheduler.add_noise(whole, noise, run._timesteps[:1].repeat(len(run.passes)))

    def predict(self, run: TorchRun, timestep: Tensor) -> Tensor:
        """Both prompts in one call; the result is moved from the negative one's towards the other's."""
        scenes = run.stacked("scenes", lambda: torch.cat([work.scene.encoded[1] for work in run.passes] * 2))
        texts = run.stacked("texts", lambda: torch.cat([p[1] for p in run.prompts] + [p[0] for p in run.prompts]))
        pooled = run.stacked("pooled", lambda: torch.cat([p[3] for p in run.prompts] + [p[2] for p in run.prompts]))
        times = run.stacked("times", lambda: self._time_ids(run))
        latents = run.scheduler.scale_model_input(torch.cat([run.latents] * 2), timestep)
        output = self.denoiser(
            torch.cat([latents, scenes], dim=1),
            timestep,
            encoder_hidden_states=texts,
            added_cond_kwargs={"text_embeds": pooled, "time_ids": times},
            return_dict=False,
        )[0]
        avoided, wanted = output.chunk(2)
        return avoided + GUIDANCE * (wanted - avoided)

    def decode(self, run: TorchRun) -> Tensor:
        return self.pixels_of(run.latents)

    def _time_ids(self, run: TorchRun) -> Tensor:
        size = (run.size[1], run.size[0])
        dimension = self.pipeline.text_encoder_2.config.projection_dim
        wanted, avoided = self.pipeline._get_add_time_ids(
            size, (0, 0), size, 6.0, 2.5, size, (0, 0), size, dtype=self.dtype, text_encoder_projection_dim=dimension
        )
        count = len(run.passes)
        return torch.cat([avoided.repeat(count, 1), wanted.repeat(count, 1)]).to(self.device)
