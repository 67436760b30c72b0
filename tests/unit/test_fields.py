"""Fields that no reference has, in every format: which are seen, on how many events, of what type."""

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from drift.core.clock import DAY, MINUTE
from drift.core.errors import ProfileMismatch
from drift.core.fields import EACH, FEW, MOST_FIELDS, OFTEN, RAREST, FieldSums, Looked, places, shape_of
from drift.core.records import Decoded
from drift.core.rows import Fields
from drift.core.schema import Column, Kind, Role, Schema, Storage
from ingest import formats

FIELDS = Fields.of(
    Schema(
        (
            Column("x", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER),
            Column("c", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING),
        )
    )
)
TIME = "2026-01-01T00:00:00Z"


def counted(decoded: Decoded, model: str = "m") -> FieldSums:
    """Everything as one pane."""
    rows = decoded.rows[model]
    assert rows.looked is not None
    return rows.looked.sums(np.zeros(len(rows), np.int64), 1)[0]


def seen(form: str, *records: bytes, mapped: dict[str, Any] | None = None) -> dict[str, dict[str, int]]:
    options = {} if mapped is None else {"map": mapped}
    found = counted(formats.decoder(form, options, {"m": FIELDS}).decode(records, [-1] * len(records)))
    return {name: dict(counts) for name, counts in found.seen.items()}


def record(**more: Any) -> bytes:
    return json.dumps({"model": "m", "time": TIME, "features": {"x": 1.5, "c": "a", **more}}).encode()


def test_json_fields_by_type_in_the_typed_and_the_tolerant_way() -> None:
    some = {"number": 1, "text": "a", "flag": True, "list": [1], "object": {"a": {"b": 1}}, "null": None}
    expected = {"number": {"number": 1}, "text": {"string": 1}, "flag": {"boolean": 1}, "list": {"list": 1}}
    assert seen("json", record(**some)) == expected | {"object": {"": 1}}
    # a wrong type of `c`, and an array of events
    assert seen("json", record(**some, c=[1])) == expected | {"object": {"": 1}}
    array = b"[" + record(new=1) + b"," + record() + b"]"
    assert seen("json", array, record(new="a")) == {"new": {"number": 1, "string": 1}}
    assert seen("json", record()) == {}


def test_json_takes_siblings_of_mapped_features_for_fields_and_nothing_else() -> None:
    event = {"m": "m", "t": TIME, "in": {"income": 1.0, "income_eur": 2.0, "t2": 1}, "geo": {"c": "a", "zip": 1}}
    paths = {"model": "m", "time": "t", "features": {"x": "in.income", "c": "geo.c"}, "id": "in.t2"}
    text = json.dumps(event | {"other": {"y": 1}}).encode()
    assert set(seen("json", text, mapped=paths)) == {"income_eur", "zip"}
    flat = {"model": "m", "time": TIME, "x": 1.0, "c": "a", "trace": "t", "label": 1}
    whole = {"model": "model", "time": "time", "features": "$", "label": "label"}
    assert set(seen("json", json.dumps(flat).encode(), mapped=whole)) == {"trace"}


def test_odd_names_and_values_that_can_be_decoded_only_without_them() -> None:
    names = {"": 1, "a.b": 1, "nul\0": 1, "é" * 600: 1, "emoji 🙂": 1}
    found = seen("json", record(**names))
    assert set(found) == {"", "a.b", "nul\ufffd", "é" * 512, "emoji 🙂"}
    lone = b'{"model":"m","time":"%s","features":{"x":NaN,"\\ud800":1}}' % TIME.encode()
    assert set(seen("json", lone)) == {"?"}
    long = record(new=0).replace(b'"new": 0', b'"new": ' + b"1" * 5_000)
    decoded = formats.decoder("json", {}, {"m": FIELDS}).decode([long, record()], [-1, -1])
    assert len(decoded.rows["m"]) == 2
    assert counted(decoded).looked == 1, "it is counted, but nobody could look"


