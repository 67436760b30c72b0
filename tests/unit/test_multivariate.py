"""Several columns at once: rules on them, the streams of numbers, the detector of broken correlations."""

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from detectors.judge import Plan, judge
from detectors.multivariate.streams import Stream, streams
from detectors.pairs import Pairs
from detectors.rules import Rule
from detectors.sequential.contract import Context, Evidence
from detectors.sequential.names import detectors
from drift.core.baseline import Baseline, Origin, only
from drift.core.clock import HOUR
from drift.core.grid import Grid
from drift.core.profile import Profile
from drift.core.result import Outcome
from drift.core.window import Window, WindowSpec
from tests.unit.crossed import correlated, embedding_grid, hours, numbers_grid, vectors
from tests.unit.grids import grid, numeric
from tests.unit.samples import count

Floats = npt.NDArray[np.float64]
COLUMNS = 5


@cache
def on() -> Grid:
    return numbers_grid(correlated(COLUMNS, 20_000, 0))


@cache
def baseline() -> Baseline:
    return hours(on(), 60, lambda number: correlated(COLUMNS, 800, 100 + number))


def window(rho: float, n: int = 800, seed: int = 7) -> Profile:
    return count(on(), correlated(COLUMNS, n, seed, rho))


def test_a_correlation_that_breaks_is_found_where_no_column_moves() -> None:
    """From .8 to 0 with the same margins: every statistic of single columns is silent."""
    plan = Plan((Rule.parse("correlation_drift > 0.3 and correlation_drift_p < 0.001"),))
    broken = judge(window(0.0), baseline().profile, plan)
    assert [breach.column for breach in broken.breaches] == ["x0", "x1"]
    assert {breach.direction for breach in broken.breaches} == {"decrease"}
    assert broken.value("x0", "correlation_drift") == pytest.approx(np.arctanh(0.8), abs=0.1)
    usual = Plan()
    assert judge(window(0.0), baseline().profile, usual).outcome is Outcome.NO_DRIFT
    assert judge(window(0.8), baseline().profile, plan).outcome is Outcome.NO_DRIFT


def test_reconstruction_is_one_number_for_the_model() -> None:
    plan = Plan((Rule.parse("pca_reconstruction > 1.2 and pca_reconstruction_p < 0.001"),))
    broken = judge(window(0.0), baseline().profile, plan)
    assert broken.outcome is Outcome.DRIFT
    assert [breach.column for breach in broken.breaches] == [""]
    assert judge(window(0.8), baseline().profile, plan).outcome is Outcome.NO_DRIFT


def test_too_few_rows_and_unkept_products_are_not_judged() -> None:
    plan = Plan((Rule.parse("correlation_drift > 0"), Rule.parse("pca_reconstruction > 0")))
    assert judge(window(0.0, n=40), baseline().profile, plan).outcome is Outcome.INSUFFICIENT_DATA
    bare = Grid(on().columns)
    rows = correlated(COLUMNS, 500, 1, 0.0)
    unkept = judge(count(bare, rows), count(bare, rows), plan)
    assert not unkept.breaches
    assert np.isnan(unkept.values[:, plan.names.index("correlation_drift")]).all()


def test_a_segment_has_no_products() -> None:
    sample = correlated(2, 2_000, 2)
    plain = grid(numeric("x0", sample[0]), numeric("x1", sample[1]), segments=(("s", ("a",)),))
    both = Grid(plain.columns, plain.segment_grids, numbers_grid(sample).scores)
    profile = count(both, sample, {"s": ["a"] * 2_000})
    assert Pairs(profile, profile, 1).cross.joint is None
    assert Pairs(profile, profile, 0).cross.joint is not None


def stream(name: str, of: Baseline) -> Stream:
    return next(one for one in streams(of) if one.name == name)


def test_streams_name_the_columns_and_know_their_spread() -> None:
    assert [one.name for one in streams(baseline())] == ["correlation", "reconstruction"]
    for name, columns in (("correlation", {0, 1}), ("reconstruction", {0, 1})):
        quiet, broken = (stream(name, baseline()).read(window(rho)) for rho in (0.8, 0.0))
        assert quiet is not None
        assert broken is not None
        assert broken.p_value < 1e-6 < 1e-3 < quiet.p_value
        assert set(broken.columns) <= columns
        assert broken.reliable
        assert abs(broken.value - broken.expected) > 8 * broken.sd
        # 1/√n, and the baseline's own error; for the ratio √(2Σλ²)/Σλ more
        assert 0.5 < quiet.sd * np.sqrt(800) < 2


