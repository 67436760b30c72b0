"""False alarms of every p-value where nothing changed: as many as its level says, or fewer where it is an upper bound.

Each replication is one column of one call. The check has teeth: it must fail when the reference is taken as exact (as
Evidently's χ² does) or when its variance is subtracted (as thresholds from chunks inside the reference do).
"""

from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from detectors.contract import Floats, Pair, Statistic, View
from detectors.judge import Plan, judge
from detectors.names import statistics
from detectors.pairs import Pairs
from drift.core.result import Outcome
from tests.unit.samples import count, normals

pytestmark = pytest.mark.statistical

LEVELS: Final = (0.1, 0.05, 0.01)
CHANCE: Final = 1e-4
"""Probability of a rate outside the bounds for a p-value that is right; about 150 checks run."""
STATED: Final = 0.16
"""Relative error of a p-value that the docstrings admit down to 0.01."""
COLUMNS: Final = 1_500
DRAWS: Final = 4_000


def wrong_rate(statistic: Statistic, pair: Pair) -> str:
    """What is wrong with the false alarms of a statistic; empty if nothing."""
    assert statistic.p_value is not None
    p = statistic.p_value(pair, statistic.value(pair))
    assert p.size >= 1_000, "too few columns to say anything of a rate"
    assert np.isfinite(p).all()
    for level in LEVELS:
        alarms, n = int((p <= level).sum()), p.size
        most = stats.binom.isf(CHANCE, n, level * (1 + STATED))
        least = 0 if statistic.conservative else stats.binom.ppf(CHANCE, n, level * (1 - STATED))
        if not least <= alarms <= most:
            found, low, high = alarms / n, least / n, most / n
            return f"{statistic.name}: {found:.2%} false alarms at {level:.0%}, allowed {low:.2%}–{high:.2%}"
    return ""


@cache
def rows(n: int) -> Pairs:
    """Normal columns on the grids that their own references made, as in production."""
    on, reference = normals(COLUMNS, 4_000, 11)
    return Pairs(count(on, np.random.default_rng(12).standard_normal((COLUMNS, n))), reference)


SHARES: Final = {
    "equal": np.full(16, 1 / 16),
    "two": np.array([0.93, 0.07]),
    "halves": np.array([0.5, 0.5]),
    "three": np.array([0.2, 0.5, 0.3]),
    "skewed": np.array([0.5, 0.2, 0.1, 0.08, 0.05, 0.04, 0.02, 0.01]),
    "atom": np.concatenate(([0.5], np.full(32, 1 / 64))),
    "atom at the end": np.concatenate((np.full(20, 1 / 64), [1 - 20 / 64])),
    "tails": np.diff(np.unique([0, 1e-3, 5e-3, *np.arange(1, 64) / 64, 0.995, 0.999, 1])),
}


@cache
def draws(shares: str) -> Pair:
    """Multinomial counts, n = 4,000 and m = 12,000; points at 0, 1, 2, … as values."""
    rng, q = np.random.default_rng(13), SHARES[shares]
    c, r = (rng.multinomial(size, q, DRAWS).astype(np.float64) for size in (4_000, 12_000))
    at = np.tile(np.arange(q.size, dtype=np.float64), (DRAWS, 1))
    ones = np.ones(DRAWS)
    return Pair(
        c, r, c_at=at, r_at=at, cuts=np.full_like(at, np.nan), unit=ones, scale=ones,
        c_variance=variance(c, at), r_variance=variance(r, at),
    )  # fmt: skip


def variance(counts: Floats, at: Floats) -> Floats:
    share = counts / counts.sum(axis=1, keepdims=True)
    spread: Floats = (share * at**2).sum(axis=1) - (share * at).sum(axis=1) ** 2
    return spread


# those of several columns have nulls of their own: test_multivariate_nulls.py, which is checked to have them all
SEVERAL: Final = (View.CROSS, View.BLOCKS)
DISTANCES: Final = [s for s in statistics().values() if s.p_value and not s.quality and s.view not in SEVERAL]
QUALITY: Final = {s.name for s in statistics().values() if s.p_value and s.quality}


@pytest.mark.parametrize("statistic", DISTANCES, ids=lambda s: s.name)
@pytest.mark.parametrize("n", [1_500, 6_000])
def test_false_alarms_on_rows(statistic: Statistic, n: int) -> None:
    assert wrong_rate(statistic, rows(n).view(statistic.view)[0]) == ""


# merged pairs have at most 19 bins; with 64 and tails 4 rows in a bin are fewer than their nulls claim to be right for
FITTING: Final = [(s, q) for s in DISTANCES for q in SHARES if s.view is View.ORDERED or len(SHARES[q]) <= 19]


@pytest.mark.parametrize(("statistic", "shares"), FITTING, ids=lambda x: getattr(x, "name", x))
def test_false_alarms_on_counts(statistic: Statistic, shares: str) -> None:
    assert wrong_rate(statistic, draws(shares)) == ""


@pytest.mark.parametrize("statistic", DISTANCES, ids=lambda s: s.name)
def test_a_reference_taken_as_exact_is_caught(statistic: Statistic) -> None:
    pair = rows(6_000).view(statistic.view)[0]
    assert "false alarms" in wrong_rate(statistic, replace(pair, r=pair.r * 1_000))


