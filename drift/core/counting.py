"""From rows to sums: the hot path.

All measured columns of a batch are binned at once. The span of a column's edges is cut into 4,096 equal cells; a table
holds each cell's counter, or a mark where an edge runs through the cell. One multiply-add and one gather give the
counter of most values; only the marked few are searched. x ↦ ⌊(x−a)·s⌋ is monotone in floating point too, and the
edges are put through the very same expression, so the result equals `searchsorted(edges, x, "right")` for every double.
A column whose edges are all whole numbers is looked up by the number itself, and only fractions are searched.
"""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from drift.core.grid import (
    CAP_BITS, INF, MISSING, SPECIALS, SQUARE_CAP_BITS, SQUARE_SHIFT, WRONG, ColumnGrid, Grid,
)  # fmt: skip
from drift.core.profile import Sums
from drift.core.rows import WRONG_TYPE, Coded, Key, Keys, Rows
from drift.core.schema import Kind, canonical_key

CELLS: Final = 4096
CHUNK_ROWS: Final = 1 << 16
"""Rows counted at once: 2**16 values of at most 2**36 units each stay exact in a double."""
CHUNK_INTS: Final = 1 << 22
"""Counters allocated at once (32 MB); batches that touch more panes are cut."""
CACHE_VALUES: Final = 1 << 15
"""Values binned at once, so that the intermediate arrays stay in the processor's cache."""
REMEMBERED_KEYS: Final = 100_000

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class KeySlots(dict[Key, int]):
    """Key → slot of one column; looks up unknown keys once and remembers a bounded number of them."""

    def __init__(self, grid: ColumnGrid) -> None:
        super().__init__()
        self._unseen, self._other = grid.bins - 1, grid.bins - 2
        self._rare = frozenset(grid.rare)
        self._boolean = grid.column.kind is Kind.BOOLEAN
        self._missing = grid.bins + MISSING
        self._known = {key: slot for slot, key in enumerate(grid.keys)}
        self.update(self._known)
        self[None] = self._missing
        self[WRONG_TYPE] = grid.bins + WRONG

    def __missing__(self, key: Key) -> int:
        slot = self._find(key)
        if len(self) < REMEMBERED_KEYS:
            self[key] = slot
        return slot

    def _find(self, key: Key) -> int:
        from drift.core.grid import key_hash

        if isinstance(key, float) and math.isnan(key):
            return self._missing
        spelled = canonical_key(key)  # type: ignore[arg-type]  # None and WRONG_TYPE are in the dictionary already
        if self._boolean:
            spelled = {"1": "true", "0": "false", "True": "true", "False": "false"}.get(spelled, spelled)
        known = self._known.get(spelled)
        if known is not None:
            return known
        return self._other if key_hash(spelled) in self._rare else self._unseen


