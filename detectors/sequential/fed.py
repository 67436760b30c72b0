"""River's drift detectors as conditions: fed one number per window and column, kept as the numbers they were fed.

State is the series itself (float32, with the windows' starts), and a detector is fed it anew where it is not at hand:
nothing is ever unpickled, and a new release of river reads what an old one left. A column holds at most `most` windows
(then the last `cut` of them), so the state is 4·most bytes a column. A detector that found a drift starts anew with
nothing, as river's own do. Where the drift began is not asked of river (most do not know): it is the cut that parts the
series best, the k of the largest (x̄_after − x̄_before)²·k(T−k)/T.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from detectors.contract import Floats, Ints
from detectors.plan import MIN_ROWS
from detectors.sequential.contract import Context, State, Watch
from detectors.sequential.latch import Latched, Sight
from detectors.sequential.series import OF, Series, series
from detectors.sequential.settings import Settings
from drift.core.errors import ConfigError
from drift.core.profile import Profile
from drift.core.window import Window

MOST: Final = 1_024
"""Windows that a column's series holds at most …"""
CUT: Final = 512
"""… and that are left of it then."""
LARGEST: Final = 1e30
"""Larger numbers are fed as this: float32 ends soon after."""
COMMON: Final = MappingProxyType(
    {
        "of": f"the number fed: {OF}",
        "min_rows": f"values that window and baseline must hold; {MIN_ROWS}",
    }
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a series is kept."""

    most: int = MOST
    """Windows that a column's series holds at most."""
    cut: int = CUT
    """Windows that are left of it then."""
    memo: bool = True
    """Whether a detector may be kept from window to window; not, where it draws lots."""


class RiverDetector(Protocol):
    """What river's detectors have in common."""

    @property
    def drift_detected(self) -> bool:
        """Whether the last number told of a drift."""

    def update(self, x: Any) -> object:
        """Take one number."""


Make = Callable[[Floats, int], RiverDetector]
"""The numbers fed so far, and a seed → a detector that was fed them."""


def river(detector: str, module: str, name: str) -> Any:
    """One of river's classes.

    Raises:
        ConfigError: river is not installed.
    """
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise ConfigError(f"detector {detector} needs river; pip install driftsum[river]") from error


def replay(new: Callable[[], RiverDetector]) -> Make:
    """A maker that feeds the numbers one by one; O(numbers)."""

    def make(past: Floats, _: int) -> RiverDetector:
        detector = new()
        for number in past.tolist():
            detector.update(number)
        return detector

    return make


class Fed:
    """One river detector per column as a condition."""

    def __init__(self, fed: Series, make: Make, about: Mapping[str, Any], size: Size) -> None:
        self._series, self._make, self._about = fed, make, about
        self._most, self._cut, self._memo = size.most, size.cut, size.memo
        self._live: tuple[State, list[RiverDetector]] | None = None

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return self._series.columns

    @property
    def what(self) -> str:
        """What the series tells."""
        return self._series.what

    def start(self) -> State:
        """Nothing was fed."""
        return MappingProxyType({"starts": np.zeros(0, np.int64), "series": np.zeros((self.columns, 0), np.float32)})

    def look(self, state: State, window: Window, profile: Profile) -> tuple[State, Sight]:
        """Feed one window; O(columns), or O(series) where the detectors are not at hand."""
        numbers, judged = self._series.read(profile)
        alive = self._alive(state, window)
        new = np.where(judged, np.clip(numbers, -LARGEST, LARGEST), np.nan).astype(np.float32)
        for column in np.flatnonzero(judged).tolist():
            alive[column].update(float(new[column]))
        found = judged & np.array([detector.drift_detected for detector in alive], np.bool_)
        starts = np.append(state["starts"], window.start).astype(np.int64)
        fed = np.concatenate((np.asarray(state["series"], np.float32), new[:, None]), axis=1)
        onset, direction = _parted(starts, fed, found, window)
        direction = direction if self._series.signed else np.zeros_like(direction)
        fed[found] = np.nan
        for column in np.flatnonzero(found).tolist():
            alive[column] = self._make(np.zeros(0), window.start + column)
        after = self._kept(starts, fed)
        # a series that was cut is not what these detectors were fed
        kept = self._memo and len(starts) <= self._most
        self._live = (after, alive) if kept else None
        one = np.ones(self.columns)
        return after, Sight(found, judged, judged, onset, direction, found * one, one)

    def forget(self, state: State, columns: Ints) -> State:
        """Those columns were fed nothing."""
        fed = state["series"].copy()
        fed[columns] = np.nan
        return MappingProxyType({"starts": state["starts"], "series": fed})

    def about(self, column: int) -> Mapping[str, Any]:
        """What is fed, and the detector's settings."""
        return {"of": self._series.of, **self._about, "remembers_windows": self._most}

    def _alive(self, state: State, window: Window) -> list[RiverDetector]:
        """The detectors that were fed this state's series: those at hand, if they were, else new ones."""
        live, self._live = self._live, None
        if live is not None and all(np.array_equal(live[0][n], state[n], equal_nan=True) for n in ("starts", "series")):
            return live[1]
        rows = np.asarray(state["series"], np.float64)
        return [self._make(row[np.isfinite(row)], window.start + c) for c, row in enumerate(rows)]

    def _kept(self, starts: Ints, fed: npt.NDArray[np.float32]) -> State:
        """What is left of the series: no more than `most` windows, none before the first that anybody needs."""
        if len(starts) > self._most:
            starts, fed = starts[-self._cut :], fed[:, -self._cut :]
        needed = np.isfinite(fed).any(axis=0)
        first = int(needed.argmax()) if needed.any() else len(starts)
        return MappingProxyType({"starts": starts[first:].copy(), "series": fed[:, first:].copy()})


def _parted(
    starts: Ints, fed: npt.NDArray[np.float32], found: npt.NDArray[np.bool_], window: Window
) -> tuple[Ints, Ints]:
    """(C,) start of the window at which each series parts best into before and after, and the direction it went."""
    onset, direction = np.full(len(fed), window.start), np.zeros(len(fed), np.int64)
    for column in np.flatnonzero(found).tolist():
        at = np.flatnonzero(np.isfinite(fed[column]))
        x = fed[column, at].astype(np.float64)
        if x.size < 2:
            continue
        before = np.arange(1, x.size)
        total = np.cumsum(x)
        gap = (total[-1] - total[:-1]) / (x.size - before) - total[:-1] / before
        k = int((gap**2 * before * (x.size - before)).argmax())
        onset[column], direction[column] = starts[at[k + 1]], int(np.sign(gap[k]))
    return onset, direction


def watch(
    context: Context, settings: Settings, of: str, make: Make, about: Mapping[str, Any], size: Size | None = None
) -> Watch:
    """One river detector per column.

    Args:
        context: the baseline and the rest.
        settings: the detector's options, `COMMON` among them.
        of: the number fed by default.
        make: how a detector is made.
        about: its settings, for people.
        size: how much is kept.

    Raises:
        ConfigError: there is no such number.
    """
    where = f"detector {settings.detector}"
    fed = series(context, settings.word("of", of), settings.count("min_rows", MIN_ROWS), where)
    return Latched(Fed(fed, make, about, size or Size()), context.segment)
