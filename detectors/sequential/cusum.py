"""Two-sided CUSUM of the standardised score of each window (Page 1954).

    S⁺ ← max(0, S⁺ + z − k),  S⁻ ← max(0, S⁻ − z − k),  found where the larger exceeds h

z is the mean mid-rank score of the window over its standard error √(1/n + w), w the long-run variance that the
baseline's stretches show beyond chance. `of` names any statistic with a p-value instead: z = Φ⁻¹(1 − p), upwards alone.

h follows from the run length wanted, by Siegmund's approximation for one side (Sequential Analysis, 1985),
(e^{2kb} − 2kb − 1)/(2k²) with b = h + 1.166; two sides halve it. By default the run length is the budget's: windows ×
streams. The baseline's mean is itself a guess, off by up to two standard errors as a rule: k grows by that much, since
a CUSUM adds up an offset as it would a drift. Sums end at 2h, so that an alarm can end within about h/k windows of the
return. Measured: docs/detectors.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from scipy import special

from detectors.contract import Bools, Floats, Ints
from detectors.nulls import chi2_tail
from detectors.plan import MIN_ROWS
from detectors.sequential.contract import Context, SequentialDetector, State, Watch
from detectors.sequential.latch import Latched, Sight, cleared
from detectors.sequential.measuring import Measuring, with_p
from detectors.sequential.series import Scores
from detectors.sequential.settings import Settings
from drift.core.profile import Profile
from drift.core.window import Window

OPTIONS: Final = MappingProxyType(
    {
        "of": "`z`, or a statistic with a p-value; z",
        "k": "allowance in standard errors: half the shift to be found soonest; 0.5",
        "h": "decision interval in standard errors; from `run_length`",
        "run_length": "mean number of windows of one column to a false alarm; the budget's",
        "min_rows": f"values that window and baseline must hold; {MIN_ROWS}",
    }
)
FEWEST: Final = 10
"""Stretches from which the wander is learnt."""
SURE: Final = 0.05
"""A wander less significant than this is chance."""
OFFSET: Final = 2.0
"""Standard errors of the baseline's mean that are borne."""
SIDES: Final = (("up", 1.0), ("down", -1.0))
Zs = Callable[[Profile], tuple[Floats, Floats, Bools]]
"""Window → (C,) z, the allowance beside k, and whether z can be judged."""


@dataclass(frozen=True, slots=True)
class Cusum:
    """The two sums of every column as a condition."""

    columns: int
    what: str
    zs: Zs
    k: float
    h: float
    sides: int
    wander: Floats
    """(C,) long-run variance of a window's score beyond 1/n."""

    def start(self) -> State:
        """Both sums are 0."""
        sums: State = {name: np.zeros(self.columns) for name in ("up", "down")}
        since: State = {name: np.zeros(self.columns, np.int64) for name in ("up_since", "down_since")}
        return MappingProxyType({**sums, **since})

    def look(self, state: State, window: Window, profile: Profile) -> tuple[State, Sight]:
        """Add one window; O(columns) beside the series."""
        z, offset, judged = self.zs(profile)
        after: dict[str, Any] = {name: state[name] for name in self.start()}
        for name, sign in SIDES[: self.sides]:
            was = np.asarray(state[name], np.float64)
            sums = np.clip(was + np.where(judged, sign * z - self.k - offset, 0.0), 0.0, 2 * self.h)
            begun = np.where((was == 0) & (sums > 0), window.start, state[f"{name}_since"])
            after |= {name: sums, f"{name}_since": np.where(sums > 0, begun, 0)}
        up, down = after["up"], after["down"]
        rising = up >= down
        level = np.maximum(up, down)
        onset = np.where(rising, after["up_since"], after["down_since"])
        direction = np.where(rising, 1, -1) if self.sides == 2 else np.zeros(self.columns, np.int64)
        limit = np.full(self.columns, self.h)
        return MappingProxyType(after), Sight(level > self.h, judged, judged, onset, direction, level, limit)

    def forget(self, state: State, columns: Ints) -> State:
        """Those columns' sums are 0."""
        return MappingProxyType({name: cleared(state[name], columns) for name in self.start()})

    def about(self, column: int) -> Mapping[str, Any]:
        """k, h and what they stand on."""
        return {
            "k": self.k,
            "h": self.h,
            "run_length": run_length(self.k, self.h, self.sides),
            "wander": float(np.sqrt(self.wander[column])),
        }


