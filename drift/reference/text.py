"""Reading CSV: everything arrives as text, and a column is what all of its values are."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from drift.core.columnar import Columns
from drift.core.errors import ReferenceRefused
from drift.core.schema import Storage
from drift.core.texts import FALSE, NULLS, TRUE, delimiter_of, numbers, typed
from drift.reference.data import check_names, file_digest, first_line
from drift.reference.options import Limits

_BLOCK: Final = 4 << 20
_CODE: Final = r"^[+-]?0[0-9]"  # 00501 is a postcode, not the number 501


class TextData:
    """CSV files of the same columns. One reading more finds the types that are not given."""

    rows: int | None = None

    def __init__(self, paths: list[Path], limits: Limits, types: dict[str, Storage] | None) -> None:
        self._paths, self._limits = paths, limits
        self._delimiter, header = _header(paths[0])
        self._header = header
        self.names = check_names([name for name in header if name], limits, paths[0])
        nameless = len(header) - len(self.names)
        self.notes = (f"{nameless} column without a name was left out",) if nameless else ()
        for path in paths[1:]:
            if _header(path)[1] != header:
                raise ReferenceRefused(f"{path} does not have the header of {paths[0]}; give files of the same columns")
        self._types = dict(types or {})

    def batches(self) -> Iterator[tuple[int, Columns]]:
        """Number of rows and columns of each batch."""
        if not self._types.keys() >= set(self.names):
            self._types = self._find_types() | self._types
        for batch in self._texts():
            yield (
                batch.num_rows,
                {
                    name: typed(column, self._types.get(name, Storage.STRING))
                    for name, column in zip(batch.schema.names, batch.columns, strict=True)
                },
            )

    def digest(self) -> str:
        """SHA-256 of the files' bytes."""
        return file_digest(self._paths)

    def _find_types(self) -> dict[str, Storage]:
        """Number or boolean where every value is one, else text."""
        possible = {name: {Storage.NUMBER, Storage.BOOLEAN} for name in self.names}
        present: set[str] = set()
        for batch in self._texts():
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if column.null_count < len(column):
                    present.add(name)
                    possible[name] = {kind for kind in possible[name] if _fits(column, kind)}
        return {
            name: next(iter(possible[name])) if name in present and possible[name] else Storage.STRING
            for name in self.names
        }

    def _texts(self) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.csv as pc

        # columns are read by place, so that one without a name does no harm
        places = [str(at) for at in range(len(self._header))]
        keep = [at for at, name in enumerate(self._header) if name]
        convert = pc.ConvertOptions(
            column_types=dict.fromkeys(places, pa.string()), null_values=NULLS, strings_can_be_null=True,
            include_columns=[places[at] for at in keep],
        )  # fmt: skip
        read = pc.ReadOptions(column_names=places, skip_rows=1, block_size=_BLOCK, use_threads=False)
        parse = pc.ParseOptions(delimiter=self._delimiter, newlines_in_values=True)
        for path in self._paths:
            try:
                with pc.open_csv(path, read, parse, convert) as reader:
                    for batch in reader:
                        yield batch.rename_columns([self._header[at] for at in keep])
            except (pa.ArrowException, OSError) as error:
                raise ReferenceRefused(f"{path} is no readable CSV file in UTF-8 ({first_line(error)})") from error


def header_of(path: Path) -> list[str]:
    """The names in a CSV file's first line, empty ones among them.

    Raises:
        ReferenceRefused: it is empty, or no CSV in UTF-8.
    """
    return _header(path)[1]


def _header(path: Path) -> tuple[str, list[str]]:
    import gzip

    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            first = file.readline(_BLOCK).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ReferenceRefused(f"{path} is no readable CSV file in UTF-8 ({error})") from error
    if not first.strip():
        raise ReferenceRefused(f"{path} is empty; a CSV file starts with the names of its columns")
    delimiter = delimiter_of(first)
    try:
        return delimiter, [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
    except csv.Error as error:
        raise ReferenceRefused(f"{path} is no readable CSV file: its first line is no header ({error})") from error


def _fits(column: Any, kind: Storage) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind is Storage.BOOLEAN:
        return bool(pc.all(pc.is_in(column.drop_null(), pa.array([*TRUE, *FALSE]))).as_py())
    if pc.any(pc.match_substring_regex(column, _CODE)).as_py():
        return False
    return numbers(column) is not None
