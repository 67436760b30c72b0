"""Answers and the sums that they keep. Nothing is deleted: who takes an answer back leaves a date in it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, and_, func, select

from drift.core.answer import Action, Answer, Stretches
from drift.core.catalogue import Reference
from drift.core.errors import Conflict, NotFound
from drift.core.grid import Grid
from drift.core.profile import Sums, join, split
from drift.core.result import WindowState
from drift.core.window import Window
from drift.store.tables import answers, stretches, windows


def dump(grid: Grid, kept: Stretches) -> list[dict[str, Any]]:
    """The rows of `stretches` without their answer. Long work, done before the transaction begins."""
    return [
        {"spec": spec, "start": one.window.start, "end": one.window.end, "block": block, "blob": part.dump()}
        for spec, some in sorted(kept.items())
        for one in some
        for block, part in enumerate(split(grid, one.sums))
    ]


def add(c: Connection, answer: Answer, rows: Iterable[dict[str, Any]]) -> Answer:
    """Insert an answer and its sums; a person's applies after the latest final window, read in this transaction."""
    values = asdict(answer) | {"action": answer.action.value}
    if answer.action is not Action.LEARN:
        values["applies_from"] = max(answer.applies_from, judged_until(c, answer.reference_id, answer.spec))
    del values["id"]
    new = c.execute(answers.insert().values(**values).returning(answers.c.id)).scalar_one()
    mine = [{"answer_id": new, "reference_id": answer.reference_id, **row} for row in rows]
    if mine:
        c.execute(stretches.insert(), mine)
    return one(c, new)


def one(c: Connection, answer_id: int) -> Answer:
    """One answer.

    Raises:
        NotFound: there is none of this id.
    """
    row = c.execute(select(answers).where(answers.c.id == answer_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no answer {answer_id}; `drift answers MODEL` shows those there are")
    return _answer(row)


def judged_until(c: Connection, reference_id: int, spec: str) -> int:
    """End of the latest final window of a reference, of one spec or (empty) of all; 0: there is none."""
    mine = and_(windows.c.reference_id == reference_id, windows.c.state == WindowState.FINAL.value)
    if spec:
        mine = and_(mine, windows.c.spec == spec)
    return int(c.execute(select(func.coalesce(func.max(windows.c.end), 0)).where(mine)).scalar_one())


def withdraw(c: Connection, answer_id: int, who: str, at: int) -> Answer:
    """Note that an answer no longer holds, for windows after the latest final one.

    Raises:
        NotFound: there is none of this id.
        Conflict: somebody took it back before.
    """
    found = one(c, answer_id)
    if found.withdrawn_at is not None:
        raise Conflict(f"answer {answer_id} was taken back before, by {found.withdrawn_by}; nothing is left to do")
    from_ = max(found.applies_from, judged_until(c, found.reference_id, found.spec))
    taken_back = {"withdrawn_at": at, "withdrawn_from": from_, "withdrawn_by": who}
    c.execute(answers.update().where(answers.c.id == answer_id).values(**taken_back))
    return one(c, answer_id)


def listed(c: Connection, model_id: int) -> list[Answer]:
    """A model's answers, oldest first."""
    mine = select(answers).where(answers.c.model_id == model_id).order_by(answers.c.id)
    return [_answer(row) for row in c.execute(mine)]


def windows_kept(c: Connection, model_id: int) -> dict[int, dict[str, int]]:
    """Answer id → window spec → windows whose sums it keeps, of a model's answers that keep any."""
    t = stretches
    key = (t.c.answer_id, t.c.spec)
    mine = t.c.answer_id.in_(select(answers.c.id).where(answers.c.model_id == model_id))
    found: dict[int, dict[str, int]] = {}
    for row in c.execute(select(*key, func.count().label("n")).where(mine, t.c.block == 0).group_by(*key)):
        found.setdefault(row.answer_id, {})[row.spec] = row.n
    return found


def spans(c: Connection, answer_id: int, spec: str) -> list[Window]:
    """The windows of one spec whose sums an answer keeps, oldest first."""
    t = stretches
    mine = select(t.c.start, t.c.end).where(t.c.answer_id == answer_id, t.c.spec == spec, t.c.block == 0)
    return [Window(row.start, row.end) for row in c.execute(mine.order_by(t.c.start))]


def sums(c: Connection, reference: Reference, answer_id: int, spec: str, some: Sequence[Window]) -> list[Sums]:
    """Those of neighbouring windows that an answer keeps, in their order."""
    t = stretches
    mine = and_(t.c.answer_id == answer_id, t.c.spec == spec, t.c.start.between(some[0].start, some[-1].start))
    blocks: dict[int, list[Sums]] = {window.start: [] for window in some}
    for row in c.execute(select(t.c.start, t.c.blob).where(mine).order_by(t.c.start, t.c.block)):
        blocks[row.start].append(Sums.load(row.blob))
    return [join(reference.grid, parts) for parts in blocks.values()]


def _answer(row: Any) -> Answer:
    return Answer(**{**row._mapping, "action": Action(row.action)})  # noqa: SLF001  public API
