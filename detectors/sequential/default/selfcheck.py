"""The self-check: the baseline's halves are replayed, each under what the other one taught.

Whatever alarms there is a false alarm by definition. Columns that raise more than the budget's 95 % bound bear more
wander, up to 6 standard deviations; those still loud then cannot be judged with windows of this length.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.contract import Bools, Floats, Ints
from detectors.sequential.default.learned import WIDTHS, Learned
from detectors.sequential.default.process import Process
from detectors.sequential.default.series import Series

FEWEST: Final = 20
"""Windows in a half, below which there is nothing to check with."""

Half = tuple[Series, Sequence[Floats]]
"""The windows of a half and their (C, B) counts."""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """What the replay found."""

    windows: int
    """Replayed; 0: there were too few."""
    alarms: Ints
    """(C,) alarms that the column raised, at the width that was settled on."""
    first: Ints
    """(C,) alarms at the smallest width."""
    expected: float
    """Alarms of all columns together that the budget allows in so many windows."""
    bound: int
    """The most that are put down to chance: the 95 % quantile of a Poisson count."""
    width: Floats
    """(C,) standard deviations of wander that are borne."""
    loud: Bools
    """(C,) still too many alarms at the largest width."""


def check(
    halves: tuple[Half, Half],
    learn: Callable[[Series], Learned],
    process: Callable[[Learned, Ints], Process],
    limit: Floats,
    alarm_windows: float,
    columns: int,
) -> SelfCheck:
    """Replay both halves, widening what is loud. O(windows · C · S · B) for each width."""
    first, second = halves[0][0], halves[1][0]
    windows = len(halves[0][1]) + len(halves[1][1])
    quiet = np.zeros(columns, np.int64)
    if min(len(first), len(second)) < FEWEST or not windows:
        width = np.full(columns, WIDTHS[0])
        return SelfCheck(0, quiet, quiet, 0.0, 0, width, np.zeros(columns, np.bool_))
    replays = (learn(first), halves[1]), (learn(second), halves[0])
    expected = windows / alarm_windows
    bound = poisson_bound(expected)
    width = np.full(columns, WIDTHS[0])
    alarms = at_first = _replayed(replays, process, width, limit, np.arange(columns))
    for wider in WIDTHS[1:]:
        too_many = np.flatnonzero(loudest(alarms, bound))
        if not too_many.size:
            break
        width[too_many] = wider
        # the others stay as they were
        alarms = alarms.copy()
        alarms[too_many] = _replayed(replays, process, width, limit, too_many)
    return SelfCheck(windows, alarms, at_first, expected, bound, width, loudest(alarms, bound))


def loudest(alarms: Ints, bound: int) -> Bools:
    """(C,) the loudest columns, as few as leave the others within the bound together."""
    order = np.argsort(-alarms, kind="stable")
    rest = alarms.sum() - np.cumsum(alarms[order]) + alarms[order]
    found = np.zeros(alarms.size, np.bool_)
    found[order] = rest > bound
    return found


def poisson_bound(expected: float) -> int:
    """The smallest count that a Poisson count of this expectation stays at or below with a probability of 95 %."""
    if expected > 100:
        return math.ceil(expected + 1.645 * math.sqrt(expected))
    term = total = math.exp(-expected)
    count = 0
    while total < 0.95:
        count += 1
        term *= expected / count
        total += term
    return count


def _replayed(
    replays: Sequence[tuple[Learned, Half]],
    process: Callable[[Learned, Ints], Process],
    width: Floats,
    limit: Floats,
    columns: Ints,
) -> Ints:
    """(those columns,) alarms in both halves."""
    found = [
        _alarms(process(_wide(taught, width).take(columns), columns), series, counts, limit, columns)
        for taught, (series, counts) in replays
    ]
    alarms: Ints = np.sum(found, axis=0)
    return alarms


def _wide(learned: Learned, width: Floats) -> Learned:
    for one in WIDTHS[1:]:
        learned = learned.widened(np.flatnonzero(width == one), one)
    return learned


def _alarms(process: Process, series: Series, counts: Sequence[Floats], limit: Floats, columns: Ints) -> Ints:
    """(those columns,) alarms, each column starting anew after each."""
    state = process.start()
    found = np.zeros(process.streams.used.shape[0], np.int64)
    for start, window in zip(series.starts[-len(counts) :].tolist(), counts, strict=True):
        state, reading = process.step(state, window[columns], start)
        fired = np.flatnonzero(reading.stepped & (reading.level >= limit[columns]))
        if fired.size:
            found[fired] += 1
            state = process.reset(state, fired)
    return found
