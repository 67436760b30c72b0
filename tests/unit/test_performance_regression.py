"""Realised metrics of regressions: scikit-learn's on the same rows, and intervals that hold the truth."""

from math import isnan, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from detectors.performance.regression import ALIKE, NO_LABEL, ZERO_LABEL, measures
from drift.core.errors import ProfileMismatch
from drift.core.grid import Grid
from drift.core.outcome.grid import OutcomeGrid, Task
from drift.core.outcome.sums import Outcomes
from drift.core.performance import Measures
from drift.core.rows import Key
from tests.unit.grids import numeric
from tests.unit.regressions import outcomes, regression

Floats = npt.NDArray[np.float64]
QUANTILES: Final = (0.1, 0.5, 0.9)


def draw(n: int, seed: int = 1) -> tuple[Floats, Floats, Floats]:
    """A feature, predictions and labels around 300 with errors of 20, larger where the feature is."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    label = 300 + 50 * x + rng.normal(0, 20, n) * (1 + 0.3 * np.abs(x))
    return x, 302 + 48 * x, label


def sklearn_of(label: Floats, prediction: Floats, weight: Floats | None = None) -> dict[str, float]:
    from sklearn import metrics

    given = {"sample_weight": weight}
    return {
        "mae": metrics.mean_absolute_error(label, prediction, **given),
        "rmse": metrics.root_mean_squared_error(label, prediction, **given),
        "r2": metrics.r2_score(label, prediction, **given),
        "bias": float(np.average(prediction - label, weights=weight)),
        "mape": metrics.mean_absolute_percentage_error(label, prediction, **given),
        **{f"pinball_{q:g}": metrics.mean_pinball_loss(label, prediction, alpha=q, **given) for q in QUANTILES},
    }


def measured(n: int, seed: int = 1, **keys: list[Key]) -> tuple[Measures, Floats, Floats]:
    x, prediction, label = draw(n, seed)
    on = regression({"x": draw(5_000, 99)[0]}, draw(5_000, 99)[2], weight="w" in keys)
    return measures(outcomes(on, {"x": x}, prediction, label, **keys)[0]), label, prediction


def test_equal_to_scikit_learn() -> None:
    found, label, prediction = measured(70_000)
    expected = sklearn_of(label, prediction)
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-9), name
        assert found[name].low < found[name].value < found[name].high, name


def test_equal_to_scikit_learn_with_weights() -> None:
    weight = np.random.default_rng(5).gamma(2.0, size=20_000)
    found, label, prediction = measured(20_000, w=weight.tolist())
    for name, value in sklearn_of(label, prediction, weight).items():
        assert found[name].value == pytest.approx(value, rel=1e-5), name
        assert found[name].low < found[name].value < found[name].high, name


def test_whole_weights_count_like_repeated_rows() -> None:
    weight = np.random.default_rng(6).integers(0, 4, 3_000)
    found, label, prediction = measured(3_000, w=weight.tolist())
    repeated = sklearn_of(np.repeat(label, weight), np.repeat(prediction, weight))
    for name, value in repeated.items():
        assert found[name].value == pytest.approx(value, rel=1e-7), name


def test_segments_are_their_rows() -> None:
    x, prediction, label = draw(4_000)
    part = np.where(np.arange(4_000) % 3 == 0, "a", "b")
    on = regression({"x": x}, label)
    sums, _ = outcomes(on, {"x": x}, prediction, label, part=part.tolist())
    for segment in on.segments[1:3]:
        mine = part == segment.value
        expected = sklearn_of(label[mine], prediction[mine])
        found = measures(sums, segment.index)
        assert {name: one.value for name, one in found.items()} == pytest.approx(expected, rel=1e-9)
    other = measures(sums, 3)
    assert {one.why for one in other.values()} == {NO_LABEL}


@pytest.mark.parametrize(("n", "weighted"), [(60, False), (2_000, False), (300, True)])
def test_intervals_hold_the_truth(n: int, weighted: bool) -> None:
    """95 % of 400 windows; four standard errors of that are 4.4 points."""
    whole = sklearn_of(*draw(2_000_000, 7)[:0:-1])
    rng = np.random.default_rng(8)
    inside = dict.fromkeys(whole, 0)
    on = regression({"x": draw(5_000, 99)[0]}, draw(5_000, 99)[2], weight=weighted)
    for seed in range(400):
        x, prediction, label = draw(n, 1_000 + seed)
        keys: dict[str, list[Key]] = {"w": rng.gamma(2.0, size=n).tolist()} if weighted else {}
        found = measures(outcomes(on, {"x": x}, prediction, label, **keys)[0])
        for name, value in whole.items():
            inside[name] += found[name].low <= value <= found[name].high
    shares = {name: count / 400 for name, count in inside.items()}
    assert all(0.906 <= share <= 0.994 for share in shares.values()), shares


def test_nothing_is_said_of_no_labels_nor_of_labels_without_spread() -> None:
    x, prediction, label = draw(500)
    on = regression({"x": x}, label)
    none = measures(outcomes(on, {"x": x}, prediction, np.full(500, np.nan))[0])
    assert all(isnan(one.value) and one.why == NO_LABEL for one in none.values())
    flat = measures(outcomes(on, {"x": x}, prediction, np.full(500, 300.0))[0])
    assert (isnan(flat["r2"].value), flat["r2"].why) == (True, ALIKE)
    assert flat["mae"].known


def test_labels_of_zero_have_no_percentage() -> None:
    x, prediction, label = draw(500)
    on = regression({"x": x}, label)
    label[3] = 0.0
    found = measures(outcomes(on, {"x": x}, prediction, label)[0])
    assert (isnan(found["mape"].value), found["mape"].why) == (True, ZERO_LABEL)
    assert found["mae"].value == pytest.approx(sklearn_of(label, prediction)["mae"])


def test_one_row_has_values_without_intervals_and_perfect_ones_no_error() -> None:
    x, prediction, label = draw(500)
    on = regression({"x": x}, label)
    one = measures(outcomes(on, {"x": x[:1]}, prediction[:1], label[:1])[0])
    assert one["mae"].value == pytest.approx(abs(prediction[0] - label[0]))
    assert isnan(one["mae"].low)
    assert isnan(one["rmse"].high)
    best = measures(outcomes(on, {"x": x}, label, label)[0])
    assert (best["rmse"].value, best["r2"].value, best["r2"].low) == (0.0, 1.0, 1.0)


def test_the_interval_of_the_mean_is_students() -> None:
    found, label, prediction = measured(12)
    from scipy import stats

    error = np.abs(prediction - label)
    half = stats.t.ppf(0.975, 11) * error.std(ddof=1) / sqrt(12)
    assert found["mae"].high - found["mae"].value == pytest.approx(half, rel=1e-6)


def test_a_classifier_is_refused() -> None:
    score = numeric("s", np.linspace(0, 1, 200))
    outcome = OutcomeGrid(Task.BINARY, "y", classes=("0", "1"), scores=("s",), calibrated=((0.5,) * score.bins,))
    with pytest.raises(ProfileMismatch, match="of a binary model"):
        measures(Outcomes.empty(Grid((score,), outcomes=outcome)))


def test_the_intervals_of_ratios_and_roots_are_those_of_their_rows_influence() -> None:
    """Of skewed labels, far from where the grid counts them, whose errors grow with them: every moment counts."""
    from scipy import stats

    rng = np.random.default_rng(9)
    label = rng.lognormal(3, 0.6, 800)
    prediction = label * rng.normal(1.1, 0.3, 800)
    on = regression({"x": label}, label + 30)
    found = measures(outcomes(on, {"x": label}, prediction, label)[0])
    square, spread = (prediction - label) ** 2, (label - label.mean()) ** 2
    t = stats.t.ppf(0.975, 799)
    influence = square / square.mean() - spread / spread.mean()
    factor = np.exp(t * influence.std() / sqrt(800))
    assert found["r2"].low == pytest.approx(1 - (1 - found["r2"].value) * factor, rel=1e-6)
    assert found["r2"].high == pytest.approx(1 - (1 - found["r2"].value) / factor, rel=1e-6)
    factor = np.exp(t * square.std(ddof=1) / square.mean() / sqrt(800) / 2)
    assert found["rmse"].high == pytest.approx(found["rmse"].value * factor, rel=1e-6)
    assert found["rmse"].low == pytest.approx(found["rmse"].value / factor, rel=1e-6)
