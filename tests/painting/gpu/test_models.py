"""The torch models on tiny pipelines: equal to diffusers' own calls, equal in a batch and alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from outpaint.contracts.errors import ErrorCode, OutpaintError

torch = pytest.importorskip("torch", reason="torch isn't installed: make test-gpu runs these")

from PIL import Image  # noqa: E402

from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource  # noqa: E402
from outpaint.contracts.requests import Wish  # noqa: E402
from outpaint.painting.canvas import Brief, Canvas  # noqa: E402
from outpaint.painting.endpoint.scheduler import Scheduler  # noqa: E402
from outpaint.painting.finish import composite  # noqa: E402
from outpaint.painting.painters.diffusion.diffusion_painter import DiffusionPainter  # noqa: E402
from outpaint.painting.painters.diffusion.model_loading import Recipe, load_model  # noqa: E402
from outpaint.painting.painters.diffusion.passes import DeviceLost, OutOfMemory, Pass  # noqa: E402
from outpaint.painting.painters.diffusion.torch_model import device_errors  # noqa: E402

from . import random_pipelines  # noqa: E402 - needs torch

# Diffusers' Euler scheduler makes arrays of tensors in a way that numpy means to drop.
pytestmark = [
    pytest.mark.parametrize("painter", ["klein", "sdxl", "fluxfill"]),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]

STEPS = 3


def tensors(model: Any, passes: list[Pass], keep: list[int] | None = None) -> np.ndarray[Any, Any]:
    """The decoded pictures as floats in 0 to 1, before rounding."""
    run = model.begin(passes)
    for number in range(run.steps):
        if keep is not None and number == 1:
            run.keep(keep)
        run.step()
    with torch.inference_mode():
        return ((model.decode(run).float() / 2 + 0.5).clamp(0, 1)).numpy()  # type: ignore[no-any-return]


def some(scene: Callable[..., Any], count: int = 3, strength: float = 1.0) -> list[Pass]:
    """Passes of different requests: every one its own picture, prompt and seed."""
    return [
        Pass(
            scene(i),
            Wish(prompt=f"prompt {i}", negative_prompt="ugly" * i),
            seed=11 * i,
            steps=STEPS,
            strength=strength,
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("strength", [1.0, 0.67])
def test_a_batch_of_strangers_equals_each_alone(
    models: Callable[[str], Any], scene: Callable[..., Any], painter: str, strength: float
) -> None:
    model = models(painter)
    passes = some(scene, strength=strength)
    together = tensors(model, passes)
    alone = np.concatenate([tensors(model, [each]) for each in passes])
    assert together.std(axis=(1, 2, 3)).min() > 0.02
    assert np.abs(together - alone).max() < 1e-3
    assert np.abs(together[0] - together[1]).max() > 0.05


def test_the_loop_equals_the_pipelines_own_call(
    models: Callable[[str], Any], scene: Callable[..., Any], painter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pipelines draw a picture's latents at random around their mean; ours are the mean, the same for every seed.
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode())
    model = models(painter)
    work = Pass(scene(4), Wish(prompt="a green field"), seed=5, steps=STEPS)
    ours = tensors(model, [work])[0]
    pipeline = model.pipeline
    given: dict[str, Any] = {"height": 64, "width": 64, "generator": torch.Generator("cpu").manual_seed(5)}
    if painter == "klein":
        given = {"generator": given["generator"], "strength": 1.0, "text_encoder_out_layers": (1, 2, 3)}
    elif painter == "sdxl":
        given |= {"strength": 1.0, "guidance_scale": 7.5}
    else:
        given |= {"guidance_scale": 30.0}
    theirs = pipeline(
        prompt=work.wish.prompt,
        image=work.scene.picture,
        mask_image=work.scene.open,
        num_inference_steps=STEPS,
        output_type="np",
        **given,
    ).images[0]
    assert np.abs(ours - theirs.transpose(2, 0, 1)).max() < 1e-3


def test_a_pass_taken_out_between_steps_changes_nothing_for_the_rest(
    models: Callable[[str], Any], scene: Callable[..., Any], painter: str
) -> None:
    model = models(painter)
    passes = some(scene)
    left = tensors(model, passes, keep=[2, 0])
    assert np.abs(left - np.concatenate([tensors(model, [passes[2]]), tensors(model, [passes[0]])])).max() < 1e-3


def test_seeds_reproduce_to_the_bit_and_differ(
    models: Callable[[str], Any], scene: Callable[..., Any], painter: str
) -> None:
    model = models(painter)
    first, again, other = (tensors(model, [Pass(scene(1), Wish(prompt="x"), seed, STEPS)]) for seed in (3, 3, 4))
    assert (first == again).all()
    assert np.abs(first - other).max() > 0.05


def test_the_prompt_counts_and_what_to_avoid_where_it_is_read(
    models: Callable[[str], Any], scene: Callable[..., Any], painter: str
) -> None:
    model = models(painter)
    plain, prompted, avoiding = (
        tensors(model, [Pass(scene(1), Wish(prompt=prompt, negative_prompt=negative), 3, STEPS)])
        for prompt, negative in (("a", ""), ("something else", ""), ("a", "ugly"))
    )
    assert np.abs(plain - prompted).max() > 1e-5
    assert (np.abs(plain - avoiding).max() > 1e-5) == model.reads_negative


def test_a_cached_prompt_skips_the_text_encoder(
    models: Callable[[str], Any], scene: Callable[..., Any], painter: str
) -> None:
    model = models(painter)
    calls: list[int] = []
    encoder = model.pipeline.text_encoder
    hook = encoder.register_forward_hook(lambda *_: calls.append(1))
    try:
        for _ in range(3):
            tensors(model, [Pass(scene(seed), Wish(prompt=f"only once {painter}"), seed, 1) for seed in range(2)])
    finally:
        hook.remove()
    assert len(calls) == 1


def test_a_scene_is_encoded_once_for_all_its_variants(
    models: Callable[[str], Any], scene: Callable[..., Any], painter: str
) -> None:
    model = models(painter)
    shared = scene(9)
    with mock.patch.object(model, "encode_scenes", wraps=model.encode_scenes) as encode:
        tensors(model, [Pass(shared, Wish(prompt="x"), seed, 1) for seed in range(3)])
        tensors(model, [Pass(shared, Wish(prompt="x"), 7, 1)])
    (call,) = encode.call_args_list
    assert len(call.args[0]) == 1


def test_a_prompt_over_the_encoders_length_is_refused_and_one_within_is_not(
    models: Callable[[str], Any], painter: str
) -> None:
    model = models(painter)
    most = model.count_tokens("")[1]
    fitting = "a" * (most - model.count_tokens("a" * 20)[0] + 20)
    assert model.count_tokens(fitting)[0] == most
    model.check(Wish(prompt=fitting))
    with pytest.raises(OutpaintError) as caught:
        model.check(Wish(prompt=fitting + "a"))
    assert caught.value.code is ErrorCode.INVALID_PARAMETER
    assert caught.value.field == "prompt"
    assert f"{most + 1} tokens" in caught.value.detail
    if model.reads_negative:
        with pytest.raises(OutpaintError) as caught:
            model.check(Wish(prompt="a", negative_prompt=fitting + "a"))
        assert caught.value.field == "negative_prompt"
    else:
        model.check(Wish(prompt="a", negative_prompt=fitting + "a"))


def test_the_card_names_the_weights(models: Callable[[str], Any], folders: Callable[[str], Path], painter: str) -> None:
    from outpaint.painting.painters.diffusion import model_folder

    model = models(painter)
    digest = model_folder.verified_manifest(folders(painter)).digest
    assert model.digest == digest
    assert model.card.name == painter
    assert digest[:12] in model.card.model
    assert model.card.reads_prompt


def test_fluxfill_says_its_licence_at_start_and_the_others_do_not(
    folders: Callable[[str], Path], painter: str, caplog: pytest.LogCaptureFixture
) -> None:
    load_model(painter, folders(painter), device="cpu")
    assert ("NON-COMMERCIAL" in caplog.text) == (painter == "fluxfill")


def test_weights_of_another_painter_are_refused(folders: Callable[[str], Path], painter: str) -> None:
    other = {"klein": "sdxl", "sdxl": "fluxfill", "fluxfill": "klein"}[painter]
    with pytest.raises(OutpaintError) as caught:
        load_model(painter, folders(other), device="cpu")
    assert caught.value.code is ErrorCode.UNAVAILABLE


def test_a_changed_weight_is_refused(folders: Callable[[str], Path], painter: str, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folders(painter), copy)
    weights = max(copy.rglob("*.safetensors"), key=lambda path: path.stat().st_size)
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(OutpaintError, match="SHA-256 differs"):
        load_model(painter, copy, device="cpu")


def test_a_device_that_is_not_there_is_said(folders: Callable[[str], Path], painter: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(OutpaintError) as caught:
        load_model(painter, folders(painter), device="cuda")
    assert caught.value.field == "device"


@pytest.mark.parametrize("recipe", [Recipe(channels_last=True), Recipe(attention="_native_math")])
def test_recipes_that_a_cpu_can_follow_paint_the_same(
    models: Callable[[str], Any],
    folders: Callable[[str], Path],
    scene: Callable[..., Any],
    painter: str,
    recipe: Recipe,
) -> None:
    if recipe.attention and painter == "sdxl":
        pytest.skip("diffusers' UNet has no attention backends")
    passes = some(scene, 2)
    changed = load_model(painter, folders(painter), device="cpu", recipe=recipe).model
    assert np.abs(tensors(models(painter), passes) - tensors(changed, passes)).max() < 1e-3


def test_recipes_that_cannot_be_followed_are_said(folders: Callable[[str], Path], painter: str) -> None:
    for recipe in (Recipe(attention="no_such_backend"), Recipe(cuda_graphs=True)):
        with pytest.raises(OutpaintError) as caught:
            load_model(painter, folders(painter), device="cpu", recipe=recipe)
        assert caught.value.code is ErrorCode.INVALID_PARAMETER


def test_the_devices_errors_are_the_schedulers(painter: str) -> None:
    with pytest.raises(OutOfMemory), device_errors():
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(DeviceLost), device_errors():
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")


def test_one_step_of_alpha_all_over_the_border_changes_next_to_nothing(
    models: Callable[[str], Any], painter: str
) -> None:
    coarse = np.random.default_rng(3).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    scheduler = Scheduler(models(painter), count=2, linger=0.0)
    scheduler.start()
    results = []
    try:
        for outside in (127, 128):
            keep = Image.new("L", (64, 64), outside)
            keep.paste(255, (16, 16, 48, 48))
            picture = Image.fromarray(coarse).resize(keep.size, Image.Resampling.BICUBIC)
            interpretation = MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=0.5)
            canvas = Canvas.of(picture, keep, None, interpretation)
            diffusion = DiffusionPainter(models(painter), scheduler.submit, window=64, smallest_window=32, steps=STEPS)
            (painted,) = diffusion.paint(canvas, Brief(Wish(prompt="a green field"), (7,)))
            results.append(np.asarray(composite(canvas, painted)).astype(int))
    finally:
        scheduler.close()
    assert np.abs(results[0] - results[1]).mean() <= 2
    outside_of_box = np.ones((64, 64), dtype=bool)
    outside_of_box[16:48, 16:48] = False
    assert np.abs(results[1] - np.asarray(picture))[outside_of_box].mean() > 5


def test_real_sizes_have_the_published_number_of_parameters(painter: str) -> None:
    pipeline = random_pipelines.build(painter, "real", device="meta", dtype=torch.bfloat16)
    network = pipeline.unet if painter == "sdxl" else pipeline.transformer
    billions = sum(parameter.numel() for parameter in network.parameters()) / 1e9
    assert billions == pytest.approx({"klein": 3.88, "sdxl": 2.57, "fluxfill": 11.9}[painter], rel=0.01)
