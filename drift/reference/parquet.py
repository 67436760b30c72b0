"""Reading Parquet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from drift.core.columnar import Columns
from drift.core.errors import ReferenceRefused
from drift.reference.data import BATCH_ROWS, check_names, file_digest, first_line
from drift.reference.options import Limits

BUFFER: Final = 1 << 20
_OWN: Final = "__index_level_"  # how pandas calls a nameless index in Parquet; it says nothing


class ParquetData:
    """Parquet files of the same columns, read through a 1 MB buffer per column."""

    notes: tuple[str, ...] = ()

    def __init__(self, paths: list[Path], limits: Limits) -> None:
        self._paths = paths
        self.rows: int | None = 0
        self.names: tuple[str, ...] = ()
        for path in paths:
            file = self._open(path)
            fields = check_names(
                [name for name in file.schema_arrow.names if name and not name.startswith(_OWN)], limits, path
            )
            if self.names and set(fields) != set(self.names):
                odd = min(set(fields) ^ set(self.names))
                raise ReferenceRefused(f"{path}: column {odd!r} is not in every file; give files of the same columns")
            self.names = self.names or fields
            self.rows += _check_claims(file.metadata, path, limits)
        if self.rows > limits.rows:
            raise ReferenceRefused(f"{paths[0]} has {self.rows} rows, the limit is {limits.rows}; give a sample")

    def batches(self) -> Iterator[tuple[int, Columns]]:
        """Number of rows and columns of each batch."""
        import pyarrow as pa

        for path in self._paths:
            file = self._open(path)
            # texts stay dictionaries: one long value repeated in every row must not be copied into every row
            texts = [
                f.name for f in file.schema_arrow if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)
            ]
            file = self._open(path, texts)
            try:
                for batch in file.iter_batches(BATCH_ROWS, columns=list(self.names), use_threads=False):
                    yield batch.num_rows, dict(zip(batch.schema.names, batch.columns, strict=True))
            except (pa.ArrowException, OSError) as error:
                raise ReferenceRefused(f"{path} cannot be read to its end ({first_line(error)})") from error

    def digest(self) -> str:
        """SHA-256 of the files' bytes."""
        return file_digest(self._paths)

    @staticmethod
    def _open(path: Path, dictionaries: list[str] | None = None) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(path, read_dictionary=dictionaries, buffer_size=BUFFER, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise ReferenceRefused(f"{path} is no readable Parquet file ({first_line(error)})") from error


def _check_claims(metadata: Any, path: Path, limits: Limits) -> int:
    """Rows of a file, if no part of it claims to unpack to more than is plausible."""
    for group in range(metadata.num_row_groups):
        part = metadata.row_group(group)
        for at in range(part.num_columns):
            column = part.column(at)
            size, packed = column.total_uncompressed_size, column.total_compressed_size
            if size > limits.part or size > limits.ratio * max(packed, 4096):
                raise ReferenceRefused(
                    f"{path}: column {column.path_in_schema!r} claims to unpack from {packed} to {size} bytes; "
                    "write the file again with smaller row groups, or see whether it is damaged"
                )
    return int(metadata.num_rows)
