"""The condition 'beyond a limit in so many windows running', which thresholds of every kind share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from detectors.contract import Bools, Floats, Ints
from detectors.sequential.contract import State
from detectors.sequential.latch import Sight, cleared
from drift.core.profile import Profile
from drift.core.window import Window

SMALLEST: Final = 1e-300
"""p-values below enter evidence as this: a double's logarithm ends there."""


@dataclass(frozen=True, slots=True)
class Level:
    """One window's evidence against its limit."""

    level: Floats
    """(C,)"""
    limit: Floats
    """(C,) beyond it the condition is met."""
    judged: Bools
    reliable: Bools
    direction: Ints


@dataclass(frozen=True, slots=True)
class Beyond:
    """A condition made of a function from a window to its evidence. Keeps how long each column has been beyond."""

    columns: int
    what: str
    windows: int
    """So many in a row meet the condition."""
    evidence: Callable[[Profile], Level]
    told: Callable[[int], Mapping[str, Any]]
    """Column → what a person should know."""

    def start(self) -> State:
        """Nothing was beyond."""
        return MappingProxyType({"run": np.zeros(self.columns, np.int64), "began": np.zeros(self.columns, np.int64)})

    def look(self, state: State, window: Window, profile: Profile) -> tuple[State, Sight]:
        """Count the windows beyond the limit."""
        found = self.evidence(profile)
        beyond = found.judged & (found.level > found.limit)
        run = np.where(found.judged, np.where(beyond, np.minimum(state["run"] + 1, self.windows), 0), state["run"])
        first = beyond & (state["run"] == 0)
        began = np.where(first, window.start, np.where(run > 0, state["began"], 0))
        after: State = MappingProxyType({"run": run, "began": began})
        met = beyond & (run >= self.windows)
        return after, Sight(met, found.judged, found.reliable, began, found.direction, found.level, found.limit)

    def forget(self, state: State, columns: Ints) -> State:
        """Those columns were never beyond."""
        return MappingProxyType({name: cleared(state[name], columns) for name in ("run", "began")})

    def about(self, column: int) -> Mapping[str, Any]:
        """What the evidence is."""
        return {**self.told(column), "windows_in_a_row": self.windows}


def surprise(p: Floats) -> Floats:
    """−ln p, finite."""
    found: Floats = -np.log(np.clip(p, SMALLEST, 1.0))
    return found
