"""The normal scores of a grid's bins: what products of columns are made of."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from drift.core.cross import MOST_COLUMNS, bin_scores
from drift.core.grid import ColumnGrid
from drift.core.schema import Column, Kind

Floats = npt.NDArray[np.float64]


def grid_scores(grids: Iterable[ColumnGrid], sample: Callable[[Column], Floats]) -> tuple[tuple[int, ...], ...]:
    """For each of the first 200 measured columns: the score of each value bin; none where there is no pair.

    Args:
        grids: all counted columns in order.
        sample: a column's values in the sampled rows, NaN where there is none.
    """
    measured = [grid for grid in grids if grid.measured][:MOST_COLUMNS]
    if len(measured) < 2:
        return ()
    return tuple(_scores(grid, sample(grid.column)) for grid in measured)


def _scores(grid: ColumnGrid, sample: Floats) -> tuple[int, ...]:
    values = sample[np.isfinite(sample)]
    if grid.column.kind is Kind.NUMERIC:
        place = np.searchsorted(np.array(grid.edges), values, "right")
        return bin_scores(np.bincount(place, minlength=grid.bins).tolist())
    # the bin of values that the reference never had has no place in the order
    place = np.searchsorted(np.array(grid.values), values)
    return (*bin_scores(np.bincount(place, minlength=grid.bins - 1).tolist()), 0)
