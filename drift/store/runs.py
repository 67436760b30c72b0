"""Retrain runs. At most one of a model is in flight: an index of the database sees to it."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from drift.core.alert import AuditEntry, Event, Run, RunState
from drift.core.errors import Conflict, NotFound
from drift.store import access, history
from drift.store.alert_tables import runs
from drift.store.sql import upsert
from drift.store.values import among, clean, plain

_SIDE_BY_SIDE: Final = (
    "trigger", "model_id", "incident_id", "key", "created_at", "changed_at", "tries", "not_before", "started_at",
    "ended_at", "external_id", "url", "error", "who", "why",
)  # fmt: skip
_MOVES: Final = (
    "changed_at", "tries", "not_before", "started_at", "ended_at", "external_id", "url", "error", "who", "why",
)  # fmt: skip
_FLYING: Final = tuple(state for state in RunState if state.in_flight)
_IN_FLIGHT: Final = among(runs.c.state, *_FLYING)


def add(c: Connection, given: Sequence[Run]) -> None:
    """Insert runs; one whose key is there already, or whose model has a run in flight, is left out."""
    if given:
        c.execute(upsert(c, runs).on_conflict_do_nothing(), [_values(run) for run in given])


def put(c: Connection, run: Run, event: Event | None) -> Run:
    """Insert the run that a person asked for, with the event; the same with its id. One whose key is there already is
    returned as it stands.

    Raises:
        Conflict: a run of the model is in flight.
    """
    insert = upsert(c, runs).values(_values(run)).on_conflict_do_nothing().returning(runs.c.id)
    new = c.execute(insert).scalar_one_or_none()
    if new is None:
        return _there(c, run)
    if run.who:
        access.note(c, AuditEntry(run.created_at, run.who, "run.request", f"run {new}", run.why))
    history.add(c, [event] if event is not None else [], run.model_id)
    return one(c, new)


def _there(c: Connection, run: Run) -> Run:
    same = c.execute(select(runs).where(runs.c.key == run.key)).one_or_none()
    if same is not None:
        return _run(same)
    other = c.execute(select(runs.c.id, runs.c.state).where(runs.c.model_id == run.model_id, _IN_FLIGHT)).one_or_none()
    what = f"run {other.id} is {other.state}" if other is not None else "another run was"
    raise Conflict(f"{what} in flight for this model; wait for its end, or deny it, and ask again")


def advance(c: Connection, run: Run, expected: RunState, event: Event | None, entry: AuditEntry | None) -> bool:
    """Write what changes in a run, with the event, if it is `expected` still; whether it was."""
    t = runs
    mine = [t.c.id == run.id, t.c.state == expected.value]
    if run.state.in_flight and not expected.in_flight:
        busy = t.alias()
        mine.append(~select(busy.c.id).where(busy.c.model_id == run.model_id, among(busy.c.state, *_FLYING)).exists())
    moved = clean({name: getattr(run, name) for name in _MOVES}) | {"state": run.state.value}
    if c.execute(t.update().where(*mine).values(moved)).rowcount != 1:
        return False
    if entry is not None:
        access.note(c, entry)
    history.add(c, [event] if event is not None else [], run.model_id)
    return True


def one(c: Connection, run_id: int) -> Run:
    """One run.

    Raises:
        NotFound: there is none of this id.
    """
    row = c.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no run {run_id}; it may have been removed by retention")
    return _run(row)


def listed(
    c: Connection, model_id: int | None, states: Collection[RunState] | None, incident_id: int | None,
    trigger: str | None, limit: int, before: int | None,
) -> list[Run]:  # fmt: skip
    """Runs, newest first."""
    t = runs
    where: list[ColumnElement[bool]] = []
    for column, value in ((t.c.model_id, model_id), (t.c.incident_id, incident_id), (t.c.trigger, trigger)):
        if value is not None:
            where.append(column == value)
    if states is not None:
        where.append(among(t.c.state, *sorted(states)))
    if before is not None:
        where.append(t.c.id < before)
    return [_run(row) for row in c.execute(select(t).where(*where).order_by(t.c.id.desc()).limit(limit))]


def counts(c: Connection) -> dict[tuple[int, str, str], int]:
    """How many runs are kept: (model, trigger, state) → n."""
    by = runs.c.model_id, runs.c.trigger, runs.c.state
    return {(row[0], row[1], row[2]): row[3] for row in c.execute(select(*by, func.count()).group_by(*by))}


def _values(run: Run) -> dict[str, Any]:
    values = clean({name: getattr(run, name) for name in _SIDE_BY_SIDE})
    conf = msgspec.json.encode(run.conf, enc_hook=plain).decode()
    return values | {"state": run.state.value, "conf": conf}


def _run(row: Any) -> Run:
    conf = msgspec.json.decode(row.conf, type=dict[str, Any])
    return Run(**{**row._mapping, "state": RunState(row.state), "conf": conf})  # noqa: SLF001  public API
