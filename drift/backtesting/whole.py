"""Which windows the events fill, and what came of them.

An export begins and ends somewhere, and half a day is no day.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any, Final

import numpy as np

from drift.core.commit import EvaluationCommit, Lease, WindowResult
from drift.core.window import Window, WindowSpec
from drift.store import Store
from drift.store.rows import Dirty

GAP: Final = 0.1
"""Share of a window that may lie before the first event, or after the last one …"""
FULL: Final = 0.75
"""… or else it holds this share of the rows that the windows between usually hold."""

_NOTHING: Final = np.empty((0, 0))

Progress = Callable[[int, int], None]
"""Told how many windows are judged, and of how many."""


def windows_of(marks: Iterable[Dirty], specs: Sequence[WindowSpec]) -> dict[Window, int]:
    """Every window that panes with these marks fall into, with its rows."""
    rows: dict[Window, int] = {}
    for mark in marks:
        for spec in specs:
            for window in spec.covering(mark.start):
                rows[window] = rows.get(window, 0) + mark.rows
    return rows


def partly_filled(rows: Mapping[Window, int], first: int, last: int) -> set[Window]:
    """The windows at both ends that are there in part only.

    Args:
        rows: of every window.
        first: start of the first pane with rows, microseconds.
        last: end of the last one.
    """
    cut = {window for window in rows if _missing(window, first, last) > GAP * (window.end - window.start)}
    whole = [n for window, n in rows.items() if window not in cut]
    usual = median(whole) if whole else float("inf")
    return {window for window in cut if rows[window] < FULL * usual}


def _missing(window: Window, first: int, last: int) -> int:
    return max(0, first - window.start) + max(0, window.end - last)


class WholeWindows:
    """A store as the evaluator sees it: without the windows that are set aside. It keeps what is committed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.aside: set[Window] = set()
        self.results: list[WindowResult] = []
        """In the order of their judging; without what a backtest does not tell, so that a year of hours fits."""
        self.expected = 0
        self.progress: Progress | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def mark_stale(
        self, lease: Lease, dirty_ids: Iterable[int], windows: Iterable[tuple[int, int, str, Window, int]]
    ) -> None:
        """Marks on panes become marks on whole windows."""
        self._store.mark_stale(lease, dirty_ids, [one for one in windows if one[3] not in self.aside])

    def commit_evaluation(self, batch: EvaluationCommit) -> None:
        """Results are stored and kept, and progress is told."""
        self._store.commit_evaluation(batch)
        self.results += map(_kept, batch.results)
        if self.progress is not None:
            self.progress(len(self.results), self.expected)


def _kept(result: WindowResult) -> WindowResult:
    detection = result.detection and replace(result.detection, state=b"")
    judgements = {
        segment: replace(one, thresholds=_NOTHING, values=one.values if not segment else _NOTHING)
        for segment, one in result.judgements.items()
    }
    return replace(result, detection=detection, judgements=judgements)
