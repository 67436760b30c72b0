"""A backtest as DataFrames and as lines of text."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detectors.wording import SCORES, count, is_share, named
from drift.backtesting.performing import lines
from drift.backtesting.result import Backtest, Raised, Refused
from drift.core.clock import to_datetime
from drift.core.result import Outcome

if TYPE_CHECKING:
    import pandas as pd

HEADINGS: Final = ("told", "severity", "column", "onset", "delay", "what moved", "effect (tolerance)", "until")
_NAMED: Final = 5
_BASELINES: Final = {
    "reference": "the reference",
    "production": "the events' own first windows, as the reference is none (not in the order of time, or too short)",
}


def alarms(test: Backtest) -> "pd.DataFrame":
    """One row for each alarm; moments are timestamps in UTC, or numbers of rows."""
    import pandas as pd

    rows = [
        {
            "column": one.alarm.column,
            "segment": one.segment,
            "severity": str(one.severity),
            "start": stamp(test, one.alarm.raised.start),
            "end": stamp(test, one.alarm.raised.end),
            "onset": stamp(test, one.alarm.onset),
            "paged": None if one.paged is None else stamp(test, one.paged.end),
            "ended": None if one.ended is None else stamp(test, one.ended.end),
            "direction": one.alarm.direction,
            "what": one.alarm.what,
            "effect": one.alarm.effect,
            "tolerance": one.alarm.tolerance,
            "detector": one.alarm.detector,
            **one.alarm.statistics,
        }
        for one in test.raised
    ]
    return pd.DataFrame(rows, columns=None if rows else list(_COLUMNS))


_COLUMNS: Final = (
    "column", "segment", "severity", "start", "end", "onset", "paged", "ended", "direction", "what", "effect",
    "tolerance", "detector",
)  # fmt: skip


def windows(test: Backtest) -> "pd.DataFrame":
    """One row for each window and column."""
    import pandas as pd

    parts = []
    for one in test.judged:
        if one.whole is None:
            continue
        head = {
            "start": stamp(test, one.window.start),
            "end": stamp(test, one.window.end),
            "rows": one.rows,
            "column": list(one.whole.columns),
            "outcome": [Outcome(outcome).word for outcome in one.whole.outcomes.tolist()],
        }
        values = {name: one.whole.values[:, at] for at, name in enumerate(one.whole.statistics)}
        parts.append(pd.DataFrame(head | values))
    if not parts:
        return pd.DataFrame(columns=["start", "end", "rows", "column", "outcome"])
    return pd.concat(parts, ignore_index=True)


def row(test: Backtest, one: Raised) -> tuple[str, ...]:
    """An alarm's line, under `HEADINGS`."""
    alarm = one.alarm
    name = alarm.column or "the model"
    return (
        moment(test, (one.paged or alarm.raised).end),
        str(one.severity),
        name if one.segment == "all" else f"{name} ({one.segment})",
        moment(test, alarm.onset),
        test.delay(one),
        " ".join(part for part in (named(alarm.what), alarm.direction) if part),
        f"{amount(alarm.effect, alarm.what)} ({amount(alarm.tolerance, alarm.what, signed=False)})",
        "the end" if one.ended is None else moment(test, one.ended.end),
    )


def amount(value: float, what: str, *, signed: bool = True) -> str:
    """An effect in its unit: percentage points of a share, or standard deviations of a score."""
    if not np.isfinite(value):
        return "–"
    sign = "+" if signed else ""
    if is_share(what):
        return f"{100 * value:{sign}.2g} points"
    return f"{value:{sign}.2f} sd" if what in SCORES else f"{value:{sign}.3g}"


def moment(test: Backtest, micros: int) -> str:
    """A moment for a person: `2026-02-03 14:00`, or `row 15,000`."""
    if test.numbering is not None:
        return f"row {int(test.at(micros)):,}"
    return to_datetime(micros).strftime("%Y-%m-%d %H:%M")


