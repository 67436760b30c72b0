"""Reference against window on the reference's own bins: densities, what lies outside, and what each bin contributes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dashboards.web.formats import count, percent
from dashboards.web.views.figure import Figure, Table
from drift.core.grid import INF, MISSING, NAN, SPECIALS, WRONG, ColumnGrid
from drift.core.profile import Profile
from drift.core.schema import Kind

Floats = npt.NDArray[np.float64]
BARS: Final = 40
"""Categories that are drawn; the others are in the table."""
ROWS: Final = 500
"""Bins of the table."""
_TRIM: Final = 0.002
"""Share of the reference at either end that may be left out of the picture, if that makes it readable."""
_ALONE: Final = 0.1
"""Share of the values from which one value is drawn by itself."""
_CELLS: Final = 60
"""Bins that are drawn, about."""
_WIDE: Final = 6.0
"""How many times wider than the rest such an end is."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One column's counts in the reference and in a window, on the same bins."""

    grid: ColumnGrid
    before: npt.NDArray[np.int64]
    """(slots,) of the reference."""
    now: npt.NDArray[np.int64]
    """(slots,) of the window."""

    @staticmethod
    def of(before: Profile, now: Profile | None, at: int, segment: int) -> "Pair":
        """Of one segment; `now` None: a window without rows."""
        counts = before.column_counts(at, segment)
        return Pair(before.grid.columns[at], counts, now.column_counts(at, segment) if now else np.zeros_like(counts))

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """(bins,) shares of the values of reference and window; 0 where there are none."""
        return _shares(self.before[:-SPECIALS]), _shares(self.now[:-SPECIALS])

    @property
    def contributions(self) -> Floats:
        """(bins,) what each bin adds to PSI: (q − p) ln(q ÷ p) ≥ 0, with the sign of q − p. Half a row is added to each
        bin, so that an empty one stays finite. 0 where the window has no values."""
        before, now = self.before[:-SPECIALS] + 0.5, self.now[:-SPECIALS] + 0.5
        if not self.now[:-SPECIALS].sum():
            return np.zeros(before.shape)
        p, q = before / before.sum(), now / now.sum()
        found: Floats = np.abs((q - p) * np.log(q / p)) * np.sign(q - p)
        return found


def distribution(of: Pair, title: str) -> Figure:
    """Densities of a numeric column, shares of any other, with each bin's contribution below."""
    numeric = of.grid.column.kind is Kind.NUMERIC and len(of.grid.edges) > 1
    p, q = of.shares
    gives = of.contributions
    data = _numeric(of.grid, p, q, gives) if numeric else _bars(of.grid, p, q, gives)
    labels = of.grid.bin_labels()
    head = ("Value", "Reference", "Window", "Reference, share", "Window, share", "Adds to PSI")
    rows = [
        (labels[i], int(of.before[i]), int(of.now[i]), float(p[i]), float(q[i]), float(gives[i]))
        for i in _order(gives, numeric or of.grid.ordered)
    ]
    return Figure(
        "distribution", "density" if numeric else "shares", "Reference and window",
        _says(of, title, labels, gives, data.get("cells", ())),
        Table(head, rows), data if of.before[:-SPECIALS].sum() or of.now[:-SPECIALS].sum() else {}, size="tall",
    )  # fmt: skip


def specials(of: Pair) -> Figure:
    """What is no value, and values that the reference never or rarely had."""
    names, before, now = ["missing", "NaN", "infinite", "wrong type"], list[int](), list[int]()
    for which in (MISSING, NAN, INF, WRONG):
        before.append(int(of.before[len(of.before) - SPECIALS + which]))
        now.append(int(of.now[len(of.now) - SPECIALS + which]))
    for name, at in _outside(of.grid):
        names.append(name)
        before.append(int(of.before[at]))
        now.append(int(of.now[at]))
    whole_before, whole_now = max(int(of.before.sum()), 1), max(int(of.now.sum()), 1)
    shares = [one / whole_before for one in before], [one / whole_now for one in now]
    worst = max(range(len(names)), key=lambda i: abs(shares[1][i] - shares[0][i]))
    moved = abs(shares[1][worst] - shares[0][worst]) > 0
    says = (
        f"Share of all rows; {names[worst]} went from {percent(shares[0][worst])} to {percent(shares[1][worst])}."
        if moved
        else "Share of all rows; none of them changed."
    )
    data = {"labels": names, "before": shares[0], "now": shares[1]}
    rows = list(zip(names, before, now, shares[0], shares[1], strict=True))
    head = ("What", "Reference", "Window", "Reference, share", "Window, share")
    return Figure("outside", "outside", "Missing, other and unseen", says, Table(head, rows), data)


def _outside(grid: ColumnGrid) -> list[tuple[str, int]]:
    """Bins that stand apart: beyond the reference's range, rare and unseen values."""
    if grid.column.kind is Kind.NUMERIC:
        return [("below the reference", 0), ("above the reference", grid.bins - 1)]
    found = [("other", grid.other), ("unseen", grid.unseen)]
    return [(name, at) for name, at in found if at is not None]


