"""CBPE: what it estimates is what labels would say if scores mean what they meant; bands hold all they must."""

from dataclasses import replace
from math import isnan

import numpy as np
import numpy.typing as npt
import pytest

from detectors.performance import binary
from detectors.performance.cbpe import Estimator
from detectors.performance.cbpe_binary import NAMES, BinaryEstimate
from detectors.performance.cells import Cells
from detectors.performance.expected import Expected
from detectors.performance.options import Payoff, PerformanceOptions
from drift.core.clock import DAY
from drift.core.errors import ProfileMismatch
from drift.core.outcome.sums import Outcomes
from tests.rig.outcomes import binary_grid, chunked, outcomes_of, regression_grid, score_edges

Floats = npt.NDArray[np.float64]
N, CHUNKS = 40_000, 20


def logistic(x: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-x))
    return found


def drawn(n: int, seed: int, shift: float = 0.0, offset: float = 0.0) -> dict[str, npt.NDArray[np.generic]]:
    """Scores that are surer than they should be; what they mean does not depend on the shift."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift - 0.4, 1.5, n)
    g = rng.choice(["a", "b"], n, p=[0.7, 0.3])
    y = rng.random(n) < logistic(x + offset - 0.7 * (g == "b"))
    return {"s": logistic(1.3 * x + 0.2), "y": y.astype(np.int64), "g": g}


ROWS = drawn(N, 1)
GRID = binary_grid(score_edges(ROWS["s"].astype(np.float64), ROWS["y"]), segments={"g": ["a", "b"]})
PARTS = chunked(GRID, ROWS, np.arange(N) * CHUNKS // N, CHUNKS)
REFERENCE = sum(PARTS[1:], PARTS[0])
ESTIMATOR = Estimator.of(REFERENCE, PARTS)


def window(n: int, seed: int, shift: float = 0.0, offset: float = 0.0) -> Outcomes:
    return outcomes_of(GRID, drawn(n, seed, shift, offset))


@pytest.mark.parametrize("shift", [-1.0, 0.0, 0.7])
@pytest.mark.parametrize("segment", [0, 1, 2])
def test_the_estimate_is_what_labels_say(shift: float, segment: int) -> None:
    seen = window(200_000, 2, shift)
    found, real = ESTIMATOR.measures(seen, segment), binary.measures(seen, segment)
    assert tuple(found) == NAMES
    for name, one in found.items():
        assert one.low < real[name].value < one.high, name
        assert one.value == pytest.approx(real[name].value, abs=0.025), name


def test_a_segments_own_meaning_counts() -> None:
    seen = window(100_000, 3)
    real = binary.measures(seen, 2)["precision"].value
    pooled = ESTIMATOR.task.estimate(Outcomes(GRID, seen.sums), 0)["precision"][0]
    assert ESTIMATOR.measures(seen, 2)["precision"].value == pytest.approx(real, abs=0.02)
    # with the pooled calibrator the smaller group would look far better than it is
    assert pooled - real > 0.07


def test_losses_do_not_depend_on_how_coarse_the_cells_are() -> None:
    coarse = binary_grid([0.5])
    reference, seen = outcomes_of(coarse, ROWS), outcomes_of(coarse, drawn(N, 15))
    estimator, real = Estimator.of(reference, []), binary.measures(seen)["log_loss"].value
    assert estimator.measures(seen)["log_loss"].value == pytest.approx(real, abs=0.005)
    assert isinstance(estimator.task, BinaryEstimate)
    middles = replace(estimator, task=replace(estimator.task, excess={}))
    assert abs(middles.measures(seen)["log_loss"].value - real) > 0.01


def test_labels_are_not_looked_at() -> None:
    columns = drawn(3_000, 4)
    with_labels = outcomes_of(GRID, columns)
    without = outcomes_of(GRID, columns, labelled=np.zeros(3_000, np.bool_))
    assert ESTIMATOR.measures(with_labels) == ESTIMATOR.measures(without)


def test_drift_of_the_concept_is_not_seen_and_that_is_said() -> None:
    seen = window(50_000, 5, offset=-1.5)
    assert binary.measures(seen)["precision"].value < ESTIMATOR.measures(seen)["precision"].low - 0.1
    assert "P(label | score), has not changed since the reference; last compared with labels: never" in (
        ESTIMATOR.assumption()
    )
    options = PerformanceOptions(since=0, checked=10 * DAY)
    assert Estimator.of(REFERENCE, [], options).assumption() == (
        "Assumes that what a score means, P(label | score), has not changed since Thu 1 Jan 1970 00:00; "
        "last compared with labels: Sun 11 Jan 1970 00:00."
    )


def test_recent_labels_put_it_right() -> None:
    task = ESTIMATOR.task
    assert isinstance(task, BinaryEstimate)
    recent, seen = window(20_000, 6, offset=-1.5), window(50_000, 7, offset=-1.5)
    anew = Estimator.made(task.recalibrated(recent), range(3), [], PerformanceOptions())
    for segment in range(3):
        wanted, found = binary.measures(seen, segment)["precision"].value, anew.measures(seen, segment)["precision"]
        assert found.value == pytest.approx(wanted, abs=0.03)


def test_rows_outside_the_support_may_be_anything() -> None:
    seen = window(5_000, 8)
    inside, outside = ESTIMATOR.measures(seen)["accuracy"], ESTIMATOR.measures(seen, outside=0.1)["accuracy"]
    assert outside.value == inside.value
    assert outside.low == pytest.approx(0.9 * inside.low)
    assert outside.high == pytest.approx(0.9 * inside.high + 0.1)
    everything = ESTIMATOR.measures(seen, outside=1.0)["f1"]
    assert (everything.low, everything.high) == (0.0, 1.0)


def test_business_value_is_estimated_where_it_is_asked_for() -> None:
    options = PerformanceOptions(value=Payoff(tp=10, fp=-2, fn=-5, tn=0))
    estimator, seen = Estimator.of(REFERENCE, PARTS, options), window(100_000, 9)
    found, real = estimator.measures(seen)["value"], binary.measures(seen, options=options)["value"]
    assert found.low < real.value < found.high
    assert estimator.measures(seen, outside=0.5)["value"].low == pytest.approx(0.5 * found.low - 2.5)


def test_too_few_labels_are_not_estimated_from() -> None:
    few = outcomes_of(GRID, {name: values[:200] for name, values in drawn(N, 10, shift=-2.5).items()})
    estimator = Estimator.of(few, [])
    found = estimator.measures(window(1_000, 11))
    assert all(isnan(one.value) and "fewer than 50 labels of one class" in one.why for one in found.values())
    assert ESTIMATOR.measures(Outcomes.empty(GRID))["f1"].why == "no prediction"
    # `other` had no row at all
    assert "fewer than 50" in ESTIMATOR.measures(window(1_000, 11), 3)["accuracy"].why
    with pytest.raises(ProfileMismatch, match="dle"):
        Estimator.of(Outcomes.empty(regression_grid([1.0])), [])


def test_nothing_predicted_positive_has_no_precision() -> None:
    columns = drawn(2_000, 12)
    columns["s"] = np.minimum(columns["s"].astype(np.float64), 0.4)
    found = ESTIMATOR.measures(outcomes_of(GRID, columns))
    assert not found["precision"].known
    assert found["precision"].why == "not defined for these predictions"
    assert found["accuracy"].known
    assert found["recall"].value == 0.0


@pytest.mark.parametrize("name", [*NAMES, "value"])
def test_gradients_are_those_of_the_values(name: str) -> None:
    rng = np.random.default_rng(13)
    cells = Cells.of(GRID)
    totals = rng.integers(1, 60, (cells.size + 1, 3)).astype(np.float64)
    positives = totals * rng.random(totals.shape)
    payoff = Payoff(1, 2, 3, 4)
    _, gradient = Expected(positives, totals, cells).metrics(payoff)[name]
    for k, guess in ((0, 0), (50, 1), (120, 0), (cells.size - 1, 2), (cells.size, 1)):
        moved = np.zeros_like(totals)
        moved[k, guess] = 1e-4
        up, down = (Expected(positives + sign * moved, totals, cells).metrics(payoff)[name][0] for sign in (1, -1))
        assert gradient[k, guess] == pytest.approx((up - down) / 2e-4, rel=1e-4, abs=1e-9)
