"""Every Prometheus name of Driftsum, with its labels, its unit and what it means. Nothing else exports a metric.

Names follow Prometheus' conventions: base units, `_total` for counters, `_timestamp_seconds` for moments (never ages).
Label values are names that somebody registered or configured, or words from a fixed list; never values out of events.
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, in the metric's unit."""


_WINDOW: Final = ("model", "version", "window")
_PARTITION: Final = ("source", "topic", "partition")
_SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# Ingest: exported by servers and workers, each for the partitions that it owns.
RECORDS: Final = Metric(
    "drift_records_total", "counter", "Records read and committed, good or bad.", ("source", "topic")
)
EVENTS: Final = Metric("drift_events_total", "counter", "Events counted into panes.", ("model",))
DEAD_LETTERS: Final = Metric("drift_dead_letters_total", "counter", "Events refused, by reason.", ("reason",))
LATE_ROWS: Final = Metric(
    "drift_late_rows_total", "counter", "Events that came after their pane's end and the lateness; counted.", ("model",)
)
LABELS: Final = Metric(
    "drift_labels_total",
    "counter",
    "Labels that came by themselves and were kept to meet their predictions.",
    ("model",),
)
LAG: Final = Metric("drift_lag_records", "gauge", "Records between the last commit and the log's end.", _PARTITION)
WATERMARK: Final = Metric(
    "drift_watermark_timestamp_seconds", "gauge", "Largest event time committed.", (*_PARTITION, "model")
)
COMMIT: Final = Metric(
    "drift_commit_duration_seconds", "histogram", "Time to commit sums and offsets to the store.", (), _SECONDS
)
FENCED: Final = Metric(
    "drift_fenced_commits_total", "counter", "Commits rolled back because another worker owns the partition."
)
GAPS: Final = Metric("drift_gaps_total", "counter", "Stretches of records that were deleted before they were read.")
GAP_RECORDS: Final = Metric("drift_gap_records_total", "counter", "Records that were deleted before they were read.")

