"""The table of all painters, how one is loaded, and which one paints where none is named.

It imports nothing heavy: commands and settings read the table before anything is painted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto
from pathlib import Path
from typing import Final

from outpaint.painting.canvas import Painter


class PainterHost(Flag):
    """The programs that painters run in."""

    LOCAL = auto()
    """The command line and its server."""
    MOCK = auto()
    ENDPOINT = auto()
    """The GPU container."""


@dataclass(frozen=True, slots=True)
class PainterEntry:
    """A painter: what it does, what it needs, and where it runs.

    `extra` is the extra of outpaint-kit that brings its packages, None where every host has them. `weights` is its
    file in the weights store, `pipeline` the class of diffusers whose folder it loads; one that has neither needs no
    weights, and `licence` is empty. `load` makes the painters that paint one picture at a time, with weights from a
    folder where one is given that has them. One that `needs_cuda` takes minutes a picture on a CPU: the endpoint
    starts it on none but where `device` says so.
    """

    name: str
    description: str
    reads_prompt: bool
    hosts: PainterHost
    extra: str | None = None
    weights: str | None = None
    pipeline: str | None = None
    licence: str = ""
    needs_cuda: bool = False
    load: Callable[[Path | None], Painter] | None = None


def _migan(folder: Path | None) -> Painter:
    from outpaint.painting import weights
    from outpaint.painting.painters.migan import MiganPainter

    path = weights.find("migan", folder)
    if path is None:
        raise weights.WeightsUnavailable(
            "The migan painter's weights are not on this machine: get them with `outpaint weights "
            "pull`, or choose the painter patch, which needs none."
        )
    return MiganPainter(path)


def _patch(_: Path | None) -> Painter:
    from outpaint.painting.painters.patch import PatchPainter

    return PatchPainter()


def _flat(_: Path | None) -> Painter:
    from outpaint.painting.painters.flat import FlatPainter

    return FlatPainter()


def _on_gpu(name: str, description: str, *, pipeline: str, licence: str) -> PainterEntry:
    return PainterEntry(
        name, description, True, PainterHost.ENDPOINT, extra="gpu", pipeline=pipeline, licence=licence, needs_cuda=True
    )


_ENTRIES: Final = (
    PainterEntry(
        name="migan",
        description="the MI-GAN network, grown from the kept area outward; 28 MB of weights",
        reads_prompt=False,
        hosts=PainterHost.LOCAL | PainterHost.MOCK | PainterHost.ENDPOINT,
        extra="paint",
        weights="migan",
        licence="MIT (NOTICE)",
        load=_migan,
    ),
    PainterEntry(
        name="patch",
        description="continues textures by PatchMatch",
        reads_prompt=False,
        hosts=PainterHost.LOCAL | PainterHost.ENDPOINT,
        extra="paint",
        load=_patch,
    ),
    PainterEntry(
        name="flat",
        description="two colours that depend on prompt and seed, at once; for tests and mocks",
        reads_prompt=True,
        hosts=PainterHost.LOCAL | PainterHost.MOCK | PainterHost.ENDPOINT,
        load=_flat,
    ),
    _on_gpu(
        "klein",
        "FLUX.2 klein 4B, 4 steps; the kept picture is a reference too",
        pipeline="Flux2KleinInpaintPipeline",
        licence="Apache-2.0",
    ),
    _on_gpu(
        "sdxl",
        "SDXL inpainting 0.1, 25 steps, guidance 7.5; reads the negative prompt too",
        pipeline="StableDiffusionXLInpaintPipeline",
        licence="OpenRAIL++",
    ),
    _on_gpu(
        "fluxfill",
        "FLUX.1 Fill [dev], 28 steps; the log says its licence at every start",
        pipeline="FluxFillPipeline",
        licence="**non-commercial**",
    ),
)
PAINTERS: Final = {entry.name: entry for entry in _ENTRIES}
"""All painters by name: those that run anywhere, best first, then those that need a GPU."""

BEST_LOCAL: Final = "migan"
WITHOUT_WEIGHTS: Final = "patch"
"""The painters where none is named: the first where its weights are on the machine, else the second."""


def names_on(host: PainterHost) -> tuple[str, ...]:
    """The painters that run there, in the table's order."""
    return tuple(name for name, entry in PAINTERS.items() if host in entry.hosts)


def load_painter(name: str, folder: Path | None = None) -> Painter:
    """The painter of this name; what it needs is imported only now.

    Its weights come from `folder` where they lie there, else from the weights store. Raises OutpaintError naming the
    choices, or saying how to get the weights where they are missing or wrong.
    """
    entry = PAINTERS.get(name)
    if entry is None or entry.load is None:
        from outpaint.contracts.errors import ErrorCode, OutpaintError

        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER,
            f"There is no painter named {name}; the choices are: {', '.join(names_on(PainterHost.LOCAL))}.",
            field="painter",
        )
    return entry.load(folder)


def default_painter() -> tuple[Painter, str | None]:
    """The best painter that this machine can run alone, and a warning for the user where its weights are missing."""
    from outpaint.painting import weights

    try:
        return load_painter(BEST_LOCAL), None
    except weights.WeightsUnavailable:
        return load_painter(WITHOUT_WEIGHTS), (
            f"The {BEST_LOCAL} weights are not on this machine, so the simpler painter {WITHOUT_WEIGHTS} is used; "
            "`outpaint weights pull` gets them."
        )
