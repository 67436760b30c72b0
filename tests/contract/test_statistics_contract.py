"""What every statistic promises, asked of each that is found: a golden value, its range, no accident on odd input."""

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
import pytest
from scipy import optimize, stats

from detectors.contract import Floats, Pair, Part, Statistic, View
from detectors.names import describe, measures, statistics
from detectors.pairs import Pairs
from drift.core.profile import Profile
from drift.core.sketch import RANKS, REGISTERS
from tests.unit.grids import grid, numeric, sketch
from tests.unit.samples import MIXED, count, mixed, mixed_profile

STATISTICS = [s for s in statistics().values() if s.view not in (View.CROSS, View.BLOCKS)]
"""Those of several columns at once have golden values in `test_multivariate_contract.py`."""
BY_NAME = pytest.mark.parametrize("statistic", STATISTICS, ids=lambda s: s.name)


def spread(pair: Pair, i: int) -> tuple[Floats, Floats]:
    """The counts of one column's filled bins."""
    filled = (pair.c[i] + pair.r[i]) > 0
    return pair.c[i, filled], pair.r[i, filled]


def codes(counts: Floats) -> Floats:
    """One row for each count: the number of its bin."""
    return np.repeat(np.arange(counts.size), counts.astype(int)).astype(np.float64)


def v(pair: Pair, i: int) -> float:
    return float(1 / pair.c[i].sum() + 1 / pair.r[i].sum())


def psi(pair: Pair, i: int) -> float:
    c, r = spread(pair, i)
    p, q = (c + 0.5) / (c.sum() + c.size / 2), (r + 0.5) / (r.sum() + r.size / 2)
    return float(stats.entropy(p, q) + stats.entropy(q, p) - (c.size - 1) * v(pair, i))


def chi2(pair: Pair, i: int) -> float:
    return float(stats.chi2_contingency(np.stack(spread(pair, i)), correction=False).statistic * v(pair, i))


def js(pair: Pair, i: int) -> float:
    from scipy.spatial import distance

    return float(distance.jensenshannon(*spread(pair, i), base=2))


def hellinger(pair: Pair, i: int) -> float:
    c, r = spread(pair, i)
    return float(np.linalg.norm(np.sqrt(c / c.sum()) - np.sqrt(r / r.sum())) / np.sqrt(2))


def tv(pair: Pair, i: int) -> float:
    c, r = spread(pair, i)
    return float(max(0.0, np.clip(c / c.sum() - r / r.sum(), 0, None).sum()))


def linf(pair: Pair, i: int) -> float:
    c, r = spread(pair, i)
    return float(np.linalg.norm(c / c.sum() - r / r.sum(), np.inf))


def ks(pair: Pair, i: int) -> float:
    return float(stats.ks_2samp(codes(pair.c[i]), codes(pair.r[i]), method="asymp").statistic)


def cvm(pair: Pair, i: int) -> float:
    """∫(F−G)² dH: the mean of the squared difference over the pooled rows."""
    a, b = codes(pair.c[i]), codes(pair.r[i])
    pooled = np.concatenate((a, b))
    return float(np.mean((stats.ecdf(a).cdf.evaluate(pooled) - stats.ecdf(b).cdf.evaluate(pooled)) ** 2))


def ad(pair: Pair, i: int) -> float:
    """The same, weighted by 1/(H(1−H)), without the largest value."""
    a, b = codes(pair.c[i]), codes(pair.r[i])
    pooled = np.concatenate((a, b))
    inner = pooled[pooled < pooled.max()]
    h = stats.ecdf(pooled).cdf.evaluate(inner)
    square = (stats.ecdf(a).cdf.evaluate(inner) - stats.ecdf(b).cdf.evaluate(inner)) ** 2
    return float((square / (h * (1 - h))).sum() / pooled.size)


def wasserstein_sd(pair: Pair, i: int) -> float:
    """Ordinal columns by scipy; numeric ones bin by bin (and `test_distances_of_rows…` by scipy from the rows)."""
    if np.isnan(pair.cuts[i, 0]):
        return float(stats.wasserstein_distance(pair.c_at[i], pair.r_at[i], pair.c[i], pair.r[i]) / pair.scale[i])
    total, before, low = 0.0, 0.0, float(pair.cuts[i, 0])
    p, q = pair.c[i] / pair.c[i].sum(), pair.r[i] / pair.r[i].sum()
    for b, high in enumerate(pair.cuts[i].tolist()):
        window, reference = p[b] * (high - pair.c_at[i, b]), q[b] * (high - pair.r_at[i, b])
        total += abs(before * (high - low) + window - reference)
        before, low = before + p[b] - q[b], high
    return float(total / pair.scale[i])


