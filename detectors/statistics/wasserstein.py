"""Wasserstein-1 distance in the column's own unit.

∫|P(x)−Q(x)|dx (Vallender 1974). Counts and Σx give the integral of P−Q over each bin exactly, so that Σ_b |∫_b| is W1
itself wherever P−Q keeps its sign within the bins, and never above it: 0.1 % below on normal laws that differ, 2–4 %
where they do not. (Steps at the bins' means overstate small distances by 10 %, steps at their middles all by 6–35 %.)
Ordinal columns are exact. Values beyond 16,384 central ranges enter as that bound. To compare columns use
`wasserstein_sd`.
"""

import numpy as np

from detectors.contract import Bools, Floats, Pair, Statistic, View, over_bins
from detectors.nulls import bridge_area_tail


def distance(pair: Pair) -> Floats:
    """(C,) W1 in the grid's units, from counts (C, B) and the means of the bins. O(B log B). Never raises."""
    points: Bools = np.isnan(pair.cuts[:, 0])
    found = _by_bins(pair)
    found[points] = _by_points(pair, points)
    return found


def _by_bins(pair: Pair) -> Floats:
    """∫ over a bin of P−Q = (P−Q before it)·width + Σ over its mass of (upper edge − x)."""
    cuts = np.nan_to_num(pair.cuts)
    width = np.diff(cuts, axis=1, prepend=cuts[:, :1])
    moved = pair.p - pair.q
    inside = moved * cuts - (pair.p * pair.c_at - pair.q * pair.r_at)
    return over_bins(np.abs((pair.gap - moved) * width + inside))


def _by_points(pair: Pair, rows: Bools) -> Floats:
    """All mass of a bin sits at its mean; unseen values stand where their mean is."""
    at = np.concatenate((pair.c_at[rows], pair.r_at[rows]), axis=1)
    order = np.argsort(at, axis=1)
    at = np.take_along_axis(at, order, axis=1)
    step = np.take_along_axis(np.concatenate((pair.p[rows], -pair.q[rows]), axis=1), order, axis=1)
    return over_bins(np.abs(np.cumsum(step, axis=1))[:, :-1] * np.diff(at, axis=1))


def tail(pair: Pair, units: Floats) -> Floats:
    """(C,) P(√v·∫|bridge(H(x))|dx > units), H stepping at the bins' pooled means; error: see `bridge_area_tail`."""
    total = pair.c + pair.r
    at = (pair.c * pair.c_at + pair.r * pair.r_at) / np.maximum(total, 1.0)
    order = np.argsort(np.where(pair.filled, at, np.inf), axis=1)
    at = np.take_along_axis(at, order, axis=1)
    filled = np.take_along_axis(pair.filled, order, axis=1)
    H = np.clip(np.cumsum(np.take_along_axis(pair.h, order, axis=1), axis=1), 0.0, 1.0)
    gaps = np.where(filled[:, 1:], np.diff(at, axis=1), 0.0)
    return bridge_area_tail(units / np.sqrt(pair.v), H[:, :-1], gaps)


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B) and the means of the bins; the column's own unit, 0 upwards. O(B log B). Never raises."""
    with np.errstate(over="ignore"):
        return np.minimum(distance(pair) * pair.unit, np.finfo(np.float64).max)


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) upper tail of √v·∫|bridge|; about 0.1 ms a column."""
    return tail(pair, value / pair.unit)


STATISTIC = Statistic(
    name="wasserstein",
    title="Wasserstein distance",
    unit="column's unit",
    range=(0.0, np.inf),
    view=View.ORDERED,
    value=value,
    p_value=p_value,
    symmetric=True,
)
