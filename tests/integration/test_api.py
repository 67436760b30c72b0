"""The REST API on a real store: paging, errors of one shape, caps, probes, uploads."""

import asyncio
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from drift.api import Receipt, Refused, Replayed, Services, create_app
from drift.api.guard import BodyLimits
from drift.config import Config, parse
from drift.core.catalogue import Reference
from drift.core.clock import HOUR, ManualClock, isoformat
from drift.core.commit import DeadLetter, EvaluationCommit, WindowResult
from drift.core.errors import BackPressure, ReferenceRefused, StoreUnavailable
from drift.core.result import Breach, Judgement, Outcome, WindowState
from drift.core.window import Window
from drift.metrics import Metrics
from drift.store import Store, open_store
from tests.rig import storing
from tests.rig.storing import T0, Feed

PARQUET = "application/vnd.apache.parquet"


@dataclass
class Queue:
    """Stands for the HTTP source: remembers what came, answers as told."""

    answer: Receipt | Exception = field(default_factory=lambda: Receipt(1))
    bodies: list[tuple[bytes, str, str | None]] = field(default_factory=list)

    async def submit(self, body: bytes, media_type: str, key: str | None) -> Receipt:
        self.bodies.append((body, media_type, key))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class Rig:
    """The app over a store of its own."""

    client: TestClient
    store: Store
    feed: Feed
    queue: Queue
    replayed: list[int] = field(default_factory=list)
    not_ready: str = ""

    def get(self, path: str, **params: object) -> Any:
        response = self.client.get(path, params={k: str(v) for k, v in params.items()})
        assert response.status_code == 200, response.text
        return response.json()

    def refused(self, status: int, method: str, path: str, **options: Any) -> str:
        """The sentence of an error, after checking its shape."""
        response = self.client.request(method, path, **options)
        assert response.status_code == status, response.text
        error = response.json()["error"]
        assert set(response.json()) == {"error"}
        assert set(error) == {"code", "message"}
        assert "Traceback" not in response.text
        assert "\n" not in error["message"]
        return f"{error['code']}: {error['message']}"


def judgement(psi: float, rows: int = 100) -> Judgement:
    values = np.array([[psi, 0.1], [0.05, np.nan], [np.nan, np.inf]])
    thresholds = np.tile([0.2, np.nan], (3, 1))
    drifted = psi > 0.2
    breaches = (Breach("n0", "psi", psi, 0.2, "psi > 0.2", "increase"),) if drifted else ()
    outcomes = np.array([int(drifted), 0, Outcome.INSUFFICIENT_DATA], np.int8)
    return Judgement(
        rows, Outcome(int(drifted)), ("n0", "n1", "k"), ("psi", "ks"), values, outcomes, thresholds, breaches
    )


def evaluate(store: Store, feed: Feed, windows: int) -> None:
    """Store final hourly windows; odd ones have drift."""
    lease = store.lease("evaluation", "test", 60.0)
    assert lease is not None
    results = [
        WindowResult(
            feed.model.id, feed.reference.id, "1h", Window(T0 + i * HOUR, T0 + (i + 1) * HOUR), 1, WindowState.FINAL,
            100, T0 + (i + 2) * HOUR, {0: judgement(0.1 + 0.2 * (i % 2)), 1: judgement(0.1, rows=7)},
        )
        for i in range(windows)
    ]  # fmt: skip
    store.commit_evaluation(EvaluationCommit(lease, (), tuple(results)))


@pytest.fixture
def config() -> Config:
    return parse("server: {trusted_hosts: [testserver], max_body: 1kB, max_upload: 64kB}\nmodels: {fixed: {}}")


