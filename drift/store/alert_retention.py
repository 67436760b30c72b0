"""Forgetting what alerting no longer needs: never what is open, waits, or is in flight."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, func, select

from drift.core.alert import AlertState, NoticeState, RunState
from drift.store.alert_tables import alerts, audit, incident_events, incidents, marks, notices, runs, silences
from drift.store.retention import AT_ONCE
from drift.store.values import among


def old_incidents(c: Connection, before: int) -> int:
    """Incidents resolved by `before`, by the clock, with their events; the newest of all stays, so that no id is given
    out twice."""
    t = incidents
    newest = select(func.max(t.c.id)).scalar_subquery()
    mine = select(t.c.id).where(t.c.resolved_at.is_not(None), t.c.resolved_on <= before, t.c.id < newest)
    # locked, because the evaluator may be reopening one
    ids = list(c.execute(mine.limit(AT_ONCE).with_for_update()).scalars())
    c.execute(incident_events.delete().where(incident_events.c.incident_id.in_(ids)))
    return c.execute(t.delete().where(t.c.id.in_(ids))).rowcount


def old_alerts(c: Connection, before: int) -> int:
    """Alerts that were over by `before` and whose incident is no longer there."""
    t = alerts
    over = among(t.c.state, AlertState.RESOLVED, AlertState.INACTIVE)
    kept = select(incidents.c.id).where(incidents.c.id == t.c.incident_id).exists()
    return _delete(c, t, and_(over, func.coalesce(t.c.resolved_at, t.c.seen_at) <= before, ~kept))


def old_events(c: Connection, before: int) -> int:
    """Events of alerts that were in no incident."""
    return _delete(c, incident_events, and_(incident_events.c.incident_id == 0, incident_events.c.on <= before))


def old_notices(c: Connection, before: int) -> int:
    """Notices that were sent or given up by `before`."""
    done = among(notices.c.state, NoticeState.SENT, NoticeState.DEAD)
    return _delete(c, notices, and_(notices.c.done_at <= before, done))


def old_runs(c: Connection, before: int) -> int:
    """Runs that came to their end by `before`."""
    ended = among(runs.c.state, *(state for state in RunState if not state.in_flight))
    return _delete(c, runs, and_(ended, runs.c.changed_at <= before))


def old_silences(c: Connection, before: int) -> int:
    """Silences that ended by `before`."""
    return _delete(c, silences, silences.c.ends_at <= before)


def old_marks(c: Connection, before: int) -> int:
    """Marks of what happened before `before`."""
    return _delete(c, marks, marks.c.at < before)


def old_audit(c: Connection, before: int) -> int:
    """Lines of the audit from before `before`."""
    return _delete(c, audit, audit.c.at < before)


def _delete(c: Connection, table: Table, which: ColumnElement[bool]) -> int:
    """Some of the rows; a row that somebody is changing is looked at again when they are done."""
    key: ColumnElement[Any] = table.c.id
    ids = list(c.execute(select(key).where(which).limit(AT_ONCE).with_for_update(of=table)).scalars())
    return c.execute(table.delete().where(key.in_(ids))).rowcount


OLD: Final[Mapping[str, Callable[[Connection, int], int]]] = {
    "incidents": old_incidents,
    "alerts": old_alerts,
    "events": old_events,
    "notices": old_notices,
    "runs": old_runs,
    "silences": old_silences,
    "marks": old_marks,
    "audit": old_audit,
}
"""What retention removes, in this order: an alert stays as long as its incident. Names are those of `Retained`."""
