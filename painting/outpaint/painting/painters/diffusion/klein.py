"""FLUX.2 klein: distilled, four steps, the kept picture both as reference tokens and blended in at every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffusers.pipelines.flux2.pipeline_flux2_klein_inpaint import compute_empirical_mu
from torch import Tensor

from outpaint.painting.painters.diffusion.torch_model import TorchModel, TorchRun


class KleinModel(TorchModel):
    """`Flux2KleinInpaintPipeline`'s components; no guidance, so negative prompts have no effect."""

    steps = 4

    def count_tokens(self, text: str) -> tuple[int, int]:
        """Tokens inside the chat template that the encoder was trained with."""
        tokenizer = self.pipeline.tokenizer
        messages = [{"role": "user", "content": text}]
        chat = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        return len(tokenizer(chat)["input_ids"]), self.pipeline.tokenizer_max_length

    def encode_prompt(self, prompt: str, negative_prompt: str) -> Tensor:  # noqa: ARG002 - see the class
        """[1, tokens, channels]."""
        layers = self.pipeline.text_encoder.config.num_hidden_layers
        # The middle layers that klein was trained on, 9, 18 and 27 of 36.
        chosen = (layers // 4, layers // 2, layers * 3 // 4)
        embeds, _ = self.pipeline.encode_prompt(prompt, device=self.device, text_encoder_out_layers=chosen)
        return embeds.to(self.dtype)

    def encode_scenes(self, pictures: Tensor, open_areas: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each the latents as tokens [1, s, c] and the open share of each token [1, s, 1]."""
        pipeline = self.pipeline
        latents = pipeline._encode_vae_image(pictures.to(pipeline.vae.dtype), generator=None).to(self.dtype)
        areas = torch.nn.functional.interpolate(open_areas, size=latents.shape[-2:], mode="bilinear").to(self.dtype)
        tokens, shares = pipeline._pack_latents(latents), pipeline._pack_latents(areas)
        return list(zip(tokens.split(1), shares.split(1), strict=True))

    def noise_shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """[channels, rows, columns] of tokens."""
        grain = self.pipeline.vae_scale_factor * 2
        return (self.denoiser.config.in_channels, size[1] // grain, size[0] // grain)

    def timesteps(self, scheduler: Any, size: tuple[int, int], steps: int, strength: float) -> Tensor:
        """Shifted by the picture's size, as the model was distilled."""
        _, rows, columns = self.noise_shape(size)
        sigmas = None if scheduler.config.get("use_flow_sigmas") else np.linspace(1.0, 1 / steps, steps)
        mu = compute_empirical_mu(image_seq_len=rows * columns, num_steps=steps)
        scheduler.set_timesteps(sigmas=sigmas, num_inference_steps=steps, device=self.device, mu=mu)
        first = int(max(steps - min(steps * strength, steps), 0))
        scheduler.set_begin_index(first)
        return scheduler.timesteps[first:]

    def first_latents(self, run: TorchRun, noise: Tensor) -> Tensor:
        """Noise, mixed with the picture where strength is below 1; `run.noise` is in tokens from here on."""
        run.noise = self.pipeline._pack_latents(noise)
        count = len(run.passes)
        at = run._timesteps[:1].repeat(count)
        return run.scheduler.scale_noise(_tokens(run), at, run.noise).to(self.dtype)

    def predict(self, run: TorchRun, timestep: Tensor) -> Tensor:
        """The painted tokens attend to those of the kept picture, which are added as a reference."""
        count = len(run.passes)
        known = _tokens(run)
        prompts = run.stacked("prompts", lambda: torch.cat(run.prompts))
        text_ids = run.stacked("text_ids", lambda: self.pipeline._prepare_text_ids(prompts).to(self.device))
        ids = run.stacked("ids", lambda: self._ids(run, count))
        output = self.denoiser(
            hidden_states=torch.cat([run.latents, known], dim=1).to(self.dtype),
            timestep=timestep.expand(count).to(self.dtype) / 1000,
            guidance=None,
            encoder_hidden_states=prompts,
            txt_ids=text_ids,
            img_ids=ids,
            return_dict=False,
        )[0]
        return output[:, : run.latents.shape[1]]

    def after_step(self, run: TorchRun) -> None:
        """The kept tokens again as they are at this noise level."""
        known = _tokens(run)
        after = run.timestep_after
        if after is not None:
            known = run.scheduler.scale_noise(known, after[None], run.noise)
        share = run.stacked("shares", lambda: torch.cat([work.scene.encoded[1] for work in run.passes]))
        run.latents = ((1 - share) * known + share * run.latents).to(self.dtype)

    def decode(self, run: TorchRun) -> Tensor:
        pipeline, vae = self.pipeline, self.pipeline.vae
        _, rows, columns = self.noise_shape(run.size)
        latents = run.latents.permute(0, 2, 1).reshape(len(run.passes), -1, rows, columns)
        mean = vae.bn.running_mean.view(1, -1, 1, 1).to(latents)
        deviation = torch.sqrt(vae.bn.running_var.view(1, -1, 1, 1) + vae.config.batch_norm_eps).to(latents)
        latents = pipeline._unpatchify_latents(latents * deviation + mean)
        return vae.decode(latents.to(vae.dtype), return_dict=False)[0]

    def _ids(self, run: TorchRun, count: int) -> Tensor:
        shape = (count, *self.noise_shape(run.size))
        own = self.pipeline._prepare_latent_ids(torch.empty(shape, device="meta"))
        reference = self.pipeline._prepare_image_ids([torch.empty((1, *shape[1:]), device="meta")], count)
        return torch.cat([own, reference], dim=1).to(self.device)


def _tokens(run: TorchRun) -> Tensor:
    tokens: Tensor = run.stacked("tokens", lambda: torch.cat([work.scene.encoded[0] for work in run.passes]))
    return tokens
