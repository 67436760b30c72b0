"""Why the loss changed: the column that raises it is named, whatever has moved further."""

from collections.abc import Mapping
from importlib.util import find_spec
from math import isnan
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest

from detectors.performance.causes import causes
from drift.core.errors import ProfileMismatch
from drift.core.grid import Grid
from drift.core.outcome.sums import Outcomes
from drift.core.profile import Profile
from tests.rig.outcomes import binary_grid, outcomes_of, rows_of
from tests.unit.regressions import outcomes, profile, regression
from tests.unit.samples import count

Floats = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]
FEATURES: Final = ("hard", "far", "idle")
EDGES: Final = {name: np.linspace(-3, 3, 31).tolist() for name in FEATURES}
GRID: Final = binary_grid(np.linspace(0.02, 0.98, 49).tolist(), features=EDGES)


def draw(n: int, seed: int, *, hard: float = 0.0, far: float = 0.0, flip: float = 0.0) -> Columns:
    """Rows whose score is the truth's probability: large `hard` makes it uncertain, large `far` certain."""
    rng = np.random.default_rng(seed)
    x = {"hard": rng.normal(hard, 1, n), "far": rng.normal(far, 1, n), "idle": rng.normal(size=n)}
    doubt = 1 / (1 + np.exp(-(1.2 * x["hard"] - 1 - 0.5 * x["far"])))
    s = np.where(rng.random(n) < 0.5, 0.5 * doubt, 1 - 0.5 * doubt)
    y = (rng.random(n) < s) ^ (rng.random(n) < flip)
    return {**x, "s": s, "y": y.astype(np.int64)}


def sums(on: Grid, columns: Columns, **more: Any) -> tuple[Profile, Outcomes]:
    return count(on, rows_of(on, columns).numbers), outcomes_of(on, columns, **more)


def found(window: Columns, reference: Columns, **more: Any) -> dict[str, Any]:
    labels = more.pop("labelled", None)
    mine, theirs = sums(GRID, window, labelled=labels), sums(GRID, reference)
    return {one.column: one for one in causes(*mine, *theirs, **more)}


def wrong(columns: Columns) -> Floats:
    lost: Floats = ((columns["s"] >= 0.5) != columns["y"]).astype(np.float64)
    return lost


def test_composition_and_within_add_up_to_the_change_of_the_loss() -> None:
    window, reference = draw(20_000, 1, hard=0.8, flip=0.05), draw(30_000, 2)
    change = wrong(window).mean() - wrong(reference).mean()
    for cause in found(window, reference).values():
        assert cause.composition + cause.within == pytest.approx(change, abs=2e-4)


def test_composition_is_the_change_of_shares_times_the_loss_before() -> None:
    window, reference = draw(20_000, 3, hard=0.8), draw(30_000, 4)
    bins = [np.searchsorted(EDGES["hard"], one["hard"], "right") for one in (window, reference)]
    p, q = (np.bincount(one, minlength=32) / one.size for one in bins)
    loss = np.bincount(bins[1], wrong(reference), minlength=32) / np.maximum(np.bincount(bins[1], minlength=32), 1)
    assert found(window, reference)["hard"].composition == pytest.approx(((p - q) * loss).sum(), rel=0.03)


def test_the_column_that_raises_the_loss_comes_before_the_one_that_moved_furthest() -> None:
    window, reference = draw(20_000, 5, hard=0.7, far=2.0), draw(30_000, 6)
    names = list(found(window, reference))
    assert names == ["hard", "far", "idle"]
    far = found(window, reference)["far"]
    assert far.composition < 0
    assert far.z < -3


def test_what_no_column_explains_is_within() -> None:
    for cause in found(draw(20_000, 7, flip=0.1), draw(30_000, 8)).values():
        assert abs(cause.z) < 4
        assert cause.within > 0.04


def test_without_labels_the_expected_loss_says_the_same() -> None:
    window, reference = draw(20_000, 9, hard=0.7), draw(30_000, 10)
    none = np.zeros(20_000, np.bool_)
    estimated, realised = found(window, reference, labelled=none), found(window, reference)
    assert estimated["hard"].composition == pytest.approx(realised["hard"].composition, abs=0.01)
    # the calibrator knows nothing but the score
    assert not isnan(estimated["hard"].within)
    again = found(window, reference, realized=False)
    assert {name: one.composition for name, one in again.items()} == {
        name: one.composition for name, one in estimated.items()
    }


def test_importances_weigh_the_order() -> None:
    window, reference = draw(20_000, 11, hard=0.7, far=-0.7), draw(30_000, 12)
    assert next(iter(found(window, reference))) == "hard"
    weighed = found(window, reference, importances={"far": 1.0, "hard": 0.01})
    assert next(iter(weighed)) == "far"
    assert (weighed["hard"].weight, weighed["idle"].weight) == (0.01, 0.0)


