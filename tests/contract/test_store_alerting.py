"""Alerts and incidents: stored with the results that caused them or not at all, and what people wrote stays."""

import math
from dataclasses import replace

import numpy as np
import pytest

from drift.core.alert import Alert, AlertCommit, AlertState, AuditEntry, Event, Happening, Incident, Urgency
from drift.core.commit import AlarmChange, EvaluationCommit
from drift.core.errors import Conflict, Fenced, NotFound, StoreError
from drift.store import Store, alerting, incidents
from tests.rig.alarming import alarm, hour, result
from tests.rig.alerted import MODEL, NOW, alert, evaluator, incident, key, meanwhile, notice, put, resolved, run
from tests.rig.storing import Feed, feed


def stored(store: Store, state: AlertState | None = None) -> list[Alert]:
    return [row.alert for row in store.alerts(MODEL, state=state)]


class TestAlerts:
    def test_they_come_back_as_they_were_given(self, store: Store) -> None:
        pending, firing, over = alert("a", AlertState.PENDING), alert("b"), alert("c", AlertState.RESOLVED)
        put(store, alerts=[over, firing, pending])
        assert stored(store) == [over, firing, pending]
        assert store.open_alerts() == [pending, firing]
        assert stored(store, AlertState.FIRING) == [firing]
        assert stored(store, AlertState.RESOLVED) == [over]

    def test_numbers_of_numpy_and_missing_ones(self, store: Store) -> None:
        put(store, alerts=[alert(value=np.float64(0.5), threshold=math.inf, held=np.int64(2))])
        found = stored(store)[0]
        assert (found.value, found.threshold, found.held) == (0.5, math.inf, 2)

    def test_one_row_for_each_key(self, store: Store) -> None:
        put(store, alerts=[alert()])
        before = store.alerts(MODEL)[0].id
        put(store, alerts=[alert(state=AlertState.RESOLVED)])
        again = alert(raised=hour(9), fired_at=hour(9).end, incident_id=2)
        put(store, alerts=[again])
        (row,) = store.alerts(MODEL)
        assert (row.id, row.alert) == (before, again)

    @pytest.mark.parametrize("field", ["model_id", "rule", "reference_id", "spec", "segment", "column", "detail"])
    def test_every_part_of_the_key_tells_two_apart(self, store: Store, field: str) -> None:
        other = replace(key(), **{field: "other" if isinstance(getattr(key(), field), str) else 99})  # type: ignore[arg-type]
        put(store, alerts=[alert(), alert(key=other)])
        assert sorted(one.key for one in store.open_alerts()) == sorted([key(), other])

    def test_of_two_values_for_one_key_in_a_commit_the_later_counts(self, store: Store) -> None:
        put(store, alerts=[alert(value=1.0), alert(value=2.0)], incidents=[incident(title="a"), incident(title="b")])
        assert [one.value for one in stored(store)] == [2.0]
        assert store.incident(1).title == "b"

    def test_inactive_leaves_no_row_if_it_never_fired(self, store: Store) -> None:
        put(store, alerts=[alert("a", AlertState.PENDING), alert("b", AlertState.PENDING)])
        put(store, alerts=[alert("a", AlertState.INACTIVE, fired_at=None, incident_id=0)])
        assert [one.key.column for one in stored(store)] == ["b"]
        put(store, alerts=[alert("never seen", AlertState.INACTIVE)])
        assert [one.key.column for one in stored(store)] == ["b"]

    @pytest.mark.parametrize("fired_at", [None, hour(3).end])
    def test_inactive_closes_one_that_fired(self, store: Store, fired_at: int | None) -> None:
        put(store, alerts=[alert()])
        back = alert(state=AlertState.INACTIVE, fired_at=fired_at)
        put(store, alerts=[back])
        assert stored(store) == [back]
        assert store.open_alerts() == []

    def test_pages_and_filters(self, store: Store) -> None:
        put(store, alerts=[alert(str(n)) for n in range(5)])
        put(store, alerts=[alert("elsewhere", key=key(model_id=8))])
        first = store.alerts(MODEL, limit=2)
        rest = store.alerts(MODEL, limit=9, before=first[-1].id)
        assert [row.alert.key.column for row in (*first, *rest)] == ["4", "3", "2", "1", "0"]
        assert len(store.alerts(limit=99)) == 6
        assert store.alerts(9) == []

    def test_those_of_an_incident_the_loudest_first(self, store: Store) -> None:
        warning = alert("a", urgency=Urgency.WARNING)
        over, old, new = alert("b", AlertState.RESOLVED), alert("c", since=5), alert("d", since=6)
        put(store, alerts=[warning, over, new, old, alert("e", incident_id=2)])
        assert [row.alert for row in store.incident_alerts(1)] == [old, new, over, warning]
        assert store.incident_alerts(3) == []

    def test_a_text_that_no_database_takes_does_not_stop_alerting(self, store: Store) -> None:
        put(
            store,
            alerts=[alert(key=key("a\0b"))],
            events=[Event(1, Happening.FIRED, "value \0 or \ud800 is new", NOW)],
        )
        assert store.events(1)[0].why.startswith("value \ufffd or ")
        put(store, alerts=[alert(state=AlertState.INACTIVE, key=key("a\0b"))])
        assert store.open_alerts() == []


