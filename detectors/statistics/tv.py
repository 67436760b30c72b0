"""Total variation distance.

½ Σ |p−q|: the share of rows that would have to move (Levin, Peres, Markov Chains and Mixing Times, 4.1).
"""

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View, over_bins
from detectors.nulls import absolute_sum_tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B); ratio, 0 … 1. O(B). Never raises."""
    return np.minimum(over_bins(np.abs(pair.p - pair.q)) / 2, 1.0)


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) from the normal law of the differences, covariance v·(diag(h) − hhᵀ); about 0.1 ms a column."""
    return absolute_sum_tail(2 * value / np.sqrt(pair.v), pair.h)


STATISTIC = Statistic(
    name="tv",
    title="Total variation",
    unit="ratio",
    range=(0.0, 1.0),
    view=View.MERGED,
    value=value,
    p_value=p_value,
    symmetric=True,
)
