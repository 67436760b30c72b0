"""What is open, as metrics: here the budgets of models."""

import pytest
from prometheus_client import CollectorRegistry

from drift.core.clock import ManualClock
from drift.metrics import Metrics
from drift.service.publishing import publish_open
from drift.store import Store
from tests.rig.storing import PANE


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [({}, 1.0), ({"alarm_budget": "2 per 1w"}, 60 / 7), ({"alarm_budget": "what an old release took"}, None)],
)
def test_what_a_budget_allows_in_30_days(store: Store, settings: dict[str, object], allowed: float | None) -> None:
    store.put_model("credit", pane=PANE, lateness=0, windows=(), zone="UTC", settings=settings)
    registry = CollectorRegistry()
    publish_open(store, Metrics(registry, ManualClock(0)))
    found = registry.get_sample_value("drift_alarms_allowed", {"model": "credit"})
    assert found == (pytest.approx(allowed) if allowed is not None else None)
