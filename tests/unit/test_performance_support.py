"""Rows outside the reference's support, counted where the loss follows the column."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from detectors.performance.support import mattering, outside
from drift.core.outcome.sums import Outcomes
from drift.core.profile import Profile
from drift.reference import build_reference, profile_frame


def frame(n: int, seed: int, **moved: float) -> pd.DataFrame:
    """The error follows `told`, and `idle` has nothing to do with it."""
    rng = np.random.default_rng(seed)
    told, idle = rng.uniform(0, 1, n) + moved.get("told", 0.0), rng.uniform(0, 1, n) + moved.get("idle", 0.0)
    wrong = rng.random(n) < np.clip(told, 0, 1) * 0.5
    truth = rng.random(n) < 0.5
    return pd.DataFrame({"told": told, "idle": idle, "prediction": (truth ^ wrong).astype(int),
                         "label": truth.astype(int)})  # fmt: skip


@pytest.fixture(scope="module")
def built() -> Any:
    return build_reference(frame(20_000, 1))


def test_what_the_loss_follows_matters(built: Any) -> None:
    found = mattering(Outcomes(built.grid, built.outcomes))
    assert found is not None
    assert found["told"] == 1.0
    assert 0.0 <= found["idle"] < 0.01


@pytest.mark.parametrize(
    ("column", "by", "matter", "share"),
    [
        ("idle", 0.3, None, 0.3), ("idle", 0.3, {"told": 1.0, "idle": 0.0}, 0.0), ("idle", 0.3, {"idle": 0.5}, 0.15),
        ("told", 0.25, {"told": 1.0}, 0.25), ("told", -2.0, None, 1.0), ("told", 0.0, None, 0.0),
    ],
)  # fmt: skip
def test_the_share_beyond_the_ends_is_weighed(
    built: Any, column: str, by: float, matter: dict[str, float] | None, share: float
) -> None:
    window: Profile = profile_frame(frame(20_000, 2, **{column: by}), built.grid)
    assert outside(window, built.profile, matter) == pytest.approx(share, abs=0.01)


def test_nothing_is_outside_of_nothing(built: Any) -> None:
    assert outside(Profile.empty(built.grid), built.profile) == 0.0
    assert mattering(Outcomes.empty(built.grid)) is None
