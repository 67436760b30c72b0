"""A worker on a timeline: an in-memory log, a source that follows a script, a real store that fails on cue.

Every event carries its own number, and the grid has a bin for each number, so that `counted()` says how often every
single event was counted.
"""

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from prometheus_client import CollectorRegistry

from drift.core.catalogue import Model, Reference
from drift.core.clock import MINUTE, SECOND, ManualClock, SystemClock, isoformat
from drift.core.commit import Claim, DeadLetter, Partition
from drift.core.errors import OffsetGap, SourceUnavailable, StoreUnavailable
from drift.core.grid import ColumnGrid, Grid
from drift.core.profile import Profile
from drift.core.records import Chunk, Poll
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.core.window import WindowSpec
from drift.metrics import Metrics
from drift.pipeline import Options, Worker
from drift.store import Store, open_store
from ingest import formats
from ingest.decoding.fields import union

T0 = 1_740_960_000_000_000
"""Midnight UTC, 2025-03-03."""
EVENTS = 200
GRID = Grid(
    (
        ColumnGrid(
            Column("n", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER), edges=tuple(float(i) for i in range(EVENTS + 1))
        ),
    )
)


def event(number: int, *, second: float = 0.0, model: str = "m", version: str = "1") -> bytes:
    """Event `number`, so many seconds after T0."""
    time = isoformat(T0 + round(second * SECOND))
    return json.dumps({"model": model, "version": version, "time": time, "features": {"n": number}}).encode()


def partition(number: int = 0) -> Partition:
    """A partition of the script's one topic."""
    return Partition("mem", "t", number)


class Log:
    """What a broker would keep: partitions of values, from which old ones may be deleted."""

    def __init__(self, partitions: int = 1) -> None:
        self.values: dict[Partition, list[bytes | None]] = {partition(i): [] for i in range(partitions)}
        self.first: dict[Partition, int] = dict.fromkeys(self.values, 0)

    def append(self, number: int, *values: bytes | None) -> None:
        """Produce to a partition."""
        self.values[partition(number)] += values

    def delete(self, number: int, before: int) -> None:
        """Drop the records below an offset."""
        self.first[partition(number)] = before

    def end(self, of: Partition) -> int:
        """The offset of the next record."""
        return len(self.values[of])


class ScriptedSource:
    """Fulfils `drift.pipeline.ports.Source` on a `Log`; assignments and failures come from the test."""

    name = "mem"

    def __init__(self, log: Log) -> None:
        self.log = log
        self.flush_interval = 5.0
        self.positions: dict[Partition, int | None] = {}
        """Assigned partitions; None until started."""
        self.paused = False
        self.closed = False
        self.polls = 0
        self.ended = False
        """Whether the log's end is the end for good."""
        self.committed: list[tuple[dict[Partition, int], str]] = []
        self.refused: list[DeadLetter] = []
        self.failures: dict[str, deque[Exception]] = {}
        self.extra: list[Chunk] = []
        """Chunks to deliver beside those of the log, as a client that misbehaves."""
        self._fresh: list[Chunk] = []
        self._assigned: list[Partition] = []
        self._revoked: list[Partition] = []

    def assign(self, *numbers: int) -> None:
        """The next poll brings these partitions."""
        self._assigned += map(partition, numbers)

    def revoke(self, *numbers: int) -> None:
        """The next poll takes these partitions away."""
        self._revoked += map(partition, numbers)

    def fail(self, method: str, times: int = 1) -> None:
        """The next calls of a method raise SourceUnavailable."""
        away = [SourceUnavailable(f"{method}: the broker is away; try again")] * times
        self.failures.setdefault(method, deque()).extend(away)

    def _fails(self, method: str) -> None:
        if queue := self.failures.get(method):
            raise queue.popleft()

    def poll(self, timeout: float, max_records: int) -> Poll:
        self.polls += 1
        self._fails("poll")
        revoked, self._revoked = self._revoked, []
        assigned, self._assigned = self._assigned, []
        for gone in revoked:
            self.positions.pop(gone, None)
        self.positions.update(dict.fromkeys(assigned))
        gaps, chunks = [], []
        if self._fresh and not self.paused:
            # a first position is said at once, before any record
            chunks, self._fresh = self._fresh, []
        elif not self.paused:
            for owned, position in self.positions.items():
                if position is None:
                    continue
                first = self.log.first[owned]
                if position < first:
                    gaps.append(OffsetGap(owned.source, owned.topic, owned.number, position, first - 1))
                    position = self.positions[owned] = first
                chunks += self._read(owned, position, max_records)
            chunks += self.extra
            self.extra = []
        return Poll(chunks, assigned, revoked, gaps)

    def _read(self, owned: Partition, position: int, most: int) -> list[Chunk]:
        end = self.log.end(owned)
        after = min(position + most, end)
        if after == position and not self.ended:
            return []
        self.positions[owned] = after
        values = self.log.values[owned][position:after]
        finished = self.ended and after == end
        return [Chunk(owned, range(position, after), [-1] * len(values), values, after, end, finished)]

    def start(self, claims: Sequence[Claim]) -> None:
        self._fails("start")
        for claim in claims:
            if claim.partition not in self.positions:
                raise SourceUnavailable(f"{claim.partition} is not assigned; it cannot be sought")
            at = self.positions[claim.partition] = (
                claim.next if claim.next is not None else self.log.first[claim.partition]
            )
            if claim.next is None:
                self._fresh.append(Chunk(claim.partition, (), (), (), at, self.log.end(claim.partition)))

    def commit(self, positions: Mapping[Partition, int], metadata: str) -> None:
        self.committed.append((dict(positions), metadata))

    def refuse(self, letters: Sequence[DeadLetter]) -> None:
        self.refused += letters

    def answers(self, positions: Mapping[Partition, int]) -> Mapping[str, bytes]:
        return {}

    def repeated(self, answers: Mapping[str, bytes]) -> None:
        raise AssertionError("a log has no keys")

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def log_ends(self) -> Mapping[Partition, int]:
        self._fails("log_ends")
        return {owned: self.log.end(owned) for owned in self.positions}

    def partitions(self) -> Sequence[Partition]:
        self._fails("partitions")
        return list(self.log.values)

    def close(self) -> None:
        self.closed = True


