"""Every query of dashboards and rules against a real Prometheus that scraped a real service."""

import os
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pandas as pd
import pytest

from tests.conftest import StartPrometheus
from tests.rig.expressions import RULES, expressions
from tests.rig.proc import free_port, python, wait_until
from tests.rig.prometheus import Prometheus

SILENT: dict[str, str] = {
    "driftsum-model 8 B": "the band of columns between two and four times their threshold: the shifted one is beyond",
    "driftsum-model 8 C": "the band between one and two times",
    "model:drift_window_end_timestamp_seconds:stale": "results are fresh",
    "model:drift_alarms_standing:raised5m": "compares with five minutes ago",
    "model:drift_alarms_standing:raised30d": "sums the one before it",
    "model:drift_retrain_runs:failed": "no run has failed",
    "driftsum-fleet 15 A": "the mean absolute error of a regression: the model is none",
}
"""What gives no data in the state of this test, and why."""


def config(port: int, nobody: int) -> str:
    return f"""
server: {{port: {port}}}
models:
  credit:
    reference: ref.parquet
    segments: [channel]
    held_out: true
    windows: [5m]
    lateness: 1s
    rules: [default, psi > 0.1]
    alerts: [{{when: psi > 0.1, severity: page}}]
routes:
  - webhook: {{url: "http://127.0.0.1:{nobody}/", secret: "env:SIGN"}}
    name: oncall
triggers:
  - webhook: {{url: "http://127.0.0.1:{nobody}/", secret: "env:SIGN"}}
    name: retrain
    approval: auto
egress: {{allow: [127.0.0.1]}}
"""


def event(time: datetime, income: float, i: int) -> dict[str, Any]:
    features = {"income": income, "age": i % 7, "channel": "web" if i % 2 else "branch"}
    told = {"id": f"e{i}", "score": (i % 100) / 100, "prediction": int(i % 100 >= 50), "label": int(i % 10 >= 5)}
    return {"model": "credit", "time": time.isoformat(), "features": features, **told}


def shifted(rng: np.random.Generator, start: datetime) -> Iterator[dict[str, Any]]:
    for i in range(600):
        yield event(start + timedelta(seconds=i * 0.4), rng.normal(5.0, 1.0), i)


def answers(url: str, path: str, **params: str) -> Any:
    response = httpx2.get(f"{url}{path}", params=params)
    return response.json() if response.status_code == 200 else None


def ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def feed(url: str, rng: np.random.Generator) -> None:
    """A shifted window, an event of now that closes it, a bad event, and one that comes late."""
    now = datetime.now(UTC)
    start = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0) - timedelta(minutes=5)
    label = {"model": "credit", "id": "e1", "label": 1, "time": now.isoformat()}
    first = [*shifted(rng, start), {"model": "nobody"}, label, event(now, 0.0, 700)]
    for some in (first, [event(start, 0.0, 701), label]):
        assert httpx2.post(f"{url}/v1/events", json=some, timeout=30).status_code == 200
        wait_until(
            lambda: bool(answers(url, "/v1/windows", model="credit", state="final")["items"]),
            timeout=40,
            what="a window",
        )


@pytest.mark.slow
def test_every_query_returns_data(tmp_path: Path, prometheus: StartPrometheus) -> None:
    rng = np.random.default_rng(0)
    channel = np.where(np.arange(4_000) % 2, "web", "branch")
    frame = pd.DataFrame({"income": rng.normal(0.0, 1.0, 4_000), "age": np.arange(4_000) % 7, "channel": channel})
    score = np.arange(4_000) % 100 / 100
    frame = frame.assign(score=score, prediction=(score >= 0.5).astype(int), label=np.arange(4_000) % 10 // 5)
    frame.to_parquet(tmp_path / "ref.parquet")
    port = free_port()
    (tmp_path / "drift.yaml").write_text(config(port, free_port()))
    url, sign = f"http://127.0.0.1:{port}", f"whsec_{b64encode(os.urandom(32)).decode()}"
    command = ("-m", "drift", "serve", "--config", tmp_path / "drift.yaml")
    with python(*command, log=tmp_path / "log", env={"SIGN": sign}) as server:
        server.wait_ready(lambda: ready(url))
        seen = prometheus(f"127.0.0.1:{port}", rules=RULES)
        seen.wait_for("drift_build_info")
        feed(url, rng)
        for told in (
            "drift_deliveries_total",
            "drift_retrain_attempts_total",
            "drift_late_rows_total",
            "drift_labels_total",
        ):
            seen.wait_for(f"rate({told}[1m])", timeout=60)
        ask_everything(seen)


def ask_everything(seen: Prometheus) -> None:
    silent = {one.where for one in expressions() if one.kind != "alert" and not seen.query(one.filled)}
    assert silent == set(SILENT)
    reads = {selector for one in expressions() if one.kind == "alert" for selector in one.selectors}
    empty = {selector for selector in reads if not seen.query(selector)}
    assert empty - set(SILENT) == {'drift_incidents_open{family="data"}'}, "an alert reads what is not there"
    rules = [rule for group in seen.get("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == {
        one.where for one in expressions() if one.kind in {"alert", "recording"}
    }
    assert [rule["lastError"] for rule in rules if rule.get("lastError")] == []
    pending = {rule["name"] for rule in rules for alert in rule.get("alerts", [])}
    assert "DriftDeadLetters" not in pending
