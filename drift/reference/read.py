"""Which reader a source needs."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from drift.core.errors import ReferenceRefused
from drift.core.schema import Storage
from drift.reference.data import Data
from drift.reference.frame import FrameData
from drift.reference.lines import LinesData
from drift.reference.options import Limits
from drift.reference.parquet import ParquetData
from drift.reference.text import TextData

SUFFIXES: Final = {
    ".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv", ".gz": "csv", ".jsonl": "json",
    ".ndjson": "json", ".json": "json",
}  # fmt: skip


def open_data(source: Any, limits: Limits, text_types: dict[str, Storage] | None = None) -> Data:
    """A reader for a DataFrame, a path, a directory or pattern of files, several paths, or a reader made elsewhere.

    Args:
        source: files are Parquet (`.parquet`, `.pq`), CSV (`.csv`, `.tsv`, also `.gz`) or JSON Lines (`.jsonl`,
            `.json`, `.ndjson`), all of one kind.
        limits: what a file may ask for.
        text_types: for CSV, what a column holds; None: found out by reading.

    Raises:
        ReferenceRefused: nothing there, unreadable, empty, too large, names twice, or files that do not fit together.
    """
    if hasattr(source, "iloc"):
        return FrameData(source, limits)
    if hasattr(source, "batches"):
        return cast(Data, source)
    paths = _expand(source)
    kinds = {SUFFIXES.get(path.suffix.lower()) for path in paths}
    if len(kinds) > 1 or None in kinds:
        raise ReferenceRefused(
            f"{paths[0]}: a reference is Parquet or CSV or JSON Lines; name files that end in .parquet, .csv or .jsonl"
        )
    if kinds == {"json"}:
        return LinesData(paths, limits)
    if kinds == {"parquet"}:
        return ParquetData(paths, limits)
    return TextData(paths, limits, text_types)


def _expand(source: Any) -> list[Path]:
    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
        elif path.exists() or not glob.has_magic(str(source)):
            found = [path]
        else:
            found = sorted(map(Path, glob.glob(str(source))))  # noqa: PTH207  # a pattern may be absolute
    elif isinstance(source, Sequence):
        found = [Path(one) for one in source]
    else:
        raise ReferenceRefused(f"a reference is a path or a pandas DataFrame, not {type(source).__name__}")
    if not found:
        raise ReferenceRefused(f"{source}: no Parquet or CSV file is there")
    for path in found:
        if not path.is_file():
            raise ReferenceRefused(f"{path}: there is no such file; give the path of a Parquet or CSV file")
    return found
