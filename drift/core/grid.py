"""Grids: the bins of every column, fixed when a reference is registered.

A *slot* is one counter. A column's slots are its value bins followed by four for what is no value: missing, NaN, ±inf,
wrong type. Nothing is dropped and nothing imputed: each row lands in exactly one slot of each column.

| kind | value bins |
|---|---|
| numeric | E `edges` cut the line into E+1 bins, e_{i−1} ≤ x < e_i; the first is below the reference, the last above |
| ordinal | one per reference value in ascending order, then one for values the reference never had |
| categorical, boolean | one per frequent key, then `other` (the reference had it, rarely), then `unseen` |
| categorical, derived `distinct` | the cells of a sketch: see `drift.core.sketch` |

An atom (a value holding ≥ 1/64 of the reference) is a bin of its own between the edges v and nextafter(v, inf).
"""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from drift.core.cross import pairs
from drift.core.errors import SchemaError
from drift.core.outcome.grid import OutcomeGrid
from drift.core.schema import Column, Kind, Schema
from drift.core.sketch import CELLS, DISTINCT, RANKS

MISSING, NAN, INF, WRONG = range(4)
SPECIALS: Final = 4
SPECIAL_NAMES: Final = ("missing", "nan", "inf", "wrong_type")

# Σx is kept in fixed point, so that addition is exact in any order: the unit is 2**-22 of the reference's central range
# (2e-7 of it) and a value is capped at ±2**36 units (16,384 central ranges) around the shift.
UNIT_BITS: Final = 22
CAP_BITS: Final = 36
# Σx² likewise, in units of 2**-10 of the central range, capped at ±2**18 of them (256 central ranges).
SQUARE_SHIFT: Final = 12
SQUARE_CAP_BITS: Final = 18

_NOTHING_LEARNT: Final = b',"size":0,"learned":""'
"""How a plain column's JSON ends since there are columns that learn: without it, as before, it keeps its grid's id. No
name can hold it: quotes are written with a backslash there."""

BLOCK_COLUMNS: Final = 64
"""At most so many columns share one stored blob."""


@dataclass(frozen=True, slots=True)
class ColumnGrid:
    """The bins of one column. `edges` for numeric, `values` for ordinal, `keys` for categorical and boolean."""

    column: Column
    edges: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    keys: tuple[str, ...] = ()
    rare: tuple[int, ...] = ()
    """64-bit hashes of the reference's keys that share `other`, ascending; see `key_hash`."""
    shift: float = 0.0
    """The reference mean, about; sums are of x − shift."""
    unit: float = 1.0
    """Σ(x − shift) is counted in this; a power of two."""

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name

    @property
    def measured(self) -> bool:
        """Whether values are numbers, so that Σx, Σx², minimum and maximum are kept."""
        return self.column.kind in (Kind.NUMERIC, Kind.ORDINAL)

    @property
    def ordered(self) -> bool:
        """Whether the bins' order means something (KS, Wasserstein, …)."""
        return self.measured

    @property
    def sketch(self) -> bool:
        """Whether the bins are cells that tell how many distinct keys there are: no distribution to compare."""
        return self.column.derive == DISTINCT

    @property
    def bins(self) -> int:
        """Number of value bins."""
        if self.sketch:
            return CELLS
        match self.column.kind:
            case Kind.NUMERIC:
                return len(self.edges) + 1
            case Kind.ORDINAL:
                return len(self.values) + 1
            case _:
                return len(self.keys) + 2

    @property
    def slots(self) -> int:
        """Value bins and the four specials."""
        return self.bins + SPECIALS

    @property
    def unseen(self) -> int | None:
        """The bin of values that the reference never had; None for numeric columns and sketches."""
        return None if self.sketch or self.column.kind is Kind.NUMERIC else self.bins - 1

    @property
    def other(self) -> int | None:
        """The bin of the reference's rare keys; only where keys are counted."""
        return self.bins - 2 if self.keys_counted and not self.sketch else None

    @property
    def keys_counted(self) -> bool:
        """Whether values are keys rather than numbers."""
        return not self.measured

    def bin_labels(self) -> tuple[str, ...]:
        """A readable name for each value bin, in order."""
        if self.sketch:
            return tuple(f"{cell // RANKS}.{cell % RANKS}" for cell in range(CELLS))
        match self.column.kind:
            case Kind.NUMERIC:
                return tuple(_interval(low, high) for low, high in _cells(self.edges))
            case Kind.ORDINAL:
                return (*(f"{value:g}" for value in self.values), "unseen")
            case _:
                return (*self.keys, "other", "unseen")


def _cells(edges: tuple[float, ...]) -> list[tuple[float, float]]:
    return list(zip((-math.inf, *edges), (*edges, math.inf), strict=True))


def _interval(low: float, high: float) -> str:
    if math.isinf(low):
        return f"< {high:.6g}"
    if high == math.nextafter(low, math.inf):
        return f"= {low:.6g}"
    if math.isinf(high):
        return f"≥ {low:.6g}"
    return f"[{low:.6g}, {high:.6g})"


def key_hash(key: str) -> int:
    """A stable 64-bit hash of a category (BLAKE2b)."""
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest(), "big")


@dataclass(frozen=True, slots=True)
class SegmentGrid:
    """The values of one segment column that are counted apart; any other value is `other`."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of the traffic: everything (`name` empty), or one value of one segment column."""

    index: int
    name: str = ""
    value: str = ""

    @property
    def label(self) -> str:
        """`all`, or `channel=web`."""
        return f"{self.name}={self.value}" if self.name else "all"


