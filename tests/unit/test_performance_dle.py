"""Direct loss estimation: sums say what rows say, and a profile alone tells the error."""

from math import isnan
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from detectors.performance.dle import FEW, NO_ROWS, Dle
from detectors.performance.dle_fit import fit
from detectors.performance.dle_sums import FOLDS, MOST_CHUNKS, DleSums, groups_of
from drift.core.errors import ProfileMismatch
from drift.core.grid import SPECIALS, Grid
from drift.core.outcome.counting import OutcomeCounter
from drift.core.profile import Profile
from tests.rig.outcomes import binary_grid
from tests.unit.grids import categorical, numeric, ordinal
from tests.unit.regressions import profile, regression, rows_of

Floats = npt.NDArray[np.float64]
HOUR: Final = 3_600_000_000


def draw(n: int, seed: int, shift: float = 0.0) -> tuple[dict[str, Floats], Floats, Floats]:
    """Columns, predictions, labels: the error doubles with `wide` above 0 and does not depend on `idle`."""
    rng = np.random.default_rng(seed)
    x = {"wide": rng.normal(shift, 1, n), "idle": rng.normal(size=n)}
    prediction = 300 + 50 * rng.normal(size=n)
    return x, prediction, prediction + rng.normal(0, 10, n) * np.where(x["wide"] > 0, 2, 1)


COLUMNS, _, LABELS = draw(5_000, 99)
GRID: Final = regression(COLUMNS, LABELS, spread=100)


