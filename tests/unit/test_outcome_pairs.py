"""Losses by pairs of columns: what rows say, cell by cell, and back again."""

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from drift.core.grid import SPECIALS, Grid
from drift.core.outcome.counting import OutcomeCounter
from drift.core.outcome.pairs import EIGHTHS, eighths_of, pairs_of
from drift.core.outcome.sums import Outcomes
from drift.reference.build import build_reference
from drift.reference.options import ReferenceOptions
from tests.rig.outcomes import binary_grid, outcomes_of, rows_of
from tests.unit.grids import categorical, ordinal

EDGES: Final = {name: np.linspace(-2, 2, 31).tolist() for name in "abc"}


def crossed(grid: Grid, *names: str) -> Grid:
    assert grid.outcomes is not None
    return replace(grid, outcomes=replace(grid.outcomes, crossed=names))


GRID: Final = crossed(binary_grid(np.linspace(0.05, 0.95, 19).tolist(), features=EDGES), "c", "a", "b")


def draw(n: int) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    rng = np.random.default_rng(1)
    columns = {name: rng.normal(size=n) for name in "abc"}
    columns["a"][::17] = np.nan
    return {**columns, "s": rng.random(n), "y": rng.integers(0, 2, n).astype(np.float64)}


def test_every_table_is_that_of_its_rows() -> None:
    columns = draw(5_000)
    sums = outcomes_of(GRID, columns)
    wrong = (columns["s"] >= 0.5) != (columns["y"] == 1)
    assert sums.by_pair("pair_seen").shape == (3, 8, 8)
    for at, (one, two) in enumerate((("c", "a"), ("c", "b"), ("a", "b"))):
        assert pairs_of(("c", "a", "b"))[at] == (one, two)
        i, j = (
            np.where(np.isnan(columns[x]), 7, np.searchsorted(EDGES[x], columns[x], "right") * 7 // 32)
            for x in (one, two)
        )
        for name, weights in (("pair_seen", None), ("pair_loss", wrong), ("pair_rows", None)):
            table = np.bincount(i * 8 + j, weights, minlength=64).reshape(8, 8)
            assert (sums.by_pair(name)[at] == table).all(), (name, one, two)
    expected = sums.by_pair("pair_expected").sum(axis=(1, 2))
    assert np.allclose(expected, sums.by_cause("cause_expected")[0].sum())


def test_a_label_that_is_taken_back_leaves_nothing() -> None:
    columns = draw(500)
    counter, rows = OutcomeCounter(GRID), rows_of(GRID, columns)
    zeros = np.zeros(500, np.int64)
    seen = counter.predictions.of(rows, zeros)
    pane = np.arange(500) % 3
    there = [counter.joined(seen, columns["y"], np.full(500, sign), zeros, pane, 3) for sign in (1, -1)]
    for one, back in zip(*there, strict=True):
        mine = Outcomes(GRID, one)
        assert mine.by_pair("pair_seen").sum() == 3 * mine.joined() > 480
        assert not (one + back).cross.any()


def test_without_crossed_columns_there_are_no_tables() -> None:
    plain = binary_grid([0.5], features=EDGES)
    assert not [name for name in Outcomes.empty(plain).layout.whole if name.startswith("pair")]
    one = crossed(plain, "a")
    assert outcomes_of(one, draw(10)).by_pair("pair_seen").shape == (0, 8, 8)
    assert Grid.load(GRID.dump()) == GRID
    assert Outcomes.load(GRID, outcomes_of(GRID, draw(10)).sums.dump()).by_pair("pair_seen").sum() == 30


def test_eighths_are_seven_runs_of_values_and_what_is_none() -> None:
    for column in (GRID.columns[0], ordinal("o", (1.0, 2.0)), categorical("k", tuple(map(str, range(30))))):
        found = eighths_of(column)
        assert found.size == column.slots
        assert (found[-SPECIALS:] == EIGHTHS - 1).all()
        assert found[:-SPECIALS].max() < EIGHTHS - 1
        assert (np.diff(found) >= 0).all()
    assert eighths_of(categorical("k", tuple(map(str, range(30)))))[:8].tolist() == [0, 1, 2, 3, 4, 5, 6, 6]


def test_a_reference_crosses_its_first_features() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=600) for i in range(8)})
    frame["s"], frame["y"] = rng.random(600), rng.integers(0, 2, 600)
    built = build_reference(frame, ReferenceOptions.from_settings({"score": "s", "label": "y"}))
    assert built.grid.outcomes is not None
    assert built.grid.outcomes.crossed == ("x0", "x1", "x2", "x3", "x4", "x5")
    assert built.outcomes is not None
    sums = Outcomes(built.grid, built.outcomes)
    assert sums.by_pair("pair_seen").sum(axis=(1, 2)).tolist() == [600] * 15
    assert sums.by_pair("pair_rows").sum(axis=(1, 2)).tolist() == [600] * 15
