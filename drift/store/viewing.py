"""What the web page asks of many models or windows at once: every statement walks an index, every list is bounded."""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, and_, func, select

from drift.core.alarm import Severity
from drift.core.baseline import Stretch
from drift.core.catalogue import Reference
from drift.core.errors import NotFound
from drift.core.grid import BLOCK_COLUMNS, Grid
from drift.core.profile import Profile, Sums
from drift.core.result import Judgement, WindowState
from drift.core.window import Window
from drift.store import results
from drift.store.catalogue import WHOLE
from drift.store.evaluation import window_of
from drift.store.packing import unpack
from drift.store.panes import overlaps
from drift.store.rows import WindowRow
from drift.store.sql import slices
from drift.store.tables import alarms, models, panes, reference_sums, stretches, windows
from drift.store.tables import results as result_rows


@dataclass(frozen=True, slots=True)
class Standing:
    """Alarms of one model that stand and are not snoozed."""

    pages: int = 0
    warnings: int = 0
    since: int | None = None
    """Earliest onset, event time."""


def newest_final(c: Connection, cuts: Collection[tuple[int, str]]) -> dict[tuple[int, str], WindowRow]:
    """(model id, spec) → its newest final window, whatever its reference; without an entry where there is none.

    One statement per spec and 500 models; each walks the index once per model.
    """
    by_spec: dict[str, list[int]] = {}
    for model_id, spec in sorted(cuts):
        by_spec.setdefault(spec, []).append(model_id)
    found: dict[tuple[int, str], WindowRow] = {}
    for spec, ids in by_spec.items():
        for some in slices(ids):
            found.update({(row.model_id, spec): window_of(row) for row in c.execute(_newest(spec, some))})
    return found


def _newest(spec: str, model_ids: Collection[int]) -> Select[Any]:
    t = windows.alias("of_model")
    last = (
        select(t.c.id)
        .where(t.c.model_id == models.c.id, t.c.spec == spec, t.c.state == WindowState.FINAL.value)
        .order_by(t.c.end.desc())
        .limit(1)
        .scalar_subquery()
    )
    ids = select(last.label("id")).where(models.c.id.in_(model_ids)).subquery()
    return select(windows).join(ids, windows.c.id == ids.c.id)


def standing_by_model(c: Connection) -> dict[int, Standing]:
    """Model id → its alarms that stand."""
    t = alarms
    stands = and_(t.c.ended_at.is_(None), t.c.retracted_by.is_(None), t.c.snoozed.is_(False))
    statement = (
        select(t.c.model_id, t.c.severity, func.count(), func.min(t.c.onset))
        .where(stands)
        .group_by(t.c.model_id, t.c.severity)
    )
    found: dict[int, Standing] = {}
    for model_id, severity, count, onset in c.execute(statement):
        before = found.get(model_id, Standing())
        page = severity == Severity.PAGE.value
        found[model_id] = Standing(
            before.pages + (count if page else 0),
            before.warnings + (0 if page else count),
            onset if before.since is None else min(before.since, onset),
        )
    return found


def recent(c: Connection, cuts: Collection[tuple[int, str]], limit: int) -> dict[tuple[int, str], list[WindowRow]]:
    """(model id, spec) → its newest windows that were judged, newest first. At most a page of models is asked for."""
    t = windows
    found: dict[tuple[int, str], list[WindowRow]] = {}
    for model_id, spec in sorted(cuts):
        mine = and_(t.c.model_id == model_id, t.c.spec == spec, t.c.state.is_not(None))
        rows = c.execute(select(t).where(mine).order_by(t.c.end.desc(), t.c.id.desc()).limit(limit))
        found[model_id, spec] = [window_of(row) for row in rows]
    return found


