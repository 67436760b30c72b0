"""Embeddings: a vector of 8 to 4,096 numbers counted as projections, norm and distance to the reference's centroid.

A row's sums must not depend on its neighbours, nor on the machine: matrix products of doubles do, in their last bits.
So each vector is cut to 21 bits of its largest component and directions to 20 bits: all products and sums are whole
numbers below 2**53, and exact in whatever order they are added.
"""

import json
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import shake_256
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from drift.core.arrow import doubles
from drift.core.grid import NAN, WRONG
from drift.core.schema import Column

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SHORTEST: Final = 8
LONGEST: Final = 4096
PROJECTIONS: Final = 16
PROJECTION: Final = "projection"
NORM: Final = "norm"
DISTANCE: Final = "distance"
_BITS: Final = 20
_BATCH: Final = 1 << 20
"""Numbers worked on at once (8 MB)."""

_text = msgspec.json.Decoder(list[float | None])


@dataclass(frozen=True, slots=True)
class Vectors:
    """Of n rows those that hold a vector, and the others with what is wrong with them; in neither: missing."""

    n: int
    at: Ints
    """(k,) positions of vectors."""
    values: Floats
    """(k, size) finite or infinite."""
    odd: Ints
    """(j, 2) position, special slot: `WRONG` for no vector of this size, `NAN` for one with a hole in it."""


def measures(size: int) -> tuple[str, ...]:
    """What an embedding of so many numbers derives."""
    return (*(f"{PROJECTION}{i + 1}" for i in range(min(size, PROJECTIONS))), NORM, DISTANCE)


def vectors_of(raw: Any, size: int) -> Vectors:
    """A column of lists, of texts that hold a JSON list, or an Arrow list column as vectors of one size."""
    if hasattr(raw, "null_count"):
        return _of_arrow(raw, size)
    found, at, odd = array("d"), [], []
    for place, value in enumerate(raw):
        numbers = vector(value)
        if numbers is None:
            continue
        if len(numbers) != size:
            odd.append((place, WRONG))
            continue
        at.append(place)
        found.extend(numbers)
    return _checked(len(raw), np.array(at, np.int64), np.frombuffer(found or b"", np.float64).reshape(-1, size), odd)


def vector(value: Any) -> "array[float] | None":
    """One value's numbers, NaN in holes; empty where it is no list of numbers, None where it is missing."""
    if value is None or (isinstance(value, float) and value != value) or type(value).__name__ == "NAType":
        return None
    if isinstance(value, str):
        value = _read(value)
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iuf":
        return array("d", value.astype(np.float64).tobytes())
    if not isinstance(value, list | tuple) or isinstance(value[0] if value else 0, bool):
        return array("d")
    try:
        return array("d", value)
    except (TypeError, OverflowError):
        return _with_holes(value)


