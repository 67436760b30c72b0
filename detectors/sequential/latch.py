"""What all detectors by name share: an alarm latches, and ends when its condition was clear for three windows in a row.

A detector brings a `Condition`, which says window by window what it sees; `Latched` makes a watch of it:

    condition    . . X X X . X . . . . .        X met, . judged and not met
    standing     . . S S S S S S S . . .        raised at the first X, ended by the third . in a row

Windows that cannot be judged neither raise nor end anything, and a window without rows changes nothing at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np

from detectors.contract import Bools, Floats, Ints
from detectors.sequential.contract import Evidence, State
from drift.core.profile import Profile
from drift.core.window import Window

CLEAR: Final = 3
"""Windows in a row, judged and clear, that end an alarm."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a condition says of C columns in one window."""

    met: Bools
    """(C,) the detector's condition holds."""
    judged: Bools
    """(C,) it could be looked at."""
    reliable: Bools
    """(C,) its false-alarm rate is what was asked for, as far as the detector knows."""
    onset: Ints
    """(C,) where the difference began, microseconds; read where an alarm is raised."""
    direction: Ints
    """(C,) 1, −1 or 0."""
    level: Floats
    """(C,) evidence."""
    limit: Floats
    """(C,) what it has to reach."""


class Condition(Protocol):
    """A detector without its latch; pure, like a watch."""

    @property
    def columns(self) -> int:
        """How many columns there are."""

    @property
    def what(self) -> str:
        """What it watches."""

    def start(self) -> State:
        """Its state before the first window."""

    def look(self, state: State, window: Window, profile: Profile) -> tuple[State, Sight]:
        """Its state after a window that holds rows, and what it saw there."""

    def forget(self, state: State, columns: Ints) -> State:
        """Its state with these columns as at the start."""

    def about(self, column: int) -> Mapping[str, Any]:
        """What a person should know of one column."""


class Latched:
    """A watch made of a condition. See `detectors.sequential.contract.Watch`."""

    def __init__(self, condition: Condition, segment: int) -> None:
        self._condition, self._segment = condition, segment

    def start(self) -> State:
        """No alarm stands."""
        columns = self._condition.columns
        latch: State = {
            "standing": np.zeros(columns, np.bool_),
            "clear": np.zeros(columns, np.int64),
            "onset": np.zeros(columns, np.int64),
            "direction": np.zeros(columns, np.int64),
        }
        return MappingProxyType({**latch, **self._condition.start()})

    def step(self, state: State, window: Window, profile: Profile) -> tuple[State, Evidence]:
        """Look, then raise, hold or end; O(columns) beside the condition's own cost."""
        if profile.rows(self._segment) == 0:
            return state, self._evidence(state, self._nothing(), np.zeros(self._condition.columns, np.bool_))
        inner, sight = self._condition.look(state, window, profile)
        met = sight.met & sight.judged
        stood = np.asarray(state["standing"], np.bool_)
        clear = np.where(met, 0, state["clear"] + (stood & sight.judged))
        raised = met & ~stood
        standing = met | (stood & (clear < CLEAR))
        latch = {
            "standing": standing,
            "clear": np.where(standing, clear, 0),
            "onset": np.where(raised, sight.onset, np.where(standing, state["onset"], 0)),
            "direction": np.where(raised, sight.direction, np.where(standing, state["direction"], 0)),
        }
        after: State = MappingProxyType({**inner, **latch})
        return after, self._evidence(after, sight, raised)

    def forget(self, state: State, columns: Ints) -> State:
        """Those columns' alarms are gone, and what the condition knew of them."""
        latch = {name: cleared(state[name], columns) for name in ("standing", "clear", "onset", "direction")}
        return MappingProxyType({**self._condition.forget(state, columns), **latch})

    def tolerance(self, column: int, what: str) -> float:
        """None: these detectors know of no effect that is borne."""
        return float("nan")

    def about(self, column: int) -> Mapping[str, Any]:
        """What the condition knows, and how its alarms end."""
        return {**self._condition.about(column), "ends_after_clear_windows": CLEAR}

    def _evidence(self, state: State, sight: Sight, raised: Bools) -> Evidence:
        standing = np.asarray(state["standing"], np.bool_)
        return Evidence(
            standing=standing,
            raised=raised,
            judged=sight.judged,
            reliable=sight.reliable & sight.judged,
            onset=np.asarray(state["onset"], np.int64),
            direction=np.asarray(state["direction"], np.int64),
            level=sight.level,
            limit=sight.limit,
            what=tuple(self._condition.what if s else "" for s in (standing | sight.met).tolist()),
        )

    def _nothing(self) -> Sight:
        columns = self._condition.columns
        no, zero, unknown = np.zeros(columns, np.bool_), np.zeros(columns, np.int64), np.full(columns, np.nan)
        return Sight(no, no, no, zero, zero, unknown, unknown)


def cleared(array: np.ndarray[Any, np.dtype[np.generic]], columns: Ints) -> np.ndarray[Any, np.dtype[np.generic]]:
    """A copy in which these columns, its first axis, are zero."""
    copy = array.copy()
    copy[columns] = np.zeros((), array.dtype)
    return copy
