"""Models and references: written once, read back equal, and every change seen."""

from dataclasses import replace

import numpy as np
import pytest

from drift.core.clock import MINUTE
from drift.core.errors import NotFound
from drift.core.window import Window
from drift.store import Store
from tests.rig.storing import PANE, T0, assert_equal, grid, model, profile, reference


def test_model_comes_back_equal(store: Store) -> None:
    put = model(store, zone="Europe/Berlin")
    assert store.catalogue().models == {"credit": put}
    assert put.windows[1].zone == "Europe/Berlin"
    assert put.settings == {"owner": "risk"}
    assert (put.pane, put.lateness) == (PANE, MINUTE)


def test_version_grows_only_with_a_change(store: Store) -> None:
    first = model(store)
    before = store.catalogue_version()
    next(iter(first.windows[1].covering(T0)))  # a window spec remembers its zone; that is no change
    assert model(store) == first
    assert store.catalogue_version() == before
    model(store, zone="Europe/Berlin")
    assert store.catalogue_version() == before + 1
    assert store.catalogue().version == before + 1


def test_reference_comes_back_to_the_bit(store: Store) -> None:
    mine = model(store)
    put = reference(store, mine, columns=70)
    assert store.references(mine.id) == (put,)
    assert store.catalogue().references == (put,)
    assert put.grid.id == grid(70).id
    assert_equal(store.reference_profile(put.id), profile(grid(70), 99, 500))
    assert store.reference_summary(put.id) == {"columns": 70}


def test_chunks_come_in_order(store: Store) -> None:
    put = reference(store, model(store), columns=70)
    chunks = list(store.reference_chunks(put.id))
    assert [(start, end) for start, end, _ in chunks] == [(T0, T0 + 1), (T0 + 1, T0 + 2)]
    for i, (_, _, sums) in enumerate(chunks):
        assert np.array_equal(sums.ints, profile(grid(70), 900 + i).sums.ints)


@pytest.mark.parametrize("ints", [1, 1 << 20])
def test_stretches_are_the_chunks_however_many_are_read_at_once(
    store: Store, ints: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drift.store.store.INTS_AT_ONCE", ints)
    put = reference(store, model(store), columns=70)
    stretches = store.reference_stretches(put)
    assert [one.window for one in stretches] == [Window(T0, T0 + 1), Window(T0 + 1, T0 + 2)]
    for i, one in enumerate(stretches):
        assert np.array_equal(one.sums.ints, profile(grid(70), 900 + i).sums.ints)
        assert np.array_equal(stretches[i].sums.ints, one.sums.ints)
    assert stretches[-1].window == Window(T0 + 1, T0 + 2)


def test_same_reference_again_is_the_first(store: Store) -> None:
    mine = model(store)
    put = reference(store, mine)
    version = store.catalogue_version()
    assert reference(store, mine).id == put.id
    assert store.catalogue_version() == version
    assert reference(store, mine, version="2").id != put.id
    assert store.catalogue_version() == version + 1


def test_references_are_read_once(store: Store) -> None:
    reference(store, model(store))
    first, second = store.catalogue(), store.catalogue()
    assert first.references[0] is second.references[0]


def test_what_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(NotFound, match="no reference 7"):
        store.reference_profile(7)
    with pytest.raises(NotFound, match="no reference 7"):
        store.reference_summary(7)
    with pytest.raises(NotFound, match="no model 12"):
        reference(store, replace(model(store), id=12))
