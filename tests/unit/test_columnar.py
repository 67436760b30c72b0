"""Arrow, NumPy and list columns become the same rows."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from drift.core.clock import DAY, HOUR
from drift.core.columnar import keys_of, rows_of
from drift.core.grid import NAN, WRONG
from drift.core.rows import WRONG_TYPE, Coded, Fields, Rows
from drift.core.schema import Column, Kind, Role, Schema, Storage

MIXED_NUMBERS: list[Any] = [1.5, None, 2]
X = "x"


def fields(kind: Kind = Kind.NUMERIC, source: str = "", derive: str = "") -> Fields:
    storage = Storage.NUMBER if kind is Kind.NUMERIC else Storage.STRING
    return Fields.of(Schema((Column(X, kind, Role.FEATURE, storage, source, derive),)))


def one(raw: Any, n: int, **column: Any) -> Rows:
    return rows_of({X: raw}, fields(**column), np.full(n, 2 * DAY))


def decoded(keys: Any) -> list[Any]:
    if isinstance(keys, Coded):
        return [None if code < 0 else keys.dictionary[code] for code in keys.codes]
    return list(keys)


@pytest.mark.parametrize(
    "raw",
    [
        pa.array([1.5, None, 2.0]),
        pa.array([1.5, None, 2.0], pa.float32()),
        pa.array([1.5, None, 2.0], pa.float16()),
        pa.array([Decimal("1.5"), None, Decimal(2)]),
        pa.array([1.5, None, 2.0]).dictionary_encode(),
        pa.chunked_array([pa.array([1.5, None]), pa.array([2.0])]),
        pa.array([9.0, 1.5, None, 2.0])[1:],
        np.array([1.5, np.nan, 2.0]),
        np.array([1.5, np.nan, 2.0], np.float32),
        MIXED_NUMBERS,
        np.array(MIXED_NUMBERS, object),
        [Decimal("1.5"), float("nan"), np.int64(2)],
    ],
)
def test_numbers_of_every_type(raw: Any) -> None:
    rows = one(raw, 3)
    np.testing.assert_array_equal(rows.numbers, [[1.5, np.nan, 2.0]])
    assert rows.odd.size == 0


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64"])
def test_integers(dtype: str) -> None:
    for raw in (np.array([1, 0, 3], dtype), pa.array([1, 0, 3], dtype)):
        assert one(raw, 3).numbers.tolist() == [[1.0, 0.0, 3.0]]
    assert one(pa.array([1, None, 3], dtype), 3).numbers.tolist()[0][::2] == [1.0, 3.0]


def test_arrow_nan_is_nan_and_null_is_missing() -> None:
    rows = one(pa.array([1.0, float("nan"), None]), 3)
    assert np.isnan(rows.numbers[0, 1:]).all()
    assert rows.odd.tolist() == [[0, 1, NAN]]


@pytest.mark.parametrize(
    "raw",
    [
        pa.array(["1", None, "2"]),
        pa.array([True, None, False]),
        pa.array([[1], None, [2]]),
        pa.array([datetime(2026, 1, 1, tzinfo=UTC), None, datetime(2026, 1, 1, tzinfo=UTC)]),
        ["1", None, {}],
        [True, None, b""],
    ],
)
def test_what_is_no_number_is_a_wrong_type(raw: Any) -> None:
    rows = one(raw, 3)
    assert np.isnan(rows.numbers).all()
    assert rows.odd.tolist() == [[0, 0, WRONG], [0, 2, WRONG]]


def test_infinite_and_huge_numbers() -> None:
    assert one([10**400, -(10**400), float("inf")], 3).numbers.tolist() == [[np.inf, -np.inf, np.inf]]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (pa.array(["a", None, "b"]), ["a", None, "b"]),
        (pa.array(["a", None, "b"], pa.large_string()), ["a", None, "b"]),
        (pa.array(["a", None, "b"], pa.string_view()), ["a", None, "b"]),
        (pa.array(["a", None, "b"]).dictionary_encode(), ["a", None, "b"]),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int8()), ["a", None, "b"]), ["a", None, "b"]),
        (pa.array([True, None, False]), ["true", None, "false"]),
        (pa.array([1, None, 2]), [1, None, 2]),
        (pa.array([Decimal("1.5"), None, Decimal(2)]), [1.5, None, 2.0]),
        (np.array([1.0, np.nan, 2.0]), [1.0, None, 2.0]),
        (np.array([True, False, True]), ["true", "false", "true"]),
        ([True, 1, 1.0, "1", False, 0], ["true", 1, 1.0, "1", "false", 0]),
        (pa.array([b"a", None, b"b"]), [WRONG_TYPE, None, WRONG_TYPE]),
        (pa.array([{"a": 1}, None, {"a": 2}]), [WRONG_TYPE, None, WRONG_TYPE]),
        (pa.nulls(3), [None, None, None]),
        (["a", None, 1], ["a", None, 1]),
        ([[], {}, Decimal("1.5")], [WRONG_TYPE, WRONG_TYPE, 1.5]),
        (np.array(["2026-01-01"] * 3, "datetime64[us]"), [WRONG_TYPE] * 3),
        (None, [None, None, None]),
    ],
)
def test_keys_of_every_type(raw: Any, expected: list[Any]) -> None:
    found = decoded(keys_of(raw, 3))
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


def test_chunks_with_dictionaries_of_their_own() -> None:
    chunked = pa.chunked_array([pa.array(["a", "b"]).dictionary_encode(), pa.array(["b", "c"]).dictionary_encode()])
    assert decoded(keys_of(chunked, 4)) == ["a", "b", "b", "c"]


@pytest.mark.parametrize(
    "raw",
    [
        pa.array([date(1970, 1, 2), None]),
        pa.array([datetime(1970, 1, 2), None], pa.timestamp("ns")),  # noqa: DTZ001
        pa.array([datetime(1970, 1, 2, tzinfo=UTC), None], pa.timestamp("s", "Europe/Berlin")),
        pa.array(["1970-01-02", None]),
        pa.array([86_400, None]),
        pa.array([86_400.0, None]),
        np.array(["1970-01-02", "NaT"], "datetime64[ns]"),
        ["1970-01-02T00:00:00Z", None],
    ],
)
def test_moments_are_counted_as_age(raw: Any) -> None:
    schema = Schema((Column("x.age", Kind.NUMERIC, Role.FEATURE, Storage.STRING, X, "age"),))
    rows = rows_of({X: raw}, Fields.of(schema), np.full(2, 3 * DAY))
    assert rows.numbers[0, 0] == 2.0
    assert np.isnan(rows.numbers[0, 1])
    assert rows.odd.size == 0


def test_several_derivations_of_one_column_read_it_once() -> None:
    schema = Schema(
        tuple(
            Column(f"x.{what}", Kind.ORDINAL, Role.FEATURE, Storage.STRING, X, what)
            for what in ("age", "hour", "weekday")
        )
    )
    raw = ["1970-01-03T05:00:00Z", "soon", None]
    for columns in (pa.array(raw), raw):
        rows = rows_of({X: columns}, Fields.of(schema), np.full(3, 3 * DAY + 5 * HOUR))
        assert rows.numbers[:, 0].tolist() == [1.0, 5.0, 5.0]
        assert rows.odd.tolist() == [[0, 1, WRONG], [1, 1, WRONG], [2, 1, WRONG]]


@pytest.mark.parametrize(
    "raw", [pa.array(["", "äb", None]), pa.array(["", "äb", None]).dictionary_encode(), ["", "äb", None]]
)
def test_lengths(raw: Any) -> None:
    rows = one(raw, 3, kind=Kind.NUMERIC, source=X, derive="length")
    np.testing.assert_array_equal(rows.numbers, [[0.0, 2.0, np.nan]])


def test_numbers_have_no_length() -> None:
    for raw in (pa.array([1, None]), [1, None]):
        rows = one(raw, 2, kind=Kind.NUMERIC, source=X, derive="length")
        assert rows.odd.tolist() == [[0, 0, WRONG]]


def test_absent_columns_are_missing() -> None:
    schema = Schema(
        (
            Column("n", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER),
            Column("k", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING),
        )
    )
    rows = rows_of({}, Fields.of(schema), np.zeros(2, np.int64))
    assert np.isnan(rows.numbers).all()
    assert decoded(rows.keys["k"]) == [None, None]
