"""From results to alerts, incidents, notices and runs: what one slice of evaluation means to people.

    result ── looks (`drift.evaluation.looks`) ──> alerts ── grouped ──> incidents ── told ──> notices
                                                                              └── policy ──> runs

`work` is called with the results of a slice, before they are stored, and without any on every tick: silences end,
intervals pass, models fall silent. What it returns is stored in the results' transaction.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Final

from alerts import grouping
from alerts.grouping import Book
from alerts.rules import AlertRule
from alerts.state import Look, Moved, step
from alerts.wording import title
from drift.core.alert import (
    AlertCommit,
    AlertKey,
    AlertState,
    Happening,
    Incident,
    Urgency,
)
from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.clock import DAY, MINUTE, Clock
from drift.core.commit import WindowResult
from drift.core.result import WindowState
from drift.core.window import Window
from drift.evaluation.alerting_ports import Store
from drift.evaluation.cases import Names
from drift.evaluation.closing import Status
from drift.evaluation.leftovers import left
from drift.evaluation.looks import Seen, away, looks_of, standing_looks
from drift.evaluation.telling import Routing, Telling, Triggers

__all__ = ["Alerting", "Routing", "Triggers"]

CANARY_SHARE: Final = 0.1
"""While the model that a reference replaces still serves so large a share of the traffic, nothing is resolved by it."""
UNSERVED: Final = DAY
"""A version that got no row for so long is not served any more."""
REFRESH: Final = 5 * MINUTE
"""How long an open silence or lag has been is written down so often."""


class Alerting:
    """Keeps alerts and incidents; one per evaluator."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rules: Callable[[Model], Sequence[AlertRule]],
        routing: Routing,
        triggers: Triggers | None = None,
    ) -> None:
        self._store, self._clock, self._rules, self._routing = store, clock, rules, routing
        self._telling = Telling(store, routing, triggers)

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
        desk = self._telling.begin(book.now)
        # one moment after the other: what is told does not depend on how many windows a slice has
        for _, together in groupby(sorted(results, key=_in_order), key=lambda one: one.window.end):
            for result in together:
                self._result(book, names, result)
            self._telling.tell(book, names, desk)
        for model in catalogue.models.values():
            for rule in self._rules(model):
                self._look(book, self._fresh(book, away(rule, model, statuses, book.now)))
        self._look(book, self._undelivered(book))
        self._drop(book, names, statuses)
        self._telling.tell(book, names, desk)
        found = AlertCommit(
            tuple(book.changed.values()), tuple(book.touched.values()), tuple(book.events), tuple(desk.notices),
            tuple(desk.made),
        )  # fmt: skip
        return found or None

    def committed(self) -> None:
        """What `work` returned last is stored: news of runs need not be made again."""
        self._telling.committed()

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
        newest = self._newest(result)
        older = newest > result.window.end
        for rule in self._rules(model):
            seen = looks_of(
                rule, model, reference, result, book.alerts, older=older, now=newest,
                overtaken=partial(self._overtaken, result, newest),
            )  # fmt: skip
            self._look(book, seen, result)
        self._still(book, result)

    def _newest(self, result: WindowResult) -> int:
        """End of the newest final window that is stored of a late result's reference and length."""
        where = result.reference_id, result.spec
        latest = self._store.latest_final(result.model_id) if result.late else ()
        return max((one.window.end for one in latest if (one.reference_id, one.spec) == where), default=0)

    def _overtaken(self, result: WindowResult, newest: int) -> bool:
        """Whether a later window's labels are mature."""
        mature = self._store.newest_mature(result.reference_id, result.spec, newest)
        return mature is not None and mature.window.end > result.window.end

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
            silent = old and max(at, look.known_at) < book.now - self._routing.horizon
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
