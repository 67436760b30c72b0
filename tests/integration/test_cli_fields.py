"""`drift fields`: what events have and nobody watches, from files of every kind."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import structlog

from drift.cli import logs, run

ROWS = 300


def frame(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    time = pd.date_range("2026-02-01", periods=ROWS, freq="1min", tz="UTC")
    return pd.DataFrame({"time": time, "income": rng.normal(3_000, 400, ROWS), "age": rng.normal(40, 9, ROWS)})


@pytest.fixture
def drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    for name in ("DRIFT_CONFIG", "DRIFT_URL", "DRIFT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    logs.configure(logs.QUIET)
    frame(1).assign(note=1.0).to_parquet("ref.parquet")
    settings = "{reference: ref.parquet, windows: [1h], ignore: [note]}"
    Path("drift.yaml").write_text(f"models:\n  credit: {settings}\n")

    def command(*args: object) -> str:
        capsys.readouterr()
        assert run([str(arg) for arg in args]) == 0, capsys.readouterr()
        return capsys.readouterr().out

    yield command
    structlog.reset_defaults()


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "csv"])
def test_fields_that_nobody_watches_are_listed(drift: Any, kind: str) -> None:
    events = frame(2).assign(model="credit", note=2.0, branch="b7", half=[1.0, np.nan] * (ROWS // 2))
    if kind == "parquet":
        events.to_parquet("log.parquet")
    elif kind == "csv":
        events.to_csv("log.csv", index=False)
    else:
        rows = events.assign(time=events["time"].astype(str)).to_dict("records")
        held = [{"model": "credit", "time": row["time"].replace(" ", "T"), "features": {
            name: value for name, value in row.items() if name not in ("model", "time") and value == value
        }} for row in rows]  # fmt: skip
        Path("log.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in held))
    drift("replay", f"log.{kind}")
    found = json.loads(drift("fields", "credit", "--json"))
    branch, half = found["fields"]
    assert not found["more"]
    assert (branch["name"], branch["share"], branch["version"]) == ("branch", 1.0, "1")
    assert branch["type"] == (None if kind == "csv" else "string")
    assert branch["first_seen"] == "2026-02-01T00:00:00Z"
    assert half["name"] == "half"
    assert half["share"] == 0.5 if kind != "jsonl" else abs(half["share"] - 0.5) < 0.1
    assert "branch" in drift("fields", "credit")
