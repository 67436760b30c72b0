"""Distinct counts from cells that add."""

from collections.abc import Iterable

import numpy as np
import pytest

from detectors.contract import View
from detectors.judge import judge
from detectors.names import statistics
from detectors.pairs import Pairs
from detectors.plan import Plan
from drift.core.counting import Counter
from drift.core.grid import ColumnGrid, Grid, key_hash
from drift.core.profile import Profile, Sums
from drift.core.result import Outcome
from drift.core.rows import Key, Rows
from drift.core.schema import Column, Kind, Role, Storage
from drift.core.sketch import (
    BUCKET,
    CELLS,
    MOST,
    RANKS,
    REGISTERS,
    STANDARD_ERROR,
    bucket_of,
    cell_of,
    distinct,
    expected,
    occupied,
)
from tests.unit.grids import categorical, grid, sketch

RATIO = statistics()["distinct_ratio"]
ON = grid(
    categorical("key", ("a",)),
    ColumnGrid(Column("key.bucket", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING, "key", BUCKET), keys=tuple(
        map(str, range(REGISTERS))
    )),
    sketch("key.distinct"),
)  # fmt: skip


def counted(keys: Iterable[Key], on: Grid = ON) -> Profile:
    listed = list(keys)
    n = len(listed)
    rows = Rows(np.zeros(n, np.int64), np.zeros((0, n)), dict.fromkeys(on.names, listed))
    return Profile(on, Counter(on).count(rows, np.zeros(n, np.int64), 1)[0])


def number(profile: Profile) -> float:
    return float(distinct(occupied(profile.bin_counts(2).astype(float))))


def names(first: int, last: int) -> list[Key]:
    return [f"user-{i}" for i in range(first, last)]


