"""Realised metrics of several classes are scikit-learn's on the same rows, and CBPE foresees them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics

from detectors.performance import confusion, multiclass
from detectors.performance.cbpe import Estimator
from detectors.performance.cbpe_multiclass import MulticlassEstimate
from detectors.performance.options import PerformanceOptions
from detectors.performance.realized import realized
from drift.core.grid import ColumnGrid, Grid
from drift.core.outcome.sums import Outcomes
from drift.core.schema import Column, Kind, Role, Storage
from tests.rig.outcomes import chunked, multiclass_grid, outcomes_of, reweighted, score_edges

Columns = dict[str, npt.NDArray[Any]]
CLASSES = ("a", "b", "c")
PLAIN = PerformanceOptions()


def of(metric: Callable[..., float], average: str) -> Callable[..., float]:
    return partial(metric, average=average, zero_division=0)


SKLEARN: dict[str, Callable[..., float]] = {
    "accuracy": metrics.accuracy_score,
    "precision_macro": of(metrics.precision_score, "macro"),
    "recall_macro": of(metrics.recall_score, "macro"),
    "f1_macro": of(metrics.f1_score, "macro"),
    "precision_weighted": of(metrics.precision_score, "weighted"),
    "recall_weighted": of(metrics.recall_score, "weighted"),
    "f1_weighted": of(metrics.f1_score, "weighted"),
}


def drawn(n: int, seed: int, shift: float = 0.0) -> Columns:
    """Scores that are surer than they should be; group g is served worse. What scores mean does not depend on shift."""
    rng = np.random.default_rng(seed)
    logits = rng.normal([0.5, 0.0, -0.8 + shift], 1.5, (n, 3))
    g = rng.choice(["x", "y"], n, p=[0.75, 0.25])
    told = np.where(g == "y", 0.5, 1.0)[:, None] * logits
    truth = (told + rng.gumbel(size=(n, 3))).argmax(axis=1)
    score = np.exp(1.3 * logits)
    score /= score.sum(axis=1, keepdims=True)
    columns: Columns = {f"s_{name}": score[:, at] for at, name in enumerate(CLASSES)}
    return columns | {"y": np.array(CLASSES)[truth], "g": g, "w": rng.integers(1, 9, n) / 4}


def grid_of(columns: Columns, weight: str = "") -> Grid:
    edges = {name: score_edges(columns[f"s_{name}"], 1 * (columns["y"] == name)) for name in CLASSES}
    return multiclass_grid(edges, segments={"g": ["x", "y"]}, weight=weight)


def arrays(columns: Columns) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    scores = np.stack([columns[f"s_{name}"] for name in CLASSES], axis=1)
    return columns["y"], np.array(CLASSES)[scores.argmax(axis=1)], scores


@pytest.mark.parametrize("segment", [0, 1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_values_are_those_of_scikit_learn(segment: int, weighted: bool) -> None:
    columns = drawn(20_000, 1)
    outcomes = outcomes_of(grid_of(columns, "w" if weighted else ""), columns)
    if segment:
        columns = {name: values[columns["g"] == "xy"[segment - 1]] for name, values in columns.items()}
    true, guess, scores = arrays(columns)
    more = {"sample_weight": columns["w"]} if weighted else {}
    found = realized(outcomes, segment, PLAIN, mature=False)
    assert tuple(found) == multiclass.NAMES
    for name, metric in SKLEARN.items():
        assert found[name].value == pytest.approx(metric(true, guess, **more), abs=1e-11), name
        assert found[name].low < found[name].value < found[name].high
    assert found["log_loss"].value == pytest.approx(metrics.log_loss(true, scores, **more), abs=1e-9)
    assert found["brier"].value == pytest.approx(metrics.brier_score_loss(true, scores, **more), abs=1e-9)
    if weighted:
        assert found["auroc_ovr"].why == multiclass.WEIGHTED
    else:
        wanted = metrics.roc_auc_score(true, scores, multi_class="ovr")
        assert found["auroc_ovr"].value == pytest.approx(wanted, abs=5e-4)


def test_classes_that_do_not_occur() -> None:
    columns = drawn(3_000, 2)
    grid = grid_of(columns)
    two = {name: values[columns["y"] != "c"] for name, values in columns.items()}
    true, guess, _ = arrays(two)
    found = multiclass.measures(outcomes_of(grid, two))
    for name, metric in SKLEARN.items():
        assert found[name].value == pytest.approx(metric(true, guess), abs=1e-11), name
    assert found["auroc_ovr"].why == "no label is 'c', or all are"
    never = guess != "c"
    seen = {name: values[never] for name, values in two.items()}
    found = multiclass.measures(outcomes_of(grid, seen))
    for name, metric in SKLEARN.items():
        assert found[name].value == pytest.approx(metric(*arrays(seen)[:2]), abs=1e-11), name
    nothing = multiclass.measures(Outcomes.empty(grid))
    assert all(isnan(one.value) and one.why for one in nothing.values())


def test_rows_without_scores_and_of_other_classes_are_left_out() -> None:
    columns = drawn(3_000, 3)
    columns["y"] = columns["y"].astype(object)
    columns["y"][:50] = "d"
    for name in CLASSES:
        columns[f"s_{name}"][50:90] = np.nan
    found = multiclass.measures(outcomes_of(grid_of(drawn(3_000, 4)), columns))
    true, guess, scores = arrays({name: values[90:] for name, values in columns.items()})
    assert found["f1_macro"].value == pytest.approx(metrics.f1_score(true, guess, average="macro"), abs=1e-11)
    assert found["log_loss"].value == pytest.approx(metrics.log_loss(true.astype(str), scores), abs=1e-9)
    assert found["brier"].value == pytest.approx(metrics.brier_score_loss(true.astype(str), scores), abs=1e-9)


def test_implied_labels_are_counted_and_their_losses_not_made_up() -> None:
    columns = drawn(4_000, 5)
    grid, labelled = grid_of(columns), columns["y"] != "b"
    found = realized(outcomes_of(grid, columns, labelled=labelled), 0, PerformanceOptions(absent="b"), True)
    wanted = multiclass.measures(outcomes_of(grid, columns))
    for name in (*confusion.NAMES, "auroc_ovr"):
        assert found[name] == wanted[name]
    assert found["log_loss"].why == found["brier"].why == "not kept for predictions whose label is implied"


@pytest.mark.parametrize("name", confusion.NAMES)
def test_gradients_are_those_of_the_values(name: str) -> None:
    table = np.random.default_rng(6).integers(1, 50, (4, 4)).astype(np.float64)
    _, gradient = confusion.metrics(table)[name]
    for field in np.ndindex(4, 4):
        moved = np.zeros((4, 4))
        moved[field] = 1e-4
        change = confusion.metrics(table + moved)[name][0] - confusion.metrics(table - moved)[name][0]
        assert gradient[field] == pytest.approx(change / 2e-4, rel=1e-5, abs=1e-10)


def test_intervals_hold_what_they_promise() -> None:
    grid = grid_of(drawn(20_000, 7))
    wanted = {name: one.value for name, one in multiclass.measures(outcomes_of(grid, drawn(300_000, 8))).items()}
    covered = dict.fromkeys(("accuracy", "precision_macro", "f1_macro", "precision_weighted", "brier"), 0)
    for seed in range(200):
        found = multiclass.measures(outcomes_of(grid, drawn(600, 100 + seed)))
        for name in covered:
            covered[name] += found[name].low <= wanted[name] <= found[name].high
    assert all(0.89 <= hits / 200 <= 0.995 for hits in covered.values()), covered


ROWS = drawn(40_000, 11)


def calibrated_grid() -> Grid:
    """With the calibrated probabilities that a reference would have."""
    grid = grid_of(ROWS)
    task = MulticlassEstimate.of(outcomes_of(grid, ROWS))
    return reweighted(grid, [one.chance[:-1].tolist() for one in task.calibrators])


GRID = calibrated_grid()
PARTS = chunked(GRID, ROWS, np.arange(40_000) // 2_000, 20)
ESTIMATOR = Estimator.of(sum(PARTS[1:], PARTS[0]), PARTS)


@pytest.mark.parametrize("shift", [-0.7, 0.0, 0.7])
@pytest.mark.parametrize("segment", [0, 1, 2])
def test_the_estimate_is_what_labels_say(shift: float, segment: int) -> None:
    seen = outcomes_of(GRID, drawn(10_000, 12, shift))
    found, real = ESTIMATOR.measures(seen, segment), multiclass.measures(seen, segment)
    assert tuple(found) == (*confusion.NAMES, "auroc_ovr")
    for name, one in found.items():
        assert one.value == pytest.approx(real[name].value, abs=0.025), name
        assert one.low - 0.005 < real[name].value < one.high + 0.005, name


def test_segments_are_put_right_without_chunks_too() -> None:
    bare = Estimator.of(sum(PARTS[1:], PARTS[0]), [])
    seen = outcomes_of(GRID, drawn(60_000, 15))
    for segment in range(3):
        found, real = bare.measures(seen, segment), multiclass.measures(seen, segment)
        for name in confusion.NAMES:
            assert found[name].value == pytest.approx(real[name].value, abs=0.012), (segment, name)


def test_on_the_reference_itself_the_estimate_is_the_truth() -> None:
    reference = outcomes_of(GRID, ROWS)
    found, real = MulticlassEstimate.of(reference).estimate(reference, 0), multiclass.measures(reference)
    assert {name: found[name][0] for name in confusion.NAMES} == pytest.approx(
        {name: real[name].value for name in confusion.NAMES}, abs=2e-4
    )


def test_a_segments_table_puts_its_estimate_right() -> None:
    task = ESTIMATOR.task
    assert isinstance(task, MulticlassEstimate)
    seen = outcomes_of(GRID, drawn(60_000, 16))
    plain = replace(task, corrections=dict.fromkeys(task.corrections, np.ones((3, 3))))
    off, mine = (
        np.abs(one.estimate(seen, 2)["f1_macro"][0] - multiclass.measures(seen, 2)["f1_macro"].value)
        for one in (plain, task)
    )
    assert mine < 0.012 < 0.05 < off


def test_without_labels_enough_nothing_is_estimated() -> None:
    seen = outcomes_of(GRID, drawn(1_000, 13))
    assert all("fewer than 50" in one.why for one in ESTIMATOR.measures(seen, 3).values())
    # a reference with few rows of a class leaves its scores uncalibrated
    bare = outcomes_of(reweighted(GRID, []), drawn(5_000, 13))
    assert multiclass.measures(bare)["auroc_ovr"].known
    assert all("fewer than 50" in one.why for one in Estimator.of(bare, []).measures(bare).values())


def test_a_model_without_scores_has_its_table_alone() -> None:
    columns = drawn(2_000, 14)
    true, guess, _ = arrays(columns)
    plain = grid_of(columns).outcomes
    assert plain is not None
    feature = ColumnGrid(Column("x", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER), edges=(0.0,))
    grid = Grid((feature,), outcomes=replace(plain, prediction="p", scores=(), calibrated=()))
    found = multiclass.measures(outcomes_of(grid, {"x": np.zeros(2_000), "p": guess, "y": true}))
    assert found["f1_macro"].value == pytest.approx(metrics.f1_score(true, guess, average="macro"), abs=1e-12)
    assert found["auroc_ovr"].why == found["brier"].why == "the model has no score"
