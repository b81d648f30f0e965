"""The GPU painters, on models of real size with random weights: `make bench-gpu`, or `python bench/gpu.py`.

Random weights give true speed, memory and batching; they say nothing of pictures. On a CPU the models are tiny, which
proves that the script runs and gives no figure worth keeping: only a GPU's results are written into the docs.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from PIL import Image
from report import Section, alternate, machine, put
from torch.utils.flop_counter import FlopCounterMode

from outpaint.contracts.inference import InferenceRequest
from outpaint.contracts.requests import Wish
from outpaint.painting.endpoint.scheduler import Scheduler
from outpaint.painting.painters.diffusion.diffusion_painter import DiffusionPainter
from outpaint.painting.painters.diffusion.fluxfill import FluxFillModel
from outpaint.painting.painters.diffusion.klein import KleinModel
from outpaint.painting.painters.diffusion.model_loading import Recipe
from outpaint.painting.painters.diffusion.passes import Pass, Scene
from outpaint.painting.painters.diffusion.sdxl import SdxlModel
from outpaint.painting.painters.diffusion.torch_model import Identity
from outpaint.painting.pipeline import Files, carry_out

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "painting" / "gpu"))
from random_pipelines import build

MODELS = {"klein": KleinModel, "sdxl": SdxlModel, "fluxfill": FluxFillModel}
RECIPES = {
    "channels-last VAE": Recipe(channels_last=True),
    "attention: cuDNN": Recipe(attention="_native_cudnn"),
    "attention: flash": Recipe(attention="_native_flash"),
    "regional compile": Recipe(compile=True),
    "regional compile, CUDA graphs": Recipe(compile=True, cuda_graphs=True),
    "regional compile, fp8": Recipe(compile=True, fp8=True),
}


class Bench:
    """One device, one size of models, and the minutes that all of it may take."""

    def __init__(self, device: str, minutes: float) -> None:
        self.device = device
        self.gpu = device.startswith("cuda")
        self.side = 1024 if self.gpu else 64
        self.dtype = torch.bfloat16 if self.gpu else torch.float32
        self._until = time.monotonic() + minutes * 60

    def left(self) -> float:
        """Seconds that are left."""
        return self._until - time.monotonic()

    def load(self, painter: str, recipe: Recipe | None = None) -> Any:
        self.free()
        pipeline = build(painter, "real" if self.gpu else "tiny", device=self.device, dtype=self.dtype)
        pipeline.to(self.device)
        model = MODELS[painter](pipeline, Identity(painter, "random", "0" * 64))
        (recipe or Recipe()).apply(model.denoiser, pipeline.vae)
        return model

    def free(self) -> None:
        gc.collect()
        if self.gpu:
            torch.cuda.empty_cache()

    def wait(self) -> None:
        if self.gpu:
            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], object], rounds: int = 3) -> float:
        """The median of a few rounds, after one to warm up."""

        def whole() -> None:
            work()
            self.wait()

        return alternate(rounds, whole)[0]

    def scene(self, seed: int = 0) -> Scene:
        rng = np.random.default_rng(seed)
        picture = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8))
        open_area = Image.new("L", (self.side, self.side), 255)
        quarter = self.side // 4
        open_area.paste(0, (quarter, quarter, 3 * quarter, 3 * quarter))
        return Scene(picture.resize((self.side, self.side), Image.Resampling.BICUBIC), open_area)

    def passes(self, model: Any, count: int) -> list[Pass]:
        """Of different requests: each its own picture, all of one prompt, as if it had been cached."""
        return [Pass(self.scene(i), Wish(prompt="a green field"), i, model.steps) for i in range(count)]

    def batch(self, model: Any, count: int) -> tuple[float, float, float]:
        """Seconds of a whole batch, seconds of one step in it, and GiB at its peak."""
        if self.gpu:
            torch.cuda.reset_peak_memory_stats()

        def whole() -> None:
            run = model.begin(self.passes(model, count))
            for _ in range(run.steps):
                run.step()
            run.finish()

        seconds = self.seconds(whole, 2)
        run = model.begin(self.passes(model, count))
        self.wait()
        began = time.perf_counter()
        run.step()
        self.wait()
        step = time.perf_counter() - began
        peak = torch.cuda.max_memory_allocated() / 2**30 if self.gpu else float("nan")
        return seconds, step, peak

    def plain(self, model: Any) -> float:
        """Seconds of diffusers' pipeline called for one request, text encoder and all, as a plain server calls it."""
        pipeline, scene = model.pipeline, self.scene()
        given: dict[str, Any] = {}
        if not isinstance(model, KleinModel):
            given = {"height": self.side, "width": self.side}
        elif not self.gpu:
            given = {"text_encoder_out_layers": (1, 2, 3)}
        if isinstance(model, (SdxlModel, KleinModel)):
            given["strength"] = 1.0
        return self.seconds(
            lambda: pipeline(
                prompt="a green field",
                image=scene.picture,
                mask_image=scene.open,
                num_inference_steps=model.steps,
                generator=torch.Generator("cpu").manual_seed(1),
                **given,
            )
        )

    def work_of_one(self, model: Any) -> tuple[float, float]:
        """Floating-point operations of one picture, in tera: of all its steps, and of encoding and decoding."""
        with FlopCounterMode(display=False) as begun:
            run = model.begin(self.passes(model, 1))
        with FlopCounterMode(display=False) as step:
            run.step()
        for _ in range(run.steps - 1):
            run.step()
        with FlopCounterMode(display=False) as finished:
            run.finish()
        steps = step.get_total_flops() * run.steps
        return steps / 1e12, (begun.get_total_flops() + finished.get_total_flops()) / 1e12

    def peak_rate(self) -> float:
        """Tera operations a second that this device's own matrix multiplication reaches: the floor's measure."""
        side = 8192 if self.gpu else 512
        one = torch.randn(side, side, device=self.device, dtype=self.dtype)
        two = torch.randn(side, side, device=self.device, dtype=self.dtype)
        repeats = 20 if self.gpu else 2

        def many() -> None:
            for _ in range(repeats):
                torch.mm(one, two)

        return 2 * side**3 * repeats / self.seconds(many) / 1e12


