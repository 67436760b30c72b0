"""Columns × windows: which inputs moved, when, and how far beyond what is tolerated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dashboards.web.formats import count
from dashboards.web.links import column_url
from dashboards.web.views.figure import Figure, Link, Table
from detectors.known import Abouts
from drift.core.alarm import Severity
from drift.core.clock import isoformat
from drift.core.result import Judgement, Outcome, WindowState
from drift.service.pages.reach import MOST, Floats, Reach, Stood, reach, standing_in, told, tolerances
from drift.service.pages.scope import Scope
from drift.store.rows import AlarmRow, WindowRow

COLUMNS: Final = 50
"""Columns of a page."""
_INSUFFICIENT: Final = 1
_ALARM: Final = 2
_INCOMPLETE: Final = 4


@dataclass(frozen=True, slots=True)
class Heat:
    """The figure, and which of the columns it shows."""

    figure: Figure
    first: int
    shown: int
    total: int


def heat(
    of: Scope, judged: Mapping[int, Judgement], alarms: Sequence[AlarmRow], abouts: Abouts, query: str, page: int,
    csv: str,
) -> Heat:  # fmt: skip
    """One page of columns, those that matter most first: with alarms, then by the largest ratio in these windows."""
    windows = [row for row in of.windows if row.id in judged or row.state is WindowState.INCOMPLETE]
    reaches = _reaches(windows, judged, abouts)
    stood = standing_in(alarms, windows)
    names = of.newest.grid.names if of.newest is not None else ()
    impact = _impacts(names, reaches, stood)
    wanted = [name for name in names if query.lower() in name.lower()]
    order = sorted(wanted, key=lambda name: -impact[name])
    first = (page - 1) * COLUMNS
    shown = order[first : first + COLUMNS]
    rows = [_row(name, windows, reaches, stood) for name in shown]
    return Heat(_figure(of, windows, shown, rows, csv), first, len(shown), len(order))


def _reaches(windows: Sequence[WindowRow], judged: Mapping[int, Judgement], abouts: Abouts) -> dict[int, Reach]:
    index: dict[tuple[str, ...], tuple[dict[str, int], Any]] = {}
    found = {}
    for row in windows:
        judgement = judged.get(row.id)
        if judgement is None:
            continue
        if judgement.columns not in index:
            places = {name: at for at, name in enumerate(judgement.columns)}
            index[judgement.columns] = places, tolerances(abouts, judgement.columns)
        found[row.id] = reach(judgement, *index[judgement.columns])
    return found


def _impacts(
    names: Sequence[str], reaches: Mapping[int, Reach], stood: Mapping[tuple[str, int], Stood]
) -> dict[str, float]:
    """Name → how far up it belongs: alarms first, of those the ones that stand last; then the largest ratio."""
    by_columns: dict[tuple[str, ...], list[Floats]] = {}
    for one in reaches.values():
        by_columns.setdefault(one.judgement.columns, []).append(one.ratio)
    largest = dict.fromkeys(names, 0.0)
    for columns, ratios in by_columns.items():
        for name, ratio in zip(columns, np.max(ratios, axis=0).tolist(), strict=True):
            if ratio > largest.get(name, MOST):
                largest[name] = ratio
    newest = max(reaches, default=0)
    for (name, window_id), stands in stood.items():
        if name in largest:
            weight = 1e6 if window_id == newest else 1e3
            page = 2.0 if stands.row.alarm.severity is Severity.PAGE else 1.0
            largest[name] = max(largest[name], weight * page + stands.size)
    return largest


_Row = list[tuple[float, int, str]]
"""For each window: ratio, marks, what it is of."""


def _row(
    name: str, windows: Sequence[WindowRow], reaches: Mapping[int, Reach], stood: Mapping[tuple[str, int], Stood]
) -> _Row:
    return [_cell(name, row, reaches.get(row.id), stood.get((name, row.id))) for row in windows]


def _cell(name: str, window: WindowRow, of: Reach | None, alarm: Stood | None) -> tuple[float, int, str]:
    marks = _INCOMPLETE if window.state is WindowState.INCOMPLETE else 0
    at = of.index.get(name) if of is not None else None
    ratio, words = 0.0, "not judged"
    if of is not None and at is not None:
        ratio, words = float(of.ratio[at]), told(of, at)
        marks |= _INSUFFICIENT if of.judgement.outcomes[at] == Outcome.INSUFFICIENT_DATA else 0
    else:
        marks |= _INSUFFICIENT
    if alarm is None:
        return round(ratio, 2), marks, words
    effect, of_alarm = alarm.size, alarm.row.alarm
    if effect >= ratio:
        words = f"{of_alarm.what or of_alarm.detector}: the alarm's own effect"
    return round(max(ratio, effect), 2), marks | _ALARM, words


def _figure(of: Scope, windows: Sequence[WindowRow], shown: Sequence[str], rows: Sequence[_Row], csv: str) -> Figure:
    texts: dict[str, int] = {}
    for row in rows:
        for _, _, words in row:
            texts.setdefault(words, len(texts))
    data = {
        "model": of.model.name,
        "columns": list(shown),
        "hrefs": [column_url(of.model.name, name, window=of.spec, segment=_segment(of)) for name in shown],
        "windows": [[row.window.start, row.window.end, row.id] for row in windows],
        "ratio": [[cell[0] for cell in row] for row in rows],
        "marks": [[cell[1] for cell in row] for row in rows],
        "told": [[texts[cell[2]] for cell in row] for row in rows],
        "texts": list(texts),
        "most": MOST,
    }
    beyond = sum(any(cell[0] >= 1 for cell in row) for row in rows)
    says = (
        f"How far each column was on the way to what is tolerated (1 is there) in {count(len(windows), 'window')} of "
        f"{of.spec or 'no length'}; worst first. {count(beyond, 'column')} of the {len(shown)} shown went beyond it. "
        "A dot marks a standing alarm; hatched: too little data to judge."
    )
    return Figure(
        "heat", "heat", "Columns and windows", says, _table(of, shown, rows), data if rows and windows else {},
        csv, "tall" if len(shown) > 12 else "",
    )  # fmt: skip


def _segment(of: Scope) -> str:
    return "" if of.segment == "all" else of.segment


def _table(of: Scope, shown: Sequence[str], rows: Sequence[_Row]) -> Table:
    """A row for each column: what keyboards and screen readers go through."""
    lines = []
    for name, row in zip(shown, rows, strict=True):
        ratios = np.array([cell[0] for cell in row]) if row else np.zeros(1)
        href = column_url(of.model.name, name, window=of.spec, segment=_segment(of))
        lines.append(
            (
                Link(name, href), float(ratios[-1]), float(ratios.max()), int((ratios >= 1).sum()),
                sum(bool(cell[1] & _ALARM) for cell in row), row[-1][2] if row else "",
            )
        )  # fmt: skip
    head = ("Column", "Last window", "Largest", "Windows beyond", "Windows with an alarm", "Last window, in numbers")
    return Table(head, lines)


def matrix(of: Figure) -> Table:
    """All cells, for CSV."""
    data = of.data
    if not data:
        return Table(("column",), ())
    head = ("column", *(isoformat(start) for start, _, _ in data["windows"]))
    return Table(head, [(name, *row) for name, row in zip(data["columns"], data["ratio"], strict=True)])
