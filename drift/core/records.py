"""Raw records as they come from a source, and what decoding makes of them."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from drift.core.commit import Partition
from drift.core.errors import OffsetGap
from drift.core.rows import Rows

MAX_RECORD: Final = 1 << 20
"""Default limit on one record's bytes; larger ones are dead letters."""

# Reasons of dead letters: the values of a metric label, so they are few and fixed.
MALFORMED: Final = "malformed"
TOO_LARGE: Final = "too_large"
UNKNOWN_MODEL: Final = "unknown_model"
MISSING_TIME: Final = "missing_time"
BAD_TIME: Final = "bad_time"
FUTURE_TIME: Final = "future_time"
WRONG_TYPE_REASON: Final = "wrong_type"
EMPTY: Final = "empty"
LABEL_ONLY: Final = "label_only"
REASONS: Final = (
    MALFORMED, TOO_LARGE, UNKNOWN_MODEL, MISSING_TIME, BAD_TIME, FUTURE_TIME, WRONG_TYPE_REASON, EMPTY, LABEL_ONLY,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one partition in offset order. The four sequences have one entry a record."""

    partition: Partition
    offsets: Sequence[int]
    timestamps: Sequence[int]
    """The records' own times, microseconds; −1 where there is none."""
    values: Sequence[bytes | None]
    next: int
    """The position after the last record; past last offset + 1 where the log has holes (compaction, transactions)."""
    log_end: int
    """The partition's end as the client knows it."""
    finished: bool = False
    """Nothing will ever follow (the end of a file that is not followed)."""

    def after(self, position: int) -> "Chunk":
        """The records at or after this position."""
        first = bisect_left(self.offsets, position)
        return replace(
            self, offsets=self.offsets[first:], timestamps=self.timestamps[first:], values=self.values[first:]
        )

    def pieces(self, most: int) -> "Iterator[Chunk]":
        """The same records in order, at most so many bytes at a time (but a record at least)."""
        first = size = 0
        for at, value in enumerate(self.values):
            size += len(value or b"")
            if size > most and at > first:
                yield self._cut(first, at, self.offsets[at], finished=False)
                first, size = at, len(value or b"")
        yield self._cut(first, len(self.values), self.next, finished=self.finished)

    def _cut(self, first: int, last: int, after: int, *, finished: bool) -> "Chunk":
        return replace(
            self, offsets=self.offsets[first:last], timestamps=self.timestamps[first:last],
            values=self.values[first:last], next=after, finished=finished,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Poll:
    """What one call to a source brought. Events come in this order: revoked, assigned, gaps, chunks."""

    chunks: Sequence[Chunk] = ()
    assigned: Sequence[Partition] = ()
    """Newly ours; nothing of them is delivered before `start`."""
    revoked: Sequence[Partition] = ()
    gaps: Sequence[OffsetGap] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that cannot be counted: `record` is its record's place in the sequence, `index` its place within."""

    record: int
    index: int
    reason: str
    detail: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels that came by themselves, to meet their predictions. The four sequences have one entry a label."""

    record: Sequence[int]
    """The place of its record in the decoded sequence."""
    ids: Sequence[str]
    """Of the predictions, canonically spelled."""
    labels: Sequence[str]
    """Canonically spelled."""
    times: Sequence[int]
    """When each became known, microseconds."""

    def __len__(self) -> int:
        return len(self.ids)

    @staticmethod
    def join(parts: Sequence["Labels"]) -> "Labels":
        """All of them, in order."""
        return Labels(*(list(chain.from_iterable(some)) for some in zip(*(p.fields() for p in parts), strict=True)))

    def fields(self) -> tuple[Sequence[int], Sequence[str], Sequence[str], Sequence[int]]:
        """The four sequences."""
        return self.record, self.ids, self.labels, self.times


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of a sequence of records: rows and labels by model, the rest with its reason. Nothing is lost."""

    rows: Mapping[str, Rows]
    rejected: Sequence[Rejected]
    labels: Mapping[str, Labels] = field(default_factory=dict)

    @property
    def events(self) -> int:
        """Events in all, counted or refused."""
        labels = sum(map(len, self.labels.values()))
        return sum(map(len, self.rows.values())) + labels + len(self.rejected)
