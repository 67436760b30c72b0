"""Counting against the plain way: `searchsorted` and a loop."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core.counting import CHUNK_INTS, Counter
from drift.core.grid import INF, MISSING, NAN, SPECIALS, WRONG, Grid
from drift.core.profile import Profile, Sums
from drift.core.rows import WRONG_TYPE, Coded, Key, Rows
from tests.unit.grids import categorical, grid, numeric, ordinal

SAMPLES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails": lambda rng, n: rng.lognormal(0, 3, size=n),
    "whole": lambda rng, n: rng.poisson(300, size=n).astype(float),
    "atoms": lambda rng, n: np.maximum(rng.normal(size=n), 0.0),
    "rounded": lambda rng, n: rng.exponential(size=n).round(2),
    "huge": lambda rng, n: rng.normal(size=n) * 1e300,
    "tiny": lambda rng, n: rng.normal(size=n) * 1e-300,
    "far": lambda rng, n: 1e15 + rng.integers(0, 10_000, size=n).astype(float),
}
AWKWARD = [0.0, -0.0, 1e308, -1e308, 5e-324, float("inf"), float("-inf"), float("nan"), 2.0**70, 300.5]


def plain(on: Grid, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Counters of each column, one `searchsorted` at a time."""
    counted = []
    for column, row in zip(on.columns, values, strict=True):
        slots = np.zeros(column.slots, np.int64)
        finite = row[np.isfinite(row)]
        if column.edges:
            np.add.at(slots, np.searchsorted(column.edges, finite, "right"), 1)
        else:
            for x in finite:
                slots[column.values.index(x) if x in column.values else column.bins - 1] += 1
        slots[column.bins + MISSING] = np.isnan(row).sum()
        slots[column.bins + INF] = np.isinf(row).sum()
        counted.append(slots)
    return np.concatenate(counted)


