"""Prometheus: conventional names, whole snapshots, the cap with the worst columns exact, series that go stale."""

import re
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from drift.core.alarm import Severity
from drift.core.clock import HOUR, MINUTE, ManualClock
from drift.core.commit import Partition
from drift.core.records import REASONS
from drift.core.result import Breach, Judgement, Outcome
from drift.metrics import MOST_TOPICS, Metrics, Snapshot, names, severity

T0 = 1_700_000_000_000_000 // HOUR * HOUR
PARTITION = Partition("kafka", "predictions", 3)

Series = Mapping[tuple[str, ...], float]


def judgement(psi: list[float], threshold: float = 0.2, rows: int = 1000) -> Judgement:
    """Columns c0, c1, … with this PSI; a second statistic that no rule looks at."""
    values = np.array([[value, value / 2] for value in psi]).reshape(-1, 2)
    columns = tuple(f"c{i}" for i in range(len(psi)))
    breaches = tuple(
        Breach(column, "psi", value, threshold, f"psi > {threshold}")
        for column, value in zip(columns, psi, strict=True)
        if value > threshold
    )
    outcomes = np.array([np.isnan(v) * Outcome.INSUFFICIENT_DATA + (v > threshold) * 1 for v in psi], np.int8)
    thresholds = np.tile([threshold, np.nan], (len(psi), 1))
    outcome = Outcome.DRIFT if breaches else Outcome.NO_DRIFT
    return Judgement(rows, outcome, columns, ("psi", "ks"), values, outcomes, thresholds, breaches)


def snapshot(psi: list[float], *, end: int = T0, window: str = "1h", version: str = "1", model: str = "m") -> Snapshot:
    return Snapshot(model, version, window, end - HOUR, end, 10 * MINUTE, {"all": judgement(psi)})


def scrape(metrics: Metrics) -> Mapping[str, Series]:
    """Sample name → label values in the order of `names` → value, through Prometheus' own text format."""
    text = generate_latest(metrics.registry).decode()
    order = {metric.name: metric.labels for metric in names.ALL}
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in order.get(sample.name, tuple(sample.labels)))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def make(clock: ManualClock | None = None, *, max_series: int = 2_000, worst_columns: int = 20) -> Metrics:
    clock = clock or ManualClock(T0)
    return Metrics(CollectorRegistry(), clock, release="1.0", max_series=max_series, worst_columns=worst_columns)


def test_standing_alarms_by_segment_and_severity() -> None:
    metrics = make()
    judged = {"all": judgement([0.1]), "k=a": judgement([0.1])}
    alarms = {("all", Severity.PAGE): 2, ("k=a", Severity.WARNING): 1}
    metrics.result(replace(snapshot([0.1]), judgements=judged, alarms=alarms))
    assert scrape(metrics)["drift_alarms_standing"] == {
        ("m", "1", "1h", "all", "page"): 2.0, ("m", "1", "1h", "all", "warning"): 0.0,
        ("m", "1", "1h", "k=a", "page"): 0.0, ("m", "1", "1h", "k=a", "warning"): 1.0,
    }  # fmt: skip


def test_unknown_fields_are_counted() -> None:
    metrics = make()
    metrics.result(replace(snapshot([0.1]), unknown=3))
    assert scrape(metrics)["drift_fields_unknown"] == {("m", "1", "1h"): 3.0}


def test_names_follow_the_conventions() -> None:
    assert len({metric.name for metric in names.ALL}) == len(names.ALL)
    for metric in names.ALL:
        assert re.fullmatch(r"drift(_[a-z]+)+", metric.name)
        assert metric.help.endswith(".") or metric.name.endswith("_info")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert not re.search(r"_(ms|millis|minutes|age|percent)(_|$)", metric.name)
        assert metric.name.endswith("_seconds") or metric.kind != "histogram"


def test_everything_exported_is_in_the_list_of_names() -> None:
    metrics = make()
    metrics.result(snapshot([0.3]))
    text = generate_latest(metrics.registry).decode()
    families = {family.name for family in text_string_to_metric_families(text) if family.name.startswith("drift_")}
    assert families == {metric.name.removesuffix("_total") for metric in names.ALL}


