"""Windows of normal columns as sums, drawn bin by bin: a window of 50,000 rows costs no more than one of 50."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import norm

from detectors.contract import Floats
from detectors.sequential.contract import Context, Evidence
from detectors.sequential.default import DETECTOR
from detectors.sequential.default.watch import DefaultWatch
from drift import build_reference
from drift.core.baseline import Baseline, Origin, Stretch
from drift.core.clock import DAY
from drift.core.grid import SPECIALS, Grid
from drift.core.profile import Profile, Sums
from drift.core.window import Window, WindowSpec

T0 = 19_000 * DAY
HOURLY = WindowSpec.parse("1h")

Means = Callable[[int], Floats]
"""Window's number → (C,) means of its columns, in standard deviations."""


@dataclass
class Normals:
    """C columns N(mean, 1), n rows a window; `repeat`: each row so many times over, as if one user sent it."""

    columns: int
    n: Callable[[int], int]
    seed: int
    means: Means | None = None
    repeat: int = 1

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    @cached_property
    def grid(self) -> Grid:
        """Of a reference of 40,000 rows."""
        rows = np.random.default_rng(self.seed + 1_000).normal(size=(40_000, self.columns))
        grid: Grid = build_reference(pd.DataFrame(rows, columns=[f"c{i}" for i in range(self.columns)])).grid
        return grid

    @cached_property
    def _edges(self) -> list[Floats]:
        return [np.array(column.edges) for column in self.grid.columns]

    def sums(self, k: int, shift: Floats | float = 0.0, spread: Floats | float = 1.0) -> Sums:
        """Counts of window k; the sums of values stay 0, as the detector reads counts only."""
        means = self.means(k) if self.means else np.zeros(self.columns)
        at, width = means + shift, np.broadcast_to(spread, (self.columns,))
        empty, layout, n = Profile.empty(self.grid).sums, self.grid.layout, self.n(k)
        empty.ints[0, 0] = n
        for i, edges in enumerate(self._edges):
            share = np.diff(norm.cdf((np.concatenate(([-np.inf], edges, [np.inf])) - at[i]) / width[i]))
            counts = self.rng.multinomial(max(n // self.repeat, 1), share / share.sum()) * self.repeat
            empty.ints[0, 1 + layout.slots[i] : 1 + layout.slots[i + 1] - SPECIALS] = counts
        return empty

    @staticmethod
    def window(k: int) -> Window:
        """The k-th hour."""
        return next(HOURLY.covering(T0 + k * HOURLY.length))

    def baseline(self, windows: int) -> Baseline:
        """The first windows."""
        stretches = [Stretch(self.window(k), self.sums(k)) for k in range(windows)]
        whole = Profile(self.grid, Sums.total(one.sums for one in stretches))
        return Baseline(self.grid, whole, stretches, Origin.REFERENCE)

    def watch(self, windows: int = 720, alarm_windows: float = 720.0, **options: object) -> DefaultWatch:
        """The default detector, taught by so many windows."""
        made = DETECTOR.watch(Context(self.baseline(windows), HOURLY, 0, alarm_windows, self.columns, dict(options)))
        assert isinstance(made, DefaultWatch)
        return made


def alarms(
    source: Normals,
    watch: DefaultWatch,
    first: int,
    windows: int,
    shift: Callable[[int], Floats | float] = lambda k: 0.0,
) -> list[tuple[int, int, Evidence]]:
    """(window after `first`, column, evidence) of every alarm raised."""
    state, found = watch.start(), list[tuple[int, int, Evidence]]()
    for k in range(windows):
        profile = Profile(source.grid, source.sums(first + k, shift(k)))
        state, evidence = watch.step(state, source.window(first + k), profile)
        found.extend((k, column, evidence) for column in np.flatnonzero(evidence.raised).tolist())
    return found


def wandering(columns: int, omega: float, rho: float, seed: int) -> Means:
    """AR(1) means of standard deviation ω and lag-1 autocorrelation ρ; window numbers must ascend."""
    rng = np.random.default_rng(seed)
    held = {"at": rng.normal(size=columns) * omega}

    def means(k: int) -> Floats:
        held["at"] = rho * held["at"] + rng.normal(size=columns) * omega * np.sqrt(1 - rho**2)
        return held["at"]

    return means
