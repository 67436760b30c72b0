"""Model: is it worse, since when, because of what?"""

from typing import Any, Final

from dashboards.grafana.panel import Board, Panel, Query, Row, Variable
from dashboards.promql import rate, same, series, verdict
from drift.metrics import names
from drift.metrics.names import Metric

SHOWN: Final = 25
"""Columns of one band of the heat map, and lines of a chart."""
_SCOPE: Final[dict[str, Any]] = {"model": "$model", "version": "~$version", "window": "~$window"}
_SEGMENT: Final[dict[str, Any]] = _SCOPE | {"segment": "~$segment"}
_COLUMN: Final[dict[str, Any]] = _SEGMENT | {"column": "~$column", "statistic": "~$statistic"}
_BY: Final = "column, statistic, segment, window, version"

_PLAIN: Final[dict[str, Any]] = _SEGMENT | {"statistic": "!~.*_[pq]"}
_IMPACT: Final = (
    f"max by (column) (abs({series(names.STATISTIC, **_PLAIN)}) / (abs({series(names.THRESHOLD, **_PLAIN)}) > 0))"
)
"""How far each column is on the way to its threshold: 1 is there. P-values say little of how much and are left out."""
_HIGHEST: Final = f"max_over_time(({_IMPACT})[$__range:] @ end())"
COLUMN: Final = (
    "This column",
    "/d/driftsum-model?${__url_time_range}&${model:queryparam}&var-column=${__data.fields.column}",
)
WEB: Final = ("Web page", "${web}/models/${model}")


def _band(lowest: float, highest: float | None = None) -> Query:
    """Columns whose highest impact in the time shown lies in a band, so that rows stand worst band first."""
    bounds = f" >= {lowest:g}" + (f" < {highest:g}" if highest is not None else "")
    return Query(f"{_IMPACT} and on (column) topk({SHOWN}, {_HIGHEST}{bounds})", "{{column}}")


def _charted(metric: Metric) -> str:
    chosen = series(metric, **_COLUMN)
    ratio = f"abs({series(names.STATISTIC, **_COLUMN)}) / (abs({series(names.THRESHOLD, **_COLUMN)}) > 0)"
    highest = f"max by ({_BY}) (max_over_time(({ratio})[$__range:] @ end()))"
    return f"max by ({_BY}) ({chosen}) and on ({_BY}) topk(10, {highest})"


