"""What is open, as metrics: here the budgets of models."""

import pytest
from prometheus_client import CollectorRegistry

from drift.core.clock import ManualClock
from drift.evaluation.publish import Publisher
from drift.metrics import Metrics
from drift.service.publishing import publish_open
from drift.store import Store
from tests.rig.paging import hour
from tests.rig.performed import measured, registered, result, store_results
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


def test_performance_of_the_last_window_and_of_the_newest_with_mature_labels(store: Store) -> None:
    _, reference = registered(store, sensitive=["sex"], label={"column": "y", "after": "2h"})
    women = next(one.index for one in reference.grid.segments if one.label == "sex=f")
    north = next(one.index for one in reference.grid.segments if one.label == "region=north")
    parts = {0: measured(0.93), women: measured(0.85), north: measured(0.8)}
    store_results(store, *(result(reference, n, parts) for n in range(4)))
    registry = CollectorRegistry()
    publisher = Publisher(store, Metrics(registry, ManualClock(hour(3).end)))

    def shown(name: str, segment: str = "all", **labels: str) -> float | None:
        about = {"model": "loans", "version": "1", "window": "1h", **({"segment": segment} if segment else {})}
        return registry.get_sample_value(name, about | labels)

    assert publisher.tick() == 1
    assert shown("drift_performance", metric="accuracy", kind="estimated") == 0.93
    assert shown("drift_performance", metric="accuracy", kind="realized") is None
    assert shown("drift_performance", "sex=f", metric="accuracy", kind="estimated") == 0.85
    assert shown("drift_performance", "region=north", metric="accuracy", kind="estimated") is None, "not sensitive"
    assert (shown("drift_performance_affected"), shown("drift_performance_affected", "sex=f")) == (0.0, 1.0)
    # labels come and revise a window of hours ago; one that is too young to be mature does not count
    store_results(store, result(reference, 1, {0: measured(0.93, 0.9)}, revision=2))
    assert publisher.tick() == 1
    assert shown("drift_performance", metric="accuracy", kind="realized") == 0.9
    assert shown("drift_performance", metric="accuracy", kind="estimated") == 0.93
    assert shown("drift_labels_mature") == 0.0
    assert shown("drift_labels_window_end_timestamp_seconds", segment="") == hour(1).end / 1e6
    assert shown("drift_performance_affected") == 1.0, "by its labels it is four points worse"
    assert publisher.tick() == 0


def test_the_newest_mature_window_is_found_far_back_but_not_for_ever(store: Store) -> None:
    _, reference = registered(store)
    store_results(
        store,
        result(reference, 0, {0: measured(0.93, 0.93)}),
        *(result(reference, n, {0: measured()}) for n in range(1, 130)),
    )
    found = store.newest_mature(reference.id, "1h", hour(200).end)
    assert found is not None
    assert found.window == hour(0)
    assert store.newest_mature(reference.id, "1h", hour(0).end - 1) is None
    assert store.newest_mature(reference.id, "1d", hour(200).end) is None
