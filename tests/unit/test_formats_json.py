"""JSON events to rows: every event is a row or has a reason, and every value has a place."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from drift.core.errors import ConfigError
from drift.core.grid import NAN, WRONG
from drift.core.records import (
    BAD_TIME,
    EMPTY,
    LABEL_ONLY,
    MALFORMED,
    MISSING_TIME,
    REASONS,
    TOO_LARGE,
    UNKNOWN_MODEL,
    WRONG_TYPE_REASON,
    Decoded,
)
from drift.core.rows import WRONG_TYPE, Coded, Fields, Rows
from drift.core.schema import Column, Kind, Role, Schema, Storage
from ingest import formats
from ingest.decoding.fields import union

TIME = "2026-11-23T10:00:00.5Z"
MICROS = 1_795_428_000_500_000


def numeric(name: str, role: Role = Role.FEATURE, source: str = "", derive: str = "") -> Column:
    return Column(name, Kind.NUMERIC, role, Storage.NUMBER, source=source, derive=derive)


def category(name: str, role: Role = Role.FEATURE, storage: Storage = Storage.STRING) -> Column:
    return Column(name, Kind.BOOLEAN if storage is Storage.BOOLEAN else Kind.CATEGORICAL, role, storage)


SCHEMA = Schema(
    (
        numeric("income"), numeric("age"), category("region"), category("zip", storage=Storage.NUMBER),
        category("owner", storage=Storage.BOOLEAN), category("prediction", Role.PREDICTION, Storage.NUMBER),
        numeric("score", Role.SCORE), category("channel", Role.SEGMENT),
        numeric("signup_age", source="signup", derive="age"), numeric("note_length", source="note", derive="length"),
    ),
    segments=("channel", "region"),
)  # fmt: skip
FIELDS = Fields.of(SCHEMA)
MODELS = {"credit": FIELDS}
SMALL = Fields.of(Schema((numeric("x"), category("c"))))


def event(**changes: Any) -> dict[str, Any]:
    features = {
        "income": 4200.5, "age": 33, "region": "north", "zip": 8001, "owner": True,
        "signup": "2026-11-22T10:00:00.5Z", "note": "héllo", "ignored": [1, {"deep": None}],
    }  # fmt: skip
    whole = {
        "model": "credit", "version": "3", "id": "a1", "time": TIME, "features": features,
        "prediction": 1, "score": 0.73, "segments": {"channel": "web"}, "label": None,
    }  # fmt: skip
    return {**whole, **changes}


def decode(
    *events: Any, models: Mapping[str, Fields] = MODELS, timestamps: list[int] | None = None, **options: Any
) -> Decoded:
    values = [e if isinstance(e, bytes) or e is None else json.dumps(e).encode() for e in events]
    return formats.decoder("json", options, models).decode(values, timestamps or [-1] * len(values))


def row(rows: Rows, at: int = 0) -> dict[str, Any]:
    """One row as values; a special slot as `slot N`."""
    assert rows.fields is not None
    values: dict[str, Any] = {c.name: float(rows.numbers[i, at]) for i, c in enumerate(rows.fields.numbers)}
    odd = {rows.fields.numbers[c].name: f"slot {slot}" for c, r, slot in rows.odd.tolist() if r == at}
    keys = {name: None if isinstance(held, Coded) else held[at] for name, held in rows.keys.items()}
    return {**values, **keys, **odd}


def small(features: Any, **changes: Any) -> bytes:
    return json.dumps({"model": "m", "time": TIME, "features": features, **changes}).encode()


def one_small(text: bytes) -> dict[str, Any]:
    decoded = decode(text, models={"m": SMALL})
    assert not decoded.rejected
    return row(decoded.rows["m"])


def refusal(*events: Any, **options: Any) -> tuple[str, str]:
    decoded = decode(*events, **options)
    assert not decoded.rows
    (rejected,) = decoded.rejected
    assert rejected.reason in REASONS
    return rejected.reason, rejected.detail


def test_an_event_becomes_a_row() -> None:
    decoded = decode(event())
    rows = decoded.rows["credit"]
    assert rows.time.tolist() == [MICROS]
    assert rows.version == ["3"]
    assert rows.record.tolist() == [0]
    assert rows.fields == FIELDS
    assert row(rows) == {
        "income": 4200.5, "age": 33.0, "region": "north", "zip": 8001, "owner": True, "prediction": 1, "score": 0.73,
        "channel": "web", "signup_age": 1.0, "note_length": 5.0,
    }  # fmt: skip


def test_the_tolerant_way_says_the_same() -> None:
    typed, tolerant = decode(event()), decode(json.dumps(event(unknown=math.nan)).encode())
    assert row(typed.rows["credit"]) == row(tolerant.rows["credit"])
    assert tolerant.rows["credit"].time.tolist() == [MICROS]
    assert tolerant.rows["credit"].version == ["3"]


@pytest.mark.parametrize("unknown", [0, math.nan], ids=["typed", "tolerant"])
def test_what_is_missing_is_missing(unknown: float) -> None:
    rows = decode(event(unknown=unknown, features={"income": None}, segments=None, score=None)).rows["credit"]
    values = row(rows)
    assert values.pop("prediction") == 1
    assert all(value is None or math.isnan(value) for value in values.values())
    assert rows.odd.size == 0


def test_an_event_without_features_counts_as_all_missing() -> None:
    without = event()
    del without["features"]
    values = row(decode(without).rows["credit"])
    assert math.isnan(values["income"])
    assert (values["prediction"], values["score"], values["channel"]) == (1, 0.73, "web")


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("1", 1.0), ("-0.0", -0.0), ("1e308", 1e308), ("null", math.nan),
        ("Infinity", math.inf), ("-Infinity", -math.inf), ("1e999", math.inf), ("-" + "9" * 350, -math.inf),
        ("9" * 6000, math.inf), (str(2**70), 2.0**70),
        ("NaN", f"slot {NAN}"), ('"1"', f"slot {WRONG}"), ('"NaN"', f"slot {WRONG}"), ("true", f"slot {WRONG}"),
        ("[]", f"slot {WRONG}"), ('{"a": 1}', f"slot {WRONG}"), ('""', f"slot {WRONG}"),
    ],
)  # fmt: skip
def test_every_number_has_a_place(text: str, x: object) -> None:
    body = b'{"model": "m", "time": "%s", "features": {"x": %s}}' % (TIME.encode(), text.encode())
    np.testing.assert_equal(one_small(body)["x"], x)


@pytest.mark.parametrize(
    ("text", "c"),
    [
        ('"red"', "red"), ("null", None), ('""', ""), ("1", 1), ("1.0", 1.0), ("1.5", 1.5), (str(2**70), 2**70),
        ("true", WRONG_TYPE), ("[1]", WRONG_TYPE), ("{}", WRONG_TYPE), ('"\\ud800"', "?"), ('"a\\u0000b"', "a\x00b"),
        ('"\\ud83d\\ude00"', "😀"), ('"NaN"', "NaN"),
    ],
)  # fmt: skip
def test_every_category_has_a_place(text: str, c: object) -> None:
    body = b'{"model": "m", "time": "%s", "features": {"c": %s}}' % (TIME.encode(), text.encode())
    assert one_small(body)["c"] == c


@pytest.mark.parametrize(
    ("value", "key"), [(True, True), (False, False), (None, None), (1, WRONG_TYPE), ("true", WRONG_TYPE)]
)
def test_a_boolean_column_takes_booleans(value: object, key: object) -> None:
    fields = Fields.of(Schema((category("b", storage=Storage.BOOLEAN),)))
    assert row(decode(small({"b": value}), models={"m": fields}).rows["m"])["b"] is key


def test_derived_columns_know_a_wrong_type() -> None:
    values = row(decode(event(features={"signup": "soon", "note": 5})).rows["credit"])
    assert (values["signup_age"], values["note_length"]) == (f"slot {WRONG}", f"slot {WRONG}")


@pytest.mark.parametrize(
    ("time", "micros"),
    [
        (TIME, MICROS), ("2026-11-23 11:00:00.5+01:00", MICROS), ("2026-11-23T10:00:00.500000900Z", MICROS + 1),
        (MICROS // 1_000_000, MICROS - 500_000), (MICROS / 1e6, MICROS), (MICROS // 1_000, MICROS), (MICROS, MICROS),
        (MICROS * 1_000 + 999, MICROS), ("2026-11-23T10:00Z", MICROS - 500_000), (0, 0),
    ],
)  # fmt: skip
def test_times_are_read(time: object, micros: int) -> None:
    rows = decode(event(time=time), event(time=TIME)).rows["credit"]
    assert dict(zip(rows.record.tolist(), rows.time.tolist(), strict=True)) == {0: micros, 1: MICROS}
    assert decode(event(time=time)).rows["credit"].time.tolist() == [micros]


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        (None, MISSING_TIME), ("2026-11-23T10:00:00", BAD_TIME), ("yesterday", BAD_TIME), ("", BAD_TIME),
        (-1, BAD_TIME), (True, BAD_TIME), ([], BAD_TIME), (1e30, BAD_TIME), (2**70, BAD_TIME),
        ("9999-01-01T00:00:00Z", BAD_TIME), ("1950-01-01T00:00:00Z", BAD_TIME),
        ("0001-01-01T00:00:00+14:00", BAD_TIME), (math.nan, BAD_TIME),
        (math.inf, BAD_TIME),
    ],
)  # fmt: skip
def test_events_without_a_time_are_refused(time: object, reason: str) -> None:
    assert refusal(event(time=time), timestamps=[MICROS])[0] == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, EMPTY), (b"", MALFORMED), (b"{", MALFORMED), (b"null", MALFORMED), (b'"x"', MALFORMED),
        (b"\xff", MALFORMED), (b"[" * 100_000, MALFORMED), (b'{"a":' * 100_000, MALFORMED), (b"[]", EMPTY),
        (b"{} {}", MALFORMED), (b"{}", UNKNOWN_MODEL), (b'{"model": 5}', UNKNOWN_MODEL),
        (b'{"model": "nobody"}', UNKNOWN_MODEL),
        (b'{"model": "credit"}', MISSING_TIME), (b"x" * 2000, TOO_LARGE),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(text: bytes | None, reason: str) -> None:
    decoded = decode(text, event(), max_record=max(1000, len(text or b"") if reason != TOO_LARGE else 0))
    (rejected,) = decoded.rejected
    assert (rejected.reason, rejected.record, rejected.index) == (reason, 0, 0)
    assert rejected.payload == (text or b"")
    assert decoded.rows["credit"].record.tolist() == [1]


@pytest.mark.parametrize(
    "changes",
    [{"features": 5}, {"features": [1]}, {"segments": "web"}, {"version": True}, {"version": {"a": 1}}],
)
def test_an_envelope_of_a_wrong_type_is_refused(changes: dict[str, Any]) -> None:
    reason, detail = refusal(event(**changes))
    assert reason == WRONG_TYPE_REASON
    assert next(iter(changes)) in detail


@pytest.mark.parametrize("features", [None, "absent"])
def test_a_label_alone_is_refused_for_now(features: object) -> None:
    late: dict[str, Any] = {"model": "credit", "id": "a1", "label": 1, "time": TIME, "features": features}
    if features:
        del late["features"]
    assert refusal(late)[0] == LABEL_ONLY
    late["score"] = 0.5
    assert not decode(late).rejected


def test_a_label_alone_is_known_in_a_flat_log() -> None:
    flat = {"model": "model", "time": "time", "features": {"x": "x", "c": "c"}, "label": "truth"}
    texts: list[dict[str, Any]] = [
        {"x": None, "truth": 1},
        {"c": "red", "truth": 1},
        {"x": 0, "truth": 1},
        {"truth": None},
    ]
    decoded = decode(*(dict(t, model="m", time=TIME) for t in texts), models={"m": SMALL}, map=flat)
    assert [(r.record, r.reason) for r in decoded.rejected] == [(0, LABEL_ONLY)]
    assert sorted(decoded.rows["m"].record.tolist()) == [1, 2, 3]


@pytest.mark.parametrize(("version", "spelled"), [("3", "3"), (3, "3"), (3.0, "3"), (3.5, "3.5"), (None, None)])
def test_versions_have_one_spelling(version: object, spelled: str | None) -> None:
    assert decode(event(version=version), event()).rows["credit"].version == [spelled, "3"]


def test_arrays_of_events_are_taken_apart() -> None:
    texts = [b"[%s, 5, %s]" % (small({"x": 1}), small({"x": 2})), small({"x": 3}), b"[%s]" % small({"x": math.nan})]
    decoded = decode(*texts, b"[[]]", models={"m": SMALL})
    rows = decoded.rows["m"]
    assert sorted(zip(rows.record.tolist(), rows.numbers[0].tolist(), strict=True))[:3] == [
        (0, 1.0),
        (0, 2.0),
        (1, 3.0),
    ]
    assert rows.odd[:, 2].tolist() == [NAN]
    assert [(r.record, r.index, r.reason, r.payload) for r in decoded.rejected] == [
        (0, 1, MALFORMED, b"5"), (3, 0, MALFORMED, b"[]"),
    ]  # fmt: skip
    assert decoded.events == 6


def test_an_array_with_nan_keeps_its_good_events() -> None:
    text = b'[{"model": "nobody", "x": NaN}, %s]' % small({"x": 1})
    decoded = decode(text, models={"m": SMALL})
    assert decoded.rows["m"].numbers.tolist() == [[1.0]]
    assert [(r.index, r.reason) for r in decoded.rejected] == [(0, UNKNOWN_MODEL)]
    assert json.loads(decoded.rejected[0].payload)["model"] == "nobody"


def test_several_models_in_one_stream() -> None:
    texts = [event(), small({"x": 1}), {"model": "nobody"}, event(version="4"), b"{", small({"x": math.nan})]
    decoded = decode(*texts, models={**MODELS, "m": SMALL})
    assert decoded.rows["credit"].record.tolist() == [0, 3]
    assert decoded.rows["credit"].version == ["3", "4"]
    assert sorted(decoded.rows["m"].record.tolist()) == [1, 5]
    assert sorted((r.record, r.reason) for r in decoded.rejected) == [(2, UNKNOWN_MODEL), (4, MALFORMED)]


def test_no_model_is_known_before_the_first_reference() -> None:
    assert refusal(event(), models={})[0] == UNKNOWN_MODEL


def test_a_model_without_columns_still_has_rows() -> None:
    assert len(decode(event(), models={"credit": Fields((), ())}).rows["credit"]) == 1


LOG = {
    "meta": {"v": 7, "ts": TIME}, "in": {"salary": 10, "geo": {"zone": "north"}}, "out": {"p": 0.9, "class": "yes"},
    "via": "web",
}  # fmt: skip
LOG_MAP = {
    "model": "=credit", "version": "$.meta.v", "time": "meta.ts",
    "features": {"income": "$.in.salary", "region": "$.in.geo.zone"}, "prediction": "out.class", "score": "out.p",
    "segments": {"channel": "via"},
}  # fmt: skip


def test_a_log_that_exists_already_is_read_by_its_map() -> None:
    decoded = decode(LOG, {**LOG, "in": None}, {**LOG, "in": 5}, {"note": math.nan, **LOG}, map=LOG_MAP)
    rows = decoded.rows["credit"]
    values = row(rows)
    assert {name: values[name] for name in ("income", "region", "prediction", "score", "channel")} == {
        "income": 10.0, "region": "north", "prediction": "yes", "score": 0.9, "channel": "web",
    }  # fmt: skip
    assert math.isnan(values["age"])
    assert values["zip"] is None
    assert rows.version == ["7"] * 3
    assert sorted(rows.record.tolist()) == [0, 1, 3]
    assert [(r.record, r.reason) for r in decoded.rejected] == [(2, WRONG_TYPE_REASON)]


def test_features_may_be_the_event_itself() -> None:
    flat = {"model": "=m", "features": "$"}
    decoded = decode({"x": 1, "c": "red"}, {"x": 2}, models={"m": SMALL}, map=flat, timestamps=[MICROS, -1])
    assert row(decoded.rows["m"]) == {"x": 1.0, "c": "red"}
    assert decoded.rows["m"].time.tolist() == [MICROS]
    assert [(r.record, r.reason) for r in decoded.rejected] == [(1, MISSING_TIME)]


def test_several_scores_stand_in_an_object() -> None:
    fields = Fields.of(Schema((numeric("low", Role.SCORE), numeric("high", Role.SCORE))))
    assert row(decode(small({}, score={"low": 0.1, "high": 0.2}), models={"m": fields}).rows["m"]) == {
        "low": 0.1, "high": 0.2,
    }  # fmt: skip


def test_a_number_may_be_a_segment_too() -> None:
    fields = Fields.of(Schema((Column("hour", Kind.ORDINAL, Role.FEATURE, Storage.NUMBER),), segments=("hour",)))
    decoded = decode(small({"hour": 7}), small({"hour": None}), small({"hour": "x"}), models={"m": fields})
    rows = decoded.rows["m"]
    assert rows.keys["hour"] == [7.0, None, "x"]
    np.testing.assert_equal(rows.numbers, [[7.0, math.nan, math.nan]])
    assert rows.odd.tolist() == [[0, 2, WRONG]]


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "dotted.name", "ünï", "new\nline", " "])
def test_any_name_can_be_a_column(name: str) -> None:
    fields = Fields.of(Schema((numeric(name),)))
    assert row(decode(small({name: 4}), models={"m": fields}).rows["m"]) == {name: 4.0}


def test_a_path_may_be_a_list_of_names() -> None:
    fields = Fields.of(Schema((numeric("a.b"),)))
    places: dict[str, Any] = {"model": "=m", "time": ["t.s"], "features": {"a.b": ["in", "a.b"]}}
    decoded = decode({"t.s": 1_795_428_000, "in": {"a.b": 4}}, models={"m": fields}, map=places)
    assert row(decoded.rows["m"]) == {"a.b": 4.0}
    assert decoded.rows["m"].time.tolist() == [1_795_428_000_000_000]


@pytest.mark.parametrize(
    "text", ["2026-11-23T10:00:00", "2026-11-23 10:00:00", "2026-11-23 10:00", "2026-11-23T10:00Z"]
)
def test_times_without_a_zone_are_utc_where_the_map_says_so(text: str) -> None:
    fields = Fields.of(Schema((numeric("x"),)))
    places = {"model": "=m", "time": "t", "features": "$"}
    event = {"t": text, "x": 4}
    aware = {"t": "2026-11-23T11:00:00+01:00", "x": 4}
    decoded = decode(event, aware, models={"m": fields}, map=places | {"zone": "UTC"})
    assert set(decoded.rows["m"].time.tolist()) == {1_795_428_000_000_000}
    assert len(decoded.rows["m"]) == 2
    assert len(decode(event, models={"m": fields}, map=places).rejected) == (not text.endswith("Z"))


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"modle": "x"}, "modle"), ({"features": "x"}, "which model"), ({"model": "a[0]"}, "names and dots"),
        ({"model": "a", "time": "=now"}, "path"), ({"model": "a", "time": 5}, "path"), ({"model": "$"}, "whole event"),
        ({"model": "a..b"}, "names and dots"), ({"model": "a", "zone": "Europe/Berlin"}, "write UTC"),
        ({"model": "a", "time": []}, "path"), ({"model": "a", "time": ["a", 1]}, "path"),
    ],
)  # fmt: skip
def test_a_map_that_cannot_be_says_why(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        decode(map=settings)


def test_unknown_options_and_formats_are_refused() -> None:
    with pytest.raises(ConfigError, match="maps"):
        decode(maps={})
    with pytest.raises(ConfigError, match="json"):
        formats.decoder("jsno", {}, {})


def test_the_newest_reference_wins() -> None:
    old = Schema((numeric("a"), numeric("b"), category("c")))
    new = Schema(
        (category("a"), category("d"), Column("h", Kind.ORDINAL, Role.FEATURE, Storage.NUMBER)), segments=("h",)
    )
    fields = union([old, new])
    assert [c.name for c in fields.numbers] == ["h", "b"]
    assert [c.name for c in fields.keys] == ["a", "d", "h", "c"]


def test_a_time_does_not_depend_on_its_neighbours() -> None:
    nanoseconds = MICROS * 1_000 + 999  # as a double it would be rounded up
    decoded = decode(event(time=nanoseconds), event(time=MICROS / 1e6))
    assert sorted(decoded.rows["credit"].time.tolist()) == [MICROS] * 2


def test_long_batches_keep_their_positions() -> None:
    texts = [small({"x": i}) for i in range(1100)]
    for at in (0, 511, 512, 700, 1099):
        texts[at] = b"{"
    texts[600] = small({"x": math.nan})
    for models in ({"m": SMALL}, {"m": SMALL, "n": SMALL}):
        decoded = decode(*texts, models=models)
        assert sorted(r.record for r in decoded.rejected) == [0, 511, 512, 700, 1099]
        rows = decoded.rows["m"]
        expected = sorted(set(range(1100)) - {0, 511, 512, 700, 1099})
        assert sorted(rows.record.tolist()) == expected
        kept = rows.record != 600
        np.testing.assert_array_equal(rows.numbers[0][kept], rows.record[kept])
