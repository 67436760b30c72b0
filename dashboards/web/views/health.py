"""Ingest health: can what the other pages say be trusted? Times are the clock's, microseconds, unless said."""

from dataclasses import dataclass

from dashboards.web.views.figure import Pages


@dataclass(frozen=True, slots=True)
class PartitionLine:
    """One partition."""

    name: str
    state: str
    """`reading`, `behind`, `idle`, `finished`, `gone` or `dead`."""
    lag: int
    """Records not committed yet."""
    position: int | None
    log_end: int
    watermark: int | None
    """Largest event time committed of the models that are seen."""
    owner: str
    heartbeat_at: int | None
    records: int


@dataclass(frozen=True, slots=True)
class ModelLine:
    """What one model waits for."""

    name: str
    newest: int | None
    """Largest event time committed."""
    waits: str
    """The partitions that its next window waits for; empty: it is held by none."""
    rows: int
    """Counted in the last day of its event time."""
    late: int
    """Of these, after the window's first result."""
    foreign: int
    """Of these, of a version without a reference of its own."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter."""

    id: int
    where: str
    reason: str
    detail: str
    payload: str
    cut: int
    """Characters of the payload that are not shown."""
    at: int
    replayed_at: int | None


@dataclass(frozen=True, slots=True)
class Letters:
    """Dead letters that are kept, newest first."""

    lines: tuple[Letter, ...]
    reason: str
    pages: Pages


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field of events that no reference has; event times."""

    name: str
    version: str
    kind: str
    share: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Receiver:
    """What has not reached a receiver."""

    name: str
    waiting: int
    oldest: int | None
    dead: int


@dataclass(frozen=True, slots=True)
class DeadNotice:
    """A message that was given up."""

    id: int
    receiver: str
    title: str
    error: str
    incident: int
    at: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Records that were deleted before they were read."""

    name: str
    first: int
    last: int
    at: int


@dataclass(frozen=True, slots=True)
class Health:
    """The whole page."""

    says: str
    """One sentence: whether all that was sent is counted."""
    state: str
    """`ok`, `warning` or `page`."""
    partitions: tuple[PartitionLine, ...]
    partitions_pages: Pages
    models: tuple[ModelLine, ...]
    models_pages: Pages
    reasons: tuple[tuple[str, int], ...]
    """(reason, dead letters), most first."""
    letters: Letters | None
    """None: whoever looks may not see payloads."""
    receivers: tuple[Receiver, ...]
    dead: tuple[DeadNotice, ...]
    lost: tuple[Lost, ...]
    model: str
    """The model whose unknown fields are shown; empty: none was chosen."""
    fields: tuple[FieldLine, ...]
