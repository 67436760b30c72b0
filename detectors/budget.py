"""The false-alarm budget: the one number that a user states."""

import re
from dataclasses import dataclass
from typing import Final

from drift.core.clock import DAY
from drift.core.errors import ConfigError
from drift.core.window import WindowSpec, format_duration, parse_duration

_FORM: Final = re.compile(r"\s*(?:(\d+(?:\.\d+)?)\s+per\s+)?(\d+(?:\.\d+)?\s*(?:s|m|min|h|d|w))\s*")


@dataclass(frozen=True, slots=True)
class AlarmBudget:
    """At most so many false alarms of a model in so long."""

    alarms: float = 1.0
    per: int = 30 * DAY
    """Microseconds of event time."""

    def __str__(self) -> str:
        return f"{self.alarms:g} per {format_duration(self.per)}"

    @staticmethod
    def parse(text: str) -> "AlarmBudget":
        """`1 per 30d`, or `30d` for one alarm in it.

        Raises:
            ConfigError: it is neither.
        """
        match = _FORM.fullmatch(str(text))
        if match is None or float(match[1] or 1) <= 0:
            raise ConfigError(f"alarm_budget {text!r} is no budget; write one as in 1 per 30d")
        return AlarmBudget(float(match[1] or 1), parse_duration(match[2].replace(" ", "")))

    def windows(self, spec: WindowSpec, resolutions: int = 1) -> float:
        """Windows in which one alarm is allowed, where so many window lengths share the budget; at least 1."""
        return max(resolutions * self.per / spec.length / self.alarms, 1.0)
