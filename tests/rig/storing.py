"""Small references, sums and commits for tests of the store."""

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drift.core.catalogue import Model, Reference
from drift.core.clock import MINUTE
from drift.core.commit import Advance, Claim, IngestCommit, PaneDelta, Partition
from drift.core.grid import ColumnGrid, Grid, SegmentGrid
from drift.core.profile import Profile, Sums
from drift.core.schema import Column, Kind, Role, Schema, Storage
from drift.core.window import WindowSpec
from drift.store import Store

T0 = 1_795_392_000_000_000
"""Midnight UTC, 2026-11-23."""
PANE = 5 * MINUTE
PARTITION = Partition("kafka", "events", 0)


@functools.cache
def grid(columns: int = 3) -> Grid:
    """Numeric columns of four bins and one of keys; two segments beside the whole."""
    numeric = [
        ColumnGrid(Column(f"n{i}", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER), edges=(0.0, 1.0, 2.0))
        for i in range(columns - 1)
    ]
    keys = ColumnGrid(Column("k", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING), keys=("a", "b"))
    return Grid((*numeric, keys), (SegmentGrid("k", ("a",)),))


def profile(of: Grid, seed: int, rows: int = 10) -> Profile:
    """Sums that no rows made, but that add like any: random integers, some negative; `rows` for the whole traffic."""
    rng = np.random.default_rng(seed)
    empty = Profile.empty(of).sums
    ints = rng.integers(-3, 1000, empty.ints.shape)
    ints[0, 0] = rows
    low = rng.normal(size=empty.low.shape)
    return Profile(of, Sums(ints, low, low + rng.random(low.shape)))


def delta(reference: Reference, seed: int, *, start: int = T0, rows: int = 10, late: int = 0) -> PaneDelta:
    """A commit's part for one pane."""
    blobs = tuple(profile(reference.grid, seed, rows).dump())
    return PaneDelta(reference.model_id, reference.id, start, rows, blobs, late)


def total(of: Grid, *seeds: int, rows: int = 10) -> Profile:
    """What `delta`s of these seeds add up to."""
    return functools.reduce(Profile.merge, (profile(of, seed, rows) for seed in seeds))


def assert_equal(found: Profile | None, expected: Profile) -> None:
    """Equal to the bit."""
    assert found is not None
    assert found.grid.id == expected.grid.id
    for name in ("ints", "low", "high"):
        assert np.array_equal(getattr(found.sums, name), getattr(expected.sums, name)), name


@dataclass(slots=True)
class Feed:
    """One partition being read and committed: keeps the claim and the position, as a worker does."""

    store: Store
    model: Model
    reference: Reference
    claim: Claim
    position: int | None

    def batch(self, *panes: PaneDelta, records: int | None = None) -> IngestCommit:
        """The next commit: by default as many records as the panes have rows."""
        read = sum(pane.rows for pane in panes) if records is None else records
        to = (self.position or 0) + read
        watermarks = {self.model.id: max(pane.start for pane in panes)} if panes else {}
        step = Advance(self.claim, self.position, to, to, watermarks, records=read)
        return IngestCommit(self.store.catalogue_version(), (step,), panes)

    def commit(self, *panes: PaneDelta, **changes: object) -> IngestCommit:
        """Commit panes, with other fields of the batch changed, and move on."""
        batch = replace(self.batch(*panes), **changes)  # type: ignore[arg-type]
        self.store.commit(batch)
        self.position = batch.advances[0].next
        return batch


def model(store: Store, name: str = "credit", zone: str = "UTC") -> Model:
    """A model with hourly windows."""
    windows = (WindowSpec.parse("1h"), WindowSpec.parse("1d", zone=zone))
    return store.put_model(name, pane=PANE, lateness=MINUTE, windows=windows, zone=zone, settings={"owner": "risk"})


def reference(
    store: Store, of: Model, columns: int = 3, version: str = "1", summary: dict[str, Any] | None = None
) -> Reference:
    """A registered reference with two chunks."""
    g = grid(columns)
    chunks = [(T0 + i, T0 + i + 1, profile(g, 900 + i).sums) for i in range(2)]
    return store.add_reference(
        of.id, version=version, schema=Schema(tuple(c.column for c in g.columns), ("k",)), grid=g,
        profile=profile(g, 99, 500), chunks=chunks, content_hash=g.id, rows=500, active_from=T0,
        summary=summary or {"columns": columns},
    )  # fmt: skip


def feed(
    store: Store, *, columns: int = 3, partition: Partition = PARTITION, owner: str = "w1", zone: str = "UTC"
) -> Feed:
    """Model, reference and an acquired partition."""
    mine = model(store, zone=zone)
    registered = reference(store, mine, columns)
    claim = store.acquire(partition, owner)
    return Feed(store, mine, registered, claim, claim.next)
