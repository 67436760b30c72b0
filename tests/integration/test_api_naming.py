"""Tokens for some models and what they send: read as the worker will read it, in every format."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from drift.api.naming import Naming
from drift.api.services import ARROW, CSV, JSON, NDJSON
from drift.config import ModelSettings, SourceSettings, parse
from drift.core.errors import ConfigError
from drift.service.models import add_reference
from drift.service.service import Service
from drift.service.worker import run_worker


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    pd.DataFrame({"income": np.arange(300.0)}).to_parquet(tmp_path / "ref.parquet")
    models = "models: {credit: {reference: ref.parquet}, churn: {reference: ref.parquet}}"
    found = Service.open(parse(models, folder=tmp_path))
    yield found
    found.stop()


def event(model: str | None, **changes: Any) -> dict[str, Any]:
    return {"model": model, "time": "2026-11-01T00:00:00Z", "features": {"income": 3.0}} | changes


def lines(*events: Any) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in events)


def table(*models: str) -> pa.Table:
    times = pd.to_datetime(["2026-11-01T00:00:00Z"] * len(models))
    return pa.table({"model": list(models), "time": times, "income": [1.0] * len(models)})


def arrow(*models: str) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table(*models).schema) as writer:
        writer.write_table(table(*models))
    return sink.getvalue()


def csv(*models: str) -> bytes:
    return str(table(*models).to_pandas().to_csv(index=False)).encode()


@pytest.mark.parametrize(
    ("body", "media_type", "models"),
    [
        (lines(event("credit")), JSON, {"credit"}),
        (json.dumps([event("credit"), [event("churn")]]).encode(), JSON, {"credit", "churn"}),
        (lines(event("credit"), event("churn"), event("nope")), NDJSON, {"credit", "churn"}),
        (arrow("churn", "churn"), ARROW, {"churn"}),
        (arrow("churn", "credit"), ARROW, {"credit", "churn"}),
        (csv("credit", "churn"), CSV, {"credit", "churn"}),
        # twice the same name: the last one counts, here as there
        (b'{"model": "churn", "model": "credit", "time": "2026-11-01T00:00:00Z", "features": {"income": 1}}', JSON,
         {"credit"}),
        (b'{"model": "cre\\u0064it", "time": "2026-11-01T00:00:00Z", "features": {"income": NaN}}', JSON, {"credit"}),
        (lines(event("credit", time=None)), JSON, None),
        (lines(event(None)), JSON, set()),
        (b"{", JSON, set()),
        (b"", NDJSON, set()),
        (b"no arrow", ARROW, set()),
    ],
)  # fmt: skip
def test_models_of_a_body(service: Service, body: bytes, media_type: str, models: set[str] | None) -> None:
    found = set(Naming(service, SourceSettings.model_validate({"http": {}}))(body, media_type))
    if models is None:  # it has no time: whether it is refused here or by the worker, nothing is counted
        assert found <= {"credit"}
    else:
        assert found == models


@pytest.mark.parametrize(("media_type", "form"), [(JSON, "json"), (ARROW, "arrow"), (CSV, "csv")])
def test_a_label_by_itself_is_about_its_model(tmp_path: Path, media_type: str, form: str) -> None:
    """Or a token for one model could say what came true of another's predictions."""
    truth = np.arange(300) % 2
    frame = pd.DataFrame({"income": np.arange(300.0), "score": truth * 0.6 + 0.2, "label": truth})
    frame.to_parquet(tmp_path / "ref.parquet")
    models = "models: {credit: {reference: ref.parquet}, churn: {reference: ref.parquet}}"
    service = Service.open(parse(models, folder=tmp_path))
    label: dict[str, Any] = {"model": "churn", "id": "a1", "label": 1, "time": "2026-11-01T00:00:00Z"}
    columns = pd.DataFrame([label | {"time": pd.Timestamp(label["time"])}])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, pa.Table.from_pandas(columns).schema) as writer:
        writer.write_table(pa.Table.from_pandas(columns))
    bodies = {"json": json.dumps(label).encode(), "arrow": sink.getvalue(),
              "csv": columns.assign(time=label["time"]).to_csv(index=False).encode()}  # fmt: skip
    try:
        naming = Naming(service, SourceSettings.model_validate({"http": None}))
        assert set(naming(bodies[form], media_type)) == {"churn"}
    finally:
        service.stop()


def test_a_map_says_where_the_model_stands(service: Service) -> None:
    settings = {"http": {}, "map": {"model": "about.name", "time": "time", "features": "features"}}
    naming = Naming(service, SourceSettings.model_validate(settings))
    assert set(naming(lines(event("churn", about={"name": "credit"})), NDJSON)) == {"credit"}
    constant = {"http": {}, "map": {"model": "=churn", "time": "time", "features": "features"}}
    assert set(Naming(service, SourceSettings.model_validate(constant))(lines(event("credit")), JSON)) == {"churn"}


def test_a_model_that_is_new_is_known_at_once(service: Service, tmp_path: Path) -> None:
    naming = Naming(service, SourceSettings.model_validate({"http": {}}))
    assert set(naming(lines(event("new")), JSON)) == set()
    model = service.store.put_model("new", pane=service.store.catalogue().models["credit"].pane)
    add_reference(service.store, model, ModelSettings(), tmp_path / "ref.parquet", service.clock)
    assert set(naming(lines(event("new"), event("credit")), NDJSON)) == {"credit", "new"}
    assert set(naming(lines(event("new")), JSON)) == {"new"}


def test_a_workers_metrics_are_no_way_round(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").touch()
    text = "store: postgresql://nobody@localhost:1/x\nsources: [{file: {path: log.jsonl}}]\nserver: {host: 0.0.0.0}"
    with pytest.raises(ConfigError, match="a worker's /metrics asks for no token"):
        run_worker(parse(text, folder=tmp_path), metrics_port=1)
