"""Seasons: cells of the week in which a stream is expected at different places.

`auto` takes, column by column, the division of the week that predicts a left-out week best: none, hour, weekday, hour
and weekend, hour of the week (8 weeks or more). A finer division must beat the coarser by a margin. Holidays count as
Sundays. Hours are those of the model's zone.
"""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from detectors.contract import Floats, Ints
from detectors.sequential.default.series import Series
from drift.core.clock import DAY, HOUR, to_datetime

NONE, HOURLY, WEEKDAY, HOUR_WEEKEND, HOUR_OF_WEEK = "none", "hour", "weekday", "hour+weekend", "hour-of-week"
KINDS: Final = (NONE, HOURLY, WEEKDAY, HOUR_WEEKEND, HOUR_OF_WEEK)
CELLS: Final[Mapping[str, int]] = {NONE: 1, HOURLY: 24, WEEKDAY: 7, HOUR_WEEKEND: 48, HOUR_OF_WEEK: 168}
FEWEST: Final = 3
"""Windows in the median cell, and weeks (days, for hours), below which a division is not tried."""
LONG: Final = 8
"""Weeks that hours of the week need."""
GAIN: Final = 0.02
"""Share of the error of prediction by which a finer division must be better."""
_SATURDAY, _SUNDAY = 5, 6


@dataclass(frozen=True, slots=True)
class Calendar:
    """Tells in which cell a moment lies."""

    zone: ZoneInfo
    holidays: Container[date] = frozenset()

    def cell(self, kind: str, time: int) -> int:
        """The cell of a window that starts at `time`, microseconds."""
        if kind == NONE:
            return 0
        local = to_datetime(time).astimezone(self.zone)
        weekday = _SUNDAY if local.date() in self.holidays else local.weekday()
        match kind:
            case "hour":
                return local.hour
            case "weekday":
                return weekday
            case "hour+weekend":
                return local.hour + 24 * (weekday >= _SATURDAY)
            case _:
                return local.hour + 24 * weekday

    def cells(self, kind: str, times: Collection[int]) -> Ints:
        """(K,) of windows that start at these times."""
        return np.array([self.cell(kind, int(time)) for time in times], np.int64)


@dataclass(frozen=True, slots=True)
class Season:
    """One division and what it expects. N cells, C columns (those that use it), S streams."""

    kind: str
    columns: Ints
    means: Floats
    """(N, C, S) expected mean of each stream."""
    windows: Floats
    """(N,) of the baseline in each cell."""
    rows: Floats
    """(N, C, S) of the baseline in each cell."""


def choose(series: Series, weights: Floats, calendar: Calendar, length: int, asked: str) -> list[str]:
    """The division for each column.

    Args:
        series: the baseline's windows.
        weights: (C, S) what a stream's squared error counts; 0: not at all.
        calendar: cells.
        length: of a window, microseconds.
        asked: `auto`, or the division that somebody wants.
    """
    columns = weights.shape[0]
    if asked != "auto":
        return [asked] * columns
    kinds = possible(series, calendar, length)
    errors = np.array([_error(series, weights, calendar, kind) for kind in kinds])
    best = np.zeros(columns, np.int64)
    for at in range(1, len(kinds)):
        better = errors[at] < (1 - GAIN) * errors[best, np.arange(columns)]
        best[better] = at
    return [kinds[at] for at in best]


def possible(series: Series, calendar: Calendar, length: int) -> list[str]:
    """Divisions that the baseline is long enough for and the windows short enough."""
    found = [NONE]
    if len(series) < 2:
        return found
    weeks = (int(series.starts[-1]) - int(series.starts[0]) + length) / (7 * DAY)
    for kind in KINDS[1:]:
        hourly = kind != WEEKDAY
        long_enough = weeks >= (LONG if kind == HOUR_OF_WEEK else FEWEST / 7 if kind == HOURLY else FEWEST)
        short_enough = length <= (6 * HOUR if hourly else DAY)
        if long_enough and short_enough:
            cells = calendar.cells(kind, series.starts.tolist())
            filled = np.bincount(cells)
            if (filled > 0).sum() > 1 and np.median(filled[filled > 0]) >= FEWEST:
                found.append(kind)
    return found


def _error(series: Series, weights: Floats, calendar: Calendar, kind: str) -> Floats:
    """(C,) mean squared error when each week (each day, in under three weeks) is predicted from the others."""
    span = int(series.starts[-1]) - int(series.starts[0])
    block = series.starts // (7 * DAY if span >= 3 * 7 * DAY else DAY)
    cells = calendar.cells(kind, series.starts.tolist())
    there = (series.rows > 0).astype(np.float64)
    total, error = np.maximum(there.sum(axis=0), 1.0), np.zeros(weights.shape[0])
    sums, counts = _by_cell(series, there, cells, CELLS[kind])
    for one in np.unique(block):
        at = np.flatnonzero(block == one)
        out, gone = _by_cell(series, there, cells, CELLS[kind], at)
        left, others = counts - gone, sums - out
        # a cell that only the left-out part fills has to expect what all the others are like
        rest = others.sum(axis=0) / np.maximum(left.sum(axis=0), 1.0)[:, None]
        mean = np.where(left[:, :, None] > 0, others / np.maximum(left, 1.0)[:, :, None], rest)
        difference = (series.means[at] - mean[cells[at]]) * there[at][:, :, None]
        error += (difference**2 * weights).sum(axis=(0, 2))
    found: Floats = error / total
    return found


def _by_cell(series: Series, there: Floats, cells: Ints, number: int, at: Ints | None = None) -> tuple[Floats, Floats]:
    """(N, C, S) Σ of means and (N, C) windows, by cell."""
    chosen = np.arange(len(series)) if at is None else at
    sums = np.zeros((number, *series.means.shape[1:]))
    counts = np.zeros((number, series.means.shape[1]))
    np.add.at(sums, cells[chosen], series.means[chosen] * there[chosen][:, :, None])
    np.add.at(counts, cells[chosen], there[chosen])
    return sums, counts


def fit(series: Series, sizes: Floats, kinds: Sequence[str], calendar: Calendar) -> tuple[list[Season], Floats]:
    """What each division expects of its columns, and (K, C, S) residuals, widened for the cells' own error.

    A cell that the baseline never saw expects the column's overall mean.
    """
    residuals = np.zeros(series.means.shape)
    seasons = []
    for kind in dict.fromkeys(kinds):
        columns = np.array([i for i, one in enumerate(kinds) if one == kind], np.int64)
        cells = calendar.cells(kind, series.starts.tolist())
        means, n = series.means[:, columns], sizes[:, columns]
        rows = np.zeros((CELLS[kind], *means.shape[1:]))
        sums = np.zeros(rows.shape)
        np.add.at(rows, cells, n)
        np.add.at(sums, cells, n * means)
        overall = sums.sum(axis=0) / np.maximum(rows.sum(axis=0), 1.0)
        expected = np.where(rows > 0, sums / np.maximum(rows, 1.0), overall)
        windows = np.bincount(cells, minlength=CELLS[kind]).astype(np.float64)
        widened = np.sqrt(windows / np.maximum(windows - 1, 1.0))[cells]
        residuals[:, columns] = (means - expected[cells]) * widened[:, None, None]
        seasons.append(Season(kind, columns, expected, windows, rows))
    return seasons, residuals