def _shares(counts: npt.NDArray[np.int64]) -> Floats:
    total = int(counts.sum())
    found: Floats = counts / total if total else np.zeros(counts.shape)
    return found


def _order(gives: Floats, ordered: bool) -> Sequence[int]:
    """Bins of the table: in their order, or those that moved most first."""
    order = np.arange(gives.size) if ordered else np.argsort(-np.abs(gives), kind="stable")
    return [int(i) for i in order[:ROWS]]


def _says(of: Pair, title: str, labels: Sequence[str], gives: Floats, cells: Sequence[Sequence[float]]) -> str:
    values = int(of.now[:-SPECIALS].sum())
    if not values:
        return f"{title} holds no value of this column."
    p, q = of.shares
    where, before, now = _most(labels, p, q, gives, cells)
    return (
        f"{count(int(of.before[:-SPECIALS].sum()), 'value')} of the reference beside {count(values, 'value')} of "
        f"the window. Below: what each bin adds to PSI ({np.abs(gives).sum():.3g} in all), upwards where the window "
        f"has more. Most: {where}, {percent(before)} before, {percent(now)} now."
    )


def _most(
    labels: Sequence[str], p: Floats, q: Floats, gives: Floats, cells: Sequence[Sequence[float]]
) -> tuple[str, float, float]:
    """Where most of the difference lies: what it is called, its share before and now. Drawn bins rather than counted
    ones, of which there may be hundreds."""
    worst = int(np.argmax(np.abs(gives)))
    low, high, before, now, most = max(cells, key=lambda cell: abs(cell[4]), default=(0.0, 0.0, 0.0, 0.0, 0.0))
    if abs(most) > abs(float(gives[worst])):
        return f"{low:.4g} to {high:.4g}", before * (high - low), now * (high - low)
    return labels[worst][:80], float(p[worst]), float(q[worst])


def _numeric(grid: ColumnGrid, p: Floats, q: Floats, gives: Floats) -> dict[str, Any]:
    """Bins between finite edges as densities, neighbours that are too narrow to be seen together; single values that
    hold much of the column as shares of their own."""
    edges = np.array(grid.edges)
    view = _range(edges, np.maximum(p, q)[1:-1])
    low, high = edges[:-1], edges[1:]
    p, q, gives = p[1:-1], q[1:-1], gives[1:-1]  # the outermost bins have no width
    alone = (high <= np.nextafter(low, np.inf)) & (np.maximum(p, q) >= _ALONE)
    atoms = np.stack([low[alone], p[alone], q[alone], gives[alone]], axis=1).tolist()
    masses = np.stack([np.where(alone, 0.0, one) for one in (p, q, gives)], axis=1)
    cells = _merged(edges, masses, (view[1] - view[0]) / _CELLS)
    return {"cells": cells, "atoms": atoms, "range": view}


def _merged(edges: Floats, masses: Floats, width: float) -> list[list[float]]:
    """Neighbouring bins added up until each is `width` wide: low, high, density before, density now, contribution."""
    found: list[tuple[float, float, Floats]] = []
    first, sums = 0, np.zeros(3)
    for i, mass in enumerate(masses):
        sums = sums + mass
        if edges[i + 1] - edges[first] >= width:
            found.append((float(edges[first]), float(edges[i + 1]), sums))
            first, sums = i + 1, np.zeros(3)
    if found and first < len(masses):  # what is left is too narrow by itself
        low, _, before = found.pop()
        found.append((low, float(edges[-1]), before + sums))
    elif not found and edges[-1] > edges[0]:
        found.append((float(edges[0]), float(edges[-1]), sums))
    return [_cell(low, high, sums) for low, high, sums in found]


def _cell(low: float, high: float, sums: Floats) -> list[float]:
    before, now, gives = sums.tolist()
    return [low, high, before / (high - low), now / (high - low), gives]


def _range(edges: Floats, mass: Floats) -> list[float]:
    """Where the picture begins and ends: without far ends that hold nearly nothing."""
    first, last = 0, edges.size - 1
    while last - first > 2 and _far(edges, first, last, at=first) and mass[first] < _TRIM:
        first += 1
    while last - first > 2 and _far(edges, first, last, at=last - 1) and mass[last - 1] < _TRIM:
        last -= 1
    return [float(edges[first]), float(edges[last])]


def _far(edges: Floats, first: int, last: int, *, at: int) -> bool:
    width = edges[at + 1] - edges[at]
    rest = edges[last] - edges[first] - width
    return bool(width * _WIDE > rest)


def _bars(grid: ColumnGrid, p: Floats, q: Floats, gives: Floats) -> dict[str, Any]:
    labels = grid.bin_labels()
    chosen = np.argsort(-np.maximum(np.maximum(p, q), np.abs(gives)), kind="stable")[:BARS]
    order = sorted(chosen.tolist()) if grid.ordered else chosen.tolist()
    return {
        "labels": [labels[i][:200] for i in order],
        "before": [float(p[i]) for i in order],
        "now": [float(q[i]) for i in order],
        "gives": [float(gives[i]) for i in order],
        "left": max(0, len(labels) - len(order)),
    }
