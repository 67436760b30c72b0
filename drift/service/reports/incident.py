"""From the store to an incident report: bounded reads, whatever the incident's size."""

from collections.abc import Sequence
from typing import Final, TypeVar

from alerts.message import Message
from dashboards.reports.incident import Finding, IncidentReport, Line, Mark, Point, Run, Told
from drift.core.alarm import Alarm
from drift.core.alert import Alert, AlertState, Incident, Notice, NoticeState
from drift.core.alert import Run as Stored
from drift.core.clock import DAY, Clock
from drift.core.window import Window
from drift.evaluation.cases import Names
from drift.service.reports.columns import Columns, Drawn
from drift.service.reports.past import alerts_of
from drift.service.reports.steps import steps
from drift.store import Store

COLUMNS: Final = 12
"""Columns that are drawn; the others are listed."""
LISTED: Final = 100
"""Alerts that are listed."""
LINES: Final = 200
"""Lines of history, messages and marks: the first and the last ones where there are more."""
WINDOWS: Final = 200
"""Windows that a chart of traffic shows."""
_SHARES: Final = "share"

T = TypeVar("T")


def incident_report(store: Store, clock: Clock, incident_id: int, url: str = "") -> IncidentReport:
    """All there is to say of an incident.

    Args:
        store: where it is; a reader is enough.
        clock: when the report is made.
        incident_id: which.
        url: where people reach the service; empty: it does not know.

    Raises:
        NotFound: there is no such incident.
    """
    return _Gathered(store, clock, store.incident(incident_id), url).report()


