"""A model's incidents, deploys and retrain runs on one line of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboards.web.formats import count
from dashboards.web.links import incident_url
from dashboards.web.views.figure import Cell, Figure, Link, Moment, Table
from drift.core.alert import Incident, Mark, Run
from drift.core.clock import DAY
from drift.service.pages.scope import Scope
from drift.store import Store

INCIDENTS: Final = 60
RUNS: Final = 50
MARKS: Final = 100
_LANES: Final = 6


@dataclass(frozen=True, slots=True)
class Happened:
    """What is drawn, newest first."""

    incidents: Sequence[Incident]
    runs: Sequence[Run]
    marks: Sequence[Mark]
    start: int
    end: int


def happened(store: Store, of: Scope, now: int) -> Happened:
    """The last incidents and runs of a model, and the marks in the stretch that they span."""
    incidents = store.incidents(of.model.id, limit=INCIDENTS)
    runs = store.runs(model_id=of.model.id, limit=RUNS)
    shown = [row.window.start for row in of.windows]
    start = min([*shown, *(one.since for one in incidents)], default=now - 30 * DAY)
    end = max([now, *(row.window.end for row in of.windows)])
    marks = store.marks(of.model.id, start, end + DAY, limit=MARKS)
    return Happened(incidents, runs, marks, start, end)


def timeline(found: Happened, csv: str) -> Figure:
    """Incidents as bars from onset to resolution; runs and marks as lines across."""
    bars = _laned(found)
    runs = [{"at": one.created_at, "text": f"{one.trigger}: {one.state.value}"} for one in found.runs]
    data = {
        "start": found.start,
        "end": found.end,
        "lanes": max((bar["lane"] for bar in bars), default=0) + 1,
        "incidents": bars,
        "lines": [
            *({"at": mark.at, "text": mark.text, "kind": mark.kind} for mark in found.marks),
            *({**run, "kind": "run"} for run in runs if found.start <= run["at"] <= found.end),  # type: ignore[operator]
        ],
    }
    still = sum(one.open for one in found.incidents)
    says = (
        f"{count(len(found.incidents), 'incident')}, {still} open: each bar from onset until it was over; the last "
        f"{INCIDENTS} at most. Lines across are deploys and other marks ({len(found.marks)}) and retrain runs "
        f"({len(found.runs)})."
    )
    return Figure(
        "timeline", "timeline", "Incidents", says, _table(found), data if bars or data["lines"] else {}, csv, "short"
    )


def _laned(found: Happened) -> list[dict[str, Any]]:
    """Bars that overlap lie below each other, in at most a few lanes."""
    free = [0] * _LANES
    bars = []
    for one in sorted(found.incidents, key=lambda incident: incident.since):
        over = one.resolved_at if one.resolved_at is not None else found.end
        lane = next((at for at in range(_LANES) if free[at] <= one.since), min(range(_LANES), key=free.__getitem__))
        free[lane] = max(free[lane], over)
        bars.append(
            {
                "id": one.id, "href": incident_url(one.id), "title": one.title, "start": one.since, "end": over,
                "open": one.open, "severity": one.urgency.value, "lane": lane,
            }
        )  # fmt: skip
    return bars


def _table(found: Happened) -> Table:
    rows: list[tuple[int, tuple[Cell, ...]]] = []
    for one in found.incidents:
        how = "open" if one.open else f"over: {one.resolution}"
        over = Moment(one.resolved_at) if one.resolved_at is not None else None
        link = Link(f"incident {one.id}", incident_url(one.id))
        rows.append((one.since, (Moment(one.since), over, link, one.title, one.urgency.value, how)))
    for run in found.runs:
        words = run.error or run.why
        line = (Moment(run.created_at), None, f"run {run.id}", run.trigger, run.state.value, words)
        rows.append((run.created_at, line))
    rows += [(mark.at, (Moment(mark.at), None, mark.kind, mark.text, "", mark.who)) for mark in found.marks]
    ordered = sorted(rows, key=lambda row: -row[0])
    return Table(("From", "Until", "What", "Title", "Severity or state", "How it stands"), [row for _, row in ordered])


def runs_table(found: Happened, most: int = 10) -> Table:
    """The last retrain runs."""
    rows = [
        (
            Moment(run.created_at), f"run {run.id}", run.trigger, run.state.value, run.error or run.why or None,
            run.who or "Driftsum",
        )
        for run in found.runs[:most]
    ]  # fmt: skip
    return Table(("Asked for", "Run", "Trigger", "State", "Why", "By"), rows)
