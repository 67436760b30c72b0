"""What a receiver is told of an incident: a value that every route renders in its own way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from drift.core.alert import Urgency


class Change(StrEnum):
    """Why the message is sent."""

    FIRING = "firing"
    """The incident was opened, or its silence ended."""
    ESCALATED = "escalated"
    """A warning became a page."""
    REPEATED = "repeated"
    """It still fires, and `repeat_interval` has passed."""
    REOPENED = "reopened"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    RUN = "run"
    """A retrain run was asked for, started or ended."""
    DIGEST = "digest"
    TEST = "test"


class Status(StrEnum):
    """What a receiver should show."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    NOTE = "note"
    """Nothing to be opened or closed: a digest, news of a retrain run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One alert of the incident, for a list."""

    column: str
    """Empty: the model itself."""
    sentence: str
    rule: str
    urgency: Urgency
    segment: str = ""
    """As in `channel=web`; empty: the whole traffic."""
    window: str = ""
    """The window spec."""
    value: float | None = None
    threshold: float | None = None
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Times are microseconds since the epoch."""

    key: str
    """Idempotency key; the same in every attempt."""
    change: Change
    status: Status
    urgency: Urgency
    title: str
    """One line."""
    text: str = ""
    """Sentences: what was observed, and what can be done."""
    incident: int = 0
    """0: about no incident."""
    model: str = ""
    """Empty: the service itself."""
    version: str = ""
    owner: str = ""
    family: str = ""
    since: int = 0
    """Earliest onset, event time."""
    opened_on: int = 0
    """When the incident was opened, by the clock."""
    at: int = 0
    """When this message was made, by the clock."""
    resolution: str = ""
    who: str = ""
    """Who acknowledged it."""
    columns: int = 0
    """How many columns are in it; `findings` may name fewer. 0: it is about the model itself, or its data."""
    findings: tuple[Finding, ...] = ()
    """Worst first, ten at most."""
    link: str = ""
    """The incident's page; empty: the service does not know its own address."""
    run: Mapping[str, Any] = field(default_factory=dict)
    """Of a retrain run: `trigger`, `state`, `url`, `error`, `id`."""

    @property
    def dedup(self) -> str:
        """What all messages of one incident share at a receiver."""
        return f"driftsum-{self.incident}" if self.incident else self.key

    def dump(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)

    @staticmethod
    def load(body: bytes) -> "Message":
        """The message again."""
        return msgspec.json.decode(body, type=Message)


def labels(message: Message) -> dict[str, str]:
    """What a route's matchers, a silence and an Alertmanager see of it; no measured values."""
    found = {
        "alertname": {"drift": "ModelDrift", "data": "ModelData", "service": "DriftService"}.get(
            message.family, "Driftsum"
        ),
        "model": message.model,
        "owner": message.owner,
        "severity": message.urgency.value,
        "family": message.family,
        "incident": str(message.incident) if message.incident else "",
    }
    return {name: value for name, value in found.items() if value}
