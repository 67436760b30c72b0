"""L∞ distance: the largest change of one bin's share (TensorFlow Data Validation's measure for categories)."""

from typing import Final

import numpy as np
from scipy import special

from detectors.contract import Floats, Pair, Statistic, View, over_bins

_ROUNDING: Final = 1e-9
"""Counts are whole numbers; shares are not quite."""


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B); ratio, 0 … 1. O(B). Never raises."""
    largest: Floats = np.abs(pair.p - pair.q).max(axis=1, initial=0.0)
    return largest


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) upper bound: Σ_b P(|p_b−q_b| ≥ value); exact for two bins, which move as one.

    Given both sides' rows in a bin, the window's are about binomial. (The normal law, z_{α/2B}·√(v·h(1−h)), gave 1.9
    % false alarms at 1 % with 12 rows a bin, because so few rows are skewed.)
    """
    rows, share = pair.c + pair.r, (pair.n / np.maximum(pair.n + pair.m, 1.0))[:, None]
    level = rows / np.maximum(pair.m, 1.0)[:, None]
    # p−q = c·v − (c+r)/m
    most = np.ceil((value[:, None] + level) / pair.v[:, None] - _ROUNDING)
    least = np.floor((level - value[:, None]) / pair.v[:, None] + _ROUNDING)
    upper = _at_least(most, rows, share)
    lower = _at_least(rows - least, rows, 1 - share)
    bound = over_bins(np.where(pair.filled, upper + lower, 0.0)) / np.where(pair.bins == 2, 2, 1)
    return np.where(pair.bins > 1, np.minimum(bound, 1.0), 1.0)


def _at_least(k: Floats, rows: Floats, share: Floats) -> Floats:
    """P(Binomial(rows, share) ≥ k)."""
    inner = (k >= 1) & (k <= rows)
    tail = special.betainc(np.where(inner, k, 1.0), np.where(inner, rows - k + 1, 1.0), share)
    return np.where(inner, tail, np.where(k < 1, 1.0, 0.0)).astype(np.float64)


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
