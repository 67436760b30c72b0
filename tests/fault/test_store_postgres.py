"""PostgreSQL stopped, cut off, deadlocked: the whole transaction again, or away until it is back."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from drift.core.clock import SystemClock
from drift.core.commit import Partition
from drift.core.errors import Fenced, StoreUnavailable
from drift.store import Store, open_store, tables
from tests.rig.postgres import Postgres
from tests.rig.storing import PANE, PARTITION, T0, Feed, assert_equal, delta, feed, total

CLOCK = SystemClock()


@pytest.fixture
def store(pg_url: str) -> Iterator[Store]:
    opened = open_store(pg_url, CLOCK)
    yield opened
    opened.close()


@pytest.fixture
def fed(store: Store) -> Feed:
    return feed(store)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_stopped_and_started_again(fed: Feed, stoppable_postgres: Postgres, how: str) -> None:
    fed.commit(delta(fed.reference, 1))
    batch = fed.batch(delta(fed.reference, 2))
    getattr(stoppable_postgres, how)()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="try again"):
            fed.store.commit(batch)
        with pytest.raises(StoreUnavailable):
            fed.store.ping()
    stoppable_postgres.start()
    fed.store.ping()
    fed.store.commit(batch)
    assert_equal(fed.store.profile(fed.reference, T0, T0 + PANE).profile, total(fed.reference.grid, 1, 2))


def test_sessions_cut_off_heal_at_once(fed: Feed) -> None:
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
    fed.commit(delta(fed.reference, 1))
    with pytest.raises(StoreUnavailable):
        fed.store._read(lambda c: c.execute(text(cut)).scalar())
    fed.commit(delta(fed.reference, 2))
    assert fed.store.totals().rows == 20


def test_a_url_that_nobody_answers() -> None:
    with pytest.raises(StoreUnavailable) as raised:
        open_store("postgresql://u:secret@127.0.0.1:1/none", CLOCK)
    assert "secret" not in str(raised.value)


def test_a_deadlock_runs_the_whole_transaction_again(store: Store) -> None:
    for number in range(2):
        store.acquire(Partition("kafka", "d", number), "w")
    barrier = threading.Barrier(2)
    runs, errors = [0, 0], list[BaseException]()

    def crosswise(me: int) -> None:
        def work(c: Connection) -> None:
            runs[me] += 1
            for number in (me, 1 - me):
                mine = tables.partitions.c.number == number
                c.execute(tables.partitions.update().where(mine).values(records=tables.partitions.c.records + 1))
                if runs[me] == 1 and number == me and sum(runs) <= 2:
                    barrier.wait(timeout=10)

        try:
            store._write(work)
        except BaseException as error:  # noqa: BLE001  reported by the test
            errors.append(error)

    threads = [threading.Thread(target=crosswise, args=(me,)) for me in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(runs) == [1, 2]
    assert [p.records for p in store.partitions()] == [2, 2]


def test_two_processes_that_start_together_make_one_store(pg_url: str) -> None:
    opened: list[Store] = []
    threads = [threading.Thread(target=lambda: opened.append(open_store(pg_url, CLOCK))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({store.uuid for store in opened}) == 1
    assert len(opened) == 3
    for store in opened:
        store.close()


def test_a_stopped_worker_holds_no_rows_for_ever(fed: Feed) -> None:
    """SIGSTOP within a transaction: the server ends the session, and another worker can take over."""
    shown = {
        name: fed.store._write(lambda c, n=name: c.execute(text(f"SHOW {n}")).scalar())  # type: ignore[misc]
        for name in ("idle_in_transaction_session_timeout", "lock_timeout")
    }
    assert shown == {"idle_in_transaction_session_timeout": "15s", "lock_timeout": "10s"}

    def stopped(c: Connection) -> None:
        c.execute(text("SET idle_in_transaction_session_timeout = '100ms'"))
        c.execute(tables.partitions.update().values(records=99))
        assert fed.store.acquire(PARTITION, "w2").epoch == 2  # waits until the server has ended this session
        c.execute(text("SELECT 1"))

    with pytest.raises(StoreUnavailable):
        fed.store._write(stopped)
    assert fed.store.partitions()[0].records == 0
    with pytest.raises(Fenced):
        fed.commit(delta(fed.reference, 1))
