"""Calibrators: isotonic as scikit-learn's, empty cells, shrunken segments, recent labels."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.isotonic import IsotonicRegression

from detectors.performance.calibration import Calibrator, Counts, isotonic, of_segments, offset_of
from detectors.performance.cells import Cells
from drift.core.outcome.sums import Outcomes
from tests.rig.outcomes import binary_grid, outcomes_of

Floats = npt.NDArray[np.float64]
EDGES: list[float] = np.linspace(0.02, 0.98, 49).tolist()
CELLS = Cells.of(binary_grid(EDGES))


def counts(positives: Floats, totals: Floats) -> Counts:
    return Counts(positives.astype(np.float64), totals.astype(np.float64), totals.astype(np.float64))


def logistic(x: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-x))
    return found


def drawn(n: int, seed: int, offset: float = 0.0) -> Counts:
    """Cells whose true chance is their middle, moved."""
    rng = np.random.default_rng(seed)
    s = rng.random(n)
    y = rng.random(n) < logistic(np.log(s / (1 - s)) + offset)
    return Counts.of(outcomes_of(binary_grid(EDGES), {"s": s, "y": y.astype(np.int64)}))


@pytest.mark.parametrize("seed", range(5))
def test_isotonic_is_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rates, weights = rng.random(80) + np.linspace(0, 1, 80), rng.integers(1, 50, 80).astype(np.float64)
    found, block = isotonic(rates, weights)
    wanted = IsotonicRegression().fit(np.arange(80), rates, sample_weight=weights).predict(np.arange(80))
    assert found == pytest.approx(wanted, abs=1e-12)
    assert (np.diff(found) > 0).tolist() == (np.diff(block) > 0).tolist()


def test_positives_are_kept_and_rates_only_rise() -> None:
    seen = drawn(5_000, 1)
    found = Calibrator.of(seen, CELLS)
    assert (np.diff(found.chance[:-1]) >= 0).all()
    assert (found.chance * seen.totals).sum() == pytest.approx(seen.positives.sum())
    assert found.chance[:-1] == pytest.approx(CELLS.centres, abs=0.12)
    assert found.enough
    assert not Calibrator.of(drawn(90, 2), CELLS).enough


def test_a_cell_without_rows_lies_between_its_neighbours() -> None:
    totals = np.zeros(51)
    totals[[10, 30]] = 100
    found = Calibrator.of(
        counts(np.where(np.arange(51) == 30, 80.0, np.where(np.arange(51) == 10, 20.0, 0.0)), totals), CELLS
    )
    assert found.chance[20] == pytest.approx(0.5)
    assert found.chance[0] == found.chance[10] == 0.2
    assert found.chance[49] == 0.8
    # rows without a score have the overall rate while there are few of them
    assert found.chance[50] == 0.5


def test_rows_without_a_score_have_a_rate_of_their_own_where_there_are_enough() -> None:
    totals, positives = np.full(51, 20.0), np.linspace(0, 20, 51)
    totals[50], positives[50] = 200, 10
    found = Calibrator.of(counts(positives, totals), CELLS)
    assert found.chance[50] == 0.05
    assert (found.block == found.block[50]).sum() == 1


def test_a_blocks_error_is_that_of_its_rate() -> None:
    """Against 400 refits: the variance of one block's rate, which all its cells share."""
    totals = np.full(51, 40.0)
    p = np.repeat([0.2, 0.7], [25, 26])
    rng = np.random.default_rng(3)
    drawn_ones = rng.binomial(40, p, (400, 51)).astype(np.float64)
    rates = [Calibrator.of(counts(one, totals), CELLS).chance[:25].mean() for one in drawn_ones]
    fitted = Calibrator.of(counts(p * 40, totals), CELLS)
    assert fitted.variance[fitted.block[0]] == pytest.approx(np.var(rates), rel=0.25)


def test_an_offset_is_found_with_its_error() -> None:
    found = np.array([offset_of(np.append(CELLS.centres, 0.5), drawn(500, seed, -0.7)) for seed in range(200)])
    assert found[:, 0].mean() == pytest.approx(-0.7, abs=0.03)
    assert np.std(found[:, 0]) == pytest.approx(np.mean(found[:, 1] ** -0.5), rel=0.15)


def grouped(sizes: dict[str, int], offsets: dict[str, float], seed: int = 0) -> Outcomes:
    rng = np.random.default_rng(seed)
    g = np.repeat(list(sizes), list(sizes.values()))
    s = rng.random(g.size)
    y = rng.random(g.size) < logistic(np.log(s / (1 - s)) + np.array([offsets.get(one, 0.0) for one in g]))
    grid = binary_grid(EDGES, segments={"g": list(sizes)})
    return outcomes_of(grid, {"s": s, "y": y.astype(np.int64), "g": g})


def test_segments_are_moved_as_far_as_they_can_prove() -> None:
    sizes = {"a": 20_000, "b": 4_000, "c": 250, "d": 60}
    outcomes = grouped(sizes, {"b": -0.7, "c": -0.7})
    found = of_segments(outcomes, Calibrator.of(Counts.of(outcomes), CELLS))
    offsets = {one.value: found[one.index] for one in outcomes.grid.segments}
    assert offsets["d"] is None
    assert offsets["other"] is None
    a, b, c = (offsets[name] for name in "abc")
    assert a is not None
    assert b is not None
    assert c is not None
    # pooled, the groups' mean is 0
    assert b.offset - a.offset == pytest.approx(-0.7, abs=0.12)
    chance = Calibrator.of(Counts.of(outcomes), CELLS).chance
    (raw_b, _), (raw_c, _) = (offset_of(chance, Counts.of(outcomes, segment)) for segment in (2, 3))
    assert b.offset / raw_b > 0.95
    assert 0.5 < c.offset / raw_c < 0.95
    assert c.offset_variance > 5 * b.offset_variance


def test_segments_that_are_alike_are_the_pooled_one() -> None:
    sizes = dict.fromkeys("abcdefgh", 400)
    spread = []
    for seed in range(20):
        outcomes = grouped(sizes, {}, seed)
        found = of_segments(outcomes, Calibrator.of(Counts.of(outcomes), CELLS))
        spread += [one.offset for index, one in found.items() if index and one is not None]
    # unshrunk, 400 rows have a standard error of .13
    assert np.std(spread) < 0.06


def test_recent_labels_move_or_refit() -> None:
    before = Calibrator.of(drawn(20_000, 5), CELLS)
    assert before.recalibrated(drawn(80, 6, 1.0), CELLS) is before
    moved = before.recalibrated(drawn(600, 7, 1.0), CELLS)
    assert moved.offset == pytest.approx(1.0, abs=0.3)
    assert moved.offset_variance > 0
    fresh = before.recalibrated(drawn(20_000, 8, 1.0), CELLS)
    assert fresh.offset == 0.0
    assert fresh.chance[25] == pytest.approx(logistic(np.array(np.log(0.51 / 0.49) + 1)), abs=0.06)
