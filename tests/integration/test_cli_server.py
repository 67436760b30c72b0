"""`drift serve`: it answers, commits what it acknowledged, stops cleanly; the CLI goes through it."""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import structlog

from drift.api.server import serve
from drift.cli import logs, run
from drift.config import load
from drift.core.clock import SystemClock
from drift.service.service import Service
from drift.store import open_store
from tests.rig.proc import Process, free_port, python

ARROW = "application/vnd.apache.arrow.stream"


class Client:
    """Talks to a server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def post(self, body: Any, **headers: str) -> Any:
        response = httpx2.post(f"{self.url}/v1/events", json=body, headers=headers, timeout=20)
        assert response.status_code == 200, response.text
        return response.json()

    def send(self, body: bytes, media_type: str) -> Any:
        return httpx2.post(f"{self.url}/v1/events", content=body, headers={"Content-Type": media_type}).json()

    def get(self, path: str) -> Any:
        response = httpx2.get(f"{self.url}{path}")
        assert response.status_code == 200, response.text
        return response.json()

    @property
    def ready(self) -> bool:
        with suppress(httpx2.TransportError):
            return httpx2.get(f"{self.url}/readyz").status_code == 200
        return False


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A free one, in the drift.yaml of a folder of this test's own."""
    monkeypatch.chdir(tmp_path)
    logs.configure(logs.QUIET)
    for name in ("DRIFT_CONFIG", "DRIFT_URL", "DRIFT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    port = free_port()
    text = f"server: {{port: {port}}}\nmodels:\n  credit: {{reference: ref.parquet, min_rows: 10}}\n"
    Path("drift.yaml").write_text(text)
    rng = np.random.default_rng(0)
    pd.DataFrame({"income": rng.normal(3000, 800, 500), "region": rng.choice(["a", "b"], 500)}).to_parquet(
        "ref.parquet"
    )
    yield port
    structlog.reset_defaults()


@pytest.fixture
def server(port: int) -> Iterator[Client]:
    """A server on a thread of this process."""
    service = Service.open(load(Path("drift.yaml")))
    listening = threading.Event()
    thread = threading.Thread(target=serve, args=(service, lambda _: listening.set()))
    thread.start()
    try:
        assert listening.wait(20)
        yield Client(port)
    finally:
        service.stopping.set()
        thread.join(30)
        service.stop()
        assert not thread.is_alive()


@pytest.fixture
def drift(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command in this process."""

    def command(*args: object, code: int = 0) -> str:
        capsys.readouterr()
        got = run([str(arg) for arg in args])
        said = capsys.readouterr()
        assert got == code, said
        assert "Traceback" not in said.err
        return said.out if code == 0 else said.err

    return command


def event(**changes: object) -> dict[str, object]:
    features = {"income": 3000.0, "region": "a"}
    return {"model": "credit", "time": "2026-11-01T00:00:00Z", "features": features} | changes


def start(log: Path, port: int) -> Process:
    process = python("-m", "drift", "serve", "--config", log.parent / "drift.yaml", log=log)
    client = Client(port)
    process.wait_ready(lambda: client.ready)
    return process


def test_what_was_acknowledged_is_there_after_a_restart(port: int, tmp_path: Path) -> None:
    client = Client(port)
    with start(tmp_path / "log", port) as first:
        assert client.post([event()] * 3) == {"accepted": 3, "rejected": [], "repeated": False}
        assert client.post(event(), **{"Idempotency-Key": "k"})["accepted"] == 1
        answer = client.post([event(), event(time=None), event(model="x")])
        assert (answer["accepted"], [one["index"] for one in answer["rejected"]]) == (1, [1, 2])
        assert first.terminate() == 0
    with start(tmp_path / "log", port) as second:
        again = client.post(event(), **{"Idempotency-Key": "k"})
        assert (again["accepted"], again["repeated"]) == (1, True)
        totals = client.get("/v1/status")["totals"]
        assert (totals["rows"], totals["dead_letters"]) == (5, 2)
        assert second.terminate(number=signal.SIGINT) == 0
        assert "Traceback" not in second.output()


def test_a_key_counts_once_and_stands_for_one_body(server: Client) -> None:
    key = {"Idempotency-Key": "k"}
    assert server.post(event(), **key) == {"accepted": 1, "rejected": [], "repeated": False}
    assert server.post(event(), **key) == {"accepted": 1, "rejected": [], "repeated": True}
    assert server.get("/v1/status")["totals"]["rows"] == 1
    conflict = httpx2.post(f"{server.url}/v1/events", json=event(id="2"), headers=key)
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "conflict")


def arrow(rows: int) -> bytes:
    batch = pa.RecordBatch.from_pylist([{"time": "2026-11-01T00:00:00Z", "income": 1.0, "region": "b"}] * rows)
    batch = batch.replace_schema_metadata({"model": "credit"})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def test_every_way_to_write_events(server: Client) -> None:
    lines = b"\n".join(json.dumps(event(id=str(i))).encode() for i in range(4)) + b"\n\n"
    assert server.send(lines, "application/x-ndjson") == {"accepted": 4, "rejected": [], "repeated": False}
    assert server.send(arrow(6), ARROW) == {"accepted": 6, "rejected": [], "repeated": False}
    rows = b'model,time,income,region\ncredit,2026-11-01T00:00:00Z,1.5,a\ncredit,2026-11-01T00:00:00Z,,"b\nc"\n'
    assert server.send(rows, "text/csv") == {"accepted": 2, "rejected": [], "repeated": False}
    # what Python's json module writes, and arrays within arrays
    nested = b'[[{"model": "credit", "time": "2026-11-01T00:00:00Z", "features": {"income": NaN}}], []]'
    assert server.send(nested, "application/json") == {"accepted": 1, "rejected": [], "repeated": False}
    assert server.get("/v1/status")["totals"]["rows"] == 13


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"{oops", "application/json"),
        (b"[1, {oops]", "application/json"),
        (b"no arrow", ARROW),
        (arrow(9)[:-40], ARROW),
        (b"a,b\n1\n", "text/csv"),
        (b"model,time,region\n" + b"credit,2026-11-01T00:00:00Z,\xff\xfe\n" * 2, "text/csv"),
    ],
)
def test_what_cannot_be_read_is_one_dead_letter(server: Client, body: bytes, media_type: str) -> None:
    answer = server.send(body, media_type)
    assert (answer["accepted"], [one["reason"] for one in answer["rejected"]]) == (0, ["malformed"])
    assert server.get("/v1/status")["dead_letters"] == {"malformed": 1}


def test_the_command_line_goes_through_the_server_that_holds_the_store(
    server: Client, drift: Callable[..., str]
) -> None:
    made = json.loads(drift("reference", "add", "ref.parquet", "-m", "credit", "-v", "2", "--json"))
    assert made["version"] == "2"
    server.post([event(model="x"), event(model="x")])
    listed = json.loads(drift("dead-letters", "list", "--json"))
    assert [one["reason"] for one in listed] == ["unknown_model"] * 2
    # mended: the model is registered and has a reference
    httpx2.put(f"{server.url}/v1/models/x", json={"windows": ["1h"]}).raise_for_status()
    drift("reference", "add", "ref.parquet", "-m", "x")
    out = drift("dead-letters", "replay", *(one["id"] for one in listed))
    assert out == "2 of 2 fed in again, 2 events counted now\n"
    out = drift("dead-letters", "replay", listed[0]["id"])
    assert out == "0 of 1 fed in again (1 had been before, or are not there), 0 events counted now\n"
    assert json.loads(drift("status", "--json", "--url", server.url))["totals"]["rows"] == 2


def test_windows_are_judged_and_shown(server: Client) -> None:
    server.post([event(id=str(i)) for i in range(50)])
    server.post(event(time="2026-11-02T12:00:00Z"))
    found: list[Any] = []
    deadline = time.monotonic() + 30
    while len(found) < 2 and time.monotonic() < deadline:
        found = server.get("/v1/windows?model=credit&state=final")["items"]
        time.sleep(0.1)
    assert {one["window"] for one in found} == {"1h", "1d"}
    shown = server.get(f"/v1/windows/{found[0]['id']}")
    assert shown["judgement"]["rows"] == 50
    assert shown["outcome"] == "drift"  # one income for all
    breaches = server.get("/v1/breaches?model=credit")["items"]
    assert {"income", "region"} <= {one["column"] for one in breaches}


def test_a_port_in_use_is_one_sentence(port: int, drift: Callable[..., str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        said = drift("serve", code=2).splitlines()[-1]
    assert said.startswith(f"drift: cannot listen on 127.0.0.1:{port} (Address already in use)")


def test_a_second_server_and_a_worker_are_refused_on_sqlite(server: Client, drift: Callable[..., str]) -> None:
    assert "drift.db" in drift("serve", code=2).splitlines()[-1]
    assert "one writing process" in drift("worker", code=2)


def write_events(path: Path, rows: int) -> None:
    """Good events, and one that has no time."""
    frame = pd.DataFrame({"model": "credit", "time": "2026-11-01T00:00:00Z", "income": 1.0, "region": "a"}, range(rows))
    frame.loc[3, "time"] = None
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        events = [event(time=time) for time in frame["time"].replace(np.nan, None)]
        path.write_text("\n".join(map(json.dumps, events)))


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_file_is_replayed_once_with_and_without_a_server(
    request: pytest.FixtureRequest, port: int, drift: Callable[..., str], suffix: str
) -> None:
    path = Path(f"events.{suffix}")
    write_events(path, 5_000)
    new = {"counted": 4_999, "dead_letters": 1, "before": False}
    old = {"counted": 0, "dead_letters": 0, "before": True}

    def replayed(*more: str) -> Any:
        found = json.loads(drift("replay", path, "--json", *more))
        return {key: found[key] for key in new}

    assert replayed() == new
    assert replayed() == old
    assert "counted before" in drift("replay", path)
    assert replayed("--again") == new
    # a server counts by requests, and knows its own
    server: Client = request.getfixturevalue("server")
    assert replayed() == new
    assert replayed() == old
    assert replayed("--again") == new
    totals = server.get("/v1/status")["totals"]
    assert (totals["rows"], totals["dead_letters"]) == (4 * 4_999, 4)


def test_a_replay_that_cannot_be(port: int, drift: Callable[..., str]) -> None:
    Path("a.txt").write_text("x")
    assert "end in .jsonl" in drift("replay", "a.txt", code=2)
    assert "is no file" in drift("replay", "no.jsonl", code=2)
    Path("a.jsonl").write_text("{}")
    assert "there is no source 'x' in drift.yaml" in drift("replay", "a.jsonl", "--source", "x", code=2)


def test_a_worker_ingests_on_postgresql_and_exports_ingest_only(port: int, pg_url: str, tmp_path: Path) -> None:
    events = tmp_path / "log.jsonl"
    events.write_text("".join(json.dumps(event(id=str(i))) + "\n" for i in range(20)))
    settings = {
        "store": pg_url,
        "models": {"credit": {"reference": "ref.parquet"}},
        "sources": [{"file": {"path": "log.jsonl"}}],
    }
    (tmp_path / "drift.yaml").write_text(json.dumps(settings))
    args = ("-m", "drift", "worker", "--config", tmp_path / "drift.yaml", "--metrics-port", str(port))

    def metrics() -> str:
        with suppress(httpx2.TransportError):
            return httpx2.get(f"http://127.0.0.1:{port}/metrics").text
        return ""

    with python(*args, log=tmp_path / "log") as worker:
        worker.wait_ready(lambda: 'drift_events_total{model="credit"} 20.0' in metrics())
        assert "drift_window_end" not in metrics()
        with events.open("a") as more:
            more.write(json.dumps(event(id="more")) + "\n")
        worker.wait_ready(lambda: 'drift_events_total{model="credit"} 21.0' in metrics())
        assert worker.terminate(30) == 0
        assert "Traceback" not in worker.output()
    store = open_store(pg_url, SystemClock())
    assert store.totals().rows == 21
    assert [one.owner for one in store.partitions()] == [None]
    store.close()
