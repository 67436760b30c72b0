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

    Products of columns are kept with all columns only.
    """
    layout, wanted = grid.layout, np.zeros(len(grid.columns), np.bool_)
    wanted[list(columns)] = True
    base = 1 + layout.counts_width
    keep = np.ones(layout.width, np.bool_)
    keep[1:base] = np.repeat(wanted, np.diff(layout.slots))
    keep[base : base + layout.sums_width] = np.repeat(wanted, np.diff(layout.sums))
    measured = wanted[layout.measured >= 0]
    keep[base + layout.sums_width :] = measured
    return Sums(
        np.where(keep, sums.ints, 0), np.where(measured, sums.low, np.inf), np.where(measured, sums.high, -np.inf),
        sums.cross if wanted.all() else sums.cross[:0],
    )  # fmt: skip
