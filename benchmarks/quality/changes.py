"""What may happen to a stream: a shape (what rows become) and a course (how much of it, when)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.quality.streams import Floats, Generator

Course = Callable[[int], float]
"""Hours since the onset → how much of the change there is, 0–1."""
Shape = Callable[[Floats, Generator, float], Floats]
"""Rows and how much → rows."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A shape that follows a course."""

    shape: Shape
    course: Course

    def __call__(self, values: Floats, random: Generator, after: int) -> Floats:
        much = self.course(after)
        return self.shape(values, random, much) if much else values


def step(after: int) -> float:
    """Nothing, and from the onset on everything."""
    return float(after >= 0)


def once(after: int) -> float:
    """In one window only."""
    return float(after == 0)


def ramp(windows: int) -> Course:
    """Evenly growing; everything after so many windows."""
    return lambda after: min(max((after + 1) / windows, 0.0), 1.0)


def mean(by: float) -> Shape:
    """So many standard deviations (of one) up."""
    return lambda values, _random, much: values + by * much


def spread(factor: float) -> Shape:
    """So many times as wide."""
    return lambda values, _random, much: values * (1 + (factor - 1) * much)


def tail(share: float, factor: float) -> Shape:
    """So large a share of the rows is so many times as large."""
    return lambda values, random, much: np.where(random.random(values.shape) < share * much, factor * values, values)


def missing(share: float) -> Shape:
    """So large a share of the rows is missing."""
    return lambda values, random, much: np.where(random.random(values.shape) < share * much, np.nan, values)


def moved(share: float, of: float, source: int = 0, target: int = 3) -> Shape:
    """So large a share of all rows goes from one key, which holds a share `of`, to another."""

    def shape(values: Floats, random: Generator, much: float) -> Floats:
        goes = (values == source) & (random.random(values.shape) < share * much / of)
        return np.where(goes, target, values)

    return shape


def correlated(correlation: float) -> Shape:
    """Columns 1, 3, 5, … follow columns 0, 2, 4, … ; no column by itself looks any different."""

    def shape(values: Floats, _random: Generator, much: float) -> Floats:
        out, r = values.copy(), correlation * much
        out[1::2] = r * values[0::2] + np.sqrt(1 - r * r) * values[1::2]
        return out

    return shape


def only(column: int, shape: Shape) -> Shape:
    """The shape on one column; the others stay."""

    def one(values: Floats, random: Generator, much: float) -> Floats:
        out = values.copy()
        out[column] = shape(values, random, much)[column]
        return out

    return one
