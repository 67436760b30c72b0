"""Tail probabilities against scipy and against sampling."""

import numpy as np
import pytest
from scipy import stats

from detectors.contract import Floats, Pair
from detectors.names import statistics
from detectors.nulls import (
    _largest,
    absolute_sum_tail,
    benjamini_hochberg,
    bridge_area_tail,
    bridge_form_tail,
    chi2_tail,
    excess_tail,
    share_tail,
)

SHARES = {
    "equal": np.full(20, 1 / 20),
    "two": np.array([0.97, 0.03]),
    "atom": np.concatenate(([0.5], np.full(32, 1 / 64))),
    "skewed": np.array([0.9, 0.05, 0.03, 0.015, 0.005]),
}
LEVELS = np.array([0.5, 0.1, 0.05, 0.01])


def bridges(shares: Floats, samples: int = 200_000) -> tuple[Floats, Floats]:
    """Sampled differences of shares, and the bridge that they add up to."""
    steps = np.random.default_rng(1).standard_normal((samples, shares.size)) * np.sqrt(shares)
    steps -= steps.sum(axis=1, keepdims=True) * shares
    return steps, np.cumsum(steps, axis=1)[:, :-1]


def tiled(row: Floats) -> Floats:
    return np.tile(row, (LEVELS.size, 1))


@pytest.mark.parametrize("shares", SHARES)
@pytest.mark.parametrize("weighted", [False, True])
def test_quadratic_forms_of_a_bridge(shares: str, weighted: bool) -> None:
    q = SHARES[shares]
    H = np.cumsum(q)[:-1]
    weight = q[:-1] / (H * (1 - H)) if weighted else q[:-1]
    form = (bridges(q)[1] ** 2 * weight).sum(axis=1)
    found = bridge_form_tail(np.quantile(form, 1 - LEVELS), tiled(H), tiled(weight))
    np.testing.assert_allclose(found, LEVELS, rtol=0.08)


@pytest.mark.parametrize("shares", SHARES)
def test_the_largest_eigenvalue_is_numpys(shares: str) -> None:
    q = SHARES[shares]
    H = np.cumsum(q)[:-1]
    for weight in (q[:-1], q[:-1] / (H * (1 - H)), np.linspace(1, 9, H.size)):
        root = np.sqrt(weight)
        exact = np.linalg.eigvalsh(root[:, None] * (np.minimum.outer(H, H) - np.outer(H, H)) * root)[-1]
        assert _largest(H[None], weight[None])[0] == pytest.approx(exact, rel=1e-3)


def test_equal_bins_have_the_known_eigenvalues() -> None:
    """Cramér–von Mises on B equal bins: 1/(4B² sin²(πk/2B)); Anderson–Darling: 1/(k(k+1))."""
    B, k = 24, np.arange(1, 24)
    H = np.arange(1, B) / B
    known = {"cvm": 1 / (4 * B**2 * np.sin(np.pi * k / 2 / B) ** 2), "ad": 1 / (k * (k + 1))}
    weights = {"cvm": np.full(B - 1, 1 / B), "ad": 1 / (B * H * (1 - H))}
    rng = np.random.default_rng(2)
    for name, eigenvalues in known.items():
        x = np.quantile(rng.chisquare(1, (200_000, B - 1)) @ eigenvalues, 1 - LEVELS)
        np.testing.assert_allclose(bridge_form_tail(x, tiled(H), tiled(weights[name])), LEVELS, rtol=0.08)


@pytest.mark.parametrize("shares", SHARES)
def test_areas_below_a_bridge(shares: str) -> None:
    q = SHARES[shares]
    H, gaps = np.cumsum(q)[:-1], np.linspace(1, 9, q.size - 1)
    area = (np.abs(bridges(q)[1]) * gaps).sum(axis=1)
    np.testing.assert_allclose(
        bridge_area_tail(np.quantile(area, 1 - LEVELS), tiled(H), tiled(gaps)), LEVELS, rtol=0.16
    )


@pytest.mark.parametrize("shares", SHARES)
def test_absolute_sums(shares: str) -> None:
    total = np.abs(bridges(SHARES[shares])[0]).sum(axis=1)
    found = absolute_sum_tail(np.quantile(total, 1 - LEVELS), tiled(SHARES[shares]))
    np.testing.assert_allclose(found, LEVELS, rtol=0.16)


def test_one_bin_can_differ_in_nothing() -> None:
    nothing, one = np.zeros(1), np.ones((1, 1))
    assert chi2_tail(nothing, 0) == 1
    assert bridge_form_tail(nothing, one, one) == 1
    assert bridge_area_tail(nothing, one, one) == 1
    assert absolute_sum_tail(nothing, one) == 1


def test_chi2_tail_is_scipys() -> None:
    x = np.array([0.0, 1.0, 30.0, 400.0])
    np.testing.assert_allclose(chi2_tail(x, 7), stats.chi2.sf(x, 7))


def test_shares_split_as_a_binomial() -> None:
    c, n, r, m = (np.array([value]) for value in (9.0, 100.0, 3.0, 400.0))
    assert excess_tail(c, n, r, m)[0] == pytest.approx(stats.binom.sf(8, 12, 0.2))
    assert share_tail(c, n, r, m)[0] == pytest.approx(2 * stats.binom.sf(8, 12, 0.2))
    assert share_tail(n - c, n, m - r, m)[0] == pytest.approx(share_tail(c, n, r, m)[0])
    zero = np.zeros(1)
    assert share_tail(zero, n, zero, m)[0] == share_tail(zero, zero, r, m)[0] == excess_tail(zero, n, r, m)[0] == 1


def test_benjamini_hochberg_is_scipys() -> None:
    p = np.random.default_rng(3).random(50) ** 3
    among = np.arange(50) % 3 > 0
    found = benjamini_hochberg(p, among)
    np.testing.assert_allclose(found[among], stats.false_discovery_control(p[among]))
    assert np.isnan(found[~among]).all()
    assert np.isnan(benjamini_hochberg(p, np.zeros(50, np.bool_))).all()


@pytest.mark.parametrize("window", [500, 520, 560, 620])
def test_ks_of_two_bins_is_a_comparison_of_shares(window: int) -> None:
    """One step alone: exactly the normal law of the difference, where an expansion for many steps gives 5–50 % less."""
    pair = Pair(np.array([[window, 1_000.0 - window]]), np.array([[500.0, 500.0]]))
    ks = statistics()["ks"]
    assert ks.p_value is not None
    h = (window + 500) / 2_000
    z = (window / 1_000 - 0.5) / np.sqrt(h * (1 - h) * 2 / 1_000)
    assert ks.p_value(pair, ks.value(pair))[0] == pytest.approx(2 * stats.norm.sf(z))
