"""Gaps between groups: Fairlearn's on the same rows, and quiet where groups are alike."""

from math import isnan
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest

from detectors.performance import binary
from detectors.performance import regression as errors
from detectors.performance.fairness import ODDS, PARITY, gaps
from drift.core.errors import ConfigError
from drift.core.outcome.sums import Outcomes
from drift.core.performance import Gap
from tests.rig.outcomes import binary_grid, multiclass_grid, outcomes_of
from tests.unit.regressions import outcomes as regressed
from tests.unit.regressions import regression

Columns = dict[str, npt.NDArray[Any]]
GROUPS: Final = ("a", "b", "c")
EDGES: Final = np.linspace(0.05, 0.95, 19).tolist()
GRID: Final = binary_grid(EDGES, segments={"group": GROUPS})


def draw(n: int, seed: int, groups: tuple[str, ...] = GROUPS, unlike: bool = True) -> Columns:
    """Group b has more positives, and c worse scores."""
    rng = np.random.default_rng(seed)
    group = rng.choice(groups, n)
    base = np.where(group == "b", 0.8, 0.0) * unlike
    logit = base + rng.normal(-0.5, 1.5, n)
    y = rng.random(n) < 1 / (1 + np.exp(-logit))
    noise = rng.normal(0, np.where(group == "c", 2.0, 0.2) if unlike else 0.2, n)
    return {"group": group, "s": 1 / (1 + np.exp(-(logit + noise))), "y": y.astype(np.int64)}


def by_metric(sums: Outcomes, **more: Any) -> dict[str, Gap]:
    return {one.metric: one for one in gaps(sums, ["group"], **more)}


def expected(columns: Columns, weight: npt.NDArray[Any] | None = None) -> dict[str, tuple[float, float]]:
    """As Fairlearn defines them, by hand: difference and ratio of rates by group."""
    weight = np.ones(columns["s"].size) if weight is None else weight
    guess, true = columns["s"] >= 0.5, columns["y"] == 1
    found = dict[str, tuple[float, float]]()
    for name, (hit, trial) in {
        "accuracy": (guess == true, np.ones_like(true)), "precision": (true, guess), "recall": (guess, true),
        "specificity": (~guess, ~true), "false_positive_rate": (guess, ~true), PARITY: (guess, np.ones_like(true)),
    }.items():  # fmt: skip
        rates = []
        for group in np.unique(columns["group"]):
            mine = trial & (columns["group"] == group)
            rates.append(np.average(hit[mine], weights=weight[mine]))
        found[name] = (max(rates) - min(rates), min(rates) / max(rates))
    both = [found["recall"], found["false_positive_rate"]]
    found[ODDS] = (max(one for one, _ in both), min(two for _, two in both))
    return found


def test_differences_and_ratios_are_those_of_the_rows() -> None:
    columns = draw(6_000, 1)
    found = by_metric(outcomes_of(GRID, columns))
    for name, (difference, ratio) in expected(columns).items():
        assert found[name].difference == pytest.approx(difference, abs=1e-12), name
        assert found[name].ratio == pytest.approx(ratio, abs=1e-12), name
    assert (found[PARITY].best, found["accuracy"].worst) == ("b", "c")


def test_weights_are_those_of_the_rows() -> None:
    columns = draw(6_000, 2)
    weight = np.random.default_rng(3).gamma(1.0, size=6_000)
    on = binary_grid(EDGES, segments={"group": GROUPS}, weight="w")
    found = by_metric(outcomes_of(on, {**columns, "w": weight}))
    plain = by_metric(outcomes_of(GRID, columns))
    for name, (difference, ratio) in expected(columns, weight).items():
        assert found[name].difference == pytest.approx(difference, abs=1e-5), name
        assert found[name].ratio == pytest.approx(ratio, abs=1e-5), name
        # exponential weights are worth half the rows
        assert found[name].null == pytest.approx(plain[name].null * np.sqrt(2), rel=0.12), name


def test_equal_to_fairlearn() -> None:
    metrics = pytest.importorskip("fairlearn.metrics", reason="fairlearn is not installed")
    from sklearn.metrics import accuracy_score, log_loss, precision_score, recall_score

    columns = draw(6_000, 4)
    true, guess, group = columns["y"], (columns["s"] >= 0.5).astype(int), columns["group"]
    sums = outcomes_of(GRID, columns)
    found = by_metric(sums, measured=[binary.measures(sums, segment.index) for segment in GRID.segments])
    frame = metrics.MetricFrame(
        metrics={
            "accuracy": accuracy_score, "precision": precision_score, "recall": recall_score,
            "false_positive_rate": metrics.false_positive_rate, "specificity": metrics.true_negative_rate,
            PARITY: metrics.selection_rate,
        },
        y_true=true, y_pred=guess, sensitive_features=group,
    )  # fmt: skip
    difference, ratio = frame.difference(), frame.ratio()
    for name in frame.by_group.columns:
        assert found[name].difference == pytest.approx(difference[name], abs=1e-12), name
        assert found[name].ratio == pytest.approx(ratio[name], abs=1e-12), name
    losses = metrics.MetricFrame(metrics=log_loss, y_true=true, y_pred=columns["s"], sensitive_features=group)
    assert found["log_loss"].difference == pytest.approx(losses.difference(), abs=1e-9)
    given = {"sensitive_features": group}
    assert found[PARITY].difference == pytest.approx(metrics.demographic_parity_difference(true, guess, **given))
    assert found[PARITY].ratio == pytest.approx(metrics.demographic_parity_ratio(true, guess, **given))
    assert found[ODDS].difference == pytest.approx(metrics.equalized_odds_difference(true, guess, **given))
    assert found[ODDS].ratio == pytest.approx(metrics.equalized_odds_ratio(true, guess, **given))


