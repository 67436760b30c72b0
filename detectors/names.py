"""Which statistics there are: whatever stands in `detectors/statistics/`, `multivariate/` and `quality/`."""

import math
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Final

import detectors.multivariate
import detectors.quality
import detectors.statistics
from detectors.contract import Statistic, View

CORRECTIONS: Final = MappingProxyType({"p": "p-value", "q": "p-value, corrected over the columns (Benjamini–Hochberg)"})
"""What may follow a statistic's name in a rule: `chi2_p`, `chi2_q`."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that rules can look at: a statistic, or one of its p-values."""

    name: str
    statistic: Statistic
    suffix: str = ""
    """Empty for the value itself, `p` or `q`."""


@dataclass(frozen=True, slots=True)
class Info:
    """A measure for people and APIs."""

    name: str
    title: str
    unit: str
    low: float | None
    """Smallest value there can be; None: without bound."""
    high: float | None
    columns: str
    """`all`, `ordered` (numeric and ordinal), or `model` where it is one number for all."""
    group: str
    """`drift` or `quality`."""


@cache
def statistics() -> Mapping[str, Statistic]:
    """Every statistic by name: distances, those of several columns, quality; each in alphabetical order.

    In `detectors.multivariate` a module without a `STATISTIC` is a helper.
    """
    found: dict[str, Statistic] = {}
    for package in (detectors.statistics, detectors.multivariate, detectors.quality):
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            if package is not detectors.multivariate or _holds(package, module.name):
                found[module.name] = _load(package, module.name)
    return MappingProxyType(found)


def _holds(package: ModuleType, name: str) -> bool:
    return hasattr(import_module(f"{package.__name__}.{name}"), "STATISTIC")


def _load(package: ModuleType, name: str) -> Statistic:
    statistic = getattr(import_module(f"{package.__name__}.{name}"), "STATISTIC", None)
    if not isinstance(statistic, Statistic) or statistic.name != name:
        raise TypeError(f"{package.__name__}.{name} must hold STATISTIC = Statistic(name={name!r}, …)")
    return statistic


@cache
def measures() -> Mapping[str, Measure]:
    """Every name that a rule may use."""
    found: dict[str, Measure] = {}
    for name, statistic in statistics().items():
        found[name] = Measure(name, statistic)
        for suffix in CORRECTIONS if statistic.p_value else ():
            found[f"{name}_{suffix}"] = Measure(f"{name}_{suffix}", statistic, suffix)
    return MappingProxyType(found)


def describe() -> tuple[Info, ...]:
    """Every name that a rule may use, with title, unit and range."""
    return tuple(_info(measure) for measure in measures().values())


def _info(measure: Measure) -> Info:
    statistic = measure.statistic
    title, unit, bounds = statistic.title, statistic.unit, statistic.range
    if measure.suffix:
        title, unit, bounds = f"{title}: {CORRECTIONS[measure.suffix]}", "probability", (0.0, 1.0)
    low, high = (bound if math.isfinite(bound) else None for bound in bounds)
    columns = "model" if statistic.per_model else "ordered" if statistic.view is View.ORDERED else "all"
    return Info(measure.name, title, unit, low, high, columns, "quality" if statistic.quality else "drift")
