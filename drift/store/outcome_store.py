"""The part of the store that is about predictions and their labels. Each method is one transaction."""

from collections.abc import Iterable, Sequence
from typing import Final, overload

from drift.core.catalogue import Reference
from drift.core.outcome.counting import OutcomeCounter
from drift.core.outcome.sums import Outcomes
from drift.core.performance import Performance
from drift.core.window import Window
from drift.store import catalogue, evaluation, outcomes, results
from drift.store.rows import WindowRow
from drift.store.transactions import Transactions

COUNTERS: Final = 64
"""Counters kept: some ten kilobytes a cause each."""
MATURE_WITHIN: Final = 1_000
"""Windows that are gone back for one whose labels are mature: six weeks of hours."""


class OutcomeStore(Transactions):
    """Methods of `Store`."""

    _counters: dict[int, OutcomeCounter | None]

    def reference(self, reference_id: int) -> Reference:
        """One reference; raises NotFound."""
        raise NotImplementedError

    def reference_outcomes(self, reference_id: int) -> Outcomes | None:
        """A reference's own predictions and labels; None: it counts none."""
        reference = self.reference(reference_id)
        return self._read(lambda c: catalogue.reference_outcomes(c, reference))

    def reference_learnt(self, reference_id: int) -> bytes | None:
        """What was fitted to a regression's errors (`detectors.performance.dle`); None: nothing."""
        return self._read(lambda c: catalogue.reference_learnt(c, reference_id))

    def outcome_chunks(self, reference_id: int) -> Sequence[tuple[Window, Outcomes]]:
        """The predictions and labels of each of the reference's stretches of time, in order."""
        reference = self.reference(reference_id)
        rows = self._read(lambda c: catalogue.outcome_chunks(c, reference))
        return _Chunks(reference, rows)

    def performances(self, window_ids: Iterable[int], segment: int | None = 0) -> dict[tuple[int, int], Performance]:
        """(window id, segment) → performance as last evaluated; `segment` None: of all of them."""
        ids = list(window_ids)
        return self._read(lambda c: results.performances(c, ids, segment))

    def newest_mature(self, reference_id: int, spec: str, until: int) -> WindowRow | None:
        """The newest final window that ends by `until` and whose labels are mature; it goes back a thousand windows."""
        return self._read(lambda c: evaluation.newest_mature(c, reference_id, spec, until, MATURE_WITHIN))

    def evaluated(self, model_id: int) -> dict[tuple[int, str], int]:
        """(reference, spec) → when one of the model's newest thousand windows was judged last, microseconds."""
        return self._read(lambda c: evaluation.evaluated(c, model_id, MATURE_WITHIN))

    def unmet(self, model_id: int) -> tuple[int, int]:
        """How many predictions wait for a label, and labels for a prediction. Reads all of the model's."""
        return self._read(lambda c: outcomes.waiting(c, model_id))

    def _counter(self, reference_id: int) -> OutcomeCounter | None:
        """What counts the outcomes of a reference; None: it counts none."""
        if reference_id not in self._counters:
            grid = self.reference(reference_id).grid
            if len(self._counters) >= COUNTERS:
                self._counters.clear()
            self._counters[reference_id] = None if grid.outcomes is None else OutcomeCounter(grid)
        return self._counters[reference_id]


class _Chunks(Sequence[tuple[Window, Outcomes]]):
    """Kept packed, unpacked one at a time: thousands of them would fill the memory."""

    def __init__(self, reference: Reference, rows: Sequence[tuple[int, int, bytes]]) -> None:
        self._grid, self._rows = reference.grid, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> tuple[Window, Outcomes]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[tuple[Window, Outcomes]]: ...
    def __getitem__(self, at: int | slice) -> tuple[Window, Outcomes] | Sequence[tuple[Window, Outcomes]]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        start, end, blob = self._rows[at]
        return Window(start, end), Outcomes.load(self._grid, blob)