def _read(text: str) -> Any:
    """A JSON list, with NaN and Infinity as Python writes them; an empty list where it is none."""
    for read in (_text.decode, json.loads):
        try:
            return read(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
    return []


def _with_holes(value: Sequence[object]) -> "array[float]":
    try:
        return array("d", [math.nan if number is None else number for number in value])  # type: ignore[misc]
    except (TypeError, OverflowError):
        return array("d")


def _of_arrow(raw: Any, size: int) -> Vectors:
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = pa.concat_arrays(raw.chunks) if isinstance(raw, pa.ChunkedArray) else raw
    whole = whole.storage if isinstance(whole, pa.ExtensionArray) else whole
    kind, n = whole.type, len(whole)
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return vectors_of(whole.to_pylist(), size)
    valid = whole.is_valid().to_numpy(zero_copy_only=False)
    if not is_list(kind):
        odd = [(at, WRONG) for at in np.flatnonzero(valid).tolist()]
        return _checked(n, np.zeros(0, np.int64), np.zeros((0, size)), odd)
    lengths = pc.list_value_length(whole).fill_null(-1).to_numpy(zero_copy_only=False)
    good = valid & (lengths == size)
    flat = pc.list_flatten(whole if good.all() else whole.filter(pa.array(good)))
    values = doubles(flat).to_numpy(zero_copy_only=False)
    odd = [(int(at), WRONG) for at in np.flatnonzero(valid & ~good)]
    return _checked(n, np.flatnonzero(good), values.reshape(-1, size), odd)


def is_list(kind: Any) -> bool:
    """Whether an Arrow type is a list of numbers."""
    import pyarrow as pa

    types = pa.types
    if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return False
    inner = kind.value_type
    return bool(types.is_integer(inner) or types.is_floating(inner) or types.is_decimal(inner))


def _checked(n: int, at: Ints, values: Floats, odd: list[tuple[int, int]]) -> Vectors:
    holes = np.isnan(values).any(axis=1)
    if holes.any():
        odd = [*odd, *((int(place), NAN) for place in at[holes])]
        at, values = at[~holes], values[~holes]
    return Vectors(n, at, values, np.array(odd, np.int64).reshape(-1, 2))


def measured(vectors: Vectors, columns: Sequence[Column]) -> list[Floats]:
    """(n,) values of each column derived from these vectors; NaN where there is no vector, infinite where it is.

    One matrix product for all columns. Distance is Euclidean.
    """
    out = [np.full(vectors.n, np.nan) for _ in columns]
    size = vectors.values.shape[1]
    directions = [_direction(column) for column in columns if column.derive != NORM]
    basis = np.stack(directions, axis=1) if directions else np.zeros((size, 0))
    step = max(1, _BATCH // size)
    for first in range(0, vectors.at.size, step):
        part = slice(first, first + step)
        with np.errstate(over="ignore", invalid="ignore"):  # beyond the largest double: infinite, as it should be
            found = _measured(vectors.values[part], basis, columns)
        for column, values in zip(out, found, strict=True):
            column[vectors.at[part]] = values
    return out


def _measured(values: Floats, basis: Floats, columns: Sequence[Column]) -> list[Floats]:
    largest = np.abs(values).max(axis=1)
    exponent = np.frexp(largest)[1].astype(np.int64)
    infinite, tiny = np.isinf(largest), exponent < -900
    exponent[infinite | tiny] = 0
    whole = values * np.ldexp(1.0, _BITS - exponent)[:, None]
    whole[infinite | tiny] = 0.0
    np.rint(whole, out=whole)
    unit = np.ldexp(1.0, exponent - _BITS)
    products = iter((whole @ basis).T * np.ldexp(1.0, -_BITS + 1))
    norm = np.sqrt(np.vecdot(whole, whole)) * unit
    found: list[Floats] = []
    for column in columns:
        if column.derive == NORM:
            one = norm.copy()
        elif column.derive == DISTANCE:
            centre, scale = _centre(column.learned)
            square = norm**2 - 2.0 * next(products) * unit * scale + float(np.square(centre).sum())
            one = np.where(np.isfinite(square), np.sqrt(np.maximum(square, 0.0)), np.inf)
        else:
            one = next(products) * unit
        one[infinite] = np.inf
        found.append(one)
    return found


def _direction(column: Column) -> Floats:
    """(size,) whole numbers up to 2**19: 2**19 times a unit vector, or the centroid in units of its largest number."""
    if column.derive == DISTANCE:
        centre, scale = _centre(column.learned)
        return np.rint(centre / scale * (1 << _BITS - 1))
    return _basis(column.field, column.size)[:, int(column.derive.removeprefix(PROJECTION)) - 1]


@lru_cache(maxsize=256)
def _centre(learned: bytes) -> tuple[Floats, float]:
    """The centroid, and a power of two that is no smaller than any of its numbers."""
    centre = np.frombuffer(learned, "<f4").astype(np.float64)
    return centre, float(np.ldexp(1.0, int(np.frexp(np.abs(centre).max())[1])))


@lru_cache(maxsize=64)
def _basis(name: str, size: int) -> Floats:
    """(size, ≤ 16) orthonormal directions × 2**19 in whole numbers, fixed by the column's name and size.

    Sums of four bytes pairs of SHAKE-256, nearly normal, made orthonormal by QR with a positive diagonal.
    """
    count = min(size, PROJECTIONS)
    drawn = shake_256(f"{name}\0{size}".encode("utf-8", "replace")).digest(8 * size * count)
    raw = np.frombuffer(drawn, "<u2").reshape(size, count, 4).astype(np.float64).sum(axis=2) - 2.0 * 65535
    q, r = np.linalg.qr(raw)
    basis: Floats = np.rint(q * np.sign(np.diag(r)) * (1 << _BITS - 1))
    return basis


def centroid(total: Floats, n: int) -> bytes:
    """The mean of n vectors from their sum, as 32-bit floats."""
    most = float(np.finfo(np.float32).max)
    return bytes(np.clip(total / max(n, 1), -most, most).astype("<f4").tobytes())
