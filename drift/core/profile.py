"""Profiles: what a set of rows leaves behind. They add.

Everything is an integer or a minimum or a maximum, so that merging is exact, associative and commutative: partitions,
panes, late rows, machines and days give the same profile in whatever order and grouping they are added, to the bit.
Deltas may be negative (a corrected label takes its first count back).
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import zstandard

from drift.core.errors import ProfileMismatch
from drift.core.grid import INF, MISSING, NAN, SPECIALS, SQUARE_SHIFT, WRONG, Grid

if TYPE_CHECKING:
    from drift.core.outcome.sums import Outcomes

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_HEADER: Final = struct.Struct("<BBHIIII")
_VERSION: Final = 1
_CROSSED: Final = 2
"""The format of sums with products: as before, then how many products and they themselves."""
_COUNT: Final = struct.Struct("<I")
_DENSE: Final = 0
_SPARSE: Final = 1
_ZSTD_LEVEL: Final = 1
_NONE: Final = np.zeros(0, np.int64)
MAX_BLOB: Final = 64 << 20
"""A stored blob never unpacks to more bytes than this; anything larger is refused as damaged."""


@dataclass(frozen=True, slots=True)
class Sums:
    """The bare numbers of one block of columns, without their grid: what is stored, added and folded.

    `ints` is (segments, width); `low` and `high` are (segments, measured columns), ±inf where nothing was seen.
    """

    ints: Ints
    low: Floats
    high: Floats
    cross: Ints = field(default_factory=lambda: _NONE)
    """(pairs,) products of columns, see `drift.core.cross`; of the whole traffic, with the first block. Empty: unknown,
    and so is any sum with it."""

    def __add__(self, other: "Sums") -> "Sums":
        return Sums.total((self, other))

    def copy(self) -> "Sums":
        """The same in arrays of its own."""
        return Sums(self.ints.copy(), self.low.copy(), self.high.copy(), self.cross.copy())

    def absorb(self, other: "Sums") -> None:
        """Add to these arrays in place.

        Raises:
            ProfileMismatch: they were counted on different grids.
        """
        if self.ints.shape != other.ints.shape or self.low.shape != other.low.shape:
            raise ProfileMismatch(
                f"sums of shape {self.ints.shape} cannot be added to sums of shape {other.ints.shape}: "
                "they were counted on different grids"
            )
        if self.cross.shape != other.cross.shape:
            raise ProfileMismatch(
                f"sums with {self.cross.size} products of columns and with {other.cross.size} come from different grids"
            )
        np.add(self.ints, other.ints, out=self.ints)
        np.add(self.cross, other.cross, out=self.cross)
        np.minimum(self.low, other.low, out=self.low)
        np.maximum(self.high, other.high, out=self.high)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self.ints.nbytes + self.low.nbytes + self.high.nbytes + self.cross.nbytes

    def dump(self) -> bytes:
        """Bytes for the store: sparse where few counters are set, the narrowest integers that fit, zstd."""
        flat = self.ints.ravel()
        (at,) = np.nonzero(flat)
        sparse = at.size * 3 < flat.size
        body = _narrow(np.diff(at, prepend=0)) + _narrow(flat[at]) if sparse else _narrow(flat)
        seen = np.flatnonzero(np.isfinite(self.low.ravel()))
        bounds = (
            _narrow(np.diff(seen, prepend=0)) + self.low.ravel()[seen].tobytes() + self.high.ravel()[seen].tobytes()
        )
        crossed = _COUNT.pack(self.cross.size) + _narrow(self.cross) if self.cross.size else b""
        header = _HEADER.pack(
            _CROSSED if crossed else _VERSION, _SPARSE if sparse else _DENSE,
            self.ints.shape[0], self.ints.shape[1], self.low.shape[1], at.size, seen.size,
        )  # fmt: skip
        return header + zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body + bounds + crossed)

    @staticmethod
    def load(data: bytes) -> "Sums":
        """Read what `dump` wrote.

        Raises:
            ProfileMismatch: the bytes are not such a dump.
        """
        try:
            version, form, segments, width, measured, count, seen = _HEADER.unpack_from(data)
            if version not in (_VERSION, _CROSSED):
                raise ProfileMismatch(f"sums of format {version} were written by a newer release; upgrade this one")
            raw = zstandard.ZstdDecompressor().decompress(data[_HEADER.size :], max_output_size=MAX_BLOB)
            flat = np.zeros(segments * width, np.int64)
            if form == _SPARSE:
                steps, raw = _widen(raw, count)
                values, raw = _widen(raw, count)
                flat[np.cumsum(steps)] = values
            else:
                flat, raw = _widen(raw, flat.size)
            steps, raw = _widen(raw, seen)
            at = np.cumsum(steps)
            low, high = np.full(segments * measured, np.inf), np.full(segments * measured, -np.inf)
            low[at] = np.frombuffer(raw, np.float64, seen)
            high[at] = np.frombuffer(raw, np.float64, seen, offset=8 * seen)
            cross = _NONE
            if version == _CROSSED:
                raw = raw[16 * seen :]
                cross, _ = _widen(raw[_COUNT.size :], *_COUNT.unpack_from(raw))
        except (struct.error, ValueError, IndexError, zstandard.ZstdError) as error:
            raise ProfileMismatch(f"these bytes are no stored sums ({error})") from error
        bounds = segments, measured
        return Sums(flat.reshape(segments, width), low.reshape(bounds), high.reshape(bounds), cross)

    @staticmethod
    def fold(blobs: Iterable[bytes]) -> bytes:
        """One blob that holds the sum of all; at least one is needed."""
        return Sums.total(Sums.load(blob) for blob in blobs).dump()

    @staticmethod
    def total(parts: Iterable["Sums"]) -> "Sums":
        """The sum of all parts; at least one is needed."""
        iterator = iter(parts)
        first = next(iterator, None)
        if first is None:
            raise ProfileMismatch("there is nothing to add up")
        whole = first.copy()
        for part in iterator:
            if whole.cross.size != part.cross.size and not (whole.cross.size and part.cross.size):
                whole, part = replace(whole, cross=_NONE), replace(part, cross=_NONE)
            whole.absorb(part)
        return whole


_WIDTHS: Final = ((np.int8, 7), (np.int16, 15), (np.int32, 31), (np.int64, 63))


def _narrow(values: npt.NDArray[np.int64]) -> bytes:
    reach = max(int(values.max(initial=0)), -int(values.min(initial=0)) - 1)
    code = next(i for i, (_, bits) in enumerate(_WIDTHS) if reach < 1 << bits)
    narrow = values.astype(_WIDTHS[code][0])
    # byte planes apart: the high bytes are nearly all zero, which zstd likes
    return bytes([code]) + narrow.view(np.uint8).reshape(-1, narrow.itemsize).T.tobytes()


def _widen(raw: bytes, count: int) -> tuple[npt.NDArray[np.int64], bytes]:
    kind = np.dtype(_WIDTHS[raw[0]][0])
    planes = np.frombuffer(raw, np.uint8, count * kind.itemsize, offset=1).reshape(kind.itemsize, count)
    values = np.ascontiguousarray(planes.T).view(kind).reshape(count).astype(np.int64)
    return values, raw[1 + count * kind.itemsize :]


@dataclass(frozen=True, slots=True)
class Profile:
    """The sums of some rows on a grid, for the whole traffic and each segment."""

    grid: Grid
    sums: Sums
    outcomes: "Outcomes | None" = None
    """Predictions and labels of the same stretch; None: the grid counts none, or nobody asked for them."""

    def __post_init__(self) -> None:
        expected = (len(self.grid.segments), self.grid.layout.width)
        if self.sums.ints.shape != expected:
            raise ProfileMismatch(
                f"the sums have shape {self.sums.ints.shape}, the grid {self.grid.id} needs {expected}: "
                "they were counted on another grid"
            )
        if self.sums.cross.size not in (0, self.grid.cross_width):
            raise ProfileMismatch(
                f"the sums have {self.sums.cross.size} products of columns, the grid {self.grid.id} keeps "
                f"{self.grid.cross_width}: they were counted on another grid"
            )

    @staticmethod
    def empty(grid: Grid) -> "Profile":
        """The profile of no rows."""
        ints = np.zeros((len(grid.segments), grid.layout.width), np.int64)
        bounds = (len(grid.segments), grid.layout.measured_width)
        cross = np.zeros(grid.cross_width, np.int64)
        return Profile(grid, Sums(ints, np.full(bounds, np.inf), np.full(bounds, -np.inf), cross))

    def merge(self, other: "Profile") -> "Profile":
        """The profile of both sets of rows. Exact. O(width).

        Raises:
            ProfileMismatch: the grids differ.
        """
        if self.grid.id != other.grid.id:
            raise ProfileMismatch(f"profiles on grid {self.grid.id} and on grid {other.grid.id} cannot be added")
        both = self.outcomes is not None and other.outcomes is not None
        outcomes = self.outcomes + other.outcomes if both else None  # type: ignore[operator]  # neither is None
        return Profile(self.grid, self.sums + other.sums, outcomes)

    def rows(self, segment: int = 0) -> int:
        """Number of rows."""
        return int(self.sums.ints[segment, 0])

    def counts(self, segment: int = 0) -> Ints:
        """(counts_width,) counters of every column's slots, in the layout's order."""
        return self.sums.ints[segment, 1 : 1 + self.grid.layout.counts_width]

    def column_counts(self, column: int, segment: int = 0) -> Ints:
        """(slots,) counters of one column: value bins, then missing, nan, inf, wrong type."""
        slots = self.grid.layout.slots
        return self.counts(segment)[slots[column] : slots[column + 1]]

    def bin_counts(self, column: int, segment: int = 0) -> Ints:
        """(bins,) counters of one column's value bins."""
        return self.column_counts(column, segment)[:-SPECIALS]

    def special(self, which: int, segment: int = 0) -> Ints:
        """(columns,) counters of `MISSING`, `NAN`, `INF` or `WRONG`."""
        return self.counts(segment)[self.grid.layout.slots[1:] - SPECIALS + which]

    def missing(self, segment: int = 0) -> Ints:
        """(columns,) rows without a value: absent, null or NaN."""
        return self.special(MISSING, segment) + self.special(NAN, segment)

    def invalid(self, segment: int = 0) -> Ints:
        """(columns,) rows whose value is infinite or of a wrong type."""
        return self.special(INF, segment) + self.special(WRONG, segment)

    def bin_sums(self, column: int, segment: int = 0) -> Floats:
        """(bins,) Σx per value bin of a measured column, in the column's own unit; empty for others.

        Exact to half a fixed-point unit a row; values beyond 16,384 central ranges enter as that bound.
        """
        layout, grid = self.grid.layout, self.grid.columns[column]
        start = 1 + layout.counts_width
        raw = self.sums.ints[segment, start + layout.sums[column] : start + layout.sums[column + 1]]
        if raw.size == 0:
            return raw.astype(np.float64)
        return raw * grid.unit + self.bin_counts(column, segment) * grid.shift

    def moments(self, column: int, segment: int = 0) -> tuple[int, float, float]:
        """Number of finite values, their mean and variance (÷ n) of a measured column; NaN where there are none."""
        layout, grid = self.grid.layout, self.grid.columns[column]
        position = int(layout.measured[column])
        n = int(self.bin_counts(column, segment).sum())
        if position < 0 or n <= 0:
            return max(n, 0), float("nan"), float("nan")
        start = 1 + layout.counts_width
        total = int(self.sums.ints[segment, start + layout.sums[column] : start + layout.sums[column + 1]].sum())
        square = int(self.sums.ints[segment, start + layout.sums_width + position])
        mean = total / n * grid.unit
        coarse = grid.unit * (1 << SQUARE_SHIFT)
        return n, grid.shift + mean, max(square / n * coarse * coarse - mean * mean, 0.0)

    def bounds(self, column: int, segment: int = 0) -> tuple[float, float]:
        """Smallest and largest finite value of a measured column; (inf, −inf) where there is none."""
        position = int(self.grid.layout.measured[column])
        if position < 0:
            return float("inf"), float("-inf")
        return float(self.sums.low[segment, position]), float(self.sums.high[segment, position])

    def dump(self) -> list[bytes]:
        """One blob per block of at most 64 columns."""
        return [sums.dump() for sums in split(self.grid, self.sums)]

    @staticmethod
    def load(grid: Grid, blobs: Sequence[bytes]) -> "Profile":
        """Read what `dump` wrote.

        Raises:
            ProfileMismatch: number or shape of the blobs does not fit the grid.
        """
        return Profile(grid, join(grid, [Sums.load(blob) for blob in blobs]))


