"""Wasserstein-1 distance in standard deviations of the reference; comparable between columns."""

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View
from detectors.statistics.wasserstein import distance, tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B) and the means of the bins; standard deviations, 0 upwards. O(B log B). Never raises.

    Where the reference is constant its 'deviation' is about the constant's own size; see `detectors.pairs`.
    """
    return distance(pair) / pair.scale


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) the p-value of `wasserstein`."""
    return tail(pair, value * pair.scale)


STATISTIC = Statistic(
    name="wasserstein_sd",
    title="Wasserstein distance (normalised)",
    unit="standard deviations",
    range=(0.0, np.inf),
    view=View.ORDERED,
    value=value,
    p_value=p_value,
)
