"""What a user may say to the default detector; the budget is all that is needed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from detectors.contract import Bools, Floats, Ints
from detectors.performance.importances import budget_shares
from detectors.sequential.default.days_off import DaysOff
from detectors.sequential.default.learned import DELTA
from detectors.sequential.default.season import KINDS, Calendar
from drift.core.errors import ConfigError

OPTIONS: Final = MappingProxyType(
    {
        "tolerance": "shift that is borne, in standard deviations of the column (0.05)",
        "seasonal": f"auto (the default), or one of {', '.join(KINDS)}",
        "holidays": "dates and countries whose holidays count as Sundays, as in [US, 2026-12-24]",
        "importances": "column → how much the model relies on it: such columns get more of the false-alarm budget",
        "columns": "column → tolerance, only: increase or decrease, strict: true (shares have no smallest tolerance)",
    }
)
_COLUMN: Final = ("tolerance", "only", "strict")


@dataclass(frozen=True, slots=True)
class Options:
    """The settings, read."""

    tolerance: float = DELTA
    seasonal: str = "auto"
    holidays: DaysOff = field(default_factory=DaysOff)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    importances: Mapping[str, float] = field(default_factory=dict)

    @staticmethod
    def read(plain: Mapping[str, Any]) -> "Options":
        """From plain settings.

        Raises:
            ConfigError: one is not known or cannot be.
        """
        for name in plain:
            if name not in OPTIONS:
                raise ConfigError(f"detector default has no option {name!r}; there are {', '.join(OPTIONS)}")
        seasonal = plain.get("seasonal", "auto")
        if seasonal not in ("auto", *KINDS):
            raise ConfigError(f"seasonal {seasonal!r} is none of auto, {', '.join(KINDS)}")
        columns = plain.get("columns") or {}
        for name, said in columns.items():
            _check_column(name, said)
        return Options(
            _tolerance(plain.get("tolerance", DELTA), "tolerance"),
            seasonal,
            DaysOff.read(plain.get("holidays") or ()),
            columns,
            _importances(plain.get("importances") or {}),
        )

    def shares(self, names: tuple[str, ...]) -> Floats:
        """(C,) each column's share of the budget, over what it would be if all had the same."""
        found = budget_shares(self.importances, names)
        return np.array([found[name] * len(names) for name in names])

    def delta(self, names: tuple[str, ...]) -> Floats:
        """(C,) standard deviations borne."""
        return np.array([float(self.columns.get(name, {}).get("tolerance", self.tolerance)) for name in names])

    def wanted(self, names: tuple[str, ...]) -> Ints:
        """(C,) 1 increases only, −1 decreases only, 0 both."""
        words = {"increase": 1, "decrease": -1}
        return np.array([words.get(self.columns.get(name, {}).get("only", ""), 0) for name in names], np.int64)

    def strict(self, names: tuple[str, ...]) -> Bools:
        """(C,) whether the smallest tolerance of shares is lifted."""
        return np.array([bool(self.columns.get(name, {}).get("strict", False)) for name in names])

    def calendar(self, zone: str) -> Calendar:
        """Season cells in a zone."""
        return Calendar(ZoneInfo(zone), self.holidays)


def _importances(said: object) -> Mapping[str, float]:
    """Checked: finite and not below 0."""
    if not isinstance(said, Mapping) or not all(isinstance(x, int | float) and 0 <= x < 1e300 for x in said.values()):
        raise ConfigError(f"importances are numbers from 0 on by column, as in {{income: 0.4}}; this is {said!r}")
    return {str(name): float(x) for name, x in said.items()}


def _check_column(name: str, said: Mapping[str, Any]) -> None:
    for key in said:
        if key not in _COLUMN:
            raise ConfigError(f"column {name!r} has no detection option {key!r}; there are {', '.join(_COLUMN)}")
    if said.get("only", "increase") not in ("increase", "decrease"):
        raise ConfigError(f"column {name!r}: only {said['only']!r} is neither increase nor decrease")
    if "tolerance" in said:
        _tolerance(said["tolerance"], f"column {name!r}: tolerance")


def _tolerance(value: object, what: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 3:
        return float(value)
    raise ConfigError(f"{what} {value!r} is no number of standard deviations between 0 and 3")
