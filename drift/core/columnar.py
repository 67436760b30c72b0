"""Typed columns (Arrow, NumPy, lists) → rows. Typed data is never parsed: text where numbers belong is a wrong type.

A column is a `pyarrow.Array`, a `pyarrow.ChunkedArray`, a NumPy array or a list of Python values. In Arrow null is
missing and NaN is NaN; in NumPy, as pandas has it, NaN and NaT are missing.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.derive import MOMENTS, NO_TIME, derive, derive_moments, parse_times
from drift.core.grid import NAN, WRONG
from drift.core.rows import WRONG_TYPE, Coded, Fields, Key, Keys, Rows
from drift.core.schema import canonical_key

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Columns = Mapping[str, Any]
"""Columns by the name of their field in the event; all of one length."""

_NONE: Final = np.zeros(0, np.int64)


def rows_of(columns: Columns, fields: Fields, time: Ints) -> Rows:
    """The rows that these columns hold, for the fields of a schema. Columns that are absent are missing.

    Args:
        columns: of n values each; names that no field has are not looked at.
        fields: which columns are numbers and which are keys.
        time: (n,) event times in microseconds; `derive.NO_TIME` makes ages missing.

    Returns:
        `Rows`, with whatever is no number where one belongs in `odd`. Cost: 1–3 ns a number without nulls.
    """
    n = int(time.size)
    numbers = np.empty((len(fields.numbers), n))
    moments: dict[str, tuple[Ints, Ints]] = {}
    odd: list[Ints] = []
    for at, column in enumerate(fields.numbers):
        raw = columns.get(column.field)
        out = numbers[at]
        if raw is None:
            out[:] = np.nan
            continue
        nan = _NONE
        if column.derive in MOMENTS:
            if column.field not in moments:
                moments[column.field] = moments_of(raw)
            out[:], wrong = derive_moments(column.derive, *moments[column.field], time)
            if column.derive == "age":
                out[time == NO_TIME] = np.nan
        elif column.derive:
            out[:], wrong = lengths_of(raw)
        else:
            wrong, nan = numbers_into(out, raw)
        odd += [_odd(at, where, slot) for where, slot in ((wrong, WRONG), (nan, NAN)) if where.size]
    keys = {column.name: keys_of(columns.get(column.field), n) for column in fields.keys}
    return Rows(time, numbers, keys, np.concatenate(odd) if odd else np.zeros((0, 3), np.int64), fields=fields)


def numbers_into(out: Floats, raw: Any) -> tuple[Ints, Ints]:
    """Write a column into `out` as doubles, NaN where there is none; positions of wrong types and of Arrow's NaN."""
    if isinstance(raw, np.ndarray) and raw.dtype.kind in "iuf":
        out[:] = raw
        return _NONE, _NONE
    if not _is_arrow(raw):
        return _numbers_one_by_one(out, raw), _NONE
    import pyarrow as pa

    array = plain(raw)
    if pa.types.is_decimal(array.type):
        array = array.cast(pa.float64(), safe=False)
    if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        out[:] = np.nan
        return _present(array), _NONE
    out[:] = array.to_numpy(zero_copy_only=False)
    if pa.types.is_integer(array.type):
        return _NONE, _NONE
    nan = np.isnan(out)
    if int(nan.sum()) == array.null_count:
        return _NONE, _NONE
    return _NONE, np.flatnonzero(nan & array.is_valid().to_numpy(zero_copy_only=False))


def moments_of(raw: Any) -> tuple[Ints, Ints]:
    """A column of moments as (n,) microseconds, `NO_TIME` where there is none; positions that hold no moment."""
    if not _is_arrow(raw):
        return parse_times(raw)
    import pyarrow as pa

    array = plain(raw)
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return _micros(array), _NONE
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        return _moments_of_numbers(array)
    if not _is_text(array.type):
        return np.full(len(array), NO_TIME, np.int64), _present(array)
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


def lengths_of(raw: Any) -> tuple[Floats, Ints]:
    """Characters of each text, NaN where there is none; positions that hold no text."""
    if not _is_arrow(raw):
        return derive("length", raw, _NONE)
    import pyarrow as pa
    import pyarrow.compute as pc

    array = plain(raw)
    if not _is_text(array.type):
        return np.full(len(array), np.nan), _present(array)
    lengths: Floats = pc.utf8_length(array).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return lengths, _NONE


def keys_of(raw: Any, n: int) -> Keys:
    """A column as keys; values that can be none (lists, structs, dates, bytes) are `WRONG_TYPE`."""
    if raw is None:
        return Coded(np.full(n, -1, np.int32), [])
    if isinstance(raw, np.ndarray) and raw.dtype.kind in "biuf":
        import pyarrow as pa

        raw = pa.array(raw, from_pandas=True)
    if not _is_arrow(raw):
        return [_spelled(_key(value)) for value in raw]
    return coded(raw)


def plain(raw: Any) -> Any:
    """One contiguous Arrow array without dictionary, views or extension types."""
    import pyarrow as pa

    array = _whole(raw)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.large_string()) if pa.types.is_string_view(array.type) else array


def coded(raw: Any) -> Coded:
    """An Arrow column as dictionary-encoded keys; see `keys_of`."""
    import pyarrow as pa

    array = _whole(raw)
    if not pa.types.is_dictionary(array.type):
        array = plain(array)
        if pa.types.is_decimal(array.type):
            array = array.cast(pa.float64(), safe=False)
        if not _is_key(array.type):
            return Coded(
                np.where(array.is_valid().to_numpy(zero_copy_only=False), 0, -1).astype(np.int32), [WRONG_TYPE]
            )
        array = array.dictionary_encode()
    codes = array.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
    return Coded(codes, [_spelled(_key(value)) for value in array.dictionary.to_pylist()])


def _key(value: Any) -> Key:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    # pandas.NA and NaT, without importing pandas
    return None if type(value).__name__ in ("NAType", "NaTType") else WRONG_TYPE


def _spelled(key: Key) -> Key:
    # to a dictionary True is 1; as categories they are two
    return canonical_key(key) if isinstance(key, bool) else key


def _numbers_one_by_one(out: Floats, raw: Any) -> Ints:
    wrong = []
    for at, value in enumerate(raw.tolist() if isinstance(raw, np.ndarray) else raw):
        key = _key(value)
        if isinstance(key, int | float) and not isinstance(key, bool):
            try:
                out[at] = key
            except OverflowError:  # an integer beyond 1e308
                out[at] = np.inf if key > 0 else -np.inf
        else:
            out[at] = np.nan
            if key is not None:
                wrong.append(at)
    return np.array(wrong, np.int64)


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


def _is_arrow(raw: Any) -> bool:
    return hasattr(raw, "null_count")


def _whole(raw: Any) -> Any:
    import pyarrow as pa

    if isinstance(raw, pa.ChunkedArray):
        raw = pa.concat_arrays(raw.unify_dictionaries().chunks) if raw.num_chunks else pa.array([], raw.type)
    return raw.storage if isinstance(raw, pa.ExtensionArray) else raw


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_key(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    scalar = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_null(kind)
    return bool(scalar or _is_text(kind))


def _present(array: Any) -> Ints:
    """Positions that are not null."""
    return np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))


def _odd(column: int, where: Ints, slot: int) -> Ints:
    return np.column_stack((np.full(where.size, column), where, np.full(where.size, slot)))
