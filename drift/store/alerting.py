"""What alerting leaves behind, in the transaction of the results that it came from: and alerts, one row for each key.

An alert that fires again writes over its row; what it did before is in the events. One that goes back to `INACTIVE`
leaves no row if it never fired.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, select

from drift.core.alert import Alert, AlertCommit, AlertKey, AlertState
from drift.store import history, incidents, outbox, runs
from drift.store.alert_tables import alerts
from drift.store.rows import AlertRow
from drift.store.sql import upsert
from drift.store.values import among, clean, pack

_KEY: Final = ("model_id", "rule", "reference_id", "spec", "segment", "column", "detail")


def commit(c: Connection, batch: AlertCommit) -> None:
    """Store all of it. Of two values for one key the later counts."""
    incidents.put(c, batch.incidents)
    _put(c, {alert.key: alert for alert in batch.alerts}.values())
    runs.add(c, batch.runs)
    outbox.add(c, batch.notices)
    history.add(c, batch.events)


def _put(c: Connection, given: Iterable[Alert]) -> None:
    ordered = sorted(given, key=lambda alert: alert.key)
    rows = [_values(alert) for alert in ordered if alert.state is not AlertState.INACTIVE]
    if rows:
        insert = upsert(c, alerts)
        new = {name: insert.excluded[name] for name in rows[0] if name not in _KEY}
        c.execute(insert.on_conflict_do_update(index_elements=list(_KEY), set_=new), rows)
    for alert in ordered:
        if alert.state is AlertState.INACTIVE:
            _calm(c, alert)


def _calm(c: Connection, alert: Alert) -> None:
    """Forget an alert that never fired; one that did keeps its row, which says so."""
    mine = _is(alert.key)
    c.execute(alerts.delete().where(mine, alerts.c.fired_at.is_(None)))
    c.execute(alerts.update().where(mine).values(_values(alert)))


def _is(key: AlertKey) -> ColumnElement[bool]:
    return and_(*(alerts.c[name] == value for name, value in clean(_key(key)).items()))


def _key(key: AlertKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in _KEY}


def _values(alert: Alert) -> dict[str, Any]:
    return clean(
        _key(alert.key)
        | {
            "state": alert.state.value,
            "urgency": alert.urgency.value,
            "incident_id": alert.incident_id,
            "seen_at": alert.seen_at,
            "fired_at": alert.fired_at,
            "resolved_at": alert.resolved_at,
            "blob": pack(alert),
        }
    )


def standing(c: Connection) -> list[Alert]:
    """Those that are pending or firing, in the order of their keys."""
    opened = among(alerts.c.state, AlertState.PENDING, AlertState.FIRING)
    found = [_row(row).alert for row in c.execute(select(alerts).where(opened))]
    return sorted(found, key=lambda alert: alert.key)


def listed(
    c: Connection, model_id: int | None, state: AlertState | None, limit: int, before: int | None
) -> list[AlertRow]:
    """Those of one model or of all, the one whose key was seen first last."""
    where: list[ColumnElement[bool]] = []
    if model_id is not None:
        where.append(alerts.c.model_id == model_id)
    if state is not None:
        where.append(among(alerts.c.state, state))
    if before is not None:
        where.append(alerts.c.id < before)
    return [_row(row) for row in c.execute(select(alerts).where(*where).order_by(alerts.c.id.desc()).limit(limit))]


def of_incident(c: Connection, incident_id: int) -> list[AlertRow]:
    """Those in an incident: the loudest first, of those the ones that fire, of those the oldest."""
    found = [_row(row) for row in c.execute(select(alerts).where(alerts.c.incident_id == incident_id))]
    return sorted(found, key=_loudest_first)


def _loudest_first(row: AlertRow) -> tuple[int, bool, int, int]:
    return -row.alert.urgency.rank, row.alert.state is not AlertState.FIRING, row.alert.since, row.id


def _row(row: Any) -> AlertRow:
    return AlertRow(row.id, msgspec.msgpack.decode(row.blob, type=Alert))
