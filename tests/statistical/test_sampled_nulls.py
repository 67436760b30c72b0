"""False alarms of the classifier two-sample test, counted on samples of one law."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from detectors.sampled import classifier
from tests.unit.test_sampled import sample

pytestmark = pytest.mark.statistical

REPEATS = 120


@cache
def p_values() -> npt.NDArray[np.float64]:
    sides = ((sample(150, 2 * i, columns=4), sample(250, 2 * i + 1, columns=4)) for i in range(REPEATS))
    return np.array([classifier.measure(window, reference).p_value for window, reference in sides])


@pytest.mark.parametrize("level", [0.2, 0.05, 0.01])
def test_the_classifiers_false_alarms_keep_the_level(level: float) -> None:
    alarms = int((p_values() < level).sum())
    assert alarms <= stats.binom.isf(1e-4, REPEATS, level)
    if level == 0.2:
        assert alarms >= stats.binom.ppf(1e-4, REPEATS, level / 2)


def test_an_error_in_the_null_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the two areas were independent of each other's noise in each row: a variance of a quarter."""
    right = classifier._sd
    monkeypatch.setattr(classifier, "_sd", lambda y: right(y) / 2)
    p_values.cache_clear()
    assert int((p_values() < 0.05).sum()) > stats.binom.isf(1e-4, REPEATS, 0.05)
    p_values.cache_clear()
