"""The default detector keeps its budget, sees what it must, and the tests of that notice planted errors."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from detectors.sequential.default import betting, learned, selfcheck
from detectors.sequential.default.selfcheck import poisson_bound
from drift.core.profile import Profile
from tests.statistical.normals import Normals, alarms, wandering

pytestmark = pytest.mark.statistical

C, WINDOWS = 6, 240
FLAT: dict[str, Callable[[], Normals]] = {
    "n=50": lambda: Normals(C, lambda k: 50, 1),
    "n=2,000": lambda: Normals(C, lambda k: 2_000, 2),
    "n=50,000": lambda: Normals(C, lambda k: 50_000, 3),
    "wander": lambda: Normals(C, lambda k: 2_000, 4, wandering(C, 0.1, 0.9, 40)),
    "season": lambda: Normals(C, lambda k: 2_000, 5, lambda k: np.full(C, 0.5 * np.sin(2 * np.pi * k / 24))),
    "weekend": lambda: Normals(C, lambda k: 2_000, 6, lambda k: np.full(C, 0.3 * (k // 24 % 7 >= 5))),
    "clusters": lambda: Normals(C, lambda k: 50 + 4_950 * (k % 24) // 23, 7, repeat=5),
}


def raised(source: Normals, alarm_windows: float = 720.0) -> int:
    """Alarms in windows in which nothing but the stream's own habits happens."""
    return len(alarms(source, source.watch(alarm_windows=alarm_windows), 720, WINDOWS))


@pytest.mark.parametrize("name", FLAT)
def test_the_budget_is_kept(name: str) -> None:
    assert raised(FLAT[name]()) <= poisson_bound(WINDOWS / 720)


def test_a_season_is_centred_and_does_not_blind() -> None:
    for name in ("season", "weekend"):
        source = FLAT[name]()
        watched = source.watch()
        assert max(watched.tolerance(column, "location") for column in range(C)) < 0.12, name
        assert all(watched.about(column)["season"] != "none" for column in range(C))
    # the same without seasons is blind to what is smaller than the season itself
    assert min(FLAT["season"]().watch(seasonal="none").tolerance(column, "location") for column in range(C)) > 0.4


def test_planted_no_tolerance_for_wander(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned.Learned, "omega", property(lambda self: np.zeros(self.sd.shape)))
    monkeypatch.setattr(learned.Learned, "weight", lambda self, n: np.ones(n.shape))
    monkeypatch.setattr(selfcheck, "loudest", lambda found, bound: np.zeros(found.size, bool))
    assert raised(FLAT["wander"]()) > poisson_bound(WINDOWS / 720)


