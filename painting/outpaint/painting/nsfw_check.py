"""The output check `nsfw`: Yahoo's open_nsfw model, run by onnxruntime on the CPU."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from outpaint.painting import weights

NAME: Final = "nsfw"
"""What the setting `check` calls it, and its weights."""

_SEEN: Final = 256
_CROP: Final = 224
_MEAN: Final = np.array([104, 117, 123], dtype=np.float32)  # of blue, green and red, as the network was trained


class NsfwCheck:
    """Holds a picture back whose score reaches `threshold` (0 to 1); an `OutputCheck`, for several threads.

    open_nsfw was trained to tell pornography from other photographs; it knows nothing of violence, drawings or texts.
    Its authors call a score below 0.2 safe and one above 0.8 not. Raises WeightsUnavailable where its weights are
    missing.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        path = weights.find(NAME)
        if path is None:
            raise weights.WeightsUnavailable(
                f"the output check {NAME} needs its weights: `outpaint weights pull {NAME}`, or OUTPAINT_CHECK=none"
            )
        options = onnxruntime.SessionOptions()
        # Pictures are checked on the threads that finish them, one each.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, picture: Image.Image) -> str | None:
        """Why the picture must be held back, or None where it need not be."""
        score = self.score(picture)
        return f"not safe for work, score {score:.2f}" if score >= self._threshold else None

    def score(self, picture: Image.Image) -> float:
        """How likely the picture (RGB, any size) is pornographic, 0 to 1; the same for the same picture."""
        (scores,) = self._session.run(None, {self._session.get_inputs()[0].name: _seen(picture)})
        return float(scores[0][1])


def _seen(picture: Image.Image) -> NDArray[np.float32]:
    """The middle of the picture as the network takes it: [1, 224, 224, 3], blue first, the mean taken off."""
    margin = (_SEEN - _CROP) // 2
    small = picture.convert("RGB").resize((_SEEN, _SEEN), Image.Resampling.BILINEAR)
    middle = small.crop((margin, margin, margin + _CROP, margin + _CROP))
    pixels = np.asarray(middle, dtype=np.float32)[:, :, ::-1] - _MEAN
    return np.ascontiguousarray(pixels[None])
