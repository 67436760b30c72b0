"""What is to be evaluated, and what came of it: dirty panes become stale windows, stale windows get results.

    dirty ── mark_stale ──> windows(stale, dirt + 1) ── pending ──> judged ── commit ──> windows(revision + 1), results

Each arrow is one transaction under the lease; what arrives between two of them stays dirty or stale.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select, tuple_

from drift.core.commit import EvaluationCommit, WindowResult
from drift.core.errors import Fenced, NotFound
from drift.core.result import Outcome, WindowState
from drift.core.window import Window
from drift.store import alerting, detection, results
from drift.store.rows import Dirty, SeriesPoint, WindowRow
from drift.store.sql import now, slices, upsert
from drift.store.tables import dirty as marks
from drift.store.tables import results as result_rows
from drift.store.tables import windows

Cursor = tuple[int, int]
"""(end, id) of the last row of the page before."""
Touched = tuple[int, int, str, Window, int]
"""Model id, reference id, spec, window, new rows."""


def dirty(c: Connection, limit: int) -> list[Dirty]:
    """Panes that commits touched, oldest mark first."""
    columns = (marks.c.id, marks.c.model_id, marks.c.reference_id, marks.c.start, marks.c.rows)
    return [Dirty(*row) for row in c.execute(select(*columns).order_by(marks.c.id).limit(limit))]


def mark_stale(c: Connection, dirty_ids: Iterable[int], touched: Iterable[Touched]) -> None:
    """Turn marks on panes into marks on windows, and delete exactly those on the panes."""
    insert = upsert(c, windows)
    statement = insert.on_conflict_do_update(
        index_elements=["reference_id", "spec", "start"],
        set_={
            "stale": True,
            "pending": True,
            "stale_since": func.coalesce(windows.c.stale_since, insert.excluded.stale_since),
            "dirt": windows.c.dirt + 1,
            "new_rows": windows.c.new_rows + insert.excluded.new_rows,
        },
    )
    since = c.execute(select(now())).scalar_one()
    rows = [_open(*window) | {"stale_since": since} for window in sorted(touched, key=lambda w: (w[1], w[2], w[3]))]
    if rows:
        c.execute(statement, rows)
    forget_dirty(c, dirty_ids)


def forget_dirty(c: Connection, ids: Iterable[int]) -> None:
    """Delete exactly these marks."""
    for some in slices(ids):
        c.execute(marks.delete().where(marks.c.id.in_(some)))


def _open(model_id: int, reference_id: int, spec: str, window: Window, rows: int) -> dict[str, Any]:
    return {
        "model_id": model_id, "reference_id": reference_id, "spec": spec, "start": window.start, "end": window.end,
        "revision": 0, "rows": 0, "dirt": 1, "new_rows": rows, "stale": True, "pending": True, "reason": "",
    }  # fmt: skip


def pending(c: Connection, model_id: int | None, limit: int, after: Cursor | None) -> list[WindowRow]:
    """Windows that are stale, never judged or provisional, oldest end first."""
    statement = select(windows).where(windows.c.pending)
    if model_id is not None:
        statement = statement.where(windows.c.model_id == model_id)
    if after is not None:
        statement = statement.where(tuple_(windows.c.end, windows.c.id) > after)
    return _listed(c, statement.order_by(windows.c.end, windows.c.id).limit(limit))


def commit(c: Connection, batch: EvaluationCommit) -> None:
    """Store results: the window's row, its judgements and breaches; drop all older ones but the first final. What
    sequential detection and alerting leave behind is stored with them.

    Raises:
        Fenced: a window has this revision already.
    """
    forget_dirty(c, batch.dirty_ids)
    ordered = sorted(batch.results, key=lambda result: (result.reference_id, result.spec, result.window))
    stored = [(result, *_put(c, result)) for result in ordered]
    results.add(c, [(window_id, result) for result, window_id, _ in stored])
    results.prune(
        c, [(window_id, first, result.revision) for result, window_id, first in stored if result.revision > 1]
    )
    detection.put(c, ordered)
    if batch.alerting is not None:
        alerting.commit(c, batch.alerting)


def _put(c: Connection, result: WindowResult) -> tuple[int, int | None]:
    """The window's id and the revision of its first final result."""
    insert = upsert(c, windows).values(_judged(result))
    new = insert.excluded
    dirtier = windows.c.dirt > result.dirt
    changed = {column: new[column] for column in ("revision", "state", "rows", "evaluated_at", "outcome", "reason")}
    statement = insert.on_conflict_do_update(
        index_elements=["reference_id", "spec", "start"],
        set_=changed
        | {
            "stale": dirtier,
            "stale_since": case((dirtier, windows.c.stale_since), else_=None),
            "new_rows": case((dirtier, windows.c.new_rows), else_=0),
            "first_final": func.coalesce(windows.c.first_final, new.first_final),
            "pending": or_(dirtier, new.pending),
        },
        where=windows.c.revision < new.revision,
    ).returning(windows.c.id, windows.c.first_final)
    row = c.execute(statement).one_or_none()
    if row is None:
        raise Fenced(f"window {result.spec} {result.window} has revision {result.revision} already; read it again")
    return row.id, row.first_final


def _judged(result: WindowResult) -> dict[str, Any]:
    whole = result.judgements.get(0)
    outcome = whole.outcome if whole is not None else Outcome.INSUFFICIENT_DATA
    return {
        "model_id": result.model_id,
        "reference_id": result.reference_id,
        "spec": result.spec,
        "start": result.window.start,
        "end": result.window.end,
        "revision": result.revision,
        "state": result.state.value,
        "rows": result.rows,
        "dirt": result.dirt,
        "new_rows": 0,
        "stale": False,
        "evaluated_at": result.evaluated_at,
        "outcome": int(outcome),
        "reason": result.reason or (whole.reason if whole is not None else ""),
        "first_final": result.revision if result.state is WindowState.FINAL else None,
        "pending": result.state is WindowState.PROVISIONAL,
    }


