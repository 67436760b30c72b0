"""What a statistic is: a value and the parts of a pair of profiles that it reads.

A statistic is one file in `detectors/statistics/` or `detectors/quality/`, named as the configuration names it, that
holds one `STATISTIC`. It is found by itself (`detectors.names`); the contract tests then ask for its golden entry.

Notation, as in the literature: c and r are the window's and the reference's counts, n and m their totals, p = c/n and
q = r/m their shares, h = (c+r)/(n+m) the pooled shares, v = 1/n + 1/m. Arrays are (C, B): one row per column, so that a
thousand columns are one call. Bins that are empty on both sides (padding, or a bin nobody has used) do not exist.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from detectors.joint import JointPair

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_NONE: Final = np.zeros(0)


class View(StrEnum):
    """Which bins a statistic wants to see."""

    MERGED = "merged"
    """Every column; at most 16 merged value bins, then `unseen`, missing (with NaN), invalid (±inf, wrong type)."""
    ORDERED = "ordered"
    """Numeric and ordinal columns; all value bins in order, with the mean of each; values alone, nothing missing."""
    VALUES = "values"
    """Every column; all value bins, values alone."""
    QUALITY = "quality"
    """Every column; the five bins of `Part`."""
    CROSS = "cross"
    """The columns whose products are kept, of the whole traffic: `Pair.joint`. Counts are the rows."""
    BLOCKS = "blocks"
    """One for each embedding, at its `distance` column: `Pair.blocks`. Counts are the rows."""
    SKETCH = "sketch"
    """Sketches of distinct keys alone (`drift.core.sketch`), which no other view shows; their cells."""


class Part:
    """The bins of the quality view."""

    INSIDE, OUTSIDE, UNSEEN, MISSING, INVALID = range(5)


def over_bins(a: Floats) -> Floats:
    """(C,) Σ over the bins of (C, B)."""
    total: Floats = a.sum(axis=1)
    return total


@dataclass(frozen=True)
class Pair:
    """Window and reference of C columns on the same B bins. Counts, not proportions; never changed."""

    c: Floats
    """(C, B) the window's counts, zero where a column has fewer bins."""
    r: Floats
    """(C, B) the reference's counts."""
    c_at: Floats = field(default_factory=lambda: _NONE)
    """(C, B) ordered view: mean of the window's values in each bin, in `unit`s from the shift; 0 in empty bins."""
    r_at: Floats = field(default_factory=lambda: _NONE)
    """(C, B) the same of the reference."""
    cuts: Floats = field(default_factory=lambda: _NONE)
    """(C, B) ordered view: upper edge of each bin in `unit`s from the shift, the last edge repeated; NaN for ordinal
    columns, whose bins are points."""
    c_variance: Floats = field(default_factory=lambda: _NONE)
    """(C,) ordered view: variance (÷ n) of the window's values, in square `unit`s."""
    r_variance: Floats = field(default_factory=lambda: _NONE)
    """(C,) the same of the reference."""
    scale: Floats = field(default_factory=lambda: _NONE)
    """(C,) ordered view: the reference's standard deviation in `unit`s, never 0; see `detectors.pairs`."""
    unit: Floats = field(default_factory=lambda: _NONE)
    """(C,) ordered view: size of a unit in the column's own measure."""
    c_single: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    """(C,) values view: whether the window holds one value only."""
    r_single: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    """(C,) the same of the reference."""
    once: Floats = field(default_factory=lambda: _NONE)
    """(C,) quality view: values that the reference holds once (its extremes, rare keys, bins of one row); k of them in
    m rows let one expect a share k/m of values that it does not hold (Good 1953)."""
    joint: "JointPair | None" = None
    """Cross view: products of the columns; None where they are not kept."""
    blocks: "tuple[JointPair, ...]" = ()
    """(C,) blocks view: products of each embedding's projections."""
    expected: float = float("nan")
    """Rows that the window was expected to have; NaN: nobody said."""

    @cached_property
    def n(self) -> Floats:
        """(C,) the window's total."""
        return over_bins(self.c)

    @cached_property
    def m(self) -> Floats:
        """(C,) the reference's total."""
        return over_bins(self.r)

    @cached_property
    def v(self) -> Floats:
        """(C,) 1/n + 1/m; the variance of every difference of shares is v times a constant."""
        return 1.0 / np.maximum(self.n, 1.0) + 1.0 / np.maximum(self.m, 1.0)

    @cached_property
    def p(self) -> Floats:
        """(C, B) the window's shares; zeros where it is empty."""
        return self.c / np.maximum(self.n, 1.0)[:, None]

    @cached_property
    def q(self) -> Floats:
        """(C, B) the reference's shares."""
        return self.r / np.maximum(self.m, 1.0)[:, None]

    @cached_property
    def h(self) -> Floats:
        """(C, B) the pooled shares."""
        return (self.c + self.r) / np.maximum(self.n + self.m, 1.0)[:, None]

    @cached_property
    def filled(self) -> Bools:
        """(C, B) bins that exist: filled on one side at least."""
        return (self.c + self.r) > 0

    @cached_property
    def bins(self) -> Ints:
        """(C,) how many bins exist."""
        count: Ints = self.filled.sum(axis=1)
        return count

    @cached_property
    def gap(self) -> Floats:
        """(C, B) P − Q, the difference of the cumulative shares after each bin."""
        return np.cumsum(self.p, axis=1) - np.cumsum(self.q, axis=1)

    @cached_property
    def H(self) -> Floats:  # noqa: N802  # the pooled distribution function's usual name
        """(C, B) the pooled cumulative share after each bin; exactly 1 from the last filled one on."""
        total = np.cumsum(self.c + self.r, axis=1)
        return total / np.maximum(total[:, -1:], 1.0)


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic: how it is called, what it reads, how it is computed and judged."""

    name: str
    """As rules, results and metrics spell it; the name of its file."""
    title: str
    """For people."""
    unit: str
    """Of the value: `ratio`, `standard deviations`, … ; empty: a bare number."""
    range: tuple[float, float]
    """Smallest and largest value there can be."""
    view: View
    value: Callable[[Pair], Floats]
    """(C,) values; finite wherever n ≥ 1 and m ≥ 1, unless it does not apply to a column (NaN)."""
    p_value: Callable[[Pair, Floats], Floats] | None = None
    """(C,) probability of a value at least as far out, were both sides of one law; None: there is no such null."""
    direction: Callable[[Pair], Floats] | None = None
    """(C,) > 0 increase, < 0 decrease; None: the column's own direction (its mean, or the bin that moved most)."""
    symmetric: bool = False
    """Whether exchanging window and reference leaves the value as it is."""
    conservative: bool = False
    """Whether `p_value` is an upper bound, so that false alarms are rarer than its level says."""
    per_model: bool = False
    """Whether it is one number for all columns, judged whatever the number of rows."""
    quality: bool = False
    """Whether it speaks of the data's quality rather than of its distribution."""
