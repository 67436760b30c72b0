"""Population stability index, smoothed and debiased.

Σ (p̃−q̃)·ln(p̃/q̃) − (B−1)·v with p̃ = (c+½)/(n+B/2), q̃ = (r+½)/(m+B/2): the symmetrised Kullback–Leibler divergence
(Jeffreys 1946; Siddiqi, Credit Risk Scorecards, 2006). Under the null the sum is about v·χ²_{B−1}, whose mean is
taken off, so that small windows do not look drifted; a value can therefore be slightly negative. For display and for
those who ask for it: its null is a little off in sparse bins, so decide on `chi2`.
"""

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View, over_bins
from detectors.nulls import chi2_tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B); nats, 0 on average where nothing changed. O(B). Never raises."""
    half = np.where(pair.filled, 0.5, 0.0)
    p = (pair.c + half) / np.maximum(pair.n + pair.bins / 2, 0.5)[:, None]
    q = (pair.r + half) / np.maximum(pair.m + pair.bins / 2, 0.5)[:, None]
    ratio = np.log(np.where(pair.filled, p, 1.0) / np.where(pair.filled, q, 1.0))
    return over_bins((p - q) * ratio) - _bias(pair)


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) upper tail of v·χ²_{B−1}."""
    return chi2_tail((value + _bias(pair)) / pair.v, pair.bins - 1)


def _bias(pair: Pair) -> Floats:
    return np.maximum(pair.bins - 1, 0) * pair.v


STATISTIC = Statistic(
    name="psi",
    title="Population stability index",
    unit="nats",
    range=(-np.inf, np.inf),
    view=View.MERGED,
    value=value,
    p_value=p_value,
    symmetric=True,
)
