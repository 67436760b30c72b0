"""Database and broker go away in mid-stream: the worker waits with a bounded buffer, and carries on by itself."""

import resource
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.fault.harness import Child, Run
from tests.rig.kafka import Kafka
from tests.rig.postgres import Postgres
from tests.rig.proc import wait_until

NewRun = Callable[..., Run]
pytestmark = pytest.mark.slow

GROWTH = 48
"""MB by which a process may grow while it waits: a buffer of 32 MB and what the client has fetched."""


def resident(child: Child) -> int:
    """Megabytes."""
    return int(Path(f"/proc/{child.pid}/statm").read_text().split()[1]) * 4096 >> 20


def says(child: Child, what: str) -> None:
    """Wait until the process has said something."""
    wait_until(lambda: what in child.output, 30, what=f"{what!r} is said")


def away(run: Run, child: Child) -> None:
    """While the store is away much arrives; the process notices, does not grow, and does not die."""
    before = resident(child)
    run.produce(100)
    says(child, "store away")
    for _ in range(3):
        run.produce(800)
        time.sleep(0.3)
    assert resident(child) - before < GROWTH
    assert child.code is None


def ends_well(run: Run, child: Child) -> None:
    """By itself, without a restart."""
    run.settle()
    assert child.stop() == 0
    assert run.differences() == []


@pytest.mark.parametrize(("client", "crash"), [("kafka-python", True), ("confluent", False)])
def test_postgresql_restarts(new_run: NewRun, stoppable_postgres: Postgres, client: str, crash: bool) -> None:
    run = new_run(stoppable_postgres.url(stoppable_postgres.create_database()), client, seed=41)
    run.produce(200)
    child = run.start("worker")
    run.settle()
    if crash:
        stoppable_postgres.kill()
    else:
        stoppable_postgres.stop()
    away(run, child)
    stoppable_postgres.start()
    ends_well(run, child)


def test_sqlite_is_locked_by_somebody_else(new_run: NewRun, tmp_path: Path) -> None:
    path = tmp_path / "drift.db"
    run = new_run(f"sqlite:///{path}", seed=42)
    run.produce(200)
    child = run.start()
    run.settle()
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as other:
        other.execute("BEGIN IMMEDIATE")
        away(run, child)
        other.execute("ROLLBACK")
    ends_well(run, child)


def test_the_disk_is_full(new_run: NewRun, tmp_path: Path) -> None:
    """A limit on the size of files, set on the running process: its next write fails."""
    run = new_run(f"sqlite:///{tmp_path / 'drift.db'}", seed=43)
    run.produce(200)
    child = run.start()
    run.settle()
    # the log of the process is a file as well
    size = max(path.stat().st_size for path in (tmp_path / "drift.db", tmp_path / "drift.db-wal")) // 2
    _, hard = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (size, hard))
    away(run, child)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (hard, hard))
    ends_well(run, child)


@pytest.mark.parametrize(("client", "crash"), [("kafka-python", True), ("confluent", False)])
def test_the_broker_restarts(new_run: NewRun, stoppable_kafka: Kafka, tmp_path: Path, client: str, crash: bool) -> None:
    run = new_run(f"sqlite:///{tmp_path / 'drift.db'}", client, seed=44)
    run.produce(200)
    child = run.start()
    run.settle()
    run.produce(500)
    if crash:
        stoppable_kafka.kill()
    else:
        stoppable_kafka.stop()
    time.sleep(2)
    assert child.code is None
    stoppable_kafka.start()
    run.produce(200)
    ends_well(run, child)


@pytest.mark.parametrize("client", ["kafka-python", "confluent"])
def test_a_broker_that_answers_nobody_lets_no_time_pass(
    new_run: NewRun, stoppable_kafka: Kafka, tmp_path: Path, client: str
) -> None:
    """At the end of the log as far as the worker can see; but it cannot see: no heartbeat says 'caught up'."""
    run = new_run(f"sqlite:///{tmp_path / 'drift.db'}", client, seed=45)
    run.produce(50)
    child = run.start()
    run.settle()

    def beats() -> list[int]:
        store = run.open()
        try:
            return [s.heartbeat_at or 0 for s in store.partitions() if s.partition.source == "kafka"]
        finally:
            store.close()

    first = beats()
    wait_until(lambda: all(new > old for new, old in zip(beats(), first, strict=True)), what="heartbeats")
    stoppable_kafka.process.pause()
    time.sleep(2.5)
    silent = beats()
    time.sleep(2)
    assert beats() == silent
    stoppable_kafka.process.resume()
    wait_until(lambda: all(new > old for new, old in zip(beats(), silent, strict=True)), what="heartbeats")
    run.produce(50)
    ends_well(run, child)
