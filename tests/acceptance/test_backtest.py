"""A backtest pages what moved, when it moved, from every kind of file, and nothing else."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import drift
from drift.cli import run

HOURS, PER_HOUR = 14 * 24, 60
LIVE = 5 * 24
MOVED = 3 * 24
"""The hour of the events from which on they differ."""


def frame(start: str, hours: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = hours * PER_HOUR
    return pd.DataFrame(
        {
            "time": pd.date_range(start, periods=n, freq="1min"),
            "income": rng.lognormal(8, 0.5, n),
            "age": rng.integers(18, 90, n),
            "visits": rng.poisson(2, n),
            "region": rng.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2]),
            "owner": rng.random(n) < 0.2,
            "score": rng.beta(2, 5, n),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events whose income rises by 0.6 of its spread, and whose region is missing for a day."""
    folder = tmp_path_factory.mktemp("acceptance")
    frame("2026-01-01", HOURS, 0).to_parquet(folder / "reference.parquet", index=False)
    quiet = frame("2026-02-01", LIVE, 1)
    events = quiet.copy()
    events.loc[MOVED * PER_HOUR :, "income"] *= 1.35
    events.loc[24 * PER_HOUR : 48 * PER_HOUR - 1, "region"] = None
    quiet.to_parquet(folder / "quiet.parquet", index=False)
    events.to_parquet(folder / "events.parquet", index=False)
    events.to_csv(folder / "events.csv", index=False)
    rows = events.assign(time=events["time"].astype(str), region=events["region"].astype(object)).to_dict("records")
    plain = [{name: None if value != value else value for name, value in row.items()} for row in rows]
    (folder / "events.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in plain))
    return folder


def backtest(folder: Path, capsys: pytest.CaptureFixture[str], events: str, *args: str) -> Any:
    files = ["--reference", str(folder / "reference.parquet"), "--events", str(folder / events)]
    assert run(["backtest", *files, *args, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


HOURLY = ("--time", "time", "--window", "1h")


def test_what_moved_is_paged_soon_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = backtest(folder, capsys, "events.parquet", *HOURLY)
    assert found["baseline"] == "reference"
    assert {alarm["column"] for alarm in found["alarms"]} == {"income", "region"}
    income = next(alarm for alarm in found["alarms"] if alarm["column"] == "income")
    region = next(alarm for alarm in found["alarms"] if alarm["column"] == "region")
    assert (income["severity"], income["direction"], income["what"]) == ("page", "increase", "location")
    assert "2026-02-03T22:00:00Z" <= income["onset"] <= "2026-02-04T02:00:00Z"
    assert "2026-02-04T01:00:00Z" <= income["window"]["end"] <= "2026-02-04T04:00:00Z"
    assert income["ended"] is None
    assert income["statistics"]["psi"] > 0.1
    assert region["severity"] == "page"
    assert region["what"] == "share missing"
    assert "2026-02-03T00:00:00Z" <= region["ended"]["start"] < "2026-02-05T00:00:00Z"
    drifted = [window["columns"]["income"]["outcome"] for window in found["windows"]]
    assert drifted[-1] == "drift"
    assert found["budget"]["allowed"] == pytest.approx(LIVE / 720, rel=1e-5)
    for events in ("events.csv", "events.jsonl"):
        assert backtest(folder, capsys, events, *HOURLY) == found


def test_rows_are_windows_as_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = backtest(folder, capsys, "events.csv", "--rows-per-window", "200")
    income = next(alarm for alarm in found["alarms"] if alarm["column"] == "income")
    first = MOVED * PER_HOUR
    assert first - 400 <= income["onset"] <= first + 200
    assert first < income["window"]["end"] <= first + 800
    assert {alarm["column"] for alarm in found["alarms"]} == {"income", "region"}


def test_a_quiet_stream_pages_nobody(folder: Path) -> None:
    reference, quiet = (pd.read_parquet(folder / name) for name in ("reference.parquet", "quiet.parquet"))
    found = drift.backtest(reference, quiet, time="time", window="1h")
    assert found.alarms.empty
    assert found.budget.raised == 0
    assert set(found.windows["column"]) == {"income", "age", "visits", "region", "owner", "score"}


def test_without_a_time_in_the_reference_production_is_learnt(folder: Path) -> None:
    reference = pd.read_parquet(folder / "reference.parquet").drop(columns="time")
    live = frame("2026-02-01", 18 * 24, 3)
    live["age"] += 5  # a constant offset from the reference is told once
    live.loc[16 * 24 * PER_HOUR :, "visits"] += 2
    found = drift.backtest(reference, live, time="time", window="1h")
    assert found.baseline == "production"
    assert [(one.alarm.column, one.alarm.what) for one in found.raised] == [("age", "psi"), ("visits", "location")]
    assert found.raised[0].ended == found.raised[0].alarm.raised
    assert sum(not window.stepped for window in found.judged) == 14 * 24
    assert "Not judged: 336 windows that the baseline was learnt from." in repr(found)
