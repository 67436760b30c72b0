"""Direct loss estimation: the error to be expected from the values that came, before any label.

    E[loss] ≈ a + Σ_j Σ_b p_jb·f_j(b)

p_jb: share of the rows in group b of column j, which a profile has. f: one effect a group, fitted by ridge regression
on labelled, held-out reference rows; one fit for |e| and one for e², since E[|e|]² ≠ E[e²]. How strongly effects are
drawn to 0 is chosen by the squared error on folds left out. The idea of a model of the loss: NannyML's DLE; additive
models from sums: Hastie & Tibshirani (1986). Interactions between columns are not seen, nor is any change of what the
labels are given the values: that is concept drift.

**Band, 95 %**, of the realised metric: σ²/n (the rows' own scatter, what the fit left of it on left-out folds) + the
fit's own error (jackknife over folds) + ω² (between chunks: what realised − estimated wanders beyond its rows' scatter;
DerSimonian & Laird 1986). σ and ω grow with the estimate, as errors do. Student's t by the number of chunks. The share
of rows outside the reference's support may do anything from no error to the mean + 3 sd.
"""

from dataclasses import dataclass
from math import exp, nan, sqrt
from typing import Final

import msgspec
import numpy as np

from detectors.contract import Floats
from detectors.performance.dle_fit import Fit, fit, wandering
from detectors.performance.dle_sums import FOLDS, DleSums, columns_of, groups_of, outcome_of
from detectors.performance.means import half_width
from drift.core.errors import ProfileMismatch
from drift.core.grid import Grid
from drift.core.performance import Measure, Measures
from drift.core.profile import Profile

NAMES: Final = ("mae", "rmse")
ENOUGH: Final = 300
"""Labelled reference rows, below which nothing is estimated."""
FEW: Final = f"fewer than {ENOUGH} labelled rows of the reference: its errors cannot be learnt"
NO_ROWS: Final = "no prediction came"
REACH: Final = 3.0
_VERSION: Final = 1


class _Stored(msgspec.Struct, array_like=True):
    """As it is written: msgpack, arrays as the bytes of float32."""

    version: int
    grid: str
    rows: int
    chunks: int
    mean: tuple[float, float]
    spread: tuple[float, float]
    scatter: tuple[float, float]
    wander: tuple[float, float]
    effects: bytes


