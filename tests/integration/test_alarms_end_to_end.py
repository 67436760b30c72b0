"""From events to a page, its explanation, an answer and on: the default detector, by the command line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import structlog

from drift.cli import logs, run

HOURLY = 40


def frame(start: str, hours: int, seed: int, shift: float = 0.0, version: str = "1") -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = hours * HOURLY
    return pd.DataFrame(
        {
            "model": "credit",
            "version": version,
            "time": pd.date_range(start, periods=rows, freq="90s", tz="UTC"),
            "income": rng.normal(3000 + shift, 800, rows),
            "age": rng.integers(18, 80, rows).astype(float),
        }
    )


@pytest.fixture
def drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    for name in ("DRIFT_CONFIG", "DRIFT_URL", "DRIFT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    logs.configure(logs.QUIET)
    frame("2026-01-01", 21 * 24, 1).drop(columns=["model", "version"]).to_parquet("ref.parquet")
    Path("drift.yaml").write_text("models:\n  credit: {reference: ref.parquet, windows: [1h]}\n")

    def command(*args: object) -> str:
        capsys.readouterr()
        assert run([str(arg) for arg in args]) == 0, capsys.readouterr()
        return capsys.readouterr().out

    yield command
    structlog.reset_defaults()


def feed(drift: Callable[..., str], name: str, *parts: pd.DataFrame) -> None:
    pd.concat(parts).to_parquet(name)
    drift("replay", name)


def alarms(drift: Callable[..., str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(drift("alarms", "credit", "--all", "--json"))
    return found


@pytest.mark.slow
def test_a_shift_is_paged_explained_accepted_and_the_way_back_is_a_shift(drift: Callable[..., str]) -> None:
    feed(drift, "1.parquet", frame("2026-02-01", 48, 2), frame("2026-02-03", 36, 3, shift=500))
    (page,) = alarms(drift)
    assert (page["column"], page["severity"], page["direction"], page["standing"]) == (
        "income",
        "page",
        "increase",
        True,
    )
    assert "2026-02-02T22" < page["onset"] < page["raised_end"] < "2026-02-03T06"
    told = " ".join(drift("explain", "credit", "income").split())
    assert told.startswith("PAGE: income has drifted (model credit, windows of 1h, all traffic).")
    assert "The typical value of income rose by 0." in told
    assert "It is a page because the shift is beyond twice the tolerance" in told
    assert "Replayed over 504 windows of baseline" in told
    assert "The budget of 1 per 30d" in told
    assert "No alarm stands on age" in drift("explain", "credit", "age")
    assert drift("explain", "credit").startswith("1 page and 0 warnings on model credit, of 2 columns watched")

    drift("accept", "credit", "income", "--why", "new price list", "--who", "ada")
    assert [one["standing"] for one in alarms(drift)] == [True], "it applies from the next window on"
    feed(drift, "2.parquet", frame("2026-02-04T12:00:00", 24, 4, shift=500))
    (ended,) = alarms(drift)
    assert (ended["ended_at"], ended["ended_why"]) == ("2026-02-04T13:00:00Z", "somebody answered it")
    told = " ".join(drift("explain", "credit", "income").split())
    assert "It is compared with a stretch of production that somebody accepted" in told
    assert "ada accepted it as baseline: “new price list”." in told

    drift("snooze", "credit", "income", "--for", "3d", "--why", "rolled back")
    feed(drift, "3.parquet", frame("2026-02-05T12:00:00", 12, 5))
    newest, _ = alarms(drift)
    assert (newest["direction"], newest["standing"], newest["snoozed"]) == ("decrease", True, True)
    assert newest["raised_start"] >= "2026-02-05T12"


def incidents(drift: Callable[..., str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(drift("incidents", "credit", "--all", "--json"))
    return found


def retrained(drift: Callable[..., str], shift: float) -> None:
    """What a pipeline does at its end: version 2 was trained on the new data."""
    frame("2026-02-01", 21 * 24, 9, shift=shift).drop(columns=["model", "version"]).to_parquet("ref2.parquet")
    drift(
        "reference", "add", "ref2.parquet", "--model", "credit", "--version", "2",
        "--active-from", "2026-02-04T12:00:00Z",
    )  # fmt: skip


@pytest.mark.slow
def test_a_retrained_model_ends_the_incident_and_nothing_else_does(drift: Callable[..., str]) -> None:
    feed(drift, "1.parquet", frame("2026-02-01", 48, 2), frame("2026-02-03", 36, 3, shift=500))
    (opened,) = incidents(drift)
    assert (opened["open"], opened["columns"], opened["severity"]) == (True, ["income"], "page")
    retrained(drift, shift=500)
    assert incidents(drift)[0]["open"], "nothing was judged against it yet"
    feed(drift, "2.parquet", frame("2026-02-04T12:00:00", 24, 4, shift=500, version="2"))
    (closed,) = incidents(drift)
    assert (closed["open"], closed["resolution"]) == (False, "retrained as version 2")
    assert closed["resolved_at"] == "2026-02-04T13:00:00Z"
    assert "retrained as version 2" in drift("incident", closed["id"])


@pytest.mark.slow
def test_a_model_that_was_retrained_on_old_data_reopens_it(drift: Callable[..., str]) -> None:
    feed(drift, "1.parquet", frame("2026-02-01", 48, 2), frame("2026-02-03", 36, 3, shift=500))
    retrained(drift, shift=0)
    feed(drift, "2.parquet", frame("2026-02-04T12:00:00", 36, 4, shift=500, version="2"))
    (again,) = incidents(drift)
    assert (again["open"], again["reopened"]) == (True, 1)
    told = drift("incident", again["id"])
    assert "retrained as version 2" in told
    assert "the same drift is still there after retraining as version 2" in " ".join(told.split())
