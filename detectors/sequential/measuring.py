"""One measure of a window against a baseline: value, direction, and whether there are rows enough to judge it."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from detectors.contract import Bools, Floats, Ints
from detectors.judge import directions, enough, measure
from detectors.names import Measure, measures
from detectors.pairs import Pairs
from detectors.plan import MIN_ROWS, Plan
from detectors.rules import known
from drift.core.errors import ConfigError
from drift.core.profile import Profile

WATCHED: Final = {"mean_shift": "location", "missing_change": "share missing", "missing_ratio": "share missing"}
"""Measures that have a plain name; any other is called as it is."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one window gave."""

    values: Floats
    """(C,) NaN where the measure does not apply."""
    judged: Bools
    """(C,) both sides hold enough rows, and the value is finite."""
    direction: Ints
    """(C,) 1, −1 or 0."""
    v: Floats
    """(C,) 1/n + 1/m of the values read; ∞ where one side has none."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """A measure by name, against one reference, in one segment."""

    measure: Measure
    reference: Profile
    segment: int
    min_rows: int = MIN_ROWS

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return len(self.reference.grid.columns)

    @property
    def what(self) -> str:
        """What it watches, in words."""
        name = self.measure.statistic.name
        return WATCHED.get(name, name)

    def against(self, reference: Profile) -> "Measuring":
        """The same against another reference."""
        return replace(self, reference=reference)

    def read(self, window: Profile) -> Reading:
        """Measure one window; the cost of the statistic."""
        pairs = Pairs(window, self.reference, self.segment)
        plan = Plan(rules=(), min_rows=self.min_rows, statistics=(self.measure.name,))
        values = measure(pairs, plan)[:, 0]
        statistic = self.measure.statistic
        judged = enough(pairs, statistic, self.min_rows) & np.isfinite(values)
        pair, columns = pairs.view(statistic.view)
        v = np.full(self.columns, np.inf)
        v[columns] = np.where((pair.n > 0) & (pair.m > 0), pair.v, np.inf)
        return Reading(values, judged, np.sign(directions(pairs, statistic)).astype(np.int64), v)


def per_column(name: str, where: str) -> Measure:
    """The measure of that name.

    Raises:
        ConfigError: there is none, or it is one number for the whole model.
    """
    found = measures()[known(name, where)]
    if found.statistic.per_model:
        raise ConfigError(
            f"{where}: {name} is one number for the whole model; name a statistic of columns, such as psi"
        )
    return found


def with_p(name: str, where: str, suffix: str = "p") -> Measure:
    """The p-value of the statistic of that name.

    Raises:
        ConfigError: there is no such statistic, or it has no p-value.
    """
    found = per_column(name, where)
    if found.suffix or found.statistic.p_value is None:
        having = ", ".join(m.name for m in measures().values() if m.statistic.p_value and not m.suffix)
        raise ConfigError(f"{where}: {name} has no p-value; there are {having}")
    return Measure(f"{name}_{suffix}", found.statistic, suffix)
