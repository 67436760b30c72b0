"""(d) A real `drift worker` on PostgreSQL: its resident size after 1M and after 10M events."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import topics
from benchmarks.measuring import resident_mb
from drift.core.clock import SystemClock
from drift.store import Store, open_store
from tests.rig.kafka import Kafka
from tests.rig.postgres import Postgres
from tests.rig.proc import Process, wait_until

COMMAND = (sys.executable, "-c", "from drift.cli import main; main()", "worker", "--config")
REGISTER = """
import sys
from pathlib import Path
from drift.config import load
from drift.service.service import Service
Service.open(load(Path(sys.argv[1]))).store.close()
"""
PATIENCE = 1_800.0


class Log:
    """A topic that grows by a million events at a time, and its reference."""

    def __init__(self, kafka: Kafka, postgres: Postgres, folder: Path, million: int) -> None:
        self.kafka, self.postgres, self.folder, self.million = kafka, postgres, folder, million
        self.topic = kafka.create_topic()
        self._events = topics.json_events(million)
        self._hours = 0
        self.grow_to(1)

    def grow_to(self, hours: int) -> None:
        for hour in range(self._hours, hours):
            topics.fill(self.kafka.bootstrap, self.topic, topics.at_hour(self._events, hour))
        self._hours = max(self._hours, hours)

    def configure(self, client: str, *, register: bool) -> tuple[Path, str]:
        """drift.yaml for a fresh database and a fresh consumer group, and the database's URL."""
        url = self.postgres.url(self.postgres.create_database())
        config = self.folder / f"{client}.yaml"
        reference = str(self.folder / "reference.parquet")
        config.write_text(topics.config(url, reference, self.kafka.bootstrap, self.topic, client, "json"))
        if register:
            subprocess.run([sys.executable, "-c", REGISTER, config], check=True, capture_output=True)
        else:
            open_store(url, SystemClock()).close()
        return config, url


def measure(log: Log, client: str, *, register: bool = True, hours: int = 10) -> dict[str, Any]:
    """Resident MB of a worker when one and when `hours` million events are committed, and the most it ever had.

    Args:
        log: what it reads.
        client: of Kafka.
        register: whether the reference is there already, as in production, where workers come and go; otherwise the
            worker builds it first.
        hours: how far it reads.
    """
    config, url = log.configure(client, register=register)
    store = open_store(url, SystemClock(), role="reader")
    try:
        with Process([*COMMAND, config], log=config.with_suffix(".log")) as worker:
            first = _after(worker, store, log.million)
            log.grow_to(hours)
            last = _after(worker, store, hours * log.million)
            peak = resident_mb(worker.pid, peak=True)
            worker.terminate(timeout=60)
    finally:
        store.close()
    return {"first": first, "last": last, "peak": peak, "events": hours * log.million}


def _after(worker: Process, store: Store, events: int) -> float:
    """Wait until so many events are committed; the worker's resident MB then."""
    wait_until(lambda: store.totals().rows >= events or not worker.alive, PATIENCE, 0.2, f"{events:,} events committed")
    if not worker.alive:
        raise RuntimeError(worker.output()[-2000:])
    return resident_mb(worker.pid)