def test_cells_are_registers_and_ranks() -> None:
    assert [cell_of(h << 6) for h in (0b1, 0b10, 0b100, 0b1000, 0b10000)] == [0, 0, 1, 1, 2]
    assert cell_of(0) == RANKS - 1
    assert cell_of((1 << 63) + 63) == CELLS - 1
    hashes = [key_hash(str(i)) for i in range(20_000)]
    assert all(cell_of(h) // RANKS == bucket_of(h) for h in hashes)
    ranks = np.bincount([cell_of(h) % RANKS for h in hashes], minlength=RANKS)
    assert ranks[:3] / 20_000 == pytest.approx([0.75, 0.1875, 0.046875], abs=0.01)


def test_buckets_are_the_sums_over_ranks() -> None:
    profile = counted([*names(0, 3_000), *names(0, 500)])
    cells = profile.bin_counts(2).reshape(REGISTERS, RANKS)
    assert profile.bin_counts(1).tolist() == [*cells.sum(axis=1).tolist(), 0, 0]
    assert profile.bin_counts(2).sum() == 3_500


def test_keys_of_one_spelling_are_one() -> None:
    assert number(counted([1, 1.0, "1"] * 50)) == pytest.approx(1.0, abs=0.01)
    profile = counted([None, float("nan"), "x"])
    assert profile.missing().tolist() == [2, 2, 2]


@pytest.mark.statistical
@pytest.mark.parametrize("keys", [1, 10, 100, 1_000, 100_000, 10_000_000])
def test_the_standard_error_is_what_is_said(keys: int) -> None:
    rng = np.random.default_rng(keys)
    chance = np.append(3 / 4.0 ** np.arange(1, RANKS), 4.0 ** (1 - RANKS)) / REGISTERS
    # a cell's number of keys is Poisson; which keys they are does not matter
    cells = rng.poisson(keys * np.tile(chance, REGISTERS), (2_000, CELLS)).astype(float)
    found = distinct(occupied(cells[cells.sum(axis=1) > 0])) / keys
    spread = np.sqrt(1 / keys)  # of the number itself
    assert abs(np.median(found) - 1) < 0.02 + spread
    assert found.std() < 1.06 * np.hypot(STANDARD_ERROR, spread)
    assert keys < 1_000 or found.std() > 0.94 * STANDARD_ERROR


def test_more_keys_than_can_be_told() -> None:
    assert distinct(np.full(RANKS, float(REGISTERS))) == pytest.approx(MOST)
    assert distinct(np.zeros(RANKS)) == 0


def test_sums_are_exact_and_rows_can_be_taken_back() -> None:
    first, second = counted(names(0, 2_000)), counted(names(1_000, 4_000))
    both = counted([*names(0, 2_000), *names(1_000, 4_000)])
    assert np.array_equal(first.merge(second).sums.ints, both.sums.ints)
    back = Sums(both.sums.ints - second.sums.ints, first.sums.low, first.sums.high)
    assert number(Profile(ON, back)) == number(first)
    assert number(both) == pytest.approx(4_000, rel=0.35)


def test_rarefaction_is_what_a_draw_shows_on_average() -> None:
    rng = np.random.default_rng(0)
    counts = np.zeros(CELLS)
    counts[: 3 * RANKS] = rng.integers(0, 9, 3 * RANKS)
    rows = np.repeat(np.arange(CELLS), counts.astype(int))
    draws = np.array([
        occupied(np.bincount(rng.choice(rows, 25, replace=False), minlength=CELLS).astype(float)) for _ in range(4_000)
    ])  # fmt: skip
    assert expected(counts, np.array(25.0)) == pytest.approx(draws.mean(axis=0), abs=0.03)
    assert expected(counts, counts.sum()) == pytest.approx(occupied(counts))


def ratio(window: Profile, reference: Profile) -> float:
    return float(RATIO.value(Pairs(window, reference).view(View.SKETCH)[0])[0])


def drawn(rng: np.random.Generator, n: int, keys: int, first: int = 0) -> Profile:
    """Rows of Zipf-like keys."""
    weight = 1 / np.arange(1, keys + 1)
    return counted([f"k{i + first}" for i in rng.choice(keys, n, p=weight / weight.sum())])


@pytest.mark.statistical
def test_the_ratio_is_one_at_any_number_of_rows_and_shows_twice_the_keys() -> None:
    rng = np.random.default_rng(1)
    reference = drawn(rng, 20_000, 5_000)
    for n in (50, 500, 5_000, 20_000, 60_000):
        alike = [ratio(drawn(rng, n, 5_000), reference) for _ in range(8)]
        assert np.median(alike) == pytest.approx(1.0, abs=0.12), n
    assert ratio(counted([f"k{i}" for i in rng.integers(0, 5_000, 2_000)]), reference) > 1.4
    assert ratio(drawn(rng, 2_000, 100), reference) < 0.5


def test_a_sketch_is_judged_by_its_own_statistic_alone() -> None:
    window, reference = counted(names(0, 900)), counted([f"user-{i % 90}" for i in range(900)])
    plan = Plan.from_settings({"rules": ["psi > 0.2", "distinct_ratio > 3"]})
    found = judge(window, reference, plan)
    table = dict(zip(found.columns, found.values, strict=True))
    at = found.statistics.index("distinct_ratio")
    assert np.isnan(np.delete(table["key.distinct"], at)).sum() >= len(found.statistics) - 2
    assert table["key.distinct"][at] == pytest.approx(10, rel=0.35)
    assert np.isnan(table["key.bucket"][at])
    assert [breach.column for breach in found.breaches if breach.statistic == "distinct_ratio"] == ["key.distinct"]
    assert found.breaches[-1].direction == "increase"
    assert found.outcome is Outcome.DRIFT


def test_other_columns_are_not_widened_by_a_sketch() -> None:
    pair, columns = Pairs(counted(names(0, 9)), counted(names(0, 9))).view(View.VALUES)
    assert columns.tolist() == [0, 1]
    assert pair.c.shape == (2, REGISTERS + 2)
