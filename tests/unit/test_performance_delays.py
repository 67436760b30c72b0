"""How long labels took, from cells that grow twofold."""

import numpy as np
import pytest

from detectors.performance.delays import delays
from drift.core.clock import MINUTE
from drift.core.outcome.counting import OutcomeCounter
from drift.core.outcome.sums import Outcomes
from tests.rig.outcomes import binary_grid, rows_of


def test_quantiles_by_class_are_right_within_a_factor_of_two() -> None:
    rng, n = np.random.default_rng(4), 20_000
    grid = binary_grid([0.0, 0.5, 1.0])
    counter, truth = OutcomeCounter(grid), (rng.random(n) < 0.3).astype(float)
    minutes = np.where(truth == 1, rng.exponential(100.0, n), rng.exponential(40_000.0, n))
    rows = rows_of(grid, {"s": rng.random(n), "y": truth})
    zero = np.zeros(n, np.int64)
    seen = counter.predictions.of(rows, zero)
    (sums,) = counter.joined(seen, truth, zero + 1, (minutes * MINUTE).astype(np.int64), zero, 1)
    negative, positive = delays(Outcomes(grid, sums))
    assert (negative.name, positive.name) == ("0", "1")
    assert negative.labels + positive.labels == n
    for found, mine in ((negative, minutes[truth == 0]), (positive, minutes[truth == 1])):
        assert found.median == pytest.approx(60 * float(np.median(mine)), rel=0.2)
        assert found.most == pytest.approx(60 * float(np.quantile(mine, 0.9)), rel=0.35)


def test_labels_beside_their_predictions_took_no_time_and_none_are_left_out() -> None:
    grid = binary_grid([0.0, 0.5, 1.0])
    counter, zero = OutcomeCounter(grid), np.zeros(10, np.int64)
    seen = counter.predictions.of(rows_of(grid, {"s": np.full(10, 0.2), "y": np.zeros(10)}), zero)
    (sums,) = counter.joined(seen, np.zeros(10), zero + 1, zero, zero, 1)
    (found,) = delays(Outcomes(grid, sums))
    assert (found.name, found.labels) == ("0", 10)
    assert found.most <= 60
    assert delays(Outcomes.empty(grid)) == ()
