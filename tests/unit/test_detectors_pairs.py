"""Views of two profiles: which bins are merged, what is missing, how far a unit is."""

import numpy as np
import pytest

from detectors import pairs as module
from detectors.contract import Part, View
from detectors.pairs import INVALID, MISSING, UNSEEN, Pairs
from drift.core.errors import ProfileMismatch
from drift.core.profile import Profile
from drift.core.rows import Key
from tests.unit.grids import categorical, grid, numeric, ordinal
from tests.unit.samples import MIXED, count, mixed_profile, normals


def test_each_row_is_in_one_merged_bin() -> None:
    window, reference = mixed_profile(3_000, 1, drift=1.0), mixed_profile(5_000, 2)
    pairs = Pairs(window, reference)
    for view in (View.MERGED, View.QUALITY):
        pair, columns = pairs.view(view)
        assert (pair.n == 3_000).all()
        assert (pair.m == 5_000).all()
        assert columns.tolist() == [0, 1, 2, 3, 4]
    assert pairs.merged.c[:, MISSING].tolist() == window.missing().tolist()
    assert pairs.merged.c[:, INVALID].tolist() == window.invalid().tolist()


def test_numeric_bins_merge_to_sixteenths() -> None:
    _, reference = normals(3, 8_000)
    merged = Pairs(reference, reference).merged
    assert (merged.bins == 16).all()
    np.testing.assert_allclose(merged.q[merged.filled], 1 / 16, atol=0.01)


def test_an_atom_stays_by_itself() -> None:
    rng = np.random.default_rng(1)
    rows = np.where(rng.random(10_000) < 0.5, 0.0, rng.standard_normal(10_000))
    reference = count(grid(numeric("x", rows)), rows)
    merged = Pairs(reference, reference).merged
    assert merged.q.max() == pytest.approx(0.5, abs=0.02)
    assert merged.bins[0] >= 8


def test_rows_beyond_the_range_join_the_outermost_bins() -> None:
    on, reference = normals(1, 8_000)
    window = count(on, [[-99.0, -99.0, 99.0]])
    pair = Pairs(window, reference).merged
    assert (pair.c[0, 0], pair.c[0, 15]) == (2, 1)
    assert Pairs(window, reference).quality.c[0].tolist() == [0, 3, 0, 0, 0]


def test_few_ordinal_values_keep_their_bins() -> None:
    on = grid(ordinal("few", (1.0, 2.0, 5.0)), ordinal("many", tuple(map(float, range(40)))))
    rows = np.stack([np.repeat([1.0, 2.0, 5.0, 9.0], 40), np.tile(np.arange(40.0), 4)])
    pair = Pairs(count(on, rows), count(on, rows[:, :120])).merged
    assert pair.c[0, :3].tolist() == [40, 40, 40]
    assert pair.c[0, UNSEEN] == 40
    assert pair.r[0, UNSEEN] == 0
    assert pair.bins.tolist() == [4, 16]


def test_frequent_keys_keep_their_bins_and_the_others_share_one() -> None:
    keys = tuple(f"k{i}" for i in range(20))
    on = grid(categorical("c", keys, rare=("odd",)))
    reference: list[Key] = [*(key for i, key in enumerate(keys) for _ in range(i + 1)), *["odd"] * 500]
    window: list[Key] = ["k19", "k0", "odd", "new", None]
    pair = Pairs(count(on, np.zeros((0, 5)), {"c": window}), count(on, np.zeros((0, 710)), {"c": reference})).merged
    assert pair.r[0, 0] == 20, "the most frequent key first"
    assert pair.c[0, 0] == 1
    assert pair.c[0, 15] == 3, "a rare key, one of the five least frequent ones, and a new one: there are always some"
    assert (pair.c[0, UNSEEN], pair.c[0, MISSING]) == (0, 1)


def test_what_is_unseen_stands_apart_where_the_reference_has_no_rare_keys() -> None:
    on = grid(categorical("c", ("a", "b")))
    pair = Pairs(*(count(on, np.zeros((0, 3)), {"c": ["a", "b", key]}) for key in ("new", "a"))).merged  # type: ignore[arg-type]
    assert (pair.c[0, UNSEEN], pair.r[0, UNSEEN]) == (1, 0)


def test_quality_counts_its_parts() -> None:
    window = mixed_profile(4_000, 1, drift=1.0)
    quality = Pairs(window, mixed_profile(5_000, 2)).quality
    names = MIXED.index
    assert quality.c[names["grade"], Part.UNSEEN] == window.bin_counts(names["grade"])[-1] > 0
    assert quality.c[names["region"], Part.UNSEEN] == 200
    assert quality.c[names["tail"], Part.INVALID] > 0
    assert (quality.c.sum(axis=1) == 4_000).all()


@pytest.mark.parametrize("column", ["income", "grade"])
def test_moments_are_those_of_the_profile(column: str) -> None:
    profile = mixed_profile(4_000, 1)
    pair, columns = Pairs(profile, profile).view(View.ORDERED)
    at = columns.tolist().index(MIXED.index[column])
    _, mean, variance = profile.moments(MIXED.index[column])
    on = MIXED.columns[MIXED.index[column]]
    assert (pair.p[at] * pair.c_at[at]).sum() * on.unit + on.shift == pytest.approx(mean)
    assert pair.c_variance[at] * on.unit**2 == pytest.approx(variance, rel=1e-6)
    assert pair.scale[at] * on.unit == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_an_outlier_does_not_make_the_scale() -> None:
    """One value of 1e6 among 2,000: the deviation of all rows is 22,000; ours stays near 1."""
    rows = np.random.default_rng(2).standard_normal(2_000)
    on = grid(numeric("x", rows))
    rows[0] = 1e6
    pair = Pairs(count(on, rows), count(on, rows)).ordered
    assert 0.9 < float(pair.scale[0] * pair.unit[0]) < 1.5


def test_a_constant_reference_has_a_scale() -> None:
    on = grid(ordinal("x", (7.0,)))
    reference = count(on, np.full((1, 500), 7.0))
    pair = Pairs(reference, reference).ordered
    assert 1.0 < float(pair.scale[0] * pair.unit[0]) <= 7.0


def test_another_grid_is_refused() -> None:
    on, profile = normals(1, 500, seed=1)
    _, other = normals(1, 500, seed=2)
    with pytest.raises(ProfileMismatch, match="cannot be compared"):
        Pairs(profile, other)
    assert Pairs(Profile.empty(on), profile).rows == 0


def test_a_reference_is_prepared_once_and_never_mistaken() -> None:
    on, reference = normals(2, 1_000)
    other = count(on, np.zeros((2, 77)))
    pairs = Pairs(reference, reference)
    assert Pairs(other, reference)._reference is pairs._reference
    # as if the other's counters had been given the address of counters that are gone
    module._recent.put((on.id, id(other.sums.ints), 0), pairs._reference)
    assert Pairs(reference, other).merged.m.tolist() == [77, 77]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    recent = module._Recent(3 * 10_000)
    monkeypatch.setattr(module, "_recent", recent)
    for seed in range(20):
        _, reference = normals(2, 300, seed)
        Pairs(reference, reference)
        assert recent._held == sum(value.nbytes for value in recent._kept.values()) <= 30_000 + 10_000
    assert 1 <= len(recent._kept) < 20