def listed(
    c: Connection, model_id: int, spec: str | None, state: WindowState | None, limit: int, before: Cursor | None
) -> list[WindowRow]:
    """A model's windows, newest end first."""
    where = [windows.c.model_id == model_id]
    if spec is not None:
        where.append(windows.c.spec == spec)
    if state is not None:
        where.append(windows.c.state == state.value)
    return _listed(c, page(select(windows).where(*where), limit, before))


def page(statement: Select[Any], limit: int, before: Cursor | None) -> Select[Any]:
    """One page, newest window first."""
    if before is not None:
        statement = statement.where(tuple_(windows.c.end, windows.c.id) < before)
    return statement.order_by(windows.c.end.desc(), windows.c.id.desc()).limit(limit)


def window(c: Connection, window_id: int) -> WindowRow:
    """One window.

    Raises:
        NotFound: there is none of this id.
    """
    found = _listed(c, select(windows).where(windows.c.id == window_id))
    if not found:
        raise NotFound(f"there is no window {window_id}; it may have been removed by retention")
    return found[0]


def latest_final(c: Connection, model_id: int) -> list[WindowRow]:
    """For each reference and spec of a model: its newest final window."""
    mine: ColumnElement[bool] = and_(windows.c.model_id == model_id, windows.c.state == WindowState.FINAL.value)
    key = (windows.c.reference_id, windows.c.spec)
    newest = select(*key, func.max(windows.c.end).label("end")).where(mine).group_by(*key).subquery()
    same = and_(*(windows.c[name] == newest.c[name] for name in ("reference_id", "spec", "end")))
    return _listed(c, select(windows).join(newest, same).where(mine).order_by(*key))


def evaluated(c: Connection, model_id: int, most: int) -> dict[tuple[int, str], int]:
    """(reference, spec) → when one of the newest `most` windows of the model was judged last, if it is final."""
    t = windows
    columns = (t.c.reference_id, t.c.spec, t.c.state, t.c.evaluated_at)
    newest = (
        select(*columns).where(t.c.model_id == model_id).order_by(t.c.end.desc(), t.c.id.desc()).limit(most).subquery()
    )
    key = (newest.c.reference_id, newest.c.spec)
    statement = select(*key, func.max(newest.c.evaluated_at).label("at")).where(
        newest.c.state == WindowState.FINAL.value
    )
    return {(row.reference_id, row.spec): row.at or 0 for row in c.execute(statement.group_by(*key))}


def newest_mature(c: Connection, reference_id: int, spec: str, until: int, most: int) -> WindowRow | None:
    """The newest of about `most` final windows that end by then, of whose latest result the labels are mature."""
    t = windows
    latest = and_(result_rows.c.window_id == t.c.id, result_rows.c.revision == t.c.revision)
    mine = and_(t.c.reference_id == reference_id, t.c.spec == spec, t.c.state == WindowState.FINAL.value)
    performed = and_(result_rows.c.segment == 0, result_rows.c.performance.is_not(None))
    statement = select(t, result_rows.c.performance).join(result_rows, latest).where(mine, performed)
    for _ in range(0, most, _PAGE):
        rows = c.execute(statement.where(t.c.end <= until).order_by(t.c.end.desc()).limit(_PAGE)).all()
        for row in rows:
            if results.mature(row.performance):
                return window_of(row)
        if len(rows) < _PAGE:
            return None
        until = rows[-1].end - 1
    return None


def final_windows(c: Connection, reference_id: int, spec: str, start: int, end: int) -> list[Window]:
    """Final windows with rows that start within [start, end), ascending."""
    t = windows
    mine = and_(t.c.reference_id == reference_id, t.c.spec == spec, t.c.state == WindowState.FINAL.value, t.c.rows > 0)
    statement = select(t.c.start, t.c.end).where(mine, t.c.start >= start, t.c.start < end).order_by(t.c.start)
    return [Window(row.start, row.end) for row in c.execute(statement)]


def series(
    c: Connection, model_id: int, spec: str, column: str, statistic: str, segment: int, limit: int,
    before: Cursor | None, known: results.KnownAxes,
) -> list[SeriesPoint]:  # fmt: skip
    """One number of each judged window, newest first."""
    t = result_rows
    latest = and_(t.c.window_id == windows.c.id, t.c.revision == windows.c.revision, t.c.segment == segment)
    mine = and_(windows.c.model_id == model_id, windows.c.spec == spec, windows.c.state.is_not(None))
    statement = select(windows, t.c.blob, t.c.axes_id, t.c.rows.label("segment_rows")).outerjoin(t, latest).where(mine)
    return [
        results.point(row, None if row.axes_id is None else results.load_axes(c, row.axes_id, known), column, statistic)
        for row in c.execute(page(statement, limit, before)).all()
    ]


def _listed(c: Connection, statement: Select[Any]) -> list[WindowRow]:
    return [window_of(row) for row in c.execute(statement)]


def window_of(row: Row[Any]) -> WindowRow:
    """A row of `windows` as a value."""
    return WindowRow(
        window=Window(row.start, row.end),
        state=WindowState(row.state) if row.state is not None else None,
        outcome=Outcome(row.outcome) if row.outcome is not None else None,
        **{key: row._mapping[key] for key in _PLAIN},  # noqa: SLF001  public API
    )


_PAGE: Final = 50
_PLAIN: Sequence[str] = (
    "id", "model_id", "reference_id", "spec", "revision", "rows", "dirt", "new_rows", "stale", "stale_since",
    "evaluated_at", "reason", "first_final",
)  # fmt: skip
