"""From two profiles to pairs: all columns at once, through index tables that are made once per grid.

What depends on the reference alone (its counts as a matrix, its scale, which bins are merged) is kept for the
references judged last, so that the next window costs its own counters only.
"""

import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Final

import numpy as np

from detectors.contract import Bools, Floats, Ints, Pair, View, over_bins
from detectors.joint import Joint, JointPair, blocks
from drift.core.errors import ProfileMismatch
from drift.core.grid import CAP_BITS, SQUARE_SHIFT, UNIT_BITS, ColumnGrid, Grid
from drift.core.profile import Profile
from drift.core.schema import Kind
from drift.core.sketch import CELLS

GROUPS: Final = 16
"""Merged value bins; after them come unseen, missing and invalid."""
UNSEEN, MISSING, INVALID, MERGED = GROUPS, GROUPS + 1, GROUPS + 2, GROUPS + 3
CACHE_BYTES: Final = 32 << 20
"""Kept of grids and references together, the last used first."""


@dataclass(frozen=True)
class Tables:
    """Where a grid's counters stand, as matrices. C columns without sketches, M of them measured, B value bins at most.

    Sketches stand apart: with their 640 cells among the bins every matrix would be five times as wide.
    """

    columns: Ints
    """(C,) which of the grid's columns they are."""
    sketches: Ints
    """(K,) which of the grid's columns are sketches."""
    cells: Ints
    """(K, 640) position of each of their cells among the counts."""
    values: Ints
    """(C, B) position of each value bin among the counts; the width, where a column has fewer."""
    sums: Ints
    """(M, B) position of each value bin among the sums; the width, where a column has fewer."""
    measured: Ints
    """(M,) which of the C columns are measured."""
    numeric: Bools
    """(C,) kind numeric: first and last bin lie outside the reference's range."""
    last: Ints
    """(C,) the last value bin; unseen, unless numeric."""
    rare: Floats
    """(C,) number of keys that share `other`."""
    unit: Floats
    """(M,) size of a fixed-point unit."""
    cuts: Floats
    """(M, B) see `Pair.cuts`."""

    @staticmethod
    def of(grid: Grid) -> "Tables":
        """The tables of a grid; O(C·B)."""
        layout = grid.layout
        sketch = np.array([column.sketch for column in grid.columns])
        columns, sketches = np.flatnonzero(~sketch), np.flatnonzero(sketch)
        grids, bins = [grid.columns[i] for i in columns], layout.bins[columns]
        at = np.arange(int(bins.max(initial=1)))
        measured = np.flatnonzero(layout.measured[columns] >= 0)
        inside = at < bins[:, None]
        return Tables(
            columns=columns,
            sketches=sketches,
            cells=layout.slots[sketches][:, None] + np.arange(CELLS),
            values=np.where(inside, layout.slots[columns][:, None] + at, layout.counts_width),
            sums=np.where(inside, layout.sums[columns][:, None] + at, layout.sums_width)[measured],
            measured=measured,
            numeric=np.array([column.column.kind is Kind.NUMERIC for column in grids], np.bool_),
            last=bins - 1,
            rare=np.array([len(column.rare) for column in grids], np.float64),
            unit=np.array([grids[i].unit for i in measured]),
            cuts=np.array([_cuts(grids[i], at.size) for i in measured]).reshape(measured.size, at.size),
        )

    @property
    def nbytes(self) -> int:
        """Memory held, about."""
        return self.values.nbytes + self.sums.nbytes + self.cuts.nbytes


def _cuts(column: ColumnGrid, bins: int) -> Floats:
    if not column.edges:
        return np.full(bins, np.nan)
    edges = np.array(column.edges)[np.minimum(np.arange(bins), len(column.edges) - 1)]
    with np.errstate(over="ignore"):
        units: Floats = (edges - column.shift) / column.unit
    # as far as the values themselves are capped
    return np.clip(units, -float(1 << CAP_BITS), float(1 << CAP_BITS))