def painter_section(bench: Bench, painter: str, rate: float) -> Section:
    """One painter: plain, batched, by recipe, beside the floor."""
    model = bench.load(painter)
    section = Section(
        f"{painter}: {bench.side}x{bench.side}, {model.steps} steps, random weights",
        "The plain row is diffusers' pipeline called once a request, text encoder included; batches hold passes of "
        "different requests with one cached prompt. The floor is what the counted operations take at the rate that "
        f"this device's matrix multiplication was measured at in the same run ({rate:.1f} TFLOP/s).",
    )
    steps, rest = bench.work_of_one(model)
    floor = (steps + rest) / rate
    section.add("floor", f"{1 / floor:.2f} images/s", f"{steps:.3g} TFLOP in steps, {rest:.3g} around them")
    plain = bench.plain(model)
    section.add("plain pipeline, one request a call", f"{1 / plain:.2f} images/s", f"{plain / floor:.2f}x the floor")
    best, largest = 0.0, 1
    for count in (1, 2, 4, 8, 16) if bench.gpu else (1, 2, 4):
        if bench.left() < 60:
            section.add(f"batch of {count}", "-", "left out: time was up")
            break
        try:
            seconds, step, peak = bench.batch(model, count)
        except torch.OutOfMemoryError:
            section.add(f"batch of {count}", "-", "out of memory")
            break
        speed = count / seconds
        if speed > best:
            best, largest = speed, count
        section.add(
            f"batch of {count}",
            f"{speed:.2f} images/s",
            f"{speed * plain:.2f}x plain, {1 / speed / floor:.2f}x the floor; {step * 1000:.0f} ms a step"
            + (f", {peak:.1f} GiB at its peak" if bench.gpu else ""),
        )
    del model
    for name, recipe in RECIPES.items():
        if bench.left() < 75:
            section.add(name, "-", "left out: time was up")
            continue
        section.add(name, *recipe_row(bench, painter, recipe, largest, best))
    bench.free()
    return section


