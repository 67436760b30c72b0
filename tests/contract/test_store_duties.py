"""Leases, retention, opening and closing."""

import threading
import time
from collections.abc import Iterator

import pytest

from drift.core.clock import DAY, HOUR, SystemClock
from drift.core.commit import DeadLetter, EvaluationCommit, Gap, Lease, WindowResult
from drift.core.errors import ConfigError, StoreError
from drift.core.result import WindowState
from drift.core.window import Window
from drift.store import Store, open_store, tables
from tests.rig.storing import PANE, PARTITION, T0, delta, feed


@pytest.fixture
def lease(store: Store) -> Lease:
    taken = store.lease("retention", "tester", 60)
    assert taken is not None
    return taken


class TestLease:
    def test_one_at_a_time(self, store: Store) -> None:
        mine = store.lease("job", "a", 60)
        assert mine is not None
        assert mine.epoch == 1
        assert store.lease("job", "b", 60) is None
        assert store.lease("another job", "b", 60) is not None

    def test_the_same_holder_again_keeps_its_epoch(self, store: Store) -> None:
        first, again = store.lease("job", "a", 10), store.lease("job", "a", 60)
        assert first is not None
        assert again is not None
        assert again.epoch == first.epoch
        assert again.expires_at > first.expires_at

    def test_one_that_ran_out_goes_to_the_next(self, store: Store) -> None:
        first = store.lease("job", "a", 0.05)
        assert first is not None
        time.sleep(0.1)
        second = store.lease("job", "b", 60)
        assert second is not None
        assert second.epoch == first.epoch + 1
        assert store.renew(first, 60) is None
        store.release_lease(first)
        assert store.lease("job", "a", 60) is None

    def test_renewed(self, store: Store) -> None:
        first = store.lease("job", "a", 0.2)
        assert first is not None
        longer = store.renew(first, 60)
        assert longer is not None
        time.sleep(0.3)
        assert store.lease("job", "b", 60) is None

    def test_one_that_ran_out_can_be_renewed_if_nobody_took_it(self, store: Store) -> None:
        first = store.lease("job", "a", 0.0)
        assert first is not None
        assert store.renew(first, 60) is not None

    def test_given_up(self, store: Store) -> None:
        first = store.lease("job", "a", 60)
        assert first is not None
        store.release_lease(first)
        second = store.lease("job", "b", 60)
        assert second is not None
        assert second.epoch == 2

    def test_taken_by_one_of_many(self, store: Store) -> None:
        taken: list[Lease | None] = []
        threads = [threading.Thread(target=lambda n=n: taken.append(store.lease("job", f"h{n}", 60))) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(taken) == 8
        assert sum(one is not None for one in taken) == 1


class TestRetention:
    def test_panes(self, store: Store, lease: Lease) -> None:
        fed = feed(store)
        gaps = (Gap(PARTITION, 0, 1, T0, until=T0), Gap(PARTITION, 2, 3, T0, until=T0 + 3 * DAY))
        fed.commit(*(delta(fed.reference, i, start=T0 + i * PANE, rows=1) for i in range(1000)), gaps=gaps)
        assert store.retain(lease, panes_before=T0 + 700 * PANE + 1).panes == 700
        assert store.profile(fed.reference, T0, T0 + 700 * PANE).rows == 0
        assert store.totals().rows == 300
        assert [gap.first for gap in store.gaps()] == [2]

    def test_windows_with_their_results(self, store: Store, lease: Lease) -> None:
        fed = feed(store)
        windows = [Window(T0 + i * HOUR, T0 + (i + 1) * HOUR) for i in range(3)]
        results = [WindowResult(fed.model.id, fed.reference.id, "1h", w, 1, WindowState.FINAL, 1, T0) for w in windows]
        store.commit_evaluation(EvaluationCommit(lease, (), tuple(results)))
        assert store.retain(lease, results_before=T0 + 2 * HOUR).windows == 2
        assert [row.window for row in store.windows(fed.model.id)] == windows[2:]

    def test_dead_letters_and_keys(self, store: Store, lease: Lease) -> None:
        fed = feed(store)
        letters = [DeadLetter(PARTITION, i, 0, "empty", "", b"", T0 + i * HOUR) for i in range(4)]
        fed.commit(dead_letters=tuple(letters), idempotency={"k": b""})
        found = store.retain(lease, dead_letters_before=T0 + 2 * HOUR, idempotency_before=T0 - DAY)
        assert (found.dead_letters, found.idempotency) == (2, 0)
        assert [row.letter.offset for row in store.dead_letters()] == [3, 2]
        assert [count.first for count in store.dead_letter_counts()] == [3, 2]
        assert store.idempotent("k") == b""
        later = SystemClock().now() + HOUR
        assert store.retain(lease, idempotency_before=later).idempotency == 1
        assert store.idempotent("k") is None

    def test_nothing_unless_asked(self, store: Store, lease: Lease) -> None:
        fed = feed(store)
        fed.commit(delta(fed.reference, 1))
        found = store.retain(lease)
        assert (found.panes, found.windows, found.dead_letters, found.idempotency) == (0, 0, 0, 0)
        assert store.totals().rows == 10


class TestOpening:
    def test_a_store_keeps_its_identity(self, store: Store, store_url: str) -> None:
        fed = feed(store)
        fed.commit(delta(fed.reference, 1))
        store.close()
        again = open_store(store_url, SystemClock())
        try:
            assert again.uuid == store.uuid
            assert again.totals().rows == 10
            assert again.acquire(PARTITION, "w2").epoch == 2
        finally:
            again.close()

    def test_says_what_it_is(self, store: Store) -> None:
        store.ping()
        info = store.info()
        assert (info.uuid, info.dialect, info.schema) == (store.uuid, store.dialect, tables.SCHEMA)
        assert info.version

    @pytest.fixture
    def reader(self, store: Store, store_url: str) -> Iterator[Store]:
        opened = open_store(store_url, SystemClock(), role="reader")
        yield opened
        opened.close()

    def test_a_reader_sees_what_is_committed(self, store: Store, reader: Store) -> None:
        fed = feed(store)
        fed.commit(delta(fed.reference, 1))
        assert reader.totals().rows == 10
        assert reader.uuid == store.uuid

    def test_a_reader_cannot_write(self, store: Store, reader: Store) -> None:
        with pytest.raises(StoreError, match="opened for reading"):
            reader.acquire(PARTITION, "w")
        assert store.partitions() == []

    @pytest.mark.parametrize("url", ["mysql://host/db", "nonsense", "sqlite://", "sqlite:///:memory:", "sqlite+x:///y"])
    def test_a_url_that_cannot_be(self, url: str) -> None:
        with pytest.raises(ConfigError, match="sqlite:///"):
            open_store(url, SystemClock())
