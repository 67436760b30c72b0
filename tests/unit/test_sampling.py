"""Tests over stored samples, from a DataFrame and a log to a finding."""

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from drift.core.clock import MINUTE, SECOND, SystemClock, isoformat
from drift.core.errors import ConfigError, NotFound
from drift.core.window import Window
from drift.reference import ReferenceOptions, build_reference
from drift.service.sampling import findings
from drift.store import Store, open_store
from tests.rig.timeline import T0, Log, drain

HOUR = Window(T0, T0 + 60 * MINUTE)


def frame(n: int, seed: int, rho: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = rho * x + np.sqrt(1 - rho * rho) * rng.normal(size=n)
    return pd.DataFrame({"x": x, "y": y, "c": rng.choice(["a", "b"], n)})


def watched(folder: Path, rho: float, sampled: int = 400) -> tuple[Store, int]:
    """A reference whose columns have a correlation of .8, and an hour of 900 events with another one."""
    store = open_store(f"sqlite:///{folder}/drift.db", SystemClock())
    model = store.put_model("m", pane=5 * MINUTE)
    built = build_reference(frame(2_000, 1, 0.8), ReferenceOptions(row_sample=sampled))
    made = store.add_reference(
        model.id, version="1", schema=built.schema, grid=built.grid, profile=built.profile, chunks=built.chunks,
        content_hash=built.content_hash, rows=built.rows, active_from=0, sample=built.sample,
    )  # fmt: skip
    log = Log()
    for number, row in enumerate(frame(900, 2, rho).to_dict("records")):
        time = isoformat(T0 + number * 4 * SECOND)
        log.append(0, json.dumps({"model": "m", "id": number, "time": time, "features": row}).encode())
    drain(store, log)
    return store, made.id


@pytest.mark.parametrize("rho", [0.8, 0.0])
def test_a_broken_correlation_is_found_in_rows_as_well(tmp_path: Path, rho: float) -> None:
    store, number = watched(tmp_path, rho)
    with closing(store):
        both = findings(store, store.reference(number), HOUR, ["classifier", "evidently:ks"])
        assert [(one.test, one.column) for one in both] == [
            ("classifier", ""), ("evidently:ks", "x"), ("evidently:ks", "y"),
        ]  # fmt: skip
        assert both[0].rows == (400, 400)
        assert both[0].drifted == (rho == 0.0)
        assert not any(one.value < 0.001 for one in both[1:])


def test_where_no_row_is_kept_it_says_how_to_keep_some(tmp_path: Path) -> None:
    store, number = watched(tmp_path, 0.8, sampled=0)
    with closing(store), pytest.raises(NotFound, match="row_sample: 1000"):
        findings(store, store.reference(number), HOUR, ["classifier"])


def test_an_empty_window_and_an_unknown_test_are_named(tmp_path: Path) -> None:
    store, number = watched(tmp_path, 0.8)
    with closing(store):
        with pytest.raises(NotFound, match="holds no sampled rows"):
            findings(store, store.reference(number), Window(0, MINUTE), ["classifier"])
        with pytest.raises(ConfigError, match="no test over row samples"):
            findings(store, store.reference(number), HOUR, ["clasifier"])
