"""A batch of one column, cut by the types of its values."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.arrow import plain
from drift.core.derived import moments_of
from drift.core.vectors import is_list, vector

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EXACT_INTEGERS: Final = 2.0**53


def by_type(raw: Any) -> Iterator[tuple[Any, Ints | None]]:
    """A typed column as it is (None: all rows); a list or an object array cut by the types of its values."""
    if not isinstance(raw, list) and not (isinstance(raw, np.ndarray) and raw.dtype.kind == "O"):
        yield raw, None
        return
    import pyarrow as pa

    groups: dict[str, list[int]] = {}
    for at, value in enumerate(raw):
        groups.setdefault(_python_family(value), []).append(at)
    for kind, places in groups.items():
        values = [raw[at] for at in places]
        if kind == "number":
            yield values, np.array(places)
        elif kind == "flag":
            yield pa.array(map(bool, values)), np.array(places)
        elif kind == "text":
            yield pa.array([v.encode("utf-8", "replace").decode() for v in values]), np.array(places)
        elif kind == "moment":
            yield moments_of(values)[0].view("datetime64[us]"), np.array(places)
        elif kind == "vector":
            yield pa.array([vector(value) for value in values], pa.list_(pa.float64())), np.array(places)
        elif kind == "nested":
            yield pa.array([b""] * len(values)), np.array(places)


def _python_family(value: Any) -> str:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return "none"
    if isinstance(value, bool | np.bool_):
        return "flag"
    if isinstance(value, int | float | Decimal | np.number):
        return "none" if value != value else "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list | tuple | np.ndarray) and vector(value):
        return "vector"
    return "moment" if isinstance(value, date | np.datetime64) else "nested"


def family(part: Any) -> str:
    """`number`, `flag`, `text`, `moment`, `vector` or `nested`: what all values of a part are."""
    if isinstance(part, list):
        return "number"
    if isinstance(part, np.ndarray):
        return {"b": "flag", "M": "moment"}.get(part.dtype.kind, "number")
    import pyarrow as pa

    types, kind = pa.types, part.type
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_boolean(kind):
        return "flag"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_timestamp(kind) or types.is_date(kind):
        return "moment"
    if is_list(kind):
        return "vector"
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return "text" if text else "nested"


def nulls_of(part: Any) -> int:
    """Values of a part that are missing."""
    if isinstance(part, np.ndarray):
        return int(np.isnat(part).sum())
    return int(part.null_count)


def as_bytes(part: Any) -> Any:
    """Booleans as 0 and 1."""
    if isinstance(part, np.ndarray):
        return part.astype(np.int8)
    import pyarrow as pa

    return plain(part).cast(pa.int8())


def huge_of(part: Any, values: Floats) -> list[int]:
    """The integers of an integer column that doubles cannot tell apart."""
    at = np.flatnonzero(np.abs(values) >= EXACT_INTEGERS)
    if not at.size:
        return []
    if isinstance(part, list):
        return [part[i] for i in at if isinstance(part[i], int)]
    if isinstance(part, np.ndarray):
        return part[at].tolist() if part.dtype.kind in "iu" else []
    import pyarrow as pa

    found: list[int] = plain(part).take(pa.array(at)).to_pylist() if pa.types.is_integer(part.type) else []
    return found
