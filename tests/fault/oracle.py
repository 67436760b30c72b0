"""What the sums have to be: every record read once, in plain loops, by none of the code under test but the grids' bins.

`Oracle.read` takes a partition's records in order; afterwards `totals`, `refused`, `watermarks` and `records` hold what
a store has to hold. Values are memoised per record, so that a log with repetitions is read fast.
"""

import json
import math
import re
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.catalogue import Reference
from drift.core.grid import ColumnGrid, Grid
from drift.core.schema import Kind
from tests.fault.world import RARE, Watched

MISSING, NAN, INF, WRONG = range(4)
DAY: Final = 86_400_000_000
HOUR: Final = 3_600_000_000
LAST: Final = 9_214_646_400  # seconds: the end of 2261
MAX_RECORD: Final = 1 << 20


@dataclass
class Total:
    """One pane."""

    ints: npt.NDArray[np.int64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    late: int = 0
    foreign: int = 0

    @staticmethod
    def empty(grid: Grid) -> "Total":
        shape = Shape.of(grid)
        bounds = (shape.segments, len(shape.squares))
        return Total(
            np.zeros((shape.segments, shape.width), np.int64), np.full(bounds, np.inf), np.full(bounds, -np.inf)
        )

    def add(self, other: "Total") -> None:
        self.ints += other.ints
        self.low = np.minimum(self.low, other.low)
        self.high = np.maximum(self.high, other.high)
        self.late += other.late
        self.foreign += other.foreign

    @property
    def rows(self) -> int:
        return int(self.ints[0, 0])


_shapes: dict[int, "Shape"] = {}
"""By the grid's address, for hashing a grid takes longer than counting a row."""


@dataclass(frozen=True)
class Shape:
    """Where each column's numbers stand: rows, every column's slots, sums per bin, squares."""

    slots: dict[str, int]
    sums: dict[str, int]
    squares: dict[str, int]
    width: int
    segments: int

    @staticmethod
    def of(grid: Grid) -> "Shape":
        known = _shapes.get(id(grid))
        if known is None:
            known = _shapes[id(grid)] = Shape._measure(grid)
        return known

    @staticmethod
    def _measure(grid: Grid) -> "Shape":
        at, slots, sums, squares = 1, {}, {}, {}
        for column in grid.columns:
            slots[column.name] = at
            at += bins(column) + 4
        measured = [column for column in grid.columns if numbers(column)]
        for column in measured:
            sums[column.name] = at
            at += bins(column)
        for column in measured:
            squares[column.name] = at
            at += 1
        return Shape(slots, sums, squares, at, 1 + sum(len(s.values) + 1 for s in grid.segment_grids))


def numbers(column: ColumnGrid) -> bool:
    return column.column.kind in (Kind.NUMERIC, Kind.ORDINAL)


def bins(column: ColumnGrid) -> int:
    if column.column.kind is Kind.NUMERIC:
        return len(column.edges) + 1
    return len(column.values) + 1 if numbers(column) else len(column.keys) + 2


@dataclass
class Row:
    """One event that counts: where, and what it adds."""

    model: str
    reference: Reference
    time: int
    start: int
    foreign: bool
    cells: list[tuple[int, int, int]] = field(default_factory=list)  # segment, place, value
    bounds: list[tuple[int, float]] = field(default_factory=list)  # measured column, value


class RefusedError(Exception):
    """The event belongs to the dead letters."""


class Oracle:
    """Reads logs."""

    def __init__(self, watched: Sequence[Watched], references: Mapping[str, Sequence[Reference]]) -> None:
        """`references` by model name."""
        self._models = {model.name: model for model in watched}
        self._references = references
        self._known: dict[bytes, list[Row | str]] = {}
        self._seen: Counter[bytes] = Counter()
        self._late: Counter[tuple[int, int]] = Counter()
        self._horizon = time.time() * 1e6 + 300e6
        self.records: Counter[int] = Counter()
        self.refused: Counter[tuple[int, str]] = Counter()
        self.watermarks: dict[tuple[int, str], int] = {}
        self.gaps: list[tuple[int, int, int, int, int]] = []
        """Partition, first, last, event time before and behind; −1: none."""
        self.lost: Counter[int] = Counter()

    def gap(self, partition: int, first: int, last: int) -> None:
        """Records that are deleted before they are read: they come next in the log, and never arrive."""
        self.gaps.append((partition, first, last, min(self._marks(partition), default=-1), -1))
        self.lost[partition] += last - first + 1

    def _marks(self, partition: int) -> list[int]:
        return [mark for (owner, _), mark in self.watermarks.items() if owner == partition]

    def _close(self, partition: int, rows: Sequence[Row]) -> None:
        front = max(self._marks(partition), default=-1)
        ahead = [row.time for row in rows if row.time > front]
        if ahead:
            self.gaps = [(*g[:4], max(ahead)) if g[0] == partition and g[4] < 0 else g for g in self.gaps]

    def read(self, partition: int, values: Iterable[bytes | None]) -> None:
        """The next records of a partition, in order."""
        for value in values:
            self.records[partition] += 1
            if value is None:
                self.refused[partition, "empty"] += 1
                continue
            outcomes = self._known.get(value)
            if outcomes is None:
                outcomes = self._known[value] = list(self._record(value))
            self._seen[value] += 1
            self._close(partition, [row for row in outcomes if isinstance(row, Row)])
            marks = {
                row.model: self.watermarks.get((partition, row.model), -1) for row in outcomes if isinstance(row, Row)
            }
            for outcome in outcomes:
                if isinstance(outcome, str):
                    self.refused[partition, outcome] += 1
                    continue
                model = self._models[outcome.model]
                if outcome.start + model.pane + model.lateness <= marks[model.name]:
                    self._late[outcome.reference.id, outcome.start] += 1
                key = partition, model.name
                self.watermarks[key] = max(self.watermarks.get(key, -1), outcome.time)

    def totals(self) -> dict[tuple[int, int], Total]:
        """(reference id, pane start) → its sums."""
        found: dict[tuple[int, int], Total] = {}
        for value, times in self._seen.items():
            for row in self._known[value]:
                if isinstance(row, Row):
                    self._add(found, row, times)
        for key, late in self._late.items():
            found[key].late = late
        return found

    def _add(self, found: dict[tuple[int, int], Total], row: Row, times: int) -> None:
        key = row.reference.id, row.start
        if key not in found:
            found[key] = Total.empty(row.reference.grid)
        total = found[key]
        for segment, place, value in row.cells:
            total.ints[segment, place] += value * times
        for measured, number in row.bounds:
            total.low[0, measured] = min(total.low[0, measured], number)
            total.high[0, measured] = max(total.high[0, measured], number)
        total.foreign += row.foreign * times

    # ---- one record

    def _record(self, value: bytes) -> Iterable[Row | str]:
        if len(value) > MAX_RECORD:
            yield "too_large"
            return
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            yield "malformed"
            return
        if found == [] and isinstance(found, list):
            yield "empty"
        for event in found if isinstance(found, list) else [found]:
            try:
                yield self._event(event)
            except RefusedError as refused:
                yield str(refused)

    def _event(self, event: Any) -> Row:
        if not isinstance(event, dict):
            raise RefusedError("malformed")
        name = event.get("model")
        if not isinstance(name, str) or name not in self._references:
            raise RefusedError("unknown_model")
        model, references = self._models[name], self._references[name]
        segmented = any(c.name == "channel" for r in references for c in r.schema.columns)
        for part in ("features", "segments") if segmented else ("features",):
            if not isinstance(event.get(part), dict | None):
                raise RefusedError("wrong_type")
        if event.get("label") is not None and event.get("features") is None and not self._has_output(event):
            raise RefusedError("label_only")
        if event.get("time") is None:
            raise RefusedError("missing_time")
        moment = _event_time(event["time"])
        version = _version(event.get("version"))
        if moment > self._horizon:
            raise RefusedError("future_time")
        own = [r for r in references if r.version == version]
        pool = own or list(references)
        started = [r for r in pool if r.active_from <= moment]
        order = lambda r: (r.active_from, r.id)  # noqa: E731
        reference = max(started, key=order) if started else min(pool, key=order)
        row = Row(name, reference, moment, moment // model.pane * model.pane, version is not None and not own)
        _count(row, event)
        return row

    @staticmethod
    def _has_output(event: Mapping[str, Any]) -> bool:
        segments = event.get("segments") or {}
        return any(v is not None for v in (event.get("prediction"), event.get("score"), segments.get("channel")))


def _version(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise RefusedError("wrong_type")
    return None if value is None else _key(value)


def _key(value: str | int | float) -> str:
    """1 = 1.0 = "1"."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else str(value)


def _event_time(value: Any) -> int:
    try:
        moment = _moment(value)
    except ValueError:
        raise RefusedError("bad_time") from None
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise RefusedError("bad_time")
        moment = _micros(moment)
    if not 0 <= moment < LAST * 1_000_000:
        raise RefusedError("bad_time")
    return moment


def _moment(value: Any) -> int | datetime:
    """Microseconds, or a datetime that may lack a zone."""
    if isinstance(value, str):
        if not re.match(r"\d{4}-\d\d-\d\d(?:[Tt ]|$)", value):
            raise ValueError(value)
        return datetime.fromisoformat(value.upper())
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(value)
    for unit in (1, 10**3, 10**6, 10**9):
        if abs(value) < LAST * unit:
            if isinstance(value, int):
                return value * 1_000_000 // unit
            return round(value * (1_000_000 // unit)) if unit < 10**9 else round(value / 1000)
    raise ValueError(value)


def _micros(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


# ---- one row


def _count(row: Row, event: Mapping[str, Any]) -> None:
    grid = row.reference.grid
    shape = Shape.of(grid)
    segments = [0]
    base = 1
    for part in grid.segment_grids:
        values = list(part.values)
        raw = _raw(event, "segments" if part.name == "channel" else "features", part.name)
        name = _key(raw) if isinstance(raw, str | int | float) and not isinstance(raw, bool) and raw == raw else None
        segments.append(base + (values.index(name) if name in values else len(values)))
        base += len(values) + 1
    for segment in segments:
        row.cells.append((segment, 0, 1))
    for column in grid.columns:
        slot, number = _slot(column, event, row.time)
        for segment in segments:
            row.cells.append((segment, shape.slots[column.name] + slot, 1))
        if number is None:
            continue
        units = _rounded((number - column.shift) * (1.0 / column.unit), 36)
        coarse = _rounded(units / 4096, 18)
        for segment in segments:
            row.cells.append((segment, shape.sums[column.name] + slot, units))
            row.cells.append((segment, shape.squares[column.name], coarse * coarse))
        row.bounds.append((list(shape.squares).index(column.name), number))


def _rounded(value: float, bits: int) -> int:
    return round(min(max(value, -float(1 << bits)), float(1 << bits)))


def _raw(event: Mapping[str, Any], part: str, name: str) -> Any:
    return (event.get(part) or {}).get(name)


def _slot(column: ColumnGrid, event: Mapping[str, Any], moment: int) -> tuple[int, float | None]:
    """The column's slot, and the number where it is a finite one."""
    name, last = column.column.source or column.name, bins(column)
    value = event.get(name) if name in ("prediction", "score") else _raw(event, "features", name)
    if value is None:
        return last + MISSING, None
    if column.column.derive:
        value = _derived(column.column.derive, value, moment)
        if value is None or value is WRONG_TYPE:
            return last + (WRONG if value is WRONG_TYPE else MISSING), None
    if numbers(column):
        return _number_slot(column, value, last)
    return _key_slot(column, value, last), None


WRONG_TYPE: Final = object()


def _derived(what: str, value: Any, moment: int) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if what == "length":
        return float(len(value)) if isinstance(value, str) else WRONG_TYPE
    try:
        then = _moment(value)
    except ValueError:
        return WRONG_TYPE
    if isinstance(then, datetime):
        then = _micros(then if then.tzinfo else then.replace(tzinfo=UTC))
    return (float(moment) - float(then)) / DAY if what == "age" else float(then // HOUR % 24)


def _number_slot(column: ColumnGrid, value: Any, last: int) -> tuple[int, float | None]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return last + WRONG, None
    try:
        number = float(value)
    except OverflowError:
        return last + INF, None
    if math.isnan(number):
        return last + NAN, None
    if math.isinf(number):
        return last + INF, None
    if column.column.kind is Kind.NUMERIC:
        return bisect_right(column.edges, number), number
    return (column.values.index(number) if number in column.values else last - 1), number


def _key_slot(column: ColumnGrid, value: Any, last: int) -> int:
    if column.column.kind is Kind.BOOLEAN:
        return column.keys.index("true" if value else "false") if isinstance(value, bool) else last + WRONG
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return last + WRONG
    if value != value:
        return last + MISSING
    key = _key(value)
    if key in column.keys:
        return column.keys.index(key)
    return last - 2 if column.rare and key in RARE else last - 1


def folded(totals: Mapping[tuple[int, int], Total], bucket: int) -> dict[tuple[int, int], Total]:
    """The same sums by coarser stretches: hours or days."""
    found: dict[tuple[int, int], Total] = {}
    panes: dict[tuple[int, int], list[Total]] = defaultdict(list)
    for (reference, start), total in totals.items():
        panes[reference, start // bucket * bucket].append(total)
    for key, parts in panes.items():
        first = parts[0]
        found[key] = Total(first.ints.copy(), first.low, first.high, first.late, first.foreign)
        for part in parts[1:]:
            found[key].add(part)
    return found
