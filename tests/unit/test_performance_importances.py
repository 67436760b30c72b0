"""Importances: given or read from an EBM, and what they do to the alarm budget."""

from dataclasses import dataclass, field
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from detectors.performance.importances import budget_shares, importances_of
from drift.core.errors import ConfigError


@dataclass
class Boosted:
    """The part of an EBM that is read."""

    feature_names_in_: list[str] = field(default_factory=lambda: ["age", "income", "noise"])
    term_features_: list[tuple[int, ...]] = field(default_factory=lambda: [(0,), (1,), (0, 1), (2,)])
    values: tuple[float, ...] = (0.1, 0.3, 0.2, 0.0)

    def term_importances(self) -> Any:
        return np.array(self.values)


def test_the_largest_is_one() -> None:
    assert importances_of({"a": 4.0, "b": 1.0, "c": 0}) == {"a": 1.0, "b": 0.25, "c": 0.0}


def test_interactions_are_split_over_their_columns() -> None:
    found = importances_of(Boosted())
    assert found == pytest.approx({"age": 0.5, "income": 1.0, "noise": 0.0})


def test_nothing_matters() -> None:
    assert importances_of({}) == {}
    assert importances_of({"a": 0.0}) == {}


@pytest.mark.parametrize("value", [-1.0, nan, inf, "much", None])
def test_what_is_no_importance_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="importance of 'a'"):
        importances_of({"a": value})


def test_what_is_neither_mapping_nor_ebm_is_refused() -> None:
    with pytest.raises(ConfigError, match="are a list"):
        importances_of([1.0, 2.0])  # type: ignore[arg-type]  # that is what is tested


def test_shares_of_the_budget_add_up_and_leave_nobody_blind() -> None:
    shares = budget_shares({"a": 1.0, "b": 0.25, "elsewhere": 1.0}, ["a", "b", "c", "d"])
    assert sum(shares.values()) == pytest.approx(1)
    assert shares == pytest.approx({"a": 0.525, "b": 0.225, "c": 0.125, "d": 0.125})
    assert budget_shares({}, ["a", "b"]) == {"a": 0.5, "b": 0.5}
    assert budget_shares({"other": 1.0}, ["a", "b"]) == {"a": 0.5, "b": 0.5}
    assert budget_shares({"a": 1.0}, []) == {}


def test_a_real_ebm_is_read() -> None:
    glassbox = pytest.importorskip("interpret.glassbox", reason="interpret-core is not installed")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2_000, 3))
    y = (2 * x[:, 0] + x[:, 1] * x[:, 0] + rng.normal(size=2_000) > 0).astype(int)
    model = glassbox.ExplainableBoostingClassifier(
        feature_names=["first", "second", "idle"], interactions=1, n_jobs=1, outer_bags=2, max_rounds=50
    ).fit(x, y)
    found = importances_of(model)
    assert found["first"] == 1.0
    assert found["first"] > found["second"] > found["idle"]
    raw = dict(zip(model.term_names_, model.term_importances(), strict=True))
    assert found["second"] == pytest.approx(
        (raw["second"] + raw["first & second"] / 2) / (raw["first"] + raw["first & second"] / 2)
    )
