"""Alarms: a column that a sequential detector holds to have drifted, from the window it was raised in until it ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from drift.core.window import Window


class Severity(StrEnum):
    """How loud an alarm is."""

    WARNING = "warning"
    """Shown and told, wakes nobody: a proven shift that is small, or evidence that cannot be relied upon."""
    PAGE = "page"
    """The effect is beyond twice the tolerance."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One bin whose share changed. Shares are proportions in 0–1."""

    label: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """One column's alarm with its evidence, measured over the stretch from `onset` to `until`."""

    column: str
    """Empty: the model itself."""
    segment: int
    """Index in the grid; 0 is the whole traffic."""
    detector: str
    severity: Severity
    raised: Window
    """The window that raised it."""
    onset: int
    """Start of the stretch that differs, event time in microseconds."""
    until: int
    """End of the stretch that the evidence was measured over, microseconds."""
    direction: str
    """`increase`, `decrease`, or empty: of the column, where `what` tells of its place, else of `what` itself."""
    what: str
    """What moved: `location`, `spread`, `skew`, `kurtosis`, `share missing`, `share of north`, …"""
    effect: float
    """In the unit of `tolerance`, signed."""
    tolerance: float
    """What is borne: standard deviations of the score for the first four, a share for shares."""
    rows: int
    """Rows in the stretch."""
    level: float
    """Evidence when it was raised: natural logarithm of the mixture."""
    limit: float
    """What the evidence had to reach."""
    statistics: Mapping[str, float] = field(default_factory=dict)
    """psi, ks, wasserstein, mean_shift, … over the stretch."""
    moved: tuple[Moved, ...] = ()
    """Bins that moved most, worst first."""
    snoozed: bool = False
    """Somebody asked for silence; it stands, and tells nobody."""
    sentence: str = ""
    """What a person should read first."""

    @property
    def key(self) -> tuple[str, int, str, int]:
        """What tells it from every other alarm of its reference and window spec."""
        return self.column, self.segment, self.detector, self.raised.start
