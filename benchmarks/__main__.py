"""`python -m benchmarks` measures everything and writes docs/benchmarks.md; with parts (`a e`) it only shows those."""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import memory, report, topics
from benchmarks.measuring import CHECKOUT, CORES, child
from benchmarks.peers import PINS, python_of
from tests.rig.kafka import Kafka
from tests.rig.postgres import Postgres

DOCUMENT = CHECKOUT / "docs" / "benchmarks.md"
CLIENTS = ("kafka-python", "confluent")
PARTS = "abcdef"
ARROW_HOURS = 4
"""As many times the rows: they are read so fast that fewer would show little but the last commit."""
WEEK = 168
"""Hours of the baseline that alarms compare with."""
Readings = dict[str, list[dict[str, Any]]]


class Run:
    """One run: the services it needs, started once, and the readings of each part."""

    def __init__(self, rows: int, repeats: int, stack: ExitStack) -> None:
        self.rows, self.repeats, self._stack = rows, repeats, stack
        self._kafka: Kafka | None = None
        self.folder = Path(stack.enter_context(TemporaryDirectory(prefix="drift-bench-")))

    @property
    def kafka(self) -> Kafka:
        if self._kafka is None:
            self._kafka = self._stack.enter_context(Kafka())
            topics.reference().to_parquet(self.folder / "reference.parquet")
        return self._kafka

    def a(self) -> Readings:
        """Profiles, beside peers."""
        makers: dict[str, Callable[[], dict[str, Any]]] = {
            "driftsum": lambda: child("profiling", "driftsum", self.rows)
        }
        for name in PINS:
            python = python_of(name)
            makers[name] = lambda name=name, python=python: child("profiling", name, self.rows, python=python)  # type: ignore[misc]
        return self._interleaved(makers)

    def b(self) -> Readings:
        """JSON events from Kafka."""
        kafka = self.kafka
        topic = kafka.create_topic()
        topics.fill(kafka.bootstrap, topic, topics.json_events(self.rows))
        postgres = self._stack.enter_context(Postgres())
        makers: dict[str, Callable[[], dict[str, Any]]] = {}
        for client in CLIENTS:
            makers[f"{client} alone"] = self._bare(client, topic, self.rows)
            makers[f"{client} to SQLite"] = self._worker(client, topic, self.rows, "json", lambda: "", self.rows)
            makers[f"{client} to PostgreSQL"] = self._worker(
                client, topic, self.rows, "json", lambda: postgres.url(postgres.create_database()), self.rows
            )
        return self._interleaved(makers)

    def c(self) -> Readings:
        """Arrow batches from Kafka."""
        kafka = self.kafka
        topic = kafka.create_topic()
        records, rows = 0, ARROW_HOURS * self.rows
        for hour in range(ARROW_HOURS):
            batches = topics.arrow_batches(self.rows, hour)
            records += len(batches)
            topics.fill(kafka.bootstrap, topic, batches)
        makers: dict[str, Callable[[], dict[str, Any]]] = {}
        for client in CLIENTS:
            makers[f"{client} alone"] = self._bare(client, topic, records)
            makers[f"{client} to SQLite"] = self._worker(client, topic, records, "arrow", lambda: "", rows)
        return self._interleaved(makers)

    def d(self) -> Readings:
        """Memory of a worker."""
        log = memory.Log(self.kafka, self._stack.enter_context(Postgres()), self.folder, self.rows)
        # first, while the topic holds what it is to read and no more
        found = {
            f"{CLIENTS[0]}, builds the reference itself": [memory.measure(log, CLIENTS[0], register=False, hours=1)]
        }
        for client in CLIENTS:
            found[client] = [memory.measure(log, client)]
        return found

    def e(self) -> Readings:
        """Verdicts."""
        return self._interleaved({"1,000 columns": lambda: child("verdicts", 1_000)})

    def f(self) -> Readings:
        """Sequential detection."""
        sizes = ((1_000, 1), (1_000, 11))
        return {f"{c:,} × {s}": [child("stepping", c, s, WEEK)] for c, s in sizes}

    def _bare(self, client: str, topic: str, records: int) -> Callable[[], dict[str, Any]]:
        return lambda: child("consuming", "bare", client, self.kafka.bootstrap, topic, records)

    def _worker(
        self, client: str, topic: str, records: int, form: str, store: Callable[[], str], rows: int
    ) -> Callable[[], dict[str, Any]]:
        where = self.folder / "reference.parquet"
        bootstrap = self.kafka.bootstrap
        return lambda: child("consuming", "worker", client, bootstrap, topic, records, form, where, rows, store())

    def _interleaved(self, makers: dict[str, Callable[[], dict[str, Any]]]) -> Readings:
        """One reading of each, then the next of each: what slows the machine for a while slows all of them."""
        found: Readings = {name: [] for name in makers}
        for _ in range(self.repeats):
            for name, make in makers.items():
                print(f"  {name} ...", file=sys.stderr, flush=True)
                found[name].append(make())
        return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        choices=[*PARTS, []],
        help="a: profiles, b: JSON, c: Arrow, d: memory, e: verdicts, f: detection",
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    if len(CORES) > 1:
        # brokers and databases inherit this; what is measured has the last core for itself
        os.sched_setaffinity(0, set(CORES[:-1]))
    found: dict[str, Readings] = {}
    with ExitStack() as stack:
        run = Run(asked.rows, asked.repeats, stack)
        for part in asked.parts or PARTS:
            print(f"({part}) {getattr(run, part).__doc__}", file=sys.stderr, flush=True)
            found[part] = getattr(run, part)()
    text = report.render(found, asked.rows)
    if not asked.parts:
        DOCUMENT.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
