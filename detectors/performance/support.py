"""Rows outside what the reference has seen: of them no estimate knows anything."""

from collections.abc import Mapping

import numpy as np

from drift.core.outcome.sums import Outcomes
from drift.core.profile import Profile
from drift.core.schema import Kind, Role


def outside(window: Profile, reference: Profile, matter: Mapping[str, float] | None = None, segment: int = 0) -> float:
    """The largest share, over the features, of rows whose value lies beyond the reference's own, 0–1. O(columns).

    Below its smallest or above its largest number, or a value that it never had; less what the reference itself shows
    there, and weighed by how much the column matters. The largest, and not a sum: the same rows are far out in several
    columns at once.

    Args:
        window: counts.
        reference: counts on the same grid.
        matter: column → 0–1, see `mattering`, or importances over the largest; a column without one does not count.
            None: all matter alike.
        segment: which.
    """
    rows, own = window.rows(segment), reference.rows(segment)
    if rows <= 0 or own <= 0:
        return 0.0
    found = [0.0]
    for at, grid in enumerate(window.grid.columns):
        weight = 1.0 if matter is None else matter.get(grid.name, 0.0)
        if grid.column.role is not Role.FEATURE or grid.sketch or weight <= 0:
            continue
        ends = [0, grid.bins - 1] if grid.column.kind is Kind.NUMERIC else [grid.unseen]
        counts = [np.asarray(one.bin_counts(at, segment)) for one in (window, reference)]
        p, q = (sum(int(c[e]) for e in ends if e is not None) for c in counts)
        found.append(weight * (p / rows - q / own))
    return float(np.clip(max(found), 0.0, 1.0))


def mattering(reference: Outcomes) -> dict[str, float] | None:
    """Column → how much the loss differs between its bins, 0–1 of the column where it differs most; None: unknown.

    η² of a one-way analysis of variance, less what chance brings: (SS_between − (k−1)·MS_within)/SS_total (ω², Hays
    1963), from the reference's labels. A column that the loss does not follow is no support that a row can leave.
    """
    seen, loss = reference.by_cause("cause_seen"), reference.by_cause("cause_loss")
    shares: dict[str, float] = {}
    for name, n, total in zip(reference.outcome.causes, seen, loss, strict=True):
        rows = float(n.sum())
        used = np.asarray(n) > 0
        if rows <= used.sum() + 1:
            return None
        mean = float(total.sum()) / rows
        between = float((n[used] * (total[used] / n[used] - mean) ** 2).sum())
        # of a loss of 0 or 1; for an error the order of columns is the same, whatever its variance
        whole = max(mean * (1 - mean) * rows, between)
        within = (whole - between) / (rows - used.sum())
        shares[name] = max(between - (float(used.sum()) - 1) * within, 0.0) / whole if whole > 0 else 0.0
    most = max(shares.values(), default=0.0)
    return {name: float(share / most) for name, share in shares.items()} if most > 0 else None
