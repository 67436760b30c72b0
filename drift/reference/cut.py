"""From a column and what was noted of it to its grid; which segment values are counted apart."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.grid import ColumnGrid, SegmentGrid, fixed_point, key_hash
from drift.core.schema import Column, Kind, Role, canonical_key
from drift.core.sketch import BUCKET, REGISTERS
from drift.reference.edges import BINS, numeric_edges, score_edges
from drift.reference.noted import Numbers
from drift.reference.tally import Tally

Floats = npt.NDArray[np.float64]

COVER: Final = 0.99
MOST_KEYS: Final = 64
FEWEST_KEYS: Final = 16
"""So many keys stand alone even where fewer cover 99 %: the rare class of a prediction is what matters."""
MOST_RARE: Final = 50_000


def measured_grid(
    column: Column, numbers: Numbers, sample: Floats, labels: Floats | None, thresholds: Sequence[float]
) -> ColumnGrid:
    """The grid of a numeric, ordinal or derived column.

    Args:
        column: kind numeric or ordinal.
        numbers: what all rows hold.
        sample: values of the sampled rows, NaN where there is none.
        labels: labels of the same rows; for scores.
        thresholds: decision thresholds; for scores.
    """
    there = np.isfinite(sample)
    shift, unit = _fixed_point(np.sort(sample[there]), numbers)
    if column.kind is Kind.ORDINAL:
        return ColumnGrid(column, values=tuple(sorted(v + 0.0 for v in numbers.counts or ())), shift=shift, unit=unit)
    if column.role is Role.SCORE and not column.derive:
        paired = labels[there] if labels is not None and labels.size == sample.size else None
        edges = score_edges(sample[there], paired, numbers.low, numbers.high, thresholds)
    else:
        edges = numeric_edges(sample[there], numbers.low, numbers.high)
    return ColumnGrid(column, edges, shift=shift, unit=unit)


def words_grid(column: Column) -> ColumnGrid:
    """The grid of what derives from words, the same for every reference: a share in 64 parts with 0 and 1 apart, or
    yes and no."""
    shift, unit = fixed_point(0.0, 1.0, 0.0)
    if column.kind is Kind.ORDINAL:
        return ColumnGrid(column, values=(0.0, 1.0), shift=shift, unit=unit)
    after = [float(np.nextafter(end, np.inf)) for end in (0.0, 1.0)]
    edges = (0.0, after[0], *(part / BINS for part in range(1, BINS + 1)), after[1])
    return ColumnGrid(column, edges, shift=shift, unit=unit)


def hashed_grid(column: Column) -> ColumnGrid:
    """The grid of a column's hash buckets, or of the sketch of its distinct keys."""
    return ColumnGrid(column, keys=tuple(map(str, range(REGISTERS))) if column.derive == BUCKET else ())


def keyed_grid(column: Column, tally: Tally, texts: npt.NDArray[Any], sample: Floats) -> ColumnGrid:
    """The grid of a categorical or boolean column."""
    if column.kind is Kind.BOOLEAN:
        return ColumnGrid(column, keys=("false", "true"))
    ranked = _ranked(key_counts(tally, texts, sample))
    total, covered, top = sum(count for _, count in ranked), 0, 0
    for _, count in ranked[:MOST_KEYS]:
        if covered >= COVER * total and top >= FEWEST_KEYS:
            break
        covered, top = covered + count, top + 1
    rare = sorted(key_hash(key) for key, _ in ranked[top : top + MOST_RARE])
    return ColumnGrid(column, keys=tuple(key for key, _ in ranked[:top]), rare=tuple(rare))


def lone_keys(grid: ColumnGrid, tally: Tally) -> frozenset[str]:
    """The keys in `other` that the reference holds once; none where there were too many to count."""
    counts = tally.key_counts
    if not grid.rare or counts is None:
        return frozenset()
    return frozenset(key for key, count in counts.items() if count == 1).difference(grid.keys)


def segment_grid(name: str, given: Sequence[str], counts: Mapping[str, int], most: int) -> SegmentGrid:
    """The values of a segment counted apart: those given, or the most frequent ones."""
    # a value called `other` is counted with the other ones, whose name it bears
    values = [*given] or [key for key, _ in _ranked(counts) if key != "other"][:most]
    return SegmentGrid(name, tuple(values))


def key_counts(tally: Tally, texts: npt.NDArray[Any], sample: Floats) -> Mapping[str, int]:
    """How often each key is there: in all rows, or in the samples where there are too many."""
    counts = tally.key_counts
    if counts is not None:
        return counts
    counts = {}
    keys = [text for text in texts if text is not None] + [
        canonical_key(x) for x in sample[np.isfinite(sample)].tolist()
    ]
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    return counts


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _fixed_point(ordered: Floats, numbers: Numbers) -> tuple[float, float]:
    if not ordered.size:
        ordered = np.array([numbers.low, numbers.high] if numbers.n else [0.0])
    last = ordered.size - 1
    low, high = float(ordered[round(0.001 * last)]), float(ordered[round(0.999 * last)])
    with np.errstate(over="ignore"):
        centre = float(ordered.mean())
    return fixed_point(low, high, centre if np.isfinite(centre) else float(ordered[last // 2]))
