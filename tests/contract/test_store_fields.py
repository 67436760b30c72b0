"""Unknown fields in the store: beside the sums, never among them; folded and forgotten with their panes."""

from dataclasses import replace

import pytest

from drift.core.clock import DAY, HOUR
from drift.core.commit import Lease, PaneDelta
from drift.core.fields import FieldsSeen, FieldSums
from drift.store import Store
from tests.rig.storing import PANE, T0, Feed, assert_equal, delta, feed, total


@pytest.fixture
def fed(store: Store) -> Feed:
    return feed(store)


def held(fed: Feed, number: int, start: int, *names: str) -> PaneDelta:
    sums = FieldSums(2, {name: {"number": 1, "string": 1} for name in names})
    return replace(delta(fed.reference, number, start=start), fields=sums.dump())


def test_fields_of_a_stretch_with_when_they_came(fed: Feed) -> None:
    fed.commit(held(fed, 0, T0, "a"), held(fed, 1, T0 + PANE, "a", "b\u2028'"))
    fed.commit(held(fed, 2, T0 + 2 * PANE, "b\u2028'"), delta(fed.reference, 3, start=T0 + 3 * PANE))
    found = fed.store.fields(fed.reference.id, T0, T0 + HOUR)
    each = {"number": 2, "string": 2}
    assert found == FieldsSeen(
        FieldSums(6, {"a": each, "b\u2028'": each}), {"a": T0, "b\u2028'": T0 + PANE},
        {"a": T0 + 2 * PANE, "b\u2028'": T0 + 3 * PANE},
    )  # fmt: skip
    assert fed.store.fields(fed.reference.id, T0 + 3 * PANE, T0 + HOUR) == FieldsSeen(FieldSums(), {}, {})
    assert fed.store.fields(fed.reference.id + 1, T0, T0 + HOUR).sums.looked == 0
    assert_equal(fed.store.profile(fed.reference, T0, T0 + HOUR).profile, total(fed.reference.grid, 0, 1, 2, 3))
    assert fed.store.counted(fed.reference.id, T0, T0 + HOUR).rows == 40


def test_folding_compaction_and_retention_take_them_along(fed: Feed) -> None:
    lease = fed.store.lease("folding", "tester", 60)
    assert isinstance(lease, Lease)
    for i in range(6):
        fed.commit(held(fed, i, T0 + (i % 2) * PANE, "a"))
    before = fed.store.fields(fed.reference.id, T0, T0 + HOUR)
    assert fed.store.fold(lease, fed.reference, before=T0 + HOUR) == 2
    assert fed.store.fields(fed.reference.id, T0, T0 + HOUR) == before
    assert fed.store.compact(lease, fed.reference, hours_before=T0 + DAY, days_before=T0) == 1
    hour = fed.store.fields(fed.reference.id, T0, T0 + HOUR)
    assert (hour.sums, hour.first, hour.last) == (before.sums, {"a": T0}, {"a": T0 + HOUR})
    assert fed.store.fields(fed.reference.id, T0, T0 + PANE).sums == FieldSums(), "an hour reaches over the edge"
    assert fed.store.retain(lease, panes_before=T0 + DAY).panes > 0
    assert fed.store.fields(fed.reference.id, 0, T0 + DAY).sums == FieldSums()
