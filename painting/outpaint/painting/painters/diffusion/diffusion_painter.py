"""Paints a canvas of any size in passes through a diffusion model, its open area filled with rough colours first."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from copy import copy
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageChops

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.contracts.responses import PainterCard
from outpaint.painting.canvas import Brief, Canvas, Painter, known_area
from outpaint.painting.painters.diffusion.pass_plan import SHARP, PlannedPass, plan_passes
from outpaint.painting.painters.diffusion.passes import Pass, PassTicket, PassTooLarge, Scene
from outpaint.painting.painters.half_transparency import paint_in_layers
from outpaint.painting.painters.seams import join, match_colours

if TYPE_CHECKING:
    from outpaint.painting.painters.diffusion.torch_model import TorchModel

Prefill = Callable[[Image.Image, Image.Image], Image.Image]
"""From an RGB picture and an L map of it (255 where it is known) to the picture with all of it filled."""


_COARSE: Final = 8  # pixels


def spread_colours(picture: Image.Image, known: Image.Image) -> Image.Image:
    """The picture with its open area in soft colours, each from the finest scale at which something is known there.

    Pixels stay exact where `known` is 255. Details below eight pixels are not spread, so that large pictures take
    little longer than small ones.
    """
    shown = Image.new("RGB", picture.size)
    shown.paste(picture, (0, 0), known)
    times = _COARSE if min(picture.size) >= 8 * _COARSE else 1
    level = _averaged(shown.reduce(times), known.reduce(times))
    pyramid = [level]
    while max(level.size) > 1 and level.getchannel("A").getextrema() != (255, 255):
        # Pillow weights colours by their alpha, so those under alpha 0 do not count.
        level = level.resize((max(1, level.width // 2), max(1, level.height // 2)), Image.Resampling.BOX)
        # A cell known in part counts as known: colours under a faint alpha would lose their precision.
        level.putalpha(known_area(level.getchannel("A"), 1))
        pyramid.append(level)
    filled = pyramid.pop().convert("RGB")
    while pyramid:
        level = pyramid.pop()
        filled = filled.resize(level.size, Image.Resampling.BILINEAR)
        filled.paste(level.convert("RGB"), (0, 0), level.getchannel("A"))
    if filled.size != picture.size:
        filled = filled.resize(picture.size, Image.Resampling.BILINEAR)
    filled.paste(picture, (0, 0), known)
    return filled


def _averaged(sums: Image.Image, shares: Image.Image) -> Image.Image:
    """RGBA from colours averaged with black, and each cell's share of what is not black by intent."""
    share = np.asarray(shares, dtype=np.float32)[..., None]
    colours = np.asarray(sums, dtype=np.float32) * (255 / np.maximum(share, 1))
    picture = Image.fromarray(np.clip(np.rint(colours), 0, 255).astype(np.uint8))
    picture.putalpha(known_area(shares, 1))
    return picture


def painted_by(painter: Painter) -> Prefill:
    """A prefill by another painter, one that needs no prompt; it is called from one thread at a time."""

    def fill(picture: Image.Image, known: Image.Image) -> Image.Image:
        interpretation = MaskInterpretation(source=MaskSource.IMAGE_ALPHA, painted_share=1.0)
        canvas = Canvas.of(picture.copy(), known, None, interpretation)
        filled = next(iter(painter.paint(canvas, Brief(Wish(prompt=""), seeds=(0,)))))
        filled.paste(picture, (0, 0), known)
        return filled

    return fill


Submit = Callable[[Pass, PassTicket], "Future[Image.Image]"]

REFINE: Final = 0.5
"""Strength of the passes that add detail to what was painted small: they keep its composition and make new texture."""

_AT_ONCE: Final = 16_000_000  # pixels of one job's pictures that are painted at the same time


