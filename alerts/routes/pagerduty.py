"""PagerDuty, Events API v2: an incident here is an alert there, opened, acknowledged and resolved by its `dedup_key`.

https://developer.pagerduty.com/docs/events-api-v2-overview
"""

import hashlib
from typing import Any, Final

from alerts.http import json_bytes, post
from alerts.message import Message, Status
from alerts.options import Options
from alerts.routes.contract import Egress, Outcome, Route, RouteKind
from alerts.routes.texts import finding, headline, lines, one_line
from alerts.secrets import Location, Secret
from drift.core.alert import Urgency
from drift.core.clock import Clock, isoformat

_ACTION: Final = {Status.FIRING: "trigger", Status.ACKNOWLEDGED: "acknowledge", Status.RESOLVED: "resolve"}
_SEVERITY: Final = {Urgency.PAGE: "critical", Urgency.WARNING: "warning", Urgency.INFO: "info"}
_LONGEST_KEY: Final = 255
_SUMMARY: Final = 1_024


class PagerdutyOptions(Options):
    """A PagerDuty service."""

    routing_key: Secret
    """The integration key of an Events API v2 integration, as `env:NAME` or `file:/path`."""
    url: Location = Location("https://events.pagerduty.com/v2/enqueue")
    """In the EU: `https://events.eu.pagerduty.com/v2/enqueue`."""
    source: str = "driftsum"
    """Which Driftsum this is; part of `dedup_key`, so that two may send to one service."""


class Pagerduty:
    """One integration."""

    def __init__(self, options: PagerdutyOptions, egress: Egress, clock: Clock) -> None:
        self._options, self._egress, self._clock = options, egress, clock

    def send(self, message: Message) -> Outcome:
        """Trigger, acknowledge or resolve."""
        event = {
            "routing_key": self._options.routing_key.get(),
            "event_action": _ACTION.get(message.status, "trigger"),
            "dedup_key": dedup_key(self._options.source, message),
        }
        if event["event_action"] == "trigger":
            event |= self._story(message)
        headers = {"Content-Type": "application/json"}
        return post(self._egress, self._clock, self._options.url.get(), json_bytes(event), headers)

    def close(self) -> None:
        """Nothing is kept open."""

    def _story(self, message: Message) -> dict[str, Any]:
        story: dict[str, Any] = {
            "client": "Driftsum",
            "payload": {
                "summary": headline(message, _SUMMARY),
                "source": one_line(self._options.source, 500),
                "severity": _SEVERITY[message.urgency],
                "timestamp": isoformat(message.opened_on or message.at),
                "component": one_line(message.model or "driftsum", 500),
                "group": one_line(message.owner or message.model or "driftsum", 500),
                "class": message.family or "test",
                "custom_details": _details(message),
            },
        }
        if message.link:
            story |= {"client_url": message.link, "links": [{"href": message.link, "text": "The incident in Driftsum"}]}
        return story


def dedup_key(source: str, message: Message) -> str:
    """What all events of one incident share; what is too long is replaced by its hash."""
    key = one_line(f"{source}:{message.dedup}", 10_000)
    return key if len(key) <= _LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()


def _details(message: Message) -> dict[str, Any]:
    details = {
        "what": lines(message.text, 5_000),
        "model": one_line(message.model, 500),
        "version": one_line(message.version, 500),
        "owner": one_line(message.owner, 500),
        "since": isoformat(message.since) if message.since else "",
        "incident": message.incident,
        "change": message.change.value,
        "columns": message.columns,
        "findings": [one_line(finding(one), 500) for one in message.findings],
    }
    return {name: value for name, value in details.items() if value}


def _make(options: PagerdutyOptions, egress: Egress, clock: Clock) -> Route:
    return Pagerduty(options, egress, clock)


ROUTE = RouteKind("pagerduty", PagerdutyOptions, _make, repeats=False, notes=False)
