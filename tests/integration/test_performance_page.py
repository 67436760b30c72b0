"""docs/performance.md is run as it stands: its drift.yaml, its two events, its commands, its rules."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import structlog
import yaml

from drift.cli import logs, run
from drift.config import parse
from drift.core.clock import HOUR, SystemClock, from_datetime, isoformat
from drift.core.errors import ConfigError
from drift.store import open_store

PAGE = (Path(__file__).parents[2] / "docs" / "performance.md").read_text()
ROWS = 900


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def frame(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    income = rng.normal(3_000, 800, n)
    risk = 1 / (1 + np.exp((income - 2_400) / 400))
    return pd.DataFrame({
        "income": income, "age": rng.integers(18, 80, n), "amount": rng.integers(1, 5, n) * 1_000.0,
        "sex": rng.choice(["f", "m"], n), "risk": risk, "approved": (risk >= 0.5).astype(int),
        "defaulted": (rng.random(n) < risk).astype(int),
    })  # fmt: skip


@pytest.fixture
def drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(tmp_path)
    for name in ("DRIFT_CONFIG", "DRIFT_URL", "DRIFT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    logs.configure(logs.QUIET)

    def command(*args: str) -> str:
        capsys.readouterr()
        assert run(list(args)) == 0, capsys.readouterr()
        return capsys.readouterr().out

    yield command
    structlog.reset_defaults()


def events() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Predictions in the form of the page's first event, labels in that of its second; only who defaults has one."""
    prediction, label = (json.loads(line) for line in blocks("json")[0].splitlines())
    start = from_datetime(pd.Timestamp(prediction["time"]).to_pydatetime())
    predictions, labels = [], []
    for i, row in enumerate(frame(ROWS, 2).to_dict("records")):
        time = isoformat(start + i * HOUR // ROWS)
        features = {name: row[name] for name in ("income", "age", "amount", "sex")}
        predictions.append(prediction | {
            "id": f"a-{i}", "time": time, "features": features, "score": row["risk"], "prediction": row["approved"],
        })  # fmt: skip
        if row["defaulted"]:
            labels.append(label | {"id": f"a-{i}"})
    return predictions, labels


def test_the_page_from_reference_to_figures(drift: Any) -> None:
    Path("drift.yaml").write_text(blocks("yaml")[0])
    frame(4_000, 1).to_parquet("validation.parquet")
    predictions, labels = events()
    for name, some in (("predictions", predictions), ("labels", labels)):
        Path(f"{name}.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in some))
    drift("replay", "predictions.jsonl")
    drift("replay", "labels.jsonl")
    said = " ".join(drift("performance", "loans", "--window", "1h").split())
    found = json.loads(drift("performance", "loans", "--window", "1h", "--json"))["mature"]
    assert "assum" in said.lower()
    assert (found["predicted"], found["joined"], found["mature"]) == (ROWS, ROWS, True), "the rest is implied"
    truth, guess = (frame(ROWS, 2)[name].to_numpy() for name in ("defaulted", "approved"))
    assert found["realized"]["accuracy"]["value"] == pytest.approx(np.mean(truth == guess))
    assert found["realized"]["value"]["value"] is not None
    assert abs(found["estimated"]["accuracy"]["value"] - np.mean(truth == guess)) < 0.04
    assert {gap["attribute"] for gap in found["gaps"]} == {"sex"}
    assert {cause["column"] for cause in found["causes"]} >= {"income", "age"}
    women = json.loads(drift("performance", "loans", "--window", "1h", "--segment", "sex=f", "--json"))["mature"]
    assert 0 < women["predicted"] < ROWS


def test_weights_come_with_the_features(drift: Any) -> None:
    settings = yaml.safe_load(blocks("yaml")[0])
    settings["models"]["loans"] |= {"weight": "amount", "label": {"column": "defaulted", "after": "30d"}}
    Path("drift.yaml").write_text(yaml.safe_dump(settings))
    frame(4_000, 1).to_parquet("validation.parquet")
    data = frame(ROWS, 2)
    told = [one | {"label": truth} for one, truth in zip(events()[0], data["defaulted"].tolist(), strict=True)]
    Path("predictions.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in told))
    drift("replay", "predictions.jsonl")
    found = json.loads(drift("performance", "loans", "--window", "1h", "--json"))["mature"]
    right = data["defaulted"] == data["approved"]
    assert found["realized"]["accuracy"]["value"] == pytest.approx(np.average(right, weights=data["amount"]))


def test_implied_labels_have_no_weight() -> None:
    settings = yaml.safe_load(blocks("yaml")[0])
    settings["models"]["loans"]["weight"] = "amount"
    with pytest.raises(ConfigError, match="weight of a prediction without a label is not kept"):
        parse(yaml.safe_dump(settings))


def test_no_raw_value_waits_for_a_label(drift: Any) -> None:
    Path("drift.yaml").write_text(blocks("yaml")[0])
    frame(4_000, 1).to_parquet("validation.parquet")
    predictions, _ = events()
    secret = predictions[0] | {"id": "patient-4711-secret", "features": {"income": 3141.592653589793}}
    Path("predictions.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in [*predictions, secret]))
    drift("replay", "predictions.jsonl")
    store = open_store(parse(Path("drift.yaml").read_text()).store_url, SystemClock())
    assert store.unmet(next(iter(store.catalogue().models.values())).id)[0] == ROWS + 1
    store.close()
    kept = b"".join(path.read_bytes() for path in Path().glob("drift.db*"))
    assert b"patient-4711-secret" not in kept
    assert b"3141.59" not in kept


def test_the_rules_of_the_page_are_taken() -> None:
    for block in blocks("yaml"):
        settings = parse(block).models["loans"]
        assert settings.label is not None
    rules = [one.rule for one in settings.alerts]
    assert [one.kind for one in rules] == ["drift", "performance", "performance", "no_data"]
    assert len(yaml.safe_load(blocks("yaml")[1])["models"]["loans"]["alerts"]) == len(rules)
