"""Steps 2 to 4 of the record's way: decode, assign, count; what cannot be counted becomes a dead letter."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from drift.core.catalogue import Catalogue, Model
from drift.core.clock import Clock, isoformat
from drift.core.commit import DeadLetter, Partition
from drift.core.counting import Counter
from drift.core.grid import Grid
from drift.core.outcome.counting import OutcomeCounter
from drift.core.profile import Sums
from drift.core.records import FUTURE_TIME, Chunk, Labels, Rejected
from drift.core.rows import Fields, Rows
from drift.core.sample import RowSample, id_hashes
from drift.core.schema import Schema
from drift.pipeline.assign import Share as Assigned
from drift.pipeline.assign import assign, lateness_of
from drift.pipeline.buffer import Buffer
from drift.pipeline.held import Held
from drift.pipeline.meeting import Meeting, met
from drift.pipeline.ports import Decoder, DecoderFactory

KEPT_PAYLOAD: Final = 64 << 10
"""Bytes of a dead letter's payload that are kept."""

INTS_AT_ONCE: Final = 1 << 21
"""Counters held at once for rows that touch many panes (16 MB)."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Share:
    """One model's rows of a batch."""

    model: Model
    rows: Rows
    owner: Ints
    """(n,) which of the batch's partitions each row came from."""
    place: Callable[[Ints], list[str]]
    """Positions of rows → where each stands in its log."""


