"""Stored judgements: one blob per window, revision and segment; rows only for breaches."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, select

from drift.core.commit import WindowResult
from drift.core.performance import Performance
from drift.core.result import Judgement, Outcome, WindowState
from drift.core.window import Window
from drift.store.packing import Axes, pack, pack_performance, unpack, unpack_performance
from drift.store.rows import BreachRow, SeriesPoint
from drift.store.sql import slices, upsert
from drift.store.tables import axes, breaches, results, windows

KnownAxes = dict[int, Axes]
"""Axes already read, by id: they are immutable."""


def add(c: Connection, stored: Sequence[tuple[int, WindowResult]]) -> None:
    """Insert the judgements and breaches of results whose windows have these ids."""
    parts = [(w, r, segment, judgement) for w, r in stored for segment, judgement in sorted(r.judgements.items())]
    ids = _axes_ids(c, (judgement for *_, judgement in parts))
    if parts:
        c.execute(results.insert(), [_result(*part, ids) for part in parts])
    performed = [_performed(w, r, segment) for w, r, segment, _ in parts if segment in r.performances]
    if performed:
        c.execute(_PERFORMANCE, performed)
    broken = [row for part in parts for row in _breaches(*part)]
    if broken:
        c.execute(breaches.insert(), broken)


def prune(c: Connection, kept: Iterable[tuple[int, int | None, int]]) -> None:
    """(window id, first final revision, latest revision): everything between and before goes."""
    rows = [{"w": window_id, "first": first or latest, "latest": latest} for window_id, first, latest in kept]
    if not rows:
        return
    for table in (results, breaches):
        old = and_(
            table.c.window_id == bindparam("w"),
            table.c.revision != bindparam("first"),
            table.c.revision != bindparam("latest"),
        )
        c.execute(table.delete().where(old), rows)


def judgements(
    c: Connection, window_id: int, segment: int | None, revision: int | None, known: KnownAxes
) -> dict[int, Judgement]:
    """Segment → judgement, of the latest revision or of the one asked for."""
    latest = select(windows.c.revision).where(windows.c.id == window_id).scalar_subquery()
    where = [results.c.window_id == window_id, results.c.revision == (latest if revision is None else revision)]
    if segment is not None:
        where.append(results.c.segment == segment)
    rows = c.execute(select(results).where(*where).order_by(results.c.segment)).all()
    return {row.segment: unpack(row.blob, load_axes(c, row.axes_id, known), row.rows, row.outcome) for row in rows}


def performances(c: Connection, window_ids: Iterable[int], segment: int | None) -> dict[tuple[int, int], Performance]:
    """(window id, segment) → performance of the latest revision; of one segment, or of all."""
    found: dict[tuple[int, int], Performance] = {}
    for some in slices(window_ids):
        latest = and_(results.c.window_id == windows.c.id, results.c.revision == windows.c.revision)
        where: list[ColumnElement[bool]] = [windows.c.id.in_(some), results.c.performance.is_not(None)]
        if segment is not None:
            where.append(results.c.segment == segment)
        columns = (results.c.window_id, results.c.segment, results.c.performance)
        for row in c.execute(select(*columns).join(windows, latest).where(*where).order_by(results.c.segment)):
            found[row.window_id, row.segment] = unpack_performance(row.performance)
    return found


def mature(blob: bytes) -> bool:
    """Whether a stored performance is of a window whose labels are mature."""
    return unpack_performance(blob).mature


def load_axes(c: Connection, axes_id: int, known: KnownAxes) -> Axes:
    """The names of a result's columns and statistics."""
    if axes_id not in known:
        known[axes_id] = Axes.load(c.execute(select(axes.c.blob).where(axes.c.id == axes_id)).scalar_one())
    return known[axes_id]