def test_eight_equal_groups_differ_and_stay_below_their_null() -> None:
    """Recall of eight groups of 2,000 rows differs by about .07; beyond the null in 5 % of windows."""
    names = tuple("abcdefgh")
    on = binary_grid(EDGES, segments={"group": names})
    beyond, differences = {ODDS: 0, PARITY: 0, "accuracy": 0, "recall": 0}, []
    windows = 80
    for seed in range(windows):
        rng = np.random.default_rng(100 + seed)
        y = rng.random(16_000) < 1 / 6
        s = np.where(rng.random(16_000) < np.where(y, 0.7, 0.1), 0.8, 0.2)
        found = by_metric(outcomes_of(on, {"group": rng.choice(names, 16_000), "s": s, "y": y.astype(np.int64)}))
        differences.append(found["recall"].difference)
        for name in beyond:
            beyond[name] += found[name].difference > found[name].null
    assert np.mean(differences) == pytest.approx(0.072, abs=0.006)
    assert all(count <= 11 for count in beyond.values()), beyond
    assert sum(beyond.values()) > 0


def test_groups_that_are_unlike_stand_out() -> None:
    found = by_metric(outcomes_of(GRID, draw(6_000, 5)))
    for name in (PARITY, "accuracy", "recall"):
        assert found[name].difference > 1.5 * found[name].null, name
        assert 0 < found[name].low < found[name].difference < found[name].high, name


def test_the_band_holds_the_difference_of_two_groups() -> None:
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(300 + seed)
        group = rng.choice(["a", "b"], 2_000)
        y = rng.random(2_000) < np.where(group == "a", 0.6, 0.8)
        columns = {"group": group, "s": np.full(2_000, 0.9), "y": y.astype(np.int64)}
        found = by_metric(outcomes_of(GRID, columns))["accuracy"]
        inside += found.low <= 0.2 <= found.high
    assert 178 <= inside <= 199


def test_small_and_empty_groups_are_left_out() -> None:
    columns = draw(6_000, 6)
    keep = (columns["group"] != "c") | (np.cumsum(columns["group"] == "c") <= 20)
    found = by_metric(outcomes_of(GRID, {name: values[keep] for name, values in columns.items()}))
    two = by_metric(outcomes_of(GRID, {name: values[columns["group"] != "c"] for name, values in columns.items()}))
    assert found == two
    assert {one.worst for one in found.values()} | {one.best for one in found.values()} == {"a", "b"}


def test_parity_needs_no_labels() -> None:
    columns = draw(6_000, 7)
    found = by_metric(outcomes_of(GRID, columns, labelled=np.zeros(6_000, np.bool_)))
    assert found.keys() == {PARITY}
    assert found[PARITY].difference == pytest.approx(expected(columns)[PARITY][0])
    sums = outcomes_of(GRID, columns)
    measured = [binary.measures(sums, segment.index) for segment in GRID.segments]
    assert by_metric(sums, measured=measured, realized=False) == found


def test_a_group_without_positives_has_no_recall() -> None:
    columns = draw(6_000, 8)
    columns["y"][columns["group"] == "c"] = 0
    found = by_metric(outcomes_of(GRID, columns))
    assert {found["recall"].worst, found["recall"].best} == {"a", "b"}
    assert found["false_positive_rate"].worst in GROUPS


def test_other_metrics_come_as_they_were_measured() -> None:
    rng = np.random.default_rng(9)
    x, part = rng.normal(size=4_000), rng.choice(["a", "b"], 4_000)
    label = 300 + 50 * x
    prediction = label + rng.normal(0, np.where(part == "a", 5, 10))
    on = regression({"x": x}, label)
    sums, _ = regressed(on, {"x": x}, prediction, label, part=part.tolist())
    measured = [errors.measures(sums, segment.index) for segment in on.segments]
    found = {one.metric: one for one in gaps(sums, ["part"], measured)}
    mae = [np.abs(prediction - label)[part == one].mean() for one in "ab"]
    assert found["mae"].difference == pytest.approx(mae[1] - mae[0])
    assert (found["mae"].worst, found["r2"].worst) == ("b", "b")
    assert found["mae"].difference > 5 * found["mae"].null
    assert found["bias"].difference < 2 * found["bias"].null
    assert isnan(found["bias"].ratio)


def test_of_several_classes_accuracy_is_compared() -> None:
    rng = np.random.default_rng(10)
    group, y = rng.choice(["a", "b"], 4_000), rng.integers(0, 3, 4_000)
    guess = np.where(rng.random(4_000) < np.where(group == "a", 0.9, 0.6), y, (y + 1) % 3)
    scores = {f"s_{one}": np.where(guess == one, 0.8, 0.1) for one in range(3)}
    on = multiclass_grid({str(one): [0.5] for one in range(3)}, segments={"group": ["a", "b"]})
    found = by_metric(outcomes_of(on, {**scores, "y": y, "group": group}))
    rates = [(guess == y)[group == one].mean() for one in "ab"]
    assert found.keys() == {"accuracy"}
    assert found["accuracy"].difference == pytest.approx(rates[0] - rates[1])
    assert found["accuracy"].worst == "b"


def test_the_same_sums_say_the_same_twice_and_unknown_attributes_are_refused() -> None:
    sums = outcomes_of(GRID, draw(2_000, 11))
    assert gaps(sums, ["group"]) == gaps(sums, ["group"])
    with pytest.raises(ConfigError, match="no segment column"):
        gaps(sums, ["sex"])
