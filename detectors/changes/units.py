"""Changed units: all values multiplied by one factor, or moved to another scale (°C to °F).

A hypothesis new = k·old + c is taken from a list of factors between units that people use. It is accepted where mean,
standard deviation, range and the distribution function at the grid's edges (which says all that is known of quantiles)
agree with it, and where nothing having changed does not. Ordinary drift is told apart by three rules:

- factors within 8 need a column that stands away from 0 (|mean| ≥ 2 standard deviations, not just a wider spread) and
  agree within 3 %;
- a factor that is in no list needs the same, and is beyond 8;
- a sign that turned needs a column that lay on one side of 0, a scale with an offset one that has two tails.

Σx and Σx² are capped and rounded (`drift.core.grid`); beyond their reach the smallest and the largest value decide.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.changes.contract import SEEN, ChangeKind, SchemaChange, Sides
from detectors.contract import Floats
from drift.core.grid import CAP_BITS, SQUARE_CAP_BITS, SQUARE_SHIFT
from drift.core.profile import Profile
from drift.core.schema import Kind

_POWERS: Final = tuple(10.0**e for e in range(1, 10))
_TIMES: Final = (60.0, 3_600.0, 86_400.0, 24.0, 1_440.0, 12.0)
_MEASURES: Final = (2.54, 3.28084, 1.609344, 2.204623, 28.349523, 3.785412, 3.6, 4.184, 25.4, 453.59237)
FACTORS: Final = (*_POWERS, *_TIMES, *_MEASURES)
"""And their inverses, and −1."""
SCALES: Final = (
    (1.8, 32.0, -60.0, 120.0),
    (1 / 1.8, -32 / 1.8, -80.0, 250.0),
    (1.0, 273.15, -60.0, 120.0),
    (1.0, -273.15, 210.0, 400.0),
)
"""(k, c, lowest, highest old mean): °C to °F and back, °C to K and back."""
_ROUND: Final = frozenset(k for f in _POWERS for k in (f, 1 / f))
LISTED: Final = frozenset(k for f in FACTORS for k in (f, 1 / f))
COMMON, UNLISTED = 0.05, 0.3
"""A factor that is no power of ten, and one that is in no list, has to fit so much better."""
LARGE: Final = 8.0
"""No ordinary drift multiplies by more."""
AWAY: Final = 2.0
"""Standard deviations from 0 to the mean, from which a factor moves mean and spread alike."""
CLOSE, NEAR = 0.03, 0.25
"""Relative error of the spread that a factor within, and beyond, `LARGE` may have."""
APART: Final = 0.2
"""Distribution functions less far apart have not changed so much."""


@dataclass(frozen=True, slots=True)
class _Law:
    """What is known of one side of a column."""

    n: int
    mean: float
    sd: float
    low: float
    high: float
    below: Floats
    """(E,) share below each edge."""

    @staticmethod
    def of(profile: Profile, at: int) -> "_Law":
        """Read a profile."""
        n, mean, variance = profile.moments(at)
        counts = profile.bin_counts(at).astype(np.float64)
        below = np.cumsum(counts)[:-1] / max(n, 1)
        return _Law(n, mean, float(np.sqrt(variance)), *profile.bounds(at), below)

    def times(self, k: float, c: float) -> "_Law":
        """The law of k·x + c, but for its distribution function."""
        low, high = sorted((k * self.low + c, k * self.high + c))
        return _Law(self.n, k * self.mean + c, abs(k) * self.sd, low, high, self.below)


def unit_change(sides: Sides, at: int) -> SchemaChange | None:
    """The change of unit of column number `at`; None: there is none, or it is no number."""
    grid = sides.window.grid.columns[at]
    if not grid.measured:
        return None
    now, then = _Law.of(sides.window, at), _Law.of(sides.reference, at)
    if min(now.n, then.n) < SEEN or not then.sd > 0 or not now.high > now.low:
        return None
    # an ordinal column's unseen values stand in no order
    numeric = grid.column.kind is Kind.NUMERIC
    unchanged = float(np.abs(now.below - then.below).max()) if numeric else sides.window.bin_counts(at)[-1] / now.n
    if unchanged < APART:
        return None
    edges, values = np.array(grid.edges), np.array(grid.values)
    look = _Look(now, then, edges, values, grid.shift, grid.unit)
    best = min(((look.error(k, c), k, c) for k, c in look.hypotheses()), default=(np.inf, 1.0, 0.0))
    if not np.isfinite(best[0]):
        return None
    _, k, c = best
    moved = f"its values went from {then.low:.4g} … {then.high:.4g} to {now.low:.4g} … {now.high:.4g}"
    sentence = f"{grid.name} is {said(k, c)}: {moved}; was its unit changed?"
    return SchemaChange(ChangeKind.UNIT, grid.name, factor=k, offset=c, sentence=sentence)


def said(k: float, c: float) -> str:
    """A change of scale in words."""
    if c:
        return f"moved to another scale ({k:.4g} × the old value {'+' if c > 0 else '−'} {abs(c):.5g})"
    if k == -1:
        return "turned in its sign"
    return f"scaled by {k:,.6g}" if k >= 1 else f"scaled by 1/{1 / k:,.6g}"


@dataclass(frozen=True, slots=True)
class _Look:
    """Window and reference of one column, and the hypotheses about them."""

    now: _Law
    then: _Law
    edges: Floats
    """Of a numeric column."""
    values: Floats
    """Of an ordinal column, the reference's."""
    shift: float
    unit: float

    def hypotheses(self) -> list[tuple[float, float]]:
        """(k, c) that this column could tell."""
        mean = self.then.mean
        away = abs(self.then.mean) >= AWAY * self.then.sd
        listed = [k for k in sorted(LISTED) if away or not 1 / LARGE < k < LARGE]
        found = [(k, 0.0) for k in listed]
        if min(mean - self.then.low, self.then.high - mean) >= AWAY * self.then.sd:
            found += [(k, c) for k, c, low, high in SCALES if low <= mean <= high]
        if self.then.low >= 0 or self.then.high <= 0:
            found.append((-1.0, 0.0))
        ratio = self.now.mean / mean if away and mean else 1.0
        if ratio > LARGE or 0 < ratio < 1 / LARGE:
            found.append((ratio, 0.0))
        return found

    def error(self, k: float, c: float) -> float:
        """How badly new = k·old + c fits; ∞: it does not. Of several that fit the best one is told."""
        made, listed = self.then.times(k, c), k in LISTED
        large = not 1 / LARGE < k < LARGE
        close = NEAR if large and listed else CLOSE
        chance = float(np.sqrt(1 / self.now.n + 1 / self.then.n))
        off = abs(self.now.mean - made.mean) / made.sd if self._mean_known() else 0.0
        spread = abs(float(np.log(max(self.now.sd, 1e-300) / made.sd))) if self._spread_known(made) else 0.0
        # a few rows make the spread of a heavy tail; factors that large need no such witness
        if off > 2 * close + 3 * chance or (spread > close + 3 * chance and not large):
            return np.inf
        extent, law = (self.now.high - self.now.low) / (made.high - made.low), self._distance(k, c)
        if not self._in_range(made, k) or not 0.02 <= extent <= 2.0:
            return np.inf
        if law > max(0.03 + 1.6 * chance, self._slack()):
            return np.inf
        common = 0.0 if k in _ROUND else COMMON if listed or c else UNLISTED
        return off + 2 * law + 0.2 * spread + 0.1 * abs(float(np.log(extent))) + common

    def _mean_known(self) -> bool:
        """Whether no value was capped in Σx."""
        return self._reach() < self.unit * float(1 << CAP_BITS)

    def _spread_known(self, made: _Law) -> bool:
        """Whether no value was capped in Σx², and its rounding does not drown the new spread."""
        coarse, reach = self.unit * float(1 << SQUARE_SHIFT), self._reach()
        return reach < coarse * float(1 << SQUARE_CAP_BITS) and made.sd**2 > 0.5 * reach * coarse

    def _reach(self) -> float:
        return max(abs(self.now.low - self.shift), abs(self.now.high - self.shift))

    def _in_range(self, made: _Law, k: float) -> bool:
        """Whether the extremes could be those of so many rows."""
        if self.values.size:
            made_of = k * self.values
            return all(bool(np.isclose(made_of, extreme).any()) for extreme in (self.now.low, self.now.high))
        if k < 0:
            return self.now.high <= 0 if self.then.low >= 0 else self.now.low >= 0
        width = (made.high - made.low) / 2
        return self.now.low >= made.low - width and self.now.high <= made.high + width

    def _distance(self, k: float, c: float) -> float:
        """Largest distance at the edges between the distribution function and that of k·x + c."""
        if not self.edges.size:
            return 0.0
        at = (self.edges - c) / k
        # an atom's upper edge is the next number after it, there as here
        atom = np.flatnonzero(self.edges[1:] == np.nextafter(self.edges[:-1], np.inf))
        at[atom + 1] = np.nextafter(at[atom], np.inf)
        expected = np.interp(at, self.edges, self.then.below, left=0.0, right=1.0)
        return float(np.abs(self.now.below - (expected if k > 0 else 1 - expected)).max())

    def _slack(self) -> float:
        """Half of the largest bin that is no atom: between two edges the reference's law is not known better."""
        if not self.edges.size:
            return 0.0
        inner = self.edges[1:] > np.nextafter(self.edges[:-1], np.inf)
        return 0.5 * float(np.diff(self.then.below)[inner].max(initial=0.0))
