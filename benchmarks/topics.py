"""Prediction logs in Kafka: 20-feature events as JSON, and the same rows as Arrow batches."""

import io
from collections.abc import Iterable, Iterator
from uuid import uuid4

import msgspec
import numpy as np
import pandas as pd

from benchmarks.data import frame

START = "2025-01-06T00:00:00"
PER_HOUR = 1_000_000
ARROW_ROWS = 1_000
MODEL = "bench"


def config(store: str, reference: str, bootstrap: str, topic: str, client: str, form: str) -> str:
    """A drift.yaml that reads one topic from its beginning, in a group of its own."""
    return f"""
store: {store}
models:
  {MODEL}:
    reference: {reference}
sources:
  - kafka:
      bootstrap: "{bootstrap}"
      topics: [{topic}]
      group: drift.bench.{uuid4().hex}
      start: earliest
      client: {client}
    format: {form}
"""


def reference(rows: int = 100_000) -> pd.DataFrame:
    """What production is compared with: the features, a prediction and a score."""
    return _scored(frame(rows, seed=0), seed=0)


def json_events(rows: int) -> list[bytes]:
    """Events of the first hour, in order of time; about 370 bytes each."""
    table = _scored(frame(rows, seed=1), seed=1)
    names = [name for name in table.columns if name not in ("prediction", "score")]
    columns = [[None if x != x else x for x in table[name].tolist()] for name in names]
    times = np.datetime_as_string(_times(rows), unit="ms", timezone="UTC").tolist()
    rest = zip(times, table["prediction"].tolist(), table["score"].tolist(), strict=True)
    encode = msgspec.json.Encoder().encode
    return [
        encode(
            {
                "model": MODEL, "version": "1", "id": f"e{i}", "time": time,
                "features": dict(zip(names, values, strict=True)), "prediction": prediction, "score": score,
            }
        )
        for i, (values, (time, prediction, score)) in enumerate(zip(zip(*columns, strict=True), rest, strict=True))
    ]  # fmt: skip


def at_hour(events: Iterable[bytes], hour: int) -> Iterator[bytes]:
    """The same events some hours later."""
    first, later = b'"time":"2025-01-06T00', b'"time":"2025-01-06T%02d' % hour
    return (event.replace(first, later, 1) for event in events)


def arrow_batches(rows: int, hour: int = 0) -> list[bytes]:
    """Arrow IPC streams of 1,000 rows: the features with categories as texts, time, prediction and score."""
    import pyarrow as pa

    times = (_times(rows) + np.timedelta64(hour, "h")).astype("datetime64[us]")
    table = pa.Table.from_pandas(_scored(frame(rows, seed=1), seed=1), preserve_index=False)
    table = table.append_column("time", pa.array(times, pa.timestamp("us", "UTC")))
    table = table.replace_schema_metadata({"model": MODEL, "version": "1"})
    out = []
    for batch in table.to_batches(max_chunksize=ARROW_ROWS):
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        out.append(sink.getvalue())
    return out


def fill(bootstrap: str, topic: str, messages: Iterable[bytes]) -> None:
    """Produce with lz4, as most producers do."""
    from confluent_kafka import Producer

    producer = Producer(
        {
            "bootstrap.servers": bootstrap, "compression.type": "lz4", "linger.ms": 50, "batch.size": 1 << 20,
            "queue.buffering.max.messages": 200_000, "queue.buffering.max.kbytes": 256 << 10, "log_level": 2,
        }
    )  # fmt: skip
    for message in messages:
        while True:
            try:
                producer.produce(topic, message, partition=0)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(120):
        raise RuntimeError("the broker did not take every message")


def _scored(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    score = np.random.default_rng(100 + seed).beta(2, 5, len(table)).round(4)
    return table.assign(prediction=(score > 0.5).astype(int), score=score)


def _times(rows: int) -> np.ndarray:
    return np.datetime64(START, "ms") + (np.arange(rows) * (3_600_000 / PER_HOUR)).astype("timedelta64[ms]")
