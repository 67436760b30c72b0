"""What a regression's errors have to do with its inputs, learnt while a reference is counted."""

import numpy as np

from drift.core.grid import Grid
from drift.core.outcome.seen import Predictions
from drift.core.rows import Rows


class Losses:
    """Sums from which `detectors.performance.dle` is fitted; some megabytes."""

    def __init__(self, grid: Grid, length: int | None) -> None:
        from detectors.performance.dle_sums import DleSums

        self._predictions, self._sums = Predictions(grid), DleSums(grid, length)

    def count(self, rows: Rows) -> None:
        """Add the labelled ones among these rows."""
        by = self._predictions
        seen = by.of(rows, np.zeros(len(rows), np.int64))
        self._sums.add(seen, by.truths(rows.keys[by.outcome.label], len(rows)))

    def learnt(self) -> bytes:
        """What was fitted, packed."""
        from detectors.performance.dle import Dle

        return Dle.of(self._sums).dump()
