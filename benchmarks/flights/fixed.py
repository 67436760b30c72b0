"""What fixed thresholds on the same windows and columns would have done."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from benchmarks.flights.runs import Found
from benchmarks.flights.times import month

RULES: Final = (("psi > 0.2", "psi", 0.2), ("psi > 0.1", "psi", 0.1), ("χ² p < 0.05", "chi2_p", 0.05))
CALENDAR: Final = ("hour", "weekday")
"""Left out: one hour or day can never look like a quarter's in these, and no user would watch them like this."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """One rule over all windows of a backtest."""

    rule: str
    windows: int
    hit: int
    """Windows in which at least one column breaks it."""
    values: int
    """Columns × windows that break it."""
    starts: Counter[str]
    """Month → how often a column began to break it: what is told if each column is told once until it is back."""

    @property
    def share(self) -> float:
        """Of the windows, 0–1."""
        return self.hit / self.windows if self.windows else 0.0


def fixed(found: Found) -> list[Fixed]:
    """Every rule, in the order of `RULES`. The first window that breaks a rule counts as a start."""
    return [_rule(found, *rule) for rule in RULES]


def _rule(found: Found, name: str, statistic: str, bound: float) -> Fixed:
    before: set[str] = set()
    hit = values = 0
    starts: Counter[str] = Counter()
    for window in found["windows"]:
        broken = {
            column
            for column, told in window["columns"].items()
            if column not in CALENDAR and _broken(told.get(statistic), bound, below=statistic == "chi2_p")
        }
        hit, values = hit + bool(broken), values + len(broken)
        starts[month(window["start"])] += len(broken - before)
        before = broken
    return Fixed(name, len(found["windows"]), hit, values, starts)


def _broken(value: float | None, bound: float, *, below: bool) -> bool:
    return value is not None and (value < bound if below else value > bound)
