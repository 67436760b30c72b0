"""Alerts, incidents and what was told of them, as JSON."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from drift.api.shapes import Shape
from drift.api.strict import Number, Time

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
"""Words of a person: never empty."""


class AlertAnswer(Shape):
    """One broken rule."""

    id: int
    model: str
    """Empty: the service itself."""
    version: str
    """Of the model; empty: of none."""
    rule: str
    """As `alerts:` of the model has it."""
    window: str
    """How the windows are cut that it looks at: `1h`; empty: at none."""
    segment: str
    column: str
    """Empty: the model itself."""
    detail: str
    """What tells two of one column apart: a detector, a partition."""
    state: str
    """`pending`, `firing` or `resolved`."""
    severity: str
    """`info`, `warning` or `page`."""
    sentence: str
    reason: str
    """Why it is in this state."""
    value: Number
    threshold: Number
    direction: str
    since: Time
    """Since when the rule is broken; event time, like the next three."""
    seen_at: Time
    """End of the window that was looked at last."""
    fired_at: Time | None
    resolved_at: Time | None
    snoozed: bool
    incident: int | None


class IncidentAnswer(Shape):
    """Alerts of one cause, told once."""

    id: int
    model: str
    """Empty: the service itself."""
    owner: str
    """Who is asked about the model."""
    family: str
    """`drift`, `data` (nothing comes, or too late) or `service`."""
    severity: str
    """`info`, `warning` or `page`: the loudest it has been."""
    title: str
    columns: list[str]
    """All that are or were in it, worst first; an empty name stands for the model itself."""
    alerts: int
    """Alerts that fire now."""
    open: bool
    since: Time
    """Earliest onset, event time."""
    opened_at: Time
    """End of the window that opened it, event time …"""
    opened_on: Time
    """… and when that was, by the clock."""
    resolved_at: Time | None
    """End of the window that resolved it, event time."""
    resolved_on: Time | None
    resolution: str
    """Why it is over."""
    reopened: int
    """How often it was reopened."""
    silent: bool
    """A backfill's: it tells and triggers nothing."""
    acknowledged_by: str
    """Empty: nobody has."""
    acknowledged_on: Time | None
    acknowledged_why: str
    told: list[str]
    """Receivers that were told of it."""
    quiet: str
    """Why it is not told now: a silence, maintenance, an inhibition, a snooze; empty: it is."""


class EventAnswer(Shape):
    """One line of an incident's history."""

    id: int
    happening: str
    """`opened`, `joined`, `told`, `silenced`, `acknowledged`, `run`, `closed`, …"""
    why: str
    who: str
    """Empty: the service."""
    on: Time
    """By the clock."""
    at: Time | None
    """End of the window that did it, event time."""
    column: str | None
    """Of the alert that it happened to; null: it happened to the incident."""
    rule: str | None


class NoticeAnswer(Shape):
    """One message to one receiver."""

    id: int
    receiver: str
    """The route's name."""
    incident: int | None
    model: str
    change: str
    """Why it is sent: `firing`, `escalated`, `repeated`, `acknowledged`, `resolved`, `run`, `digest`, …"""
    title: str
    key: str
    """Idempotency key: the same in every attempt."""
    state: str
    """`waiting`, `sent`, or `dead`: given up until somebody has it sent again."""
    tries: int
    error: str
    """What the last attempt said."""
    created_at: Time
    not_before: Time | None
    """Not tried before; null: it is done."""
    done_at: Time | None


class RunAnswer(Shape):
    """One retrain run."""

    id: int
    trigger: str
    """Its name in drift.yaml."""
    model: str
    incident: int | None
    """Null: a person asked for it."""
    key: str
    """Idempotency key at the target."""
    state: str
    """`asked` (somebody has to approve), `requested`, `running`, `succeeded`, `failed`, `timed_out`, `denied`,
    `skipped`."""
    created_at: Time
    changed_at: Time
    started_at: Time | None
    ended_at: Time | None
    external_id: str
    """The run's id at the target."""
    url: str
    """Where a person can look at it."""
    tries: int
    error: str
    who: str
    """Who asked, approved or denied; empty: the service."""
    why: str


class MarkAnswer(Shape):
    """Something that happened elsewhere."""

    id: int
    model: str | None
    """Null: it concerns all."""
    kind: str
    """`deploy`, `incident`, or another word."""
    text: str
    at: Time
    who: str
    created_at: Time
    url: str


class IncidentDetail(IncidentAnswer):
    """An incident with all that belongs to it; of events and notices the latest 1,000."""

    findings: list[AlertAnswer]
    """The loudest first."""
    events: list[EventAnswer]
    """Newest first."""
    notices: list[NoticeAnswer]
    """Newest first."""
    runs: list[RunAnswer]
    """Newest first."""
    marks: list[MarkAnswer]
    """Around it: from a day before its onset, newest first."""


class DecisionRequest(Shape):
    """What a person decides, and why."""

    why: Text = Field(examples=["on it: the price feed is late"])
    who: str = Field("", max_length=200, examples=["ada"])
    """Not needed with an access token: then it is the token's name."""

    model_config = ConfigDict(extra="forbid")
