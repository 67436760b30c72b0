"""Profiles add, travel as bytes, and refuse what does not fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core.counting import Counter
from drift.core.errors import ProfileMismatch
from drift.core.grid import Grid
from drift.core.profile import Profile, Sums
from drift.core.rows import Rows
from tests.unit.grids import categorical, grid, numeric
from tests.unit.test_counting import example


def counted(n: int, seed: int = 0) -> Profile:
    on, batch = example(n, seed)
    [sums] = Counter(on).count(batch, np.zeros(n, np.int64), 1)
    return Profile(on, sums)


@pytest.mark.parametrize("n", [0, 1, 150, 20_000])
def test_bytes_and_back(n: int) -> None:
    profile = counted(n) if n else Profile.empty(counted(1).grid)
    again = Profile.load(profile.grid, profile.dump())
    assert np.array_equal(again.sums.ints, profile.sums.ints)
    assert np.array_equal(again.sums.low, profile.sums.low)
    assert np.array_equal(again.sums.high, profile.sums.high)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=40), st.booleans())
def test_any_integers_travel(values: list[int], mostly_zero: bool) -> None:
    ints = np.zeros((2, 40 * (10 if mostly_zero else 1)), np.int64)
    ints[0, : len(values)] = values
    sums = Sums(ints, np.array([[np.inf, -3.5], [np.inf, np.inf]]), np.array([[-np.inf, 1e300], [-np.inf, -np.inf]]))
    again = Sums.load(sums.dump())
    assert np.array_equal(again.ints, ints)
    assert np.array_equal(again.low, sums.low)
    assert np.array_equal(again.high, sums.high)


def test_merge_adds_and_folding_bytes_does_the_same() -> None:
    first, second = counted(300), counted(200)
    merged = first.merge(second)
    assert merged.rows() == 500
    assert np.array_equal(merged.sums.ints, first.sums.ints + second.sums.ints)
    assert Sums.fold([first.sums.dump(), second.sums.dump()]) == merged.sums.dump()


def test_a_negative_delta_takes_a_row_back() -> None:
    profile = counted(10)
    back = Sums(-profile.sums.ints, profile.sums.low, profile.sums.high)
    assert not Sums.load((profile.sums + Sums.load(back.dump())).dump()).ints.any()


def test_other_grids_are_refused() -> None:
    rng = np.random.default_rng(0)
    one, other = (grid(numeric("x", rng.normal(size=1_000))) for _ in range(2))
    with pytest.raises(ProfileMismatch, match="cannot be added"):
        Profile.empty(one).merge(Profile.empty(other))
    with pytest.raises(ProfileMismatch, match="another grid"):
        Profile(grid(categorical("c", ("a",))), Profile.empty(one).sums)


@pytest.mark.parametrize("bad", [b"", b"\x00" * 5, b"\x63" * 40, Sums.load])
def test_bytes_that_are_no_sums_are_refused(bad: object) -> None:
    data = bad if isinstance(bad, bytes) else counted(5).sums.dump()[:-3]
    with pytest.raises(ProfileMismatch):
        Sums.load(data)


def test_wide_grids_are_stored_in_blocks() -> None:
    rng = np.random.default_rng(0)
    columns = [numeric(f"x{i}", rng.normal(size=500)) if i % 3 else categorical(f"x{i}", ("a",)) for i in range(150)]
    on = grid(*columns, segments=(("x0", ("a",)),))
    numbers = rng.normal(size=(sum(c.measured for c in columns), 400))
    batch = Rows(np.zeros(400, np.int64), numbers, {f"x{i}": ["a", "b"] * 200 for i in range(0, 150, 3)})
    [sums] = Counter(on).count(batch, np.zeros(400, np.int64), 1)
    profile = Profile(on, sums)
    blobs = profile.dump()
    assert len(blobs) == len(on.blocks) == 3
    assert np.array_equal(Profile.load(on, blobs).sums.ints, sums.ints)
    assert np.array_equal(Profile.load(on, blobs).sums.low, sums.low)
    with pytest.raises(ProfileMismatch, match="3 blocks"):
        Profile.load(on, blobs[:2])


def test_a_grid_survives_json() -> None:
    on = counted(1).grid
    assert Grid.load(on.dump()) == on
    assert Grid.load(on.dump()).id == on.id
