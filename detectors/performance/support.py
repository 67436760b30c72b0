"""Rows outside what the reference has seen: of them no estimate knows anything."""

import numpy as np

from drift.core.profile import Profile
from drift.core.schema import Kind, Role


def outside(window: Profile, reference: Profile, segment: int = 0) -> float:
    """The largest share, over the features, of rows whose value lies beyond the reference's own, 0–1. O(columns).

    Below its smallest or above its largest number, or a value that it never had; less what the reference itself shows
    there. The largest, and not a sum: the same rows are far out in several columns at once.

    Args:
        window: counts.
        reference: counts on the same grid.
        segment: which.
    """
    rows, own = window.rows(segment), reference.rows(segment)
    if rows <= 0 or own <= 0:
        return 0.0
    found = [0.0]
    for at, grid in enumerate(window.grid.columns):
        if grid.column.role is not Role.FEATURE or grid.sketch:
            continue
        ends = [0, grid.bins - 1] if grid.column.kind is Kind.NUMERIC else [grid.unseen]
        counts = [np.asarray(one.bin_counts(at, segment)) for one in (window, reference)]
        p, q = (sum(int(c[e]) for e in ends if e is not None) for c in counts)
        found.append(p / rows - q / own)
    return float(np.clip(max(found), 0.0, 1.0))