class TestIncidents:
    def test_they_come_back_as_they_were_given(self, store: Store) -> None:
        given = [incident(1), resolved(2), incident(3, model_id=0, family="service")]
        put(store, incidents=given)
        assert store.incidents() == given[::-1]
        assert store.incidents(MODEL, open=True) == [given[0]]
        assert store.incidents(MODEL, open=False) == [given[1]]
        assert store.incidents(limit=1, before=3) == [given[1]]
        assert store.open_incidents() == [given[0], given[2]]
        assert store.incident(2) == given[1]
        with pytest.raises(NotFound, match="no incident 4"):
            store.incident(4)

    def test_those_closed_since(self, store: Store) -> None:
        given = [resolved(n, on=NOW + n) for n in range(1, 5)]
        put(store, incidents=[*given, incident(5)])
        assert store.incidents_closed_since(NOW + 3) == given[2:]

    def test_ids_go_on_after_the_newest(self, store: Store) -> None:
        assert store.next_incident_id() == 1
        put(store, incidents=[incident(41)])
        assert store.next_incident_id() == 42

    def test_written_over_but_for_what_people_wrote(self, store: Store) -> None:
        put(store, incidents=[incident()])
        seen = store.open_incidents()[0]
        store.acknowledge(1, "ada", "looking", NOW)
        put(store, incidents=[replace(seen, title="worse", alerts=9)])
        found = store.incident(1)
        assert (found.title, found.alerts) == ("worse", 9)
        assert (found.acknowledged_by, found.acknowledged_on, found.acknowledged_why) == ("ada", NOW, "looking")

    def test_the_evaluator_cannot_acknowledge(self, store: Store) -> None:
        for _ in range(2):
            put(store, incidents=[incident(acknowledged_by="eve", acknowledged_on=1, acknowledged_why="no")])
        assert store.incident(1) == incident()


class TestAcknowledge:
    @pytest.fixture
    def opened(self, store: Store) -> Store:
        put(store, incidents=[incident(1), resolved(2)])
        return store

    def test_with_its_event_and_a_line_of_the_audit(self, opened: Store) -> None:
        found = opened.acknowledge(1, "ada", "looking", NOW)
        assert found == incident(1, acknowledged_by="ada", acknowledged_on=NOW, acknowledged_why="looking")
        (event,) = opened.events(1)
        assert event == Event(1, Happening.ACKNOWLEDGED, "looking", NOW, who="ada", id=event.id)
        (entry,) = opened.audit_entries()
        assert entry == AuditEntry(NOW, "ada", "incident.acknowledge", "incident 1", "looking", entry.id)

    def test_a_later_one_takes_over(self, opened: Store) -> None:
        opened.acknowledge(1, "ada", "", NOW)
        assert opened.acknowledge(1, "bob", "mine", NOW + 1).acknowledged_by == "bob"
        assert [event.who for event in opened.events(1)] == ["bob", "ada"]

    def test_taken_back(self, opened: Store) -> None:
        opened.acknowledge(1, "ada", "", NOW)
        assert opened.unacknowledge(1, "bob", "she is ill", NOW + 1) == incident(1)
        newest = opened.events(1)[0]
        assert (newest.happening, newest.who) == (Happening.NOTE, "bob")
        assert "she is ill" in newest.why
        assert opened.audit_entries()[0].action == "incident.unacknowledge"

    def test_what_cannot_be_leaves_nothing(self, opened: Store) -> None:
        with pytest.raises(Conflict, match="incident 2 is resolved"):
            opened.acknowledge(2, "ada", "", NOW)
        with pytest.raises(Conflict, match="acknowledged by nobody"):
            opened.unacknowledge(1, "ada", "", NOW)
        for act in (opened.acknowledge, opened.unacknowledge):
            with pytest.raises(NotFound):
                act(9, "ada", "", NOW)
        assert opened.events() == []
        assert opened.audit_entries() == []


class TestAtTheSameTime:
    def test_acknowledged_while_the_evaluator_writes(self, store: Store) -> None:
        put(store, incidents=[incident()])
        meanwhile(
            store,
            lambda c: incidents.put(c, [incident(title="worse")]),
            lambda: store.acknowledge(1, "ada", "", NOW),
        )
        found = store.incident(1)
        assert (found.title, found.acknowledged_by) == ("worse", "ada")

    def test_the_evaluator_writes_while_somebody_acknowledges(self, store: Store) -> None:
        put(store, incidents=[incident()])
        lease = evaluator(store)
        meanwhile(
            store,
            lambda c: incidents.acknowledge(c, 1, "ada", "", NOW),
            lambda: store.commit_alerting(lease, AlertCommit(incidents=(incident(title="worse"),))),
        )
        found = store.incident(1)
        assert (found.title, found.acknowledged_by) == ("worse", "ada")

    def test_resolved_just_before_it_is_acknowledged(self, store: Store) -> None:
        put(store, incidents=[incident()])
        with pytest.raises(Conflict, match="resolved"):
            meanwhile(store, lambda c: incidents.put(c, [resolved()]), lambda: store.acknowledge(1, "ada", "", NOW))
        assert store.incident(1) == resolved()
        assert store.events(1) == []


