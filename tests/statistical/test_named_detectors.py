"""Detectors that state a rate of false alarms keep it, and the tests can tell when they would not."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import numpy as np
import pytest
from scipy import stats

from detectors.contract import Bools
from detectors.sequential import calibrated, cusum
from detectors.sequential.contract import Context
from detectors.sequential.measuring import Measuring
from detectors.sequential.names import detectors
from drift.core.baseline import Baseline, Origin, Stretch
from drift.core.clock import HOUR
from drift.core.grid import Grid
from drift.core.profile import Profile, Sums
from drift.core.window import Window, WindowSpec
from tests.unit.samples import count, normals

pytestmark = pytest.mark.statistical

CHANCE: Final = 1e-4
"""Probability that a right rate falls outside the bounds."""
ROWS: Final = 250
STRETCHES: Final = 19


@cache
def baseline(columns: int, stretches: int = STRETCHES, rows: int = ROWS, seed: int = 1) -> Baseline:
    """Stretches as long as windows; every column a baseline of its own, on a grid of its law."""
    on, _ = normals(columns, 4_000, 7)
    rng = np.random.default_rng(seed)
    parts = [count(on, rng.standard_normal((columns, rows))) for _ in range(stretches)]
    whole = Profile.empty(on)
    for part in parts:
        whole = whole.merge(part)
    kept = tuple(Stretch(Window(i * HOUR, (i + 1) * HOUR), part.sums) for i, part in enumerate(parts))
    return Baseline(on, whole, kept, Origin.REFERENCE)


def windows(on: Grid, number: int, rows: int = ROWS, seed: int = 2) -> Iterator[Profile]:
    rng = np.random.default_rng(seed)
    for _ in range(number):
        yield count(on, rng.standard_normal((len(on.columns), rows)))


def beyond(name: str, known: Baseline, number: int, options: Mapping[str, Any], rows: int = ROWS) -> Bools:
    """(windows, columns) where the evidence was beyond its limit."""
    watch = detectors()[name].watch(Context(known, WindowSpec.parse("1h"), options=options))
    state, found = watch.start(), []
    for at, profile in enumerate(windows(known.grid, number, rows)):
        state, evidence = watch.step(state, Window((100 + at) * HOUR, (101 + at) * HOUR), profile)
        assert evidence.judged.all()
        found.append(evidence.level > evidence.limit)
    return np.array(found)


def kept(alarms: int, size: int, rate: float, stated: float = 0.16) -> str:
    """What is wrong with a number of false alarms; empty if nothing. `stated`: relative error that nulls admit."""
    most, least = stats.binom.isf(CHANCE, size, rate * (1 + stated)), stats.binom.ppf(CHANCE, size, rate * (1 - stated))
    return "" if least <= alarms <= most else f"{alarms} of {size}, allowed {least:.0f}–{most:.0f}"


@pytest.mark.parametrize("of", ["chi2", "psi", "ad", "mean_shift"])
def test_a_rate_from_the_null_is_kept(of: str) -> None:
    # columns share no rows, so that each window of each is a trial; the baseline's error is shared by its windows
    found = beyond("calibrated", baseline(800), 3, {"of": of, "rate": 0.02, "from": "null"})
    assert kept(int(found[0].sum()), found.shape[1], 0.02) == ""


def test_four_stretches_are_enough_for_one_in_five() -> None:
    found = beyond("calibrated", baseline(800, 4), 1, {"of": "chi2", "rate": 0.2, "from": "baseline"})
    assert kept(int(found.sum()), found.size, 0.2, stated=0.2) == ""


@pytest.mark.parametrize(("of", "rows"), [("chi2", ROWS), ("ks", ROWS), ("missing_ratio", ROWS), ("chi2", 3 * ROWS)])
def test_a_rate_from_the_baseline_is_kept(of: str, rows: int) -> None:
    """One of twenty exchangeable values is the largest one time in twenty; also where windows hold more rows."""
    known = with_missing(800) if of == "missing_ratio" else baseline(800)
    found = beyond("calibrated", known, 1, {"of": of, "rate": 0.05, "from": "baseline"}, rows)
    if of == "missing_ratio":
        found = np.array([missing_beyond(known)])
    assert kept(int(found.sum()), found.size, 0.05, stated=0.2) == ""


@cache
def with_missing(columns: int) -> Baseline:
    """The same with a tenth of the values missing."""
    on, _ = normals(columns, 4_000, 7)
    parts = [holed(on, seed) for seed in range(STRETCHES)]
    whole = Profile.empty(on)
    for part in parts:
        whole = whole.merge(part)
    stretches = tuple(Stretch(Window(i * HOUR, (i + 1) * HOUR), part.sums) for i, part in enumerate(parts))
    return Baseline(on, whole, stretches, Origin.REFERENCE)


def holed(on: Grid, seed: int) -> Profile:
    rng = np.random.default_rng([3, seed])
    rows = rng.standard_normal((len(on.columns), ROWS))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return count(on, rows)


def missing_beyond(known: Baseline) -> Bools:
    options = {"of": "missing_ratio", "rate": 0.05}
    watch = calibrated.watch(Context(known, WindowSpec.parse("1h"), options=options))
    _, evidence = watch.step(watch.start(), Window(0, HOUR), holed(known.grid, 999))
    found: Bools = evidence.level > evidence.limit
    return found


def test_stretches_against_a_whole_that_contains_them_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their variance is 1/n − 1/m where a window's is 1/n + 1/m: limits come out too low."""

    def inside(measuring: Measuring, whole: Profile, part: Sums) -> Any:
        found = measuring.read(Profile(whole.grid, part))
        return np.where(found.judged, calibrated._evidence(found, None), np.nan)

    monkeypatch.setattr(calibrated, "_left_out", inside)
    found = beyond("calibrated", baseline(800, 4), 1, {"of": "chi2", "rate": 0.2, "from": "baseline"})
    assert kept(int(found.sum()), found.size, 0.2, stated=0.2) != ""