@dataclass(frozen=True)
class Side:
    """One profile's segment as matrices."""

    rows: int
    counts: Floats
    """(C, B) of the value bins."""
    missing: Floats
    """(C,) missing and NaN."""
    invalid: Floats
    """(C,) ±inf and wrong type."""
    at: Floats
    """(M, B) mean of each value bin in units from the shift; 0 where empty."""
    square: Floats
    """(M,) mean of the squares, in square units."""
    single: Bools
    """(C,) one value only."""
    cells: Floats
    """(K, 640) counts of the sketches' cells."""

    @staticmethod
    def of(profile: Profile, segment: int, tables: Tables) -> "Side":
        """Read a segment of a profile; O(C·B)."""
        layout = profile.grid.layout
        row = profile.sums.ints[segment].astype(np.float64)
        first, second = 1 + layout.counts_width, 1 + layout.counts_width + layout.sums_width
        counts = np.append(row[1:first], 0.0)[tables.values]
        mine = counts[tables.measured]
        total = np.maximum(mine.sum(axis=1), 1.0)
        sums = np.append(row[first:second], 0.0)[tables.sums]
        low, high = profile.sums.low[segment], profile.sums.high[segment]
        single = (counts > 0).sum(axis=1) == 1
        # bounds are kept for the whole traffic only; elsewhere low > high
        single[tables.measured] = np.where(low <= high, low == high, single[tables.measured])
        return Side(
            rows=profile.rows(segment),
            counts=counts,
            missing=profile.missing(segment)[tables.columns].astype(np.float64),
            invalid=profile.invalid(segment)[tables.columns].astype(np.float64),
            at=sums / np.maximum(mine, 1.0),
            square=row[second:] / total * float(1 << SQUARE_SHIFT) ** 2,
            single=single,
            cells=row[1:first][tables.cells],
        )

    def variance(self, tables: Tables) -> Floats:
        """(M,) in square units. Never below what the bins' means say: Σx² is capped at fewer central ranges than Σx."""
        counts = self.counts[tables.measured]
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
        return np.maximum(self.square - over_bins(share * self.at) ** 2, _between(share, self.at))

    def scale(self, tables: Tables) -> Floats:
        """(M,) standard deviation in units, kept from outliers and from 0.

        Where it exceeds the central range a few outliers make it, and values are capped one central range from the mean
        first. Where it is 0 (a constant) it is half the grid's range, which is about the constant's own size.
        """
        sd, reach = np.sqrt(self.variance(tables)), float(1 << UNIT_BITS)
        counts = self.counts[tables.measured]
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
        capped = np.sqrt(_between(share, np.clip(self.at, -reach, reach)))
        sd = np.where(sd <= reach / 2, sd, capped)
        return np.where(sd > 0, sd, reach / 2)


def _between(share: Floats, at: Floats) -> Floats:
    mean = (share * at).sum(axis=1, keepdims=True)
    return over_bins(share * (at - mean) ** 2)


@dataclass(frozen=True)
class Prepared:
    """What a reference contributes to every judgement."""

    side: Side
    groups: Ints
    """(C, B) the merged bin of each value bin."""
    merged: Floats
    """(C, 19) its merged counts."""
    variance: Floats
    scale: Floats
    once: Floats
    """(C,) see `Pair.once`."""
    joint: Joint | None
    """What its columns do together; the whole traffic's alone."""
    whole: weakref.ref[Ints]
    """The counters this was made from, so that another array at the same address is not mistaken for them."""

    @property
    def nbytes(self) -> int:
        """Memory held, about."""
        joint = 0 if self.joint is None else 8 * self.joint.cross.product.nbytes
        return self.side.counts.nbytes + self.side.at.nbytes + self.groups.nbytes + self.merged.nbytes + joint


