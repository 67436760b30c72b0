"""Row samples in the store: beside the sums, never among them; folding and compaction keep the k lowest hashes."""

from dataclasses import replace

import numpy as np
import pytest

from drift.core.clock import DAY, HOUR
from drift.core.commit import Lease, PaneDelta
from drift.core.rows import Fields, Rows
from drift.core.sample import RowSample
from drift.core.schema import Column, Kind, Role, Storage
from drift.core.window import Window
from drift.store import Store
from tests.rig.storing import PANE, T0, Feed, assert_equal, delta, feed, model, profile, total
from tests.rig.storing import grid as storing_grid

FIELDS = Fields((Column("x", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER),), ())
SIZE = 4


@pytest.fixture
def fed(store: Store) -> Feed:
    return feed(store)


@pytest.fixture
def lease(store: Store) -> Lease:
    taken = store.lease("folding", "tester", 60)
    assert taken is not None
    return taken


def sample(seed: int, n: int = 6) -> RowSample:
    rng = np.random.default_rng(seed)
    rows = Rows(np.full(n, seed, np.int64), rng.normal(size=(1, n)), {})
    return RowSample.of(rows, rng.integers(0, 2**60, n).astype(np.uint64), SIZE, FIELDS)


def sampled(fed: Feed, seed: int, start: int = T0) -> PaneDelta:
    return replace(delta(fed.reference, seed, start=start), sample=sample(seed).dump())


def test_the_sample_of_a_window_is_that_of_its_panes(fed: Feed) -> None:
    for i in range(4):
        fed.commit(sampled(fed, i, T0 + i * PANE))
    found = fed.store.sample(fed.reference.id, Window(T0 + PANE, T0 + 3 * PANE))
    assert found is not None
    assert found.dump() == RowSample.merge((sample(1), sample(2))).dump()
    assert_equal(fed.store.profile(fed.reference, T0, T0 + HOUR).profile, total(fed.reference.grid, 0, 1, 2, 3))
    assert fed.store.counted(fed.reference.id, T0, T0 + HOUR).rows == 40
    assert fed.store.sample(fed.reference.id, Window(T0 + DAY, T0 + 2 * DAY)) is None


def test_folding_and_compaction_keep_it(fed: Feed, lease: Lease) -> None:
    for i in range(6):
        fed.commit(sampled(fed, i, T0 + (i % 2) * PANE))
    # a model may have panes of before samples were kept
    fed.commit(delta(fed.reference, 9, start=T0 + 2 * PANE))
    whole = Window(T0, T0 + HOUR)
    before, sums = fed.store.sample(fed.reference.id, whole), fed.store.profile(fed.reference, T0, T0 + HOUR)
    assert before is not None
    assert sums.profile is not None
    assert fed.store.fold(lease, fed.reference, before=T0 + DAY) == 2
    assert fed.store.compact(lease, fed.reference, hours_before=T0 + DAY, days_before=T0) == 1
    rows = fed.store.pane_rows(fed.reference.id, T0, T0 + HOUR)
    assert sorted((row.tier, row.block) for row in rows) == [(1, -1), (1, 0)]
    after = fed.store.sample(fed.reference.id, whole)
    assert after is not None
    assert after.dump() == before.dump()
    assert after.dump() == RowSample.merge(map(sample, range(6))).dump()
    assert_equal(fed.store.profile(fed.reference, T0, T0 + HOUR).profile, sums.profile)


def test_a_reference_has_its_own(store: Store) -> None:
    mine, on = model(store), storing_grid()
    common = {"schema": on.schema, "grid": on, "profile": profile(on, 1), "rows": 10, "active_from": 0}
    with_one = store.add_reference(mine.id, version="1", content_hash="a", sample=sample(1), **common)  # type: ignore[arg-type]
    without = store.add_reference(mine.id, version="2", content_hash="b", **common)  # type: ignore[arg-type]
    found = store.reference_sample(with_one.id)
    assert found is not None
    assert found.dump() == sample(1).dump()
    assert store.reference_sample(without.id) is None
    assert_equal(store.reference_profile(with_one.id), profile(on, 1))
