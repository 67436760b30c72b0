"""From incidents to notices and runs: who is told what, and which pipeline is asked, from state alone."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from alerts import grouping
from alerts.grouping import Book
from alerts.notices import Case, Receiver, about_run, due, key_of, message, notice
from alerts.silences import Maintenance, Quiet
from drift.core.alert import Happening, Incident, Notice, Run, Silence, Told
from drift.core.clock import DAY
from drift.core.errors import NotFound
from drift.evaluation.alerting_ports import Store
from drift.evaluation.cases import Names

HORIZON: Final = DAY
NEWS: Final = DAY
"""What became of a run longer ago than this is no news any more."""
RECENT_RUNS: Final = 50
_QUIET: Final = "*"
"""Stands for all receivers where a silence is noted."""


@dataclass(frozen=True, slots=True)
class Routing:
    """What drift.yaml says about telling, as values."""

    receivers: tuple[Receiver, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    horizon: int = HORIZON
    """Windows that ended longer ago than this, by the clock, are told to nobody."""
    url: str = ""
    """Where people reach the service; empty: unknown, messages have no link."""


Triggers = Callable[[Sequence[Case], Sequence[Run], int], Sequence[Run]]
"""(open incidents that may be told, latest runs, now) → runs to be made."""


@dataclass(slots=True)
class Desk:
    """What is read once for a slice, and what goes out."""

    silences: Sequence[Silence]
    runs: Sequence[Run]
    """The latest, newest first."""
    notices: list[Notice] = field(default_factory=list)
    made: list[Run] = field(default_factory=list)


class Telling:
    """Tells receivers and asks pipelines. Holds nothing between two slices but what it has told of runs."""

    def __init__(self, store: Store, routing: Routing, triggers: Triggers | None) -> None:
        self._store, self._routing, self._triggers = store, routing, triggers
        self._said: set[str] = set()
        self._saying: set[str] = set()

    def begin(self, now: int) -> Desk:
        """A new slice of work."""
        self._saying = set()
        return Desk(self._store.silences(active_on=now), list(self._store.runs(limit=RECENT_RUNS)))

    def committed(self) -> None:
        """What was queued since `begin` is stored: news of runs need not be made again."""
        self._said |= self._saying

    def tell(self, book: Book, names: Names, desk: Desk) -> None:
        """Bring incidents up to date, and queue what follows from their state; runs likewise."""
        grouping.settle(book)
        everything = list(book.incidents.values())
        quiet = Quiet.at(book.now, desk.silences, self._routing.maintenance, everything)
        cases = []
        for incident in everything:
            if incident.open or incident.id in book.touched:
                case = self._case(book, names, incident, quiet)
                cases.append(case)
                desk.notices += self._due(book, case)
        desk.notices += self._news(cases, names, desk.runs, book.now)
        if self._triggers is not None:
            made = self._triggers(_triggering(cases), [*desk.made, *desk.runs], book.now)
            for run in made:
                book.happened(run.incident_id, Happening.RUN, f"{run.trigger}: {run.state.value}", None)
            desk.made += made

    def _case(self, book: Book, names: Names, incident: Incident, quiet: Quiet) -> Case:
        case = names.case(incident, book.members(incident.id), self._routing.url)
        return replace(case, quiet=quiet.why(incident, case.labels))

    def _due(self, book: Book, case: Case) -> Iterator[Notice]:
        incident, told = case.incident, {one.receiver: one for one in case.incident.told}
        for one, change in due(case, self._routing.receivers, book.now):
            told[one.receiver] = one
            if change is None:
                continue
            key = key_of(self._store.uuid, incident.id, one.receiver, one.nth)
            yield notice(message(case, one, change, key), one.receiver, f"incident:{incident.id}", book.now)
            book.happened(incident.id, Happening.TOLD, f"{change.value} to {one.receiver}", None)
        why = case.quiet or ("snoozed" if case.snoozed else "")
        hushed = told.get(_QUIET)
        if incident.open and why and not incident.silent and (hushed is None or hushed.status != why):
            told[_QUIET] = Told(_QUIET, why, incident.urgency, book.now, 0)
            book.happened(incident.id, Happening.SILENCED, why, None)
        if not why:
            told.pop(_QUIET, None)
        if tuple(told.values()) != incident.told:
            book.write(replace(incident, told=tuple(told.values())))

    def _news(self, cases: Sequence[Case], names: Names, runs: Sequence[Run], now: int) -> Iterator[Notice]:
        """What became of retrain runs, to those who know of the incident, though it be over. Keys make it once."""
        known = {case.incident.id: case for case in cases}
        curious = [one for one in self._routing.receivers if one.runs and one.notes]
        for run in runs:
            keys = {one.name: f"{self._store.uuid[:13]}-r{run.id}-{run.state.value}-{one.name}" for one in curious}
            fresh = {name: key for name, key in keys.items() if key not in self._said and key not in self._saying}
            if not fresh or not run.incident_id or now - run.changed_at > NEWS:
                continue
            case = known.get(run.incident_id) or self._over(names, run.incident_id)
            told = {one.receiver for one in case.incident.told} if case is not None else set[str]()
            if case is None or not told:
                continue
            self._saying |= set(fresh.values())
            for receiver, key in fresh.items():
                if receiver in told:
                    yield notice(about_run(case, run, key, now), receiver, f"incident:{run.incident_id}", now)

    def _over(self, names: Names, incident_id: int) -> Case | None:
        """An incident that is over; None: retention has removed it."""
        try:
            return names.case(self._store.incident(incident_id), (), self._routing.url)
        except NotFound:
            return None


def _triggering(cases: Iterable[Case]) -> list[Case]:
    """Incidents that may start something: open, told, and of drift."""
    return [
        case
        for case in cases
        if case.incident.open and not case.incident.silent and not case.quiet and not case.snoozed
        and case.incident.family == "drift"
    ]  # fmt: skip
