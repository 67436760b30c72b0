"""Cramér–von Mises distance on the grid.

Σ (P−Q)²·h with h the pooled shares (Anderson 1962, without its factor nm/(n+m)). Its null is v·Σ λ_k χ²₁; for B equal
bins λ_k = 1/(4B² sin²(πk/2B)), for unequal ones (tails, atoms) they follow from the bins themselves.
"""

from detectors.contract import Floats, Pair, Statistic, View, over_bins
from detectors.nulls import bridge_form_tail


def value(pair: Pair) -> Floats:
    """(C,) from counts (C, B) in order; 0 … 1, no unit. O(B). Never raises."""
    return over_bins(pair.gap**2 * pair.h)


def p_value(pair: Pair, value: Floats) -> Floats:
    """(C,) upper tail of the weighted χ² sum; see `bridge_form_tail` for the error."""
    return bridge_form_tail(value / pair.v, pair.H, pair.h)


STATISTIC = Statistic(
    name="cvm",
    title="Cramér–von Mises distance",
    unit="",
    range=(0.0, 1.0),
    view=View.ORDERED,
    value=value,
    p_value=p_value,
    symmetric=True,
)
