"""What the README shows is run as it stands: the smallest drift.yaml on a real Kafka, the event, the Python lines."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pandas as pd
import pytest
from kafka import KafkaProducer

from tests.rig.kafka import Kafka
from tests.rig.proc import free_port, python, wait_until

README = (Path(__file__).parents[2] / "README.md").read_text()


def block(language: str) -> str:
    """The README's one block in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return str(found)


def frame(rows: int, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(rows)
    income = rng.normal(4_000 + shift, 800, rows).round(2)
    made = {
        "income": income,
        "region": rng.choice(["north", "south"], rows),
        "channel": rng.choice(["web", "shop"], rows),
    }
    return pd.DataFrame({**made, "prediction": rng.integers(0, 2, rows), "score": rng.random(rows).round(4)})


def answer(url: str, path: str) -> Any:
    with suppress(httpx2.TransportError):
        response = httpx2.get(url + path)
        return response.json() if response.status_code == 200 else None
    return None


def counted(url: str) -> int:
    found = answer(url, "/v1/status")
    return 0 if found is None else int(found["totals"]["rows"])


def test_the_smallest_drift_yaml_reads_the_readmes_events(tmp_path: Path, kafka: Kafka) -> None:
    frame(3_000).to_parquet(tmp_path / "train.parquet")
    topic, port = kafka.create_topic(), free_port()
    text = block("yaml").replace("localhost:9092", kafka.bootstrap).replace("[predictions]", f"[{topic}]")
    assert kafka.bootstrap in text
    (tmp_path / "drift.yaml").write_text(f"{text}server: {{port: {port}}}\n")
    event, now = json.loads(block("json")), datetime.now(UTC)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for n in range(200):
        event |= {"id": f"a{n}", "time": (now - timedelta(hours=3, seconds=-n)).isoformat()}
        producer.send(topic, json.dumps(event).encode())
    producer.flush()
    producer.close()
    with python("-m", "drift", "serve", "--config", tmp_path / "drift.yaml", log=tmp_path / "log") as serving:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: counted(url) == 200 or not serving.alive, 60, 0.2, "200 events counted")
        assert serving.alive, serving.output()
        assert answer(url, "/v1/dead-letters")["items"] == []
        assert [one["name"] for one in answer(url, "/v1/models")["items"]] == ["credit"]
        assert serving.terminate(30) == 0


def test_the_python_lines_run() -> None:
    hours = pd.date_range("2026-01-05", periods=40 * 24, freq="h", tz="UTC")
    known = pd.concat([frame(50 + n % 3).assign(ts=at) for n, at in enumerate(hours)])
    names: dict[str, Any] = {"reference": known[known.ts < hours[480]], "events": known[known.ts >= hours[480]]}
    names["current"] = names["events"]
    code = block("python")
    exec(compile(code, "README.md", "exec"), names)
    assert isinstance(names["found"].alarms, pd.DataFrame)


@pytest.mark.parametrize("target", re.findall(r"^    make (\w+)", README, re.MULTILINE))
def test_the_two_commands_are_targets(target: str) -> None:
    assert target in ("demo", "test")