@pytest.fixture
def rig(tmp_path: Path, config: Config) -> Iterator[Rig]:
    clock = ManualClock(T0)
    store = open_store(f"sqlite:///{tmp_path / 'drift.db'}", clock)
    feed, queue = storing.feed(store), Queue()
    metrics = Metrics(CollectorRegistry(), clock)
    rig = Rig(TestClient(None), store, feed, queue)  # type: ignore[arg-type]

    def register(path: Path, model: str, version: str, active_from: int | None = None) -> Reference:
        if path.read_bytes()[:4] != b"PAR1":
            raise ReferenceRefused("the file is no Parquet file; write it again")
        return storing.reference(store, storing.model(store, model), version=version)

    def replay(ids: Sequence[int]) -> Replayed:
        rig.replayed += ids
        return Replayed(len(ids), 1)

    services = Services(
        store, config, metrics.registry, clock, queue, register, replay, ready=lambda: rig.not_ready, release="1.0"
    )
    rig.client = TestClient(create_app(services), raise_server_exceptions=False)
    yield rig
    store.close()


def letters(rig: Rig, n: int) -> None:
    some = tuple(
        DeadLetter(storing.PARTITION, i, 0, "malformed" if i % 2 else "too_large", "no JSON", b"\xff{oops", T0)
        for i in range(n)
    )
    rig.feed.commit(storing.delta(rig.feed.reference, 1), dead_letters=some)


# Events


def test_events_are_answered_once_they_are_committed(rig: Rig) -> None:
    rig.queue.answer = Receipt(1, (Refused(1, "missing_time", "the event has no time"),))
    response = rig.client.post("/v1/events", json=[{"model": "credit"}, {}], headers={"Idempotency-Key": "k1"})
    assert response.status_code == 200
    assert response.json() == {
        "accepted": 1,
        "rejected": [{"index": 1, "reason": "missing_time", "detail": "the event has no time"}],
        "repeated": False,
    }
    assert rig.queue.bodies == [(b'[{"model":"credit"},{}]', "application/json", "k1")]


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("application/json; charset=utf-8", "application/json"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("Application/JSONL", "application/x-ndjson"),
        ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"),
    ],
)
def test_the_content_type_chooses_the_format(rig: Rig, sent: str, taken: str) -> None:
    rig.client.post("/v1/events", content=b"{}", headers={"Content-Type": sent})
    assert [media_type for _, media_type, _ in rig.queue.bodies] == [taken]


@pytest.mark.parametrize("kind", ["text/plain", "", "multipart/form-data; boundary=x", "application/xml"])
def test_other_kinds_of_body_are_refused(rig: Rig, kind: str) -> None:
    message = rig.refused(415, "POST", "/v1/events", content=b"{}", headers={"Content-Type": kind})
    assert message.startswith("unsupported_media_type: events are sent as application/json")
    assert rig.queue.bodies == []


def test_a_body_that_is_too_large_is_told_the_limit(rig: Rig) -> None:
    message = rig.refused(413, "POST", "/v1/events", json=["x" * 2000])
    assert message.startswith("too_large: the request is larger than the 1,024 bytes allowed")

    def parts() -> Iterator[bytes]:
        for _ in range(10):
            yield b" " * 500

    headers = {"Content-Type": "application/json"}
    assert "1,024" in rig.refused(413, "POST", "/v1/events", content=parts(), headers=headers)
    assert rig.queue.bodies == []


def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    sent: list[Any] = []

    async def never(*_: object) -> Any:
        raise AssertionError("it was read")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/v1/events", "headers": [(b"content-length", b"101")]}
    asyncio.run(BodyLimits(never, {"/v1/events": 100}, 10)(scope, never, send))
    assert sent[0]["status"] == 413


def test_gzip_is_read_and_bounded(rig: Rig) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    body = gzip.compress(b'{"model": "credit"}')
    assert rig.client.post("/v1/events", content=body, headers=headers).status_code == 200
    assert rig.queue.bodies[0][0] == b'{"model": "credit"}'
    bomb = gzip.compress(b" " * 1_000_000)
    assert len(bomb) < 1024
    assert "1,024" in rig.refused(413, "POST", "/v1/events", content=bomb, headers=headers)
    assert "no gzip stream" in rig.refused(400, "POST", "/v1/events", content=b"{}", headers=headers)
    assert "ends too early" in rig.refused(400, "POST", "/v1/events", content=body[:-4], headers=headers)
    assert "one stream only" in rig.refused(400, "POST", "/v1/events", content=body + body, headers=headers)
    headers["Content-Encoding"] = "br"
    assert "send gzip" in rig.refused(415, "POST", "/v1/events", content=body, headers=headers)
    assert len(rig.queue.bodies) == 1


