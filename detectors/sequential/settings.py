"""What a user wrote under a detector's name, read with sentences that say what there is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drift.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one detector, as given."""

    detector: str
    given: Mapping[str, Any]

    @staticmethod
    def of(detector: str, given: Mapping[str, Any], known: Mapping[str, str]) -> "Settings":
        """Look at the names.

        Raises:
            ConfigError: one is not known.
        """
        for name in given:
            if name not in known:
                raise ConfigError(f"detector {detector} has no option {name!r}; there are {', '.join(known)}")
        return Settings(detector, given)

    def number(self, name: str, default: float, least: float = -math.inf, most: float = math.inf) -> float:
        """A finite number, `least` ≤ x ≤ `most`.

        Raises:
            ConfigError: it is none.
        """
        value = self.given.get(name, default)
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if good and least <= value <= most:
            return float(value)
        raise self.wrong(name, f"no number{_bounds(least, most)}; the default is {default:g}")

    def rate(self, name: str, default: float) -> float:
        """A probability, 0 < x < 1.

        Raises:
            ConfigError: it is none.
        """
        value = self.given.get(name, default)
        if isinstance(value, float) and 0 < value < 1:
            return value
        raise self.wrong(name, f"no probability between 0 and 1; the default is {default:g}")

    def count(self, name: str, default: int, least: int = 1) -> int:
        """A whole number, not below `least`.

        Raises:
            ConfigError: it is none.
        """
        value = self.given.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        raise self.wrong(name, f"no whole number of {least} or more; the default is {default}")

    def flag(self, name: str, default: bool) -> bool:
        """Yes or no.

        Raises:
            ConfigError: it is neither.
        """
        value = self.given.get(name, default)
        if isinstance(value, bool):
            return value
        raise self.wrong(name, f"neither true nor false; the default is {str(default).lower()}")

    def word(self, name: str, default: str, among: tuple[str, ...] = ()) -> str:
        """A word; one of `among`, where that is given.

        Raises:
            ConfigError: it is none.
        """
        value = self.given.get(name, default)
        if isinstance(value, str) and value and (not among or value in among):
            return value
        raise self.wrong(name, f"none of {', '.join(among)}" if among else f"no name; the default is {default}")

    def wrong(self, name: str, why: str) -> ConfigError:
        """The error for an option's value."""
        return ConfigError(f"detector {self.detector}: {name} {self.given.get(name)!r} is {why}")


def _bounds(least: float, most: float) -> str:
    if math.isinf(least) and math.isinf(most):
        return ""
    if math.isinf(most):
        return f" of {least:g} or more"
    return f" between {least:g} and {most:g}"
