"""The row sample on its way from the log to the store: ids are read, labels still told apart, any cut the same."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from drift.core.clock import MINUTE, SECOND, SystemClock, isoformat
from drift.core.grid import ColumnGrid, Grid, key_hash
from drift.core.profile import Profile
from drift.core.sample import RowSample
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.core.window import Window
from drift.store import Store, open_store
from ingest import formats
from ingest.decoding.fields import union
from tests.rig.timeline import T0, Log, drain

GRID = Grid(
    (
        ColumnGrid(Column("n", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER), edges=(0.0, 50.0)),
        ColumnGrid(Column("c", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING), keys=("a", "b")),
    )
)
ID = Column("id", Kind.CATEGORICAL, Role.ID, Storage.STRING)
SCHEMA = Schema((*GRID.schema.columns, ID), row_sample=8)
HOUR = Window(T0, T0 + 60 * MINUTE)


def event(number: int, **more: Any) -> dict[str, Any]:
    time = isoformat(T0 + number * 3 * SECOND)
    return {"model": "m", "id": f"e{number}", "time": time, "features": {"n": number, "c": "ab"[number % 2]}, **more}


def counted(folder: Path, log: Log, schema: Schema = SCHEMA, cut: int = 2_000) -> tuple[Store, int]:
    store = open_store(f"sqlite:///{folder}/drift.db", SystemClock())
    model = store.put_model("m", pane=MINUTE)
    reference = store.add_reference(
        model.id, version="1", schema=schema, grid=GRID, profile=Profile.empty(GRID), content_hash="", rows=0,
        active_from=0,
    )  # fmt: skip
    drain(store, log, poll_records=cut)
    return store, reference.id


def numbers(sample: RowSample | None) -> list[int]:
    assert sample is not None
    return sorted(int(n) for n in sample.numbers[0].tolist())


def lowest(ids: dict[str, int]) -> list[int]:
    return sorted(ids[i] for i in sorted(ids, key=key_hash)[:8])


@pytest.mark.parametrize("cut", [1_000, 7, 1])
def test_the_lowest_ids_are_kept_however_the_log_is_cut(tmp_path: Path, cut: int) -> None:
    log = Log(2)
    for number in range(120):
        log.append(number % 2, json.dumps(event(number)).encode())
    # sent again, on the other partition: still one row
    for number in range(0, 120, 3):
        log.append((number + 1) % 2, json.dumps(event(number)).encode())
    store, reference = counted(tmp_path, log, cut=cut)
    with closing(store):
        assert numbers(store.sample(reference, HOUR)) == lowest({f"id e{i}": i for i in range(120)})
        first = store.sample(reference, Window(T0, T0 + MINUTE))
        assert numbers(first) == lowest({f"id e{i}": i for i in range(20)})
        assert first is not None
        assert first.keys["c"].tolist() == ["ab"[int(n) % 2] for n in first.numbers[0]]


def test_events_without_an_id_are_known_by_their_place(tmp_path: Path) -> None:
    log, batch = Log(), [{k: v for k, v in event(number).items() if k != "id"} for number in range(60)]
    log.append(0, *(json.dumps(one).encode() for one in batch[:30]), json.dumps(batch[30:]).encode())
    store, reference = counted(tmp_path, log)
    with closing(store):
        places = {f"at mem:t[0] {i} 0": i for i in range(30)} | {f"at mem:t[0] 30 {i}": 30 + i for i in range(30)}
        assert numbers(store.sample(reference, HOUR)) == lowest(places)


def test_without_a_sample_nothing_is_kept(tmp_path: Path) -> None:
    log = Log()
    log.append(0, *(json.dumps(event(number)).encode() for number in range(30)))
    store, reference = counted(tmp_path, log, Schema(SCHEMA.columns))
    with closing(store):
        assert store.sample(reference, HOUR) is None
        assert -1 not in {row.block for row in store.pane_rows(reference, HOUR.start, HOUR.end)}


def decode(name: str, values: list[bytes]) -> Any:
    return formats.decoder(name, {}, {"m": union([SCHEMA])}).decode(values, [-1] * len(values))


def test_a_label_alone_is_one_with_its_id() -> None:
    """An id is no value of the event: a label that comes with one is still a label alone, in each way of decoding."""
    label = {"model": "m", "id": "e1", "time": isoformat(T0), "label": 1}
    typed, tolerant = label, {**label, "id": 17}
    for one in (typed, tolerant):
        found = decode("json", [json.dumps(one).encode(), json.dumps(event(2)).encode()])
        assert [bad.reason for bad in found.rejected] == ["label_only"]
        assert len(found.rows["m"]) == 1


def test_ids_of_arrow_batches_and_of_other_types() -> None:
    table = pa.table({
        "model": ["m"] * 3, "id": [5, 6, None], "time": pa.array(np.full(3, T0), pa.timestamp("us", "UTC")),
        "n": [1.0, 2.0, 3.0],
    })  # fmt: skip
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    rows = decode("arrow", [sink.getvalue().to_pybytes()]).rows["m"]
    ids = rows.keys["id"]
    assert [ids.dictionary[code] if code >= 0 else None for code in ids.codes.tolist()] == [5, 6, None]
    found = decode("json", [json.dumps(event(1, id=i)).encode() for i in (5, "x", None)]).rows["m"]
    # the tolerant way comes last
    assert found.keys["id"] == ["x", None, 5]
