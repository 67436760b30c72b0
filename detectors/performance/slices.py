"""The parts of the traffic that are worst off, found by looking at all that is counted apart.

**Searched**: each value of each segment column; of each column whose losses are summed by bins, sixteen or so parts of
the window's values, each frequent key, values that the reference never had, missing ones, invalid ones; of each pair of
the `crossed` columns 8×8 parts, which must also be worse than the rest of either column's part that they lie in.
**Not searched**: pairs of other columns, and three at once; make such a combination a segment column.

The loss is the share of wrong classes, or the mean absolute error; realised where labels suffice, else the one that the
reference's calibrator expects (a regression has none before labels). Each part is tested against all other rows, for
more only: counts of errors by normal approximation, or exactly given their sum where few are to be expected; absolute
errors by the variance of all rows. Benjamini & Hochberg (1995) correct for everything looked at: of the slices returned
at most 5 % are expected to be no worse than the rest. O(slots + segments).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.contract import Floats
from detectors.nulls import benjamini_hochberg, excess_tail, two_sided
from detectors.performance.causes import ENOUGH
from detectors.shares import range_of, shares
from drift.core.grid import INF, MISSING, NAN, SPECIALS, WRONG
from drift.core.outcome.grid import Task
from drift.core.outcome.layout import SHARE_BITS
from drift.core.outcome.pairs import EIGHTHS, eighths_of, pairs_of
from drift.core.outcome.sums import Outcomes
from drift.core.performance import Slice

LEAST: Final = 50
"""Rows that a slice, and the rest, need to be looked at."""
LEVEL: Final = 0.05
MOST: Final = 10
"""So many are returned."""
_FEW: Final = 10.0
"""Errors expected in a slice, below which the normal approximation is not used."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of a slice, and Σ loss in the loss's own unit."""

    where: tuple[tuple[str, str], ...]
    rows: float
    loss: float
    within: tuple[tuple[float, float], ...] = ()
    """Rows and Σ loss of each larger part in which it must be worse than the rest, too."""


def slices(outcomes: Outcomes, *, realized: bool = True, most: int = MOST) -> tuple[Slice, ...]:
    """Slices whose loss is above that of all other rows beyond chance, the surest first.

    Args:
        outcomes: of one window.
        realized: whether labels that came stand for those that did not; not so where a class is implied by absence.
        most: how many to return.
    """
    known = realized and outcomes.joined() >= ENOUGH
    whole = _whole(outcomes, known)
    if whole is None:
        return ()
    parts = [
        part for part in (*_segments(outcomes, known), *_bins(outcomes, known), *_pairs(outcomes, known))
        if part.rows >= LEAST and whole.rows - part.rows >= LEAST
    ]  # fmt: skip
    if not parts:
        return ()
    z, p = _surely(parts, whole, _variance(outcomes))
    corrected = benjamini_hochberg(p, np.ones(p.size, np.bool_))
    order = [int(at) for at in np.argsort(-z, kind="stable") if corrected[at] <= LEVEL and z[at] > 0]
    return tuple(_slice(parts[at], whole, float(corrected[at])) for at in order[:most])


def _slice(part: _Part, whole: _Part, p_value: float) -> Slice:
    rest = (whole.loss - part.loss) / (whole.rows - part.rows)
    return Slice(part.where, round(part.rows), part.loss / part.rows, rest, p_value)


def _surely(parts: Sequence[_Part], whole: _Part, variance: float | None) -> tuple[Floats, Floats]:
    """(slices,) the least z and the largest one-sided p of 'no worse than the rest' of all that a part lies within.

    The largest is right for 'worse than each of them': Berger (1982), intersection–union tests.
    """
    rows, loss = np.array([part.rows for part in parts]), np.array([part.loss for part in parts])
    z, p = _tested(rows, loss, np.full(rows.size, whole.rows), np.full(rows.size, whole.loss), variance)
    for number in range(2):
        at = np.array([i for i, part in enumerate(parts) if len(part.within) > number], np.int64)
        if at.size:
            larger = np.array([parts[i].within[number] for i in at.tolist()])
            mine, chance = _tested(rows[at], loss[at], larger[:, 0], larger[:, 1], variance)
            z[at], p[at] = np.minimum(z[at], mine), np.maximum(p[at], chance)
    return z, p


def _tested(n: Floats, loss: Floats, rows: Floats, total: Floats, variance: float | None) -> tuple[Floats, Floats]:
    """z and p of n rows with Σ loss among `rows` with Σ `total`; variance None: of shares. Without a rest p is ½."""
    m, rest = rows - n, total - loss
    there = m >= 1
    m, mean = np.where(there, m, 1.0), total / rows
    spread = np.maximum(mean * (1 - mean), 0.0) if variance is None else np.full(n.size, variance)
    error = np.sqrt(spread * (1 / n + 1 / m))
    z = np.where(there & (error > 0), (loss / n - rest / m) / np.where(error > 0, error, 1.0), 0.0)
    p = np.where(z > 0, two_sided(z) / 2, 1 - two_sided(z) / 2)
    if variance is None:
        few = there & (n * mean < _FEW)
        p = np.where(few, excess_tail(np.maximum(loss, 0.0), n, np.maximum(rest, 0.0), m), p)
    return z, p


