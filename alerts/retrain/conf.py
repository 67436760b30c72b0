"""What a pipeline is given: which model, since when, on what evidence, and where to fetch the drifted stretch. Pure."""

from typing import Any, Final
from urllib.parse import urlencode

from alerts.notices import Case
from drift.core.alert import Alert
from drift.core.clock import isoformat

MOST_COLUMNS: Final = 20
"""Pieces of evidence that are handed over, worst first; the incident has them all."""


def conf_of(case: Case, url: str) -> dict[str, Any]:
    """A run's `conf` as JSON; moments as RFC 3339.

    Args:
        case: the incident.
        url: the service's own address; empty: unknown, and so are links.
    """
    incident, alerts = case.incident, case.alerts
    worst = next((one for one in alerts if one.raised is not None), None)
    spec = next((one.key.spec for one in alerts if one.key.spec), "")
    raised = None if worst is None or worst.raised is None else worst.raised
    return {
        "model": case.model,
        "version": case.version,
        "owner": case.owner,
        "severity": incident.urgency.value,
        "incident": incident.id,
        "reopened": incident.reopened,
        "title": incident.title,
        "link": case.link or None,
        "url": url.rstrip("/") or None,
        "onset": isoformat(incident.since),
        "stretch": {"start": isoformat(incident.since), "end": isoformat(max(incident.seen_at, incident.opened_at))},
        "window": {
            "spec": spec,
            "start": isoformat(raised.start) if raised else None,
            "end": isoformat(raised.end) if raised else None,
        },
        "columns": [_evidence(case, one) for one in alerts[:MOST_COLUMNS]],
        "data": _data(case, url, spec),
    }


def _evidence(case: Case, alert: Alert) -> dict[str, Any]:
    """One alert: what moved, how much, and the sentence that a person reads."""
    return {
        "column": alert.key.column or None,
        "segment": case.segments.get(alert.key.segment) or None,
        "rule": alert.key.rule,
        "statistic": alert.key.detail or None,
        "value": alert.value,
        "threshold": alert.threshold,
        "direction": alert.direction or None,
        "severity": alert.urgency.value,
        "since": isoformat(alert.since),
        "sentence": alert.sentence,
    }


def _data(case: Case, url: str, spec: str) -> dict[str, Any]:
    """Where the drifted stretch is; `kafka` is filled in by whoever knows offsets."""
    root = url.rstrip("/")
    if not root:
        return {"evidence": None, "windows": None, "kafka": []}
    query = {"model": case.model} | ({"window": spec} if spec else {})
    evidence = f"{root}/v1/incidents/{case.incident.id}" if case.incident.id else None
    return {"evidence": evidence, "windows": f"{root}/v1/windows?{urlencode(query)}", "kafka": []}
