"""From results to alerts, incidents, notices and runs: what one slice of evaluation means to people.

    result ── looks (`drift.evaluation.looks`) ──> alerts ── grouped ──> incidents ── told ──> notices
                                                                              └── policy ──> runs

`work` is called with the results of a slice, before they are stored, and without any on every tick: silences end,
intervals pass, models fall silent. What it returns is stored in the results' transaction.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import Final, Protocol

from alerts import grouping
from alerts.grouping import Book
from alerts.notices import Case, Receiver, about_run, due, key_of, message, notice
from alerts.rules import AlertRule
from alerts.silences import Maintenance, Quiet
from alerts.state import Look, Moved, step
from alerts.wording import title
from drift.core.alert import (
    Alert,
    AlertCommit,
    AlertKey,
    AlertState,
    Happening,
    Incident,
    Notice,
    Run,
    Silence,
    Told,
    Urgency,
)
from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.clock import DAY, MINUTE, Clock
from drift.core.commit import WindowResult
from drift.core.errors import NotFound
from drift.core.result import WindowState
from drift.core.window import Window
from drift.evaluation.cases import Names
from drift.evaluation.closing import Status
from drift.evaluation.leftovers import left
from drift.evaluation.looks import Seen, away, looks_of, standing_looks

__all__ = ["Alerting", "Routing", "Store"]

HORIZON: Final = DAY
CANARY_SHARE: Final = 0.1
"""While the model that a reference replaces still serves so large a share of the traffic, nothing is resolved by it."""
UNSERVED: Final = DAY
"""A version that got no row for so long is not served any more."""
REFRESH: Final = 5 * MINUTE
"""How long an open silence or lag has been is written down so often."""
_QUIET: Final = "*"
"""Stands for all receivers where a silence is noted."""
_RECENT_RUNS: Final = 50
NEWS: Final = DAY
"""What became of a run longer ago than this is no news any more."""


class Outbox(Protocol):
    """What waits and what was given up, of one receiver."""

    @property
    def receiver(self) -> str:
        """A route's name."""

    @property
    def dead(self) -> int:
        """Notices that were given up."""


class Total(Protocol):
    """What was counted in a stretch."""

    @property
    def rows(self) -> int:
        """Rows."""


class Judged(Protocol):
    """A window that was judged."""

    @property
    def reference_id(self) -> int:
        """Against what."""

    @property
    def spec(self) -> str:
        """How it is cut."""

    @property
    def window(self) -> Window:
        """Its stretch."""


class Store(Protocol):
    """The part of the store that alerting reads."""

    @property
    def uuid(self) -> str:
        """Whose store it is: part of every key."""

    def open_alerts(self) -> Sequence[Alert]:
        """What is pending or fires."""

    def open_incidents(self) -> Sequence[Incident]:
        """All that are not resolved."""

    def incidents_closed_since(self, on: int) -> Sequence[Incident]:
        """Those resolved since a moment of the clock."""

    def incident(self, incident_id: int) -> Incident:
        """One of them; raises NotFound."""

    def next_incident_id(self) -> int:
        """An id that no incident ever had."""

    def silences(self, *, active_on: int | None = None, limit: int = 1000, before: int | None = None) -> list[Silence]:
        """Those that hold at a moment of the clock."""

    def runs(self, *, limit: int = 100) -> Sequence[Run]:
        """Retrain runs, newest first."""

    def outbox(self) -> Sequence[Outbox]:
        """What each receiver waits for."""

    def counted(self, reference_id: int, start: int, end: int) -> Total:
        """Rows of a stretch."""

    def latest_final(self, model_id: int) -> Sequence[Judged]:
        """For each reference and length: the newest window that is final."""


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


