"""What the demo ends with: read from what the store holds, not from what the program remembers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from drift.core.alarm import Severity
from drift.core.catalogue import Model, Reference
from drift.core.clock import from_datetime, to_datetime
from drift.core.errors import StoreError
from drift.demo.stream import MODEL
from drift.store import Store
from drift.store.rows import AlarmRow, WindowRow

FIRST_MONTH, LAST_MONTH, YEAR = 4, 12, 2013
_MOST: Final = 10_000
"""Alarms that are read at most."""


@dataclass(frozen=True, slots=True)
class Told:
    """One alarm. Days are New York's."""

    told: str
    """The day at whose end somebody could know."""
    severity: str
    """`page`: somebody would have been woken; `warning`: it is shown, and wakes nobody."""
    column: str
    since: str
    """The first day that differs."""
    until: str | None
    """The day at whose end it was over; None: it stands."""
    sentence: str
    """What moved, how far, and what is borne."""


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the stream; a window belongs to the month of its day."""

    month: str
    rows: int
    windows: int
    predicted_late: float
    """Share of the flights that the model called late."""
    pages: int
    """Alarms raised in this month that woke somebody …"""
    warnings: int
    """… and that did not."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The last line of `drift demo --once --json`."""

    rows_read: int
    """Records that the source delivered, as the committed positions say."""
    rows_counted: int
    """Rows in the stored sums of all panes, unpacked and added up."""
    dead_letters: int
    windows: int
    """Windows judged."""
    results: int
    """Judgements: one for each window and segment."""
    alarms: list[Told]
    """In the order in which they were told."""
    months: list[Month]
    seconds: float


def summarise(store: Store, seconds: float) -> Summary:
    """Read it all back.

    Raises:
        StoreError: a row that was read is neither counted nor a dead letter; that would be a bug.
    """
    model = store.catalogue().models[MODEL]
    reference = store.references(model.id)[0]
    totals = store.totals()
    read, refused = totals.records or 0, totals.dead_letters or 0
    windows, alarms = list(_windows(store, model)), sorted(store.alarms(model.id, limit=_MOST), key=_order)
    months = [_month(store, reference, model, windows, alarms, at) for at in range(FIRST_MONTH, LAST_MONTH + 1)]
    counted = sum(month.rows for month in months)
    if read != counted + refused:
        raise StoreError(
            f"{read} records were read, but the stored sums hold {counted} rows and {refused} dead letters; "
            "this is a bug, please report it"
        )
    results = sum(len(store.judgements(window.id)) for window in windows)
    told = [_told(row, ZoneInfo(model.zone)) for row in alarms]
    return Summary(read, counted, refused, len(windows), results, told, months, round(seconds, 1))


def _windows(store: Store, model: Model) -> Iterator[WindowRow]:
    """Every window that was judged."""
    before = None
    while page := store.windows(model.id, limit=500, before=before):
        yield from (window for window in page if window.outcome is not None)
        before = page[-1].cursor


def _order(row: AlarmRow) -> tuple[int, bool, str, str]:
    alarm = row.alarm
    return alarm.raised.end, alarm.severity is not Severity.PAGE, alarm.column, alarm.detector


def _told(row: AlarmRow, zone: ZoneInfo) -> Told:
    alarm = row.alarm
    return Told(
        told=_day(alarm.raised.end - 1, zone),
        severity=str(alarm.severity),
        column=alarm.column,
        since=_day(alarm.onset, zone),
        until=None if row.ended_at is None else _day(row.ended_at - 1, zone),
        sentence=alarm.sentence,
    )


def _month(
    store: Store, reference: Reference, model: Model, windows: Sequence[WindowRow], alarms: Sequence[AlarmRow],
    number: int,
) -> Month:  # fmt: skip
    zone = ZoneInfo(model.zone)
    start, end = (_midnight(number + more, zone) for more in (0, 1))
    total = store.profile(reference, start, end).profile
    raised = [row.alarm.severity for row in alarms if start < row.alarm.raised.end <= end]
    late = 0.0
    if total is not None:
        prediction = total.grid.index["prediction"]
        keys = total.grid.columns[prediction].keys
        late = int(total.bin_counts(prediction)[keys.index("true")]) / total.rows()
    return Month(
        month=_day(start, zone)[:7],
        rows=total.rows() if total is not None else 0,
        windows=sum(start < window.window.end <= end for window in windows),
        predicted_late=round(late, 4),
        pages=raised.count(Severity.PAGE),
        warnings=raised.count(Severity.WARNING),
    )


def _day(micros: int, zone: ZoneInfo) -> str:
    return to_datetime(micros).astimezone(zone).strftime("%Y-%m-%d")


def _midnight(month: int, zone: ZoneInfo) -> int:
    return from_datetime(datetime(YEAR + (month > LAST_MONTH), (month - 1) % 12 + 1, 1, tzinfo=zone))
