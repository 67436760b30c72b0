"""(b), (c) Kafka to committed sums, beside the bare client. As a child: `python -m benchmarks.consuming worker …`."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from benchmarks import topics
from benchmarks.measuring import say

AT_ONCE = 5_000


class Watch:
    """Runs from the first records that come (which do not count) until `stop`."""

    def __init__(self) -> None:
        self.first = 0

    def saw(self, records: int) -> None:
        if records and not self.first:
            self.first = records
            self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self, records: int) -> dict[str, float]:
        n = records - self.first
        return {"wall": (time.perf_counter() - self._wall) / n, "cpu": (time.process_time() - self._cpu) / n}


def bare(client: str, bootstrap: str, topic: str, records: int) -> dict[str, Any]:
    """Seconds a record that the client alone needs, with the fetch sizes that the worker gives it."""
    watch, seen = Watch(), 0
    polls = _kafka_python(bootstrap, topic) if client == "kafka-python" else _confluent(bootstrap, topic)
    for count in polls:
        seen += count
        watch.saw(seen)
        if seen == records:
            return watch.stop(seen)
    raise RuntimeError("the topic ended early")


def _kafka_python(bootstrap: str, topic: str) -> Iterator[int]:
    from kafka import KafkaConsumer

    from ingest.sources.kafka_options import for_kafka_python

    consumer = KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=uuid4().hex, auto_offset_reset="earliest",
        enable_auto_commit=False, isolation_level="read_committed", metrics_enabled=False, **for_kafka_python({}),
    )  # fmt: skip
    while True:
        yield sum(map(len, consumer.poll(timeout_ms=200, max_records=AT_ONCE).values()))


def _confluent(bootstrap: str, topic: str) -> Iterator[int]:
    from confluent_kafka import Consumer

    from ingest.sources.kafka_options import for_confluent

    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap, "group.id": uuid4().hex, "auto.offset.reset": "earliest",
            "enable.auto.commit": False, "isolation.level": "read_committed", **for_confluent({}),
        }
    )  # fmt: skip
    consumer.subscribe([topic])
    while True:
        yield len(consumer.consume(AT_ONCE, 0.2))


def worker(
    client: str, bootstrap: str, topic: str, records: int, form: str, reference: str, rows: int, store: str
) -> dict[str, Any]:
    """Seconds a record from the client to sums that are committed, as `drift worker` does it."""
    from drift.config.loading import parse
    from drift.service.service import Service
    from drift.service.sources import source_for

    with TemporaryDirectory(prefix="drift-bench-") as folder:
        url = store or f"sqlite:///{folder}/drift.db"
        text = topics.config(url, reference, bootstrap, topic, client, form)
        service = Service.open(parse(text, folder=Path(folder)), ingest_only=True)
        settings = service.config.sources[0]
        consumer = service.add_worker("kafka", source_for(settings, service.store.uuid, service.clock), settings)
        watch, seen = Watch(), 0
        while seen < records:
            consumer.step()
            seen = sum(held.next or 0 for held in consumer.held.values())
            watch.saw(seen)
        consumer.close()  # commits the rest
        took = watch.stop(seen)
        counted = service.store.totals().rows
        service.store.close()
    if counted != rows:
        raise RuntimeError(f"{counted} rows were counted, not {rows}")
    return took


def main(what: str, client: str, bootstrap: str, topic: str, records: str, *more: str) -> None:
    if what == "bare":
        say(bare(client, bootstrap, topic, int(records)))
    else:
        form, reference, rows, store = more
        say(worker(client, bootstrap, topic, int(records), form, reference, int(rows), store))


if __name__ == "__main__":
    main(*sys.argv[1:])
