"""The band of an estimated error holds the realised one in 95 % of windows, steady or wandering."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from detectors.performance.dle import Dle
from detectors.performance.dle_sums import DleSums
from drift.core.outcome.counting import OutcomeCounter
from tests.unit.regressions import profile, regression, rows_of

pytestmark = pytest.mark.statistical
Floats = npt.NDArray[np.float64]
STREAMS: Final = 12
WINDOWS: Final = 60
ROWS: Final = 500
CHUNKS: Final = 80


def draw(rng: np.random.Generator, n: int, scale: Floats, shift: float) -> tuple[dict[str, Floats], Floats, Floats]:
    x = {"a": rng.normal(shift, 1, n), "b": rng.normal(size=n)}
    prediction = 100 + 20 * x["b"]
    return x, prediction, prediction + rng.normal(size=n) * (5 + 2 * np.abs(x["a"]) + (x["b"] > 1)) * scale


@pytest.mark.parametrize(("wander", "shift"), [(0.0, 0.0), (0.1, 0.0), (0.1, 0.5)])
def test_bands_hold_what_is_realised(wander: float, shift: float) -> None:
    """720 windows of 500 rows on 12 references of 80 chunks; 92 to 98 % is what the project promises."""
    inside = {"mae": 0, "rmse": 0}
    for stream in range(STREAMS):
        rng = np.random.default_rng(100 + stream)
        drift = np.exp(rng.normal(0, wander, CHUNKS))
        time = np.arange(ROWS * CHUNKS) // ROWS
        x, prediction, label = draw(rng, time.size, drift[time], 0.0)
        on = regression(x, label)
        counter, sums = OutcomeCounter(on), DleSums(on, 1)
        seen = counter.predictions.of(rows_of(on, x, prediction, {}), np.zeros(time.size, np.int64))
        seen["time"] = time
        sums.add(seen, label)
        dle = Dle.of(sums)
        for _ in range(WINDOWS):
            scale = np.full(ROWS, np.exp(rng.normal(0, wander)))
            x, prediction, label = draw(rng, ROWS, scale, shift)
            found, error = dle.measures(profile(on, x, prediction)), label - prediction
            inside["mae"] += found["mae"].low <= np.abs(error).mean() <= found["mae"].high
            inside["rmse"] += found["rmse"].low <= np.sqrt((error**2).mean()) <= found["rmse"].high
    shares = {name: count / (STREAMS * WINDOWS) for name, count in inside.items()}
    assert all(0.92 <= share <= 0.98 for share in shares.values()), shares
