"""Folding and compaction change how many addends there are, never what they add up to."""

import itertools
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from drift.core.clock import DAY, HOUR, SystemClock
from drift.core.commit import Lease, Partition
from drift.core.errors import Fenced
from drift.store import Store, folding, open_store, panes
from tests.rig.storing import PANE, T0, Feed, assert_equal, delta, feed, model, total

FAR = T0 + 30 * DAY


@pytest.fixture
def fed(store: Store) -> Feed:
    return feed(store)


@pytest.fixture
def lease(store: Store) -> Lease:
    taken = store.lease("folding", "tester", 60)
    assert taken is not None
    return taken


def tiers(fed: Feed, start: int = T0 - DAY, end: int = FAR) -> list[tuple[int, int, int]]:
    """(tier, start, end) of the stored addends of the first block."""
    rows = fed.store.pane_rows(fed.reference.id, start, end)
    return [(row.tier, row.window.start, row.window.end) for row in rows if row.block == 0]


class TestProfile:
    def test_adds_what_lies_inside(self, fed: Feed) -> None:
        for i in range(4):
            fed.commit(delta(fed.reference, i, start=T0 + i * PANE, late=i))
        found = fed.store.profile(fed.reference, T0 + PANE, T0 + 3 * PANE)
        assert_equal(found.profile, total(fed.reference.grid, 1, 2))
        assert (found.rows, found.late) == (20, 3)
        cheap = fed.store.counted(fed.reference.id, T0 + PANE, T0 + 3 * PANE)
        assert (cheap.rows, cheap.late, cheap.profile, cheap.straddles) == (20, 3, None, False)

    def test_is_none_where_nothing_is(self, fed: Feed) -> None:
        found = fed.store.profile(fed.reference, T0, T0 + HOUR)
        assert (found.profile, found.rows, found.straddles) == (None, 0, False)

    def test_puts_blocks_together(self, store: Store) -> None:
        wide = feed(store, columns=150)
        wide.commit(delta(wide.reference, 1))
        wide.commit(delta(wide.reference, 2))
        assert len(store.pane_rows(wide.reference.id, T0, T0 + PANE)) == 6
        found = store.profile(wide.reference, T0, T0 + PANE)
        assert_equal(found.profile, total(wide.reference.grid, 1, 2))
        assert found.rows == 20


def test_a_reader_sees_one_moment(fed: Feed) -> None:
    """Two statements of one read agree, whatever is committed between them."""

    def twice(c: Connection) -> tuple[int, int]:
        first = panes.totals(c, None).rows
        fed.commit(delta(fed.reference, 1))
        return first, panes.totals(c, None).rows

    assert fed.store._read(twice) == (0, 0)
    assert fed.store.totals().rows == 10


