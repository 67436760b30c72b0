"""Products of columns: against the plain sum over rows, through storing, cutting and adding."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from drift.core.baseline import only
from drift.core.counting import Counter
from drift.core.cross import CLIP, MOST_COLUMNS, PER_UNIT, Cross, bin_scores, products
from drift.core.errors import ProfileMismatch, SchemaError
from drift.core.grid import WRONG, Grid
from drift.core.profile import Profile, Sums
from drift.core.rows import Key, Rows
from tests.unit.crossed import correlated, scored
from tests.unit.grids import categorical, grid, numeric, ordinal
from tests.unit.samples import count

RNG = np.random.default_rng(0)
SAMPLE = np.stack([RNG.normal(size=5_000), RNG.choice([1.0, 2.0, 3.0], 5_000), RNG.lognormal(0, 2, 5_000)])
ON = scored(
    grid(numeric("x", SAMPLE[0]), categorical("c", ("a", "b")), ordinal("o", (1.0, 2.0, 3.0)),
         numeric("y", SAMPLE[2]), segments=(("c", ("a",)),)),
    SAMPLE,
)  # fmt: skip


def batch(n: int, seed: int = 1) -> Rows:
    rng = np.random.default_rng(seed)
    values = np.stack([rng.normal(size=n), rng.choice([1.0, 2.0, 3.0, 9.0], n), rng.lognormal(0, 2, n)])
    values[rng.random(values.shape) < 0.05] = np.nan
    values[rng.random(values.shape) < 0.01] = np.inf
    odd = np.array([[2, 0, WRONG]] if n else np.zeros((0, 3)), np.int64)
    keys: list[Key] = ["a" if i % 2 == 0 else "b" for i in range(n)]
    return Rows(np.zeros(n, np.int64), values, {"c": keys}, odd)


def plain(on: Grid, rows: Rows) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(d, n) scores, one `searchsorted` at a time."""
    found = np.zeros((len(on.scores), len(rows)), np.int64)
    for i, (column, scores) in enumerate(zip(on.crossed.tolist(), on.scores, strict=True)):
        of = on.columns[column]
        for row, x in enumerate(rows.numbers[i].tolist()):
            if not np.isfinite(x) or (rows.odd[:, :2] == (i, row)).all(axis=1).any():
                continue
            if of.edges:
                found[i, row] = scores[int(np.searchsorted(of.edges, x, "right"))]
            elif x in of.values:
                found[i, row] = scores[of.values.index(x)]
    return found


def counted(on: Grid, rows: Rows) -> Profile:
    [sums] = Counter(on).count(rows, np.zeros(len(rows), np.int64), 1)
    return Profile(on, sums)


@pytest.mark.parametrize("n", [0, 1, 7, 3_000])
def test_products_totals_and_squares_are_those_of_the_rows(n: int) -> None:
    rows = batch(n)
    cross, z = Cross.of(counted(ON, rows)), plain(ON, rows)
    assert cross is not None
    assert np.array_equal(cross.product, z @ z.T)
    assert np.array_equal(cross.total, z.sum(axis=1))
    assert cross.rows == n
    assert cross.columns.tolist() == [0, 2, 3]


def test_panes_equal_counting_each_apart() -> None:
    rows, pane = batch(2_000), np.random.default_rng(2).integers(0, 7, 2_000)
    for number, sums in enumerate(Counter(ON).count(rows, pane, 7)):
        z = plain(ON, rows.take(np.flatnonzero(pane == number)))
        assert sums.cross.tolist() == [int(z[i] @ z[j]) for i, j in ((0, 1), (0, 2), (1, 2))]


def test_more_rows_than_single_precision_holds_stay_exact() -> None:
    """Beyond 2**24 single precision has no odd numbers; 59,999 rows of large scores sum up to one at 2**24.9."""
    scores = np.full((2, 59_999), 23, np.int8)
    assert products(scores, np.zeros(59_999, np.int64), 1).tolist() == [[59_999 * 23 * 23]]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=6), st.integers(0, 1_000))
def test_any_cut_adds_up_to_the_whole(sizes: list[int], seed: int) -> None:
    rows = batch(sum(sizes), seed)
    cuts = np.cumsum([0, *sizes])
    parts = [counted(ON, rows.take(np.arange(a, b))).sums for a, b in pairwise(cuts)]
    whole = counted(ON, rows).sums
    assert np.array_equal(Sums.total(parts).cross, whole.cross)
    assert np.array_equal(Sums.load(Sums.fold(part.dump() for part in parts)).cross, whole.cross)


