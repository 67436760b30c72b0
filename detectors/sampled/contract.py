"""What a test over row samples says."""

from dataclasses import dataclass
from typing import Final

LEVEL: Final = 0.001
"""False alarms per test, unless another rate is asked for."""
LEAST_ROWS: Final = 100
"""Rows that both samples must hold; values of the column, where a test is on one column."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One test's answer."""

    test: str
    """As it was asked for: `classifier`, `evidently:ks`, …"""
    column: str
    """Empty: all columns together."""
    value: float
    """Of the statistic; NaN: too few rows."""
    threshold: float
    """What it was compared with."""
    drifted: bool
    rows: tuple[int, int]
    """Rows (values, for one column) of the window's and the reference's sample."""
    p_value: float = float("nan")
    """0 … 1; NaN where the test has none of its own."""
    columns: tuple[str, ...] = ()
    """Columns that tell the two samples apart best, the best first."""
    why: str = ""
    """Why there is no value, in the test's own words."""