def test_what_the_pipeline_counts() -> None:
    metrics = make()
    metrics.records("kafka", "predictions", 7)
    metrics.records("kafka", "predictions", 3)
    metrics.rows("m", 9)
    metrics.dead_letter(REASONS[0], 1)
    metrics.late("m", 2)
    metrics.labels("m", 5)
    metrics.lag(PARTITION, 42)
    metrics.watermark(PARTITION, "m", T0)
    metrics.commit(0.004)
    metrics.fenced()
    metrics.gap(100)
    metrics.evaluation(0.2)
    found = scrape(metrics)
    assert found["drift_records_total"] == {("kafka", "predictions"): 10}
    assert found["drift_events_total"] == {("m",): 9}
    assert found["drift_dead_letters_total"] == {("malformed",): 1}
    assert found["drift_late_rows_total"] == {("m",): 2}
    assert found["drift_labels_total"] == {("m",): 5}
    assert found["drift_lag_records"] == {("kafka", "predictions", "3"): 42}
    assert found["drift_watermark_timestamp_seconds"] == {("kafka", "predictions", "3", "m"): T0 / 1e6}
    assert found["drift_commit_duration_seconds_bucket"]["0.005",] == 1
    assert found["drift_commit_duration_seconds_bucket"]["0.002",] == 0
    assert found["drift_fenced_commits_total"] == {(): 1}
    assert found["drift_gaps_total"] == {(): 1}
    assert found["drift_gap_records_total"] == {(): 100}
    assert found["drift_evaluation_duration_seconds_sum"] == {(): 0.2}


def test_a_partition_that_went_away_takes_its_gauges_with_it() -> None:
    metrics = make()
    other = replace(PARTITION, number=4)
    for partition in (PARTITION, other):
        metrics.lag(partition, 1)
        metrics.watermark(partition, "m", T0)
    metrics.forget(PARTITION)
    metrics.forget(PARTITION)
    found = scrape(metrics)
    assert set(found["drift_lag_records"]) == {("kafka", "predictions", "4")}
    assert set(found["drift_watermark_timestamp_seconds"]) == {("kafka", "predictions", "4", "m")}


def test_replaying_many_files_does_not_grow_the_series_without_end() -> None:
    metrics = make()
    for i in range(MOST_TOPICS + 50):
        metrics.records("file", f"hash-{i}", 1)
    found = scrape(metrics)["drift_records_total"]
    assert len(found) == MOST_TOPICS + 1
    assert found["file", "other"] == 50


def test_the_last_final_window() -> None:
    metrics = make()
    metrics.result(snapshot([0.3, 0.1, float("nan")]))
    found = scrape(metrics)
    assert found["drift_window_end_timestamp_seconds"] == {("m", "1", "1h"): T0 / 1e6}
    assert found["drift_window_rows"] == {("m", "1", "1h", "all"): 1000}
    assert found["drift_model_outcome"] == {
        ("m", "1", "1h", "drift"): 1,
        ("m", "1", "1h", "no_drift"): 0,
        ("m", "1", "1h", "insufficient_data"): 0,
    }
    assert found["drift_columns_drifted"] == {("m", "1", "1h", "all"): 1}
    assert found["drift_columns_watched"] == {("m", "1", "1h", "all"): 2}
    assert found["drift_statistic"]["m", "1", "1h", "all", "c0", "psi"] == 0.3
    assert found["drift_statistic"]["m", "1", "1h", "all", "c0", "ks"] == 0.15
    assert ("m", "1", "1h", "all", "c2", "psi") not in found["drift_statistic"]
    assert found["drift_statistic_threshold"]["m", "1", "1h", "all", "c1", "psi"] == 0.2
    assert ("m", "1", "1h", "all", "c1", "ks") not in found["drift_statistic_threshold"]


def test_a_snapshot_replaces_its_predecessor_whole() -> None:
    metrics = make(worst_columns=1)
    metrics.result(snapshot([0.3, 0.1], end=T0))
    metrics.result(snapshot([0.1, 0.4], end=T0 + HOUR))
    metrics.result(snapshot([9.0, 9.0], end=T0 - HOUR))  # an older window: too late
    found = scrape(metrics)
    assert {labels[4] for labels in found["drift_statistic"]} == {"c1"}
    assert found["drift_statistic"]["m", "1", "1h", "all", "c1", "psi"] == 0.4
    metrics.result(snapshot([0.5, 0.1], end=T0 + HOUR))  # a revision
    assert {labels[4] for labels in scrape(metrics)["drift_statistic"]} == {"c0"}


def test_columns_only_while_in_breach_or_among_the_worst() -> None:
    metrics = make(worst_columns=2)
    metrics.result(snapshot([0.01, 0.3, 0.02, 0.25, 0.24, 0.0]))
    shown = {labels[4] for labels in scrape(metrics)["drift_statistic"]}
    assert shown == {"c1", "c3", "c4"}


def test_a_segment_shows_its_breaches_only() -> None:
    metrics = make(worst_columns=2)
    judged = {"all": judgement([0.1, 0.1, 0.0]), "channel=web": judgement([0.0, 0.3, 0.1], rows=7)}
    metrics.result(replace(snapshot([]), judgements=judged))
    found = scrape(metrics)
    assert {labels[3:5] for labels in found["drift_statistic"]} == {
        ("all", "c0"), ("all", "c1"), ("channel=web", "c1"),
    }  # fmt: skip
    assert found["drift_window_rows"]["m", "1", "1h", "channel=web"] == 7
    assert found["drift_model_outcome"]["m", "1", "1h", "no_drift"] == 1


