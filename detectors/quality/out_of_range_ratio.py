"""Share of rows below the reference's smallest or above its largest value; numeric columns."""

import numpy as np

from detectors.contract import Floats, Pair, Part, Statistic, View
from detectors.nulls import excess_tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, 5); ratio of the window's rows, 0 … 1. O(1). Never raises."""
    return pair.p[:, Part.OUTSIDE]


def p_value(pair: Pair, _value: Floats) -> Floats:
    """(C,) against what the reference lets one expect, upwards only, see `excess_tail`.

    A reference has no row beyond its own extremes, but of n new ones 2n/m lie there: these two count on its side.
    """
    expected = np.maximum(pair.r[:, Part.OUTSIDE], pair.once)
    return excess_tail(pair.c[:, Part.OUTSIDE], pair.n, np.minimum(expected, pair.m), pair.m)


def direction(pair: Pair) -> Floats:
    """(C,) against the reference's share."""
    return pair.p[:, Part.OUTSIDE] - pair.q[:, Part.OUTSIDE]


STATISTIC = Statistic(
    name="out_of_range_ratio",
    title="Out of the reference's range",
    unit="ratio",
    range=(0.0, 1.0),
    view=View.QUALITY,
    value=value,
    p_value=p_value,
    direction=direction,
    conservative=True,
    quality=True,
)
