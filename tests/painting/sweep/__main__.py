"""`make sweep-files`: thousands of generated files, each judged by what it means and beside libvips."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyvips
from painting.sweep.bmp_and_png_files import bmp_files, png_files
from painting.sweep.sweep_file import SweepFile, is_read, judged, read
from painting.sweep.tiff_files import tiff_files

_WAYS = 10
_OTHERWISE = "libvips reads it otherwise"


def main() -> int:
    """The number of files that are wrong, at most 1; each is printed."""
    counts: Counter[str] = Counter()
    wrong = []
    for file in itertools.chain(tiff_files(_WAYS), bmp_files(), png_files(), _written_by_libvips()):
        kind = file.name.partition("-")[0]
        counts[f"{kind}: files"] += 1
        verdict = judged(file)
        if verdict:
            wrong.append(verdict)
        elif not is_read(file):
            counts[f"{kind}: refused by name"] += 1
        else:
            counts[f"{kind}: read right"] += 1
            beside = _beside_libvips(file)
            counts[f"{kind}: {beside}"] += 1
            if beside == _OTHERWISE and not _is_known(file):
                wrong.append(f"{file.name}: {beside}")
    lines = [f"{count:6} {line}" for line, count in sorted(counts.items())]
    total = sum(count for line, count in counts.items() if line.endswith("files"))
    sys.stdout.write("\n".join([*lines, *wrong, f"{total} files, {len(wrong)} wrong\n"]))
    return min(len(wrong), 1)


def _is_known(file: SweepFile) -> bool:
    """Whether libvips is known to differ: it converts CMYK by a profile of its own, and takes the planes of grey with
    alpha, and of L*a*b* of 16 bits, for something else. What the file means is known from its making.
    """
    photometric, bits, _, planar = file.name.split("-")[1:5] if file.name.startswith("tiff-") else [""] * 4
    return photometric == "5" or (planar == "2" and (photometric == "1" or (photometric, bits) == ("8", "16")))


def _beside_libvips(file: SweepFile) -> str:
    """Whether libvips reads the file as we do: a few words."""
    try:
        picture = _shown(pyvips.Image.new_from_buffer(file.data, ""))
    except (pyvips.Error, ValueError):
        return "libvips does not read it"
    seen = read(file)
    off = np.abs(np.asarray(seen.convert("RGBA"), dtype=np.float64) - picture)
    off *= np.where(picture[..., 3:] < 0.5, (0, 0, 0, 1), 1)
    return "libvips agrees" if off.max() <= max(2 * file.off, 2) else _OTHERWISE


def _shown(image: Any) -> np.ndarray[Any, Any]:
    """RGBA of 8 bits."""
    image = image.colourspace("srgb")
    image = image if image.hasalpha() else image.bandjoin(255)
    return image.cast("uchar").numpy().astype(np.float64)


def _written_by_libvips() -> Iterator[SweepFile]:
    """Files as libvips, libtiff, libpng, libjpeg and libwebp write them, with what libvips reads in them."""
    random = np.random.default_rng(5)
    for bands, depth in itertools.product((1, 2, 3, 4), (8, 16)):
        noise = random.integers(0, 1 << depth, (33, 47, bands), dtype=np.uint8 if depth == 8 else np.uint16)
        smooth = np.cumsum(noise % 3, axis=1).astype(noise.dtype) * (1 if depth == 8 else 256)
        for title, content in (("noise", noise), ("smooth", smooth)):
            image = pyvips.Image.new_from_array(content).copy(
                interpretation=("b-w" if bands < 3 else "srgb") if depth == 8 else ("grey16" if bands < 3 else "rgb16")
            )
            yield from _of_one(image, f"{title}-{bands}-{depth}", depth, bands)


def _of_one(image: Any, title: str, depth: int, bands: int) -> Iterator[SweepFile]:
    for compression, predictor, tile, big, white in itertools.product(
        ("none", "lzw", "deflate", "packbits", "jpeg"),
        ("none", "horizontal"),
        (False, True),
        (False, True),
        (False, True),
    ):
        if (compression == "jpeg" and (depth == 16 or bands in (2, 4))) or (white and bands > 2):
            continue
        yield _saved(
            f"vipstiff-{title}-{compression}-{predictor}-{tile}-{big}-{white}",
            image, ".tif", compression=compression, predictor=predictor, tile=tile, bigtiff=big, miniswhite=white,
            tile_width=16, tile_height=16,
        )  # fmt: skip
    for interlace, compression, row_filter in itertools.product(
        (False, True), (0, 6), ("none", "sub", "up", "avg", "paeth", "all")
    ):
        yield _saved(
            f"vipspng-{title}-{interlace}-{compression}-{row_filter}",
            image, ".png", interlace=interlace, compression=compression, filter=row_filter,
        )  # fmt: skip
    if depth == 16:
        return
    for bitdepth in (1, 2, 4, 8):
        yield _saved(f"vipspng-{title}-palette-{bitdepth}", image, ".png", palette=True, bitdepth=bitdepth)
        if bands == 1:
            yield _saved(f"vipstiff-{title}-bits-{bitdepth}", image, ".tif", bitdepth=bitdepth)
    for lossless, quality, effort in itertools.product((False, True), (40, 90), (0, 4)):
        yield _saved(
            f"vipswebp-{title}-{lossless}-{quality}-{effort}",
            image,
            ".webp",
            lossless=lossless,
            Q=quality,
            effort=effort,
        )
    if bands in (1, 3):
        for interlace, subsample, quality, interval in itertools.product(
            (False, True), ("on", "off"), (50, 97), (0, 2)
        ):
            yield _saved(
                f"vipsjpeg-{title}-{interlace}-{subsample}-{quality}-{interval}",
                image, ".jpg", interlace=interlace, subsample_mode=subsample, Q=quality, restart_interval=interval,
            )  # fmt: skip


def _saved(name: str, image: Any, suffix: str, **options: Any) -> SweepFile:
    data = image.write_to_buffer(suffix, **options)
    pixels = _shown(pyvips.Image.new_from_buffer(data, ""))
    return SweepFile(name, data, pixels, 3 if suffix in (".jpg", ".webp") or "jpeg" in name else 1.01)


if __name__ == "__main__":
    sys.exit(main())