class Counter:
    """Counts rows on one grid. Built once per grid (about 20 kB of tables a measured column), then reused."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        layout = grid.layout
        measured = [i for i, column in enumerate(grid.columns) if column.measured]
        whole = [i for i in measured if _whole(grid.columns[i])]
        wholes = set(whole)
        # both kinds of table keep the order of `Fields.numbers` in `rows`
        position = {column: row for row, column in enumerate(measured)}
        self._tables = [
            _Table(grid, columns, np.array([position[i] for i in columns], np.int64), kind)
            for columns, kind in ((whole, True), ([i for i in measured if i not in wholes], False))
            if columns
        ]
        self._measured = np.array(measured, np.int64)
        self._keyed = [(i, c.name, KeySlots(c)) for i, c in enumerate(grid.columns) if not c.measured]
        self._segments: list[tuple[str, KeySlots, int, int]] = []
        base = 1
        for segment in grid.segment_grids:
            slots = _segment_slots(segment.values)
            self._segments.append((segment.name, slots, base, len(segment.values) + 1))
            base += len(segment.values) + 1
        bins = [np.arange(layout.slots[i], layout.slots[i + 1] - SPECIALS) for i in measured]
        self._sum_slots = np.concatenate(bins).astype(np.int64) if bins else np.zeros(0, np.int64)

    def count(self, rows: Rows, pane: Ints, panes: int) -> list[Sums]:
        """Sums of each pane. Cost: about 15 ns a value.

        Args:
            rows: decoded for this grid's schema.
            pane: (n,) which pane each row belongs to, 0 … panes−1.
            panes: how many.

        Returns:
            One `Sums` per pane, in order.
        """
        layout, segments = self.grid.layout, len(self.grid.segments)
        ints = np.zeros((panes, segments, layout.width), np.int64)
        low = np.full((panes, segments, layout.measured_width), np.inf)
        high = np.full((panes, segments, layout.measured_width), -np.inf)
        at_once = max(1, CHUNK_INTS // (segments * layout.width))
        for part, first, groups in _chunks(rows, pane, panes, at_once):
            at = slice(first, first + groups)
            local = pane[part] - first if len(part) != len(rows) else pane - first
            batch = rows if len(part) == len(rows) else rows.take(part)
            self._count(batch, local, groups, ints[at], low[at], high[at])
        return [Sums(ints[i], low[i], high[i]) for i in range(panes)]

    def _count(self, rows: Rows, pane: Ints, panes: int, ints: Ints, low: Floats, high: Floats) -> None:
        n = len(rows)
        partitions = [(pane if panes > 1 else None, panes, 0, 1)]
        for name, slots, base, values in self._segments:
            codes = _key_slots(rows.keys[name], slots, n)
            partitions.append((codes + pane * values if panes > 1 else codes, panes * values, base, values))
        for group, groups, base, values in partitions:
            share = np.bincount(group, minlength=groups) if group is not None else np.array([n])
            ints[:, base : base + values, 0] += share.reshape(panes, values)
        for table in self._tables:
            step = max(1, CACHE_VALUES // len(table.columns))
            for start in range(0, n, step):
                self._count_measured(rows, table, slice(start, start + step), panes, partitions, ints, low, high)
        width = self.grid.layout.counts_width
        for column, name, slots in self._keyed:
            first, size = int(self.grid.layout.slots[column]), self.grid.columns[column].slots
            keys = _key_slots(rows.keys[name], slots, n)
            for group, groups, base, values in partitions:
                key = keys if group is None else keys + group * size
                counted = np.bincount(key, minlength=groups * size).reshape(panes, values, size)
                ints[:, base : base + values, 1 + first : 1 + first + size] += counted
        assert width >= 0

    def _count_measured(
        self, rows: Rows, table: "_Table", at: slice, panes: int,
        partitions: list[tuple[Ints | None, int, int, int]], ints: Ints, low: Floats, high: Floats,
    ) -> None:  # fmt: skip
        layout = self.grid.layout
        values = rows.numbers[table.rows, at] if len(table.rows) != rows.numbers.shape[0] else rows.numbers[:, at]
        counters, finite = table.counters(values)
        odd = rows.odd
        if odd.size:
            table.override(counters, odd, at)
        units = table.units(values, finite)
        flat = counters.ravel("K")
        width = layout.counts_width
        weights = units.ravel("K")
        squares = np.rint(units * (1.0 / (1 << SQUARE_SHIFT)))
        np.clip(squares, -(1 << SQUARE_CAP_BITS), 1 << SQUARE_CAP_BITS, out=squares)
        square_at = 1 + width + layout.sums_width + table.measured
        for group, groups, base, size in partitions:
            local = group[at] if group is not None else None
            key = flat if local is None else (counters + local * width).ravel("K")
            counts = np.bincount(key, minlength=groups * width).reshape(panes, size, width)
            total = np.bincount(key, weights, minlength=groups * width).reshape(panes, size, width)
            target = ints[:, base : base + size]
            target[:, :, 1 : 1 + width] += counts
            target[:, :, 1 + width : 1 + width + layout.sums_width] += total[:, :, self._sum_slots].astype(np.int64)
            target[:, :, square_at] += _squares(squares, local, groups).reshape(panes, size, -1).astype(np.int64)
        pane = partitions[0][0]
        _bounds(values, finite, pane[at] if pane is not None else None, panes, table.measured, low[:, 0], high[:, 0])


def _squares(values: Floats, group: Ints | None, groups: int) -> Floats:
    """(groups, columns) Σ values² by group; values are whole numbers below 2**18, so a double holds the sum exactly."""
    if group is None:
        return np.einsum("ij,ij->i", values, values)
    return np.stack([np.bincount(group, row, minlength=groups) for row in values * values], axis=1)


def _bounds(
    values: Floats,
    finite: npt.NDArray[np.bool_] | None,
    pane: Ints | None,
    panes: int,
    at: Ints,
    low: Floats,
    high: Floats,
) -> None:
    below = values if finite is None else np.where(finite, values, np.inf)
    above = values if finite is None else np.where(finite, values, -np.inf)
    if pane is None:
        low[0, at] = np.minimum(low[0, at], below.min(axis=1))
        high[0, at] = np.maximum(high[0, at], above.max(axis=1))
        return
    order = np.argsort(pane, kind="stable")
    present, starts = np.unique(pane[order], return_index=True)
    where = np.ix_(present, at)
    low[where] = np.minimum(low[where], np.minimum.reduceat(below[:, order], starts, axis=1).T)
    high[where] = np.maximum(high[where], np.maximum.reduceat(above[:, order], starts, axis=1).T)


class _Table:
    """The binning tables of some measured columns: all looked up by whole number, or all by cell."""

    def __init__(self, grid: Grid, columns: list[int], rows: Ints, whole: bool) -> None:
        layout = grid.layout
        grids = [grid.columns[i] for i in columns]
        edges = [_edges(column) for column in grids]
        self.columns = columns
        self.rows = rows
        self.measured = layout.measured[columns]
        self._whole = whole
        self._special = (layout.slots[1:] - SPECIALS)[columns]
        starts = np.cumsum([0, *(e.size for e in edges)])
        self._edges = np.concatenate([*edges, np.zeros(1)])
        self._first, self._last = starts[:-1].astype(np.int64), starts[1:].astype(np.int64)
        # the counter that follows from the number of edges at or below a value, for all columns in a row
        self._slots = np.concatenate([_slot_of_bin(g) + layout.slots[i] for g, i in zip(grids, columns, strict=True)])
        scale = [_scale(e, whole) for e in edges]
        self._origin = np.array([a for a, _ in scale])[:, None]
        self._factor = np.array([s for _, s in scale])[:, None]
        self._shift = np.array([column.shift for column in grids])[:, None]
        self._per_unit = np.array([1.0 / column.unit for column in grids])[:, None]
        self._offset = (np.arange(len(columns), dtype=np.int64) * CELLS)[:, None]
        self._fill()

    def _fill(self) -> None:
        """Table of counters; −1−k marks a cell through which edges `lo[k]` … `hi[k]−1` run."""
        table, low, high = np.empty((len(self.columns), CELLS), np.int64), [0], [0]
        for row in range(len(self.columns)):
            first, last = self._first[row], self._last[row]
            edges = self._edges[first:last]
            if self._whole:
                # the whole number that a cell stands for; the last cell stands for everything above as well
                number = self._origin[row, 0] + np.arange(CELLS)
                table[row] = self._slots[first + row + np.searchsorted(edges, number, "right")]
                continue
            cell = self._cell(edges[None, :], slice(row, row + 1))[0]
            below = np.searchsorted(cell, np.arange(CELLS), "left")
            upto = np.searchsorted(cell, np.arange(CELLS), "right")
            table[row] = self._slots[first + row + below]
            for marked in np.flatnonzero(upto > below):
                table[row, marked] = -len(low)
                low.append(int(first + below[marked]))
                high.append(int(first + upto[marked]))
        self._table = table.ravel()
        # entry 0 is never used, so that mark −k points at entry k
        self._low, self._high = np.array(low, np.int64), np.array(high, np.int64)

    def _cell(self, values: Floats, rows: slice = slice(None)) -> Ints:
        scaled = values - self._origin[rows]
        scaled *= self._factor[rows]
        # fmax and fmin put NaN into cell 0; it is set right afterwards
        np.fmax(scaled, 0.0, out=scaled)
        np.fmin(scaled, CELLS - 1.0, out=scaled)
        return scaled.astype(np.int64)

    def counters(self, values: Floats) -> tuple[Ints, npt.NDArray[np.bool_] | None]:
        """The counter of each of (columns, n) values, and which are finite (None: all)."""
        with np.errstate(invalid="ignore", over="ignore"):
            cells = self._cell(values)
            cells += self._offset
            found = self._table.take(cells)
            finite: npt.NDArray[np.bool_] | None = np.isfinite(values)
            if self._whole:
                column, at = np.nonzero(np.floor(values) != values)
                low, high = self._first[column], self._last[column]
            else:
                column, at = np.nonzero(found < 0)
                mark = -found[column, at]
                low, high = self._low[mark], self._high[mark]
            if at.size:
                found[column, at] = self._search(values[column, at], column, low, high)
        if finite is not None and finite.all():
            return found, None
        column, at = np.nonzero(~np.isfinite(values))
        found[column, at] = self._special[column] + np.where(np.isnan(values[column, at]), MISSING, INF)
        return found, finite

    def _search(self, values: Floats, column: Ints, low: Ints, high: Ints) -> Ints:
        """Binary search of every value at once between its own bounds: two or three rounds as a rule."""
        low, high = low.copy(), high.copy()
        while (open_ := low < high).any():
            middle = (low + high) >> 1
            right = open_ & (values >= self._edges[middle])
            low = np.where(right, middle + 1, low)
            high = np.where(open_ & ~right, middle, high)
        return self._slots[low + column]

    def units(self, values: Floats, finite: npt.NDArray[np.bool_] | None) -> Floats:
        """(columns, n) of x − shift in whole fixed-point units, capped; 0 where x is not finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            units = values - self._shift
            units *= self._per_unit
        np.clip(units, -float(1 << CAP_BITS), float(1 << CAP_BITS), out=units)
        np.rint(units, out=units)
        if finite is not None:
            units[~finite] = 0.0
        return units

    def override(self, counters: Ints, odd: Ints, at: slice) -> None:
        """Put the values that a number cannot express into their special slots."""
        column = np.full(int(max(odd[:, 0].max(), self.rows.max())) + 1, -1, np.int64)
        column[self.rows] = np.arange(self.rows.size)
        row = odd[:, 1] - at.start
        mine = (column[odd[:, 0]] >= 0) & (row >= 0) & (row < counters.shape[1])
        where = column[odd[mine, 0]]
        counters[where, row[mine]] = self._special[where] + odd[mine, 2]


