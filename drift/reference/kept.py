"""The reference's own row sample, and the column that tells rows apart."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from drift.core.rows import Fields, Rows
from drift.core.sample import RowSample, id_hashes
from drift.core.schema import Column, Kind, Role, Storage

ID = Column("id", Kind.CATEGORICAL, Role.ID, Storage.STRING)
"""What identifies an event where the reference's data has no such column."""


def with_id(columns: Iterable[Column]) -> tuple[Column, ...]:
    """The columns, and one for the event's id where none has that role and the name is free."""
    listed = tuple(columns)
    if any(column.role is Role.ID or column.name == ID.name for column in listed):
        return listed
    return (*listed, ID)


class Kept:
    """Samples the rows of a reference as it is read; a row without an id is known by its number."""

    def __init__(self, size: int, fields: Fields) -> None:
        self._size, self._fields = size, fields
        self._seen = 0
        self.sample: RowSample | None = None

    def see(self, rows: Rows) -> None:
        """The next rows."""
        first = self._seen
        self._seen += len(rows)
        if not self._size:
            return

        def places(at: npt.NDArray[np.int64]) -> list[str]:
            return [f"row {first + i}" for i in at.tolist()]

        part = RowSample.of(rows, id_hashes(rows, self._fields, places), self._size, self._fields)
        self.sample = part if self.sample is None else RowSample.merge((self.sample, part))
