"""What columns do together: products of normal scores, summed.

A measured column's *score* is Φ⁻¹ of the mid-rank of the value's bin in the reference, clipped to ±3 and rounded to
whole eighths. Scores have no heavy tails, so sums of their products say something at any number of rows, and they
are whole numbers, so that those sums are exact. A missing or invalid value, and one that an ordinal column never had,
scores 0, the reference's median: where many are missing, products shrink, which the missing rate says better.

Kept is Σ zᵢzⱼ of each pair of columns, for the whole traffic only; Σzᵢ and Σzᵢ² follow from the bins' counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from drift.core.profile import Profile

PER_UNIT: Final = 8
"""A score is counted in eighths of a standard deviation: that costs a correlation 0.13 %; every further bit, 10 % more
bytes."""
CLIP: Final = 3.0
MOST_COLUMNS: Final = 200
"""Only a model's first 200 measured columns are scored: pairs grow with the square."""
AT_ONCE: Final = 4096
"""Rows of one product in single precision: 4,096 · 24² < 2²⁴ is still exact."""
CACHE_VALUES: Final = 1 << 18
"""Scores multiplied at once (1 MB)."""

Ints = npt.NDArray[np.int64]
Scores = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]


def bin_scores(counts: Iterable[int]) -> tuple[int, ...]:
    """The score of each bin in eighths, −24 … 24; zeros where there is no count.

    Args:
        counts: the reference's (or a sample's) rows in each bin, in order.
    """
    listed = list(counts)
    total, below, scores = sum(listed), 0, []
    for count in listed:
        rank = (below + count / 2) / total if total else 0.5
        z = NormalDist().inv_cdf(rank) if 0 < rank < 1 else CLIP if rank else -CLIP
        scores.append(round(min(max(z, -CLIP), CLIP) * PER_UNIT))
        below += count
    return tuple(scores)


def pairs(columns: int) -> int:
    """How many products there are: d(d−1)/2."""
    return columns * (columns - 1) // 2


@lru_cache(maxsize=64)
def _upper(columns: int) -> Ints:
    """Flat positions of the pairs i < j in a (d, d) matrix, row by row."""
    above, right = np.triu_indices(columns, 1)
    return above * columns + right


def products(scores: Scores, pane: Ints, panes: int) -> Ints:
    """(panes, pairs) Σ zᵢzⱼ of each pane, exact; (d, n) scores. Cost: d²/2 multiplications a row, in BLAS."""
    d, n = scores.shape
    total = np.zeros((panes, pairs(d)), np.int64)
    cuts = [0, n]
    if panes > 1:
        order = np.argsort(pane, kind="stable")
        scores = scores[:, order]
        cuts = np.searchsorted(pane[order], np.arange(panes + 1)).tolist()
    step = max(1, min(AT_ONCE, CACHE_VALUES // max(d, 1)))
    for number, (first, last) in enumerate(pairwise(cuts)):
        for start in range(first, last, step):
            z = scores[:, start : min(start + step, last)].astype(np.float32)
            total[number] += (z @ z.T).ravel()[_upper(d)].astype(np.int64)
    return total


@dataclass(frozen=True)
class Cross:
    """Sums of the scores of n rows' d columns. Whole numbers, in eighths of a standard deviation."""

    rows: int
    columns: Ints
    """(d,) which of the grid's columns they are."""
    total: Ints
    """(d,) Σz."""
    product: Ints
    """(d, d) Σzzᵀ; symmetric."""

    @staticmethod
    def of(profile: "Profile") -> "Cross | None":
        """Those of a profile's whole traffic; None where they were not kept."""
        grid, layout = profile.grid, profile.grid.layout
        if not profile.sums.cross.size:
            return None
        d, counts = grid.crossed.size, profile.counts()
        matrix = np.zeros((d, d), np.int64)
        matrix.ravel()[_upper(d)] = profile.sums.cross
        matrix += matrix.T
        total = np.zeros(d, np.int64)
        for at, (column, scores) in enumerate(zip(grid.crossed.tolist(), grid.scores, strict=True)):
            first, score = layout.slots[column], np.array(scores, np.int64)
            mine = counts[first : first + score.size]
            total[at], matrix[at, at] = mine @ score, mine @ (score * score)
        return Cross(profile.rows(), grid.crossed, total, matrix)

    @cached_property
    def mean(self) -> Floats:
        """(d,) mean score, −3 … 3; 0 where there are no rows."""
        return self.total / (max(self.rows, 1) * PER_UNIT)

    @cached_property
    def second(self) -> Floats:
        """(d, d) mean of zzᵀ."""
        return self.product / float(max(self.rows, 1) * PER_UNIT**2)

    @cached_property
    def covariance(self) -> Floats:
        """(d, d) covariance (÷ n) of the scores."""
        return self.second - np.outer(self.mean, self.mean)

    @cached_property
    def correlation(self) -> Floats:
        """(d, d) correlation, −1 … 1; 0 beside a column that does not vary, 1 on the diagonal."""
        sd = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        scale = np.outer(sd, sd)
        found = np.divide(self.covariance, scale, out=np.zeros_like(scale), where=scale > 0)
        np.fill_diagonal(found, 1.0)
        bounded: Floats = np.clip(found, -1.0, 1.0)
        return bounded

    def part(self, at: Ints) -> "Cross":
        """The same rows' sums of some of the columns: positions among them."""
        return Cross(self.rows, self.columns[at], self.total[at], self.product[np.ix_(at, at)])
