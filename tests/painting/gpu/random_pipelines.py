"""Pipelines with random weights, tiny or of real size: what tests load and benchmarks run without any download.

Speed, memory and every shape are those of the real models; the pictures are noise. Sizes are from the models'
published configurations.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinInpaintPipeline,
    Flux2Transformer2DModel,
    FluxFillPipeline,
    FluxTransformer2DModel,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Qwen2TokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

Size = Literal["tiny", "real"]

_CHAT: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build(painter: str, size: Size, *, seed: int = 0, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Any:
    """A painter's pipeline, its weights drawn from `seed`, ready to run or to be saved."""
    torch.manual_seed(seed)
    makers = {"klein": _klein, "sdxl": _sdxl, "fluxfill": _fluxfill}
    pipeline = makers[painter](size == "tiny", torch.device(device), dtype)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _made(model_class: Any, device: torch.device, dtype: torch.dtype, *configs: Any, **config: Any) -> Any:
    """A model made where it is to be, in its precision: real sizes would not fit the host in float32."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            return model_class(*configs, **config).eval()
    finally:
        torch.set_default_dtype(before)


def _letters() -> dict[str, int]:
    """A vocabulary of single bytes, as byte-level tokenizers spell them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spelt = [chr(byte) for byte in plain] + [chr(256 + extra) for extra in range(256 - len(plain))]
    return {letter: index for index, letter in enumerate(spelt)}


def _clip_tokenizer() -> CLIPTokenizer:
    letters = _letters()
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: index for index, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def _klein(tiny: bool, device: torch.device, dtype: torch.dtype) -> Any:
    vocabulary = {**_letters(), "<|endoftext|>": 256, "<|im_start|>": 257, "<|im_end|>": 258}
    tokenizer = Qwen2TokenizerFast(vocab=vocabulary, merges=[], chat_template=_CHAT)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    text = Qwen3Config(
        hidden_size=16 if tiny else 2560,
        intermediate_size=16 if tiny else 9728,
        num_hidden_layers=4 if tiny else 36,
        num_attention_heads=2 if tiny else 32,
        num_key_value_heads=2 if tiny else 8,
        head_dim=8 if tiny else 128,
        vocab_size=300 if tiny else 151936,
        max_position_embeddings=512 if tiny else 40960,
        rope_theta=1000000.0,
        tie_word_embeddings=True,
        pad_token_id=256,
        bos_token_id=256,
        eos_token_id=256,
    )
    transformer = _made(
        Flux2Transformer2DModel,
        device,
        dtype,
        in_channels=16 if tiny else 128,
        num_layers=1 if tiny else 5,
        num_single_layers=1 if tiny else 20,
        attention_head_dim=16 if tiny else 128,
        num_attention_heads=2 if tiny else 24,
        joint_attention_dim=3 * (16 if tiny else 2560),
        timestep_guidance_channels=256,
        mlp_ratio=3.0,
        axes_dims_rope=(4, 4, 4, 4) if tiny else (32, 32, 32, 32),
        guidance_embeds=False,
    )
    sizes = (8, 8, 8, 8) if tiny else (128, 256, 512, 512)
    vae = _made(
        AutoencoderKLFlux2,
        device,
        dtype,
        block_out_channels=sizes,
        layers_per_block=1 if tiny else 2,
        latent_channels=4 if tiny else 32,
        norm_num_groups=2 if tiny else 32,
    )
    return Flux2KleinInpaintPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=vae,
        text_encoder=_made(Qwen3ForCausalLM, device, dtype, text),
        tokenizer=tokenizer,
        transformer=transformer,
        is_distilled=True,
    )


