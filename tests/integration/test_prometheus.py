"""What a real Prometheus sees of a real service."""

import math
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pandas as pd
import pytest

from tests.conftest import StartPrometheus
from tests.rig.proc import free_port, python, wait_until

HOSTILE = 'in"come\n\\{}'
"""A column that would break a line of the exposition format if it were not escaped."""


def get(url: str, **params: str) -> Any:
    response = httpx2.get(url, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def stream(rng: np.random.Generator) -> list[dict[str, object]]:
    """A shifted window that has just ended, and one event of now, which lets it close."""
    now = datetime.now(UTC)
    start = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0) - timedelta(minutes=5)
    times = [start + timedelta(seconds=i * 0.5) for i in range(400)]
    values = rng.normal(5.0, 1.0, len(times)).tolist()
    events: list[dict[str, object]] = [
        {"model": "credit", "time": time.isoformat(), "features": {HOSTILE: value, "steady": i % 3}}
        for i, (time, value) in enumerate(zip(times, values, strict=True))
    ]
    return [*events, {"model": "credit", "time": now.isoformat(), "features": {}}, {"model": "nobody"}]


@pytest.mark.slow
def test_prometheus_scrapes_what_the_rest_api_says(tmp_path: Path, prometheus: StartPrometheus, promtool: str) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({HOSTILE: rng.normal(0.0, 1.0, 4_000), "steady": np.arange(4_000) % 3})
    frame.to_parquet(tmp_path / "ref.parquet")
    port = free_port()
    (tmp_path / "drift.yaml").write_text(
        f"server: {{port: {port}}}\nmodels:\n"
        "  credit: {reference: ref.parquet, windows: [5m], lateness: 1s, rules: [default, psi > 0.1]}\n"
    )
    url = f"http://127.0.0.1:{port}"
    with python("-m", "drift", "serve", "--config", tmp_path / "drift.yaml", log=tmp_path / "log") as server:
        server.wait_ready(lambda: ready(url))
        answer = httpx2.post(f"{url}/v1/events", json=stream(rng), timeout=30).json()
        assert answer["accepted"] == 401

        def final() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = get(f"{url}/v1/windows", model="credit", state="final")["items"]
            return items

        wait_until(lambda: bool(final()), timeout=30, what="the window to be final")
        wait_until(lambda: "drift_model_outcome{" in httpx2.get(f"{url}/metrics").text, timeout=30, what="gauges")
        checked = subprocess.run(
            [promtool, "check", "metrics"], input=httpx2.get(f"{url}/metrics").content, capture_output=True, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr

        seen = prometheus(f"127.0.0.1:{port}")
        seen.wait_for('drift_model_outcome{outcome="drift"} == 1')
        [psi] = seen.query('drift_statistic{statistic="psi", column!="steady"}')
        assert psi.labels["column"] == HOSTILE
        [window] = final()
        judged = get(f"{url}/v1/windows/{window['id']}")
        assert math.isclose(psi.value, value_of(judged, HOSTILE, "psi"), rel_tol=1e-9)
        [limit] = seen.query('drift_statistic_threshold{statistic="psi", column!="steady"}')
        assert psi.value > limit.value == 0.1
        [rows] = seen.query('drift_window_rows{segment="all"}')
        assert rows.value == 400
        [drifted] = seen.query('drift_columns_drifted{segment="all"}')
        assert drifted.value == 1
        assert sum(sample.value for sample in seen.query("drift_events_total")) == 401
        [letters] = seen.query("drift_dead_letters_total")
        assert (letters.labels["reason"], letters.value) == ("unknown_model", 1)
        [end] = seen.query("drift_window_end_timestamp_seconds")
        assert datetime.fromtimestamp(end.value, UTC) == datetime.fromisoformat(window["end"])


def value_of(judged: dict[str, Any], column: str, statistic: str) -> float:
    [found] = [c for c in judged["judgement"]["columns"] if c["column"] == column]
    return float(found["statistics"][statistic])
