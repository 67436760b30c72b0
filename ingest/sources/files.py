"""Files: JSON Lines, CSV or Parquet replayed once, or JSON Lines followed as they grow.

A replayed file is a partition named by its content's hash, so that the same content never counts twice by accident; a
followed one is named by its name, inode and first line, so that it stays the same while it grows and is another one
after a rotation. Positions are byte offsets of lines, or row numbers of Parquet.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from drift.core.clock import Clock
from drift.core.commit import Claim, DeadLetter, Partition
from drift.core.errors import ConfigError, OffsetGap, SourceUnavailable
from drift.core.records import Chunk, Poll
from ingest.sources.readers import Reader, open_reader

log = structlog.get_logger(__name__)

FORMATS: Final = {
    ".jsonl": "json", ".ndjson": "json", ".json": "json", ".log": "json",
    ".csv": "csv", ".tsv": "csv", ".parquet": "arrow", ".pq": "arrow",
}  # fmt: skip
"""The payload format of a file's records, by its suffix."""
_LOOK: Final = 0.2
"""Seconds between two looks at a followed file that did not grow."""

Progress = Callable[[int, int], None]
"""Told how far reading is, and how far there is to go: bytes, or rows of Parquet."""


def format_of(path: Path) -> str:
    """The payload format of a file's records.

    Raises:
        ConfigError: no suffix that is known.
    """
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise ConfigError(f"{path}: events are read from files that end in {', '.join(FORMATS)}")
    return found


class FileSource:
    """One file as a source of one partition.

    Args:
        name: first part of its partition's identity.
        path: the file; it is there when a replay begins, and may come later when it is followed.
        clock: for waiting on a followed file.
        follow: go on reading what is appended (JSON Lines only).
        again: makes it another partition, so that content that was counted is counted once more.
        progress: told after each poll.

    Raises:
        ConfigError: the file cannot be replayed, or not followed.
    """

    flush_interval = 5.0

    def __init__(
        self,
        name: str,
        path: Path,
        clock: Clock,
        *,
        follow: bool = False,
        again: str = "",
        progress: Progress | None = None,
    ) -> None:
        self.name = name
        self._path, self._clock, self._follow, self._again = path, clock, follow, again
        self._progress = progress or _silent
        self._open: tuple[Partition, Reader] | None = None
        self._position: int | None = None
        self._waiting: list[Chunk] = []
        self._ended = False
        self._last: int | None = None
        """Where a file that was moved away ended; it is let go once everything up to there is committed."""
        self._gone: list[Partition] = []
        self._paused = False
        if follow and format_of(path) != "json":
            raise ConfigError(f"{path}: only JSON Lines can be followed; replay it, or write JSON Lines")
        if not follow and not path.is_file():
            raise ConfigError(f"{path} is no file; name a file of events")
        format_of(path)

    def poll(self, timeout: float, max_records: int) -> Poll:
        """The next records; the first call, and the first after a rotation, assigns the partition.

        Raises:
            SourceUnavailable: the file cannot be read now.
        """
        try:
            if self._open is None:
                return self._find(timeout)
            if self._position is None or self._paused:
                self._clock.sleep(min(timeout, _LOOK))
                return Poll()
            return self._read(timeout, max_records)
        except OSError as error:
            raise SourceUnavailable(f"{self._path} cannot be read: {error.strerror or error}") from error

    def start(self, claims: Sequence[Claim]) -> None:
        """Go on from the position that is safe in SQL; from the beginning where there is none."""
        for claim in claims:
            if self._open is not None and claim.partition == self._open[0]:
                self._position, self._ended, self._last = claim.next or 0, False, None
                if claim.next is None:
                    end = self._open[1].end()
                    self._waiting = [Chunk(claim.partition, (), (), (), 0, end)]

    def commit(self, positions: Mapping[Partition, int], metadata: str) -> None:
        """What is safe in SQL need not be read again: a file that was moved away can go."""
        if self._open is None or self._last is None or positions.get(self._open[0], -1) < self._last:
            return
        self._gone.append(self._open[0])
        self._open[1].close()
        self._open, self._last = None, None

    def answers(self, positions: Mapping[Partition, int]) -> Mapping[str, bytes]:
        """A file has no idempotency keys."""
        return {}

    def repeated(self, answers: Mapping[str, bytes]) -> None:
        """A file has no idempotency keys."""

    def refuse(self, letters: Sequence[DeadLetter]) -> None:
        """Nothing to tell: the store has the dead letters."""

    def pause(self) -> None:
        """Deliver nothing until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Deliver again."""
        self._paused = False

    def log_ends(self) -> Mapping[Partition, int]:
        """How long the file is."""
        return {} if self._open is None else {self._open[0]: self._open[1].end()}

    def partitions(self) -> Sequence[Partition]:
        """The one there is."""
        return () if self._open is None else (self._open[0],)

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _find(self, timeout: float) -> Poll:
        """Open the file and say which partition it is; a followed one needs its first line."""
        topic = _followed(self._path) if self._follow else _content(self._path) + self._again
        if topic is None:
            self._clock.sleep(min(timeout, _LOOK))
            return Poll()
        partition = Partition(self.name, topic)
        self._open = (partition, open_reader(self._path, format_of(self._path)))
        self._position, self._ended = None, False
        revoked, self._gone = self._gone, []
        return Poll(assigned=(partition,), revoked=revoked)

    def _read(self, timeout: float, max_records: int) -> Poll:
        if self._waiting:
            chunks, self._waiting = self._waiting, []
            return Poll(chunks)
        if self._open is None or self._position is None:
            return Poll()
        partition, reader = self._open
        if self._ended or self._last is not None:
            self._clock.sleep(min(timeout, _LOOK))
            return Poll()
        if reader.end() < self._position:
            return self._cut(partition)
        offsets, values, position = reader.read(self._position, max_records, final=not self._follow)
        if self._follow and position == self._position:
            return self._at_the_end(partition, reader, timeout)
        end = max(reader.end(), position)
        self._position = position
        self._progress(position, end)
        self._ended = not self._follow and position >= end
        return Poll((Chunk(partition, offsets, [-1] * len(offsets), values, position, end, self._ended),))

    def _cut(self, partition: Partition) -> Poll:
        """The file is shorter than what was read of it: how much was lost cannot be known."""
        position, self._position = self._position or 0, 0
        return Poll(gaps=(OffsetGap(self.name, partition.topic, 0, position, position, 0),))

    def _at_the_end(self, partition: Partition, reader: Reader, timeout: float) -> Poll:
        """Nothing new: wait, or if the path leads to another file by now, end this one."""
        if not reader.replaced(self._path):
            self._clock.sleep(min(timeout, _LOOK))
            return Poll()
        # the old file is open still: what was written to it before it was moved away is read
        offsets, values, position = reader.read(self._position or 0, 1, final=True)
        self._position = self._last = position
        log.info("followed file was replaced", path=str(self._path), read=position)
        return Poll((Chunk(partition, offsets, [-1] * len(offsets), values, position, position, finished=True),))


def _silent(done: int, total: int) -> None:
    """No progress is shown."""
    del done, total


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _followed(path: Path) -> str | None:
    """A growing file's identity; None while it has no complete line."""
    try:
        with path.open("rb") as file:
            line = file.readline(1 << 16)
            inode = path.stat().st_ino
    except FileNotFoundError:
        return None
    if not line.endswith(b"\n") and len(line) < 1 << 16:
        return None
    return f"{path.name}:{inode:x}:{hashlib.sha256(line).hexdigest()[:16]}"
