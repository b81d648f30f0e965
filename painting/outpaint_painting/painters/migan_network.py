"""The MI-GAN network behind onnxruntime: one 512x512 picture with a hole in, the filled picture out."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE: Final = 512
"""The network's width and height in pixels."""


def cores() -> int:
    """The CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Network:
    """One loaded session, kept for the life of the process."""

    def __init__(self, weights: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A GPU where onnxruntime was installed with one (onnxruntime-gpu); sessions of both kinds take these graphs.
        available = onnxruntime.get_available_providers()
        providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
        self._session = onnxruntime.InferenceSession(str(weights), options, providers=providers)

    def fill(self, picture: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """The picture with everything not known painted by the network.

        `picture` is RGB [512, 512, 3], `known` [512, 512]. The graph ignores what `picture` shows where it
        isn't known, and blends the two along the border.
        """
        image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
        mask = np.where(known, np.uint8(255), np.uint8(0))[None, None]
        (result,) = self._session.run(None, {"image": image, "mask": mask})
        filled: NDArray[np.uint8] = result[0].transpose(1, 2, 0)
        return filled


@cache
def network_of(weights: Path) -> Network:
    """The one session of this process for these weights."""
    return Network(weights)
