"""Pipeline: can I trust what the others show?"""

from typing import Final

from dashboards.grafana.panel import Board, Panel, Query, Row
from dashboards.promql import quantile, rate, same, series
from drift.metrics import names
from drift.metrics.names import Metric

LINES: Final = 20
_RATE: Final = "$__rate_interval"


def _quantiles(metric: Metric, by: str = "") -> list[Query]:
    return [
        Query(quantile(metric, share, _RATE), f"{by} {word}".strip()) for share, word in ((0.5, "half"), (0.99, "99 %"))
    ]


_NEWEST: Final = f"max by (job, model) ({series(names.WATERMARK)})"

_INGEST: Final = (
    Panel(
        1,
        "Events",
        "lines",
        [Query(f"topk({LINES}, sum by (model) ({rate(names.EVENTS, _RATE)}))", "{{model}}")],
        "cps",
        8,
        about="Counted a second, the busiest models.",
    ),
    Panel(
        2,
        "Records",
        "lines",
        [Query(f"topk({LINES}, sum by (source, topic) ({rate(names.RECORDS, _RATE)}))", "{{source}}/{{topic}}")],
        "cps",
        8,
        about="Read and committed a second, good or bad.",
    ),
    Panel(
        3,
        "Processes",
        "lines",
        [Query(f"count by (job, version) ({series(names.BUILD)})", "{{job}} {{version}}")],
        wide=8,
        about="Servers and workers by release.",
    ),
    Panel(
        4,
        "Lag",
        "lines",
        [Query(f"topk({LINES}, sum by (source, topic) ({same(names.LAG)}))", "{{source}}/{{topic}}")],
        wide=8,
        about="Records between the last commit and the log's end.",
    ),
    Panel(
        5,
        "Lag, worst partitions",
        "lines",
        [Query(f"topk({LINES}, {same(names.LAG)})", "{{source}}/{{topic}} {{partition}}")],
        wide=8,
        about="One that grows alone has a slow worker.",
    ),
    Panel(
        6,
        "Watermark delay",
        "lines",
        [Query(f"topk({LINES}, time() - {_NEWEST})", "{{model}}")],
        "s",
        8,
        about="Age of the newest event of each model.",
    ),
    Panel(
        7,
        "Partitions behind",
        "lines",
        [
            Query(
                f"topk({LINES}, {_NEWEST} - on (job, model) group_right () {same(names.WATERMARK)})",
                "{{model}} {{topic}} {{partition}}",
            )
        ],
        "s",
        8,
        about="Event time behind the model's newest; windows wait.",
    ),
    Panel(
        8,
        "Late rows",
        "lines",
        [Query(f"topk({LINES}, sum by (model) ({rate(names.LATE_ROWS, _RATE)}))", "{{model}}")],
        "cps",
        8,
        about="Counted, but after their pane's end and the lateness.",
    ),
    Panel(
        9,
        "Dead letters",
        "lines",
        [Query(f"sum by (reason) ({rate(names.DEAD_LETTERS, _RATE)})", "{{reason}}")],
        "cps",
        8,
        about="Events refused a second, by reason.",
    ),
)
_STORE: Final = (
    Panel(10, "Commit time", "lines", _quantiles(names.COMMIT), "s", 8, about="Sums and offsets to the store."),
    Panel(
        11,
        "Fenced commits and gaps",
        "lines",
        [
            Query(f"sum({rate(names.FENCED, _RATE)})", "fenced commits"),
            Query(f"sum({rate(names.GAPS, _RATE)})", "gaps"),
            Query(f"sum({rate(names.GAP_RECORDS, _RATE)})", "records lost"),
        ],
        "cps",
        8,
        about="Partitions that changed hands; records deleted before they were read.",
    ),
    Panel(12, "Evaluation time", "lines", _quantiles(names.EVALUATION), "s", 8, about="Judging one window."),
    Panel(
        13,
        "Windows judged",
        "lines",
        [Query(f"sum(rate({series(names.EVALUATION, '_count')}[{_RATE}]))", "windows")],
        "cps",
        8,
        about="A second.",
    ),
    Panel(
        14,
        "Since the last final window",
        "lines",
        [
            Query(
                f"topk({LINES}, time() - max by (job, model, window) ({series(names.WINDOW_END)}))",
                "{{model}} {{window}}",
            )
        ],
        "s",
        8,
        about="A line that rises beyond twice its window is stuck.",
    ),
    Panel(
        15,
        "Series of columns",
        "lines",
        [Query(f"sum({same(names.SERIES)})", "exported"), Query(f"sum({same(names.DROPPED)})", "left out")],
        wide=8,
        about="Left out by the cap for each model.",
    ),
)
_TELLING: Final = (
    Panel(
        16,
        "Deliveries",
        "lines",
        [Query(f"sum by (receiver, outcome) ({rate(names.DELIVERIES, _RATE)})", "{{receiver}} {{outcome}}")],
        "cps",
        8,
        about="Attempts a second by what became of them.",
    ),
    Panel(
        17,
        "Outbox",
        "lines",
        [
            Query(same(names.OUTBOX_WAITING), "{{receiver}} waiting"),
            Query(same(names.OUTBOX_DEAD), "{{receiver}} dead"),
        ],
        wide=8,
        about="Messages not delivered yet, and given up.",
    ),
    Panel(
        18,
        "Oldest waiting message",
        "lines",
        [Query(f"time() - {same(names.OUTBOX_OLDEST)}", "{{receiver}}")],
        "s",
        8,
        about="Empty: none waits.",
    ),
    Panel(19, "Delivery time", "lines", _quantiles(names.DELIVERY, "{{receiver}}"), "s", 8, about="Of one attempt."),
    Panel(
        20,
        "Retrain attempts",
        "lines",
        [Query(f"sum by (trigger, outcome) ({rate(names.RETRAIN_ATTEMPTS, _RATE)})", "{{trigger}} {{outcome}}")],
        "cps",
        8,
        about="Starts and ends a second.",
    ),
    Panel(
        21,
        "Retrain runs",
        "lines",
        [Query(f"sum by (state) ({same(names.RETRAIN_RUNS)})", "{{state}}")],
        wide=8,
        about="Runs that are kept, by where they stand.",
    ),
)

BOARD: Final = Board(
    "driftsum-pipeline",
    "Driftsum / Pipeline",
    "Can I trust what the others show?",
    (Row("Ingest", _INGEST), Row("Store and evaluation", _STORE), Row("Telling", _TELLING)),
)
