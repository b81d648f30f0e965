"""BMP and PNG files of every layout that the formats have, with the pixels that each means."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from painting.sweep.sweep_file import Pixels, SweepFile, packed

WIDTH, HEIGHT = 29, 19
_MASKS: Final = {
    16: [
        (0x7C00, 0x3E0, 0x1F, 0),
        (0xF800, 0x7E0, 0x1F, 0),
        (0xF00, 0xF0, 0xF, 0xF000),
        (0xF00, 0xF0, 0xF, 0),
        (0x7C00, 0x3E0, 0x1F, 0x8000),
        (0xE0, 0x1C, 0x3, 0xFF00),
    ],
    24: [(0xFF0000, 0xFF00, 0xFF, 0), (0xFF, 0xFF00, 0xFF0000, 0)],
    32: [
        *(tuple(0xFF << 8 * place for place in places) for places in itertools.permutations(range(4))),
        (0xFF0000, 0xFF00, 0xFF, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0),
        (0x3FF00000, 0xFFC00, 0x3FF, 0),
        (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000),
        (0x3FF, 0xFFC00, 0x3FF00000, 0xC0000000),
        (0xF800, 0x7E0, 0x1F, 0),
        (0xFFFF0000, 0xFF00, 0xFF, 0),
        (0x1FFC00, 0x3FF, 0xFFE00000, 0),
        (0xFF00FF00, 0xFF0000, 0xFF, 0),
        (0xFF, 0xFF, 0xFF, 0),
        (0, 0, 0, 0),
    ],
}


def bmp_files() -> Iterator[SweepFile]:
    """All kinds of header, depth, direction, palette and masks."""
    turn = 0
    for header, bits, downward in itertools.product((12, 40, 52, 56, 64, 108, 124), (1, 2, 4, 8), (False, True)):
        if header == 12 and downward:
            continue
        for colours, grey in itertools.product({0, 1, 2, 1 << bits, max(2, (1 << bits) - 3)}, (False, True)):
            if colours <= 1 << bits and not (header == 12 and colours):
                yield _palette_bmp(header, bits, colours, turn, downward=downward, grey=grey)
                turn += 1
    for header, bits, downward in itertools.product((12, 40, 52, 56, 64, 108, 124), (16, 24, 32), (False, True)):
        if header != 12:
            for compression, masks in itertools.product((3, 6), _MASKS[bits]):
                yield _mask_bmp(header, bits, masks, compression, turn, downward=downward)
                turn += 1
        if header != 12 or not downward:
            yield _mask_bmp(header, bits, None, 0, turn, downward=downward)
            turn += 1
    for bits, compression in ((8, 1), (4, 2), (24, 4), (24, 5), (32, 11), (64, 0), (0, 5), (8, 3)):
        data = bytearray(_palette_bmp(40, 8, 0, 0, downward=False, grey=False).data)
        struct.pack_into("<HI", data, 28, bits, compression)
        yield SweepFile(f"bmp-40-{bits}-compression-{compression}", bytes(data), None, 0)


def _bmp(
    header: int, bits: int, compression: int, colours: int, downward: bool, behind: bytes, rows: list[bytes]
) -> bytes:
    """Rows from the top; `behind` is what follows the first 40 bytes of the header: masks, the rest of it, palette."""
    if header == 12:
        head = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits)
    else:
        height = -HEIGHT if downward else HEIGHT
        head = struct.pack("<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, 0, 2835, 2835, colours, 0)
    content = b"".join(row + bytes(-len(row) % 4) for row in (rows if downward else rows[::-1]))
    start = 14 + len(head) + len(behind)
    return b"BM" + struct.pack("<IHHI", start + len(content), 0, 0, start) + head + behind + content


def _palette_bmp(header: int, bits: int, colours: int, seed: int, *, downward: bool, grey: bool) -> SweepFile:
    random = np.random.default_rng(seed)
    count = colours or 1 << bits
    palette = random.integers(0, 256, (count, 3), dtype=np.uint8)
    if grey:
        # Numbers that look as if they were the grey itself, at any depth.
        palette = np.repeat(np.arange(count, dtype=np.uint8)[:, None] * (255 if count == 2 else 1), 3, -1)
    numbers = random.integers(0, count, (HEIGHT, WIDTH))
    rows = [packed(row, bits) for row in numbers]
    entries = b"".join(bytes(colour[::-1]) + (b"" if header == 12 else b"\0") for colour in palette)
    behind = bytes(max(header - 40, 0)) + entries
    name = f"bmp-{header}-{bits}-of-{colours}{'-grey' * grey}{'-downward' * downward}"
    return SweepFile(name, _bmp(header, bits, 0, colours, downward, behind, rows), palette[numbers].astype(float), 0)


def _mask_bmp(
    header: int, bits: int, masks: tuple[int, ...] | None, compression: int, seed: int, *, downward: bool
) -> SweepFile:
    values = np.random.default_rng(seed).integers(0, 1 << bits, (HEIGHT, WIDTH), dtype=np.uint64)
    rows = [row.astype("<u4").view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes() for row in values]
    rest = bytes(max(header - 40, 0))
    given = masks or {16: (0x7C00, 0x3E0, 0x1F, 0)}.get(bits, (0xFF0000, 0xFF00, 0xFF, 0))
    if masks is not None:
        count = 4 if compression == 6 or header >= 56 else 3
        packed = struct.pack(f"<{count}I", *masks[:count])
        rest = packed + rest[len(packed) :]
        if count == 3:
            given = (*masks[:3], 0)
    pixels: Pixels | None = None
    used = [mask for mask in given if mask]
    if all(given[:3]) and _are_runs_apart(used):
        pixels = np.dstack([_channel(values, mask) for mask in given if mask])
    name = f"bmp-{header}-{bits}-{'-'.join(f'{m:x}' for m in given)}-compression-{compression}{'-downward' * downward}"
    return SweepFile(name, _bmp(header, bits, compression, 0, downward, rest, rows), pixels, 0.51)


def _are_runs_apart(masks: list[int]) -> bool:
    """Whether each mask is one run of bits, and no two share any."""
    runs = all("0" not in f"{mask:b}".rstrip("0") for mask in masks)
    return runs and sum(mask.bit_count() for mask in masks) == sum(masks).bit_count()


def _channel(values: NDArray[np.uint64], mask: int) -> Pixels:
    below = (mask & -mask).bit_length() - 1
    highest = mask >> below
    return ((values & np.uint64(mask)) >> np.uint64(below)).astype(np.float64) * (255 / highest)


_PNG_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_BITS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png_files() -> Iterator[SweepFile]:
    """All colour types, depths, kinds of transparency, interlacing and row filters 0 to 2."""
    for turn, (colour_type, transparent, interlaced, row_filter) in enumerate(
        itertools.product(_PNG_CHANNELS, (False, True), (False, True), (0, 1, 2))
    ):
        for bits in _PNG_BITS[colour_type]:
            if not (transparent and colour_type in (4, 6)):
                yield _png(colour_type, bits, row_filter, turn, transparent=transparent, interlaced=interlaced)


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(colour_type: int, bits: int, row_filter: int, seed: int, *, transparent: bool, interlaced: bool) -> SweepFile:
    random = np.random.default_rng(seed)
    values = random.integers(0, 1 << bits, (HEIGHT, WIDTH, _PNG_CHANNELS[colour_type]), dtype=np.uint64)
    before = b""
    pixels = values.astype(np.float64) * (255 / ((1 << bits) - 1))
    if colour_type == 3:
        palette = random.integers(0, 256, (1 << bits, 3), dtype=np.uint8)
        before = chunk(b"PLTE", palette.tobytes())
        pixels = palette[values[..., 0].astype(int)].astype(np.float64)
    if transparent and colour_type == 3:
        alphas = random.integers(0, 256, 1 << bits, dtype=np.uint8)
        before += chunk(b"tRNS", alphas.tobytes())
        pixels = np.dstack([pixels, alphas[values[..., 0].astype(int)]])
    elif transparent:
        key = values[3, 4]
        before += chunk(b"tRNS", b"".join(int(value).to_bytes(2, "big") for value in key))
        pixels = np.dstack([pixels, np.where((values == key).all(-1), 0, 255)])
    if colour_type in (0, 4):
        pixels = np.dstack([pixels[..., :1]] * 3 + ([pixels[..., 1:]] if pixels.shape[-1] == 2 else []))
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    content = b"".join(_rows(values[top::down, left::across], bits, row_filter) for left, top, across, down in passes)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, colour_type, 0, 0, interlaced)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before + chunk(b"IDAT", zlib.compress(content))
    name = f"png-{colour_type}-{bits}-filter-{row_filter}{'-trns' * transparent}{'-interlaced' * interlaced}"
    return SweepFile(name, data + chunk(b"IEND", b""), pixels, 0.51)


def _rows(values: NDArray[np.uint64], bits: int, row_filter: int) -> bytes:
    """Filtered rows (PNG, third edition, section 9): 0 none, 1 differences to the left, 2 to the row above."""
    if not values.size:
        return b""
    step, above, done = max(values.shape[-1] * bits // 8, 1), None, b""
    for row in values:
        raw = np.frombuffer(packed(row.ravel(), bits), np.uint8)
        other = np.zeros_like(raw)
        if row_filter == 1:
            other[step:] = raw[:-step]
        elif row_filter == 2 and above is not None:
            other = above
        done += bytes([row_filter]) + (raw - other).tobytes()
        above = raw
    return done
