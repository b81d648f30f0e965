"""Measures how well the painters continue photos, and draws a contact sheet to judge by eye.

Photos that scikit-image and scikit-learn bring along (the extra `bench`) are cut down to their middle
(`restore`: the cut-off border is the truth to compare with) or set on a doubled canvas (`extend`: nothing to
compare with, as in use).

    python bench/quality.py --out DIR [--photos china coffee] [--painters progressive patch]

Columns: `kept` the largest difference in the kept area after compositing, of 255 (must be 0) · `seam` the mean
gradient across the border over that of the 8 pixels either side (1 is no seam) · `step` the mean colour step
between the 4 pixels either side, of 255 · `psnr` in dB and `ssim` over the painted area (restore only) · `echo`
the highest autocorrelation of the painted area's detail at 24 pixels and more (1 is a repeated tile; a real
photo's own is printed as `truth`) · `sharp` detail in the painted area over that in the kept one · seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import skimage.data
import sklearn.datasets
from PIL import Image, ImageDraw
from skimage.metrics import structural_similarity

from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.painting.canvas import Brief, Canvas, Painter
from outpaint.painting.painters import windows
from outpaint.painting.painters.painter_table import load_painter

CELL = 420


def photos() -> dict[str, Image.Image]:
    """RGB photos by name."""
    arrays = {
        "coffee": skimage.data.coffee(),
        "rocket": skimage.data.rocket(),
        "chelsea": skimage.data.chelsea(),
        "astronaut": skimage.data.astronaut(),
        "motorcycle": skimage.data.stereo_motorcycle()[0],
        "china": sklearn.datasets.load_sample_image("china.jpg"),
        "flower": sklearn.datasets.load_sample_image("flower.jpg"),
    }
    return {name: Image.fromarray(np.asarray(array)[..., :3]) for name, array in arrays.items()}


@dataclass(frozen=True)
class Trial:
    """One canvas to paint; `truth` is what the open part really looked like, where that is known."""

    name: str
    canvas: Canvas
    box: tuple[int, int, int, int]
    truth: Image.Image | None


def trials(name: str, photo: Image.Image) -> Iterator[Trial]:
    """The photo's middle two thirds to restore, and the whole photo on a doubled canvas."""
    width, height = photo.size
    box = (width // 6, height // 6, width - width // 6, height - height // 6)
    yield Trial(f"{name} restore", cut(photo, box), box, photo)
    wide = Image.new("RGB", (2 * width, 2 * height))
    box = (width // 2, height // 2, width // 2 + width, height // 2 + height)
    wide.paste(photo, box[:2])
    yield Trial(f"{name} extend", cut(wide, box), box, None)


def cut(picture: Image.Image, box: tuple[int, int, int, int]) -> Canvas:
    """A canvas that keeps the box."""
    keep = Image.new("L", picture.size)
    keep.paste(255, box)
    share = 1 - (box[2] - box[0]) * (box[3] - box[1]) / (picture.width * picture.height)
    return Canvas(
        Image.composite(picture, Image.new("RGB", picture.size), keep),
        keep,
        None,
        MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=share),
    )


def seam_and_step(picture: np.ndarray, box: tuple[int, int, int, int]) -> tuple[float, float]:
    """Across the box's four sides."""
    left, top, right, bottom = box
    strips = [
        picture[top:bottom, left - 9 : left + 9],
        picture[top:bottom, right - 9 : right + 9],
        picture[top - 9 : top + 9, left:right].swapaxes(0, 1),
        picture[bottom - 9 : bottom + 9, left:right].swapaxes(0, 1),
    ]
    seams, steps = [], []
    for strip in strips:
        gradient = np.abs(np.diff(strip, axis=1)).mean(axis=(0, 2))
        seams.append(gradient[8] / max(float(np.delete(gradient, 8).mean()), 1e-6))
        steps.append(float(np.abs(strip[:, 9:13].mean(axis=1) - strip[:, 5:9].mean(axis=1)).mean()))
    return float(np.mean(seams)), float(np.mean(steps))


def detail(picture: np.ndarray) -> np.ndarray:
    """Luminance less its blur over 9 pixels."""
    light = Image.fromarray(picture.astype(np.uint8)).convert("L")
    small = light.resize((max(1, light.width // 9), max(1, light.height // 9)), Image.Resampling.BOX)
    return np.asarray(light, dtype=np.float32) - np.asarray(small.resize(light.size), dtype=np.float32)


def echo(picture: np.ndarray, opened: np.ndarray) -> float:
    """The highest normalised autocorrelation of the open part's detail beyond the nearest 24 pixels."""
    masked = detail(picture) * opened
    size = [2 * side for side in masked.shape]
    power = np.fft.irfft2(np.abs(np.fft.rfft2(masked, size)) ** 2, size)
    overlap = np.fft.irfft2(np.abs(np.fft.rfft2(opened.astype(np.float32), size)) ** 2, size)
    per_pixel = power / np.maximum(overlap, 1)
    shape = masked.shape
    per_pixel = np.roll(per_pixel, (shape[0], shape[1]), axis=(0, 1))
    overlap = np.roll(overlap, (shape[0], shape[1]), axis=(0, 1))
    centre = per_pixel[shape[0], shape[1]]
    down, across = np.ogrid[: size[0], : size[1]]
    far = np.maximum(abs(down - shape[0]), abs(across - shape[1])) >= 24
    enough = overlap > 0.2 * opened.sum()
    return float(per_pixel[far & enough].max() / max(float(centre), 1e-6))


def measure(trial: Trial, painted: Image.Image) -> tuple[Image.Image, dict[str, float]]:
    """The composite, and the columns for it."""
    composed = Image.composite(trial.canvas.picture, painted, trial.canvas.keep)
    result = np.asarray(composed, dtype=np.float32)
    opened = np.asarray(trial.canvas.keep) == 0
    row: dict[str, float] = {}
    row["kept"] = float(np.abs(result - np.asarray(trial.canvas.picture, dtype=np.float32))[~opened].max())
    row["seam"], row["step"] = seam_and_step(result, trial.box)
    if trial.truth is not None:
        truth = np.asarray(trial.truth, dtype=np.float32)
        row["psnr"] = float(10 * np.log10(255**2 / np.mean((result - truth)[opened] ** 2)))
        similar = structural_similarity(result, truth, data_range=255, channel_axis=2, full=True)[1]
        row["ssim"] = float(similar[opened].mean())
    row["echo"] = echo(result, opened)
    strength = np.abs(detail(result))
    row["sharp"] = float(strength[opened].mean() / strength[~opened].mean())
    return composed, row


def painters(names: list[str]) -> dict[str, tuple[Painter, Callable[[], AbstractContextManager[object]]]]:
    """Each with what to enter while it paints: one pass is the progressive painter told to grow at once."""

    def at_once(_farthest: float, _reach: float, _factor: float) -> list[float]:
        return [float("inf")]

    known: dict[str, tuple[str, Callable[[], AbstractContextManager[object]]]] = {
        "progressive": ("migan", nullcontext),
        "one pass": ("migan", lambda: mock.patch.object(windows, "thresholds", at_once)),
        "patch": ("patch", nullcontext),
    }
    return {name: (load_painter(known[name][0]), known[name][1]) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for contact.png and the single pictures")
    parser.add_argument("--photos", nargs="+", default=None)
    parser.add_argument("--painters", nargs="+", default=["progressive", "one pass", "patch"])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    chosen = painters(options.painters)
    columns = ["kept", "seam", "step", "psnr", "ssim", "echo", "sharp", "s"]
    print(f"{'trial':22}{'painter':14}" + "".join(f"{column:>8}" for column in columns))
    rows: list[list[Image.Image]] = []
    sums: dict[str, list[dict[str, float]]] = {name: [] for name in chosen}
    for name, photo in photos().items():
        if options.photos and name not in options.photos:
            continue
        for trial in trials(name, photo):
            sheet_row = [trial.truth or trial.canvas.picture]
            if trial.truth is not None:
                opened = np.asarray(trial.canvas.keep) == 0
                print(f"{trial.name:22}{'truth':14}" + " " * 40 + f"{echo(np.asarray(photo), opened):8.3f}")
            for painter_name, (painter, entered) in chosen.items():
                begun = time.perf_counter()
                with entered():
                    (painted,) = painter.paint(trial.canvas, Brief(Wish(prompt=""), (options.seed,)))
                spent = time.perf_counter() - begun
                composed, row = measure(trial, painted)
                row["s"] = spent
                sums[painter_name].append(row)
                composed.save(options.out / f"{trial.name} {painter_name}.png".replace(" ", "-"))
                sheet_row.append(composed)
                print(
                    f"{trial.name:22}{painter_name:14}"
                    + "".join(f"{row[c]:8.3f}" if c in row else " " * 8 for c in columns),
                    flush=True,
                )
            rows.append(sheet_row)
    for painter_name, measured in sums.items():
        means = {c: np.mean([row[c] for row in measured if c in row]) for c in columns}
        print(f"{'MEAN':22}{painter_name:14}" + "".join(f"{means[c]:8.3f}" for c in columns))
    contact(rows, ["given", *chosen]).save(options.out / "contact.png")


def contact(rows: list[list[Image.Image]], titles: list[str]) -> Image.Image:
    """All pictures in a grid, one trial a row."""
    heights = [max(1, round(CELL * row[0].height / row[0].width)) for row in rows]
    sheet = Image.new("RGB", (len(titles) * (CELL + 6), 20 + sum(height + 6 for height in heights)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, title in enumerate(titles):
        draw.text((column * (CELL + 6) + 4, 4), title, fill="black")
    top = 20
    for row, height in zip(rows, heights, strict=True):
        for column, picture in enumerate(row):
            sheet.paste(picture.resize((CELL, height), Image.Resampling.LANCZOS), (column * (CELL + 6), top))
        top += height + 6
    return sheet


if __name__ == "__main__":
    main()
