"""95 % intervals of shares and of what follows from counts."""

from math import exp, inf, isfinite, log, nan, sqrt
from typing import Final

import numpy as np

from detectors.contract import Floats
from drift.core.performance import Measure

Z: Final = 1.959963984540054
"""Φ⁻¹(0.975)."""


def wilson(hits: float, n: float, n_eff: float | None = None, *, why: str = "") -> Measure:
    """A share with Wilson's score interval (Wilson 1927, JASA 22). O(1).

    Args:
        hits: weight of the hits.
        n: weight of all; not positive: the share is not defined, for the reason `why`.
        n_eff: how many rows the weight stands for, (Σw)²/Σw²; n itself if None.
        why: what is missing where n is 0.
    """
    if n <= 0:
        return Measure(nan, why=why)
    p, m = hits / n, n if n_eff is None else n_eff
    if m <= 0:
        return Measure(p)
    centre = (p + Z * Z / (2 * m)) / (1 + Z * Z / m)
    half = Z / (1 + Z * Z / m) * sqrt(max(p * (1 - p), 0.0) / m + Z * Z / (4 * m * m))
    return Measure(p, min(max(centre - half, 0.0), p), max(min(centre + half, 1.0), p))


def kish(weight: float, squared: float) -> float:
    """Rows that weights are worth: (Σw)²/Σw² (Kish 1965, *Survey Sampling*); 0 for none."""
    return weight * weight / squared if squared > 0 else 0.0


def logit_band(value: float, sd: float, z: float = Z) -> tuple[float, float]:
    """Interval of a number in 0–1, symmetric on the logit scale so that it stays within."""
    if not 0 < value < 1 or not isfinite(sd):
        return nan, nan
    centre, half = log(value / (1 - value)), z * sd / (value * (1 - value))
    return _expit(centre - half), _expit(centre + half)


def plain_band(value: float, sd: float, low: float = -inf, high: float = inf, z: float = Z) -> tuple[float, float]:
    """value ± z·sd, within [low, high]."""
    return max(value - z * sd, low), min(value + z * sd, high)


def delta(gradient: Floats, squared: Floats) -> float:
    """Standard deviation of g(counts) where counts are independent sums of weights with variance Σw².

    Exact to first order for rows drawn from a population too, where g depends on proportions alone: Σ N_i ∂g/∂N_i = 0.
    """
    return float(np.sqrt(np.maximum((gradient**2 * squared).sum(), 0.0)))


def _expit(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))
