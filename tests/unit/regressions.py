"""A small regression and its outcomes from arrays, for tests of what is said of them."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from drift.core.counting import Counter
from drift.core.grid import ColumnGrid, Grid, SegmentGrid
from drift.core.outcome.counting import OutcomeCounter
from drift.core.outcome.grid import OutcomeGrid, Task
from drift.core.outcome.seen import Seen
from drift.core.outcome.sums import Outcomes
from drift.core.profile import Profile
from drift.core.rows import Keys, Rows
from tests.unit.grids import numeric

Floats = npt.NDArray[np.float64]
SEGMENTS = ("a", "b")


def regression(columns: Mapping[str, Floats], labels: Floats, *, weight: bool = False, spread: float = 0.0) -> Grid:
    """A grid of these numeric columns and a prediction alike the labels; segments `part` = a, b."""
    centre, unit = float(labels.mean()), 2.0 ** np.round(np.log2(spread or np.ptp(np.quantile(labels, [0.01, 0.99]))))
    grids: tuple[ColumnGrid, ...] = tuple(numeric(name, values) for name, values in columns.items())
    outcome = OutcomeGrid(
        Task.REGRESSION, "y", "prediction", weight="w" if weight else "", causes=tuple(columns), centre=centre,
        unit=float(unit), losses=tuple((np.arange(1, 33) * unit / 32).tolist()), quantiles=(0.1, 0.5, 0.9),
    )  # fmt: skip
    return Grid((*grids, numeric("prediction", labels)), (SegmentGrid("part", SEGMENTS),), outcomes=outcome)


def rows_of(grid: Grid, columns: Mapping[str, Floats], prediction: Floats, keys: Mapping[str, Keys]) -> Rows:
    """Rows as a decoder gives them."""
    n = prediction.size
    there: dict[str, Keys] = {"part": ["a"] * n, **keys}
    numbers = np.stack([*(columns[column.name] for column in grid.columns[:-1]), prediction])
    return Rows(np.zeros(n, np.int64), numbers, there)


def outcomes(
    grid: Grid, columns: Mapping[str, Floats], prediction: Floats, label: Floats, **keys: Keys
) -> tuple[Outcomes, Seen]:
    """Sums of predictions that all have their label; NaN: it has none."""
    counter, n = OutcomeCounter(grid), prediction.size
    zero = np.zeros(n, np.int64)
    seen = counter.predictions.of(rows_of(grid, columns, prediction, keys), zero)
    predicted = counter.predicted(seen, np.ones(n, np.bool_), zero, 1)[0]
    joined = counter.joined(seen, label, np.ones(n, np.int64), zero, zero, 1)[0]
    return Outcomes(grid, predicted + joined), seen


def profile(grid: Grid, columns: Mapping[str, Floats], prediction: Floats, **keys: Keys) -> Profile:
    """The same rows' bins."""
    rows = rows_of(grid, columns, prediction, keys)
    return Profile(grid, Counter(grid).count(rows, np.zeros(len(rows), np.int64), 1)[0])
