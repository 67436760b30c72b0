"""Grids that keep products of columns, and rows of a known correlation."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from drift.core.baseline import Baseline, Origin, Stretch
from drift.core.clock import HOUR
from drift.core.grid import Grid
from drift.core.profile import Profile, Sums
from drift.core.window import Window
from drift.reference.scores import grid_scores
from tests.unit.grids import grid, numeric
from tests.unit.samples import count

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


def numbers_grid(sample: Floats) -> Grid:
    """Numeric columns x0, x1, … of this sample, with scores."""
    return scored(grid(*(numeric(f"x{i}", row) for i, row in enumerate(sample))), sample)


def embedding_grid(sample: Floats) -> Grid:
    """An embedding `e` of the sample's rows as projections, the last row being its distance, with scores."""
    columns = []
    for i, row in enumerate(sample):
        made = numeric(f"e_{i}", row)
        what = "distance" if i == len(sample) - 1 else f"projection{i + 1}"
        columns.append(replace(made, column=replace(made.column, source="e", derive=what)))
    return scored(grid(*columns), sample)


def vectors(n: int, seed: int, shift: float = 0.0, scale: float = 1.0, dimensions: int = 16) -> Floats:
    """(dimensions + 1, n) normal projections and the length of each row."""
    rows = np.random.default_rng(seed).standard_normal((dimensions, n)) * scale + shift
    return np.vstack([rows, np.sqrt((rows**2).sum(axis=0))])


def hours(on: Grid, blocks: int, rows: Callable[[int], Floats]) -> Baseline:
    """A baseline of hours, each holding the rows that `rows` gives for its number."""
    parts = [count(on, rows(number)) for number in range(blocks)]
    stretches = tuple(Stretch(Window(i * HOUR, (i + 1) * HOUR), part.sums) for i, part in enumerate(parts))
    whole = Profile(on, Sums.total(part.sums for part in parts))
    return Baseline(on, whole, stretches, Origin.REFERENCE)
