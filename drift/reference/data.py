"""What a reader of a reference is, whatever the format.

Every reader can be read twice, yields columns as `drift.core.columnar` takes them, and never holds more than a batch.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from drift.core.columnar import Columns
from drift.core.errors import ReferenceRefused
from drift.reference.options import Limits

BATCH_ROWS: Final = 1 << 16


class Data(Protocol):
    """A table that can be read more than once."""

    @property
    def names(self) -> tuple[str, ...]:
        """Columns in order; unique, none empty."""

    @property
    def rows(self) -> int | None:
        """How many rows there are, where that is known beforehand."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the summary should know about the reading."""

    def batches(self) -> Iterator[tuple[int, Columns]]:
        """Number of rows and columns of each batch."""

    def digest(self) -> str:
        """SHA-256 of the content."""


def check_names(names: Sequence[str], limits: Limits, where: object) -> tuple[str, ...]:
    """The names, if they can be a table's.

    Raises:
        ReferenceRefused: none at all, too many, or one twice.
    """
    if not names:
        raise ReferenceRefused(f"{where} has no columns")
    if len(names) > limits.columns:
        raise ReferenceRefused(f"{where} has {len(names)} columns, the limit is {limits.columns}")
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()
    if twice:
        raise ReferenceRefused(f"{where}: column {min(twice)!r} appears twice; rename one of the two")
    return tuple(names)


def file_digest(paths: Sequence[Path]) -> str:
    """SHA-256 of one file, or of the digests of several."""
    digests = []
    for path in paths:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def first_line(error: BaseException) -> str:
    """What a library says, short enough for one sentence of ours."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]