class Intake:
    """Counts chunks of records into a buffer, for one picture of the catalogue."""

    def __init__(self, decoders: DecoderFactory, clock: Clock, future_bound: int) -> None:
        self._decoders, self._clock, self._future_bound = decoders, clock, future_bound
        self._counters: dict[str, Counter] = {}
        self._outcome_counters: dict[str, OutcomeCounter] = {}
        self._known: dict[str, frozenset[str]] = {}
        self._decoder: Decoder
        self.catalogue: Catalogue

    def use(self, catalogue: Catalogue) -> None:
        """Compile the decoder for these models and references."""
        names = {model.id: name for name, model in catalogue.models.items()}
        schemas: dict[str, list[Schema]] = {}
        for reference in sorted(catalogue.references, key=lambda r: r.id):
            schemas.setdefault(names[reference.model_id], []).append(reference.schema)
        self._decoder = self._decoders(schemas)
        self._known = {
            name: frozenset(name for schema in some for c in schema.columns for name in (c.name, c.field))
            for name, some in schemas.items()
        }
        self.catalogue = catalogue

    def take(self, chunks: Sequence[Chunk], held: Mapping[Partition, Held], buffer: Buffer) -> Sequence[DeadLetter]:
        """Count these chunks of held partitions; returns the dead letters among them, which are in the buffer too."""
        values = [value for chunk in chunks for value in chunk.values]
        timestamps = [stamp for chunk in chunks for stamp in chunk.timestamps]
        decoded = self._decoder.decode(values, timestamps)
        ends = np.cumsum([len(chunk.offsets) for chunk in chunks])
        # a partition may come in several chunks
        owners = {chunk.partition: held[chunk.partition] for chunk in chunks}
        place = np.array([list(owners).index(chunk.partition) for chunk in chunks])
        rejected, shares = list(decoded.rejected), list[_Share]()
        for name, rows in decoded.rows.items():
            rows, ahead = self._without_future(rows, values)
            rejected += ahead
            if len(rows):
                owner = place[np.searchsorted(ends, rows.record, "right")]
                stands = partial(_places, rows.record, chunks, ends)
                shares.append(_Share(self.catalogue.models[name], rows, owner, stands))
        _close_gaps(shares, list(owners.values()), buffer)
        for share in shares:
            self._count(share, list(owners.values()), buffer)
        for name, labels in decoded.labels.items():
            rejected += self._labels(name, labels, values, buffer)
        letters = [self._letter(bad, chunks, ends) for bad in rejected]
        for letter in letters:
            buffer.letter(letter)
        for chunk in chunks:
            moved = owners[chunk.partition]
            moved.next, moved.log_end, moved.finished = chunk.next, chunk.log_end, chunk.finished
            moved.records += len(chunk.offsets)
        return letters

    def _count(self, share: _Share, owners: Sequence[Held], buffer: Buffer) -> None:
        model, rows = share.model, share.rows
        before = [owner.watermarks.get(model.id) for owner in owners]
        late, after = lateness_of(rows, share.owner, before, model.pane, model.lateness)
        for owner, mark in zip(owners, after, strict=True):
            if mark is not None:
                owner.watermarks[model.id] = mark
        for whole in assign(rows, model, self.catalogue):
            grid = whole.reference.grid
            per_pane = len(grid.segments) * grid.layout.width + grid.cross_width
            for part in whole.pieces(max(1, INTS_AT_ONCE // per_pane)):
                panes = part.starts.size
                sums = self._counter(grid).count(part.rows, part.pane, panes)
                overdue = np.bincount(part.pane[late[part.at]], minlength=panes)
                samples = _samples(part, share.place)
                looked = part.rows.looked
                fields = looked.without(self._known[model.name]).sums(part.pane, panes) if looked else ()
                outcomes = self._outcomes(part, model, buffer)
                buffer.add(part.reference, part.starts, sums, overdue, part.foreign, samples, fields, outcomes)
        buffer.rows[model.name] = buffer.rows.get(model.name, 0) + len(rows)
        buffer.late[model.name] = buffer.late.get(model.name, 0) + int(late.sum())

    def _outcomes(self, part: Assigned, model: Model, buffer: Buffer) -> list[Sums]:
        """Sums of predictions, one a pane; empty where the reference counts none."""
        grid = part.reference.grid
        if grid.outcomes is None:
            return []
        counter = self._outcome_counters.get(grid.id)
        if counter is None:
            counter = self._outcome_counters[grid.id] = OutcomeCounter(grid)
        sums, meeting = met(part, counter)
        buffer.meet(model.id, meeting)
        return sums

    def _counter(self, grid: Grid) -> Counter:
        counter = self._counters.get(grid.id)
        if counter is None:
            counter = self._counters[grid.id] = Counter(grid)
        return counter

    def _labels(self, name: str, labels: Labels, values: Sequence[bytes | None], buffer: Buffer) -> Sequence[Rejected]:
        """Keep labels that came by themselves; returns those that are ahead of the clock."""
        latest = self._clock.now() + self._future_bound
        good = [at for at, time in enumerate(labels.times) if time <= latest]
        buffer.meet(self.catalogue.models[name].id, Meeting.of(labels, good))
        buffer.labels[name] = buffer.labels.get(name, 0) + len(good)
        return [
            _ahead(record, at, time, values[record] or b"")
            for at, (record, time) in enumerate(zip(labels.record, labels.times, strict=True))
            if time > latest
        ]

    def _without_future(self, rows: Rows, values: Sequence[bytes | None]) -> tuple[Rows, list[Rejected]]:
        ahead = rows.time > self._clock.now() + self._future_bound
        if not ahead.any():
            return rows, []
        rejected: list[Rejected] = []
        for i in np.flatnonzero(ahead).tolist():
            record = int(rows.record[i])
            rejected.append(_ahead(record, len(rejected), int(rows.time[i]), values[record] or b""))
        return rows.take(np.flatnonzero(~ahead)), rejected

    def _letter(self, bad: Rejected, chunks: Sequence[Chunk], ends: Ints) -> DeadLetter:
        number = int(np.searchsorted(ends, bad.record, "right"))
        chunk = chunks[number]
        offset = chunk.offsets[bad.record - (int(ends[number - 1]) if number else 0)]
        payload = bad.payload[:KEPT_PAYLOAD]
        return DeadLetter(chunk.partition, offset, bad.index, bad.reason, bad.detail, payload, self._clock.now())


def _ahead(record: int, index: int, time: int, payload: bytes) -> Rejected:
    detail = f"event time {isoformat(time)} is ahead of the clock; is the producer's clock right?"
    return Rejected(record, index, FUTURE_TIME, detail, payload)


def _samples(part: Assigned, place: Callable[[Ints], list[str]]) -> list[RowSample | None]:
    """The row sample of each pane; empty where the reference keeps none."""
    schema = part.reference.schema
    if not schema.row_sample:
        return []
    fields = Fields.of(schema)
    hashes = id_hashes(part.rows, fields, lambda at: place(part.at[at]))
    found: list[RowSample | None] = []
    for number in range(part.starts.size):
        at = np.flatnonzero(part.pane == number)
        found.append(RowSample.of(part.rows.take(at), hashes[at], schema.row_sample, fields))
    return found


def _places(record: Ints, chunks: Sequence[Chunk], ends: Ints, at: Ints) -> list[str]:
    """Partition, offset and place within the record of some rows: the same whenever and wherever the log is read."""
    order = np.argsort(record, kind="stable")
    within = np.empty(record.size, np.int64)
    within[order] = np.arange(record.size) - np.searchsorted(record[order], record[order], "left")
    found = []
    for number, nth in zip(record[at].tolist(), within[at].tolist(), strict=True):
        chunk = int(np.searchsorted(ends, number, "right"))
        offset = chunks[chunk].offsets[number - (int(ends[chunk - 1]) if chunk else 0)]
        found.append(f"{chunks[chunk].partition} {offset} {nth}")
    return found


def _close_gaps(shares: Sequence[_Share], owners: Sequence[Held], buffer: Buffer) -> None:
    """A gap ends, in event time, at the first row behind it that is ahead of all that came before it.

    A late row says nothing about what was lost. It follows from the log alone, not from how the log was cut.
    """
    for number, owner in enumerate(owners):
        until = _first_ahead(shares, number, max(owner.watermarks.values(), default=-1)) if owner.gaps else None
        if until is None:
            continue
        closed = [replace(gap, until=until) for gap in owner.gaps]
        buffer.gaps = [gap for gap in buffer.gaps if gap not in owner.gaps] + closed
        owner.gaps = ()


def _first_ahead(shares: Sequence[_Share], owner: int, front: int) -> int | None:
    """Time of the earliest record's row beyond `front`; the largest, if the record holds several."""
    found: list[tuple[int, int]] = []
    for share in shares:
        at = np.flatnonzero((share.owner == owner) & (share.rows.time > front))
        if at.size:
            record = int(share.rows.record[at].min())
            time = int(share.rows.time[at[share.rows.record[at] == record]].max())
            found.append((record, -time))
    return -min(found)[1] if found else None
