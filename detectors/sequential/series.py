"""One number per window and column, for detectors that follow a series.

| `of` | number | columns |
|---|---|---|
| `mean` | shift of the mean, in the reference's standard deviations | numeric and ordinal |
| `z` | mean of the standardised mid-ranks over its standard error 1/√n: 1 is chance, whatever the tails | the same |
| `outside` | share of values outside the reference's central 90 %; of keys: those beyond the most frequent 90 % | all |
| `error` | 1 where Pearson's X² against the reference has p < 0.1, else 0: one stationary window in ten errs | all |
| any statistic | its value | those that it knows |
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.contract import Bools, Floats, Ints, View, over_bins
from detectors.pairs import Pairs
from detectors.sequential.contract import Context
from detectors.sequential.measuring import Measuring, per_column, with_p
from drift.core.profile import Profile

ERROR: Final = 0.1
"""A window errs below this p-value."""
CENTRE: Final = 0.9
"""What counts as inside."""
OF: Final = "`mean`, `z`, `outside`, `error` (see detectors/sequential/series.py) or a statistic"


@dataclass(frozen=True, slots=True)
class Series:
    """What is read of each window."""

    of: str
    what: str
    columns: int
    signed: bool
    """Whether a larger number is a larger column, and not only a larger distance."""
    read: Callable[[Profile], tuple[Floats, Bools]]
    """Window → (C,) numbers and whether each can be judged; finite where it can."""


def series(context: Context, of: str, min_rows: int, where: str) -> Series:
    """The series of that name.

    Raises:
        ConfigError: there is no such number and no such statistic.
    """
    reference, segment = context.baseline.profile, context.segment
    columns = len(reference.grid.columns)
    match of:
        case "mean":
            read = _measured(Measuring(per_column("mean_shift", where), reference, segment, min_rows))
            return Series(of, "location", columns, True, read)
        case "z":
            return Series(of, "location", columns, True, Scores(reference, segment, min_rows).read)
        case "outside":
            return Series(of, "share outside", columns, False, Outside(reference, segment, min_rows).read)
        case "error":
            read = _erring(Measuring(with_p("chi2", where), reference, segment, min_rows))
            return Series(of, "distribution", columns, False, read)
        case _:
            measuring = Measuring(per_column(of, f"{where}: of is {OF}"), reference, segment, min_rows)
            signed = measuring.measure.statistic.direction is not None and not measuring.measure.suffix
            return Series(of, measuring.what, columns, signed, _measured(measuring))


def _measured(measuring: Measuring) -> Callable[[Profile], tuple[Floats, Bools]]:
    def read(window: Profile) -> tuple[Floats, Bools]:
        found = measuring.read(window)
        return found.values, found.judged

    return read


def _erring(measuring: Measuring) -> Callable[[Profile], tuple[Floats, Bools]]:
    def read(window: Profile) -> tuple[Floats, Bools]:
        found = measuring.read(window)
        return np.where(found.values < ERROR, 1.0, 0.0), found.judged

    return read


class Scores:
    """Means of standardised mid-rank scores: 0 and 1 are mean and variance of one row of the reference."""

    def __init__(self, reference: Profile, segment: int, min_rows: int) -> None:
        pairs = Pairs(reference, reference, segment)
        pair, self._at = pairs.view(View.ORDERED)
        self._reference, self._segment, self._least = reference, segment, min_rows
        self._columns = len(reference.grid.columns)
        self._known = _known_bins(reference, self._at, pair.r.shape[1])
        counts = np.where(self._known, pair.r, 0.0)
        self._m = over_bins(counts)
        share = counts / np.maximum(self._m, 1.0)[:, None]
        score = 2 * (np.cumsum(share, axis=1) - share / 2) - 1
        spread = np.sqrt(over_bins(share * score**2))
        self._score = score / np.where(spread > 0, spread, 1.0)[:, None]
        self._varies = spread > 0

    @property
    def rows(self) -> Floats:
        """(C,) values of the reference; 0 for columns without an order."""
        return self._spread(self._m, 0.0)

    def read(self, window: Profile) -> tuple[Floats, Bools]:
        """(C,) means over their standard errors, and which can be judged."""
        values, n = self.means(window)
        return values * np.sqrt(n), self.enough(n)

    def enough(self, n: Floats) -> Bools:
        """(C,) which columns have an order, vary in the reference and hold enough values."""
        return (
            (n >= self._least) & (self.rows >= self._least) & (self._spread(self._varies.astype(np.float64), 0.0) > 0)
        )

    def means(self, window: Profile) -> tuple[Floats, Floats]:
        """(C,) means of the scores, and of how many values."""
        c = Pairs(window, self._reference, self._segment).ordered.c
        counts = np.where(self._known, c, 0.0)
        n = over_bins(counts)
        return self._spread(over_bins(counts * self._score) / np.maximum(n, 1.0), 0.0), self._spread(n, 0.0)

    def _spread(self, measured: Floats, rest: float) -> Floats:
        found = np.full(self._columns, rest)
        found[self._at] = measured
        return found


def _known_bins(reference: Profile, at: Ints, bins: int) -> Bools:
    """(M, B) bins whose place in the order is known: all but an ordinal column's bin of unseen values."""
    known = np.ones((len(at), bins), np.bool_)
    for row, column in enumerate(at.tolist()):
        unseen = reference.grid.columns[column].unseen
        if unseen is not None:
            known[row, unseen] = False
    return known


class Outside:
    """Shares outside what holds the central, or the most frequent, 90 % of the reference."""

    def __init__(self, reference: Profile, segment: int, min_rows: int) -> None:
        pair = Pairs(reference, reference, segment).values
        self._reference, self._segment, self._least = reference, segment, min_rows
        ordered = np.array([column.ordered for column in reference.grid.columns])
        share = pair.r / np.maximum(pair.m, 1.0)[:, None]
        self._outside = np.where(ordered[:, None], _beyond_ranks(share), _beyond_frequent(share, reference))
        sketch = np.array([column.sketch for column in reference.grid.columns])
        self._enough = (pair.m >= min_rows) & ~sketch

    def read(self, window: Profile) -> tuple[Floats, Bools]:
        """(C,) shares in 0–1, and whether both sides hold enough values."""
        pair = Pairs(window, self._reference, self._segment).values
        values = over_bins(pair.c * self._outside) / np.maximum(pair.n, 1.0)
        return values, self._enough & (pair.n >= self._least)


def _beyond_ranks(share: Floats) -> Floats:
    """(C, B) part of each bin that lies outside the central ranks; bins that the reference lacks: all or nothing."""
    high = np.cumsum(share, axis=1)
    low, tail = high - share, (1 - CENTRE) / 2
    inside = np.clip(np.minimum(high, 1 - tail) - np.maximum(low, tail), 0.0, None)
    point = (high > tail) & (high < 1 - tail)
    return np.where(share > 0, 1 - inside / np.where(share > 0, share, 1.0), np.where(point, 0.0, 1.0))


def _beyond_frequent(share: Floats, reference: Profile) -> Floats:
    """(C, B) 1 for keys beyond the most frequent ones that hold 90 %, for `other` and for unseen ones."""
    frequency = share.copy()
    for row, column in enumerate(reference.grid.columns):
        if column.keys_counted:
            frequency[row, column.bins - 2 :] = -1.0
    order = np.argsort(-frequency, axis=1, kind="stable")
    ranked = np.take_along_axis(share, order, axis=1)
    before = np.empty_like(share)
    np.put_along_axis(before, order, np.cumsum(ranked, axis=1) - ranked, axis=1)
    return np.where((before < CENTRE) & (frequency > 0), 0.0, 1.0)
