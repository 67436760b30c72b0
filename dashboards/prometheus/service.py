"""Alerts about the service itself: what it cannot tell when it is down, behind, or cannot deliver."""

from typing import Final

from dashboards.prometheus.contract import Alert, Group, RuleFile
from dashboards.prometheus.recording import (
    COMMIT,
    EVALUATION,
    EVENTS,
    KNOWN,
    LAG,
    NEWEST,
    RECORDS,
    REFUSED,
    RUNS,
    STALE,
)
from dashboards.promql import increase, same, series
from drift.metrics import names

CATCH_UP: Final = 30 * 60
"""Seconds of work that may lie ahead."""
BEHIND: Final = 3600
"""Seconds of event time that a partition may be behind the others."""
REFUSED_SHARE: Final = 0.01
WAITING: Final = 15 * 60
"""Seconds that a message may wait."""
SLOW_COMMIT: Final = 5
SLOW_EVALUATION: Final = 10

ABSENT = Alert(
    "DriftAbsent",
    "critical",
    f"absent({series(names.BUILD)})",
    "No Driftsum process is scraped",
    "Neither a server nor a worker answers: nothing is counted or judged, and none of the other alerts can fire.",
)
DOWN = Alert(
    "DriftDown",
    "warning",
    f"up == 0 and on (job, instance) {KNOWN.record}",
    "{{ $labels.instance }} of {{ $labels.job }} does not answer",
    "A process that answered within the last six hours cannot be scraped. Others take its partitions over within a "
    "minute; if it is the only one, nothing is counted.",
)
STALLED = Alert(
    "DriftIngestStalled",
    "critical",
    f"{LAG.record} > 0 unless on (job, source, topic) {RECORDS.record} > 0",
    "{{ $labels.source }}/{{ $labels.topic }}: {{ $value }} records wait and none is committed",
    "Records are there, but nothing is counted. No window closes; what the topic's retention deletes in the meantime "
    "is lost.",
    hold="10m",
)
LAGGING = Alert(
    "DriftLag",
    "warning",
    f"{LAG.record} / ({RECORDS.record} > 0) > {CATCH_UP}",
    "{{ $labels.source }}/{{ $labels.topic }}: {{ $value | humanizeDuration }} of work waits",
    "At the present speed the log is not read up for so long. Verdicts are as old, and nothing is lost yet.",
    hold="15m",
)
PARTITION = Alert(
    "DriftPartitionBehind",
    "warning",
    f"{NEWEST.record} - on (job, model) group_right () {same(names.WATERMARK)} > {BEHIND} "
    f"and on (job, source, topic, partition) {same(names.LAG)} > 0",
    "{{ $labels.model }}: partition {{ $labels.partition }} of {{ $labels.source }}/{{ $labels.topic }} is "
    "{{ $value | humanizeDuration }} behind",
    "The partition has records to read, and they are older than those of the others. Windows wait for it as long as a "
    "live worker holds it.",
    hold="15m",
)
GAPS = Alert(
    "DriftRecordsLost",
    "critical",
    f"{increase(names.GAP_RECORDS, '1h')} > 0",
    "{{ $value | humanize }} records were deleted before they were read",
    "The log's retention was faster than the service. The sums miss these records for good; windows over the gap are "
    "not whole.",
    hold="0s",
    keep="1h",
)
DEAD_LETTERS = Alert(
    "DriftDeadLetters",
    "warning",
    f"{REFUSED.record} > {REFUSED_SHARE}",
    "{{ $value | humanizePercentage }} of the events are refused",
    "Events cannot be counted: wrong form, unknown model, times that cannot be. They are kept as dead letters, and the "
    "windows miss them.",
    hold="15m",
)
FENCED = Alert(
    "DriftCommitsFenced",
    "warning",
    f"{increase(names.FENCED, '30m')} > 10",
    "{{ $value | humanize }} commits were rolled back in half an hour",
    "Workers take partitions from each other. No row is counted twice or lost, but the same work is done again and "
    "again.",
)
COMMITS = Alert(
    "DriftCommitsSlow",
    "warning",
    f"{COMMIT.record} > {SLOW_COMMIT}",
    "One commit in a hundred takes longer than {{ $value | humanizeDuration }}",
    "The database answers slowly. Ingest pauses while it waits, and lag will follow.",
    hold="15m",
)
EVALUATIONS = Alert(
    "DriftEvaluationSlow",
    "warning",
    f"{EVALUATION.record} > {SLOW_EVALUATION}",
    "Judging one window in a hundred takes longer than {{ $value | humanizeDuration }}",
    "Windows are judged one after the other; with many models verdicts come late.",
    hold="15m",
)
STUCK = Alert(
    "DriftEvaluationStuck",
    "critical",
    f"{STALE.record} and on (job, model) {EVENTS.record} > 0",
    "{{ $labels.model }}: events come, but no {{ $labels.window }} window becomes final",
    "The last final window ended at {{ $value | humanizeTimestamp }}. Events are counted, nothing is judged, drift is "
    "not seen.",
    hold="15m",
)
DEAD = Alert(
    "DriftDeliveryFailed",
    "critical",
    f"{same(names.OUTBOX_DEAD)} > 0",
    "{{ $labels.receiver }}: {{ $value }} messages were given up",
    "A receiver refused messages, or did not answer for days. Somebody was not told of drift or data that is away.",
    hold="0s",
)
SLOW = Alert(
    "DriftDeliverySlow",
    "warning",
    f"time() - {same(names.OUTBOX_OLDEST)} > {WAITING}",
    "{{ $labels.receiver }}: the oldest message has waited for {{ $value | humanizeDuration }}",
    "A receiver does not take messages. They are tried again for about three days, in their order; until then "
    "nobody is told there.",
)
RETRAIN = Alert(
    "DriftRetrainFailed",
    "warning",
    f"{RUNS.record} > {RUNS.record} offset 1h or "
    f"({RUNS.record} unless {RUNS.record} offset 1h) and on (job) {KNOWN.record} offset 1h",
    "{{ $labels.model }}: a retrain run of {{ $labels.trigger }} failed",
    "A run ended badly, timed out or could not be started within the last hour. The old model goes on serving drifted "
    "data.",
    hold="0s",
)
DROPPED = Alert(
    "DriftSeriesDropped",
    "info",
    f"{same(names.DROPPED)} > 0",
    "{{ $labels.model }}: {{ $value }} series of columns were left out",
    "More columns are in breach or among the worst than the cap lets through. Alarms and models' verdicts are whole; "
    "dashboards miss the least bad columns.",
    hold="1h",
)

FILE: Final = RuleFile(
    "driftsum-service",
    "dashboards/prometheus/service.py",
    (
        Group("driftsum.up", (ABSENT, DOWN)),
        Group("driftsum.pipeline", (STALLED, LAGGING, PARTITION, GAPS, DEAD_LETTERS, FENCED, COMMITS)),
        Group("driftsum.evaluation", (EVALUATIONS, STUCK, DROPPED)),
        Group("driftsum.delivery", (DEAD, SLOW, RETRAIN)),
    ),
)