def _groups(counts: Floats, tables: Tables) -> Ints:
    """(C, B) the merged bin of each value bin, from the whole reference's counts.

    Numeric: by sixteenths of the reference (middle rank), which leaves an atom by itself and joins the bins outside the
    range to the outermost. Up to 16 ordinal values: each its own. Keys: the 15 most frequent, then all others; unseen
    ones are among them where the reference has rare keys, as a column of many keys holds new ones every day, and how
    many is for `unseen_ratio` to say.
    """
    at = np.arange(counts.shape[1])
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    rank = (np.cumsum(counts, axis=1) - counts / 2) / total
    groups: Ints = np.minimum((rank * GROUPS).astype(np.int64), GROUPS - 1)
    keyed = np.ones(len(counts), np.bool_)
    keyed[tables.measured] = False
    few = ~tables.numeric & ~keyed & (tables.last <= GROUPS)
    groups[few] = np.minimum(at, GROUPS - 1)
    # `other` ranks behind every key, so that it is never a bin of its own in front of them
    frequency = np.where(at < tables.last[:, None] - 1, counts, -1.0)[keyed]
    order = np.argsort(np.argsort(-frequency, axis=1, kind="stable"), axis=1)
    groups[keyed] = np.where(frequency >= 0, np.minimum(order, GROUPS - 1), GROUPS - 1)
    unseen = np.flatnonzero(~tables.numeric & (tables.rare == 0))
    groups[unseen, tables.last[unseen]] = UNSEEN
    return groups


def _merge(side: Side, groups: Ints) -> Floats:
    columns = len(groups)
    flat = (groups + np.arange(columns)[:, None] * MERGED).ravel()
    merged = np.asarray(np.bincount(flat, side.counts.ravel(), columns * MERGED), np.float64).reshape(columns, MERGED)
    merged[:, MISSING], merged[:, INVALID] = side.missing, side.invalid
    return merged


class _Recent:
    """The values used last, up to a number of bytes. Safe between threads."""

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0
        self._kept: OrderedDict[object, Tables | Prepared] = OrderedDict()
        self._lock = Lock()

    def get(self, key: object) -> Tables | Prepared | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: object, value: Tables | Prepared) -> None:
        with self._lock:
            old = self._kept.pop(key, None)
            self._held += value.nbytes - (old.nbytes if old is not None else 0)
            self._kept[key] = value
            while self._held > self._most and len(self._kept) > 1:
                self._held -= self._kept.popitem(last=False)[1].nbytes


_recent = _Recent(CACHE_BYTES)


def _tables(grid: Grid) -> Tables:
    found = _recent.get(grid.id)
    if not isinstance(found, Tables):
        found = Tables.of(grid)
        _recent.put(grid.id, found)
    return found


def _prepared(reference: Profile, segment: int, tables: Tables) -> Prepared:
    whole = reference.sums.ints
    key = (reference.grid.id, id(whole), segment)
    found = _recent.get(key)
    if isinstance(found, Prepared) and found.whole() is whole:
        return found
    side = Side.of(reference, segment, tables)
    groups = _prepared(reference, 0, tables).groups if segment else _groups(side.counts, tables)
    once = np.where(tables.numeric, 2.0, (side.counts == 1).sum(axis=1) + tables.rare)
    made = Prepared(
        side, groups, _merge(side, groups), side.variance(tables), side.scale(tables), once,
        None if segment else Joint.of(reference), weakref.ref(whole),
    )  # fmt: skip
    _recent.put(key, made)
    return made


