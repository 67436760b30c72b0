"""Share of rows without a value: absent, null or NaN."""

from detectors.contract import Floats, Pair, Part, Statistic, View


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, 5); ratio of the window's rows, 0 … 1. O(1). Never raises."""
    return pair.p[:, Part.MISSING]


def direction(pair: Pair) -> Floats:
    """(C,) against the reference's share."""
    return pair.p[:, Part.MISSING] - pair.q[:, Part.MISSING]


STATISTIC = Statistic(
    name="missing_ratio",
    title="Missing",
    unit="ratio",
    range=(0.0, 1.0),
    view=View.QUALITY,
    value=value,
    direction=direction,
    quality=True,
)