def test_a_rate_finer_than_the_baseline_is_not_promised() -> None:
    watch = calibrated.watch(Context(baseline(5), WindowSpec.parse("1h"), options={"from": "baseline", "rate": 0.001}))
    profile = next(windows(baseline(5).grid, 1))
    _, evidence = watch.step(watch.start(), Window(0, HOUR), profile)
    assert evidence.judged.all()
    assert not evidence.reliable.any()
    told = watch.about(0)
    assert told["stretches"] == STRETCHES
    assert told["false_alarms"] == "0.05 per window, from 19 stretches; 0.001 needs 999 stretches"


@pytest.mark.parametrize("level", [0.1, 0.3])
def test_corrected_p_values_err_in_as_many_windows_as_the_level_says(level: float) -> None:
    """Where nothing drifts anywhere, any discovery is false: the share of windows with one is the level."""
    known = baseline(20, 8, 25_000)
    any_found = beyond("benjamini_hochberg", known, 600, {"of": "chi2", "level": level}).any(axis=1)
    assert kept(int(any_found.sum()), any_found.size, level) == ""


def first_passage(known: Baseline, number: int, options: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """(columns,) windows until the first alarm; `number` where there was none."""
    found = beyond("cusum", known, number, options)
    return np.where(found.any(axis=0), found.argmax(axis=0) + 1, number)


def test_the_cusum_runs_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a baseline that is known almost exactly, the mean run to a false alarm is Siegmund's."""
    monkeypatch.setattr(cusum, "OFFSET", 0.0)
    runs = first_passage(baseline(100, 8, 25_000), 300, {"run_length": 40})
    # the standard deviation of a run is about its mean
    assert 40 * 0.75 < runs.mean() < 40 * 1.35


def test_a_baseline_that_is_a_guess_shortens_no_run() -> None:
    """Its mean is off by as much as 1/√m: what is borne for that keeps runs as long as they were said to be."""
    known, options = baseline(100), {"run_length": 100}
    assert first_passage(known, 300, options).mean() > 100
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cusum, "OFFSET", 0.0)
        assert first_passage(known, 300, options).mean() < 90


def test_siegmund_agrees_with_published_run_lengths() -> None:
    """Two-sided, k = ½: h = 4 gives 168 and h = 5 gives 465 (Lucas, Crosier 1982)."""
    assert cusum.run_length(0.5, 4.0) == pytest.approx(168, rel=0.02)
    assert cusum.run_length(0.5, 5.0) == pytest.approx(465, rel=0.02)
    assert cusum.interval(0.5, 465.0) == pytest.approx(5.0, abs=0.02)
    assert cusum.interval(0.5, 1.0) < 0.5
