"""What a direct loss estimate is fitted on: how often values come together, and the losses beside them, as sums.

Each cause has at most 16 groups of neighbouring slots (what is no number or key is one of them), so that a row is at
most 64 ones among 1,024 places. For each of 11 folds: rows by group, by pair of groups, Σ loss by group. Folds are
interleaved chunks of time, 11 because neither a day's hours nor a week's days divide by it. For each chunk, by which
the wandering of what cannot be explained is seen: rows by group, Σ loss. Losses are |e| and e² in the grid's unit.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.contract import Floats, Ints
from drift.core.errors import ProfileMismatch
from drift.core.grid import SPECIALS, ColumnGrid, Grid
from drift.core.outcome.grid import OutcomeGrid, Task
from drift.core.outcome.seen import Seen

GROUPS: Final = 16
FOLDS: Final = 11
MOST_CHUNKS: Final = 1_024
"""More are added up pairwise, to twice their length."""
RUN: Final = 1_000
"""Rows that are a chunk where there is no time."""
_AT_ONCE: Final = 4_096


def groups_of(column: ColumnGrid) -> tuple[Ints, int]:
    """(slots,) group of each slot, and how many there are. Bins of about equal probability fall into equal groups; the
    most frequent keys keep a group of their own.
    """
    values, bins = GROUPS - 1, column.bins
    at = np.arange(bins)
    if bins > values:
        at = np.minimum(at, values - 1) if column.keys_counted else at * values // bins
    count = int(at[-1]) + 1
    return np.concatenate((at, np.full(SPECIALS, count))), count + 1


def outcome_of(grid: Grid) -> OutcomeGrid:
    """What a regression's grid counts.

    Raises:
        ProfileMismatch: it is no regression.
    """
    if grid.outcomes is None or grid.outcomes.task is not Task.REGRESSION:
        raise ProfileMismatch(f"direct loss estimation needs the grid of a regression; {grid.id} is none")
    return grid.outcomes


def columns_of(grid: Grid) -> tuple[ColumnGrid, ...]:
    """The columns that tell of the loss. The prediction is none: on NannyML's used cars it explained nothing more."""
    return tuple(grid.columns[grid.index[name]] for name in outcome_of(grid).causes)


class DleSums:
    """Sums of some labelled predictions. They grow by `add`; the order of rows matters only where there is no time.

    Memory: 46 MB at 64 columns (11 folds of 1,024² counts), 5 MB at 20. A row takes 2 µs at 7, 6 at 20, 90 at 64.
    """

    def __init__(self, grid: Grid, length: int | None = None) -> None:
        """Sums of nothing.

        Args:
            grid: of a regression.
            length: microseconds of a chunk, as windows are long; None: rows have no time.
        """
        self.grid, self.length = grid, length
        found = [groups_of(column) for column in columns_of(grid)]
        self.starts: Ints = np.cumsum([0, *(count for _, count in found)])
        self.slots = [group + start for (group, _), start in zip(found, self.starts, strict=False)]
        width = self.width = int(self.starts[-1])
        self.pairs = np.zeros((FOLDS, width, width), np.int32)
        """Rows by pair of groups; the diagonal: by group."""
        self.crossed = np.zeros((FOLDS, width, 2))
        """Σ|e|, Σe² by group."""
        self.rows = np.zeros(FOLDS, np.int64)
        self.totals = np.zeros((FOLDS, 2, 2))
        """[fold, loss, power]: Σl, Σl²."""
        self.chunks = dict[tuple[int, int], Floats]()
        """(chunk, fold) → (width + 3,): rows by group, rows, Σ|e|, Σe²."""
        self._halvings, self._run = 0, 0

    def add(self, seen: Seen, truth: Floats) -> None:
        """Add labelled predictions.

        Args:
            seen: (n,) records, as `Predictions.of` makes them.
            truth: (n,) labels, NaN where there is none, as `Predictions.truths` has them.
        """
        there = np.isfinite(truth) & np.isfinite(seen["value"])
        rows, error = seen[there], np.abs(seen["value"][there] - truth[there]) / outcome_of(self.grid).unit
        losses = np.stack((error, error**2), axis=1)
        chunk = self._chunks(rows)
        order = np.lexsort((chunk, chunk % FOLDS))
        edges = np.flatnonzero(np.diff(chunk[order] % FOLDS)) + 1
        for fold in np.split(order, edges):
            for start in range(0, fold.size, _AT_ONCE):
                at = fold[start : start + _AT_ONCE]
                self._part(rows["bins"][at], losses[at], chunk[at])

    def _chunks(self, rows: Seen) -> Ints:
        if self.length is not None:
            return np.asarray(rows["time"] // self.length)
        run = (self._run + np.arange(rows.size)) // RUN
        self._run += rows.size
        return run

    def _part(self, bins: npt.NDArray[np.uint8], losses: Floats, chunk: Ints) -> None:
        """Rows of one fold, ordered by chunk."""
        fold, row = int(chunk[0] % FOLDS), np.arange(len(losses))
        ones = np.zeros((len(losses), self.width), np.float32)
        for number, slots in enumerate(self.slots):
            group = slots[bins[:, number]]
            ones[row, group] = 1
            for at in range(2):
                self.crossed[fold, :, at] += np.bincount(group, losses[:, at], minlength=self.width)
        self.pairs[fold] += np.rint(ones.T @ ones).astype(np.int32)
        self.rows[fold] += len(losses)
        self.totals[fold] += np.stack((losses.sum(axis=0), (losses**2).sum(axis=0)), axis=1)
        starts = np.flatnonzero(np.diff(chunk, prepend=chunk[0] - 1))
        counts, sums = np.add.reduceat(ones, starts), np.add.reduceat(losses, starts)
        sizes = np.diff(starts, append=len(losses))
        for one, count, size, loss in zip(chunk[starts].tolist(), counts, sizes, sums, strict=True):
            self._add_chunk((one >> self._halvings, fold), np.concatenate((count, [size], loss)))
        while len({first for first, _ in self.chunks}) > MOST_CHUNKS:
            self._halve()

    def _add_chunk(self, key: tuple[int, int], values: Floats) -> None:
        self.chunks[key] = self.chunks[key] + values if key in self.chunks else values

    def _halve(self) -> None:
        before, self.chunks = self.chunks, {}
        self._halvings += 1
        for (chunk, fold), values in before.items():
            self._add_chunk((chunk >> 1, fold), values)
