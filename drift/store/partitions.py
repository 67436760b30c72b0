"""Ownership and positions of partitions. The database's time stamps heartbeats, so that machines need not agree."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select

from drift.core.clock import SECOND
from drift.core.commit import Advance, Claim, Gap, Partition
from drift.core.errors import Conflict, Fenced, NotFound
from drift.store.rows import PartitionStatus
from drift.store.sql import now, upsert
from drift.store.tables import gaps as gap_rows
from drift.store.tables import partitions, watermarks

ALIVE: Final = 30 * SECOND
"""An owner that was heard of so recently is reading."""


def acquire(c: Connection, partition: Partition, owner: str) -> Claim:
    """Take a partition over: whoever had it can commit nothing from here on."""
    insert = upsert(c, partitions).values(**_new(partition), epoch=1, owner=owner, heartbeat_at=now())
    statement = insert.on_conflict_do_update(
        index_elements=["source", "topic", "number"],
        set_={
            "epoch": partitions.c.epoch + 1,
            "owner": owner,
            "heartbeat_at": now(),
            "caught_up_at": None,
            "finished": False,
        },
    ).returning(partitions.c.epoch, partitions.c.next)
    row = c.execute(statement).one()
    return Claim(partition, row.epoch, row.next)


def release(c: Connection, claim: Claim) -> None:
    """Give a partition up; nothing happens if somebody else has it by now."""
    mine = and_(_is(claim.partition), partitions.c.epoch == claim.epoch)
    c.execute(partitions.update().where(mine).values(owner=None, caught_up_at=None))


def register(c: Connection, source: str, topic: str, numbers: Iterable[int]) -> None:
    """A row for each partition of the topic, ownerless where it is new: one that nobody reads holds windows open."""
    at = c.execute(select(now())).scalar_one()
    rows = [
        _new(Partition(source, topic, number)) | {"epoch": 0, "heartbeat_at": at} for number in sorted(set(numbers))
    ]
    if rows:
        c.execute(upsert(c, partitions).on_conflict_do_nothing(), rows)


def retire(c: Connection, source: str, topic: str) -> int:
    """Take a topic's partitions out of the account: they hold no window any more, until somebody reads them again.

    Returns:
        How many were retired.

    Raises:
        NotFound: there are none of that name.
        Conflict: one of them is being read.
    """
    mine = and_(partitions.c.source == source, partitions.c.topic == topic)
    rows = c.execute(select(partitions.c.owner, partitions.c.heartbeat_at, now().label("now")).where(mine)).all()
    if not rows:
        raise NotFound(f"there is no partition of {source} {topic!r}; `drift status` lists them")
    for row in rows:
        if row.owner is not None and row.heartbeat_at is not None and row.now - row.heartbeat_at < ALIVE:
            raise Conflict(f"{source} {topic!r} is being read by {row.owner}; stop that first")
    c.execute(partitions.update().where(mine).values(finished=True))
    return len(rows)


def heartbeat(c: Connection, claims: Mapping[Claim, int]) -> set[Claim]:
    """Say that the owner lives, and where each log ends; returns the claims that were lost."""
    lost = set()
    for claim in sorted(claims, key=lambda claim: claim.partition):
        end = claims[claim]
        # nothing committed yet and nothing to read: that is the end of an empty log
        position = func.coalesce(partitions.c.next, 0)
        statement = (
            partitions.update()
            .where(_is(claim.partition), partitions.c.epoch == claim.epoch)
            .values(heartbeat_at=now(), log_end=end, caught_up_at=_caught_up(position >= end))
        )
        if c.execute(statement).rowcount != 1:
            lost.add(claim)
    return lost


def advance(c: Connection, step: Advance) -> int:
    """Move one partition from `expected` to `next`, if it is still ours and still there; returns its id.

    Raises:
        Fenced: it is not.
    """
    claim = step.claim
    statement = (
        partitions.update()
        .where(
            _is(claim.partition),
            partitions.c.epoch == claim.epoch,
            partitions.c.next.is_not_distinct_from(step.expected),
        )
        .values(
            next=step.next,
            log_end=step.log_end,
            heartbeat_at=now(),
            caught_up_at=_caught_up(step.next >= step.log_end),
            finished=step.finished,
            records=partitions.c.records + step.records,
        )
        .returning(partitions.c.id)
    )
    found = c.execute(statement).scalar_one_or_none()
    if found is None:
        raise _fenced(c, step)
    return int(found)


def merge_watermarks(c: Connection, seen: Mapping[tuple[int, int], int]) -> None:
    """(partition id, model id) → event time. A watermark never goes back; when it grew last is noted."""
    if not seen:
        return
    insert = upsert(c, watermarks)
    new = insert.excluded
    statement = insert.on_conflict_do_update(
        index_elements=["partition_id", "model_id"],
        set_={"watermark": new.watermark, "advanced_at": new.advanced_at},
        where=watermarks.c.watermark < new.watermark,
    )
    at = c.execute(select(now())).scalar_one()
    c.execute(
        statement,
        [
            {"partition_id": partition_id, "model_id": model_id, "watermark": time, "advanced_at": at}
            for (partition_id, model_id), time in sorted(seen.items())
        ],
    )


def ids(c: Connection, wanted: Iterable[Partition]) -> dict[Partition, int]:
    """The ids of partitions, registering those that are new."""
    found: dict[Partition, int] = {}
    for partition in sorted(set(wanted)):
        register(c, partition.source, partition.topic, [partition.number])
        found[partition] = c.execute(select(partitions.c.id).where(_is(partition))).scalar_one()
    return found


def add_gaps(c: Connection, lost: Iterable[Gap], known: Mapping[Partition, int]) -> None:
    """Record lost records; the same gap again adds where it ends in event time, once that is known."""
    insert = upsert(c, gap_rows)
    statement = insert.on_conflict_do_update(
        index_elements=["partition_id", "first", "last"],
        set_={"until": func.coalesce(insert.excluded.until, gap_rows.c.until)},
    )
    for gap in lost:
        values = {"first": gap.first, "last": gap.last, "at": gap.at, "after": gap.after, "until": gap.until}
        c.execute(statement, {"partition_id": known[gap.partition], **values})


def status(c: Connection) -> list[PartitionStatus]:
    """Every partition, in order, with its watermarks and the database's time."""
    seen: dict[int, dict[int, int]] = {}
    grown: dict[int, dict[int, int]] = {}
    for row in c.execute(select(watermarks)):
        seen.setdefault(row.partition_id, {})[row.model_id] = row.watermark
        grown.setdefault(row.partition_id, {})[row.model_id] = row.advanced_at
    order = (partitions.c.source, partitions.c.topic, partitions.c.number)
    return [
        PartitionStatus(
            partition=partition_of(row),
            watermarks=seen.get(row.id, {}),
            advanced_at=grown.get(row.id, {}),
            **{key: row._mapping[key] for key in _STATUS},  # noqa: SLF001  public API
        )
        for row in c.execute(select(partitions, now().label("now")).order_by(*order))
    ]


