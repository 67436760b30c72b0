"""What a sequential detector is: a watch over one segment's columns, stepped window by window.

A detector is one module or package in `detectors/sequential/` that holds one `DETECTOR`. A watch is made once from the
baseline; its state is a mapping of plain arrays that is stored with the result it led to, so that a restart, a replay
and a second machine go on exactly where it stood. `step` is pure: the same state, window and sums give the same bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy.typing as npt

from detectors.contract import Bools, Floats, Ints
from drift.core.baseline import Baseline
from drift.core.profile import Profile
from drift.core.window import Window, WindowSpec

State = Mapping[str, npt.NDArray[Any]]
"""Arrays by name; never changed in place."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a watch is made from."""

    baseline: Baseline
    spec: WindowSpec
    """How windows are cut; a watch steps on disjoint windows, in order."""
    segment: int = 0
    alarm_windows: float = 720.0
    """Windows in which one false alarm of the whole model is allowed."""
    streams: int = 1
    """Columns × segments that share this allowance."""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """The detector's own settings."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a step says of C columns."""

    standing: Bools
    """(C,) an alarm stands: raised now or earlier, not ended."""
    raised: Bools
    """(C,) raised by this very window."""
    judged: Bools
    """(C,) something could be said; a column without values or a usable baseline is not judged."""
    reliable: Bools
    """(C,) the false-alarm rate is known well enough to page somebody."""
    onset: Ints
    """(C,) event time in microseconds from which the column differs, of standing alarms."""
    direction: Ints
    """(C,) 1 increase, −1 decrease, 0 neither."""
    level: Floats
    """(C,) evidence so far, in the unit of `limit`."""
    limit: Floats
    """(C,) evidence at which an alarm is raised."""
    what: tuple[str, ...]
    """(C,) what leads the evidence: `location`, `share missing`, …; empty where nothing does."""


class Watch(Protocol):
    """One segment's columns under one detector."""

    def start(self) -> State:
        """The state before the first window."""

    def step(self, state: State, window: Window, profile: Profile) -> tuple[State, Evidence]:
        """The state after one more window, and what it says. Pure. A window without rows changes nothing."""

    def forget(self, state: State, columns: Ints) -> State:
        """The state with these columns as at the start: somebody answered their alarms."""

    def tolerance(self, column: int, what: str) -> float:
        """What is borne of `what`: standard deviations for scores, a share for shares; NaN: it knows of none."""

    def about(self, column: int) -> Mapping[str, Any]:
        """What a person should know of one column: what it learnt from the baseline, what it cannot see. Plain data."""


@dataclass(frozen=True, slots=True)
class SequentialDetector:
    """One detector: how it is called and how a watch is made."""

    name: str
    title: str
    watch: Callable[[Context], Watch]
    """Raises ConfigError for options that it does not know."""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Option → what it means, with its default."""
    needs: str = ""
    """The extra that must be installed, as in `pip install driftsum[river]`; empty: nothing."""
