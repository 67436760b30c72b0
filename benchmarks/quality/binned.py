"""Peers that compare shares of bins: PSI with a fixed threshold, and NannyML's default."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from benchmarks.quality.methods import Bools, Fitted, Reference, Stateless
from benchmarks.quality.streams import Block, Floats, Kind

PSI_BINS: Final = 10
PSI_LIMIT: Final = 0.2
EMPTY: Final = 1e-4
"""What most implementations put for a share of zero."""


def psi(reference: Reference) -> Fitted:
    """PSI > 0.2 on ten quantile bins; each value of a category, and missing, is a bin."""
    sample = np.concatenate([block.values for block in reference.sample()], axis=1)
    edges = [_quantiles(values, kind) for values, kind in zip(sample, reference.kinds, strict=True)]
    expected = [_shares(values, cut) for values, cut in zip(sample, edges, strict=True)]

    def fires(block: Block) -> Bools:
        found = zip(block.values, edges, expected, strict=True)
        return np.array([psi_of(_shares(values, cut), share) > PSI_LIMIT for values, cut, share in found])

    return Fitted(lambda: Stateless(fires))


def psi_of(p: Floats, q: Floats) -> float:
    """Σ (p − q)·ln(p/q) of proportions, zeros taken as 1e-4."""
    p, q = np.maximum(p, EMPTY), np.maximum(q, EMPTY)
    return float(((p - q) * np.log(p / q)).sum())


def _quantiles(values: Floats, kind: Kind) -> Floats:
    there = values[np.isfinite(values)]
    if kind is not Kind.NUMBER:
        return np.unique(there)[1:]
    return np.unique(np.quantile(there, np.arange(1, PSI_BINS) / PSI_BINS))


def _shares(values: Floats, edges: Floats) -> Floats:
    """Shares of the bins between the edges, then of what is missing."""
    there = values[np.isfinite(values)]
    counts = np.bincount(np.searchsorted(edges, there, side="right"), minlength=edges.size + 1)
    return np.append(counts, values.size - there.size) / values.size


def nannyml(reference: Reference) -> Fitted:
    """Jensen–Shannon distance, thresholds mean ± 3 sd of the reference's windows; 0.13.1's formula."""
    bins = _bins(reference)
    chunks: list[list[Floats]] = [[] for _ in bins]
    for block in reference.blocks():
        for kept, cells, values in zip(chunks, bins, block.values, strict=True):
            kept.append(cells.count(values))
    shares = [total / total.sum() for total in (np.sum(counts, axis=0) for counts in chunks)]
    limits = [
        _limits([_distance(count, share) for count in counts]) for counts, share in zip(chunks, shares, strict=True)
    ]
    lower, upper = np.array(limits).T

    def fires(block: Block) -> Bools:
        found = zip(bins, block.values, shares, strict=True)
        distance = np.array([_distance(cells.count(values), share) for cells, values, share in found])
        outside: Bools = (distance > upper) | (distance < lower)
        return outside

    return Fitted(lambda: Stateless(fires))


def _limits(distances: Sequence[float]) -> tuple[float, float]:
    """Mean ∓ 3 standard deviations, at least 0."""
    centre, reach = np.nanmean(distances), 3 * np.nanstd(distances)
    return max(float(centre - reach), 0.0), float(centre + reach)


def _distance(counts: Floats, share: Floats) -> float:
    """Jensen–Shannon distance, base 2, 0–1; the last bin is what the reference never had. NaN: no rows."""
    n = counts.sum()
    return jensen_shannon(counts / n, share) if n else float("nan")


def jensen_shannon(p: Floats, q: Floats) -> float:
    """√ of the mean of KL(p‖m) and KL(q‖m), m = (p+q)/2, in bits; proportions in, 0–1 out."""
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        both = np.where(p > 0, p * np.log2(p / middle), 0.0) + np.where(q > 0, q * np.log2(q / middle), 0.0)
    return float(np.sqrt(max(both.sum() / 2, 0.0)))


class _Even:
    """Bins of equal width; the last counts what lies outside."""

    def __init__(self, low: float, high: float, bins: int) -> None:
        self._low, self._high, self._bins = low, high, bins

    def count(self, values: Floats) -> Floats:
        there = values[np.isfinite(values)]
        inside = (there >= self._low) & (there <= self._high)
        at = ((there - self._low) * (self._bins / (self._high - self._low)))[inside].astype(np.int64)
        counts = np.bincount(np.minimum(at, self._bins - 1), minlength=self._bins).astype(np.float64)
        return np.append(counts, there.size - inside.sum())


class _Keys:
    """One bin for each of the reference's values; the last counts the others."""

    def __init__(self, keys: Floats) -> None:
        self._keys = keys

    def count(self, values: Floats) -> Floats:
        there = values[np.isfinite(values)]
        at = np.minimum(np.searchsorted(self._keys, there), self._keys.size - 1)
        known = self._keys[at] == there
        counts = np.bincount(at[known], minlength=self._keys.size).astype(np.float64)
        return np.append(counts, there.size - known.sum())


def _bins(reference: Reference) -> Sequence[_Even | _Keys]:
    """Doane's number of bins between the extremes of all the reference's rows, as `numpy.histogram_bin_edges` does."""
    width = len(reference.kinds)
    low, high, powers = np.full(width, np.inf), np.full(width, -np.inf), np.zeros((4, width))
    keys: list[set[float]] = [set() for _ in range(width)]
    for block in reference.blocks():
        values = block.values
        low, high = np.minimum(low, values.min(axis=1)), np.maximum(high, values.max(axis=1))
        square = values * values
        powers += np.stack(
            [np.full(width, values.shape[1]), values.sum(axis=1), square.sum(axis=1), (square * values).sum(axis=1)]
        )
        for column, kind in enumerate(reference.kinds):
            if kind is not Kind.NUMBER:
                keys[column].update(np.unique(values[column]).tolist())
    count = doane(*powers)
    return [
        _Even(low[i], high[i], int(count[i])) if kind is Kind.NUMBER else _Keys(np.array(sorted(keys[i])))
        for i, kind in enumerate(reference.kinds)
    ]


def doane(n: Floats, total: Floats, squares: Floats, cubes: Floats) -> Floats:
    """1 + log₂ n + log₂(1 + |g₁|/σ(g₁)) from sums of powers, rounded up as a width of bins is. Doane (1976)."""
    mean = total / n
    variance = np.maximum(squares / n - mean**2, 1e-300)
    skew = (cubes / n - 3 * mean * squares / n + 2 * mean**3) / variance**1.5
    sigma = np.sqrt(6 * (n - 2) / ((n + 1) * (n + 3)))
    bins: Floats = np.ceil(1 + np.log2(n) + np.log2(1 + np.abs(skew) / sigma))
    return bins