def test_an_embedding_has_a_stream_of_its_own() -> None:
    sample = vectors(20_000, 0)
    of = embedding_grid(sample)
    held = hours(of, 40, lambda number: vectors(500, 10 + number))
    found = stream("frechet:e", held)
    quiet, moved = (found.read(count(of, vectors(500, 99, shift))) for shift in (0.0, 0.3))
    assert quiet is not None
    assert moved is not None
    assert quiet.p_value > 0.001 > 1e-6 > moved.p_value
    assert of.names[moved.columns[0]] == "e_16"


def test_without_stretches_a_reading_is_not_reliable() -> None:
    bare = Baseline(on(), baseline().profile, (), Origin.REFERENCE)
    for name in ("correlation", "reconstruction"):
        reading = stream(name, bare).read(window(0.0))
        assert reading is not None
        assert not reading.reliable
        assert reading.p_value < 1e-6
    assert stream("correlation", bare).read(window(0.0, n=20)) is None
    assert streams(Baseline(Grid(on().columns), Profile.empty(Grid(on().columns)), (), Origin.REFERENCE)) == ()


def run(of: Baseline, windows: list[Profile]) -> list[Evidence]:
    watch = detectors()["correlation"].watch(Context(of, WindowSpec.parse("1h"), streams=COLUMNS))
    state, found = watch.start(), []
    for number, profile in enumerate(windows):
        state, evidence = watch.step(state, Window((200 + number) * HOUR, (201 + number) * HOUR), profile)
        found.append(evidence)
    return found


def test_the_detector_names_the_partner_and_ends_by_itself() -> None:
    #            . . . X X X . . . .     X: the correlation of x0 and x1 is gone
    rhos = [0.8, 0.8, 0.8, 0.0, 0.0, 0.0, 0.8, 0.8, 0.8, 0.8]
    found = run(baseline(), [window(rho, seed=500 + i) for i, rho in enumerate(rhos)])
    raised = [np.flatnonzero(e.raised).tolist() for e in found]
    assert raised == [[], [], [], [0, 1], [], [], [], [], [], []]
    assert found[3].what == ("correlation with x1", "correlation with x0", "", "", "")
    assert found[5].what == found[3].what
    assert found[3].direction[:2].tolist() == [-1, -1]
    assert found[3].onset[:2].tolist() == [203 * HOUR] * 2
    assert found[3].reliable.all()
    assert not found[8].standing.any()


def test_a_column_accepted_anew_takes_its_correlations_out() -> None:
    """Nothing is known of how it goes with the others; what they do with each other still is."""

    def window(rho: float) -> Profile:
        rows = correlated(COLUMNS, 800, 77)
        rows[3] = rho * rows[2] + np.sqrt(1 - rho * rho) * rows[3]
        return count(on(), rows)

    accepted, kept = range(1, COLUMNS), baseline().profile.sums
    fresh = only(on(), count(on(), correlated(COLUMNS, 5_000, 78, 0.1)).sums, [0])
    rowless = fresh.ints.copy()
    rowless[:, 0] = 0
    whole = Profile(on(), only(on(), kept, accepted) + replace(fresh, ints=rowless))
    stretches = tuple(replace(one, sums=only(on(), one.sums, accepted)) for one in baseline().stretches)
    changed = Baseline(on(), whole, stretches, Origin.ACCEPTED)
    assert not run(changed, [window(0.0)])[0].raised.any()
    broken = run(changed, [window(0.7)])[0]
    assert np.flatnonzero(broken.raised).tolist() == [2, 3]
    assert broken.judged.tolist() == [False, True, True, True, True]
    for name in ("correlation", "reconstruction"):
        quiet = stream(name, changed).read(window(0.0))
        assert quiet is not None
        assert quiet.p_value > 0.001


def test_a_correlation_that_always_wandered_is_borne() -> None:
    """Its hours lie anywhere from .5 to .9; one at .5 is nothing new, one at −.2 is."""
    rho = np.random.default_rng(1).uniform(0.5, 0.9, 80)
    of = hours(on(), 80, lambda number: correlated(COLUMNS, 800, 300 + number, rho[number]))
    quiet, broken = run(of, [window(0.5)])[0], run(of, [window(-0.2)])[0]
    assert not quiet.raised.any()
    assert np.flatnonzero(broken.raised).tolist() == [0, 1]


def test_missing_values_shrink_correlations_and_do_not_hide() -> None:
    """A missing value scores 0: with every second x0 missing, .8 shows as .8·√½."""
    rows = correlated(COLUMNS, 4_000, 3)
    rows[0, ::2] = np.nan
    joint = Pairs(count(on(), rows), baseline().profile).cross.joint
    assert joint is not None
    assert joint.window.cross.correlation[0, 1] == pytest.approx(0.8 * np.sqrt(0.5), abs=0.02)
