"""Performance in a backtest: estimated beside realised in each window, its causes, and alarms that speak of rows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

import drift
from drift.backtesting.numbering import Numbering
from drift.backtesting.performing import in_rows
from drift.backtesting.result import Backtest
from drift.cli import run

WINDOW = 1_000
TURN = 30
"""Windows before scores mean something else."""


def frame(n: int, seed: int, flip: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    amount = rng.normal(100, 20, n)
    chance = 1 / (1 + np.exp(-(amount - 110) / 10))
    truth = 0.6 * chance + 0.2 if flip else chance
    return pd.DataFrame({
        "amount": amount, "noise": rng.normal(size=n), "score": chance, "prediction": (chance > 0.5).astype(int),
        "label": (rng.random(n) < truth).astype(int),
    })  # fmt: skip


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    events = pd.concat([frame(TURN * WINDOW, 1), frame(12 * WINDOW, 2, flip=True)], ignore_index=True)
    return frame(40 * WINDOW, 0), events


@pytest.fixture(scope="module")
def found(tables: tuple[pd.DataFrame, pd.DataFrame]) -> Backtest:
    made: Backtest = drift.backtest(*tables, rows_per_window=WINDOW, held_out=True)
    return made


def test_each_window_has_what_scikit_learn_says_of_its_labels(found: Backtest, tables: Any) -> None:
    windows, events = found.as_plain()["windows"], tables[1]
    assert len(windows) == TURN + 12
    for at in (0, 17, TURN + 5):
        part = events.iloc[at * WINDOW : (at + 1) * WINDOW]
        said = windows[at]["performance"]
        assert said["realized"]["accuracy"]["value"] == pytest.approx(accuracy_score(part["label"], part["prediction"]))
        assert said["realized"]["auroc"]["value"] == pytest.approx(
            roc_auc_score(part["label"], part["score"]), abs=0.01
        )
        assert said["realized"]["accuracy"]["low"] < said["realized"]["accuracy"]["value"]
        assert (said["predictions"], said["labels"]) == (WINDOW, WINDOW)
    values = [
        {kind: one["performance"][kind]["accuracy"]["value"] for kind in ("estimated", "realized")} for one in windows
    ]
    before = [abs(one["estimated"] - one["realized"]) for one in values[:TURN]]
    assert np.mean(before) < 0.015
    assert {one["column"] for one in windows[0]["causes"]} >= {"amount", "noise"}
    assert set(windows[0]["causes"][0]) == {"column", "composition", "within", "z"}


def test_concept_drift_is_told_of_the_model_and_in_rows(found: Backtest) -> None:
    assert {one.alarm.column for one in found.raised} == {""}, "the inputs are what they were"
    assert {one.alarm.detector for one in found.raised} <= {"realized_performance", "concept"}
    for one in found.raised:
        assert one.alarm.onset // 3_600_000_000 - found.judged[0].window.start // 3_600_000_000 >= TURN - 2
        assert "since row " in one.alarm.sentence
        assert "2001" not in one.alarm.sentence
    text = repr(found)
    assert "Performance: accuracy " in text
    assert "Performance is affected in " in text
    assert "2001" not in text
    assert "1971" not in text
    assert "Performance: accuracy " in found._repr_html_()


def test_as_a_frame(found: Backtest) -> None:
    table = found.performance
    assert set(table.loc[table["metric"] == "accuracy", "start"]) == {n * WINDOW for n in range(TURN + 12)}
    assert {"estimated", "estimated_low", "realized", "realized_high", "reference"} <= set(table.columns)


def test_the_command_on_files_says_the_same(tmp_path: Path, tables: Any, found: Backtest, capsys: Any) -> None:
    for name, table in zip(("ref", "log"), tables, strict=True):
        table.to_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "drift.yaml").write_text("models: {m: {held_out: true}}\n")
    ask = ["--reference", f"{tmp_path}/ref.parquet", "--events", f"{tmp_path}/log.parquet", "--rows-per-window", "1000"]
    assert run(["backtest", *ask, "--config", f"{tmp_path}/drift.yaml", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["performance"] for one in said["windows"]] == [
        one["performance"] for one in found.as_plain()["windows"]
    ]


def test_without_labels_nothing_is_realised_and_what_is_estimated_stands(tables: Any) -> None:
    reference, events = tables
    blind = drift.backtest(reference, events.drop(columns="label"), rows_per_window=WINDOW * 6, held_out=True)
    said = blind.as_plain()["windows"][0]["performance"]
    assert said["realized"] == {}
    assert said["estimated"]["accuracy"]["value"] == pytest.approx(0.8, abs=0.02)
    assert said["assumption"].startswith("Assumes that what a score means")


def test_without_predictions_there_is_none_of_it(tables: Any) -> None:
    reference, events = (one[["amount", "noise"]] for one in tables)
    bare = drift.backtest(reference, events, rows_per_window=WINDOW * 6)
    assert "performance" not in bare.as_plain()["windows"][0]
    assert bare.performance.empty
    assert "Performance" not in repr(bare)


def test_times_become_rows() -> None:
    numbering = Numbering(WINDOW)
    said = "so since Mon 1 Jan 2001 03:00 (UTC), before: Mon 4 Jan 1971 15:00; Mon 1 Jan 2001 00:30:36"
    assert in_rows(said, numbering) == "so since row 3,000, before: the reference; row 510"
