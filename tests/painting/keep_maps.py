"""Keep maps that the tests of several painters use."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

keep_maps = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(16, 48), st.integers(16, 48)),
    elements=st.sampled_from([0, 0, 0, 255, 255, 128, 3]),
    fill=st.sampled_from([0, 255]),
).filter(lambda keep: bool(keep.any()))
"""Small ones of any shape; something is kept in each."""


def centred(size: tuple[int, int], kept: tuple[int, int]) -> np.ndarray:
    """A canvas of this size (width, height) that keeps a rectangle in its middle."""
    keep = np.zeros((size[1], size[0]), dtype=np.uint8)
    left, top = (size[0] - kept[0]) // 2, (size[1] - kept[1]) // 2
    keep[top : top + kept[1], left : left + kept[0]] = 255
    return keep
