"""The label join: a prediction and its label meet in one row, whichever comes first; the second to commit counts.

Both are upserts that return what was there, so that two transactions that bring the two sides of one event wait for
each other at its row, and the later sees the earlier. Each statement takes its rows in the order of their keys; a
circle over several statements is broken by the database, and the commit is tried again. The sums that follow are
written in the same transaction as the rows and the positions.

| comes | there is | counted |
|---|---|---|
| a prediction | a label | +1 for the label |
| a prediction | one of the same reference | nothing: the first stays |
| both at once | nothing | nothing: they were counted when they were read |
| both at once | anything | −1 for what was counted, then as above |
| a label | predictions | +1 for each reference that judged the event |
| a label | an earlier label | −1 for the earlier, +1 for this; one conflict, if they differ |
| a label | a later label, or an equal one as late and greater | nothing; one conflict, if they differ |
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, func, select, text, tuple_

from drift.core.commit import Joining, PaneDelta
from drift.core.outcome.counting import OutcomeCounter
from drift.store.retention import AT_ONCE
from drift.store.tables import outcomes

Ints = npt.NDArray[np.int64]
Key = tuple[int, int]

ROWS_AT_ONCE: Final = 4_000
"""Rows of one SQLite statement: below its 32,766 parameters."""
MOST_BYTES: Final = 8_192
"""A row that already holds so much takes no further prediction: one id is sent again and again."""
_HEAD: Final = struct.Struct("<qH")

_BOTH: Final = """
INSERT INTO outcomes (model_id, key_a, key_b, at, prediction, label, label_at) {rows}
ON CONFLICT (model_id, key_a, key_b) DO NOTHING
RETURNING key_a, key_b
"""
_PREDICTION: Final = """
INSERT INTO outcomes (model_id, key_a, key_b, at, prediction) {rows}
ON CONFLICT (model_id, key_a, key_b) DO UPDATE SET prediction = CASE
  WHEN outcomes.prediction IS NULL THEN excluded.prediction
  WHEN length(outcomes.prediction) > {most} THEN outcomes.prediction
  ELSE {joined} END
RETURNING key_a, key_b, prediction, label, label_at
"""
_LABEL: Final = """
INSERT INTO outcomes (model_id, key_a, key_b, at, label, label_at) {rows}
ON CONFLICT (model_id, key_a, key_b) DO UPDATE SET
  previous = outcomes.label, previous_at = outcomes.label_at,
  label = CASE WHEN {later} THEN excluded.label ELSE outcomes.label END,
  label_at = CASE WHEN {later} THEN excluded.label_at ELSE outcomes.label_at END
