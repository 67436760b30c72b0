"""What an evaluation says: three outcomes, numbers per column, and what breached which rule."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt


class Outcome(IntEnum):
    """The verdict on a column or a model."""

    NO_DRIFT = 0
    DRIFT = 1
    INSUFFICIENT_DATA = 2

    @property
    def word(self) -> str:
        """`no_drift`, `drift` or `insufficient_data`."""
        return self.name.lower()


class WindowState(StrEnum):
    """How sure it is that every row of a window has been counted."""

    PROVISIONAL = "provisional"
    """The watermark has passed its end; late rows may still come."""
    FINAL = "final"
    """The watermark has passed its end and the lateness."""
    INCOMPLETE = "incomplete"
    """Rows are known to be missing (a dead partition, a gap in the offsets): never judged."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One rule broken by one column."""

    column: str
    statistic: str
    value: float
    threshold: float
    rule: str
    """The rule as the user wrote it: `psi > 0.2`."""
    direction: str = ""
    """`increase`, `decrease`, or empty where the statistic has none."""
    severity: str = "warning"
    """The rule's: `critical`, `warning` or `info`. Known while the window is judged; not stored."""
    latched: bool = False
    """A standing alarm's, which is told when it is raised and not with each window. Not stored either."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result for one segment of one window. C columns in the grid's order, S statistics."""

    rows: int
    outcome: Outcome
    columns: tuple[str, ...]
    statistics: tuple[str, ...]
    values: npt.NDArray[np.float64]
    """(C, S); NaN where a statistic does not apply or there is too little data."""
    outcomes: npt.NDArray[np.int8]
    """(C,) `Outcome` of each column."""
    thresholds: npt.NDArray[np.float64]
    """(C, S) the threshold in force; NaN where no rule looks at it."""
    breaches: tuple[Breach, ...] = ()
    reason: str = ""
    """Why the model's outcome is what it is, in one sentence."""

    def value(self, column: str, statistic: str) -> float:
        """One number; NaN where it does not apply."""
        return float(self.values[self.columns.index(column), self.statistics.index(statistic)])