class DiffusionPainter:
    """Paints through a queue of passes, `submit`, that other jobs share; may be called from several threads.

    `window` is the side of a full pass in pixels, a multiple of 256; where the device's memory does not suffice, it is
    halved down to `smallest_window`. `steps` are those of a pass, the model's own number where None.
    """

    def __init__(
        self,
        model: TorchModel,
        submit: Submit,
        *,
        window: int = 1024,
        smallest_window: int = 256,
        steps: int | None = None,
        prefill: Prefill = spread_colours,
    ) -> None:
        self._model = model
        self._submit = submit
        self._window = window
        self._smallest_window = smallest_window
        self._steps = steps or model.steps
        self._prefill = prefill
        self._ticket = PassTicket()

    @property
    def card(self) -> PainterCard:
        return self._model.card

    @property
    def digest(self) -> str | None:
        return self._model.digest

    def for_job(self, ticket: PassTicket) -> DiffusionPainter:
        """The same painter; its work is counted to this ticket, and ends when that does."""
        painter = copy(self)
        painter._ticket = ticket
        return painter

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        """One RGB picture of the canvas's size for each seed, in their order; see `Painter`.

        Raises INVALID_PARAMETER on a prompt longer than the model's encoder reads, and what `submit`'s futures
        raise.
        """
        self._model.check(brief.wish)
        yield from paint_in_layers(self._paint_shown, canvas, brief)

    def _paint_shown(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        """The pictures of a canvas whose weights are 0 and 255 alone."""
        window = self._window
        work = _Work(canvas, self._prefill)
        done = 0
        while True:
            try:
                for picture in self._paint(work, brief, brief.seeds[done:], window):
                    done += 1
                    yield picture
            except PassTooLarge as error:
                window //= 2
                if window < self._smallest_window:
                    raise OutpaintError.unavailable(
                        "the painter's memory does not suffice for even a small part of the picture: "
                        "try again when it is less busy"
                    ) from error
            else:
                return

    def _paint(self, work: _Work, brief: Brief, seeds: tuple[int, ...], window: int) -> Iterator[Image.Image]:
        steps = plan_passes(work.known, window)
        first = work.first_scene(steps[0])
        width, height = work.known.size
        at_once = max(1, _AT_ONCE // (width * height))
        running: dict[Future[Image.Image], int] = {}
        variants: dict[int, Generator[Pass, Image.Image, Image.Image]] = {}
        finished: dict[int, Image.Image] = {}
        waiting = list(range(len(seeds)))
        upcoming = 0
        try:
            while upcoming < len(seeds):
                while waiting and len(variants) + len(finished) < at_once:
                    index = waiting.pop(0)
                    variants[index] = _variant(work, steps, first, brief, seeds[index], self._steps)
                    running[self._submit(next(variants[index]), self._ticket)] = index
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    index = running.pop(future)
                    try:
                        running[self._submit(variants[index].send(future.result()), self._ticket)] = index
                    except StopIteration as stop:
                        finished[index] = stop.value
                        del variants[index]
                while upcoming in finished:
                    picture = finished.pop(upcoming)
                    upcoming += 1
                    yield picture
        finally:
            for future in running:
                future.cancel()


class _Work:
    """What all variants of a job share: a canvas whose weights are 0 and 255 alone, and the first scene."""

    def __init__(self, canvas: Canvas, prefill: Prefill) -> None:
        self.known = canvas.keep
        self.picture = canvas.picture
        self._prefill = prefill
        self._first: tuple[PlannedPass, Scene] | None = None

    def first_scene(self, step: PlannedPass) -> Scene:
        """The scene that every variant begins with: one for all, so that it is encoded once."""
        if self._first is None or self._first[0] != step:
            self._first = (step, self.scene(step, self.picture, self.known))
        return self._first[1]

    def scene(self, step: PlannedPass, picture: Image.Image, known: Image.Image) -> Scene:
        """What a pass sees of a picture known where `known` is 255; the rest is prefilled, or kept to be refined."""
        view = step.view
        seen = picture.crop(view.box)
        there = known.crop(view.box)
        if view.shown != seen.size:
            seen.putalpha(255 if step.refine else there)
            seen = seen.resize(view.shown, Image.Resampling.BOX).convert("RGB")
            there = there.resize(view.shown, Image.Resampling.BOX)
        # A pixel of the pass that is known in part is open: its known part is pasted back at the end.
        there = there.point([255 if value == 255 else 0 for value in range(256)])
        shape = Image.new("L", view.bucket, 0)
        shape.paste(there, (0, 0))
        base = Image.new("RGB", view.bucket)
        base.paste(seen, (0, 0))
        if step.refine:
            inside = Image.new("L", view.bucket, 0)
            inside.paste(255, (0, 0, *view.shown))
            base = spread_colours(base, inside)
        elif shape.getextrema() != (255, 255):
            base = spread_colours(base, shape) if shape.getbbox() is None else self._prefill(base, shape)
        return Scene(base, ImageChops.invert(shape))


def _variant(
    work: _Work, steps: list[PlannedPass], first: Scene, brief: Brief, seed: int, count: int
) -> Generator[Pass, Image.Image, Image.Image]:
    """Yields each pass, is sent its painted picture, and returns the whole picture at the end."""
    picture = work.picture.copy()
    known = work.known.copy()  # kept or painted
    sharp = work.known.copy()  # kept or painted at nearly full size
    for number, step in enumerate(steps):
        view = step.view
        fixed = sharp if step.refine else known
        if fixed.crop(view.box).getextrema() == (255, 255):
            continue
        scene = first if number == 0 else work.scene(step, picture, fixed)
        painted = yield Pass(
            scene=scene,
            wish=brief.wish,
            # The first pass has the seed itself; the others must not repeat its noise.
            seed=(seed + number * 0x9E3779B1) % 2**32,
            steps=count,
            strength=REFINE if step.refine else 1.0,
        )
        shown = (0, 0, *view.shown)
        painted = match_colours(painted.crop(shown), scene.picture.crop(shown), scene.open.crop(shown))
        size = (view.box.width, view.box.height)
        if painted.size != size:
            painted = painted.resize(size, Image.Resampling.BICUBIC)
        open_area = ImageChops.invert(fixed.crop(view.box))
        join(picture, painted, view.box[:2], open_area, work.known.crop(view.box))
        known.paste(255, view.box)
        if step.refine or view.scale >= SHARP:
            sharp.paste(255, view.box)
    return picture
