"""Anderson–Darling distance on the grid.

Σ (P−Q)²·h/(H(1−H)) over the bins before the last, H the pooled cumulative share (Scholz, Stephens 1987, without the
factor nm/(n+m)). Its null is v·Σ λ_k χ²₁; for B equal bins λ_k = 1/(k(k+1)), for unequal ones they follow from the
bins themselves.
"""

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View, over_bins
from detectors.nulls import bridge_form_tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B) in order; 0 upwards, no unit; the tails weigh more than in `cvm`. O(B). Never raises."""
    return over_bins(pair.gap**2 * _weight(pair))


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) upper tail of the weighted χ² sum; see `bridge_form_tail` for the error."""
    return bridge_form_tail(value / pair.v, pair.H, _weight(pair))


def _weight(pair: Pair) -> Floats:
    spread = pair.H * (1 - pair.H)
    return np.where(spread > 0, pair.h / np.where(spread > 0, spread, 1.0), 0.0)


STATISTIC = Statistic(
    name="ad",
    title="Anderson–Darling distance",
    unit="",
    range=(0.0, np.inf),
    view=View.ORDERED,
    value=value,
    p_value=p_value,
    symmetric=True,
)
