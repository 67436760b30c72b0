"""Reading a pandas DataFrame that is in memory already."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from drift.core.columnar import Columns
from drift.reference.data import BATCH_ROWS, check_names
from drift.reference.options import Limits


class FrameData:
    """A pandas DataFrame in memory. Its index is not looked at."""

    notes: tuple[str, ...] = ()

    def __init__(self, frame: Any, limits: Limits) -> None:
        names = [str(name) for name in frame.columns]
        self.names = check_names([name for name in names if name], limits, "the DataFrame")
        self.rows: int | None = len(frame)
        self._columns = {name: _raw(frame.iloc[:, at]) for at, name in enumerate(names) if name}

    def batches(self) -> Iterator[tuple[int, Columns]]:
        """Number of rows and columns of each batch."""
        rows = self.rows or 0
        for start in range(0, rows, BATCH_ROWS):
            at = slice(start, min(start + BATCH_ROWS, rows))
            yield at.stop - start, {name: _cut(column, at) for name, column in self._columns.items()}

    def digest(self) -> str:
        """SHA-256 of names, types and values; the same for the same values in a frame of the same types."""
        digest = hashlib.sha256("\0".join(self.names).encode("utf-8", "replace"))
        for _, columns in self.batches():
            for column in columns.values():
                _feed(digest, column)
        return digest.hexdigest()


def _raw(series: Any) -> Any:
    """NumPy's own types as an array without a copy; the others stay pandas until they are cut."""
    kind = getattr(series.dtype, "kind", "O")
    return series.to_numpy() if isinstance(series.dtype, np.dtype) and kind in "biufM" else series


def _cut(column: Any, at: slice) -> Any:
    if isinstance(column, np.ndarray):
        return column[at]

    part = column.iloc[at]
    return of_values(part) if part.dtype == object else _array(part)


def of_values(values: Any) -> Any:
    """Python values as a `pyarrow.Array` where they are of one type, else as the list that they are."""
    return _array(values) if _of_one_type(values) else list(values)


def _array(values: Any) -> Any:
    import pyarrow as pa

    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return list(values)


def _of_one_type(values: Any) -> bool:
    """Whether Arrow may choose the type: among several it takes the first one's, and False becomes 0.0."""
    types = {type(value) for value in values if value is not None and not (isinstance(value, float) and value != value)}
    names = {kind.__name__ for kind in types} - {"NAType", "NaTType"}
    return len(names) <= 1 or names <= {"int", "float"}


def _feed(digest: Any, column: Any) -> None:
    if isinstance(column, np.ndarray):
        digest.update(str(column.dtype).encode())
        digest.update(np.ascontiguousarray(column).view(np.uint8))
    elif isinstance(column, list):
        digest.update(repr(column).encode("utf-8", "replace"))
    else:
        import pyarrow as pa

        for array in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
            batch = pa.record_batch([array], ["x"])
            digest.update(str(batch.schema).encode())
            digest.update(memoryview(batch.serialize()))
