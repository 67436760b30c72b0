"""The concept watch: blind to inputs that move, not to scores that come to mean something else."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from detectors.performance.concept import Concept, Look
from detectors.sequential.default import betting
from drift.core.outcome.sums import Outcomes
from tests.rig.outcomes import binary_grid, chunked, multiclass_grid, outcomes_of

Floats = npt.NDArray[np.float64]
EDGES = np.linspace(0.02, 0.98, 49).tolist()
CHUNKS, ROWS = 40, 500


def logistic(x: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-x))
    return found


def drawn(
    n: int, seed: int, shift: float = 0.0, offset: float | Floats = 0.0, slope: float = 1.0
) -> dict[str, npt.NDArray[Any]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1.4, n)
    return {"s": logistic(1.2 * x), "y": 1 * (rng.random(n) < logistic(slope * x + offset)), "g": rng.choice(["a"], n)}


GRID = binary_grid(EDGES, segments={"g": ["a"]})


def learnt(seed: int = 1, offset: float | Floats = 0.0, streams: int = 1) -> Concept:
    parts = chunked(GRID, drawn(CHUNKS * ROWS, seed, 0.0, offset), np.repeat(np.arange(CHUNKS), ROWS), CHUNKS)
    found = Concept.of(sum(parts[1:], parts[0]), parts, streams=streams)
    assert found is not None
    return found


CONCEPT = learnt()


def window(n: int, seed: int, shift: float = 0.0, offset: float = 0.0, slope: float = 1.0) -> Outcomes:
    return outcomes_of(GRID, drawn(n, seed, shift, offset, slope))


def look(*args: Any, **more: Any) -> Look:
    found = CONCEPT.look(window(*args, **more))
    assert found is not None
    return found


def level(windows: list[Outcomes], concept: Concept) -> float:
    """log R after these windows, the largest of all components."""
    state = np.full((2, 2, betting.THETAS.size), -np.inf, np.float32)
    for one in windows:
        state = betting.advance(state, concept.bets(concept.counts(one)), np.ones(2, np.bool_))
    return float(state.max())


@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_streams_are_standard_in_the_reference(shift: float) -> None:
    reference = outcomes_of(GRID, drawn(CHUNKS * ROWS, 1, shift))
    concept = Concept.of(reference, [])
    assert concept is not None
    counts = concept.counts(reference)
    share = counts / counts.sum()
    assert concept.scores @ share == pytest.approx([0, 0], abs=2e-3)
    assert (concept.scores * share) @ concept.scores.T == pytest.approx(np.eye(2), abs=0.05)


@pytest.mark.parametrize("shift", [-1.5, 0.0, 1.5])
def test_inputs_that_move_are_nothing(shift: float) -> None:
    z = np.array([look(2_000, seed, shift).z for seed in range(100, 300)])
    # the calibrator's error is the same in all of them, and moves their mean
    assert np.abs(z.mean(axis=0)).max() < 1.5
    assert (z.std(axis=0) > 0.7).all()
    assert (z.std(axis=0) < 1.2).all()
    assert level([window(2_000, seed, shift) for seed in range(100)], CONCEPT) < np.log(720)


def test_fewer_positives_at_the_same_scores() -> None:
    found = look(2_000, 2, offset=-0.6)
    assert found.leader == 0
    assert found.direction == -1
    assert found.z[0] < -4
    assert found.sentence("frauds").startswith("At the same scores there are ")
    assert " points fewer frauds than there were: " in found.sentence("frauds")
    assert found.found - found.expected == pytest.approx(-0.1, abs=0.04)
    assert level([window(500, seed, offset=-0.6) for seed in range(8)], CONCEPT) > np.log(720)


def test_a_flip_is_seen_though_positives_are_as_many() -> None:
    found = look(1_000, 3, slope=-1.0)
    assert found.leader == 1
    assert found.direction == -1
    assert found.sentence() == (
        "Scores tell positives apart less than they did: high ones and low ones are off in opposite directions."
    )
    assert abs(found.means[0]) < 0.15
    assert level([window(500, 4, slope=-1.0)], CONCEPT) > np.log(720)


def test_what_the_reference_wanders_is_borne() -> None:
    def offsets(seed: int, chunks: int) -> Floats:
        return np.repeat(np.random.default_rng(seed).normal(0, 0.3, chunks), ROWS)

    wandering = learnt(5, offsets(5, CHUNKS))
    assert wandering.omega[0] == pytest.approx(0.3 * 0.42, abs=0.05)
    assert CONCEPT.omega[0] < 0.03
    later = chunked(GRID, drawn(100 * ROWS, 6, 0.0, offsets(6, 100)), np.repeat(np.arange(100), ROWS), 100)
    assert level(later, wandering) < np.log(720)
    assert level(later, replace(wandering, omega=np.zeros(2), delta=np.full(2, 0.02))) > np.log(720)


def test_many_rows_of_a_wandering_window_are_worth_few() -> None:
    wandering = replace(CONCEPT, omega=np.full(2, 0.1))
    counts = CONCEPT.counts(window(20_000, 12, offset=-1.0))
    # 1/n_eff = 1/20,000 + 0.1²
    assert wandering.bets(counts) == pytest.approx(CONCEPT.bets(counts) * 99.5 / 20_000, rel=0.2)


def test_a_walk_counts_for_fewer_chunks() -> None:
    rng = np.random.default_rng(7)
    walk = np.zeros(CHUNKS)
    for at in range(1, CHUNKS):
        walk[at] = 0.9 * walk[at - 1] + 0.2 * rng.standard_normal()
    assert learnt(8, np.repeat(walk, ROWS)).inflation[0] > 2
    assert learnt(9).inflation[0] < 2


def test_tolerance_grows_with_the_streams_that_share_the_budget() -> None:
    assert (learnt(1, streams=50).delta > CONCEPT.delta).all()
    assert (CONCEPT.delta > 0.05).all()


def test_segments_and_too_few_labels() -> None:
    reference = outcomes_of(GRID, drawn(5_000, 10))
    assert Concept.of(reference, [], segment=1) is not None
    assert Concept.of(reference, [], segment=2) is None
    assert CONCEPT.look(Outcomes.empty(GRID)) is None
    assert (CONCEPT.bets(np.zeros(2 * 51)) == 0).all()


def test_one_class_among_several() -> None:
    rng = np.random.default_rng(11)
    grid = multiclass_grid(dict.fromkeys("abc", EDGES))

    def outcomes(n: int, told: float) -> Outcomes:
        logits = rng.normal(0, 1.5, (n, 3))
        truth = (logits + np.array([0, 0, told]) + rng.gumbel(size=(n, 3))).argmax(axis=1)
        score = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        columns = {f"s_{name}": score[:, at] for at, name in enumerate("abc")}
        return outcomes_of(grid, columns | {"y": np.array(list("abc"))[truth]})

    found = Concept.of(outcomes(20_000, 0.0), [], number=2)
    assert found is not None
    seen = found.look(outcomes(3_000, 0.5))
    assert seen is not None
    assert seen.leader == 0
    assert seen.z[0] > 4
