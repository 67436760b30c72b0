"""Alarms on performance, in words."""

from math import isfinite
from typing import Final

from detectors.performance.watch import CONCEPT, PerformanceWatch, Reading
from detectors.wording import count, moment, number, percent, points
from drift.core.alarm import Alarm, Severity
from drift.core.window import Window

_ASSUMED: Final = "no label was needed; it is assumed that scores mean what they did"


def alarm_of(
    watch: PerformanceWatch, reading: Reading, detector: str, raised: Window, *, snoozed: bool, zone: str
) -> Alarm:
    """The alarm of one stream, raised by a window; of the model itself, whole traffic."""
    known = watch.borne.get(reading.stream)
    reference = known.reference if known is not None else 0.0
    better = watch.unit(reading.stream) == 1.0
    effect = reading.mean if reading.stream == CONCEPT else reading.mean - reference
    signed = -effect if better and reading.stream != CONCEPT else effect
    return Alarm(
        column="", segment=0, detector=detector, severity=_severity(watch, reading, effect), raised=raised,
        onset=min(reading.onset, raised.start), until=raised.end, direction="increase" if signed > 0 else "decrease",
        what=watch.metric(reading.stream), effect=signed * watch.unit(reading.stream),
        tolerance=watch.max_drop * watch.unit(reading.stream), rows=reading.n, level=reading.level,
        limit=watch.limit, statistics={"loss": reading.mean, "reference_loss": reference}, snoozed=snoozed,
        sentence=_sentence(watch, reading, reference, zone),
    )  # fmt: skip


def _severity(watch: PerformanceWatch, reading: Reading, effect: float) -> Severity:
    """A loss beyond what is borne pages; a changed meaning of scores only where it is twice as much."""
    if reading.stream != CONCEPT:
        return Severity.PAGE
    return Severity.PAGE if isfinite(effect) and abs(effect) > 2 * watch.max_drop else Severity.WARNING


def _sentence(watch: PerformanceWatch, reading: Reading, reference: float, zone: str) -> str:
    name, since = watch.metric(reading.stream), moment(reading.onset, zone)
    if reading.stream == CONCEPT:
        return f"{name} has changed since {since}. {reading.sentence} ({count(reading.n, 'label')})"
    rows = count(reading.n, "prediction" if reading.stream == "estimated" else "label")
    unit = watch.unit(reading.stream)
    if unit != 1.0:
        now, then, borne = (number(x * unit) for x in (reading.mean, reference, watch.max_drop))
        return f"{name} is {now} since {since}, the reference's was {then}; {borne} more is borne ({rows})"
    now, then = percent(1 - reading.mean), percent(1 - reference)
    assumed = f"; {_ASSUMED}" if reading.stream == "estimated" else ""
    change = f"{name} is {now} since {since}, the reference's was {then}"
    return f"{change}; {points(watch.max_drop)} less is borne ({rows}){assumed}"
