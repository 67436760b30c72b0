"""From numbers to counters: all measured columns of a batch are binned at once.

The span of a column's edges is cut into 4,096 equal cells; a table holds each cell's counter, or a mark where an edge
runs through the cell. One multiply-add and one gather give the counter of most values; only the marked few are
searched. x ↦ ⌊x·s+b⌋ is monotone in floating point too, and the edges are put through the very same expression, so the
result equals `searchsorted(edges, x, "right")` for every double. A column whose edges are all whole numbers is looked
up by the number itself, and only fractions are searched.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from drift.core.grid import CAP_BITS, INF, MISSING, SPECIALS, SQUARE_CAP_BITS, SQUARE_SHIFT, ColumnGrid, Grid
from drift.core.schema import Kind

CELLS: Final = 4096

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_NONE: Final = np.zeros(0, np.int64)
_TAME: Final = float(1 << (SQUARE_CAP_BITS + SQUARE_SHIFT))
"""Units up to this size need no cap, neither themselves nor their squares."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where (columns, n) values lie; read once, as nearly all that follows is simpler where nothing is unusual."""

    low: Floats
    high: Floats
    """(columns,) the smallest and largest finite value; (inf, −inf) where there is none."""
    odd: Ints
    """Flat positions of values that are not finite."""

    @staticmethod
    def of(values: Floats) -> "Extent":
        """Two passes; a third only over columns that have something missing or infinite."""
        low, high = values.min(axis=1), values.max(axis=1)
        unsound = np.flatnonzero(~(np.isfinite(low) & np.isfinite(high)))
        if not unsound.size:
            return Extent(low, high, _NONE)
        part = values[unsound]
        finite = np.isfinite(part)
        low[unsound] = np.where(finite, part, np.inf).min(axis=1)
        high[unsound] = np.where(finite, part, -np.inf).max(axis=1)
        row, at = np.nonzero(~finite)
        return Extent(low, high, unsound[row] * values.shape[1] + at)