_NOW: Final = (
    Panel(
        1,
        "Verdict",
        "verdicts",
        [Query(verdict(names.OUTCOME, **_SCOPE), "{{version}}, {{window}}")],
        wide=24,
        high=5,
        about="What each final window said, by version and window length.",
        links=(WEB,),
    ),
    Panel(
        2,
        "Pages standing",
        "stat",
        [Query(f"sum({same(names.ALARMS, severity='page', **_SEGMENT)})")],
        wide=4,
        high=4,
        limits=(1, 1),
        about="Alarms beyond twice the tolerance.",
    ),
    Panel(
        3,
        "Warnings standing",
        "stat",
        [Query(f"sum({same(names.ALARMS, severity='warning', **_SEGMENT)})")],
        wide=4,
        high=4,
        limits=(1, 1_000),
        about="Proven shifts that are small.",
    ),
    Panel(
        4,
        "Columns drifted",
        "stat",
        [Query(f"max({series(names.DRIFTED, **_SCOPE, segment='all')})")],
        wide=4,
        high=4,
        limits=(1, 1_000),
        about="In the last final window of the whole traffic.",
    ),
    Panel(
        5,
        "Columns watched",
        "stat",
        [Query(f"max({series(names.WATCHED, **_SCOPE, segment='all')})")],
        wide=4,
        high=4,
        about="Columns with enough data to be judged.",
    ),
    Panel(
        6,
        "Newest event",
        "stat",
        [Query(f"time() - max({series(names.WATERMARK, model='$model')})")],
        "s",
        4,
        4,
        limits=(7200, 86400),
        about="How old it is.",
    ),
    Panel(
        7,
        "Unknown fields",
        "stat",
        [Query(f"max({same(names.UNKNOWN, **_SCOPE)})")],
        wide=4,
        high=4,
        limits=(1, 1_000),
        about="Fields of events that no reference knows: nobody watches them.",
    ),
)
_COLUMNS: Final = (
    Panel(
        8,
        "Columns × time",
        "cells",
        [_band(4), _band(2, 4), _band(1, 2), _band(0, 1)],
        wide=24,
        high=14,
        limits=(1, 2, 4),
        about="Statistic ÷ its threshold, the worst statistic of each column: 1 is at the threshold. Columns that "
        f"went beyond four times stand first, then beyond twice, once, and the rest; at most {SHOWN} of each.",
    ),
    Panel(
        9,
        "Worst columns now",
        "table",
        [
            Query(
                f"topk(50, max by (column, statistic, segment, window) "
                f"(abs({series(names.STATISTIC, **_PLAIN)}) / (abs({series(names.THRESHOLD, **_PLAIN)}) > 0)))"
            )
        ],
        names=("Impact",),
        wide=8,
        high=12,
        about="Statistic ÷ threshold; a click shows the column alone.",
        links=(COLUMN, WEB),
    ),
    Panel(
        10,
        "Statistic against threshold",
        "lines",
        [
            Query(_charted(names.STATISTIC), "{{column}} {{statistic}} {{segment}} {{window}}"),
            Query(_charted(names.THRESHOLD), "threshold: {{column}} {{statistic}} {{segment}} {{window}}", dashed=True),
        ],
        wide=16,
        high=12,
        about="The ten series that came closest to or furthest beyond their threshold.",
    ),
)
_PARTS: Final = (
    Panel(
        11,
        "Columns drifted by segment",
        "lines",
        [
            Query(
                f"topk({SHOWN}, {same(names.DRIFTED, **_SEGMENT)} / ({same(names.WATCHED, **_SEGMENT)} > 0))",
                "{{segment}} {{window}} {{version}}",
            )
        ],
        "percentunit",
        about="Share of the watched columns.",
    ),
    Panel(
        12,
        "Rows by segment",
        "lines",
        [Query(f"topk({SHOWN}, {same(names.WINDOW_ROWS, **_SEGMENT)})", "{{segment}} {{window}} {{version}}")],
        about="Rows of the last final window.",
    ),
)
_TOLD: Final = (
    Panel(
        13,
        "Alarms standing",
        "lines",
        [Query(f"sum by (severity, window) ({same(names.ALARMS, **_SEGMENT)})", "{{severity}} {{window}}")],
        wide=8,
        about="Those that are snoozed do not count.",
    ),
    Panel(
        14,
        "Incidents open",
        "lines",
        [Query(f"sum by (family, severity) ({same(names.INCIDENTS, model='$model')})", "{{family}} {{severity}}")],
        wide=8,
        about="What broke together is one.",
        links=(WEB,),
    ),
    Panel(
        15,
        "Alerts",
        "lines",
        [Query(f"sum by (state, severity) ({same(names.ALERTS, model='$model')})", "{{state}} {{severity}}")],
        wide=8,
        about="Pending and firing.",
    ),
    Panel(
        16,
        "Retrain runs",
        "lines",
        [Query(f"sum by (trigger, state) ({same(names.RETRAIN_RUNS, model='$model')})", "{{trigger}} {{state}}")],
        wide=8,
        about="Runs that are kept, by where they stand.",
    ),
    Panel(
        17,
        "Events",
        "lines",
        [
            Query(f"sum by (model) ({rate(names.EVENTS, '$__rate_interval', model='$model')})", "counted"),
            Query(f"sum by (model) ({rate(names.LATE_ROWS, '$__rate_interval', model='$model')})", "of these late"),
        ],
        "cps",
        8,
        about="A second.",
    ),
    Panel(
        18,
        "Last final window",
        "lines",
        [Query(f"time() - {same(names.WINDOW_END, **_SCOPE)}", "{{version}} {{window}}")],
        "s",
        8,
        about="How long ago it ended.",
    ),
)
_METRIC: Final[dict[str, Any]] = _SEGMENT | {"metric": "$metric"}
_ESTIMATED: Final[dict[str, Any]] = _METRIC | {"kind": "estimated"}
_WHERE: Final = "{{segment}} {{window}} {{version}}"
_PERFORMANCE: Final = (
    Panel(
        20,
        "Performance, estimated and realised",
        "lines",
        [
            Query(same(names.PERFORMANCE, **_ESTIMATED), f"estimated {_WHERE}"),
            Query(same(names.PERFORMANCE_LOW, **_ESTIMATED), f"band {_WHERE}", dashed=True),
            Query(same(names.PERFORMANCE_HIGH, **_ESTIMATED), f"band {_WHERE}", dashed=True),
            Query(same(names.PERFORMANCE, **_METRIC, kind="realized"), f"realised {_WHERE}", dots=True),
            Query(same(names.PERFORMANCE_REFERENCE, **_METRIC), f"reference {_WHERE}", dashed=True),
        ],
        wide=24,
        high=10,
        about="Line and band: estimated without labels, of the last final window. Dots: by labels, of the newest "
        "window whose labels are mature, which may be weeks older: see beside.",
        links=(WEB,),
    ),
    Panel(
        21,
        "Performance affected",
        "lines",
        [Query(same(names.AFFECTED, **_SEGMENT), _WHERE)],
        wide=8,
        about="1: worse than the reference by more than is borne, and beyond what chance explains.",
    ),
    Panel(
        22,
        "Labels",
        "lines",
        [
            Query(same(names.COVERAGE, **_SEGMENT), f"coverage {_WHERE}"),
            Query(same(names.MATURE, **_SEGMENT), f"mature {_WHERE}", dashed=True),
        ],
        "percentunit",
        8,
        about="Share of the last final window's predictions with a label, and whether it is mature.",
    ),
    Panel(
        23,
        "Labels arriving",
        "lines",
        [
            Query(f"sum by (model) ({rate(names.LABELS, '$__rate_interval', model='$model')})", "labels"),
            Query(f"sum by (model) ({rate(names.EVENTS, '$__rate_interval', model='$model')})", "events", dashed=True),
        ],
        "cps",
        4,
        about="Labels that come by themselves, a second.",
    ),
    Panel(
        24,
        "Newest mature labels",
        "lines",
        [Query(f"time() - {same(names.MATURE_END, **_SCOPE)}", "{{window}} {{version}}")],
        "s",
        4,
        about="How long ago the newest window with mature labels ended.",
    ),
)