def recipe_row(bench: Bench, painter: str, recipe: Recipe, count: int, before: float) -> tuple[str, str]:
    """A recipe's speed at the best batch size, or why it could not be followed here."""
    if recipe.compile and not bench.gpu:
        return "-", "compiled on a GPU only"
    try:
        model = bench.load(painter, recipe)
        began = time.perf_counter()
        seconds, step, _ = bench.batch(model, count)
        first = time.perf_counter() - began - 3 * seconds
    except Exception as error:  # noqa: BLE001 - one recipe that fails must not take the others' figures with it
        return "-", f"not here: {str(error).splitlines()[0][:100] if str(error) else type(error).__name__}"
    remark = f"{count / seconds / before:.2f}x without it; {step * 1000:.0f} ms a step"
    return f"{count / seconds:.2f} images/s", remark + (f"; {first:.0f} s at first" if recipe.compile else "")


def overhead_section(bench: Bench) -> Section:
    """All that is not the device: from references to stored files, around a model that takes no time."""

    class Instant:
        steps, digest, card = 1, None, None

        def check(self, wish: Wish) -> None:
            pass

        def begin(self, passes: list[Pass]) -> Any:
            pictures = [work.scene.picture for work in passes]

            class Run:
                steps = 1

                def step(self) -> None: ...
                def keep(self, indices: list[int]) -> None: ...
                def finish(self) -> list[Image.Image]:
                    return pictures

            return Run()

    from outpaint.contracts.responses import PainterCard

    model: Any = Instant()
    model.card = PainterCard(name="instant", model="none", reads_prompt=False)
    picture = bench.scene(1).picture.resize((1024, 1024))
    picture.putalpha(Image.new("L", (1024, 1024), 0))
    picture.paste((90, 120, 60, 255), (256, 256, 768, 768))
    stored: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.png"
        picture.save(path, compress_level=1)
        stored["in"] = path.read_bytes()
    scheduler = Scheduler(model, count=8, linger=0.0)
    scheduler.start()
    painter = DiffusionPainter(model, scheduler.submit, window=1024)
    finishers, jobs = ThreadPoolExecutor(os.cpu_count()), ThreadPoolExecutor(16)
    lock = threading.Lock()

    def write(name: str, data: bytes, _: str) -> None:
        with lock:
            stored[name] = data

    def one(number: int) -> float:
        request = InferenceRequest(
            inference_id=f"{number}", image="in", wish=Wish(prompt="x", seed=1, count=1), output_ids=(f"{number}.jpg",)
        )
        return carry_out(request, Files(stored.get, write), painter, finishers=finishers).seconds

    for number in range(3):
        one(-number - 1)
    alone = float(np.median([one(number) for number in range(20)]))
    began = time.perf_counter()
    list(jobs.map(one, range(100, 164)))
    together = (time.perf_counter() - began) / 64
    scheduler.close()
    section = Section(
        "Around the device: 1024x1024 PNG in, JPG out, a model that takes no time",
        "Decoding, prefill, queue, colour match, composite, encoding, storing in memory; S3's own time is not in it.",
    )
    section.add("one job alone, from beginning to end", f"{alone * 1000:.1f} ms", "median of 20")
    section.add(
        "a job's share with 16 in work", f"{together * 1000:.1f} ms", f"64 jobs on {os.cpu_count()} cores; goal 15 ms"
    )
    return section


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("painters", nargs="*", help=f"which ones: {', '.join(MODELS)} (default: all)")
    parser.add_argument("--minutes", type=float, default=9.0, help="what does not fit is left out, and said")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md, on a GPU")
    options = parser.parse_args()
    if unknown := set(options.painters) - set(MODELS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(MODELS)}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    bench = Bench(device, options.minutes)
    name = torch.cuda.get_device_name() if bench.gpu else "no GPU: tiny models on the CPU, which prove the script alone"
    head = f"{machine()}, torch {torch.__version__}, {name}"
    print(head, flush=True)
    sections = [overhead_section(bench)]
    print(sections[0].text(), flush=True)
    rate = bench.peak_rate()
    for painter in options.painters or MODELS:
        if bench.left() < 90:
            print(f"{painter}: left out, time is up", flush=True)
            continue
        sections.append(painter_section(bench, painter, rate))
        print(sections[-1].text(), flush=True)
    if options.write and not bench.gpu:
        print("nothing written: figures are a GPU's, and there is none here", flush=True)
    elif options.write:
        body = "\n".join(section.markdown() for section in sections)
        page = put("bench-gpu", f"# On a GPU\n\n{head}\n\n{body}")
        print(f"written to {page.name}", flush=True)


main()
