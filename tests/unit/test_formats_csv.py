"""CSV blocks to rows."""

import math
from typing import Any

import numpy as np
import pytest

from drift.core.grid import WRONG
from drift.core.records import BAD_TIME, EMPTY, MALFORMED, MISSING_TIME, TOO_LARGE, UNKNOWN_MODEL, Decoded
from drift.core.rows import WRONG_TYPE, Coded, Fields, Rows
from drift.core.schema import Column, Kind, Role, Schema, Storage
from ingest import formats

MICROS = 1_795_428_000_500_000
FIELDS = Fields.of(
    Schema(
        (
            Column("income", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER),
            Column("region", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING),
            Column("zip", Kind.CATEGORICAL, Role.FEATURE, Storage.NUMBER),
            Column("owner", Kind.BOOLEAN, Role.FEATURE, Storage.BOOLEAN),
            Column("note_length", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER, "note", "length"),
            Column("late", Kind.NUMERIC, Role.PREDICTION, Storage.NUMBER),
        )
    )
)
HEADER = "model,version,time,income,region,zip,owner,note,prediction\n"
ROW = "credit,3,2026-11-23T10:00:00.5Z,4200.5,north,8001,true,hello,1\n"


def decode(*values: str | bytes | None, **options: Any) -> Decoded:
    texts = [value.encode() if isinstance(value, str) else value for value in values]
    return formats.decoder("csv", options, {"credit": FIELDS}).decode(texts, [-1] * len(texts))


def keys(rows: Rows, name: str) -> list[object]:
    held = rows.keys[name]
    return [held.dictionary[c] if c >= 0 else None for c in held.codes] if isinstance(held, Coded) else list(held)


def test_cells_become_values() -> None:
    decoded = decode(HEADER + ROW + "credit,,1795428000.5,,NA,,,,\n")
    assert not decoded.rejected
    rows = decoded.rows["credit"]
    assert rows.time.tolist() == [MICROS, MICROS]
    assert rows.version == ["3", None]
    np.testing.assert_array_equal(rows.numbers, [[4200.5, math.nan], [5.0, math.nan], [1.0, math.nan]])
    assert [keys(rows, name) for name in ("region", "zip", "owner")] == [["north", None], [8001, None], ["true", None]]


def test_a_wrong_cell_spoils_only_itself() -> None:
    decoded = decode(HEADER + ROW + ROW.replace("4200.5", "much").replace("8001", "8001b").replace("true", "maybe"))
    rows = decoded.rows["credit"]
    assert rows.odd.tolist() == [[0, 1, WRONG]]
    assert rows.numbers[0, 0] == 4200.5
    assert keys(rows, "zip") == [8001, "8001b"]
    assert keys(rows, "owner") == [True, WRONG_TYPE]


def test_blocks_are_joined_whatever_their_cells() -> None:
    decoded = decode(HEADER + ROW, HEADER + ROW.replace("8001", "x"), HEADER + ROW)
    rows = decoded.rows["credit"]
    assert rows.record.tolist() == [0, 1, 2]
    assert keys(rows, "zip") == [8001, "x", 8001]
    assert keys(rows, "region") == ["north"] * 3


def test_quotes_delimiters_and_marks() -> None:
    quoted = HEADER + 'credit,3,2026-11-23T10:00:00.5Z,1,"no,\n""rth""",1,true,x,1\r\n'
    assert keys(decode(quoted).rows["credit"], "region") == ['no,\n"rth"']
    semicolons = "\ufeff" + (HEADER + ROW).replace(",", ";")
    assert decode(semicolons).rows["credit"].numbers[0].tolist() == [4200.5]
    assert decode("\t".join(["model", "time", "", "income"]) + "\ncredit\t5\tx\t1\n").rows["credit"].time.tolist() == [
        5_000_000
    ]


@pytest.mark.parametrize(
    ("value", "reasons"),
    [
        (None, [EMPTY]), (HEADER, [EMPTY]), (HEADER + "a,b\n", [MALFORMED]), (HEADER.encode() + b"\xff\n", [MALFORMED]),
        ("x" * 20_000, [TOO_LARGE]), (HEADER + ROW.replace("credit", "nobody"), [UNKNOWN_MODEL]),
        (HEADER + ROW.replace("2026-11-23T10:00:00.5Z", "") * 2, [MISSING_TIME] * 2),
        (HEADER + ROW.replace("Z,", ",") + ROW, [BAD_TIME]),
        (HEADER + ROW.replace("2026-11-23T10:00:00.5Z", "inf"), [BAD_TIME]),
        ("model,time\n\n", [EMPTY]), ("\n", [EMPTY]), (b"\n\n", [EMPTY]), ('"a\n', [MALFORMED]),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_has_a_reason(value: str | bytes | None, reasons: list[str]) -> None:
    decoded = decode(value, max_record=10_000)
    assert [r.reason for r in decoded.rejected] == reasons


def test_a_row_of_another_length_is_refused_alone() -> None:
    decoded = decode(HEADER + ROW + "credit,3\n" + ROW + ROW[:-1] + ",9,9\n" + ROW)
    assert len(decoded.rows["credit"]) == 3
    assert [(bad.index, bad.reason) for bad in decoded.rejected] == [(1, MALFORMED), (3, MALFORMED)]
    assert decoded.rejected[0].payload == b"credit,3"
    assert "11 cells where the header has 9" in decoded.rejected[1].detail
    assert decoded.events == 5


def test_a_refused_row_and_a_refused_time_have_places_of_their_own() -> None:
    decoded = decode(HEADER + "credit,3\n" + ROW.replace("2026-11-23T10:00:00.5Z", "soon") + ROW)
    assert [(bad.index, bad.reason) for bad in decoded.rejected] == [(0, MALFORMED), (1, BAD_TIME)]


@pytest.mark.parametrize("time", ["2026-11-23 10:00:00.5", "2026-11-23T10:00:00.5", "2026-11-23T11:00:00.5+01:00"])
def test_times_without_a_zone_are_utc_where_the_map_says_so(time: str) -> None:
    block = HEADER + ROW.replace("2026-11-23T10:00:00.5Z", time)
    names = {"model": "model", "time": "time", "features": "$"}
    assert decode(block, map=names | {"zone": "UTC"}).rows["credit"].time.tolist() == [MICROS]
    if "+" not in time:
        assert [bad.reason for bad in decode(block, map=names).rejected] == [BAD_TIME]
    mixed = block + ROW
    assert decode(mixed, map=names | {"zone": "UTC"}).rows["credit"].time.tolist() == [MICROS, MICROS]


def test_a_map_names_columns() -> None:
    where = {"model": "=credit", "time": "ts", "features": {"income": "Salary"}, "prediction": "out"}
    rows = decode("ts,Salary,out\n2026-11-23T10:00:00.5Z,x,1\n2026-11-23T10:00:00.5Z,5,0\n", map=where).rows["credit"]
    np.testing.assert_array_equal(rows.numbers[0], [math.nan, 5.0])
    assert rows.odd.tolist() == [[0, 0, WRONG]]
    assert rows.numbers[2].tolist() == [1.0, 0.0]
