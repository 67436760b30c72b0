"""Numbered rows: where events have no time, row i of the file gets one, so that N rows make a window of an hour."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from drift.backtesting.plan import ROW
from drift.core.clock import DAY, HOUR
from drift.core.columnar import Columns
from drift.core.records import Decoded
from drift.core.rows import Rows
from drift.core.schema import Schema
from drift.pipeline.ports import Decoder, DecoderFactory
from drift.reference.data import Data

Ints = npt.NDArray[np.int64]

# Mondays at midnight; the reference lies before the events, with room for 260,000 windows
REFERENCE: Final = 368 * DAY
EVENTS: Final = 11_323 * DAY


@dataclass(frozen=True, slots=True)
class Numbering:
    """Rows spread evenly over windows of an hour, `per_window` in each, the first row at `base`."""

    per_window: int
    base: int = EVENTS

    def times(self, first: int, n: int) -> Ints:
        """(n,) microseconds of the rows from number `first` on."""
        return self.base + np.arange(first, first + n, dtype=np.int64) * HOUR // self.per_window

    def row(self, time: int) -> int:
        """The first row at or after a time."""
        return -(-(time - self.base) * self.per_window // HOUR)


class NumberedData:
    """A table with one more column, `ROW`: the time that each row's number stands for."""

    def __init__(self, data: Data, numbering: Numbering) -> None:
        self._data, self._numbering = data, numbering
        self.names = (*data.names, ROW)
        self.rows, self.notes = data.rows, data.notes

    def batches(self) -> Iterator[tuple[int, Columns]]:
        """Number of rows and columns of each batch."""
        first = 0
        for n, columns in self._data.batches():
            yield n, {**columns, ROW: self._numbering.times(first, n)}
            first += n

    def digest(self) -> str:
        """SHA-256 of the content without the numbers."""
        return self._data.digest()


class _Numbered:
    """A decoder that gives rows the times of their numbers."""

    def __init__(self, inner: Decoder, count: "_Count") -> None:
        self._inner, self._count = inner, count

    def decode(self, values: Sequence[bytes | None], timestamps: Sequence[int]) -> Decoded:
        """Decode records in the file's order; rows that are refused get no number."""
        found = self._inner.decode(values, [0] * len(values))
        return Decoded({name: self._count.number(rows) for name, rows in found.rows.items()}, found.rejected)


class _Count:
    """How many rows have a number."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbering, self._next = numbering, 0

    def number(self, rows: Rows) -> Rows:
        """Rows with times by their order in the file."""
        time = np.empty(len(rows), np.int64)
        time[np.argsort(rows.record, kind="stable")] = self._numbering.times(self._next, len(rows))
        self._next += len(rows)
        return replace(rows, time=time)


def numbered(make: DecoderFactory, numbering: Numbering) -> DecoderFactory:
    """A factory of decoders that number rows; the count goes on from one decoder to the next."""
    count = _Count(numbering)

    def decoder(models: Mapping[str, Sequence[Schema]]) -> Decoder:
        return _Numbered(make(models), count)

    return decoder
