"""CSV: each record is a header line and some rows below it, as the file source cuts them.

Cells are read as a reference's are (`drift.core.texts`): a number column's cell is a number, missing, or a wrong type.
Columns are found by name, as `ingest.decoding.tables` says. Times are RFC 3339 with a zone, or epoch numbers. A row of
more or fewer cells than the header is refused by itself.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drift.core import texts
from drift.core.errors import ConfigError, RecordRejected
from drift.core.records import EMPTY, MALFORMED, TOO_LARGE, Decoded, Rejected
from drift.core.rows import Fields
from drift.core.schema import Storage
from ingest.decoding.mapping import EventMap
from ingest.decoding.tables import Batch, Found, Tables

MAX_BLOCK: Final = 16 << 20
_KEPT: Final = 1 << 16


class Options(BaseModel):
    """What can be said about a stream of CSV."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    map: dict[str, Any] | None = None
    """Which columns the parts of an event are, if not those of their own names."""
    max_record: int = Field(default=MAX_BLOCK, gt=0)
    """Bytes; larger records are dead letters."""


def decoder(options: Mapping[str, Any], models: Mapping[str, Fields]) -> "CsvDecoder":
    """A decoder for these models.

    Raises:
        ConfigError: an option that does not exist, or a map that cannot be.
    """
    try:
        return CsvDecoder(Options.model_validate(dict(options)), models)
    except ValidationError as error:
        raise ConfigError(f"format csv: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from error


class CsvDecoder:
    """See the module. Built once per catalogue version, then reused."""

    def __init__(self, options: Options, models: Mapping[str, Fields]) -> None:
        self._limit = options.max_record
        self._map = EventMap.parse(options.map) if options.map is not None else None
        self._tables = Tables(self._map, models, typed=False)
        self._storage = _storages(self._map, models)
        self._time = self._map.time if self._map else ("time",)

    def decode(self, values: Sequence[bytes | None], timestamps: Sequence[int]) -> Decoded:
        """Decode records; `timestamps` (microseconds, −1 none) are used where the map names no time."""
        found = Found()
        rejected: list[Rejected] = []
        for record, (value, timestamp) in enumerate(zip(values, timestamps, strict=True)):
            try:
                batch, odd = self._batch(value, record, timestamp)
                rejected += odd
                self._tables.decode(batch, found, rejected)
            except RecordRejected as error:
                rejected.append(Rejected(record, 0, error.reason, error.detail, (value or b"")[:_KEPT]))
        return found.decoded(rejected)

    def _batch(self, value: bytes | None, record: int, timestamp: int) -> tuple[Batch, list[Rejected]]:
        import pyarrow as pa

        if value is None or not value.strip():
            raise RecordRejected(EMPTY, "the record has no value, or nothing but blank lines")
        if len(value) > self._limit:
            detail = f"{len(value):,} bytes are more than the {self._limit:,} that max_record allows"
            raise RecordRejected(TOO_LARGE, detail)
        try:
            table, odd = _read(value, record)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            said = ascii(str(error).partition("\n")[0])[1:-1]
            raise RecordRejected(MALFORMED, f"the record is no CSV: {said}") from error
        n = table.num_rows
        if not n and not odd:
            raise RecordRejected(EMPTY, "no row stands below the header")
        columns, mixed = self._typed(table)
        table = pa.table(columns) if columns else table.select([])
        index = np.delete(np.arange(n + len(odd)), [bad.index for bad in odd if bad.index < n + len(odd)])[:n]
        return Batch(table, np.full(n, record), index, np.full(n, timestamp), mixed), odd

    def _typed(self, table: Any) -> tuple[dict[str, Any], dict[str, list[Any]]]:
        """Columns by name; apart from them those of which some cells are numbers and others are not."""
        columns: dict[str, Any] = {}
        mixed: dict[str, list[Any]] = {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            kind = self._storage.get(name, Storage.STRING)
            found = texts.typed(column.combine_chunks(), Storage.NUMBER if (name,) == self._time else kind)
            if isinstance(found, list):
                mixed[name] = found
                found = column
            columns[name] = found
        return columns, mixed


def _storages(events: EventMap | None, models: Mapping[str, Fields]) -> dict[str, Storage]:
    """What the cells of a column are, by its name in the file."""
    found: dict[str, Storage] = {}
    for fields in models.values():
        for column in (*fields.keys, *fields.numbers):
            path = events.place(column, fields) if events else (column.field,)
            if path:
                found[path[-1]] = column.storage
                if events is None:
                    # the column may also be called by its role
                    found.setdefault(column.role.value, column.storage)
    return found


def _read(value: bytes, record: int) -> tuple[Any, list[Rejected]]:
    """The table below the header, and the rows that have another number of cells."""
    import pyarrow as pa
    import pyarrow.csv as pc

    value.decode()  # raises here what could not be raised out of `refuse`
    header = value[: value.find(b"\n") + 1].decode("utf-8-sig")
    delimiter = texts.delimiter_of(header)
    names = [name.strip() for name in pc.read_csv(
        io.BytesIO(header.encode()), pc.ReadOptions(autogenerate_column_names=True, use_threads=False),
        pc.ParseOptions(delimiter=delimiter), pc.ConvertOptions(null_values=[], strings_can_be_null=False),
    ).to_pylist()[0].values()]  # fmt: skip
    # columns are read by place, so that one without a name does no harm
    places = [str(at) for at in range(len(names))]
    odd: list[Rejected] = []

    def refuse(row: Any) -> str:
        detail = f"{row.actual_columns} cells where the header has {row.expected_columns}"
        # rows are numbered from 1, the header's
        odd.append(Rejected(record, row.number - 2, MALFORMED, detail, row.text.encode()[:_KEPT]))
        return "skip"

    table = pc.read_csv(
        io.BytesIO(value),
        pc.ReadOptions(column_names=places, skip_rows=1, use_threads=False, block_size=len(value) + 1),
        pc.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse),
        pc.ConvertOptions(
            column_types=dict.fromkeys(places, pa.string()), null_values=texts.NULLS, strings_can_be_null=True
        ),
    )
    kept = {name: at for at, name in enumerate(names) if name}
    return table.select([places[at] for at in kept.values()]).rename_columns(list(kept)), odd
