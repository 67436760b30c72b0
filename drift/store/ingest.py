"""The commit that the whole design rests on: sums, positions and dead letters in one transaction, fenced."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from drift.core.commit import IngestCommit, PaneDelta, Partition
from drift.core.errors import Conflict, StoreError
from drift.store import catalogue, dead_letters, outcomes, partitions
from drift.store.sql import now
from drift.store.tables import FIELDS, OUTCOMES, SAMPLE, dirty, idempotency, models, panes


def commit(c: Connection, batch: IngestCommit, counters: outcomes.Counters) -> None:
    """Write one batch.

    1. the catalogue is the one that the rows were counted with, and stays so
    2. each partition, in order, moves from where the buffer was read to its end, if it is still ours
    3. gaps, with the watermarks before them; then the watermarks
    4. predictions and labels that look for each other; signed deltas, and a dirty row for each pane
    5. dead letters
    6. idempotency keys

    Raises:
        CatalogueChanged: recount.
        Fenced: drop the buffer.
        Conflict: a request with one of these keys was counted already.
    """
    if not batch.advances:
        raise StoreError("a commit moves at least one partition; without one nothing would fence it")
    catalogue.check_version(c, batch.catalogue_version)
    known = _advance(c, batch)
    refused = [letter.partition for letter in batch.dead_letters] + [gap.partition for gap in batch.gaps]
    known |= partitions.ids(c, set(refused) - known.keys())
    partitions.add_gaps(c, batch.gaps, known)
    partitions.merge_watermarks(c, _watermarks(batch, known))
    met = [delta for work in batch.joinings for delta in outcomes.join(c, work, counters)]
    _append(c, [*batch.panes, *met])
    dead_letters.add(c, batch.dead_letters, known)
    _remember(c, batch.idempotency)


def _advance(c: Connection, batch: IngestCommit) -> dict[Partition, int]:
    """Sorted, so that two commits lock rows in the same order."""
    steps = sorted(batch.advances, key=lambda step: step.claim.partition)
    return {step.claim.partition: partitions.advance(c, step) for step in steps}


def _watermarks(batch: IngestCommit, known: Mapping[Partition, int]) -> dict[tuple[int, int], int]:
    return {
        (known[step.claim.partition], model_id): time
        for step in batch.advances
        for model_id, time in step.watermarks.items()
    }


def _append(c: Connection, deltas: Iterable[PaneDelta]) -> None:
    deltas = sorted(deltas, key=lambda delta: (delta.reference_id, delta.start))
    if not deltas:
        return
    lengths: dict[int, int] = {row.id: row.pane for row in c.execute(select(models.c.id, models.c.pane))}
    c.execute(panes.insert(), [row for delta in deltas for row in _rows(delta, lengths[delta.model_id])])
    touched: dict[tuple[int, int, int], int] = {}
    for delta in deltas:
        key = delta.model_id, delta.reference_id, delta.start
        touched[key] = touched.get(key, 0) + delta.rows + delta.labelled
    c.execute(
        dirty.insert(),
        [{"model_id": m, "reference_id": r, "start": start, "rows": n} for (m, r, start), n in touched.items()],
    )


def _rows(delta: PaneDelta, length: int) -> Iterable[dict[str, Any]]:
    """One row a block, for what is beside the sums; counters stand with the first: summing needs no blob."""
    for block, blob in enumerate(delta.blobs):
        first = block == 0
        yield {
            "model_id": delta.model_id,
            "reference_id": delta.reference_id,
            "start": delta.start,
            "end": delta.start + length,
            "tier": 0,
            "block": block,
            "rows": delta.rows if first else 0,
            "late": delta.late if first else 0,
            "foreign_rows": delta.foreign if first else 0,
            "blob": blob,
        }
    for block, beside in ((SAMPLE, delta.sample), (FIELDS, delta.fields), (OUTCOMES, delta.outcomes)):
        if beside is not None:
            yield {
                "model_id": delta.model_id, "reference_id": delta.reference_id, "start": delta.start,
                "end": delta.start + length, "tier": 0, "block": block, "rows": 0, "late": 0, "foreign_rows": 0,
                "blob": beside,
            }  # fmt: skip


def _remember(c: Connection, answers: Mapping[str, bytes]) -> None:
    for key in sorted(answers):
        if answer(c, key) is not None:
            raise Conflict(
                f"the request with Idempotency-Key {key!r} was counted already; answer it with what is stored"
            )
        c.execute(idempotency.insert().values(key=key, at=now(), answer=answers[key]))


def answer(c: Connection, key: str) -> bytes | None:
    """What a request with this key was answered; None if there was none."""
    return c.execute(select(idempotency.c.answer).where(idempotency.c.key == key)).scalar_one_or_none()
