"""What to compute and when to call it drift: a model's part of the configuration, as a value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from detectors.names import statistics
from detectors.rules import Rule, known
from drift.core.errors import ConfigError

MIN_ROWS: Final = 100

QUALITY: Final = tuple(
    map(
        Rule.parse,
        (
            "missing_change > 0.05 and missing_change_q < 0.001",
            "invalid_change > 0.01 and invalid_change_q < 0.001",
            "out_of_range_ratio > 0.01 and out_of_range_ratio_q < 0.001",
            "unseen_ratio > 0.01 and unseen_ratio_q < 0.001",
            "constant > 0 and constant_q < 0.001",
        ),
    )
)
"""Quality rules: an effect that matters, and one that chance does not make."""

BESIDE: Final = QUALITY[:-1]
"""Those beside sequential detectors, which know what is usual: a column `weekday` is constant each day."""

ONCE: Final = (Rule.parse("psi > 0.1 and chi2_q < 0.001"), *QUALITY)
"""What judges two data sets compared once, where no windows before this one can tell what is usual: an effect that is
seen with the eye, and corrected significance."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Rules, and the statistics computed beside those that rules need."""

    rules: tuple[Rule, ...] = ONCE
    min_rows: int = MIN_ROWS
    """Rows (values, for statistics of ordered columns) of window and reference each, below which nothing is judged."""
    statistics: tuple[str, ...] = ()
    """Measures to compute; empty: every statistic's value."""
    expected_rows: float | None = None
    """Rows that a window like this one usually has, for `row_volume`; None: unknown."""
    looked_at: tuple[str, ...] = ()
    """Measures that others than rules look at: what alerts have conditions on."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every measure computed: those asked for, then those that only rules need."""
        asked = self.statistics or tuple(statistics())
        needed = [condition.name for rule in self.rules for condition in rule.conditions]
        return tuple(dict.fromkeys((*asked, *needed, *self.looked_at)))

    def idle(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Column patterns of rules that fit none of these columns: a spelling mistake, as a rule."""
        names = list(columns)
        patterns = dict.fromkeys(pattern for rule in self.rules for pattern in rule.columns)
        return tuple(p for p in patterns if not any(n == p or fnmatchcase(n, p) for n in names))

    @staticmethod
    def from_settings(settings: Mapping[str, Any]) -> "Plan":
        """A plan from plain settings: its own fields and `detectors`, all optional.

        Among the rules the word `quality` stands for the quality rules, and `default` for those too (but `constant`)
        where sequential detectors watch as well; for those of one comparison where none does. A list of rules without
        them replaces both. Settings of other parts are passed over.

        Raises:
            ConfigError: a setting cannot be read; the sentence names what there is.
        """
        default = BESIDE if settings.get("detectors") else ONCE
        return Plan(
            _rules(settings.get("rules"), default),
            _rows(settings.get("min_rows", MIN_ROWS)),
            tuple(known(name, "statistics") for name in _list(settings.get("statistics"), "statistics")),
            _expected(settings.get("expected_rows")),
            tuple(known(name, "alerts") for name in settings.get("looked_at", ())),
        )


def _rules(listed: object, default: tuple[Rule, ...]) -> tuple[Rule, ...]:
    words = {"default": default, "quality": QUALITY}
    found: list[Rule] = []
    for rule in _list(listed, "rules") or ["default"]:
        found.extend(words[rule] if isinstance(rule, str) and rule in words else (Rule.parse(rule),))
    return tuple(found)


def _list(value: object, what: str) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise ConfigError(f"{what} {value!r} is no list; write [a, b]")
    return list(value)


def _rows(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise ConfigError(f"min_rows {value!r} is no number of rows; write 1 or more")


def _expected(value: object) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")):
        return value
    raise ConfigError(f"expected_rows {value!r} is no number of rows; write a positive number")
