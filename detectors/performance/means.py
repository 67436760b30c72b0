"""A mean with its standard error, and intervals made of it."""

from dataclasses import dataclass
from math import isfinite, nan, sqrt

from drift.core.performance import CONFIDENCE, Measure


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of some rows' x."""

    value: float
    error: float
    """Its standard error; NaN where less than two rows are there."""
    rows: float
    """How many rows it is worth: n, or (Σw)²/Σw² where they are weighted."""
    square: float
    """The mean of x²; weighted with w²."""

    @staticmethod
    def plain(n: int, one: float, two: float) -> "Mean":
        """From n rows, Σx and Σx². NaN of no row."""
        if n <= 0:
            return Mean(nan, nan, 0, nan)
        mean, square = one / n, two / n
        variance = max(square - mean**2, 0.0)
        return Mean(mean, sqrt(variance / (n - 1)) if n > 1 else nan, n, square)

    @staticmethod
    def weighted(w: float, ww: float, wx: float, wwx: float, wwxx: float) -> "Mean":
        """From Σw, Σw², Σwx, Σw²x and Σw²x². NaN of no weight."""
        if w <= 0 or ww <= 0:
            return Mean(nan, nan, 0, nan)
        mean, rows = wx / w, w * w / ww
        variance = max(wwxx - 2 * mean * wwx + mean**2 * ww, 0.0) / w**2
        error = sqrt(variance * rows / (rows - 1)) if rows > 1 + 1e-9 else nan
        return Mean(mean, error, rows, wwxx / ww)

    def measure(self, unit: float = 1.0) -> Measure:
        """The mean with its interval by Student's t, times `unit`."""
        half = half_width(self.error, self.rows)
        return Measure(self.value * unit, (self.value - half) * unit, (self.value + half) * unit)


def half_width(error: float, rows: float) -> float:
    """Half of the interval: Student's t with rows − 1 degrees of freedom, times the standard error; NaN if unknown."""
    if not isfinite(error) or rows <= 1:
        return nan
    from scipy import special

    return float(special.stdtrit(rows - 1, (1 + CONFIDENCE) / 2)) * error
