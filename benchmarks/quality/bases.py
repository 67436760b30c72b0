"""What streams are made of while nothing is wrong. Normal columns have a standard deviation of one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

import numpy as np

from benchmarks.quality.streams import COLUMNS, PATHS, Floats, Generator, Kind

NUMBERS: Final = (Kind.NUMBER,) * COLUMNS
KEYS: Final = 12
"""Values of a category; the k-th most frequent is 1/k as frequent as the first."""
KEY_SHARES: Final = (1 / np.arange(1, KEYS + 1)) / (1 / np.arange(1, KEYS + 1)).sum()


@dataclass(frozen=True, slots=True)
class Normal:
    """Independent N(0, 1)."""

    kinds: Sequence[Kind] = NUMBERS

    def draw(self, random: Generator, hour: int, n: int) -> Floats:
        return random.standard_normal((COLUMNS, n))


@dataclass(frozen=True, slots=True)
class Correlated:
    """N(0, 1), every pair of columns correlated."""

    correlation: float = 0.6
    kinds: Sequence[Kind] = NUMBERS

    def draw(self, random: Generator, hour: int, n: int) -> Floats:
        own, common = random.standard_normal((COLUMNS, n)), random.standard_normal(n)
        return sqrt(1 - self.correlation) * own + sqrt(self.correlation) * common


@dataclass(frozen=True, slots=True)
class HeavyTails:
    """Lognormal (σ = 1), Student's t with three degrees of freedom, Pareto (tail index 2.5), in turn."""

    kinds: Sequence[Kind] = NUMBERS

    def draw(self, random: Generator, hour: int, n: int) -> Floats:
        out = np.empty((COLUMNS, n))
        out[0::3] = np.exp(random.standard_normal(out[0::3].shape))
        out[1::3] = random.standard_t(3, out[1::3].shape)
        out[2::3] = 1 + random.pareto(2.5, out[2::3].shape)
        return out


@dataclass(frozen=True, slots=True)
class Discrete:
    """A boolean that is true in 0.1 % of the rows, counts that are zero in nine rows of ten, grades 1–5, in turn."""

    kinds: Sequence[Kind] = (*(Kind.FLAG, Kind.NUMBER, Kind.NUMBER) * 6, Kind.FLAG, Kind.NUMBER)

    def draw(self, random: Generator, hour: int, n: int) -> Floats:
        u, out = random.random((COLUMNS, n)), np.empty((COLUMNS, n))
        out[0::3] = u[0::3] < 0.001
        out[1::3] = np.where(u[1::3] < 0.9, 0, 1 + random.poisson(3.0, out[1::3].shape))
        out[2::3] = 1 + np.searchsorted(np.array([0.1, 0.3, 0.7, 0.9]), u[2::3], side="right")
        return out


@dataclass(frozen=True, slots=True)
class Categories:
    """Twelve values, the k-th 1/k as frequent as the first."""

    kinds: Sequence[Kind] = (Kind.CATEGORY,) * COLUMNS

    def draw(self, random: Generator, hour: int, n: int) -> Floats:
        edges = np.cumsum(KEY_SHARES)[:-1]
        return np.searchsorted(edges, random.random((COLUMNS, n)), side="right").astype(np.float64)


@dataclass(frozen=True, slots=True)
class Wandering:
    """N(m, 1), m of every column an AR(1) process of its own: hour after hour ρ·m + √(1−ρ²)·deviation·N(0, 1)."""

    seed: int
    hours: int
    """As long as the paths are."""
    rho: float = 0.7
    deviation: float = 0.1
    kinds: Sequence[Kind] = NUMBERS
    path: Floats = field(init=False, repr=False)
    """(columns, hours)."""

    def __post_init__(self) -> None:
        steps = np.random.default_rng([self.seed, 0, PATHS]).standard_normal((COLUMNS, self.hours)) * self.deviation
        steps[:, 1:] *= np.sqrt(1 - self.rho**2)
        for hour in range(1, self.hours):
            steps[:, hour] += self.rho * steps[:, hour - 1]
        object.__setattr__(self, "path", steps)

    def draw(self, random: Generator, hour: int, n: int) -> Floats:
        return random.standard_normal((COLUMNS, n)) + self.path[:, hour, None]


@dataclass(frozen=True, slots=True)
class Daily:
    """N(a·sin(hour of day), 1), each column with a phase of its own."""

    amplitude: float = 0.5
    kinds: Sequence[Kind] = NUMBERS

    def mean(self, hour: int) -> Floats:
        return self.amplitude * np.sin(2 * np.pi * (hour % 24 + np.arange(COLUMNS)) / 24)

    def draw(self, random: Generator, hour: int, n: int) -> Floats:
        return random.standard_normal((COLUMNS, n)) + self.mean(hour)[:, None]


@dataclass(frozen=True, slots=True)
class Weekend:
    """N(0, 1); on Saturdays and Sundays N(a, 1)."""

    effect: float = 0.3
    kinds: Sequence[Kind] = NUMBERS

    def draw(self, random: Generator, hour: int, n: int) -> Floats:
        return random.standard_normal((COLUMNS, n)) + (self.effect if hour // 24 % 7 >= 5 else 0.0)


@dataclass(frozen=True, slots=True)
class Clustered:
    """Every user comes with about ten rows in an hour, and all of them hold the user's one value of N(0, 1)."""

    rows_per_user: int = 10
    kinds: Sequence[Kind] = NUMBERS

    def draw(self, random: Generator, hour: int, n: int) -> Floats:
        users = max(1, round(n / self.rows_per_user))
        return random.standard_normal((COLUMNS, users))[:, random.integers(users, size=n)]
