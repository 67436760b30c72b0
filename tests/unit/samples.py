"""Rows to profiles, for tests of what reads profiles."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from drift.core.counting import Counter
from drift.core.grid import Grid
from drift.core.profile import Profile
from drift.core.rows import Key, Rows
from tests.unit.grids import categorical, grid, numeric, ordinal

Floats = npt.NDArray[np.float64]


def count(on: Grid, numbers: npt.ArrayLike, keys: Mapping[str, Sequence[Key]] | None = None) -> Profile:
    """The profile of these rows: (measured columns, n) numbers, and n keys of each other column."""
    values = np.atleast_2d(np.asarray(numbers, np.float64))
    zeros = np.zeros(values.shape[1], np.int64)
    [sums] = _counter(on).count(Rows(zeros, values, {name: list(k) for name, k in (keys or {}).items()}), zeros, 1)
    return Profile(on, sums)


@lru_cache(maxsize=4)
def _counter(on: Grid) -> Counter:
    """Its tables take longer to make than a few rows to count."""
    return Counter(on)


def normals(columns: int, reference: int, seed: int = 0) -> tuple[Grid, Profile]:
    """A grid of standard normal columns made from reference rows, as in production, and the profile of those rows."""
    rows = np.random.default_rng(seed).standard_normal((columns, reference))
    on = grid(*(numeric(f"x{i}", row) for i, row in enumerate(rows)))
    return on, count(on, rows)


def mixed(n: int, seed: int = 0, drift: float = 0.0) -> tuple[Floats, dict[str, list[Key]]]:
    """n rows for `MIXED`: a normal, a lognormal and a grade, a region and a flag; some missing, infinite, unseen."""
    rng = np.random.default_rng(seed)
    income, tail = rng.normal(3_000 + 800 * drift, 800, n), rng.lognormal(0.4 * drift, 2, n)
    grade = rng.choice([1.0, 2.0, 3.0, 5.0], n, p=[0.4 - 0.2 * drift, 0.3, 0.2, 0.1 + 0.2 * drift])
    income[rng.random(n) < 0.05 + 0.1 * drift] = np.nan
    tail[rng.random(n) < 0.01] = np.inf
    if drift:
        grade[rng.random(n) < 0.05] = 4.0
    regions = np.array([f"r{i}" for i in range(30)])
    weight = 1 / np.arange(1, 31) ** (1 + drift)
    region: list[Key] = list(rng.choice(regions, n, p=weight / weight.sum()))
    if drift:
        region[: n // 20] = ["nowhere"] * (n // 20)
    flag: list[Key] = [bool(x) for x in rng.random(n) < 0.3 + 0.2 * drift]
    return np.stack([income, tail, grade]), {"region": region, "flag": flag}


def _mixed_grid() -> Grid:
    numbers, _ = mixed(20_000, 99)
    income, tail = numbers[0], numbers[1]
    return grid(
        numeric("income", income[np.isfinite(income)]),
        numeric("tail", tail[np.isfinite(tail)]),
        ordinal("grade", (1.0, 2.0, 3.0, 5.0)),
        categorical("region", tuple(f"r{i}" for i in range(24)), rare=tuple(f"r{i}" for i in range(24, 30))),
        categorical("flag", ("false", "true")),
    )


MIXED = _mixed_grid()
"""Five columns of every kind (the flag as keys `true` and `false`)."""


def mixed_profile(n: int, seed: int = 0, drift: float = 0.0) -> Profile:
    """n rows of `mixed` on the grid `MIXED`."""
    numbers, keys = mixed(n, seed, drift)
    return count(MIXED, numbers, keys)
