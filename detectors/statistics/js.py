"""Jensen–Shannon distance, base 2.

√(½KL₂(p‖½(p+q)) + ½KL₂(q‖½(p+q))): a metric between 0 and 1 (Endres, Schindelin 2003). In nats its square is about
(v/8)·χ²_{B−1} under the null.
"""

import numpy as np
from scipy import special

from detectors.contract import Floats, Pair, Statistic, View, over_bins
from detectors.nulls import chi2_tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B); 0 (same) … 1 (nothing in common). O(B). Never raises."""
    middle = (pair.p + pair.q) / 2
    nats = over_bins(special.rel_entr(pair.p, middle) + special.rel_entr(pair.q, middle)) / 2
    distance: Floats = np.sqrt(np.clip(nats / np.log(2), 0.0, 1.0))
    return distance


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) upper tail of (v/8)·χ²_{B−1} at the divergence in nats."""
    return chi2_tail(value**2 * np.log(2) * 8 / pair.v, pair.bins - 1)


STATISTIC = Statistic(
    name="js",
    title="Jensen–Shannon distance (base 2)",
    unit="",
    range=(0.0, 1.0),
    view=View.MERGED,
    value=value,
    p_value=p_value,
    symmetric=True,
)