def _edges(column: ColumnGrid) -> Floats:
    if column.column.kind is Kind.NUMERIC:
        return np.array(column.edges, np.float64)
    values = np.array(column.values, np.float64)
    return np.column_stack((values, np.nextafter(values, np.inf))).ravel()


def _slot_of_bin(column: ColumnGrid) -> Ints:
    """Number of edges at or below a value → slot. An ordinal value sits between its two edges; all else is unseen."""
    if column.column.kind is Kind.NUMERIC:
        return np.arange(len(column.edges) + 1, dtype=np.int64)
    slots = np.full(2 * len(column.values) + 1, column.bins - 1, np.int64)
    slots[1::2] = np.arange(len(column.values))
    return slots


def _whole(column: ColumnGrid) -> bool:
    """Whether every edge is a whole number or just above one, within a span that fits the table."""
    edges = _edges(column)
    if edges.size == 0:
        return False
    whole = (edges == np.floor(edges)) | (np.nextafter(edges, -np.inf) == np.floor(edges))
    return bool(whole.all() and abs(edges).max() < 2**52 and edges[-1] - edges[0] < CELLS - 4)


def _scale(edges: Floats, whole: bool) -> tuple[float, float]:
    if edges.size == 0:
        return 0.0, 1.0
    if whole:
        return math.floor(edges[0]) - 1.0, 1.0
    # the two outermost edges on each side are far out where tails are heavy; cells are spent on the middle
    low, high = (edges[2], edges[-3]) if edges.size > 8 else (edges[0], edges[-1])
    span = float(high) - float(low)
    if not math.isfinite(span) or span <= 0 or not math.isfinite((CELLS - 2) / span):
        return float(low), 1.0
    factor = (CELLS - 2) / span
    return float(low) - 1.0 / factor, factor


