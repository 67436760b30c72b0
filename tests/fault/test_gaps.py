"""Records that the broker deleted before they were read: a recorded gap, incomplete windows, and all else to the bit.

offsets     0 ─── read ─── 100 ─── deleted ─── 160 ─── read ─── 300
windows     |  first hour  |  second: incomplete  |  third: final  |
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from drift.core.clock import HOUR, SystemClock
from drift.core.result import WindowState
from drift.store import open_store
from tests.fault.harness import Run
from tests.fault.stored import Stored, differences, expected
from tests.fault.world import T0
from tests.rig.proc import wait_until

NewRun = Callable[..., Run]
CLIENTS = pytest.mark.parametrize("client", ["kafka-python", "confluent"])


def states(run: Run) -> dict[str, dict[int, tuple[WindowState | None, str, int]]]:
    """Model → the hour in which a window begins → its state, the reason, and how many judgements there are."""
    store = open_store(run.url, SystemClock(), role="reader")
    try:
        return {
            name: {
                (row.window.start - T0) // HOUR: (row.state, row.reason, len(store.judgements(row.id)))
                for row in store.windows(model.id)
            }
            for name, model in store.catalogue().models.items()
        }
    finally:
        store.close()


@CLIENTS
def test_deleted_records(new_run: NewRun, tmp_path: Path, client: str) -> None:
    run = new_run(f"sqlite:///{tmp_path / 'drift.db'}", client, seed=31)
    run.produce(100)
    child = run.start()
    run.settle()
    assert child.stop() == 0
    run.produce(100)
    run.kafka.delete_records(run.topic, {0: 160})
    run.produce(100)
    child = run.start()
    run.settle()

    oracle = run.oracle()
    oracle.read(0, run.produced[0][:100])
    oracle.gap(0, 100, 159)
    oracle.read(0, run.produced[0][160:])
    oracle.read(1, run.produced[1])
    assert differences(run.stored(), expected(oracle)) == []
    [(_, first, last, after, until)] = oracle.gaps
    assert (first, last) == (100, 159)
    assert T0 < after < T0 + 2 * HOUR < until + HOUR

    wait_until(lambda: 2 in states(run)["churn"] and states(run)["churn"][2][0], what="the third hour is judged")
    found = states(run)
    for model in ("credit", "churn"):
        state, reason, judgements = found[model][1]
        assert (state, judgements) == (WindowState.INCOMPLETE, 0)
        assert "records 100 to 159 of kafka:" in reason
        assert found[model][2][0] is WindowState.FINAL
        assert found[model][2][2] > 0
    assert child.stop() == 0


@CLIENTS
@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
def test_a_topic_made_anew(new_run: NewRun, tmp_path: Path, client: str, running: bool) -> None:
    """It counts from the start again; how much was lost cannot be known, but that something was is said."""
    run = new_run(f"sqlite:///{tmp_path / 'drift.db'}", client, seed=32)
    run.produce(150)
    child = run.start()
    run.settle()
    if not running:
        assert child.stop() == 0
    run.kafka.delete_topic(run.topic)
    run.kafka.create_topic(run.topic, run.partitions)
    run.produce(50)
    if not running:
        child = run.start()

    oracle = run.oracle()
    for partition in range(2):
        oracle.read(partition, run.produced[partition][:150])
        oracle.gap(partition, 150, 150)
        oracle.read(partition, run.produced[partition][150:])
    wanted = expected(oracle)
    wanted.positions = {0: 50, 1: 50}

    def equal() -> Stored | None:
        found = run.stored()
        return found if differences(found, wanted) == [] else None

    wait_until(equal, 60, interval=0.5, what=f"the new log is counted; {differences(run.stored(), wanted)}")
    assert child.stop() == 0
    assert differences(run.stored(), wanted) == []
