"""What the two lines hand to the store: everything of one SQL transaction, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from drift.core.alarm import Alarm
from drift.core.alert import AlertCommit
from drift.core.outcome.seen import Seen
from drift.core.performance import Performance
from drift.core.result import Judgement, WindowState
from drift.core.window import Window

Ints = npt.NDArray[np.int64]

PUSHED: Final = "http"
"""The source whose records are pushed to us: a dead server's partition hides no backlog."""


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One ordered stream of records: a Kafka partition, a file (topic = its content's hash), a server's HTTP queue."""

    source: str
    topic: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.topic}[{self.number}]"


@dataclass(frozen=True, slots=True)
class Claim:
    """Ownership of a partition. The epoch grows with every owner; an older one can commit nothing."""

    partition: Partition
    epoch: int
    next: int | None
    """Position of the first record not yet committed; None: nothing was ever committed here."""


@dataclass(frozen=True, slots=True)
class Advance:
    """One partition moving from `expected` to `next` within a commit."""

    claim: Claim
    expected: int | None
    """The position this buffer was read from. Never reread from SQL: that is what catches a buffer that lost rows."""
    next: int
    log_end: int
    """The partition's end as last seen by the client; equal to `next` when there is nothing left to read."""
    watermarks: Mapping[int, int] = field(default_factory=dict)
    """Model id → largest event time seen, microseconds."""
    finished: bool = False
    """An ended file: it will never hold a window open again."""
    records: int = 0
    """Records read between `expected` and `next`, good or bad; fewer than the difference where the log has holes."""


@dataclass(frozen=True, slots=True)
class PaneDelta:
    """Sums to be added to one pane of one reference. `blobs` has one entry per block of the grid."""

    model_id: int
    reference_id: int
    start: int
    rows: int
    blobs: tuple[bytes, ...]
    late: int = 0
    """Rows that came after the watermark had passed their pane's end and the lateness."""
    foreign: int = 0
    """Rows of a version without a reference of its own, judged by the model's active one."""
    sample: bytes | None = None
    """A `drift.core.sample.RowSample` of the pane's rows, where the model keeps one."""
    fields: bytes | None = None
    """The pane's `drift.core.fields.FieldSums`, where some of its events were looked at."""
    outcomes: bytes | None = None
    """Sums of predictions and labels (`drift.core.outcome`), where the reference counts them."""
    labelled: int = 0
    """Labels that met their predictions, or were corrected."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be counted. `index` tells events of one record (an array) apart."""

    partition: Partition
    offset: int
    index: int
    reason: str
    detail: str
    payload: bytes
    at: int
    """When it was refused, microseconds; decides the hour that bounds how many payloads are kept."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Records `first` … `last` of a partition that were deleted before they were read."""

    partition: Partition
    first: int
    last: int
    at: int
    after: int | None = None
    """Largest event time counted before the gap, microseconds; None: nothing was. Windows ending later are touched …"""
    until: int | None = None
    """… if they start no later than this: the smallest event time seen after the gap. None: nothing came yet."""


@dataclass(frozen=True, slots=True)
class Known:
    """n predictions with their labels."""

    keys: Ints
    """(n, 2)"""
    seen: Seen
    labels: Sequence[str]
    """Canonically spelled; each known since its prediction."""


@dataclass(frozen=True, slots=True)
class Joining:
    """Predictions and labels of one model that look for each other. Keys are (n, 2), see `drift.core.keys.id_keys`."""

    model_id: int
    predictions: Mapping[int, tuple[Ints, Seen]] = field(default_factory=dict)
    """Reference id → keys, and records of `drift.core.outcome.seen`."""
    known: Mapping[int, Known] = field(default_factory=dict)
    """Reference id → predictions whose label came beside them: counted as joined by whoever read them."""
    ids: Ints = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    """Keys of the labels."""
    labels: Sequence[str] = ()
    """Canonically spelled."""
    times: Sequence[int] = ()
    """When each label became known, microseconds."""


@dataclass(frozen=True, slots=True)
class IngestCommit:
    """Sums, positions and dead letters of one batch: one transaction, fenced."""

    catalogue_version: int
    advances: tuple[Advance, ...]
    panes: tuple[PaneDelta, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    gaps: tuple[Gap, ...] = ()
    joinings: tuple[Joining, ...] = ()
    """One a model at most."""
    idempotency: Mapping[str, bytes] = field(default_factory=dict)
    """Idempotency keys of HTTP requests in this commit → the answer they got."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do a job alone until `expires_at` (database time, microseconds); the epoch fences a late holder."""

    name: str
    holder: str
    epoch: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """What a window did to one alarm; `alarm.key` says to which."""

    kind: Literal["raised", "updated", "ended", "retracted"]
    """Raised or updated: it stands as given. Ended: kept with its end. Retracted: late rows took the cause back."""
    alarm: Alarm
    why: str = ""
    """Why it ended or was retracted, in one sentence."""
    at: int = 0
    """End of the window that did it, event time in microseconds."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What sequential detection leaves behind after one final window: stored in the same transaction as its result."""

    state: bytes
    """State of all watches of this reference and window spec after the window."""
    snapshot: bool
    """Keep it as a place to go on from when late rows come; otherwise the next state replaces it."""
    changes: tuple[AlarmChange, ...] = ()
    abouts: Mapping[tuple[int, str], bytes] = field(default_factory=dict)
    """(Segment index, detector) → what its watch knows of each column, packed; replaced as a whole."""
    drop_states_from: int | None = None
    """States of windows that start at or after it are void, microseconds: the stretch is stepped again."""
    keep_states_after: int = 0
    """Snapshots of windows that start before it go, but for the newest of them."""
    after: Window | None = None
    """The window that the state was taken after, where that is not the result's own: later ones were stepped again."""
    standing: tuple[Alarm, ...] = ()
    """All that stand after it, worst first; not stored with it."""


@dataclass(frozen=True, slots=True)
class WindowResult:
    """One revision of one window of one reference, ready to be stored."""

    model_id: int
    reference_id: int
    spec: str
    window: Window
    revision: int
    state: WindowState
    rows: int
    evaluated_at: int
    judgements: Mapping[int, Judgement] = field(default_factory=dict)
    """Segment index → its judgement. Empty for an incomplete window."""
    performances: Mapping[int, Performance] = field(default_factory=dict)
    """Segment index → how well the model did; only where judgements are."""
    reason: str = ""
    dirt: int = 0
    """The window's mark counter when its panes were read: rows marked after that keep the window stale."""
    detection: Detection | None = None
    """None: no sequential detector stepped on this window."""
    late: bool = False
    """It had been final before: rows came late."""


@dataclass(frozen=True, slots=True)
class EvaluationCommit:
    """Results of one slice of evaluation: one transaction, fenced by the lease."""

    lease: Lease
    dirty_ids: tuple[int, ...]
    """Exactly the dirty rows that were read before the panes; they are deleted."""
    results: tuple[WindowResult, ...]
    alerting: AlertCommit | None = None
    """What these results mean to alerts and incidents."""
