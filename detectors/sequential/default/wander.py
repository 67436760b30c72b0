"""How far a stream's mean wanders by itself: Var(mean of n rows) = φ/n + ω².

φ ≥ 1 is the variance of a row, above 1 where rows come in clusters (one user, one value, many rows); ω² is what the
process does from window to window whatever the number of rows; IF = (1+ρ)/(1−ρ) is how much longer an excursion lasts
than one window, ρ being the lag-1 autocorrelation of the wandering part. The variance that evidence summed over windows
sees is φ/n + IF·ω². Each part is kept only if significant. What a wander could be
and yet go unnoticed, its standard error, is part of the variance all the same: windows far larger than the baseline's
would see it. All streams at once.

Source: weighted least squares on squared residuals (Searle, Casella and McCulloch 1992, ch. 3); ρ is de-attenuated,
that is divided by the share of the variance that is not sampling noise (Spearman 1904).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.contract import Bools, Floats

SIGNIFICANT: Final = 2.0
"""Standard errors that a part must exceed 0 by."""
MOST_RHO: Final = 0.95
_ROUNDS: Final = 4
_FAR: Final = 1e6
_TINY: Final = 1e-12
VARIED: Final = 0.5
"""Coefficient of variation of 1/n from which the two parts can be told apart without panes."""


@dataclass(frozen=True, slots=True)
class Wander:
    """The variance of window means. All (C, S), in squared standard deviations of a row."""

    phi: Floats
    omega2: Floats
    rho: Floats
    unnoticed: Floats
    """Standard error of ω² where none was noticed, else 0."""

    @property
    def inflation(self) -> Floats:
        """IF, 1 … 39; 1 where nothing wanders."""
        return np.where(self.omega2 > 0, (1 + self.rho) / (1 - self.rho), 1.0)

    def variance(self, n: Floats) -> Floats:
        """(C, S) long-run variance of the mean of n rows."""
        return self.phi / np.maximum(n, 1.0) + self.inflation * self.omega2 + self.unnoticed


def estimate(residuals: Floats, sizes: Floats, neighbours: Bools, within: Floats, freedom: int) -> Wander:
    """From K windows' residuals.

    Args:
        residuals: (K, C, S) means less what was expected, in standard deviations of a row.
        sizes: (K, C, S) rows that each mean is over; 0: none.
        neighbours: (K,) whether the window follows directly on the one before.
        within: (C, S) n × variance of panes' means inside windows, NaN where unknown.
        freedom: degrees of freedom behind it.
    """
    there = sizes > 0
    inverse = np.where(there, 1.0 / np.maximum(sizes, 1.0), 0.0)
    residuals = np.clip(residuals, -_FAR, _FAR)
    square = np.where(there, residuals, 0.0) ** 2
    count = np.maximum(there.sum(axis=0), 1)
    base = inverse.sum(axis=0) / count
    cv = np.sqrt(np.maximum((inverse**2).sum(axis=0) / count - base**2, 0.0)) / np.maximum(base, _TINY)
    known = ~np.isnan(within)
    phi_within = _kept(within, 1.0, np.sqrt(2.0 / max(freedom, 1)) * np.nan_to_num(within, nan=1.0))
    fixed = np.where(known, phi_within, 1.0)
    phi, omega2 = _two_parts(square, inverse, there)
    apart = (cv >= VARIED) & (count >= 10)
    phi = np.where(apart, phi, fixed)
    rest, error = _rest(square, inverse, there, phi)
    omega2 = np.where(apart, omega2, rest)
    return _lagged(residuals, there, inverse, neighbours, phi, omega2, error)


def _kept(value: Floats, floor: float, error: Floats) -> Floats:
    """The value where it exceeds the floor by two standard errors, else the floor."""
    return np.where(value - floor > SIGNIFICANT * error, value, floor)


def _two_parts(square: Floats, inverse: Floats, there: Bools) -> tuple[Floats, Floats]:
    """φ and ω² by iterated weighted least squares of squares on (1/n, 1)."""
    phi, omega2 = np.ones(square.shape[1:]), np.zeros(square.shape[1:])
    phi_error = np.full(square.shape[1:], np.inf)
    for _ in range(_ROUNDS):
        weight = np.where(there, 1.0 / np.maximum(phi * inverse + omega2, _TINY) ** 2, 0.0)
        a, b, c = (weight * inverse**2).sum(0), (weight * inverse).sum(0), weight.sum(0)
        d, e = (weight * inverse * square).sum(0), (weight * square).sum(0)
        determinant = np.maximum(a * c - b * b, _TINY)
        phi, omega2 = np.maximum((c * d - b * e) / determinant, 1.0), np.maximum((a * e - b * d) / determinant, 0.0)
        phi_error = np.sqrt(2 * c / determinant)
    phi = _kept(phi, 1.0, phi_error)
    return phi, _rest(square, inverse, there, phi)[0]


def _rest(square: Floats, inverse: Floats, there: Bools, phi: Floats) -> tuple[Floats, Floats]:
    """ω² ≥ 0 given φ, 0 where it is not significant; and its standard error, were it 0."""
    omega2, error = np.zeros(phi.shape), np.full(phi.shape, np.inf)
    for _ in range(_ROUNDS):
        expected = phi * inverse + omega2
        weight = np.where(there, 1.0 / np.maximum(expected, _TINY) ** 2, 0.0)
        total = np.maximum(weight.sum(0), _TINY)
        omega2 = np.maximum((weight * (square - phi * inverse)).sum(0) / total, 0.0)
        # the error under ω² = 0 decides whether there is any
        null = np.where(there, 1.0 / np.maximum(phi * inverse, _TINY) ** 2, 0.0).sum(0)
        error = np.sqrt(2.0 / np.maximum(null, _TINY))
    return _kept(omega2, 0.0, error), error


def _lagged(
    residuals: Floats, there: Bools, inverse: Floats, neighbours: Bools, phi: Floats, omega2: Floats, error: Floats
) -> Wander:
    """ρ of the wandering part; a significant autocorrelation is evidence of wander by itself."""
    noise = phi * inverse
    pairs = there[1:] & there[:-1] & neighbours[1:, None, None]
    count = np.maximum(pairs.sum(axis=0), 1)
    product = np.where(pairs, residuals[1:] * residuals[:-1], 0.0)
    covariance = product.sum(axis=0) / count
    level = np.where(there, noise, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1) + omega2
    seen = covariance / np.maximum(level, _TINY) * np.sqrt(count) > SIGNIFICANT
    # an autocovariance cannot exceed the variance of what wanders
    omega2 = np.where(seen, np.maximum(omega2, covariance), omega2)
    rho = np.where(omega2 > 0, np.clip(covariance / np.maximum(omega2, _TINY), 0.0, MOST_RHO), 0.0)
    return Wander(phi, omega2, rho, np.where(omega2 > 0, 0.0, error))
