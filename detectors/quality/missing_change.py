"""Change of the share of rows without a value, against the reference."""

from detectors.contract import Floats, Pair, Part, Statistic, View
from detectors.nulls import share_tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, 5); difference of ratios, −1 … 1, positive where more is missing. O(1). Never raises."""
    return pair.p[:, Part.MISSING] - pair.q[:, Part.MISSING]


def p_value(pair: Pair, _value: Floats) -> Floats:
    """(C,) two-sided, see `share_tail`."""
    return share_tail(pair.c[:, Part.MISSING], pair.n, pair.r[:, Part.MISSING], pair.m)


STATISTIC = Statistic(
    name="missing_change",
    title="Change of missing",
    unit="ratio",
    range=(-1.0, 1.0),
    view=View.QUALITY,
    value=value,
    p_value=p_value,
    direction=value,
    conservative=True,
    quality=True,
)
