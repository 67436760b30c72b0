"""How well scores rank, from counts of positives and negatives by score cell.

Within a cell nothing is known of the order. AUROC counts pairs of one cell as half: |A − A_exact| ≤ ½ Σ_k P_k N_k/(P·N)
over cells that hold more than one value. Average precision takes a cell's positives as evenly spread among its
negatives: it lies between all of them last and all of them first; `average_precision_bounds`. A cell of one value (an
atom) is exact in both: ties are ties to scikit-learn as well.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.contract import Bools, Floats

STRATA: Final = (np.arange(8) + 0.5) / 8
"""Where a cell's positives are looked at; the integrand is smooth, so that eight are exact to 1e-4 of the cell."""
REPLICATES: Final = 200


@dataclass(frozen=True, slots=True)
class Ranked:
    """A statistic of ranks."""

    value: float
    sd: float
    bound: float
    """How far from the rows' own value it can be, for rows of unknown order within cells."""


def auroc(positives: Floats, negatives: Floats, squared: tuple[Floats, Floats], atoms: Bools) -> Ranked:
    """Area under the ROC curve with DeLong's standard deviation (DeLong et al. 1988, Biometrics 44) on counts. O(K).

    Args:
        positives: (K,) Σw of positives by cell, ascending scores.
        negatives: (K,) of negatives.
        squared: Σw² of both; the counts themselves where nothing is weighted.
        atoms: (K,) cells of one value.
    """
    p, n = positives.sum(), negatives.sum()
    if p <= 0 or n <= 0:
        return Ranked(np.nan, np.nan, np.nan)
    of_positives = (np.cumsum(negatives) - negatives / 2) / n
    of_negatives = 1 - (np.cumsum(positives) - positives / 2) / p
    value = float((positives * of_positives).sum() / p)
    variance = sum(
        (two * (one - value) ** 2).sum() / total**2 * _unbiased(total**2 / max(two.sum(), 1e-300))
        for one, two, total in ((of_positives, squared[0], p), (of_negatives, squared[1], n))
    )
    bound = float((np.where(atoms, 0.0, positives * negatives)).sum() / (2 * p * n))
    return Ranked(value, float(np.sqrt(variance)), bound)


def average_precision(positives: Floats, negatives: Floats, atoms: Bools) -> Floats:
    """(…,) average precision Σ (R_i − R_{i−1})·precision_i of (…, K) counts, ascending scores; NaN without positives.

    O(8·K) each.
    """
    above, hits = _above(positives + negatives), _above(positives)
    x = np.where(atoms[:, None], 1.0, STRATA) * positives[..., None] + np.where(atoms, 0.0, 0.5)[:, None]
    spread = 1 + np.where(atoms, negatives / np.maximum(positives, 1e-300), negatives / (positives + 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = (hits[..., None] + x) / (above[..., None] + x * spread[..., None])
        gained = np.where(positives > 0, positives * precision.mean(axis=-1), 0.0)
        found: Floats = gained.sum(axis=-1) / positives.sum(axis=-1)
    return found


def average_precision_bounds(positives: Floats, negatives: Floats, atoms: Bools) -> tuple[float, float]:
    """Average precision if within each cell all negatives ranked above all positives, and the reverse. O(P)."""
    above, hits, found = _above(positives + negatives), _above(positives), [0.0, 0.0]
    for k in np.flatnonzero(positives > 0).tolist():
        i = np.arange(1, int(positives[k]) + 1)
        last, first = (hits[k] + i) / (above[k] + negatives[k] + i), (hits[k] + i) / (above[k] + i)
        if atoms[k]:
            last = first = np.full(i.size, last[-1])
        found = [found[0] + float(last.sum()), found[1] + float(first.sum())]
    total = max(float(positives.sum()), 1.0)
    return found[0] / total, found[1] / total


def average_precision_band(
    positives: Floats, negatives: Floats, squared: tuple[Floats, Floats], atoms: Bools
) -> tuple[float, float]:
    """95 % percentile interval by a bootstrap of counts: Poisson with each cell's own variance; seeded. O(1,600·K)."""
    rng = np.random.default_rng(20)
    drawn = [_resampled(rng, one, two) for one, two in zip((positives, negatives), squared, strict=True)]
    found = average_precision(drawn[0], drawn[1], atoms)
    found = found[np.isfinite(found)]
    if found.size < REPLICATES // 2:
        return np.nan, np.nan
    low, high = np.quantile(found, [0.025, 0.975]).tolist()
    return low, high


def _resampled(rng: np.random.Generator, weight: Floats, squared: Floats) -> Floats:
    unit = np.where(weight > 0, squared / np.maximum(weight, 1e-300), 1.0)
    drawn = rng.poisson(weight / np.maximum(unit, 1e-300), (REPLICATES, weight.size)).astype(np.float64)
    return drawn * unit


def _above(counts: Floats) -> Floats:
    """Sums over all cells of higher scores."""
    total: Floats = counts.sum(axis=-1, keepdims=True) - np.cumsum(counts, axis=-1)
    return total


def _unbiased(rows: float) -> float:
    return rows / (rows - 1) if rows > 1 else 1.0
