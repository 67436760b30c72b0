"""Reading files from a position on, in memory that does not grow with the file."""

import io
import os
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, Protocol

from drift.core.errors import ConfigError, SourceError
from drift.core.records import MAX_RECORD

BLOCK: Final = 1 << 20
"""Bytes read at once."""
CSV_BLOCK: Final = 256 << 10
"""Bytes of CSV rows in one record."""
PARQUET_ROWS: Final = 4096
"""Rows of Parquet in one record."""
MOST_CSV: Final = 16 << 20
"""A CSV row that is longer than this is taken for an unclosed quote."""


class Reader(Protocol):
    """One open file."""

    def read(self, position: int, most: int, final: bool) -> tuple[list[int], list[bytes], int]:
        """At most so many records from a position on: their positions, their values, and where reading goes on.

        Args:
            position: 0, or what an earlier call returned.
            most: number of records.
            final: nothing will be appended, so that a last line without its end is one.
        """

    def end(self) -> int:
        """The position behind the last record, as of now."""

    def replaced(self, path: Path) -> bool:
        """Whether the path leads to another file by now."""

    def close(self) -> None:
        """Close it."""


def open_reader(path: Path, payload: str) -> Reader:
    """The reader for a file whose records are of this payload format: `json`, `csv` or `arrow`."""
    readers: dict[str, type[Lines] | type[CsvBlocks] | type[ParquetRows]] = {
        "json": Lines, "csv": CsvBlocks, "arrow": ParquetRows,
    }  # fmt: skip
    return readers[payload](path)


class Lines:
    """JSON Lines: a record is a line, its position the byte where it starts. Blank lines are none."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._inode = _stat(self._file).st_ino

    def read(self, position: int, most: int, final: bool) -> tuple[list[int], list[bytes], int]:
        """See `Reader`."""
        self._file.seek(position)
        block = _fill(self._file, BLOCK)
        end = block.rfind(b"\n") + 1
        if not end:
            if len(block) == BLOCK:
                return self._long(position, block, final)
            end = len(block) if final else 0
        lines = block[:end].split(b"\n")
        if not lines[-1]:
            lines.pop()
        lines = lines[:most]
        starts = [0, *accumulate(len(line) + 1 for line in lines)]
        after = position + min(starts[-1], end)
        kept = [(position + start, line) for start, line in zip(starts, lines, strict=False) if line.strip()]
        return [start for start, _ in kept], [line for _, line in kept], after

    def end(self) -> int:
        """Bytes."""
        return int(_stat(self._file).st_size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def replaced(self, path: Path) -> bool:
        """Whether the path leads to another file by now."""
        try:
            return path.stat().st_ino != self._inode
        except FileNotFoundError:
            return False  # moved away, and the new one is not there yet

    def _long(self, position: int, block: bytes, final: bool) -> tuple[list[int], list[bytes], int]:
        """A line that is longer than a block: what is kept of it is too long for a record, and says so."""
        kept, length = block[: MAX_RECORD + 1], len(block)
        while part := self._file.read(BLOCK):
            if (at := part.find(b"\n")) >= 0:
                return [position], [kept + part[: MAX_RECORD + 1 - len(kept)]], position + length + at + 1
            kept += part[: MAX_RECORD + 1 - len(kept)]
            length += len(part)
        return ([position], [kept], position + length) if final else ([], [], position)


class CsvBlocks:
    """CSV: a record is the header and a block of rows, its position the byte where its first row starts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb", buffering=0)
        first = _fill(self._file, BLOCK)
        self._start = first.find(b"\n") + 1 or len(first)
        self._header = first[: self._start].rstrip(b"\r\n") + b"\n"
        if not self._header.strip():
            self._file.close()
            raise ConfigError(f"{path} is empty; a CSV file starts with the names of its columns")

    def read(self, position: int, most: int, final: bool) -> tuple[list[int], list[bytes], int]:
        """See `Reader`."""
        starts: list[int] = []
        values: list[bytes] = []
        position = max(position, self._start)
        while len(values) < min(most, BLOCK // CSV_BLOCK) and (rows := self._rows(position)):
            starts.append(position)
            values.append(self._header + rows)
            position += len(rows)
        return starts, values, position

    def end(self) -> int:
        """Bytes."""
        return int(_stat(self._file).st_size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def replaced(self, path: Path) -> bool:
        """Not asked: only lines are followed."""
        return False

    def _rows(self, position: int) -> bytes:
        """Whole rows: up to the last line end that stands outside of quotes."""
        self._file.seek(position)
        block, size = b"", CSV_BLOCK
        while size <= MOST_CSV:
            block += _fill(self._file, size - len(block))
            if len(block) < size:
                return block
            if end := _row_end(block):
                return block[:end]
            size *= 2
        raise ConfigError(f"{self._path}: the row at byte {position} has no end; is a quote left open?")


class ParquetRows:
    """Parquet: a record is an Arrow stream of some rows, its position the number of its first row."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._file = pq.ParquetFile(path, buffer_size=BLOCK)
        except (pa.ArrowException, OSError) as error:
            raise ConfigError(f"{path} is no readable Parquet file: {str(error).splitlines()[0]}") from error
        self._path = path
        self._rows = int(self._file.metadata.num_rows)
        self._batches: Iterator[Any] = iter(())
        self._at = -1

    def read(self, position: int, most: int, final: bool) -> tuple[list[int], list[bytes], int]:
        """See `Reader`."""
        if position != self._at:
            self._batches, self._at = self._from(position), position
        starts: list[int] = []
        values: list[bytes] = []
        size = 0
        while len(values) < most and size < 8 * BLOCK and (batch := self._next()) is not None:
            starts.append(self._at)
            values.append(_ipc(batch))
            size += len(values[-1])
            self._at += batch.num_rows
        return starts, values, self._at

    def end(self) -> int:
        """Rows."""
        return self._rows

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def replaced(self, path: Path) -> bool:
        """Not asked: only lines are followed."""
        return False

    def _next(self) -> Any:
        import pyarrow as pa

        try:
            return next(self._batches, None)
        except (pa.ArrowException, OSError) as error:
            said = str(error).splitlines()[0]
            raise SourceError(f"{self._path} cannot be read to its end: {said}; write the file anew") from error

    def _from(self, position: int) -> Iterator[Any]:
        """Batches from a row on, cut at multiples of their size in each row group."""
        first = 0
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            if first + rows > position:
                at = first
                for batch in self._file.iter_batches(PARQUET_ROWS, row_groups=[group], use_threads=False):
                    if at + batch.num_rows > position:
                        yield batch.slice(max(0, position - at))
                    at += batch.num_rows
            first += rows


def _ipc(batch: Any) -> bytes:
    import pyarrow as pa

    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _row_end(block: bytes) -> int:
    """The byte behind the last line end with an even number of quotes before it; 0: none."""
    end = block.rfind(b"\n")
    quotes = block.count(b'"', 0, max(end, 0))
    while end >= 0 and quotes % 2:
        before = block.rfind(b"\n", 0, end)
        quotes -= block.count(b'"', max(before, 0), end)
        end = before
    return end + 1


def _fill(file: Any, size: int) -> bytes:
    """As many bytes as there are, up to `size`."""
    parts: list[bytes] = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _stat(file: Any) -> os.stat_result:
    return os.fstat(file.fileno())
