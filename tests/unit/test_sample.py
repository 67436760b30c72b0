"""The row sample: the k lowest hashes, whatever the order, the batches and the machines."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core.errors import ConfigError, ProfileMismatch
from drift.core.grid import key_hash
from drift.core.rows import WRONG_TYPE, Fields, Key, Rows
from drift.core.sample import RowSample, id_hashes
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.reference import ReferenceOptions, build_reference

COLUMNS = (
    Column("x", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER),
    Column("c", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING),
    Column("id", Kind.CATEGORICAL, Role.ID, Storage.STRING),
)
FIELDS = Fields.of(Schema(COLUMNS, row_sample=5))


def rows(ids: list[Key], time: list[int] | None = None, seed: int = 0) -> Rows:
    n = len(ids)
    keys: list[Key] = [["a", "b", None, WRONG_TYPE, 1.0][i % 5] for i in range(n)]
    values = np.random.default_rng(seed).normal(size=(1, n))
    return Rows(np.array(time or range(n), np.int64), values, {"c": keys, "id": ids}, fields=FIELDS)


def sampled(of: Rows, size: int = 5) -> RowSample:
    return RowSample.of(of, id_hashes(of, FIELDS, lambda at: [f"place {i}" for i in at.tolist()]), size, FIELDS)


def same(one: RowSample, other: RowSample) -> bool:
    return one.dump() == other.dump()


def test_only_where_it_is_asked_for_the_id_is_read() -> None:
    assert [c.name for c in Fields.of(Schema(COLUMNS)).keys] == ["c"]
    assert [c.name for c in FIELDS.keys] == ["c", "id"]


def test_the_lowest_hashes_are_kept_with_what_is_counted_of_them() -> None:
    ids: list[Key] = [f"e{i}" for i in range(100)]
    whole = rows(ids)
    found = sampled(whole)
    expected = sorted(range(100), key=lambda i: key_hash(f"id e{i}"))[:5]
    assert found.time.tolist() == expected
    assert found.numbers[0].tolist() == whole.numbers[0, expected].tolist()
    assert list(found.keys) == ["c"]
    assert found.keys["c"].tolist() == [["a", "b", None, None, "1"][i % 5] for i in expected]
    assert list(found.columns()) == ["x", "c"]
    assert b"e1" not in found.dump()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=60), st.randoms())
def test_any_order_and_any_cut_give_the_same_bytes(drawn: list[tuple[int, int]], random: object) -> None:
    whole = rows([f"e{i}" for i, _ in drawn], [t for _, t in drawn])
    expected = sampled(whole)
    order = np.arange(len(drawn))
    random.shuffle(order)  # type: ignore[attr-defined]
    cut = len(drawn) // 3
    parts = [sampled(whole.take(order[a:b])) for a, b in ((0, cut), (cut, 2 * cut), (2 * cut, len(drawn))) if b > a]
    assert same(RowSample.merge(parts), expected)
    assert RowSample.fold([part.dump() for part in parts[::-1]]) == expected.dump()
    assert len(set(expected.hashes.tolist())) == len(expected) <= 5


def test_an_id_counts_once_and_its_earliest_row_stays() -> None:
    found = sampled(rows(["a", "b", "a", "a"], [30, 20, 10, 40]))
    assert sorted(found.time.tolist()) == [10, 20]


def test_rows_without_an_id_are_known_by_their_place() -> None:
    found = sampled(rows([None, None, float("nan"), "a"]), 10)
    assert len(found) == 4
    assert key_hash("at place 1") in found.hashes.tolist()


def test_one_and_1_are_one_id() -> None:
    assert len(sampled(rows(["1", 1, 1.0]), 10)) == 1


def test_bytes_and_back() -> None:
    for n in (0, 1, 40):
        found = sampled(rows([f"e{i}" for i in range(n)]))
        assert same(RowSample.load(found.dump()), found)
    for bad in (b"", b"x" * 30, found.dump()[:-3]):
        with pytest.raises(ProfileMismatch):
            RowSample.load(bad)


def test_other_samples_are_refused() -> None:
    one = sampled(rows(["a", "b"]))
    for other in (replace(one, size=6), replace(one, names=("y",)), replace(one, keys={})):
        with pytest.raises(ProfileMismatch):
            RowSample.merge((one, other))
    with pytest.raises(ProfileMismatch):
        RowSample.merge(())


def frame(n: int, with_id: bool) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    made = pd.DataFrame({"x": rng.normal(size=n), "c": rng.choice(["a", "b"], n)})
    return made.assign(id=[f"e{i}" for i in range(n)]) if with_id else made


@pytest.mark.parametrize("with_id", [True, False])
def test_a_reference_keeps_its_own(with_id: bool, tmp_path: Path) -> None:
    data = frame(3_000, with_id)
    built = build_reference(data, ReferenceOptions(row_sample=200))
    assert built.sample is not None
    assert len(built.sample) == 200
    assert built.schema.with_role(Role.ID)
    values = set(data["x"])
    assert all(x in values for x in built.sample.numbers[built.sample.names.index("x")].tolist())
    plain = build_reference(data)
    assert plain.sample is None
    assert plain.grid.id == built.grid.id
    assert plain.content_hash != built.content_hash
    # in another order and other batches: the same rows, where they have ids
    data.iloc[::-1].to_parquet(tmp_path / "r.parquet", row_group_size=700)
    again = build_reference(tmp_path / "r.parquet", ReferenceOptions(row_sample=200)).sample
    assert again is not None
    assert (again.hashes.tolist() == built.sample.hashes.tolist()) == with_id or not with_id


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="row_sample"):
        ReferenceOptions(row_sample=-1)
    assert ReferenceOptions.from_settings({"row_sample": 10}).row_sample == 10
