"""Outcomes made from arrays: what production would have counted of these rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from drift.core.grid import ColumnGrid, Grid, SegmentGrid
from drift.core.outcome.counting import OutcomeCounter
from drift.core.outcome.grid import OutcomeGrid, Task
from drift.core.outcome.sums import Outcomes
from drift.core.rows import Rows
from drift.core.schema import Column, Kind, Role, Storage
from drift.reference import edges

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


def numeric(name: str, cuts: Sequence[float], role: Role = Role.FEATURE) -> ColumnGrid:
    """A numeric column cut at these edges."""
    return ColumnGrid(Column(name, Kind.NUMERIC, role, Storage.NUMBER), edges=tuple(cuts))


def score_edges(score: Floats, truth: Array, thresholds: Sequence[float] = (0.5,)) -> list[float]:
    """As a reference with these scores and classes, 0 and 1, would have them."""
    low, high = float(np.nanmin(score)), float(np.nanmax(score))
    return list(edges.score_edges(score, np.asarray(truth, np.float64), low, high, thresholds))


def binary_grid(
    cuts: Sequence[float],
    *,
    segments: Mapping[str, Sequence[str]] | None = None,
    weight: str = "",
    prediction: str = "",
    threshold: float = 0.5,
    features: Mapping[str, Sequence[float]] | None = None,
    calibrated: Sequence[float] | None = None,
) -> Grid:
    """A grid of score `s`, truth `y` (0 and 1) and features that are causes; calibrated: the cells' middles."""
    features = features or {}
    middles = np.clip(np.convolve([0.0, *cuts, 1.0], [0.5, 0.5], "valid"), 0, 1) if calibrated is None else calibrated
    outcomes = OutcomeGrid(
        Task.BINARY, "y", prediction=prediction, classes=("0", "1"), scores=("s",), weight=weight,
        threshold=threshold, calibrated=(tuple(float(x) for x in middles),), causes=tuple(features),
    )  # fmt: skip
    columns = (*(numeric(name, one) for name, one in features.items()), numeric("s", cuts, Role.SCORE))
    return Grid(columns, _segments(segments), outcomes=outcomes)


def multiclass_grid(
    cuts: Mapping[str, Sequence[float]],
    *,
    segments: Mapping[str, Sequence[str]] | None = None,
    weight: str = "",
    calibrated: Sequence[Sequence[float]] | None = None,
) -> Grid:
    """A grid of one score per class: class → cuts of the column `s_<class>`; the largest score is predicted."""
    middles = [np.clip(np.convolve([0.0, *one, 1.0], [0.5, 0.5], "valid"), 0, 1) for one in cuts.values()]
    outcomes = OutcomeGrid(
        Task.MULTICLASS, "y", classes=tuple(cuts), scores=tuple(f"s_{name}" for name in cuts), weight=weight,
        calibrated=tuple(tuple(float(x) for x in one) for one in (middles if calibrated is None else calibrated)),
    )  # fmt: skip
    columns = tuple(numeric(f"s_{name}", one, Role.SCORE) for name, one in cuts.items())
    return Grid(columns, _segments(segments), outcomes=outcomes)


def regression_grid(
    losses: Sequence[float],
    *,
    segments: Mapping[str, Sequence[str]] | None = None,
    weight: str = "",
    features: Mapping[str, Sequence[float]] | None = None,
    centre: float = 0.0,
    unit: float = 1.0,
    quantiles: Sequence[float] = (),
) -> Grid:
    """A grid of prediction `p`, truth `y`, features that are causes, and edges of the absolute errors' cells."""
    features = features or {}
    outcomes = OutcomeGrid(
        Task.REGRESSION, "y", prediction="p", weight=weight, centre=centre, unit=unit, losses=tuple(losses),
        quantiles=tuple(quantiles), causes=tuple(features),
    )  # fmt: skip
    columns = (*(numeric(name, one) for name, one in features.items()), numeric("p", (0.0,), Role.PREDICTION))
    return Grid(columns, _segments(segments), outcomes=outcomes)


def _segments(segments: Mapping[str, Sequence[str]] | None) -> tuple[SegmentGrid, ...]:
    return tuple(SegmentGrid(name, tuple(values)) for name, values in (segments or {}).items())


def rows_of(grid: Grid, columns: Mapping[str, Array]) -> Rows:
    """Rows of these columns, all at time 0; a column that the grid measures is a number, any other a key."""
    n = len(next(iter(columns.values())))
    measured = [one.name for one in grid.columns if one.measured]
    numbers = np.stack([np.asarray(columns[name], np.float64) for name in measured])
    keys: dict[str, Any] = {name: list(values.tolist()) for name, values in columns.items() if name not in measured}
    return Rows(np.zeros(n, np.int64), numbers, keys)


def outcomes_of(
    grid: Grid,
    columns: Mapping[str, Array],
    *,
    labelled: npt.NDArray[np.bool_] | None = None,
    met: npt.NDArray[np.bool_] | None = None,
) -> Outcomes:
    """Sums of these rows: all of them predicted, those `labelled` (all) joined; `met` (all) can ever be."""
    return chunked(grid, columns, np.zeros(len(next(iter(columns.values()))), np.int64), 1, labelled, met)[0]


def chunked(
    grid: Grid,
    columns: Mapping[str, Array],
    chunk: npt.NDArray[np.int64],
    chunks: int,
    labelled: npt.NDArray[np.bool_] | None = None,
    met: npt.NDArray[np.bool_] | None = None,
) -> list[Outcomes]:
    """The same for each of several chunks; `chunk` (n,) says to which a row belongs."""
    counter, rows = OutcomeCounter(grid), rows_of(grid, columns)
    n = len(rows)
    every, zeros = np.ones(n, np.bool_), np.zeros(n, np.int64)
    seen = counter.predictions.of(rows, zeros)
    predicted = counter.predicted(seen, every if met is None else met, chunk, chunks)
    truth = counter.predictions.truths(rows.keys["y"], n)
    there = every if labelled is None else labelled
    ones = np.ones(int(there.sum()), np.int64)
    joined = counter.joined(seen[there], truth[there], ones, zeros[there], chunk[there], chunks)
    return [Outcomes(grid, one + two) for one, two in zip(predicted, joined, strict=True)]


def reweighted(grid: Grid, calibrated: Sequence[Sequence[float]]) -> Grid:
    """The grid with other calibrated probabilities."""
    if grid.outcomes is None:
        raise AssertionError("a grid without outcomes")
    return replace(grid, outcomes=replace(grid.outcomes, calibrated=tuple(tuple(one) for one in calibrated)))
