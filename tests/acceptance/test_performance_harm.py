"""Inputs that move without harm page nobody behind a harm gate; scores that mean something else are told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import structlog

from drift.cli import logs, run

pytestmark = pytest.mark.slow

HOURS, PER_HOUR, TURN = 36, 200, 18
CONFIG = """
models:
  loans:
    reference: ref.parquet
    held_out: true
    time: time
    windows: [1h]
    detectors: [default]
    alerts:
      - {when: drift, harm: true, name: harmful}
      - {when: drift, name: moved}
      - {when: drop(realized.accuracy) > 0.05, for: 2h, name: dropped}
"""


def frame(start: str, hours: int, seed: int, *, shift: float = 0.0, flip: bool = False) -> pd.DataFrame:
    """A score that is right in 85 %; `shift`: income moves and it is as right; `flip`: it is not any more."""
    rng = np.random.default_rng(seed)
    n = hours * PER_HOUR
    income = rng.normal(3_000 + 800 * shift, 800, n)
    side = rng.random(n) < 0.5
    chance = np.where(side, 0.85, 0.15)
    truth = 0.5 * chance + 0.25 if flip else chance
    return pd.DataFrame({
        "time": pd.date_range(start, periods=n, freq=f"{3600 // PER_HOUR}s", tz="UTC"), "income": income,
        "score": np.clip(chance + rng.normal(0, 0.02, n), 0.01, 0.99), "prediction": side.astype(int),
        "label": (rng.random(n) < truth).astype(int),
    })  # fmt: skip


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Replays events, the last of which are as said; answers what a command prints."""
    monkeypatch.chdir(tmp_path)
    for name in ("DRIFT_CONFIG", "DRIFT_URL", "DRIFT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    logs.configure(logs.QUIET)

    def ask(*args: str) -> str:
        capsys.readouterr()
        assert run(list(args)) == 0, capsys.readouterr()
        return capsys.readouterr().out

    def make(**late: Any) -> Callable[..., str]:
        Path("drift.yaml").write_text(CONFIG)
        frame("2026-08-01", 120, 1).to_parquet("ref.parquet")
        before, after = frame("2026-09-01", TURN, 2), frame("2026-09-01T18:00", HOURS - TURN, 3, **late)
        events = pd.concat([before, after]).assign(model="loans", id=[f"e{i}" for i in range(HOURS * PER_HOUR)])
        events.to_parquet("log.parquet")
        ask("replay", "log.parquet")
        return ask

    yield make
    structlog.reset_defaults()


def alerts(ask: Callable[..., str]) -> dict[str, set[str]]:
    """Rule → columns that it fired on."""
    found: dict[str, set[str]] = {}
    for one in json.loads(ask("incidents", "loans", "--all", "--json")):
        for alert in json.loads(ask("incident", str(one["id"]), "--json"))["findings"]:
            found.setdefault(alert["rule"], set()).add(alert["column"])
    return found


def test_inputs_that_move_harmlessly_are_told_only_where_harm_is_not_asked_for(judged: Any) -> None:
    ask = judged(shift=0.8)
    assert alerts(ask) == {"moved": {"income"}}
    said = json.loads(ask("performance", "loans", "--json"))["latest"]
    assert said["affected"] is False
    assert "does no harm" in said["summary"]


def test_scores_that_mean_something_else_while_inputs_stand_are_told_of_the_model(judged: Any) -> None:
    ask = judged(flip=True)
    found = alerts(ask)
    assert found == {"moved": {""}, "harmful": {""}, "dropped": {""}}, "no input moved"
    alarms = json.loads(ask("alarms", "loans", "--json"))
    assert {one["detector"] for one in alarms} == {"realized_performance", "concept"}
    text = " ".join(ask("explain", "loans").split())
    assert "what scores mean has changed since" in text
    assert "realized accuracy is" in text
    listed = ask("alarms", "loans")
    assert "(the model)" in listed
    assert json.loads(ask("performance", "loans", "--json"))["latest"]["affected"] is True
    titles = [one["title"] for one in json.loads(ask("incidents", "loans", "--all", "--json"))]
    assert any("has changed since" in title or "accuracy is" in title for title in titles)
