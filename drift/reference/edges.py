"""Where the bins of a numeric column or a score are cut."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BINS: Final = 64
SCORE_BINS: Final = 128
CLASS_BINS: Final = 96
"""Per class of a binary label; two classes, tails and thresholds together stay between 128 and 256 bins."""
TAILS_ONLY: Final = 4
"""Shares cut besides the classes' own."""
MIN_CLASS: Final = 50
"""Rows of each class that class-conditional quantiles need."""
FEW: Final = 112
"""A score of at most so many values has a cell for each of them: what they are worth is then known value by value."""
TOP: Final = 1 - np.exp2(-np.arange(5.0, 16.0))
"""Ever smaller top shares: where positives are rare, average precision is made there."""
TAILS: Final = (0.001, 0.005, 0.995, 0.999)


def numeric_edges(
    values: Floats, low: float, high: float, bins: int = BINS, more: Iterable[float] = ()
) -> tuple[float, ...]:
    """Edges of equal-probability bins with finer tails, atoms apart, and bins for below `low` and above `high`.

    Args:
        values: finite reference values (a sample will do), any order.
        low, high: exact smallest and largest reference value.
        bins: how many equal shares.
        more: further edges; those outside `low` … `high` are left out.

    Returns:
        Ascending finite edges; `low` is the first, the double after `high` the last. Cost: one sort.

    Source: statistics.md section 1; equal-probability bins after Mann & Wald (1942).
    """
    inner = _inner(np.sort(values), bins)
    inner = np.concatenate((inner, np.array([*more], np.float64)))
    inner = inner[(inner > low) & (inner <= high)]
    return _ascending([low, *inner, *_after(np.array([high]))])


def score_edges(
    scores: Floats, labels: Floats | None, low: float, high: float, thresholds: Sequence[float]
) -> tuple[float, ...]:
    """Edges of a score: quantiles of each class where a binary label is there, its top, every decision threshold.

    A score within 0–1 gets the edges 0 and 1 as well, so that a threshold has both of its sides whatever the reference.

    Args:
        scores: finite sampled scores.
        labels: their labels, two distinct numbers, NaN where there is none; None without a label.
        low, high: exact smallest and largest score.
        thresholds: decision thresholds.

    Returns:
        Ascending finite edges. Source: statistics.md section 1 (class-conditional quantiles keep average precision).
    """
    groups = _classes(scores, labels)
    by_class = [_at_shares(np.sort(group), np.arange(1, CLASS_BINS) / CLASS_BINS) for group in groups]
    top = _at_shares(np.sort(scores), TOP) if groups else scores[:0]
    more = np.concatenate([*by_class, top, _few(scores), np.array(thresholds, np.float64)])
    edges = numeric_edges(scores, low, high, TAILS_ONLY if groups else SCORE_BINS, more)
    if not (low >= 0.0 and high <= 1.0):
        return edges
    return _ascending([0.0, *edges, *more[(more > 0.0) & (more <= 1.0)], np.nextafter(1.0, np.inf)])


def _few(scores: Floats) -> Floats:
    """Both sides of each value, where there are few."""
    values = np.unique(scores)
    return np.concatenate((values, _after(values))) if values.size <= FEW else scores[:0]


def _classes(scores: Floats, labels: Floats | None) -> list[Floats]:
    if labels is None or labels.size != scores.size:
        return []
    names, counts = np.unique(labels[~np.isnan(labels)], return_counts=True)
    if names.size != 2 or counts.min() < MIN_CLASS:
        return []
    return [scores[labels == name] for name in names]


def _at_shares(ordered: Floats, shares: Floats) -> Floats:
    """The values below which these shares of the ordered values lie."""
    if ordered.size == 0:
        return ordered
    return ordered[np.minimum(np.floor(shares * ordered.size).astype(np.int64), ordered.size - 1)]


def _inner(ordered: Floats, bins: int) -> Floats:
    """Equal shares, tails, and both sides of every atom: a value that holds at least 1/64 of the rows."""
    found, counts = np.unique(ordered, return_counts=True)
    atoms = found[(counts * max(bins, BINS) >= ordered.size) & (counts > 1)]
    shares = np.concatenate((np.arange(1, bins) / bins, TAILS))
    return np.concatenate((_at_shares(ordered, shares), atoms, _after(atoms)))


def _after(values: Floats) -> Floats:
    """The next double of each; infinity after the largest, which `_ascending` leaves out."""
    with np.errstate(over="ignore"):
        return np.nextafter(values, np.inf)


def _ascending(edges: Iterable[float]) -> tuple[float, ...]:
    distinct = np.unique(np.array(list(edges), np.float64) + 0.0)  # + 0.0: −0 and 0 are one edge
    return tuple(distinct[np.isfinite(distinct)].tolist())