def test_the_cap_keeps_the_worst_exact_and_counts_the_rest() -> None:
    metrics = make(max_series=100)
    psi = [0.2 + i / 1000 for i in range(1, 201)]  # all in breach, three series each
    metrics.result(snapshot(psi))
    metrics.result(snapshot([0.9], model="n"))
    found = scrape(metrics)
    mine = {labels: value for labels, value in found["drift_statistic"].items() if labels[0] == "m"}
    limits = [labels for labels in found["drift_statistic_threshold"] if labels[0] == "m"]
    assert len(mine) + len(limits) <= 100
    assert {labels[4] for labels in mine} == {f"c{i}" for i in range(200 - 33, 200)}
    assert all(value == psi[int(labels[4][1:])] for labels, value in mine.items() if labels[5] == "psi")
    assert found["drift_series_exported"] == {("m",): 99, ("n",): 3}
    assert found["drift_series_dropped"] == {("m",): 3 * (200 - 33), ("n",): 0}
    assert found["drift_columns_drifted"]["m", "1", "1h", "all"] == 200


def test_the_cap_is_per_model_across_versions_and_windows() -> None:
    metrics = make(max_series=100)
    for version in ("1", "2"):
        for window in ("1h", "6h"):
            metrics.result(snapshot([0.21] * 50, version=version, window=window))
    found = scrape(metrics)
    assert len(found["drift_statistic"]) + len(found["drift_statistic_threshold"]) <= 100
    assert len(found["drift_window_rows"]) == 4


def test_series_go_away_after_two_windows_and_the_lateness_but_the_end_stays() -> None:
    clock = ManualClock(T0)
    metrics = make(clock)
    metrics.result(snapshot([0.3]))
    clock.advance(2 * 3600 + 600 - 1)
    assert scrape(metrics)["drift_statistic"]
    clock.advance(1)
    found = scrape(metrics)
    assert found["drift_window_end_timestamp_seconds"] == {("m", "1", "1h"): T0 / 1e6}
    assert not {"drift_statistic", "drift_window_rows", "drift_model_outcome", "drift_columns_drifted"} & set(found)


def test_a_model_that_is_gone_leaves_nothing() -> None:
    metrics = make()
    metrics.result(snapshot([0.3]))
    metrics.forget_model("m")
    assert "drift_window_end_timestamp_seconds" not in scrape(metrics)


def test_workers_export_ingest_only() -> None:
    metrics = Metrics(CollectorRegistry(), ManualClock(T0), results=False)
    metrics.result(snapshot([0.3]))
    metrics.evaluation(1.0)
    found = {name for name in scrape(metrics) if name.startswith("drift_")}
    assert not any(name.startswith(("drift_window", "drift_model", "drift_stat", "drift_eval")) for name in found)
    assert "drift_fenced_commits_total" in found


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "new\nline", "umläut 🦆", "", "}{", "a" * 500])
def test_any_column_name_survives_the_text_format(name: str) -> None:
    metrics = make()
    judged = replace(judgement([0.3]), columns=(name,), breaches=())
    metrics.result(replace(snapshot([]), judgements={"all": judged}))
    assert {labels[4] for labels in scrape(metrics)["drift_statistic"]} == {name}


def test_no_scrape_sees_half_of_a_snapshot() -> None:
    metrics = make()
    done = threading.Event()

    def publish() -> None:
        for i in range(300):
            metrics.result(snapshot([0.3 + i] * 5, end=T0 + i))
        done.set()

    thread = threading.Thread(target=publish)
    thread.start()
    seen: set[float] = set()
    while not done.is_set() or not seen:
        found = scrape(metrics)
        if "drift_statistic" in found:
            values = {value for labels, value in found["drift_statistic"].items() if labels[5] == "psi"}
            assert len(values) == 1
            seen |= values
    thread.join()
    assert seen


def test_severity_is_the_largest_ratio_to_a_threshold() -> None:
    judged = judgement([0.1, float("nan"), 0.4])
    assert severity(judged).tolist() == pytest.approx([0.5, 0.0, 2.0])
    assert severity(judgement([])).tolist() == []


def test_promtool_has_nothing_to_complain_of(promtool: str) -> None:
    metrics = make()
    metrics.result(snapshot([0.3, 0.1]))
    metrics.rows("m", 1)
    text = generate_latest(metrics.registry)
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr + checked.stdout) == (0, b"")


def test_severity_ranks_by_the_statistic_and_by_p_values_only_where_there_is_nothing_else() -> None:
    values = np.array([[0.3, 1e-9], [0.05, 1e-300], [np.nan, 0.001], [np.nan, 1.0], [-0.4, 0.5]])
    thresholds = np.tile([0.1, 0.001], (5, 1))
    judged = replace(judgement([0.0] * 5), statistics=("psi", "chi2_q"), values=values, thresholds=thresholds)
    assert severity(judged).tolist() == pytest.approx([3.0, 0.5, 1.0, 0.0, 4.0])
