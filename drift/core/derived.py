"""What is counted in place of a date, a text or a vector: all columns that derive from one field, read once.

Raw columns are lists of what JSON holds, NumPy arrays, or Arrow; the same values give the same numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.arrow import coded, is_arrow, is_text, plain, present
from drift.core.derive import MOMENTS, NO_TIME, derive_moments, is_missing, parse_times
from drift.core.grid import WRONG
from drift.core.schema import Column
from drift.core.vectors import measured, vectors_of
from drift.core.words import EMPTY, LENGTH, OOV, TEXTS, is_empty, known, words

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Odd = Ints
"""(k, 2) position, special slot: values that a number cannot express."""

_NONE: Final = np.zeros(0, np.int64)


def derived(columns: Sequence[Column], raw: Any, time: Ints) -> Iterator[tuple[Floats, Odd]]:
    """The numbers of every column that derives from one field.

    Args:
        columns: all of one field and kind.
        raw: n values as they came.
        time: (n,) event times in microseconds, `NO_TIME` where there is none.

    Yields:
        Per column (n,) values with NaN where there is none, and what is wrong with which of them.
    """
    what = columns[0].derive
    if what in MOMENTS:
        micros, wrong = moments_of(raw)
        odd = _wrong(wrong)
        for column in columns:
            yield derive_moments(column.derive, micros, time), odd
    elif what in TEXTS:
        texts = Texts.of(raw)
        odd = _wrong(texts.wrong)
        for column in columns:
            yield texts.measure(column), odd
    else:
        vectors = vectors_of(raw, columns[0].size)
        for values in measured(vectors, columns):
            yield values, vectors.odd


def by_field(columns: Sequence[Column]) -> dict[tuple[str, str, int], list[int]]:
    """Positions of derived columns that are read together: of one field, one family and one size."""
    groups: dict[tuple[str, str, int], list[int]] = {}
    for at, column in enumerate(columns):
        if column.derive:
            family = "moment" if column.derive in MOMENTS else "text" if column.derive in TEXTS else "vector"
            groups.setdefault((column.field, family, column.size), []).append(at)
    return groups


def moments_of(raw: Any) -> tuple[Ints, Ints]:
    """A column of moments as (n,) microseconds, `NO_TIME` where there is none; positions that hold no moment."""
    if not is_arrow(raw):
        return parse_times(raw)
    import pyarrow as pa

    array = plain(raw)
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return _micros(array), _NONE
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        return _moments_of_numbers(array)
    if not is_text(array.type):
        return np.full(len(array), NO_TIME, np.int64), present(array)
    for zone in ("UTC", None):
        try:  # as fast as it gets where all texts are of one form
            return _micros(array.cast(pa.timestamp("us", zone))), _NONE
        except pa.ArrowInvalid:
            continue
    keys = coded(array)
    micros, wrong = parse_times([*keys.dictionary, None])
    bad = np.zeros(micros.size, bool)
    bad[wrong] = True
    return micros[keys.codes], np.flatnonzero(bad[keys.codes])


def _micros(array: Any) -> Ints:
    import pyarrow as pa

    micros = array.cast(pa.timestamp("us", array.type.tz if pa.types.is_timestamp(array.type) else None), safe=False)
    plain_micros: Ints = micros.cast(pa.int64()).fill_null(NO_TIME).to_numpy(zero_copy_only=False)
    return plain_micros


def _moments_of_numbers(array: Any) -> tuple[Ints, Ints]:
    micros, wrong = parse_times(array.fill_null(0).to_numpy(zero_copy_only=False))
    if array.null_count:
        micros = np.where(array.is_valid().to_numpy(zero_copy_only=False), micros, NO_TIME)
    return micros, wrong


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts, each distinct one once."""

    codes: Ints
    """(n,) position among `distinct`; −1 where there is none."""
    distinct: list[str]
    wrong: Ints
    """Positions of what is no text."""

    @staticmethod
    def of(raw: Any) -> "Texts":
        """Read a list, a NumPy array or Arrow."""
        if not is_arrow(raw):
            return _listed(raw)
        array = plain(raw)
        if not is_text(array.type):
            return Texts(np.full(len(array), -1, np.int64), [], present(array))
        keys = array.dictionary_encode()
        codes: Ints = keys.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return Texts(codes, keys.dictionary.to_pylist(), _NONE)

    def measure(self, column: Column) -> Floats:
        """(n,) what the column derives: characters, share of unknown words (NaN where there is no word), emptiness."""
        per_text = _MEASURES[column.derive](self.distinct, column.learned)
        found: Floats = np.array([*per_text, np.nan], np.float64)[self.codes]
        return found


def _lengths(texts: list[str], _: bytes) -> list[float]:
    return [float(len(text)) for text in texts]


def _strange(texts: list[str], learned: bytes) -> list[float]:
    strange = known(learned).strange
    return [strange(words(text)) for text in texts]


def _emptiness(texts: list[str], _: bytes) -> list[float]:
    return [float(is_empty(text)) for text in texts]


_MEASURES: Final = {LENGTH: _lengths, OOV: _strange, EMPTY: _emptiness}


def _listed(raw: Any) -> Texts:
    codes = np.full(len(raw), -1, np.int64)
    distinct: dict[str, int] = {}
    wrong: list[int] = []
    for at, value in enumerate(raw):
        if isinstance(value, str):
            codes[at] = distinct.setdefault(value, len(distinct))
        elif not is_missing(value):
            wrong.append(at)
    return Texts(codes, list(distinct), np.array(wrong, np.int64))


def _wrong(at: Ints) -> Odd:
    return np.column_stack((at, np.full(at.size, WRONG)))