def test_a_cap_on_names_says_that_it_was_reached() -> None:
    many = {f"f{n:03}": 1 for n in range(MOST_FIELDS + 40)}
    decoder = formats.decoder("json", {}, {"m": FIELDS})
    once, often = (counted(decoder.decode([one], [-1])) for one in (record(**many), record(last=1)))
    found = FieldSums.merge((once, often, often, often))
    assert found.more
    assert len(found.seen) == MOST_FIELDS
    assert found.events("last") == 3, "the rarest go"
    assert not FieldSums.merge((often, often)).more


def arrow(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_arrow_columns_that_nobody_reads_are_counted_exactly() -> None:
    table = pa.table(
        {
            "model": ["m"] * 4, "time": [TIME] * 4, "x": [1.0, 2.0, 3.0, 4.0], "c": ["a"] * 4,
            "new": [1, None, 3, None], "text": pa.array(["a", "b", None, "d"]).dictionary_encode(),
            "flag": [True] * 4, "none": pa.nulls(4), "label": [1] * 4, "segments": [{"z": 1}] * 4,
        }
    )  # fmt: skip
    expected = {"new": {"number": 2}, "text": {"string": 3}, "flag": {"boolean": 4}}
    assert seen("arrow", arrow(table)) == expected
    assert seen("arrow", arrow(table.slice(0, 2)), arrow(table.slice(2))) == expected
    held = pa.table({"model": ["m"], "time": [TIME], "features": [{"x": 1.0, "new": 1}], "trace": ["t"]})
    assert seen("arrow", arrow(held)) == {"new": {"number": 1}}


def test_csv_columns_have_no_type() -> None:
    text = f"model,time,x,c,new,\nm,{TIME},1,a,5,9\nm,{TIME},2,b,,\nm,{TIME},3,b,x,\nm,no time,3,b,x,\n"
    assert seen("csv", text.encode()) == {"new": {"": 2}}


def test_rows_keep_what_was_looked_at_when_they_are_taken() -> None:
    decoded = formats.decoder("json", {}, {"m": FIELDS}).decode([record(), record(new=1), record(old="a")], [-1] * 3)
    rows = decoded.rows["m"]
    taken = rows.take(np.array([2, 1])).looked
    assert taken is not None
    assert taken.sums(np.array([1, 0]), 2) == [
        FieldSums(1, {"new": {"number": 1}}),
        FieldSums(1, {"old": {"string": 1}}),
    ]
    assert Looked.join([None, rows.looked], [0, 3]).at.tolist() == [3, 4, 5]  # type: ignore[union-attr]  # not None
    assert rows.looked is not None
    assert rows.looked.without({"new", "old"}).sums(np.zeros(3, np.int64), 1) == [FieldSums(3)]


@pytest.mark.parametrize(("n", "span", "step"), [(0, 0, 1), (FEW, 0, 1), (20, 0, 20), (512, 0, RAREST),
                                                 (100_000, MINUTE, RAREST), (512, 30 * DAY, OFTEN),
                                                 (512, 20 * EACH, 512 // 20)])  # fmt: skip
def test_some_events_of_every_batch_are_looked_at(n: int, span: int, step: int) -> None:
    assert places(np.linspace(0, span, n).astype(np.int64)) == range(0, n, step | 1)


def test_sums_add_up_in_any_grouping_and_come_back_from_bytes() -> None:
    parts = [FieldSums(n, {f"f{n % 3}": {"number": n, "": 1}, "all": {"string": n}}) for n in range(1, 9)]
    whole = FieldSums.merge(parts)
    assert FieldSums.merge((FieldSums.merge(parts[4:]), FieldSums.merge(parts[:4]))) == whole
    assert FieldSums.load(FieldSums.fold(part.dump() for part in parts)) == whole
    assert (whole.looked, whole.events("all"), whole.storage("all")) == (36, 36, Storage.STRING)
    with pytest.raises(ProfileMismatch, match="damaged"):
        FieldSums.load(b"\x00")


def test_a_shape_leaves_null_out() -> None:
    assert shape_of({"b": 1, "a": None, "c": {}}) == (("b", Storage.NUMBER), ("c", None))
