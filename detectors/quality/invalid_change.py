"""Change of the share of rows whose value is infinite or of a wrong type, against the reference."""

from detectors.contract import Floats, Pair, Part, Statistic, View
from detectors.nulls import share_tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, 5); difference of ratios, −1 … 1, positive where more is invalid. O(1). Never raises."""
    return pair.p[:, Part.INVALID] - pair.q[:, Part.INVALID]


def p_value(pair: Pair, _value: Floats) -> Floats:
    """(C,) two-sided, see `share_tail`."""
    return share_tail(pair.c[:, Part.INVALID], pair.n, pair.r[:, Part.INVALID], pair.m)


STATISTIC = Statistic(
    name="invalid_change",
    title="Change of invalid",
    unit="ratio",
    range=(-1.0, 1.0),
    view=View.QUALITY,
    value=value,
    p_value=p_value,
    direction=value,
    conservative=True,
    quality=True,
)
