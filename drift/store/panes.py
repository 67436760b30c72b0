"""Reading sums: whatever addends lie in a stretch of event time, read in one statement and added."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from drift.core.catalogue import Reference
from drift.core.clock import HOUR
from drift.core.fields import FieldsSeen, FieldSums
from drift.core.outcome.sums import Outcomes
from drift.core.profile import Profile, Sums, join
from drift.core.sample import RowSample
from drift.core.window import Window
from drift.store.rows import PaneRow, PaneTotal, Totals
from drift.store.tables import FIELDS, OUTCOMES, SAMPLE, dead_letter_counts, gaps, panes, partitions

LONGEST_TIER: Final = 26 * HOUR
"""A day has at most 25 hours."""


def profile(c: Connection, reference: Reference, start: int, end: int, *, outcomes: bool = True) -> PaneTotal:
    """The sum of all tiers in [start, end). One statement, so that folding meanwhile is seen whole or not at all."""
    columns = (
        panes.c.block,
        panes.c.rows,
        panes.c.late,
        panes.c.foreign_rows,
        panes.c.start,
        panes.c.end,
        panes.c.blob,
    )
    summed = or_(panes.c.block >= 0, panes.c.block == OUTCOMES) if outcomes else panes.c.block >= 0
    statement = select(*columns).where(overlaps(reference.id, start, end), summed)
    blocks: dict[int, Sums] = {}
    rows = late = foreign = 0
    straddles = False
    # in batches from the server, so that a month of deltas is not held at once
    for row in c.execute(statement, execution_options={"yield_per": 64}):
        if row.start < start or row.end > end:
            straddles = True
            continue
        sums = Sums.load(row.blob)
        blocks[row.block] = blocks[row.block] + sums if row.block in blocks else sums
        rows, late, foreign = rows + row.rows, late + row.late, foreign + row.foreign_rows
    met = blocks.pop(OUTCOMES, None)
    known = None if met is None or reference.grid.outcomes is None else Outcomes(reference.grid, met)
    if not blocks:
        return PaneTotal(None, rows, late, foreign, straddles, known)
    whole = Profile(reference.grid, join(reference.grid, [blocks[i] for i in sorted(blocks)]), known)
    return PaneTotal(whole, rows, late, foreign, straddles, known)


def sample(c: Connection, reference_id: int, start: int, end: int) -> RowSample | None:
    """The row sample of [start, end); None where none is kept. Hours and days that reach over an edge are left out."""
    inside = and_(panes.c.block == SAMPLE, panes.c.start >= start, panes.c.end <= end)
    statement = select(panes.c.blob).where(overlaps(reference_id, start, end), inside)
    whole: RowSample | None = None
    for row in c.execute(statement, execution_options={"yield_per": 64}):
        part = RowSample.load(row.blob)
        whole = part if whole is None else RowSample.merge((whole, part))
    return whole


def fields(c: Connection, reference_id: int, start: int, end: int) -> FieldsSeen:
    """Unknown fields seen in [start, end); hours and days that reach over an edge are left out."""
    inside = and_(panes.c.block == FIELDS, panes.c.start >= start, panes.c.end <= end)
    statement = select(panes.c.start, panes.c.end, panes.c.blob).where(overlaps(reference_id, start, end), inside)
    sums, first, last = FieldSums(), dict[str, int](), dict[str, int]()
    for row in c.execute(statement, execution_options={"yield_per": 256}):
        part = FieldSums.load(row.blob)
        sums = FieldSums.merge((sums, part))
        for name in part.seen:
            first[name] = min(first.get(name, row.start), row.start)
            last[name] = max(last.get(name, row.end), row.end)
    names = sums.seen.keys()
    return FieldsSeen(sums, {name: first[name] for name in names}, {name: last[name] for name in names})


def count(c: Connection, reference_id: int, start: int, end: int) -> PaneTotal:
    """The same without the profile: cheap, for deciding whether a revision is worth it."""
    inside = and_(panes.c.start >= start, panes.c.end <= end)
    sums = [func.coalesce(func.sum(column), 0) for column in (panes.c.rows, panes.c.late, panes.c.foreign_rows)]
    row = c.execute(select(*sums).where(overlaps(reference_id, start, end), inside)).one()
    outside = select(panes.c.id).where(overlaps(reference_id, start, end), ~inside).limit(1)
    return PaneTotal(None, int(row[0]), int(row[1]), int(row[2]), c.execute(outside).first() is not None)


def listed(c: Connection, reference_id: int, start: int, end: int, limit: int) -> list[PaneRow]:
    """The addends themselves, in order of time."""
    columns = [column for column in panes.c if column.name != "blob"]
    statement = select(*columns, func.length(panes.c.blob).label("size")).where(overlaps(reference_id, start, end))
    order = (panes.c.start, panes.c.tier, panes.c.block, panes.c.id)
    return [_pane(row) for row in c.execute(statement.order_by(*order).limit(limit))]


def totals(c: Connection, model_id: int | None) -> Totals:
    """How much was read, counted, refused and lost."""
    sums = [func.coalesce(func.sum(column), 0) for column in (panes.c.rows, panes.c.late, panes.c.foreign_rows)]
    statement = select(*sums)
    if model_id is not None:
        rows, late, foreign = map(int, c.execute(statement.where(panes.c.model_id == model_id)).one())
        return Totals(None, rows, late, foreign, None, None)
    rows, late, foreign = map(int, c.execute(statement).one())
    lost = gaps.c.last - gaps.c.first + 1
    whole = [
        int(c.execute(select(func.coalesce(func.sum(column), 0))).scalar_one())
        for column in (partitions.c.records, dead_letter_counts.c.count, lost)
    ]
    return Totals(whole[0], rows, late, foreign, whole[1], whole[2])


def overlaps(reference_id: int, start: int, end: int) -> ColumnElement[bool]:
    """Addends in the stretch, and hours and days that reach into it from before."""
    from_before = and_(panes.c.tier > 0, panes.c.end > start)
    near = and_(panes.c.start >= start - LONGEST_TIER, panes.c.start < end)
    return and_(panes.c.reference_id == reference_id, near, or_(panes.c.start >= start, from_before))


def _pane(row: Any) -> PaneRow:
    window = Window(row.start, row.end)
    return PaneRow(row.id, window, row.tier, row.block, row.rows, row.late, row.foreign_rows, row.size)
