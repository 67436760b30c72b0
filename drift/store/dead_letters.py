"""Records that could not be counted. Per reason, partition and hour the first 100 are kept whole, the rest counted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, select

from drift.core.clock import HOUR
from drift.core.commit import DeadLetter, Partition
from drift.store.partitions import partition_of
from drift.store.rows import DeadLetterCount, DeadLetterRow
from drift.store.sql import largest, now, slices, smallest, upsert
from drift.store.tables import dead_letter_counts, dead_letters, partitions

KEPT: Final = 100
"""Payloads per (reason, partition, hour)."""


def add(c: Connection, letters: Iterable[DeadLetter], known: Mapping[Partition, int]) -> None:
    """Count all, keep some. Concurrent commits share the bound, because the counter's row is locked first."""
    groups: dict[tuple[int, str, int], list[DeadLetter]] = defaultdict(list)
    for letter in letters:
        groups[known[letter.partition], letter.reason, letter.at - letter.at % HOUR].append(letter)
    for key in sorted(groups):
        group = sorted(groups[key], key=lambda letter: (letter.offset, letter.index))
        room = max(0, KEPT - _count(c, key, group))
        kept = [_row(key[0], letter) for letter in group[:room]]
        if kept:
            c.execute(dead_letters.insert(), kept)


def _count(c: Connection, key: tuple[int, str, int], group: Sequence[DeadLetter]) -> int:
    """Add a group to its counter; returns how many there were before."""
    t = dead_letter_counts
    insert = upsert(c, t).values(
        partition_id=key[0], reason=key[1], hour=key[2],
        count=len(group), first=group[0].offset, last=group[-1].offset,
    )  # fmt: skip
    new = insert.excluded
    statement = insert.on_conflict_do_update(
        index_elements=["partition_id", "reason", "hour"],
        set_={
            "count": t.c.count + new.count,
            "first": smallest(t.c.first, new.first),
            "last": largest(t.c.last, new.last),
        },
    ).returning(t.c.count)
    return int(c.execute(statement).scalar_one()) - len(group)


def _row(partition_id: int, letter: DeadLetter) -> dict[str, Any]:
    return {
        "partition_id": partition_id,
        "offset": letter.offset,
        "nth": letter.index,
        "reason": letter.reason,
        "at": letter.at,
        "detail": letter.detail,
        "payload": letter.payload,
    }


def listed(c: Connection, limit: int, before: int | None, reason: str | None) -> list[DeadLetterRow]:
    """Kept dead letters, newest first."""
    statement = _select()
    if before is not None:
        statement = statement.where(dead_letters.c.id < before)
    if reason is not None:
        statement = statement.where(dead_letters.c.reason == reason)
    return [_letter(row) for row in c.execute(statement.order_by(dead_letters.c.id.desc()).limit(limit))]


def counts(c: Connection, limit: int) -> list[DeadLetterCount]:
    """How many there were by partition, reason and hour, newest hour first."""
    t = dead_letter_counts
    statement = select(t, partitions.c.source, partitions.c.topic, partitions.c.number).join(partitions)
    order = (t.c.hour.desc(), partitions.c.source, partitions.c.topic, partitions.c.number, t.c.reason)
    return [
        DeadLetterCount(partition_of(row), row.reason, row.hour, row.count, row.first, row.last)  # type: ignore[arg-type]
        for row in c.execute(statement.order_by(*order).limit(limit))
    ]


def by_reason(c: Connection) -> dict[str, int]:
    """How many there were by reason."""
    t = dead_letter_counts
    total = func.sum(t.c.count).label("total")
    return {row.reason: int(row.total) for row in c.execute(select(t.c.reason, total).group_by(t.c.reason))}


def not_replayed(c: Connection, ids: Iterable[int]) -> list[DeadLetterRow]:
    """Those of these dead letters that were never replayed."""
    rows: list[DeadLetterRow] = []
    for some in slices(ids):
        mine = (dead_letters.c.id.in_(some), dead_letters.c.replayed_at.is_(None))
        rows += map(_letter, c.execute(_select().where(*mine).order_by(dead_letters.c.id)))
    return rows


def claim_replay(c: Connection, ids: Iterable[int]) -> list[DeadLetterRow]:
    """Mark dead letters as replayed and return those that nobody had marked before: each is handed out once."""
    claimed: list[int] = []
    for some in slices(ids):
        mine = (dead_letters.c.id.in_(some), dead_letters.c.replayed_at.is_(None))
        statement = dead_letters.update().where(*mine).values(replayed_at=now()).returning(dead_letters.c.id)
        claimed += c.execute(statement).scalars()
    rows: list[DeadLetterRow] = []
    for some in slices(claimed):
        rows += map(_letter, c.execute(_select().where(dead_letters.c.id.in_(some)).order_by(dead_letters.c.id)))
    return rows


def _select() -> Select[Any]:
    return select(dead_letters, partitions.c.source, partitions.c.topic, partitions.c.number).join(partitions)


def _letter(row: Row[Any]) -> DeadLetterRow:
    letter = DeadLetter(partition_of(row), row.offset, row.nth, row.reason, row.detail, row.payload, row.at)
    return DeadLetterRow(row.id, letter, row.replayed_at)
