"""Fields of events that no reference has: which, how often, of what JSON type.

They are counted on some of the events only (decoding them in full would cost a third of all decoding), so that what is
said of them is an estimate: shares of the events looked at. It is kept beside a pane's sums, never in them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from drift.core.clock import MINUTE
from drift.core.errors import ProfileMismatch
from drift.core.schema import MAX_NAME, Storage

MOST_FIELDS: Final = 60
"""Names that are kept of a stretch: those seen most often, of equals the first by name."""
RAREST: Final = 512
"""At least one in so many events of a batch is looked at, and at least one of every batch."""
OFTEN: Final = 16
"""One in so many at most where a batch reaches over hours (a slow log read anew): one for each `EACH`."""
EACH: Final = 5 * MINUTE
FEW: Final = 8
"""All events of so small a batch are looked at."""

Ints = npt.NDArray[np.int64]
Shape = tuple[tuple[str, Storage | None], ...]
"""Unknown fields of one event with their types (None: an object, or not known), sorted by name; most often empty."""


def places(time: Ints) -> range:
    """Positions of the events of a batch that are looked at; `time` (n,) is theirs, microseconds."""
    n = time.size
    each = n * EACH // max(abs(int(time[-1] - time[0])), 1) if n else 0
    step = 1 if n <= FEW else min(RAREST, n, max(OFTEN, each))
    # odd: producers that take turns are looked at in turn
    return range(0, n, step | 1)


def shape_of(fields: Mapping[str, object]) -> Shape:
    """The shape of unknown fields with their values; null is absent, names are cut at 512 characters."""
    found = {clipped(name): _storage(value) for name, value in fields.items() if value is not None}
    return tuple(sorted(found.items())[: MOST_FIELDS + 1])  # one more, so that merging notices


def clipped(name: str) -> str:
    """A field's name as it is kept."""
    # no database takes NUL or lone surrogates
    text = name.replace("\0", "\ufffd")[:MAX_NAME]
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _storage(value: object) -> Storage | None:
    if isinstance(value, bool):
        return Storage.BOOLEAN
    if isinstance(value, int | float):
        return Storage.NUMBER
    return Storage.STRING if isinstance(value, str) else Storage.LIST if isinstance(value, list) else None


@dataclass(frozen=True, slots=True)
class Looked:
    """The events of a batch that were looked at."""

    at: Ints
    """(k,) positions in the batch."""
    shape: Ints
    """(k,) index into `shapes`."""
    shapes: Sequence[Shape]

    @staticmethod
    def of(found: Sequence[tuple[int, Shape]]) -> "Looked":
        """From positions and shapes."""
        number: dict[Shape, int] = {}
        shape = [number.setdefault(shape, len(number)) for _, shape in found]
        return Looked(np.array([at for at, _ in found], np.int64), np.array(shape, np.int64), tuple(number))

    @staticmethod
    def join(parts: Sequence["Looked | None"], starts: Iterable[int]) -> "Looked | None":
        """Those of batches that are joined; `starts` says where each begins."""
        some = [(part, start) for part, start in zip(parts, starts, strict=False) if part is not None]
        if not some:
            return None
        number: dict[Shape, int] = {}
        renumbered = [
            np.array([number.setdefault(s, len(number)) for s in part.shapes], np.int64)[part.shape] for part, _ in some
        ]
        at = np.concatenate([part.at + start for part, start in some])
        return Looked(at, np.concatenate(renumbered), tuple(number))

    def take(self, place: Ints) -> "Looked":
        """Those that stay when events move; `place` (n,) says where each is put, −1 for those that are left out."""
        moved = place[self.at]
        return Looked(moved[moved >= 0], self.shape[moved >= 0], self.shapes)

    def without(self, known: Collection[str]) -> "Looked":
        """The same, with these fields counted as known."""
        if not any(name in known for shape in self.shapes for name, _ in shape):
            return self
        shapes = [tuple(field for field in shape if field[0] not in known) for shape in self.shapes]
        return Looked(self.at, self.shape, shapes)

    def sums(self, pane: Ints, panes: int) -> "list[FieldSums]":
        """Counted by pane; `pane` (n,) is that of each event of the batch."""
        key, count = np.unique(pane[self.at] * max(len(self.shapes), 1) + self.shape, return_counts=True)
        found = [FieldSums() for _ in range(panes)]
        for number, n in zip(key.tolist(), count.tolist(), strict=True):
            at, shape = divmod(number, max(len(self.shapes), 1))
            seen = {name: {storage.value if storage else "": n} for name, storage in self.shapes[shape]}
            found[at] = FieldSums.merge((found[at], FieldSums(n, seen)))
        return found


@dataclass(frozen=True, slots=True)
class FieldSums:
    """What was seen in a stretch of event time."""

    looked: int = 0
    """Events looked at."""
    seen: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Field → JSON type ('' for objects, and where it is not known) → events that had it."""
    more: bool = False
    """Whether there were more names than are kept."""

    def events(self, name: str) -> int:
        """Events that had a field, of those looked at."""
        return sum(self.seen.get(name, {}).values())

    def storage(self, name: str) -> Storage | None:
        """The JSON type that a field had most often; None: an object, or not known."""
        counts = self.seen[name]
        word = min(counts, key=lambda word: (-counts[word], word))
        return Storage(word) if word else None

    @property
    def nbytes(self) -> int:
        """About what it takes to store."""
        return 16 + sum(len(name) + 16 for name in self.seen)

    @staticmethod
    def merge(parts: Iterable["FieldSums"]) -> "FieldSums":
        """Added up. Where names have to go, the rarest do."""
        looked, more, seen = 0, False, dict[str, dict[str, int]]()
        for part in parts:
            looked, more = looked + part.looked, more or part.more
            for name, counts in part.seen.items():
                mine = seen.setdefault(name, {})
                for word, n in counts.items():
                    mine[word] = mine.get(word, 0) + n
        kept = sorted(seen, key=lambda name: (-sum(seen[name].values()), name))[:MOST_FIELDS]
        return FieldSums(looked, {name: seen[name] for name in sorted(kept)}, more or len(kept) < len(seen))

    def dump(self) -> bytes:
        """As bytes."""
        return msgspec.msgpack.encode((self.looked, self.seen, self.more))

    @staticmethod
    def load(data: bytes) -> "FieldSums":
        """Read what `dump` wrote.

        Raises:
            ProfileMismatch: the bytes are not such a dump.
        """
        try:
            return FieldSums(*msgspec.msgpack.decode(data, type=tuple[int, dict[str, dict[str, int]], bool]))
        except msgspec.MsgspecError as error:
            raise ProfileMismatch("stored counts of unknown fields cannot be read; is the store damaged?") from error

    @staticmethod
    def fold(blobs: Iterable[bytes]) -> bytes:
        """Dumps added up."""
        return FieldSums.merge(map(FieldSums.load, blobs)).dump()


@dataclass(frozen=True, slots=True)
class FieldsSeen:
    """Unknown fields of a stretch, and when each was seen first and last."""

    sums: FieldSums
    first: Mapping[str, int]
    """Field → start of the first pane (once compacted: hour, day) that had it, microseconds."""
    last: Mapping[str, int]
    """Field → end of the last."""