def _segment_slots(values: tuple[str, ...]) -> KeySlots:
    from drift.core.grid import Column
    from drift.core.schema import Role, Storage

    column = Column("segment", Kind.CATEGORICAL, Role.SEGMENT, Storage.STRING)
    return _OtherSlots(ColumnGrid(column, keys=values))


class _OtherSlots(KeySlots):
    """Slots of a segment column: whatever is not one of its values is `other`, the last."""

    def __init__(self, grid: ColumnGrid) -> None:
        super().__init__(grid)
        self[None] = self[WRONG_TYPE] = len(grid.keys)
        self._missing = self._unseen = self._other = len(grid.keys)


def _key_slots(keys: Keys, slots: KeySlots, n: int) -> Ints:
    if isinstance(keys, Coded):
        table = np.fromiter(map(slots.__getitem__, (*keys.dictionary, None)), np.int64, len(keys.dictionary) + 1)
        return table[keys.codes]
    return np.fromiter(map(slots.__getitem__, keys), np.int64, n)


def _chunks(rows: Rows, pane: Ints, panes: int, at_once: int) -> Iterator[tuple[Ints, int, int]]:
    """Row positions, first pane and number of panes of each piece that is counted at once."""
    everything = np.arange(len(rows))
    if panes <= at_once:
        for start in range(0, len(rows), CHUNK_ROWS):
            yield everything[start : start + CHUNK_ROWS], 0, panes
        return
    order = np.argsort(pane, kind="stable")
    cuts = np.searchsorted(pane[order], np.arange(0, panes + at_once, at_once))
    for first, (start, stop) in zip(range(0, panes, at_once), zip(cuts[:-1], cuts[1:], strict=True), strict=False):
        for begin in range(int(start), int(stop), CHUNK_ROWS):
            yield order[begin : min(begin + CHUNK_ROWS, int(stop))], first, min(at_once, panes - first)
