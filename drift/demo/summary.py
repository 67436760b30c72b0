"""What the demo ends with: counted from what the store holds, not from what the program remembers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from drift.core.catalogue import Model, Reference
from drift.core.clock import from_datetime, to_datetime
from drift.core.errors import StoreError
from drift.core.result import Outcome
from drift.demo.stream import MODEL
from drift.store import Store
from drift.store.rows import WindowRow

FIRST_MONTH, LAST_MONTH, YEAR = 4, 12, 2013
WORST: Final = 3


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the stream; a window belongs to the month of its last day."""

    month: str
    rows: int
    windows: int
    drifted: int
    predicted_late: float
    """Share of the flights that the model called late."""
    columns: dict[str, int]
    """The columns that drifted most often, with the number of windows in which they did."""


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
    drift_by_month: list[Month]
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
    windows = list(_windows(store, model))
    months = [_month(store, reference, model, windows, month) for month in range(FIRST_MONTH, LAST_MONTH + 1)]
    counted = sum(month.rows for month in months)
    if read != counted + refused:
        raise StoreError(
            f"{read} records were read, but the stored sums hold {counted} rows and {refused} dead letters; "
            "this is a bug, please report it"
        )
    results = sum(len(store.judgements(window.id)) for window in windows)
    return Summary(read, counted, refused, len(windows), results, months, round(seconds, 1))


def _windows(store: Store, model: Model) -> Iterator[WindowRow]:
    """Every window that was judged."""
    before = None
    while page := store.windows(model.id, limit=500, before=before):
        yield from (window for window in page if window.outcome is not None)
        before = page[-1].cursor


def _month(store: Store, reference: Reference, model: Model, windows: list[WindowRow], number: int) -> Month:
    zone = ZoneInfo(model.zone)
    start, end = (_midnight(number + more, zone) for more in (0, 1))
    total = store.profile(reference, start, end).profile
    mine = [window for window in windows if start < window.window.end <= end]
    columns = Counter(
        name
        for window in mine
        for name in {breach.column for breach in store.breaches(window_id=window.id) if breach.segment == 0}
    )
    late = 0.0
    if total is not None:
        prediction = total.grid.index["prediction"]
        keys = total.grid.columns[prediction].keys
        late = int(total.bin_counts(prediction)[keys.index("true")]) / total.rows()
    return Month(
        month=to_datetime(start).astimezone(zone).strftime("%Y-%m"),
        rows=total.rows() if total is not None else 0,
        windows=len(mine),
        drifted=sum(window.outcome is Outcome.DRIFT for window in mine),
        predicted_late=round(late, 4),
        columns=dict(columns.most_common(WORST)),
    )


def _midnight(month: int, zone: ZoneInfo) -> int:
    return from_datetime(datetime(YEAR + (month > LAST_MONTH), (month - 1) % 12 + 1, 1, tzinfo=zone))
