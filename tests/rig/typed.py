"""One table in every format: as a reference file, and as events in JSON, Arrow and CSV."""

import io
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from drift.core.counting import Counter
from drift.core.profile import Profile, Sums
from drift.core.rows import Fields, Rows
from drift.reference import BuiltReference
from ingest import formats
from ingest.decoding.fields import union

MODEL: Final = "m"
FILES: Final = ("parquet", "csv", "jsonl")
EVENTS: Final = ("json", "arrow", "csv")


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value.item() if isinstance(value, np.generic) else value


def lines(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON objects."""
    return [{str(name): plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def write(frame: pd.DataFrame, path: Path) -> Path:
    """The table as a Parquet, CSV or JSON Lines file, by the suffix."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
    elif path.suffix == ".csv":
        path.write_text(_written(frame).to_csv(index=False))
    else:
        path.write_text("".join(json.dumps(line) + "\n" for line in lines(frame)))
    return path


def _written(frame: pd.DataFrame) -> pd.DataFrame:
    """Lists as JSON text, booleans in lower case, moments as ISO texts."""
    return pd.DataFrame({
        name: [
            json.dumps(value) if isinstance(value, list | bool) else plain(value) if value is not None else None
            for value in column.tolist()
        ]
        for name, column in frame.items()
    }, dtype=object)  # fmt: skip


def events(frame: pd.DataFrame, payload: str) -> list[bytes]:
    """The table's rows as records: one a row in JSON, one for all in Arrow and CSV. `time` is the event's time."""
    if payload == "json":
        return [
            json.dumps({"model": MODEL, "time": line.pop("time", None), "features": line}).encode()
            for line in lines(frame)
        ]
    if payload == "csv":
        return [_written(frame).assign(model=MODEL).to_csv(index=False).encode()]
    table = pa.Table.from_pandas(frame, preserve_index=False).append_column("model", pa.array([MODEL] * len(frame)))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return [sink.getvalue()]


def decoded(records: Sequence[bytes], payload: str, *references: BuiltReference) -> Rows:
    """What a worker reads of these records."""
    fields = union([reference.schema for reference in references])
    found = formats.decoder(payload, {}, {MODEL: fields}).decode(records, [-1] * len(records))
    assert not found.rejected, found.rejected[0]
    return found.rows[MODEL]


def counted(rows: Rows, reference: BuiltReference) -> Sums:
    """What these rows leave behind on a reference's grid."""
    mine = rows.project(Fields.of(reference.schema))
    return Counter(reference.grid).count(mine, np.zeros(len(mine), np.int64), 1)[0]


def differences(one: Sums, other: Sums, reference: BuiltReference) -> dict[str, tuple[list[int], list[int]]]:
    """Columns whose counts differ, with both; everything else must be equal too."""
    left, right = Profile(reference.grid, one), Profile(reference.grid, other)
    found = {
        name: (left.column_counts(i).tolist(), right.column_counts(i).tolist())
        for i, name in enumerate(reference.grid.names)
        if not np.array_equal(left.column_counts(i), right.column_counts(i))
    }
    assert found or (np.array_equal(one.ints, other.ints) and np.array_equal(one.low, other.low)), "sums differ"
    return found
