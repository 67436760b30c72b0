"""What deriving needs to know of the reference: vocabularies, centroids; and the values of what derives from vectors.

A vocabulary knows the words of the very rows it was made from, so that these would show fewer unknown words than any
row in production. Two are made, each from half of the rows: production is counted by the first, and so is the second
half of the reference; the first half is counted by the second.

A key that the reference holds once is known from its own row alone: without that row it would be unseen, and so it is
counted. The share of such rows is what new rows are expected to hold that is new (Good 1953).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.columnar import Columns
from drift.core.derive import NO_TIME
from drift.core.derived import by_field, derived
from drift.core.rows import Coded, Key, Keys, Rows
from drift.core.schema import Column, canonical_key
from drift.core.vectors import DISTANCE, centroid
from drift.core.words import EMPTY, MOST_WORDS, OOV, vocabulary
from drift.reference.data import Data
from drift.reference.noted import Numbers
from drift.reference.sample import Sample, halves
from drift.reference.tally import SAMPLED_LONG, SAMPLED_TEXT, Tally

Floats = npt.NDArray[np.float64]

SHARED_WORDS: Final = 32 * MOST_WORDS
"""Words in the vocabularies of all columns together (1.3 MB)."""
FEWEST_WORDS: Final = 100
UNKNOWN: Final = "\0unknown"
"""A key that no column has."""
VECTOR_CELLS: Final = 8_000_000
"""Sampled numbers of what derives from vectors."""


def sample_key(name: str, what: str) -> str:
    """Under which name a sample keeps what was made of a column."""
    return f"{name}\0{what}"


class Learning:
    """Of one reference. Texts come from the sample of the first reading, vectors from a reading of their own."""

    def __init__(self, texts: Sample, tallies: Mapping[str, Tally], size: int) -> None:
        self._texts, self._tallies, self._size = texts, tallies, size
        self._others: dict[str, bytes] = {}
        self.lone: dict[str, frozenset[str]] = {}
        """Column → the rare keys that the reference holds once."""
        self._vectors = Sample(1)

    def learn(self, columns: Sequence[Column]) -> list[Column]:
        """The derived columns with what is known of the reference."""
        texts = sum(column.derive == OOV for column in columns)
        room = max(FEWEST_WORDS, min(MOST_WORDS, SHARED_WORDS // max(texts, 1)))
        return [self._learnt(column, room) for column in columns]

    def _learnt(self, column: Column, room: int) -> Column:
        if column.derive == DISTANCE:
            lists = self._tallies[column.field].lists
            return replace(column, learned=centroid(lists.total, lists.summed))
        if column.derive != OOV:
            return column
        texts, half = self._sampled_texts(column.field), self._texts.halves
        first, second = (
            vocabulary(
                (text for text, mine in zip(texts, half, strict=True) if text is not None and mine == side), room
            )
            for side in (False, True)
        )
        self._others[column.name] = second
        return replace(column, learned=first)

    def measure(self, data: Data, columns: Sequence[Column]) -> None:
        """Read the data once more for what derives from vectors; without such columns nothing is read."""
        wanted = [column for column in columns if column.size]
        if not wanted:
            return
        self._vectors = Sample(max(1, min(self._size, VECTOR_CELLS // len(wanted))))
        for n, raw in data.batches():
            at, time = self._vectors.choose(n), np.full(n, NO_TIME, np.int64)
            for (field, _, _), places in by_field(wanted).items():
                group = [wanted[place] for place in places]
                for column, (values, _) in zip(group, derived(group, raw[field], time), strict=True):
                    self._tallies[field].derived.setdefault(column.derive, Numbers()).see(values)
                    self._vectors.put(sample_key(field, column.derive), values[at])
            self._vectors.close()

    def sampled(self, column: Column) -> Floats:
        """Values of a column that derives from words or vectors in the sampled rows."""
        if column.size:
            return self._vectors.column(sample_key(column.field, column.derive))
        texts, half = list(self._sampled_texts(column.field)), self._texts.halves
        first, second = (self._words(column, texts, learned) for learned in (column.learned, self._other(column)))
        return np.where(half, first, second)

    def correct(self, rows: Rows, columns: Columns, first: int) -> None:
        """Count what is known from a row alone as if it were not: its words, and keys that no other row has.

        Args:
            rows: as `rows_of` made them; changed in place.
            columns: what they were made of.
            first: number of the first row.
        """
        for name, lone in self.lone.items():
            if lone:
                rows.keys[name] = _without(rows.keys[name], lone)
        numbers = rows.fields.numbers if rows.fields else ()
        places = [at for at, column in enumerate(numbers) if column.derive == OOV]
        if not places:
            return
        mine = np.flatnonzero(~halves(first, len(rows)))
        for at in places:
            column = numbers[at]
            other = replace(column, learned=self._other(column))
            ((values, _),) = derived([other], _taken(columns[column.field], mine), rows.time[mine])
            rows.numbers[at, mine] = values

    def _other(self, column: Column) -> bytes:
        return self._others.get(column.name, column.learned)

    def _sampled_texts(self, name: str) -> npt.NDArray[Any]:
        short, long = (self._texts.column(sample_key(name, what)) for what in (SAMPLED_TEXT, SAMPLED_LONG))
        if not short.size:
            short = np.full(self._texts.halves.size, None, object)
        return np.where(short == None, long, short) if long.size else short  # noqa: E711

    @staticmethod
    def _words(column: Column, texts: list[Any], learned: bytes) -> Floats:
        time = np.full(len(texts), NO_TIME, np.int64)
        ((values, _),) = derived([replace(column, learned=learned)], texts, time)
        return values


def _without(keys: Keys, lone: frozenset[str]) -> Keys:
    """Keys with those of one row only made unknown."""

    def known(key: Key) -> Key:
        alone = isinstance(key, str | int | float) and key == key and canonical_key(key) in lone
        return UNKNOWN if alone else key

    if isinstance(keys, Coded):
        return Coded(keys.codes, [known(key) for key in keys.dictionary])
    return [known(key) for key in keys]


def _taken(raw: Any, at: npt.NDArray[np.int64]) -> Any:
    """A column's values at these positions."""
    if isinstance(raw, list):
        return [raw[i] for i in at.tolist()]
    return raw[at] if isinstance(raw, np.ndarray) else raw.take(at)


def is_worded(column: Column) -> bool:
    """Whether a column derives from words, so that its grid is the same for every reference."""
    return column.derive in (OOV, EMPTY)


def unique_names(columns: Sequence[Column], taken: set[str]) -> list[Column]:
    """Derived columns, renamed where the data has such a column already: `note.length` becomes `note.length'`."""
    found = []
    for column in columns:
        while column.derive and column.name in taken:
            column = replace(column, name=f"{column.name}'")
        taken.add(column.name)
        found.append(column)
    return found
