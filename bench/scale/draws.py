"""Random times."""

from __future__ import annotations

import numpy as np

from .arrivals import Random, Times
from .parameters import Latency

_NORMAL_P99 = 2.3263478740408408


def lognormal(random: Random, latency: Latency, number: int) -> Times:
    """So many times of this distribution."""
    sigma = np.log(latency.p99 / latency.median) / _NORMAL_P99
    times: Times = latency.median * np.exp(random.normal(0.0, sigma, number))
    return times
