"""Arrow batches to rows: the same rows as the same events in JSON."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from drift.core.grid import NAN, WRONG
from drift.core.records import (
    BAD_TIME,
    EMPTY,
    LABEL_ONLY,
    MALFORMED,
    MISSING_TIME,
    TOO_LARGE,
    UNKNOWN_MODEL,
    WRONG_TYPE_REASON,
    Decoded,
)
from drift.core.rows import WRONG_TYPE, Coded, Fields, Rows
from drift.core.schema import Column, Kind, Role, Schema, Storage
from ingest import formats

MICROS = 1_795_428_000_500_000
FIELDS = Fields.of(
    Schema(
        (
            Column("income", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER),
            Column("region", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING),
            Column("prediction", Kind.CATEGORICAL, Role.PREDICTION, Storage.NUMBER),
            Column("score", Kind.NUMERIC, Role.SCORE, Storage.NUMBER),
            Column("channel", Kind.CATEGORICAL, Role.SEGMENT, Storage.STRING),
            Column("age", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER, "signup", "age"),
        ),
        segments=("channel",),
    )
)
TIMES = pa.array([MICROS, MICROS + 1], pa.timestamp("us", "UTC"))
FLAT: Mapping[str, Any] = {
    "model": ["credit", "credit"], "version": ["3", None], "time": TIMES, "income": [1.5, None],
    "region": ["north", None], "prediction": [1, 0], "score": [0.5, math.nan], "channel": ["web", "shop"],
    "signup": pa.array([MICROS - 86_400_000_000, None], pa.timestamp("us", "UTC")),
}  # fmt: skip


def ipc(*batches: pa.RecordBatch, file: bool = False, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    new = pa.ipc.new_file if file else pa.ipc.new_stream
    with new(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        for batch in batches:
            writer.write(batch)
    return sink.getvalue()


def batch(columns: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> pa.RecordBatch:
    return pa.record_batch(dict(columns)).replace_schema_metadata(metadata)


def without(*names: str, **more: Any) -> dict[str, Any]:
    return {name: column for name, column in FLAT.items() if name not in names} | more


def decode(*values: bytes | None, models: Sequence[str] = ("credit",), timestamp: int = -1, **options: Any) -> Decoded:
    return formats.decoder("arrow", options, dict.fromkeys(models, FIELDS)).decode(values, [timestamp] * len(values))


def keys(rows: Rows, name: str) -> list[object]:
    held = rows.keys[name]
    assert isinstance(held, Coded)
    return [held.dictionary[code] if code >= 0 else None for code in held.codes]


def check(rows: Rows) -> None:
    """The rows of `FLAT`."""
    assert rows.time.tolist() == [MICROS, MICROS + 1]
    assert rows.version == ["3", None]
    assert rows.record.tolist() == [0, 0]
    np.testing.assert_array_equal(rows.numbers, [[1.5, math.nan], [0.5, math.nan], [1.0, math.nan]])
    assert rows.odd.tolist() == [[1, 1, NAN]]
    assert keys(rows, "region") == ["north", None]
    assert keys(rows, "prediction") == [1, 0]
    assert keys(rows, "channel") == ["web", "shop"]


@pytest.mark.parametrize(
    "columns",
    [
        FLAT,
        without("income", "region", "signup", features=pa.array(
            [{"income": 1.5, "region": "north", "signup": (MICROS - 86_400_000_000) / 1e6}, None]
        )),
        without("channel", segments=[{"channel": "web"}, {"channel": "shop"}]),
        without("region", region=pa.array(["north", None]).dictionary_encode()),
        without("time", time=[MICROS, MICROS + 1]),
        without("time", time=["2026-11-23T10:00:00.5Z", "2026-11-23T11:00:00.500001+01:00"]),
        without("time", time=pa.array([MICROS, MICROS + 1], pa.timestamp("us"))),
        without("region", region=pa.array(["north", None], pa.string_view())),
        without("income", income=pa.array([1.5, None], pa.float32())),
        without("income", income=pa.array(["1.50", None]).cast(pa.decimal128(5, 2))),
    ],
    ids=["flat", "features", "segments", "dictionary", "integers", "texts", "naive", "view", "float32", "decimal"],
)  # fmt: skip
def test_a_batch_becomes_rows(columns: Mapping[str, Any]) -> None:
    decoded = decode(ipc(batch(columns)))
    assert not decoded.rejected
    check(decoded.rows["credit"])


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("file", [False, True])
def test_streams_and_files_are_read(file: bool, compression: str | None) -> None:
    check(decode(ipc(batch(FLAT), file=file, compression=compression)).rows["credit"])


def test_the_model_may_stand_in_the_metadata() -> None:
    named = batch(without("model", "version"), {"model": "credit", "version": "7"})
    assert decode(ipc(named)).rows["credit"].version == ["7", "7"]


def test_records_are_joined_and_told_apart() -> None:
    one, two = batch(FLAT), batch(without("income", income=["x", "y"]))
    decoded = decode(ipc(one, one), ipc(two), ipc(one), b"junk")
    rows = decoded.rows["credit"]
    assert rows.record.tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert keys(rows, "channel") == ["web", "shop"] * 4
    assert rows.odd[rows.odd[:, 2] == WRONG].tolist() == [[0, 4, WRONG], [0, 5, WRONG]]
    assert [(r.record, r.reason, r.payload) for r in decoded.rejected] == [(3, MALFORMED, b"junk")]


def test_several_models_share_a_batch() -> None:
    mixed = without("model", model=["other", "credit"])
    decoded = decode(ipc(batch(mixed)), models=("credit", "other"))
    assert decoded.rows["other"].time.tolist() == [MICROS]
    assert decoded.rows["credit"].time.tolist() == [MICROS + 1]
    decoded = decode(ipc(batch(FLAT)), ipc(batch(mixed)))
    assert [(r.record, r.index, r.reason) for r in decoded.rejected] == [(1, 0, UNKNOWN_MODEL)]
    assert decoded.rejected[0].payload.startswith(b'{"version":"3"')
    assert decoded.rows["credit"].record.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("columns", "refused"),
    [
        (without("model"), [UNKNOWN_MODEL] * 2),
        (without("model", model=[None, 5]), [UNKNOWN_MODEL] * 2),
        (without("time"), [MISSING_TIME] * 2),
        (without("time", time=[None, MICROS]), [MISSING_TIME]),
        (without("time", time=["2026-11-23T10:00:00", "2026-11-23T10:00:00Z"]), [BAD_TIME]),
        (without("time", time=[-5, 10**18 * 9]), [BAD_TIME]),
        (without("time", time=[True, False]), [BAD_TIME] * 2),
        (without("time", time=[math.inf, math.nan]), [BAD_TIME, MISSING_TIME]),
        (without("version", version=[[1], [2]]), [WRONG_TYPE_REASON] * 2),
        ({"model": ["credit"] * 2, "time": TIMES, "label": [1, None]}, [LABEL_ONLY]),
    ],
)
def test_rows_that_cannot_be_counted_have_a_reason(columns: Mapping[str, Any], refused: list[str]) -> None:
    decoded = decode(ipc(batch(columns)))
    assert [r.reason for r in decoded.rejected] == refused
    assert decoded.events == 2


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, EMPTY), (b"", EMPTY), (ipc(batch(FLAT))[:200], MALFORMED), (b"ARROW1\0\0", MALFORMED),
        (ipc(batch(FLAT).slice(0, 0)), EMPTY), (ipc(batch({"n": pa.nulls(1 << 21)})), TOO_LARGE),
        (b"x" * 20_000, TOO_LARGE),
    ],
)  # fmt: skip
def test_what_is_no_batch_is_refused(value: bytes | None, reason: str) -> None:
    decoded = decode(value, ipc(batch(FLAT)), max_record=10_000)
    assert [(r.record, r.reason) for r in decoded.rejected] == [(0, reason)]
    assert decoded.rows["credit"].record.tolist() == [1, 1]


def test_damaged_bytes_never_crash() -> None:
    good = ipc(batch(FLAT))
    rng = np.random.default_rng(0)
    for _ in range(1000):
        damaged = bytearray(good)
        for at in rng.integers(0, len(good), 3):
            damaged[at] = rng.integers(256)
        decoded = decode(bytes(damaged), good)
        assert decoded.rows["credit"].record.tolist().count(1) == 2


def test_types_that_do_not_fit_are_wrong_or_names() -> None:
    odd = without("income", "region", "channel", income=[True, None], region=[7, None], channel=[[1], None])
    rows = decode(ipc(batch(odd))).rows["credit"]
    assert [0, 0, WRONG] in rows.odd.tolist()
    assert keys(rows, "region") == [7, None]
    assert keys(rows, "channel") == [WRONG_TYPE, None]


def test_a_map_leads_to_columns() -> None:
    log = {"ts": TIMES, "in": [{"salary": 1.5}, {"salary": None}], "p": [1, 0], "via": ["web", "shop"]}
    where = {
        "model": "=credit", "version": "=9", "time": "ts", "features": {"income": "in.salary"}, "prediction": "p",
        "segments": {"channel": "via"},
    }  # fmt: skip
    rows = decode(ipc(batch(log)), map=where).rows["credit"]
    np.testing.assert_array_equal(rows.numbers[0], [1.5, math.nan])
    assert (keys(rows, "prediction"), keys(rows, "channel")) == ([1, 0], ["web", "shop"])
    assert (rows.version, rows.time.tolist()) == (["9", "9"], [MICROS, MICROS + 1])


def test_the_records_time_is_taken_where_the_map_has_none() -> None:
    where = {"model": "=credit", "features": "$"}
    assert decode(ipc(batch(FLAT)), map=where, timestamp=5).rows["credit"].time.tolist() == [5, 5]
    assert [r.reason for r in decode(ipc(batch(FLAT)), map=where).rejected] == [MISSING_TIME] * 2


def test_neighbours_do_not_change_how_a_time_is_read() -> None:
    naive = ipc(batch(without("time", time=["2026-11-23T10:00:00", "2026-11-23T10:00:00.5Z"])))
    good = ipc(batch(without("time", time=["2026-11-23T10:00:00.5Z", "2026-11-23T10:00:00.5Z"])))
    decoded = decode(good, naive, good)
    assert [(r.record, r.index, r.reason) for r in decoded.rejected] == [(1, 0, BAD_TIME)]
    assert decoded.rows["credit"].time.tolist() == [MICROS] * 5
