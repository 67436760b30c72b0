"""Shift of the mean in standard deviations of the reference (Glass's Δ), with its sign."""

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View, over_bins
from detectors.nulls import two_sided


def difference(pair: Pair) -> Floats:
    """(C,) the window's mean less the reference's in the grid's units, from counts (C, B) and the bins' means."""
    return over_bins(pair.p * pair.c_at) - over_bins(pair.q * pair.r_at)


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B) and the means of the bins; standard deviations, positive upwards. O(B). Never raises.

    Where the reference is constant its 'deviation' is about the constant's own size; see `detectors.pairs`.
    """
    return difference(pair) / pair.scale


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) two-sided, Welch's z with the variances of both sides; for n ≥ 30 or so, and laws with a variance."""
    error = pair.c_variance / np.maximum(pair.n - 1, 1.0) + pair.r_variance / np.maximum(pair.m - 1, 1.0)
    moved = value * pair.scale
    exact = np.where(moved == 0, 1.0, 0.0)
    return np.where(error > 0, two_sided(moved / np.sqrt(np.where(error > 0, error, 1.0))), exact)


STATISTIC = Statistic(
    name="mean_shift",
    title="Shift of the mean",
    unit="standard deviations",
    range=(-np.inf, np.inf),
    view=View.ORDERED,
    value=value,
    p_value=p_value,
    direction=difference,
)
