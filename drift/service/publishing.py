"""What is open, as metrics: alerts, incidents, the outbox. Every server reads it from the store."""

from collections import Counter

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
    metrics.alerting(alerts, incidents)
    metrics.outbox(store.outbox())
