"""What is open, as metrics: alerts, incidents, the outbox, budgets. Every server reads it from the store."""

from collections import Counter

from detectors.budget import AlarmBudget
from drift.core.catalogue import Model
from drift.core.clock import DAY
from drift.core.errors import ConfigError
from drift.evaluation.cases import Names
from drift.metrics import Metrics
from drift.store import Store


def publish_open(store: Store, metrics: Metrics) -> None:
    """Replace the gauges of what is open."""
    names = Names(store.catalogue())
    models = {0: ""} | {model.id: model.name for model in names.models.values()}
    alerts: Counter[tuple[str, ...]] = Counter(
        (models.get(one.key.model_id, ""), one.state.value, one.urgency.value) for one in store.open_alerts()
    )
    incidents: Counter[tuple[str, ...]] = Counter(
        (models.get(one.model_id, ""), one.family, one.urgency.value) for one in store.open_incidents()
    )
    budgets = ((model.name, _allowed(model)) for model in names.models.values())
    allowed: dict[tuple[str, ...], float] = {(name,): budget for name, budget in budgets if budget is not None}
    metrics.alerting(alerts, incidents, allowed)
    metrics.outbox(store.outbox())


def _allowed(model: Model) -> float | None:
    """False alarms in 30 days that a model's budget allows; None: its settings cannot be read here."""
    try:
        budget = AlarmBudget.parse(str(model.settings.get("alarm_budget") or AlarmBudget()))
    except ConfigError:
        return None
    return budget.alarms * 30 * DAY / budget.per
