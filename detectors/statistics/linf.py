"""L∞ distance: the largest change of one bin's share (TensorFlow Data Validation's measure for categories)."""

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View, over_bins
from detectors.nulls import two_sided


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B); ratio, 0 … 1. O(B). Never raises."""
    largest: Floats = np.abs(pair.p - pair.q).max(axis=1, initial=0.0)
    return largest


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) upper bound (Bonferroni): Σ_b P(|N(0, v·h(1−h))| > value); exact for two bins, which move as one."""
    sd = np.sqrt(pair.h * (1 - pair.h) * pair.v[:, None])
    moves = sd > 0
    each = np.where(moves, two_sided(value[:, None] / np.where(moves, sd, 1.0)), 0.0)
    bound = over_bins(each) / np.where(pair.bins == 2, 2, 1)
    return np.where(pair.bins > 1, np.minimum(bound, 1.0), 1.0)


STATISTIC = Statistic(
    name="linf",
    title="Largest change of a share (L∞)",
    unit="ratio",
    range=(0.0, 1.0),
    view=View.MERGED,
    value=value,
    p_value=p_value,
    symmetric=True,
    conservative=True,
)
