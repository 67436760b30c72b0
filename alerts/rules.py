"""What a model's `alerts:` ask for, as values: when a result breaks a rule, and for how long it has to."""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal

from drift.core.alert import Urgency

Kind = Literal["drift", "statistic", "performance", "no_data", "incomplete", "lag", "delivery"]
FAMILIES: Final[Mapping[str, str]] = {
    "drift": "drift", "statistic": "drift", "performance": "drift",
    "no_data": "data", "incomplete": "data", "lag": "data", "delivery": "service",
}  # fmt: skip
"""Kind of a rule → family of the incidents it opens."""
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """`psi > 0.2`, `realized.accuracy < 0.8`: a measure of a column, or of performance, against a bound."""

    name: str
    operator: str
    bound: float
    absolute: bool = False

    def met(self, value: float, bound: float | None = None) -> bool:
        """Whether a value, which is a number, meets it; with another bound in place of its own."""
        return _COMPARE[self.operator](abs(value) if self.absolute else value, self.bound if bound is None else bound)


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When an alert fires, and when it is over."""

    name: str
    """Part of the alert's identity: the words of the rule, unless it was given a name."""
    kind: Kind
    conditions: tuple[Comparison, ...] = ()
    """Of a `statistic` or `performance` rule: all of them have to hold; the first is what is reported."""
    clear: float | None = None
    """Bound of the first condition below which (above, for `<`) a firing alert is over; None: the condition's own."""
    holds_for: int = 0
    """Event time, microseconds, that it has to be broken for without a break before it fires."""
    clear_for: int = 0
    """Event time that it has to be kept for before a firing alert is over."""
    urgency: Urgency | None = None
    """None: the breach's own."""
    direction: str = ""
    """Only an `increase`, or a `decrease`; empty: either."""
    columns: tuple[str, ...] = ("*",)
    """Names, or patterns with `*` and `?`."""
    segments: bool = True
    """Whether segments are looked at beside the whole traffic."""
    spec: str = ""
    """Only windows cut this way; empty: all."""
    after: int = 0
    """Of `no_data` and `lag`: how long, microseconds; 0: twice the model's shortest window, 30 minutes at least."""
    harm: bool = False
    """It fires only while the model's performance is affected."""

    @property
    def family(self) -> str:
        """Of the incidents that it opens."""
        return FAMILIES[self.kind]

    def covers(self, column: str, segment: int, spec: str) -> bool:
        """Whether it looks there."""
        named = "*" in self.columns or any(column == p or fnmatchcase(column, p) for p in self.columns)
        return named and (self.segments or segment == 0) and self.spec in ("", spec)

    def broken(self, values: Mapping[str, float]) -> bool | None:
        """Whether all conditions hold; None: one of them cannot be told."""
        found = [values.get(one.name, math.nan) for one in self.conditions]
        if any(math.isnan(value) for value in found):
            return None
        return all(one.met(value) for one, value in zip(self.conditions, found, strict=True))

    def over(self, values: Mapping[str, float]) -> bool:
        """Whether an alert that fires is over: the rule is kept, by the margin of `clear`."""
        if self.broken(values) is not False:
            return False
        first = self.conditions[0]
        return self.clear is None or not first.met(values[first.name], self.clear)