def _sdxl(tiny: bool, device: torch.device, dtype: torch.dtype) -> Any:
    tokenizers = [_clip_tokenizer(), _clip_tokenizer()]
    first = _clip(tiny, hidden=768, layers=12, heads=12, activation="quick_gelu", projection=768)
    second = _clip(tiny, hidden=1280, layers=32, heads=20, activation="gelu", projection=1280)
    unet = _made(
        UNet2DConditionModel,
        device,
        dtype,
        in_channels=9,
        out_channels=4,
        sample_size=8 if tiny else 128,
        block_out_channels=(16, 32) if tiny else (320, 640, 1280),
        layers_per_block=1 if tiny else 2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D")
        if tiny
        else ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D")
        if tiny
        else ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4) if tiny else (5, 10, 20),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8 if tiny else 256,
        transformer_layers_per_block=(1, 1) if tiny else (1, 2, 10),
        projection_class_embeddings_input_dim=8 * 6 + 32 if tiny else 2816,
        cross_attention_dim=64 if tiny else 2048,
        norm_num_groups=8 if tiny else 32,
    )
    vae = _autoencoder(tiny, device, dtype, channels=4, scaling=0.13025, shift=None, quantised=True)
    return StableDiffusionXLInpaintPipeline(
        vae=vae,
        text_encoder=_made(CLIPTextModel, device, dtype, first),
        text_encoder_2=_made(CLIPTextModelWithProjection, device, dtype, second),
        tokenizer=tokenizers[0],
        tokenizer_2=tokenizers[1],
        unet=unet,
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="leading",
        ),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )


def _fluxfill(tiny: bool, device: torch.device, dtype: torch.dtype) -> Any:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -10.0), ("▁", -2.0)]
    pieces += [(chr(code), -3.0) for code in range(33, 127)]
    clip = _clip(tiny, hidden=768, layers=12, heads=12, activation="quick_gelu", projection=768)
    t5 = T5Config(
        vocab_size=256 if tiny else 32128,
        d_model=32 if tiny else 4096,
        d_kv=8 if tiny else 64,
        d_ff=37 if tiny else 10240,
        num_layers=2 if tiny else 24,
        num_heads=4 if tiny else 64,
        feed_forward_proj="relu" if tiny else "gated-gelu",
    )
    transformer = _made(
        FluxTransformer2DModel,
        device,
        dtype,
        in_channels=(8 + 8 + 64 * 4) if tiny else 384,
        out_channels=8 if tiny else 64,
        num_layers=1 if tiny else 19,
        num_single_layers=1 if tiny else 38,
        attention_head_dim=16 if tiny else 128,
        num_attention_heads=2 if tiny else 24,
        joint_attention_dim=32 if tiny else 4096,
        pooled_projection_dim=32 if tiny else 768,
        axes_dims_rope=(4, 4, 8) if tiny else (16, 56, 56),
        guidance_embeds=True,
    )
    return FluxFillPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=_autoencoder(
            tiny, device, dtype, channels=2 if tiny else 16, scaling=0.3611, shift=0.1159, quantised=False
        ),
        text_encoder=_made(CLIPTextModel, device, dtype, clip),
        text_encoder_2=_made(T5EncoderModel, device, dtype, t5),
        tokenizer=_clip_tokenizer(),
        tokenizer_2=T5TokenizerFast(vocab=pieces, extra_ids=0, model_max_length=512),
        transformer=transformer,
    )


def _clip(tiny: bool, *, hidden: int, layers: int, heads: int, activation: str, projection: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        hidden_size=32 if tiny else hidden,
        intermediate_size=37 if tiny else hidden * 4,
        num_hidden_layers=2 if tiny else layers,
        num_attention_heads=4 if tiny else heads,
        hidden_act=activation,
        projection_dim=32 if tiny else projection,
        vocab_size=600 if tiny else 49408,
        max_position_embeddings=77,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
    )


def _autoencoder(
    tiny: bool,
    device: torch.device,
    dtype: torch.dtype,
    *,
    channels: int,
    scaling: float,
    shift: float | None,
    quantised: bool,
) -> AutoencoderKL:
    sizes = (8, 8, 8, 8) if tiny else (128, 256, 512, 512)
    return _made(
        AutoencoderKL,
        device,
        dtype,
        block_out_channels=sizes,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1 if tiny else 2,
        latent_channels=channels,
        norm_num_groups=2 if tiny else 32,
        sample_size=64 if tiny else 1024,
        scaling_factor=scaling,
        shift_factor=shift,
        use_quant_conv=quantised,
        use_post_quant_conv=quantised,
        force_upcast=False,
    )