class FlakyStore:
    """A real store whose methods fail when the script says so. Everything else goes straight through."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._script: dict[str, deque[tuple[str, Exception]]] = {}
        self.calls: Counter[str] = Counter()

    def fail(self, method: str, times: int = 1, *, when: str = "before", error: Exception | None = None) -> None:
        """The next calls raise `before` the work or `after` it was done (a reply that got lost)."""
        error = error or StoreUnavailable(f"{method}: the database is away; try again")
        self._script.setdefault(method, deque()).extend([(when, error)] * times)

    def heal(self) -> None:
        """All works again."""
        self._script.clear()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not callable(method):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            queue = self._script.get(name)
            when, error = queue.popleft() if queue else ("", None)
            if when == "before" and error is not None:
                raise error
            result = method(*args, **kwargs)
            if error is not None:
                raise error
            return result

        return call


class Timeline:
    """One store, one log, and a worker that turns when told to."""

    def __init__(self, folder: Path, partitions: int = 1, **options: Any) -> None:
        self.clock = ManualClock(T0 + 60 * MINUTE)
        self.store = open_store(f"sqlite:///{folder / 'drift.db'}", self.clock)
        self.model, self.reference = self._register()
        self.log = Log(partitions)
        self._options = options
        self.source, self.flaky, self.registry, self.worker = self.another("w1")

    def _register(self) -> tuple[Model, Reference]:
        model = self.store.put_model("m", pane=MINUTE, lateness=0, windows=(WindowSpec.parse("5m", pane=MINUTE),))
        return model, self.add_reference(model)

    def add_reference(self, model: Model, version: str = "1", active_from: int = 0, grid: Grid = GRID) -> Reference:
        """Another reference; by default on the grid that tells all events apart."""
        schema = Schema(tuple(column.column for column in grid.columns))
        return self.store.add_reference(
            model.id, version=version, schema=schema, grid=grid, profile=Profile.empty(grid),
            content_hash=f"{version}{active_from}", rows=0, active_from=active_from,
        )  # fmt: skip

    def another(self, owner: str) -> tuple[ScriptedSource, FlakyStore, CollectorRegistry, Worker]:
        """A further worker on the same store and log, with a source of its own."""
        source, flaky, registry = ScriptedSource(self.log), FlakyStore(self.store), CollectorRegistry()
        metrics = Metrics(registry, self.clock, results=False)
        options = Options(owner, **self._options)
        return source, flaky, registry, Worker(source, _decoder, flaky, self.clock, metrics, options)

    def restart(self) -> None:
        """The worker dies without a word; another process takes its place."""
        self.source, self.flaky, self.registry, self.worker = self.another("w1")

    def step(self, times: int = 1) -> int:
        """Turns of the worker; how many records they read."""
        return sum(self.worker.step() for _ in range(times))

    def wait(self, seconds: float) -> int:
        """Time passes, then one turn."""
        self.clock.advance(seconds)
        return self.step()

    def until(self, done: Callable[[], bool], seconds: float = 120.0, every: float = 0.5) -> None:
        """Turn every half second until something holds."""
        for _ in range(round(seconds / every)):
            if done():
                return
            self.wait(every)
        raise AssertionError(f"not within {seconds} s")

    def counted(self) -> list[int]:
        """How often each event was counted, up to the last that was."""
        counts = np.zeros(EVENTS, np.int64)
        for reference in self.store.references(self.model.id):
            if reference.grid.id != GRID.id:
                continue
            profile = self.store.profile(reference, 0, 2**62).profile
            if profile is not None:
                counts += profile.bin_counts(0)[1:-1]
        return [int(count) for count in np.trim_zeros(counts, "b")]

    def position(self, number: int = 0) -> int | None:
        """Where a partition stands in SQL."""
        return next(s.next for s in self.store.partitions() if s.partition == partition(number))

    def owner(self, number: int = 0) -> str | None:
        """Who has a partition in SQL."""
        return next(s.owner for s in self.store.partitions() if s.partition == partition(number))

    def metric(self, name: str, **labels: str) -> float:
        """A metric of the worker; 0 if it was never touched."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.store.close()


def _decoder(schemas: Mapping[str, Sequence[Schema]]) -> Any:
    return formats.decoder("json", {}, {name: union(found) for name, found in schemas.items()})


def drain(store: Store, log: Log, **options: Any) -> None:
    """Count a whole log with one worker that nothing happens to."""
    clock, source = SystemClock(), ScriptedSource(log)
    source.flush_interval = 0.05
    metrics = Metrics(CollectorRegistry(), clock, results=False)
    worker = Worker(source, _decoder, store, clock, metrics, Options("drain", **options))
    source.assign(*(owned.number for owned in log.values))
    worker.step()
    while not worker.idle:
        worker.step()
    worker.close()
