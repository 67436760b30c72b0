"""Two versions against each other: better, no worse, worse, undecided; and whether they saw the same traffic."""

import numpy as np
import pytest

from detectors.performance.rivals import Verdict, rivalry, traffic
from drift.core.counting import Counter
from drift.core.grid import ColumnGrid, Grid
from drift.core.performance import Measure, Performance
from drift.core.profile import Profile
from drift.core.rows import Rows
from drift.core.schema import Column, Kind, Role, Storage

GRID = Grid((
    ColumnGrid(Column("x", Kind.NUMERIC, Role.FEATURE, Storage.NUMBER), edges=tuple(np.linspace(-3, 3, 20).tolist()),
               unit=2.0**-20),
    ColumnGrid(Column("c", Kind.CATEGORICAL, Role.FEATURE, Storage.STRING), keys=("a", "b")),
))  # fmt: skip


def profile(seed: int, n: int = 20_000, shift: float = 0.0, share: float = 0.5, lost: float = 0.0) -> Profile:
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(n) < lost, np.nan, rng.normal(shift, 1, n))
    keys = np.where(rng.random(n) < share, "a", "b").tolist()
    (sums,) = Counter(GRID).count(Rows(np.zeros(n, np.int64), x[None], {"c": keys}), np.zeros(n, np.int64), 1)
    return Profile(GRID, sums)


def of(n: int, accuracy: float, *, mature: bool = True, half: float | None = None) -> Performance:
    wide = 1.96 * (accuracy * (1 - accuracy) / n) ** 0.5 if half is None else half
    measure = {"accuracy": Measure(accuracy, accuracy - wide, accuracy + wide)}
    error = {"mae": Measure(1 - accuracy, 1 - accuracy - wide, 1 - accuracy + wide)}
    return Performance(
        estimated=measure | error, realized=measure | error if mature else {}, predicted=n, mature=mature
    )


SAME = (profile(1), profile(2))


@pytest.mark.parametrize(
    ("champion", "challenger", "verdict"),
    [
        (of(20_000, 0.80), of(20_000, 0.83), Verdict.BETTER),
        (of(20_000, 0.80), of(20_000, 0.798), Verdict.NO_WORSE),
        (of(20_000, 0.80), of(20_000, 0.75), Verdict.WORSE),
        (of(500, 0.80), of(500, 0.80), Verdict.UNDECIDED),
        (of(99, 0.5), of(20_000, 0.99), Verdict.UNDECIDED),
    ],
)
def test_the_verdict_follows_from_the_interval(
    champion: Performance, challenger: Performance, verdict: Verdict
) -> None:
    found = rivalry(champion, challenger, SAME)
    assert found.verdict is verdict
    assert ("can be promoted" in found.sentence) == (verdict in (Verdict.BETTER, Verdict.NO_WORSE))


def test_errors_are_better_when_they_are_smaller() -> None:
    found = rivalry(of(20_000, 0.80), of(20_000, 0.85), SAME, metric="mae")
    mae = next(one for one in found.contests if one.metric == "mae")
    assert found.verdict is Verdict.BETTER
    assert mae.gain.value == pytest.approx(0.05)
    assert 0 < mae.gain.low < 0.05 < mae.gain.high


def test_the_interval_is_newcombes() -> None:
    """Proportions 56/70 and 48/80: the difference .20 has the interval .0524 to .3339 (Newcombe 1998, table II)."""

    def wilson(k: int, n: int) -> Measure:
        z = 1.959964
        centre, root = 2 * k + z * z, z * (z * z + 4 * k * (1 - k / n)) ** 0.5
        return Measure(k / n, (centre - root) / (2 * (n + z * z)), (centre + root) / (2 * (n + z * z)))

    sides = [
        Performance(realized={"accuracy": wilson(k, n)}, predicted=n * 9, mature=True) for k, n in ((48, 80), (56, 70))
    ]
    gain = rivalry(sides[0], sides[1], SAME).contests[0].gain
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_labels_decide_only_where_both_have_them() -> None:
    assert rivalry(of(9_000, 0.8), of(9_000, 0.8, mature=False), SAME).contests[0].realized is False
    assert rivalry(of(9_000, 0.8), of(9_000, 0.8), SAME).contests[0].realized is True


@pytest.mark.parametrize(
    ("other", "what"), [
        (profile(3, shift=0.3), ("x", "mean")), (profile(3, share=0.6), ("c", "a")),
        (profile(3, lost=0.1), ("x", "missing")),
    ]
)  # fmt: skip
def test_other_traffic_is_said(other: Profile, what: tuple[str, str]) -> None:
    found, shared = traffic(profile(1), other)
    assert shared == 2
    assert [one.column for one in found] == [what[0]]
    assert found[0].what in (what[1], "b")
    assert "other traffic" in rivalry(of(9_000, 0.8), of(9_000, 0.8), (profile(1), other)).sentence


def test_the_same_traffic_is_alike() -> None:
    """Twenty pairs of samples of one source: none is called another traffic, for small differences are none."""
    assert [traffic(profile(s), profile(100 + s))[0] for s in range(20)] == [()] * 20
