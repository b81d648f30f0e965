"""Where a picture's subject is: what the colours along the open border do not explain.

A painter that copies must not copy the subject. Two measures are added: the minimum barrier distance, which is how
much colours must change on the way from the border (Zhang, Sclaroff, Lin, Shen, Price, Mech, ICCV 2015), and how rare
a colour is in the strip along the border.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from outpaint.painting.painters.pixel_arrays import COLOUR_WEIGHTS, Flags, Floats, as_ycc, beside, blurred, nearest

_LOWEST: Final = 36.0  # least score of a subject
_LARGEST: Final = 0.30  # share of the kept area that a subject may have
_SOFT: Final = 12.0  # scores from no subject to nothing else
_SWEEPS: Final = 3  # rounds of scans in four directions
_STRIP: Final = 0.2  # of the kept side: depth of the strip whose colours are common
_BORDER: Final = 0.12  # of the kept side: from there on a score counts fully
_SAMPLES: Final = 400  # colours of the border, or of the strip, that all others are compared with
_AT_ONCE: Final = 2000  # kept pixels compared with the strip at a time


def subject_map(picture: Image.Image, known: Flags) -> Floats:
    """How surely each pixel belongs to the subject, 0 to 1; [rows, columns] like `known`.

    `picture` is RGB of the same size, 128 pixels a side are enough. 0 where nothing is known, or all of it.
    """
    colours = blurred(as_ycc(picture) * COLOUR_WEIGHTS, 1)
    edge = beside(~known, 2) & known
    if not edge.any():
        return np.zeros(known.shape, dtype=np.float32)
    side = float(np.sqrt(np.count_nonzero(known)))
    depth, _, _ = nearest(~known)
    barrier = _barriers(colours, known, edge)
    rare = _rarity(colours, known, known & (depth < _STRIP * side))
    within = known.astype(np.float32)
    radius = max(1, round(0.02 * side))
    share = np.maximum(blurred(within, radius), np.float32(1e-3))
    score = 0.5 * blurred(np.minimum(barrier, 120) * within, radius) + 1.5 * blurred(np.minimum(rare, 80), radius)
    score = score / share * np.clip(depth / np.float32(_BORDER * side), 0, 1) * within
    least = max(_LOWEST, float(np.quantile(score[known], 1 - _LARGEST)))
    return np.asarray(np.clip((score - least) / _SOFT, 0, 1), dtype=np.float32)


def _barriers(colours: Floats, known: Flags, edge: Flags) -> Floats:
    """The least range of colours on any way from the border to each known pixel, by scans; 0 elsewhere."""
    high, wide = known.shape
    distance = np.full(known.shape, np.float32(1e4))
    distance[edge] = _odd_ones(colours[edge])
    upper, lower = colours.copy(), colours.copy()
    scans = (
        [((row, slice(None)), (row - 1, slice(None))) for row in range(1, high)]
        + [((row, slice(None)), (row + 1, slice(None))) for row in range(high - 2, -1, -1)]
        + [((slice(None), column), (slice(None), column - 1)) for column in range(1, wide)]
        + [((slice(None), column), (slice(None), column + 1)) for column in range(wide - 2, -1, -1)]
    )
    for _ in range(_SWEEPS):
        for here, before in scans:
            highest, lowest = np.maximum(upper[before], colours[here]), np.minimum(lower[before], colours[here])
            reached = np.maximum((highest - lowest).max(axis=-1), distance[before])
            closer = (reached < distance[here]) & known[here]
            np.copyto(distance[here], reached, where=closer)
            np.copyto(upper[here], highest, where=closer[:, None])
            np.copyto(lower[here], lowest, where=closer[:, None])
    return np.where(known, distance, np.float32(0))


def _odd_ones(border: Floats) -> Floats:
    """How far each of the border's colours [n, 3] is from the common ones: a subject may touch the border."""
    sample = border[:: max(1, len(border) // _SAMPLES)]
    apart = np.sqrt(((border[:, None] - sample[None]) ** 2).sum(axis=-1))
    odd = np.quantile(apart, 0.22, axis=1)
    return np.asarray(np.maximum(0, odd - np.quantile(odd, 0.6)), dtype=np.float32)


def _rarity(colours: Floats, known: Flags, strip: Flags) -> Floats:
    """How far each known colour is from those that the strip shows a twentieth of the time; 0 elsewhere."""
    common = colours[strip]
    rare = np.zeros(known.shape, dtype=np.float32)
    if not len(common):
        return rare
    common = common[:: max(1, len(common) // _SAMPLES)]
    nth = len(common) // 20
    seen = colours[known]
    lengths = (common**2).sum(axis=1)
    found = np.empty(len(seen), dtype=np.float32)
    for start in range(0, len(seen), _AT_ONCE):
        part = seen[start : start + _AT_ONCE]
        apart = lengths - 2 * part @ common.T
        apart.partition(nth, axis=1)
        found[start : start + len(part)] = np.sqrt(np.maximum(apart[:, nth] + (part**2).sum(axis=1), 0))
    rare[known] = found
    return rare
