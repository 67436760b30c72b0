"""What a store holds, and how it differs from what it should hold: to the bit."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from drift.core.commit import Partition
from drift.store import Store
from tests.fault.oracle import Oracle, Total, folded

EVER = 1 << 62


@dataclass
class Stored:
    """Sums by (reference id, start of pane, hour or day), and what stands beside them."""

    totals: dict[tuple[int, int], Total]
    refused: Counter[tuple[int, str]]
    watermarks: dict[tuple[int, str], int]
    positions: dict[int, int | None]
    records: dict[int, int]
    gaps: list[tuple[int, int, int, int | None, int | None]] = field(default_factory=list)


def stored(store: Store, bucket: int | None = None) -> Stored:
    """What a store holds of one topic; sums by pane, or by `bucket` microseconds where panes were compacted."""
    catalogue = store.catalogue()
    names = {model.id: name for name, model in catalogue.models.items()}
    panes = {model.id: model.pane for model in catalogue.models.values()}
    totals: dict[tuple[int, int], Total] = {}
    for reference in catalogue.references:
        length = bucket or panes[reference.model_id]
        rows = store.pane_rows(reference.id, -EVER, EVER, limit=1_000_000)
        for start in sorted({row.window.start // length * length for row in rows}):
            found = store.profile(reference, start, start + length)
            assert found.profile is not None, "addends that lie in no stretch of their own"
            sums = found.profile.sums
            totals[reference.id, start] = Total(sums.ints, sums.low, sums.high, found.late, found.foreign)
            assert found.rows == totals[reference.id, start].rows, "the counter beside the sums tells another number"
    statuses = store.partitions()
    refused: Counter[tuple[int, str]] = Counter()
    for count in store.dead_letter_counts(limit=1_000_000):
        refused[count.partition.number, count.reason] += count.count
    return Stored(
        totals,
        refused,
        {(s.partition.number, names[m]): mark for s in statuses for m, mark in s.watermarks.items()},
        {s.partition.number: s.next for s in statuses},
        {s.partition.number: s.records for s in statuses},
        sorted((g.partition.number, g.first, g.last, g.after or -1, g.until or -1) for g in store.gaps()),
    )  # fmt: skip


def expected(oracle: Oracle, bucket: int | None = None) -> Stored:
    """What a store has to hold after these records; positions where the log has no holes and begins at 0."""
    totals = oracle.totals()
    positions: dict[int, int | None] = {p: n + oracle.lost[p] for p, n in oracle.records.items()}
    return Stored(
        folded(totals, bucket) if bucket else totals, oracle.refused, oracle.watermarks, positions,
        dict(oracle.records), sorted(oracle.gaps),
    )  # fmt: skip


def differences(found: Stored, wanted: Stored) -> list[str]:
    """One line for each thing that is not as it should be; empty: equal to the bit."""
    told = []
    for what in ("refused", "watermarks", "positions", "records"):
        told += _compare(what, getattr(found, what), getattr(wanted, what))
    if found.gaps != wanted.gaps:
        told.append(f"gaps: {found.gaps} instead of {wanted.gaps}")
    for key in sorted(found.totals.keys() | wanted.totals.keys()):
        one, other = found.totals.get(key), wanted.totals.get(key)
        if one is None or other is None:
            told.append(f"pane {key}: {'missing' if one is None else 'never was'}")
        else:
            told += [f"pane {key}: {line}" for line in _panes(one, other)]
    return told


def _compare(what: str, found: Mapping[object, object], wanted: Mapping[object, object]) -> list[str]:
    keys = [key for key in {**found, **wanted} if (found.get(key) or 0) != (wanted.get(key) or 0)]
    return [f"{what} {key}: {found.get(key)} instead of {wanted.get(key)}" for key in keys]


def _panes(found: Total, wanted: Total) -> list[str]:
    told = [
        f"{name} {getattr(found, name)} instead of {getattr(wanted, name)}"
        for name in ("rows", "late", "foreign")
        if getattr(found, name) != getattr(wanted, name)
    ]
    for name in ("ints", "low", "high"):
        one, other = getattr(found, name), getattr(wanted, name)
        if one.shape != other.shape or not np.array_equal(one, other):
            where = np.argwhere(one != other)[:3].tolist() if one.shape == other.shape else "of another shape"
            told.append(f"{name} differ at {where}")
    return told


def settled(store: Store, ends: Mapping[Partition, int]) -> bool:
    """Whether everything up to these ends is committed."""
    positions = {status.partition: status.next for status in store.partitions()}
    return all((positions.get(partition) or 0) >= end for partition, end in ends.items())
