"""`outpaint paint`: outpaints one photo without a server."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from outpaint.contracts.errors import ErrorCode, OutpaintError
from outpaint.contracts.masks_and_formats import Format, MaskMode, PictureLimits
from outpaint.contracts.requests import MAX_COUNT, MAX_SEED, Wish
from outpaint.functions.command_line.console import (
    OUT,
    LoadPainter,
    painter_options,
    picture_limit_option,
    progress,
    warn,
)
from outpaint.painting.canvas import Canvas
from outpaint.painting.painters.painter_table import PAINTERS, PainterHost, names_on

_BLIND = " and ".join(name for name in names_on(PainterHost.LOCAL) if not PAINTERS[name].reads_prompt)
# These have an option below; other fields take their help from the API's.
_WITH_OWN_OPTION = ("prompt", "count", "seed", "format", "mask_mode")
_FORMATS = {".jpg": Format.JPG, ".jpeg": Format.JPG, ".png": Format.PNG, ".webp": Format.WEBP}


def _further_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for every other field of a wish, so that a new field needs no line here."""
    for name in reversed([name for name in Wish.model_fields if name not in _WITH_OWN_OPTION]):
        option = click.option(f"--{name.replace('_', '-')}", name, help=Wish.model_fields[name].description)
        command = option(command)
    return command


@click.command()
@click.argument("photo", metavar="IN", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The finished picture; its ending chooses the format: .jpg, .png or .webp.",
)
@click.option("--extend", metavar="L,T,R,B", help="Pixels to add left, top, right, bottom; one number for all sides.")
@click.option("--size", metavar="WxH", help="The size to grow to, with the photo in the middle.")
@click.option("--aspect", metavar="W:H", help="The shape to grow to, with the photo in the middle.")
@click.option(
    "--mask",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A mask of the photo's size: opaque (or white) is kept, the rest painted.",
)
@click.option(
    "--mask-mode",
    type=click.Choice([mode.value for mode in MaskMode]),
    default=MaskMode.AUTO.value,
    show_default=True,
    help="How the mask is read, where the rule for it guesses wrong.",
)
@click.option("--prompt", default="", help=f"What the picture should grow into; {_BLIND} do not read it.")
@click.option(
    "--count",
    type=click.IntRange(1, MAX_COUNT),
    default=1,
    show_default=True,
    help="How many variants; from two on, OUT is numbered.",
)
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Paint the same again; variant i has seed + i.")
@click.option(
    "--format",
    "format_",
    type=click.Choice([format_.value for format_ in Format], case_sensitive=False),
    help="Instead of what OUT's ending says.",
)
@_further_options
@painter_options
@picture_limit_option
def paint(
    photo: Path,
    output: Path,
    extend: str | None,
    size: str | None,
    aspect: str | None,
    mask: Path | None,
    mask_mode: str,
    prompt: str,
    count: int,
    seed: int | None,
    format_: str | None,
    painter: LoadPainter,
    limits: PictureLimits,
    **further: str | None,
) -> None:
    """Let one photo grow, without a server.

    Say how far with one of --extend, --size and --aspect; or give a photo with transparent parts, or a --mask.

    \b
    Examples:
      outpaint paint photo.jpg -o wide.jpg --aspect 16:9
      outpaint paint photo.jpg -o more.png --extend 256,0,256,128 --count 3
      outpaint paint cutout.png -o whole.png                  # paints what is transparent
      outpaint paint photo.jpg -o new.webp --mask mask.png --seed 7
    """
    outputs = _outputs(output, count)
    for path in outputs:
        if path.exists() and photo.exists() and path.samefile(photo):
            raise OutpaintError(ErrorCode.INVALID_PARAMETER, f"{path} is the photo itself: choose another name for -o")
    from outpaint.functions.adapters.clock_and_ids import RandomIds

    wish = Wish.read(
        {
            "prompt": prompt,
            "count": count,
            "seed": RandomIds().seed() if seed is None else seed,
            "format": _format_of(output) if format_ is None else format_,
            "mask_mode": mask_mode,
            **{name: value for name, value in further.items() if value is not None},
        }
    )
    canvas = _canvas(photo, limits, extend=extend, size=size, aspect=aspect, mask=mask, mask_mode=wish.mask_mode)
    wish.format.check_size(canvas.size)
    for warning in canvas.interpretation.warnings:
        warn(warning)

    from outpaint.painting.canvas import Brief, painter_for
    from outpaint.painting.finish import outpaint

    painting = painter_for(painter(), canvas)
    if painting.card.reason is not None:
        OUT.print(f"{painting.card.name}: {painting.card.reason}", style="dim", markup=False)
    started = time.monotonic()
    with progress() as bar:
        task = bar.add_task(f"{painting.card.name} paints {canvas.size[0]}x{canvas.size[1]}", total=count)
        finished = outpaint(canvas, Brief(wish, wish.seeds), painting, wish.format)
        for path, data in zip(outputs, finished, strict=True):
            path.write_bytes(data)
            bar.advance(task)
    for path, used in zip(outputs, wish.seeds, strict=True):
        OUT.print(f"{path}  {canvas.size[0]}x{canvas.size[1]}  seed {used}", markup=False)
    share = canvas.interpretation.painted_share
    OUT.print(
        f"{painting.card.name} painted {share:.0%} of it in {time.monotonic() - started:.1f} s",
        style="dim",
        markup=False,
    )


def _format_of(output: Path) -> Format:
    try:
        return _FORMATS[output.suffix.lower()]
    except KeyError:
        raise OutpaintError(
            ErrorCode.INVALID_PARAMETER,
            f"{output} does not end in .jpg, .png or .webp: name it so, or say --format",
            field="output",
        ) from None


def _outputs(output: Path, count: int) -> list[Path]:
    if not output.parent.is_dir():
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, f"there is no folder {output.parent}: make it first")
    if count == 1:
        return [output]
    return [output.with_name(f"{output.stem}-{number}{output.suffix}") for number in range(1, count + 1)]


def _canvas(
    photo: Path,
    limits: PictureLimits,
    *,
    extend: str | None,
    size: str | None,
    aspect: str | None,
    mask: Path | None,
    mask_mode: MaskMode,
) -> Canvas:
    from outpaint.painting.inputs import extension
    from outpaint.painting.inputs.inspection import read_canvas

    ways = {"--extend": extend, "--size": size, "--aspect": aspect, "--mask": mask}
    chosen = [name for name, value in ways.items() if value is not None]
    if len(chosen) > 1:
        raise OutpaintError(ErrorCode.CONFLICTING_PARAMETERS, f"{' and '.join(chosen)} exclude each other: choose one")
    how_far: extension.Extension | None = None
    if extend is not None:
        how_far = extension.Margins.parse(extend, field="--extend")
    elif size is not None:
        how_far = extension.TargetSize.parse(size, field="--size")
    elif aspect is not None:
        how_far = extension.TargetAspect.parse(aspect, field="--aspect")
    image = photo.read_bytes()
    try:
        if how_far is not None:
            return extension.extend(image, how_far, limits=limits)
        return read_canvas(image, None if mask is None else mask.read_bytes(), mask_mode=mask_mode, limits=limits)
    except OutpaintError as error:
        from outpaint.functions.embedded.server_limits import option_names

        raise error.naming(option_names(PictureLimits.model_fields)) from None
