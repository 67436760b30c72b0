"""From performances to what the API sends."""

from collections.abc import Mapping
from typing import Any

from detectors.performance.harm import affected
from detectors.performance.options import MAX_DROP
from drift.api import shapes_performance as shapes
from drift.api.convert import Names
from drift.core.performance import Measures, Performance
from drift.store.rows import WindowRow


def performance(of: Performance, max_drop: float) -> shapes.PerformanceAnswer:
    """One segment of one window."""
    return shapes.PerformanceAnswer(**_parts(of, max_drop, ""))


def point(
    of: Performance, row: WindowRow, names: Names, segment: str, max_drop: float, metric: str
) -> shapes.PerformancePoint:
    """The same with its window; of one metric, or of all."""
    return shapes.PerformancePoint(
        **_parts(of, max_drop, metric), window_id=row.id, version=names.version(row.reference_id), segment=segment,
        window=row.spec, start=row.window.start, end=row.window.end, revision=row.revision,
        state=row.state.value if row.state is not None else "",
    )  # fmt: skip


def borne(settings: Mapping[str, object]) -> float:
    """How much worse is borne by a model."""
    drop = settings.get("max_drop")
    return float(drop) if isinstance(drop, int | float) else MAX_DROP


def _parts(of: Performance, max_drop: float, metric: str) -> dict[str, Any]:
    return {
        "estimated": _measures(of.estimated, metric),
        "realized": _measures(of.realized, metric),
        "reference": _measures(of.reference, metric),
        "assumption": of.assumption,
        "affected": affected(of, max_drop),
        "predicted": of.predicted,
        "joined": of.joined,
        "coverage": of.coverage,
        "mature": of.mature,
        "confusion": [list(row) for row in of.confusion],
        "causes": [
            shapes.CauseAnswer(
                column=one.column, composition=one.composition, within=one.within, z=one.z, weight=one.weight
            )
            for one in of.causes
        ],
        "gaps": [
            shapes.GapAnswer(
                attribute=one.attribute, metric=one.metric, difference=one.difference, ratio=one.ratio, low=one.low,
                high=one.high, null=one.null, worst=one.worst, best=one.best,
            )
            for one in of.gaps
            if metric in ("", one.metric)
        ],
        "slices": [
            shapes.SliceAnswer(
                where=dict(one.where), rows=one.rows, loss=one.loss, rest=one.rest, p_value=one.p_value
            )
            for one in of.slices
        ],
        "delays": [
            shapes.DelayAnswer(name=one.name, labels=one.labels, median=one.median, most=one.most) for one in of.delays
        ],
        "conflicts": of.conflicts,
        "summary": of.summary,
    }  # fmt: skip


def _measures(of: Measures, metric: str) -> dict[str, shapes.MeasureAnswer]:
    return {
        name: shapes.MeasureAnswer(value=one.value, low=one.low, high=one.high, why=one.why)
        for name, one in of.items()
        if metric in ("", name)
    }
