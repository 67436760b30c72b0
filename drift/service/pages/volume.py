"""Rows in each window, and where predictions stood."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from dashboards.web.formats import count
from dashboards.web.views.figure import Figure, Moment, Table
from drift.core.catalogue import Reference
from drift.core.grid import BLOCK_COLUMNS
from drift.core.profile import Profile
from drift.core.result import WindowState
from drift.core.schema import Role
from drift.core.window import Window
from drift.service.pages.scope import Scope
from drift.store import Store

OUTPUTS: Final = (Role.SCORE, Role.PREDICTION)
CATEGORIES: Final = 5


def volume(of: Scope, csv: str) -> Figure:
    """Rows of the whole traffic in each window."""
    rows = [(row.window, row.rows, row.state) for row in of.windows]
    lacking = sum(state is WindowState.INCOMPLETE for *_, state in rows)
    data = {
        "x": [[window.start, window.end] for window, *_ in rows],
        "series": [{"name": "rows", "type": "bar", "values": [n for _, n, _ in rows]}],
        "hatched": [state is WindowState.INCOMPLETE for *_, state in rows],
        "unit": "rows",
    }
    says = f"Rows counted in each window of {of.spec or 'no length'}"
    says += f"; {count(lacking, 'window')} incomplete, hatched." if lacking else "."
    table = Table(
        ("Window from", "To", "Rows", "State"),
        [
            (Moment(window.start), Moment(window.end), n, state.value if state else None)
            for window, n, state in rows[::-1]
        ],
    )  # fmt: skip
    return Figure("volume", "lines", "Traffic", says, table, data if rows else {}, csv)


def output(reference: Reference | None) -> int | None:
    """Position of the score, or else of the prediction; None: the reference has neither."""
    if reference is None:
        return None
    for role in OUTPUTS:
        for at, grid in enumerate(reference.grid.columns):
            if grid.column.role is role and not grid.sketch:
                return at
    return None


def prediction(store: Store, of: Scope, csv: str) -> Figure | None:
    """Mean of the score, or the shares of what is predicted most, in each window against the reference."""
    newest = of.newest
    at = output(newest)
    if newest is None or at is None or not of.windows:
        return None
    mine = [row.window for row in of.windows if row.reference_id == newest.id]
    segment = of.index(newest)
    if not mine or segment is None:
        return None
    profiles = store.column_profiles(newest, at, mine)
    before = store.reference_column(newest, at)
    place = at % BLOCK_COLUMNS
    grid = newest.grid.columns[at]
    if grid.measured:
        named = {f"mean of {grid.name}": [_mean(one, place, segment) for one in profiles]}
        usual = {f"mean of {grid.name}": _mean(before, place, segment)}
        unit = ""
    else:
        named, usual = _shares(profiles, before, place, segment)
        unit = "share"
    return _drawn(grid.name, mine, named, usual, unit, csv)


def _mean(profile: Profile | None, at: int, segment: int) -> float:
    return profile.moments(at, segment)[1] if profile is not None else float("nan")


def _shares(
    profiles: Sequence[Profile | None], before: Profile, at: int, segment: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    usual = before.bin_counts(at, segment)
    labels = before.grid.columns[at].bin_labels()
    top = np.argsort(-usual, kind="stable")[:CATEGORIES].tolist()
    shares = [_share(one, at, segment) for one in profiles]
    whole = max(int(usual.sum()), 1)
    return (
        {labels[one]: [float(share[one]) if share is not None else float("nan") for share in shares] for one in top},
        {labels[one]: float(usual[one] / whole) for one in top},
    )


def _share(profile: Profile | None, at: int, segment: int) -> npt.NDArray[np.float64] | None:
    if profile is None:
        return None
    counts = profile.bin_counts(at, segment)
    return counts / counts.sum() if counts.sum() else None


def _drawn(
    name: str, windows: Sequence[Window], named: Mapping[str, Sequence[float]], usual: Mapping[str, float], unit: str,
    csv: str,
) -> Figure:  # fmt: skip
    data = {
        "x": [[one.start, one.end] for one in windows],
        "series": [{"name": label, "type": "line", "values": list(values)} for label, values in named.items()],
        "levels": [{"name": "reference", "of": label, "value": value} for label, value in usual.items()],
        "unit": unit,
    }
    what = "its mean" if len(named) == 1 and not unit else "the shares of its most frequent values"
    says = f"{name}: {what} in each window; dashed: in the reference."
    table = Table(
        ("Window from", "To", *named),
        [
            (Moment(one.start), Moment(one.end), *(values[i] for values in named.values()))
            for i, one in reversed(list(enumerate(windows)))
        ],
    )
    return Figure("prediction", "lines", "Predictions", says, table, data, csv)