def test_values_that_the_reference_never_had_count_as_the_mean_and_show_within() -> None:
    window, reference = draw(4_000, 13), draw(30_000, 14)
    window["idle"][:1_000] = np.nan
    window["y"][:1_000] = window["s"][:1_000] < 0.5
    idle = found(window, reference)["idle"]
    assert abs(idle.composition) < 0.01
    assert idle.within == pytest.approx(wrong(window).mean() - wrong(reference).mean(), abs=0.01)


def test_z_is_standard_normal_where_nothing_changed() -> None:
    reference = sums(GRID, draw(8_000, 15))
    z = np.array([[one.z for one in causes(*sums(GRID, draw(2_000, 100 + i)), *sums(GRID, draw(8_000, 900 + i)))]
                  for i in range(150)])  # fmt: skip
    assert 0.85 < z.std() < 1.08
    assert abs(z.mean()) < 0.2
    assert causes(*reference, *reference)[0].z == 0


def test_a_regression_has_its_errors_in_the_labels_unit() -> None:
    rng = np.random.default_rng(16)
    x, other = rng.normal(size=20_000), rng.normal(size=20_000)
    label = 300 + 50 * x + rng.normal(0, 10, 20_000) * np.exp(0.5 * x)
    on = regression({"x": x, "other": other}, label)
    reference = {"x": x, "other": other}
    shift = rng.choice(20_000, 8_000, p=np.exp(x) / np.exp(x).sum())
    window = {name: values[shift] for name, values in reference.items()}

    def both(columns: Mapping[str, Floats], labels: Floats) -> tuple[Profile, Outcomes]:
        guess = 300 + 50 * columns["x"]
        return profile(on, columns, guess), outcomes(on, columns, guess, labels)[0]

    first, second = causes(*both(window, label[shift]), *both(reference, label))
    error = np.abs(label - 300 - 50 * x)
    assert first.column == "x"
    assert first.composition == pytest.approx(error[shift].mean() - error.mean(), rel=0.1)
    assert abs(second.z) < 4
    unlabelled = causes(*both(window, np.full(8_000, np.nan)), *both(reference, label))
    assert unlabelled[0].composition == first.composition
    assert isnan(unlabelled[0].within)


def test_nothing_is_said_without_a_loss_or_without_rows() -> None:
    some, empty = sums(GRID, draw(500, 17)), (Profile.empty(GRID), Outcomes.empty(GRID))
    assert causes(*empty, *some) == ()
    assert causes(*some, *empty) == ()
    bare = binary_grid([0.5], features=EDGES)
    with pytest.raises(ProfileMismatch, match="one grid"):
        causes(*some, Profile.empty(bare), Outcomes.empty(bare))


def test_on_nannymls_car_loans() -> None:
    """`car_value` has the largest PSI (1.74) and lowers the error; `repaid_loan_on_prev_car` (0.29) raises it."""
    package = find_spec("nannyml")
    if package is None or not package.submodule_search_locations:
        pytest.skip("nannyml's data are not installed")
    rows = Path(next(iter(package.submodule_search_locations))) / "datasets" / "data"
    read = car_loans(rows)
    edges = {
        name: np.unique(np.quantile(values, np.arange(1, 64) / 64)).tolist()
        for name, values in read[0].items() if name not in ("s", "y")
    }  # fmt: skip
    on = binary_grid(np.linspace(0.01, 0.99, 99).tolist(), features=edges)
    reference = sums(on, read[0])
    for start in range(25_000, 50_000, 5_000):
        window = {name: values[start : start + 5_000] for name, values in read[1].items()}
        none = np.zeros(5_000, np.bool_)
        for labelled in (None, none):
            ranked = [one.column for one in causes(*sums(on, window, labelled=labelled), *reference)]
            assert ranked[0] == "repaid_loan_on_prev_car"
            assert ranked.index("car_value") > ranked.index("repaid_loan_on_prev_car")


def car_loans(rows: Path) -> tuple[Columns, Columns]:
    import pandas as pd

    def columns(frame: pd.DataFrame) -> Columns:
        salary = frame["salary_range"].map({name: at for at, name in enumerate(sorted(set(frame["salary_range"])))})
        there = {
            "car_value": frame["car_value"], "salary_range": salary, "loan_length": frame["loan_length"],
            "debt_to_income_ratio": frame["debt_to_income_ratio"], "driver_tenure": frame["driver_tenure"],
            "repaid_loan_on_prev_car": frame["repaid_loan_on_prev_car"].astype(float),
            "s": frame["y_pred_proba"], "y": frame["repaid"].astype(int),
        }  # fmt: skip
        return {name: values.to_numpy() for name, values in there.items()}

    name = "synthetic_car_loan_{}.csv"
    analysis = pd.read_csv(rows / name.format("analysis"))
    analysis = analysis.merge(pd.read_csv(rows / name.format("analysis_target")), on="id")
    return columns(pd.read_csv(rows / name.format("reference"))), columns(analysis)
