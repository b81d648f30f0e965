"""When jobs come: seconds from the start, sorted, drawn from a seeded generator."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]
Random = np.random.Generator


def poisson(random: Random, rate: float, seconds: float) -> Times:
    """Jobs that know nothing of each other, `rate` a second."""
    return np.sort(random.uniform(0.0, seconds, random.poisson(rate * seconds)))


def varying(random: Random, rate: Callable[[float], float], highest: float, seconds: float) -> Times:
    """Poisson jobs whose rate changes with time and never exceeds `highest` (thinning)."""
    candidates = poisson(random, highest, seconds)
    rates = np.array([rate(float(time)) for time in candidates])
    return candidates[random.uniform(0.0, highest, len(candidates)) < rates]


def burst(random: Random, base: float, peak: float, begin: float, length: float, seconds: float) -> Times:
    """A base rate, and `peak` from `begin` for `length` seconds."""
    quiet = poisson(random, base, seconds)
    loud = begin + poisson(random, peak - base, length)
    return np.sort(np.concatenate([quiet, loud]))


def day(random: Random, mean: float, seconds: float = 86_400.0, swing: float = 0.9) -> Times:
    """A day with its lowest rate at four in the morning and its highest at four in the afternoon."""

    def rate(time: float) -> float:
        return mean * (1 - swing * math.cos((time / 3600 - 4) / 24 * 2 * math.pi))

    return varying(random, rate, mean * (1 + swing), seconds)
