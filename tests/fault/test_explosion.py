"""Too many of everything: models, categories, segments, versions, panes, columns. Memory stays, and nothing is lost."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import overload

import numpy as np
import pytest

from drift.core.clock import MINUTE, SystemClock
from drift.core.grid import Grid
from drift.core.keys import REMEMBERED_KEYS
from drift.core.profile import Profile
from drift.store import Store, open_store
from tests.fault.world import T0
from tests.rig.timeline import Log, drain, partition
from tests.unit.grids import categorical, grid, numeric, schema

MOST = 96
"""MB by which a worker may grow: two buffers of 32 MB, and what decoding holds."""


class Made(Sequence[bytes]):
    """Records that are made when they are read, so that the log itself takes no memory."""

    def __init__(self, n: int, make: Callable[[int], bytes]) -> None:
        self._n, self._make = n, make

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        return self._make(at) if isinstance(at, int) else [self._make(i) for i in range(*at.indices(self._n))]


def event(number: int, **changes: object) -> dict[str, object]:
    plain = {"model": "m", "version": "1", "time": T0 // 1_000_000 + number % 600, "features": {"x": 0.5, "c": "a"}}
    return {**plain, **changes}


@contextmanager
def growth() -> Iterator[list[int]]:
    """MB by which this process grows at most while the block runs."""
    peak, done = [0], threading.Event()

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

    def watch() -> None:
        while not done.is_set():
            peak[0] = max(peak[0], resident() - before)
            time.sleep(0.005)

    before = resident()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'drift.db'}", SystemClock())
    yield opened
    opened.close()


def watch(store: Store, on: Grid) -> None:
    model = store.put_model("m", pane=MINUTE)
    store.add_reference(
        model.id, version="1", schema=schema(on), grid=on, profile=Profile.empty(on), content_hash="h", rows=1,
        active_from=0,
    )  # fmt: skip


def count(store: Store, n: int, make: Callable[[int], bytes], poll_records: int = 2_000) -> int:
    """Count `n` records; the MB that it took at most. A real source bounds a poll by bytes, this one by records."""
    log = Log(1)
    log.values[partition()] = Made(n, make)  # type: ignore[assignment]  # a list as far as reading goes
    with growth() as peak:
        drain(store, log, poll_records=poll_records)
    assert store.totals().records == n
    return peak[0]


@pytest.fixture(scope="module")
def small() -> Grid:
    sample = np.random.default_rng(0).normal(size=2_000)
    return grid(numeric("x", sample), categorical("c", ("a", "b")), segments=(("c", ("a", "b")),))


def whole(store: Store) -> Profile:
    """All that was counted, every column's counters adding up to the rows."""
    [reference] = store.catalogue().references
    found = store.profile(reference, 0, 1 << 62).profile
    assert found is not None
    for segment in range(len(found.grid.segments)):
        for column in range(len(found.grid.columns)):
            assert found.column_counts(column, segment).sum() == found.rows(segment)
    assert sum(found.rows(i) for i in range(1, len(found.grid.segments))) == found.rows()
    return found


def test_a_hundred_thousand_unknown_models(store: Store, small: Grid) -> None:
    watch(store, small)
    assert count(store, 100_000, lambda i: json.dumps(event(i, model=f"m{i}")).encode()) < MOST
    assert store.dead_letters_by_reason() == {"unknown_model": 100_000}
    assert len(store.dead_letters(limit=1_000)) <= 200, "100 are kept for each hour, and there may be two"


def test_a_million_categories(store: Store, small: Grid) -> None:
    """A thousand records of a thousand events, no category twice; it is a segment, too."""
    watch(store, small)

    def record(number: int) -> bytes:
        some = (event(i, features={"x": 0.5, "c": f"c{number * 1_000 + i}"}) for i in range(1_000))
        return json.dumps(list(some)).encode()

    assert count(store, 1_000, record, poll_records=200) < MOST
    found = whole(store)
    assert found.rows() == 1_000_000
    assert found.column_counts(1)[small.columns[1].bins - 1] == 1_000_000
    assert REMEMBERED_KEYS <= 100_000


def test_fifty_thousand_versions(store: Store, small: Grid) -> None:
    watch(store, small)
    assert count(store, 50_000, lambda i: json.dumps(event(i, version=f"v{i}")).encode()) < MOST
    assert whole(store).rows() == store.totals().foreign == 50_000


def test_fifty_thousand_names_of_columns(store: Store, small: Grid) -> None:
    watch(store, small)
    assert count(store, 50_000, lambda i: json.dumps(event(i, features={"x": 1, f"f{i}": 2})).encode()) < MOST
    assert whole(store).rows() == 50_000


def test_every_row_in_a_pane_of_its_own(store: Store) -> None:
    """A shuffled history of a wide model: a pane of it is 1.2 MB, and each row opens another."""
    rng = np.random.default_rng(0)
    wide = grid(
        *(numeric(f"f{i}", rng.normal(size=500)) for i in range(100)), categorical("c", tuple("abcdefghi")),
        segments=(("c", tuple("abcdefghi")),),
    )  # fmt: skip
    watch(store, wide)
    features = {f"f{i}": 0.5 for i in range(100)}

    def record(number: int) -> bytes:
        minute = number * 7919 % 1_000  # in no order
        return json.dumps(event(0, time=T0 // 1_000_000 + minute * 60, features={**features, "c": "a"})).encode()

    assert wide.layout.width * len(wide.segments) * 8 > 1_000_000
    assert count(store, 1_000, record) < MOST
    assert whole(store).rows() == 1_000
