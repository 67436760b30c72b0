"""One model: is it in trouble, since when, because of what, how bad?"""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.web.views.figure import Choice, Figure, Pages, Table
from dashboards.web.views.performance import Performance


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """An alarm of a list. Times in microseconds."""

    id: int
    column: str
    """Empty: the model itself, whose performance it is about."""
    href: str
    """The column's page."""
    severity: str
    segment: str
    spec: str
    since: int
    sentence: str
    size: str
    """How many times what is tolerated; empty: not known."""
    snoozed: bool = False
    ended: int | None = None
    why: str = ""
    """Why it ended."""


@dataclass(frozen=True, slots=True)
class SegmentLine:
    """One part of the traffic in the last final window."""

    label: str
    href: str
    rows: int
    outcome: str
    drifted: int
    """Columns."""
    worst: str
    """Column; empty: none."""
    worst_href: str
    alarms: int


@dataclass(frozen=True, slots=True)
class ModelPage:
    """All of the page."""

    name: str
    state: str
    """As in the overview."""
    sentence: str
    """In trouble, since when, because of what, how bad."""
    since: int | None
    incident: int
    version: str
    owner: str
    spec: str
    specs: Sequence[Choice]
    segments: Sequence[Choice]
    segment: str
    end: int | None
    """End of the last final window."""
    late: bool
    rows: int
    waiting: str
    alarms: Sequence[AlarmLine]
    """Worst first."""
    more_alarms: int
    timeline: Figure
    heat: Figure
    columns: Pages
    """Pages of columns."""
    windows: Pages
    """Pages in time."""
    query: str
    """What columns' names have to hold."""
    until: str
    """As the address has it; empty: now."""
    volume: Figure
    prediction: str
    """Where the figure of predictions is fetched; empty: there are none."""
    parts: Sequence[SegmentLine]
    runs: Table
    performance: Performance
    metric: str = ""
    """The metric that the address chooses; empty: the usual one."""
