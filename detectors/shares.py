"""A column's values cut into at most sixteen or so parts that a person can name."""

from typing import Final

import numpy as np

from detectors.contract import Floats, Ints
from drift.core.grid import ColumnGrid
from drift.core.schema import Kind

GROUPS: Final = 16
_TAILS: Final = ((0.001, "lowest 0.1 %", "highest 0.1 %"), (0.005, "lowest 0.5 %", "highest 0.5 %"))


def shares(grid: ColumnGrid, counts: Floats) -> list[tuple[str, Ints, int]]:
    """Parts of a column's values: (name, its bins, and −1 or 1 for the tails, which lie inside other parts).

    Keys: each one that the reference has, and `other`. Numbers: sixteenths of the reference, few values each their
    own; then the tails. `unseen` comes last. What is missing or invalid is no value.

    Args:
        grid: the column's bins.
        counts: (bins, or more) the reference's counts.
    """
    labels, at = grid.bin_labels(), np.arange(grid.bins)
    unseen = [] if grid.unseen is None else [("unseen", at[grid.unseen :], 0)]
    seen = at if grid.unseen is None else at[: grid.unseen]
    if grid.keys_counted:
        return [*((f"of {labels[b]}", at[b : b + 1], 0) for b in seen if counts[b] > 0), *unseen]
    r = counts[seen]
    total = max(float(r.sum()), 1.0)
    rank = (np.cumsum(r) - r / 2) / total
    group = np.minimum((rank * GROUPS).astype(np.int64), GROUPS - 1) if seen.size > GROUPS else seen
    found = [(range_of(grid, seen[group == g]), seen[group == g], 0) for g in np.unique(group)]
    if grid.column.kind is Kind.NUMERIC:
        upto = np.cumsum(r) / total
        for share, low, high in _TAILS:
            found.append((f"of the {low}", seen[upto <= 1.6 * share], -1))
            found.append((f"of the {high}", seen[upto - r / total >= 1 - 1.6 * share], 1))
    return [*(one for one in found if one[1].size), *unseen]


def range_of(grid: ColumnGrid, bins: Ints) -> str:
    """How a run of neighbouring value bins of numbers is called: `of 3`, `below 3`, `from 3 to 5`, `from 5 up`."""
    first, last = int(bins[0]), int(bins[-1])
    if first == last:
        return f"of {grid.bin_labels()[first]}"
    if not grid.edges:
        return f"of {grid.values[first]:.5g} to {grid.values[last]:.5g}"
    if first == 0 and last == len(grid.edges):
        return "of any value"
    if first == 0:
        return f"below {grid.edges[last]:.5g}"
    if last == len(grid.edges):
        return f"from {grid.edges[first - 1]:.5g} up"
    return f"from {grid.edges[first - 1]:.5g} to {grid.edges[last]:.5g}"
