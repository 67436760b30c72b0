"""Losses by pairs of columns: tables of 8×8, from which the worst combinations of values are found.

A column's eighths are its value bins in seven runs of neighbours (keys: the six most frequent, and all others), then
what is missing or invalid. Bins of equal probability make equal runs.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from drift.core.grid import SPECIALS, ColumnGrid

if TYPE_CHECKING:
    from drift.core.outcome.layout import OutcomeLayout

Ints = npt.NDArray[np.int64]
EIGHTHS: Final = 8
CELLS: Final = EIGHTHS * EIGHTHS


def eighths_of(column: ColumnGrid) -> Ints:
    """(slots,) eighth of each slot, 0–6 for values, 7 for what is none."""
    runs, bins = EIGHTHS - 1, column.bins
    at = np.arange(bins)
    if bins > runs:
        at = np.minimum(at, runs - 1) if column.keys_counted else at * runs // bins
    return np.concatenate((at, np.full(SPECIALS, runs)))


def pairs_of(crossed: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The pairs of these columns, in the order in which their tables stand."""
    return tuple(combinations(crossed, 2))


class PairCells:
    """Finds each row's cell in each pair's table. Built once per grid."""

    def __init__(self, layout: "OutcomeLayout") -> None:
        outcome, grid = layout.outcome, layout.grid
        columns = [(outcome.causes.index(name), grid.columns[grid.index[name]]) for name in outcome.crossed]
        self._eighths = [(number, eighths_of(column)) for number, column in columns]
        self.pairs = list(combinations(range(len(columns)), 2))

    def of(self, bins: npt.NDArray[np.uint8]) -> Iterator[Ints]:
        """For each pair the (n,) positions among all tables, of (n, causes) slots. About 3 ns a pair and row."""
        found = [table[bins[:, number]] for number, table in self._eighths]
        high = [one * EIGHTHS for one in found]
        for at, (one, two) in enumerate(self.pairs):
            yield high[one] + (found[two] + at * CELLS)
