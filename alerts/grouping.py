"""Alerts of one model put into incidents: what broke together is told once. Pure, one alert after the other.

An alert that fires joins an open incident of its model and family if the window that raised it overlaps those of the
incident, or follows within one window, or if one of its column fires there already; the latter prolongs nothing: what
breaks months later pages, however long an old incident stands. Otherwise it opens one; or, if it shows that a
retrained model still has the drift it was to cure, it reopens that incident, once. An incident is over when nothing in
it fires any more.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from alerts.rules import AlertRule
from drift.core.alert import Alert, AlertKey, AlertState, Event, Happening, Incident, Urgency
from drift.core.window import Window

REOPEN_WITHIN = 30 * 86_400_000_000
"""So long after a retrained model has resolved an incident can the same drift reopen it: thirty days of the clock."""


_RESOLVED = Happening.RESOLVED


@dataclass(slots=True)
class Book:
    """All that is open, while one slice of work changes it."""

    now: int
    """The clock's."""
    new_id: Callable[[], int]
    alerts: dict[AlertKey, Alert]
    """What is pending or fires, and what fired and is over as far as it is known."""
    incidents: dict[int, Incident]
    """Open ones, and those a retrained model has resolved not long ago."""
    titles: Callable[[Incident, Sequence[Alert]], str]
    """(incident, its firing alerts, worst first) → its title."""
    versions: Callable[[int], str]
    """Reference → the model version it belongs to."""
    touched: dict[int, Incident] = field(default_factory=dict)
    changed: dict[AlertKey, Alert] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    _firing: dict[int, dict[AlertKey, Alert]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for alert in self.alerts.values():
            self._index(alert)

    def happened(self, incident: int, what: Happening, why: str, at: int | None, key: AlertKey | None = None) -> None:
        """One line of history."""
        self.events.append(Event(incident, what, why, self.now, at, key=key))

    def keep(self, alert: Alert) -> None:
        """An alert as it is now."""
        before = self.alerts.get(alert.key)
        if before is not None:
            self._firing.get(before.incident_id, {}).pop(alert.key, None)
        self.alerts[alert.key] = self.changed[alert.key] = alert
        self._index(alert)

    def _index(self, alert: Alert) -> None:
        if fires(alert):
            self._firing.setdefault(alert.incident_id, {})[alert.key] = alert

    def write(self, incident: Incident) -> None:
        """An incident as it is now."""
        self.incidents[incident.id] = self.touched[incident.id] = incident

    def members(self, incident: int) -> list[Alert]:
        """What fires in an incident, worst first."""
        return sorted(self._firing.get(incident, {}).values(), key=worst)

    def any_of(self, incident: int) -> Iterable[Alert]:
        """What fires in an incident, in the order it came."""
        return self._firing.get(incident, {}).values()

    def open_of(self, model_id: int, family: str | None = None) -> list[Incident]:
        """Open incidents of a model, oldest first."""
        found = [one for one in self.incidents.values() if one.open and one.model_id == model_id]
        return sorted((one for one in found if family in (None, one.family)), key=lambda one: one.id)


def fires(alert: Alert) -> bool:
    """Whether it fires now."""
    return alert.state is AlertState.FIRING


def worst(alert: Alert) -> tuple[bool, int, bool, float, int, AlertKey]:
    """Sorts the worst first: those that may be told, pages, the model itself before columns, the furthest beyond its
    threshold, the older."""
    beyond = abs(alert.value / alert.threshold) if alert.value is not None and alert.threshold else 0.0
    return alert.snoozed, -alert.urgency.rank, bool(alert.key.column), -beyond, alert.since, alert.key


def fired(book: Book, rule: AlertRule, alert: Alert, why: str, *, silent: bool) -> Incident:
    """Put an alert that has begun to fire into its incident.

    Args:
        book: what is open.
        rule: what it broke.
        alert: it, firing.
        why: why it fires, for its history.
        silent: its window is too old to be told.
    """
    at = alert.fired_at or alert.seen_at
    incident, what = _found(book, rule.family, alert), Happening.JOINED
    if incident is None:
        incident, what = _reopened(book, rule.family, alert), Happening.REOPENED
    if incident is None:
        incident, what = _opened(book, rule.family, alert, silent=silent), Happening.OPENED
    book.keep(replace(alert, incident_id=incident.id))
    book.happened(incident.id, Happening.FIRED, why or alert.sentence, at, alert.key)
    if what is not Happening.JOINED:
        said = _still_there(book, incident) if what is Happening.REOPENED else alert.sentence
        book.happened(incident.id, what, said, at)
    columns = incident.columns if alert.key.column in incident.columns else (*incident.columns, alert.key.column)
    incident = replace(
        incident, columns=columns, since=min(incident.since, alert.since), silent=incident.silent and silent,
        span=_prolonged(incident, alert),
    )  # fmt: skip
    book.write(incident)
    return incident


def _found(book: Book, family: str, alert: Alert) -> Incident | None:
    mine = book.open_of(alert.key.model_id, family)
    if family != "drift":
        return mine[0] if mine else None
    # the newest first: an old one that stands is not what breaks today
    close = (incident for incident in reversed(mine) if _close_in_time(incident, alert))
    same = (incident for incident in mine if any(_same_column(one, alert) for one in book.any_of(incident.id)))
    return next(close, None) or next(same, None)


def _same_column(one: Alert, other: Alert) -> bool:
    return one.key.column == other.key.column and one.key.reference_id == other.key.reference_id


def _close_in_time(incident: Incident, alert: Alert) -> bool:
    span, raised = incident.span, alert.raised
    if span is None or raised is None:
        return False
    slack = min(_length(span), _length(raised))
    return raised.start <= span.end + slack and span.start <= raised.end + slack


def _prolonged(incident: Incident, alert: Alert) -> Window | None:
    """The incident's windows with the alert's, if it came with them."""
    if incident.span is None or alert.raised is None or not _close_in_time(incident, alert):
        return incident.span or alert.raised
    return Window(min(incident.span.start, alert.raised.start), max(incident.span.end, alert.raised.end))


def _length(window: Window) -> int:
    return window.end - window.start


def _reopened(book: Book, family: str, alert: Alert) -> Incident | None:
    """The incident that the retrained model, which this alert is about, was to have ended."""
    for one in sorted(book.incidents.values(), key=lambda incident: -incident.id):
        cured = one.replaced_by and one.replaced_by == alert.key.reference_id and not one.open
        if cured and one.family == family and alert.key.column in one.columns and not one.reopened:
            return replace(
                one, resolved_at=None, resolved_on=None, resolution="", reopened=1, urgency=alert.urgency,
                reference_id=alert.key.reference_id, span=None,
            )  # fmt: skip
    return None


def _still_there(book: Book, incident: Incident) -> str:
    return f"the same drift is still there after retraining as version {book.versions(incident.replaced_by)}"


def _opened(book: Book, family: str, alert: Alert, *, silent: bool) -> Incident:
    at = alert.fired_at or alert.seen_at
    urgency = Urgency.INFO if alert.snoozed else alert.urgency
    return Incident(
        book.new_id(), alert.key.model_id, family, urgency, alert.since, at, book.now, alert.key.reference_id,
        columns=(alert.key.column,), silent=silent, seen_at=at,
    )  # fmt: skip


def over(book: Book, alert: Alert, what: Happening, why: str) -> None:
    """An alert that fired is over; `settle` closes the incident when it was the last."""
    book.keep(alert)
    book.happened(alert.incident_id, what, why, alert.resolved_at, alert.key)
    incident = book.incidents.get(alert.incident_id)
    if incident is not None:
        book.write(incident)


def end(book: Book, incident: Incident, gone: Callable[[int], bool], why: str, at: int, replaced_by: int = 0) -> None:
    """Resolve what an incident has of references that nobody is served by any more; with nothing left, it is over.

    Args:
        book: what is open.
        incident: an open one.
        gone: whether a reference is such a one.
        why: what is said of it.
        at: event time.
        replaced_by: the reference of the retrained model that ended it; 0: none did.
    """
    for alert in book.members(incident.id):
        if gone(alert.key.reference_id):
            over(book, replace(alert, state=AlertState.RESOLVED, resolved_at=at, reason=why, held=0), _RESOLVED, why)
    if not book.members(incident.id):
        _close(book, replace(incident, replaced_by=replaced_by), why, at)


def settle(book: Book) -> None:
    """Bring every incident that was touched up to date with its alerts: urgency, title, or its end."""
    for incident in list(book.touched.values()):
        members = book.members(incident.id)
        if incident.open and members:
            book.write(_current(book, incident, members))
        elif incident.open:
            _close(book, incident, _why_over(book, incident.id), _last(book, incident))


def _current(book: Book, incident: Incident, members: Sequence[Alert]) -> Incident:
    loud = [one.urgency for one in members if not one.snoozed]
    loudest = max(loud, key=lambda urgency: urgency.rank, default=Urgency.INFO)
    if loudest.rank > incident.urgency.rank:
        at = max(one.seen_at for one in members)
        book.happened(incident.id, Happening.ESCALATED, f"{incident.urgency.value} became {loudest.value}", at)
    urgency = max(loudest, incident.urgency, key=lambda one: one.rank)
    columns = _ordered(incident.columns, members)
    seen = max([incident.seen_at, *(one.seen_at for one in members)])
    current = replace(incident, urgency=urgency, columns=columns, alerts=len(members), seen_at=seen)
    # what it was at its worst; the last one that stands would give a wrong picture
    worse = len(members) > incident.alerts or urgency is not incident.urgency or not incident.title
    return replace(current, title=book.titles(current, members)) if worse else current


def _ordered(columns: Iterable[str], members: Sequence[Alert]) -> tuple[str, ...]:
    """Worst first; those that are over, last."""
    return tuple(dict.fromkeys([*(one.key.column for one in members), *columns]))


def _close(book: Book, incident: Incident, why: str, at: int) -> None:
    book.happened(incident.id, Happening.CLOSED, why, at)
    book.write(replace(incident, resolved_at=at, resolved_on=book.now, resolution=why, alerts=0))


def _why_over(book: Book, incident: int) -> str:
    """What most of its alerts ended with."""
    reasons = Counter(
        event.why for event in book.events if event.incident_id == incident and event.key is not None
        and event.happening in (Happening.RESOLVED, Happening.RETRACTED)
    )  # fmt: skip
    return reasons.most_common(1)[0][0] if reasons else "nothing in it fires any more"


def _last(book: Book, incident: Incident) -> int:
    ends = (one.resolved_at or 0 for one in book.alerts.values() if one.incident_id == incident.id)
    return max(ends, default=incident.seen_at)
