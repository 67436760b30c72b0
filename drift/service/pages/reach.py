"""How far each column was on the way to what is tolerated, in each window: 1 is there."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.known import Abouts, entry, value
from drift.core.result import Judgement
from drift.store.rows import AlarmRow, WindowRow

Floats = npt.NDArray[np.float64]
MOST: Final = 99.0
"""Ratios are cut there."""


@dataclass(frozen=True, slots=True)
class Reach:
    """One window's columns, in the order of its judgement."""

    index: Mapping[str, int]
    ratio: Floats
    """(C,)"""
    judgement: Judgement
    best: npt.NDArray[np.int64]
    """(C,) which statistic it is; −1: the shift of the mean against the detector's tolerance, −2: none."""
    tolerances: Floats
    """(C,) NaN where there is none."""


def reach(judgement: Judgement, index: Mapping[str, int], tolerances: Floats) -> Reach:
    """What rules and tolerances say of one window.

    The largest |value ÷ threshold| of statistics that rules look at; p-values count by their logarithms, and only where
    rules look at nothing else. A numeric column's shift of the mean counts against its detector's own tolerance.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.abs(judgement.values / judgement.thresholds)
    plain[:, [name.endswith(("_p", "_q")) for name in judgement.statistics]] = np.nan
    plain = np.nan_to_num(plain, nan=-1.0, posinf=MOST)
    best = plain.argmax(axis=1)
    ratio = plain[np.arange(len(best)), best]
    if "mean_shift" in judgement.statistics:
        shifts = np.abs(judgement.values[:, judgement.statistics.index("mean_shift")])
        with np.errstate(divide="ignore", invalid="ignore"):
            against = np.nan_to_num(shifts / tolerances, nan=-1.0, posinf=MOST)
        best = np.where(against > ratio, -1, best)
        ratio = np.maximum(ratio, against)
    best = np.where(ratio < 0, -2, best)
    return Reach(index, np.clip(ratio, 0.0, MOST), judgement, best, tolerances)


def told(of: Reach, at: int) -> str:
    """Which statistic a ratio is of."""
    which = int(of.best[at])
    if which == -2:
        return "no rule looks at it"
    if which == -1:
        shift = of.judgement.value(of.judgement.columns[at], "mean_shift")
        return f"mean_shift {shift:.3g}, tolerated {of.tolerances[at]:.3g}"
    found, limit = of.judgement.values[at, which], of.judgement.thresholds[at, which]
    return f"{of.judgement.statistics[which]} {found:.3g}, limit {limit:.3g}"


def tolerances(abouts: Abouts, columns: Sequence[str]) -> Floats:
    """(C,) standard deviations that a column's mean may move; NaN where one window by itself cannot tell."""
    return np.array([_tolerance(abouts.get(name, {})) for name in columns])


def _tolerance(about: Mapping[str, Any]) -> float:
    if about.get("season") not in (None, "", "none") or about.get("origin") not in (None, "reference"):
        return float("nan")
    return value(entry(about, "scores", "location"), "tolerance") or float("nan")


@dataclass(frozen=True, slots=True)
class Stood:
    """An alarm that stood on a column in a window."""

    row: AlarmRow
    size: float
    """As `size` has it."""


def standing_in(alarms: Iterable[AlarmRow], windows: Sequence[WindowRow]) -> dict[tuple[str, int], Stood]:
    """(column, window id) → the worst alarm that stood on it, from its onset until it ended."""
    found: dict[tuple[str, int], Stood] = {}
    ordered = sorted(windows, key=lambda window: window.window.start)
    starts, ends = [one.window.start for one in ordered], [one.window.end for one in ordered]
    for row in alarms:
        one, column = Stood(row, size(row)), row.alarm.column
        last = len(ordered) if row.ended_at is None else bisect_left(ends, row.ended_at)
        for window in ordered[bisect_left(starts, row.alarm.onset) : last]:
            before = found.get((column, window.id))
            if before is None or one.size > before.size:
                found[column, window.id] = one
    return found


def size(row: AlarmRow) -> float:
    """How many times what is tolerated an alarm's effect is; at least 1, because it was raised."""
    alarm = row.alarm
    ratio = abs(alarm.effect) / alarm.tolerance if alarm.tolerance > 0 else 1.0
    return float(min(max(ratio, 1.0), MOST)) if np.isfinite(ratio) else 1.0
