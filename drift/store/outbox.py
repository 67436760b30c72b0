"""The outbox: notices are queued with what they tell of, and delivered in order within each stream of a receiver.

waiting ──sent──> sent            each arrow is conditional on `waiting`: of two that deliver one notice, one notes it
   │ ^ └─failed─> waiting, later
   v └──resend── dead
given up, or its receiver is configured no more
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from drift.core.alert import AuditEntry, Notice, NoticeState
from drift.core.clock import DAY
from drift.core.errors import Conflict, NotFound
from drift.store import access
from drift.store.alert_tables import notices
from drift.store.rows import OutboxCount
from drift.store.sql import slices, upsert
from drift.store.values import among, clean

_WAITING: Final = among(notices.c.state, NoticeState.WAITING)
_DEAD: Final = among(notices.c.state, NoticeState.DEAD)
_LATER: Final = notices.alias("later")
_SENT_LATER: Final = (
    select(_LATER.c.id)
    .where(
        _LATER.c.stream == notices.c.stream, _LATER.c.receiver == notices.c.receiver, _LATER.c.id > notices.c.id,
        _LATER.c.state == NoticeState.SENT.value,
    )
    .limit(1)
    .correlate(notices)
    .scalar_subquery()
)  # fmt: skip
# not `NOT EXISTS`, which PostgreSQL would answer by reading all that was ever sent
_LOST: Final = and_(_DEAD, _SENT_LATER.is_(None))
"""Given up, and the receiver has nothing later of the stream: it could be sent again, and somebody should see to it."""
FURTHEST: Final = 3 * DAY
"""No pause is as long: what shall wait longer was noted by a clock that has been set back since, and is due."""


def add(c: Connection, given: Sequence[Notice]) -> None:
    """Queue notices in their order; one whose key is there already is left as it is."""
    if given:
        c.execute(upsert(c, notices).on_conflict_do_nothing(), [_values(notice) for notice in given])


def _values(notice: Notice) -> dict[str, Any]:
    values = clean(asdict(notice) | {"state": notice.state.value})
    del values["id"]
    return values


def waiting(c: Connection, receiver: str, now: int, limit: int) -> list[Notice]:
    """The oldest undone notice of each stream, if it is due; oldest first. One that is not due holds its stream up."""
    t = notices
    heads = c.execute(select(func.min(t.c.id)).where(t.c.receiver == receiver, _WAITING).group_by(t.c.stream)).scalars()
    found: list[Notice] = []
    # in two steps, because planners like to look for ten of them among all notices
    for some in slices(heads):
        ready = or_(t.c.not_before <= now, t.c.not_before > now + FURTHEST)
        due = select(t).where(t.c.id.in_(some), ready).order_by(t.c.id)
        found += _listed(c, due.limit(limit - len(found)))
        if len(found) >= limit:
            break
    return found


def sent(c: Connection, notice_id: int, on: int) -> bool:
    """Note that the receiver has it; whether it was waiting."""
    return _move(c, notice_id, {"state": NoticeState.SENT.value, "done_at": on, "error": ""})


def failed(c: Connection, notice_id: int, error: str, not_before: int) -> bool:
    """Note an attempt, the next one being due at `not_before`; whether it was waiting."""
    return _move(c, notice_id, {"error": error, "not_before": not_before})


def given_up(c: Connection, notice_id: int, error: str, on: int) -> bool:
    """Note the last attempt; whether it was waiting."""
    return _move(c, notice_id, {"state": NoticeState.DEAD.value, "done_at": on, "error": error})


def _move(c: Connection, notice_id: int, values: dict[str, Any]) -> bool:
    t = notices
    attempt = clean(values) | {"tries": t.c.tries + 1}
    return c.execute(t.update().where(t.c.id == notice_id, _WAITING).values(attempt)).rowcount == 1


def resend(c: Connection, notice_id: int, who: str, on: int) -> Notice:
    """Let a dead notice wait again, due at once, in its old place of its stream.

    Raises:
        NotFound: there is none of this id.
        Conflict: it is not dead, or a later one of its stream was delivered: out of order it would open what is over.
    """
    t = notices
    old = one(c, notice_id)
    same = and_(t.c.receiver == old.receiver, t.c.stream == old.stream, t.c.id > notice_id)
    if c.execute(select(t.c.id).where(same, t.c.state == NoticeState.SENT.value).limit(1)).one_or_none() is not None:
        raise Conflict(
            f"notice {notice_id} cannot be sent again: {old.receiver} has a later one of the same incident already"
        )
    fresh = {"state": NoticeState.WAITING.value, "tries": 0, "not_before": 0, "done_at": None}
    if c.execute(t.update().where(t.c.id == notice_id, _DEAD).values(fresh)).rowcount != 1:
        state = one(c, notice_id).state
        raise Conflict(f"notice {notice_id} is {state}; only one that was given up can be sent again")
    access.note(c, AuditEntry(on, who, "notice.resend", f"notice {notice_id}"))
    return one(c, notice_id)


def one(c: Connection, notice_id: int) -> Notice:
    """One notice.

    Raises:
        NotFound: there is none of this id.
    """
    found = _listed(c, select(notices).where(notices.c.id == notice_id))
    if not found:
        raise NotFound(f"there is no notice {notice_id}; it may have been removed by retention")
    return found[0]


def expire(c: Connection, receivers: Collection[str], on: int) -> int:
    """Give up what waits for a receiver that is none of these; how many."""
    t = notices
    gone = {"state": NoticeState.DEAD.value, "done_at": on, "error": "no such route any more"}
    return c.execute(t.update().where(_WAITING, t.c.receiver.not_in(sorted(receivers))).values(gone)).rowcount


def listed(
    c: Connection, receiver: str | None, state: NoticeState | None, incident_id: int | None, limit: int,
    before: int | None,
) -> list[Notice]:  # fmt: skip
    """Notices, newest first."""
    t = notices
    where: list[ColumnElement[bool]] = []
    if receiver is not None:
        where.append(t.c.receiver == receiver)
    if state is not None:
        where.append(among(t.c.state, state))
    if incident_id is not None:
        where.append(t.c.stream == f"incident:{incident_id}")
    if before is not None:
        where.append(t.c.id < before)
    return _listed(c, select(t).where(*where).order_by(t.c.id.desc()).limit(limit))


def counts(c: Connection) -> list[OutboxCount]:
    """For each receiver that has any: how many wait, since when, and how many are dead; in alphabetical order.

    A dead one is counted until it was sent again, or the receiver has a later one of its stream.
    """
    waits, dead = _by_receiver(c, _WAITING), _by_receiver(c, _LOST)
    first = [oldest for _, oldest in waits.values()]
    queued = {row.id: row.created_at for row in c.execute(_times(first))} if first else {}
    return [
        OutboxCount(
            name, waits[name][0] if name in waits else 0, dead[name][0] if name in dead else 0,
            queued[waits[name][1]] if name in waits else None,
        )
        for name in sorted(waits.keys() | dead.keys())
    ]  # fmt: skip


def _by_receiver(c: Connection, which: ColumnElement[bool]) -> dict[str, tuple[int, int]]:
    """Receiver → how many, and the id of the oldest; read from an index alone."""
    t = notices
    found = c.execute(select(t.c.receiver, func.count(), func.min(t.c.id)).where(which).group_by(t.c.receiver))
    return {receiver: (count, oldest) for receiver, count, oldest in found}


def _times(ids: Sequence[int]) -> Select[tuple[int, int]]:
    return select(notices.c.id, notices.c.created_at).where(notices.c.id.in_(ids))


def _listed(c: Connection, statement: Select[Any]) -> list[Notice]:
    return [
        Notice(**{**row._mapping, "state": NoticeState(row.state)})  # noqa: SLF001  public API
        for row in c.execute(statement)
    ]
