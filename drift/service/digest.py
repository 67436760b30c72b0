"""The digest of some days: what paged, what would have, what is open, retraining, and what the budget allowed. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from alerts.message import Change, Message, Status
from detectors.budget import AlarmBudget
from drift.core.alarm import Severity
from drift.core.alert import Incident, Run, Urgency
from drift.core.catalogue import Catalogue
from drift.core.clock import to_datetime
from drift.core.errors import ConfigError
from drift.store.rows import AlarmRow

LISTED: Final = 20
"""Lines of a list; the rest is counted."""
_MOST: Final = 5_000
"""Incidents, runs and alarms of a model that are read."""
_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Raised:
    """What detectors raised on one model."""

    pages: int = 0
    warnings: int = 0
    budget: str = ""
    """As drift.yaml has it: `1 per 30d`."""


@dataclass(frozen=True, slots=True)
class Week:
    """Some days by the clock, with what happened in them; times in microseconds."""

    start: int
    end: int
    incidents: Sequence[Incident] = ()
    """Opened in these days, or open at their end; newest first."""
    runs: Sequence[Run] = ()
    """Made or changed in these days, newest first."""
    models: Mapping[int, str] = field(default_factory=dict)
    raised: Mapping[str, Raised] = field(default_factory=dict)
    """Model → alarms raised in these days, and the budget."""

    @property
    def new(self) -> list[Incident]:
        """Incidents opened in these days."""
        return [one for one in self.incidents if self.start <= one.opened_on < self.end]


def quiet(incident: Incident) -> str:
    """Why nobody is told of an incident now; empty: somebody is, or nobody has to be."""
    if incident.silent:
        return "a backfill"
    return next((one.status for one in incident.told if not one.nth), "")


def told(incident: Incident) -> bool:
    """Whether anybody was told of it."""
    return any(one.nth for one in incident.told)


def digest(week: Week, *, link: str = "") -> Message:
    """The message of a digest: what paged, what was told, what would have been, what is open, runs, budgets."""
    lines = [line for block in _blocks(week) for line in block]
    pages = sum(told(one) and one.urgency is Urgency.PAGE for one in week.new)
    still = sum(one.open for one in week.incidents)
    title = f"Drift from {_day(week.start)} to {_day(week.end)}: {_n(pages, 'page')}, {still} open"
    return Message(
        f"digest-{week.start}-{week.end}", Change.DIGEST, Status.NOTE, Urgency.INFO, title, "\n".join(lines),
        since=week.start, at=week.end, link=link,
    )  # fmt: skip


def _blocks(week: Week) -> Iterator[list[str]]:
    new = week.new
    paged = [one for one in new if told(one) and one.urgency is Urgency.PAGE]
    rest = [one for one in new if told(one) and one.urgency is not Urgency.PAGE]
    hushed = [one for one in new if not told(one) and one.urgency is not Urgency.INFO]
    yield _list("Paged", paged, week, "Nobody was paged.")
    yield _list("Told without paging", rest, week)
    yield _list("Would have been told, but for silences, maintenance, snoozes and backfills", hushed, week)
    yield _list("Open now", [one for one in week.incidents if one.open], week, "Nothing is open.")
    yield _headed("Retraining", [_run(one, week) for one in week.runs])
    yield _headed("Alarms against the budget", [_budget(*one, week) for one in sorted(week.raised.items())])


def _list(heading: str, some: Sequence[Incident], week: Week, none: str = "") -> list[str]:
    return _headed(heading, [_incident(one, week) for one in some]) or ([none] if none else [])


def _headed(heading: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    more = [f"- and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
    return [f"{heading}:", *(f"- {line}" for line in lines[:LISTED]), *more]


def _incident(one: Incident, week: Week) -> str:
    title = one.title or week.models.get(one.model_id, "the service")
    if not one.open:
        how = f"over: {one.resolution}"
    elif one.acknowledged_by:
        how = f"{one.acknowledged_by} has it"
    else:
        how = "open"
    why = quiet(one)
    return f"#{one.id} {title} ({one.urgency.value}, since {_day(one.since)}, {how}{f'; {why}' if why else ''})"


def _run(one: Run, week: Week) -> str:
    why = f": {one.error or one.why}" if one.error or one.why else ""
    return f"run {one.id} of {week.models.get(one.model_id, '?')} by {one.trigger} {one.state.value}{why}"


def _budget(model: str, raised: Raised, week: Week) -> str:
    allowed = _allowed(raised.budget, week.end - week.start)
    said = f"; {raised.budget} allows {allowed:.2g} false ones in these days" if allowed is not None else ""
    return f"{model}: {_n(raised.pages, 'page')} and {_n(raised.warnings, 'warning')} raised{said}"


def _allowed(budget: str, span: int) -> float | None:
    try:
        found = AlarmBudget.parse(budget)
    except ConfigError:
        return None
    return found.alarms * span / found.per


def _n(n: int, word: str) -> str:
    return f"{n} {word}{'' if n == 1 else 's'}"


def _day(moment: int) -> str:
    return f"{to_datetime(moment):%a %d %b %H:%M}"


class Store(Protocol):
    """What is asked of the store."""

    def catalogue(self) -> Catalogue:
        """Models and references."""

    def incidents(
        self, model_id: int | None = None, *, open: bool | None = None, limit: int = 100,  # noqa: A002  as in the API
        before: int | None = None,
    ) -> list[Incident]:  # fmt: skip
        """Incidents, newest first."""

    def open_incidents(self) -> list[Incident]:
        """All that are open."""

    def runs(self, *, limit: int = 100, before: int | None = None) -> list[Run]:
        """Runs, newest first."""

    def alarms(self, model_id: int, *, limit: int = 100, before: int | None = None) -> list[AlarmRow]:
        """A model's alarms, newest first."""


def week_of(store: Store, start: int, end: int) -> Week:
    """What happened between two moments of the clock, as it is stored."""
    catalogue = store.catalogue()
    recent = store.incidents(limit=_MOST)
    found = {one.id: one for one in (*recent, *store.open_incidents())}
    mine = [one for one in found.values() if one.open or start <= one.opened_on < end]
    runs = [one for one in store.runs(limit=_PAGE) if one.created_at < end and one.changed_at >= start]
    return Week(
        start, end, sorted(mine, key=lambda one: -one.id), runs,
        {model.id: name for name, model in catalogue.models.items()},
        {
            name: _raised(store, model.id, str(model.settings.get("alarm_budget") or "1 per 30d"), start, end)
            for name, model in catalogue.models.items()
        },
    )  # fmt: skip


def _raised(store: Store, model_id: int, budget: str, start: int, end: int) -> Raised:
    """By event time: an alarm belongs to the days that its window ended in."""
    rows = store.alarms(model_id, limit=_PAGE)
    severities = [
        row.alarm.severity for row in rows if start <= row.alarm.raised.end < end and row.retracted_by is None
    ]
    pages = severities.count(Severity.PAGE)
    return Raised(pages, len(severities) - pages, budget)
