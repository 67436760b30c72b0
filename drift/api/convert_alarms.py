"""From alarms and answers to the API's shapes."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from drift.api import shapes_alarms as shapes
from drift.api.convert import Names
from drift.core.answer import Action, Answer
from drift.core.clock import from_datetime
from drift.core.errors import InputError
from drift.service.explaining import Explained
from drift.store.rows import AlarmRow


def micros(moment: datetime | None) -> int | None:
    """Microseconds since the epoch.

    Raises:
        InputError: it is no time at which events can be.
    """
    if moment is None:
        return None
    if not 1970 <= moment.year < 9999:
        raise InputError(f"{moment} is no time that can be used; write one like 2026-11-23T10:00:00Z")
    return max(from_datetime(moment), 0)


def alarm(row: AlarmRow, names: Names, answers: Sequence[Answer]) -> shapes.AlarmAnswer:
    """An alarm; `answers` are those of its model."""
    of = row.alarm
    return shapes.AlarmAnswer(
        id=row.id,
        model=names.model(row.model_id),
        version=names.version(row.reference_id),
        window=row.spec,
        segment=names.segments(row.reference_id)[of.segment],
        column=of.column,
        detector=of.detector,
        severity=of.severity.value,
        standing=row.standing,
        snoozed=of.snoozed,
        sentence=of.sentence,
        raised_start=of.raised.start,
        raised_end=of.raised.end,
        onset=of.onset,
        until=of.until,
        direction=of.direction,
        what=of.what,
        effect=of.effect,
        tolerance=of.tolerance,
        rows=of.rows,
        level=of.level,
        limit=of.limit,
        statistics=dict(of.statistics),
        moved=[shapes.MovedAnswer(label=one.label, before=one.before, after=one.after) for one in of.moved],
        ended_at=row.ended_at,
        ended_why=row.ended_why,
        retracted_by=row.retracted_by,
        answers=[one.id for one in answers if _answers(one, row)],
    )


def _answers(one: Answer, row: AlarmRow) -> bool:
    """Whether it was given to this alarm: since it was raised, and, but for a snooze, about its stretch."""
    alarm = row.alarm
    people = one.action not in (Action.LEARN, Action.REREFERENCE) and one.reference_id == row.reference_id
    if not (people and one.applies_from >= alarm.raised.end and one.covers(row.spec, alarm.column, alarm.segment)):
        return False
    if one.action is Action.SNOOZE:
        return row.ended_at is None or one.applies_from < row.ended_at
    return one.start < alarm.until and one.until > alarm.onset


def answer(of: Answer, names: Names, kept: Mapping[int, Mapping[str, int]]) -> shapes.AnswerAnswer:
    """An answer; `kept` says how many windows each answer of the model keeps."""
    return shapes.AnswerAnswer(
        id=of.id,
        model=names.model(of.model_id),
        version=names.version(of.reference_id),
        action=of.action.value,
        column=of.column,
        segment=None if of.segment is None else names.segments(of.reference_id)[of.segment],
        window=of.spec,
        who=of.who,
        why=of.why,
        at=of.at,
        start=of.start,
        until=of.until,
        applies_from=of.applies_from,
        windows=dict(kept.get(of.id, {})),
        withdrawn_at=of.withdrawn_at,
        withdrawn_from=of.withdrawn_from,
        withdrawn_by=of.withdrawn_by,
    )


def case(of: Explained) -> shapes.CaseAnswer:
    """A case in words."""
    return shapes.CaseAnswer(
        version=of.version,
        window=of.spec,
        segment=of.segment,
        alarm=of.alarm,
        severity=of.severity,
        text=list(of.paragraphs),
    )
