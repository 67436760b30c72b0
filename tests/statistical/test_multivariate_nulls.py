"""False alarms of what watches several columns, counted on seeded streams on which nothing changes."""

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from detectors.contract import View
from detectors.multivariate import correlation_drift, frechet, pca_reconstruction
from detectors.multivariate.streams import streams
from detectors.multivariate.wandering import Wandering
from detectors.names import statistics
from detectors.pairs import Pairs
from drift.core.baseline import Baseline
from drift.core.grid import Grid
from tests.unit.crossed import correlated, embedding_grid, hours, numbers_grid, vectors
from tests.unit.samples import count

pytestmark = pytest.mark.statistical

Floats = npt.NDArray[np.float64]
LEVEL = 0.05
SURE = 1e-4
"""A right test fails this seldom, were it seeded anew."""


def factors(columns: int, n: int, seed: int) -> Floats:
    """Three factors behind the columns: most correlations are far from 0."""
    loads = np.random.default_rng(0).normal(size=(columns, 3))
    rng = np.random.default_rng(seed)
    rows: Floats = loads @ rng.standard_normal((3, n)) + 0.7 * rng.standard_normal((columns, n))
    return rows


SOURCES: dict[str, tuple[str, Callable[[int, int], Floats]]] = {
    "pair": ("numbers", lambda n, seed: correlated(12, n, seed)),
    "factors": ("numbers", lambda n, seed: factors(12, n, seed)),
    "independent": ("numbers", lambda n, seed: correlated(12, n, seed, 0.0)),
    "embedding": ("embedding", vectors),
}


@cache
def grid_of(source: str) -> Grid:
    family, rows = SOURCES[source]
    return (numbers_grid if family == "numbers" else embedding_grid)(rows(20_000, 10**6))


@cache
def p_values(name: str, source: str, n: int, m: int, repeats: int) -> Floats:
    """(repeats,) smallest p-value of the columns, Bonferroni over them."""
    on, rows, statistic = grid_of(source), SOURCES[source][1], statistics()[name]
    found = []
    for seed in range(repeats):
        pair, _ = Pairs(count(on, rows(n, 2 * seed)), count(on, rows(m, 2 * seed + 1))).view(statistic.view)
        value = statistic.value(pair)
        assert statistic.p_value is not None
        p = statistic.p_value(pair, value)
        found.append(p[0] if statistic.per_model else min(float(p.min()) * len(p), 1.0))
    return np.array(found)


def alarms(p: Floats, level: float = LEVEL) -> int:
    return int((p < level).sum())


def most(repeats: int, level: float = LEVEL) -> int:
    """So many alarms a test of this level stays below, but for one seed in 10,000."""
    return int(stats.binom.isf(SURE, repeats, level))


CASES = [
    ("correlation_drift", "pair"), ("correlation_drift", "factors"), ("correlation_drift", "independent"),
    ("pca_reconstruction", "pair"), ("pca_reconstruction", "factors"), ("pca_reconstruction", "independent"),
    ("frechet", "embedding"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "source"), CASES)
@pytest.mark.parametrize(("n", "m"), [(300, 3_000), (2_000, 3_000)])
def test_false_alarms_keep_the_level(name: str, source: str, n: int, m: int) -> None:
    p = p_values(name, source, n, m, 250)
    assert alarms(p) <= most(250)
    assert (p < 0.5).any()


@pytest.mark.parametrize(("name", "source"), [("pca_reconstruction", "pair"), ("frechet", "embedding")])
def test_the_test_is_not_timid(name: str, source: str) -> None:
    """Half of the level at least, by the binomial's lower end."""
    assert alarms(p_values(name, source, 2_000, 3_000, 250)) >= stats.binom.ppf(SURE, 250, LEVEL / 2)


