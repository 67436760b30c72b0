"""The same table as a DataFrame, Parquet or CSV is the same reference; files that cannot be one say so."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drift.core.clock import DAY, HOUR, MINUTE, SECOND
from drift.core.errors import ReferenceRefused
from drift.core.grid import Grid, key_hash
from drift.core.profile import Sums
from drift.core.schema import Kind, Role
from drift.reference import BuiltReference, Limits, ReferenceOptions, build_reference, profile_frame, summary_rows
from drift.reference.chunks import Resolution
from drift.reference.frame import FrameData
from drift.reference.summary import HEADINGS

N = 3_000
RNG = np.random.default_rng(9)
FRAME = pd.DataFrame(
    {
        "time": pd.date_range("2026-01-01", periods=N, freq="40s", tz="UTC"),
        "amount": np.where(RNG.random(N) < 0.05, np.nan, RNG.lognormal(size=N)),
        "count": RNG.integers(0, 9, N),
        "flag": RNG.random(N) < 0.3,
        "region": RNG.choice(np.array(["north", "süd", "a,b", 'say "x"', "two\nlines", None], object), N),
        "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(RNG.integers(0, 10**8, N), unit="s"),
        "comment": [f"a remark of {i} words " + "x" * (i % 100) for i in range(N)],
        "score": RNG.random(N),
    }
)
FRAME["label"] = RNG.random(N) < FRAME.score
OPTIONS = ReferenceOptions(segments={"region": ()}, max_segment_values=2)


def same(a: BuiltReference, b: BuiltReference) -> bool:
    parts = [
        a.schema == b.schema,
        a.grid == b.grid,
        a.grid.id == b.grid.id,
        equal(a.profile.sums, b.profile.sums),
        [(start, end) for start, end, _ in a.chunks] == [(start, end) for start, end, _ in b.chunks],
        all(equal(x, y) for (_, _, x), (_, _, y) in zip(a.chunks, b.chunks, strict=True)),
        summary_rows(a.summary) == summary_rows(b.summary),
    ]
    return all(parts)


def equal(a: Sums, b: Sums) -> bool:
    return all(np.array_equal(x, y) for x, y in ((a.ints, b.ints), (a.low, b.low), (a.high, b.high)))


@pytest.fixture(scope="module")
def in_memory() -> BuiltReference:
    return build_reference(FRAME, OPTIONS)


def test_parquet_equals_memory_whatever_its_row_groups(tmp_path: Path, in_memory: BuiltReference) -> None:
    hashes = set()
    for size in (64, 1_000, N):
        path = tmp_path / f"{size}.parquet"
        pq.write_table(pa.Table.from_pandas(FRAME), path, row_group_size=size)
        built = build_reference(path, OPTIONS)
        assert same(built, in_memory)
        hashes.add(built.content_hash)
    assert len(hashes) == 3


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t"), ("a.csv.gz", ",")])
def test_csv_equals_memory(tmp_path: Path, in_memory: BuiltReference, name: str, separator: str) -> None:
    FRAME.to_csv(tmp_path / name, index=False, sep=separator, date_format="%Y-%m-%dT%H:%M:%SZ")
    assert same(build_reference(tmp_path / name, OPTIONS), in_memory)


def test_several_files_are_one_table(tmp_path: Path, in_memory: BuiltReference) -> None:
    for i, first in enumerate(range(0, N, 1_100)):
        part = FRAME.iloc[first : first + 1_100]
        part.to_parquet(tmp_path / f"{i}.parquet")
        (tmp_path / "text").mkdir(exist_ok=True)
        part.to_csv(tmp_path / "text" / f"{i}.csv", index=False)
    files = sorted(tmp_path.glob("*.parquet"))
    for source in (tmp_path, str(tmp_path / "*.parquet"), files, tmp_path / "text"):
        assert same(build_reference(source, OPTIONS), in_memory)


def test_the_same_data_gives_the_same_reference(in_memory: BuiltReference) -> None:
    again = build_reference(FRAME.copy(), OPTIONS)
    assert same(again, in_memory)
    assert again.content_hash == in_memory.content_hash
    assert Grid.load(in_memory.grid.dump()) == in_memory.grid


@pytest.mark.parametrize("column", ["amount", "region", "flag", "since", "label"])
def test_one_other_value_gives_another_hash(in_memory: BuiltReference, column: str) -> None:
    changed = FRAME.copy()
    values = changed[column].tolist()
    values[N // 2] = next(value for value in values if value != values[N // 2] and value == value)
    changed[column] = pd.Series(values, dtype=changed[column].dtype)
    assert build_reference(changed, OPTIONS).content_hash != in_memory.content_hash


def test_json_lines_are_the_same_table(in_memory: BuiltReference, tmp_path: Path) -> None:
    rows = FRAME.assign(**{name: FRAME[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ") for name in ("time", "since")})
    (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows.to_dict("records")))
    assert same(build_reference(tmp_path / "a.jsonl", OPTIONS), in_memory)


def test_events_are_flattened_and_python_spells_nan(tmp_path: Path) -> None:
    line = '{"model": "m", "time": "2026-01-01T00:00:00Z", "features": {"x": NaN, "kind": "a"}, "prediction": 1, '
    (tmp_path / "a.ndjson").write_text((line + '"version": "1", "segments": {"channel": "web"}}\n') * 30)
    built = build_reference(tmp_path / "a.ndjson")
    assert {column.name for column in built.schema.columns} == {"time", "x", "kind", "channel", "prediction"}
    assert built.rows == 30


def test_a_reader_made_elsewhere_is_taken(in_memory: BuiltReference) -> None:
    assert same(build_reference(FrameData(FRAME, Limits()), OPTIONS), in_memory)


def test_the_order_of_rows_moves_no_sum(in_memory: BuiltReference) -> None:
    shuffled = build_reference(FRAME.sample(frac=1, random_state=1), OPTIONS)
    assert same(shuffled, in_memory)


def test_a_sample_cuts_bins_and_all_rows_are_counted() -> None:
    options = ReferenceOptions(sample_rows=500)
    built = build_reference(FRAME, options)
    assert built.profile.rows() == N
    assert any("sample" in note for note in built.summary["notes"])
    amount = built.grid.index["amount"]
    assert built.profile.bounds(amount) == (FRAME.amount.min(), FRAME.amount.max())
    assert built.profile.bin_counts(amount)[[0, -1]].tolist() == [0, 0]
    assert built.grid.id == build_reference(FRAME, options).grid.id


def test_chunks_add_up_to_the_whole(in_memory: BuiltReference) -> None:
    assert equal(Sums.total(sums for _, _, sums in in_memory.chunks), in_memory.profile.sums)
    starts = [start for start, _, _ in in_memory.chunks]
    assert starts == sorted(starts)
    assert in_memory.chunks.length == 5 * MINUTE


@pytest.mark.parametrize(
    ("every", "length"),
    [(30, 5 * MINUTE), (500, 15 * MINUTE), (2_000, HOUR), (5_250, HOUR), (10_000, 6 * HOUR), (80_000, DAY)],
)
def test_chunks_are_as_fine_as_4000_or_a_year_of_hours_allow(every: int, length: int) -> None:
    n = 6_000 if every < 10_000 else 10_000
    frame = pd.DataFrame({"x": RNG.normal(size=n), "time": 1_700_000_000 + every * np.arange(n)})
    built = build_reference(frame)
    assert built.chunks.length == length
    assert len(built.chunks) <= max(9_000 if length >= HOUR else 4_000, n * every * SECOND // DAY + 1)
    assert sum(int(sums.ints[0, 0]) for _, _, sums in built.chunks) == n
    for start, end, _ in built.chunks:
        assert start % length == 0
        assert end - start == length


def test_of_many_columns_a_year_is_not_kept_by_the_hour() -> None:
    resolution = Resolution(5 * MINUTE, 201)
    resolution.see(np.arange(8_784) * HOUR)
    assert resolution.length == 6 * HOUR
    resolution = Resolution(5 * MINUTE, 200)
    resolution.see(np.arange(8_784) * HOUR)
    assert resolution.length == HOUR


def test_chunks_are_never_finer_than_the_pane() -> None:
    built = build_reference(FRAME, ReferenceOptions(pane=15 * MINUTE))
    assert built.chunks.length == 15 * MINUTE


def test_one_stray_date_does_not_coarsen_the_chunks() -> None:
    frame = FRAME.copy()
    frame.loc[0, "time"] = pd.Timestamp("1971-01-01", tz="UTC")
    options = ReferenceOptions(roles={"time": Role.TIME})
    assert build_reference(frame, options).chunks.length == 5 * MINUTE


def test_rows_without_a_time_are_counted_in_no_chunk() -> None:
    frame = FRAME.copy()
    frame.loc[:9, "time"] = None
    frame.loc[10:11, "time"] = pd.Timestamp("1950-01-01", tz="UTC")
    built = build_reference(frame, ReferenceOptions(roles={"time": Role.TIME}))
    assert built.profile.rows() == N
    assert sum(int(sums.ints[0, 0]) for _, _, sums in built.chunks) == N - 12
    assert built.summary["time"]["rows_without"] == 12
    assert built.summary["time"]["start"].startswith("2026")
    age = built.grid.index["since.age"]
    assert built.profile.missing()[age] == 12


def test_a_profile_on_the_grid_equals_the_reference(tmp_path: Path, in_memory: BuiltReference) -> None:
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    for source in (FRAME, tmp_path / "a.csv"):
        assert equal(profile_frame(source, in_memory.grid, time="time").sums, in_memory.profile.sums)


def test_columns_of_another_type_or_absent_on_the_grid(in_memory: BuiltReference) -> None:
    other = FRAME.drop(columns="count").assign(amount="much", region=3)
    profile = profile_frame(other, in_memory.grid, time="time")
    at = in_memory.grid.index
    assert profile.invalid()[at["amount"]] == N
    assert profile.missing()[at["count"]] == N
    region = in_memory.grid.columns[at["region"]]
    assert profile.bin_counts(at["region"])[region.unseen] == N


def test_texts_that_are_numbers_are_codes_where_they_start_with_a_zero(tmp_path: Path) -> None:
    lines = [f"{i:05d},{i / 7},{i % 3}" for i in range(2_000)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["postcode,x,n", *lines * 3]))
    built = build_reference(path)
    assert built.schema["postcode"].kind is Kind.CATEGORICAL
    assert key_hash("00007") in built.grid.columns[0].rare or "00007" in built.grid.columns[0].keys
    assert built.schema["x"].kind is Kind.NUMERIC
    assert built.schema["n"].kind is Kind.ORDINAL


def test_a_late_text_in_a_column_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["x,y", *(f"{i / 7},1" for i in range(3_000)), "oops,1"]))
    as_found = build_reference(path)
    assert as_found.schema["x"].role is Role.IGNORE
    told = build_reference(path, ReferenceOptions(kinds={"x": Kind.NUMERIC}))
    assert told.profile.invalid()[0] == 1
    assert told.profile.bin_counts(0).sum() == 3_000


def test_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    FRAME[["amount", "count"]].to_csv(path)
    built = build_reference(path)
    assert built.grid.names == ("amount", "count")
    assert any("without a name" in note for note in built.summary["notes"])


def test_an_index_that_pandas_wrote_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    FRAME[["amount", "count"]][FRAME["count"] > 2].to_parquet(path)
    assert build_reference(path).grid.names == ("amount", "count")


def test_progress_and_rows_of_the_table(in_memory: BuiltReference) -> None:
    said: list[tuple[int, int | None]] = []
    build_reference(FRAME, OPTIONS, progress=lambda done, total: said.append((done, total)))
    assert said == [(N, 2 * N), (2 * N, 2 * N)]
    rows = summary_rows(in_memory.summary)
    assert [row[0] for row in rows] == [c.name for c in in_memory.schema.columns if c.role is not Role.ID]
    assert all(len(row) == len(HEADINGS) for row in rows)


def write(path: Path, content: bytes | str | pd.DataFrame) -> Path:
    if isinstance(content, pd.DataFrame):
        content.to_parquet(path)
    elif isinstance(content, str):
        path.write_text(content)
    else:
        path.write_bytes(content)
    return path


BAD: list[tuple[str, Any, str]] = [
    ("a.parquet", b"no parquet at all", "no readable Parquet"),
    ("a.parquet", b"", "no readable Parquet"),
    ("a.parquet", pd.DataFrame({"x": []}), "no rows"),
    ("a.parquet", pd.DataFrame(index=[1, 2]), "has no columns"),
    ("a.csv", "", "is empty"),
    ("a.csv", "a,b\n", "no rows"),
    ("a.csv", "a,b,a\n1,2,3\n", "'a' appears twice"),
    ("a.csv", "a,b\n1,2\n1,2,3\n", "no readable CSV"),
    ("a.csv", b"a,b\n1,\xff\xfe\n", "no readable CSV"),
    ("a.csv", b"\xff\xfea\x00,\x00b\x00\n\x00", "no readable CSV"),
    ("a.csv.gz", b"a,b\n1,2\n", "no readable CSV"),
    ("a.txt", "{}", "Parquet or CSV"),
    ("a.jsonl", "", "has no rows"),
    ("a.jsonl", '{"x": 1}\n\n{"x": \n', "line 3: this is no JSON object"),
    ("a.json", "[1, 2]\n", "line 1: this is no JSON object"),
]


@pytest.mark.parametrize(("name", "content", "sentence"), BAD)
def test_files_that_cannot_be_a_reference(tmp_path: Path, name: str, content: Any, sentence: str) -> None:
    with pytest.raises(ReferenceRefused, match=sentence) as refused:
        build_reference(write(tmp_path / name, content))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("source", ["nowhere.parquet", "no*where.csv", 5, []])
def test_sources_that_are_none(source: Any, tmp_path: Path) -> None:
    with pytest.raises(ReferenceRefused):
        build_reference(tmp_path / source if isinstance(source, str) else source)
    with pytest.raises(ReferenceRefused, match="no Parquet or CSV file"):
        build_reference(tmp_path)


def test_an_empty_frame() -> None:
    with pytest.raises(ReferenceRefused, match="no rows"):
        build_reference(FRAME.iloc[:0])
    with pytest.raises(ReferenceRefused, match="no columns"):
        build_reference(pd.DataFrame())


def test_files_of_different_columns(tmp_path: Path) -> None:
    for i, names in enumerate((["a", "b"], ["a", "c"])):
        frame = pd.DataFrame({name: [1.0] for name in names})
        frame.to_parquet(tmp_path / f"{i}.parquet")
        frame.to_csv(tmp_path / f"{i}.csv", index=False)
    for pattern in ("*.parquet", "*.csv"):
        with pytest.raises(ReferenceRefused, match="files of the same columns"):
            build_reference(str(tmp_path / pattern))
    with pytest.raises(ReferenceRefused, match="Parquet or CSV"):
        build_reference(tmp_path)


def test_limits(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", FRAME)
    text = tmp_path / "a.csv"
    FRAME.to_csv(text, index=False)
    for source in (path, text, FRAME):
        with pytest.raises(ReferenceRefused, match="limit"):
            build_reference(source, ReferenceOptions(limits=Limits(rows=N - 1)))
        with pytest.raises(ReferenceRefused, match="9 columns, the limit is 8"):
            build_reference(source, ReferenceOptions(limits=Limits(columns=8)))
    with pytest.raises(ReferenceRefused, match="claims to unpack"):
        build_reference(path, ReferenceOptions(limits=Limits(part=1_000)))


def test_a_small_file_that_claims_to_be_large(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    table = pa.table({"x": pa.array(["a" * 1_000_000 for _ in range(60)])})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 20_000
    with pytest.raises(ReferenceRefused, match="claims to unpack"):
        build_reference(path)


def test_one_line_of_csv_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"x" * 50_000_000))
    with pytest.raises(ReferenceRefused, match="no readable CSV"):
        build_reference(path)
    path.write_bytes(gzip.compress(b"x" * 50_000_000))
    with pytest.raises(ReferenceRefused):
        build_reference(path)