class Pairs:
    """The views of one window and its reference, each made when it is asked for."""

    def __init__(self, window: Profile, reference: Profile, segment: int = 0, expected: float | None = None) -> None:
        """Read both.

        Args:
            window: the sums of the window.
            reference: the sums of the reference; taken to be immutable.
            segment: index of the segment.
            expected: rows that the window was expected to have.

        Raises:
            ProfileMismatch: they were counted on different grids.
        """
        if window.grid is not reference.grid and window.grid.id != reference.grid.id:
            raise ProfileMismatch(
                f"a window on grid {window.grid.id} cannot be compared with a reference on grid {reference.grid.id}"
            )
        self.grid = reference.grid
        self._tables = _tables(self.grid)
        self._reference = _prepared(reference, segment, self._tables)
        self._window = Side.of(window, segment, self._tables)
        self._profile = window
        self._expected = float("nan") if expected is None else expected

    @property
    def rows(self) -> int:
        """Rows of the window."""
        return self._window.rows

    @property
    def reference_rows(self) -> int:
        """Rows of the reference."""
        return self._reference.side.rows

    def view(self, view: View) -> tuple[Pair, Ints]:
        """The pair, and which of the grid's columns its rows are."""
        makers: dict[View, Callable[[], Pair]] = {
            View.MERGED: lambda: self.merged,
            View.ORDERED: lambda: self.ordered,
            View.VALUES: lambda: self.values,
            View.QUALITY: lambda: self.quality,
            View.SKETCH: lambda: self.sketch,
            View.CROSS: lambda: self.cross,
            View.BLOCKS: lambda: self.blocks,
        }
        tables = self._tables
        columns = {
            View.ORDERED: tables.columns[tables.measured],
            View.SKETCH: tables.sketches,
            View.CROSS: self.grid.crossed if self._joint else self.grid.crossed[:0],
            View.BLOCKS: np.array([column for column, _ in self._blocks], np.int64),
        }
        return makers[view](), columns.get(view, tables.columns)

    @cached_property
    def merged(self) -> Pair:
        """See `View.MERGED`."""
        return Pair(_merge(self._window, self._reference.groups), self._reference.merged)

    @cached_property
    def values(self) -> Pair:
        """See `View.VALUES`."""
        window, reference = self._window, self._reference.side
        return Pair(window.counts, reference.counts, c_single=window.single, r_single=reference.single)

    @cached_property
    def ordered(self) -> Pair:
        """See `View.ORDERED`."""
        tables, window, reference = self._tables, self._window, self._reference
        return Pair(
            window.counts[tables.measured],
            reference.side.counts[tables.measured],
            c_at=window.at,
            r_at=reference.side.at,
            cuts=tables.cuts,
            c_variance=window.variance(tables),
            r_variance=reference.variance,
            scale=reference.scale,
            unit=tables.unit,
        )

    @cached_property
    def quality(self) -> Pair:
        """See `View.QUALITY`."""
        return Pair(
            _parts(self._window, self._tables),
            _parts(self._reference.side, self._tables),
            once=self._reference.once,
            expected=self._expected,
        )

    @cached_property
    def _joint(self) -> JointPair | None:
        """None in a segment, and where one side's products are not known."""
        if self._reference.joint is None:
            return None
        window = Joint.of(self._profile)
        return None if window is None else JointPair(window, self._reference.joint)

    @cached_property
    def _blocks(self) -> list[tuple[int, JointPair]]:
        joint = self._joint
        if joint is None:
            return []
        # what is not known of one projection would look like a distance
        known = ((column, at) for column, at in blocks(self.grid) if joint.reference.varies[at].all())
        return [(column, joint.part(at)) for column, at in known]

    @cached_property
    def cross(self) -> Pair:
        """See `View.CROSS`."""
        n, m = self._rows_of(self.grid.crossed.size if self._joint else 0)
        return Pair(n, m, joint=self._joint)

    @cached_property
    def blocks(self) -> Pair:
        """See `View.BLOCKS`."""
        n, m = self._rows_of(len(self._blocks))
        return Pair(n, m, blocks=tuple(block for _, block in self._blocks))

    def _rows_of(self, columns: int) -> tuple[Floats, Floats]:
        return np.full((columns, 1), float(self.rows)), np.full((columns, 1), float(self.reference_rows))

    @cached_property
    def sketch(self) -> Pair:
        """See `View.SKETCH`."""
        return Pair(self._window.cells, self._reference.side.cells)


def _parts(side: Side, tables: Tables) -> Floats:
    """(C, 5) counts in the order of `Part`."""
    rows = np.arange(len(side.counts))
    last = side.counts[rows, tables.last]
    outside = np.where(tables.numeric, side.counts[:, 0] + np.where(tables.last > 0, last, 0.0), 0.0)
    unseen = np.where(tables.numeric, 0.0, last)
    inside = side.counts.sum(axis=1) - outside - unseen
    return np.column_stack((inside, outside, unseen, side.missing, side.invalid))
