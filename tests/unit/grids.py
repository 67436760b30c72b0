"""Small grids made by hand, for tests of what stands on them."""

import numpy as np
import numpy.typing as npt

from drift.core.grid import ColumnGrid, Grid, SegmentGrid, fixed_point, key_hash
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.core.sketch import DISTINCT

TAILS = (0.001, 0.005)


def numeric(name: str, sample: npt.NDArray[np.float64], role: Role = Role.FEATURE) -> ColumnGrid:
    """64 equal-probability bins and tail edges of this sample."""
    at = np.concatenate(([0.0, *TAILS], np.arange(1, 64) / 64, [1 - t for t in reversed(TAILS)], [1.0]))
    edges = np.unique(np.quantile(sample, at))
    edges[-1] = np.nextafter(edges[-1], np.inf)
    low, high = np.quantile(sample, [0.001, 0.999]).tolist()
    shift, unit = fixed_point(low, high, float(sample.mean()))
    column = Column(name, Kind.NUMERIC, role, Storage.NUMBER)
    return ColumnGrid(column, edges=tuple(edges.tolist()), shift=shift, unit=unit)


def ordinal(name: str, values: tuple[float, ...]) -> ColumnGrid:
    """One bin per value."""
    shift, unit = fixed_point(min(values), max(values), sum(values) / len(values))
    return ColumnGrid(
        Column(name, Kind.ORDINAL, Role.FEATURE, Storage.NUMBER), values=tuple(sorted(values)), shift=shift, unit=unit
    )


def categorical(name: str, keys: tuple[str, ...], rare: tuple[str, ...] = ()) -> ColumnGrid:
    """One bin per key; `rare` ones share `other`."""
    column = Column(name, Kind.CATEGORICAL, Role.FEATURE, Storage.STRING)
    return ColumnGrid(column, keys=keys, rare=tuple(sorted(map(key_hash, rare))))


def grid(*columns: ColumnGrid, segments: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Grid:
    """A grid of these columns."""
    return Grid(columns, tuple(SegmentGrid(name, values) for name, values in segments))


def schema(on: Grid) -> Schema:
    """The schema that such a grid's reference would have."""
    return Schema(tuple(c.column for c in on.columns), tuple(s.name for s in on.segment_grids))


def sketch(name: str) -> ColumnGrid:
    """The cells that tell how many distinct keys there are; fed from the field of the same name."""
    return ColumnGrid(Column(name, Kind.CATEGORICAL, Role.FEATURE, Storage.STRING, name, DISTINCT))
