"""The part of the store that is about predictions and their labels. Each method is one transaction."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from drift.core.catalogue import Reference
from drift.core.grid import Grid
from drift.core.outcome.counting import OutcomeCounter
from drift.core.outcome.sums import Outcomes
from drift.core.profile import Sums
from drift.core.window import Window
from drift.store import catalogue, outcomes
from drift.store.transactions import Transactions

COUNTERS: Final = 64
"""Counters kept: some ten kilobytes a cause each."""


class OutcomeStore(Transactions):
    """Methods of `Store`."""

    def reference(self, reference_id: int) -> Reference:
        """One reference; raises NotFound."""
        raise NotImplementedError

    def reference_outcomes(self, reference_id: int) -> Outcomes | None:
        """A reference's own predictions and labels; None: it counts none."""
        reference = self.reference(reference_id)
        return self._read(lambda c: catalogue.reference_outcomes(c, reference))

    def outcome_chunks(self, reference_id: int) -> Sequence[tuple[Window, Outcomes]]:
        """The predictions and labels of each of the reference's stretches of time, in order."""
        reference = self.reference(reference_id)
        rows = self._read(lambda c: catalogue.outcome_chunks(c, reference))
        return [(Window(start, end), Outcomes(reference.grid, Sums.load(blob))) for start, end, blob in rows]

    def unmet(self, model_id: int) -> tuple[int, int]:
        """How many predictions wait for a label, and labels for a prediction. Reads all of the model's."""
        return self._read(lambda c: outcomes.waiting(c, model_id))

    def _counter(self, reference_id: int) -> OutcomeCounter | None:
        """What counts the outcomes of a reference; None: it counts none."""
        grid = self.reference(reference_id).grid
        return None if grid.outcomes is None else _counter(grid)


@lru_cache(maxsize=COUNTERS)
def _counter(grid: Grid) -> OutcomeCounter:
    return OutcomeCounter(grid)