def test_an_empty_body_and_a_bad_key(rig: Rig) -> None:
    headers = {"Content-Type": "application/json"}
    assert "send an event" in rig.refused(400, "POST", "/v1/events", content=b"", headers=headers)
    headers["Idempotency-Key"] = "k" * 201
    assert "200 characters" in rig.refused(422, "POST", "/v1/events", content=b"{}", headers=headers)


def test_a_full_queue_says_when_to_come_back(rig: Rig) -> None:
    rig.queue.answer = BackPressure("64 MB of events wait for a commit; send more slowly", 2.4)
    response = rig.client.post("/v1/events", json={})
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "2"
    assert response.json()["error"]["code"] == "too_many_requests"


# Models and references


def test_models(rig: Rig) -> None:
    assert rig.get("/v1/models/credit") == {
        "name": "credit", "pane": "5m", "lateness": "1m", "timezone": "UTC", "windows": ["1h", "1d"],
        "settings": {"owner": "risk"},
    }  # fmt: skip
    put = rig.client.put("/v1/models/churn", json={"windows": ["6h"], "lateness": "2m", "ignore": ["row"]})
    assert put.status_code == 200, put.text
    assert put.json()["windows"] == ["6h"]
    assert put.json()["settings"]["ignore"] == ["row"]
    assert [model["name"] for model in rig.get("/v1/models")["items"]] == ["churn", "credit"]
    first = rig.get("/v1/models", limit=1)
    assert [model["name"] for model in rig.get("/v1/models", limit=1, cursor=first["next"])["items"]] == ["credit"]


def test_models_that_cannot_be(rig: Rig) -> None:
    assert "there are 'credit'" in rig.refused(404, "GET", "/v1/models/nope")
    assert "change it there" in rig.refused(409, "PUT", "/v1/models/fixed", json={})
    message = rig.refused(422, "PUT", "/v1/models/churn", json={"windows": ["7m"]})
    assert "multiple of the pane" in message
    assert "body windws" in rig.refused(422, "PUT", "/v1/models/churn", json={"windws": ["1h"]})
    assert "body reference" in rig.refused(422, "PUT", "/v1/models/churn", json={"reference": "/etc/passwd"})


def test_a_reference_is_uploaded_listed_and_shown(rig: Rig) -> None:
    response = rig.client.post(
        "/v1/references?model=credit&version=7", content=b"PAR1...", headers={"Content-Type": PARQUET}
    )
    assert response.status_code == 201, response.text
    made = response.json()
    assert made["version"] == "7"
    assert made["summary"] == {"columns": 3}
    assert made["segments"] == ["all", "k=a", "k=other"]
    assert made["active_from"] == isoformat(T0)
    assert rig.get(f"/v1/references/{made['id']}") == made
    listed = rig.get("/v1/references", model="credit", limit=1)
    assert [r["version"] for r in listed["items"]] == ["7"]
    rest = rig.get("/v1/references", model="credit", limit=1, cursor=listed["next"])
    assert [r["version"] for r in rest["items"]] == ["1"]
    assert rest["next"] is None


def test_references_that_cannot_be(rig: Rig) -> None:
    path, headers = "/v1/references?model=credit", {"Content-Type": PARQUET}
    assert "no Parquet" in rig.refused(422, "POST", f"{path}&version=1", content=b"x", headers=headers)
    assert "query version: field required" in rig.refused(422, "POST", path, content=b"x", headers=headers)
    assert "65,536" in rig.refused(413, "POST", f"{path}&version=1", content=b"x" * 70_000, headers=headers)

    def parts() -> Iterator[bytes]:
        for _ in range(70):
            yield b" " * 1_000

    assert "65,536" in rig.refused(413, "POST", f"{path}&version=1", content=parts(), headers=headers)
    assert "not 'text/plain'" in rig.refused(
        415, "POST", f"{path}&version=1", content=b"x", headers={"Content-Type": "text/plain"}
    )
    assert "no model 'x'" in rig.refused(
        404, "POST", "/v1/references?model=x&version=1", content=b"PAR1", headers=headers
    )
    assert "no reference 99" in rig.refused(404, "GET", "/v1/references/99")


