"""The grammar of rules.

    rule       = condition { "and" condition }
    condition  = name | "|" name "|"   then   > >= < <=   then   a number

A name is a statistic (`psi`), its p-value (`chi2_p`), or that p-value corrected over the columns (`chi2_q`). Bars
take the absolute value: `|mean_shift| > 0.5`. A rule that asks for more than its condition is a mapping:

    when: psi > 0.2
    columns: [income, age_*]
    min_rows: 200
    severity: critical
    direction: increase
    segments: false
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

import numpy as np

from detectors.contract import Bools, Floats
from detectors.names import Measure, measures
from drift.core.errors import ConfigError

_CONDITION: Final = re.compile(r"(\|?)\s*([A-Za-z]\w*)\s*(\|?)\s*(>=|<=|>|<)\s*([-+]?[\w.+-]+)")
_COMPARE: Final[Mapping[str, Callable[[Floats, float], Bools]]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
SEVERITIES: Final = ("critical", "warning", "info")
DIRECTIONS: Final = ("", "increase", "decrease")
_KEYS: Final = ("when", "columns", "min_rows", "severity", "direction", "segments")


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison."""

    name: str
    """Of a measure."""
    operator: str
    bound: float
    absolute: bool = False

    @property
    def measure(self) -> Measure:
        """What is compared."""
        return measures()[self.name]

    def met(self, values: Floats) -> Bools:
        """Whether each value meets it; NaN does not."""
        return _COMPARE[self.operator](abs(values) if self.absolute else values, self.bound)

    def tighter(self, bounds: Floats) -> Bools:
        """Whether it is met sooner than the same comparison with each of `bounds`; NaN is no bound at all."""
        sooner = bounds > self.bound if self.operator in (">", ">=") else bounds < self.bound
        return sooner | np.isnan(bounds)

    @staticmethod
    def parse(text: str, rule: str) -> "Condition":
        """A condition from the user's words.

        Raises:
            ConfigError: it is not of the form above, or names no measure.
        """
        match = _CONDITION.fullmatch(text.strip())
        if match is None or match[1] != match[3]:
            raise ConfigError(f"rule {rule!r}: {text.strip()!r} is no condition; write one like psi > 0.2")
        try:
            bound = float(match[5])
        except ValueError:
            bound = math.nan
        if not math.isfinite(bound):
            raise ConfigError(f"rule {rule!r}: {match[5]!r} is no number; write one like 0.2")
        return Condition(known(match[2], f"rule {rule!r}"), match[4], bound, bool(match[1]))


def known(name: str, where: str) -> str:
    """The name, if there is such a measure.

    Raises:
        ConfigError: there is none; lists those that there are.
    """
    if name in measures():
        return name
    near = get_close_matches(name, measures(), 1)
    hint = f"did you mean {near[0]}? " if near else ""
    stem, _, suffix = name.rpartition("_")
    if suffix in ("p", "q") and stem in measures():
        hint = f"{stem} has no p-value. "
    plain = ", ".join(name for name, measure in measures().items() if not measure.suffix)
    raise ConfigError(f"{where}: {name!r} is no statistic; {hint}there are {plain}, and name_p or name_q for p-values")


@dataclass(frozen=True, slots=True)
class Rule:
    """When a column counts as drifted. All conditions have to hold; the first one is what a breach reports."""

    text: str
    """As the user wrote it."""
    conditions: tuple[Condition, ...]
    columns: tuple[str, ...] = ("*",)
    """Names, or patterns with `*` and `?`."""
    min_rows: int | None = None
    """Rows below which it says nothing; None: the plan's."""
    severity: str = "warning"
    direction: str = ""
    """Breached only by an `increase` or a `decrease`; empty: by either."""
    segments: bool = True
    """Whether it looks at each segment, or at the whole traffic only."""

    @staticmethod
    def parse(rule: object) -> "Rule":
        """A rule from a sentence or a mapping.

        Raises:
            ConfigError: it cannot be read; the sentence names what there is.
        """
        if isinstance(rule, str):
            return Rule(rule.strip(), _conditions(rule))
        if not isinstance(rule, Mapping) or not isinstance(rule.get("when"), str):
            raise ConfigError(f'rule {rule!r} has no condition; write "psi > 0.2" or {{when: "psi > 0.2", …}}')
        text = rule["when"].strip()
        for key in rule:
            if key not in _KEYS:
                raise ConfigError(f"rule {text!r} has no option {key!r}; there are {', '.join(_KEYS)}")
        return Rule(
            text,
            _conditions(text),
            _patterns(rule.get("columns", "*"), text),
            _rows(rule.get("min_rows"), text),
            _one_of(rule.get("severity", "warning"), SEVERITIES, "severity", text),
            _one_of(rule.get("direction", ""), DIRECTIONS, "direction", text),
            _flag(rule.get("segments", True), text),
        )

    def covers(self, column: str) -> bool:
        """Whether it looks at this column."""
        return "*" in self.columns or any(column == p or fnmatchcase(column, p) for p in self.columns)

    @property
    def per_model(self) -> bool:
        """Whether every condition is on a number of the whole model."""
        return all(condition.measure.statistic.per_model for condition in self.conditions)


def _conditions(text: str) -> tuple[Condition, ...]:
    return tuple(Condition.parse(part, text.strip()) for part in re.split(r"\s+and\s+", text.strip()))


def _patterns(value: object, rule: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not listed or not all(isinstance(item, str) for item in listed):
        raise ConfigError(f"rule {rule!r}: columns {value!r} are no names; write [income, age_*]")
    return tuple(listed)


def _rows(value: object, rule: str) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ConfigError(f"rule {rule!r}: min_rows {value!r} is no number of rows; write 1 or more")


def _one_of(value: object, allowed: tuple[str, ...], what: str, rule: str) -> str:
    if isinstance(value, str) and value in allowed:
        return value
    raise ConfigError(f"rule {rule!r}: {what} {value!r} is none of {', '.join(filter(None, allowed))}")


def _flag(value: object, rule: str) -> bool:
    if isinstance(value, bool):
        return value
    raise ConfigError(f"rule {rule!r}: segments {value!r} is neither true nor false")
