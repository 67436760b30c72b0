"""Correlation drift: the largest change of a column's correlation with another one.

|atanh r − atanh r₀| of the normal scores' correlations (Fisher 1915; normal scores: van der Waerden 1952), which the
margins hardly enter: a column may move as it likes as long as it moves with the others. The two columns of the pair
that came apart share the largest value; `partners` names them.
"""

import numpy as np

from detectors.contract import Bools, Floats, Ints, Pair, Statistic, View
from detectors.joint import JointPair
from detectors.nulls import two_sided


def change(joint: JointPair) -> Floats:
    """(d, d) change of Fisher's z, window − reference; 0 beside columns that vary on one side only. O(d²)."""
    both = joint.both_vary
    return np.where(np.outer(both, both), joint.window.fisher - joint.reference.fisher, 0.0)


def partners(joint: JointPair) -> Ints:
    """(d,) the other column of each one's largest change, as a place among the d."""
    found: Ints = np.abs(change(joint)).argmax(axis=1)
    return found


def value(pair: Pair) -> Floats:
    """(C,) from sums of products; Fisher's z, 0 … 7.6, about the change of a small correlation. O(d²). Never raises.

    NaN where a column has no partner that varies.
    """
    if pair.joint is None:
        return np.zeros(0)
    largest: Floats = np.abs(change(pair.joint)).max(axis=1, initial=0.0)
    return np.where(_compared(pair.joint) > 0, largest, np.nan)


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) two-sided normal tail at value/√(1/(n−3) + 1/(m−3)), times the number of partners (Bonferroni).

    Exact for independent rows of a normal copula; an upper bound over the partners. Rows that come in clusters, and
    correlations that wander by themselves, need `calibrated` from the baseline instead.
    """
    if pair.joint is None:
        return np.zeros(0)
    v = 1 / np.maximum(pair.n - 3, 1.0) + 1 / np.maximum(pair.m - 3, 1.0)
    tail = two_sided(np.nan_to_num(value) / np.sqrt(v))
    few = (pair.n < 4) | (pair.m < 4)
    return np.where(few, 1.0, np.minimum(tail * np.maximum(_compared(pair.joint), 1), 1.0))


def direction(pair: Pair) -> Floats:
    """(C,) positive where the correlation grew, towards +1."""
    if pair.joint is None:
        return np.zeros(0)
    found = change(pair.joint)
    signed: Floats = found[np.arange(len(found)), np.abs(found).argmax(axis=1)]
    return signed


def _compared(joint: JointPair) -> Ints:
    """(d,) with how many others each column is compared."""
    vary: Bools = joint.both_vary
    found: Ints = np.where(vary, int(vary.sum()) - 1, 0)
    return found


STATISTIC = Statistic(
    name="correlation_drift",
    title="Largest change of a correlation",
    unit="Fisher's z",
    range=(0.0, np.inf),
    view=View.CROSS,
    value=value,
    p_value=p_value,
    direction=direction,
    symmetric=True,
    conservative=True,
)
