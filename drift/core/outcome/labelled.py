"""Rows that bring their label with them: a reference, an event that is logged late."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from drift.core.outcome.counting import OutcomeCounter
from drift.core.profile import Sums
from drift.core.rows import Rows

if TYPE_CHECKING:
    from drift.core.grid import Grid

Ints = npt.NDArray[np.int64]


class LabelledRows:
    """Counts predictions and, where it stands beside them, the truth."""

    def __init__(self, grid: "Grid") -> None:
        self._counter = OutcomeCounter(grid)

    def empty(self) -> Sums:
        """The sums of no rows."""
        return self._counter.layout.empty()

    def count(self, rows: Rows, pane: Ints, panes: int) -> list[Sums]:
        """Sums of each pane; `pane` (n,) says to which of them each row belongs."""
        n, by = len(rows), self._counter.predictions
        seen = by.of(rows, np.zeros(n, np.int64))
        truth = by.truths(rows.keys[by.outcome.label], n)
        predicted = self._counter.predicted(seen, ~np.isnan(truth), pane, panes)
        joined = self._counter.joined(seen, truth, np.ones(n, np.int64), np.zeros(n, np.int64), pane, panes)
        return [one + other for one, other in zip(predicted, joined, strict=True)]
