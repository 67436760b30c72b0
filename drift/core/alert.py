"""Alerts, the incidents they are grouped into, and what is sent about them: values, all times in microseconds.

    result of a window ──> Alert (one rule, column, segment) ──> Incident (one cause) ──> Notice (one receiver)
                                                                                     └──> Run (one retrain trigger)

Alerts and incidents move in event time (`since`, `fired_at`, …: the end of the window that did it); people, silences,
notices and runs live by the clock (`…_on`, `created_at`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from drift.core.window import Window


class AlertState(StrEnum):
    """Where an alert stands."""

    INACTIVE = "inactive"
    """Nothing is wrong, and nothing was."""
    PENDING = "pending"
    """The rule is broken, but not for as long as it has to be."""
    FIRING = "firing"
    RESOLVED = "resolved"
    """It fired, and is over."""


class Urgency(StrEnum):
    """How loud an alert is; an incident is as loud as its loudest alert."""

    INFO = "info"
    """Kept and shown, told to nobody who does not ask for it."""
    WARNING = "warning"
    """Told, wakes nobody."""
    PAGE = "page"
    """Wakes somebody."""

    @property
    def rank(self) -> int:
        """0 … 2, louder is more."""
        return list(Urgency).index(self)


@dataclass(frozen=True, slots=True, order=True)
class AlertKey:
    """What tells an alert from all others."""

    model_id: int
    """0: the service itself."""
    rule: str
    """Name of the rule in `alerts:` of the model: `drift`, `no_data`, `psi > 0.3`, …"""
    reference_id: int = 0
    """0: of no reference."""
    spec: str = ""
    """Window spec; empty: of none."""
    segment: int = 0
    """Index in the grid; 0 is the whole traffic."""
    column: str = ""
    """Empty: the model itself."""
    detail: str = ""
    """What tells two of the same column apart: the detector, the rule's text, the partition."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One broken rule."""

    key: AlertKey
    state: AlertState
    urgency: Urgency
    since: int
    """Since when the rule is broken: start of the stretch, event time."""
    seen_at: int
    """End of the window that was looked at last, event time."""
    fired_at: int | None = None
    resolved_at: int | None = None
    value: float | None = None
    threshold: float | None = None
    direction: str = ""
    sentence: str = ""
    """What a person should read."""
    reason: str = ""
    """Why it is in this state: the last transition's."""
    snoozed: bool = False
    """Somebody asked for silence about this column; it is shown and tells nobody."""
    incident_id: int = 0
    """The incident it is or was in last; 0: none."""
    raised: Window | None = None
    """The window that broke the rule first."""
    held: int = 0
    """Windows in a row that broke it."""
    latched: bool = False
    """A detector keeps it: it stands until the detector ends it."""
    kept_since: int | None = None
    """Of a firing alert: since when the rule is kept by its margin; None: it is not."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one receiver was told of an incident last."""

    receiver: str
    status: str
    """`firing`, `acknowledged` or `resolved`."""
    urgency: Urgency
    on: int
    """When, by the clock."""
    nth: int
    """Notices of the incident to this receiver so far; part of their keys."""
    alerts: int = 0
    """Alerts that were in it."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts of one cause: told once, worst first."""

    id: int
    model_id: int
    """0: the service itself."""
    family: str
    """`drift` (inputs, outputs, quality, performance), `data` (nothing comes, or not in time), or `service`."""
    urgency: Urgency
    """The loudest it has been since it was opened."""
    since: int
    """Earliest onset, event time."""
    opened_at: int
    """End of the window that opened it, event time …"""
    opened_on: int
    """… and when that was, by the clock."""
    reference_id: int = 0
    title: str = ""
    """One line: what a person reads on a telephone."""
    columns: tuple[str, ...] = ()
    """All that are or were in it, worst first."""
    alerts: int = 0
    """Alerts that fire now."""
    resolved_at: int | None = None
    """None: it is open."""
    resolved_on: int | None = None
    resolution: str = ""
    """Why it is over: `recovered`, `retrained as version 4`, `accepted as baseline`, `retracted by revision 3`, …"""
    replaced_by: int = 0
    """The reference that a retrained model came with and that resolved it; 0: none did."""
    reopened: int = 0
    """How often it was reopened; by the same drift after a retraining at most once."""
    silent: bool = False
    """A backfill's: it is kept, and tells and triggers nothing."""
    seen_at: int = 0
    """End of the last window that had a say, event time."""
    told: tuple[Told, ...] = ()
    acknowledged_by: str = ""
    """Empty: nobody has. Written by people only, never by the evaluator."""
    acknowledged_on: int | None = None
    acknowledged_why: str = ""
    span: Window | None = None
    """From the first to the last of the windows, one close to the other, that its alerts were raised in."""

    @property
    def open(self) -> bool:
        """Whether anything in it still fires."""
        return self.resolved_at is None


