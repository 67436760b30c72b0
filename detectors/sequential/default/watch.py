"""The watch: evidence becomes alarms that latch, and end when the mirrored evidence says that the column is back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np

from detectors.contract import Bools, Floats, Ints
from detectors.sequential.contract import Context, Evidence, State
from detectors.sequential.default import betting, describe, learned, selfcheck, series
from detectors.sequential.default.learned import Learned
from detectors.sequential.default.options import Options
from detectors.sequential.default.process import Process, Reading
from detectors.sequential.default.streams import SCORES, Cells, Streams
from drift.core.clock import MINUTE
from drift.core.profile import Profile
from drift.core.window import Window

PAGE_POINTS: Final = 0.02
"""Shares that changed by less than two percentage points page nobody, unless the column is strict."""
NO_EVIDENCE: Final = -700.0
"""The logarithm of about nothing, in place of −inf."""
FEWEST: Final = 8
"""Windows of baseline without which nothing is judged."""


@dataclass(frozen=True, slots=True)
class Effect:
    """How far a stretch is off: score in standard deviations or share, with its 95 % interval."""

    value: float
    tolerance: float
    low: float
    high: float
    expected: float
    observed: float
    least: float = 0.0
    """Smaller effects page nobody."""

    @property
    def grave(self) -> bool:
        """Beyond twice the tolerance, and surely beyond it once."""
        sure = min(abs(self.low), abs(self.high)) if self.low * self.high > 0 else 0.0
        return abs(self.value) >= max(2 * self.tolerance, self.least) and sure >= self.tolerance


class DefaultWatch:
    """One segment under the default detector. See `detectors.sequential.default`."""

    def __init__(self, context: Context) -> None:
        """Learn from the baseline; seconds for 1,000 columns and a few hundred windows.

        Raises:
            ConfigError: an option is not known.
        """
        grid, options = context.baseline.grid, Options.read(context.options)
        self._context, self._options = context, options
        self.calendar = options.calendar(context.spec.zone)
        self.cells = Cells(grid)
        counts = self.cells.read(context.baseline.profile, context.segment)
        self.streams = Streams.of(self.cells, counts)
        # a column that the model relies on needs less evidence, others more: the budget of all stays as it is
        each = float(np.log(max(context.alarm_windows * context.streams, 2.0)))
        self.limit: Floats = np.full(len(grid.names), each) - np.log(options.shares(grid.names))
        # an alarm ends on evidence as strong as one column's alarm needs, so that it does not flap
        self._back_limit = float(np.log(max(context.alarm_windows, 100.0)))
        read = partial(series.learn, self.cells, self.streams, spec=context.spec, segment=context.segment)
        self._series = read(context.baseline.stretches)
        dismissed = read(context.baseline.dismissed) if context.baseline.dismissed else None
        fit = partial(
            learned.learn, self.streams, calendar=self.calendar, length=context.spec.length, asked=options.seasonal,
            delta=options.delta(grid.names), many=context.streams * SCORES,
        )  # fmt: skip
        whole = fit(self._series, extra=dismissed) if len(self._series) else None
        self.check = self._checked(fit, whole)
        self.learned = None if whole is None else _settled(whole, self.check)
        self.process = None if self.learned is None else self._process(self.learned)
        self._series = self._series.take(np.zeros(len(self._series), np.bool_))

    def _process(self, taught: Learned, columns: Ints | None = None) -> Process:
        names = self.cells.grid.names
        wanted, strict = self._options.wanted(names), self._options.strict(names)
        if columns is None:
            return Process(self.streams, taught, self.calendar, wanted, strict)
        return Process(self.streams.take(columns), taught, self.calendar, wanted[columns], strict[columns])

    def _checked(self, fit: Any, whole: Learned | None) -> selfcheck.SelfCheck | None:
        """Halves of the baseline, each under what the other one teaches in the seasons of the whole."""
        if whole is None:
            return None
        kinds = _kinds(whole)
        half = np.arange(len(self._series)) < len(self._series) // 2
        halves = [(part, part.counts) for part in (self._series.take(half), self._series.take(~half))]
        return selfcheck.check(
            (halves[0], halves[1]), partial(fit, kinds=kinds), self._process, self.limit, self._context.alarm_windows,
            len(kinds),
        )  # fmt: skip

    @property
    def judged(self) -> Bools:
        """(C,) columns with baseline enough that did not fail the self-check."""
        if self.learned is None or self.check is None:
            return np.zeros(len(self.cells.grid.columns), np.bool_)
        found: Bools = (self.learned.count >= FEWEST) & ~self.check.loud
        return found

    @property
    def reliable(self) -> Bools:
        """(C,) columns that may page."""
        return self.judged & self.learned.reliable if self.learned is not None else self.judged

    def start(self) -> State:
        """Nothing seen, nothing standing."""
        columns = len(self.cells.grid.columns)
        latch: dict[str, Any] = {
            "standing": np.full(columns, -1, np.int32),
            "sign": np.zeros(columns, np.int8),
            "onset": np.zeros(columns, np.int64),
            "level": np.zeros(columns, np.float32),
            "back": np.full((columns, betting.THETAS.size), -np.inf, np.float32),
        }
        return latch | dict(self.process.start()) if self.process is not None else latch

    def step(self, state: State, window: Window, profile: Profile) -> tuple[State, Evidence]:
        """One more window. About 1 ms for 20 columns, 60 ms for 1,000."""
        counts = self.cells.read(profile, self._context.segment)
        if self.process is None or not counts.any():
            nothing = np.zeros(len(counts), np.bool_)
            return state, replace(self._evidence(state, None, nothing), judged=nothing)
        after, reading = self.process.step(state, counts, window.start)
        there = state["standing"] >= 0
        raised = self.judged & ~there & reading.stepped & (reading.level >= self.limit)
        after = dict(after) | self._latched(state, reading, raised, int(after["base"][0]), window)
        returned = there & self._back(after, state, counts, window.start, there)
        if returned.any():
            after = dict(self.forget(after, np.flatnonzero(returned)))
        return after, self._evidence(after, reading, raised)

    def _latched(self, state: State, reading: Reading, raised: Bools, base: int, window: Window) -> dict[str, Any]:
        onset = np.array([self._window_of(base, m, window) for m in reading.minutes.tolist()], np.int64)
        return {
            "standing": np.where(raised, reading.leader, state["standing"]).astype(np.int32),
            "sign": np.where(raised, reading.sign, state["sign"]).astype(np.int8),
            "onset": np.where(raised, onset, state["onset"]),
            "level": np.where(raised, reading.level, state["level"]).astype(np.float32),
            "back": state["back"],
        }

    def _window_of(self, base: int, minutes: float, latest: Window) -> int:
        """Start of the window that holds a moment; never after the latest."""
        start = series.disjoint(self._context.spec, base + round(minutes * MINUTE)).start
        return min(start, latest.start)

    def _back(self, after: dict[str, Any], state: State, counts: Floats, start: int, there: Bools) -> Bools:
        """Step the mirrored e-process of standing alarms, in `after`; which of them say that the column is back."""
        back = state["back"].copy()
        for column in np.flatnonzero(there).tolist():
            stream, sign = int(state["standing"][column]), int(state["sign"][column])
            log_e = self._back_bets(column, stream, sign, counts[column], start)
            back[column] = np.logaddexp(0.0, back[column]) + log_e
        after["back"] = back
        found: Bools = there & (betting.total(back.astype(np.float64)) - np.log(back.shape[1]) >= self._back_limit)
        return found

    def _back_bets(self, column: int, stream: int, sign: int, counts: Floats, start: int) -> Floats:
        """(T,) log e against 'still beyond the tolerance'."""
        if self.learned is None:
            raise AssertionError("a watch that learnt nothing has no standing alarms")
        means, delta = self.learned.at(self.calendar, start)
        mean, borne = means[column, stream], delta[column, stream]
        valued = counts[self.streams.valued].sum()
        n = np.full(means.shape, counts.sum())
        n[:, :SCORES] = valued
        weight = float(self.learned.weight(n)[column, stream])
        row = self.streams.weights[column, stream]
        if stream < SCORES:
            gain = (borne - sign * (row - mean))[self.streams.valued]
            theta = np.minimum(betting.THETAS, (1 - betting.FLOOR) / max(float(-gain.min()), 1e-9))
            bets: Floats = weight * (np.log1p(theta[:, None] * gain) @ counts[self.streams.valued])
            return bets
        strict = np.array([bool(self._options.strict((self.cells.grid.names[column],))[0])])
        upper, lower = betting.bounds(np.array([[mean]]), np.array([[borne]]), strict)
        edge = float(np.clip((upper if sign > 0 else lower)[0, 0], 1e-6, 1 - 1e-6))
        target = float(np.clip((mean + edge) / 2, 1e-9, 1 - 1e-9))
        k = float(row @ counts)
        bet = k * np.log(target / edge) + (counts.sum() - k) * np.log((1 - target) / (1 - edge))
        return np.full(betting.THETAS.size, weight * bet)

    def _evidence(self, state: State, reading: Reading | None, raised: Bools) -> Evidence:
        columns = len(raised)
        standing = np.asarray(state["standing"], np.int64)
        leader = np.where(standing >= 0, standing, reading.leader if reading is not None else -1)
        sign = np.where(standing >= 0, state["sign"], reading.sign if reading is not None else 0)
        signs = self.streams.signs[np.arange(columns), np.maximum(leader, 0)]
        level = np.maximum(reading.ungated, NO_EVIDENCE) if reading is not None else np.full(columns, NO_EVIDENCE)
        return Evidence(
            standing=standing >= 0,
            raised=raised,
            judged=self.judged,
            reliable=self.reliable,
            onset=np.asarray(state["onset"], np.int64),
            direction=np.where(leader < 0, 0, np.where(signs == 0, sign, signs * sign)).astype(np.int64),
            level=np.where(standing >= 0, state["level"], level).astype(np.float64),
            limit=self.limit,
            what=tuple(self.streams.labels[c][s] if s >= 0 else "" for c, s in enumerate(leader.tolist())),
        )

    def carry(self, state: State, more: Profile) -> State:
        """Rows that came late for a window already stepped: they go into the next step."""
        if self.process is None:
            return state
        counts = self.cells.read(more, self._context.segment)
        return dict(state) | {"carry": (state["carry"] + counts).astype(np.float32)}

    def forget(self, state: State, columns: Ints) -> State:
        """These columns as at the start."""
        after = dict(self.process.reset(state, columns)) if self.process is not None else dict(state)
        for name, fresh in (("standing", -1), ("sign", 0), ("onset", 0), ("level", 0.0), ("back", -np.inf)):
            changed = after[name].copy()
            changed[columns] = fresh
            after[name] = changed
        return after

    def measure(self, column: int, what: str, profile: Profile, windows: list[Window]) -> Effect:
        """How far a stretch of windows, whose sums are `profile`, is off in one stream."""
        if self.learned is None:
            raise AssertionError("a watch that learnt nothing measures nothing")
        stream = self.streams.labels[column].index(what)
        counts = self.cells.read(profile, self._context.segment)
        at = [self.learned.at(self.calendar, window.start) for window in windows]
        expected = float(np.mean([means[column, stream] for means, _ in at]))
        borne = float(np.mean([delta[column, stream] for _, delta in at]))
        observed = float(self.streams.means(counts)[column, stream])
        sd = float(self.learned.sd[column, stream]) if stream >= SCORES else 1.0
        n = float(counts[column, self.streams.valued].sum() if stream < SCORES else counts[column].sum())
        error = float(np.sqrt(self.learned.wander.variance(np.full(self.learned.sd.shape, n))[column, stream])) * sd
        least = 0.0
        if stream >= SCORES:
            strict = self._options.strict((self.cells.grid.names[column],))
            upper, _ = betting.bounds(np.array([[expected]]), np.array([[borne]]), strict)
            borne = float(upper[0, 0]) - expected
            least = 0.0 if strict[0] else PAGE_POINTS
        value = observed - expected
        return Effect(value, borne, value - 1.96 * error, value + 1.96 * error, expected, observed, least)

    def tolerance(self, column: int, what: str) -> float:
        """What is borne of a stream, on average over the season."""
        return describe.tolerance(self.streams, self.learned, column, what)

    def about(self, column: int) -> Mapping[str, Any]:
        """See `describe.about`."""
        return describe.about(self.streams, self.learned, self.check, self._context, column, bool(self.judged[column]))


def _kinds(taught: Learned) -> list[str]:
    kinds = {int(column): season.kind for season in taught.seasons for column in season.columns}
    return [kinds[column] for column in range(len(kinds))]


def _settled(taught: Learned, check: selfcheck.SelfCheck | None) -> Learned:
    if check is None:
        return taught
    for width in learned.WIDTHS[1:]:
        taught = taught.widened(np.flatnonzero(check.width == width), width)
    return taught