class Alerting:
    """Keeps alerts and incidents; one per evaluator. Holds nothing between two slices but what it has told of runs."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rules: Callable[[Model], Sequence[AlertRule]],
        routing: Routing,
        triggers: Triggers | None = None,
    ) -> None:
        self._store, self._clock, self._rules, self._routing, self._triggers = store, clock, rules, routing, triggers
        self._said: set[str] = set()
        self._saying: set[str] = set()

    def work(
        self, results: Sequence[WindowResult], catalogue: Catalogue, statuses: Sequence[Status]
    ) -> AlertCommit | None:
        """What results and the moment mean; None: nothing.

        Args:
            results: of this slice, not stored yet.
            catalogue: models and references.
            statuses: every partition.
        """
        names = Names(catalogue)
        book = self._book(names)
        self._saying = set()
        desk = _Desk(self._store.silences(active_on=book.now), list(self._store.runs(limit=_RECENT_RUNS)))
        # one moment after the other: what is told does not depend on how many windows a slice has
        for _, together in groupby(sorted(results, key=_in_order), key=lambda one: one.window.end):
            for result in together:
                self._result(book, names, result)
            self._tell(book, names, desk)
        for model in catalogue.models.values():
            for rule in self._rules(model):
                self._look(book, self._fresh(book, away(rule, model, statuses, book.now)))
        self._look(book, self._undelivered(book))
        self._drop(book, names, statuses)
        self._tell(book, names, desk)
        found = AlertCommit(
            tuple(book.changed.values()), tuple(book.touched.values()), tuple(book.events), tuple(desk.notices),
            tuple(desk.made),
        )  # fmt: skip
        return found or None

    def committed(self) -> None:
        """What `work` returned last is stored: news of runs need not be made again."""
        self._said |= self._saying

    def _book(self, names: Names) -> Book:
        now = self._clock.now()
        closed = self._store.incidents_closed_since(now - grouping.REOPEN_WITHIN)
        incidents = [*self._store.open_incidents(), *(one for one in closed if one.replaced_by)]
        return Book(
            now,
            _Ids(self._store),
            {one.key: one for one in self._store.open_alerts()},
            {one.id: one for one in incidents},
            lambda incident, members: title(names.model(incident), incident, members),
            names.version,
        )

    # Results

    def _result(self, book: Book, names: Names, result: WindowResult) -> None:
        if result.state is WindowState.PROVISIONAL:
            return
        model, reference = names.models[result.model_id], names.references[result.reference_id]
        if result.state is WindowState.FINAL and result.rows:
            self._took_over(book, names, reference, result)
        older = result.late and self._older(result)
        for rule in self._rules(model):
            self._look(book, looks_of(rule, model, reference, result, book.alerts, older=older), result)
        self._still(book, result)

    def _older(self, result: WindowResult) -> bool:
        """Whether a later window was judged already."""
        where = result.reference_id, result.spec
        latest = self._store.latest_final(result.model_id)
        return any((one.reference_id, one.spec) == where and one.window.end > result.window.end for one in latest)

    def _took_over(self, book: Book, names: Names, reference: Reference, result: WindowResult) -> None:
        """What other references of the model left open: those that this one replaces, and those without traffic."""
        if result.window.start < reference.active_from:
            return
        version, at = reference.version, result.window.end
        for incident in book.open_of(result.model_id, "drift"):
            other = names.references.get(incident.reference_id)
            if other is None or other.id == reference.id:
                continue
            if _made_for(reference, other, incident) and self._left(other.id, result) < CANARY_SHARE * result.rows:
                same = other.version == version
                said = (
                    f"another reference of version {version} took over" if same else f"retrained as version {version}"
                )
                grouping.end(book, incident, partial(_before, names, reference), said, at, reference.id)
            elif not self._left(other.id, result, UNSERVED):
                said = f"version {other.version} is not served any more"
                grouping.end(book, incident, lambda one, gone=other.id: one == gone, said, at)  # type: ignore[misc]

    def _left(self, reference_id: int, result: WindowResult, span: int = 0) -> int:
        """Rows that a reference still got in a window, or in so long a stretch before its end."""
        window = result.window
        return self._store.counted(reference_id, min(window.start, window.end - span), window.end).rows

    def _still(self, book: Book, result: WindowResult) -> None:
        """Every window that does not end an alarm confirms it: a backfill that reaches the present is told."""
        fresh = result.window.end >= book.now - self._routing.horizon
        for alert in standing_looks(result, book.alerts):
            book.alerts[alert.key] = alert
            incident = book.incidents.get(alert.incident_id)
            if fresh and incident is not None and incident.silent:
                book.keep(alert)
                book.write(replace(incident, silent=False))

    def _look(self, book: Book, seen: Iterable[Seen], result: WindowResult | None = None) -> None:
        for one in seen:
            before = book.alerts.get(one.key)
            moved = step(one.rule, one.key, before, one.look)
            if moved is None or moved.alert == before:
                continue
            self._moved(book, one.rule, moved, one.look, old=result is not None)

    def _moved(self, book: Book, rule: AlertRule, moved: Moved, look: Look, *, old: bool) -> None:
        alert, at = moved.alert, look.window.end
        if moved.happening is Happening.FIRED:
            silent = old and at < book.now - self._routing.horizon
            grouping.fired(book, rule, alert, moved.why, silent=silent)
        elif moved.happening in (Happening.RESOLVED, Happening.RETRACTED):
            grouping.over(book, alert, moved.happening, moved.why)
        else:
            book.keep(alert)
            if alert.incident_id in book.incidents and alert.state is AlertState.FIRING:
                book.write(book.incidents[alert.incident_id])
            elif moved.happening is not None:
                book.happened(0, moved.happening, moved.why or alert.sentence, at, alert.key)

    def _drop(self, book: Book, names: Names, statuses: Sequence[Status]) -> None:
        """What nothing will look at any more is over."""
        receivers = {one.name for one in self._routing.receivers}
        for alert in list(book.alerts.values()):
            if alert.state not in (AlertState.PENDING, AlertState.FIRING):
                continue
            why = left(alert, names, self._rules, receivers, statuses)
            if why and grouping.fires(alert):
                over = replace(alert, state=AlertState.RESOLVED, resolved_at=alert.seen_at, reason=why, held=0)
                grouping.over(book, over, Happening.RESOLVED, why)
            elif why:
                book.keep(replace(alert, state=AlertState.INACTIVE, reason=why, held=0))

    def _undelivered(self, book: Book) -> Iterator[Seen]:
        """Receivers that did not get what they were sent."""
        rule = AlertRule("delivery", "delivery")
        moment = Window(book.now - 1, book.now)
        configured = {one.name for one in self._routing.receivers}
        dead = {one.receiver: one.dead for one in self._store.outbox() if one.dead and one.receiver in configured}
        known = {key.detail for key in book.alerts if key.model_id == 0 and key.rule == rule.name}
        for receiver in sorted({*dead, *(known & configured)}):
            n = dead.get(receiver, 0)
            key = AlertKey(0, rule.name, detail=receiver)
            if n and key in book.alerts and book.alerts[key].value == n:
                continue
            said = f"{n} notice{'s' if n != 1 else ''} to {receiver} could not be delivered: drift notices --dead"
            yield Seen(rule, key, Look(bool(n), not n, moment, 1, Urgency.WARNING, value=float(n), sentence=said))

    def _fresh(self, book: Book, seen: Iterable[Seen]) -> Iterator[Seen]:
        """Without those that say what was written down a moment ago."""
        for one in seen:
            alert = book.alerts.get(one.key)
            same = alert is not None and grouping.fires(alert) == one.look.broken
            if not (same and alert is not None and book.now - alert.seen_at < REFRESH):
                yield one

    # Telling

    def _tell(self, book: Book, names: Names, desk: "_Desk") -> None:
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


@dataclass(slots=True)
class _Desk:
    """What is read once for a slice, and what goes out."""

    silences: Sequence[Silence]
    runs: Sequence[Run]
    """The latest, newest first."""
    notices: list[Notice] = field(default_factory=list)
    made: list[Run] = field(default_factory=list)


def _before(names: Names, reference: Reference, other: int) -> bool:
    """Whether a reference is older than another of its model."""
    found = names.references.get(other)
    return found is not None and (found.active_from, found.id) < (reference.active_from, reference.id)


def _made_for(reference: Reference, other: Reference, incident: Incident) -> bool:
    """Whether a newer model may be the cure: what broke once it was there is not what it was made for."""
    newer = (other.active_from, other.id) < (reference.active_from, reference.id)
    return newer and (incident.opened_at <= reference.active_from or incident.opened_on <= reference.created_at)


def _in_order(result: WindowResult) -> tuple[int, int, str]:
    return result.window.end, result.reference_id, result.spec


class _Ids:
    """Incident ids, one after the other."""

    def __init__(self, store: Store) -> None:
        self._store, self._next = store, 0

    def __call__(self) -> int:
        self._next = self._next + 1 if self._next else self._store.next_incident_id()
        return self._next
