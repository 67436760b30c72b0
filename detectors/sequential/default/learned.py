"""What the baseline teaches: where each stream stands, how far it wanders, and what is therefore borne."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist
from typing import Final

import numpy as np

from detectors.contract import Bools, Floats, Ints
from detectors.sequential.default.season import Calendar, Season, choose, fit
from detectors.sequential.default.series import Series
from detectors.sequential.default.streams import SCORES, Streams
from detectors.sequential.default.wander import Wander, estimate

RELIABLE: Final = 30.0
"""Windows, over their inflation, from which the variance is known well enough to page."""
WIDTHS: Final = (1.0, 2.0, 3.0, 4.0, 6.0)
"""Standard deviations of the wander that are borne: the first, and what the self-check may raise it to."""
DELTA: Final = 0.05
"""Standard deviations borne by default."""
_FEWEST_IN_CELL: Final = 5.0
_MOST_DELTA: Final = 5.0
# the lower tenth of χ² with ν degrees of freedom (Wilson and Hilferty 1931)
_Z10: Final = NormalDist().inv_cdf(0.10)


@dataclass(frozen=True)
class Learned:
    """C columns, S streams. Standard deviations are a row's: 1 for scores, √(g(1−g)) for shares."""

    sd: Floats
    """(C, S)"""
    wander: Wander
    """In squared standard deviations."""
    seasons: Sequence[Season]
    count: Floats
    """(C,) windows with rows."""
    length: Floats
    """(C,) what they are worth for a mean, less for uneven ones: (Σn)²/Σn²."""
    doubt: Floats
    """(C,) factor on variances where there are too few windows; 1: none."""
    delta: Floats
    """(C,) standard deviations that the user bears."""
    width: Floats
    """(C,) of `WIDTHS`."""
    typical: Floats
    """(C, S) rows of a usual window."""
    borne: Floats
    """(C, S) standard deviations that somebody called normal by dismissing an alarm."""
    z: float
    """Quantile for the baseline's own error: 95 % over all streams of the model."""

    @cached_property
    def reliable(self) -> Bools:
        """(C,) whether pages can be built on it."""
        found: Bools = self.count / self.inflation >= RELIABLE
        return found

    @cached_property
    def inflation(self) -> Floats:
        """(C,) by how much the long-run variance of windows of the usual size exceeds that of one window.

        The largest of the column's scores, or of its shares where it has no scores. A wander that is small beside the
        sampling noise makes few windows no less.
        """
        noise = self.wander.phi / np.maximum(self.typical, 1.0)
        ratio = (noise + self.wander.inflation * self.wander.omega2) / np.maximum(noise + self.wander.omega2, 1e-300)
        ratio = np.where(self.sd > 0, ratio, 1.0)
        scores = ratio[:, :SCORES].max(axis=1)
        most: Floats = np.where((self.sd[:, :SCORES] > 0).any(axis=1), scores, ratio.max(axis=1))
        return most

    @cached_property
    def omega(self) -> Floats:
        """(C, S) standard deviation of the wander, doubt included."""
        omega: Floats = np.sqrt(self.wander.omega2 * self.doubt[:, None])
        return omega

    @cached_property
    def _cells(self) -> dict[tuple[int, ...], tuple[Floats, Floats]]:
        return {}

    def at(self, calendar: Calendar, time: int) -> tuple[Floats, Floats]:
        """(C, S) expected means and (C, S) tolerances in standard deviations, in the season of a window's start."""
        return self.at_cells(tuple(calendar.cell(season.kind, time) for season in self.seasons))

    def at_cells(self, key: tuple[int, ...]) -> tuple[Floats, Floats]:
        """The same by cell, one for each season."""
        if key not in self._cells:
            if len(self._cells) > 168:
                self._cells.clear()
            self._cells[key] = self._at(key)
        return self._cells[key]

    def _at(self, key: tuple[int, ...]) -> tuple[Floats, Floats]:
        means, error = np.zeros(self.sd.shape), np.zeros(self.sd.shape)
        for season, cell in zip(self.seasons, key, strict=True):
            columns = season.columns
            means[columns] = season.means[cell]
            phi, omega2 = self.wander.phi[columns], self.wander.omega2[columns]
            m = season.rows[cell]
            if season.kind == "none":
                windows = np.maximum(self.length[columns] / self.inflation[columns], 1.0)[:, None]
            else:
                windows = season.windows[cell]
            with np.errstate(divide="ignore", invalid="ignore"):
                error[columns] = np.where(m > 0, phi / np.maximum(m, 1.0) + omega2 / np.maximum(windows, 1e-9), np.inf)
        doubt = self.doubt[:, None]
        tolerance = (
            self.delta[:, None] + self.borne + self.z * np.sqrt(error * doubt) + self.width[:, None] * self.omega
        )
        return means, np.minimum(tolerance, _MOST_DELTA)

    def weight(self, n: Floats) -> Floats:
        """(C, S) n_eff / n for n rows, (C, S): how much of each row is evidence; at most 1."""
        variance = self.wander.variance(n) * n * self.doubt[:, None]
        return 1.0 / np.maximum(variance, 1.0)

    def take(self, columns: Ints) -> "Learned":
        """Some of the columns, ascending."""
        seasons = []
        for season in self.seasons:
            mine = np.isin(season.columns, columns)
            if mine.any():
                place = np.searchsorted(columns, season.columns[mine])
                kept = season.means[:, mine], season.windows, season.rows[:, mine]
                seasons.append(Season(season.kind, place, *kept))
        had = self.wander
        wander = Wander(had.phi[columns], had.omega2[columns], had.rho[columns], had.unnoticed[columns])
        return Learned(
            self.sd[columns], wander, tuple(seasons), self.count[columns], self.length[columns], self.doubt[columns],
            self.delta[columns], self.width[columns], self.typical[columns], self.borne[columns], self.z,
        )  # fmt: skip

    def widened(self, columns: Ints, width: float) -> "Learned":
        """The same with more borne in some columns."""
        wider = self.width.copy()
        wider[columns] = width
        return replace(self, width=wider)