def mean_shift(pair: Pair, i: int) -> float:
    means = np.average(pair.c_at[i], weights=pair.c[i]) - np.average(pair.r_at[i], weights=pair.r[i])
    return float(means / pair.scale[i])


def distinct_ratio(pair: Pair, i: int) -> float:
    """Both likelihoods maximised by scipy, each cell's hypergeometric probability by scipy as well."""
    rows = int(min(pair.c[i].sum(), pair.r[i].sum()))
    sides = []
    for counts in (pair.c[i], pair.r[i]):
        total = int(counts.sum())
        filled = np.array([stats.hypergeom.sf(0, total, int(count), rows) for count in counts]).reshape(REGISTERS, -1)
        chance = np.append(3 / 4.0 ** np.arange(1, RANKS), 4.0 ** (1 - RANKS)) / REGISTERS
        sides.append(_most_likely(filled.sum(axis=0), chance))
    return sides[0] / sides[1]


def _most_likely(filled: Floats, chance: Floats) -> float:
    def loss(log: float) -> float:
        rate = np.exp(log) * chance
        return float(((REGISTERS - filled) * rate - filled * np.log(-np.expm1(-rate))).sum())

    return float(np.exp(optimize.minimize_scalar(loss, (0.0, 10.0), tol=1e-12).x))


def share(part: int) -> Callable[[Pair, int], float]:
    return lambda pair, i: float(pair.c[i, part] / pair.c[i].sum())


def change(part: int) -> Callable[[Pair, int], float]:
    return lambda pair, i: float(pair.c[i, part] / pair.c[i].sum() - pair.r[i, part] / pair.r[i].sum())


GOLDEN: Final[dict[str, Callable[[Pair, int], float]]] = {
    "psi": psi, "chi2": chi2, "js": js, "hellinger": hellinger, "tv": tv, "linf": linf, "ks": ks, "cvm": cvm, "ad": ad,
    "wasserstein": lambda pair, i: wasserstein_sd(pair, i) * float(pair.scale[i] * pair.unit[i]),
    "wasserstein_sd": wasserstein_sd, "mean_shift": mean_shift, "distinct_ratio": distinct_ratio,
    "missing_ratio": share(Part.MISSING), "missing_change": change(Part.MISSING),
    "invalid_ratio": share(Part.INVALID), "invalid_change": change(Part.INVALID),
    "out_of_range_ratio": share(Part.OUTSIDE), "unseen_ratio": share(Part.UNSEEN),
    "constant": lambda pair, i: float(pair.c_single[i] and not pair.r_single[i]),
    "row_volume": lambda pair, i: float(pair.c[i].sum() / 4_000),
}  # fmt: skip


def chi2_sf(scale: Callable[[float], float]) -> Callable[[Pair, int, float], float]:
    """P-value by scipy's χ², of `scale(value)`/v."""
    return lambda pair, i, value: float(stats.chi2.sf(scale(value) / v(pair, i), spread(pair, i)[0].size - 1))


def share_p(part: int) -> Callable[[Pair, int, float], float]:
    """Twice the smaller tail of the binomial that splits the events between the sides."""

    def p_value(pair: Pair, i: int, _: float) -> float:
        c, events, n, m = pair.c[i, part], pair.c[i, part] + pair.r[i, part], pair.c[i].sum(), pair.r[i].sum()
        if events == 0:
            return 1.0
        one, other = (stats.binomtest(int(c), int(events), n / (n + m), side).pvalue for side in ("less", "greater"))
        return min(1.0, 2 * float(min(one, other)))

    return p_value


GOLDEN_P: Final[dict[str, Callable[[Pair, int, float], float]]] = {
    "chi2": lambda pair, i, _: float(stats.chi2_contingency(np.stack(spread(pair, i)), correction=False).pvalue),
    "psi": lambda pair, i, x: chi2_sf(lambda y: y + (spread(pair, i)[0].size - 1) * v(pair, i))(pair, i, x),
    "js": chi2_sf(lambda x: 8 * x * x * float(np.log(2))),
    "hellinger": chi2_sf(lambda x: 8 * x * x),
    "mean_shift": lambda pair, i, x: float(
        stats.ttest_ind_from_stats(
            x * pair.scale[i], np.sqrt(pair.c_variance[i]), pair.c[i].sum(),
            0.0, np.sqrt(pair.r_variance[i]), pair.r[i].sum(), equal_var=False,
        ).pvalue
    ),
    "missing_change": share_p(Part.MISSING), "invalid_change": share_p(Part.INVALID),
}  # fmt: skip
"""P-values that scipy has as well; `tests/statistical/test_nulls.py` checks the false alarms of all."""