def point(row: Any, names: Axes | None, column: str, statistic: str) -> SeriesPoint:
    """One number of a window's result; `row` is of `windows` joined with its `results`."""
    value = threshold = math.nan
    outcome = Outcome.INSUFFICIENT_DATA
    if names is not None and column in names.column:
        judgement = unpack(row.blob, names, row.rows, row.outcome)
        at = names.column[column]
        outcome = Outcome(int(judgement.outcomes[at]))
        if statistic in names.statistic:
            cell = at, names.statistic[statistic]
            value, threshold = float(judgement.values[cell]), float(judgement.thresholds[cell])
    window, state = Window(row.start, row.end), WindowState(row.state)
    rows = row.rows if row.segment_rows is None else row.segment_rows
    return SeriesPoint(row.id, row.reference_id, window, value, threshold, outcome, rows, state)


def broken(
    c: Connection, model_id: int | None, window_id: int | None, limit: int, before: int | None
) -> list[BreachRow]:
    """Breaches of latest results, those stored last first."""
    current = and_(breaches.c.window_id == windows.c.id, breaches.c.revision == windows.c.revision)
    columns = (windows.c.reference_id, windows.c.spec, windows.c.start, windows.c.end, windows.c.state)
    statement = select(breaches, *columns).join(windows, current)
    for column, value in ((breaches.c.model_id, model_id), (breaches.c.window_id, window_id)):
        if value is not None:
            statement = statement.where(column == value)
    if before is not None:
        statement = statement.where(breaches.c.id < before)
    return [_breach(row) for row in c.execute(statement.order_by(breaches.c.id.desc()).limit(limit))]


def _axes_ids(c: Connection, some: Iterable[Judgement]) -> dict[tuple[tuple[str, ...], tuple[str, ...]], int]:
    """The ids of the judgements' axes, inserted where they are new; sorted, so that two writers lock alike."""
    wanted = {(j.columns, j.statistics): j for j in some}
    ids = {}
    for key, found in sorted(((key, Axes.of(j)) for key, j in wanted.items()), key=lambda pair: pair[1].digest):
        c.execute(upsert(c, axes).values(digest=found.digest, blob=found.blob).on_conflict_do_nothing())
        ids[key] = c.execute(select(axes.c.id).where(axes.c.digest == found.digest)).scalar_one()
    return ids


def _result(
    window_id: int,
    result: WindowResult,
    segment: int,
    judgement: Judgement,
    ids: dict[tuple[tuple[str, ...], tuple[str, ...]], int],
) -> dict[str, Any]:
    return {
        "window_id": window_id,
        "revision": result.revision,
        "segment": segment,
        "state": result.state.value,
        "rows": judgement.rows,
        "outcome": int(judgement.outcome),
        "evaluated_at": result.evaluated_at,
        "axes_id": ids[judgement.columns, judgement.statistics],
        "blob": pack(judgement),
    }


_PERFORMANCE = (
    results.update()
    .where(
        results.c.window_id == bindparam("w"), results.c.revision == bindparam("r"), results.c.segment == bindparam("s")
    )
    .values(performance=bindparam("packed"))
)


def _performed(window_id: int, result: WindowResult, segment: int) -> dict[str, Any]:
    return {
        "w": window_id, "r": result.revision, "s": segment, "packed": pack_performance(result.performances[segment]),
    }  # fmt: skip


def _breaches(window_id: int, result: WindowResult, segment: int, judgement: Judgement) -> Iterable[dict[str, Any]]:
    for breach in judgement.breaches:
        yield {
            "window_id": window_id,
            "revision": result.revision,
            "segment": segment,
            "model_id": result.model_id,
            "column": breach.column,
            "statistic": breach.statistic,
            "value": breach.value,
            "threshold": breach.threshold,
            "rule": breach.rule,
            "direction": breach.direction,
        }


def _breach(row: Any) -> BreachRow:
    value, threshold = (math.nan if number is None else number for number in (row.value, row.threshold))
    return BreachRow(
        row.id, row.model_id, row.reference_id, row.window_id, row.spec, Window(row.start, row.end),
        WindowState(row.state), row.segment, row.column, row.statistic, value, threshold, row.rule, row.direction,
    )  # fmt: skip
