"""Realised metrics of binary models are scikit-learn's on the same rows, and say why where there is none."""

from collections.abc import Callable
from dataclasses import replace
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics

from detectors.performance import binary
from detectors.performance.implied import matured, unlabelled
from detectors.performance.options import Payoff, PerformanceOptions
from detectors.performance.realized import realized
from drift.core.errors import ConfigError
from drift.core.grid import ColumnGrid, Grid
from drift.core.outcome.sums import Outcomes
from drift.core.schema import Column, Kind, Role, Storage
from tests.rig.outcomes import binary_grid, outcomes_of, reweighted, score_edges

Floats = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]
PLAIN = PerformanceOptions()
OF_CLASSES: dict[str, Callable[..., float]] = {
    "accuracy": metrics.accuracy_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "f1": metrics.f1_score,
    "specificity": lambda y, g, **more: metrics.recall_score(y, g, pos_label=0, **more),
}
OF_SCORES: dict[str, Callable[..., float]] = {"log_loss": metrics.log_loss, "brier": metrics.brier_score_loss}
OF_RANKS: dict[str, Callable[..., float]] = {
    "auroc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
}


def stream(n: int, seed: int, logit: float = -1.0) -> Columns:
    rng = np.random.default_rng(seed)
    x = rng.normal(logit, 1.5, n)
    return {
        "s": 1 / (1 + np.exp(-x - rng.normal(0, 0.3, n))),
        "y": (rng.random(n) < 1 / (1 + np.exp(-x))).astype(np.int64),
        "g": rng.choice(["a", "b"], n, p=[0.8, 0.2]),
        "w": rng.integers(1, 9, n) / 4,
    }


def sklearn_of(found: dict[str, Callable[..., float]], columns: Columns, cut: float, **more: Any) -> dict[str, float]:
    guess = columns["s"] >= cut if found is OF_CLASSES else columns["s"]
    return {name: float(metric(columns["y"], guess, **more)) for name, metric in found.items()}


def taken(columns: Columns, rows: npt.NDArray[np.bool_]) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