@cache
def profiles() -> tuple[Profile, Profile]:
    return mixed_profile(4_000, 1, drift=1.0), mixed_profile(9_000, 2)


def example() -> Pairs:
    return Pairs(*profiles(), expected=4_000.0)


@cache
def sketched() -> Pairs:
    """4,000 and 9,000 rows of 300 and 200 keys."""
    rng = np.random.default_rng(4)
    on = grid(sketch("key"), numeric("x", rng.normal(size=1_000)), sketch("other"))
    window, reference = (
        count(
            on, rng.normal(size=n)[None], {name: [f"k{i}" for i in rng.integers(0, d, n)] for name in ("key", "other")}
        )
        for n, d in ((4_000, 300), (9_000, 200))
    )
    return Pairs(window, reference)


def pairs_for(statistic: Statistic) -> Pairs:
    """An example that has columns for this statistic."""
    return sketched() if statistic.view is View.SKETCH else example()


@BY_NAME
def test_value_is_golden(statistic: Statistic) -> None:
    golden = GOLDEN.get(statistic.name)
    assert golden is not None, (
        f"statistic {statistic.name!r} has no golden value: add to GOLDEN in test_statistics_contract.py a "
        "function of (pair, column) that computes it by scipy or directly from the counts"
    )
    pair, columns = pairs_for(statistic).view(statistic.view)
    assert len(columns)
    expected = [golden(pair, i) for i in range(len(columns))]
    # a maximum is found to the root of a double's precision
    np.testing.assert_allclose(
        statistic.value(pair), expected, rtol=1e-6 if statistic.view is View.SKETCH else 1e-9, atol=1e-12
    )


def test_no_golden_value_without_its_statistic() -> None:
    assert set(GOLDEN) == {s.name for s in STATISTICS}
    assert set(GOLDEN_P) <= {s.name for s in STATISTICS if s.p_value}


@pytest.mark.parametrize("name", GOLDEN_P)
@pytest.mark.parametrize("drift", [0.0, 0.05, 1.0])
def test_p_value_is_golden(name: str, drift: float) -> None:
    statistic = statistics()[name]
    assert statistic.p_value is not None
    pair, columns = Pairs(mixed_profile(4_000, 1, drift), profiles()[1]).view(statistic.view)
    value = statistic.value(pair)
    expected = [GOLDEN_P[name](pair, i, float(value[i])) for i in range(len(columns))]
    # scipy's Welch test reads Student's tables; ours the normal one
    np.testing.assert_allclose(statistic.p_value(pair, value), expected, rtol=1e-8, atol=1e-3 * (name == "mean_shift"))


def test_distances_of_rows_are_those_of_their_counts() -> None:
    """W1, KS and the mean of the grid against scipy on the very rows."""
    rng = np.random.default_rng(3)
    reference, window = rng.gamma(2, size=30_000), rng.gamma(2.2, size=5_000)
    on = grid(numeric("x", reference))
    pair = Pairs(count(on, window), count(on, reference)).ordered
    found = {name: float(statistics()[name].value(pair)[0]) for name in ("wasserstein", "ks", "mean_shift")}
    assert 0.99 < found["wasserstein"] / stats.wasserstein_distance(window, reference) <= 1 + 1e-6
    assert found["mean_shift"] == pytest.approx((window.mean() - reference.mean()) / reference.std(), rel=1e-4)
    exact = stats.ks_2samp(window, reference, method="asymp").statistic
    assert 0 <= exact - found["ks"] <= 1 / 64


def pairs_of(window: Profile, reference: Profile, statistic: Statistic) -> Pair:
    return Pairs(window, reference, expected=100.0).view(statistic.view)[0]


ODD: Final = ["usual", "empty", "one row", "constant", "all missing", "all infinite", "all unseen", "huge"]


