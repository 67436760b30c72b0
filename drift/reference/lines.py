"""Reading JSON Lines: an object a line, flat or as Driftsum's own events, whose features become columns."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from drift.core.columnar import Columns
from drift.core.errors import ReferenceRefused
from drift.reference.data import BATCH_ROWS, check_names, file_digest
from drift.reference.frame import of_values
from drift.reference.options import Limits

_HOLDERS: Final = ("features", "segments")
_ENVELOPE: Final = ("model", "version")
"""What an event says beside its columns."""


class LinesData:
    """JSON Lines files. One reading more finds the columns: those of any line."""

    rows: int | None = None
    notes: tuple[str, ...] = ()

    def __init__(self, paths: list[Path], limits: Limits) -> None:
        self._paths = paths
        found: dict[str, None] = {}
        for row in self._rows():
            found |= dict.fromkeys(row)
        if not found:
            raise ReferenceRefused(f"{paths[0]} has no rows; a reference needs some, one JSON object a line")
        self.names = check_names([name for name in found if name], limits, paths[0])

    def batches(self) -> Iterator[tuple[int, Columns]]:
        """Number of rows and columns of each batch."""
        rows = self._rows()
        while batch := list(islice(rows, BATCH_ROWS)):
            yield len(batch), {name: of_values([row.get(name) for row in batch]) for name in self.names}

    def digest(self) -> str:
        """SHA-256 of the files' bytes."""
        return file_digest(self._paths)

    def _rows(self) -> Iterator[dict[str, Any]]:
        for path in self._paths:
            try:
                with path.open("rb") as file:
                    for number, line in enumerate(file, 1):
                        if line.strip():
                            yield _row(line, path, number)
            except OSError as error:
                raise ReferenceRefused(f"{path} cannot be read: {error.strerror or error}") from error


def _row(line: bytes, path: Path, number: int) -> dict[str, Any]:
    event = _decoded(line)
    if not isinstance(event, dict):
        raise ReferenceRefused(f"{path}, line {number}: this is no JSON object; write one row a line")
    if not isinstance(event.get("features"), dict):
        return event
    flat = {name: value for name, value in event.items() if name not in (*_HOLDERS, *_ENVELOPE)}
    for holder in _HOLDERS:
        flat |= event[holder] if isinstance(event.get(holder), dict) else {}
    return flat


def _decoded(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:  # NaN and Infinity, as Python writes them
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
