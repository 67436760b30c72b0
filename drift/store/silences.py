"""Silences: what people asked to be left alone with, and until when."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from drift.core.alert import AuditEntry, Silence
from drift.core.errors import Conflict, NotFound
from drift.store import access
from drift.store.alert_tables import silences
from drift.store.values import clean


def put(c: Connection, silence: Silence) -> Silence:
    """Keep a silence, and who made it; the same with its id."""
    insert = silences.insert().values(_values(silence)).returning(silences.c.id)
    new = c.execute(insert).scalar_one()
    access.note(c, AuditEntry(silence.created_at, silence.who, "silence.create", f"silence {new}", silence.why))
    return one(c, new)


def end(c: Connection, silence_id: int, who: str, on: int) -> Silence:
    """Let a silence end now; one that has not begun never will.

    Raises:
        NotFound: there is none of this id.
        Conflict: it is over.
    """
    t = silences
    if c.execute(t.update().where(t.c.id == silence_id, t.c.ends_at > on).values(ends_at=on)).rowcount != 1:
        one(c, silence_id)
        raise Conflict(f"silence {silence_id} is over already; nothing is left to be ended")
    access.note(c, AuditEntry(on, who, "silence.end", f"silence {silence_id}"))
    return one(c, silence_id)


def one(c: Connection, silence_id: int) -> Silence:
    """One silence.

    Raises:
        NotFound: there is none of this id.
    """
    row = c.execute(select(silences).where(silences.c.id == silence_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no silence {silence_id}; it may have been removed by retention")
    return _silence(row)


def listed(c: Connection, active_on: int | None, limit: int, before: int | None) -> list[Silence]:
    """Silences that hold at a moment, or all; newest first."""
    t = silences
    where: list[ColumnElement[bool]] = []
    if active_on is not None:
        where += [t.c.starts_at <= active_on, t.c.ends_at > active_on]
    if before is not None:
        where.append(t.c.id < before)
    return [_silence(row) for row in c.execute(select(t).where(*where).order_by(t.c.id.desc()).limit(limit))]


def _values(silence: Silence) -> dict[str, Any]:
    return clean(
        {
            "matchers": msgspec.json.encode(silence.matchers).decode(),
            "starts_at": silence.starts_at,
            "ends_at": silence.ends_at,
            "who": silence.who,
            "why": silence.why,
            "created_at": silence.created_at,
        }
    )


def _silence(row: Any) -> Silence:
    matchers = msgspec.json.decode(row.matchers, type=dict[str, str])
    return Silence(**{**row._mapping, "matchers": matchers})  # noqa: SLF001  public API