def learn(
    streams: Streams, series: Series, calendar: Calendar, length: int, *, asked: str, delta: Floats, many: int,
    extra: Series | None = None, kinds: Sequence[str] | None = None,
) -> Learned:  # fmt: skip
    """Fit everything to a series.

    Args:
        streams: what is watched.
        series: the baseline's windows.
        calendar: season cells.
        length: of a window, microseconds.
        asked: the season that somebody wants, or `auto`.
        delta: (C,) standard deviations borne.
        many: streams of the whole model: columns × segments × scores.
        extra: windows dismissed as normal.
        kinds: seasons chosen already.
    """
    sizes = series.sizes(streams)
    total = np.maximum(sizes.sum(axis=0), 1.0)
    share = ((sizes * series.means).sum(axis=0) + 0.5) / (total + 1.0)
    sd = np.where(streams.used, np.sqrt(np.clip(share * (1 - share), 0.0, None)), 0.0)
    sd[:, :SCORES] = streams.used[:, :SCORES]
    per = np.where(sd > 0, 1.0 / np.maximum(sd, 1e-9), 0.0)
    typical = total / max(len(series), 1)
    counted = (sd > 0) & (typical * np.minimum(sd**2, 1.0) >= _FEWEST_IN_CELL)
    if kinds is None:
        kinds = choose(series, np.where(counted, per**2, 0.0), calendar, length, asked)
    seasons, residuals = fit(series, sizes, kinds, calendar)
    wander = _wander(series, residuals * per, sizes, counted, series.within * per**2)
    borne = np.zeros(sd.shape)
    if extra is not None and len(extra):
        borne = _dismissed(extra, streams, seasons, calendar, per)
    n = series.rows
    count = (n > 0).sum(axis=0).astype(np.float64)
    even = n.sum(axis=0) ** 2 / np.maximum((n**2).sum(axis=0), 1.0)
    z = NormalDist().inv_cdf(1 - 0.05 / (2 * max(many, 1)))
    one, width = np.ones(len(delta)), np.full(len(delta), WIDTHS[0])
    found = Learned(sd, wander, tuple(seasons), count, even, one, delta, width, typical, borne, z)
    return replace(found, doubt=_doubt(found))


def _wander(series: Series, residuals: Floats, sizes: Floats, counted: Bools, within: Floats) -> Wander:
    """φ of streams too rare to tell is the column's largest at least; their bursts show as wander."""
    found = estimate(residuals, sizes, series.gaps == 1, within, series.freedom)
    largest = np.where(counted, found.phi, 1.0).max(axis=1, keepdims=True)
    return Wander(
        np.where(counted, found.phi, np.maximum(found.phi, largest)),
        found.omega2,
        found.rho,
        found.unnoticed,
    )


def _dismissed(extra: Series, streams: Streams, seasons: Sequence[Season], calendar: Calendar, per: Floats) -> Floats:
    """(C, S) how far the dismissed windows were off on average: so much is normal from now on."""
    expected = np.zeros(extra.means.shape)
    for season in seasons:
        cells = calendar.cells(season.kind, extra.starts.tolist())
        expected[:, season.columns] = season.means[cells]
    there = extra.sizes(streams) > 0
    off = np.where(there, (extra.means - expected) * per, 0.0)
    found: Floats = np.abs(off.sum(axis=0) / np.maximum(there.sum(axis=0), 1))
    return found


def _doubt(found: Learned) -> Floats:
    nu = np.maximum((found.count - 1) / found.inflation, 0.5)
    a = 2 / (9 * nu)
    tenth = np.maximum(1 - a + _Z10 * np.sqrt(a), 0.15) ** 3
    return np.where(found.reliable, 1.0, 1.0 / tenth)
