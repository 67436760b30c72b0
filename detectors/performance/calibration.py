"""What a score is worth: the probability of the positive class in each of its cells, as labelled rows have it.

Isotonic regression on counts (pool adjacent violators: Ayer et al. 1955, Annals of Mathematical Statistics 26): cells
whose rates fall as the score rises are pooled into blocks. A block of m rows with rate c has the error c(1−c)/m, which
its cells share. Cells without rows lie on the line between their neighbours.

A segment's calibrator is the pooled one moved by an offset on the logit scale, shrunk by empirical Bayes: an estimate
with information I counts for τ²/(τ² + 1/I), τ² the variance between the segments of one column (DerSimonian and Laird
1986, Controlled Clinical Trials 7).
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from detectors.contract import Floats, Ints
from detectors.performance.binary import Joined
from detectors.performance.cells import Cells
from detectors.performance.intervals import kish
from drift.core.outcome.sums import Outcomes

ENOUGH: Final = 50
"""Positives, and negatives, below which nothing is estimated."""
REFIT: Final = 1_000
"""Recent positives, and negatives, from which a calibrator is fitted anew and not only moved."""
FURTHEST: Final = 8.0
"""Offsets are sought within ± this, logit."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Labelled rows by cell; the last cell holds those without a score."""

    positives: Floats
    """(K+1,) Σw of positives."""
    totals: Floats
    """(K+1,) Σw of all with a known class."""
    squared: Floats
    """(K+1,) Σw² of them."""

    @staticmethod
    def of(outcomes: Outcomes, segment: int = 0) -> "Counts":
        """Of one segment of a binary model."""
        joined = Joined.of(outcomes, segment)
        by_class = joined.weight[:, :, :2].sum(axis=1)
        return Counts(by_class[:, 1], by_class.sum(axis=1), joined.squared[:, :, :2].sum(axis=(1, 2)))

    @property
    def rarer(self) -> float:
        """Rows of the rarer class: how many they are worth."""
        worth = kish(float(self.totals.sum()), float(self.squared.sum())) / max(float(self.totals.sum()), 1e-300)
        return worth * float(min(self.positives.sum(), (self.totals - self.positives).sum()))


@dataclass(frozen=True, slots=True)
class Calibrator:
    """P(positive | cell), and how well that is known."""

    chance: Floats
    """(K+1,) 0–1; the last: of rows without a score."""
    block: Ints
    """(K+1,) which block a cell belongs to."""
    variance: Floats
    """(blocks,) of a block's chance."""
    rarer: float
    """Rows of the rarer class that it was learnt from."""
    offset: float = 0.0
    """By how much it was moved from the pooled one, logit."""
    offset_variance: float = 0.0

    @staticmethod
    def of(counts: Counts, cells: Cells) -> "Calibrator":
        """Fit one. O(K).

        A score's cell that no labelled row fell into borrows; rows without a score have their own rate if there are 50
        of them, else the overall one.
        """
        total = float(counts.totals.sum())
        overall = float(counts.positives.sum()) / max(total, 1e-300)
        chance, block = np.full(cells.size + 1, overall), np.full(cells.size + 1, -1, np.int64)
        known = np.flatnonzero(cells.ranked & (counts.totals[:-1] > 0))
        if known.size:
            rates, pooled = isotonic(counts.positives[known] / counts.totals[known], counts.totals[known])
            ranked = np.flatnonzero(cells.ranked)
            chance[ranked] = np.interp(cells.centres[ranked], cells.centres[known], rates)
            chance[known] = rates
            block[ranked] = pooled[np.maximum(np.searchsorted(known, ranked, side="right") - 1, 0)]
        block[block < 0] = block.max(initial=-1) + 1
        if counts.totals[-1] >= ENOUGH:
            chance[-1], block[-1] = counts.positives[-1] / counts.totals[-1], block.max() + 1
        return Calibrator(chance, block, _variance(counts, block), counts.rarer)

    @property
    def enough(self) -> bool:
        """Whether there were rows enough to learn from."""
        return self.rarer >= ENOUGH

    def moved(self, offset: float, variance: float) -> "Calibrator":
        """The same with every chance moved by `offset` on the logit scale."""
        return replace(self, chance=_moved(self.chance, offset), offset=offset, offset_variance=variance)

    def variance_of(self, weights: Floats) -> Floats:
        """(n,) variance of Σ_k w_k ĉ_k by the calibrator's own error, blocks' and offset's; weights (n, K+1)."""
        member = np.zeros((self.block.size, self.variance.size))
        member[np.arange(self.block.size), self.block] = 1.0
        tilt = weights @ (self.chance * (1 - self.chance))
        found: Floats = (weights @ member) ** 2 @ self.variance + tilt**2 * self.offset_variance
        return found

    def recalibrated(self, recent: Counts, cells: Cells) -> "Calibrator":
        """As recent labels have it: fitted anew where they are many, moved where they are few, as it is below 50."""
        if recent.rarer >= REFIT:
            return Calibrator.of(recent, cells)
        if recent.rarer < ENOUGH:
            return self
        offset, information = offset_of(self.chance, recent)
        return self.moved(offset, 1 / information)


