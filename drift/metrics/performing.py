"""How well a model did as series: what is estimated, what came true, and what labels there are of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from drift.core.clock import SECOND
from drift.core.performance import Measures, Performance
from drift.metrics import names

ESTIMATED: Final = "estimated"
REALIZED: Final = "realized"

Sample = tuple[str, tuple[str, ...], float]
"""A metric's name, its labels and its value."""


@dataclass(frozen=True, slots=True)
class Told:
    """How well a model did. Segment labels are `all`, `sex=f`, …"""

    latest: Mapping[str, Performance] = field(default_factory=dict)
    """Segment → performance in the last final window."""
    mature: Mapping[str, Performance] = field(default_factory=dict)
    """Segment → performance in the newest window whose labels are mature: labels come weeks later."""
    mature_end: int | None = None
    """End of that window, microseconds; None: there is none."""
    affected: Mapping[str, bool] = field(default_factory=dict)
    """Segment → whether it is worse than the reference by more than is borne; only where that is known."""


def samples(told: Told, mine: tuple[str, ...], segment: str) -> tuple[Sample, ...]:
    """The series of one segment.

    Args:
        told: of the model.
        mine: model, version and window.
        segment: its label.
    """
    return tuple(_samples(told, mine, segment))


def _samples(told: Told, mine: tuple[str, ...], segment: str) -> Iterator[Sample]:
    where = (*mine, segment)
    latest, mature = told.latest.get(segment), told.mature.get(segment)
    if latest is not None:
        yield from _measured(latest.estimated, where, ESTIMATED)
        yield names.MATURE.name, where, float(latest.mature)
        if 0 <= latest.coverage <= 1:
            yield names.COVERAGE.name, where, latest.coverage
    if mature is not None:
        yield from _measured(mature.realized, where, REALIZED)
    known = latest or mature
    for metric, measure in known.reference.items() if known is not None else ():
        if measure.known:
            yield names.PERFORMANCE_REFERENCE.name, (*where, metric), measure.value
    if segment in told.affected:
        yield names.AFFECTED.name, where, float(told.affected[segment])


def _measured(measures: Measures, where: tuple[str, ...], kind: str) -> Iterator[Sample]:
    for metric, measure in measures.items():
        if measure.known:
            labels = (*where, metric, kind)
            yield names.PERFORMANCE.name, labels, measure.value
            if measure.low <= measure.high:
                yield names.PERFORMANCE_LOW.name, labels, measure.low
                yield names.PERFORMANCE_HIGH.name, labels, measure.high


def labelled(told: Told, mine: tuple[str, ...]) -> Iterator[Sample]:
    """Which window the labels that came last are of."""
    if told.mature_end is not None:
        yield names.MATURE_END.name, mine, told.mature_end / SECOND
