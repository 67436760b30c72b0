"""Files, and the in-memory log that other tests use, behind the contract of a source."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drift.core.clock import ManualClock
from drift.core.commit import Claim, Partition
from drift.core.errors import ConfigError, SourceUnavailable
from drift.core.records import MAX_RECORD, Chunk, Poll
from drift.pipeline.ports import Source
from ingest.sources import readers
from ingest.sources.files import FileSource, format_of
from tests.rig.timeline import Log, ScriptedSource

N = 20
Open = Callable[..., "Read"]


class Read:
    """A source with what it said so far."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.partition: Partition | None = None
        self.chunks: list[Chunk] = []
        self.revoked: list[Partition] = []

    def poll(self, most: int = 7) -> Poll:
        poll = self.source.poll(0.1, most)
        self.revoked += poll.revoked
        for partition in poll.assigned:
            self.partition = partition
        for chunk in poll.chunks:
            assert len(chunk.offsets) == len(chunk.values) == len(chunk.timestamps)
            assert list(chunk.offsets) == sorted(set(chunk.offsets))
            assert not chunk.offsets or chunk.next > chunk.offsets[-1]
            assert chunk.log_end >= chunk.next
        self.chunks += poll.chunks
        return poll

    def assigned(self) -> Partition:
        for _ in range(5):
            self.poll()
        assert self.partition is not None
        return self.partition

    def start(self, position: int | None = None) -> Partition:
        partition = self.assigned()
        self.source.start([Claim(partition, 1, position)])
        return partition

    def all(self, polls: int = 40) -> list[bytes]:
        for _ in range(polls):
            self.poll()
        return self.values

    @property
    def values(self) -> list[bytes]:
        return [value for chunk in self.chunks for value in chunk.values if value is not None]

    @property
    def offsets(self) -> list[int]:
        return [offset for chunk in self.chunks for offset in chunk.offsets]


def line(i: int) -> bytes:
    return json.dumps({"i": i, "pad": "x" * (i % 5)}).encode()


def lines(first: int, last: int) -> bytes:
    return b"".join(line(i) + b"\n" for i in range(first, last))


def memory(tmp_path: Path) -> Source:
    log = Log()
    log.append(0, *(line(i) for i in range(N)))
    source = ScriptedSource(log)
    source.assign(0)
    return source


def replayed(tmp_path: Path) -> Source:
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(0, N))
    return FileSource("file", path, ManualClock())


def followed(tmp_path: Path) -> Source:
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(0, N))
    return FileSource("file", path, ManualClock(), follow=True)


@pytest.fixture
def reader() -> Iterator[Callable[..., Read]]:
    """Opens a file with a clock that does not wait; closed at the end."""
    opened: list[Read] = []

    def read(path: Path, **options: Any) -> Read:
        opened.append(Read(FileSource("file", path, ManualClock(), **options)))
        return opened[-1]

    yield read
    for one in opened:
        one.source.close()


@pytest.fixture(params=[memory, replayed, followed])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Read]:
    make: Callable[[Path], Source] = request.param
    read = Read(make(tmp_path))
    yield read
    read.source.close()


def test_all_records_in_order(opened: Read) -> None:
    partition = opened.start()
    assert opened.all() == [line(i) for i in range(N)]
    assert opened.chunks[-1].next == opened.chunks[-1].log_end == opened.source.log_ends()[partition]
    assert list(opened.source.partitions()) == [partition]
    assert partition.source == opened.source.name


def test_nothing_before_start(opened: Read) -> None:
    opened.assigned()
    assert not opened.all()


def test_a_first_position_is_said_at_once(opened: Read) -> None:
    opened.start()
    opened.poll()
    assert (opened.chunks[0].next, list(opened.chunks[0].offsets)) == (0, [])


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_start_from_every_position_reads_the_rest(opened: Read, most: int) -> None:
    partition = opened.start(0)
    opened.all()
    for at, offset in enumerate(opened.offsets[:N]):
        opened.chunks.clear()
        opened.source.start([Claim(partition, 1, offset)])
        for _ in range(N + 3):
            opened.poll(most)
        assert opened.values == [line(i) for i in range(at, N)]


def test_no_more_than_asked_for_at_once(opened: Read) -> None:
    opened.start(0)
    opened.all()
    assert max(len(chunk.offsets) for chunk in opened.chunks) <= 7


def test_a_pause_loses_nothing(opened: Read) -> None:
    opened.start(0)
    opened.poll()
    opened.source.pause()
    held = len(opened.values)
    opened.all(3)
    assert len(opened.values) == held
    opened.source.resume()
    assert opened.all() == [line(i) for i in range(N)]


def test_a_replayed_file_ends(tmp_path: Path, reader: Open) -> None:
    shown: list[tuple[int, int]] = []
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(0, N) + b"\n  \n" + line(N))  # blank lines, and a last line without its end
    read = reader(path, progress=lambda done, total: shown.append((done, total)))
    partition = read.start(0)
    assert read.all() == [line(i) for i in range(N + 1)]
    assert [chunk.finished for chunk in read.chunks].count(True) == 1
    assert read.chunks[-1].finished
    assert shown[-1] == (path.stat().st_size, path.stat().st_size)
    # started again at its end, it says once more that it ended
    read.source.start([Claim(partition, 2, path.stat().st_size)])
    assert read.poll().chunks[0].finished


def test_the_same_content_is_the_same_partition_unless_again(tmp_path: Path, reader: Open) -> None:
    names = []
    for name, content, again in (("a", b"1\n", ""), ("b", b"1\n", ""), ("c", b"1\n", "#2"), ("d", b"2\n", "")):
        path = tmp_path / f"{name}.jsonl"
        path.write_bytes(content)
        names.append(reader(path, again=again).assigned().topic)
    assert names[0] == names[1]
    assert len(set(names)) == 3


