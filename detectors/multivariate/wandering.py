"""How numbers of several columns wander in the baseline by themselves, and how far a window is from that.

A number's variance in a window of n rows is taken as max(A/n, B), A the mean of n_c·(x_c−x̄)² over the baseline's C
stretches and B that of (x_c−x̄)²: all of it is sampling noise, or all of it is wandering; whichever is more, so that it
is never too small, whatever mixture it is. A window is one more draw: t = (x−x̄)/√(max(A/n, B)·(1+IF/C)) is held
against Student's t with C/IF − 1 degrees of freedom, IF = (1+ρ)/(1−ρ), ρ the lag-1 autocorrelation where positive.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from detectors.contract import Bools, Floats
from drift.core.grid import Grid
from drift.core.profile import Profile, Sums

LEAST_ROWS: Final = 30
"""Stretches of fewer rows say nothing about a correlation."""
LEAST_STRETCHES: Final = 8
ENOUGH: Final = 30
"""Independent stretches (C/IF) from which a rate of false alarms can be relied upon."""
_STEEPEST: Final = 0.95

Numbers = Callable[[Profile], Floats]
"""A profile → (k,) numbers, about normal; NaN where one cannot be had."""


@dataclass(frozen=True)
class Wandering:
    """What C stretches say of k numbers; (k,) each."""

    centre: Floats
    noise: Floats
    """A: variance times rows."""
    wander: Floats
    """B: variance."""
    stretches: Floats
    """C."""
    inflation: Floats
    """IF: so many stretches are worth one independent one."""

    @staticmethod
    def of(grid: Grid, stretches: Iterable[Sums], numbers: Numbers, k: int) -> "Wandering":
        """Read each stretch once; memory of a few vectors."""
        found = _Moments.empty(k)
        for sums in stretches:
            profile = Profile(grid, sums)
            if profile.rows() >= LEAST_ROWS:
                found.see(numbers(profile), profile.rows())
        return found.close()

    @property
    def known(self) -> Bools:
        """(k,) whether there are stretches enough to say anything."""
        return self.stretches >= LEAST_STRETCHES

    @property
    def reliable(self) -> Bools:
        """(k,) whether they are worth 30 independent ones."""
        return self.stretches >= ENOUGH * self.inflation

    def sd(self, rows: int) -> Floats:
        """(k,) standard deviation of a window's number about `centre`; NaN where nothing is known."""
        count = np.maximum(self.stretches, 1.0)
        variance = np.maximum(self.noise / max(rows, 1), self.wander) * (1 + self.inflation / count)
        return np.where(self.known & (variance > 0), np.sqrt(variance), np.nan)

    def p_value(self, numbers: Floats, rows: int) -> Floats:
        """(k,) two-sided; NaN where nothing is known."""
        t = np.abs(numbers - self.centre) / self.sd(rows)
        freedom = np.maximum(self.stretches / self.inflation - 1, 1.0)
        tail: Floats = 2 * special.stdtr(freedom, -t)
        return np.where(np.isfinite(t), tail, np.nan)


@dataclass(slots=True)
class _Moments:
    """Sums over stretches; about the first one's numbers, so that nothing cancels."""

    origin: Floats
    last: Floats
    sums: Floats
    """(6, k): 1, n, x, n·x, x², n·x²"""
    lagged: Floats
    """(4, k): 1, x, x', x·x' of neighbours"""

    @staticmethod
    def empty(k: int) -> "_Moments":
        return _Moments(np.full(k, np.nan), np.full(k, np.nan), np.zeros((6, k)), np.zeros((4, k)))

    def see(self, numbers: Floats, rows: int) -> None:
        self.origin = np.where(np.isnan(self.origin), numbers, self.origin)
        x = numbers - self.origin
        there, n = np.isfinite(x), float(rows)
        y = np.where(there, x, 0.0)
        self.sums += there * np.stack([np.ones_like(y), np.full_like(y, n), y, n * y, y * y, n * y * y])
        both = there & np.isfinite(self.last)
        before = np.where(both, self.last, 0.0)
        self.lagged += both * np.stack([np.ones_like(y), before, y, before * y])
        self.last = x

    def close(self) -> Wandering:
        count, rows, first, weighted, square, heavy = self.sums
        safe = np.maximum(count, 1.0)
        mean, free = first / safe, np.maximum(count - 1, 1.0)
        wander = np.maximum(square - safe * mean**2, 0.0) / free
        noise = np.maximum(heavy - 2 * mean * weighted + mean**2 * rows, 0.0) / free
        pairs, before, after, product = self.lagged
        shared = product - mean * (before + after) + pairs * mean**2
        rho = np.divide(shared / np.maximum(pairs, 1.0), wander, out=np.zeros_like(wander), where=wander > 0)
        rho = np.clip(rho, 0.0, _STEEPEST)
        return Wandering(self.origin + mean, noise, wander, count, (1 + rho) / (1 - rho))
