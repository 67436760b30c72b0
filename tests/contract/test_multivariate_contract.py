"""Statistics of several columns: golden values from the rows themselves, ranges, no accident on odd input."""

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
from scipy import linalg, stats

from detectors.contract import Pair, Statistic, View
from detectors.names import statistics
from detectors.pairs import Pairs
from drift.core.cross import PER_UNIT
from drift.core.grid import Grid
from drift.core.profile import Profile
from tests.unit.crossed import correlated, embedding_grid, numbers_grid, vectors
from tests.unit.samples import count, mixed_profile

Floats = npt.NDArray[np.float64]

STATISTICS = [s for s in statistics().values() if s.view in (View.CROSS, View.BLOCKS)]
BY_NAME = pytest.mark.parametrize("statistic", STATISTICS, ids=lambda s: s.name)
COLUMNS: Final = 6


def scores(on: Grid, rows: Floats) -> Floats:
    """(d, n) the scores of rows, one `searchsorted` at a time."""
    found = [np.array(on.scores[i])[np.searchsorted(on.columns[i].edges, row, "right")] for i, row in enumerate(rows)]
    return np.array(found) / PER_UNIT


@cache
def numbers() -> tuple[Grid, Floats, Floats]:
    """Grid, window's and reference's rows: a correlation of .8 that became .2, one of −.5 that stays."""
    reference, window = correlated(COLUMNS, 9_000, 1), correlated(COLUMNS, 4_000, 2, 0.2) * 1.3 + 0.2
    for rows in (reference, window):
        rows[3] -= 0.6 * rows[2]
    return numbers_grid(reference), window, reference


@cache
def embedding() -> tuple[Grid, Floats, Floats]:
    reference, window = vectors(9_000, 3), vectors(4_000, 4, 0.1, 1.1)
    return embedding_grid(reference), window, reference


def correlation_drift(window: Floats, reference: Floats) -> Floats:
    one, other = (np.arctanh(np.corrcoef(rows) - np.eye(COLUMNS)) for rows in (window, reference))
    found: Floats = np.abs(one - other).max(axis=1)
    return found


def pca_reconstruction(window: Floats, reference: Floats) -> Floats:
    """By reconstructing every row from the components of the reference's proven correlations."""
    mean, sd = reference.mean(axis=1, keepdims=True), reference.std(axis=1, keepdims=True)
    r = np.corrcoef(reference)
    chance = stats.norm.isf(0.025 / (COLUMNS * (COLUMNS - 1) / 2)) / np.sqrt(reference.shape[1] - 3)
    kept = np.where(np.abs(np.arctanh(r - np.eye(COLUMNS))) > chance, r, np.eye(COLUMNS))
    _, axes = np.linalg.eigh(kept)
    axes = axes[:, ::-1]
    own = np.diag(axes.T @ r @ axes)
    axes = axes[:, : int(np.searchsorted(np.cumsum(own) / own.sum(), 0.8)) + 1]
    errors = []
    for rows in (window, reference):
        z = (rows - mean) / sd
        errors.append(((z - axes @ (axes.T @ z)) ** 2).sum(axis=0).mean())
    return np.full(COLUMNS, errors[0] / errors[1])


def frechet(window: Floats, reference: Floats) -> Floats:
    """By the matrix square root, less what a second-order expansion expects of rows of one law."""
    one, other = (np.cov(rows[:-1], bias=True) for rows in (window, reference))
    shift = window[:-1].mean(axis=1) - reference[:-1].mean(axis=1)
    square = shift @ shift + np.trace(one + other - 2 * linalg.sqrtm(one @ other).real)
    n, m = window.shape[1], reference.shape[1]
    lam = np.linalg.eigvalsh((n * one + m * other) / (n + m))
    part = np.outer(lam, lam) / np.add.outer(lam, lam)
    return np.array([square - (1 / n + 1 / m) * (lam.sum() + part.sum() / 2 + np.diag(part).sum() / 2)])


GOLDEN: Final[dict[str, Callable[[Floats, Floats], Floats]]] = {
    "correlation_drift": correlation_drift, "pca_reconstruction": pca_reconstruction, "frechet": frechet,
}  # fmt: skip


def pair_of(statistic: Statistic, window: Profile, reference: Profile) -> Pair:
    return Pairs(window, reference).view(statistic.view)[0]


def example(statistic: Statistic) -> tuple[Grid, Floats, Floats]:
    return embedding() if statistic.view is View.BLOCKS else numbers()


@BY_NAME
def test_value_is_golden(statistic: Statistic) -> None:
    on, window, reference = example(statistic)
    pair = pair_of(statistic, count(on, window), count(on, reference))
    expected = GOLDEN[statistic.name](scores(on, window), scores(on, reference))
    np.testing.assert_allclose(statistic.value(pair), expected, rtol=1e-6, atol=1e-9)


def test_every_one_has_its_golden_value() -> None:
    assert set(GOLDEN) == {s.name for s in STATISTICS}


@BY_NAME
def test_the_same_rows_show_nothing(statistic: Statistic) -> None:
    on, _, reference = example(statistic)
    pair = pair_of(statistic, count(on, reference), count(on, reference))
    value = statistic.value(pair)
    assert (value <= (1 + 1e-9 if statistic.per_model else 1e-9)).all()
    assert statistic.p_value is not None
    assert (statistic.p_value(pair, value) > 0.5).all()


@pytest.mark.parametrize("statistic", [s for s in STATISTICS if s.symmetric], ids=lambda s: s.name)
def test_exchanging_the_sides_changes_nothing(statistic: Statistic) -> None:
    on, window, reference = example(statistic)
    one = pair_of(statistic, count(on, window), count(on, reference))
    other = pair_of(statistic, count(on, reference), count(on, window))
    np.testing.assert_allclose(statistic.value(one), statistic.value(other), rtol=1e-7)


@BY_NAME
@pytest.mark.parametrize("rows", [0, 1, 2, 5])
@pytest.mark.parametrize("swapped", [False, True])
def test_odd_profiles_stay_in_range(statistic: Statistic, rows: int, swapped: bool) -> None:
    on, window, reference = example(statistic)
    full = count(on, reference)
    for odd in (
        count(on, window[:, :rows]),
        count(on, np.repeat(window[:, :1], 50, axis=1)),
        count(on, np.full((len(window), 50), np.nan)),
        count(on, np.full((len(window), 50), np.inf)),
        count(on, window * 1e300),
        Profile.empty(on),
    ):
        pair = pair_of(statistic, *((full, odd) if swapped else (odd, full)))
        value = statistic.value(pair)
        seen = value[np.isfinite(value)]
        assert ((seen >= statistic.range[0]) & (seen <= statistic.range[1])).all()
        assert statistic.p_value is not None
        p = statistic.p_value(pair, np.nan_to_num(value))
        assert ((p >= 0) & (p <= 1)).all()
        assert statistic.direction is not None
        assert np.isfinite(statistic.direction(pair)).all()


@BY_NAME
def test_where_products_are_not_kept_there_is_nothing_to_say(statistic: Statistic) -> None:
    pair, columns = Pairs(mixed_profile(400, 1), mixed_profile(900, 2)).view(statistic.view)
    assert len(columns) == statistic.value(pair).size == 0
    assert statistic.p_value is not None
    assert statistic.p_value(pair, np.zeros(0)).size == 0


@BY_NAME
def test_the_value_says_what_it_is(statistic: Statistic) -> None:
    assert statistic.value.__doc__
    assert "(C,)" in statistic.value.__doc__
    assert statistic.title
    assert statistic.unit
