"""What a model predicts, worked out from its reference: task, classes, score, calibration; and why it is not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from drift.core.errors import ReferenceRefused
from drift.core.outcome.grid import Task
from drift.core.outcome.sums import Outcomes
from drift.core.schema import Role
from drift.reference import BuiltReference, ReferenceOptions, build_reference

N = 4_000
RNG = np.random.default_rng(8)
X = RNG.normal(size=N)
CHANCE = 1 / (1 + np.exp(-X))
TRUE = RNG.random(N) < CHANCE


def built(options: dict[str, Any] | None = None, **columns: Any) -> BuiltReference:
    frame = pd.DataFrame({"x": X, **columns})
    return build_reference(frame, ReferenceOptions.from_settings(options or {}))


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        (TRUE.astype(int), ("0", "1")), (TRUE, ("false", "true")), (np.where(TRUE, "yes", "no"), ("no", "yes")),
        (np.where(TRUE, "late", "intime"), ("intime", "late")), (TRUE.astype(float), ("0", "1")),
        (np.where(TRUE, "1", "0"), ("0", "1")),
    ],
)  # fmt: skip
def test_two_classes_are_binary_however_they_are_spelled(label: Any, classes: tuple[str, ...]) -> None:
    reference = built(score=CHANCE, label=label)
    outcome = reference.grid.outcomes
    assert outcome is not None
    assert (outcome.task, outcome.classes, outcome.scores) == (Task.BINARY, classes, ("score",))
    outcomes = Outcomes(reference.grid, reference.outcomes)  # type: ignore[arg-type]  # it is there
    table = outcomes.block("joined").sum(axis=0)
    assert table[:, 1].sum() == TRUE.sum()
    assert table[1, 1] == (TRUE & (CHANCE >= 0.5)).sum()
    # calibrated by the reference's own labels: isotonic, and right on the whole
    (chance,) = outcome.calibrated
    assert list(chance) == sorted(chance)
    expected = outcomes.by_cause("cause_expected")[0].sum() / N
    assert expected == pytest.approx(float(((CHANCE >= 0.5) != TRUE).mean()), abs=0.02)


def test_the_positive_class_can_be_said() -> None:
    outcome = built(
        {"label": {"positive": "intime"}}, score=1 - CHANCE, label=np.where(TRUE, "late", "intime")
    ).grid.outcomes
    assert outcome is not None
    assert outcome.classes == ("late", "intime")
    with pytest.raises(ReferenceRefused, match="'never', but 'label' has intime and late"):
        built({"label": {"positive": "never"}}, score=CHANCE, label=np.where(TRUE, "late", "intime"))


def test_a_prediction_that_is_a_probability_is_the_score() -> None:
    outcome = built(prediction=CHANCE, label=TRUE.astype(int)).grid.outcomes
    assert outcome is not None
    assert (outcome.scores, outcome.prediction) == (("prediction",), "")


def test_a_class_without_a_score_is_judged_by_its_labels_alone() -> None:
    outcome = built(prediction=(CHANCE > 0.5).astype(int), label=TRUE.astype(int)).grid.outcomes
    assert outcome is not None
    assert (outcome.task, outcome.scores, outcome.prediction) == (Task.BINARY, (), "prediction")


def test_several_classes_with_a_score_each() -> None:
    shares = RNG.dirichlet((1, 1, 1), N)
    label = np.array(["a", "b", "c"])[[RNG.choice(3, p=p) for p in shares]]
    columns = {f"p_{name}": shares[:, at] for at, name in enumerate("abc")}
    said = {"scores": {name: f"p_{name}" for name in "abc"}}
    outcome = built(
        said, prediction=np.array(["a", "b", "c"])[shares.argmax(axis=1)], label=label, **columns
    ).grid.outcomes
    assert outcome is not None
    assert (outcome.task, outcome.scores) == (Task.MULTICLASS, ("p_a", "p_b", "p_c"))
    assert len(outcome.calibrated) == 3
    with pytest.raises(ReferenceRefused, match="class 'c' has no column"):
        built({"scores": {"a": "p_a", "b": "p_b"}}, prediction=label, label=label, **columns)


def test_numbers_are_a_regression() -> None:
    truth = 100 + 5 * X + RNG.normal(size=N)
    reference = built({"quantiles": [0.5]}, prediction=100 + 5 * X, label=truth)
    outcome = reference.grid.outcomes
    assert outcome is not None
    assert (outcome.task, outcome.prediction, outcome.quantiles) == (Task.REGRESSION, "prediction", (0.5,))
    assert np.log2(outcome.unit).is_integer()
    outcomes = Outcomes(reference.grid, reference.outcomes)  # type: ignore[arg-type]  # it is there
    assert outcomes.losses()["absolute"][0] * outcome.unit == pytest.approx(np.abs(truth - 100 - 5 * X).sum())
    assert reference.learnt


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        ({"label": TRUE.astype(int)}, "nothing says what was predicted"),
        ({"score": CHANCE, "label": np.ones(N, int)}, "one class only"),
        ({"score": CHANCE, "label": RNG.choice([f"c{i}" for i in range(30)], N)}, "has more than 20 classes"),
        ({"score": CHANCE, "label": RNG.normal(size=N)}, "is a number, but no column with numbers"),
        ({"score": CHANCE, "label": np.where(np.arange(N) < 20, 1, 0)}, "fewer than 50 labelled rows"),
    ],
)  # fmt: skip
def test_what_is_not_counted_is_said(columns: dict[str, Any], note: str) -> None:
    reference = built(**columns)
    assert any(note in one for one in reference.summary["notes"]), reference.summary["notes"]
    if "fewer" in note:
        assert reference.grid.outcomes is not None
        assert reference.grid.outcomes.calibrated == ()
    else:
        assert (reference.grid.outcomes, reference.outcomes, reference.schema.outcomes) == (None, None, False)


def test_without_a_label_nothing_changes() -> None:
    reference = built(score=CHANCE)
    assert (reference.grid.outcomes, reference.outcomes) == (None, None)
    assert b"outcomes" not in reference.grid.dump()


def test_events_are_asked_for_an_id_also_where_the_reference_has_none() -> None:
    reference = built(score=CHANCE, label=TRUE.astype(int))
    assert [column.name for column in reference.schema.with_role(Role.ID)] == ["id"]


def test_a_task_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ReferenceRefused, match="task is multiclass, but 'label' has 2 classes"):
        built({"task": "multiclass"}, score=CHANCE, label=TRUE.astype(int))


def test_chunks_add_up_to_the_whole() -> None:
    time = pd.date_range("2026-01-01", periods=N, freq="10min", tz="UTC")
    reference = built(score=CHANCE, label=TRUE.astype(int), time=time)
    assert reference.outcomes is not None
    assert reference.outcome_chunks is not None
    total = sum((sums.ints for _, _, sums in reference.outcome_chunks), np.zeros_like(reference.outcomes.ints))
    assert np.array_equal(total, reference.outcomes.ints)
    assert len(reference.outcome_chunks) == len(reference.chunks)