class _Gathered:
    """One incident and what belongs to it."""

    def __init__(self, store: Store, clock: Clock, incident: Incident, url: str) -> None:
        self._store, self._now, self._incident = store, clock.now(), incident
        self._names = Names(store.catalogue())
        self._events = store.events(incident.id, limit=1_000)[::-1]
        self._alerts = alerts_of(incident, store.incident_alerts(incident.id), self._events)
        self._link = self._names.case(incident, (), url).link
        self._left: list[str] = []

    def report(self) -> IncidentReport:
        one, store = self._incident, self._store
        until = one.resolved_at if one.resolved_at is not None else max(one.seen_at, one.since + 1)
        notices = store.notices(incident_id=one.id, limit=1_000)
        runs = store.runs(incident_id=one.id, limit=LINES)
        drawn = self._columns()
        spec, traffic = self._traffic(until)
        return IncidentReport(
            number=one.id, title=one.title, model=self._names.model(one), version=self._names.version(one.reference_id),
            owner=self._names.owner(one), family=one.family, severity=one.urgency.value, status=_status(one),
            since=one.since, until=until, made_at=self._now, link=self._link, because=self._because(),
            how_bad=self._how_bad(drawn), steps=steps(one, notices, runs), columns=tuple(d.column for d in drawn),
            findings=self._findings(), history=self._history(), told=self._told(notices), runs=tuple(map(_run, runs)),
            marks=self._marks(), traffic=traffic, traffic_window=spec, left_out=tuple(self._left),
        )  # fmt: skip

    # What is drawn

    def _columns(self) -> list[Drawn]:
        """The loudest columns, each once a segment and window length."""
        found: dict[tuple[int, str, int, str], Alert] = {}
        for one in self._alerts:
            key = one.key
            if key.column and key.reference_id in self._names.references:
                found.setdefault((key.reference_id, key.column, key.segment, key.spec), one)
        chosen = list(found.values())
        self._more(len(chosen) - COLUMNS, "more column")
        model = self._names.models.get(self._incident.model_id)
        if model is None:
            return []
        made = Columns(self._store, self._names.references, model)
        return [made.drawn(one) for one in chosen[:COLUMNS]]

    def _traffic(self, until: int) -> tuple[str, tuple[Point, ...]]:
        """Rows of windows from before the onset to a little after its end, ascending."""
        model = self._names.models.get(self._incident.model_id)
        if model is None or not model.windows:
            return "", ()
        asked = next((one.key.spec for one in self._alerts if one.key.spec), "")
        spec = next((one for one in model.windows if one.name == asked), model.windows[0])
        reach = Window(self._incident.since - (WINDOWS // 4) * spec.hop, until + 5 * spec.hop)
        rows = self._store.windows(model.id, spec=spec.name, limit=WINDOWS, before=(reach.end + 1, 0))
        # windows of several versions share their edges: their rows came together
        total: dict[Window, int] = {}
        for row in rows:
            if row.window.end > reach.start:
                total[row.window] = total.get(row.window, 0) + row.rows
        return spec.name, tuple(Point(w.start, w.end, float(n)) for w, n in sorted(total.items()))

    # What is said

    def _because(self) -> str:
        said = [one.sentence for one in self._alerts[:2] if one.sentence]
        rest = len(self._alerts) - len(said)
        more = f"; and {rest} more alert{'s' if rest > 1 else ''}" if said and rest > 0 else ""
        return "; ".join(said) + more or self._incident.title

    def _how_bad(self, drawn: Sequence[Drawn]) -> str:
        one = self._incident
        n = len({column for column in one.columns if column})
        firing = f"{one.alerts} alert{'' if one.alerts == 1 else 's'} firing now" if one.open else "over"
        what = f"{n} column{'' if n == 1 else 's'}, {firing}" if one.family == "drift" and n else firing
        worst = max((d.alarm for d in drawn if d.alarm and d.alarm.tolerance > 0), key=_times, default=None)
        return what if worst is None else f"{what}; worst is {worst.column}: {_measure(worst)}, on {worst.rows:,} rows"

    def _findings(self) -> tuple[Finding, ...]:
        self._more(len(self._alerts) - LISTED, "more alert")
        return tuple(self._finding(one) for one in self._alerts[:LISTED])

    def _finding(self, of: Alert) -> Finding:
        reference = self._names.references.get(of.key.reference_id)
        label = reference.grid.segments[of.key.segment].label if reference is not None and of.key.segment else ""
        state = "snoozed" if of.snoozed and of.state is AlertState.FIRING else of.state.value
        return Finding(of.key.column, label, of.key.spec, of.urgency.value, state, of.since, of.sentence)

    def _history(self) -> tuple[Line, ...]:
        return tuple(
            Line(e.on, e.happening.value, e.key.column if e.key is not None else "", e.why, e.who)
            for e in self._few(self._events, "line of history", "lines of history")
        )

    def _told(self, notices: Sequence[Notice]) -> tuple[Told, ...]:
        shown = self._few(list(notices)[::-1], "message", "messages")
        return tuple(
            Told(one.done_at or one.created_at, one.receiver, Message.load(one.body).change.value, one.state.value,
                 one.error if one.state is not NoticeState.SENT else "") for one in shown
        )  # fmt: skip

    def _marks(self) -> tuple[Mark, ...]:
        one = self._incident
        if not one.model_id:
            return ()
        until = one.resolved_at if one.resolved_at is not None else self._now
        found = self._store.marks(one.model_id, max(one.since - DAY, 0), until + 1, LINES)
        return tuple(Mark(m.at, m.kind, m.text, m.who) for m in found[::-1])

    def _few(self, some: Sequence[T], one: str, many: str) -> list[T]:
        if len(some) <= LINES:
            return list(some)
        self._left.append(f"{len(some) - LINES:,} {many if len(some) - LINES > 1 else one} in between")
        return [*some[: LINES // 2], *some[-LINES // 2 :]]

    def _more(self, n: int, what: str) -> None:
        if n > 0:
            self._left.append(f"{n:,} {what}{'s' if n > 1 else ''}")


def _status(one: Incident) -> str:
    if not one.open:
        return f"over: {one.resolution}"
    if one.acknowledged_by:
        why = f": {one.acknowledged_why}" if one.acknowledged_why else ""
        return f"open; {one.acknowledged_by} has it{why}"
    return "open; nobody has it yet"


def _times(alarm: Alarm) -> float:
    """How many times the tolerance; −1 where nobody knows."""
    found = abs(alarm.effect) / alarm.tolerance
    return found if found == found else -1.0


def _measure(alarm: Alarm) -> str:
    size, unit = abs(alarm.effect), "standard deviations"
    if alarm.what.startswith(_SHARES):
        size, unit = 100 * size, "points"
    return f"{alarm.what} is off by {size:.3g} {unit}, {_times(alarm):.3g} times what is tolerated"


def _run(one: Stored) -> Run:
    return Run(one.id, one.trigger, one.state.value, one.changed_at, one.who, one.error or one.why, one.url)
