"""(g) One million predictions that wait for their labels: what they cost, and how fast labels find them.

`python -m benchmarks.labels [URL] [PREDICTIONS] [LABELS]` prints the figures; without a URL, on SQLite. The whole way
of a record is timed: JSON, decoding, join, sums, commit, by one worker, with the log in memory.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import resident_mb

COLUMNS = 20
T0 = 1_740_960_000_000_000
CHUNK = 20_000
"""Records of one poll of the memory."""


def main(url: str, predictions: int, labels: int) -> None:
    """Fill, then label in random order, some twice."""
    from drift.core.clock import SystemClock
    from drift.store import open_store

    with tempfile.TemporaryDirectory() as folder:
        store = open_store(url or f"sqlite:///{folder}/drift.db", SystemClock())
        reference = _registered(store)
        feed = _Feed(store)
        before = resident_mb(os.getpid())
        took = feed.consume(_predictions(predictions))
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        print(f"{predictions:,} predictions: {predictions / took:,.0f}/s; {resident_mb(os.getpid()) - before:.0f} MB "
              f"more resident; database {_size(store) or size:,} bytes")  # fmt: skip
        order = list(range(predictions))
        random.Random(1).shuffle(order)
        took = feed.consume(_labels(order[:labels]))
        joined: Any = store.profile(reference, T0 - 10**12, T0 + 10**13).outcomes
        print(f"{labels:,} labels: {labels / took:,.0f}/s; {joined.joined():,} joined; "
              f"{resident_mb(os.getpid()) - before:.0f} MB more resident")  # fmt: skip
        store.close()


def _size(store: Any) -> int:
    from sqlalchemy import text

    if store.dialect != "postgresql":
        return 0
    statement = text("SELECT pg_total_relation_size('outcomes')")
    return int(store._read(lambda c: c.execute(statement).scalar_one()))  # noqa: SLF001  a benchmark looks inside


def _registered(store: Any) -> Any:
    import pandas as pd

    from drift.core.clock import MINUTE
    from drift.reference import build_reference

    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(20_000, COLUMNS)), columns=[f"f{i}" for i in range(COLUMNS)])
    frame["score"] = rng.random(len(frame))
    frame["label"] = (rng.random(len(frame)) < frame["score"]).astype(int)
    built = build_reference(frame)
    model = store.put_model("m", pane=5 * MINUTE)
    return store.add_reference(
        model.id, version="1", schema=built.schema, grid=built.grid, profile=built.profile,
        content_hash=built.content_hash, rows=built.rows, active_from=0, outcomes=built.outcomes,
    )  # fmt: skip


def _predictions(n: int) -> Iterator[Sequence[bytes]]:
    rng = np.random.default_rng(2)
    for start in range(0, n, CHUNK):
        values = np.round(rng.normal(size=(min(CHUNK, n - start), COLUMNS)), 3).tolist()
        scores = np.round(rng.random(len(values)), 4).tolist()
        yield [
            json.dumps({
                "model": "m", "version": "1", "id": f"e{start + i}", "time": (T0 + (start + i) * 86_400) // 1000,
                "features": {f"f{j}": x for j, x in enumerate(row)}, "score": scores[i],
            }).encode()
            for i, row in enumerate(values)
        ]  # fmt: skip


def _labels(order: Sequence[int]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(order), CHUNK):
        yield [
            json.dumps({"model": "m", "id": f"e{i}", "label": i % 2, "time": (T0 + 90_000_000_000) // 1000}).encode()
            for i in order[start : start + CHUNK]
        ]


class _Feed:
    """One worker's intake and commits, without a broker."""

    def __init__(self, store: Any) -> None:
        from drift.core.clock import SystemClock
        from drift.core.commit import Partition
        from drift.pipeline.held import Held
        from drift.pipeline.intake import Intake
        from drift.service.sources import decoders_for

        self._store, self._partition = store, Partition("bench", "t", 0)
        self._intake = Intake(decoders_for(_Settings()), SystemClock(), 300_000_000)  # type: ignore[arg-type]
        self._intake.use(store.catalogue())
        self._held = Held.of(store.acquire(self._partition, "bench"), {})

    def consume(self, chunks: Iterator[Sequence[bytes]]) -> float:
        """Seconds of decoding, counting and committing; making the records is not timed."""
        from drift.core.commit import IngestCommit
        from drift.core.records import Chunk
        from drift.pipeline.buffer import Buffer

        took = 0.0
        for values in chunks:
            began = time.perf_counter()
            at, buffer = self._held.next or 0, Buffer()
            for start in range(0, len(values), 2_000):
                some = values[start : start + 2_000]
                first = at + start
                chunk = Chunk(self._partition, range(first, first + len(some)), [-1] * len(some), some,
                              first + len(some), first + len(some))  # fmt: skip
                self._intake.take([chunk], {self._partition: self._held}, buffer)
            self._store.commit(IngestCommit(
                self._intake.catalogue.version, (self._held.advance(),), buffer.deltas(), joinings=buffer.joinings()
            ))  # fmt: skip
            self._held.settle()
            took += time.perf_counter() - began
        return took


class _Settings:
    """As `sources:` would say it."""

    format = "json"
    format_options: dict[str, Any] = {}  # noqa: RUF012


if __name__ == "__main__":
    given = sys.argv[1:]
    main(given[0] if given else "", int(given[1]) if len(given) > 1 else 1_000_000,
         int(given[2]) if len(given) > 2 else 200_000)  # fmt: skip
