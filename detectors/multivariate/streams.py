"""What several columns do together as single numbers per window, for anything that follows a series.

| stream | value | columns named |
|---|---|---|
| `correlation` | largest surprise among all pairs: change of Fisher's z of that pair | the pair |
| `reconstruction` | PCA reconstruction error over the baseline's | the column whose residual grew most |
| `frechet:NAME` | cube root of an embedding's Fréchet distance over what chance gives: about 1 | its `distance` |

Each reading has the value, what it is expected to be, its standard deviation if nothing has changed, and a two-sided
p-value, calibrated by how the baseline's own stretches wander (`detectors.multivariate.wandering`) and, for
`correlation`, corrected for the number of pairs. Without stretches the p-values are those of independent rows of a
normal copula, and the reading is not reliable. A sequential detector bets on p (e = p^(−½)/2 has mean 1 if p is
uniform) or on (value − expected)/sd.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detectors.contract import Floats, Ints
from detectors.joint import Joint, JointPair, blocks
from detectors.multivariate import frechet, pca_reconstruction
from detectors.multivariate.wandering import LEAST_ROWS, Wandering
from detectors.nulls import two_sided
from drift.core.baseline import Baseline
from drift.core.profile import Profile


@dataclass(frozen=True, slots=True)
class Reading:
    """One window."""

    value: float
    expected: float
    sd: float
    """Of the value, in a window of so many rows, if nothing has changed."""
    p_value: float
    """0 … 1."""
    reliable: bool
    """Whether the baseline's stretches say how often p is small by chance."""
    columns: tuple[int, ...]
    """Columns of the grid that the value is about."""


@dataclass(frozen=True)
class Stream:
    """One number per window."""

    name: str
    reader: Callable[[Profile], Reading | None]

    def read(self, window: Profile) -> Reading | None:
        """Read a window; None where it holds fewer than 30 rows or no products of columns."""
        return self.reader(window) if window.rows() >= LEAST_ROWS and window.sums.cross.size else None


def streams(baseline: Baseline) -> tuple[Stream, ...]:
    """All streams of a model against a baseline; none where products of columns were not kept.

    Cost: one pass over the baseline's stretches for each stream; O(d²) a stretch.
    """
    reference = Joint.of(baseline.profile)
    if reference is None or reference.rows < LEAST_ROWS:
        return ()
    found = [Stream("correlation", _correlation(baseline, reference))]
    if pca_reconstruction.applies(JointPair(reference, reference)):
        found.append(Stream("reconstruction", _reconstruction(baseline, reference)))
    for column, at in blocks(baseline.grid):
        if not reference.varies[at].all():
            continue
        name = baseline.grid.columns[column].column.source
        found.append(Stream(f"frechet:{name}", _frechet(baseline, reference, column, at)))
    return tuple(found)


def pair_p_values(baseline: Baseline) -> Callable[[Profile], "Pairwise"]:
    """Reads a window's every pair; see `Pairwise`."""
    reference = Joint.of(baseline.profile)
    if reference is None:
        raise ValueError("products of columns were not kept")
    d = reference.cross.columns.size
    upper = np.triu_indices(d, 1)

    def numbers(profile: Profile) -> Floats:
        joint = Joint.of(profile)
        if joint is None:
            return np.full(len(upper[0]), np.nan)
        pair = JointPair(joint, reference)
        both = pair.both_vary
        return np.where(both[upper[0]] & both[upper[1]], joint.fisher[upper], np.nan)

    wandering = Wandering.of(baseline.grid, (s.sums for s in baseline.stretches), numbers, len(upper[0]))
    own = reference.fisher[upper]

    def read(window: Profile) -> Pairwise:
        found, n, m = numbers(window), window.rows(), reference.rows
        plain = np.sqrt(1 / max(n - 3, 1) + 1 / max(m - 3, 1))
        known = wandering.known
        expected = np.where(known, wandering.centre, own)
        sd = np.where(known, wandering.sd(n), plain)
        p = np.where(known, wandering.p_value(found, n), two_sided((found - own) / plain))
        return Pairwise(d, found, expected, sd, p, known & wandering.reliable)

    return read


