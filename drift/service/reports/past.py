"""The alerts of an incident, also of one that is long over: an alert that fired again belongs to a later incident by
then, and what it was in the earlier one stands in that one's history. Pure."""

from collections.abc import Sequence

from drift.core.alert import Alert, AlertKey, AlertState, Event, Happening, Incident
from drift.store.rows import AlertRow

_ENDS = (Happening.RESOLVED, Happening.RETRACTED)


def alerts_of(incident: Incident, rows: Sequence[AlertRow], events: Sequence[Event]) -> tuple[Alert, ...]:
    """What fired in it, the loudest first; then what its history alone knows of, in the order in which it fired.

    Args:
        incident: which.
        rows: the alerts that are in it still, loudest first.
        events: its history, oldest first.
    """
    known = {row.alert.key for row in rows}
    past: dict[AlertKey, Alert] = {}
    for event in events:
        if event.key is None or event.key in known:
            continue
        if event.happening is Happening.FIRED:
            past[event.key] = _fired(incident, event.key, event)
        elif event.happening in _ENDS and event.key in past:
            past[event.key] = _ended(past[event.key], event)
    return (*(row.alert for row in rows), *past.values())


def _fired(incident: Incident, key: AlertKey, event: Event) -> Alert:
    """As loud as the incident was: how loud it was itself, history does not say."""
    at = event.at if event.at is not None else incident.opened_at
    end = incident.resolved_at if incident.resolved_at is not None else incident.seen_at
    return Alert(
        key, AlertState.FIRING if incident.open else AlertState.RESOLVED, incident.urgency, incident.since,
        max(end, at), fired_at=at, resolved_at=incident.resolved_at, sentence=event.why, incident_id=incident.id,
    )  # fmt: skip


def _ended(alert: Alert, event: Event) -> Alert:
    at = event.at if event.at is not None else alert.seen_at
    return Alert(
        alert.key, AlertState.RESOLVED, alert.urgency, alert.since, at, fired_at=alert.fired_at, resolved_at=at,
        sentence=alert.sentence, incident_id=alert.incident_id,
    )  # fmt: skip
