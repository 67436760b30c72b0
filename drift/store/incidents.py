"""Incidents: written by the evaluator, acknowledged by people, each in columns of their own."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from drift.core.alert import AuditEntry, Event, Happening, Incident
from drift.core.errors import Conflict, NotFound
from drift.store import access, history
from drift.store.alert_tables import incidents
from drift.store.sql import upsert
from drift.store.values import clean, pack

_NOBODY: Final = {"acknowledged_by": "", "acknowledged_on": None, "acknowledged_why": ""}


def put(c: Connection, given: Iterable[Incident]) -> None:
    """Insert or write over, but for what people write. Rows are locked in the order of their ids."""
    latest = {incident.id: incident for incident in given}
    if not latest:
        return
    rows = [_values(latest[one]) for one in sorted(latest)]
    insert = upsert(c, incidents)
    new = {name: insert.excluded[name] for name in rows[0] if name != "id" and name not in _NOBODY}
    c.execute(insert.on_conflict_do_update(index_elements=["id"], set_=new), rows)


def _values(incident: Incident) -> dict[str, Any]:
    values = {
        "id": incident.id,
        "model_id": incident.model_id,
        "family": incident.family,
        "urgency": incident.urgency.value,
        "opened_on": incident.opened_on,
        "resolved_at": incident.resolved_at,
        "resolved_on": incident.resolved_on,
        "blob": pack(replace(incident, **_NOBODY)),  # type: ignore[arg-type]
    }
    return clean(values | _NOBODY)


def next_id(c: Connection) -> int:
    """One more than any that ever was: retention leaves the newest."""
    return int(c.execute(select(func.coalesce(func.max(incidents.c.id), 0))).scalar_one()) + 1


def one(c: Connection, incident_id: int) -> Incident:
    """One incident.

    Raises:
        NotFound: there is none of this id.
    """
    row = c.execute(select(incidents).where(incidents.c.id == incident_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no incident {incident_id}; it may have been removed by retention")
    return _incident(row)


def listed(c: Connection, model_id: int | None, is_open: bool | None, limit: int, before: int | None) -> list[Incident]:
    """Incidents of one model or of all, newest first."""
    t = incidents
    where: list[ColumnElement[bool]] = []
    if model_id is not None:
        where.append(t.c.model_id == model_id)
    if is_open is not None:
        where.append(t.c.resolved_at.is_(None) if is_open else t.c.resolved_at.is_not(None))
    if before is not None:
        where.append(t.c.id < before)
    return [_incident(row) for row in c.execute(select(t).where(*where).order_by(t.c.id.desc()).limit(limit))]


def unresolved(c: Connection) -> list[Incident]:
    """All that are open, oldest first."""
    mine = select(incidents).where(incidents.c.resolved_at.is_(None)).order_by(incidents.c.id)
    return [_incident(row) for row in c.execute(mine)]


def closed_since(c: Connection, on: int) -> list[Incident]:
    """Those resolved at `on` or later by the clock, oldest first."""
    t = incidents
    mine = select(t).where(t.c.resolved_on >= on, t.c.resolved_at.is_not(None)).order_by(t.c.id)
    return [_incident(row) for row in c.execute(mine)]


def acknowledge(c: Connection, incident_id: int, who: str, why: str, on: int) -> Incident:
    """Note who looks after an open incident; whoever does so later takes it over.

    Raises:
        NotFound: there is none of this id.
        Conflict: it is resolved.
    """
    said = {"acknowledged_by": who, "acknowledged_on": on, "acknowledged_why": why}
    if not _write(c, incident_id, incidents.c.resolved_at.is_(None), said):
        one(c, incident_id)
        raise Conflict(f"incident {incident_id} is resolved; nothing is left to be acknowledged")
    access.note(c, AuditEntry(on, who, "incident.acknowledge", f"incident {incident_id}", why))
    history.add(c, [Event(incident_id, Happening.ACKNOWLEDGED, why, on, who=who)])
    return one(c, incident_id)


def unacknowledge(c: Connection, incident_id: int, who: str, why: str, on: int) -> Incident:
    """Take an acknowledgement back.

    Raises:
        NotFound: there is none of this id.
        Conflict: nobody looks after it.
    """
    if not _write(c, incident_id, incidents.c.acknowledged_by != "", _NOBODY):
        one(c, incident_id)
        raise Conflict(f"incident {incident_id} is acknowledged by nobody; nothing is left to be taken back")
    access.note(c, AuditEntry(on, who, "incident.unacknowledge", f"incident {incident_id}", why))
    said = f"the acknowledgement was taken back: {why}" if why else "the acknowledgement was taken back"
    history.add(c, [Event(incident_id, Happening.NOTE, said, on, who=who)])
    return one(c, incident_id)


def _write(c: Connection, incident_id: int, which: ColumnElement[bool], said: dict[str, Any]) -> bool:
    return c.execute(incidents.update().where(incidents.c.id == incident_id, which).values(clean(said))).rowcount == 1


def _incident(row: Any) -> Incident:
    said = {name: getattr(row, name) for name in _NOBODY}
    return replace(msgspec.msgpack.decode(row.blob, type=Incident), **said)
