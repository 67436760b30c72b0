"""Pooled Pearson X² as a distance.

Σ (p−q)²/h with h the pooled share: v times the classical two-sample X² (Pearson 1911), so that rows alone do not
make it grow; a bin that the reference lacks weighs the more, the smaller the window. Both sides are treated as
samples: taking the reference as exact gives 22–50 % false alarms at a nominal 5 %. Decide on its p-value, show
another distance.
"""

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View, over_bins
from detectors.nulls import chi2_tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B); 0 upwards, no unit. O(B). Never raises."""
    return over_bins((pair.p - pair.q) ** 2 / np.where(pair.filled, pair.h, 1.0))


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) upper tail of v·χ²_{B−1}, B the bins filled on one side at least."""
    return chi2_tail(value / pair.v, pair.bins - 1)


STATISTIC = Statistic(
    name="chi2",
    title="Pearson's X² (pooled)",
    unit="",
    range=(0.0, np.inf),
    view=View.MERGED,
    value=value,
    p_value=p_value,
    symmetric=True,
)
