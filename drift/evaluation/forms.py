"""What changed in the form of the data: told from a window's sums, and from fields that came and were not there before.

Which fields an event had is known of some events only, so a field counts as new where it would have been seen before by
all but `CHANCE`, had it been as frequent. Each field is new once: later windows know that earlier ones had it.
"""

from collections.abc import Mapping
from typing import Final, Protocol

import numpy as np

from detectors.changes import SchemaChange, schema_changes
from detectors.changes.contract import MOST, SEEN
from detectors.changes.fields import RARE
from drift.core.catalogue import Reference
from drift.core.fields import FieldsSeen, FieldSums
from drift.core.profile import Profile
from drift.core.window import Window
from drift.evaluation.ports import PaneTotal

CHANCE: Final = 1e-3
"""Probability with which a field that was there all along is called new, once in its life."""


class Store(Protocol):
    """The part of the store that is read."""

    def profile(self, reference: Reference, start: int, end: int) -> PaneTotal:
        """The sums of all panes in a stretch."""

    def fields(self, reference_id: int, start: int, end: int) -> FieldsSeen:
        """Unknown fields seen in a stretch."""


class Forms:
    """Remembers when fields came, so that the past is read once for each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._first: dict[tuple[int, str], int] = {}

    def changes(
        self, reference: Reference, window: Window, profile: Profile, known: Profile
    ) -> tuple[SchemaChange, ...]:
        """What changed in one window.

        Args:
            reference: on whose grid both profiles are.
            window: the stretch.
            profile: its sums.
            known: the reference's.
        """
        seen = self._store.fields(reference.id, window.start, window.end)
        sums = seen.sums
        unknown = {name: round(sums.events(name) / sums.looked * profile.rows()) for name in sums.seen}
        if not unknown:
            return schema_changes(profile, known, {})
        types = {name: storage for name in unknown if (storage := sums.storage(name)) is not None}
        old = self._old(reference.id, window, sums)
        first = {name: min(self._first.get((reference.id, name), at), at) for name, at in seen.first.items()}
        took = _Took(self._store, reference, window.end - window.start, first)
        return schema_changes(profile, known, unknown, before=old, types=types, took=took)

    def _old(self, reference_id: int, window: Window, sums: FieldSums) -> set[str]:
        """The fields that are not new."""
        suspects = {
            name
            for name in sums.seen
            if sums.events(name) >= RARE * sums.looked and not self._known(reference_id, name, window)
        }
        if not suspects:
            return set(sums.seen)
        past = self._store.fields(reference_id, 0, window.start)
        for name, time in past.first.items():
            self._first[reference_id, name] = time
        share = sums.looked / (sums.looked + past.sums.looked)
        new = {name for name in suspects - past.first.keys() if share ** sums.events(name) <= CHANCE}
        return set(sums.seen) - new

    def _known(self, reference_id: int, name: str, window: Window) -> bool:
        return self._first.get((reference_id, name), window.start) < window.start


class _Took:
    """Whether a column left as a field came: there in the window's length before, gone in that after."""

    def __init__(self, store: Store, reference: Reference, length: int, first: Mapping[str, int]) -> None:
        self._store, self._reference, self._length, self._first = store, reference, length, first
        self._missing: dict[int, Mapping[str, float] | None] = {}

    def __call__(self, column: str, field: str) -> bool:
        came = self._first[field]
        before, after = self._shares(came - self._length), self._shares(came)
        return before is not None and after is not None and before[column] <= MOST < after[column]

    def _shares(self, start: int) -> Mapping[str, float] | None:
        """Field → share of rows without it from `start` on; None: too few rows are known."""
        if start not in self._missing:
            profile = self._store.profile(self._reference, start, start + self._length).profile
            enough = profile is not None and profile.rows() >= SEEN
            self._missing[start] = _missing(profile) if profile is not None and enough else None
        return self._missing[start]


def _missing(profile: Profile) -> dict[str, float]:
    shares = (np.asarray(profile.missing()) / profile.rows()).tolist()
    return {grid.column.field: share for grid, share in zip(profile.grid.columns, shares, strict=True)}
