"""From dirty panes to stored results: nothing is forgotten on the way, nothing is written by a late evaluator."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from drift.core.clock import HOUR
from drift.core.commit import EvaluationCommit, Lease, WindowResult
from drift.core.errors import Fenced, NotFound
from drift.core.result import Breach, Judgement, Outcome, WindowState
from drift.core.window import Window
from drift.store import Store
from drift.store.rows import WindowRow
from tests.rig.storing import PANE, T0, Feed, delta, feed, model, reference

FIRST = Window(T0, T0 + HOUR)
COLUMNS, STATISTICS = ("n0", "n1", "k"), ("psi", "ks")


@pytest.fixture
def fed(store: Store) -> Feed:
    return feed(store)


@pytest.fixture
def lease(store: Store) -> Lease:
    taken = store.lease("evaluation", "tester", 60)
    assert taken is not None
    return taken


def judgement(value: float = 0.1, outcome: Outcome = Outcome.NO_DRIFT, rows: int = 10) -> Judgement:
    values = np.array([[value, 0.5], [math.nan, math.inf], [value + 1, 0.0]])
    thresholds = np.full((3, 2), math.nan)
    thresholds[:, 0] = 0.2
    breaches = (Breach("n0", "psi", value, 0.2, "psi > 0.2", "increase"),) if outcome is Outcome.DRIFT else ()
    outcomes = np.array([int(outcome), 2, 0], np.int8)
    return Judgement(rows, outcome, COLUMNS, STATISTICS, values, outcomes, thresholds, breaches, "because")


def assert_judged(found: Judgement, expected: Judgement) -> None:
    for name in ("values", "outcomes", "thresholds"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        assert getattr(found, name).dtype == getattr(expected, name).dtype
    for name in ("rows", "outcome", "columns", "statistics", "breaches", "reason"):
        assert getattr(found, name) == getattr(expected, name)


def result(
    fed: Feed, window: Window = FIRST, *, revision: int = 1, state: WindowState = WindowState.FINAL, dirt: int = 0,
    judgements: Mapping[int, Judgement] | None = None, spec: str = "1h",
) -> WindowResult:  # fmt: skip
    judged = {0: judgement()} if judgements is None else judgements
    return WindowResult(
        fed.model.id, fed.reference.id, spec, window, revision, state, 10, T0 + revision, judged, dirt=dirt
    )


def mark(fed: Feed, lease: Lease, *windows: Window, rows: int = 10) -> None:
    ids = [d.id for d in fed.store.dirty(100)]
    fed.store.mark_stale(lease, ids, [(fed.model.id, fed.reference.id, "1h", w, rows) for w in windows])


def commit(fed: Feed, lease: Lease, *results: WindowResult) -> None:
    fed.store.commit_evaluation(EvaluationCommit(lease, (), results))


def hours(n: int) -> list[Window]:
    return [Window(T0 + i * HOUR, T0 + (i + 1) * HOUR) for i in range(n)]


def the_window(fed: Feed) -> WindowRow:
    (row,) = fed.store.windows(fed.model.id)
    return row


class TestMarks:
    def test_a_new_window_is_open_and_stale(self, fed: Feed, lease: Lease) -> None:
        fed.commit(delta(fed.reference, 1))
        mark(fed, lease, FIRST)
        assert fed.store.dirty(10) == []
        (row,) = fed.store.pending(fed.model.id, 10)
        assert (row.window, row.spec, row.revision, row.state, row.stale) == (FIRST, "1h", 0, None, True)
        assert (row.dirt, row.new_rows, row.rows, row.outcome) == (1, 10, 0, None)
        assert row.stale_since is not None

    def test_only_the_marks_read_are_deleted(self, fed: Feed, lease: Lease) -> None:
        fed.commit(delta(fed.reference, 1))
        read = fed.store.dirty(10)
        fed.commit(delta(fed.reference, 2))
        fed.store.mark_stale(lease, [d.id for d in read], [(fed.model.id, fed.reference.id, "1h", FIRST, 10)])
        (left,) = fed.store.dirty(10)
        assert left.id not in {d.id for d in read}

    def test_marks_add_up(self, fed: Feed, lease: Lease) -> None:
        mark(fed, lease, FIRST, rows=3)
        since = the_window(fed).stale_since
        mark(fed, lease, FIRST, rows=4)
        row = the_window(fed)
        assert (row.dirt, row.new_rows, row.stale_since) == (2, 7, since)

    def test_many_marks_at_once(self, fed: Feed, lease: Lease) -> None:
        fed.commit(*(delta(fed.reference, 1, start=T0 + i * PANE, rows=1) for i in range(1200)))
        dirty = fed.store.dirty(5000)
        assert len(dirty) == 1200
        fed.store.mark_stale(lease, [d.id for d in dirty], [])
        assert fed.store.dirty(5000) == []

    def test_pending_comes_oldest_first_in_pages(self, fed: Feed, lease: Lease) -> None:
        mark(fed, lease, *reversed(hours(5)))
        first = fed.store.pending(fed.model.id, 2)
        second = fed.store.pending(None, 10, after=first[-1].cursor)
        assert [row.window for row in (*first, *second)] == hours(5)
        assert fed.store.pending(fed.model.id + 1, 10) == []


class TestResults:
    def test_a_result_settles_its_window(self, fed: Feed, lease: Lease) -> None:
        mark(fed, lease, FIRST)
        commit(fed, lease, result(fed, dirt=1))
        row = the_window(fed)
        assert (row.revision, row.state, row.stale, row.stale_since) == (1, WindowState.FINAL, False, None)
        assert (row.rows, row.new_rows, row.evaluated_at, row.outcome) == (10, 0, T0 + 1, Outcome.NO_DRIFT)
        assert (row.reason, row.first_final) == ("because", 1)
        assert fed.store.pending(fed.model.id, 10) == []
        assert fed.store.window(row.id) == row

    def test_dirt_that_came_meanwhile_keeps_it_stale(self, fed: Feed, lease: Lease) -> None:
        mark(fed, lease, FIRST)
        read = the_window(fed)
        mark(fed, lease, FIRST, rows=5)
        commit(fed, lease, result(fed, dirt=read.dirt))
        row = the_window(fed)
        assert (row.revision, row.stale, row.dirt) == (1, True, 2)
        assert row.stale_since is not None
        assert row.new_rows > 0
        assert fed.store.pending(fed.model.id, 10) == [row]

    @pytest.mark.parametrize(
        ("state", "pending"),
        [(WindowState.PROVISIONAL, True), (WindowState.FINAL, False), (WindowState.INCOMPLETE, False)],
    )
    def test_only_provisional_ones_wait_for_more(
        self, fed: Feed, lease: Lease, state: WindowState, pending: bool
    ) -> None:
        mark(fed, lease, FIRST)
        commit(fed, lease, result(fed, dirt=1, state=state))
        assert bool(fed.store.pending(fed.model.id, 10)) is pending

    def test_a_window_that_nobody_marked(self, fed: Feed, lease: Lease) -> None:
        commit(fed, lease, result(fed))
        assert the_window(fed).state is WindowState.FINAL

    def test_judgements_come_back_to_the_bit(self, fed: Feed, lease: Lease) -> None:
        judged = {0: judgement(), 2: judgement(0.7, Outcome.DRIFT, rows=4)}
        commit(fed, lease, result(fed, judgements=judged))
        found = fed.store.judgements(the_window(fed).id)
        assert found.keys() == judged.keys()
        for segment, expected in judged.items():
            assert_judged(found[segment], expected)
        assert fed.store.judgements(the_window(fed).id, segment=2).keys() == {2}
        assert fed.store.judgements(the_window(fed).id, segment=1) == {}

    def test_an_incomplete_window_has_no_judgement(self, fed: Feed, lease: Lease) -> None:
        incomplete = replace(result(fed, judgements={}, state=WindowState.INCOMPLETE), reason="partition 1 is dead")
        commit(fed, lease, incomplete)
        row = the_window(fed)
        assert (row.outcome, row.reason) == (Outcome.INSUFFICIENT_DATA, "partition 1 is dead")
        assert row.first_final is None
        assert fed.store.judgements(row.id) == {}

    def test_first_final_and_latest_are_kept(self, fed: Feed, lease: Lease) -> None:
        provisional = result(fed, state=WindowState.PROVISIONAL, judgements={0: judgement(0.1)})
        commit(fed, lease, provisional)
        for revision in (2, 3, 4):
            drift = {0: judgement(float(revision), Outcome.DRIFT)}
            commit(fed, lease, result(fed, revision=revision, judgements=drift))
        row = the_window(fed)
        assert (row.revision, row.first_final) == (4, 2)
        assert fed.store.judgements(row.id)[0].value("n0", "psi") == 4.0
        assert fed.store.judgements(row.id, revision=2)[0].value("n0", "psi") == 2.0
        assert fed.store.judgements(row.id, revision=1) == {}
        assert fed.store.judgements(row.id, revision=3) == {}
        assert [b.value for b in fed.store.breaches(fed.model.id)] == [4.0]

    def test_deletes_exactly_the_dirty_rows_named(self, fed: Feed, lease: Lease) -> None:
        fed.commit(delta(fed.reference, 1))
        fed.commit(delta(fed.reference, 2))
        first, second = fed.store.dirty(10)
        fed.store.commit_evaluation(EvaluationCommit(lease, (first.id,), (result(fed),)))
        assert fed.store.dirty(10) == [second]

    def test_no_such_window(self, store: Store) -> None:
        with pytest.raises(NotFound, match="no window 5"):
            store.window(5)


class TestFence:
    def test_a_revision_is_stored_once(self, fed: Feed, lease: Lease) -> None:
        commit(fed, lease, result(fed))
        before = the_window(fed)
        again = result(fed, judgements={0: judgement(9.0, Outcome.DRIFT)})
        with pytest.raises(Fenced, match="revision 1 already"):
            commit(fed, lease, result(fed, hours(2)[1]), again)
        assert fed.store.windows(fed.model.id) == [before]
        assert fed.store.breaches() == []

    def test_a_lost_lease_writes_nothing(self, fed: Feed, store: Store) -> None:
        late = store.lease("evaluation", "first", 0.0)
        assert late is not None
        assert store.lease("evaluation", "second", 60) is not None
        fed.commit(delta(fed.reference, 1))
        with pytest.raises(Fenced, match="'evaluation'"):
            commit(fed, late, result(fed))
        with pytest.raises(Fenced, match="'evaluation'"):
            mark(fed, late, FIRST)
        assert len(store.dirty(10)) == 1
        assert store.windows(fed.model.id) == []


class TestReading:
    def test_windows_come_newest_first_in_pages(self, fed: Feed, lease: Lease) -> None:
        commit(fed, lease, *(result(fed, window) for window in hours(4)), result(fed, spec="1d"))
        commit(fed, lease, result(fed, Window(T0 + 4 * HOUR, T0 + 5 * HOUR), state=WindowState.PROVISIONAL))
        final = fed.store.windows(fed.model.id, spec="1h", state=WindowState.FINAL, limit=3)
        rest = fed.store.windows(fed.model.id, spec="1h", state=WindowState.FINAL, limit=3, before=final[-1].cursor)
        assert [row.window for row in (*final, *rest)] == hours(4)[::-1]
        assert len(fed.store.windows(fed.model.id)) == 6

    def test_latest_final_of_each_reference_and_spec(self, fed: Feed, lease: Lease) -> None:
        other = replace(fed, reference=reference(fed.store, fed.model, version="2"))
        first, second, third = hours(3)
        commit(fed, lease, result(fed, first), result(fed, second), result(fed, first, spec="1d"), result(other, first))
        commit(fed, lease, result(fed, third, state=WindowState.PROVISIONAL))
        found = fed.store.latest_final(fed.model.id)
        assert [(r.reference_id, r.spec, r.window) for r in found] == [
            (fed.reference.id, "1d", first), (fed.reference.id, "1h", second), (other.reference.id, "1h", first),
        ]  # fmt: skip

    def test_series(self, fed: Feed, lease: Lease) -> None:
        for i, window in enumerate(hours(4)):
            judged = {0: judgement(float(i), Outcome.DRIFT), 1: judgement(10.0 + i, rows=3)}
            commit(fed, lease, result(fed, window, judgements=judged if i != 2 else {}))
        points = fed.store.series(fed.model.id, "1h", "n0", "psi", limit=3)
        rest = fed.store.series(fed.model.id, "1h", "n0", "psi", limit=3, before=points[-1].cursor)
        assert [p.window for p in (*points, *rest)] == hours(4)[::-1]
        np.testing.assert_array_equal([p.value for p in (*points, *rest)], [3.0, math.nan, 1.0, 0.0])
        assert (points[0].threshold, points[0].outcome, points[0].rows) == (0.2, Outcome.DRIFT, 10)
        assert points[1].outcome is Outcome.INSUFFICIENT_DATA
        assert points[0].state is WindowState.FINAL
        segment = fed.store.series(fed.model.id, "1h", "k", "psi", segment=1)
        np.testing.assert_array_equal([p.value for p in segment], [14.0, math.nan, 12.0, 11.0])
        assert segment[0].rows == 3
        for column, statistic in (("n0", "unknown"), ("unknown", "psi")):
            unknown = fed.store.series(fed.model.id, "1h", column, statistic)
            assert all(math.isnan(p.value) for p in unknown)

    def test_breaches(self, fed: Feed, lease: Lease) -> None:
        first, second, _ = hours(3)
        drift = {0: judgement(0.5, Outcome.DRIFT)}
        commit(fed, lease, result(fed, first, judgements=drift), result(fed, second, judgements=drift))
        newest, oldest = fed.store.breaches()
        assert (newest.window, oldest.window) == (second, first)
        assert (newest.column, newest.statistic, newest.value, newest.threshold) == ("n0", "psi", 0.5, 0.2)
        assert (newest.rule, newest.direction, newest.spec) == ("psi > 0.2", "increase", "1h")
        assert fed.store.breaches(limit=1, before=newest.id) == [oldest]
        assert fed.store.breaches(window_id=oldest.window_id) == [oldest]
        assert fed.store.breaches(fed.model.id + 1) == []
        commit(fed, lease, result(fed, first, revision=2))
        assert fed.store.breaches() == [newest]

    def test_an_unnameable_number(self, fed: Feed, lease: Lease) -> None:
        odd = replace(judgement(), breaches=(Breach("n0", "psi", math.nan, math.inf, "psi"),))
        commit(fed, lease, result(fed, judgements={0: odd}))
        (found,) = fed.store.breaches()
        assert math.isnan(found.value)
        assert found.threshold == math.inf

    def test_models_do_not_mix(self, fed: Feed, lease: Lease) -> None:
        other = model(fed.store, "other")
        commit(fed, lease, result(fed))
        assert fed.store.windows(other.id) == []
        assert fed.store.latest_final(other.id) == []
        assert fed.store.series(other.id, "1h", "n0", "psi") == []
