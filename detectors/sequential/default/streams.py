"""What is watched of each column: up to four scores and a set of shares, each a number per bin.

A *stream* is one linear function of a column's counts. Streams 0 … 3 are scores: polynomials in the reference's rank,
orthonormal under its shares, so that their means move by about one for one standard deviation of location (0), spread
(1), skew (2) and kurtosis (3). The rest are shares: of each sixteenth of the reference or each category, of the tails,
of what is unseen, missing or invalid. Counts are (C, B): value bins, padded, then missing, then invalid.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.contract import Bools, Floats, Ints
from detectors.shares import shares
from drift.core.grid import ColumnGrid, Grid
from drift.core.profile import Profile

SCORES: Final = 4
NAMES: Final = ("location", "spread", "skew", "kurtosis")
UNSEEN: Final = "share unseen"


class Cells:
    """Reads counts out of profiles of one grid, as (C, B) matrices."""

    def __init__(self, grid: Grid) -> None:
        layout = grid.layout
        # a sketch is no distribution: its cells are not watched
        bins = np.where([column.sketch for column in grid.columns], 0, layout.bins)
        self.grid, self.values = grid, int(bins.max())
        at = np.arange(self.values)
        # one past the end: a zero that padding points at
        self._value_slots = np.where(at < bins[:, None], layout.slots[:-1, None] + at, layout.counts_width)

    @property
    def missing(self) -> int:
        """The bin of missing values; that of invalid ones follows."""
        return self.values

    def read(self, profile: Profile, segment: int) -> Floats:
        """(C, B) counts of a segment. O(C·B)."""
        counts = np.append(profile.counts(segment).astype(np.float64), 0.0)
        found: Floats = np.column_stack(
            (counts[self._value_slots], profile.missing(segment), profile.invalid(segment))
        ).astype(np.float64)
        return found


@dataclass(frozen=True)
class Streams:
    """The streams of C columns. S is 4 scores and as many shares as the richest column has."""

    weights: Floats
    """(C, S, B) a score's value in each bin, or 1 for the bins of a share."""
    used: Bools
    """(C, S) whether there is such a stream."""
    labels: tuple[tuple[str, ...], ...]
    """(C)(S) names for people; empty where there is no such stream."""
    signs: Ints
    """(C, S) +1: more of it is an increase of the column, −1: a decrease, 0: neither."""
    valued: Bools
    """(B,) bins of values, not of what is missing or invalid."""
    unseen: Ints
    """(C,) the stream that is the share of unseen values; −1: none."""
    told_apart: Bools
    """(C, B) bins of one value each, not shared by rare ones: those that a stretch can be the only one to have."""

    @property
    def scores(self) -> Floats:
        """(C, 4, B) the part that is scores."""
        return self.weights[:, :SCORES]

    @property
    def shares(self) -> Floats:
        """(C, S − 4, B) the part that is shares."""
        return self.weights[:, SCORES:]

    def take(self, columns: Ints) -> "Streams":
        """Some of the columns."""
        return Streams(
            self.weights[columns], self.used[columns], tuple(self.labels[i] for i in columns.tolist()),
            self.signs[columns], self.valued, self.unseen[columns], self.told_apart[columns],
        )  # fmt: skip

    def sizes(self, counts: Floats) -> tuple[Floats, Floats]:
        """(C,) rows with a value, which scores are means over, and (C,) all rows, which shares are shares of."""
        return counts[:, self.valued].sum(axis=1), counts.sum(axis=1)

    def means(self, counts: Floats) -> Floats:
        """(C, S) the mean of every stream; 0 where there are no rows. O(C·S·B)."""
        valued, rows = self.sizes(counts)
        totals: Floats = np.matmul(self.weights, counts[:, :, None])[:, :, 0]
        totals[:, :SCORES] /= np.maximum(valued, 1.0)[:, None]
        totals[:, SCORES:] /= np.maximum(rows, 1.0)[:, None]
        return totals

    @staticmethod
    def of(cells: Cells, counts: Floats) -> "Streams":
        """The streams of a grid; `counts` (C, B) are the baseline's, m of them.

        q = (r + ½)/(m + B/2) over the bins of values (Krichevsky and Trofimov 1981).
        """
        columns = cells.grid.columns
        parts = [_column(grid, counts[i], cells) for i, grid in enumerate(columns)]
        most = max(len(labels) for _, labels, _ in parts)
        weights = np.zeros((len(columns), most, counts.shape[1]))
        used, signs = np.zeros((len(columns), most), np.bool_), np.zeros((len(columns), most), np.int64)
        for i, (rows, labels, sign) in enumerate(parts):
            weights[i, : len(labels)], signs[i, : len(labels)] = rows, sign
            used[i, : len(labels)] = [bool(label) for label in labels]
        named = tuple((*labels, *("" for _ in range(most - len(labels)))) for _, labels, _ in parts)
        valued = np.arange(counts.shape[1]) < cells.values
        unseen = np.array([labels.index(UNSEEN) if UNSEEN in labels else -1 for labels in named], np.int64)
        single = [
            [b < grid.bins and b != grid.unseen and b != grid.other for b in range(valued.size)] for grid in columns
        ]
        return Streams(weights, used, named, signs, valued, unseen, np.array(single) & (unseen >= 0)[:, None])

    def unseen_without(self, counts: Floats, elsewhere: Floats) -> Floats:
        """(C,) share of rows in `counts` whose value nothing `elsewhere` has: unseen, had the baseline lacked them.

        By its own construction a baseline has no unseen values; what new values are usual shows only when each part is
        looked at from the others.
        """
        alone = np.where(self.told_apart & (elsewhere <= 0), counts, 0.0).sum(axis=1)
        share: Floats = alone / np.maximum(counts.sum(axis=1), 1.0)
        return share


