"""A reference whose classes were down-sampled, from its registration to the alarms it does or does not raise."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import drift
from drift.config import Config
from drift.core.clock import SystemClock
from drift.core.errors import InputError
from drift.service.models import add_reference, configured, put_model
from drift.store import open_store

HOURS = 24 * 21
PER_HOUR = 60


def rows(start: str, hours: int, positive: float, seed: int) -> pd.DataFrame:
    """Some rows each hour of two classes that differ in an amount and a channel."""
    rng = np.random.default_rng(seed)
    n = hours * PER_HOUR
    label = (rng.random(n) < positive).astype(int)
    return pd.DataFrame(
        {
            "ts": pd.date_range(start, periods=n, freq="1min", tz="UTC"),
            "amount": rng.normal(2.0 * label, 1.0),
            "channel": np.where(rng.random(n) < 0.2 + 0.6 * label, "web", "shop"),
            "label": label,
        }
    )


@pytest.fixture(scope="module")
def sides() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three weeks with as many positives as negatives; two weeks of production with 2 %."""
    return rows("2026-01-01", HOURS, 0.5, 1), rows("2026-02-01", 24 * 14, 0.02, 2)


def alarms(sides: tuple[pd.DataFrame, pd.DataFrame], **settings: Any) -> pd.DataFrame:
    """What a backtest raises."""
    found: pd.DataFrame = drift.backtest(
        *sides, time="ts", window="6h", label="label", seasonal="none", **settings
    ).alarms
    return found


def test_production_with_its_own_shares_raises_nothing(sides: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    assert alarms(sides, label_prior={0: 0.98, 1: 0.02}).empty


def test_without_the_prior_it_does(sides: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    assert set(alarms(sides).column) >= {"amount", "channel"}


def test_with_the_prior_a_true_shift_is_still_found(sides: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    reference, production = sides
    moved = production.assign(amount=production.amount + 0.5)
    assert set(alarms((reference, moved), label_prior={0: 0.98, 1: 0.02}).column) == {"amount"}


def test_a_models_settings_are_honoured_where_a_reference_is_added(tmp_path: Path) -> None:
    clock = SystemClock()
    config = Config.model_validate(
        {"store": f"sqlite:///{tmp_path / 'drift.db'}", "models": {"fraud": {"label_prior": {0: 0.98, 1: 0.02}}}}
    )
    store = open_store(config.store_url, clock)
    model = put_model(store, "fraud", config.models["fraud"])
    # the settings as they are stored, of a model that drift.yaml no longer has
    settings = configured(Config.model_validate({}), store.catalogue().models["fraud"])
    reference = add_reference(store, model, settings, rows("2026-01-01", 48, 0.5, 3), clock)
    prior = store.reference_summary(reference.id)["prior"]
    assert (prior["column"], prior["classes"]["1"]["prior"]) == ("label", 0.02)
    assert store.reference_profile(reference.id).rows() == prior["rows"] < 0.6 * reference.rows
    with pytest.raises(InputError, match="label_prior: there is no label column"):
        add_reference(store, model, settings, rows("2026-01-01", 2, 0.5, 3).drop(columns="label"), clock)
