"""Correlations that break: each column's largest surprise among its pairs, against how they wander in the baseline.

A pair's correlation is held against the baseline's stretches (`detectors.multivariate.wandering`), a column's p-value
is the smallest of its pairs' times their number (Bonferroni), and an alarm needs p < rate, from a pair that changed by
more than the tolerance: many rows prove changes that matter to nobody. `what` names the partner. A
model whose products of columns are not kept (`multivariate: false`, or a reference of an older release) is not judged,
nor is a segment: products are those of the whole traffic.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from detectors.contract import Bools, Floats, Ints
from detectors.multivariate.streams import Pairwise, pair_p_values
from detectors.multivariate.wandering import LEAST_STRETCHES
from detectors.plan import MIN_ROWS
from detectors.sequential.beyond import Beyond, Level, surprise
from detectors.sequential.contract import Context, Evidence, SequentialDetector, State, Watch
from detectors.sequential.latch import Latched
from detectors.sequential.settings import Settings
from drift.core.baseline import Baseline
from drift.core.profile import Profile
from drift.core.window import Window

TOLERANCE: Final = 0.1
OPTIONS: Final = MappingProxyType(
    {
        "rate": "false alarms per column and window; the budget's share",
        "for": "so many windows in a row raise the alarm; 1",
        "tolerance": f"change of Fisher's z that is borne, however many rows prove it; {TOLERANCE}",
        "min_rows": f"rows that window and baseline must hold; {MIN_ROWS}",
    }
)


def watch(context: Context) -> Watch:
    """A watch on every pair; from a baseline of C stretches at C·d² of cost.

    Raises:
        ConfigError: an option is unknown or cannot be read.
    """
    settings = Settings.of("correlation", context.options, OPTIONS)
    rate = settings.rate("rate", min(1 / (max(context.alarm_windows, 2.0) * max(context.streams, 1)), 0.5))
    least = settings.count("min_rows", MIN_ROWS)
    reading = _Correlations.of(context.baseline, context.segment, least, settings.number("tolerance", TOLERANCE, 0.0))
    limit = np.full(reading.columns, -np.log(rate))

    def evidence(profile: Profile) -> Level:
        found = reading.read(profile)
        return Level(surprise(found.p), limit, found.judged, found.reliable, found.direction)

    def told(_: int) -> Mapping[str, Any]:
        stretches = len(context.baseline.stretches)
        if stretches < LEAST_STRETCHES:
            return {"rate": rate, "false_alarms": "unknown: the baseline has no stretches to learn from"}
        return {"rate": rate, "stretches": stretches, "false_alarms": f"{rate:.3g} per window"}

    beyond = Beyond(reading.columns, "correlation", settings.count("for", 1), evidence, told)
    return _Named(Latched(beyond, context.segment), reading)


@dataclass(frozen=True, slots=True)
class _Found:
    """(C,) of a window."""

    p: Floats
    judged: Bools
    reliable: Bools
    direction: Ints
    partner: Ints
    """The column of the grid that each one's smallest p-value is with."""


@dataclass(frozen=True)
class _Correlations:
    """Reads every column's smallest p-value."""

    baseline: Baseline
    read_pairs: Callable[[Profile], Pairwise] | None
    segment: int
    min_rows: int
    tolerance: float

    @staticmethod
    def of(baseline: Baseline, segment: int, min_rows: int, tolerance: float) -> "_Correlations":
        kept = baseline.profile.sums.cross.size > 0 and segment == 0 and baseline.profile.rows() >= min_rows
        return _Correlations(baseline, pair_p_values(baseline) if kept else None, segment, min_rows, tolerance)

    @property
    def columns(self) -> int:
        return len(self.baseline.grid.columns)

    def read(self, window: Profile) -> _Found:
        """Measure one window; O(d²)."""
        nothing, no = np.ones(self.columns), np.zeros(self.columns, np.bool_)
        empty = _Found(nothing, no, no, np.zeros(self.columns, np.int64), np.arange(self.columns))
        if self.read_pairs is None or not window.sums.cross.size or window.rows() < self.min_rows:
            return empty
        return self._spread(self.read_pairs(window), empty)

    def _spread(self, pairs: Pairwise, empty: _Found) -> _Found:
        d, crossed = pairs.columns, self.baseline.grid.crossed
        p, change, sure = _square(pairs.p, d), _square(pairs.fisher - pairs.expected, d), _square(pairs.reliable, d)
        p = np.where(np.abs(change) < self.tolerance, 1.0, p)
        compared = np.isfinite(p).sum(axis=1)
        best = np.where(np.isfinite(p), p, np.inf).argmin(axis=1)
        every = np.arange(d)
        some = compared > 0
        for to, values in (
            (empty.p, np.where(some, np.minimum(np.nan_to_num(p[every, best], nan=1.0) * compared, 1.0), 1.0)),
            (empty.judged, some),
            (empty.reliable, some & (np.nan_to_num(sure[every, best]) > 0)),
            (empty.direction, np.sign(np.nan_to_num(change[every, best]))),
            (empty.partner, crossed[best]),
        ):
            to[crossed] = values
        return empty


def _square(of_pairs: np.ndarray[Any, Any], d: int) -> Floats:
    """(d, d) symmetric, NaN on the diagonal."""
    found = np.full((d, d), np.nan)
    upper = np.triu_indices(d, 1)
    found[upper] = of_pairs
    found.T[upper] = of_pairs
    return found


@dataclass(frozen=True)
class _Named:
    """A latched watch that says with which column the correlation changed."""

    inner: Latched
    reading: _Correlations

    def start(self) -> State:
        """The state before the first window."""
        partners = np.full(self.reading.columns, -1, np.int64)
        return MappingProxyType({**self.inner.start(), "partner": partners})

    def step(self, state: State, window: Window, profile: Profile) -> tuple[State, Evidence]:
        """The state after one more window; the partner is the one of the window that raised the alarm."""
        after, evidence = self.inner.step(state, window, profile)
        if profile.rows(self.reading.segment) == 0:
            return after, self._named(evidence, np.asarray(state["partner"], np.int64))
        kept = np.where(evidence.raised, self.reading.read(profile).partner, state["partner"])
        partner: Ints = np.where(evidence.standing, kept, -1).astype(np.int64)
        return MappingProxyType({**after, "partner": partner}), self._named(evidence, partner)

    def forget(self, state: State, columns: Ints) -> State:
        """Those columns' alarms are gone."""
        partner = np.asarray(state["partner"], np.int64).copy()
        partner[columns] = -1
        return MappingProxyType({**self.inner.forget(state, columns), "partner": partner})

    def tolerance(self, column: int, what: str) -> float:
        """None is known: a correlation has no unit in which one would be borne."""
        return self.inner.tolerance(column, what)

    def about(self, column: int) -> Mapping[str, Any]:
        """How its alarms come about."""
        return self.inner.about(column)

    def _named(self, evidence: Evidence, partner: Ints) -> Evidence:
        names = self.reading.baseline.grid.names
        what = (f"correlation with {names[at]}" if at >= 0 else "" for at in partner.tolist())
        return replace(evidence, what=tuple(what))


DETECTOR = SequentialDetector(
    name="correlation",
    title="Correlations that break, at a stated false-alarm rate",
    watch=watch,
    options=OPTIONS,
)
