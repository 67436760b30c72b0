"""One column over windows: its quantiles or shares, and its statistics with their thresholds."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dashboards.web.views.figure import Figure, Moment, Table
from drift.core.grid import ColumnGrid
from drift.core.profile import Profile
from drift.core.result import Judgement, WindowState
from drift.store.rows import WindowRow

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
CATEGORIES: Final = 5
_USUAL: Final = ("psi", "mean_shift", "js")
"""Statistics that are shown first."""


def quantiles(
    before: Profile, profiles: Sequence[Profile | None], windows: Sequence[WindowRow], at: int, segment: int, csv: str
) -> Figure | None:
    """Quantiles of a numeric column, shares of the most frequent values of any other."""
    grid = before.grid.columns[at]
    if not windows or grid.sketch:
        return None
    if grid.measured:
        return _quantiles(before, profiles, windows, at, segment, csv)
    labels, usual = grid.bin_labels(), _share(before, at, segment)
    top = [int(i) for i in np.argsort(-usual, kind="stable")[:CATEGORIES]]
    if grid.unseen is not None and grid.unseen not in top:
        top.append(grid.unseen)
    shares = [_share(one, at, segment) if one is not None else None for one in profiles]
    values = {
        labels[i]: [float(share[i]) if share is not None and share.sum() else None for share in shares] for i in top
    }
    levels = {labels[i]: float(usual[i]) for i in top}
    says = (
        "Share of the reference's most frequent values, and of unseen ones, in each window; dashed: in the reference."
    )
    return _drawn("Shares over time", says, values, levels, windows, csv)


def _quantiles(
    before: Profile, profiles: Sequence[Profile | None], windows: Sequence[WindowRow], at: int, segment: int, csv: str
) -> Figure:
    found = [quantiles_of(one, at, segment) if one is not None else None for one in profiles]
    names = [f"{round(q * 100)} %" for q in QUANTILES]
    values = {name: [None if one is None else _finite(one[i]) for one in found] for i, name in enumerate(names)}
    usual = quantiles_of(before, at, segment)
    levels = {name: float(usual[i]) for i, name in enumerate(names)} if usual is not None else {}
    says = (
        "Quantiles of the values in each window, read from the bins' counts; dashed: the reference's. Between two "
        "edges values are taken as evenly spread."
    )
    return _drawn("Quantiles over time", says, values, levels, windows, csv)


def quantiles_of(profile: Profile, at: int, segment: int) -> npt.NDArray[np.float64] | None:
    """(quantiles,) of one column, by its bins; None: it has no value there."""
    counts = profile.bin_counts(at, segment)
    total = int(counts.sum())
    low, high = profile.bounds(at, segment)
    if total <= 0 or not np.isfinite(low) or not np.isfinite(high):
        return None
    edges = _edges(profile.grid.columns[at], low, high)
    reached = np.concatenate(([0.0], np.cumsum(counts) / total))
    if profile.grid.columns[at].edges:
        return np.interp(QUANTILES, reached, np.clip(edges, low, high))
    steps = np.searchsorted(reached[1:], np.array(QUANTILES) - 1e-12)
    found: npt.NDArray[np.float64] = edges[np.minimum(steps, edges.size - 1)]
    return found


def _edges(grid: ColumnGrid, low: float, high: float) -> npt.NDArray[np.float64]:
    """(bins + 1,) edges of a numeric column with its extremes; (bins,) the values of an ordinal one, unseen as its
    largest."""
    if grid.edges:
        first, last = min(low, grid.edges[0]), max(high, grid.edges[-1])
        return np.array([first, *grid.edges, last])
    return np.array([*grid.values, high])


def statistics_of(judged: Mapping[int, Judgement], column: str) -> list[str]:
    """Statistics that have a value for a column in any of these windows; the usual first, then those with a rule."""
    seen: dict[str, bool] = {}
    for one in judged.values():
        if column not in one.columns:
            continue
        at = one.columns.index(column)
        for i, name in enumerate(one.statistics):
            if np.isfinite(one.values[at, i]) and not name.endswith(("_p", "_q")):
                seen[name] = seen.get(name, False) or bool(np.isfinite(one.thresholds[at, i]))
    return sorted(seen, key=lambda name: (_first(name), not seen[name], name))


def _first(name: str) -> int:
    return _USUAL.index(name) if name in _USUAL else len(_USUAL)


def statistic(
    judged: Mapping[int, Judgement], windows: Sequence[WindowRow], column: str, name: str, csv: str,
    shaded: Sequence[Mapping[str, Any]] = (),
) -> Figure | None:  # fmt: skip
    """One statistic over windows, with its threshold where a rule has one."""
    if not name or not windows:
        return None
    cells = [_cell(judged.get(row.id), column, name) for row in windows]
    limited = any(limit is not None for _, limit in cells)
    data = {
        "x": [[row.window.start, row.window.end] for row in windows],
        "series": [{"name": name, "type": "line", "values": [value for value, _ in cells]}],
        "hatched": [row.state is WindowState.INCOMPLETE for row in windows],
        "shaded": list(shaded),
        "unit": "",
    }
    if limited:
        data["limits"] = {"name": "threshold", "values": [limit for _, limit in cells]}
    says = f"{name} of the window against the reference" + (
        "; dashed: its threshold." if limited else "; no rule has a threshold for it."
    )
    if shaded:
        says += " Shaded: an alarm stood."
    rows = [
        (Moment(row.window.start), Moment(row.window.end), value, limit)
        for row, (value, limit) in reversed(list(zip(windows, cells, strict=True)))
    ]
    table = Table(("Window from", "To", name, "Threshold"), rows)
    return Figure("statistics", "lines", "Statistics over time", says, table, data, csv)


def _cell(of: Judgement | None, column: str, name: str) -> tuple[float | None, float | None]:
    if of is None or column not in of.columns or name not in of.statistics:
        return None, None
    at = of.columns.index(column), of.statistics.index(name)
    return _finite(of.values[at]), _finite(of.thresholds[at])


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _share(profile: Profile, at: int, segment: int) -> npt.NDArray[np.float64]:
    counts = profile.bin_counts(at, segment)
    found: npt.NDArray[np.float64] = counts / max(int(counts.sum()), 1)
    return found


def _drawn(
    title: str, says: str, values: Mapping[str, Sequence[float | None]], levels: Mapping[str, float],
    windows: Sequence[WindowRow], csv: str,
) -> Figure:  # fmt: skip
    data = {
        "x": [[row.window.start, row.window.end] for row in windows],
        "series": [{"name": name, "type": "line", "values": list(found)} for name, found in values.items()],
        "levels": [{"name": "", "of": name, "value": value} for name, value in levels.items()],
        "unit": "",
    }
    rows = [
        (Moment(row.window.start), Moment(row.window.end), *(found[i] for found in values.values()))
        for i, row in reversed(list(enumerate(windows)))
    ]
    return Figure("quantiles", "lines", title, says, Table(("Window from", "To", *values), rows), data, csv)
