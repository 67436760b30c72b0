"""What several columns do together, as statistics of several columns read it: one side of a comparison.

Everything is in normal scores (`drift.core.cross`): about standard normal in the reference, whatever the column's law.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy import special

from detectors.contract import Bools, Floats, Ints
from drift.core.cross import Cross, pairs
from drift.core.grid import Grid
from drift.core.profile import Profile
from drift.core.vectors import DISTANCE, PROJECTION

LIMIT: Final = 0.999
"""Correlations beyond enter as this: Fisher's z of 1 is infinite."""
FLAT: Final = 1e-3
"""A column whose scores have a variance below does not vary, and correlates with nothing."""


@dataclass(frozen=True, eq=False)
class Joint:
    """The scores of n rows' d columns in sums."""

    cross: Cross

    @staticmethod
    def of(profile: Profile) -> "Joint | None":
        """That of a profile's whole traffic; None where products of columns were not kept."""
        cross = Cross.of(profile)
        return None if cross is None else Joint(cross)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.cross.rows

    @cached_property
    def varies(self) -> Bools:
        """(d,) whether the column's scores vary at all, and whether it is known how they go with any other's.

        In a baseline of which somebody accepted one column anew, that column's products with the others are not known.
        """
        product = self.cross.product
        known = (product != 0).sum(axis=1) > (np.diag(product) != 0)
        found: Bools = (np.diag(self.cross.covariance) > FLAT) & known
        return found

    @cached_property
    def fisher(self) -> Floats:
        """(d, d) Fisher's z = atanh(correlation), −3.8 … 3.8; 0 on the diagonal and beside columns that do not vary."""
        bounded = np.clip(self.cross.correlation, -LIMIT, LIMIT)
        np.fill_diagonal(bounded, 0.0)
        found: Floats = np.where(np.outer(self.varies, self.varies), np.arctanh(bounded), 0.0)
        return found

    @cached_property
    def axes(self) -> tuple[Floats, Floats]:
        """Principal components of the k columns that vary: (k,) their variances, descending, and (k, k) in columns.

        Correlations that chance explains (Bonferroni over the pairs, 5 %) are taken for 0 first: components fitted to
        noise leave less of their own rows out than of any others (6 % less, for 20 columns and 10,000 rows).
        """
        at = np.flatnonzero(self.varies)
        square = np.ix_(at, at)
        correlation, chance = self.cross.correlation[square], two_sided_bound(0.05 / max(pairs(at.size), 1))
        proven = np.abs(self.fisher[square]) * np.sqrt(max(self.rows - 3, 0)) > chance
        values, vectors = np.linalg.eigh(np.where(proven | np.eye(at.size, dtype=np.bool_), correlation, 0.0))
        variances = ((correlation @ vectors) * vectors).sum(axis=0)
        order = np.argsort(-values, kind="stable")
        return np.maximum(variances[order], 0.0), vectors[:, order]

    def part(self, at: Ints) -> "Joint":
        """The same of some of the columns."""
        return Joint(self.cross.part(at))


@dataclass(frozen=True, eq=False)
class JointPair:
    """Window and reference on the same columns."""

    window: Joint
    reference: Joint

    def part(self, at: Ints) -> "JointPair":
        """The same of some of the columns."""
        return JointPair(self.window.part(at), self.reference.part(at))

    @cached_property
    def both_vary(self) -> Bools:
        """(d,) columns that vary on both sides."""
        return self.window.varies & self.reference.varies


def two_sided_bound(p: float) -> float:
    """The z that a standard normal exceeds in size with probability p."""
    return float(-special.ndtri(p / 2))


def blocks(grid: Grid) -> list[tuple[int, Ints]]:
    """Of each embedding: the column that stands for it (its distance), and the places of its projections among those
    whose products are kept."""
    place = {int(column): at for at, column in enumerate(grid.crossed)}
    found: dict[str, list[int]] = {}
    stands: dict[str, int] = {}
    for at, grid_of in enumerate(grid.columns):
        column = grid_of.column
        if column.derive == DISTANCE:
            stands[column.source] = at
        elif column.derive.startswith(PROJECTION) and at in place:
            found.setdefault(column.source, []).append(place[at])
    return [(stands[name], np.array(at)) for name, at in found.items() if name in stands and len(at) > 1]
