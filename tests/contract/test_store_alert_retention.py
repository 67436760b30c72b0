"""Retention of what alerting keeps: what is over goes, what is open, waits or is in flight stays, however old."""

from dataclasses import replace

import pytest

from drift.core.alert import AlertState, AuditEntry, Event, Happening, Mark, NoticeState, RunState, Silence, Token
from drift.core.clock import DAY
from drift.core.commit import Lease
from drift.core.errors import Fenced
from drift.store import Store, incidents
from drift.store.rows import Retained
from tests.rig.alerted import MODEL, NOW, alert, incident, key, meanwhile, notice, put, resolved, run

LATER = NOW + 400 * DAY


def retain(store: Store, before: int) -> Retained:
    lease = store.lease("maintenance", "tester", 60)
    assert lease is not None
    return store.retain(lease, results_before=before)


def open_things(store: Store) -> None:
    """Everything that has to stay, as old as can be."""
    put(
        store,
        alerts=[alert("a"), alert("b", AlertState.PENDING), alert("c", AlertState.RESOLVED)],
        incidents=[incident(1, opened_on=1)],
        events=[Event(1, Happening.OPENED, "", 1)],
        notices=[notice("w", created_at=1)],
        runs=[run(f"r{n}", n, state) for n, state in enumerate(RunState) if state.in_flight],
    )
    store.put_silence(Silence({}, 1, LATER + 1, "ada", "", LATER))
    store.put_token(Token("ci", (), (), b"d", 1, "root"))


def test_what_is_open_or_waits_stays(store: Store) -> None:
    open_things(store)
    put(store, incidents=[resolved(2, on=LATER + 1)])
    removed = retain(store, LATER)
    assert removed == Retained(audit=1)  # the token's
    assert len(store.alerts()) == 3
    assert [one.id for one in store.incidents()] == [2, 1]
    assert len(store.events(1)) == 1
    assert [one.key for one in store.notices()] == ["w"]
    assert {one.state for one in store.runs()} == {state for state in RunState if state.in_flight}
    assert len(store.silences()) == len(store.tokens()) == 1


def test_what_is_over_goes(store: Store) -> None:
    ended = [state for state in RunState if not state.in_flight]
    put(
        store,
        alerts=[alert("a", AlertState.RESOLVED), alert("b", AlertState.RESOLVED, incident_id=2)],
        incidents=[resolved(1), resolved(2, on=NOW + 1), incident(3)],
        events=[
            Event(1, Happening.CLOSED, "", LATER),
            Event(2, Happening.CLOSED, "", 1),
            Event(0, Happening.PENDING, "", NOW, key=key()),
            Event(0, Happening.PENDING, "", NOW + 1, key=key()),
        ],
        notices=[notice("s"), notice("d", "digest"), notice("n", "x")],
        runs=[run(f"r{n}", n, state) for n, state in enumerate(ended)] + [run("n", 0, ended[0], changed_at=NOW + 1)],
    )
    for one in store.notices():
        assert store.sent(one.id, NOW + (one.key == "n"))
    store.put_silence(Silence({}, 1, NOW, "ada", "", NOW - 1))
    store.put_silence(Silence({}, 1, NOW + 1, "ada", "", NOW))
    store.put_mark(Mark(MODEL, NOW - 1, "deploy", "", "ci", LATER))
    store.put_mark(Mark(MODEL, NOW, "deploy", "", "ci", LATER))
    store.audit(AuditEntry(NOW - 1, "ada", "x", "y"))
    found = retain(store, NOW)
    assert found == Retained(incidents=1, alerts=1, events=1, notices=2, runs=len(ended), silences=1, marks=1, audit=2)
    assert [one.id for one in store.incidents()] == [3, 2]
    assert [row.alert.incident_id for row in store.alerts()] == [2]
    assert [one.incident_id for one in store.events()] == [0, 2]
    assert [one.key for one in store.notices()] == ["n"]
    assert [one.key for one in store.runs()] == ["n"]
    assert [one.ends_at for one in store.silences()] == [NOW + 1]
    assert [one.at for one in store.marks(None, 0, LATER)] == [NOW]
    assert {one.at for one in store.audit_entries()} == {NOW, LATER}


def test_notices_that_were_given_up_go_by_when_that_was(store: Store) -> None:
    put(store, notices=[notice("a"), notice("b")])
    for n, one in enumerate(store.notices(receiver="oncall")):
        store.given_up(one.id, "410", NOW + n)
    assert retain(store, NOW).notices == 1
    assert [one.state for one in store.notices()] == [NoticeState.DEAD]


def test_no_incident_gets_the_id_of_one_that_went(store: Store) -> None:
    put(store, incidents=[resolved(1), resolved(2)], alerts=[alert(state=AlertState.RESOLVED, incident_id=2)])
    assert retain(store, LATER).incidents == 1
    assert store.next_incident_id() == 3
    assert len(store.incident_alerts(2)) == 1
    put(store, incidents=[incident(3)])
    removed = retain(store, LATER)
    assert (removed.incidents, removed.alerts) == (1, 1)
    assert store.next_incident_id() == 4


@pytest.mark.parametrize("state", [AlertState.RESOLVED, AlertState.INACTIVE])
def test_an_alert_goes_by_when_it_was_over(store: Store, state: AlertState) -> None:
    over = alert(state=state, incident_id=0, seen_at=NOW, resolved_at=NOW if state is AlertState.RESOLVED else None)
    put(store, alerts=[alert()])
    put(store, alerts=[over])
    assert retain(store, NOW - 1).alerts == 0
    assert retain(store, NOW).alerts == 1
    assert store.alerts() == []


def test_one_that_is_reopened_meanwhile_stays(store: Store) -> None:
    put(store, incidents=[resolved(1), incident(2)], events=[Event(1, Happening.CLOSED, "", NOW)])
    meanwhile(store, lambda c: incidents.put(c, [incident(1, reopened=1)]), lambda: retain(store, LATER))
    assert [one.id for one in store.open_incidents()] == [1, 2]
    assert len(store.events(1)) == 1


def test_more_than_one_transaction_holds(store: Store) -> None:
    many = [resolved(n) for n in range(1, 1_202)]
    put(store, incidents=many, events=[Event(one.id, Happening.CLOSED, "", NOW) for one in many])
    assert retain(store, NOW).incidents == 1_200
    assert len(store.events(limit=9_999)) == 1


def test_only_under_the_lease(store: Store) -> None:
    put(store, incidents=[resolved(1), incident(2)])
    lease = store.lease("maintenance", "tester", 60)
    assert isinstance(lease, Lease)
    with pytest.raises(Fenced):
        store.retain(replace(lease, epoch=lease.epoch - 1), results_before=LATER)
    assert len(store.incidents()) == 2
