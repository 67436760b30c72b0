"""The verdict on a window: what rules say of it alone, and what detectors say of it among the windows before. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.changes.contract import ChangeKind, SchemaChange
from detectors.contract import Bools
from drift.core.alarm import Alarm
from drift.core.result import Breach, Judgement, Outcome

_NAMED: Final = 3
"""Columns named in a reason."""
_ABSENT: Final = ("share missing", "share invalid", "share unseen")
"""What moves without the values that are there."""
SCHEMA: Final = "schema"
"""The statistic that a change of form is reported under."""


def with_alarms(
    judged: Judgement, seen: Bools | None, alarms: Sequence[Alarm], learning: str = "", wrong: Sequence[str] = ()
) -> Judgement:
    """A segment's judgement with its standing alarms.

    A column with an alarm drifted; one that rules pass but no detector can judge is not called free of drift.

    Args:
        judged: what rules say.
        seen: (C,) whether any detector judges the column; None: none has looked at the segment yet.
        alarms: those that stand, worst first.
        learning: why there is no baseline yet; empty: there is.
        wrong: why detectors do not watch.
    """
    outcomes = judged.outcomes.copy()
    if seen is not None or learning or wrong:
        blind = ~seen if seen is not None and not learning else np.ones(outcomes.size, np.bool_)
        outcomes[blind & (outcomes == Outcome.NO_DRIFT)] = Outcome.INSUFFICIENT_DATA
    index = {name: at for at, name in enumerate(judged.columns)}
    for one in alarms:
        if one.column in index:
            outcomes[index[one.column]] = Outcome.DRIFT
    breaches = tuple(
        Breach(
            one.column, one.detector, one.level, one.limit, f"{one.detector}: {one.what}", one.direction, latched=True
        )
        for one in alarms
    )
    outcome, reason = _model(judged, outcomes, alarms, learning)
    reason = "; ".join(part for part in (reason, *wrong) if part)
    return replace(judged, outcome=outcome, outcomes=outcomes, breaches=(*judged.breaches, *breaches), reason=reason)


def _model(
    judged: Judgement, outcomes: npt.NDArray[np.int8], alarms: Sequence[Alarm], learning: str
) -> tuple[Outcome, str]:
    if alarms:
        named = "; ".join(one.sentence for one in alarms[:_NAMED])
        more = f"; and {len(alarms) - _NAMED} more" if len(alarms) > _NAMED else ""
        rules = f"; {judged.reason}" if judged.outcome is Outcome.DRIFT else ""
        return Outcome.DRIFT, f"{named}{more}{rules}"
    if judged.outcome is Outcome.DRIFT:
        return Outcome.DRIFT, "; ".join(part for part in (judged.reason, learning) if part)
    if (outcomes == Outcome.INSUFFICIENT_DATA).all():
        return Outcome.INSUFFICIENT_DATA, learning or judged.reason
    return judged.outcome, judged.reason


def unusual(changes: Sequence[SchemaChange], judged: Judgement) -> tuple[SchemaChange, ...]:
    """Without columns that are constant where a detector, which knows the windows before, sees nothing in it."""
    moved = {one.column for one in judged.breaches if one.latched and not one.rule.endswith(_ABSENT)}
    judged_columns = zip(judged.columns, judged.outcomes.tolist(), strict=True)
    calm = {name for name, found in judged_columns if found != Outcome.INSUFFICIENT_DATA and name not in moved}
    return tuple(one for one in changes if one.kind is not ChangeKind.CONSTANT or one.column not in calm)


def with_changes(judged: Judgement, changes: Sequence[SchemaChange]) -> Judgement:
    """The whole traffic's judgement with what changed in form; named before all else, as it explains the rest."""
    if not changes:
        return judged
    outcomes = judged.outcomes.copy()
    index = {name: at for at, name in enumerate(judged.columns)}
    for change in changes:
        if change.column in index:
            outcomes[index[change.column]] = Outcome.DRIFT
    breaches = tuple(Breach(c.column, SCHEMA, float("nan"), float("nan"), f"{SCHEMA}: {c.kind.value}") for c in changes)
    named = "; ".join(change.sentence for change in changes[:_NAMED])
    more = f"; and {len(changes) - _NAMED} more changes of form" if len(changes) > _NAMED else ""
    rest = f"; {judged.reason}" if judged.outcome is Outcome.DRIFT else ""
    return replace(
        judged,
        outcome=Outcome.DRIFT,
        outcomes=outcomes,
        breaches=(*breaches, *judged.breaches),
        reason=f"{named}{more}{rest}",
    )
