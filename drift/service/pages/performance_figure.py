"""One metric over time: as estimated, as labels say, and as it was in the reference."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.web.formats import count
from dashboards.web.views.figure import Cell, Figure, Moment, Table
from detectors.performance.summary import change, named, said
from drift.core.performance import Measure, Performance
from drift.store.rows import WindowRow

_NONE = Measure(float("nan"))
HEAD = (
    "Window from", "To", "Estimated", "Estimated, low", "Estimated, high", "By labels", "By labels, low",
    "By labels, high", "Reference", "Against the reference", "Predictions", "Labels", "Labels are",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shaded:
    """A stretch of time with an alarm on performance."""

    start: int
    end: int
    text: str


def over_time(
    metric: str, found: Sequence[tuple[WindowRow, Performance]], alarms: Sequence[Shaded], max_drop: float, csv: str
) -> Figure:
    """The figure.

    Args:
        metric: name of a measure.
        found: windows with what is known of them, oldest first; at least one.
        alarms: stretches to shade; those that are not in the picture are left out.
        max_drop: how much worse than the reference is borne.
        csv: where the numbers are.
    """
    first, last = found[0][0].window.start, found[-1][0].window.end
    data = {
        "x": [[row.window.start, row.window.end] for row, _ in found],
        "estimated": _banded([one.estimated.get(metric, _NONE) for _, one in found]),
        "realized": _banded([one.realized.get(metric, _NONE) for _, one in found]),
        "mature": [one.mature for _, one in found],
        "labels": [[one.joined, one.predicted] for _, one in found],
        "reference": [one.reference.get(metric, _NONE).value for _, one in found],
        "shaded": [
            {"start": max(one.start, first), "end": min(one.end, last), "text": one.text}
            for one in alarms if one.end > first and one.start < last
        ],
        "percent": in_percent(metric),
    }  # fmt: skip
    rows = [_row(metric, row, one, max_drop) for row, one in reversed(found)]
    title = f"{named(metric)[:1].upper()}{named(metric)[1:]} over time"
    return Figure("performance-over-time", "performance", title, _says(metric, found), Table(HEAD, rows), data, csv)


def in_percent(metric: str) -> bool:
    """Whether a metric is said in per cent."""
    return said(metric, 0.5).endswith("%")


def _banded(some: Sequence[Measure]) -> dict[str, list[float]]:
    return {"value": [m.value for m in some], "low": [m.low for m in some], "high": [m.high for m in some]}


def _says(metric: str, found: Sequence[tuple[WindowRow, Performance]]) -> str:
    estimated = sum(one.estimated.get(metric, _NONE).known for _, one in found)
    realized = [one for _, one in found if one.realized.get(metric, _NONE).known]
    mature = sum(one.mature for one in realized)
    parts = []
    if estimated:
        parts.append(f"Line: estimated without labels in {count(estimated, 'window')}, shaded its 95 % band.")
    if realized:
        rest = f", hollow in {len(realized) - mature:,} where they are not yet" if mature < len(realized) else ""
        parts.append(f"Dots: measured by labels, filled in {count(mature, 'window')} whose labels are mature{rest}.")
    if any(one.reference.get(metric, _NONE).known for _, one in found):
        parts.append("Dashed: the reference.")
    return " ".join(parts)


def _row(metric: str, row: WindowRow, of: Performance, max_drop: float) -> tuple[Cell, ...]:
    estimated, realized = of.estimated.get(metric, _NONE), of.realized.get(metric, _NONE)
    return (
        Moment(row.window.start), Moment(row.window.end), estimated.value, estimated.low, estimated.high,
        realized.value, realized.low, realized.high, of.reference.get(metric, _NONE).value,
        change(of, metric, max_drop).standing.value, of.predicted, of.joined, "mature" if of.mature else "not mature",
    )  # fmt: skip
