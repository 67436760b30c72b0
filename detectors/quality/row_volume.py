"""Rows of the window against the number that was expected; one number for the model."""

import numpy as np

from detectors.contract import Floats, Pair, Statistic, View


def value(pair: Pair) -> Floats:
    """(C,) the same for every column; ratio, 0 upwards, 1 as expected; NaN where nobody said what is. Never raises."""
    expected = pair.expected
    return pair.n / expected if expected > 0 else np.full(len(pair.c), np.nan)


def direction(pair: Pair) -> Floats:
    """(C,) positive where there are more rows than expected."""
    return np.nan_to_num(value(pair) - 1.0)


STATISTIC = Statistic(
    name="row_volume",
    title="Rows against expectation",
    unit="ratio",
    range=(0.0, np.inf),
    view=View.QUALITY,
    value=value,
    direction=direction,
    per_model=True,
    quality=True,
)
