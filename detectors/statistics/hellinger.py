"""Hellinger distance.

√(½ Σ (√p−√q)²), a metric between 0 and 1 (Hellinger 1909). Its square is about (v/8)·χ²_{B−1} under the null.
"""

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View, over_bins
from detectors.nulls import chi2_tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B); 0 (same) … 1 (nothing in common). O(B). Never raises."""
    square = over_bins((np.sqrt(pair.p) - np.sqrt(pair.q)) ** 2) / 2
    distance: Floats = np.sqrt(np.clip(square, 0.0, 1.0))
    return distance


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) upper tail of (v/8)·χ²_{B−1} at the squared distance."""
    return chi2_tail(value**2 * 8 / pair.v, pair.bins - 1)


STATISTIC = Statistic(
    name="hellinger",
    title="Hellinger distance",
    unit="",
    range=(0.0, 1.0),
    view=View.MERGED,
    value=value,
    p_value=p_value,
    symmetric=True,
)
