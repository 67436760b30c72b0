"""What happened: events of incidents and alerts, and marks of what happened elsewhere. None is ever changed."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, select

from drift.core.alert import AlertKey, AuditEntry, Event, Happening, Mark
from drift.store import access
from drift.store.alert_tables import incident_events, incidents, marks
from drift.store.sql import slices
from drift.store.values import clean, pack


def add(c: Connection, events: Sequence[Event], model_id: int | None = None) -> None:
    """Append events. Each is of the model of its alert or incident, unless `model_id` says otherwise."""
    if events:
        c.execute(incident_events.insert(), _rows(c, events, model_id))


def add_one(c: Connection, event: Event) -> Event:
    """Append one; the same with its id."""
    (values,) = _rows(c, [event], None)
    new = c.execute(incident_events.insert().values(values).returning(incident_events.c.id)).scalar_one()
    return replace(event, id=new)


def _rows(c: Connection, events: Sequence[Event], model_id: int | None) -> list[dict[str, Any]]:
    models = _models(c, {event.incident_id for event in events if event.key is None}) if model_id is None else {}

    def of(event: Event) -> int:
        return event.key.model_id if event.key is not None else models.get(event.incident_id, model_id or 0)

    return [_event_values(event) | {"model_id": of(event)} for event in events]


def _models(c: Connection, incident_ids: set[int]) -> dict[int, int]:
    t, found = incidents, {}
    for some in slices(incident_ids):
        found.update({row.id: row.model_id for row in c.execute(select(t.c.id, t.c.model_id).where(t.c.id.in_(some)))})
    return found


def _event_values(event: Event) -> dict[str, Any]:
    return clean(
        {
            "incident_id": event.incident_id,
            "happening": event.happening.value,
            "on": event.on,
            "at": event.at,
            "who": event.who,
            "why": event.why,
            "key": pack(event.key) if event.key is not None else None,
        }
    )


def events(c: Connection, incident_id: int | None, limit: int, before: int | None) -> list[Event]:
    """Those of one incident (0: of alerts in none) or all, newest first."""
    t = incident_events
    where: list[ColumnElement[bool]] = []
    if incident_id is not None:
        where.append(t.c.incident_id == incident_id)
    if before is not None:
        where.append(t.c.id < before)
    return _events(c, select(t).where(*where).order_by(t.c.id.desc()).limit(limit))


def of_model(c: Connection, model_id: int, start_on: int, end_on: int, limit: int) -> list[Event]:
    """Those of a model in [start_on, end_on), newest first."""
    t = incident_events
    mine = select(t).where(t.c.model_id == model_id, t.c.on >= start_on, t.c.on < end_on)
    return _events(c, mine.order_by(t.c.on.desc(), t.c.id.desc()).limit(limit))


def _events(c: Connection, statement: Select[Any]) -> list[Event]:
    return [_event(row) for row in c.execute(statement)]


def _event(row: Any) -> Event:
    key = msgspec.msgpack.decode(row.key, type=AlertKey) if row.key is not None else None
    return Event(row.incident_id, Happening(row.happening), row.why, row.on, row.at, row.who, key, row.id)


def put_mark(c: Connection, mark: Mark) -> Mark:
    """Keep a mark, and who set it; the same with its id."""
    values = clean(asdict(mark))
    del values["id"]
    new = c.execute(marks.insert().values(values).returning(marks.c.id)).scalar_one()
    access.note(c, AuditEntry(mark.created_at, mark.who, "mark.create", f"mark {new}", f"{mark.kind}: {mark.text}"))
    return Mark(**values, id=new)


def listed_marks(c: Connection, model_id: int | None, start: int, end: int, limit: int) -> list[Mark]:
    """Marks in [start, end), newest first; of one model, with those that concern all, or every one."""
    t = marks
    where = [t.c.at >= start, t.c.at < end]
    if model_id is not None:
        where.append(t.c.model_id.in_([model_id, 0]))
    statement = select(t).where(*where).order_by(t.c.at.desc(), t.c.id.desc()).limit(limit)
    return [Mark(**row._mapping) for row in c.execute(statement)]  # noqa: SLF001  public API
