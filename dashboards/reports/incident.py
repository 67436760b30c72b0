"""What an incident report shows: values, made elsewhere; all times in microseconds since the epoch."""

from dataclasses import dataclass

from dashboards.reports.texts import lasted


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an incident's life, from its onset to its end."""

    name: str
    text: str
    """What is known of it; empty: it has not happened."""
    event: int | None = None
    """By event time."""
    clock: int | None = None
    """By the clock."""

    @property
    def done(self) -> bool:
        """Whether it has happened."""
        return bool(self.text)


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a column's values: its share of the rows in the reference and in the stretch, 0–1."""

    label: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Point:
    """One statistic, or the number of rows, in one window."""

    start: int
    end: int
    value: float
    """NaN: there is none."""
    threshold: float = float("nan")
    """NaN: no rule looks at it."""
    drifted: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One column in one segment: what it was, and what it became."""

    name: str
    segment: str
    """Empty: all traffic."""
    window: str
    """How the windows are cut."""
    severity: str
    state: str
    sentence: str
    since: int
    until: int
    """End of the stretch that is drawn."""
    bars: tuple[Bar, ...]
    rows: tuple[int, int]
    """Of the reference and of the stretch."""
    note: str
    """What a reader of the distribution has to know; why there is none."""
    statistic: str
    points: tuple[Point, ...]
    """Ascending."""
    measured: tuple[tuple[str, float], ...]
    """Statistics over the stretch."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One alert of the incident."""

    column: str
    segment: str
    window: str
    severity: str
    state: str
    since: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of history: what happened, and who did it."""

    clock: int
    what: str
    column: str
    why: str
    who: str
    """Empty: the service."""


@dataclass(frozen=True, slots=True)
class Told:
    """One message to one receiver."""

    clock: int
    receiver: str
    change: str
    state: str
    error: str


@dataclass(frozen=True, slots=True)
class Run:
    """One retrain run."""

    number: int
    trigger: str
    state: str
    clock: int
    who: str
    why: str
    url: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened elsewhere."""

    event: int
    kind: str
    text: str
    who: str


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """An incident on one page."""

    number: int
    title: str
    model: str
    """Empty: the service itself."""
    version: str
    owner: str
    family: str
    severity: str
    status: str
    """Where it stands, in a few words."""
    since: int
    until: int
    """Its end; while it is open, the end of the last window that had a say."""
    made_at: int
    link: str
    """The incident's page; empty: the service does not know its address."""
    because: str
    how_bad: str
    steps: tuple[Step, ...]
    columns: tuple[Column, ...]
    findings: tuple[Finding, ...]
    history: tuple[Line, ...]
    """Oldest first."""
    told: tuple[Told, ...]
    runs: tuple[Run, ...]
    marks: tuple[Mark, ...]
    traffic: tuple[Point, ...]
    """Rows of each window around it."""
    traffic_window: str
    left_out: tuple[str, ...] = ()
    """What there was too much of: `12 more columns`."""

    @property
    def over(self) -> bool:
        """Whether it is resolved."""
        return any(step.name == "Resolved" and step.done for step in self.steps)

    @property
    def lasted(self) -> str:
        """How long it has been, in words."""
        return lasted(self.until - self.since)
