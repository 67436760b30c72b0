"""Conditions on performance in alert rules, and what a window says about them.

    realized.accuracy < 0.8           a metric by labels, once they are mature
    estimated.auroc < 0.7             a metric as estimated without labels
    drop(estimated.accuracy) > 0.03   how much worse than the reference, in the metric's unit: three points
    gap(sex, recall) > 0.1            how unlike a metric is between the groups of a sensitive attribute

Conditions are joined by `and`. A gap that chance alone would explain counts as none.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import Final

from detectors.performance import binary, multiclass, regression
from detectors.performance.fairness import LOWER_IS_BETTER, ODDS, PARITY
from detectors.performance.harm import known
from detectors.performance.summary import apart, named, said
from drift.core.errors import ConfigError
from drift.core.performance import Gap, Measure, Performance

_NUMBER: Final = r"\s*(>=|<=|>|<)\s*([-+]?[\w.+-]+)"
_METRIC: Final = re.compile(r"(estimated|realized)\.([\w.]+)" + _NUMBER)
_DROP: Final = re.compile(r"drop\(\s*(estimated|realized)\.([\w.]+)\s*\)" + _NUMBER)
_GAP: Final = re.compile(r"gap\(\s*([^,()]+?)\s*,\s*([\w.]+)\s*\)" + _NUMBER)
METRICS: Final = frozenset((*binary.NAMES, "value", *multiclass.NAMES, *regression.NAMES))
"""What is measured, besides `pinball_<level>`."""
_GAPS: Final = METRICS | {PARITY, ODDS, "false_positive_rate"}
_FORMS: Final = "realized.accuracy < 0.8, drop(estimated.accuracy) > 0.03 or gap(sex, recall) > 0.1"


@dataclass(frozen=True, slots=True)
class PerformanceCondition:
    """One comparison; `name` spells what is compared in one way only."""

    name: str
    operator: str
    bound: float


def mentions(text: str) -> bool:
    """Whether a rule is about performance."""
    return re.search(r"\b(estimated|realized)\.|\b(drop|gap)\s*\(", text) is not None


def parse(text: str) -> tuple[PerformanceCondition, ...]:
    """The conditions of a rule.

    Raises:
        ConfigError: one is of none of the forms above, or names no metric.
    """
    return tuple(_one(part.strip(), text) for part in re.split(r"\s+and\s+", text.strip()))


def _one(part: str, rule: str) -> PerformanceCondition:
    if match := _METRIC.fullmatch(part):
        return PerformanceCondition(f"{match[1]}.{_metric(match[2], METRICS, rule)}", match[3], _bound(match[4], rule))
    if match := _DROP.fullmatch(part):
        name = f"drop({match[1]}.{_metric(match[2], METRICS, rule)})"
        return PerformanceCondition(name, match[3], _bound(match[4], rule))
    if match := _GAP.fullmatch(part):
        name = f"gap({match[1]}, {_metric(match[2], _GAPS, rule)})"
        return PerformanceCondition(name, match[3], _bound(match[4], rule))
    raise ConfigError(f"rule {rule!r}: {part!r} is no condition on performance; write one like {_FORMS}")


def _metric(name: str, among: frozenset[str], rule: str) -> str:
    if name in among or name.startswith("pinball_"):
        return name
    raise ConfigError(f"rule {rule!r}: there is no metric {name!r}; there are {', '.join(sorted(among))}")


def _bound(text: str, rule: str) -> float:
    try:
        bound = float(text)
    except ValueError:
        bound = nan
    if not isfinite(bound):
        raise ConfigError(f"rule {rule!r}: {text!r} is no number; write one like 0.8")
    return bound


def labelled(name: str) -> bool:
    """Whether a condition waits for labels, which may come weeks after the window."""
    return "realized." in name or name.startswith("gap(")


def attribute_of(name: str) -> str:
    """The sensitive attribute that a condition is about; empty: none."""
    return name.removeprefix("gap(").partition(",")[0] if name.startswith("gap(") else ""


def read(name: str, performance: Performance) -> float:
    """What a segment of a window says about a condition's name; NaN: it is not known (yet)."""
    form, _, rest = name.partition("(")
    inner = rest.removesuffix(")")
    found: float = _READERS.get(form, _plain)(inner or name, performance)
    return found


def tell(name: str, performance: Performance, value: float) -> str:
    """The same in words, with its band or what it is compared with."""
    if name.startswith("gap("):
        gap = _found(name.removeprefix("gap(").removesuffix(")"), performance)
        worse = f" ({gap.worst} fares worst, {gap.best} best)" if gap is not None and gap.worst else ""
        metric = named(name.removesuffix(")").rpartition(", ")[2])
        attribute = attribute_of(name)
        return f"{metric} differs by {apart(name.rpartition(', ')[2][:-1], value)} between groups of {attribute}{worse}"
    kind, metric, measure, before = _of(name.removeprefix("drop(").removesuffix(")"), performance)
    now = measure.value if measure is not None else nan
    band = ""
    if measure is not None and measure.low <= measure.high:
        band = f" ({said(metric, measure.low)} to {said(metric, measure.high)})"
    then = f", the reference's was {said(metric, before.value)}" if before.known else ""
    return f"{kind} {named(metric)} is {said(metric, now)}{band}{then}"


def _of(name: str, performance: Performance) -> tuple[str, str, Measure | None, Measure]:
    kind, _, metric = name.partition(".")
    return kind, metric, known(performance, kind, metric), performance.reference.get(metric, Measure(nan))


def _plain(name: str, performance: Performance) -> float:
    measure = _of(name, performance)[2]
    return nan if measure is None else measure.value


def _drop(name: str, performance: Performance) -> float:
    _, metric, measure, before = _of(name, performance)
    if measure is None:
        return nan
    sign = 1 if metric in LOWER_IS_BETTER or metric.startswith("pinball") else -1
    return sign * (measure.value - before.value)


def _gap(name: str, performance: Performance) -> float:
    found = _found(name, performance)
    if found is None or not isfinite(found.difference) or not (performance.mature or found.metric == PARITY):
        return nan
    return 0.0 if found.difference <= found.null else found.difference


def _found(name: str, performance: Performance) -> Gap | None:
    attribute, _, metric = name.rpartition(", ")
    return next((one for one in performance.gaps if (one.attribute, one.metric) == (attribute, metric)), None)


_READERS: Final[Mapping[str, Callable[[str, Performance], float]]] = {"drop": _drop, "gap": _gap}