@dataclass(frozen=True)
class Dle:
    """What to expect of a regression's errors. Reads nothing but bins."""

    grid: Grid
    rows: int
    """Labelled reference rows that it was fitted on."""
    chunks: int
    mean: Floats
    """(2,) of |e| and e² in the reference, in the grid's unit and its square; so all below."""
    spread: Floats
    """(2,) their standard deviations."""
    scatter: Floats
    """(2,) variance of a row's loss that the fit left, on folds left out."""
    wander: Floats
    """(2,) ω²: variance between chunks of realised − estimated."""
    effects: Floats
    """(1 + folds, 2, 1 + groups) a and f of all rows, then without each fold."""

    @staticmethod
    def of(sums: DleSums) -> "Dle":
        """Fit. About 0.3 s at 20 columns, 5 s at 64."""
        n = int(sums.rows.sum())
        width = sums.width + 1
        if n < ENOUGH:
            zero = np.zeros(2)
            return Dle(sums.grid, n, 0, zero, zero, zero, zero, np.zeros((1 + FOLDS, 2, width)))
        found: Fit = fit(sums)
        totals = sums.totals.sum(axis=0) / n
        spread = np.sqrt(np.maximum(totals[:, 1] - totals[:, 0] ** 2, 0.0))
        wander, chunks = wandering(sums, found)
        effects = np.concatenate((found.whole[None], found.without)).astype(np.float32).astype(np.float64)
        return Dle(sums.grid, n, chunks, totals[:, 0], spread, found.scatter, wander, effects)

    def measures(self, profile: Profile, segment: int = 0, outside: float = 0.0) -> Measures:
        """Estimated `mae` and `rmse` of one segment, in the label's unit, ≥ 0. O(slots).

        Args:
            profile: the window's bins.
            segment: its index; 0 is the whole traffic.
            outside: share of rows, 0–1, unlike any of the reference in columns that matter.

        Raises:
            ProfileMismatch: the profile was counted on another grid.
        """
        if profile.grid.id != self.grid.id:
            raise ProfileMismatch(
                f"a profile on grid {profile.grid.id} cannot be read by the estimate of {self.grid.id}"
            )
        n = profile.rows(segment)
        if self.rows < ENOUGH or n <= 0:
            return dict.fromkeys(NAMES, Measure(nan, why=FEW if self.rows < ENOUGH else NO_ROWS))
        expected = self.effects @ np.concatenate(([1.0], self._shares(profile, segment)))
        absolute = max(float(expected[0, 0]), 0.0)
        square = max(float(expected[0, 1]), absolute**2)
        unit, half = outcome_of(self.grid).unit, self._half(expected, np.array([absolute, square]), n)
        reach = self.mean + REACH * self.spread
        low = max(absolute - half[0], 0.0) * (1 - outside)
        high = absolute + half[0] + outside * max(float(reach[0]) - absolute, 0.0)
        factor = exp(min(half[1] / square / 2, 50.0)) if square > 0 else 1.0
        above = square * factor**2 + outside * max(float(reach[1]) - square, 0.0)
        return {
            "mae": Measure(absolute * unit, low * unit, high * unit),
            "rmse": Measure(sqrt(square) * unit, sqrt(square * (1 - outside)) / factor * unit, sqrt(above) * unit),
        }

    def _shares(self, profile: Profile, segment: int) -> Floats:
        """(groups,) shares of the rows, one column after the other."""
        found = list[Floats]()
        for column in columns_of(self.grid):
            groups, count = groups_of(column)
            counts = profile.column_counts(self.grid.index[column.name], segment)
            found.append(np.bincount(groups, counts, minlength=count).astype(np.float64))
        return np.asarray(np.concatenate([np.zeros(0), *found]) / profile.rows(segment))

    def _half(self, expected: Floats, estimate: Floats, n: int) -> Floats:
        """(2,) half of the bands of mean |e| and mean e²."""
        ratio = estimate / np.where(self.mean > 0, self.mean, 1.0)
        growth = np.array([ratio[1], ratio[1] ** 2])
        left_out = expected[1:]
        own = (FOLDS - 1) / FOLDS * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
        sd = np.sqrt(self.scatter * growth / n + own + self.wander * ratio**2)
        return np.asarray(sd * half_width(1.0, max(self.chunks, 2)))

    def dump(self) -> bytes:
        """Bytes for the store: about 0.1 kB a group."""

        def two(values: Floats) -> tuple[float, float]:
            return float(values[0]), float(values[1])

        stored = _Stored(
            _VERSION, self.grid.id, self.rows, self.chunks, two(self.mean), two(self.spread), two(self.scatter),
            two(self.wander), self.effects.astype(np.float32).tobytes(),
        )  # fmt: skip
        return msgspec.msgpack.encode(stored)

    @staticmethod
    def load(grid: Grid, blob: bytes) -> "Dle":
        """Read what `dump` wrote.

        Raises:
            ProfileMismatch: the bytes are no such dump, or of another grid.
        """
        try:
            stored = msgspec.msgpack.decode(blob, type=_Stored)
        except msgspec.MsgspecError as error:
            raise ProfileMismatch(f"these bytes are no stored loss estimate ({error})") from error
        if stored.version != _VERSION or stored.grid != grid.id:
            raise ProfileMismatch(
                f"a loss estimate of format {stored.version} and grid {stored.grid} does not fit the grid {grid.id}; "
                "register the reference again"
            )
        width = DleSums(grid).width + 1
        effects = np.frombuffer(stored.effects, np.float32).astype(np.float64)
        if effects.size != (1 + FOLDS) * 2 * width:
            raise ProfileMismatch(
                f"a loss estimate holds {effects.size} effects; the grid {grid.id} has {width} groups"
            )
        return Dle(
            grid, stored.rows, stored.chunks, np.array(stored.mean), np.array(stored.spread),
            np.array(stored.scatter), np.array(stored.wander), effects.reshape(1 + FOLDS, 2, width),
        )  # fmt: skip
