"""Forgetting. Each function deletes a bounded number of rows, so that no transaction takes long."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select

from drift.core.clock import HOUR
from drift.store.tables import (
    alarms,
    dead_letter_counts,
    dead_letters,
    gaps,
    idempotency,
    model_references,
    models,
    panes,
    windows,
)  # fmt: skip

AT_ONCE: Final = 500
"""Rows deleted in one transaction."""


def old_panes(c: Connection, before: int) -> int:
    """Sums of event time that ended by `before`, and gaps that lie wholly before it."""
    ended = func.coalesce(gaps.c.until, gaps.c.at) < before
    c.execute(gaps.delete().where(ended))
    every = panes.c.reference_id.in_(select(model_references.c.id))  # so that the index applies
    return _delete(c, panes, panes.c.id, and_(every, panes.c.start < before, panes.c.end <= before))


def old_windows(c: Connection, before: int) -> int:
    """Windows that ended by `before`, with their results and breaches."""
    every = windows.c.model_id.in_(select(models.c.id))
    return _delete(c, windows, windows.c.id, and_(every, windows.c.end <= before))


def old_alarms(c: Connection, before: int) -> int:
    """Alarms that ended by `before`, and retracted ones whose evidence did; one that stands stays, however old."""
    retracted = and_(alarms.c.retracted_by.is_not(None), alarms.c.until <= before)
    return _delete(c, alarms, alarms.c.id, or_(alarms.c.ended_at <= before, retracted))


def old_dead_letters(c: Connection, before: int) -> int:
    """Dead letters refused before `before`, and the counts of hours that ended by then."""
    c.execute(dead_letter_counts.delete().where(dead_letter_counts.c.hour <= before - HOUR))
    return _delete(c, dead_letters, dead_letters.c.id, dead_letters.c.at < before)


def old_keys(c: Connection, before: int) -> int:
    """Idempotency keys of requests before `before`."""
    return _delete(c, idempotency, idempotency.c.key, idempotency.c.at < before)


def _delete(c: Connection, table: Table, key: ColumnElement[Any], which: ColumnElement[bool]) -> int:
    some = select(key).where(which).limit(AT_ONCE)
    return c.execute(table.delete().where(key.in_(some))).rowcount
