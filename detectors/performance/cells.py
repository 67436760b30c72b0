"""The cells of a score: where they lie, which hold a single value, what order they have."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf, nextafter

import numpy as np

from detectors.contract import Bools, Floats
from drift.core.grid import ColumnGrid, Grid
from drift.core.schema import Kind


@dataclass(frozen=True)
class Cells:
    """K cells of a score's values, ascending; the cell of no score, the last of a block, is not among them."""

    column: ColumnGrid

    @staticmethod
    def of(grid: Grid, score: int = 0) -> "Cells":
        """Those of one of the task's scores."""
        outcome = grid.outcomes
        if outcome is None or score >= len(outcome.scores):
            raise AssertionError("there is no such score")
        return Cells(grid.columns[grid.index[outcome.scores[score]]])

    @property
    def size(self) -> int:
        """K."""
        return self.column.bins

    @cached_property
    def centres(self) -> Floats:
        """(K,) the middle of each, within 0–1; a score is at most half a cell from it."""
        if self.column.column.kind is Kind.NUMERIC:
            edges = np.clip(np.array([0.0, *self.column.edges, 1.0]), 0.0, 1.0)
            middle: Floats = (edges[1:] + edges[:-1]) / 2
            return middle
        values: Floats = np.clip(np.array([*self.column.values, 0.5]), 0.0, 1.0)
        return values

    @cached_property
    def atoms(self) -> Bools:
        """(K,) cells of one value."""
        if self.column.column.kind is not Kind.NUMERIC:
            return np.array([*(True for _ in self.column.values), False])
        edges = self.column.edges
        inner = [nextafter(low, inf) == high for low, high in pairwise(edges)]
        return np.array([False, *inner, False][: self.size])

    @cached_property
    def ranked(self) -> Bools:
        """(K,) cells that have a place in the order; values that an ordinal column's reference never had have none."""
        found = np.ones(self.size, np.bool_)
        if self.column.column.kind is not Kind.NUMERIC:
            found[-1] = False
        return found
