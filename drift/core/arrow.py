"""Arrow columns as they come, made plain: without dictionaries, views, chunks or extension types.

Nothing is imported until there is Arrow: pyarrow takes a quarter of a second.
"""

from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from drift.core.rows import WRONG_TYPE, Coded, Key
from drift.core.schema import canonical_key

Ints = npt.NDArray[np.int64]


def is_arrow(raw: Any) -> bool:
    """Whether a column is a `pyarrow.Array` or a `pyarrow.ChunkedArray`."""
    return hasattr(raw, "null_count")


def plain(raw: Any) -> Any:
    """One contiguous Arrow array without dictionary, views or extension types."""
    import pyarrow as pa

    array = whole(raw)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.large_string()) if pa.types.is_string_view(array.type) else array


def whole(raw: Any) -> Any:
    """One contiguous Arrow array, its chunks and extension types undone."""
    import pyarrow as pa

    if isinstance(raw, pa.ChunkedArray):
        raw = pa.concat_arrays(raw.unify_dictionaries().chunks) if raw.num_chunks else pa.array([], raw.type)
    return raw.storage if isinstance(raw, pa.ExtensionArray) else raw


def doubles(array: Any) -> Any:
    """Numbers as doubles, decimals to the nearest one: cast at once, 2763.95 becomes another double than in JSON."""
    import pyarrow as pa

    if pa.types.is_decimal(array.type):
        array = array.cast(pa.string())
    return array.cast(pa.float64(), safe=False)


def coded(raw: Any) -> Coded:
    """An Arrow column as dictionary-encoded keys; values that can be none are `WRONG_TYPE`."""
    import pyarrow as pa

    array = whole(raw)
    if not pa.types.is_dictionary(array.type):
        array = plain(array)
        if pa.types.is_decimal(array.type):
            array = doubles(array)
        if not _is_key(array.type):
            return Coded(
                np.where(array.is_valid().to_numpy(zero_copy_only=False), 0, -1).astype(np.int32), [WRONG_TYPE]
            )
        array = array.dictionary_encode()
    codes = array.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
    return Coded(codes, [spelled(key_of(value)) for value in array.dictionary.to_pylist()])


def key_of(value: Any) -> Key:
    """A Python or NumPy value as a key."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    # pandas.NA and NaT, without importing pandas
    return None if type(value).__name__ in ("NAType", "NaTType") else WRONG_TYPE


def spelled(key: Key) -> Key:
    """To a dictionary True is 1; as categories they are two."""
    return canonical_key(key) if isinstance(key, bool) else key


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is one of plain texts."""
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def present(array: Any) -> Ints:
    """Positions that are not null."""
    return np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))


def _is_key(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    scalar = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_null(kind)
    return bool(scalar or is_text(kind))
