"""Champion and challenger over REST and on the command line: their panes, their labels, a verdict."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from drift.api.app import create_app
from drift.api.compose import compose
from drift.config import Config
from drift.core.clock import DAY, HOUR, SECOND, SystemClock, isoformat
from drift.reference import build_reference
from drift.service.service import Service
from tests.rig.timeline import T0, Log, drain

N = 3_000


def frame(n: int, seed: int, flips: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    chance = 1 / (1 + np.exp(-2 * x))
    truth = rng.random(n) < chance
    guess = (chance > 0.5) ^ (rng.random(n) < flips)
    return pd.DataFrame({"x": x, "score": np.where(guess, 0.8, 0.2), "prediction": guess.astype(int),
                         "label": truth.astype(int)})  # fmt: skip


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    """Version 2 is wrong an eighth more often than version 1; both see the same rows."""
    config = Config.model_validate({
        "store": f"sqlite:///{tmp_path / 'drift.db'}", "models": {"m": {"windows": ["1h"], "label": {"after": "1h"}}}
    })  # fmt: skip
    service = Service.open(config, SystemClock())
    model = service.store.catalogue().models["m"]
    for version, flips in (("1", 0.0), ("2", 0.125), ("3", 0.0)):
        built = build_reference(frame(5_000, 1, flips))
        service.store.add_reference(
            model.id, version=version, schema=built.schema, grid=built.grid, profile=built.profile, rows=built.rows,
            content_hash=built.content_hash, active_from=0, outcomes=built.outcomes,
        )  # fmt: skip
    log = Log(1)
    for version, flips in (("1", 0.0), ("2", 0.125), ("3", 0.002)):
        for number, row in enumerate(frame(N, 7, flips).to_dict("records")):
            event = {
                "model": "m", "version": version, "id": f"e{number}", "time": isoformat(T0 + number * SECOND),
                "features": {"x": row["x"]}, "score": row["score"], "prediction": row["prediction"],
            }  # fmt: skip
            log.append(0, json.dumps(event).encode())
    for number, row in enumerate(frame(N, 7).to_dict("records")):
        label = {"model": "m", "id": f"e{number}", "label": row["label"], "time": isoformat(T0 + DAY)}
        log.append(0, json.dumps(label).encode())
    drain(service.store, log)
    return TestClient(create_app(compose(service)), base_url="http://localhost")


def ask(client: TestClient, challenger: str, **more: str) -> dict[str, object]:
    given = {"model": "m", "champion": "1", "challenger": challenger, "from": isoformat(T0),
             "until": isoformat(T0 + 2 * HOUR)}  # fmt: skip
    answer = client.get("/v1/rivals", params=given | more)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_the_worse_one_is_not_promoted(client: TestClient) -> None:
    found = ask(client, "2")
    assert (found["verdict"], found["champion_rows"], found["challenger_rows"]) == ("worse", N, N)
    assert "do not promote" in str(found["sentence"])
    accuracy = next(one for one in found["metrics"] if one["metric"] == "accuracy")  # type: ignore[attr-defined]
    assert accuracy["realized"]
    rows = [frame(N, 7, flips) for flips in (0.0, 0.125)]
    shares = [float((one["prediction"] == frame(N, 7)["label"]).mean()) for one in rows]
    assert accuracy["gain"]["value"] == pytest.approx(shares[1] - shares[0], abs=1e-9)
    assert found["traffic"] == []


def test_an_equal_one_is(client: TestClient) -> None:
    found = ask(client, "3", margin="0.05")
    assert found["verdict"] == "no_worse"


@pytest.mark.parametrize(("change", "code"), [
    ({"challenger": "1"}, 422), ({"challenger": "9"}, 404), ({"until": isoformat(T0 - DAY)}, 422),
    ({"model": "q"}, 404),
])  # fmt: skip
def test_what_cannot_be_compared_is_said(client: TestClient, change: dict[str, str], code: int) -> None:
    given = {"model": "m", "champion": "1", "challenger": "2", "from": isoformat(T0), "until": isoformat(T0 + HOUR)}
    answer = client.get("/v1/rivals", params=given | change)
    assert answer.status_code == code
    assert answer.json()["error"]["message"]