class TestTogether:
    @pytest.fixture
    def fed(self, store: Store) -> Feed:
        return feed(store)

    @pytest.fixture
    def parts(self) -> AlertCommit:
        opened = Event(1, Happening.OPENED, "three windows in a row", NOW, hour(3).end)
        return AlertCommit((alert(),), (incident(),), (opened,), (notice("a"),), (run(),))

    def commit(self, fed: Feed, parts: AlertCommit, epoch: int = 0) -> None:
        lease = evaluator(fed.store)
        lease = replace(lease, epoch=lease.epoch + epoch)
        results = (result(fed, 3, AlarmChange("raised", alarm())),)
        fed.store.commit_evaluation(EvaluationCommit(lease, (), results, parts))

    def assert_nothing(self, store: Store) -> None:
        assert store.alerts() == []
        assert store.incidents() == []
        assert store.events() == []
        assert store.notices() == []
        assert store.runs() == []

    def test_results_and_what_they_mean(self, fed: Feed, parts: AlertCommit) -> None:
        self.commit(fed, parts)
        assert len(fed.store.windows(fed.model.id)) == 1
        assert fed.store.open_alerts() == [alert()]
        assert fed.store.open_incidents() == [incident()]
        assert [event.happening for event in fed.store.events(1)] == [Happening.OPENED]
        assert [one.key for one in fed.store.waiting("oncall", NOW)] == ["a"]
        assert [one.key for one in fed.store.runs()] == ["r1"]

    def test_what_alerting_breaks_takes_the_results_with_it(self, fed: Feed, parts: AlertCommit) -> None:
        broken = replace(parts, events=(Event(1, Happening.OPENED, "", None),))  # type: ignore[arg-type]
        with pytest.raises(StoreError):
            self.commit(fed, broken)
        assert fed.store.windows(fed.model.id) == []
        assert fed.store.alarms(fed.model.id) == []
        self.assert_nothing(fed.store)

    def test_a_result_that_is_refused_takes_alerting_with_it(self, fed: Feed, parts: AlertCommit) -> None:
        self.commit(fed, AlertCommit())
        with pytest.raises(Fenced, match="revision 1 already"):
            self.commit(fed, parts)
        self.assert_nothing(fed.store)

    def test_a_late_evaluator_leaves_nothing(self, fed: Feed, parts: AlertCommit) -> None:
        with pytest.raises(Fenced):
            self.commit(fed, parts, epoch=-1)
        lease = evaluator(fed.store)
        with pytest.raises(Fenced):
            fed.store.commit_alerting(replace(lease, epoch=lease.epoch - 1), parts)
        assert fed.store.windows(fed.model.id) == []
        self.assert_nothing(fed.store)

    def test_the_same_commit_again_changes_nothing(self, fed: Feed, parts: AlertCommit) -> None:
        """After a commit that was not confirmed: only events, which have no key, would be there twice."""
        lease = evaluator(fed.store)
        again = replace(parts, events=())
        for _ in range(2):
            fed.store.commit_alerting(lease, again)
        assert len(fed.store.alerts()) == len(fed.store.incidents()) == len(fed.store.notices()) == 1
        assert len(fed.store.runs()) == 1

    def test_thousands_of_alerts(self, store: Store) -> None:
        many = [alert(f"c{n}") for n in range(3_000)]
        many_more = [incident(n) for n in range(1, 1_200)]
        history = [Event(n, Happening.JOINED, "", NOW) for n in range(1, 1_200)]
        put(store, alerts=many, incidents=many_more, events=history)
        put(store, alerts=[replace(one, state=AlertState.RESOLVED) for one in many])
        assert len(store.alerts(MODEL, state=AlertState.RESOLVED, limit=9_999)) == 3_000
        assert len(store.model_events(MODEL, 0, NOW + 1, 9_999)) == 1_199


def test_an_incident_is_a_value_that_hides_nothing(store: Store) -> None:
    """All fields survive, whatever is added to the dataclasses later."""
    whole = Incident(
        5, 1, "data", Urgency.WARNING, 1, 2, 3, 4, "t", ("a", "b"), 2, 6, 7, "recovered", 8, 1, True, 9,
        incident().told,
    )  # fmt: skip
    put(store, incidents=[whole])
    assert store.incident(5) == whole
    store._write(lambda c: alerting.commit(c, AlertCommit(alerts=(alert(snoozed=True, reason="x"),))))
    assert store.open_alerts() == [alert(snoozed=True, reason="x")]