def watch(context: Context) -> Watch:
    """A CUSUM on every column.

    Raises:
        ConfigError: an option is unknown or cannot be read, or the statistic has no p-value.
    """
    settings = Settings.of("cusum", context.options, OPTIONS)
    of, minimum = settings.word("of", "z"), settings.count("min_rows", MIN_ROWS)
    k = settings.number("k", 0.5, 1e-3)
    sides = 2 if of == "z" else 1
    length = settings.number("run_length", max(context.alarm_windows, 2.0) * max(context.streams, 1), 1.0)
    h = settings.number("h", interval(k, length, sides), 0.0)
    reference = context.baseline.profile
    if of == "z":
        scores = Scores(reference, context.segment, minimum)
        wander = _wander(scores, context)
        zs, what = _scored(scores, wander, len(context.baseline.stretches)), "location"
    else:
        measuring = Measuring(with_p(of, "detector cusum"), reference, context.segment, minimum)
        wander, zs, what = np.zeros(measuring.columns), _normal_scores(measuring), measuring.what
    return Latched(Cusum(wander.size, what, zs, k, h, sides, wander), context.segment)


def _scored(scores: Scores, wander: Floats, stretches: int) -> Zs:
    m = np.maximum(scores.rows, 1.0)
    own = 1 / m + wander / max(stretches, 1)

    def zs(window: Profile) -> tuple[Floats, Floats, Bools]:
        means, n = scores.means(window)
        variance = 1 / np.maximum(n, 1.0) + wander
        return means / np.sqrt(variance), OFFSET * np.sqrt(own / variance), scores.enough(n)

    return zs


def _normal_scores(measuring: Measuring) -> Zs:
    def zs(window: Profile) -> tuple[Floats, Floats, Bools]:
        found = measuring.read(window)
        p = np.clip(np.nan_to_num(found.values, nan=1.0), 1e-15, 1.0)
        return np.maximum(-special.ndtri(p), -8.0), np.zeros(measuring.columns), found.judged

    return zs


def _wander(scores: Scores, context: Context) -> Floats:
    """(C,) long-run variance of the stretches' mean scores beyond 1/n: ω²(1+ρ)/(1−ρ), where ω² is significant."""
    grid = context.baseline.grid
    read = [scores.means(Profile(grid, stretch.sums)) for stretch in context.baseline.stretches]
    if len(read) < FEWEST:
        return np.zeros(len(grid.columns))
    means, n = (np.array(part) for part in zip(*read, strict=True))
    used = n > 0
    size = used.sum(axis=0)
    chance = np.where(used, 1 / np.maximum(n, 1.0), 0.0).sum(axis=0) / np.maximum(size, 1)
    centred = np.where(used, means - (means * used).sum(axis=0) / np.maximum(size, 1), 0.0)
    variance = (centred**2).sum(axis=0) / np.maximum(size - 1, 1)
    beyond = np.maximum(variance - chance, 0.0)
    follow = (centred[1:] * centred[:-1]).sum(axis=0) / np.maximum(size - 1, 1)
    rho = np.clip(follow / np.where(beyond > 0, beyond, 1.0), 0.0, 0.95)
    ratio = variance * (size - 1) / np.where(chance > 0, chance, 1.0)
    sure = (size >= FEWEST) & (chi2_tail(ratio, size - 1) < SURE)
    return np.where(sure, beyond * (1 + rho) / (1 - rho), 0.0)


def run_length(k: float, h: float, sides: int = 2) -> float:
    """Mean number of windows to a false alarm, by Siegmund's approximation."""
    exponent = min(2 * k * (h + 1.166), 700.0)
    return (exp(exponent) - exponent - 1) / (2 * k * k) / sides


def interval(k: float, length: float, sides: int = 2) -> float:
    """The decision interval h of that run length; 0 where every h has a longer one. By bisection, to 1e-9 or so."""
    low, high = 0.0, 1.0
    while run_length(k, high, sides) < length and high < 1e6:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if run_length(k, middle, sides) < length else (low, middle)
    return high


DETECTOR = SequentialDetector(
    name="cusum",
    title="Two-sided CUSUM of the standardised score; false alarms as measured in docs/detectors.md",
    watch=watch,
    options=OPTIONS,
)
