"""Fleet: which model needs me?"""

from typing import Final

from dashboards.grafana.panel import Board, Panel, Query, Row
from dashboards.promql import rate, same, series, verdict
from drift.metrics import names

MOST: Final = 100
"""Models in the table."""
LINES: Final = 20
"""Lines of a chart."""
MODEL: Final = "job, model"

DETAIL: Final = ("Model", "/d/driftsum-model?var-model=${__field.labels.model}&${__url_time_range}")
ROW_DETAIL: Final = ("Model", "/d/driftsum-model?var-model=${__data.fields.model}&${__url_time_range}")
WEB: Final = ("Web page", "${web}/models/${__data.fields.model}")


def _by_model(expr: str) -> str:
    return f"max by ({MODEL}) ({expr})"


_DRIFTING: Final = _by_model(series(names.OUTCOME, outcome="drift"))
_CALM: Final = _by_model(series(names.OUTCOME, outcome="no_drift"))
_FRESH: Final = _by_model(series(names.WINDOW_ROWS))
_KNOWN: Final = _by_model(series(names.WINDOW_END))
_PAGES: Final = f"sum by ({MODEL}) ({same(names.ALARMS, severity='page')})"
_WARNINGS: Final = f"sum by ({MODEL}) ({same(names.ALARMS, severity='warning')})"
_SHARE: Final = _by_model(f"{series(names.DRIFTED, segment='all')} / ({series(names.WATCHED, segment='all')} > 0)")
_NEWEST: Final = _by_model(series(names.WATERMARK))
_WORST: Final = f"topk({MOST}, 1000 * {_PAGES} + {_WARNINGS} or 0 * {_KNOWN})"
_MOST_DRIFTED: Final = f"topk(40, {_by_model(f'max_over_time({series(names.DRIFTED)}[$__range] @ end())')})"


def _count(expr: str) -> list[Query]:
    return [Query(f"count({expr}) or vector(0)")]


def _listed(expr: str) -> Query:
    return Query(f"{expr} and on ({MODEL}) {_WORST}")


_STATES: Final = (
    Panel(
        1,
        "In drift",
        "stat",
        _count(f"{_DRIFTING} == 1"),
        wide=4,
        high=4,
        limits=(1, 1),
        about="Models of which a last final window is in drift.",
    ),
    Panel(
        2,
        "No drift",
        "stat",
        _count(f"{_CALM} == 1 unless {_DRIFTING} == 1"),
        wide=4,
        high=4,
        about="Models whose last final windows are within what is borne.",
    ),
    Panel(
        3,
        "Too little data",
        "stat",
        _count(f"{_FRESH} unless ({_CALM} == 1 or {_DRIFTING} == 1)"),
        wide=4,
        high=4,
        about="Models whose last final window had too few rows to be judged.",
    ),
    Panel(
        4,
        "No fresh result",
        "stat",
        _count(f"{_KNOWN} unless {_FRESH}"),
        wide=4,
        high=4,
        limits=(1, 1),
        about="Models of which no window has become final for twice its length.",
    ),
    Panel(
        5,
        "Open incidents",
        "stat",
        [Query(f"sum by (severity) ({same(names.INCIDENTS)})", "{{severity}}")],
        wide=4,
        high=4,
        about="By how loud they are; empty: none.",
    ),
    Panel(
        6,
        "Events a second",
        "stat",
        [Query(f"sum({rate(names.EVENTS, '$__rate_interval')})")],
        "cps",
        4,
        4,
        about="Counted into panes, over all models.",
    ),
)
_WORST_FIRST: Final = (
    Panel(
        7,
        "Models, worst first",
        "table",
        [
            _listed(_PAGES),
            _listed(_WARNINGS),
            _listed(_SHARE),
            _listed(f"time() - {_NEWEST}"),
            _listed(f"time() - {_KNOWN}"),
            _listed(f"sum by ({MODEL}) ({rate(names.EVENTS, '5m')})"),
        ],
        wide=24,
        high=10,
        names=("Pages", "Warnings", "Columns drifted", "Newest event", "Last window", "Events/s"),
        about=f"Alarms that stand, the share of columns in drift, ages. At most {MOST}; a click leads to the model.",
        links=(ROW_DETAIL, WEB),
    ),
    Panel(
        8,
        "Verdicts",
        "verdicts",
        [Query(f"max by ({MODEL}) ({verdict(names.OUTCOME)}) and on ({MODEL}) {_MOST_DRIFTED}", "{{model}}")],
        wide=24,
        high=12,
        about="The forty models that drifted most in this time; the worst of their windows.",
        links=(DETAIL,),
    ),
)
_DATA: Final = (
    Panel(
        9,
        "Columns drifted",
        "lines",
        [Query(f"topk({LINES}, {_SHARE})", "{{model}}")],
        "percentunit",
        about="Share of the watched columns that the last final window holds to have drifted.",
        links=(DETAIL,),
    ),
    Panel(
        10,
        "Events arriving",
        "lines",
        [Query(f"topk({LINES}, sum by ({MODEL}) ({rate(names.EVENTS, '$__rate_interval')}))", "{{model}}")],
        "cps",
        about="A line that falls to zero is a model that nobody watches.",
        links=(DETAIL,),
    ),
    Panel(
        11,
        "Age of the newest event",
        "lines",
        [Query(f"topk({LINES}, time() - {_NEWEST})", "{{model}}")],
        "s",
        about="The models that are furthest behind.",
        links=(DETAIL,),
    ),
    Panel(
        12,
        "Open incidents by family",
        "lines",
        [Query(f"sum by (family, severity) ({same(names.INCIDENTS)})", "{{family}}, {{severity}}")],
        about="Drift, data that does not come, messages that were not delivered.",
    ),
)
_WHOLE: Final = {"segment": "all", "kind": "estimated"}