def test_a_negative_delta_takes_a_row_back() -> None:
    sums = counted(ON, batch(50)).sums
    back = Sums(-sums.ints, sums.low, sums.high, -sums.cross)
    assert not (sums + Sums.load(back.dump())).cross.any()


def test_products_are_stored_with_the_first_block() -> None:
    rng = np.random.default_rng(3)
    sample = rng.normal(size=(150, 400))
    on = scored(grid(*(numeric(f"x{i}", row) for i, row in enumerate(sample))), sample)
    profile = count(on, sample)
    blobs = profile.dump()
    assert [Sums.load(blob).cross.size for blob in blobs] == [150 * 149 // 2, 0, 0]
    assert np.array_equal(Profile.load(on, blobs).sums.cross, profile.sums.cross)


def test_sums_of_before_are_read_and_written_as_before() -> None:
    """A grid without scores writes the first format, byte for byte; its id has not changed either."""
    bare = Grid(ON.columns, ON.segment_grids)
    blob = counted(bare, batch(10)).sums.dump()
    assert blob[0] == 1
    assert Sums.load(blob).cross.size == 0
    assert b"scores" not in bare.dump()
    assert Grid.load(bare.dump()) == bare
    assert counted(ON, batch(10)).sums.dump()[0] == 2
    assert Grid.load(ON.dump()) == ON
    assert Cross.of(counted(bare, batch(10))) is None


def test_what_is_unknown_stays_unknown() -> None:
    sums = counted(ON, batch(10)).sums
    unkept = Sums(sums.ints, sums.low, sums.high)
    assert (sums + unkept).cross.size == (unkept + sums).cross.size == 0
    assert only(ON, unkept, [0]).cross.size == 0


def test_products_with_columns_taken_out_are_gone() -> None:
    sums = counted(ON, batch(1_000)).sums
    assert np.array_equal(only(ON, sums, range(4)).cross, sums.cross)
    assert only(ON, sums, [0, 1, 3]).cross.tolist() == [0, int(sums.cross[1]), 0]
    assert not only(ON, sums, [0]).cross.any()


def test_other_widths_are_refused() -> None:
    sums = counted(ON, batch(10)).sums
    wrong = Sums(sums.ints, sums.low, sums.high, sums.cross[:2])
    with pytest.raises(ProfileMismatch, match="2 products"):
        Profile(ON, wrong)
    with pytest.raises(ProfileMismatch, match="different grids"):
        sums + wrong
    with pytest.raises(SchemaError, match="as many scores"):
        Grid(ON.columns, scores=((1, 2),))


def test_scores_are_normal_quantiles_of_mid_ranks() -> None:
    expected = np.clip(stats.norm.ppf([0.0, 0.05, 0.35, 0.8, 1.0]), -CLIP, CLIP) * PER_UNIT
    assert bin_scores([0, 10, 50, 40, 0]) == tuple(np.rint(expected).astype(int).tolist())
    assert bin_scores([0, 0]) == (0, 0)


def test_only_the_first_200_measured_columns_are_scored() -> None:
    sample = np.random.default_rng(4).normal(size=(MOST_COLUMNS + 5, 200))
    on = scored(grid(categorical("c", ("a",)), *(numeric(f"x{i}", row) for i, row in enumerate(sample))), sample)
    assert on.crossed.tolist() == list(range(1, MOST_COLUMNS + 1))
    assert count(on, sample, {"c": ["a"] * 200}).sums.cross.size == MOST_COLUMNS * (MOST_COLUMNS - 1) // 2


def test_correlations_are_those_of_the_scores() -> None:
    """A lognormal column tells the same as the normal one that it is the exponential of."""
    rows = correlated(3, 40_000, 5)
    sample = np.stack([rows[0], np.exp(2 * rows[1]), rows[2]])
    on = scored(grid(*(numeric(f"x{i}", row) for i, row in enumerate(sample))), sample)
    cross = Cross.of(count(on, sample))
    assert cross is not None
    assert cross.correlation[0, 1] == pytest.approx(0.8, abs=0.01)
    assert cross.correlation[0, 2] == pytest.approx(0.0, abs=0.02)
    np.testing.assert_allclose(cross.mean, 0.0, atol=0.01)
    np.testing.assert_allclose(np.diag(cross.covariance), 1.0, atol=0.02)


def test_a_constant_column_correlates_with_nothing() -> None:
    sample = np.stack([np.random.default_rng(6).normal(size=500), np.full(500, 3.0)])
    on = scored(grid(numeric("x", sample[0]), ordinal("k", (3.0,))), sample)
    cross = Cross.of(count(on, sample))
    assert cross is not None
    assert cross.correlation.tolist() == [[1.0, 0.0], [0.0, 1.0]]