def summed(n: int, seed: int, on: Grid = GRID, batches: int = 1, length: int | None = HOUR) -> DleSums:
    x, prediction, label = draw(n, seed)
    sums, counter = DleSums(on, length), OutcomeCounter(on)
    seen = counter.predictions.of(rows_of(on, x, prediction, {}), np.zeros(n, np.int64))
    seen["time"] = np.arange(n) * (100 * HOUR // n)
    for part in np.array_split(np.arange(n), batches):
        sums.add(seen[part], label[part])
    return sums


def window(n: int, seed: int, shift: float) -> tuple[Profile, Floats]:
    x, prediction, label = draw(n, seed, shift)
    return profile(GRID, x, prediction), np.abs(prediction - label)


@pytest.fixture(scope="module")
def dle() -> Dle:
    return Dle.of(summed(40_000, 1))


@pytest.mark.parametrize("shift", [-1.5, 0.0, 1.0])
def test_a_profile_alone_tells_the_error(dle: Dle, shift: float) -> None:
    mine, error = window(20_000, 2, shift)
    found = dle.measures(mine)
    assert found["mae"].value == pytest.approx(error.mean(), rel=0.02)
    assert found["rmse"].value == pytest.approx(np.sqrt((error**2).mean()), rel=0.02)
    assert found["mae"].low < error.mean() < found["mae"].high
    assert found["rmse"].low < np.sqrt((error**2).mean()) < found["rmse"].high


def test_a_fit_on_sums_is_ridge_regression_on_rows() -> None:
    from sklearn.linear_model import Ridge

    sums = summed(3_000, 3)
    x, prediction, label = draw(3_000, 3)
    seen = OutcomeCounter(GRID).predictions.of(rows_of(GRID, x, prediction, {}), np.zeros(3_000, np.int64))
    ones = np.zeros((3_000, sums.width))
    for number, slots in enumerate(sums.slots):
        ones[np.arange(3_000), slots[seen["bins"][:, number]]] = 1
    losses = np.stack([np.abs(prediction - label), (prediction - label) ** 2], axis=1) / [128, 128**2]
    found = fit(sums)
    for loss in range(2):
        fitted = found.whole[loss, 0] + ones @ found.whole[loss, 1:]
        others = [Ridge(penalty).fit(ones, losses[:, loss]).predict(ones) for penalty in (3, 30, 300, 3_000, 1e9)]
        assert min(np.abs(fitted - other).max() for other in others) < 1e-6
    chunk = (np.arange(3_000) * (100 * HOUR // 3_000)) // HOUR
    left_out = np.array([found.without[c % FOLDS, 0, 0] + one @ found.without[c % FOLDS, 0, 1:]
                         for one, c in zip(ones, chunk, strict=True)])  # fmt: skip
    assert found.scatter[0] == pytest.approx(((losses[:, 0] - left_out) ** 2).mean(), rel=1e-6)


def test_batches_add() -> None:
    whole, parts = summed(10_000, 4), summed(10_000, 4, batches=7)
    assert (whole.pairs == parts.pairs).all()
    assert np.allclose(whole.crossed, parts.crossed)
    assert np.allclose(whole.totals, parts.totals)
    assert whole.chunks.keys() == parts.chunks.keys()
    assert all(np.allclose(one, parts.chunks[key]) for key, one in whole.chunks.items())
    assert int(whole.rows.sum()) == 10_000


def test_chunks_are_bounded_and_lose_no_row() -> None:
    sums = summed(20_000, 5, length=100 * HOUR // 5_000)
    assert len({chunk for chunk, _ in sums.chunks}) <= MOST_CHUNKS
    assert sum(one[sums.width] for one in sums.chunks.values()) == 20_000
    assert Dle.of(sums).chunks == 625


def test_without_a_time_runs_of_rows_are_chunks() -> None:
    sums = summed(10_500, 6, length=None, batches=3)
    assert len(sums.chunks) == 11


def test_wandering_errors_widen_the_band() -> None:
    steady = summed(40_000, 7)
    x, prediction, label = draw(40_000, 7)
    time = np.arange(40_000) * (100 * HOUR // 40_000)
    wander = np.exp(np.random.default_rng(8).normal(0, 0.2, 101))[time // HOUR]
    sums = DleSums(GRID, HOUR)
    seen = OutcomeCounter(GRID).predictions.of(rows_of(GRID, x, prediction, {}), np.zeros(40_000, np.int64))
    seen["time"] = time
    sums.add(seen, prediction + (label - prediction) * wander)
    wandering, quiet = Dle.of(sums), Dle.of(steady)
    assert np.sqrt(wandering.wander[0]) == pytest.approx(0.2 * wandering.mean[0], rel=0.25)
    assert np.sqrt(quiet.wander[0]) < 0.03 * quiet.mean[0]
    one, other = (each.measures(window(5_000, 9, 0.0)[0])["mae"] for each in (wandering, quiet))
    assert one.high - one.low > 3 * (other.high - other.low)


def test_where_errors_are_larger_they_scatter_more(dle: Dle) -> None:
    """Twice the error, twice the band: of windows of 40 rows that is all but their own scatter."""
    small, large = (dle.measures(window(40, 20, shift)[0])["mae"] for shift in (-2.5, 2.5))
    assert large.value / small.value == pytest.approx(2, rel=0.1)
    assert (large.high - large.low) / (small.high - small.low) == pytest.approx(2, rel=0.2)


def test_rows_outside_the_support_widen_the_band(dle: Dle) -> None:
    mine, _ = window(5_000, 10, 0.0)
    near, far = dle.measures(mine), dle.measures(mine, outside=0.2)
    for name, one in near.items():
        assert far[name].value == one.value
        assert far[name].low < one.low
        assert far[name].high > 1.2 * one.high


def test_a_segment_is_estimated_from_its_own_bins(dle: Dle) -> None:
    x, prediction, label = draw(20_000, 11)
    part = np.where(x["wide"] > 0, "a", "b")
    mine = profile(GRID, x, prediction, part=part.tolist())
    error = np.abs(prediction - label)
    for segment in mine.grid.segments[1:3]:
        expected = error[part == segment.value].mean()
        assert dle.measures(mine, segment.index)["mae"].value == pytest.approx(expected, rel=0.04)
    assert dle.measures(mine, 3)["mae"].why == NO_ROWS


def test_dump_and_load(dle: Dle) -> None:
    mine, _ = window(5_000, 12, 0.5)
    blob = dle.dump()
    assert len(blob) < 10_000
    assert Dle.load(GRID, blob).measures(mine) == dle.measures(mine)
    with pytest.raises(ProfileMismatch, match="no stored loss estimate"):
        Dle.load(GRID, blob[:40])
    with pytest.raises(ProfileMismatch, match="does not fit"):
        Dle.load(regression(COLUMNS, LABELS, spread=1_000), blob)


def test_too_few_rows_say_so() -> None:
    found = Dle.of(summed(200, 13)).measures(window(1_000, 14, 0.0)[0])
    assert isnan(found["mae"].value)
    assert found["rmse"].why == FEW
    assert Dle.load(GRID, Dle.of(summed(200, 13)).dump()).measures(window(1_000, 14, 0.0)[0])["mae"].why == FEW


def test_other_grids_are_refused(dle: Dle) -> None:
    x, prediction, _ = draw(100, 15)
    other = regression(COLUMNS, LABELS, spread=1_000)
    with pytest.raises(ProfileMismatch, match="cannot be read"):
        dle.measures(profile(other, x, prediction))
    with pytest.raises(ProfileMismatch, match="regression"):
        DleSums(binary_grid([0.5], features={"x": [0.0]}))


def test_at_most_sixteen_groups_of_neighbours() -> None:
    wide = numeric("x", np.random.default_rng(16).normal(size=5_000))
    for column in (wide, ordinal("o", (1.0, 2.0, 3.0)), categorical("c", tuple(map(str, range(40))))):
        groups, count = groups_of(column)
        assert groups.size == column.slots
        assert count <= 16
        assert (np.diff(groups) >= 0).all()
        assert set(groups[-SPECIALS:]) == {count - 1}
        assert count - 1 not in groups[:-SPECIALS]
    groups, _ = groups_of(categorical("c", tuple(map(str, range(40)))))
    assert groups[:14].tolist() == list(range(14))