@pytest.mark.parametrize("segment", ["", "a", "b"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cut", [0.5, 0.3])
def test_values_are_those_of_scikit_learn(segment: str, weighted: bool, cut: float) -> None:
    columns = stream(20_000, 1)
    edges = score_edges(columns["s"], columns["y"], [cut])
    grid = binary_grid(edges, segments={"g": ["a", "b"]}, weight="w" if weighted else "", threshold=cut)
    number = next(one.index for one in grid.segments if one.value == segment)
    outcomes = outcomes_of(grid, columns)
    found = realized(outcomes, number, PLAIN, mature=False)
    mine = taken(columns, columns["g"] == segment) if segment else columns
    more = {"sample_weight": mine["w"]} if weighted else {}
    for name, value in (sklearn_of(OF_CLASSES, mine, cut, **more) | sklearn_of(OF_SCORES, mine, cut, **more)).items():
        assert found[name].value == pytest.approx(value, abs=1e-11), name
    for name, value in sklearn_of(OF_RANKS, mine, cut, **more).items():
        assert found[name].value == pytest.approx(value, abs=1e-3), name
    assert tuple(found) == binary.NAMES
    assert all(one.low <= one.value <= one.high for one in found.values())


@pytest.mark.parametrize("logit", [-6.3, -1.0])
@pytest.mark.parametrize("seed", range(4))
def test_ranks_are_within_the_stated_bound(logit: float, seed: int) -> None:
    columns = stream(60_000, seed, logit)
    columns["s"] = np.clip(columns["s"], 1e-6, 1)
    prevalence = columns["y"].mean()
    assert 0.004 < prevalence < 0.006 if logit < -5 else prevalence > 0.2
    # the grid of another sample: the bound must not need the reference's own quantiles
    before = stream(60_000, 100 + seed, logit)
    outcomes = outcomes_of(binary_grid(score_edges(before["s"], before["y"])), columns)
    found, limits = binary.measures(outcomes), binary.bounds(outcomes)
    for name, value in sklearn_of(OF_RANKS, columns, 0.5).items():
        low, high = limits[name]
        assert low <= value <= high, name
        assert low <= found[name].value <= high, name
        assert found[name].value == pytest.approx(value, abs=3e-3 if name == "average_precision" else 5e-4), name


def test_a_score_of_few_values_is_exact() -> None:
    columns = stream(5_000, 3)
    columns["s"] = np.round(columns["s"], 1)
    values = tuple(np.unique(columns["s"]).tolist())
    score = ColumnGrid(Column("s", Kind.ORDINAL, Role.SCORE, Storage.NUMBER), values=values)
    grid = reweighted(Grid((score,), outcomes=binary_grid([0.5]).outcomes), [[*values, 0.5]])
    found = binary.measures(outcomes_of(grid, columns))
    for name, value in sklearn_of(OF_RANKS, columns, 0.5).items():
        assert found[name].value == pytest.approx(value, abs=1e-12), name
    limits = binary.bounds(outcomes_of(grid, columns))
    assert all(low == pytest.approx(high) for low, high in limits.values())


def test_a_column_may_say_what_was_predicted() -> None:
    columns = stream(5_000, 4)
    columns["p"] = np.where(columns["s"] >= 0.7, "1", "0")
    outcomes = outcomes_of(binary_grid(score_edges(columns["s"], columns["y"]), prediction="p"), columns)
    found = binary.measures(outcomes)
    assert found["f1"].value == pytest.approx(metrics.f1_score(columns["y"], columns["s"] >= 0.7), abs=1e-12)
    assert found["auroc"].value == pytest.approx(metrics.roc_auc_score(columns["y"], columns["s"]), abs=1e-3)


def test_missing_scores_and_other_classes_are_left_out() -> None:
    columns = stream(4_000, 5)
    columns["y"] = columns["y"].astype(object)
    columns["y"][:100] = 7
    columns["s"][100:300] = np.nan
    columns["s"][300:310] = np.inf
    outcomes = outcomes_of(binary_grid(np.linspace(0.005, 0.995, 199).tolist()), columns)
    found = binary.measures(outcomes)
    there = {name: values[310:] for name, values in columns.items()} | {"y": columns["y"][310:].astype(np.int64)}
    assert found["log_loss"].value == pytest.approx(metrics.log_loss(there["y"], there["s"]), abs=1e-11)
    assert found["brier"].value == pytest.approx(metrics.brier_score_loss(there["y"], there["s"]), abs=1e-11)
    assert found["auroc"].value == pytest.approx(metrics.roc_auc_score(there["y"], there["s"]), abs=1e-3)


def test_business_value_is_the_mean_of_what_decisions_bring() -> None:
    columns = stream(8_000, 6)
    payoff = Payoff(tp=5, fp=-1, fn=-10, tn=0.5)
    found = realized(outcomes_of(binary_grid([0.5]), columns), 0, PerformanceOptions(value=payoff), mature=True)
    y, g = columns["y"] == 1, columns["s"] >= 0.5
    brought = np.select([y & g, ~y & g, y & ~g], [5, -1, -10], 0.5)
    value = found["value"]
    assert value.value == pytest.approx(brought.mean(), abs=1e-12)
    assert value.high - value.low == pytest.approx(2 * 1.96 * brought.std() / np.sqrt(8_000), rel=1e-3)


def test_undefined_metrics_say_why() -> None:
    grid = binary_grid([0.25, 0.5, 0.75])
    nothing = binary.measures(Outcomes.empty(grid))
    assert all(isnan(one.value) and one.why for one in nothing.values())
    all_negative = binary.measures(outcomes_of(grid, {"s": np.array([0.1, 0.2, 0.3]), "y": np.zeros(3, np.int64)}))
    assert {name for name, one in all_negative.items() if not one.known} == {
        "precision", "recall", "f1", "auroc", "average_precision",
    }  # fmt: skip
    assert all_negative["precision"].why == binary.NO_PREDICTED
    assert all_negative["recall"].why == all_negative["auroc"].why == binary.NO_POSITIVE
    assert all_negative["accuracy"].value == all_negative["accuracy"].high == 1.0
    one_sided = binary.measures(outcomes_of(grid, {"s": np.array([0.9]), "y": np.ones(1, np.int64)}))
    assert one_sided["specificity"].why == one_sided["auroc"].why == binary.NO_NEGATIVE


def test_scores_that_separate_have_an_interval_all_the_same() -> None:
    columns = {"s": np.repeat([0.2, 0.8], 20), "y": np.repeat([0, 1], 20)}
    found = binary.measures(outcomes_of(binary_grid([0.5]), columns))["auroc"]
    assert found.value == found.high == 1.0
    assert 0.8 < found.low < 0.9


def test_a_calibrated_model_shows_no_calibration_error_however_few_rows() -> None:
    squares = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        s = rng.random(300)
        outcomes = outcomes_of(
            binary_grid(np.linspace(0.01, 0.99, 99).tolist()), {"s": s, "y": 1 * (rng.random(300) < s)}
        )
        squares.append(binary.measures(outcomes)["calibration_error"].value)
    # not debiased: √(15·0.17/300) = .09 each time
    assert np.mean(np.array(squares) == 0) > 0.4
    rng = np.random.default_rng(1)
    s = rng.random(50_000)
    off = outcomes_of(
        binary_grid(np.linspace(0.01, 0.99, 99).tolist()), {"s": s, "y": 1 * (rng.random(50_000) < s * 0.9)}
    )
    found = binary.measures(off)["calibration_error"]
    assert found.low < np.sqrt(0.01 / 3) < found.high
    assert found.value == pytest.approx(np.sqrt(0.01 / 3), abs=0.004)


def reported(n: int, seed: int, logit: float) -> tuple[Columns, npt.NDArray[np.bool_]]:
    """Only positives are labelled, as frauds are."""
    columns = stream(n, seed, logit)
    return columns, columns["y"] == 1


@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_not_reported_was_none(weighted: bool) -> None:
    columns, labelled = reported(10_000, 8, -2.0)
    columns["w"] = np.ones(10_000)
    grid = binary_grid(score_edges(columns["s"], columns["y"]), segments={"g": ["a"]}, weight="w" if weighted else "")
    options = PerformanceOptions(absent="0")
    outcomes, whole = outcomes_of(grid, columns, labelled=labelled), outcomes_of(grid, columns)
    for segment in range(3):
        found, wanted = realized(outcomes, segment, options, True), realized(whole, segment, PLAIN, True)
        for name, one in wanted.items():
            assert found[name].value == pytest.approx(one.value, abs=1e-11), name
            assert found[name].low == pytest.approx(one.low, abs=3e-4), name
            assert found[name].high == pytest.approx(one.high, abs=3e-4), name
    early = realized(outcomes, 0, options, False)
    assert all(isnan(one.value) and "'0'" in one.why for one in early.values())


def test_an_implied_positive_is_the_mirror() -> None:
    columns, labelled = reported(5_000, 9, 0.0)
    grid = binary_grid(score_edges(columns["s"], columns["y"]))
    found = binary.measures(matured(outcomes_of(grid, columns, labelled=~labelled), "1"))
    wanted = binary.measures(outcomes_of(grid, columns))
    assert {name: one.value for name, one in found.items()} == pytest.approx(
        {name: one.value for name, one in wanted.items()}, abs=1e-11
    )


def test_what_no_label_can_meet_is_implied_nothing() -> None:
    columns, labelled = reported(3_000, 10, -1.0)
    met = np.arange(3_000) % 3 > 0
    grid = binary_grid(score_edges(columns["s"], columns["y"]))
    outcomes = outcomes_of(grid, columns, labelled=labelled & met, met=met)
    assert unlabelled(outcomes).sum() == (met & ~labelled).sum()
    found, wanted = matured(outcomes, "0"), outcomes_of(grid, taken(columns, met))
    assert {n: m.value for n, m in binary.measures(found).items()} == pytest.approx(
        {n: m.value for n, m in binary.measures(wanted).items()}, abs=1e-11
    )
    # the argument is untouched
    assert outcomes.joined() == (labelled & met).sum() < found.joined()


def test_a_class_that_is_none_cannot_be_implied() -> None:
    with pytest.raises(ConfigError, match=r"absent_means is 'no'.*'0', '1'"):
        matured(Outcomes.empty(binary_grid([0.5])), "no")


def test_intervals_hold_what_they_promise() -> None:
    """Of 300 samples, 95 % cover; four standard errors of that are .05."""
    population = stream(400_000, 11)
    edges = score_edges(population["s"], population["y"])
    grid = binary_grid(edges)
    wanted = {name: one.value for name, one in binary.measures(outcomes_of(grid, population)).items()}
    covered = dict.fromkeys(("accuracy", "precision", "recall", "f1", "auroc", "average_precision", "brier"), 0)
    for seed in range(300):
        found = binary.measures(outcomes_of(grid, stream(1_000, 1_000 + seed)))
        for name in covered:
            covered[name] += found[name].low <= wanted[name] <= found[name].high
    assert all(0.90 <= hits / 300 <= 0.99 for hits in covered.values()), covered


def test_a_model_without_scores_has_shares_alone() -> None:
    columns = stream(3_000, 12)
    guess = np.where(columns["s"] >= 0.5, "1", "0")
    plain = binary_grid([0.5], prediction="p")
    assert plain.outcomes is not None
    feature = ColumnGrid(Column("x", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER), edges=(0.0,))
    grid = Grid((feature,), outcomes=replace(plain.outcomes, scores=(), calibrated=()))
    outcomes = outcomes_of(grid, {"x": np.zeros(3_000), "p": guess, "y": columns["y"]})
    found = binary.measures(outcomes)
    assert found["f1"].value == pytest.approx(metrics.f1_score(columns["y"], guess == "1"), abs=1e-12)
    assert {one.why for name, one in found.items() if name not in binary.SHARES} == {binary.NO_SCORE}
    assert matured(outcomes_of(grid, {"x": np.zeros(3_000), "p": guess, "y": columns["y"]}), "0").joined() == 3_000