# Results


def test_windows_are_paged_newest_first(rig: Rig) -> None:
    evaluate(rig.store, rig.feed, 5)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        found = rig.get("/v1/windows", model="credit", limit=2, window="1h", **cursor)
        seen += [item["start"] for item in found["items"]]
        cursor = {"cursor": found["next"]}
    assert found["next"] is None
    assert seen == [isoformat(T0 + i * HOUR) for i in (4, 3, 2, 1, 0)]
    assert rig.get("/v1/windows", model="credit", state="incomplete")["items"] == []
    assert "'incomplete'" in rig.refused(422, "GET", "/v1/windows?model=credit&state=done")


def test_one_window_with_its_judgement(rig: Rig) -> None:
    evaluate(rig.store, rig.feed, 2)
    newest = rig.get("/v1/windows", model="credit")["items"][0]
    assert (newest["outcome"], newest["state"], newest["version"], newest["rows"]) == ("drift", "final", "1", 100)
    shown = rig.get(f"/v1/windows/{newest['id']}")
    assert shown["segments"] == {"all": "drift", "k=a": "no_drift"}
    judged = shown["judgement"]
    assert judged["breaches"][0]["rule"] == "psi > 0.2"
    assert judged["columns"][0]["statistics"] == {"psi": pytest.approx(0.3), "ks": pytest.approx(0.1)}
    assert judged["columns"][0]["thresholds"] == {"psi": 0.2}
    # what is no number is null, and the JSON is strict
    assert judged["columns"][2] == {
        "column": "k", "outcome": "insufficient_data", "statistics": {"psi": None, "ks": None},
        "thresholds": {"psi": 0.2},
    }  # fmt: skip
    assert rig.get(f"/v1/windows/{newest['id']}", segment="k=a")["judgement"]["rows"] == 7
    assert rig.get(f"/v1/windows/{newest['id']}", segment="k=other")["judgement"] is None
    assert "'k=a'" in rig.refused(404, "GET", f"/v1/windows/{newest['id']}?segment=k=z")
    assert rig.refused(404, "GET", "/v1/windows/999").startswith("not_found: ")


def test_the_series_of_one_statistic(rig: Rig) -> None:
    evaluate(rig.store, rig.feed, 4)
    query = {"window": "1h", "column": "n0", "statistic": "psi"}
    first = rig.get("/v1/series", model="credit", limit=3, **query)
    assert [item["value"] for item in first["items"]] == pytest.approx([0.3, 0.1, 0.3])
    assert [item["outcome"] for item in first["items"]] == ["drift", "no_drift", "drift"]
    rest = rig.get("/v1/series", model="credit", limit=3, cursor=first["next"], **query)
    assert [item["value"] for item in rest["items"]] == pytest.approx([0.1])
    assert rig.get("/v1/series", model="credit", **query | {"column": "k"})["items"][0]["value"] is None
    for wrong in ({"column": "zip"}, {"window": "2h"}, {"segment": "k=z"}):
        message = rig.refused(404, "GET", "/v1/series", params=query | {"model": "credit"} | wrong)
        assert f"there is no {next(iter(wrong))}" in message


def test_breaches(rig: Rig) -> None:
    evaluate(rig.store, rig.feed, 6)
    first = rig.get("/v1/breaches", model="credit", limit=2)
    assert [item["column"] for item in first["items"]] == ["n0", "n0"]
    assert first["items"][0]["segment"] == "all"
    rest = rig.get("/v1/breaches", model="credit", cursor=first["next"])
    assert len(rest["items"]) == 1
    assert rest["next"] is None


@pytest.mark.parametrize("cursor", ["x", "1.2.3", "", "1e5", "9" * 60, "1.x"])
def test_a_cursor_of_another_list_is_refused(rig: Rig, cursor: str) -> None:
    assert "cursor" in rig.refused(422, "GET", "/v1/windows", params={"model": "credit", "cursor": cursor})


@pytest.mark.parametrize("limit", [0, 1001, "many"])
def test_pages_have_a_size(rig: Rig, limit: object) -> None:
    assert "query limit" in rig.refused(422, "GET", f"/v1/models?limit={limit}")


