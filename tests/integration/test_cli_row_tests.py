"""`drift row-tests`: tests over the rows that are kept, where rows are kept."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import structlog

from drift.cli import logs, run

ROWS = 1_200


def frame(seed: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    time = pd.date_range("2026-02-01", periods=ROWS, freq="12s", tz="UTC")
    return pd.DataFrame({"time": time, "income": rng.normal(3_000 + shift, 400, ROWS), "age": rng.normal(40, 9, ROWS)})


@pytest.fixture
def drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    for name in ("DRIFT_CONFIG", "DRIFT_URL", "DRIFT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    logs.configure(logs.QUIET)
    frame(1).to_parquet("ref.parquet")

    def command(*args: object, code: int = 0) -> str:
        capsys.readouterr()
        assert run([str(arg) for arg in args]) == code
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    yield command
    structlog.reset_defaults()


def kept(rows: int) -> None:
    Path("drift.yaml").write_text(
        f"models:\n  credit: {{reference: ref.parquet, windows: [1h], pane: 15m, row_sample: {rows}}}\n"
    )


@pytest.mark.parametrize(("shift", "drifted"), [(0.0, False), (400.0, True)])
def test_the_latest_window_is_tested(drift: Callable[..., str], shift: float, drifted: bool) -> None:
    kept(300)
    frame(2, shift).assign(model="credit", id=range(ROWS)).to_parquet("log.parquet")
    drift("replay", "log.parquet")
    found = json.loads(drift("row-tests", "credit", "-t", "classifier", "-t", "evidently:ks", "--json"))
    assert found["window"]["end"] == "2026-02-01T04:00:00Z"
    classifier, *columns = found["tests"]
    assert (classifier["test"], classifier["drifted"]) == ("classifier", drifted)
    assert {one["column"]: one["drifted"] for one in columns} == {"income": drifted, "age": False}
    assert classifier["columns"][:1] == ["income"] if drifted else True
    told = drift("row-tests", "credit")
    assert ("drift (income" in told) is drifted


def test_without_kept_rows_a_sentence_says_so(drift: Callable[..., str]) -> None:
    kept(0)
    frame(2).assign(model="credit").to_parquet("log.parquet")
    drift("replay", "log.parquet")
    assert "keeps no rows; say `row_sample: 1000`" in drift("row-tests", "credit", code=2)
    assert "'evidently:nonsense' is no test" in drift("row-tests", "credit", "-t", "evidently:nonsense", code=2)
