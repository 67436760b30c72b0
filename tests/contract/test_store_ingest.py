"""The fenced commit: sums, positions and dead letters together, or nothing."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from drift.core.clock import HOUR, SECOND, SystemClock
from drift.core.commit import Claim, DeadLetter, Gap, IngestCommit, Partition
from drift.core.errors import CatalogueChanged, Conflict, Fenced, NotFound, StoreError
from drift.store import Store, catalogue, open_store
from tests.rig.storing import PANE, PARTITION, T0, Feed, assert_equal, delta, feed, model, reference, total


@pytest.fixture
def fed(store: Store) -> Feed:
    """A model, a reference and an acquired partition."""
    return feed(store)


def letter(offset: int, *, reason: str = "malformed", at: int = T0, partition: Partition = PARTITION) -> DeadLetter:
    return DeadLetter(partition, offset, 0, reason, "no JSON", b"{" * 10, at)


def everything(store: Store) -> list[object]:
    """What a commit may change."""
    status = [
        replace(p, now=0, heartbeat_at=0, caught_up_at=None) for p in store.partitions()
    ]  # times go on without commits
    return [status, store.totals(), store.dirty(100), store.gaps(), store.dead_letters(), store.idempotent("k")]


class TestCommit:
    def test_moves_the_position_and_adds_the_sums(self, fed: Feed) -> None:
        fed.commit(delta(fed.reference, 1), delta(fed.reference, 2, start=T0 + PANE, rows=5, late=2))
        (status,) = fed.store.partitions()
        assert (status.next, status.log_end, status.records, status.lag) == (15, 15, 15, 0)
        assert status.watermarks == {fed.model.id: T0 + PANE}
        assert fed.store.watermarks(PARTITION) == {fed.model.id: T0 + PANE}
        found = fed.store.profile(fed.reference, T0, T0 + PANE)
        assert_equal(found.profile, total(fed.reference.grid, 1))
        assert (found.rows, found.late, found.foreign, found.straddles) == (10, 0, 0, False)
        totals = fed.store.totals()
        assert (totals.records, totals.rows, totals.late, totals.dead_letters) == (15, 15, 2, 0)
        assert fed.store.totals(fed.model.id).rows == 15
        assert fed.store.totals(fed.model.id + 1).rows == 0

    def test_marks_each_pane_dirty(self, fed: Feed) -> None:
        fed.commit(delta(fed.reference, 1), delta(fed.reference, 2, start=T0 + PANE))
        fed.commit(delta(fed.reference, 3))
        assert [(d.start, d.rows, d.reference_id) for d in fed.store.dirty(10)] == [
            (T0, 10, fed.reference.id),
            (T0 + PANE, 10, fed.reference.id),
            (T0, 10, fed.reference.id),
        ]
        assert len(fed.store.dirty(2)) == 2

    def test_watermarks_never_go_back(self, fed: Feed) -> None:
        fed.commit(delta(fed.reference, 1, start=T0 + PANE))
        (before,) = fed.store.partitions()
        fed.commit(delta(fed.reference, 2, start=T0))
        (after,) = fed.store.partitions()
        assert after.watermarks == before.watermarks == {fed.model.id: T0 + PANE}
        assert after.advanced_at == before.advanced_at

    def test_wants_a_partition(self, fed: Feed) -> None:
        with pytest.raises(StoreError, match="at least one partition"):
            fed.store.commit(IngestCommit(fed.store.catalogue_version(), (), (delta(fed.reference, 1),)))
        assert fed.store.totals().rows == 0


class TestFence:
    @pytest.fixture
    def full(self, fed: Feed) -> IngestCommit:
        """A commit that would write to every table."""
        return replace(
            fed.batch(delta(fed.reference, 1)),
            dead_letters=(letter(3),),
            gaps=(Gap(PARTITION, 0, 2, T0),),
            idempotency={"k": b"answer"},
        )

    def test_an_older_epoch_writes_nothing(self, fed: Feed, full: IngestCommit) -> None:
        newer = fed.store.acquire(PARTITION, "w2")
        assert newer.epoch == fed.claim.epoch + 1
        before = everything(fed.store)
        with pytest.raises(Fenced, match=r"epoch 2 \(owner w2\), ours is 1"):
            fed.store.commit(full)
        assert everything(fed.store) == before

    def test_another_position_writes_nothing(self, fed: Feed, full: IngestCommit) -> None:
        fed.commit(delta(fed.reference, 1))
        before = everything(fed.store)
        with pytest.raises(Fenced, match="stands at 10, the buffer was read from None"):
            fed.store.commit(full)
        ahead = replace(full, advances=(replace(full.advances[0], expected=11),))
        with pytest.raises(Fenced, match="stands at 10, the buffer was read from 11"):
            fed.store.commit(ahead)
        assert everything(fed.store) == before

    def test_one_of_two_partitions_fenced_stops_both(self, fed: Feed, full: IngestCommit) -> None:
        other = fed.store.acquire(Partition("kafka", "events", 1), "w1")
        both = replace(full, advances=(replace(full.advances[0], claim=other), *full.advances))
        fed.store.acquire(PARTITION, "w2")
        before = everything(fed.store)
        with pytest.raises(Fenced):
            fed.store.commit(both)
        assert everything(fed.store) == before

    def test_a_partition_never_acquired(self, fed: Feed, full: IngestCommit) -> None:
        stranger = Claim(Partition("kafka", "other", 0), 1, None)
        with pytest.raises(Fenced, match="never acquired"):
            fed.store.commit(replace(full, advances=(replace(full.advances[0], claim=stranger),)))

    def test_a_changed_catalogue_writes_nothing(self, fed: Feed, full: IngestCommit) -> None:
        reference(fed.store, fed.model, version="2")
        before = everything(fed.store)
        with pytest.raises(CatalogueChanged, match="count again"):
            fed.store.commit(full)
        assert everything(fed.store) == before

    def test_the_same_batch_twice_counts_once(self, fed: Feed, full: IngestCommit) -> None:
        fed.store.commit(full)
        before = everything(fed.store)
        with pytest.raises(Fenced):
            fed.store.commit(full)
        assert everything(fed.store) == before

    def test_a_new_owner_goes_on_where_the_last_commit_ended(self, fed: Feed) -> None:
        fed.commit(delta(fed.reference, 1))
        claim = fed.store.acquire(PARTITION, "w2")
        assert (claim.epoch, claim.next) == (2, 10)
        heir = Feed(fed.store, fed.model, fed.reference, claim, claim.next)
        heir.commit(delta(fed.reference, 2))
        assert_equal(fed.store.profile(fed.reference, T0, T0 + PANE).profile, total(fed.reference.grid, 1, 2))


class TestPartitions:
    def test_registered_ones_have_no_owner(self, store: Store) -> None:
        store.register_partitions("kafka", "t", [2, 0, 1])
        found = store.partitions()
        assert [p.partition.number for p in found] == [0, 1, 2]
        assert {(p.owner, p.epoch, p.next) for p in found} == {(None, 0, None)}
        assert all(p.heartbeat_at is not None and p.heartbeat_at <= p.now for p in found)

    def test_registering_again_changes_nothing(self, fed: Feed) -> None:
        fed.commit(delta(fed.reference, 1))
        fed.store.register_partitions("kafka", "events", [0, 1])
        mine, other = fed.store.partitions()
        assert (mine.owner, mine.next, mine.epoch) == ("w1", 10, 1)
        assert other.owner is None

    def test_release_keeps_the_position(self, fed: Feed) -> None:
        fed.commit(delta(fed.reference, 1))
        fed.store.release(fed.claim)
        (status,) = fed.store.partitions()
        assert (status.owner, status.next, status.caught_up_at) == (None, 10, None)

    def test_release_by_a_former_owner_does_nothing(self, fed: Feed) -> None:
        fed.store.acquire(PARTITION, "w2")
        fed.store.release(fed.claim)
        assert fed.store.partitions()[0].owner == "w2"

    def test_heartbeat_tells_lost_claims(self, fed: Feed) -> None:
        other = fed.store.acquire(Partition("kafka", "events", 1), "w1")
        fed.store.acquire(PARTITION, "w2")
        assert fed.store.heartbeat({fed.claim: 50, other: 7}) == {fed.claim}
        first, second = fed.store.partitions()
        assert (first.log_end, second.log_end) == (0, 7)

    def test_caught_up_since_the_first_time_without_a_break(self, fed: Feed) -> None:
        def since() -> int | None:
            return fed.store.partitions()[0].caught_up_at

        assert since() is None
        fed.commit(delta(fed.reference, 1))
        first = since()
        assert first is not None
        fed.store.heartbeat({fed.claim: 10})
        assert since() == first
        fed.store.heartbeat({fed.claim: 11})
        assert since() is None
        fed.store.heartbeat({fed.claim: 10})
        assert (since() or 0) > first
        fed.store.acquire(PARTITION, "w2")
        assert since() is None

    def test_an_empty_log_is_caught_up(self, fed: Feed) -> None:
        fed.store.heartbeat({fed.claim: 0})
        assert fed.store.partitions()[0].caught_up_at is not None

    def test_time_is_the_databases_and_goes_on(self, fed: Feed) -> None:
        (first,) = fed.store.partitions()
        time.sleep(0.05)
        fed.store.heartbeat({fed.claim: 0})
        (second,) = fed.store.partitions()
        assert first.heartbeat_at is not None
        assert second.heartbeat_at is not None
        assert 40_000 <= second.heartbeat_at - first.heartbeat_at < 5 * SECOND
        assert abs(second.now - SystemClock().now()) < 60 * SECOND

    def test_a_finished_file(self, fed: Feed) -> None:
        batch = fed.batch(delta(fed.reference, 1))
        fed.store.commit(replace(batch, advances=(replace(batch.advances[0], finished=True),)))
        assert fed.store.partitions()[0].finished

    def test_a_gap_is_recorded_and_completed(self, fed: Feed) -> None:
        gap = Gap(PARTITION, 0, 4, T0, after=T0 - PANE)
        fed.commit(gaps=(gap,))
        assert fed.store.gaps() == [gap]
        known = replace(gap, until=T0 + PANE)
        fed.commit(gaps=(known,))
        fed.commit(gaps=(gap,))
        assert fed.store.gaps() == [known]
        assert fed.store.totals().lost == 5


class TestIdempotency:
    def test_an_answer_is_kept_with_the_sums(self, fed: Feed) -> None:
        assert fed.store.idempotent("k") is None
        fed.commit(delta(fed.reference, 1), idempotency={"k": b"ok"})
        assert fed.store.idempotent("k") == b"ok"

    def test_a_key_counts_once(self, fed: Feed) -> None:
        fed.commit(delta(fed.reference, 1), idempotency={"k": b"ok"})
        before = everything(fed.store)
        with pytest.raises(Conflict, match="'k' was counted already"):
            fed.commit(delta(fed.reference, 2), idempotency={"j": b"", "k": b"again"})
        assert everything(fed.store) == before
        assert fed.store.idempotent("j") is None


class TestDeadLetters:
    def test_a_hundred_payloads_an_hour_the_rest_counted(self, fed: Feed) -> None:
        fed.commit(dead_letters=tuple(letter(i) for i in range(70)))
        fed.commit(dead_letters=tuple(letter(i) for i in range(70, 140)))
        fed.commit(dead_letters=(letter(500),))
        assert sorted(row.letter.offset for row in fed.store.dead_letters(1000)) == list(range(100))
        (count,) = fed.store.dead_letter_counts()
        assert (count.count, count.first, count.last, count.reason) == (141, 0, 500, "malformed")
        assert fed.store.totals().dead_letters == 141

    def test_bounds_are_per_reason_partition_and_hour(self, fed: Feed) -> None:
        other = Partition("kafka", "events", 1)
        fed.commit(
            dead_letters=(
                *(letter(i) for i in range(101)),
                *(letter(i, at=T0 + HOUR) for i in range(101)),
                *(letter(i, reason="empty") for i in range(101)),
                *(letter(i, partition=other) for i in range(101)),
            )
        )
        assert len(fed.store.dead_letters(1000)) == 400
        assert len(fed.store.dead_letter_counts()) == 4
        assert fed.store.dead_letters_by_reason() == {"malformed": 303, "empty": 101}
        assert {p.partition.number for p in fed.store.partitions()} == {0, 1}

    def test_a_letter_comes_back_equal(self, fed: Feed) -> None:
        sent = replace(letter(7), payload=bytes(range(256)), index=3, detail="Ω\n'")
        fed.commit(dead_letters=(sent,))
        (row,) = fed.store.dead_letters()
        assert row.letter == sent
        assert row.replayed_at is None

    def test_pages(self, fed: Feed) -> None:
        fed.commit(dead_letters=tuple(letter(i, reason="empty" if i % 2 else "malformed") for i in range(10)))
        first = fed.store.dead_letters(3, reason="empty")
        rest = fed.store.dead_letters(3, before=first[-1].id, reason="empty")
        assert [row.letter.offset for row in (*first, *rest)] == [9, 7, 5, 3, 1]

    def test_each_is_replayed_once(self, fed: Feed) -> None:
        fed.commit(dead_letters=tuple(letter(i) for i in range(4)))
        ids = [row.id for row in fed.store.dead_letters()]
        claimed = fed.store.dead_letter_replay_claim(ids[:3])
        assert [row.id for row in claimed] == sorted(ids[:3])
        assert all(row.replayed_at for row in claimed)
        assert [row.id for row in fed.store.dead_letter_replay_claim([*ids, 10**9])] == [ids[3]]
        assert fed.store.dead_letter_replay_claim(ids) == []


class TestTogether:
    """Several committers of the same panes at once; on PostgreSQL each with connections of its own."""

    @pytest.fixture
    def stores(self, store: Store, store_url: str) -> Iterator[list[Store]]:
        if store.dialect == "sqlite":
            yield [store, store]
            return
        other = open_store(store_url, SystemClock())
        yield [store, other]
        other.close()

    def test_nothing_is_lost_or_counted_twice(self, fed: Feed, stores: list[Store]) -> None:
        feeds = [self.feed(fed, stores[i % 2], i) for i in range(4)]
        errors: list[BaseException] = []

        def run(mine: Feed, number: int) -> None:
            try:
                for i in range(10):
                    mine.commit(
                        *(delta(fed.reference, 100 * number + 2 * i + p, start=T0 + p * PANE) for p in range(2)),
                        dead_letters=(letter(i, partition=mine.claim.partition),),
                    )
            except BaseException as error:  # noqa: BLE001  reported by the test
                errors.append(error)

        threads = [threading.Thread(target=run, args=(mine, n)) for n, mine in enumerate(feeds)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        for p in range(2):
            seeds = [100 * n + 2 * i + p for n in range(4) for i in range(10)]
            assert_equal(
                fed.store.profile(fed.reference, T0 + p * PANE, T0 + (p + 1) * PANE).profile,
                total(fed.reference.grid, *seeds),
            )
        totals = fed.store.totals()
        assert (totals.records, totals.rows, totals.dead_letters) == (800, 800, 40)

    def test_the_catalogue_stays_as_it_is_until_the_commit(self, fed: Feed, stores: list[Store]) -> None:
        """A change that came between the check and COMMIT would leave sums counted on the old catalogue."""
        change = threading.Thread(target=lambda: model(stores[1], "another"))
        version = fed.store.catalogue_version()

        def commit(c: Connection) -> bool:
            catalogue.check_version(c, version)
            change.start()
            change.join(timeout=0.3)
            return change.is_alive()

        waits = fed.store._write(commit)
        change.join(timeout=30)
        assert waits
        assert fed.store.catalogue_version() == version + 1

    @staticmethod
    def feed(of: Feed, store: Store, number: int) -> Feed:
        claim = store.acquire(Partition("kafka", "several", number), f"w{number}")
        return Feed(store, of.model, of.reference, claim, claim.next)


def test_a_topic_that_is_never_read_again_can_be_retired(store: Store) -> None:
    source = feed(store)
    with pytest.raises(Conflict, match="is being read by w1"):
        store.retire("kafka", "events")
    store.release(source.claim)
    assert store.retire("kafka", "events") == 1
    [status] = store.partitions()
    assert status.finished
    store.acquire(PARTITION, "w2")
    [status] = store.partitions()
    assert not status.finished, "somebody reads it again"
    with pytest.raises(NotFound, match="drift status"):
        store.retire("kafka", "nothing")
