"""Grids that keep products of columns, and rows of a known correlation."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from drift.core.grid import Grid
from drift.reference.scores import grid_scores

Floats = npt.NDArray[np.float64]


def scored(on: Grid, sample: npt.ArrayLike) -> Grid:
    """The grid with scores by (measured columns, n) sample values."""
    rows = np.asarray(sample, np.float64)
    place = {column.name: rows[i] for i, column in enumerate(c for c in on.columns if c.measured)}
    return replace(on, scores=grid_scores(on.columns, lambda column: place[column.name]))


def correlated(columns: int, n: int, seed: int, rho: float = 0.8) -> Floats:
    """(columns, n) standard normals; the first two have the correlation `rho`, the others none."""
    rows = np.random.default_rng(seed).standard_normal((columns, n))
    rows[1] = rho * rows[0] + np.sqrt(1 - rho * rho) * rows[1]
    return rows
