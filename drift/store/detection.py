"""What sequential detection leaves behind, in the transaction of the result that it led to.

    detector_states   one row per kept window of a reference and spec: snapshots to go on from, and the newest state
    watches           what each watch knows of its columns
    alarms            raised, updated, ended, retracted

An alarm's row is never deleted but by retention.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, select

from drift.core.alarm import Alarm
from drift.core.commit import AlarmChange, Detection, WindowResult
from drift.core.errors import NotFound
from drift.core.window import Window
from drift.store.rows import AlarmRow
from drift.store.sql import upsert
from drift.store.tables import alarms, detector_states, watches
from drift.store.values import pack

_KEY: Final = ("reference_id", "spec", "segment", "column", "detector", "raised_start")
_STANDS: Final = and_(alarms.c.ended_at.is_(None), alarms.c.retracted_by.is_(None))


def put(c: Connection, results: Sequence[WindowResult]) -> None:
    """Store the detections of results that are sorted by reference, spec and window."""
    last = {(result.reference_id, result.spec): result for result in results if result.detection is not None}
    for result in results:
        if result.detection is None:
            continue
        newest = last[result.reference_id, result.spec] is result
        _put_state(c, result, result.detection, newest=newest)
        _put_abouts(c, result, result.detection)
        _put_alarms(c, result, result.detection.changes)


def _put_state(c: Connection, result: WindowResult, detection: Detection, *, newest: bool) -> None:
    """Drop what is void, write this one, drop what it replaces; what the same commit replaces is not even written."""
    t, window = detector_states, detection.after or result.window
    mine = and_(t.c.reference_id == result.reference_id, t.c.spec == result.spec)
    if detection.drop_states_from is not None:
        c.execute(t.delete().where(mine, t.c.start >= detection.drop_states_from))
    if not (newest or detection.snapshot):
        return
    c.execute(t.delete().where(mine, t.c.start < window.start, ~t.c.snapshot))
    insert = upsert(c, t).values(
        reference_id=result.reference_id, spec=result.spec, start=window.start, end=window.end,
        snapshot=detection.snapshot, blob=detection.state,
    )  # fmt: skip
    new = {name: insert.excluded[name] for name in ("end", "snapshot", "blob")}
    c.execute(insert.on_conflict_do_update(index_elements=["reference_id", "spec", "start"], set_=new))
    oldest = select(func.max(t.c.start)).where(mine, t.c.start < detection.keep_states_after).scalar_subquery()
    c.execute(t.delete().where(mine, t.c.start < oldest))


def _put_abouts(c: Connection, result: WindowResult, detection: Detection) -> None:
    for (segment, detector), blob in sorted(detection.abouts.items()):
        insert = upsert(c, watches).values(
            reference_id=result.reference_id, spec=result.spec, segment=segment, detector=detector, blob=blob
        )
        key = ["reference_id", "spec", "segment", "detector"]
        c.execute(insert.on_conflict_do_update(index_elements=key, set_={"blob": insert.excluded.blob}))


def _put_alarms(c: Connection, result: WindowResult, changes: Iterable[AlarmChange]) -> None:
    """Each change writes the whole row: an alarm that is raised or updated stands, whatever it was before."""
    rows = [_alarm(result, change) for change in changes]
    if not rows:
        return
    insert = upsert(c, alarms)
    new = {name: insert.excluded[name] for name in rows[0] if name not in _KEY}
    c.execute(insert.on_conflict_do_update(index_elements=list(_KEY), set_=new), rows)


def _alarm(result: WindowResult, change: AlarmChange) -> dict[str, Any]:
    alarm = change.alarm
    return {
        "model_id": result.model_id,
        "reference_id": result.reference_id,
        "spec": result.spec,
        "segment": alarm.segment,
        "column": alarm.column,
        "detector": alarm.detector,
        "raised_start": alarm.raised.start,
        "raised_end": alarm.raised.end,
        "severity": alarm.severity.value,
        "onset": alarm.onset,
        "until": alarm.until,
        "direction": alarm.direction,
        "what": alarm.what,
        "snoozed": alarm.snoozed,
        "ended_at": change.at if change.kind == "ended" else None,
        "ended_why": change.why if change.kind in ("ended", "retracted") else "",
        "retracted_by": result.revision if change.kind == "retracted" else None,
        "blob": pack(alarm),
    }


def state(c: Connection, reference_id: int, spec: str, before: int | None) -> tuple[Window, bytes] | None:
    """The newest state taken after a window that started before `before`, or of all."""
    t = detector_states
    statement = select(t.c.start, t.c.end, t.c.blob).where(t.c.reference_id == reference_id, t.c.spec == spec)
    if before is not None:
        statement = statement.where(t.c.start < before)
    row = c.execute(statement.order_by(t.c.start.desc()).limit(1)).one_or_none()
    return (Window(row.start, row.end), row.blob) if row is not None else None


def about(c: Connection, reference_id: int, spec: str, segment: int, detector: str) -> bytes | None:
    """What a watch knows of its columns."""
    t = watches
    one = and_(t.c.reference_id == reference_id, t.c.spec == spec, t.c.segment == segment, t.c.detector == detector)
    return c.execute(select(t.c.blob).where(one)).scalar_one_or_none()


def detectors(c: Connection, reference_id: int, spec: str, segment: int) -> list[str]:
    """Names of the detectors that watch a segment, in alphabetical order."""
    t = watches
    mine = and_(t.c.reference_id == reference_id, t.c.spec == spec, t.c.segment == segment)
    return list(c.execute(select(t.c.detector).where(mine).order_by(t.c.detector)).scalars())


def standing(c: Connection, reference_id: int, spec: str) -> list[AlarmRow]:
    """Alarms of a reference and spec that neither ended nor were retracted, in the order of their keys."""
    mine = and_(alarms.c.reference_id == reference_id, alarms.c.spec == spec, _STANDS)
    order = (alarms.c.segment, alarms.c.column, alarms.c.detector, alarms.c.raised_start)
    return [_row(row) for row in c.execute(select(alarms).where(mine).order_by(*order))]


def listed(
    c: Connection, model_id: int, stands: bool | None, column: str | None, limit: int, before: int | None
) -> list[AlarmRow]:
    """A model's alarms, those stored last first; `stands`: only those, or only the others."""
    where: list[ColumnElement[bool]] = [alarms.c.model_id == model_id]
    if stands is not None:
        where.append(_STANDS if stands else ~_STANDS)
    if column is not None:
        where.append(alarms.c.column == column)
    if before is not None:
        where.append(alarms.c.id < before)
    return [_row(row) for row in c.execute(select(alarms).where(*where).order_by(alarms.c.id.desc()).limit(limit))]


def alarm(c: Connection, alarm_id: int) -> AlarmRow:
    """One alarm.

    Raises:
        NotFound: there is none of this id.
    """
    row = c.execute(select(alarms).where(alarms.c.id == alarm_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no alarm {alarm_id}; `drift alarms MODEL` shows those there are")
    return _row(row)


def _row(row: Any) -> AlarmRow:
    found = msgspec.msgpack.decode(row.blob, type=Alarm)
    return AlarmRow(
        row.id, row.model_id, row.reference_id, row.spec, found, row.ended_at, row.ended_why, row.retracted_by
    )