def judged(c: Connection, window_ids: Collection[int], segment: int, known: results.KnownAxes) -> dict[int, Judgement]:
    """Window id → the judgement of one segment, of its latest revision."""
    t = result_rows
    latest = and_(t.c.window_id == windows.c.id, t.c.revision == windows.c.revision)
    found: dict[int, Judgement] = {}
    for some in slices(window_ids):
        statement = select(t).join(windows, latest).where(windows.c.id.in_(some), t.c.segment == segment)
        for row in c.execute(statement).all():
            names = results.load_axes(c, row.axes_id, known)
            found[row.window_id] = unpack(row.blob, names, row.rows, row.outcome)
    return found


def column_profiles(c: Connection, reference: Reference, at: int, wanted: Sequence[Window]) -> list[Profile | None]:
    """For each stretch, ascending: its sums of the block that holds a column, on that block's grid; None: no rows.

    One statement over the panes from the first stretch to the last. Panes that reach over an edge belong to none.
    """
    if not wanted:
        return []
    block, grid = block_of(reference, at)
    t = panes
    inside = overlaps(reference.id, wanted[0].start, max(one.end for one in wanted))
    statement = select(t.c.start, t.c.end, t.c.blob).where(inside, t.c.block == block)
    found: list[Sums | None] = [None] * len(wanted)
    starts = [one.start for one in wanted]
    for row in c.execute(statement, execution_options={"yield_per": 256}):
        sums: Sums | None = None
        place = bisect_right(starts, row.start) - 1
        while place >= 0 and wanted[place].end > row.start:
            if row.end <= wanted[place].end:
                sums = sums or _bare(Sums.load(row.blob))
                before = found[place]
                if before is None:
                    found[place] = sums.copy()
                else:
                    before.absorb(sums)
            place -= 1
    return [None if one is None else Profile(grid, one) for one in found]


def block_of(reference: Reference, at: int) -> tuple[int, Grid]:
    """Number and grid of the block that holds a column; the column is at `at % BLOCK_COLUMNS` in it."""
    number = at // BLOCK_COLUMNS
    return number, reference.grid.blocks[number]


def reference_column(c: Connection, reference: Reference, at: int) -> Profile:
    """The reference's own sums of the block that holds a column, on that block's grid.

    Raises:
        NotFound: they are not there.
    """
    block, grid = block_of(reference, at)
    t = reference_sums
    mine = select(t.c.blob).where(t.c.reference_id == reference.id, t.c.chunk == WHOLE, t.c.block == block)
    blob = c.execute(mine).scalar_one_or_none()
    if blob is None:
        raise NotFound(f"reference {reference.id} keeps no sums of its columns from {block * BLOCK_COLUMNS} on")
    return Profile(grid, _bare(Sums.load(blob)))


def _bare(sums: Sums) -> Sums:
    """Without products of columns, which belong to the whole grid."""
    return replace(sums, cross=np.zeros(0, np.int64)) if sums.cross.size else sums


def reference_column_stretches(c: Connection, reference: Reference, at: int) -> list[Stretch]:
    """The reference's own stretches of time, ascending, with the sums of the block that holds a column."""
    block, _ = block_of(reference, at)
    t = reference_sums
    mine = and_(t.c.reference_id == reference.id, t.c.chunk >= 0, t.c.block == block)
    rows = c.execute(select(t.c.start, t.c.end, t.c.blob).where(mine).order_by(t.c.chunk))
    return [Stretch(Window(row.start, row.end), _bare(Sums.load(row.blob))) for row in rows]


def answer_column_stretches(c: Connection, reference: Reference, at: int, answer_id: int, spec: str) -> list[Stretch]:
    """The windows that an answer keeps, ascending, with the sums of the block that holds a column."""
    block, _ = block_of(reference, at)
    t = stretches
    mine = and_(t.c.answer_id == answer_id, t.c.spec == spec, t.c.block == block)
    rows = c.execute(select(t.c.start, t.c.end, t.c.blob).where(mine).order_by(t.c.start))
    return [Stretch(Window(row.start, row.end), _bare(Sums.load(row.blob))) for row in rows]
