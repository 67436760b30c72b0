"""Performance on /metrics: estimated now, realised of the newest window with mature labels, and the cap."""

from collections.abc import Mapping
from dataclasses import replace
from math import nan

from drift.core.clock import DAY, HOUR
from drift.core.performance import Measure, Performance
from drift.metrics import Told
from tests.unit.test_metrics import T0, make, scrape, snapshot

LATEST = Performance(
    estimated={"accuracy": Measure(0.9, 0.89, 0.91), "auroc": Measure(nan, why="no positives")},
    realized={"accuracy": Measure(0.5, 0.1, 0.9)},
    reference={"accuracy": Measure(0.94, 0.93, 0.95)},
    predicted=1_000, joined=10, coverage=0.01,
)  # fmt: skip
MATURE = replace(
    LATEST, realized={"accuracy": Measure(0.93, 0.92, 0.94)}, coverage=0.97, joined=970, mature=True
)  # fmt: skip
WHERE = ("m", "1", "1h", "all")


def shown(told: Told, **given: int) -> Mapping[str, Mapping[tuple[str, ...], float]]:
    metrics = make(**given)  # type: ignore[arg-type]
    metrics.result(replace(snapshot([0.1]), performed=told))
    return scrape(metrics)


def test_estimates_are_of_the_last_window_and_labels_of_the_newest_mature_one() -> None:
    found = shown(Told({"all": LATEST}, {"all": MATURE}, T0 - 30 * DAY, {"all": False}))
    assert found["drift_performance"] == {
        (*WHERE, "accuracy", "estimated"): 0.9, (*WHERE, "accuracy", "realized"): 0.93,
    }  # fmt: skip
    assert found["drift_performance_low"][*WHERE, "accuracy", "estimated"] == 0.89
    assert found["drift_performance_high"][*WHERE, "accuracy", "realized"] == 0.94
    assert found["drift_performance_reference"] == {(*WHERE, "accuracy"): 0.94}
    assert found["drift_label_coverage_ratio"] == {WHERE: 0.01}
    assert found["drift_labels_mature"] == {WHERE: 0.0}
    assert found["drift_performance_affected"] == {WHERE: 0.0}
    assert found["drift_labels_window_end_timestamp_seconds"] == {("m", "1", "1h"): (T0 - 30 * DAY) / 1e6}


def test_labels_that_are_not_mature_are_not_exported() -> None:
    found = shown(Told({"all": LATEST}))
    assert set(found["drift_performance"]) == {(*WHERE, "accuracy", "estimated")}
    assert "drift_performance_affected" not in found
    assert "drift_labels_window_end_timestamp_seconds" not in found


def test_the_whole_traffic_comes_before_segments_and_those_before_columns_that_hold() -> None:
    segments = {f"sex={i}": LATEST for i in range(3)}
    told = Told({"all": LATEST, **segments})
    # 6 series of each segment; the column in breach has 3
    found = shown(told, max_series=15)
    metrics = make(max_series=15)
    metrics.result(replace(snapshot([0.5, 0.1]), performed=told))
    found = scrape(metrics)
    assert {labels[3] for labels in found["drift_performance"]} == {"all", "sex=0"}
    assert {labels[4] for labels in found["drift_statistic"]} == {"c0"}
    assert found["drift_series_exported"] == {("m",): 15}
    assert found["drift_series_dropped"] == {("m",): 15}


def test_what_is_stale_goes_away() -> None:
    from drift.core.clock import ManualClock

    clock = ManualClock(T0)
    metrics = make(clock)
    metrics.result(replace(snapshot([0.1]), performed=Told({"all": LATEST}, {"all": MATURE}, T0)))
    clock.advance(3 * HOUR / 1e6)
    assert "drift_performance" not in scrape(metrics)
