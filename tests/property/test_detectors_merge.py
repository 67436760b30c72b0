"""Merged equals one pass, and odd rows end in an outcome: for every statistic that is found."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.contract import Floats, Pair
from detectors.judge import Plan, judge
from detectors.names import measures, statistics
from detectors.pairs import Pairs
from drift.core.profile import Profile
from drift.core.result import Outcome
from drift.core.rows import WRONG_TYPE, Key
from tests.unit.samples import MIXED, count, mixed, mixed_profile

Row = tuple[float, float, float, Key, Key]

REFERENCE = mixed_profile(3_000, 7)
EVERYTHING = Plan.from_settings({"statistics": list(measures()), "min_rows": 1, "expected_rows": 50})

numbers = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(1_000, 5_000),
    st.sampled_from([1.0, 2.0, 3.0, 4.0, -0.0, 5e-324, 1.7e308, 2.0**70]),
)
keys: st.SearchStrategy[Key] = st.one_of(
    st.sampled_from(["r0", "r1", "r25", "true", "", "\x00", "\ud800", "名"]),
    st.none(),
    st.booleans(),
    st.floats(allow_nan=True, allow_infinity=False),
    st.just(WRONG_TYPE),
)
batch = st.lists(st.tuples(numbers, numbers, numbers, keys, keys), max_size=60)


def profile(rows: list[Row]) -> Profile:
    if not rows:
        return Profile.empty(MIXED)
    values = np.array([row[:3] for row in rows], np.float64).T
    return count(MIXED, values, {"region": [row[3] for row in rows], "flag": [row[4] for row in rows]})


def values(window: Profile) -> dict[str, Floats]:
    pairs = Pairs(window, REFERENCE, expected=50.0)
    return {name: s.value(pairs.view(s.view)[0]) for name, s in statistics().items()}


@settings(max_examples=60, deadline=None)
@given(st.lists(batch, min_size=1, max_size=5), st.data())
def test_merged_is_one_pass(batches: list[list[Row]], data: st.DataObject) -> None:
    """Whatever the cut and the order, the very same doubles."""
    merged = Profile.empty(MIXED)
    for rows in data.draw(st.permutations(batches)):
        merged = merged.merge(profile(rows))
    once = values(profile([row for rows in batches for row in rows]))
    for name, value in values(merged).items():
        assert np.array_equal(value, once[name], equal_nan=True), name


@settings(max_examples=100, deadline=None)
@given(batch, batch)
def test_any_rows_end_in_an_outcome(window: list[Row], reference: list[Row]) -> None:
    """No warning, no exception, finite values wherever both sides hold some, three outcomes."""
    found = judge(profile(window), profile(reference), EVERYTHING)
    assert found.outcome in set(Outcome)
    assert set(found.outcomes.tolist()) <= {0, 1, 2}
    assert not np.isinf(found.values).any()
    both = bool(window) and bool(reference)
    assert np.isfinite(found.values[:, found.statistics.index("chi2_p")]).all() == both
    if not both:
        assert found.outcome is Outcome.INSUFFICIENT_DATA
    for breach in found.breaches:
        assert math.isfinite(breach.value)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 400), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_values_keep_their_range(n: int, seed: int, drift: float) -> None:
    pairs = Pairs(count(MIXED, *mixed(n, seed, drift)), REFERENCE, expected=50.0)
    for name, statistic in statistics().items():
        low, high = statistic.range
        value = statistic.value(pairs.view(statistic.view)[0])
        assert ((value >= low) & (value <= high)).all(), name


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=2, max_size=70), st.integers(1, 9), st.integers(1, 9))
def test_multiples_of_the_same_counts_show_nothing(counts: list[int], window: int, reference: int) -> None:
    """Equal shares are no drift, whatever the numbers of rows."""
    row: Floats = np.array([counts], np.float64)
    pair = Pair(row * window, row * reference)
    for name in ("chi2", "js", "hellinger", "tv", "linf", "ks", "cvm", "ad"):
        assert statistics()[name].value(pair)[0] <= 1e-7, name
    if row.sum() * min(window, reference) >= 50 * len(counts):
        assert statistics()["psi"].value(pair)[0] <= 1e-3
