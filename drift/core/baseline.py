"""Baselines: what alarms compare production with. Sums again, cut into stretches of time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from drift.core.grid import Grid
from drift.core.profile import Profile, Sums
from drift.core.window import Window


class Origin(StrEnum):
    """Where a baseline comes from."""

    REFERENCE = "reference"
    """Held-out rows in the order of time."""
    PRODUCTION = "production"
    """Production's own first windows."""
    ACCEPTED = "accepted"
    """A stretch of production that a person accepted."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The sums of one stretch of time, on the baseline's grid."""

    window: Window
    sums: Sums


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is normal. A column that a stretch holds no rows of is not described by that stretch."""

    grid: Grid
    profile: Profile
    """The whole."""
    stretches: Sequence[Stretch]
    """Ascending and disjoint, none longer than a window; empty: nothing is known of how it wanders. Unpacked when read:
    a year of hours need not be in memory at once."""
    origin: Origin
    dismissed: Sequence[Stretch] = ()
    """Windows that raised an alarm which a person called normal: they tell how far the process wanders, not where it
    stands."""


def only(grid: Grid, sums: Sums, columns: Iterable[int]) -> Sums:
    """The sums with every other column emptied; the row count stays. O(width).

    So are the products with every other column: one of which all are 0 is not known to go with any.
    """
    layout, wanted = grid.layout, np.zeros(len(grid.columns), np.bool_)
    wanted[list(columns)] = True
    base = 1 + layout.counts_width
    keep = np.ones(layout.width, np.bool_)
    keep[1:base] = np.repeat(wanted, np.diff(layout.slots))
    keep[base : base + layout.sums_width] = np.repeat(wanted, np.diff(layout.sums))
    measured = wanted[layout.measured >= 0]
    keep[base + layout.sums_width :] = measured
    scored = wanted[grid.crossed]
    both = np.outer(scored, scored)[np.triu_indices(scored.size, 1)]
    return Sums(
        np.where(keep, sums.ints, 0), np.where(measured, sums.low, np.inf), np.where(measured, sums.high, -np.inf),
        np.where(both, sums.cross, 0) if sums.cross.size else sums.cross,
    )  # fmt: skip
