"""Fewer addends, the same sums. Each step deletes exactly the ids that it added up and inserts their sum.

    tier 0   deltas of a pane    fold      one per pane
             panes               compact   hours, then days, cut from midnight to midnight in the model's zone
    late     a delta in an hour or day that exists already is added to it by the next compaction

A delta that arrives while its pane is being folded is not among the ids read, and stays.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, select

from drift.core.catalogue import Reference
from drift.core.clock import DAY, HOUR
from drift.core.fields import FieldSums
from drift.core.profile import Sums
from drift.core.sample import RowSample
from drift.core.window import Window, WindowSpec
from drift.store.sql import slices
from drift.store.tables import FIELDS, OUTCOMES, SAMPLE, models, panes

PANE, HOURS, DAYS = range(3)
_COUNTERS: Final = ("rows", "late", "foreign_rows")
_FOLD: Final = {SAMPLE: RowSample.fold, FIELDS: FieldSums.fold}
"""What is no sum of a grid's."""
_LEADING: Final = panes.c.block.in_((0, OUTCOMES))
"""Each delta has one of them, or both: labels come without rows."""


def crowded(c: Connection, reference: Reference, before: int, limit: int) -> list[Window]:
    """Panes that began before `before` and have more than one delta, oldest first."""
    key = (panes.c.start, panes.c.end)
    mine = and_(panes.c.reference_id == reference.id, panes.c.tier == PANE, _LEADING, panes.c.start < before)
    several = select(*key).where(mine).group_by(*key, panes.c.block).having(func.count() > 1)
    statement = several.distinct().order_by(*key).limit(limit)
    return [Window(row.start, row.end) for row in c.execute(statement)]


def fold_pane(c: Connection, reference: Reference, pane: Window) -> None:
    """Fold the deltas of one pane."""
    deltas = and_(panes.c.start == pane.start, panes.c.end == pane.end, panes.c.tier == PANE)
    _merge(c, reference, pane, deltas, PANE)


def due(c: Connection, reference: Reference, tier: int, before: int, limit: int) -> list[Window]:
    """Hours or days that end by `before` and hold finer addends, oldest first.

    An addend that reaches over their edge (cut when the model had another zone) stays as it is.
    """
    zone, found = _zone(c, reference), dict[Window, None]()
    key = (panes.c.start, panes.c.end)
    finer = and_(panes.c.reference_id == reference.id, panes.c.tier < tier, _LEADING, panes.c.start < before)
    for row in c.execute(select(*key).where(finer).distinct().order_by(*key)):
        if len(found) >= limit:
            break
        window = _cut(zone, row.start, tier)
        if row.end <= window.end <= before:
            found[window] = None
    return list(found)


def compact_one(c: Connection, reference: Reference, tier: int, window: Window) -> None:
    """Put everything within one hour or day into one addend."""
    _merge(
        c, reference, window, and_(panes.c.start >= window.start, panes.c.end <= window.end, panes.c.tier <= tier), tier
    )


def _zone(c: Connection, reference: Reference) -> str:
    return str(c.execute(select(models.c.zone).where(models.c.id == reference.model_id)).scalar_one())


def _cut(zone: str, time: int, tier: int) -> Window:
    """The local day that holds a moment, or its hour counted from local midnight; the last hour may be shorter."""
    day = next(iter(WindowSpec("1d", DAY, DAY, calendar=True, zone=zone).covering(time)))
    if tier == DAYS:
        return day
    start = time - (time - day.start) % HOUR
    return Window(start, min(start + HOUR, day.end))


def _merge(c: Connection, reference: Reference, window: Window, which: ColumnElement[bool], tier: int) -> None:
    """Block by block, so that never more than one block's blobs are held."""
    for block in (*range(len(reference.grid.blocks)), OUTCOMES, *_FOLD):
        found = and_(panes.c.reference_id == reference.id, panes.c.block == block, which)
        rows = c.execute(select(panes.c.id, *(panes.c[name] for name in _COUNTERS), panes.c.blob).where(found)).all()
        if rows:
            _replace(c, rows, {"model_id": reference.model_id, "reference_id": reference.id, "block": block,
                               "start": window.start, "end": window.end, "tier": tier})  # fmt: skip


def _replace(c: Connection, rows: Sequence[Any], values: dict[str, Any]) -> None:
    counters = {name: sum(row._mapping[name] for row in rows) for name in _COUNTERS}  # noqa: SLF001  public API
    fold = _FOLD.get(values["block"], Sums.fold)
    blob = rows[0].blob if len(rows) == 1 else fold(row.blob for row in rows)
    for some in slices(row.id for row in rows):
        c.execute(panes.delete().where(panes.c.id.in_(some)))
    c.execute(panes.insert().values(**values, **counters, blob=blob))