def test_an_error_in_the_null_of_correlations_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the correction for the number of partners."""
    monkeypatch.setattr(correlation_drift, "_compared", lambda joint: joint.both_vary.astype(np.int64))
    p_values.cache_clear()
    assert alarms(p_values("correlation_drift", "independent", 300, 3_000, 250)) > most(250)
    p_values.cache_clear()


def test_an_error_in_the_null_of_the_reconstruction_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each component left out had the variance λ² and not 2λ²."""
    right = pca_reconstruction.null_sd
    monkeypatch.setattr(pca_reconstruction, "null_sd", lambda reference: right(reference) / np.sqrt(2))
    p_values.cache_clear()
    assert alarms(p_values("pca_reconstruction", "pair", 300, 3_000, 250)) > most(250)
    p_values.cache_clear()


def test_an_error_in_the_null_of_the_distance_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the part that covariances have in it."""
    right = frechet.weights
    monkeypatch.setattr(frechet, "weights", lambda joint: right(joint)[:24])
    p_values.cache_clear()
    assert alarms(p_values("frechet", "embedding", 300, 3_000, 250)) > most(250)
    p_values.cache_clear()


def wandering_rho(hours_: int, seed: int, memory: float, spread: float) -> Floats:
    """A correlation about .6 whose Fisher's z is an AR(1) process."""
    rng = np.random.default_rng(seed)
    z = np.zeros(hours_)
    for i in range(1, hours_):
        z[i] = memory * z[i - 1] + spread * np.sqrt(1 - memory**2) * rng.standard_normal()
    found: Floats = np.tanh(np.arctanh(0.6) + z)
    return found


CALIBRATED = {
    "still": (0.0, 0.0),
    "jitters": (0.0, 0.1),
    "wanders": (0.6, 0.1),
}


@cache
def calibrated(kind: str, name: str, runs: int = 25, after: int = 12) -> Floats:
    """p-values of windows after baselines of 60 hours: rows vary from 100 to 900 an hour."""
    memory, spread = CALIBRATED[kind]
    found = []
    for run in range(runs):
        rho = wandering_rho(60 + after, run, memory, spread)
        sizes = np.random.default_rng(run).integers(100, 900, 60 + after)

        def rows(hour: int, rho: Floats = rho, sizes: npt.NDArray[np.int64] = sizes, run: int = run) -> Floats:
            return correlated(5, int(sizes[hour]), 1_000 * run + hour, float(rho[hour]))

        of = hours(grid_of_five(), 60, rows)
        stream = next(one for one in streams(of) if one.name == name)
        for hour in range(60, 60 + after):
            reading = stream.read(count(grid_of_five(), rows(hour)))
            assert reading is not None
            found.append(reading.p_value)
    return np.array(found)


@cache
def grid_of_five() -> Grid:
    return numbers_grid(correlated(5, 20_000, 10**6, 0.6))


@pytest.mark.parametrize("name", ["correlation", "reconstruction"])
@pytest.mark.parametrize("kind", CALIBRATED)
def test_streams_keep_the_level_whatever_wanders(kind: str, name: str) -> None:
    """Windows of one run share their baseline and wander together, so their alarms are counted as every third one."""
    p = calibrated(kind, name)
    effective = len(p) // 3
    assert alarms(p) / 3 <= most(effective)


def test_an_error_in_the_calibration_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all variance were sampling noise of independent rows."""

    def naive(self: Wandering, rows: int) -> Floats:
        return np.full(self.centre.size, np.sqrt(1 / max(rows - 3, 1)))

    monkeypatch.setattr(Wandering, "sd", naive)
    calibrated.cache_clear()
    p = calibrated("wanders", "correlation")
    assert alarms(p) / 3 > most(len(p) // 3)
    calibrated.cache_clear()


def test_what_wanders_is_still_found_when_it_breaks() -> None:
    rho = wandering_rho(60, 3, 0.6, 0.1)
    of: Baseline = hours(grid_of_five(), 60, lambda hour: correlated(5, 500, hour, float(rho[hour])))
    stream = next(one for one in streams(of) if one.name == "correlation")
    found = [stream.read(count(grid_of_five(), correlated(5, 500, 10**5 + i, 0.0))) for i in range(20)]
    assert all(one is not None and one.p_value < 0.001 for one in found)


def test_views_are_those_tested_here() -> None:
    assert {s.name for s in statistics().values() if s.view in (View.CROSS, View.BLOCKS)} == {c[0] for c in CASES}
