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
class PainterOptions:
    """What can be set of painters; a painter reads what concerns it, and refuses what it cannot use.

    `weights` is a folder to look for weights in before the weights store. `backdrop_colour` is `#RRGGBB`, None where
    the painter chooses by the object; `backdrop_shadow` is 0 (none) to 1.
    """

    weights: Path | None = None
    backdrop_colour: str | None = None
    backdrop_shadow: float = 1.0


@dataclass(frozen=True, slots=True)
class PainterEntry:
    """A painter: what it does, what it needs, and where it runs.

    `extra` is the extra of outpaint-kit that brings its packages, None where every host has them. `weights` is its
    file in the weights store, `pipeline` the class of diffusers whose folder it loads; one that has neither needs no
    weights, and `licence` is empty. `load` makes the painters that paint one picture at a time. One that `needs_cuda`
    takes minutes a picture on a CPU: the endpoint starts it on none but where `device` says so.
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
    load: Callable[[PainterOptions], Painter] | None = None


def _migan(options: PainterOptions) -> Painter:
    from outpaint.painting import weights
    from outpaint.painting.painters.migan import MiganPainter

    path = weights.find("migan", options.weights)
    if path is None:
        raise weights.WeightsUnavailable(
            "The migan painter's weights are not on this machine: get them with `outpaint weights "
            f"pull`, or choose the painter {DEFAULT}, which needs none."
        )
    return MiganPainter(path)


def _auto(options: PainterOptions) -> Painter:
    from outpaint.painting.painters.auto import AutoPainter

    return AutoPainter(_backdrop(options))


def _layers(_: PainterOptions) -> Painter:
    from outpaint.painting.painters.layers import LayersPainter

    return LayersPainter()


def _backdrop(options: PainterOptions) -> Painter:
    from outpaint.painting.painters.backdrop import BackdropPainter

    return BackdropPainter(options.backdrop_colour, options.backdrop_shadow)


def _patch(_: PainterOptions) -> Painter:
    from outpaint.painting.painters.patch import PatchPainter

    return PatchPainter()


def _flat(_: PainterOptions) -> Painter:
    from outpaint.painting.painters.flat import FlatPainter

    return FlatPainter()


def _on_gpu(name: str, description: str, *, pipeline: str, licence: str) -> PainterEntry:
    return PainterEntry(
        name, description, True, PainterHost.ENDPOINT, extra="gpu", pipeline=pipeline, licence=licence, needs_cuda=True
    )


_ENTRIES: Final = (
    PainterEntry(
        name="auto",
        description="backdrop behind cut-outs, layers around everything else; the result says which, and why",
        reads_prompt=False,
        hosts=PainterHost.LOCAL,
        extra="paint",
        load=_auto,
    ),
    PainterEntry(
        name="layers",
        description="continues a photo layer by layer with patches of its own",
        reads_prompt=False,
        hosts=PainterHost.LOCAL,
        extra="paint",
        load=_layers,
    ),
    PainterEntry(
        name="backdrop",
        description="a plain studio ground with a shadow, behind a cut-out",
        reads_prompt=False,
        hosts=PainterHost.LOCAL,
        extra="paint",
        load=_backdrop,
    ),
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
        description="a test pattern, no picture: two colours that depend on prompt and seed, at once",
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

DEFAULT: Final = "auto"
"""The painter where none is named, on every host but the GPU container and the mocks."""


def names_on(host: PainterHost) -> tuple[str, ...]:
    """The painters that run there, in the table's order."""
    return tuple(name for name, entry in PAINTERS.items() if host in entry.hosts)


def load_painter(name: str = DEFAULT, options: PainterOptions = PainterOptions()) -> Painter:
    """The painter of this name; what it needs is imported only now.

    Raises OutpaintError naming the choices, saying how to get the weights where they are missing or wrong, or naming
    the option that is.
    """
    entry = PAINTERS.get(name)
    if entry is None or entry.load is None:
        from outpaint.contracts.errors import ErrorCode, OutpaintError

        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER,
            f"There is no painter named {name}; the choices are: {', '.join(names_on(PainterHost.LOCAL))}.",
            field="painter",
        )
    return entry.load(options)
