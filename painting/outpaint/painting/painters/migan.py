"""The `migan` painter: the MI-GAN network, which grows the picture outward from the kept area.

Each pass paints what is nearest to the known area, through windows that hold it and its surroundings, and shifts the
colours so that they meet. The network works on 512x512 pixels; pictures above about a megapixel are painted on a
smaller copy and enlarged.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from outpaint.contracts.responses import PainterCard
from outpaint.painting import weights
from outpaint.painting.canvas import Brief, Canvas
from outpaint.painting.painters import windows
from outpaint.painting.painters.half_transparency import paint_in_layers
from outpaint.painting.painters.seams import match_border
from outpaint.painting.painters.windows import Box, Distances
from outpaint.painting.painters.working_copy import Grain, enlarge, learn_grain, smoothed, working_copy

SIDE: Final = 512
"""The network's width and height in pixels."""


class Network:
    """The network, loaded."""

    def __init__(self, weights: Path) -> None:
        options = onnxruntime.SessionOptions()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        options.intra_op_num_threads = cores or 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A GPU where onnxruntime was installed with one (onnxruntime-gpu); sessions of both kinds take these graphs.
        available = onnxruntime.get_available_providers()
        providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
        self._session = onnxruntime.InferenceSession(str(weights), options, providers=providers)

    def fill(self, picture: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """The picture with everything not known painted by the network.

        `picture` is RGB [512, 512, 3], `known` [512, 512]. What `picture` shows where it is not known does not count
        but along the border, where the graph blends the two.
        """
        image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
        mask = np.where(known, np.uint8(255), np.uint8(0))[None, None]
        (result,) = self._session.run(None, {"image": image, "mask": mask})
        filled: NDArray[np.uint8] = result[0].transpose(1, 2, 0)
        return filled


@cache
def network_of(weights: Path) -> Network:
    """The one network of this process for these weights."""
    return Network(weights)


_WORK_LONG: Final = 1024
"""The longer side of the copy that is painted, in pixels, where its shorter side then has at most _WORK_SHORT."""

_WORK_SHORT: Final = 512

GROWTH: Final = 1.35
"""How much larger than before the known area may be after a pass, at most."""

_OVERLAP: Final = 4  # network pixels: how far a pass repaints and cross-fades what the one before painted
_BORDER: Final = 3  # network pixels of the kept border that the network paints too, so that colours can be compared
_FADE: Final = 96.0  # network pixels
_TRUSTED: Final = 14.0  # of 255
_MARGIN: Final = (0.015, 0.08)  # shares of a window's side that it is wider for, least and most
_UNEVEN: Final = 0.25  # share of a pass's step by which its frontier varies, so that it is no straight line


@dataclass(frozen=True, slots=True)
class _Variation:
    """What a seed decides: the network has no seed of its own, but small changes of its input change much."""

    mirrored: bool
    shift: float
    margins: tuple[float, float, float, float]
    noise: NDArray[np.float32]

    @classmethod
    def drawn(cls, seed: int, draw: np.random.Generator) -> _Variation:
        return cls(
            mirrored=bool(seed % 2),
            shift=float(draw.uniform(-0.2, 0.1)),
            margins=tuple(draw.uniform(*_MARGIN, 4)),
            noise=draw.uniform(-1, 1, (9, 9)).astype(np.float32),
        )


class MiganPainter:
    """Paints with the MI-GAN weights in the file `path`; the network is loaded with the first picture."""

    card: Final = PainterCard(
        name="migan", model=f"MI-GAN 512 Places2, sha256 {weights.REGISTRY['migan'].sha256[:12]}", reads_prompt=False
    )

    def __init__(self, path: Path) -> None:
        self._path = path

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        return paint_in_layers(self._paint, canvas, brief)

    def _paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        width, height = canvas.size
        scale = min(1.0, max(_WORK_LONG / max(width, height), _WORK_SHORT / min(width, height)))
        start = working_copy(canvas, scale)
        network = network_of(self._path)
        distances = windows.measure(start.getchannel("A"))
        grains: dict[float, Grain | None] = {}
        for seed in brief.seeds:
            draw = np.random.default_rng(seed)
            painted, widest = _grow(network, start, distances, _Variation.drawn(seed, draw))
            coarse = widest / SIDE / scale
            if coarse not in grains:
                grains[coarse] = learn_grain(canvas, coarse)
            yield enlarge(painted, canvas, coarse, grains[coarse], draw)


def _grow(network: Network, start: Image.Image, distances: Distances, variation: _Variation) -> tuple[Image.Image, int]:
    """The picture painted pass by pass, and the longest side of a window in pixels."""
    state = start.copy()
    known = start.getchannel("A")
    cells = distances.cells
    noise = np.asarray(
        Image.fromarray(variation.noise).resize((cells.shape[1], cells.shape[0]), Image.Resampling.BICUBIC)
    )
    done = distances.whole
    before, widest = 0.0, 1
    for step in windows.thresholds(float(cells.max()), distances.reach, GROWTH):
        frontier = np.inf if math.isinf(step) else step + (noise * _UNEVEN + variation.shift) * (step - before)
        reached = done | (cells <= frontier) | (cells <= 0)
        fresh = reached & ~done
        if fresh.any():
            for window, _ in windows.plan(distances, fresh, reached):
                _paint_window(network, state, known, reached, window, variation)
                widest = max(widest, window.width, window.height)
        done, before = reached, step
    return state.convert("RGB"), widest


def _paint_window(
    network: Network,
    state: Image.Image,
    known: Image.Image,
    reached: NDArray[np.bool_],
    window: Box,
    variation: _Variation,
) -> None:
    """Paint what is open and reached within one window, in place."""
    # The network paints a thin frame along its own edge, which must be outside of the window.
    left, top, right, bottom = variation.margins
    window = Box(
        window.left - math.ceil(window.width * left) - 1,
        window.top - math.ceil(window.height * top) - 1,
        window.right + math.ceil(window.width * right) + 1,
        window.bottom + math.ceil(window.height * bottom) + 1,
    )
    shrinks = max(window.width, window.height) > SIDE
    resampling = Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC
    crop = state.crop(window).resize((SIDE, SIDE), resampling)
    seen = np.asarray(crop)
    kept = np.asarray(known.crop(window).resize((SIDE, SIDE), Image.Resampling.BOX)) >= 254
    colours, there = seen[..., :3], seen[..., 3] >= 254
    there_picture = _picture(there)
    depth = np.asarray(there_picture.filter(ImageFilter.BoxBlur(_OVERLAP)))
    inner = np.asarray(there_picture.filter(ImageFilter.BoxBlur(_BORDER))) == 255
    given = (depth >= 254) | (kept & inner)
    if np.count_nonzero(given) * 8 < np.count_nonzero(there):
        # Of lines and dots nothing would be left without their border. But then the graph's own blending includes
        # what is open, which must not be black.
        given = there
        colours = np.asarray(smoothed(crop, 2 * SIDE))[..., :3]

    turn = slice(None, None, -1 if variation.mirrored else 1)
    painted = network.fill(colours[:, turn], given[:, turn])[:, turn]
    new = match_border(painted, colours, there & ~given, _FADE, _TRUSTED)

    inside = window.intersection(Box(0, 0, *state.size))
    size = (inside.width, inside.height)
    part = (
        (inside.left - window.left) * SIDE / window.width,
        (inside.top - window.top) * SIDE / window.height,
        (inside.right - window.left) * SIDE / window.width,
        (inside.bottom - window.top) * SIDE / window.height,
    )
    fade = np.where(there, np.clip(510 - 2 * depth.astype(np.int16), 0, 255), 255).astype(np.uint8)
    weight = Image.fromarray(fade).resize(size, Image.Resampling.BILINEAR, box=part)
    # What was never painted is taken whole, although the places beside it fade.
    weight = ImageChops.lighter(weight, ImageChops.invert(state.getchannel("A").crop(inside)))
    if not reached.all():
        area = _picture(reached).resize(state.size, Image.Resampling.BILINEAR).crop(inside)
        weight = ImageChops.darker(weight, area.point([0] * 128 + [255] * 128))
    weight = ImageChops.darker(weight, ImageChops.invert(known.crop(inside)))
    new = new.resize(size, Image.Resampling.BICUBIC, box=part)
    new.putalpha(255)
    state.paste(new, inside[:2], weight)


def _picture(mask: NDArray[np.bool_]) -> Image.Image:
    return Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0)))