def _spans(grid: Grid) -> list[list[slice]]:
    """For each block: the slices of a full row that are its counts, sums and squares, and its measured columns."""
    layout, spans, column = grid.layout, [], 0
    for block in grid.blocks:
        last = column + len(block.columns)
        measured = int((layout.measured[:column] >= 0).sum())
        base = 1 + layout.counts_width
        squares = base + layout.sums_width
        width = block.layout.measured_width
        spans.append(
            [
                slice(1 + int(layout.slots[column]), 1 + int(layout.slots[last])),
                slice(base + int(layout.sums[column]), base + int(layout.sums[last])),
                slice(squares + measured, squares + measured + width),
                slice(measured, measured + width),
            ]
        )
        column = last
    return spans


def split(grid: Grid, sums: Sums) -> list[Sums]:
    """Cut sums on the whole grid into sums on each of its blocks.

    Every block repeats the row counts; the products of columns stay with the first.
    """
    if len(grid.blocks) == 1:
        return [sums]
    return [
        Sums(
            np.concatenate(
                [sums.ints[:, :1], sums.ints[:, counts], sums.ints[:, totals], sums.ints[:, squares]], axis=1
            ),
            sums.low[:, bounds],
            sums.high[:, bounds],
            _NONE if number else sums.cross,
        )
        for number, (counts, totals, squares, bounds) in enumerate(_spans(grid))
    ]


def join(grid: Grid, blocks: Sequence[Sums]) -> Sums:
    """Put the blocks of a grid together again."""
    if len(blocks) != len(grid.blocks):
        raise ProfileMismatch(f"grid {grid.id} is stored in {len(grid.blocks)} blocks, not {len(blocks)}")
    if len(blocks) == 1:
        return blocks[0]
    whole = replace(Profile.empty(grid).sums, cross=blocks[0].cross)
    whole.ints[:, 0] = blocks[0].ints[:, 0]
    for block, part, (counts, totals, squares, bounds) in zip(grid.blocks, blocks, _spans(grid), strict=True):
        if part.ints.shape != (len(grid.segments), block.layout.width):
            raise ProfileMismatch(f"a block of grid {grid.id} has shape {part.ints.shape}")
        cut = np.cumsum([1, block.layout.counts_width, block.layout.sums_width])
        whole.ints[:, counts], whole.ints[:, totals] = part.ints[:, cut[0] : cut[1]], part.ints[:, cut[1] : cut[2]]
        whole.ints[:, squares] = part.ints[:, cut[2] :]
        whole.low[:, bounds], whole.high[:, bounds] = part.low, part.high
    return whole