def _column(grid: ColumnGrid, counts: Floats, cells: Cells) -> tuple[Floats, list[str], list[int]]:
    if grid.sketch:
        return np.zeros((SCORES, counts.size)), [""] * SCORES, [0] * SCORES
    scores = _scores(grid, counts)
    names = [NAMES[j] if scores[j].any() else "" for j in range(SCORES)]
    rows, labels, signs = list(scores), names, [1, 0, 0, 0]
    for label, bins, sign in _signed(grid, counts):
        row = np.zeros(counts.size)
        row[bins] = 1.0
        rows.append(row)
        labels.append(f"share {label}")
        signs.append(sign)
    for label, bin_ in (("missing", cells.missing), ("invalid", cells.missing + 1)):
        row = np.zeros(counts.size)
        row[bin_] = 1.0
        rows.append(row)
        labels.append(f"share {label}")
        signs.append(0)
    return np.array(rows), labels, signs


def _scores(grid: ColumnGrid, counts: Floats) -> Floats:
    """(4, B) orthonormal polynomials in 2u − 1 under q; as many as there are distinct values less one."""
    scores = np.zeros((SCORES, counts.size))
    last = grid.bins if grid.unseen is None else grid.unseen
    r = counts[:last]
    distinct = int((r > 0).sum())
    if not grid.ordered or distinct < 2:
        return scores
    q = (r + 0.5) / (r.sum() + last / 2)
    x = 2 * (np.cumsum(q) - q / 2) - 1
    degree = min(SCORES, distinct - 1)
    root = np.sqrt(q)
    basis, upper = np.linalg.qr(np.polynomial.legendre.legvander(x, degree) * root[:, None])
    basis *= np.where(np.diag(upper) < 0, -1.0, 1.0)
    scores[:degree, :last] = (basis[:, 1:] / root[:, None]).T
    return scores


def _signed(grid: ColumnGrid, counts: Floats) -> list[tuple[str, Ints, int]]:
    """(name, its bins, direction of the column where there is more of it)"""
    middle = _middle(grid, counts)
    return [
        (label, bins, tail or (0 if middle is None else _side(float(middle[bins].mean()))))
        for label, bins, tail in shares(grid, counts)
    ]


def _middle(grid: ColumnGrid, counts: Floats) -> Floats | None:
    """(bins,) middle rank; None where the bins have no order."""
    if grid.keys_counted:
        return None
    r = counts[: grid.bins].copy()
    if grid.unseen is not None:
        r[grid.unseen] = 0.0
    rank: Floats = (np.cumsum(r) - r / 2) / max(r.sum(), 1.0)
    if grid.unseen is not None:
        rank[grid.unseen] = 0.5
    return rank


def _side(rank: float) -> int:
    return 1 if rank > 0.75 else -1 if rank < 0.25 else 0