@dataclass(frozen=True)
class Pairwise:
    """Every pair of d columns in one window; (pairs,) in the order of `numpy.triu_indices(d, 1)`, NaN: not compared."""

    columns: int
    fisher: Floats
    expected: Floats
    sd: Floats
    p: Floats
    """Two-sided, of each pair by itself."""
    reliable: np.ndarray[tuple[int], np.dtype[np.bool_]]

    @property
    def compared(self) -> int:
        """How many pairs are compared."""
        return int(np.isfinite(self.p).sum())


def _correlation(baseline: Baseline, reference: Joint) -> Callable[[Profile], Reading | None]:
    read, grid = pair_p_values(baseline), baseline.grid
    rows, others = np.triu_indices(reference.cross.columns.size, 1)

    def reading(window: Profile) -> Reading | None:
        found = read(window)
        if not found.compared:
            return None
        at = int(np.nanargmin(found.p))
        p = min(float(found.p[at]) * found.compared, 1.0)
        pair = (int(grid.crossed[rows[at]]), int(grid.crossed[others[at]]))
        change = float(found.fisher[at] - found.expected[at])
        return Reading(change, 0.0, float(found.sd[at]), p, bool(found.reliable[at]), pair)

    return reading


def _reconstruction(baseline: Baseline, reference: Joint) -> Callable[[Profile], Reading | None]:
    def number(profile: Profile) -> Floats:
        joint = Joint.of(profile)
        return np.array([np.nan if joint is None else pca_reconstruction.ratio(JointPair(joint, reference))])

    wandering = Wandering.of(baseline.grid, (s.sums for s in baseline.stretches), number, 1)
    row_sd = pca_reconstruction.null_sd(reference)

    def reading(window: Profile) -> Reading | None:
        found, joint = number(window), Joint.of(window)
        if joint is None or not np.isfinite(found[0]):
            return None
        grown = int(baseline.grid.crossed[pca_reconstruction.grown(JointPair(joint, reference))])
        plain = row_sd * np.sqrt(1 / window.rows() + 1 / reference.rows)
        return _scalar(found, wandering, window.rows(), 1.0, float(plain), (grown,))

    return reading


def _frechet(baseline: Baseline, reference: Joint, column: int, at: Ints) -> Callable[[Profile], Reading | None]:
    part = reference.part(at)

    def number(profile: Profile) -> Floats:
        """Its distance over what chance gives, by the cube root about normal (Wilson, Hilferty 1931)."""
        joint = Joint.of(profile)
        if joint is None:
            return np.array([np.nan])
        pair = JointPair(joint.part(at), part)
        v = 1 / joint.rows + 1 / part.rows
        return np.array([np.cbrt(frechet.distance(pair) / (v * frechet.weights(pair).sum()))])

    wandering = Wandering.of(baseline.grid, (s.sums for s in baseline.stretches), number, 1)

    def reading(window: Profile) -> Reading | None:
        joint = Joint.of(window)
        if joint is None:
            return None
        w = frechet.weights(JointPair(joint.part(at), part))
        spread = 2 * float((w**2).sum() / w.sum() ** 2) / 9
        return _scalar(number(window), wandering, window.rows(), 1 - spread, float(np.sqrt(spread)), (column,))

    return reading


def _scalar(
    found: Floats, wandering: Wandering, rows: int, expected: float, sd: float, columns: tuple[int, ...]
) -> Reading:
    """Against the baseline's stretches; where there are too few, against `expected` and `sd` of independent rows."""
    value = float(found[0])
    if not wandering.known[0]:
        return Reading(value, expected, sd, float(two_sided(np.array([(value - expected) / sd]))[0]), False, columns)
    p = float(wandering.p_value(found, rows)[0])
    return Reading(
        value, float(wandering.centre[0]), float(wandering.sd(rows)[0]), p, bool(wandering.reliable[0]), columns
    )
