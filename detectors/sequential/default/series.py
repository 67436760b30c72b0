"""How every stream moved over the baseline's windows: (K windows, C columns, S streams)."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from detectors.contract import Bools, Floats, Ints
from detectors.sequential.default.streams import Cells, Streams
from drift.core.baseline import Stretch
from drift.core.clock import DAY, to_datetime
from drift.core.profile import Profile, Sums
from drift.core.window import Window, WindowSpec

MOST_CELLS: Final = 60_000_000
"""Means held at most (240 MB, while a watch is made); with more columns fewer windows are looked at: the latest."""
MOST_COUNTS: Final = 30_000_000
"""Counts held at most (120 MB), for the self-check."""
FEWEST_PARTS: Final = 3
FEW_DAYS: Final = 8
_MONDAY: Final = date(1970, 1, 5).toordinal()


@dataclass(frozen=True, slots=True)
class Series:
    """Means of streams in K disjoint windows, ascending."""

    starts: Ints
    """(K,) microseconds."""
    valued: Floats
    """(K, C) rows with a value."""
    rows: Floats
    """(K, C) all rows."""
    means: Floats
    """(K, C, S)"""
    within: Floats
    """(C, S) n × variance of the means of panes inside their window, averaged; NaN where there are no finer parts."""
    freedom: int
    """Degrees of freedom behind `within`."""
    gaps: Ints
    """(K,) windows between each one and the one before; 1 where they are neighbours."""
    counts: tuple[Floats, ...] = ()
    """(C, B) counts of the latest windows, as many as memory allows."""

    def __len__(self) -> int:
        return self.starts.size

    def sizes(self, streams: Streams) -> Floats:
        """(K, C, S) rows that each mean is over."""
        return np.where(np.arange(streams.used.shape[1]) < 4, self.valued[:, :, None], self.rows[:, :, None])

    def take(self, at: Bools) -> "Series":
        """Some of the windows."""
        skipped = len(self) - len(self.counts)
        counts = tuple(one for one, wanted in zip(self.counts, at[skipped:], strict=True) if wanted)
        return Series(
            self.starts[at], self.valued[at], self.rows[at], self.means[at], self.within, self.freedom, self.gaps[at],
            counts,
        )  # fmt: skip


def windows(stretches: Iterable[Stretch], spec: WindowSpec) -> Iterator[tuple[Window, list[Sums]]]:
    """The stretches by disjoint windows, in order. A stretch that no window holds whole is left out."""
    current: Window | None = None
    held: list[Sums] = []
    for stretch in stretches:
        window = stretch.window if stretch.window == current else home(spec, stretch.window)
        if window is None:
            continue
        if window != current:
            if current is not None:
                yield current, held
            current, held = window, []
        held.append(stretch.sums)
    if current is not None:
        yield current, held


def home(spec: WindowSpec, part: Window) -> Window | None:
    """The disjoint window that holds a stretch; None: it reaches over an edge."""
    window = disjoint(spec, part.start)
    return window if part.end <= window.end else None


def disjoint(spec: WindowSpec, time: int) -> Window:
    """The one of every length / hop windows that detectors step on; all of them, unless they slide."""
    if spec.hop == spec.length:
        return next(spec.covering(time))
    every = spec.length // spec.hop
    if spec.calendar:
        return next(w for w in spec.covering(time) if _day(spec, w) // (spec.hop // DAY) % every == 0)
    start = time - time % spec.length
    return Window(start, start + spec.length)


def _day(spec: WindowSpec, window: Window) -> int:
    """Days from a Monday to the window's first one, in its zone."""
    return to_datetime(window.start).astimezone(ZoneInfo(spec.zone)).date().toordinal() - _MONDAY


def learn(cells: Cells, streams: Streams, stretches: Sequence[Stretch], spec: WindowSpec, segment: int) -> Series:
    """Read the baseline's stretches into a series. O(stretches · C · S · B)."""
    columns, width = streams.used.shape
    most = max(MOST_CELLS // (columns * width), 100)
    latest: deque[Floats] = deque(maxlen=max(MOST_COUNTS // streams.weights[:, 0].size, 50))
    starts: list[int] = []
    parts: list[tuple[Floats, Floats, Floats]] = []
    spread, freedom = np.zeros((columns, width)), 0
    for window, sums in windows(stretches, spec):
        counts = [cells.read(Profile(cells.grid, part), segment) for part in sums]
        total = np.sum(counts, axis=0)
        if not total.any():
            continue
        means = streams.means(total)
        starts.append(window.start)
        latest.append(total.astype(np.float32))
        parts.append((*streams.sizes(total), means.astype(np.float32)))
        if len(counts) >= FEWEST_PARTS:
            spread += _between(streams, counts, means)
            freedom += len(counts) - 1
        if len(parts) > most:
            del starts[0], parts[0]
    _foresee(streams, starts, parts, latest)
    return Series(
        np.array(starts, np.int64),
        np.array([valued for valued, _, _ in parts]).reshape(-1, columns),
        np.array([rows for _, rows, _ in parts]).reshape(-1, columns),
        np.array([means for *_, means in parts]).reshape(-1, columns, width),
        spread / freedom if freedom else np.full((columns, width), np.nan),
        freedom,
        _gaps(starts, spec),
        tuple(latest)[-len(starts) :] if starts else (),
    )


def _foresee(
    streams: Streams, starts: Sequence[int], parts: Sequence[tuple[Floats, Floats, Floats]], latest: Sequence[Floats]
) -> None:
    """Put the shares of values unseen on all other days (in all other windows, of a few days) into the means."""
    columns = np.flatnonzero(streams.unseen >= 0)
    if not columns.size or len(latest) < len(parts):
        return
    days = np.array(starts, np.int64) // DAY
    if np.unique(days).size < FEW_DAYS:
        days = np.arange(len(starts))
    whole = np.sum(latest, axis=0)
    for day in np.unique(days):
        at = np.flatnonzero(days == day).tolist()
        elsewhere = whole - np.sum([latest[k] for k in at], axis=0)
        for k in at:
            parts[k][2][columns, streams.unseen[columns]] += streams.unseen_without(latest[k], elsewhere)[columns]


def _gaps(starts: Sequence[int], spec: WindowSpec) -> Ints:
    steps = np.diff(np.array(starts, np.int64), prepend=starts[0] - spec.length if starts else 0)
    gaps: Ints = np.maximum(np.rint(steps / spec.length).astype(np.int64), 1)
    return gaps


def _between(streams: Streams, parts: Sequence[Floats], whole: Floats) -> Floats:
    """(C, S) Σ n_part (mean of the part − mean of the window)²."""
    total = np.zeros(whole.shape)
    for counts in parts:
        valued, rows = streams.sizes(counts)
        size = np.where(np.arange(whole.shape[1]) < 4, valued[:, None], rows[:, None])
        total += size * (streams.means(counts) - whole) ** 2
    return total