class Table:
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
        self._origin = np.array([origin for origin, _ in scale])
        self._factor = np.array([factor for _, factor in scale])[:, None]
        self._bias = -self._origin[:, None] * self._factor
        self._shift = np.array([column.shift for column in grids])[:, None]
        self._per_unit = np.array([1.0 / column.unit for column in grids])[:, None]
        self._offset = (np.arange(len(columns), dtype=np.float64) * CELLS)[:, None]
        self._fill()

    def _fill(self) -> None:
        """Table of counters; −1−k marks a cell through which edges `lo[k]` … `hi[k]−1` run."""
        table, low, high, owner = np.empty((len(self.columns), CELLS), np.int64), [0], [0], [0]
        for row in range(len(self.columns)):
            first, last = self._first[row], self._last[row]
            edges = self._edges[first:last]
            if self._whole:
                # the whole number that a cell stands for; the last cell stands for everything above as well
                number = self._origin[row] + np.arange(CELLS)
                table[row] = self._slots[first + row + np.searchsorted(edges, number, "right")]
                continue
            with np.errstate(over="ignore"):  # edges near the largest double land in the last cell
                cell = self._cell(edges[None, :], slice(row, row + 1))[0] - row * CELLS
            below = np.searchsorted(cell, np.arange(CELLS), "left")
            upto = np.searchsorted(cell, np.arange(CELLS), "right")
            table[row] = self._slots[first + row + below]
            for marked in np.flatnonzero(upto > below):
                table[row, marked] = -len(low)
                low.append(int(first + below[marked]))
                high.append(int(first + upto[marked]))
                owner.append(row)
        self._table = table.ravel()
        # entry 0 is never used, so that mark −k points at entry k
        self._low, self._high, self._owner = (np.array(entries, np.int64) for entries in (low, high, owner))

    def _cell(self, values: Floats, rows: slice = slice(None)) -> Ints:
        """Place in the table of (columns, n) values; that of NaN means nothing and is set right afterwards."""
        scaled = values * self._factor[rows]
        scaled += self._bias[rows]
        np.clip(scaled, 0.0, CELLS - 1.0, out=scaled)
        scaled += self._offset[rows]
        cells: Ints = scaled.astype(np.int64)
        return cells

    def counters(self, values: Floats, odd: Ints) -> Ints:
        """The counter of each of (columns, n) values in C order; `odd`: flat positions of those that are not finite."""
        n = values.shape[1]
        with np.errstate(invalid="ignore", over="ignore"):
            found: Ints = self._table.take(self._cell(values), mode="clip")
            flat, x = found.ravel(), values.ravel()
            at = np.flatnonzero((np.floor(values) != values).ravel() if self._whole else flat < 0)
            if at.size:
                if self._whole:
                    column = at // n
                    low, high = self._first[column], self._last[column]
                else:
                    mark = -flat[at]
                    column, low, high = self._owner[mark], self._low[mark], self._high[mark]
                flat[at] = self._search(x[at], column, low, high)
        if odd.size:
            flat[odd] = self._special[odd // n] + np.where(np.isnan(x[odd]), MISSING, INF)
        return found

    def _search(self, values: Floats, column: Ints, low: Ints, high: Ints) -> Ints:
        """Binary search of every value at once between its own bounds; nearly all bounds hold a single edge."""
        low = low + (values >= self._edges[low]) * (high - low == 1)
        wide = np.flatnonzero(high - low > 1)
        while wide.size:
            middle = (low[wide] + high[wide]) >> 1
            right = values[wide] >= self._edges[middle]
            low[wide[right]] = middle[right] + 1
            high[wide[~right]] = middle[~right]
            wide = wide[high[wide] > low[wide]]
        counters: Ints = self._slots[low + column]
        return counters

    def units(self, values: Floats, extent: Extent) -> tuple[Floats, Floats]:
        """(columns, n) of x − shift in whole fixed-point units, and in the coarser ones that are squared.

        Both are capped, and 0 where x is not finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            units: Floats = values - self._shift
            units *= self._per_unit
            tame = self._tame(extent)
        units.ravel()[extent.odd] = 0.0
        if not tame:
            np.clip(units, -float(1 << CAP_BITS), float(1 << CAP_BITS), out=units)
        np.rint(units, out=units)
        coarse = units * (1.0 / (1 << SQUARE_SHIFT))
        np.rint(coarse, out=coarse)
        if not tame:
            np.clip(coarse, -float(1 << SQUARE_CAP_BITS), float(1 << SQUARE_CAP_BITS), out=coarse)
        return units, coarse

    def _tame(self, extent: Extent) -> bool:
        """Whether no value is so far out that a cap would change it."""
        ends = (np.stack((extent.low, extent.high)) - self._shift.T) * self._per_unit.T
        return bool((np.abs(ends[:, extent.low <= extent.high]) <= _TAME).all())

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
    with np.errstate(over="ignore"):  # infinity follows the largest double
        return np.column_stack((values, np.nextafter(values, np.inf))).ravel()


def _slot_of_bin(column: ColumnGrid) -> Ints:
    """Number of edges at or below a value → slot. An ordinal value sits between its two edges; all else is unseen."""
    if column.column.kind is Kind.NUMERIC:
        return np.arange(len(column.edges) + 1, dtype=np.int64)
    slots = np.full(2 * len(column.values) + 1, column.bins - 1, np.int64)
    slots[1::2] = np.arange(len(column.values))
    return slots


def is_whole(column: ColumnGrid) -> bool:
    """Whether every edge is a whole number or just above one, within a span that fits the table."""
    edges = _edges(column)
    if edges.size == 0 or abs(edges).max() >= 2**52:
        return False
    whole = (edges == np.floor(edges)) | (np.nextafter(edges, -np.inf) == np.floor(edges))
    return bool(whole.all() and edges[-1] - edges[0] < CELLS - 4)


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