# Dead letters, status, probes


def test_dead_letters(rig: Rig) -> None:
    letters(rig, 5)
    first = rig.get("/v1/dead-letters", limit=3)
    assert len(first["items"]) == 3
    assert first["items"][0]["payload"] == "\\xff{oops"
    assert len(rig.get("/v1/dead-letters", cursor=first["next"])["items"]) == 2
    assert {item["reason"] for item in rig.get("/v1/dead-letters", reason="malformed")["items"]} == {"malformed"}
    answer = rig.client.post("/v1/dead-letters/replay", json={"ids": [1, 2]})
    assert answer.json() == {"replayed": 2, "counted": 1}
    assert rig.replayed == [1, 2]
    assert "ids" in rig.refused(422, "POST", "/v1/dead-letters/replay", json={"ids": []})


def test_status(rig: Rig) -> None:
    letters(rig, 3)
    found = rig.get("/v1/status")
    assert found["release"] == "1.0"
    assert found["totals"]["rows"] == 10
    assert found["dead_letters"] == {"malformed": 1, "too_large": 2}
    assert found["partitions"][0]["watermarks"] == {"credit": isoformat(T0)}
    assert found["store"]["kind"] == "sqlite"


def test_the_database_away_fails_readiness_and_never_health(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rig.get("/readyz") == {"status": "ready"}
    rig.not_ready = "the pipeline is starting"
    assert rig.refused(503, "GET", "/readyz") == "not_ready: the pipeline is starting"

    def away(*_: object) -> None:
        raise StoreUnavailable("the store is away; it is tried again")

    monkeypatch.setattr(Store, "_read", away)
    assert rig.refused(503, "GET", "/readyz").startswith("store_unavailable: the store is away")
    response = rig.client.get("/v1/status")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert rig.get("/healthz") == {"status": "ok"}
    assert rig.client.get("/metrics").status_code == 200


def test_metrics_in_both_formats(rig: Rig) -> None:
    plain = rig.client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE drift_lag_records gauge" in plain.text
    modern = rig.client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    assert modern.text.endswith("# EOF\n")


# Edges


@pytest.mark.parametrize("host", ["evil.example", "", "testserver.evil.example", "[::1]:8642"])
def test_a_name_that_is_not_trusted_is_refused(rig: Rig, host: str) -> None:
    message = rig.refused(400, "GET", "/healthz", headers={"Host": host})
    assert message.startswith("untrusted_host: ")


def test_trusted_names_have_any_port(rig: Rig) -> None:
    assert rig.client.get("/healthz", headers={"Host": "TestServer:8642"}).status_code == 200


def test_what_is_not_there(rig: Rig) -> None:
    assert rig.refused(404, "GET", "/v2/nothing").startswith("not_found: there is nothing at /v2/nothing")
    assert rig.refused(405, "DELETE", "/v1/models/credit").startswith("method_not_allowed: DELETE")
    assert rig.refused(404, "GET", "/docs").startswith("not_found")


def test_a_bug_gives_one_sentence(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(Store, "windows", broken)
    message = rig.refused(500, "GET", "/v1/windows?model=credit")
    assert message == "internal: something went wrong inside; the service's log says what"


def test_openapi_has_examples_and_one_error_shape(rig: Rig) -> None:
    document = rig.get("/openapi.json")
    events = document["paths"]["/v1/events"]["post"]
    assert events["requestBody"]["content"]["application/json"]["examples"]["one"]["value"]["model"] == "credit"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            for status, described in operation["responses"].items():
                if status.startswith(("4", "5")):
                    schema = described["content"]["application/json"]["schema"]
                    assert schema["$ref"].endswith("ErrorAnswer"), (path, status, schema)
    assert json.loads(json.dumps(document)) == document


def test_answers_are_strict_json(rig: Rig) -> None:
    evaluate(rig.store, rig.feed, 1)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    window = rig.get("/v1/windows", model="credit")["items"][0]["id"]
    text = rig.client.get(f"/v1/windows/{window}").text
    assert json.load(io.StringIO(text), parse_constant=refuse)
