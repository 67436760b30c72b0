"""Alerts about models: drift, performance, data that does not come, budgets.

The service tells most of them itself by its routes.
"""

from typing import Final

from dashboards.prometheus.contract import Alert, Group, RuleFile
from dashboards.prometheus.recording import (
    AFFECTED,
    ANY,
    BUDGET_DAYS,
    EVENTS,
    LABELS,
    LATE,
    NEWEST,
    RAISED,
    STALE,
    STANDING,
)
from dashboards.promql import rate, same
from drift.metrics import names

SILENT: Final = 2 * 3600
"""Seconds of event time without an event."""
RETIRED: Final = 14 * 86400
"""A model that has been silent for so long is not missed any more."""
LATE_SHARE: Final = 0.05

PAGES = Alert(
    "DriftPage",
    "critical",
    f'{STANDING.record}{{severity="page"}} > 0',
    "{{ $labels.model }} {{ $labels.version }}: {{ $value }} alarms beyond twice the tolerance",
    "Detectors hold {{ $value }} columns of version {{ $labels.version }} to have drifted by more than twice what is "
    "borne, counted over window lengths and segments. The model may be answering wrongly now.",
    hold="1m",
)
WARNINGS = Alert(
    "DriftWarning",
    "warning",
    f'{STANDING.record}{{severity="warning"}} > 0',
    "{{ $labels.model }} {{ $labels.version }}: {{ $value }} alarms of small shifts",
    "Detectors have proven {{ $value }} shifts that are small, or rest on evidence that cannot be relied upon. Nobody "
    "has to get up; they become pages if they grow.",
    hold="1m",
)
VERDICT = Alert(
    "DriftVerdict",
    "info",
    f"{same(names.OUTCOME, 'outcome', outcome='drift')} == 1 unless on (job, model) {ANY.record} > 0",
    "{{ $labels.model }} {{ $labels.version }}: the last {{ $labels.window }} window broke a rule",
    "A rule of the model holds the last final window to have drifted, and no detector's alarm stands. A single window "
    "often comes back by itself.",
    hold="1m",
)
NO_DATA = Alert(
    "DriftNoData",
    "critical",
    f"time() - {NEWEST.record} > {SILENT} < {RETIRED} or "
    f"time() - max without (window) ({STALE.record} unless on (job, model) ({EVENTS.record} > 0 or {NEWEST.record}))"
    f" > {SILENT} < {RETIRED}",
    "{{ $labels.model }}: newest event is {{ $value | humanizeDuration }} old",
    "No event with a newer time comes. While this lasts nobody watches the model: results go away, drift is not seen.",
)
INCIDENT = Alert(
    "DriftDataIncident",
    "warning",
    f"{same(names.INCIDENTS, drop='severity', family='data')} > 0",
    "{{ $labels.model }}: {{ $value }} open incidents of data that is missing, late or incomplete",
    "The service itself holds the model's data to be away, behind, or not whole: windows that miss rows are marked "
    "incomplete and judge nobody.",
)
LATE_ROWS = Alert(
    "DriftLateRows",
    "warning",
    f"{LATE.record} / ({rate(names.EVENTS, '1h')} > 0) > {LATE_SHARE}",
    "{{ $labels.model }}: {{ $value | humanizePercentage }} of the events come late",
    "Events come after their pane's end and the lateness. They are counted, but verdicts come without them first and "
    "are revised afterwards.",
    hold="15m",
)
FIELDS = Alert(
    "DriftFieldsUnknown",
    "info",
    f"{same(names.UNKNOWN)} > 0",
    "{{ $labels.model }} {{ $labels.version }}: {{ $value }} fields that no reference knows",
    "Events have fields that nobody watches: something was added or renamed upstream.",
    hold="1h",
)
BUDGET = Alert(
    "DriftBudgetExhausted",
    "warning",
    f"{RAISED.record} > on (job, model) group_left () ({same(names.ALLOWED)} + 2 * sqrt({same(names.ALLOWED)}))",
    f"{{{{ $labels.model }}}}: alarms came {{{{ $value }}}} times in {BUDGET_DAYS} days, more than the budget allows",
    "More alarms came than chance and the budget explain (the budget plus twice its root). Either the data really "
    "drifts again and again, or the tolerance does not fit it; people stop believing alarms like these.",
)

PERFORMANCE = Alert(
    "DriftPerformanceDrop",
    "critical",
    f"{AFFECTED.record} > 0",
    "{{ $labels.model }} {{ $labels.version }}: performance is worse than the reference's by more than is borne",
    "For two hours the accuracy (or mean absolute error) of the model, by its labels or else as estimated, "
    "has been worse than the reference's by more than `max_drop`, beyond what chance explains. It is answering wrongly "
    "now.",
    hold="2h",
)
LABELS_STOPPED = Alert(
    "DriftLabelsStopped",
    "warning",
    f"max_over_time({LABELS.record}[7d]) > 0 unless {LABELS.record} > 0 and on (job, model) {EVENTS.record} > 0",
    "{{ $labels.model }}: no label has come for a day, though events come",
    "Labels came within the last week and have stopped. Performance is only estimated meanwhile, and nobody can see "
    "whether what scores mean has changed.",
)

FILE: Final = RuleFile(
    "driftsum-models",
    "dashboards/prometheus/models.py",
    (
        Group("driftsum.drift", (PAGES, WARNINGS, VERDICT, FIELDS, BUDGET)),
        Group("driftsum.performance", (PERFORMANCE, LABELS_STOPPED)),
        Group("driftsum.data", (NO_DATA, INCIDENT, LATE_ROWS)),
    ),
)