def _against_reference(metric: str) -> tuple[str, str]:
    """What is estimated, and the same on the reference, which has no `kind`."""
    return (
        series(names.PERFORMANCE, metric=metric, **_WHOLE),
        series(names.PERFORMANCE_REFERENCE, metric=metric, segment="all"),
    )


_ACCURACY, _ACCURACY_BEFORE = _against_reference("accuracy")
_ERROR, _ERROR_BEFORE = _against_reference("mae")
_PERFORMANCE: Final = (
    Panel(
        14,
        "Accuracy lost",
        "lines",
        [Query(f"topk({LINES}, {_by_model(f'- ({_ACCURACY} - ignoring (kind) {_ACCURACY_BEFORE})')})", "{{model}}")],
        "percentunit",
        about="The reference's accuracy minus the estimated one, without a label, of the last final window.",
        links=(DETAIL,),
    ),
    Panel(
        15,
        "Error grown",
        "lines",
        [Query(f"topk({LINES}, {_by_model(f'{_ERROR} / ignoring (kind) ({_ERROR_BEFORE} > 0) - 1')})", "{{model}}")],
        "percentunit",
        about="Regression: by how much the estimated mean absolute error is larger than the reference's.",
        links=(DETAIL,),
    ),
    Panel(
        16,
        "Performance affected",
        "stat",
        _count(f"{_by_model(series(names.AFFECTED, segment='all'))} == 1"),
        wide=4,
        high=8,
        limits=(1, 1),
        about="Models that are worse than their reference by more than is borne, estimated or by their labels.",
    ),
    Panel(
        17,
        "Label coverage",
        "lines",
        [Query(f"-topk({LINES}, -{_by_model(series(names.COVERAGE, segment='all'))})", "{{model}}")],
        "percentunit",
        10,
        about="Share of the last final window's predictions that have a label by now; the least covered models.",
        links=(DETAIL,),
    ),
    Panel(
        18,
        "Age of the newest window with mature labels",
        "lines",
        [Query(f"topk({LINES}, time() - {_by_model(series(names.MATURE_END))})", "{{model}}")],
        "s",
        10,
        about="A line that rises and rises is a model whose labels do not come any more.",
        links=(DETAIL,),
    ),
)

BOARD: Final = Board(
    "driftsum-fleet",
    "Driftsum / Fleet",
    "Which model needs me?",
    (
        Row("Models by state", _STATES),
        Row("Worst first", _WORST_FIRST),
        Row("Data arriving", _DATA),
        Row("Performance", _PERFORMANCE),
    ),
)