@dataclass(frozen=True)
class Layout:
    """Where each column's counters stand in a profile's vectors; follows from the grid.

    A profile's integers are a matrix (segments × width), a row being
    `[rows | counts of every slot | Σ(x−shift) of every bin of measured columns | Σ(x−shift)² of measured columns]`.
    """

    slots: npt.NDArray[np.int64]
    """(C+1,) start of each column's slots in the counts."""
    bins: npt.NDArray[np.int64]
    """(C,) number of value bins of each column."""
    sums: npt.NDArray[np.int64]
    """(C+1,) start of each column's per-bin sums; empty ranges for columns that are not measured."""
    measured: npt.NDArray[np.int64]
    """(C,) position among the measured columns, or −1."""

    @property
    def counts_width(self) -> int:
        """Number of counters."""
        return int(self.slots[-1])

    @property
    def sums_width(self) -> int:
        """Number of per-bin sums."""
        return int(self.sums[-1])

    @property
    def measured_width(self) -> int:
        """Number of measured columns."""
        return int((self.measured >= 0).sum())

    @property
    def width(self) -> int:
        """Integers per segment."""
        return 1 + self.counts_width + self.sums_width + self.measured_width


@dataclass(frozen=True)
class Grid:
    """The bins of a whole model and the segments counted apart. Immutable; `id` is its content's hash."""

    columns: tuple[ColumnGrid, ...]
    segment_grids: tuple[SegmentGrid, ...] = ()
    scores: tuple[tuple[int, ...], ...] = ()
    """For each of the first measured columns: the score of each value bin, see `drift.core.cross`. Empty: products of
    columns are not kept."""
    outcomes: OutcomeGrid | None = None
    """How predictions and their labels are counted; None: they are not, for there is no label."""

    def __post_init__(self) -> None:
        if not self.columns:
            raise SchemaError("no column is left to watch: every column is ignored, constant text or a role of its own")
        bins = [column.bins for column in self.columns if column.measured]
        if [len(scores) for scores in self.scores] != bins[: len(self.scores)]:
            raise SchemaError("a grid has as many scores as value bins, for the first measured columns")

    @cached_property
    def id(self) -> str:
        """The first 32 hexadecimal digits of the SHA-256 of the grid's canonical form."""
        return hashlib.sha256(self.dump()).hexdigest()[:32]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(grid.name for grid in self.columns)

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of each column."""
        return {name: position for position, name in enumerate(self.names)}

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Everything first, then each value of each segment column, each column's `other` last."""
        listed = [Segment(0)]
        for grid in self.segment_grids:
            first = len(listed)
            listed.extend(Segment(first + i, grid.name, value) for i, value in enumerate((*grid.values, "other")))
        return tuple(listed)

    @cached_property
    def layout(self) -> Layout:
        """Where each column's counters stand."""
        bins = np.array([grid.bins for grid in self.columns], np.int64)
        measured = np.array([grid.measured for grid in self.columns])
        return Layout(
            slots=np.concatenate(([0], np.cumsum(bins + SPECIALS))),
            bins=bins,
            sums=np.concatenate(([0], np.cumsum(np.where(measured, bins, 0)))),
            measured=np.where(measured, np.cumsum(measured) - 1, -1),
        )

    @cached_property
    def crossed(self) -> npt.NDArray[np.int64]:
        """(d,) the columns whose products are kept."""
        return np.flatnonzero(self.layout.measured >= 0)[: len(self.scores)]

    @property
    def cross_width(self) -> int:
        """How many products are kept."""
        return pairs(len(self.scores))

    @cached_property
    def blocks(self) -> tuple["Grid", ...]:
        """The grid cut into runs of at most 64 columns; each run is stored as a blob of its own."""
        if len(self.columns) <= BLOCK_COLUMNS:
            return (self,)
        starts = range(0, len(self.columns), BLOCK_COLUMNS)
        return tuple(Grid(self.columns[s : s + BLOCK_COLUMNS], self.segment_grids) for s in starts)

    def dump(self) -> bytes:
        """Canonical JSON; `load` reads it back to an equal grid."""
        # not `self`: msgspec would write the cached properties as well
        plain: dict[str, Any] = {"columns": self.columns, "segment_grids": self.segment_grids}
        if self.scores:
            # a grid without them keeps the id that it had before there were any
            plain["scores"] = self.scores
        if self.outcomes is not None:
            plain["outcomes"] = self.outcomes
        return msgspec.json.encode(plain, order="deterministic").replace(_NOTHING_LEARNT, b"")

    @staticmethod
    def load(data: bytes) -> "Grid":
        """Read what `dump` wrote."""
        return msgspec.json.decode(data, type=Grid)

    @property
    def schema(self) -> Schema:
        """The counted columns as a schema."""
        return Schema(tuple(grid.column for grid in self.columns))


def fixed_point(low: float, high: float, centre: float) -> tuple[float, float]:
    """Shift and unit of a measured column whose central 99.8 % lie in [low, high].

    Returns:
        `(shift, unit)`: unit is a power of two, 2**-22 of the range; shift a multiple of the unit near `centre`.
    """
    span = high - low
    if not math.isfinite(span) or span <= 0:
        span = max(abs(centre), 1.0)
    exponent = max(math.frexp(span)[1] - UNIT_BITS, -1000)
    unit = math.ldexp(1.0, exponent)
    shift = round(centre / unit) * unit if abs(centre / unit) < 2**52 else centre
    return shift, unit


def as_plain(grid: ColumnGrid) -> dict[str, Any]:
    """A column's grid for people and APIs."""
    return {
        "name": grid.name,
        "kind": grid.column.kind.value,
        "role": grid.column.role.value,
        "bins": list(grid.bin_labels()),
    }
