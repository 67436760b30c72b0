"""From what the evaluator committed to what is told: windows oldest first, and each alarm's life."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from detectors.budget import AlarmBudget
from detectors.known import unpack
from drift.backtesting.numbering import Numbering
from drift.backtesting.performing import numbered, numbered_alarm
from drift.backtesting.plan import Plan
from drift.backtesting.registering import Registered
from drift.backtesting.result import Backtest, Budget, Judged, Raised, Refused
from drift.backtesting.whole import WholeWindows
from drift.core.alarm import Severity
from drift.core.commit import AlarmChange, WindowResult
from drift.core.result import Outcome
from drift.core.window import Window
from drift.service.judging import DEFAULT
from drift.store import Store

Key = tuple[str, int, str, int]


def collect(store: Store, seen: WholeWindows, plan: Plan, known: Registered, events: str) -> Backtest:
    """All that a backtest tells."""
    labels = [segment.label for segment in known.reference.grid.segments]
    results = sorted(seen.results, key=lambda result: result.window)
    numbering = Numbering(plan.rows_per_window) if plan.numbered else None
    judged = _judged(results, labels, numbering)
    raised = _alarms(results, labels)
    if numbering is not None:
        raised = tuple(replace(one, alarm=numbered_alarm(one.alarm, numbering)) for one in raised)
    known_of = _known(results)
    totals = store.totals()
    return Backtest(
        model=plan.name,
        events=events,
        window=f"{plan.rows_per_window} rows" if plan.numbered else plan.spec.name,
        rows=totals.rows,
        late=0 if plan.numbered else totals.late,
        refused=_refused(store),
        judged=judged,
        raised=raised,
        aside=tuple(sorted(seen.aside)),
        budget=_budget(plan, len(judged), raised),
        baseline=next((str(about["origin"]) for about in known_of.values() if about.get("origin")), ""),
        unjudged=_why(known_of, "not judged") if known_of else _silent(judged),
        warned=_why(known_of, "inflated"),
        notes=known.notes,
        numbering=numbering,
        max_drop=plan.settings.max_drop,
    )


def _judged(results: Sequence[WindowResult], labels: Sequence[str], numbering: Numbering | None) -> tuple[Judged, ...]:
    found, watched = list[Judged](), False
    for result in results:
        # what a watch knows is told with the first window that it judges; before that a baseline was learnt
        watched = watched or (result.detection is not None and bool(result.detection.abouts))
        segments = {labels[at]: one.outcome for at, one in result.judgements.items() if at}
        performance = result.performances.get(0)
        if performance is not None and numbering is not None:
            performance = numbered(performance, numbering)
        found.append(Judged(result.window, result.rows, result.judgements.get(0), watched, segments, performance))
    return tuple(found)


def _alarms(results: Sequence[WindowResult], labels: Sequence[str]) -> tuple[Raised, ...]:
    """In the order in which they were raised; pages before warnings, then by column."""
    lives: dict[Key, Raised] = {}
    for result in results:
        for change in result.detection.changes if result.detection is not None else ():
            key = change.alarm.key
            lives[key] = _after(lives.get(key), change, result.window, labels[change.alarm.segment])
    return tuple(sorted(lives.values(), key=_order))


def _after(known: Raised | None, change: AlarmChange, window: Window, label: str) -> Raised:
    """An alarm's life after one more change."""
    if known is None:
        known = Raised(change.alarm, label, change.alarm.severity, None, None)
    if change.kind in ("ended", "retracted"):
        return replace(known, ended=window)
    if known.paged is None and change.alarm.severity is Severity.PAGE and not change.alarm.snoozed:
        known = replace(known, severity=Severity.PAGE, paged=window)
    return replace(known, ended=None)


def _order(one: Raised) -> tuple[int, bool, int, str, str]:
    alarm = one.alarm
    return alarm.raised.end, one.severity is not Severity.PAGE, alarm.segment, alarm.column, alarm.detector


def _refused(store: Store) -> tuple[Refused, ...]:
    return tuple(
        Refused(reason, rows, store.dead_letters(1, reason=reason)[0].letter.detail)
        for reason, rows in sorted(store.dead_letters_by_reason().items())
    )


def _known(results: Sequence[WindowResult]) -> Mapping[str, Mapping[str, Any]]:
    """What the default detector knows of each column of the whole traffic, or else the first detector that tells."""
    for result in results:
        abouts = result.detection.abouts if result.detection is not None else {}
        told = {name: blob for (segment, name), blob in sorted(abouts.items()) if not segment}
        if told:
            return unpack(told.get(DEFAULT, next(iter(told.values()))))
    return {}


def _why(known: Mapping[str, Mapping[str, Any]], judged: str) -> dict[str, str]:
    return {name: str(about.get("why", "")) for name, about in known.items() if about.get("judged") == judged}


def _silent(judged: Sequence[Judged]) -> dict[str, str]:
    """Columns of which no window could say anything, where no detector tells more."""
    tables = [one.whole for one in judged if one.whole is not None]
    if not tables:
        return {}
    silent = np.all([table.outcomes == Outcome.INSUFFICIENT_DATA for table in tables], axis=0)
    why = "too few values in every window"
    return {name: why for name, never in zip(tables[0].columns, silent.tolist(), strict=True) if never}


def _budget(plan: Plan, windows: int, raised: Sequence[Raised]) -> Budget:
    budget = AlarmBudget.parse(plan.settings.alarm_budget)
    pages = sum(one.severity is Severity.PAGE for one in raised)
    return Budget(str(budget), windows, windows / budget.windows(plan.spec), len(raised), pages)
