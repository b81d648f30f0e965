"""TIFF files of every layout that the format has, with the pixels that each means."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from painting.sweep.sweep_file import Pixels, SweepFile, packed

WIDTH, HEIGHT = 37, 21
_NONE, _LZW, _DEFLATE, _PACK_BITS = 1, 5, 8, 32_773
_SAMPLES: Final = {0: 1, 1: 1, 2: 3, 3: 1, 4: 1, 5: 4, 6: 3, 8: 3, 9: 3}
_BITS: Final = (1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32)
# The kinds of the channels beyond the colours; "?" is one that no tag names.
_EXTRAS: Final = ("", "?", "0", "1", "2", "9", "22")
_ORDERS: Final = (("<", False), (">", False), ("<", True))


@dataclass(frozen=True, slots=True)
class TiffKind:
    """How one file is stored."""

    photometric: int
    bits: int
    extras: str
    planar: int = 1
    compression: int = _NONE
    predictor: int = 1
    order: str = "<"
    big: bool = False
    tiled: bool = False
    fill_order: int = 1
    sample_format: int = 1
    seed: int = 0

    @property
    def samples(self) -> int:
        return _SAMPLES[self.photometric] + len(self.extras)


def tiff_files(ways_each: int) -> Iterator[SweepFile]:
    """Every kind of colours, bits and further channels, each stored in so many ways, which take turns."""
    ways = [
        (planar, compression, predictor, order, tiled)
        for planar, compression, predictor, order, tiled in itertools.product(
            (1, 2), (_NONE, _LZW, _DEFLATE, _PACK_BITS), (1, 2), _ORDERS, (False, True)
        )
        if predictor == 1 or compression in (_LZW, _DEFLATE)
    ]
    for turn, (photometric, bits, extras) in enumerate(itertools.product(_SAMPLES, _BITS, _EXTRAS)):
        kind = TiffKind(photometric, bits, extras, seed=turn)
        chosen = [ways[(7 * turn + 31 * number) % len(ways)] for number in range(min(ways_each, len(ways)))]
        for planar, compression, predictor, (order, big), tiled in chosen:
            yield _file(
                replace(
                    kind,
                    planar=planar if kind.samples > 1 else 1,
                    compression=compression,
                    predictor=predictor if bits in (8, 16) else 1,
                    order=order,
                    big=big,
                    tiled=tiled,
                )
            )
    for photometric, sample_format in itertools.product((1, 2), (2, 3, 4)):
        yield _file(TiffKind(photometric, 16, "", sample_format=sample_format))
    for photometric, bits in itertools.product((0, 1, 2, 3), (1, 8, 16)):
        yield _file(TiffKind(photometric, bits, "", fill_order=2))


def _file(kind: TiffKind) -> SweepFile:
    random = np.random.default_rng(kind.seed)
    samples = random.integers(0, 1 << kind.bits, (HEIGHT, WIDTH, kind.samples), dtype=np.uint64)
    if kind.extras == "1":
        # Colours that are premultiplied are no larger than alpha.
        samples[..., :-1] = samples[..., :-1] * samples[..., -1:] // ((1 << kind.bits) - 1)
    if kind.photometric == 8 and kind.bits in (8, 16):
        # Within what sRGB can show, so that no reader has to cut: L* of 25 to 90, a* and b* of -12 to 12.
        unit = (1 << kind.bits) / 256
        samples[..., 0] = samples[..., 0] // 2 + np.uint64(64 * unit)
        samples[..., 1:3] = (samples[..., 1:3] % np.uint64(24 * unit) + np.uint64(244 * unit)) % np.uint64(256 * unit)
    palette = None
    if kind.photometric == 3 and kind.bits <= 8:
        palette = random.integers(0, 256, (3, 1 << kind.bits), dtype=np.uint16) * (1 if kind.seed % 2 else 257)
    name = "tiff-" + "-".join(str(getattr(kind, field)) for field in kind.__slots__)
    return SweepFile(name, _written(kind, samples, palette), *_meant(kind, samples, palette))


def _meant(
    kind: TiffKind, samples: NDArray[np.uint64], palette: NDArray[np.uint16] | None
) -> tuple[Pixels | None, float]:
    """The pixels, of 8 bits but not rounded, and how far off a reader may be; None where nobody need read it."""
    unusual = kind.fill_order != 1 or kind.sample_format != 1 or kind.photometric in (4, 6, 9)
    if unusual or kind.bits > 16 or len(kind.extras) > 1:
        return None, 0
    values = samples.astype(np.float64) * (255 / ((1 << kind.bits) - 1))
    colours, alpha = values[..., : _SAMPLES[kind.photometric]], values[..., _SAMPLES[kind.photometric] :]
    # One level for each rounding: of the sample, and of the colours made of it.
    off = 0.51
    if kind.extras == "1":
        colours = np.divide(255 * colours, alpha, out=np.zeros_like(colours), where=alpha > 0)
        off = 1.01
    if kind.photometric == 0:
        colours = 255 - colours
    elif kind.photometric == 3:
        if palette is None:
            return None, 0
        levels = palette if palette.max() < 256 else palette // 257
        colours = np.moveaxis(levels[:, samples[..., 0].astype(int)], 0, -1).astype(np.float64)
    elif kind.photometric == 5:
        colours = (255 - colours[..., :3]) * (255 - colours[..., 3:]) / 255
        off = 2.01
    elif kind.photometric == 8:
        colours, off = _from_lab(samples[..., :3], kind.bits), 5
    if colours.shape[-1] == 1:
        colours = np.repeat(colours, 3, -1)
    return np.concatenate([colours, alpha], -1), off


def _from_lab(samples: NDArray[np.uint64], bits: int) -> NDArray[np.float64]:
    """sRGB of CIE L*a*b* under D50 (TIFF 6.0, section 23), adapted by Bradford's matrix."""
    top, half = 1 << bits, 1 << bits - 1
    signed = ((samples[..., 1:].astype(np.int64) + half) % top - half) / (top / 256)
    lightness = samples[..., 0] * (100 / (top - 1))
    y = (lightness + 16) / 116
    f = np.stack([y + signed[..., 0] / 500, y, y - signed[..., 1] / 200], -1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * (0.9642, 1, 0.8249)
    to_linear = np.array(
        [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427]]
    )
    linear = np.clip(xyz @ to_linear.T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _written(kind: TiffKind, samples: NDArray[np.uint64], palette: NDArray[np.uint16] | None) -> bytes:
    tile = (32, 16) if kind.tiled else (WIDTH, 5)
    pieces = []
    planes = [samples] if kind.planar == 1 else [samples[..., [number]] for number in range(kind.samples)]
    for plane in planes:
        for top in range(0, HEIGHT, tile[1]):
            for left in range(0, WIDTH, tile[0]):
                block = plane[top : top + tile[1], left : left + tile[0]]
                if kind.tiled:
                    block = np.pad(block, ((0, tile[1] - block.shape[0]), (0, tile[0] - block.shape[1]), (0, 0)))
                pieces.append(_compressed(kind, block))
    tags = {
        256: ("H", [WIDTH]),
        257: ("H", [HEIGHT]),
        258: ("H", [kind.bits] * kind.samples),
        259: ("H", [kind.compression]),
        262: ("H", [kind.photometric]),
        266: ("H", [kind.fill_order]),
        277: ("H", [kind.samples]),
        284: ("H", [kind.planar]),
        339: ("H", [kind.sample_format] * kind.samples),
    }
    if kind.predictor != 1:
        tags[317] = ("H", [kind.predictor])
    if palette is not None:
        tags[320] = ("H", [int(value) for value in palette.ravel()])
    if kind.extras and kind.extras != "?":
        tags[338] = ("H", [int(extra) for extra in kind.extras])
    if kind.tiled:
        tags |= {322: ("H", [tile[0]]), 323: ("H", [tile[1]])}
    else:
        tags[278] = ("H", [tile[1]])
    return _assembled(kind, tags, pieces)


def _assembled(kind: TiffKind, tags: dict[int, tuple[str, list[int]]], pieces: list[bytes]) -> bytes:
    word, step, width = ("Q", 20, 8) if kind.big else ("I", 12, 4)
    places, at = [], 16
    for piece in pieces:
        places.append(at)
        at += len(piece) + len(piece) % 2
    tags[324 if kind.tiled else 273] = ("I", places)
    tags[325 if kind.tiled else 279] = ("I", [len(piece) for piece in pieces])
    mark = b"II" if kind.order == "<" else b"MM"
    head = mark + (
        struct.pack(kind.order + "HHHQ", 43, 8, 0, at) if kind.big else struct.pack(kind.order + "HI", 42, at)
    )
    behind = at + (8 if kind.big else 2) + step * len(tags) + width
    table, further = b"", b""
    for tag, (letter, values) in sorted(tags.items()):
        raw = struct.pack(f"{kind.order}{len(values)}{letter}", *values)
        table += struct.pack(f"{kind.order}HH{word}", tag, {"H": 3, "I": 4}[letter], len(values))
        if len(raw) <= width:
            table += raw.ljust(width, b"\0")
        else:
            table += struct.pack(kind.order + word, behind + len(further))
            further += raw
    count = struct.pack(kind.order + ("Q" if kind.big else "H"), len(tags))
    content = b"".join(piece + bytes(len(piece) % 2) for piece in pieces)
    return head.ljust(16, b"\0") + content + count + table + bytes(width) + further


def _compressed(kind: TiffKind, block: NDArray[np.uint64]) -> bytes:
    if kind.predictor == 2:
        block = np.diff(block, axis=1, prepend=np.zeros_like(block[:, :1])) % (1 << kind.bits)
    if kind.bits in (8, 16, 32):
        rows = [row.astype(f"{kind.order}u{kind.bits // 8}").tobytes() for row in block]
    else:
        rows = [packed(row.ravel(), kind.bits) for row in block]
    if kind.fill_order == 2:
        rows = [bytes(int(f"{byte:08b}"[::-1], 2) for byte in row) for row in rows]
    content = b"".join(rows)
    if kind.compression == _DEFLATE:
        return zlib.compress(content)
    if kind.compression == _LZW:
        return _lzw(content)
    if kind.compression == _PACK_BITS:
        return b"".join(
            bytes([len(row[at : at + 128]) - 1]) + row[at : at + 128] for row in rows for at in range(0, len(row), 128)
        )
    return content


def _lzw(content: bytes) -> bytes:
    """Literals alone, with a new table before their codes need a tenth bit (TIFF 6.0, section 13)."""
    codes: list[int] = []
    for at in range(0, len(content), 250):
        codes += [256, *content[at : at + 250]]
    return packed(np.array([*codes, 257], dtype=np.uint64), 9)