def test_the_bound_of_ks_is_tight_on_the_standard_grid() -> None:
    """Without the correction for steps it raises a third too few alarms; with it as many as an exact p-value."""
    ks = statistics()["ks"]
    assert wrong_rate(replace(ks, conservative=False), draws("tails")) == ""


# these two do not read v; the test above is theirs
READING_V: Final = [s for s in DISTANCES if s.name not in ("mean_shift", "linf")]


@pytest.mark.parametrize("statistic", READING_V, ids=lambda s: s.name)
def test_a_variance_subtracted_is_caught(statistic: Statistic) -> None:
    pair = replace(rows(1_500).view(statistic.view)[0])
    pair.__dict__["v"] = 1 / pair.n - 1 / pair.m
    assert "false alarms" in wrong_rate(statistic, pair)


def parts(inside: npt.ArrayLike, special: int, total: int) -> Floats:
    some = np.asarray(inside, np.float64)
    counts = np.zeros((some.size, 5))
    counts[:, special], counts[:, 0] = some, total - some
    return counts


def events(part: int, share: float) -> Pair:
    rng = np.random.default_rng(14)
    return Pair(
        parts(rng.binomial(4_000, share, DRAWS), part, 4_000), parts(rng.binomial(4_000, share, DRAWS), part, 4_000)
    )


def beyond_the_extremes() -> Pair:
    """The range of m uniform rows leaves a Beta(2, m−1) share outside."""
    rng, m, n = np.random.default_rng(15), 4_000, 8_000
    outside = rng.binomial(n, rng.beta(2, m - 1, DRAWS))
    return Pair(parts(outside, 1, n), parts(np.zeros(DRAWS), 1, m), once=np.full(DRAWS, 2.0))


def rare_values() -> Pair:
    """A category with 3,000 values of Zipf's law: many of the window's were not in the reference."""
    rng, m, n = np.random.default_rng(16), 4_000, 2_000
    q = 1 / np.arange(1, 3_001)
    q /= q.sum()
    reference, window = rng.multinomial(m, q, 1_000), rng.multinomial(n, q, 1_000)
    unseen = np.where(reference == 0, window, 0).sum(axis=1)
    once = (reference == 1).sum(axis=1).astype(np.float64)
    return Pair(parts(unseen, 2, n), parts(np.zeros(1_000), 2, m), once=once)


def one_bin() -> Pair:
    """30 rows of a column of which one bin holds 90 %: all in one bin in 4 % of all windows."""
    rng = np.random.default_rng(17)
    c, r = (rng.multinomial(size, [0.9, 0.06, 0.04], DRAWS).astype(np.float64) for size in (30, 4_000))
    return Pair(c, r, c_single=(c > 0).sum(axis=1) == 1, r_single=np.zeros(DRAWS, np.bool_))


QUALITY_NULLS: Final = {
    "missing_change": lambda: events(3, 0.03),
    "invalid_change": lambda: events(4, 0.002),
    "out_of_range_ratio": beyond_the_extremes,
    "unseen_ratio": rare_values,
    "constant": one_bin,
}


def test_every_quality_check_has_its_null_here() -> None:
    assert set(QUALITY_NULLS) == QUALITY, "add a null of the new check to QUALITY_NULLS"


@pytest.mark.parametrize("name", QUALITY_NULLS)
def test_false_alarms_of_quality(name: str) -> None:
    assert wrong_rate(statistics()[name], QUALITY_NULLS[name]()) == ""


@pytest.mark.parametrize("name", sorted(set(QUALITY_NULLS) - {"constant"}))
def test_quality_with_an_exact_reference_is_caught(name: str) -> None:
    pair = QUALITY_NULLS[name]()
    planted = replace(pair, r=pair.r * 1_000, once=np.zeros(len(pair.c)))
    assert "false alarms" in wrong_rate(statistics()[name], planted)


@pytest.mark.parametrize("n", [150, 1_500])
def test_the_default_is_silent_on_many_columns(n: int) -> None:
    """Nothing changed on any of them. PSI without its correction calls most of the small ones drifted."""
    on, reference = normals(COLUMNS, 4_000, 11)
    window = count(on, np.random.default_rng(18).standard_normal((COLUMNS, n)))
    found = judge(window, reference, Plan())
    assert found.outcome is Outcome.NO_DRIFT, found.reason
    merged = Pairs(window, reference).merged
    uncorrected = statistics()["psi"].value(merged) + (merged.bins - 1) * merged.v
    assert (np.mean(uncorrected > 0.1) > 0.4) == (n == 150)


def test_the_default_sees_what_changed() -> None:
    on, reference = normals(200, 4_000, 11)
    rows = np.random.default_rng(19).standard_normal((200, 1_500))
    rows[:5] += 0.5
    rows[5:10] *= 1.5
    found = judge(count(on, rows), reference, Plan())
    assert {b.column for b in found.breaches} == {f"x{i}" for i in range(10)}
    assert {b.direction for b in found.breaches if int(b.column[1:]) < 5} == {"increase"}
