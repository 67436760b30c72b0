"""Kinds, roles and reasons: what is inferred of every type that a DataFrame can hold."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from drift.core.errors import ReferenceRefused, SchemaError
from drift.core.grid import Grid, key_hash
from drift.core.schema import Column, Kind, Role, Storage
from drift.reference import BuiltReference, ReferenceOptions, build_reference

N = 400
RNG = np.random.default_rng(5)
NORMAL = RNG.normal(size=N)
LETTERS = RNG.choice(list("abc"), N)
FEW = RNG.integers(0, 5, N)
DATES = pd.Timestamp("2026-01-01") + pd.to_timedelta(RNG.integers(0, 10**7, N), unit="s")


def built(values: Any, other: bool = True, **options: Any) -> BuiltReference:
    frame = pd.DataFrame({"x": values})
    if other:
        frame["other"] = NORMAL[: len(frame)]
    return build_reference(frame, ReferenceOptions(**options))


def described(reference: BuiltReference, name: str = "x") -> dict[str, Any]:
    (row,) = [row for row in reference.summary["columns"] if row["column"] == name]
    return dict(row)


def with_holes(values: Any) -> list[Any]:
    return [None if i % 10 == 0 else value for i, value in enumerate(values)]


NUMBERS = {
    "float64": pd.Series(NORMAL),
    "float32": pd.Series(NORMAL, dtype="float32"),
    "Float64": pd.Series(with_holes(NORMAL), dtype="Float64"),
    "int": pd.Series(np.arange(N)),
    "Int64": pd.Series(with_holes(range(N)), dtype="Int64"),
    "uint64": pd.Series(np.arange(N), dtype="uint64"),
    "arrow": pd.Series(with_holes(NORMAL), dtype=pd.ArrowDtype(pa.float64())),
    "decimal": pd.Series([Decimal(i) / 4 for i in range(N)]),
    "objects": pd.Series(with_holes(NORMAL.tolist()), dtype=object),
    "mixed int and float": pd.Series([i if i % 2 else i / 3 for i in range(N)], dtype=object),
}


@pytest.mark.parametrize("values", NUMBERS.values(), ids=NUMBERS.keys())
def test_many_distinct_numbers_are_numeric(values: pd.Series) -> None:
    reference = built(values)
    column = reference.schema["x"]
    assert (column.kind, column.role, column.storage) == (Kind.NUMERIC, Role.FEATURE, Storage.NUMBER)
    holes = values.isna().sum()
    assert reference.profile.missing()[0] == holes
    assert described(reference)["missing"] == pytest.approx(holes / N)
    assert reference.profile.bin_counts(0)[[0, -1]].tolist() == [0, 0]


@pytest.mark.parametrize("dtype", ["int8", "int64", "float64", "Int64", "object"])
def test_few_distinct_numbers_are_ordinal(dtype: Any) -> None:
    reference = built(pd.Series(FEW).astype(dtype))
    assert reference.grid.columns[0].values == (0.0, 1.0, 2.0, 3.0, 4.0)
    assert reference.profile.bin_counts(0).tolist() == [*np.bincount(FEW).tolist(), 0]


def test_few_distinct_numbers_of_few_rows_are_numeric() -> None:
    # 50 measurements are 50 distinct values by chance; another one tomorrow is nothing unseen
    reference = built(NORMAL[:50])
    assert reference.schema["x"].kind is Kind.NUMERIC


TEXTS = {
    "str": pd.Series(with_holes(LETTERS), dtype="str"),
    "object": pd.Series(with_holes(LETTERS), dtype=object),
    "category": pd.Series(with_holes(LETTERS), dtype="category"),
    "string[pyarrow]": pd.Series(with_holes(LETTERS), dtype="string"),
    "arrow dictionary": pd.Series(with_holes(LETTERS), dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
}


@pytest.mark.parametrize("values", TEXTS.values(), ids=TEXTS.keys())
def test_few_distinct_texts_are_categorical(values: pd.Series) -> None:
    reference = built(values)
    grid = reference.grid.columns[0]
    assert grid.column.kind is Kind.CATEGORICAL
    assert grid.column.storage is Storage.STRING
    expected = values.value_counts()
    counts = dict(zip(grid.keys, reference.profile.bin_counts(0).tolist(), strict=False))
    assert counts == {key: int(expected[key]) for key in "abc"}
    assert reference.profile.missing()[0] == N / 10
    assert reference.profile.bin_counts(0)[-2:].tolist() == [0, 0]


@pytest.mark.parametrize("dtype", ["bool", "boolean", "object"])
def test_booleans(dtype: Any) -> None:
    values = pd.Series(FEW > 1).astype(dtype)
    reference = built(values)
    assert reference.schema["x"].kind is Kind.BOOLEAN
    assert reference.schema["x"].storage is Storage.BOOLEAN
    assert reference.profile.bin_counts(0).tolist() == [int((FEW <= 1).sum()), int((FEW > 1).sum()), 0, 0]


MOMENTS = {
    "datetime64[us]": pd.Series(DATES),
    "datetime64[ns]": pd.Series(DATES).astype("datetime64[ns]"),
    "with a zone": pd.Series(DATES).dt.tz_localize("Europe/Berlin", ambiguous="NaT", nonexistent="NaT"),
    "text": pd.Series(DATES).dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "text of days": pd.Series(DATES).dt.strftime("%Y-%m-%d"),
    "dates": pd.Series(DATES.date),
    "mixed": pd.Series([d.isoformat() if i % 2 else d for i, d in enumerate(DATES)], dtype=object),
}


@pytest.mark.parametrize("values", MOMENTS.values(), ids=MOMENTS.keys())
def test_moments_are_counted_by_what_derives(values: pd.Series) -> None:
    frame = pd.DataFrame({"x": values, "when": pd.Timestamp("2026-06-01T12:00", tz="UTC")})
    reference = build_reference(frame, ReferenceOptions(roles={"when": Role.TIME}))
    assert reference.schema["x"].kind is Kind.DATETIME
    assert reference.grid.names == ("x.age", "x.hour", "x.weekday")
    age, _, weekday = (reference.profile.bin_counts(i) for i in range(3))
    assert age[0] == age[-1] == weekday[-1] == 0
    assert age.sum() == values.notna().sum()
    low, high = reference.profile.bounds(0)
    assert 0 < low < high < 160


def test_without_an_event_time_there_is_no_age() -> None:
    reference = built(DATES)
    assert reference.grid.names[:2] == ("x.hour", "x.weekday")
    assert "no event time" in described(reference)["notes"][0]
    assert any("over time stays unknown" in note for note in reference.summary["notes"])
    assert len(reference.chunks) == 0


def test_free_text_is_counted_as_its_length() -> None:
    values = [f"sentence number {i} " + "word " * (i % 90) for i in range(N)]
    reference = built(values)
    assert reference.schema["x"].kind is Kind.TEXT
    assert reference.schema["x.length"] == Column("x.length", Kind.NUMERIC, Role.FEATURE, Storage.STRING, "x", "length")
    assert reference.profile.bounds(0) == (min(map(len, values)), max(map(len, values)))
    assert reference.grid.names[:3] == ("x.length", "x.oov", "x.empty")


def test_identifiers_are_left_out_and_say_why() -> None:
    reference = built([f"{i:032x}" for i in range(N)])
    assert reference.schema["x"].role is Role.IGNORE
    assert "looks like an identifier: 100%" in described(reference)["why"]
    assert "x" not in reference.grid.names


def test_numbers_named_like_identifiers_are_left_out() -> None:
    reference = build_reference(pd.DataFrame({"customer_id": np.arange(N), "x": NORMAL}))
    assert reference.schema["customer_id"].role is Role.IGNORE
    kept = build_reference(pd.DataFrame({"customer_id": np.arange(N) % 90, "x": NORMAL}))
    assert kept.schema["customer_id"].role is Role.FEATURE


def test_many_categories_keep_the_frequent_ones_and_know_the_rare() -> None:
    values = ["top"] * 300 + [f"k{i // 2:03d}" for i in range(200)]
    reference = built(values, other=False)
    grid = reference.grid.columns[0]
    assert grid.keys[0] == "top"
    assert len(grid.keys) == 64
    assert list(grid.rare) == sorted(key_hash(key) for key in set(values) - set(grid.keys))
    assert reference.profile.bin_counts(0).tolist() == [300, *[2] * 63, 74, 0]


def test_one_percent_of_the_rows_shares_other() -> None:
    values = [f"big{i % 20:02d}" for i in range(1980)] + [f"small{i}" for i in range(20)]
    grid = built(values, other=False).grid.columns[0]
    assert len(grid.keys) == 20
    assert len(grid.rare) == 20


def test_the_rare_class_of_a_prediction_stands_alone() -> None:
    grid = built(["ok"] * 995 + ["fraud"] * 5, other=False).grid.columns[0]
    assert grid.keys == ("ok", "fraud")


@pytest.mark.parametrize("value", [1.0, "a", True])
def test_constants_are_watched(value: object) -> None:
    reference = built([value] * N)
    assert described(reference)["notes"] == ["it is constant"]
    assert reference.profile.bin_counts(0).max() == N


@pytest.mark.parametrize("dtype", ["float64", "object", "str", "Int64", "datetime64[us]", "boolean"])
def test_columns_without_a_value_are_watched_for_values(dtype: Any) -> None:
    reference = built(pd.Series([None] * N).astype(dtype))
    grid = reference.grid.columns[0]
    assert (grid.column.kind, grid.keys, grid.bins) == (Kind.CATEGORICAL, (), 2)
    assert reference.profile.missing()[0] == N
    assert "always missing" in described(reference)["notes"][0]


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, b"raw", pd.Timedelta("1s"), pd.Interval(0, 1), 1j])
def test_what_cannot_be_counted_is_left_out(value: object) -> None:
    reference = built(pd.Series([value] * N))
    assert reference.schema["x"].role is Role.IGNORE
    assert "not watched" in described(reference)["why"]


def test_a_few_odd_values_are_a_wrong_type() -> None:
    reference = built(pd.Series([*NORMAL.tolist()[:-3], "broken", {}, True], dtype=object))
    assert reference.schema["x"].kind is Kind.NUMERIC
    assert reference.profile.invalid()[0] == 3


def test_numbers_and_texts_together_are_keys() -> None:
    values = pd.Series([1 if i % 2 else "a" for i in range(N)], dtype=object)
    reference = built(values)
    grid = reference.grid.columns[0]
    assert (grid.column.kind, grid.keys) == (Kind.CATEGORICAL, ("1", "a"))
    assert reference.profile.bin_counts(0).tolist() == [200, 200, 0, 0]
    assert any("numbers; with kind numeric" in note for note in described(reference)["notes"])


def test_infinite_and_huge_numbers_are_told() -> None:
    infinite = built([*NORMAL[:-2], np.inf, -np.inf])
    assert described(infinite)["notes"] == ["2 infinite values"]
    assert infinite.profile.invalid()[0] == 2
    huge = built(pd.Series([2**60 + i for i in range(N)]))
    assert "2**53" in described(huge)["notes"][0]
    beyond = built(pd.Series([2**70 + 2**60 * i for i in range(N)], dtype=object))
    assert beyond.schema["x"].kind is Kind.NUMERIC
    largest = built([*NORMAL[:-2], 1.7976931348623157e308, -1.7976931348623157e308])
    assert Grid.load(largest.grid.dump()) == largest.grid
    assert np.isfinite([largest.grid.columns[0].shift, largest.grid.columns[0].unit]).all()


def test_a_single_row() -> None:
    reference = build_reference(pd.DataFrame({"n": [1.5], "k": ["a"], "b": [True]}))
    assert reference.rows == 1
    assert [int(reference.profile.bin_counts(i).sum()) for i in range(3)] == [1, 1, 1]


def test_kinds_and_roles_as_configured() -> None:
    reference = built(FEW, kinds={"x": Kind.CATEGORICAL}, roles={"other": Role.IGNORE})
    assert reference.grid.columns[0].keys == tuple(map(str, np.argsort(-np.bincount(FEW), kind="stable")))
    assert reference.grid.names == ("x",)
    assert built(FEW, kinds={"x": Kind.NUMERIC}).grid.columns[0].column.kind is Kind.NUMERIC
    assert built(FEW % 2, kinds={"x": Kind.BOOLEAN}).profile.bin_counts(0)[2:].tolist() == [0, 0]
    epochs = built(1_700_000_000 + FEW, kinds={"x": Kind.DATETIME})
    assert epochs.grid.names[:2] == ("x.hour", "x.weekday")
    assert epochs.grid.columns[0].values == (22.0,)
    # a length that never came before is not unseen, but above all others
    assert built(LETTERS, kinds={"x": Kind.TEXT}).grid.columns[0].edges == (1.0, np.nextafter(1.0, 2.0))


@pytest.mark.parametrize(
    ("values", "kind", "sentence"),
    [
        (LETTERS, Kind.NUMERIC, "'x' cannot be numeric: it holds texts"),
        (LETTERS, Kind.BOOLEAN, "more than true and false"),
        (NORMAL, Kind.TEXT, "it holds numbers"),
        (LETTERS, Kind.DATETIME, "it holds texts"),
        (range(2000), Kind.ORDINAL, "over 1024 distinct"),
        ([[1]] * 50, Kind.NUMERIC, "it holds lists"),
    ],
)
def test_kinds_that_do_not_go_with_the_data(values: Any, kind: Kind, sentence: str) -> None:
    with pytest.raises(SchemaError, match=sentence):
        built(values, other=False, kinds={"x": kind})


def test_nothing_left_to_watch() -> None:
    with pytest.raises(SchemaError, match="no column is left"):
        built(NORMAL, other=False, ignore=("*",))


def test_a_derived_name_that_is_taken() -> None:
    frame = pd.DataFrame({"x": DATES, "x.hour": FEW})
    names = build_reference(frame).grid.names
    assert {"x.hour", "x.hour'", "x.weekday"} <= set(names)


def test_names_twice() -> None:
    with pytest.raises(ReferenceRefused, match="'a' appears twice"):
        build_reference(pd.DataFrame(np.zeros((3, 2)), columns=["a", "a"]))


def test_infinity_among_categories_is_one_of_them() -> None:
    reference = built(pd.Series([True, float("inf"), "a", -float("inf")] * 9, dtype=object))
    assert reference.grid.columns[0].keys == ("-inf", "a", "inf", "true")
    assert reference.profile.bin_counts(0).tolist() == [9, 9, 9, 9, 0, 0]


@pytest.mark.parametrize("values", [[False, 0.0, 2.5], [1, True, 0], ["a", b"a"], [DATES[0].date(), DATES[1]]])
def test_the_first_value_does_not_choose_the_type_of_the_others(values: list[Any]) -> None:
    there = pd.Series(values * 20, dtype=object)
    back = pd.Series(values[::-1] * 20, dtype=object)
    a, b = built(there), built(back)
    assert a.grid == b.grid
    assert np.array_equal(a.profile.sums.ints, b.profile.sums.ints)