_STATUS = ("epoch", "owner", "next", "log_end", "heartbeat_at", "caught_up_at", "finished", "records", "now")


def watermarks_of(c: Connection, partition: Partition) -> dict[int, int]:
    """Model id → largest event time committed from one partition."""
    statement = select(watermarks.c.model_id, watermarks.c.watermark).join(partitions).where(_is(partition))
    return {row.model_id: row.watermark for row in c.execute(statement)}


def gaps(c: Connection, limit: int) -> list[Gap]:
    """Lost records, newest first."""
    statement = select(gap_rows, partitions.c.source, partitions.c.topic, partitions.c.number).join(partitions)
    return [
        Gap(partition_of(row), row.first, row.last, row.at, row.after, row.until)
        for row in c.execute(statement.order_by(gap_rows.c.id.desc()).limit(limit))
    ]


def partition_of(row: Row[Any]) -> Partition:
    """The partition that a row joined with `partitions` is about."""
    return Partition(row.source, row.topic, row.number)


def _caught_up(at_end: "ColumnElement[bool] | bool") -> Any:
    """Keep the moment since when it is at the end; NULL while it is not."""
    if at_end is False:
        return None
    since = func.coalesce(partitions.c.caught_up_at, now())
    return since if at_end is True else case((at_end, since), else_=None)


def _new(partition: Partition) -> dict[str, Any]:
    key = {"source": partition.source, "topic": partition.topic, "number": partition.number}
    return key | {"log_end": 0, "finished": False, "records": 0}


def _is(partition: Partition) -> ColumnElement[bool]:
    return and_(
        partitions.c.source == partition.source,
        partitions.c.topic == partition.topic,
        partitions.c.number == partition.number,
    )


def _fenced(c: Connection, step: Advance) -> Fenced:
    claim = step.claim
    row = c.execute(select(partitions).where(_is(claim.partition))).one_or_none()
    if row is None:
        return Fenced(f"{claim.partition} was never acquired in this store; acquire it, then read from its position")
    if row.epoch != claim.epoch:
        return Fenced(
            f"{claim.partition} is at epoch {row.epoch} (owner {row.owner}), ours is {claim.epoch}; drop the buffer"
        )
    return Fenced(
        f"{claim.partition} stands at {row.next}, the buffer was read from {step.expected}; drop it, read from there"
    )
