"""What `make bench-quality` measures on, and how it adds up."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from benchmarks.quality import changes
from benchmarks.quality.bases import (
    KEY_SHARES,
    Categories,
    Clustered,
    Correlated,
    Daily,
    Discrete,
    HeavyTails,
    Normal,
    Wandering,
    Weekend,
)
from benchmarks.quality.binned import doane, jensen_shannon, nannyml, psi, psi_of
from benchmarks.quality.changes import Changed
from benchmarks.quality.methods import Reference
from benchmarks.quality.ours import Counting
from benchmarks.quality.streams import COLUMNS, MONDAY, Base, Block, Stream, by_the_hour, steady
from drift.core.clock import HOUR, to_datetime

BASES: list[Base] = [
    Normal(), Correlated(), HeavyTails(), Discrete(), Categories(), Wandering(3, 100), Daily(), Weekend(), Clustered()
]  # fmt: skip


def of(base: Base, n: int = 4_000, seed: int = 1) -> Stream:
    return Stream(base, steady(n), seed)


@pytest.mark.parametrize("base", BASES, ids=lambda base: type(base).__name__)
def test_the_same_seed_and_hour_give_the_same_rows(base: Base) -> None:
    block, again, other, later = of(base).block(7), of(base).block(7), of(base, seed=2).block(7), of(base).block(8)
    assert block.values.shape == (COLUMNS, 4_000)
    assert len(base.kinds) == COLUMNS
    np.testing.assert_array_equal(block.values, again.values)
    assert not np.array_equal(block.values, other.values)
    assert not np.array_equal(block.values, later.values)


def test_windows_are_hours_from_a_monday_on() -> None:
    window = of(Normal(), 1).block(25).window
    assert (window.start - MONDAY, window.end - window.start) == (25 * HOUR, HOUR)
    assert to_datetime(MONDAY).isoformat() == "2026-01-05T00:00:00+00:00"
    assert to_datetime(MONDAY).weekday() == 0


def test_columns_have_the_distributions_they_are_said_to_have() -> None:
    heavy, discrete = of(HeavyTails(), 200_000).block(0).values, of(Discrete(), 200_000).block(0).values
    assert np.median(heavy[0]) == pytest.approx(1, abs=0.02)
    assert (np.abs(heavy[1]) > 5).mean() == pytest.approx(0.0154, abs=0.002)  # t₃
    assert (heavy[2] > 10).mean() == pytest.approx(10**-2.5, rel=0.15)
    assert discrete[0].mean() == pytest.approx(0.001, rel=0.3)
    assert (discrete[1] == 0).mean() == pytest.approx(0.9, abs=0.005)
    assert np.unique(discrete[2]).tolist() == [1, 2, 3, 4, 5]
    shares = np.bincount(of(Categories(), 200_000).block(0).values[0].astype(int)) / 200_000
    np.testing.assert_allclose(shares, KEY_SHARES, atol=0.005)


def test_wandering_means_have_the_deviation_and_the_autocorrelation_asked_for() -> None:
    base = Wandering(5, 20_000, rho=0.9, deviation=0.2)
    path = base.path - base.path.mean(axis=1, keepdims=True)
    assert path.std() == pytest.approx(0.2, rel=0.05)
    assert (path[:, 1:] * path[:, :-1]).mean() / path.var() == pytest.approx(0.9, abs=0.01)
    block = of(base).block(100)
    np.testing.assert_allclose(block.values.mean(axis=1), base.path[:, 100], atol=5 / np.sqrt(4_000))


def test_seasons() -> None:
    day = np.stack([block.values.mean(axis=1) for block in of(Daily(0.5)).blocks(range(24))])
    assert day.std(axis=0) == pytest.approx(np.full(COLUMNS, 0.5 / np.sqrt(2)), rel=0.1)
    friday, saturday = (of(Weekend(0.3)).block(24 * day + 12).values.mean() for day in (4, 5))
    assert (friday, saturday) == pytest.approx((0.0, 0.3), abs=0.02)


def test_columns_are_correlated_only_where_it_is_said() -> None:
    def pair(base: Base) -> float:
        return float(np.asarray(np.corrcoef(of(base, 50_000).block(0).values))[3, 8])

    assert pair(Correlated(0.6)) == pytest.approx(0.6, abs=0.02)
    assert pair(Normal()) == pytest.approx(0, abs=0.02)


def test_rows_of_a_user_hold_one_value_and_hours_differ_in_size() -> None:
    values = of(Clustered(10), 5_000).block(0).values
    distinct, counts = np.unique(values[0], return_counts=True)
    assert distinct.size == pytest.approx(500, abs=2)
    assert counts.mean() == pytest.approx(10, rel=0.01)
    assert all((np.unique(values[:, values[0] == one], axis=1).shape[1] == 1) for one in distinct[:20])
    rows = [by_the_hour()(hour) for hour in range(24)]
    assert (min(rows), max(rows), rows[4], rows[16]) == (50, 5_000, 50, 5_000)


def changed(shape: changes.Shape, course: changes.Course, hour: int, base: Base | None = None) -> Block:
    return Stream(base or Normal(), steady(20_000), 1, Changed(shape, course), 10).block(hour)


def test_changes_begin_with_the_onset_and_never_before() -> None:
    plain = of(Normal(), 20_000)
    for course, strengths in (
        (changes.step, {9: 0, 10: 1, 11: 1}),
        (changes.once, {9: 0, 10: 1, 11: 0}),
        (changes.ramp(4), {9: 0, 10: 0.25, 12: 0.75, 13: 1, 40: 1}),
    ):
        for hour, strength in strengths.items():
            moved = changed(changes.mean(0.5), course, hour).values - plain.block(hour).values
            np.testing.assert_allclose(moved, 0.5 * strength, atol=1e-9)


def test_shapes() -> None:
    wide = changed(changes.spread(1.25), changes.step, 10).values
    assert wide.std() == pytest.approx(1.25, rel=0.01)
    tail = changed(changes.tail(0.02, 5.0), changes.step, 10).values
    assert (tail != of(Normal(), 20_000).block(10).values).mean() == pytest.approx(0.02, rel=0.05)
    assert np.isnan(changed(changes.missing(0.05), changes.step, 10).values).mean() == pytest.approx(0.05, rel=0.05)
    pairs = np.asarray(np.corrcoef(changed(changes.correlated(0.6), changes.step, 10).values))
    assert (pairs[0, 1], pairs[1, 2]) == pytest.approx((0.6, 0), abs=0.02)
    keys = changed(changes.moved(0.1, KEY_SHARES[0]), changes.step, 10, Categories()).values
    assert (keys == 0).mean() == pytest.approx(KEY_SHARES[0] - 0.1, abs=0.003)
    assert (keys == 3).mean() == pytest.approx(KEY_SHARES[3] + 0.1, abs=0.003)


def test_a_column_changed_alone_holds_what_it_holds_when_all_are_changed() -> None:
    every = changed(changes.missing(0.05), changes.step, 10).values
    one = changed(changes.only(0, changes.missing(0.05)), changes.step, 10).values
    np.testing.assert_array_equal(one[0], every[0])
    np.testing.assert_array_equal(one[1:], of(Normal(), 20_000).block(10).values[1:])


def test_a_reference_is_the_same_at_each_reading_and_its_sample_takes_from_every_window() -> None:
    reference = Reference(of(Normal(), 100), range(30))
    first, second = ([block.values for block in reference.blocks()] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert [block.rows for block in reference.sample(600)] == [20] * 30
    assert [block.rows for block in reference.sample()] == [100] * 30


@pytest.mark.parametrize("base", [Normal(), Discrete(), Categories()], ids=lambda base: type(base).__name__)
def test_what_is_counted_of_a_window_is_what_is_in_it(base: Base) -> None:
    reference = Reference(of(base, 100), range(30))
    counting = Counting.on(reference)
    baseline = counting.baseline(reference)
    assert (len(baseline.stretches), baseline.profile.rows()) == (30, 3_000)
    block = Stream(base, steady(500), 1, Changed(changes.missing(0.1), changes.step)).block(40)
    if base.kinds[0] == "number":
        sums = counting.sums(block)
        missing = counting.grid.layout.slots[1:] - 4  # the first of the four specials
        np.testing.assert_array_equal(sums.ints[0, 1 + missing], np.isnan(block.values).sum(axis=1))
    else:
        shares = counting.baseline(reference).profile.bin_counts(0) / 3_000
        values = np.concatenate([block.values[0] for block in reference.blocks()])
        assert sorted(shares[shares > 0]) == pytest.approx(sorted(np.unique(values, return_counts=True)[1] / 3_000))


def test_peers_formulas() -> None:
    random = np.random.default_rng(1)
    p, q = random.dirichlet(np.ones(8)), random.dirichlet(np.ones(8))
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2))
    assert psi_of(np.array([0.5, 0.5]), np.array([0.25, 0.75])) == pytest.approx(0.25 * np.log(2) + 0.25 * np.log(1.5))
    for values in (random.standard_normal(5_000), random.pareto(2.5, 5_000)):
        powers = (np.array([values.size * 1.0]), *(np.array([(values**k).sum()]) for k in (1, 2, 3)))
        assert int(doane(*powers)[0]) == np.histogram_bin_edges(values, "doane").size - 1


def test_peers_fire_where_they_should() -> None:
    reference = Reference(of(Normal(), 1_000), range(50))
    shifted = Stream(Normal(), steady(1_000), 2, Changed(changes.only(4, changes.mean(1.0)), changes.step), 60)
    for fit in (psi, nannyml):
        run = fit(reference).start()
        assert run.alarm(shifted.block(60))[4]
        assert run.alarm(shifted.block(60)).sum() <= 2
