"""A DataFrame as a stream: its batches are the records, and what production makes of columns decodes them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from drift.core.clock import Clock
from drift.core.columnar import Columns
from drift.core.commit import Claim, DeadLetter, Partition
from drift.core.records import Chunk, Decoded, Poll, Rejected
from drift.core.rows import Fields
from drift.reference.frame import FrameData
from drift.reference.options import Limits

_PARTITION: Final = Partition("frame", "frame")


class FrameEvents:
    """The batches of a DataFrame. A record's bytes only say which batch is meant."""

    def __init__(self, frame: Any) -> None:
        self._data = FrameData(frame, Limits())
        self.names, self.rows = self._data.names, self._data.rows or 0
        self._batches: dict[bytes, tuple[int, Columns]] = {}

    def source(self, clock: Clock, progress: Any) -> "FrameSource":
        """Its one partition."""
        del clock  # nothing is waited for
        return FrameSource(self, progress)

    def records(self) -> Iterator[tuple[bytes, int]]:
        """Each batch as a record, with its rows; it is kept until it is decoded."""
        for number, batch in enumerate(self._data.batches()):
            record = str(number).encode()
            self._batches[record] = batch
            yield record, batch[0]

    def take(self, record: bytes) -> tuple[int, Columns]:
        """A batch, once."""
        return self._batches.pop(record)

    def decoder(self, options: Mapping[str, Any], models: Mapping[str, Fields]) -> "FrameDecoder":
        """A decoder for one model."""
        return FrameDecoder(self, options, models)


class FrameDecoder:
    """Batches of columns → rows, by the code that decodes Arrow and CSV."""

    def __init__(self, events: FrameEvents, options: Mapping[str, Any], models: Mapping[str, Fields]) -> None:
        from ingest.decoding.mapping import EventMap
        from ingest.decoding.tables import Tables

        self._events = events
        self._tables = Tables(EventMap.parse(options["map"]), models)

    def decode(self, values: Sequence[bytes | None], timestamps: Sequence[int]) -> Decoded:
        """Decode batches."""
        from ingest.decoding.tables import Found

        found = Found()
        rejected: list[Rejected] = []
        for record, (value, timestamp) in enumerate(zip(values, timestamps, strict=True)):
            self._tables.decode(self._batch(record, *self._events.take(value or b""), timestamp), found, rejected)
        return found.decoded(rejected)

    @staticmethod
    def _batch(record: int, n: int, columns: Columns, timestamp: int) -> Any:
        import pyarrow as pa

        from ingest.decoding.tables import Batch

        mixed = {name: column for name, column in columns.items() if isinstance(column, list)}
        arrays = {
            name: pa.nulls(n) if name in mixed else pa.array(column, from_pandas=True)
            for name, column in columns.items()
        }
        return Batch(pa.table(arrays), np.full(n, record), np.arange(n), np.full(n, timestamp), mixed)


class FrameSource:
    """One partition that ends; a record a poll."""

    name = "frame"
    flush_interval = 5.0

    def __init__(self, events: FrameEvents, progress: Any) -> None:
        self._records, self._progress = events.records(), progress
        self._rows, self._all, self._position = 0, events.rows, 0
        self._assigned = False

    def poll(self, timeout: float, max_records: int) -> Poll:
        """The next batch; the first call assigns the partition."""
        if not self._assigned:
            self._assigned = True
            return Poll(assigned=(_PARTITION,))
        record, rows = next(self._records, (None, 0))
        self._rows += rows
        self._progress(self._rows, self._all)
        first, values = self._position, [] if record is None else [record]
        self._position = first + len(values)
        done = self._rows >= self._all
        offsets = range(first, self._position)
        return Poll((Chunk(_PARTITION, offsets, [-1] * len(values), values, self._position, self._position, done),))

    def start(self, claims: Sequence[Claim]) -> None:
        """It begins at the beginning: its store is new."""

    def commit(self, positions: Mapping[Partition, int], metadata: str) -> None:
        """Nothing to tell."""

    def refuse(self, letters: Sequence[DeadLetter]) -> None:
        """Nothing to tell: the store has the dead letters."""

    def answers(self, positions: Mapping[Partition, int]) -> Mapping[str, bytes]:
        """Nobody waits for an answer."""
        return {}

    def repeated(self, answers: Mapping[str, bytes]) -> None:
        """Nobody asked."""

    def pause(self) -> None:
        """The store is a file of our own: it is not away for long."""

    def resume(self) -> None:
        """See `pause`."""

    def log_ends(self) -> Mapping[Partition, int]:
        """How many batches were read."""
        return {_PARTITION: self._position}

    def partitions(self) -> Sequence[Partition]:
        """The one there is."""
        return (_PARTITION,)

    def close(self) -> None:
        """Nothing is open."""
