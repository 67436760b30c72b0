"""What sequential detection leaves behind: stored with its result or not at all, and found again as it was."""

import math
from dataclasses import replace

import numpy as np
import pytest

from drift.core.alarm import Severity
from drift.core.clock import HOUR
from drift.core.commit import AlarmChange, Detection, EvaluationCommit, Lease
from drift.core.errors import Fenced, NotFound
from drift.store import Store
from drift.store.rows import AlarmRow
from tests.rig.alarming import alarm, commit, hour, result
from tests.rig.storing import T0, Feed, feed, model, reference


@pytest.fixture
def fed(store: Store) -> Feed:
    return feed(store)


def state_of(fed: Feed, before: int | None = None, spec: str = "1h") -> tuple[int, bytes] | None:
    """Which hour's state, and the state."""
    found = fed.store.detector_state(fed.reference.id, spec, before)
    return ((found[0].start - T0) // HOUR, found[1]) if found else None


def kept(fed: Feed) -> list[int]:
    """The hours whose states are stored, newest first."""
    hours, before = [], None
    while found := fed.store.detector_state(fed.reference.id, "1h", before):
        before = found[0].start
        hours.append((before - T0) // HOUR)
    return hours


def step(n: int, snapshot: bool = True, **changes: object) -> Detection:
    return Detection(f"state {n}".encode(), snapshot, **changes)  # type: ignore[arg-type]


class TestStates:
    def test_the_newest_before_a_window(self, fed: Feed) -> None:
        assert state_of(fed) is None
        commit(fed, *(result(fed, n) for n in range(4)))
        assert state_of(fed) == (3, b"state 3")
        assert state_of(fed, before=hour(3).start) == (2, b"state 2")
        assert state_of(fed, before=hour(3).start + 1) == (3, b"state 3")
        assert state_of(fed, before=hour(0).start) is None
        assert state_of(fed, spec="1d") is None
        found = fed.store.detector_state(fed.reference.id, "1h")
        assert found is not None
        assert found[0] == hour(3)

    def test_the_next_state_replaces_one_that_is_no_snapshot(self, fed: Feed) -> None:
        for n in range(6):
            commit(fed, result(fed, n, detection=step(n, snapshot=n == 2)))
        assert kept(fed) == [5, 2]

    def test_of_one_commit_only_the_newest_and_snapshots_are_written(self, fed: Feed) -> None:
        commit(fed, *(result(fed, n, detection=step(n, snapshot=n % 3 == 1)) for n in range(6)))
        assert kept(fed) == [5, 4, 1]

    def test_stepping_again_voids_what_came_after(self, fed: Feed) -> None:
        commit(fed, *(result(fed, n) for n in range(6)))
        again = replace(step(3, drop_states_from=hour(3).start), state=b"again")
        commit(fed, result(fed, 3, revision=2, detection=again))
        assert kept(fed) == [3, 2, 1, 0]
        assert state_of(fed) == (3, b"again")

    def test_a_state_taken_after_a_later_window(self, fed: Feed) -> None:
        commit(fed, *(result(fed, n) for n in range(6)))
        again = replace(step(5, drop_states_from=hour(3).start), after=hour(5), state=b"again")
        commit(fed, result(fed, 3, revision=2, detection=again))
        assert kept(fed) == [5, 2, 1, 0]
        assert state_of(fed) == (5, b"again")

    def test_old_snapshots_go_but_for_the_newest_of_them(self, fed: Feed) -> None:
        commit(fed, *(result(fed, n) for n in range(6)))
        commit(fed, result(fed, 6, detection=step(6, keep_states_after=hour(4).start)))
        assert kept(fed) == [6, 5, 4, 3]
        commit(fed, result(fed, 7, detection=step(7, keep_states_after=hour(90).start)))
        assert kept(fed) == [7]

    def test_references_and_specs_do_not_mix(self, fed: Feed) -> None:
        other = replace(fed, reference=reference(fed.store, fed.model, version="2"))
        commit(fed, result(fed, 0), result(other, 1), result(fed, 2, spec="1d"))
        drop = step(0, drop_states_from=0, keep_states_after=hour(9).start)
        commit(fed, result(fed, 3, detection=drop))
        assert kept(fed) == [3]
        assert kept(other) == [1]
        assert state_of(fed, spec="1d") == (2, b"state 2")


class TestWatches:
    def test_what_a_watch_knows_is_replaced_as_a_whole(self, fed: Feed) -> None:
        commit(fed, result(fed, 0, detection=step(0, abouts={(0, "default"): b"a", (1, "default"): b"b"})))
        commit(fed, result(fed, 1, detection=step(1, abouts={(0, "default"): b"c", (0, "cusum"): b"d"})))
        commit(fed, result(fed, 2))
        about = fed.store.watch_about
        assert [about(fed.reference.id, "1h", s, "default") for s in (0, 1, 2)] == [b"c", b"b", None]
        assert fed.store.watch_detectors(fed.reference.id, "1h", 0) == ["cusum", "default"]
        assert about(fed.reference.id, "1d", 0, "default") is None


def only(fed: Feed, *, standing: bool | None = None) -> AlarmRow:
    (row,) = fed.store.alarms(fed.model.id, standing=standing)
    return row


class TestAlarms:
    def test_raised(self, fed: Feed) -> None:
        commit(fed, result(fed, 3, AlarmChange("raised", alarm())))
        row = only(fed)
        assert row.alarm == alarm()
        assert (row.model_id, row.reference_id, row.spec) == (fed.model.id, fed.reference.id, "1h")
        assert (row.standing, row.ended_at, row.ended_why, row.retracted_by) == (True, None, "", None)
        assert fed.store.standing(fed.reference.id, "1h") == [row]
        assert fed.store.alarm(row.id) == row

    def test_numpy_and_missing_numbers_come_back_as_numbers(self, fed: Feed) -> None:
        odd = alarm(effect=np.float64(0.5), rows=np.int64(7), statistics={"psi": np.float32(0.25), "ks": math.inf})
        commit(fed, result(fed, 3, AlarmChange("raised", odd)))
        found = only(fed).alarm
        assert (found.effect, found.rows, found.statistics) == (0.5, 7, {"psi": 0.25, "ks": math.inf})

    def test_updated_keeps_its_id(self, fed: Feed) -> None:
        warning = alarm(severity=Severity.WARNING)
        commit(fed, result(fed, 3, AlarmChange("raised", warning)))
        before = only(fed)
        worse = alarm(until=hour(4).end, rows=9_999, snoozed=True)
        commit(fed, result(fed, 4, AlarmChange("updated", worse)))
        assert only(fed) == replace(before, alarm=worse)

    def test_ended_is_kept_and_stands_no_more(self, fed: Feed) -> None:
        commit(fed, result(fed, 3, AlarmChange("raised", alarm())))
        commit(fed, result(fed, 5, AlarmChange("ended", alarm(), "back within the tolerance", hour(5).end)))
        row = only(fed)
        assert (row.standing, row.ended_at, row.ended_why) == (False, hour(5).end, "back within the tolerance")
        assert fed.store.standing(fed.reference.id, "1h") == []

    def test_retracted_by_the_revision_that_took_it_back(self, fed: Feed) -> None:
        commit(fed, result(fed, 3, AlarmChange("raised", alarm())))
        commit(fed, result(fed, 3, AlarmChange("retracted", alarm(), "late rows"), revision=2))
        row = only(fed)
        assert (row.standing, row.retracted_by, row.ended_why, row.ended_at) == (False, 2, "late rows", None)
        commit(fed, result(fed, 3, AlarmChange("raised", alarm(rows=5)), revision=3))
        again = only(fed)
        assert (again.id, again.standing, again.retracted_by, again.ended_why) == (row.id, True, None, "")
        assert again.alarm.rows == 5

    def test_changes_of_one_commit_are_applied_in_order(self, fed: Feed) -> None:
        ended = AlarmChange("ended", alarm(), "gone", hour(4).end)
        commit(fed, result(fed, 4, ended), result(fed, 3, AlarmChange("raised", alarm())))
        assert only(fed).ended_why == "gone"

    def test_the_key_tells_alarms_apart(self, fed: Feed) -> None:
        several = [
            alarm(), alarm(column="n1"), alarm(segment=1), alarm(detector="cusum"), alarm(raised=hour(4)),
            alarm(column=""),
        ]  # fmt: skip
        commit(fed, result(fed, 4, *(AlarmChange("raised", one) for one in several)))
        standing = [row.alarm for row in fed.store.standing(fed.reference.id, "1h")]
        assert standing == sorted(several, key=lambda one: (one.segment, *one.key))
        assert len(standing) == 6

    def test_pages_and_filters(self, fed: Feed) -> None:
        several = [alarm(raised=hour(n), column=f"n{n % 2}") for n in range(5)]
        commit(fed, result(fed, 4, *(AlarmChange("raised", one) for one in several)))
        commit(fed, result(fed, 5, AlarmChange("ended", several[1], "over", hour(5).end)))
        listed = fed.store.alarms
        first = listed(fed.model.id, limit=2)
        rest = listed(fed.model.id, limit=9, before=first[-1].id)
        assert [row.alarm for row in (*first, *rest)] == several[::-1]
        assert [row.alarm.raised for row in listed(fed.model.id, standing=False)] == [hour(1)]
        assert [row.alarm.raised for row in listed(fed.model.id, standing=True, column="n1")] == [hour(3)]
        assert listed(model(fed.store, "other").id) == []

    def test_no_such_alarm(self, store: Store) -> None:
        with pytest.raises(NotFound, match=r"no alarm 5; `drift alarms"):
            store.alarm(5)


class TestTogether:
    def test_a_result_that_is_refused_leaves_nothing(self, fed: Feed) -> None:
        commit(fed, result(fed, 3))
        again = result(fed, 3, AlarmChange("raised", alarm()), detection=None)
        with pytest.raises(Fenced, match="revision 1 already"):
            commit(fed, result(fed, 2, AlarmChange("raised", alarm())), again)
        assert kept(fed) == [3]
        assert fed.store.alarms(fed.model.id) == []

    def test_a_late_evaluator_leaves_nothing(self, fed: Feed) -> None:
        late = commit(fed, result(fed, 3))
        lost = Lease(late.name, late.holder, late.epoch - 1, late.expires_at)
        with pytest.raises(Fenced):
            fed.store.commit_evaluation(_with(lost, fed))
        assert kept(fed) == [3]

    def test_retention_takes_ended_alarms_and_leaves_standing_ones(self, fed: Feed) -> None:
        old, new, standing = alarm(), alarm(column="n1"), alarm(column="k")
        back = alarm(segment=1)
        raised = [AlarmChange("raised", one) for one in (old, new, standing, back)]
        commit(fed, result(fed, 3, *raised))
        ends = [AlarmChange("ended", old, "over", hour(4).end), AlarmChange("retracted", back, "late rows")]
        commit(fed, result(fed, 4, *ends))
        commit(fed, result(fed, 5, AlarmChange("ended", new, "over", hour(5).end)))
        lease = fed.store.lease("maintenance", "tester", 60)
        assert lease is not None
        assert fed.store.retain(lease, results_before=hour(4).end).alarms == 2
        assert {row.alarm.column for row in fed.store.alarms(fed.model.id)} == {"n1", "k"}
        assert fed.store.retain(lease, results_before=hour(90).end).alarms == 1
        assert [row.alarm.column for row in fed.store.alarms(fed.model.id)] == ["k"]


def _with(lease: Lease, fed: Feed) -> EvaluationCommit:
    return EvaluationCommit(lease, (), (result(fed, 4),))
