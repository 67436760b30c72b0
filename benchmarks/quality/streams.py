"""Seeded streams of hourly windows, made as they are asked for: the same seed and hour give the same rows, always.

A stream is a *base* (how columns behave when nothing is wrong), a number of rows for each hour, and a *change* from a
known hour on. The base draws the same numbers whatever the change does to them, so that what one column does depends
on no other column's change.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import cos, exp, log, pi
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from drift.core.clock import HOUR
from drift.core.window import Window

Floats = npt.NDArray[np.float64]
Generator = np.random.Generator

COLUMNS: Final = 20
MONDAY: Final = 1_767_571_200 * 1_000_000
"""2026-01-05, a Monday: hour 0 of every stream, microseconds since the epoch."""
BASE_DRAWS, CHANGE_DRAWS, PATHS = range(3)


class Kind(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    CATEGORY = "category"
    """Codes 0, 1, 2, … of names, by falling frequency."""
    FLAG = "flag"
    """0 or 1."""


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one window."""

    hour: int
    """Hours since the stream began."""
    values: Floats
    """(columns, n); NaN is missing."""

    @property
    def window(self) -> Window:
        return Window(MONDAY + self.hour * HOUR, MONDAY + (self.hour + 1) * HOUR)

    @property
    def rows(self) -> int:
        return int(self.values.shape[1])


class Base(Protocol):
    """How a stream's columns behave while nothing is wrong."""

    @property
    def kinds(self) -> Sequence[Kind]:
        """Of each column."""

    def draw(self, random: Generator, hour: int, n: int) -> Floats:
        """(columns, n) rows of one hour."""


Change = Callable[[Floats, Generator, int], Floats]
"""Rows, randomness, and hours after the onset (negative: before it) → rows."""


def unchanged(values: Floats, _random: Generator, _after: int) -> Floats:
    return values


@dataclass(frozen=True, slots=True)
class Stream:
    """Hourly windows without end."""

    base: Base
    rows: Callable[[int], int]
    """Rows of an hour."""
    seed: int
    change: Change = unchanged
    onset: int = 0
    """The hour that the change begins with."""

    def block(self, hour: int) -> Block:
        values = self.base.draw(np.random.default_rng([self.seed, hour, BASE_DRAWS]), hour, self.rows(hour))
        if self.change is not unchanged:
            values = self.change(values, np.random.default_rng([self.seed, hour, CHANGE_DRAWS]), hour - self.onset)
        return Block(hour, values)

    def blocks(self, hours: range) -> Iterator[Block]:
        return map(self.block, hours)


def steady(n: int) -> Callable[[int], int]:
    """As many rows every hour."""
    return lambda _hour: n


def by_the_hour(least: int = 50, most: int = 5_000) -> Callable[[int], int]:
    """Least at four in the morning, most at four in the afternoon, geometrically between."""

    def rows(hour: int) -> int:
        way = (1 - cos(2 * pi * (hour % 24 - 4) / 24)) / 2
        return round(least * exp(way * log(most / least)))

    return rows
