"""Incidents: the list, and one with all that belongs to it. Times are microseconds; of event time unless said."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboards.web.views.figure import Pages


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """One incident of a list."""

    id: int
    title: str
    model: str
    """Empty: the service itself."""
    family: str
    severity: str
    """`info`, `warning` or `page`."""
    open: bool
    since: int
    """Earliest onset."""
    told_on: int
    """When it was detected, by the clock."""
    resolved_on: int | None
    resolution: str
    acknowledged_by: str
    columns: int
    alerts: int
    """That fire now."""
    quiet: str
    """Why nobody is told; empty: somebody is."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Filters, as the URL has them; empty: all."""

    model: str = ""
    severity: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class IncidentList:
    """Incidents, the open ones first."""

    lines: tuple[IncidentLine, ...]
    chosen: Chosen
    models: tuple[str, ...]
    """To choose from; the first by name."""
    pages: Pages


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the life of an incident."""

    name: str
    at: int | None
    """None: not yet, or never."""
    says: str = ""
    clock: bool = True
    """Whether `at` is of the clock; else of event time."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A bin whose share changed; shares 0–1."""

    label: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """One alert of the incident."""

    sentence: str
    column: str
    """Empty: the model itself."""
    rule: str
    window: str
    segment: str
    """Empty: the whole traffic."""
    state: str
    severity: str
    since: int
    seen_at: int
    reason: str
    value: float | None
    threshold: float | None
    snoozed: bool = False
    rows: int = 0
    """In the stretch that was measured; 0: no detector measured one."""
    statistics: Mapping[str, float] = field(default_factory=dict)
    moved: tuple[Shift, ...] = ()
    alarm: int | None = None
    """The detector's standing alarm, which can be answered; None: there is none."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message to a receiver."""

    id: int
    receiver: str
    change: str
    state: str
    tries: int
    error: str
    created_at: int
    done_at: int | None


@dataclass(frozen=True, slots=True)
class RunLine:
    """A retrain run."""

    id: int
    model: str
    trigger: str
    state: str
    incident: int
    """0: a person asked for it."""
    created_at: int
    changed_at: int
    who: str
    why: str
    error: str
    url: str
    tries: int
    decidable: tuple[str, ...] = ()
    """What a person may say now: `approve`, `deny`."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of history, by the clock."""

    on: int
    happening: str
    why: str
    who: str
    """Empty: the service."""
    column: str


@dataclass(frozen=True, slots=True)
class Hush:
    """What a silence may be about, for its form."""

    key: str
    words: str


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One incident."""

    line: IncidentLine
    owner: str
    version: str
    steps: tuple[Step, ...]
    evidence: tuple[Evidence, ...]
    evidence_more: int
    """Alerts that are not shown."""
    columns: tuple[str, ...]
    columns_more: int
    sent: tuple[Sent, ...]
    runs: tuple[RunLine, ...]
    history: tuple[Line, ...]
    hushes: tuple[Hush, ...]
    """Empty: it is over."""
    triggers: tuple[str, ...]
    """Triggers of the model that a retraining can be asked of."""
    acknowledged_why: str
    reopened: int
    runbook: str
    """File name of the page in docs/runbooks."""
