"""Changes of form are named as such, and ordinary drift is not."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from detectors.changes.contract import ChangeKind, SchemaChange
from detectors.changes.find import schema_changes
from drift.core.errors import ProfileMismatch
from drift.core.profile import Profile
from drift.core.rows import WRONG_TYPE, Key
from drift.core.schema import Storage
from tests.unit.grids import categorical, grid, numeric, ordinal
from tests.unit.samples import Floats, count

N: Final = 2_000
M: Final = 20_000
LAWS: Final[dict[str, Callable[[np.random.Generator, int], Floats]]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "height": lambda rng, n: rng.normal(170, 10, n),
    "temperature": lambda rng, n: rng.normal(12, 7, n),
    "price": lambda rng, n: rng.lognormal(3, 1, n),
    "heavy": lambda rng, n: rng.lognormal(0, 2, n),
    "waiting": lambda rng, n: rng.exponential(30, n),
    "share": lambda rng, n: rng.beta(2, 5, n),
    "zeros": lambda rng, n: np.where(rng.random(n) < 0.7, 0.0, rng.gamma(2, 50, n)),
}


def pair(name: str, change: Callable[[Floats], Floats], seed: int = 1, n: int = N) -> tuple[Profile, Profile]:
    """A window that `change` was done to, and its reference."""
    rng = np.random.default_rng([seed, list(LAWS).index(name)])
    reference = LAWS[name](rng, M)
    column = numeric("x", reference)
    if name == "zeros":  # an atom has a bin of its own
        column = replace(column, edges=(0.0, float(np.nextafter(0.0, 1.0)), *column.edges[1:]))
    on = grid(column)
    return count(on, change(LAWS[name](rng, n))), count(on, reference)


def found(window: Profile, reference: Profile, **unknown: int) -> tuple[SchemaChange, ...]:
    return schema_changes(window, reference, unknown)


UNITS: Final = [
    *((name, factor) for name in LAWS for factor in (1_000.0, 100.0, 60.0, 0.01, 0.001)),
    *(("height", factor) for factor in (1 / 2.54, 0.01, 1.609344, 1e6)),
    ("price", 1e6),
    ("normal", 10.0),
    ("share", 100.0),
]


@pytest.mark.parametrize(("name", "factor"), UNITS)
def test_a_factor_is_found(name: str, factor: float) -> None:
    [change] = found(*pair(name, lambda x: x * factor))
    assert (change.kind, change.column) == (ChangeKind.UNIT, "x")
    assert change.factor == pytest.approx(factor, rel=1e-6)
    assert change.offset == 0
    assert "scaled by" in change.sentence


@pytest.mark.parametrize(
    ("factor", "offset"), [(1.8, 32.0), (1 / 1.8, -32 / 1.8), (1.0, 273.15)], ids=["to °F", "to °C", "to K"]
)
def test_another_scale_is_found(factor: float, offset: float) -> None:
    [change] = found(*pair("temperature", lambda x: factor * x + offset))
    assert (change.factor, change.offset) == pytest.approx((factor, offset))
    assert "another scale" in change.sentence


def test_a_turned_sign_is_found() -> None:
    [change] = found(*pair("waiting", lambda x: -x))
    assert change.factor == -1
    assert "turned in its sign" in change.sentence


def test_a_factor_that_nobody_listed_is_found_where_everything_agrees() -> None:
    [change] = found(*pair("height", lambda x: 33 * x))
    assert change.factor == pytest.approx(33, rel=0.01)


def test_an_ordinal_column_is_scaled_before_it_is_recoded() -> None:
    rng = np.random.default_rng(5)
    values = tuple(float(v) for v in range(1, 13))
    on = grid(ordinal("x", values))
    reference, window = (rng.choice(values, size) for size in (M, N))
    assert [c.kind for c in found(count(on, window * 100), count(on, reference))] == [ChangeKind.UNIT]
    shuffled = rng.choice([101.0, 205.0, 330.0, 999.0], N)
    assert [c.kind for c in found(count(on, shuffled), count(on, reference))] == [ChangeKind.RECODED]
    assert found(count(on, np.minimum(window + 1, 12)), count(on, reference)) == ()


DRIFTS: Final[dict[str, Callable[[Floats], Floats]]] = {
    "none": lambda x: x,
    "0.5 sd": lambda x: x + 0.5 * x.std(),
    "−1 sd": lambda x: x - x.std(),
    "3 sd": lambda x: x + 3 * x.std(),
    "spread × 1.5": lambda x: x.mean() + 1.5 * (x - x.mean()),
    "spread × 3": lambda x: x.mean() + 3 * (x - x.mean()),
    "spread ÷ 2": lambda x: x.mean() + 0.5 * (x - x.mean()),
    "both": lambda x: x.mean() + 1.5 * (x - x.mean()) + x.std(),
    "× 1.2": lambda x: 1.2 * x,
    "× 2": lambda x: 2.0 * x,
    "capped": lambda x: np.minimum(x, np.quantile(x, 0.8)),
    "floored": lambda x: np.maximum(x, np.quantile(x, 0.4)),
    "a tenth": lambda x: np.where(np.arange(x.size) % 10 == 0, x + 10 * x.std(), x),
    "squared": lambda x: np.sign(x) * x**2 / max(abs(x).max(), 1e-9),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_ordinary_drift_is_no_change_of_form(drift: str) -> None:
    for name in LAWS:
        for seed in range(12):
            for n in (200, N):
                assert found(*pair(name, DRIFTS[drift], 100 + seed, n)) == (), (name, seed, n)


def keyed(keys: tuple[str, ...] = ("a", "b", "c")) -> Callable[..., Profile]:
    """Profiles of a number and a category."""
    rng = np.random.default_rng(9)
    numbers = rng.normal(50, 5, M)
    on = grid(numeric("amount", numbers), categorical("region", keys, rare=("z",)))

    def made(n: int = N, numbers: Floats | None = None, region: Sequence[Key] | None = None) -> Profile:
        chosen: Sequence[Key] = rng.choice(keys, n).tolist()
        return count(on, rng.normal(50, 5, n) if numbers is None else numbers, {"region": region or chosen})

    return made


def test_a_renamed_column_is_named_with_its_new_name() -> None:
    made = keyed()
    reference = made(M)
    window = made(N, np.full(N, np.nan))
    [change] = found(window, reference, amount_eur=N)
    assert (change.kind, change.column, change.other) == (ChangeKind.RENAMED, "amount", "amount_eur")
    assert "amount_eur" in change.sentence
    # a field that was there before, or is of another type, or too rare, is not the new name
    for changes in (
        schema_changes(window, reference, {"amount_eur": N}, before=["amount_eur"]),
        schema_changes(window, reference, {"amount_eur": N}, types={"amount_eur": Storage.STRING}),
        schema_changes(window, reference, {"amount_eur": N // 2}),
    ):
        assert changes[0].kind is ChangeKind.VANISHED
        assert ChangeKind.RENAMED not in {c.kind for c in changes}


def test_two_renamed_columns_are_told_apart_by_their_names() -> None:
    made = keyed()
    window = made(N, np.full(N, np.nan), [None] * N)
    changes = found(window, made(M), Amount=N, region_code=N)
    assert [(c.column, c.other) for c in changes] == [("amount", "Amount"), ("region", "region_code")]
    unlike = found(window, made(M), qqqq=N, xxxx=N)
    assert sorted(c.kind for c in unlike) == [ChangeKind.NEW, ChangeKind.NEW, ChangeKind.VANISHED, ChangeKind.VANISHED]


def test_a_new_field_is_named_unless_it_is_rare() -> None:
    made = keyed()
    [change] = found(made(), made(M), channel=N, typo=3)
    assert (change.kind, change.column) == (ChangeKind.NEW, "channel")


def test_missing_rows_that_were_missing_before_are_no_news() -> None:
    made = keyed()
    numbers = np.where(np.arange(M) % 10 < 8, np.nan, 50.0 + np.arange(M) % 7)
    assert found(made(N, np.full(N, np.nan)), made(M, numbers)) == ()


def test_another_type_is_named() -> None:
    made = keyed()
    [change] = found(made(N, region=[WRONG_TYPE] * N), made(M))
    assert (change.kind, change.column) == (ChangeKind.TYPE, "region")
    assert "no string" in change.sentence


def test_recoded_keys_are_named() -> None:
    made = keyed()
    [change] = found(made(N, region=["A", "B"] * (N // 2)), made(M))
    assert (change.kind, change.column) == (ChangeKind.RECODED, "region")
    half: Sequence[Key] = ["A", "a"] * (N // 2)
    assert found(made(N, region=half), made(M)) == ()


def test_one_value_only_is_named_with_the_value() -> None:
    made = keyed()
    [change] = found(made(N, np.full(N, 51.5)), made(M))
    assert (change.kind, change.column) == (ChangeKind.CONSTANT, "amount")
    assert "51.5" in change.sentence
    [other] = found(made(N, region=["b"] * N), made(M))
    assert "'b'" in other.sentence
    # a key that was nearly always there is no news
    nearly: Sequence[Key] = ["a"] * (M - 5) + ["b"] * 5
    assert found(made(N, region=["a"] * N), made(M, region=nearly)) == ()


@pytest.mark.parametrize("rows", [0, 1, 20])
def test_few_rows_say_nothing(rows: int) -> None:
    made = keyed()
    empty = np.full(rows, np.nan)
    assert found(made(rows, empty), made(M), other=rows) == ()
    assert found(made(N), made(rows, empty)) == ()


def test_infinite_and_huge_values_break_nothing() -> None:
    made = keyed()
    for numbers in (np.full(N, np.inf), np.full(N, 1e300), np.linspace(1e299, 1e300, N)):
        assert all(change.column == "amount" for change in found(made(N, numbers), made(M)))


def test_another_grid_is_refused() -> None:
    with pytest.raises(ProfileMismatch, match="cannot be compared"):
        found(keyed()(), keyed(("a", "b"))(M))
