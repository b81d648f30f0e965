"""The painter that every diffusion model becomes: a picture's plan, its passes, and what they are joined into."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outpaint_contracts.errors import ErrorCode, OutpaintError
from PIL import Image, ImageChops

from outpaint_painting.painters.diffusion.buckets import SHARP
from outpaint_painting.painters.diffusion.passes import DiffusionModel, Pass, PassTooLarge, Scene
from outpaint_painting.painters.diffusion.plan import Step, plan
from outpaint_painting.painters.diffusion.prefill import Prefill, spread_colours
from outpaint_painting.painters.diffusion.seams import join, match_colours
from outpaint_painting.painters.diffusion.tickets import Ticket

if TYPE_CHECKING:
    from outpaint_contracts.responses import PainterCard

    from outpaint_painting.canvas import Canvas
    from outpaint_painting.painter import Brief

Submit = Callable[[Pass, Ticket], "Future[Image.Image]"]

REFINE: Final = 0.5
"""Strength of the passes that add detail to what was painted small: composition stays, texture comes anew."""

_AT_ONCE: Final = 16_000_000  # pixels of pictures of one job in work at the same time


@dataclass(frozen=True, slots=True)
class DiffusionSettings:
    """`window`: the side of a full pass, in pixels, a multiple of 256 (of 16 times the model's grain).
    `steps`: of a pass, the model's own number where None."""

    window: int = 1024
    smallest_window: int = 256
    steps: int | None = None
    refine: float = REFINE


class DiffusionPainter:
    """Paints through a queue of passes, `submit`, that other jobs share; may be called from several threads."""

    def __init__(
        self,
        model: DiffusionModel,
        submit: Submit,
        *,
        settings: DiffusionSettings | None = None,
        prefill: Prefill = spread_colours,
        ticket: Ticket | None = None,
    ) -> None:
        self._model = model
        self._submit = submit
        self._settings = settings or DiffusionSettings()
        self._prefill = prefill
        self._ticket = ticket or Ticket()

    @property
    def card(self) -> PainterCard:
        """The model's own card."""
        return self._model.card

    @property
    def digest(self) -> str | None:
        """SHA-256 (hex) over the weights."""
        return self._model.digest

    def for_job(self, ticket: Ticket) -> DiffusionPainter:
        """The same painter, its work counted to this ticket and given up with it."""
        return DiffusionPainter(
            self._model, self._submit, settings=self._settings, prefill=self._prefill, ticket=ticket
        )

    def paint(self, canvas: Canvas, brief: Brief) -> Iterator[Image.Image]:
        """One RGB picture of the canvas's size for each seed, in their order; see `Painter`.

        Raises INVALID_PARAMETER on a prompt longer than the model's encoder reads, and what `submit`'s futures
        raise.
        """
        self._model.check(brief.wish)
        window = self._settings.window
        work = _Work(canvas, self._prefill)
        done = 0
        while True:
            try:
                for picture in self._paint(work, brief, brief.seeds[done:], window):
                    done += 1
                    yield picture
            except PassTooLarge as error:
                window //= 2
                if window < self._settings.smallest_window:
                    raise OutpaintError(
                        ErrorCode.UNAVAILABLE,
                        "the painter's memory does not suffice for even a small part of the picture: "
                        "try again when it is less busy",
                    ) from error
            else:
                return

    def _paint(self, work: _Work, brief: Brief, seeds: tuple[int, ...], window: int) -> Iterator[Image.Image]:
        steps = plan(work.known, window)
        first = work.first_scene(steps[0])
        width, height = work.known.size
        at_once = max(1, _AT_ONCE // (width * height))
        count = self._settings.steps or self._model.steps
        running: dict[Future[Image.Image], int] = {}
        variants: dict[int, Generator[Pass, Image.Image, Image.Image]] = {}
        finished: dict[int, Image.Image] = {}
        waiting = list(range(len(seeds)))
        upcoming = 0
        try:
            while upcoming < len(seeds):
                while waiting and len(variants) + len(finished) < at_once:
                    index = waiting.pop(0)
                    variants[index] = _variant(work, steps, first, brief, seeds[index], count, self._settings.refine)
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
    """What all variants of a job share: the canvas, what of it counts as known, and the first scene."""

    def __init__(self, canvas: Canvas, prefill: Prefill) -> None:
        lightest = int(canvas.keep.getextrema()[1])  # type: ignore[arg-type]
        # Half kept counts as known: the composite fades it into what is painted, which then continues it.
        known_from = max(1, min(128, lightest))
        self.known = canvas.keep.point([255 if value >= known_from else 0 for value in range(256)])
        # Where nothing is hidden the picture is its own; black under the open area is never seen.
        self.picture = canvas.picture
        self._prefill = prefill
        self._first: tuple[Step, Scene] | None = None

    def first_scene(self, step: Step) -> Scene:
        """The scene that every variant begins with: one for all, so that it is encoded once."""
        if self._first is None or self._first[0] != step:
            self._first = (step, self.scene(step, self.picture, self.known))
        return self._first[1]

    def scene(self, step: Step, picture: Image.Image, known: Image.Image) -> Scene:
        """What a pass sees of a picture of which `known` is there; the rest is prefilled, or kept to be refined."""
        view = step.view
        seen = picture.crop(view.box.corners)
        there = known.crop(view.box.corners)
        if view.shown != seen.size:
            seen.putalpha(255 if step.refine else there)
            seen = seen.resize(view.shown, Image.Resampling.BOX).convert("RGB")
            there = there.resize(view.shown, Image.Resampling.BOX)
        # A cell that is known in part is open: what is known of it is pasted back anyway.
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
    work: _Work, steps: list[Step], first: Scene, brief: Brief, seed: int, count: int, refine: float
) -> Generator[Pass, Image.Image, Image.Image]:
    """Yields each pass, is sent its painted picture, and returns the whole picture at the end."""
    picture = work.picture.copy()
    known = work.known.copy()  # kept or painted
    sharp = work.known.copy()  # kept or painted at nearly full size
    for number, step in enumerate(steps):
        view = step.view
        fixed = sharp if step.refine else known
        if fixed.crop(view.box.corners).getextrema() == (255, 255):
            continue
        scene = first if number == 0 else work.scene(step, picture, fixed)
        painted = yield Pass(
            scene=scene,
            wish=brief.wish,
            # The first pass has the seed itself; the others must not repeat its noise.
            seed=(seed + number * 0x9E3779B1) % 2**32,
            steps=count,
            strength=refine if step.refine else 1.0,
        )
        shown = (0, 0, *view.shown)
        painted = match_colours(painted.crop(shown), scene.picture.crop(shown), scene.open.crop(shown))
        size = (view.box.width, view.box.height)
        if painted.size != size:
            painted = painted.resize(size, Image.Resampling.BICUBIC)
        open_area = ImageChops.invert(fixed.crop(view.box.corners))
        join(picture, painted, view.box.corners[:2], open_area, work.known.crop(view.box.corners))
        known.paste(255, view.box.corners)
        if step.refine or view.scale >= SHARP:
            sharp.paste(255, view.box.corners)
    return picture
