"""What the store hands out beyond the values of `drift.core`: one frozen type per kind of row."""

from dataclasses import dataclass

from drift.core.alarm import Alarm
from drift.core.alert import Alert
from drift.core.commit import DeadLetter, Partition
from drift.core.outcome.sums import Outcomes
from drift.core.profile import Profile
from drift.core.result import Outcome, WindowState
from drift.core.window import Window


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """For `drift status` and logs."""

    uuid: str
    dialect: str
    version: str
    """Of the linked SQLite or of the PostgreSQL server."""
    schema: str
    warning: str = ""
    """What is to be known about this version; empty: nothing."""


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition as it stands in SQL. Times are the database's."""

    partition: Partition
    epoch: int
    """0: nobody ever owned it."""
    owner: str | None
    next: int | None
    log_end: int
    heartbeat_at: int | None
    """Last sign of life of an owner, or when the partition was first seen."""
    caught_up_at: int | None
    """Since when the owner has been at the log's end without a break; None: it is behind."""
    finished: bool
    records: int
    watermarks: dict[int, int]
    """Model id → largest event time committed."""
    advanced_at: dict[int, int]
    """Model id → when that grew last."""
    now: int
    """The database's time of this reading, to compare the others with."""

    @property
    def lag(self) -> int:
        """Records not yet committed, as far as the owner knew."""
        return max(0, self.log_end - (self.next or 0))


@dataclass(frozen=True, slots=True)
class Totals:
    """Computed from stored rows; what retention has removed is no longer in them."""

    records: int | None
    """Records read, good or bad; None for a single model, because a record may belong to none."""
    rows: int
    """Rows counted into panes."""
    late: int
    foreign: int
    dead_letters: int | None
    """Refused events; None for a single model."""
    lost: int | None
    """Records in gaps; None for a single model."""


@dataclass(frozen=True, slots=True)
class PaneTotal:
    """Everything counted in a stretch of event time."""

    profile: Profile | None
    """None: no row."""
    rows: int
    late: int
    foreign: int
    straddles: bool = False
    """Compacted sums reach over its edge and are not in the profile: the stretch can no longer be told apart."""
    outcomes: Outcomes | None = None
    """Predictions and labels; None: there are none, or the reference counts none."""


@dataclass(frozen=True, slots=True)
class PaneRow:
    """One stored addend. Tier 0: a commit's delta or folded deltas; 1: an hour; 2: a day."""

    id: int
    window: Window
    tier: int
    block: int
    rows: int
    late: int
    foreign: int
    size: int
    """Bytes of the blob."""


@dataclass(frozen=True, slots=True)
class Dirty:
    """A commit touched this pane."""

    id: int
    model_id: int
    reference_id: int
    start: int
    rows: int
    """Rows that the commit added."""


@dataclass(frozen=True, slots=True)
class WindowRow:
    """A window and its latest result in short."""

    id: int
    model_id: int
    reference_id: int
    spec: str
    window: Window
    revision: int
    """0: never evaluated."""
    state: WindowState | None
    rows: int
    """At the latest evaluation."""
    dirt: int
    """Grows whenever its panes changed; goes into `WindowResult.dirt` as read with the window."""
    new_rows: int
    """Rows that came since the latest evaluation."""
    stale: bool
    """Its panes changed since the latest evaluation."""
    stale_since: int | None
    evaluated_at: int | None
    outcome: Outcome | None
    reason: str
    first_final: int | None
    """Revision of its first final result, which is kept beside the latest."""

    @property
    def cursor(self) -> tuple[int, int]:
        """Where the next page goes on."""
        return self.window.end, self.id


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One statistic of one column in one window; NaN where it does not apply or the window was not judged."""

    window_id: int
    reference_id: int
    window: Window
    value: float
    threshold: float
    outcome: Outcome
    rows: int
    state: WindowState

    @property
    def cursor(self) -> tuple[int, int]:
        """Where the next page goes on."""
        return self.window.end, self.window_id


@dataclass(frozen=True, slots=True)
class BreachRow:
    """One rule broken in a window's latest result."""

    id: int
    model_id: int
    reference_id: int
    window_id: int
    spec: str
    window: Window
    state: WindowState
    segment: int
    column: str
    statistic: str
    value: float
    threshold: float
    rule: str
    direction: str


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """A stored alarm and what became of it."""

    id: int
    model_id: int
    reference_id: int
    spec: str
    alarm: Alarm
    ended_at: int | None
    """End of the window that ended it, event time in microseconds; None: none did."""
    ended_why: str
    """Why it ended or was retracted."""
    retracted_by: int | None
    """Revision of the window whose late rows took its cause back; None: it was not."""

    @property
    def standing(self) -> bool:
        """Whether it neither ended nor was retracted."""
        return self.ended_at is None and self.retracted_by is None


@dataclass(frozen=True, slots=True)
class AlertRow:
    """A stored alert."""

    id: int
    """The same as long as its key has a row: an alert that fires again keeps it."""
    alert: Alert


@dataclass(frozen=True, slots=True)
class OutboxCount:
    """What has not reached a receiver."""

    receiver: str
    waiting: int
    dead: int
    oldest_waiting_at: int | None
    """When the oldest of those that wait was queued; None: none waits."""


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """A stored dead letter."""

    id: int
    letter: DeadLetter
    replayed_at: int | None


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """Dead letters of one reason, partition and hour, kept or not."""

    partition: Partition
    reason: str
    hour: int
    count: int
    first: int
    """Smallest offset."""
    last: int
    """Largest offset."""


@dataclass(frozen=True, slots=True)
class Retained:
    """How many rows retention removed."""

    panes: int = 0
    windows: int = 0
    dead_letters: int = 0
    idempotency: int = 0
    outcomes: int = 0
    alarms: int = 0
    incidents: int = 0
    alerts: int = 0
    events: int = 0
    """Those of alerts that were in no incident; the others go with theirs."""
    notices: int = 0
    runs: int = 0
    silences: int = 0
    marks: int = 0
    audit: int = 0