def test_planted_clusters_counted_as_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned.Learned, "weight", lambda self, n: np.ones(n.shape))
    monkeypatch.setattr(learned, "DELTA", 0.0)
    monkeypatch.setattr(selfcheck, "loudest", lambda found, bound: np.zeros(found.size, bool))
    assert raised(Normals(C, lambda k: 50 + 4_950 * (k % 24) // 23, 7, repeat=40)) > poisson_bound(WINDOWS / 720)


def test_planted_budget() -> None:
    # a detector that takes 'one in 720 windows' for 'one in every fifth of a window'
    assert raised(FLAT["n=50"](), alarm_windows=2 / C) > poisson_bound(WINDOWS / 720)


@pytest.mark.parametrize(("expected", "bound"), [(0.0, 0), (0.5, 2), (1.0, 3), (10.0, 15), (3_600.0, 3_699)])
def test_the_bound_of_chance_is_the_poisson_quantile(expected: float, bound: int) -> None:
    assert poisson_bound(expected) == bound


@pytest.mark.parametrize(
    ("n", "shift", "within"), [(200, 0.5, 6), (2_000, 0.25, 2), (2_000, 0.1, 40), (50_000, 0.1, 2)]
)
def test_a_shift_is_found_where_and_when_it_began(n: int, shift: float, within: int) -> None:
    source = Normals(C, lambda k: n, 11)
    moved = np.zeros(C)
    moved[3] = -shift
    watched = source.watch()
    found = alarms(source, watched, 720, 24 + 2 * within, lambda k: moved if k >= 24 else 0.0)
    assert {column for _, column, _ in found} == {3}
    when, _, evidence = found[0]
    assert 24 <= when < 24 + within
    assert (evidence.direction[3], evidence.what[3]) == (-1, "location") or evidence.what[3].startswith("share")
    assert abs(int(evidence.onset[3]) - source.window(744).start) <= max(within, 2) * 3_600_000_000
    assert evidence.reliable[3]


def test_a_larger_spread_is_found() -> None:
    source = Normals(C, lambda k: 2_000, 12)
    watched, when = source.watch(), None
    state = watched.start()
    for k in range(12):
        profile = Profile(source.grid, source.sums(720 + k, 0.0, np.where(np.arange(C) == 1, 1.25, 1.0)))
        state, evidence = watched.step(state, source.window(720 + k), profile)
        if evidence.raised.any() and when is None:
            when = k
            assert np.flatnonzero(evidence.raised).tolist() == [1]
    assert when is not None
    assert when <= 3


def test_one_bad_window_is_caught_and_forgiven() -> None:
    caught = 0
    for seed in range(20):
        source = Normals(2, lambda k: 2_000, 100 + seed)
        moved = np.array([0.25, 0.0])
        watched = source.watch(windows=240)
        state, standing = watched.start(), []
        for k in range(12):
            profile = Profile(source.grid, source.sums(240 + k, moved if k == 4 else 0.0))
            state, evidence = watched.step(state, source.window(240 + k), profile)
            standing.append(bool(evidence.standing[0]))
        caught += standing[4]
        assert not standing[-1]
    assert caught >= 18


def test_a_shift_within_the_tolerance_never_alarms_however_many_rows() -> None:
    source = Normals(4, lambda k: 1_000_000, 21)
    assert alarms(source, source.watch(windows=120, alarm_windows=120), 120, 60, lambda k: 0.03) == []
    assert alarms(source, source.watch(windows=120, alarm_windows=120), 120, 2, lambda k: 0.08)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0.001, 1.0), min_size=3, max_size=20),
    st.integers(0, 2**31),
    st.floats(0.0, 1.0),
    st.floats(-0.5, 0.5),
)
def test_a_score_bet_expects_no_gain_at_the_edge_of_the_tolerance(
    weights: list[float], seed: int, delta: float, mean: float
) -> None:
    """E[factor] ≤ 1 for every law whose mean score is at most δ beyond μ: exact, by summation over the law."""
    share = np.array(weights) / sum(weights)
    scores = np.random.default_rng(seed).normal(size=share.size) * 2
    for side, sign in enumerate((1.0, -1.0)):
        # moved so that the law's mean stands exactly on the edge
        s = scores - scores @ share + sign * delta + mean
        logs = betting.factors(s[None, None], np.ones(share.size, bool), np.array([[mean]]), np.array([[delta]]))
        expectation = np.exp(logs[0, 0, side].astype(float)) @ share
        assert (expectation <= 1 + 1e-5).all()
        assert (np.exp(logs) >= betting.FLOOR - 1e-5).all()


@settings(max_examples=100, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(0.001, 0.5), st.integers(1, 60), st.booleans())
def test_a_share_bet_expects_no_gain_at_its_bounds(share: float, reach: float, n: int, strict: bool) -> None:
    upper, lower = betting.bounds(np.array([[share]]), np.array([[reach]]), np.array([strict]))
    k = np.arange(n + 1)
    for side, p in ((0, float(upper[0, 0])), (1, float(lower[0, 0]))):
        if not 0 < p < 1:
            continue
        bets = np.array([betting.share_bets(np.array([[one]]), np.array([[n]]), upper, lower)[0, 0, side] for one in k])
        expectation = binom.pmf(k, n, p) @ np.exp(bets)
        assert np.allclose(expectation, 1.0, atol=1e-6)