def _variance(outcomes: Outcomes) -> float | None:
    """Of absolute errors, in the label's unit squared; None: the loss is a share."""
    if outcomes.outcome.task is not Task.REGRESSION:
        return None
    n = max(outcomes.joined(), 1)
    one, two = outcomes.losses()["absolute"]
    return max(two / n - (one / n) ** 2, 0.0) * outcomes.outcome.unit**2


def _whole(outcomes: Outcomes, realized: bool) -> _Part | None:
    """Everything; None: no loss is known."""
    found = _of_segment(outcomes, 0, realized)
    return None if found is None or found[0] < 2 * LEAST else _Part((), *found)


def _segments(outcomes: Outcomes, realized: bool) -> Iterator[_Part]:
    for segment in outcomes.grid.segments[1:]:
        found = _of_segment(outcomes, segment.index, realized)
        if found is not None:
            yield _Part(((segment.name, segment.value),), *found)


def _of_segment(outcomes: Outcomes, segment: int, realized: bool) -> tuple[float, float] | None:
    """Rows of known loss, and Σ loss."""
    task, classes = outcomes.outcome.task, len(outcomes.outcome.classes)
    if task is Task.REGRESSION:
        one, _ = outcomes.losses(segment)["absolute"]
        return (outcomes.joined(segment), one * outcomes.outcome.unit) if realized else None
    if realized:
        table = outcomes.block("joined", segment).sum(axis=0)[:classes, :classes]
        return float(table.sum()), float(table.sum() - np.trace(table))
    if not outcomes.outcome.calibrated:
        return None
    if task is Task.MULTICLASS:
        right = np.trace(outcomes.block("expected", segment)[:, :classes]) / float(1 << SHARE_BITS)
        rows = float(outcomes.block("predicted", segment)[:, :classes].sum())
        return rows, rows - float(right)
    positive = np.array(outcomes.outcome.calibrated[0])
    counts = outcomes.block("predicted", segment)[: positive.size, :2]
    return float(counts.sum()), float((counts * np.stack((positive, 1 - positive), axis=1)).sum())


def _bins(outcomes: Outcomes, realized: bool) -> Iterator[_Part]:
    names = ("cause_seen", "cause_loss") if realized else ("cause_rows", "cause_expected")
    rows, losses = (outcomes.by_cause(name) for name in names)
    apart = {grid.name for grid in outcomes.grid.segment_grids}
    for number, name in enumerate(outcomes.outcome.causes):
        if name not in apart:
            loss = np.asarray(losses[number], np.float64) * outcomes.outcome.unit
            yield from _of_column(outcomes, name, np.asarray(rows[number], np.float64), loss)


def _of_column(outcomes: Outcomes, name: str, rows: Floats, losses: Floats) -> Iterator[_Part]:
    grid = outcomes.grid.columns[outcomes.grid.index[name]]
    special = len(rows) - SPECIALS
    groups = [(label.removeprefix("of "), bins) for label, bins, tail in shares(grid, rows) if tail == 0]
    groups.append(("missing", np.array([special + MISSING, special + NAN])))
    groups.append(("invalid", np.array([special + INF, special + WRONG])))
    for label, bins in groups:
        yield _Part(((name, label),), float(rows[bins].sum()), float(losses[bins].sum()))


def _pairs(outcomes: Outcomes, realized: bool) -> Iterator[_Part]:
    """Cells of two columns at once."""
    pairs = pairs_of(outcomes.outcome.crossed)
    if not pairs:
        return
    names = ("pair_seen", "pair_loss") if realized else ("pair_rows", "pair_expected")
    rows, losses = (np.asarray(outcomes.by_pair(name), np.float64) for name in names)
    labels = {name: _eighths(outcomes, name) for name in outcomes.outcome.crossed}
    for at, (one, two) in enumerate(pairs):
        n, loss = rows[at], losses[at] * outcomes.outcome.unit
        across = tuple(zip(n.sum(axis=1).tolist(), loss.sum(axis=1).tolist(), strict=True))
        down = tuple(zip(n.sum(axis=0).tolist(), loss.sum(axis=0).tolist(), strict=True))
        for i, j in np.argwhere(n >= LEAST).tolist():
            where = (one, labels[one][i]), (two, labels[two][j])
            yield _Part(where, float(n[i, j]), float(loss[i, j]), (across[i], down[j]))


def _eighths(outcomes: Outcomes, name: str) -> dict[int, str]:
    """What each eighth of a column is called."""
    grid = outcomes.grid.columns[outcomes.grid.index[name]]
    run = eighths_of(grid)[:-SPECIALS]
    found = {EIGHTHS - 1: "missing or invalid"}
    for at in np.unique(run).tolist():
        bins = np.flatnonzero(run == at)
        found[at] = grid.bin_labels()[int(bins[0])] if bins.size == 1 else "any other"
        if bins.size > 1 and grid.measured:
            # values that an ordinal column never had stand last, and have no place on the line
            found[at] = range_of(grid, bins[bins != grid.unseen])
    return {at: label.removeprefix("of ") for at, label in found.items()}
