"""Recorded series: what alerts ask for again and again, named `level:metric:operations`."""

from typing import Final

from dashboards.prometheus.contract import Group, Recording, RuleFile
from dashboards.promql import quantile, rate, same, series
from drift.metrics import names

STEP: Final = "5m"
"""Between two looks at how many alarms stand: what rises between two looks was raised."""
BUDGET_DAYS: Final = 30
"""The time that `drift_alarms_allowed` is about."""

EVENTS: Final = Recording("model:drift_events:rate5m", rate(names.EVENTS, "5m"))
LATE: Final = Recording("model:drift_late_rows:rate1h", rate(names.LATE_ROWS, "1h"))
RECORDS: Final = Recording("topic:drift_records:rate5m", rate(names.RECORDS, "5m"))
DEAD_LETTERS: Final = Recording("job:drift_dead_letters:rate5m", rate(names.DEAD_LETTERS, "5m", drop="reason"))
REFUSED: Final = Recording(
    "job:drift_dead_letters:ratio_rate5m",
    f"{DEAD_LETTERS.record} / "
    f"({DEAD_LETTERS.record} + (sum without (model) ({EVENTS.record}) or 0 * {DEAD_LETTERS.record}))",
)
LAG: Final = Recording("topic:drift_lag_records:sum", f"sum without (partition) ({same(names.LAG)})")
NEWEST: Final = Recording(
    "model:drift_watermark_timestamp_seconds:max", same(names.WATERMARK, drop="source, topic, partition")
)
STALE: Final = Recording(
    "model:drift_window_end_timestamp_seconds:stale",
    f"{same(names.WINDOW_END, drop='version')} unless {same(names.WINDOW_ROWS, drop='version, segment')}",
)
"""End of the last final window of those whose results have gone away because none came after it."""
DRIFTED: Final = Recording(
    "model:drift_columns_drifted:ratio",
    f"{same(names.DRIFTED, segment='all')} / ({same(names.WATCHED, segment='all')} > 0)",
)
STANDING: Final = Recording("model:drift_alarms_standing:sum", f"sum without (window, segment) ({same(names.ALARMS)})")
ANY: Final = Recording("model:drift_alarms_standing:all", f"sum without (version, severity) ({STANDING.record})")
STEPPED: Final = Recording(
    "model:drift_alarms_standing:raised5m", f"clamp({ANY.record} - ({ANY.record} offset {STEP}), 0, 1)"
)
"""1 where more alarms stand than a step before: what breaks together counts once."""
RAISED: Final = Recording(
    "model:drift_alarms_standing:raised30d", f"sum_over_time({STEPPED.record}[{BUDGET_DAYS}d:{STEP}])"
)
AFFECTED: Final = Recording(
    "model:drift_performance_affected:max", same(names.AFFECTED, drop="window, segment", segment="all")
)
LABELS: Final = Recording("model:drift_labels:rate1d", rate(names.LABELS, "1d"))
EVALUATION: Final = Recording("job:drift_evaluation_duration_seconds:p99_15m", quantile(names.EVALUATION, 0.99, "15m"))
COMMIT: Final = Recording("job:drift_commit_duration_seconds:p99_15m", quantile(names.COMMIT, 0.99, "15m"))
DELIVERY: Final = Recording("receiver:drift_delivery_duration_seconds:p99_15m", quantile(names.DELIVERY, 0.99, "15m"))
RUNS: Final = Recording(
    "model:drift_retrain_runs:failed",
    f"sum without (state) ({same(names.RETRAIN_RUNS, state='~failed|timed_out')})",
)
KNOWN: Final = Recording(
    "instance:drift_build_info:max6h",
    f"max without (version) (max_over_time({series(names.BUILD)}[6h]))",
)
"""Processes that answered within six hours, whatever the scrape job is called."""

FILE: Final = RuleFile(
    "driftsum-recording",
    "dashboards/prometheus/recording.py",
    (
        Group("driftsum.ingest", (EVENTS, LATE, RECORDS, DEAD_LETTERS, REFUSED, LAG, NEWEST, COMMIT)),
        Group("driftsum.results", (STALE, DRIFTED, STANDING, ANY, AFFECTED, LABELS, EVALUATION)),
        Group("driftsum.budget", (STEPPED, RAISED), "2m"),
        Group("driftsum.telling", (DELIVERY, RUNS, KNOWN)),
    ),
)
