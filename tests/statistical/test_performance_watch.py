"""The watch on performance: silent while nothing is worse, quick where it is; it tells which of the three it is."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from detectors.performance.watch import CONCEPT, ESTIMATED, REALIZED, PerformanceWatch
from drift.core.outcome.sums import Outcomes
from tests.rig.outcomes import binary_grid, outcomes_of, score_edges

Floats = npt.NDArray[np.float64]
HOUR = 3_600_000_000
N = 400


def rows(
    n: int, rng: np.random.Generator, *, shift: float = 0.0, flat: float = 1.0, spread: float = 1.5
) -> tuple[Floats, Floats]:
    """Scores that say the chance of y = 1; `flat` below 1: they say less than they seem to."""
    logit = rng.normal(-0.5 + shift, spread, n)
    score = 1 / (1 + np.exp(-logit))
    return score, (rng.random(n) < 1 / (1 + np.exp(-flat * logit))).astype(float)


def binary(grid: Any, score: Floats, truth: Floats) -> Outcomes:
    return outcomes_of(grid, {"s2": np.zeros(score.size), "s": score, "y": truth})


def made(seed: int) -> tuple[PerformanceWatch, Any]:
    rng = np.random.default_rng(seed)
    score, truth = rows(40_000, rng)
    grid = binary_grid(score_edges(score, truth), features={"s2": [0.0]})
    chunks = [binary(grid, *part) for part in ((score[i : i + N], truth[i : i + N]) for i in range(0, 40_000, N))]
    whole = binary(grid, score, truth)
    return PerformanceWatch(whole, chunks, max_drop=0.02, alarm_windows=720), grid


def told(watch: PerformanceWatch, grid: Any, seed: int, windows: int, **change: float) -> Mapping[str, list[int]]:
    """Stream → the windows that raised an alarm."""
    rng, state = np.random.default_rng(seed), watch.start()
    found: dict[str, list[int]] = {ESTIMATED: [], REALIZED: [], CONCEPT: []}
    for number in range(windows):
        outcomes: Outcomes = binary(grid, *rows(N, rng, **change))
        for stream, raised in found.items():
            state, reading = watch.step(state, stream, number * HOUR, outcomes)
            raised += [number] if reading is not None and reading.raised else []
    return found


def test_silence_where_nothing_changes() -> None:
    """720 windows of budget, 20 months: at most the alarms that are allowed, 20 · 3/3, and in fact hardly any."""
    watch, grid = made(1)
    found = [told(watch, grid, seed, 720) for seed in range(4)]
    assert sum(len(each) for one in found for each in one.values()) <= 2


@pytest.mark.parametrize("seed", range(3))
def test_scores_that_mean_less_are_a_changed_concept(seed: int) -> None:
    """P(y|x) changes, inputs do not: labels tell, the estimate cannot."""
    watch, grid = made(2)
    found = told(watch, grid, 50 + seed, 30, flat=0.3)
    assert found[CONCEPT][0] <= 2
    assert found[REALIZED][0] <= 4
    assert found[ESTIMATED] == []


@pytest.mark.parametrize("seed", range(3))
def test_inputs_that_shift_where_it_is_easy_harm_nobody(seed: int) -> None:
    """Most scores are far from the threshold now: inputs drift, performance rises, and nobody is told of it."""
    watch, grid = made(3)
    assert told(watch, grid, 60 + seed, 200, shift=-1.5) == {ESTIMATED: [], REALIZED: [], CONCEPT: []}


@pytest.mark.parametrize("seed", range(3))
def test_inputs_that_shift_where_it_is_hard_do_harm(seed: int) -> None:
    """All scores lie near the threshold: the estimate says so without a label, labels agree, and the concept stands."""
    watch, grid = made(4)
    found = told(watch, grid, 70 + seed, 30, spread=0.3, shift=0.3)
    assert found[ESTIMATED][0] <= 2
    assert found[REALIZED][0] <= 3
    assert found[CONCEPT] == []