# Evaluation: exported by servers, all from the same stored results.
EVALUATION: Final = Metric(
    "drift_evaluation_duration_seconds", "histogram", "Time to judge one window and store its result.", (), _SECONDS
)
WINDOW_END: Final = Metric(
    "drift_window_end_timestamp_seconds",
    "gauge",
    "End of the last final window. Stays when all else goes stale.",
    _WINDOW,
)
WINDOW_ROWS: Final = Metric("drift_window_rows", "gauge", "Rows of the last final window.", (*_WINDOW, "segment"))
OUTCOME: Final = Metric(
    "drift_model_outcome",
    "gauge",
    "1 for the outcome of the last final window, 0 for the other two: drift, no_drift, insufficient_data.",
    (*_WINDOW, "outcome"),
)
DRIFTED: Final = Metric(
    "drift_columns_drifted", "gauge", "Columns with outcome drift in the last final window.", (*_WINDOW, "segment")
)
WATCHED: Final = Metric(
    "drift_columns_watched", "gauge", "Columns that were judged in the last final window.", (*_WINDOW, "segment")
)
ALARMS: Final = Metric(
    "drift_alarms_standing",
    "gauge",
    "Alarms that stand after the last final window by severity; those that are snoozed do not count.",
    (*_WINDOW, "segment", "severity"),
)
UNKNOWN: Final = Metric(
    "drift_fields_unknown",
    "gauge",
    "Fields that events of the last final window had and no reference knows; nobody watches them. At most 60.",
    _WINDOW,
)
STATISTIC: Final = Metric(
    "drift_statistic",
    "gauge",
    "A statistic of one column in the last final window; columns in breach and the worst ones only.",
    (*_WINDOW, "segment", "column", "statistic"),
)
THRESHOLD: Final = Metric(
    "drift_statistic_threshold",
    "gauge",
    "The threshold in force for a statistic of one column.",
    (*_WINDOW, "segment", "column", "statistic"),
)
# Performance: of the whole traffic, and of segments of attributes that are `sensitive`.
_MEASURED: Final = (*_WINDOW, "segment", "metric", "kind")
PERFORMANCE: Final = Metric(
    "drift_performance",
    "gauge",
    "A metric of the model's performance: `estimated` of the last final window, `realized` of the newest window whose "
    "labels are mature.",
    _MEASURED,
)
PERFORMANCE_LOW: Final = Metric(
    "drift_performance_low", "gauge", "Lower end of the 95 % band of drift_performance.", _MEASURED
)
PERFORMANCE_HIGH: Final = Metric(
    "drift_performance_high", "gauge", "Upper end of the 95 % band of drift_performance.", _MEASURED
)
PERFORMANCE_REFERENCE: Final = Metric(
    "drift_performance_reference", "gauge", "The same metric on the reference.", (*_WINDOW, "segment", "metric")
)
AFFECTED: Final = Metric(
    "drift_performance_affected",
    "gauge",
    "1 where accuracy (or the mean absolute error) is worse than the reference's by more than `max_drop` and its band "
    "excludes that nothing changed, or an alarm on performance stands; absent where it is not known.",
    (*_WINDOW, "segment"),
)
COVERAGE: Final = Metric(
    "drift_label_coverage_ratio",
    "gauge",
    "Share of the predictions of the last final window that can be labelled and are.",
    (*_WINDOW, "segment"),
)
MATURE: Final = Metric(
    "drift_labels_mature",
    "gauge",
    "1 where the labels of the last final window have had the time that they need.",
    (*_WINDOW, "segment"),
)
MATURE_END: Final = Metric(
    "drift_labels_window_end_timestamp_seconds",
    "gauge",
    "End of the newest window whose labels are mature: the one of which realised performance is.",
    _WINDOW,
)
SERIES: Final = Metric(
    "drift_series_exported", "gauge", "Series of columns and of performance, after the cap.", ("model",)
)
DROPPED: Final = Metric(
    "drift_series_dropped",
    "gauge",
    "Series of performance by segment, and of columns in breach or among the worst, that the cap left out.",
    ("model",),
)
# Delivery: exported by servers; the first two by the one that delivers, the others by all from the same outbox.
DELIVERIES: Final = Metric(
    "drift_deliveries_total",
    "counter",
    "Attempts to deliver a message by what became of them: sent, again (to be tried again), refused, given_up.",
    ("receiver", "outcome"),
)
DELIVERY: Final = Metric(
    "drift_delivery_duration_seconds", "histogram", "Time of one attempt to deliver.", ("receiver",), _SECONDS
)
OUTBOX_WAITING: Final = Metric("drift_outbox_waiting", "gauge", "Messages queued and not delivered yet.", ("receiver",))
OUTBOX_DEAD: Final = Metric(
    "drift_outbox_dead", "gauge", "Messages given up, which can be sent again: `drift resend`.", ("receiver",)
)
OUTBOX_OLDEST: Final = Metric(
    "drift_outbox_oldest_waiting_timestamp_seconds",
    "gauge",
    "When the oldest waiting message was queued.",
    ("receiver",),
)
ALERTS: Final = Metric(
    "drift_alerts", "gauge", "Alerts that are pending or fire; an empty model is the service itself.",
    ("model", "state", "severity"),
)  # fmt: skip
INCIDENTS: Final = Metric(
    "drift_incidents_open", "gauge", "Incidents that are open; an empty model is the service itself.",
    ("model", "family", "severity"),
)  # fmt: skip
ALLOWED: Final = Metric(
    "drift_alarms_allowed", "gauge", "False alarms in 30 days that the model's `alarm_budget` allows.", ("model",)
)
# Retraining: the first by all servers from the same runs, the second by the one that starts them.
RETRAIN_RUNS: Final = Metric(
    "drift_retrain_runs", "gauge", "Retrain runs that are kept, by where they stand.", ("model", "trigger", "state")
)
RETRAIN_ATTEMPTS: Final = Metric(
    "drift_retrain_attempts_total",
    "counter",
    "Attempts to start a run by what became of them: started, found (there already), again, refused, given_up; and "
    "ends: succeeded, failed, timed_out.",
    ("trigger", "outcome"),
)
BUILD: Final = Metric("drift_build_info", "gauge", "1; the release that runs.", ("version",))

PERFORMING: Final = (
    PERFORMANCE, PERFORMANCE_LOW, PERFORMANCE_HIGH, PERFORMANCE_REFERENCE, AFFECTED, COVERAGE, MATURE, MATURE_END,
)  # fmt: skip
INGEST: Final = (
    RECORDS, EVENTS, DEAD_LETTERS, LATE_ROWS, LABELS, LAG, WATERMARK, COMMIT, FENCED, GAPS, GAP_RECORDS,
)  # fmt: skip
RESULTS: Final = (
    EVALUATION, WINDOW_END, WINDOW_ROWS, OUTCOME, DRIFTED, WATCHED, ALARMS, UNKNOWN, STATISTIC, THRESHOLD,
    *PERFORMING, SERIES, DROPPED,
)  # fmt: skip
DELIVERING: Final = (ALERTS, INCIDENTS, ALLOWED, DELIVERIES, DELIVERY, OUTBOX_WAITING, OUTBOX_DEAD, OUTBOX_OLDEST)
RETRAINING: Final = (RETRAIN_RUNS, RETRAIN_ATTEMPTS)
ALL: Final = (*INGEST, *RESULTS, *DELIVERING, *RETRAINING, BUILD)