def rows(values: npt.NDArray[np.float64], keys: dict[str, list[Key] | Coded] | None = None) -> Rows:
    return Rows(np.zeros(values.shape[1], np.int64), values, dict(keys or {}))


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_value_lands_where_searchsorted_puts_it(kind: str, order: str) -> None:
    rng = np.random.default_rng(5)
    with np.errstate(over="ignore"):
        on = grid(numeric("x", SAMPLES[kind](rng, 20_000)), ordinal("o", (1.0, 2.0, 3.5)))
        edges = np.array(on.columns[0].edges)
        around = np.concatenate((edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)))
        x = np.concatenate((SAMPLES[kind](rng, 5_000), AWKWARD, around))
    values = np.asarray([x, rng.choice([1.0, 2.0, 3.5, 4.0, np.nan], x.size)], order=order)  # type: ignore[call-overload]
    [sums] = Counter(on).count(rows(values), np.zeros(x.size, np.int64), 1)
    assert np.array_equal(Profile(on, sums).counts(), plain(on, values))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(width=64), min_size=1, max_size=60), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_any_doubles(drawn: list[float], kind: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sample = list(SAMPLES.values())[kind](rng, 500)
    on = grid(numeric("x", sample))
    values = np.array([drawn])
    [sums] = Counter(on).count(rows(values), np.zeros(len(drawn), np.int64), 1)
    assert np.array_equal(Profile(on, sums).counts(), plain(on, values))


def example(n: int, seed: int = 0) -> tuple[Grid, Rows]:
    rng = np.random.default_rng(seed)
    on = grid(
        numeric("x", rng.normal(size=5_000)), ordinal("o", (1.0, 2.0)), categorical("c", ("a", "b"), ("r",)),
        segments=(("c", ("a",)), ("s", ("u", "v"))),
    )  # fmt: skip
    values = np.array([rng.normal(size=n), rng.choice([1.0, 2.0, 9.0], n)])
    values[rng.random(values.shape) < 0.05] = np.nan
    keys: dict[str, list[Key] | Coded] = {
        "c": [["a", "b", "r", "zz", None, WRONG_TYPE][k] for k in rng.integers(0, 6, n)],
        "s": Coded(rng.integers(-1, 3, n).astype(np.int32), ["u", "v", "w"]),
    }
    return on, rows(values, keys)


def test_panes_and_segments_equal_counting_each_apart() -> None:
    on, batch = example(3_000)
    pane = np.random.default_rng(1).integers(0, 5, len(batch))
    together = Counter(on).count(batch, pane, 5)
    for number, sums in enumerate(together):
        alone = batch.take(np.flatnonzero(pane == number))
        [expected] = Counter(on).count(alone, np.zeros(len(alone), np.int64), 1)
        assert np.array_equal(sums.ints, expected.ints)
        assert np.array_equal(sums.low, expected.low)
        assert np.array_equal(sums.high, expected.high)


def test_the_parts_of_a_segment_add_up_to_the_whole() -> None:
    on, batch = example(2_000)
    [sums] = Counter(on).count(batch, np.zeros(len(batch), np.int64), 1)
    for name in ("c", "s"):
        parts = [s.index for s in on.segments if s.name == name]
        assert np.array_equal(sums.ints[parts].sum(axis=0), sums.ints[0])


def test_each_row_lands_in_one_slot_of_each_column() -> None:
    on, batch = example(999)
    [sums] = Counter(on).count(batch, np.zeros(999, np.int64), 1)
    profile = Profile(on, sums)
    for segment in on.segments:
        for column in range(len(on.columns)):
            assert profile.column_counts(column, segment.index).sum() == profile.rows(segment.index)


def test_keys_find_their_slots() -> None:
    on = grid(categorical("c", ("a", "1"), ("r",)))
    keys: list[Key] = ["a", 1.0, "1", "r", "new", None, float("nan"), WRONG_TYPE]
    [sums] = Counter(on).count(rows(np.zeros((0, 8)), {"c": keys}), np.zeros(8, np.int64), 1)
    # a, 1 = 1.0 = "1", other, unseen, missing (None, NaN), nan, inf, wrong type
    assert Profile(on, sums).column_counts(0).tolist() == [1, 2, 1, 1, 2, 0, 0, 1]


def test_equal_keys_of_two_spellings_do_not_decide_for_each_other() -> None:
    """True == 1 and 2**60 == float(2**60), but as categories they are two, whichever comes first."""
    on = grid(categorical("c", ("true", "1", str(2**60))))
    keys: list[Key] = [True, 1.0, 2**60, float(2**60), False, 0.0]
    nothing = np.zeros((0, 6))
    [forth] = Counter(on).count(rows(nothing, {"c": keys}), np.zeros(6, np.int64), 1)
    [back] = Counter(on).count(rows(nothing, {"c": keys[::-1]}), np.zeros(6, np.int64), 1)
    assert Profile(on, forth).column_counts(0).tolist() == [1, 1, 1, 0, 3, 0, 0, 0, 0]
    assert np.array_equal(forth.ints, back.ints)


def test_odd_values_take_their_special_slot() -> None:
    on = grid(numeric("x", np.arange(100.0)), numeric("y", np.arange(100.0) / 3))
    values = np.full((2, 3), np.nan)
    odd = np.array([[0, 0, WRONG], [1, 1, NAN], [0, 2, INF]])
    [sums] = Counter(on).count(Rows(np.zeros(3, np.int64), values, {}, odd), np.zeros(3, np.int64), 1)
    profile = Profile(on, sums)
    assert profile.column_counts(0)[-SPECIALS:].tolist() == [1, 0, 1, 1]
    assert profile.column_counts(1)[-SPECIALS:].tolist() == [2, 1, 0, 0]


def test_sums_are_exact_in_any_order_and_close_to_the_truth() -> None:
    on, batch = example(4_000)
    counter = Counter(on)
    [whole] = counter.count(batch, np.zeros(4_000, np.int64), 1)
    shuffled = batch.take(np.random.default_rng(2).permutation(4_000))
    cuts = [0, 1, 700, 701, 3_999, 4_000]
    parts = [shuffled.take(np.arange(a, b)) for a, b in pairwise(cuts)]
    total = Sums.total(counter.count(part, np.zeros(len(part), np.int64), 1)[0] for part in parts)
    assert np.array_equal(total.ints, whole.ints)
    x = batch.numbers[0][np.isfinite(batch.numbers[0])]
    n, mean, variance = Profile(on, whole).moments(0)
    assert n == x.size
    assert mean == pytest.approx(x.mean(), abs=1e-6)
    assert variance == pytest.approx(x.var(), rel=1e-2)
    assert Profile(on, whole).bin_sums(0).sum() == pytest.approx(x.sum(), abs=1e-3)
    assert Profile(on, whole).bounds(0) == (x.min(), x.max())


def test_more_panes_than_fit_at_once() -> None:
    on, batch = example(5_000)
    panes = CHUNK_INTS // (len(on.segments) * on.layout.width) + 50
    pane = np.random.default_rng(3).integers(0, panes, len(batch))
    together = Counter(on).count(batch, pane, panes)
    [whole] = Counter(on).count(batch, np.zeros(len(batch), np.int64), 1)
    assert np.array_equal(Sums.total(together).ints, whole.ints)
    assert [s.ints[0, 0] for s in together] == np.bincount(pane, minlength=panes).tolist()
