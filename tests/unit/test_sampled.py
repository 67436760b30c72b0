"""Tests over row samples: what they find, what they refuse, and that the same rows give the same answer."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from detectors.sampled import classifier, evidently
from detectors.sampled.names import check, measure
from drift.core.errors import ConfigError, ProfileMismatch
from drift.core.sample import RowSample


def sample(n: int, seed: int, rho: float = 0.8, shift: float = 0.0, columns: int = 5) -> RowSample:
    """Normal columns, the first two correlated, the third shifted, and a category; a few values missing."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((columns, n))
    rows[1] = rho * rows[0] + np.sqrt(1 - rho * rho) * rows[1]
    rows[2] += shift
    rows[rng.random(rows.shape) < 0.02] = np.nan
    keys = np.array(["a", "b", "c", None], object)[rng.integers(0, 4, n)]
    hashes = np.sort(rng.integers(0, 2**62, n).astype(np.uint64))
    return RowSample(n, tuple(f"x{i}" for i in range(columns)), hashes, np.zeros(n, np.int64), rows, {"c": keys})


REFERENCE = sample(1_000, 1)


def test_the_classifier_sees_what_single_columns_do_not() -> None:
    """A correlation of .8 that is gone; and the columns that gave it away."""
    found = classifier.measure(sample(1_000, 2, rho=0.0), REFERENCE)
    assert found.drifted
    assert found.p_value < 1e-6
    assert found.value > found.threshold > 0.5
    assert set(found.columns[:2]) == {"x0", "x1"}
    quiet = classifier.measure(sample(1_000, 2), REFERENCE)
    assert not quiet.drifted
    assert quiet.p_value > 0.001


def test_the_classifiers_limit_is_that_of_its_level() -> None:
    found = classifier.measure(sample(400, 3), sample(600, 4), level=0.01)
    sd = np.sqrt((200 + 300 + 1) / (12 * 200 * 300))
    assert found.threshold == pytest.approx(0.5 + stats.norm.isf(0.01) * sd)
    assert found.p_value == pytest.approx(stats.norm.sf((found.value - 0.5) / sd))
    assert found.rows == (400, 600)


def test_the_same_rows_give_the_same_answer() -> None:
    one, other = (classifier.measure(sample(300, 5), sample(300, 6)) for _ in range(2))
    assert one == other
    state = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    one_mmd, other_mmd = (measure("evidently:empirical_mmd", sample(120, 5), sample(120, 6)) for _ in range(2))
    assert one_mmd == other_mmd
    assert np.random.get_state()[1].tolist() == state  # type: ignore[index]  # noqa: NPY002


def test_a_new_category_and_an_infinity_are_borne() -> None:
    window = sample(300, 7)
    window.keys["c"][:150] = "never seen"
    window.numbers[3, :10] = np.inf
    found = classifier.measure(window, REFERENCE)
    assert found.drifted
    assert found.columns[0] == "c"


def test_too_few_rows_say_nothing() -> None:
    for found in (classifier.measure(sample(50, 1), REFERENCE), *measure("evidently:ks", sample(50, 1), REFERENCE)):
        assert np.isnan(found.value)
        assert not found.drifted
        assert "too few" in found.why


def test_other_columns_are_refused() -> None:
    for name in ("classifier", "evidently:ks"):
        with pytest.raises(ProfileMismatch):
            measure(name, sample(200, 1, columns=4), REFERENCE)


def test_evidentlys_tests_by_name() -> None:
    """Against scipy on the same values."""
    window = sample(500, 8, shift=0.5)
    found = {one.column: one for one in measure("evidently:ks", window, REFERENCE)}
    assert set(found) == {"x0", "x1", "x2", "x3", "x4"}
    assert [name for name, one in found.items() if one.drifted] == ["x2"]
    values = [side.numbers[0][np.isfinite(side.numbers[0])] for side in (REFERENCE, window)]
    assert found["x0"].value == pytest.approx(stats.ks_2samp(*values).pvalue)
    assert found["x0"].threshold == 0.05
    distance = {one.column: one.value for one in measure("evidently:wasserstein", window, REFERENCE)}
    assert distance["x0"] == pytest.approx(stats.wasserstein_distance(*values) / np.std(values[0]), rel=1e-6)
    # Jensen–Shannon takes both kinds; numbers are binned, not compared value by value
    both = {one.column: one.value for one in measure("evidently:jensenshannon", window, REFERENCE)}
    assert set(both) == {*found, "c"}
    assert both["x0"] < 0.2


def test_every_name_gives_an_answer_or_says_why_not() -> None:
    assert len(evidently.names()) >= 15
    for name in evidently.names():
        found = measure(name, sample(120, 9), sample(130, 10))
        assert found
        assert all(np.isfinite(one.value) != bool(one.why) for one in found)
        assert all(one.test == name for one in found)


def test_unknown_names_are_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="classifier"):
        check("clasifier")
    with pytest.raises(ConfigError, match="evidently:wasserstein"):
        check("evidently:waserstein")
    assert check("classifier") == "classifier"


def test_evidently_is_imported_where_it_is_used_only() -> None:
    code = (
        "import sys; from detectors.sampled import names; names.check('classifier'); "
        "assert not {'evidently', 'sklearn', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