class TestFold:
    @pytest.mark.parametrize("columns", [3, 70])
    def test_one_addend_a_pane_and_the_same_sums(self, store: Store, lease: Lease, columns: int) -> None:
        fed = feed(store, columns=columns)
        for i in range(5):
            fed.commit(delta(fed.reference, i, late=1), delta(fed.reference, 10 + i, start=T0 + PANE))
        before = store.profile(fed.reference, T0, T0 + HOUR)
        assert store.fold(lease, fed.reference, before=T0 + PANE) == 1
        assert len(tiers(fed)) == 6
        assert store.fold(lease, fed.reference, before=FAR) == 1
        assert store.fold(lease, fed.reference, before=FAR) == 0
        assert tiers(fed) == [(0, T0, T0 + PANE), (0, T0 + PANE, T0 + 2 * PANE)]
        after = store.profile(fed.reference, T0, T0 + HOUR)
        assert before.profile is not None
        assert_equal(after.profile, before.profile)
        assert (after.rows, after.late) == (before.rows, before.late) == (100, 5)
        assert store.totals().rows == 100

    def test_takes_a_bounded_number(self, fed: Feed, lease: Lease) -> None:
        for i in range(3):
            fed.commit(delta(fed.reference, i, start=T0 + i * PANE), delta(fed.reference, 10 + i, start=T0 + i * PANE))
        assert fed.store.fold(lease, fed.reference, before=FAR, limit=2) == 2
        assert fed.store.fold(lease, fed.reference, before=FAR, limit=2) == 1

    def test_a_delta_that_lands_meanwhile_stays(
        self, fed: Feed, lease: Lease, store_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between reading the addends and deleting them, another connection commits one to the same pane."""
        if fed.store.dialect == "sqlite":
            pytest.skip("SQLite has one writer: nothing can land within a transaction")
        other = open_store(store_url, SystemClock())
        elsewhere = feed(other, partition=Partition("kafka", "events", 1))
        for i in range(3):
            fed.commit(delta(fed.reference, i))
        landed = self.meanwhile(monkeypatch, lambda: elsewhere.commit(delta(fed.reference, 7)))
        assert fed.store.fold(lease, fed.reference, before=FAR) == 1
        other.close()
        assert landed == ["landed"]
        assert len(tiers(fed)) == 2
        assert_equal(fed.store.profile(fed.reference, T0, T0 + PANE).profile, total(fed.reference.grid, 0, 1, 2, 7))

    @staticmethod
    def meanwhile(monkeypatch: pytest.MonkeyPatch, commit: "object") -> list[str]:
        landed: list[str] = []
        replace = folding._replace

        def slowly(c: Connection, *args: object) -> None:
            assert callable(commit)
            commit()
            landed.append("landed")
            replace(c, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(folding, "_replace", slowly)
        return landed

    def test_committing_and_folding_at_once_loses_nothing(self, fed: Feed, lease: Lease) -> None:
        seeds = range(30)
        failed: list[BaseException] = []

        def commits() -> None:
            try:
                for seed in seeds:
                    fed.commit(delta(fed.reference, seed))
            except BaseException as error:  # noqa: BLE001  reported by the test
                failed.append(error)

        thread = threading.Thread(target=commits)
        thread.start()
        folds, seen = 0, []
        while thread.is_alive():
            folds += fed.store.fold(lease, fed.reference, before=FAR)
            seen.append(fed.store.profile(fed.reference, T0, T0 + PANE).rows)
        thread.join()
        assert not failed
        assert folds > 1
        assert seen == sorted(seen)  # a reader never sees a fold half done
        assert_equal(fed.store.profile(fed.reference, T0, T0 + PANE).profile, total(fed.reference.grid, *seeds))


class TestCompact:
    def compact(self, fed: Feed, lease: Lease, *, hours: int, days: int) -> int:
        return fed.store.compact(lease, fed.reference, hours_before=hours, days_before=days)

    def test_panes_to_hours_to_days(self, fed: Feed, lease: Lease) -> None:
        starts = [T0, T0 + PANE, T0 + HOUR, T0 + 5 * HOUR, T0 + DAY, T0 + DAY + PANE]
        for i, start in enumerate(starts):
            fed.commit(delta(fed.reference, i, start=start))
        everything = total(fed.reference.grid, *range(6))
        assert self.compact(fed, lease, hours=T0 + 2 * HOUR, days=0) == 2
        assert tiers(fed, end=T0 + 2 * HOUR) == [(1, T0, T0 + HOUR), (1, T0 + HOUR, T0 + 2 * HOUR)]
        assert_equal(fed.store.profile(fed.reference, T0, FAR).profile, everything)
        assert self.compact(fed, lease, hours=T0 + 25 * HOUR, days=T0 + DAY) == 3
        assert tiers(fed) == [(2, T0, T0 + DAY), (1, T0 + DAY, T0 + DAY + HOUR)]
        found = fed.store.profile(fed.reference, T0, FAR)
        assert_equal(found.profile, everything)
        assert (found.rows, found.straddles) == (60, False)
        assert self.compact(fed, lease, hours=T0 + 25 * HOUR, days=T0 + DAY) == 0

    def test_takes_a_bounded_number(self, fed: Feed, lease: Lease) -> None:
        for i in range(3):
            fed.commit(delta(fed.reference, i, start=T0 + i * HOUR))
        done = [fed.store.compact(lease, fed.reference, hours_before=FAR, days_before=FAR, limit=2) for _ in range(4)]
        assert done == [2, 2, 0, 0]

    def test_an_hour_that_is_not_over_is_left(self, fed: Feed, lease: Lease) -> None:
        fed.commit(delta(fed.reference, 1))
        assert self.compact(fed, lease, hours=T0 + HOUR - 1, days=T0 + DAY - 1) == 0
        assert tiers(fed) == [(0, T0, T0 + PANE)]

    def test_late_rows_after_compaction_are_added_by_the_next(self, fed: Feed, lease: Lease) -> None:
        fed.commit(delta(fed.reference, 1), delta(fed.reference, 2, start=T0 + HOUR))
        self.compact(fed, lease, hours=0, days=FAR)
        fed.commit(delta(fed.reference, 3, start=T0 + HOUR))
        assert tiers(fed) == [(2, T0, T0 + DAY), (0, T0 + HOUR, T0 + HOUR + PANE)]
        assert_equal(fed.store.profile(fed.reference, T0, T0 + DAY).profile, total(fed.reference.grid, 1, 2, 3))
        self.compact(fed, lease, hours=0, days=FAR)
        assert tiers(fed) == [(2, T0, T0 + DAY)]
        assert_equal(fed.store.profile(fed.reference, T0, T0 + DAY).profile, total(fed.reference.grid, 1, 2, 3))

    def test_a_window_finer_than_its_sums_is_told_so(self, fed: Feed, lease: Lease) -> None:
        r"""
        stored  |<------------- day ------------->|
        asked        |<-- 1 h -->|   |<-- 25 h ------ …
        """
        fed.commit(delta(fed.reference, 1, start=T0 + HOUR))
        self.compact(fed, lease, hours=0, days=FAR)
        for start, end in [(T0, T0 + HOUR), (T0 + HOUR, T0 + 2 * HOUR), (T0 + 23 * HOUR, T0 + 2 * DAY)]:
            found = fed.store.profile(fed.reference, start, end)
            assert (found.profile, found.rows, found.straddles) == (None, 0, True)
            assert fed.store.counted(fed.reference.id, start, end).straddles
        assert not fed.store.profile(fed.reference, T0 + DAY, T0 + 2 * DAY).straddles
        assert not fed.store.profile(fed.reference, T0 - DAY, T0).straddles

    @pytest.mark.parametrize(
        ("zone", "offset", "length"),
        [
            ("Europe/Berlin", -HOUR, DAY),
            ("Asia/Kolkata", -5 * HOUR - HOUR // 2, DAY),
        ],
    )
    def test_days_are_the_zones(self, store: Store, lease: Lease, zone: str, offset: int, length: int) -> None:
        fed = feed(store, zone=zone)
        fed.commit(delta(fed.reference, 1), delta(fed.reference, 2, start=T0 + offset))
        assert self.compact(fed, lease, hours=FAR, days=0) == 2
        assert {(start - T0 - offset) % HOUR for _, start, _ in tiers(fed)} == {0}
        assert self.compact(fed, lease, hours=0, days=FAR) == 1
        assert tiers(fed) == [(2, T0 + offset, T0 + offset + length)]

    def test_a_day_of_25_hours(self, store: Store, lease: Lease) -> None:
        fed = feed(store, zone="Europe/Berlin")
        midnight = 1_792_879_200_000_000  # 2026-10-25 00:00 in Berlin, UTC+2; the clocks go back that night
        fed.commit(*(delta(fed.reference, i, start=midnight + i * HOUR) for i in range(26)))
        fed.store.compact(lease, fed.reference, hours_before=0, days_before=midnight + 25 * HOUR)
        found = tiers(fed, midnight - DAY, midnight + 2 * DAY)
        assert found[0] == (2, midnight, midnight + 25 * HOUR)
        assert found[1][:2] == (0, midnight + 25 * HOUR)
        whole = store.profile(fed.reference, midnight, midnight + 25 * HOUR)
        assert_equal(whole.profile, total(fed.reference.grid, *range(25)))

    def test_sums_cut_in_another_zone_stay(self, store: Store, lease: Lease) -> None:
        """After a change of the model's zone, the old hour over the new midnight fits no day; the others do."""
        fed = feed(store, zone="Asia/Kolkata")
        fed.commit(*(delta(fed.reference, i, start=T0 + i * HOUR // 2) for i in range(3)))
        self.compact(fed, lease, hours=FAR, days=0)
        over_midnight = (1, T0 - HOUR // 2, T0 + HOUR // 2)
        assert over_midnight in tiers(fed)
        model(store, zone="UTC")
        assert self.compact(fed, lease, hours=0, days=FAR) == 1
        assert tiers(fed) == [over_midnight, (2, T0, T0 + DAY)]
        assert self.compact(fed, lease, hours=0, days=FAR) == 0
        assert_equal(store.profile(fed.reference, T0 - DAY, FAR).profile, total(fed.reference.grid, 0, 1, 2))

    def test_wide_grids(self, store: Store, lease: Lease) -> None:
        fed = feed(store, columns=150)
        for i in range(3):
            fed.commit(delta(fed.reference, i, start=T0 + i * PANE))
        assert self.compact(fed, lease, hours=FAR, days=0) == 1
        assert [row.block for row in store.pane_rows(fed.reference.id, T0, T0 + HOUR)] == [0, 1, 2]
        assert_equal(store.profile(fed.reference, T0, T0 + HOUR).profile, total(fed.reference.grid, 0, 1, 2))


class TestFenced:
    def test_folding_and_compaction_need_the_lease(self, fed: Feed) -> None:
        late = fed.store.lease("folding", "first", 0.0)
        assert late is not None
        assert fed.store.lease("folding", "second", 60) is not None
        for i in range(2):
            fed.commit(delta(fed.reference, i))
        with pytest.raises(Fenced, match="'folding'"):
            fed.store.fold(late, fed.reference, before=FAR)
        with pytest.raises(Fenced, match="'folding'"):
            fed.store.compact(late, fed.reference, hours_before=FAR, days_before=FAR)
        assert len(tiers(fed)) == 2


Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(0, 400)),
        st.tuples(st.just("fold"), st.integers(0, 400)),
        st.tuples(st.just("hours"), st.integers(0, 400)),
        st.tuples(st.just("days"), st.integers(0, 400)),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('panes') / 'drift.db'}", SystemClock())
    yield opened
    opened.close()


_NUMBERS = itertools.count()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order_of_commits_and_folding_gives_the_same_sums(shared: Store, steps: list[Step]) -> None:
    mine = feed(shared, partition=Partition("kafka", "any", next(_NUMBERS)))
    lease = shared.lease("folding", "tester", 60)
    assert lease is not None
    base = T0 + next(_NUMBERS) * 10 * DAY  # a stretch that no other example touched
    parts = []
    for i, (what, at) in enumerate(steps):
        moment = base + at * PANE
        if what == "commit":
            mine.commit(delta(mine.reference, i, start=moment))
            parts.append(i)
        elif what == "fold":
            shared.fold(lease, mine.reference, before=moment)
        else:
            hours, days = (moment, 0) if what == "hours" else (0, moment)
            shared.compact(lease, mine.reference, hours_before=hours, days_before=days)
    found = shared.profile(mine.reference, base, base + 10 * DAY)
    if not parts:
        assert found.profile is None
        return
    expected = total(mine.reference.grid, *parts)
    assert_equal(found.profile, expected)
    assert (found.rows, found.straddles) == (10 * len(parts), False)