def title(test: Backtest) -> str:
    """What was read."""
    first, last = test.judged[0].window.start, test.judged[-1].window.end
    refused = sum(one.rows for one in test.refused)
    more = f", {refused:,} refused" if refused else ""
    return (
        f"{test.events}: {test.rows:,} rows{more}; {count(len(test.judged), 'window')} of {test.window} judged, "
        f"{moment(test, first)} to {moment(test, last)}"
    )


def summary(test: Backtest) -> Iterator[str]:
    """The lines below the alarms."""
    budget = test.budget
    warnings = budget.raised - budget.pages
    yield (
        f"Budget {budget.text}: {budget.allowed:.2g} allowed in {count(budget.windows, 'window')}; "
        f"{count(budget.raised, 'alarm')} raised ({count(budget.pages, 'page')}, {count(warnings, 'warning')})."
    )
    together = test.incidents
    if len(together) < budget.raised:
        said = "; ".join(one.sentence for one in together[:_NAMED] if len(one.columns) > 1)
        yield f"Together: {count(len(together), 'incident')}{f': {said}' if said else ''}."
    if test.baseline:
        yield f"Baseline: {_BASELINES.get(test.baseline, test.baseline)}."
    yield from lines(test, test.max_drop)
    yield from _silence(test)
    if test.aside:
        where = " and ".join(f"from {moment(test, window.start)}" for window in test.aside[:_NAMED])
        yield f"Set aside: {count(len(test.aside), 'window')} that the events fill in part only, {where}."
    for said, columns in (("Not judged", test.unjudged), ("Warnings only", test.warned)):
        for why, names in _alike(columns).items():
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield f"{said}: {', '.join(names[:_NAMED])}{more}: {why}."
    if test.late:
        yield f"Late: {count(test.late, 'row')} came after later ones had closed their window; counted all the same."
    for refused in test.refused:
        yield refusal(refused)
    for note in test.notes:
        yield f"Note: {note}."


def _silence(test: Backtest) -> Iterator[str]:
    """Windows that nothing, or that no rule could be said of."""
    silent = [one for one in test.judged if one.whole is None or one.whole.outcome is Outcome.INSUFFICIENT_DATA]
    left = [one for one in silent if not one.stepped]
    if left and test.baseline:
        yield f"Not judged: {count(len(left), 'window')} that the baseline was learnt from."
    elif left:
        last = left[-1].whole
        yield f"Not judged: {count(len(left), 'window')}: {last.reason if last is not None else 'no rows'}."
    if len(silent) > len(left):
        number = count(len(silent) - len(left), "window")
        yield f"Too few rows for the rules on single windows: {number}; the detectors judged them all the same."


def _alike(columns: Mapping[str, str]) -> dict[str, list[str]]:
    """Why → the columns of which that is said."""
    found: dict[str, list[str]] = {}
    for name, why in columns.items():
        found.setdefault(why, []).append(name)
    return found


def refusal(one: Refused) -> str:
    """Rows that could not be counted, and why."""
    return f"Refused: {count(one.rows, 'row')}, {one.reason}; one of them: {one.example}."


def text(test: Backtest) -> str:
    """A compact picture for a console."""
    shown = [title(test), ""]
    if test.raised:
        table = [HEADINGS, *(row(test, one) for one in test.raised)]
        wide = [max(len(line[at]) for line in table) for at in range(len(HEADINGS))]
        shown += ["  ".join(cell.ljust(w) for cell, w in zip(line, wide, strict=True)).rstrip() for line in table]
    else:
        shown.append("No alarm.")
    return "\n".join([*shown, "", *summary(test)])


def stamp(test: Backtest, micros: int) -> Any:
    """A moment for a DataFrame: a timestamp in UTC, or a row's number."""
    import pandas as pd

    return test.at(micros) if test.numbering is not None else pd.Timestamp(micros, unit="us", tz="UTC")
