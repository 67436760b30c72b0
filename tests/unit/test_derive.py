"""Times and derived columns."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from drift.core.clock import DAY, HOUR, MINUTE, SECOND, from_datetime
from drift.core.derive import NO_TIME, derive_moments, parse_time, parse_times
from drift.core.derived import Floats, Ints, derived
from drift.core.grid import WRONG
from drift.core.schema import Column, Kind, Role, Storage
from drift.core.words import vocabulary, words

NOON = from_datetime(datetime(2026, 11, 23, 12, tzinfo=UTC))  # a Monday


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-23T12:00:00Z",
        "2026-11-23t12:00:00z",
        "2026-11-23 13:00:00+01:00",
        "2026-11-23T12:00:00.000000999Z",
        NOON // SECOND,
        NOON / SECOND,
        NOON // 1_000,
        NOON,
        NOON * 1_000,
        datetime(2026, 11, 23, 14, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_one_moment_in_many_spellings(value: object) -> None:
    assert parse_time(value) == NOON


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("2026-11-23T12:00:00", "has no zone"),
        (datetime(2026, 11, 23), "has no zone"),  # noqa: DTZ001
        ("2026-11-23", "has no zone"),
        ("yesterday", "is no time"),
        ("20261123", "is no time"),
        ("2026-13-01T00:00:00Z", "is no time"),
        ("1969-12-31T23:59:59Z", "outside the years"),
        ("9999-01-01T00:00:00Z", "outside the years"),
        (-1, "outside the years"),
        (2**70, "outside the years"),
        (10**400, "outside the years"),
        (float("inf"), "outside the years"),
        (float("nan"), "outside the years"),
        (True, "not bool"),
        (None, "not NoneType"),
        ([1], "not list"),
    ],
)
def test_what_is_no_event_time(value: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_time(value)


def test_every_microsecond_survives() -> None:
    assert parse_time("2026-11-23T12:00:00.123457Z") == NOON + 123_457
    assert parse_time(NOON + 123_457) == NOON + 123_457


def test_moments_of_mixed_values() -> None:
    micros, wrong = parse_times(
        [None, float("nan"), pd.NaT, pd.NA, "1955-03-01", date(1970, 1, 2), pd.Timestamp("1970-01-01T01:00"),
         np.datetime64("1970-01-01T00:01"), "soon", True, {}, 86_400, np.int64(86_400), np.float64("nan"),
         b"1970-01-01"],
    )  # fmt: skip
    assert wrong.tolist() == [8, 9, 10, 14]
    expected = [
        *[NO_TIME] * 4, -5420 * DAY, DAY, HOUR, MINUTE, *[NO_TIME] * 3, DAY, DAY, NO_TIME, NO_TIME,
    ]  # fmt: skip
    assert micros.tolist() == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_datetime64_of_every_unit(unit: str) -> None:
    micros, wrong = parse_times(np.array(["1970-01-02", "NaT"], f"datetime64[{unit}]"))
    assert micros.tolist() == [DAY, NO_TIME]
    assert wrong.size == 0


def test_arrays_of_epoch_numbers_equal_single_ones() -> None:
    numbers = [0, 1, 1_700_000_000, 1_700_000_000_123, 1_700_000_000_123_456, 1_700_000_000_123_456_789]
    for raw in (np.array(numbers), np.array(numbers, np.float64)):
        micros, wrong = parse_times(raw)
        assert wrong.size == 0
        assert micros.tolist() == [parse_time(x) for x in raw.tolist()]
    micros, wrong = parse_times(np.array([np.nan, np.inf, -np.inf, 1e30]))
    assert micros.tolist() == [NO_TIME] * 4
    assert wrong.tolist() == [1, 2, 3]


def derive(what: str, raw: Any, time: Ints, learned: bytes = b"") -> tuple[Floats, list[list[int]]]:
    column = Column(f"x.{what}", Kind.NUMERIC, Role.FEATURE, Storage.STRING, "x", what, learned=learned)
    ((values, odd),) = derived([column], raw, time)
    return values, odd.tolist()


NOW = np.full(6, NOON)


def test_age_hour_weekday() -> None:
    time = np.full(4, NOON)
    raw = ["2026-11-22T23:30:00Z", "1969-12-31T23:00:00Z", None, 3]
    age, odd = derive("age", raw[:3], time[:3])
    assert age[0] == pytest.approx(12.5 / 24)
    assert np.isnan(age[2])
    assert odd == []
    assert derive("hour", raw, time)[0][[0, 1, 3]].tolist() == [23, 23, 0]
    assert derive("weekday", raw, time)[0][[0, 1, 3]].tolist() == [6, 2, 3]


def test_without_an_event_time_there_is_no_age() -> None:
    assert np.isnan(derive("age", ["2026-11-22T23:30:00Z"], np.array([NO_TIME]))[0]).all()


@pytest.mark.parametrize("arrow", [False, True])
def test_length_counts_characters(arrow: bool) -> None:
    raw: Any = ["", "naïve 🙂", None, "x", "x", "\u2028"]
    values, odd = derive("length", pa.array(raw) if arrow else raw, NOW)
    assert values[[0, 1, 3, 4, 5]].tolist() == [0, 7, 1, 1, 1]
    assert np.isnan(values[2])
    assert odd == []


def test_what_is_no_text_is_a_wrong_type() -> None:
    values, odd = derive("length", ["\ud800", 5, ["a"], float("nan"), None, True], NOW)
    assert values[0] == 1
    assert np.isnan(values[1:]).all()
    assert odd == [[1, WRONG], [2, WRONG], [5, WRONG]]
    assert derive("empty", pa.array([1, None]), NOW[:2])[1] == [[0, WRONG]]


def test_words_out_of_vocabulary() -> None:
    learned = vocabulary(["The cat, 17 cats", "the dog and THE cat 4", "unique"])
    raw = ["the CAT", "a cat", "12", "", "?!", "unique"]
    for column in (raw, pa.array(raw)):
        values, odd = derive("oov", column, NOW, learned)
        assert values[[0, 1, 2, 5]].tolist() == [0.0, 0.5, 0.0, 1.0], "`unique` stood in one text only"
        assert np.isnan(values[3:5]).all(), "no word, no share"
        assert odd == []
        assert derive("empty", column, NOW)[0].tolist() == [0, 0, 0, 1, 1, 0]


def test_words_of_many_scripts() -> None:
    assert words("L'été, 3.14 naïve_x") == ["l", "été", "0", "0", "naïve", "x"]
    assert words("東京へ") == ["東", "京", "へ"]
    assert words("привет мир") == ["привет", "мир"]


def test_a_vocabulary_is_bounded_and_the_same_in_any_order() -> None:
    texts = [f"w{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i // 676)}" for i in range(15_000)] * 2
    learned = vocabulary(texts)
    assert 39_900 < len(learned) <= 40_000
    assert learned == vocabulary(reversed(texts))


def test_unknown_derivation() -> None:
    with pytest.raises(ValueError, match="cannot be derived"):
        derive_moments("month", np.zeros(0, np.int64), np.zeros(0, np.int64))