def isotonic(rates: Floats, weights: Floats) -> tuple[Floats, Ints]:
    """(K,) the nearest non-decreasing rates by weighted least squares, and which block each belongs to. O(K)."""
    level, weight, size = list[float](), list[float](), list[int]()
    for rate, w in zip(rates.tolist(), weights.tolist(), strict=True):
        level.append(rate)
        weight.append(w)
        size.append(1)
        while len(level) > 1 and level[-2] >= level[-1]:
            both = weight[-2] + weight[-1]
            level[-2:] = [(level[-2] * weight[-2] + level[-1] * weight[-1]) / both]
            weight[-2:], size[-2:] = [both], [size[-2] + size[-1]]
    return np.repeat(level, size), np.repeat(np.arange(len(size)), size)


def offset_of(chance: Floats, counts: Counts) -> tuple[float, float]:
    """The offset on the logit scale with which the chances fit these rows best, and its information (1/variance).

    Maximum likelihood by Newton's method: one parameter, at most 50 steps.
    """
    worth = kish(float(counts.totals.sum()), float(counts.squared.sum())) / max(float(counts.totals.sum()), 1e-300)
    offset = 0.0
    for _ in range(50):
        p = _moved(chance, offset)
        information = float((counts.totals * p * (1 - p)).sum())
        step = float((counts.positives - counts.totals * p).sum()) / max(information, 1e-9)
        offset = min(max(offset + min(max(step, -1.0), 1.0), -FURTHEST), FURTHEST)
        if abs(step) < 1e-9:
            break
    return offset, max(information * worth, 1e-9)


def of_segments(outcomes: Outcomes, pooled: Calibrator) -> dict[int, Calibrator | None]:
    """Segment → its calibrator; None where it has fewer than 50 rows of a class. O(segments·K)."""
    columns: dict[str, dict[int, Counts]] = {}
    for segment in outcomes.grid.segments[1:]:
        columns.setdefault(segment.name, {})[segment.index] = Counts.of(outcomes, segment.index)
    found: dict[int, Calibrator | None] = {0: pooled}
    for parts in columns.values():
        enough = {index: counts for index, counts in parts.items() if counts.rarer >= ENOUGH}
        found |= dict.fromkeys(parts) | _shrunk(pooled, enough)
    return found


def _shrunk(pooled: Calibrator, parts: dict[int, Counts]) -> dict[int, Calibrator]:
    offsets = {index: offset_of(pooled.chance, counts) for index, counts in parts.items()}
    if not offsets:
        return {}
    between = _between(np.array(list(offsets.values())))
    found = {}
    for index, (offset, information) in offsets.items():
        share = between * information / (between * information + 1)
        moved = pooled.moved(offset * share, share / information)
        found[index] = replace(moved, rarer=parts[index].rarer)
    return found


def _between(offsets: Floats) -> float:
    """Variance between segments, by DerSimonian and Laird's moments; `offsets` (n, 2) are estimates and information.

    Around 0, the pooled calibrator, which is where a segment is shrunk to: n segments give n squares.
    """
    b, information = offsets[:, 0], offsets[:, 1]
    return max(float((information * b**2).sum() - b.size) / float(information.sum()), 0.0)


def _moved(chance: Floats, offset: float) -> Floats:
    if offset == 0:
        return chance
    p = np.clip(chance, 1e-4, 1 - 1e-4)
    odds = p / (1 - p) * np.exp(offset)
    moved: Floats = odds / (1 + odds)
    return moved


def _variance(counts: Counts, block: Ints) -> Floats:
    """Of each block's rate; with half a row more of each class, so that rates of 0 and 1 are not taken for certain."""
    positives, totals, squared = (np.bincount(block, x) for x in (counts.positives, counts.totals, counts.squared))
    rate = (positives + 0.5) / (totals + 1)
    rows = np.where(squared > 0, totals**2 / np.maximum(squared, 1e-300), 0.0)
    found: Floats = rate * (1 - rate) / np.maximum(rows, 1.0)
    return found
