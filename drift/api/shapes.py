"""What the API sends and takes, as JSON. Times are RFC 3339 in UTC, NaN is null."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from drift.api.strict import Number, Time
from drift.config import ModelSettings


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)


class RefusedEvent(Shape):
    """An event that was not counted; it stands among the dead letters."""

    index: int
    """Its place in the request, from 0."""
    reason: str
    detail: str


class EventsAnswer(Shape):
    """What became of the events: all of it is committed."""

    accepted: int
    rejected: list[RefusedEvent]
    repeated: bool = False
    """The key was known: this is what it was answered, and nothing was counted now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "accepted": 1,
                    "rejected": [{"index": 1, "reason": "missing_time", "detail": "the event has no time"}],
                    "repeated": False,
                }
            ]
        }
    )


class ModelAnswer(Shape):
    """A watched model."""

    name: str
    pane: str
    lateness: str
    timezone: str
    windows: list[str]
    settings: dict[str, Any]
    """Its part of drift.yaml."""


class ModelRequest(ModelSettings):
    """A model as in drift.yaml, without a path: references are uploaded."""

    reference: None = None
    """Upload it: `POST /v1/references?model=NAME&version=VERSION`."""


class ReferenceAnswer(Shape):
    """A registered reference."""

    id: int
    model: str
    version: str
    content_hash: str
    rows: int
    columns: int
    """Columns that are watched."""
    segments: list[str]
    active_from: Time
    """Event time from which it judges."""
    created_at: Time


class ReferenceDetail(ReferenceAnswer):
    """A reference with what was inferred from its data."""

    summary: dict[str, Any]


class WindowAnswer(Shape):
    """A window and its latest result in short."""

    id: int
    model: str
    version: str
    window: str
    """How it was cut: `1h`."""
    start: Time
    end: Time
    state: str | None
    """`provisional`, `final` or `incomplete`; null: not judged yet."""
    outcome: str | None
    """`drift`, `no_drift` or `insufficient_data`."""
    rows: int
    revision: int
    reason: str
    evaluated_at: Time | None
    stale: bool
    """Rows came since."""


class BreachAnswer(Shape):
    """One rule broken by one column."""

    column: str
    statistic: str
    value: Number
    threshold: Number
    rule: str
    direction: str


class ColumnAnswer(Shape):
    """One column of a judgement."""

    column: str
    outcome: str
    statistics: dict[str, Number]
    thresholds: dict[str, Number]
    """Of the statistics that a rule looks at."""


class RowTestAnswer(Shape):
    """What one test over row samples says."""

    test: str
    column: str
    """Empty: all columns together."""
    value: Number
    """Of the statistic; null: too few rows."""
    threshold: Number
    p_value: Number
    """Null where the test has none of its own."""
    drifted: bool
    rows: tuple[int, int]
    """Rows (values, for one column) of the window's and the reference's sample."""
    columns: list[str]
    """Those that tell the two samples apart best, the best first."""
    why: str
    """Why there is no value."""


class JudgementAnswer(Shape):
    """The verdict on one segment of a window."""

    segment: str
    rows: int
    outcome: str
    reason: str
    breaches: list[BreachAnswer]
    columns: list[ColumnAnswer]


class WindowDetail(WindowAnswer):
    """A window with its judgements."""

    segments: dict[str, str]
    """Segment → its outcome."""
    judgement: JudgementAnswer | None
    """Of the segment asked for; null where it was not judged."""


class PointAnswer(Shape):
    """One statistic of one column in one window."""

    window_id: int
    version: str
    start: Time
    end: Time
    value: Number
    threshold: Number
    outcome: str
    rows: int
    state: str


class ListedBreach(BreachAnswer):
    """A breach and where it stands."""

    id: int
    window_id: int
    version: str
    window: str
    start: Time
    end: Time
    state: str
    segment: str


class DeadLetterAnswer(Shape):
    """An event that could not be counted."""

    id: int
    source: str
    topic: str
    partition: int
    offset: int
    index: int
    """Its place in the record."""
    reason: str
    detail: str
    at: Time
    replayed_at: Time | None
    payload: str
    """As text; bytes that are none appear as \\\\xNN."""


class ReplayRequest(Shape):
    """Which dead letters to feed in again; each is replayed once."""

    ids: list[Annotated[int, Field(strict=True, ge=1, lt=2**63)]] = Field(
        min_length=1, max_length=1000, examples=[[17, 18]]
    )

    model_config = ConfigDict(extra="forbid")


class RetireRequest(Shape):
    """A topic whose partitions will never be read again."""

    source: str = Field(min_length=1, max_length=200, examples=["kafka"])
    topic: str = Field(min_length=1, max_length=500, examples=["predictions-old"])

    model_config = ConfigDict(extra="forbid")


class RetireAnswer(Shape):
    """What became of them."""

    retired: int
    """Partitions that hold no window any more."""


class ReplayAnswer(Shape):
    """What became of them."""

    replayed: int
    """Fed in now; those that had been before are passed over."""
    counted: int
    """Events of these that were counted; the others are dead letters again."""


class PartitionAnswer(Shape):
    """One partition of a source."""

    source: str
    topic: str
    partition: int
    position: int | None
    log_end: int
    lag: int
    owner: str | None
    heartbeat_at: Time | None
    finished: bool
    records: int
    watermarks: dict[str, Time]
    """Model → largest event time committed."""


class GapAnswer(Shape):
    """Records that were deleted before they were read."""

    source: str
    topic: str
    partition: int
    first: int
    last: int
    at: Time


class FieldAnswer(Shape):
    """A field that events have and no reference knows: it is not counted."""

    version: str
    """Of the model, in whose events it was seen."""
    name: str
    type: str | None
    """The JSON type of most of its values; null: objects, or not known."""
    share: float
    """Of the kept stretch's events, an estimate: some of them were looked at."""
    first_seen: Time
    last_seen: Time


class FieldsAnswer(Shape):
    """The fields that nobody watches."""

    fields: list[FieldAnswer]
    more: bool
    """Whether there were more names than are kept."""


class TotalsAnswer(Shape):
    """Sums over all that is stored."""

    records: int | None
    rows: int
    late: int
    foreign: int
    """Rows of a version without a reference of its own."""
    dead_letters: int | None
    lost: int | None
    """Records in gaps."""


class StoreAnswer(Shape):
    """What the sums are kept in."""

    kind: str
    version: str
    table_version: str
    uuid: str
    warning: str


class StatusAnswer(Shape):
    """The service at a glance."""

    release: str
    now: Time
    store: StoreAnswer
    totals: TotalsAnswer
    dead_letters: dict[str, int]
    """Reason → how many."""
    partitions: list[PartitionAnswer]
    gaps: list[GapAnswer]
    waiting: dict[str, str]
    """Model → what its next window waits for."""


class Health(Shape):
    """A probe's answer."""

    status: str


class ErrorBody(Shape):
    """What was wrong."""

    code: str
    """A word for programs."""
    message: str
    """A sentence for people."""


class ErrorAnswer(Shape):
    """Every refusal has this shape."""

    error: ErrorBody

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"error": {"code": "not_found", "message": "there is no model 'credit'; there are 'churn'"}}]
        }
    )
