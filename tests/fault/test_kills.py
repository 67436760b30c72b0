"""SIGKILL at any moment changes no sum: real processes, a real broker, real databases, every sum to the bit.

records ──> Kafka ──> drift serve | drift worker ×2 ──> SQLite | PostgreSQL      killed again and again
              └─────> the oracle                                                 reads the log once, in plain loops
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault.harness import Run
from tests.fault.rampage import Slot, alone, rampage, stop, together
from tests.fault.stored import differences

NewRun = Callable[..., Run]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CLIENTS = pytest.mark.parametrize("client", ["kafka-python", "confluent"])


def assert_unharmed(run: Run, slots: list[Slot], kills: int) -> None:
    """The kills happened, nothing ended otherwise, and every number is what one reading of the log gives."""
    assert run.deaths.other == []
    assert run.deaths.total >= kills
    assert run.deaths.points, "no failpoint was reached"
    assert run.deaths.kills, "no process was killed at random"
    assert stop(slots) == [0] * len(slots)
    assert run.differences() == []


@CLIENTS
def test_one_process_on_sqlite(new_run: NewRun, tmp_path: Path, client: str) -> None:
    """Folding and compaction to hours and days go on meanwhile; late rows find their days."""
    run = new_run(f"sqlite:///{tmp_path / 'drift.db'}", client, seed=11, compact=True)
    slots = alone(run)
    rampage(run, slots, kills=14)
    assert_unharmed(run, slots, kills=14)


@CLIENTS
def test_two_workers_on_postgresql(new_run: NewRun, pg_url: str, client: str) -> None:
    """A third process folds and evaluates, and dies as well."""
    run = new_run(pg_url, client, seed=12)
    slots = together(run)
    rampage(run, slots, kills=14)
    assert_unharmed(run, slots, kills=14)


def test_a_run_with_kills_equals_one_without(new_run: NewRun, pg_url: str, tmp_path: Path) -> None:
    """Not only the oracle says so: the same log, another store, nobody killed."""
    run = new_run(pg_url, seed=13)
    slots = together(run)
    rampage(run, slots, kills=4)
    plain = new_run(f"sqlite:///{tmp_path / 'plain.db'}", "confluent", seed=13, topic=run.topic)
    child = plain.start(flush=2.0, poll_records=5000)
    plain.settle()
    assert [*stop(slots), child.stop()] == [0, 0, 0, 0]
    assert run.deaths.total >= 4
    assert differences(run.stored(), plain.stored()) == []