RETURNING key_a, key_b, prediction, label, label_at, previous, previous_at
"""
_LATER: Final = (
    "outcomes.label IS NULL OR excluded.label_at > outcomes.label_at"
    " OR (excluded.label_at = outcomes.label_at AND excluded.label {binary} > outcomes.label {binary})"
)
_JOINED: Final = {
    "sqlite": "CAST(outcomes.prediction || excluded.prediction AS BLOB)",
    "postgresql": "outcomes.prediction || excluded.prediction",
}
_BINARY: Final = {"sqlite": "", "postgresql": 'COLLATE "C"'}

Counters = Callable[[int], OutcomeCounter | None]
"""Reference id → what counts its outcomes; None: it is unknown, or counts none."""


@dataclass(slots=True)
class _Met:
    """Pairs of one reference that were found, or taken back."""

    records: list[bytes] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    known_at: list[int] = field(default_factory=list)
    sign: list[int] = field(default_factory=list)
    conflicts: list[tuple[bytes, int]] = field(default_factory=list)

    def add(self, record: bytes, label: str, known_at: int, sign: int) -> None:
        """One more."""
        self.records.append(record)
        self.labels.append(label)
        self.known_at.append(known_at)
        self.sign.append(sign)


def join(c: Connection, work: Joining, counters: Counters) -> list[PaneDelta]:
    """Bring predictions and labels together; the sums to be added."""
    met: dict[int, _Met] = {}
    work = _first_seen(c, work, met)
    came = _came(work)
    for row in _upsert(c, _PREDICTION, work.model_id, _predictions(work), ("bytea",)):
        if row[3] is not None:
            fresh, held = came[row[0], row[1]], list(_records(row[2]))
            for reference, record in held:
                # two of one reference: it was here before
                if reference in fresh and sum(one == reference for one, _ in held) == 1:
                    met.setdefault(reference, _Met()).add(record, row[3], row[4], 1)
    labels, conflicts = _labels(work)
    for row in _upsert(c, _LABEL, work.model_id, labels, ("text", "bigint")):
        _relabel(row, labels[row[0], row[1]], conflicts.get((row[0], row[1]), 0), met)
    return [delta for reference in sorted(met) for delta in _deltas(reference, met[reference], work, counters)]


def _first_seen(c: Connection, work: Joining, met: dict[int, _Met]) -> Joining:
    """Keep predictions that bring their label; what is left to do with those whose event is not new.

    They were counted as joined when they were read. That is taken back, and they go the way of all others.
    """
    fresh: dict[Key, tuple[Any, ...]] = {}
    again: list[tuple[int, Key, int]] = []
    for reference, one in sorted(work.known.items()):
        size = one.seen.dtype.itemsize
        head, raw = _HEAD.pack(reference, size), np.ascontiguousarray(one.seen).tobytes()
        times = one.seen["time"].tolist()
        for at, (key, label, time) in enumerate(zip(map(tuple, one.keys.tolist()), one.labels, times, strict=True)):
            if key in fresh:
                again.append((reference, key, at))
                continue
            packed = head + raw[at * size : at * size + size]
            fresh[key] = (time, packed, label, time, reference, at)
    written = {key: row[:4] for key, row in fresh.items()}
    new = {(row[0], row[1]) for row in _upsert(c, _BOTH, work.model_id, written, ("bytea", "text", "bigint"))}
    again += [(row[4], key, row[5]) for key, row in fresh.items() if key not in new]
    return _taken_back(work, again, met)


def _taken_back(work: Joining, again: Sequence[tuple[int, Key, int]], met: dict[int, _Met]) -> Joining:
    if not again:
        return work
    predictions, ids = dict(work.predictions), [*map(tuple, work.ids.tolist())]
    labels, times = list(work.labels), list(work.times)
    for reference in sorted({reference for reference, _, _ in again}):
        one, at = work.known[reference], sorted(place for owner, _, place in again if owner == reference)
        some, mine = one.seen[at], met.setdefault(reference, _Met())
        for place, record, time in zip(at, (row.tobytes() for row in some), some["time"].tolist(), strict=True):
            mine.add(record, one.labels[place], time, -1)
            ids.append(tuple(one.keys[place].tolist()))
            labels.append(one.labels[place])
            times.append(time)
        had = predictions.get(reference)
        keys = one.keys[at]
        predictions[reference] = (
            (keys, some) if had is None else (np.concatenate((had[0], keys)), np.concatenate((had[1], some)))
        )
    return replace(work, predictions=predictions, known={}, ids=np.array(ids, np.int64), labels=labels, times=times)


def _relabel(row: Any, given: tuple[Any, ...], conflicts: int, met: dict[int, _Met]) -> None:
    """A label came to a row that may have predictions and an earlier label."""
    _, _, prediction, label, label_at, previous, previous_at = row
    # a new row has no `previous`; an old one without a label has none either
    conflicts += previous is not None and given[1] != previous
    for reference, record in _first(prediction):
        mine = met.setdefault(reference, _Met())
        if conflicts:
            mine.conflicts.append((record, conflicts))
        if (previous, previous_at) == (label, label_at):
            continue
        if previous is not None:
            mine.add(record, previous, previous_at, -1)
        mine.add(record, label, label_at, 1)


def _came(work: Joining) -> dict[Key, list[int]]:
    """Key → the references whose prediction of this event came with this commit."""
    found: dict[Key, list[int]] = {}
    for reference, (keys, _) in work.predictions.items():
        for key in map(tuple, keys.tolist()):
            found.setdefault(key, []).append(reference)
    return found


def _predictions(work: Joining) -> dict[Key, tuple[Any, ...]]:
    """Key → (time, packed records), the first of each reference."""
    found: dict[Key, tuple[Any, ...]] = {}
    for reference in sorted(work.predictions):
        keys, seen = work.predictions[reference]
        size = seen.dtype.itemsize
        raw, head, mine = np.ascontiguousarray(seen).tobytes(), _HEAD.pack(reference, size), set[Key]()
        for at, (key, time) in enumerate(zip(map(tuple, keys.tolist()), seen["time"].tolist(), strict=True)):
            if key in mine:
                continue
            mine.add(key)
            packed = head + raw[at * size : at * size + size]
            had = found.get(key)
            found[key] = (time, packed) if had is None else (had[0], had[1] + packed)
    return found


def _labels(work: Joining) -> tuple[dict[Key, tuple[Any, ...]], dict[Key, int]]:
    """Key → (time, label, time), the last of each; key → how many of its labels in here said otherwise before."""
    found: dict[Key, tuple[Any, ...]] = {}
    conflicts: dict[Key, int] = {}
    for key, label, at in zip(map(tuple, work.ids.tolist()), work.labels, work.times, strict=True):
        had = found.get(key)
        if had is not None and had[1] != label:
            conflicts[key] = conflicts.get(key, 0) + 1
        if had is None or (at, label) > (had[2], had[1]):
            found[key] = (at, label, at)
    return found, conflicts


def _first(prediction: bytes | None) -> Iterator[tuple[int, bytes]]:
    """The first record of each reference in a row."""
    seen = set[int]()
    for reference, record in _records(prediction):
        if reference not in seen:
            seen.add(reference)
            yield reference, record


def _records(prediction: bytes | None) -> Iterator[tuple[int, bytes]]:
    """All records of a row."""
    at, raw = 0, bytes(prediction or b"")
    while at < len(raw):
        reference, size = _HEAD.unpack_from(raw, at)
        at += _HEAD.size + size
        yield reference, raw[at - size : at]


def _deltas(reference: int, met: _Met, work: Joining, counters: Counters) -> Iterator[PaneDelta]:
    """The sums of what met, one a pane."""
    counter = counters(reference)
    if counter is None:
        return
    dtype = counter.predictions.dtype
    records = [*met.records, *(record for record, _ in met.conflicts)]
    seen = np.frombuffer(b"".join(one for one in records if len(one) == dtype.itemsize), dtype)
    if seen.size != len(records):
        raise AssertionError(f"records of reference {reference} have another size than its grid says")
    starts, pane = np.unique(seen["pane"], return_inverse=True)
    n = len(met.records)
    conflicts = np.bincount(pane[n:], [count for _, count in met.conflicts], minlength=starts.size).astype(np.int64)
    delay = np.array(met.known_at, np.int64) - seen["time"][:n]
    truth = counter.predictions.truth(met.labels)
    sums = counter.joined(seen[:n], truth, np.array(met.sign, np.int64), delay, pane[:n], starts.size, conflicts)
    changed = np.bincount(pane[:n], minlength=starts.size)
    for start, part, rows in zip(starts.tolist(), sums, changed.tolist(), strict=True):
        yield PaneDelta(work.model_id, reference, start, 0, (), outcomes=part.dump(), labelled=max(rows, 1))


def _upsert(
    c: Connection, statement: str, model_id: int, rows: dict[Key, tuple[Any, ...]], kinds: Sequence[str]
) -> Iterator[Any]:
    """Run an upsert for rows (key → `at` and more), in the order of their keys; what it returns."""
    ordered = sorted(rows)
    if not ordered:
        return
    dialect = c.dialect.name
    later = _LATER.format(binary=_BINARY[dialect])
    parts = {"most": MOST_BYTES, "joined": _JOINED[dialect], "later": later}
    if dialect == "postgresql":
        columns = ["bigint", "bigint", "bigint", *kinds]
        arrays = ", ".join(f"CAST(:v{at} AS {kind}[])" for at, kind in enumerate(columns))
        values = [*zip(*ordered, strict=True), *zip(*map(rows.__getitem__, ordered), strict=True)]
        source = f"SELECT :model, u.* FROM unnest({arrays}) u"  # noqa: S608  only numbers of parameters
        given = {f"v{at}": list(value) for at, value in enumerate(values)} | {"model": model_id}
        yield from c.execute(text(statement.format(rows=source, **parts)), given)
        return
    for start in range(0, len(ordered), ROWS_AT_ONCE):
        some = ordered[start : start + ROWS_AT_ONCE]
        one = f"({', '.join('?' * (4 + len(kinds)))})"
        source = f"VALUES {', '.join([one] * len(some))}"
        flat = tuple(chain.from_iterable((model_id, *key, *rows[key]) for key in some))
        yield from c.exec_driver_sql(statement.format(rows=source, **parts), flat).fetchall()


def old(c: Connection, before: int) -> int:
    """Forget pairs of which the first part is older than a moment; a bounded number of them. How many."""
    t = outcomes
    keys = select(t.c.model_id, t.c.key_a, t.c.key_b).where(t.c.at < before).limit(AT_ONCE)
    return c.execute(delete(t).where(tuple_(t.c.model_id, t.c.key_a, t.c.key_b).in_(keys))).rowcount


def waiting(c: Connection, model_id: int) -> tuple[int, int]:
    """How many predictions wait for a label, and labels for a prediction."""
    t = outcomes
    count = select(func.count()).where(t.c.model_id == model_id)
    return (
        int(c.execute(count.where(t.c.label.is_(None))).scalar_one()),
        int(c.execute(count.where(t.c.prediction.is_(None))).scalar_one()),
    )
