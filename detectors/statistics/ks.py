"""Kolmogorov–Smirnov distance on the grid.

max |P−Q| over the ends of the bins (Kolmogorov 1933, Smirnov 1939); at most 1/B below the distance of the rows
themselves.
"""

from typing import Final

import numpy as np
from scipy import special

from detectors.contract import Floats, Pair, Statistic, View, over_bins
from detectors.nulls import two_sided

OVERSHOOT: Final = 0.5826
"""−ζ(½)/√(2π): seen at steps of 1/B, a bridge's highest point is about 0.5826/√B lower (Chernoff 1965)."""
FEW: Final = 6
"""With so few bins the overshoot's expansion says too little; the bound over the single points is better."""


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B) in order; ratio, 0 … 1. O(B). Never raises."""
    largest: Floats = np.abs(pair.gap).max(axis=1, initial=0.0)
    return np.minimum(largest, 1.0)


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) the smaller of Kolmogorov's tail at D/√v + 0.5826/√B and of the bound Σ_b P(|bridge(H_b)| > D/√v).

    Within 2 % on the standard grid (64 bins and tails); an upper bound where few bins hold most of the rows.
    """
    x = value / np.sqrt(pair.v)
    sd = np.sqrt(pair.H * (1 - pair.H))
    inner = pair.filled & (sd > 0)
    bound = over_bins(np.where(inner, two_sided(x[:, None] / np.where(inner, sd, 1.0)), 0.0))
    tail = special.kolmogorov(x + OVERSHOOT / np.sqrt(np.maximum(pair.bins, 1)))
    p = np.where(pair.bins > FEW, np.minimum(tail, bound), bound)
    return np.where(inner.any(axis=1), np.minimum(p, 1.0), 1.0)


STATISTIC = Statistic(
    name="ks",
    title="Kolmogorov–Smirnov distance",
    unit="ratio",
    range=(0.0, 1.0),
    view=View.ORDERED,
    value=value,
    p_value=p_value,
    symmetric=True,
    conservative=True,
)
