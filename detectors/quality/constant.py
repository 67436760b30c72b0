"""Whether the window holds one value only where the reference holds several."""

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B); 1 stuck, 0 not. O(B). Never raises.

    Smallest = largest for measured columns; in a segment, for which bounds are not kept, and for keys: one bin filled.
    """
    return np.where(pair.c_single & ~pair.r_single, 1.0, 0.0)


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) qⁿ, the probability that all n rows fall into that bin of the reference (smoothed); 1 where not stuck."""
    bins = np.maximum(pair.bins, 1)
    rows = np.arange(len(pair.c))
    share = (pair.r[rows, pair.c.argmax(axis=1)] + 0.5) / (pair.m + bins / 2)
    return np.where(value > 0, np.exp(pair.n * np.log(np.minimum(share, 1.0))), 1.0)


def direction(pair: Pair) -> Floats:
    """(C,) none: a stuck value has no direction."""
    return np.zeros(len(pair.c))


STATISTIC = Statistic(
    name="constant",
    title="Stuck at one value",
    unit="",
    range=(0.0, 1.0),
    view=View.VALUES,
    value=value,
    p_value=p_value,
    direction=direction,
    conservative=True,
    quality=True,
)
