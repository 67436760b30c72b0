"""A backtest as plain data: the same bytes whenever it is run on the same rows, whatever kind of file holds them."""

from typing import Any

import numpy as np

from detectors.incidents import Incident
from drift.backtesting.performing import plain as performance
from drift.backtesting.result import Backtest, Judged, Raised
from drift.core.result import Judgement, Outcome


def rounded(value: float) -> float | None:
    """Six significant digits; None for what does not exist or is infinite."""
    return float(f"{value:.6g}") if abs(value) < float("inf") else None


def plain(test: Backtest) -> dict[str, Any]:
    """Everything, ready for JSON."""
    budget = test.budget
    return {
        "model": test.model,
        "rows": test.rows,
        "late": test.late,
        "refused": {
            one.reason: {"rows": one.rows, "example": one.example} for one in test.refused
        },
        "window": test.window,
        "windows": [_window(test, one) for one in test.judged],
        "aside": [test.span(window) for window in test.aside],
        "alarms": [_alarm(test, one) for one in test.raised],
        "incidents": [_incident(test, one) for one in test.incidents],
        "budget": {
            "text": budget.text,
            "windows": budget.windows,
            "allowed": rounded(budget.allowed),
            "raised": budget.raised,
            "pages": budget.pages,
            "warnings": budget.raised - budget.pages,
        },
        "baseline": test.baseline or None,
        "unjudged": dict(test.unjudged),
        "warnings_only": dict(test.warned),
        "notes": list(test.notes),
    }  # fmt: skip


def _window(test: Backtest, one: Judged) -> dict[str, Any]:
    outcome = one.whole.outcome if one.whole is not None else Outcome.INSUFFICIENT_DATA
    found = test.span(one.window) | {
        "rows": one.rows,
        "outcome": outcome.word,
        "columns": {} if one.whole is None else _columns(one.whole),
    }
    if one.performance is not None:
        found |= performance(one.performance)
    if one.segments:
        found["segments"] = {label: verdict.word for label, verdict in one.segments.items()}
    return found


def _columns(judgement: Judgement) -> dict[str, Any]:
    there = np.isfinite(judgement.values)
    return {
        name: {"outcome": Outcome(outcome).word}
        | {
            statistic: float(f"{value:.6g}") if finite else None
            for statistic, value, finite in zip(judgement.statistics, values, known, strict=True)
        }
        for name, outcome, values, known in zip(
            judgement.columns, judgement.outcomes.tolist(), judgement.values.tolist(), there.tolist(), strict=True
        )
    }


def _incident(test: Backtest, one: Incident) -> dict[str, Any]:
    """Alarms that belong together, by their places in `alarms`, the worst first."""
    return {
        "severity": str(one.severity),
        "since": test.at(one.since),
        "window": test.span(one.raised),
        "standing": one.standing,
        "columns": list(one.columns),
        "alarms": [member.id - 1 for member in one.members],
        "sentence": one.sentence,
    }


def _alarm(test: Backtest, one: Raised) -> dict[str, Any]:
    alarm = one.alarm
    return {
        "column": alarm.column,
        "segment": one.segment,
        "severity": str(one.severity),
        "window": test.span(alarm.raised),
        "paged": None if one.paged is None else test.span(one.paged),
        "onset": test.at(alarm.onset),
        "delay": test.delay(one),
        "ended": None if one.ended is None else test.span(one.ended),
        "direction": alarm.direction,
        "what": alarm.what,
        "effect": rounded(alarm.effect),
        "tolerance": rounded(alarm.tolerance),
        "rows": alarm.rows,
        "detector": alarm.detector,
        "statistics": {name: rounded(value) for name, value in alarm.statistics.items()},
        "moved": [
            {"bin": bin_.label, "before": rounded(bin_.before), "after": rounded(bin_.after)} for bin_ in alarm.moved
        ],
        "sentence": alarm.sentence,
    }
