"""Embeddings: what is measured of a vector, exact whatever stands beside it."""

import hashlib
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from drift.core.grid import NAN, WRONG
from drift.core.schema import Column, Kind, Role, Storage
from drift.core.vectors import (
    DISTANCE,
    NORM,
    PROJECTIONS,
    Floats,
    centroid,
    is_list,
    measured,
    measures,
    vectors_of,
)

SIZES = [8, 16, 384, 4096]


def columns(size: int, learned: bytes, name: str = "e") -> list[Column]:
    return [
        Column(
            f"{name}.{what}", Kind.NUMERIC, Role.FEATURE, Storage.LIST, name, what, size, learned * (what == DISTANCE)
        )
        for what in measures(size)
    ]


def values(size: int, n: int = 200) -> Floats:
    return np.random.default_rng(size).normal(0.1, 1, (n, size))


@pytest.mark.parametrize("size", SIZES)
def test_measures_are_what_numpy_says(size: int) -> None:
    x = values(size)
    learned = centroid(x.sum(axis=0), len(x))
    *projections, norm, distance = measured(vectors_of(x.tolist(), size), columns(size, learned))
    assert len(projections) == min(size, PROJECTIONS)
    np.testing.assert_allclose(norm, np.linalg.norm(x, axis=1), rtol=1e-5)
    centre = np.frombuffer(learned, "<f4").astype(np.float64)
    np.testing.assert_allclose(centre, x.mean(axis=0), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(distance, np.linalg.norm(x - centre, axis=1), rtol=1e-4)
    # directions are orthonormal: those of the unit vectors are the basis itself
    basis = np.stack(measured(vectors_of(np.eye(size).tolist(), size), columns(size, learned))[:-2], axis=1)
    np.testing.assert_allclose(basis.T @ basis, np.eye(len(projections)), atol=2e-5)
    np.testing.assert_allclose(np.stack(projections, axis=1), x @ basis, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_a_row_does_not_depend_on_its_neighbours(size: int) -> None:
    """Doubles as they are would differ in the last bits: other block sizes, other orders of addition."""
    x = values(size, 67)
    of = columns(size, centroid(x.sum(axis=0), len(x)))
    whole = measured(vectors_of(x.tolist(), size), of)
    for first, last in ((0, 1), (1, 4), (4, 37), (37, 67)):
        part = measured(vectors_of(x[first:last].tolist(), size), of)
        for mine, its in zip(part, whole, strict=True):
            assert mine.tobytes() == its[first:last].tobytes()
    backwards = measured(vectors_of(x[:, ::-1].tolist(), size), [column for column in of if column.derive == NORM])
    assert backwards[0].tobytes() == whole[-2].tobytes()


def test_directions_follow_from_name_and_size_alone() -> None:
    eye = vectors_of(np.eye(8).tolist(), 8)
    learned = bytes(4 * 8)
    first = np.stack(measured(eye, columns(8, learned))[:-2])
    assert np.array_equal(first, np.stack(measured(eye, columns(8, learned))[:-2]))
    assert not np.allclose(first, np.stack(measured(eye, columns(8, learned, "f"))[:-2]))
    # in whole numbers, so that stored grids mean the same in the next release
    digest = hashlib.sha256(np.rint(first * 2**19).astype("<i4").tobytes()).hexdigest()[:16]
    assert digest == "8c1bdb420c4039d6"


LISTS: dict[str, Any] = {
    "list": pa.list_(pa.float64()), "large list": pa.large_list(pa.float32()), "fixed": pa.list_(pa.float32(), 8),
    "integers": pa.list_(pa.int16()), "decimals": pa.list_(pa.decimal128(9, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_every_arrow_list(name: str) -> None:
    raw: list[Any] = [list(range(8)), None, list(range(1, 9)), [*range(7), None]]
    if name == "decimals":
        raw = [row and [None if x is None else Decimal(x) for x in row] for row in raw]
    array = pa.array(raw, LISTS[name])
    assert is_list(array.type)
    expected: list[Any] = [list(range(8)), None, list(range(1, 9)), [*range(7), None]]
    for given in (array, array.slice(0, 4), pa.chunked_array([array.slice(0, 2), array.slice(2)])):
        found = vectors_of(given, 8)
        listed = vectors_of(expected, 8)
        assert found.at.tolist() == listed.at.tolist() == [0, 2]
        assert found.odd.tolist() == listed.odd.tolist() == [[3, NAN]]
        assert np.array_equal(found.values, listed.values)
    assert vectors_of(array.slice(2), 8).at.tolist() == [0]


def test_arrays_that_hold_no_vectors() -> None:
    for array in (pa.array([[1], None, [2, 3]]), pa.array([1, None, 2]), pa.array([["a"], None, ["b"]])):
        found = vectors_of(array, 8)
        assert (found.at.size, found.odd.tolist()) == (0, [[0, WRONG], [2, WRONG]])


def test_texts_that_hold_vectors() -> None:
    texts = ["[1,2,3,4,5,6,7,8]", "[1, 2]", None, "x", "[1,2,3,4,5,6,7,NaN]", " [1,2,3,4,5,6,7,8.5]\n", "{}"]
    for raw in (texts, pa.array(texts), pa.array(texts).dictionary_encode()):
        found = vectors_of(raw, 8)
        assert found.at.tolist() == [0, 5]
        assert found.odd.tolist() == [[1, WRONG], [3, WRONG], [6, WRONG], [4, NAN]]


def test_a_centroid_beyond_single_precision_stays_finite() -> None:
    learned = centroid(np.full(8, 1e300), 2)
    assert np.isfinite(np.frombuffer(learned, "<f4")).all()
