"""SQLite held, locked, full, cut short: refused with a sentence, nothing half written, and it heals."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text

from drift.core.clock import SystemClock
from drift.core.errors import StoreHeld, StoreUnavailable
from drift.store import Store, open_store
from drift.store import sqlite as driver
from tests.rig.proc import CHECKOUT
from tests.rig.storing import PANE, PARTITION, T0, Feed, assert_equal, delta, feed, total

CLOCK = SystemClock()
HOLDER = """
import sys, time
from drift.core.clock import SystemClock
from drift.store import open_store
store = open_store(sys.argv[1], SystemClock())
print("open", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "drift.db"


@pytest.fixture
def store(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(driver, "BUSY_SECONDS", 0.05)
    opened = open_store(f"sqlite:///{path}", CLOCK)
    yield opened
    opened.close()


def on_the_writer(store: Store, statement: str) -> object:
    return store._database.write(lambda c: c.execute(text(statement)).scalar())


class TestHeld:
    def test_a_second_writer_is_told_who_holds_it(self, store: Store, path: Path) -> None:
        with pytest.raises(StoreHeld, match=f"written by process {os.getpid()}; .*REST API"):
            open_store(f"sqlite:///{path}", CLOCK)
        store.close()
        open_store(f"sqlite:///{path}", CLOCK).close()

    def test_a_killed_holder_lets_go(self, path: Path) -> None:
        url = f"sqlite:///{path}"
        with subprocess.Popen(
            [sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
        ) as holder:
            assert holder.stdout is not None
            while line := holder.stdout.readline():
                if line == "open\n":
                    break
            with pytest.raises(StoreHeld, match=f"process {holder.pid};"):
                open_store(url, CLOCK)
            reader = open_store(url, CLOCK, role="reader")
            assert reader.totals().rows == 0
            reader.close()
            holder.send_signal(signal.SIGKILL)
        again = open_store(url, CLOCK)
        again.ping()
        again.close()

    def test_a_store_that_did_not_open_holds_nothing(self, path: Path) -> None:
        path.write_bytes(b"this is no database" * 100)
        for _ in range(2):
            with pytest.raises(Exception, match="not a database") as raised:
                open_store(f"sqlite:///{path}", CLOCK)
            assert not isinstance(raised.value, StoreHeld)

    def test_a_file_that_is_not_there_cannot_be_read(self, path: Path) -> None:
        with pytest.raises(StoreUnavailable, match="unable to open"):
            open_store(f"sqlite:///{path}", CLOCK, role="reader")
        assert not path.exists()


class TestSettings:
    def test_every_commit_is_on_disk(self, store: Store) -> None:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "wal_autocheckpoint": 1000}
        assert {name: on_the_writer(store, f"PRAGMA {name}") for name in wanted} == wanted

    def test_readers_neither_write_nor_checkpoint(self, store: Store) -> None:
        wanted = {"query_only": 1, "wal_autocheckpoint": 0}
        found = {name: store._read(lambda c, n=name: c.execute(text(f"PRAGMA {n}")).scalar()) for name in wanted}  # type: ignore[misc]
        assert found == wanted

    def test_an_old_library_is_told_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
        driver.warn_once.cache_clear()
        with structlog.testing.capture_logs() as logs:
            driver.warn_once()
            driver.warn_once()
        assert [entry["event"] for entry in logs] == ["old SQLite"]
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
        assert driver.weakness() == ""


class TestLocked:
    @pytest.fixture
    def intruder(self, store: Store, path: Path) -> Iterator[sqlite3.Connection]:
        """Somebody with a shell who holds the write lock."""
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.close()

    @pytest.fixture
    def fed(self, store: Store) -> Feed:
        return feed(store)

    def test_away_while_locked_and_back_after(self, fed: Feed, intruder: sqlite3.Connection) -> None:
        batch = fed.batch(delta(fed.reference, 1))
        with pytest.raises(StoreUnavailable, match="locked"):
            fed.store.commit(batch)
        assert fed.store.totals().rows == 0  # reading goes on
        intruder.rollback()
        fed.store.commit(batch)
        assert fed.store.totals().rows == 10

    def test_a_short_lock_is_waited_for(self, fed: Feed, intruder: sqlite3.Connection) -> None:
        timer = threading.Timer(0.15, intruder.rollback)
        timer.start()
        fed.commit(delta(fed.reference, 1))
        timer.join()
        assert fed.store.totals().rows == 10

    def test_readers_do_not_wait_for_a_commit(self, fed: Feed) -> None:
        fed.commit(delta(fed.reference, 1))

        def slowly(c: object) -> float:
            started = time.monotonic()
            assert fed.store.totals().rows == 10
            return time.monotonic() - started

        assert fed.store._write(slowly) < 1.0


class TestFull:
    def test_away_while_full_and_back_after(self, store: Store) -> None:
        fed = feed(store, columns=200)
        fed.commit(delta(fed.reference, 1))
        before = store.partitions()[0].next
        on_the_writer(store, f"PRAGMA max_page_count={on_the_writer(store, 'PRAGMA page_count')}")
        batch = fed.batch(*(delta(fed.reference, i, start=T0 + i * PANE) for i in range(10)))
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="full"):
                store.commit(batch)
        assert store.totals().rows == 10
        assert store.partitions()[0].next == before
        assert len(store.dirty(100)) == 1
        on_the_writer(store, "PRAGMA max_page_count=1000000")
        store.commit(batch)
        assert store.totals().rows == 110
        assert on_the_writer(store, "PRAGMA integrity_check") == "ok"


class TestPowerLoss:
    COMMITS = 12

    @pytest.fixture
    def crashed(self, store: Store, path: Path, tmp_path: Path) -> Path:
        """A copy of database and WAL as a machine would find them, with every commit still in the WAL."""
        on_the_writer(store, "PRAGMA wal_autocheckpoint=0")
        fed = feed(store)
        for i in range(self.COMMITS):
            fed.commit(delta(fed.reference, i), delta(fed.reference, 100 + i, start=T0 + PANE))
        copy = tmp_path / "crashed"
        copy.mkdir()
        # by another process: closing the file in this one would drop SQLite's own locks
        subprocess.run(["cp", path, f"{path}-wal", copy], check=True)
        return copy

    @pytest.mark.parametrize("seed", range(12))
    def test_a_wal_cut_anywhere_opens_at_some_commit(self, crashed: Path, tmp_path: Path, seed: int) -> None:
        whole = (crashed / "drift.db-wal").stat().st_size
        at = random.Random(seed).randrange(whole // 3, whole)
        folder = shutil.copytree(crashed, tmp_path / "cut")
        os.truncate(folder / "drift.db-wal", at)
        again = open_store(f"sqlite:///{folder / 'drift.db'}", CLOCK)
        try:
            commits = self.assert_some_prefix(again)
            assert commits < self.COMMITS
            resumed = feed(again)
            assert resumed.position == (20 * commits if commits else None)
            for i in range(commits, self.COMMITS):
                resumed.commit(delta(resumed.reference, i), delta(resumed.reference, 100 + i, start=T0 + PANE))
            assert self.assert_some_prefix(again) == self.COMMITS
        finally:
            again.close()

    def assert_some_prefix(self, store: Store) -> int:
        """Positions, sums, marks and watermarks all say the same number of commits; returns it."""
        statuses = [p for p in store.partitions() if p.partition == PARTITION]
        commits = ((statuses[0].next or 0) if statuses else 0) // 20
        assert store.totals().rows == store.totals().records == 20 * commits
        assert len(store.dirty(1000)) == 2 * commits
        for reference in store.catalogue().references if commits else ():
            for pane in range(2):
                seeds = [100 * pane + i for i in range(commits)]
                found = store.profile(reference, T0 + pane * PANE, T0 + (pane + 1) * PANE)
                assert_equal(found.profile, total(reference.grid, *seeds))
        return commits

    def test_cuts_reach_different_commits(self, crashed: Path, tmp_path: Path) -> None:
        """The test above would prove nothing if every cut fell back to the same state."""
        whole = (crashed / "drift.db-wal").stat().st_size
        seen = set()
        for tenth in range(4, 11):
            folder = shutil.copytree(crashed, tmp_path / f"cut{tenth}")
            os.truncate(folder / "drift.db-wal", whole * tenth // 10)
            again = open_store(f"sqlite:///{folder / 'drift.db'}", CLOCK)
            seen.add(self.assert_some_prefix(again))
            again.close()
        assert len(seen) >= 4
        assert self.COMMITS in seen