def _values(metric: Metric, label: str, **labels: str) -> str:
    return f"label_values({series(metric, **labels)}, {label})"


BOARD: Final = Board(
    "driftsum-model",
    "Driftsum / Model",
    "Is it worse, since when, because of what?",
    (
        Row("Now", _NOW),
        Row("Columns", _COLUMNS),
        Row("Segments", _PARTS),
        Row("Told", _TOLD),
        Row("Performance", _PERFORMANCE),
    ),
    variables=(
        Variable("model", _values(names.WINDOW_END, "model"), several=False),
        Variable("version", _values(names.WINDOW_END, "version", model="$model")),
        Variable("window", _values(names.WINDOW_END, "window", model="$model", version="~$version")),
        Variable("segment", _values(names.DRIFTED, "segment", model="$model")),
        Variable("column", _values(names.STATISTIC, "column", model="$model", segment="~$segment")),
        Variable("metric", _values(names.PERFORMANCE, "metric", model="$model"), several=False),
        Variable("statistic", _values(names.STATISTIC, "statistic", model="$model")),
    ),
    events=(
        (
            "Incidents",
            Query(
                f"sum by (family, severity) ({same(names.INCIDENTS, model='$model')}) > 0", "{{family}}: {{severity}}"
            ),
        ),
        (
            "Versions",
            Query(
                f"count by (version) ({series(names.WINDOW_END, model='$model')}) unless "
                f"count by (version) ({series(names.WINDOW_END, model='$model')} offset 10m)",
                "version {{version}}",
            ),
        ),
    ),
    since="now-7d",
)