@cache
def odd() -> dict[str, Profile]:
    """Profiles that break careless statistics."""
    numbers, keys = mixed(400, 4)
    nothing = np.full_like(numbers, np.nan)
    absent: dict[str, list[object]] = {name: [None] * 400 for name in keys}
    return {
        "usual": count(MIXED, numbers, keys),
        "empty": Profile.empty(MIXED),
        "one row": count(MIXED, numbers[:, :1], {name: k[:1] for name, k in keys.items()}),
        "constant": count(MIXED, np.repeat(numbers[:, 5:6], 400, axis=1), {n: k[:1] * 400 for n, k in keys.items()}),
        "all missing": count(MIXED, nothing, absent),  # type: ignore[arg-type]
        "all infinite": count(MIXED, np.full_like(numbers, np.inf), keys),
        "all unseen": count(MIXED, np.full_like(numbers, 1e300), {name: ["?"] * 400 for name in keys}),
        "huge": count(MIXED, numbers * 1e300, keys),
    }


@BY_NAME
@pytest.mark.parametrize("reference", ODD)
def test_odd_profiles_stay_in_range(statistic: Statistic, reference: str) -> None:
    assert list(odd()) == ODD
    for window in odd().values():
        check_range(statistic, pairs_of(window, odd()[reference], statistic))


def check_range(statistic: Statistic, pair: Pair) -> None:
    value = statistic.value(pair)
    low, high = statistic.range
    assert np.isfinite(value).all()
    assert ((value >= low - 1e-12) & (value <= high + 1e-12)).all()
    if statistic.p_value:
        p = statistic.p_value(pair, value)
        assert ((p >= 0) & (p <= 1)).all()
    if statistic.direction:
        assert np.isfinite(statistic.direction(pair)).all()


@BY_NAME
def test_the_same_rows_show_nothing(statistic: Statistic) -> None:
    """A profile against itself: 0, but for a debiased value, which may be below, and for plain shares."""
    pair = pairs_of(mixed_profile(2_000, 5), mixed_profile(2_000, 5), statistic)
    value = statistic.value(pair)
    if statistic.quality and statistic.p_value is None:
        return
    if statistic.name == "psi":
        assert ((value <= 0) & (value >= -pair.bins * pair.v)).all()
    elif statistic.name not in ("out_of_range_ratio", "unseen_ratio"):
        np.testing.assert_allclose(value, 0.0, atol=1e-9)
    if statistic.p_value:
        assert (statistic.p_value(pair, value) > 0.5).all()


@pytest.mark.parametrize("statistic", [s for s in STATISTICS if s.symmetric], ids=lambda s: s.name)
def test_exchanging_the_sides_changes_nothing(statistic: Statistic) -> None:
    window, reference = profiles()
    one, other = Pairs(window, reference).view(statistic.view)[0], Pairs(reference, window).view(statistic.view)[0]
    if statistic.view is View.MERGED:
        # bins are merged by the reference, whichever that is
        other = Pair(one.r, one.c)
    np.testing.assert_allclose(statistic.value(one), statistic.value(other), rtol=1e-9)


@BY_NAME
def test_columns_do_not_see_each_other(statistic: Statistic) -> None:
    """A column alone gives what it gives among others."""
    pair, columns = pairs_for(statistic).view(statistic.view)
    for i in range(len(columns)):
        row = slice(i, i + 1)
        parts = {
            name: getattr(pair, name)[row] if np.ndim(getattr(pair, name)) else getattr(pair, name)
            for name in pair.__dataclass_fields__
        }
        alone = Pair(**parts)
        np.testing.assert_allclose(statistic.value(alone), statistic.value(pair)[row], rtol=1e-12)
        if statistic.p_value:
            both = statistic.p_value(pair, statistic.value(pair))[row]
            np.testing.assert_allclose(statistic.p_value(alone, statistic.value(alone)), both, rtol=1e-4, atol=1e-12)


def test_every_name_is_described() -> None:
    info = {i.name: i for i in describe()}
    assert list(info) == list(measures())
    for name, statistic in statistics().items():
        assert info[name].title == statistic.title
        assert (name + "_p" in info) == (statistic.p_value is not None)
        assert statistic.__doc__
        assert statistic.value.__doc__, (
            f"{name}.value needs a docstring: counts or proportions, shapes, range, unit, cost"
        )
        assert "(C," in statistic.value.__doc__
    assert (info["js"].low, info["js"].high, info["mean_shift"].low) == (0.0, 1.0, None)
    assert info["ks"].columns == "ordered"
    assert info["row_volume"].columns == "model"
    assert info["chi2_q"].unit == "probability"