class Happening(StrEnum):
    """What can happen to an incident or an alert in it."""

    PENDING = "pending"
    FIRED = "fired"
    RESOLVED = "resolved"
    """An alert did."""
    RETRACTED = "retracted"
    """A late revision took an alert's cause back."""
    OPENED = "opened"
    JOINED = "joined"
    ESCALATED = "escalated"
    CLOSED = "closed"
    REOPENED = "reopened"
    SILENCED = "silenced"
    """It would have been told, but for a silence, a maintenance window or an inhibition."""
    TOLD = "told"
    """A notice was queued."""
    ACKNOWLEDGED = "acknowledged"
    RUN = "run"
    """A retrain run was asked for, approved, started, ended, …"""
    MARK = "mark"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of history; never changed."""

    incident_id: int
    """0: of an alert that is in none."""
    happening: Happening
    why: str
    on: int
    """By the clock."""
    at: int | None = None
    """End of the window that did it, event time."""
    who: str = ""
    """Empty: the service."""
    key: AlertKey | None = None
    """The alert it happened to; None: to the incident as a whole."""
    id: int = 0


class NoticeState(StrEnum):
    """Where a notice stands."""

    WAITING = "waiting"
    SENT = "sent"
    """The receiver answered 2xx."""
    DEAD = "dead"
    """Given up: refused for good, or tried too often. Shown, alerted on, and can be sent again."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one receiver: a row of the outbox."""

    receiver: str
    """A route's name."""
    stream: str
    """Notices of one receiver and stream are delivered in the order of their ids: `incident:7`, `digest`, …"""
    key: str
    """Idempotency key: the same in every attempt, of no other notice."""
    body: bytes
    """An `alerts.message.Message` as JSON."""
    created_at: int
    """By the clock, like the other times."""
    id: int = 0
    state: NoticeState = NoticeState.WAITING
    tries: int = 0
    not_before: int = 0
    """Not to be tried before."""
    error: str = ""
    """What the last attempt said."""
    done_at: int | None = None
    """When it was sent or given up."""


class RunState(StrEnum):
    """Where a retrain run stands."""

    ASKED = "asked"
    """Somebody has to approve it."""
    REQUESTED = "requested"
    """To be started: the trigger was not accepted yet."""
    RUNNING = "running"
    """Accepted by the target, not ended as far as it says."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It ended badly, or could not be started."""
    TIMED_OUT = "timed_out"
    DENIED = "denied"
    """A person said no."""
    SKIPPED = "skipped"
    """A rehearsal (`dry_run`): what would have been sent was written down."""

    @property
    def in_flight(self) -> bool:
        """Whether the model has to wait for it."""
        return self in (RunState.ASKED, RunState.REQUESTED, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class Run:
    """One retrain run of one trigger."""

    trigger: str
    """The trigger's name in drift.yaml."""
    model_id: int
    incident_id: int
    """0: a person asked for it, about no incident."""
    key: str
    """Idempotency key: on a target that honours it, at most one run ever starts with it."""
    state: RunState
    created_at: int
    """By the clock, like the other times."""
    changed_at: int
    conf: Mapping[str, Any] = field(default_factory=dict)
    """What the pipeline is given: model, version, window, onset, evidence, where to fetch the drifted stretch."""
    id: int = 0
    external_id: str = ""
    """The run's id at the target."""
    url: str = ""
    """Where a person can look at it."""
    tries: int = 0
    not_before: int = 0
    error: str = ""
    who: str = ""
    """Who approved, denied or asked for it; empty: the service."""
    why: str = ""
    started_at: int | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """Incidents that match tell nobody between two moments of the clock."""

    matchers: Mapping[str, str]
    """Label (`model`, `owner`, `family`, `severity`, `column`, `rule`) → a name, or a pattern with `*` and `?`."""
    starts_at: int
    ends_at: int
    who: str
    why: str
    created_at: int
    id: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened elsewhere, to be seen beside drift: a deploy, an incident of another system."""

    model_id: int
    """0: it concerns all."""
    at: int
    """When it happened."""
    kind: str
    """`deploy`, `incident`, or a word of the sender's."""
    text: str
    who: str
    created_at: int
    url: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what; never changed, never removed but by retention."""

    at: int
    who: str
    action: str
    """`silence.create`, `run.approve`, `token.revoke`, …"""
    target: str
    """What it was done to: `silence 4`, `model credit`, …"""
    detail: str = ""
    id: int = 0


class Scope(StrEnum):
    """What a token allows."""

    INGEST = "ingest"
    """To send events and labels."""
    READ = "read"
    OPERATE = "operate"
    """To acknowledge, silence, approve, answer, resend, set marks, register references; includes read."""
    ADMIN = "admin"
    """All, and to make tokens."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token as it is kept: its secret is known to its holder only."""

    name: str
    scopes: tuple[Scope, ...]
    models: tuple[str, ...]
    """Names or patterns; empty: all."""
    digest: bytes
    """SHA-256 of the secret."""
    created_at: int
    created_by: str
    expires_at: int | None = None
    revoked_at: int | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class AlertCommit:
    """What alerting leaves behind in one transaction, with the results that caused it or alone."""

    alerts: tuple[Alert, ...] = ()
    """Written as given; an `INACTIVE` one is removed."""
    incidents: tuple[Incident, ...] = ()
    """Written as given, but for what people write (`acknowledged_…`). Ids are given out by the evaluator."""
    events: tuple[Event, ...] = ()
    notices: tuple[Notice, ...] = ()
    """A notice whose key is there already is not written again."""
    runs: tuple[Run, ...] = ()
    """New runs, likewise. One whose model has a run in flight is refused."""

    def __bool__(self) -> bool:
        return bool(self.alerts or self.incidents or self.events or self.notices or self.runs)
