"""Worlds for the alert rules: a healthy one, and for every alert what makes it fire and what it has to bear.

Series are written as promtool writes them, one sample a minute from time 0 on; None takes a series away. Each stands
twice, as two servers export it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Series = Mapping[str, str | None]

_PARTITION: Final = 'source="kafka", topic="flights", partition="{}"'
_WINDOW: Final = 'model="credit", version="3", window="1h"'
_LAG, _OTHER_LAG = (f"drift_lag_records{{{_PARTITION.format(n)}}}" for n in (0, 1))
_TIME, _OTHER_TIME = (f'drift_watermark_timestamp_seconds{{{_PARTITION.format(n)}, model="credit"}}' for n in (0, 1))
_END: Final = f"drift_window_end_timestamp_seconds{{{_WINDOW}}}"
_ROWS: Final = f'drift_window_rows{{{_WINDOW}, segment="all"}}'
_EVENTS: Final = 'drift_events_total{model="credit"}'
_RECORDS: Final = 'drift_records_total{source="kafka", topic="flights"}'
_LETTERS: Final = 'drift_dead_letters_total{reason="malformed"}'
_LATE: Final = 'drift_late_rows_total{model="credit"}'
_PAGES, _WARNINGS = (
    f'drift_alarms_standing{{{_WINDOW}, segment="all", severity="{word}"}}' for word in ("page", "warning")
)
_WEB: Final = f'drift_alarms_standing{{{_WINDOW}, segment="channel=web", severity="page"}}'
_DRIFT, _CALM, _FEW = (
    f'drift_model_outcome{{{_WINDOW}, outcome="{word}"}}' for word in ("drift", "no_drift", "insufficient_data")
)
_AFFECTED: Final = f'drift_performance_affected{{{_WINDOW}, segment="all"}}'
_LABELS: Final = 'drift_labels_total{model="credit"}'
_WAITS: Final = 'drift_outbox_oldest_waiting_timestamp_seconds{receiver="oncall"}'
_DEAD: Final = 'drift_outbox_dead{receiver="oncall"}'
_RUNS: Final = 'drift_retrain_runs{model="credit", trigger="airflow", state="%s"}'
_INCIDENT: Final = 'drift_incidents_open{model="credit", family="%s", severity="warning"}'
_BUILD: Final = 'drift_build_info{version="1"}'


def _buckets(metric: str, seconds: str) -> dict[str, str]:
    """A histogram all of whose observations lie under `seconds`, and the bucket below holds none."""
    return {
        f'{metric}_bucket{{le="0.002"}}': "0x1500",
        f'{metric}_bucket{{le="{seconds}"}}': "0+10x1500",
        f'{metric}_bucket{{le="+Inf"}}': "0+10x1500",
    }


HEALTHY: Final[Series] = {
    "up": "1x1500",
    _BUILD: "1x1500",
    _RECORDS: "0+600x1500",
    _EVENTS: "0+600x1500",
    _LETTERS: "0x1500",
    _LATE: "0+1x1500",
    _LAG: "40x1500",
    _OTHER_LAG: "40x1500",
    _TIME: "0+60x1500",
    _OTHER_TIME: "0+60x1500",
    **_buckets("drift_commit_duration_seconds", "0.1"),
    **_buckets("drift_evaluation_duration_seconds", "0.1"),
    "drift_fenced_commits_total": "0x1500",
    "drift_gaps_total": "0x1500",
    "drift_gap_records_total": "0x1500",
    _END: "0+60x1500",
    _ROWS: "900x1500",
    _DRIFT: "0x1500",
    _CALM: "1x1500",
    _FEW: "0x1500",
    _PAGES: "0x1500",
    _WARNINGS: "0x1500",
    f"drift_fields_unknown{{{_WINDOW}}}": "0x1500",
    _AFFECTED: "0x1500",
    _LABELS: "0+60x1500",
    'drift_series_dropped{model="credit"}': "0x1500",
    'drift_alarms_allowed{model="credit"}': "1x1500",
    'drift_outbox_waiting{receiver="oncall"}': "0x1500",
    _DEAD: "0x1500",
    _RUNS % "succeeded": "1x1500",
}


@dataclass(frozen=True)
class Case:
    """What an alert fires on, and what it bears."""

    fires: Series
    """What is other than in the healthy world."""
    labels: str
    """Of the alert that fires, `severity` and its name aside."""
    bears: tuple[Series, ...]
    """Worlds in which it does not fire, near to that one."""
    also: tuple[str, ...] = ()
    """Other alerts that fire in the same world."""
    at: str = "6h"
    after: str = ""
    """A moment at which it is over, if the world heals."""


_MODEL: Final = 'job="drift", model="credit"'
_VERSION: Final = f'{_MODEL}, version="3"'
_TOPIC: Final = 'job="drift", source="kafka", topic="flights"'

CASES: Final[Mapping[str, Case]] = {
    "DriftPage": Case({_PAGES: "0x300 2x1200", _WEB: "1x1500"}, _VERSION, ({_PAGES: "0x300 2 0x1200"},)),
    "DriftWarning": Case(
        {_WARNINGS: "0x300 1x70 0x1200"}, _VERSION, ({_PAGES: "1x1500"}, {_WARNINGS: "0x300 1 0x1200"}), after="6h30m"
    ),
    "DriftVerdict": Case(
        {_DRIFT: "1x1500", _CALM: "0x1500"},
        f'{_VERSION}, window="1h"',
        ({_FEW: "1x1500", _CALM: "0x1500"}, {_DRIFT: "1x1500", _CALM: "0x1500", _WARNINGS: "1x1500"}),
    ),
    "DriftFieldsUnknown": Case(
        {f"drift_fields_unknown{{{_WINDOW}}}": "0x200 2x1200"},
        f'{_VERSION}, window="1h"',
        ({f"drift_fields_unknown{{{_WINDOW}}}": "0x330 2x1200"},),
    ),
    "DriftBudgetExhausted": Case(
        {_WARNINGS: "0x30 1x30 0x30 1x30 0x30 1x30 0x30 1x30 0x1000"},
        _MODEL,
        (
            {_WARNINGS: "0x30 1x30 0x30 1x30 0x30 1x30 0x1200"},
            {_WARNINGS: "0x30 300x1500"},
            {
                _WARNINGS: "0x30 1x30 0x30 1x30 0x30 1x30 0x30 1x30 0x1000",
                'drift_alarms_allowed{model="credit"}': "2x1500",
            },
        ),
    ),
    "DriftPerformanceDrop": Case(
        {_AFFECTED: "0x200 1x1300"},
        _VERSION,
        (
            {_AFFECTED: "0x300 1x60 0x1200"},
            {_AFFECTED.replace('"all"', '"sex=f"'): "1x1500"},
            {_AFFECTED: "0x260 1x1300"},
        ),
        after="20m",
    ),
    "DriftLabelsStopped": Case(
        {_LABELS: "0+60x20 1200x1480"},
        _MODEL,
        ({_LABELS: "0+60x20 1200x1000 1260x480"}, {_LABELS: "0x1500"}, {_LABELS: None}),
        at="24h50m",
    ),
    "DriftNoData": Case(
        {_TIME: "0+60x200 12000x1300", _OTHER_TIME: "0+60x200 12000x1300", _EVENTS: "0+600x200 120000x1300"},
        _MODEL,
        (
            {_TIME: "0+60x200 12000x1300"},
            {_TIME: "0+60x300 18000x1300", _OTHER_TIME: "0+60x300 18000x1300", _EVENTS: "0+600x300 180000x1300"},
        ),
    ),
    "DriftDataIncident": Case(
        {_INCIDENT % "data": "1x1500"}, f'{_MODEL}, family="data"', ({_INCIDENT % "drift": "1x1500"},)
    ),
    "DriftLateRows": Case({_LATE: "0+60x1500"}, _MODEL, ({_LATE: "0+20x1500"}, {_LATE: "0+1x300 300+100x5 800x1000"})),
    "DriftAbsent": Case({_BUILD: "1x340 _x1400"}, "", ({_BUILD: "1x352 _x1400"}, {_BUILD: "1x340 _x7 1x1400"})),
    "DriftDown": Case({"up": "1x300 0x1200"}, 'job="drift"', ({"up": "1x300 0 1x1200"}, {"up": "1x358 0x1200"})),
    "DriftIngestStalled": Case(
        {_RECORDS: "0+600x300 180000x1200"},
        _TOPIC,
        (
            {_RECORDS: "0+600x300 180000x1200", _LAG: "0x1500", _OTHER_LAG: "0x1500"},
            {_RECORDS: "0+600x350 210000x1200"},
        ),
    ),
    "DriftLag": Case({_LAG: "100000x1500"}, _TOPIC, ({_LAG: "30000x1500"}, {_LAG: "40x350 100000x1500"})),
    "DriftPartitionBehind": Case(
        {_TIME: "0+10x1500"},
        f'{_MODEL}, source="kafka", topic="flights", partition="0"',
        ({_TIME: "0+10x1500", _LAG: "0x1500"}, {_TIME: "0+52x1500"}),
    ),
    "DriftRecordsLost": Case(
        {"drift_gap_records_total": "0x330 500x1200"}, 'job="drift"', ({"drift_gap_records_total": "500x1500"},)
    ),
    "DriftDeadLetters": Case({_LETTERS: "0+12x1500"}, 'job="drift"', ({_LETTERS: "0+5x1500"},)),
    "DriftCommitsFenced": Case(
        {"drift_fenced_commits_total": "0+1x1500"}, 'job="drift"', ({"drift_fenced_commits_total": "0x350 5x1200"},)
    ),
    "DriftCommitsSlow": Case(
        _buckets("drift_commit_duration_seconds", "30") | {'drift_commit_duration_seconds_bucket{le="0.1"}': None},
        'job="drift"',
        (_buckets("drift_commit_duration_seconds", "5"),),
    ),
    "DriftEvaluationSlow": Case(
        _buckets("drift_evaluation_duration_seconds", "30")
        | {'drift_evaluation_duration_seconds_bucket{le="0.1"}': None},
        'job="drift"',
        (_buckets("drift_evaluation_duration_seconds", "10"),),
    ),
    "DriftEvaluationStuck": Case(
        {_END: "0+60x200 12000x1300", _ROWS: "900x300 _x1200"},
        f'{_MODEL}, window="1h"',
        (
            {_END: "0+60x200 12000x1300"},
            {_END: "0+60x200 12000x1300", _ROWS: "900x350 _x1200"},
            {_END.replace('"3"', '"2"'): "6000x1500"},
        ),
    ),
    "DriftSeriesDropped": Case(
        {'drift_series_dropped{model="credit"}': "8x1500"},
        _MODEL,
        ({'drift_series_dropped{model="credit"}': "0x1500"},),
    ),
    "DriftDeliveryFailed": Case(
        {_DEAD: "0x350 1x1200"},
        'job="drift", receiver="oncall"',
        ({'drift_outbox_waiting{receiver="oncall"}': "9x1500"},),
    ),
    "DriftDeliverySlow": Case(
        {_WAITS: "19000x1500"}, 'job="drift", receiver="oncall"', ({_WAITS: "21000x1500"}, {_WAITS: "0+60x1500"})
    ),
    "DriftRetrainFailed": Case(
        {_RUNS % "failed": "_x330 1x1200"},
        'job="drift", model="credit", trigger="airflow"',
        ({_RUNS % "failed": "1x1500"}, {_RUNS % "denied": "_x330 1x1200"}),
    ),
}