def test_a_line_longer_than_any_record_is_kept_short(
    tmp_path: Path, reader: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    long = b"x" * (3 * MAX_RECORD)
    path.write_bytes(lines(0, 1) + long + b"\n" + lines(1, 2) + long)
    monkeypatch.setattr(readers, "BLOCK", 1 << 16)
    read = reader(path)
    read.start(0)
    assert [len(value) for value in read.all()] == [len(line(0)), MAX_RECORD + 1, len(line(1)), MAX_RECORD + 1]
    assert read.chunks[-1].next == path.stat().st_size


def test_a_followed_file_grows(tmp_path: Path, reader: Open) -> None:
    path = tmp_path / "events.jsonl"
    read = reader(path, follow=True)
    assert not read.poll().assigned  # not there yet
    path.write_bytes(line(0))
    assert not read.poll().assigned  # no complete line yet
    path.write_bytes(lines(0, 1))
    read.start()
    assert read.all(5) == [line(0)]
    with path.open("ab") as file:
        file.write(lines(1, 3) + line(3)[:4])
        file.flush()
        assert read.all(3) == [line(i) for i in range(3)]
        file.write(line(3)[4:] + b"\n")
    assert read.all(3) == [line(i) for i in range(4)]
    assert not any(chunk.finished for chunk in read.chunks)


def test_a_rotated_file_is_read_to_its_end_then_the_new_one(tmp_path: Path, reader: Open) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(0, 2))
    read = reader(path, follow=True)
    old = read.start(0)
    read.all(3)
    with path.open("ab") as file:
        path.rename(tmp_path / "events.jsonl.1")
        file.write(lines(2, 4))  # written after the move, by one who had it open
    path.write_bytes(lines(10, 12))
    assert read.all(6) == [line(i) for i in range(4)]
    assert read.chunks[-1].finished
    # until that is committed the old file can be read again
    read.source.start([Claim(old, 1, 0)])
    read.chunks.clear()
    assert read.all(6) == [line(i) for i in range(4)]
    read.source.commit({old: read.chunks[-1].next}, "store")
    new = read.start(0)
    assert new != old
    assert read.revoked == [old]
    read.chunks.clear()
    assert read.all(3) == [line(10), line(11)]


def test_a_file_that_was_cut_is_a_gap(tmp_path: Path, reader: Open) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(0, 4))
    read = reader(path, follow=True)
    partition = read.start(0)
    read.all(3)
    position = path.stat().st_size
    path.write_bytes(lines(0, 2))
    (gap,) = read.poll().gaps
    assert (gap.topic, gap.first, gap.last, gap.resume) == (partition.topic, position, position, 0)
    read.chunks.clear()
    assert read.all(3) == [line(0), line(1)]


def test_csv_is_cut_between_rows(tmp_path: Path, reader: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "CSV_BLOCK", 50)
    rows = [f'{i},"a ""quoted""\nline {i}"\n' for i in range(30)]
    path = tmp_path / "events.csv"
    path.write_text("i,text\n" + "".join(rows) + "30,last")
    read = reader(path)
    partition = read.start(0)
    values = read.all()
    assert all(value.startswith(b"i,text\n") for value in values)
    assert b"".join(value.removeprefix(b"i,text\n") for value in values).decode() == "".join(rows) + "30,last"
    assert len(values) > 10
    assert read.chunks[-1].finished
    for position, value in zip(read.offsets, list(values), strict=True):
        read.chunks.clear()
        read.source.start([Claim(partition, 1, position)])
        read.poll()
        assert read.values[0] == value


def test_an_open_quote_ends_in_an_error(tmp_path: Path, reader: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "CSV_BLOCK", 64)
    monkeypatch.setattr(readers, "MOST_CSV", 256)
    path = tmp_path / "events.csv"
    path.write_text('a\n"' + "x\n" * 500)
    read = reader(path)
    read.start(0)
    with pytest.raises(ConfigError, match="quote"):
        read.poll()


def test_parquet_is_read_by_rows(tmp_path: Path, reader: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "PARQUET_ROWS", 7)
    path = tmp_path / "events.parquet"
    pq.write_table(pa.table({"i": list(range(100))}), path, row_group_size=30)
    read = reader(path)
    partition = read.start(0)

    def numbers() -> list[int]:
        found: list[Any] = [pa.ipc.open_stream(value).read_all()["i"].to_pylist() for value in read.all()]
        return [i for part in found for i in part]

    assert numbers() == list(range(100))
    assert read.chunks[-1].finished
    for position in read.offsets:
        read.chunks.clear()
        read.source.start([Claim(partition, 1, position)])
        assert numbers() == list(range(position, 100))


@pytest.mark.parametrize(
    ("name", "content", "follow", "match"),
    [
        ("a.txt", b"", False, r"\.jsonl"), ("none.jsonl", None, False, "no file"), ("a.csv", b"a\n", True, "followed"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, follow: bool, match: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=match):
        FileSource("file", tmp_path / name, ManualClock(), follow=follow)


@pytest.mark.parametrize(("name", "match"), [("a.csv", "empty"), ("a.parquet", "no readable Parquet")])
def test_files_that_turn_out_empty_or_broken(tmp_path: Path, name: str, match: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ConfigError, match=match):
        FileSource("file", tmp_path / name, ManualClock()).poll(0, 1)


def test_a_file_that_goes_away_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n")
    source = FileSource("file", path, ManualClock())
    path.unlink()
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        source.poll(0, 1)


def test_suffixes_say_the_format() -> None:
    found = [format_of(Path(name)) for name in ("a.jsonl", "a.NDJSON", "a.csv", "a.parquet")]
    assert found == ["json", "json", "csv", "arrow"]
