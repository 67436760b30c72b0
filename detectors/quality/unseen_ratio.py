"""Share of rows with a value that the reference never had; categorical, boolean and ordinal columns."""

import numpy as np

from detectors.contract import Floats, Pair, Part, Statistic, View
from detectors.nulls import excess_tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, 5); ratio of the window's rows, 0 … 1. O(1). Never raises."""
    return pair.p[:, Part.UNSEEN]


def p_value(pair: Pair, _value: Floats) -> Floats:
    """(C,) against what the reference lets one expect, upwards only, see `excess_tail`.

    A reference lacks what it lacks, but if k of its m rows hold a value that occurs once, about k/m of new rows hold
    one that it never had (Good 1953): these k count on its side.
    """
    expected = np.maximum(pair.r[:, Part.UNSEEN], pair.once)
    return excess_tail(pair.c[:, Part.UNSEEN], pair.n, np.minimum(expected, pair.m), pair.m)


def direction(pair: Pair) -> Floats:
    """(C,) against the reference's share."""
    return pair.p[:, Part.UNSEEN] - pair.q[:, Part.UNSEEN]


STATISTIC = Statistic(
    name="unseen_ratio",
    title="Values unseen in the reference",
    unit="ratio",
    range=(0.0, 1.0),
    view=View.QUALITY,
    value=value,
    p_value=p_value,
    direction=direction,
    conservative=True,
    quality=True,
)
