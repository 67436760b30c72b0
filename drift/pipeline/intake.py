"""Steps 2 to 4 of the record's way: decode, assign, count; what cannot be counted becomes a dead letter."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from drift.core.catalogue import Catalogue, Model
from drift.core.clock import Clock, isoformat
from drift.core.commit import DeadLetter, Gap, Partition
from drift.core.counting import Counter
from drift.core.grid import Grid
from drift.core.records import FUTURE_TIME, Chunk, Rejected
from drift.core.rows import Rows
from drift.core.schema import Schema
from drift.pipeline.assign import assign, lateness_of
from drift.pipeline.buffer import Buffer
from drift.pipeline.held import Held
from drift.pipeline.ports import Decoder, DecoderFactory

KEPT_PAYLOAD: Final = 64 << 10
"""Bytes of a dead letter's payload that are kept."""

Ints = npt.NDArray[np.int64]


class Intake:
    """Counts chunks of records into a buffer, for one picture of the catalogue."""

    def __init__(self, decoders: DecoderFactory, clock: Clock, future_bound: int) -> None:
        self._decoders, self._clock, self._future_bound = decoders, clock, future_bound
        self._counters: dict[str, Counter] = {}
        self._decoder: Decoder
        self.catalogue: Catalogue

    def use(self, catalogue: Catalogue) -> None:
        """Compile the decoder for these models and references."""
        names = {model.id: name for name, model in catalogue.models.items()}
        schemas: dict[str, list[Schema]] = {}
        for reference in sorted(catalogue.references, key=lambda r: r.id):
            schemas.setdefault(names[reference.model_id], []).append(reference.schema)
        self._decoder = self._decoders(schemas)
        self.catalogue = catalogue

    def take(self, chunks: Sequence[Chunk], held: Mapping[Partition, Held], buffer: Buffer) -> Sequence[DeadLetter]:
        """Count these chunks of held partitions; returns the dead letters among them, which are in the buffer too."""
        values = [value for chunk in chunks for value in chunk.values]
        timestamps = [stamp for chunk in chunks for stamp in chunk.timestamps]
        decoded = self._decoder.decode(values, timestamps)
        ends = np.cumsum([len(chunk.offsets) for chunk in chunks])
        owners = [held[chunk.partition] for chunk in chunks]
        rejected = list(decoded.rejected)
        for name, rows in decoded.rows.items():
            rows, ahead = self._without_future(rows, values)
            rejected += ahead
            if len(rows):
                self._count(
                    self.catalogue.models[name], rows, np.searchsorted(ends, rows.record, "right"), owners, buffer
                )
        letters = [self._letter(bad, chunks, ends) for bad in rejected]
        for letter in letters:
            buffer.letter(letter)
        for chunk, owner in zip(chunks, owners, strict=True):
            owner.next, owner.log_end, owner.finished = chunk.next, chunk.log_end, chunk.finished
            owner.records += len(chunk.offsets)
        return letters

    def _count(self, model: Model, rows: Rows, chunk: Ints, owners: Sequence[Held], buffer: Buffer) -> None:
        before = [owner.watermarks.get(model.id) for owner in owners]
        late, after = lateness_of(rows, chunk, before, model.pane, model.lateness)
        for owner, mark in zip(owners, after, strict=True):
            if mark is not None:
                owner.watermarks[model.id] = max(mark, owner.watermarks.get(model.id, mark))
        _close_gaps(rows, chunk, owners, buffer)
        for share in assign(rows, model, self.catalogue):
            panes = share.starts.size
            sums = self._counter(share.reference.grid).count(share.rows, share.pane, panes)
            overdue = np.bincount(share.pane[late[share.at]], minlength=panes)
            buffer.add(share.reference, share.starts, sums, overdue, share.foreign)
        buffer.rows[model.name] = buffer.rows.get(model.name, 0) + len(rows)
        buffer.late[model.name] = buffer.late.get(model.name, 0) + int(late.sum())

    def _counter(self, grid: Grid) -> Counter:
        counter = self._counters.get(grid.id)
        if counter is None:
            counter = self._counters[grid.id] = Counter(grid)
        return counter

    def _without_future(self, rows: Rows, values: Sequence[bytes | None]) -> tuple[Rows, list[Rejected]]:
        ahead = rows.time > self._clock.now() + self._future_bound
        if not ahead.any():
            return rows, []
        rejected: list[Rejected] = []
        for i in np.flatnonzero(ahead).tolist():
            record = int(rows.record[i])
            detail = f"event time {isoformat(int(rows.time[i]))} is ahead of the clock; is the producer's clock right?"
            rejected.append(Rejected(record, len(rejected), FUTURE_TIME, detail, values[record] or b""))
        return rows.take(np.flatnonzero(~ahead)), rejected

    def _letter(self, bad: Rejected, chunks: Sequence[Chunk], ends: Ints) -> DeadLetter:
        number = int(np.searchsorted(ends, bad.record, "right"))
        chunk = chunks[number]
        offset = chunk.offsets[bad.record - (int(ends[number - 1]) if number else 0)]
        payload = bad.payload[:KEPT_PAYLOAD]
        return DeadLetter(chunk.partition, offset, bad.index, bad.reason, bad.detail, payload, self._clock.now())


def _close_gaps(rows: Rows, chunk: Ints, owners: Sequence[Held], buffer: Buffer) -> None:
    """The first rows after a gap say where it ends in event time."""
    for number, owner in enumerate(owners):
        gap = owner.gap
        times = rows.time[chunk == number] if gap is not None else None
        if gap is None or times is None or not times.size:
            continue
        closed = Gap(gap.partition, gap.first, gap.last, gap.at, gap.after, int(times.min()))
        buffer.gaps = [g for g in buffer.gaps if g is not gap] + [closed]
        owner.gap = None
