"""The reference's own stretches of time: how it varies from hour to hour, for everything that judges later windows."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from drift.core.clock import DAY, HOUR, MINUTE
from drift.core.derive import NO_TIME
from drift.core.profile import Sums
from drift.core.rows import Rows

Ints = npt.NDArray[np.int64]

LADDER: Final = (5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY)
MOST: Final = 4_000
MOST_HOURS: Final = 9_000
"""A year of hours (8,784) stays hourly; a column of a chunk takes up to 350 bytes packed: 60 MB for 20 columns …"""
WIDE: Final = 200
"""… and of more columns than these there are at most 4,000 hours."""
HELD_INTS: Final = 1 << 24
"""Counters of chunks kept unpacked (128 MB); the chunks not touched for longest are packed."""

AT_ONCE: Final = 1 << 16
"""Counters of chunks counted together: half a megabyte stays in the cache. All at once takes three times as long."""


class Resolution:
    """Finds the finest chunk length of the ladder that gives at most 4,000 chunks with rows in them; 9,000 hours."""

    def __init__(self, pane: int, columns: int = 1) -> None:
        self._hours = MOST_HOURS if columns <= WIDE else MOST
        self._starts = {length: set[int]() for length in LADDER if length >= pane}
        self.untimed = 0
        self.first: int | None = None
        self.last: int | None = None

    def see(self, time: Ints) -> None:
        """Event times of a batch; `NO_TIME` where there is none."""
        there = time[time != NO_TIME]
        self.untimed += int(time.size - there.size)
        if not there.size:
            return
        first, last = int(there.min()), int(there.max())
        self.first = first if self.first is None else min(first, self.first)
        self.last = last if self.last is None else max(last, self.last)
        longest = max(self._starts)
        for length in list(self._starts):
            self._starts[length].update(np.unique(there // length).tolist())
            most = self._hours if length >= HOUR else MOST
            if len(self._starts[length]) > most and length != longest:
                del self._starts[length]

    @property
    def length(self) -> int | None:
        """Microseconds; None where no row has a time."""
        length = min(self._starts)
        return length if self._starts[length] else None


class Chunks:
    """`(start, end, sums)` of every stretch of time with rows in it, ascending. Held packed."""

    def __init__(self, length: int, packed: dict[int, bytes]) -> None:
        self.length = length
        self._packed = packed
        self._starts = sorted(packed)

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[tuple[int, int, Sums]]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, at: int) -> tuple[int, int, Sums]:
        start = self._starts[at]
        return start, start + self.length, Sums.load(self._packed[start])


class Counts(Protocol):
    """What makes sums of rows: a `Counter`, or what counts their outcomes."""

    def count(self, rows: Rows, pane: Ints, panes: int) -> list[Sums]:
        """Sums of each of some panes; `pane` (n,) says to which each row belongs."""

    def empty(self) -> Sums:
        """The sums of no rows."""


class ChunkCounter:
    """Counts rows into chunks and adds them all up. The order of rows and batches makes no difference."""

    def __init__(self, counter: Counts, length: int | None) -> None:
        self._counter = counter
        self._length = length or 1
        self._timed = length is not None
        self._whole = counter.empty()
        per_chunk = self._whole.ints.size + self._whole.cross.size
        self._at_once = max(1, AT_ONCE // per_chunk)
        self._held = max(1, HELD_INTS // per_chunk)
        self._open: OrderedDict[int, Sums] = OrderedDict()
        self._packed: dict[int, bytes] = {}

    def count(self, rows: Rows) -> None:
        """Rows without a time count in the whole and in no chunk."""
        chunk = rows.time // self._length
        chunk[rows.time == NO_TIME] = NO_TIME
        if not self._timed:
            chunk[:] = NO_TIME
        present, place = np.unique(chunk, return_inverse=True)
        if present.size == 1:
            self._add(present, self._counter.count(rows, place, 1))
            return
        order = np.argsort(place, kind="stable")
        for first in range(0, present.size, self._at_once):
            last = min(first + self._at_once, present.size)
            begin, end = np.searchsorted(place[order], [first, last])
            at = order[begin:end]
            self._add(present[first:last], self._counter.count(rows.take(at), place[at] - first, last - first))

    def finish(self) -> tuple[Sums, Chunks]:
        """The whole reference's sums, and its chunks."""
        while self._open:
            self._pack()
        return self._whole, Chunks(self._length, self._packed)

    def _add(self, chunks: Ints, counted: list[Sums]) -> None:
        self._whole = Sums.total([self._whole, *counted])
        for chunk, sums in zip(chunks.tolist(), counted, strict=True):
            if chunk == NO_TIME:
                continue
            start = chunk * self._length
            had = self._open.get(start)
            if had is None and start in self._packed:
                had = Sums.load(self._packed.pop(start))
            self._open[start] = sums if had is None else had + sums
            self._open.move_to_end(start)
            if len(self._open) > self._held:
                self._pack()

    def _pack(self) -> None:
        start, sums = self._open.popitem(last=False)
        self._packed[start] = sums.dump()
