"""Arrow IPC: each record is a stream (or a file) of record batches, as many rows as fit. The fast way in.

See `ingest.decoding.tables` for where things stand. A producer may write the model's name once, into the schema's
metadata. Records of one schema are decoded together, but what becomes of a row depends on its record alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drift.core.errors import ConfigError, RecordRejected
from drift.core.records import EMPTY, MALFORMED, TOO_LARGE, Decoded, Rejected
from drift.core.rows import Fields
from ingest.decoding.mapping import EventMap
from ingest.decoding.tables import Batch, Found, Tables, text_times

MAX_BATCH: Final = 64 << 20
MOST_ROWS: Final = 1 << 20
"""Rows in one record: a few bytes of Arrow can claim billions."""
_KEPT: Final = 1 << 16
_FILE: Final = b"ARROW1"


class Options(BaseModel):
    """What can be said about a stream of Arrow batches."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    map: dict[str, Any] | None = None
    """Where the parts of an event stand, if not in columns of their own names."""
    max_record: int = Field(default=MAX_BATCH, gt=0)
    """Bytes; larger records are dead letters."""


def decoder(options: Mapping[str, Any], models: Mapping[str, Fields]) -> "ArrowDecoder":
    """A decoder for these models.

    Raises:
        ConfigError: an option that does not exist, or a map that cannot be.
    """
    try:
        return ArrowDecoder(Options.model_validate(dict(options)), models)
    except ValidationError as error:
        raise ConfigError(f"format arrow: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from error


class ArrowDecoder:
    """See the module. Built once per catalogue version, then reused."""

    def __init__(self, options: Options, models: Mapping[str, Fields]) -> None:
        self._limit = options.max_record
        self._map = EventMap.parse(options.map) if options.map is not None else None
        self._tables = Tables(self._map, models)

    def decode(self, values: Sequence[bytes | None], timestamps: Sequence[int]) -> Decoded:
        """Decode records; `timestamps` (microseconds, −1 none) are used where the map names no time."""
        found = Found()
        rejected: list[Rejected] = []
        runs: list[_Run] = []
        for record, value in enumerate(values):
            try:
                self._gather(self._read(value), record, runs)
            except RecordRejected as error:
                rejected.append(Rejected(record, 0, error.reason, error.detail, (value or b"")[:_KEPT]))
        for run in runs:
            self._decode(run, np.asarray(timestamps, np.int64), values, found, rejected)
        return found.decoded(rejected)

    def _decode(
        self, run: "_Run", timestamps: npt.NDArray[np.int64], values: Sequence[bytes | None],
        whole: Found, rejected: list[Rejected],
    ) -> None:  # fmt: skip
        """All of a run; where something in it cannot be, each record by itself."""
        found = Found()
        refused: list[Rejected] = []
        try:
            self._tables.decode(run.batch(timestamps), found, refused)
        except _broken() as error:
            if len(run.records) > 1:
                for alone in run.apart():
                    self._decode(alone, timestamps, values, whole, rejected)
                return
            found, record = Found(), run.records[0]
            detail = f"a column cannot be read: {_said(error)}"
            refused = [Rejected(record, 0, MALFORMED, detail, (values[record] or b"")[:_KEPT])]
        rejected += refused
        whole.add(found)

    def _read(self, value: bytes | None) -> list[Any]:
        """The batches of one record, all of them or none."""
        if not value:
            raise RecordRejected(EMPTY, "the record has no value (a tombstone)")
        if len(value) > self._limit:
            detail = f"{len(value):,} bytes are more than the {self._limit:,} that max_record allows"
            raise RecordRejected(TOO_LARGE, detail)
        try:
            batches = list(_batches(value))
        except _broken() as error:
            raise RecordRejected(MALFORMED, f"the record is no Arrow IPC stream: {_said(error)}") from error
        rows = sum(batch.num_rows for batch in batches)
        if not rows or rows > MOST_ROWS:
            detail = f"{rows:,} rows are more than {MOST_ROWS:,}" if rows else "the stream holds no row"
            raise RecordRejected(TOO_LARGE if rows else EMPTY, detail)
        return batches

    def _gather(self, batches: list[Any], record: int, runs: list["_Run"]) -> None:
        """Add a record's batches to those of the same schema before it: a column costs by the piece as well."""
        schema = batches[0].schema
        last = runs[-1] if runs else None
        if last is None or not last.open or not last.schema.equals(schema, check_metadata=True):
            last = _Run(schema, not text_times(schema, self._map))
            runs.append(last)
        last.records.append(record)
        last.batches.append(batches)


@dataclass(slots=True)
class _Run:
    """Records of one schema in a row."""

    schema: Any
    open: bool
    """Whether others may join."""
    records: list[int] = field(default_factory=list)
    batches: list[list[Any]] = field(default_factory=list)
    """For each record, its batches."""

    def apart(self) -> list["_Run"]:
        """Each record by itself."""
        return [_Run(self.schema, False, [r], [b]) for r, b in zip(self.records, self.batches, strict=True)]

    def batch(self, timestamps: npt.NDArray[np.int64]) -> Batch:
        """All of it at once."""
        import pyarrow as pa

        sizes = np.array([sum(batch.num_rows for batch in batches) for batches in self.batches], np.int64)
        record = np.repeat(np.array(self.records, np.int64), sizes)
        starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
        batches = list(chain.from_iterable(self.batches))
        table = pa.Table.from_batches(batches) if len(batches) > 1 else batches[0]
        return Batch(table, record, np.arange(record.size) - starts, timestamps[record])


def _broken() -> tuple[type[Exception], ...]:
    """What pyarrow raises for values that cannot be."""
    import pyarrow as pa

    return pa.ArrowException, ValueError, OverflowError, TypeError, OSError, MemoryError


def _said(error: Exception) -> str:
    return ascii(str(error).partition("\n")[0])[1:-1]


def _batches(value: bytes) -> Iterator[Any]:
    import pyarrow as pa

    source = pa.py_buffer(value)
    reader = pa.ipc.open_file(source) if value.startswith(_FILE) else pa.ipc.open_stream(source)
    batches = (reader.get_batch(i) for i in range(reader.num_record_batches)) if value.startswith(_FILE) else reader
    for batch in batches:
        # lengths and offsets come from the sender; what does not fit would be read beyond its buffer
        batch.validate(full=True)
        yield batch
