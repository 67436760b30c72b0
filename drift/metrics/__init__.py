"""Prometheus metrics: one object that the service tells what happened, and the registry it fills."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from drift.core.clock import SECOND, Clock
from drift.core.commit import Partition
from drift.metrics import names
from drift.metrics.alerting import Alerting, Counts
from drift.metrics.delivering import Delivering, OutboxCount
from drift.metrics.last_windows import WHOLE, LastWindows, Snapshot, severity
from drift.metrics.names import Metric
from drift.metrics.performing import Told
from drift.metrics.retraining import Retraining

MOST_TOPICS: Final = 500
"""Topics counted apart (each replayed file is one); the records of further ones are counted under `other`."""

__all__ = ["MOST_TOPICS", "WHOLE", "Metrics", "Snapshot", "Told", "severity"]


class Metrics:
    """What happened, as Prometheus sees it. Every method is cheap and may be called from any thread."""

    def __init__(
        self,
        registry: CollectorRegistry,
        clock: Clock,
        *,
        release: str = "",
        results: bool = True,
        max_series: int = 2_000,
        worst_columns: int = 20,
    ) -> None:
        """Register everything with `registry`; `results=False` is for workers, which export ingest only."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter, which nobody asks for
        self.registry = registry
        self._counters = {m.name: _counter(m, registry) for m in names.INGEST if m.kind == "counter"}
        self._lag = Gauge(names.LAG.name, names.LAG.help, names.LAG.labels, registry=registry)
        self._watermark = Gauge(names.WATERMARK.name, names.WATERMARK.help, names.WATERMARK.labels, registry=registry)
        self._commit = _histogram(names.COMMIT, registry)
        self._topics: set[tuple[str, str]] = set()
        self._models: dict[Partition, set[str]] = {}
        self._evaluation = _histogram(names.EVALUATION, registry if results else None)
        self._delivering = Delivering(registry if results else None)
        self._alerting = Alerting(registry if results else None)
        self._retraining = Retraining(registry if results else None)
        self._last = LastWindows(clock, max_series, worst_columns)
        if results:
            registry.register(self._last)
        Gauge(names.BUILD.name, names.BUILD.help, names.BUILD.labels, registry=registry).labels(release).set(1)
        ProcessCollector(registry=registry)

    def records(self, source: str, topic: str, n: int) -> None:
        """`n` records of a topic were committed, good or bad."""
        if (source, topic) not in self._topics and len(self._topics) >= MOST_TOPICS:
            topic = "other"
        self._topics.add((source, topic))
        self._counters[names.RECORDS.name].labels(source, topic).inc(n)

    def rows(self, model: str, n: int) -> None:
        """`n` events of a registered model were counted."""
        self._counters[names.EVENTS.name].labels(model).inc(n)

    def dead_letter(self, reason: str, n: int = 1) -> None:
        """`n` events were refused; `reason` is one of `drift.core.records.REASONS`."""
        self._counters[names.DEAD_LETTERS.name].labels(reason).inc(n)

    def late(self, model: str, n: int) -> None:
        """`n` of the counted events were late."""
        self._counters[names.LATE_ROWS.name].labels(model).inc(n)

    def labels(self, model: str, n: int) -> None:
        """`n` labels came by themselves and were kept to meet their predictions."""
        self._counters[names.LABELS.name].labels(model).inc(n)

    def lag(self, partition: Partition, records: int) -> None:
        """`records` lie between the partition's last commit and its end."""
        self._lag.labels(*_labels(partition)).set(records)
        self._models.setdefault(partition, set())

    def watermark(self, partition: Partition, model: str, micros: int) -> None:
        """The largest event time of a model that the partition has brought."""
        self._watermark.labels(*_labels(partition), model).set(micros / SECOND)
        self._models.setdefault(partition, set()).add(model)

    def forget(self, partition: Partition) -> None:
        """The partition went to another worker, or has ended: its gauges go away."""
        models = self._models.pop(partition, None)
        if models is None:
            return
        with suppress(KeyError):  # it never had a lag
            self._lag.remove(*_labels(partition))
        for model in models:
            self._watermark.remove(*_labels(partition), model)

    def commit(self, seconds: float) -> None:
        """A commit to the store took so long."""
        self._commit.observe(seconds)

    def fenced(self) -> None:
        """A commit was rolled back: another worker owns the partition."""
        self._counters[names.FENCED.name].inc()

    def gap(self, records: int) -> None:
        """So many records were deleted before they were read."""
        self._counters[names.GAPS.name].inc()
        self._counters[names.GAP_RECORDS.name].inc(records)

    def evaluation(self, seconds: float) -> None:
        """Judging a window and storing its result took so long."""
        self._evaluation.observe(seconds)

    def delivery(self, receiver: str, outcome: str, seconds: float) -> None:
        """An attempt to deliver ended after so long; `outcome` is `sent`, `again`, `refused` or `given_up`."""
        self._delivering.attempt(receiver, outcome, seconds)

    def outbox(self, counts: Iterable[OutboxCount]) -> None:
        """What waits and what was given up per receiver, as the store says; replaces what it said before."""
        self._delivering.outbox(counts)

    def alerting(self, alerts: Counts, incidents: Counts, allowed: Counts) -> None:
        """Alerts by (model, state, severity), open incidents by (model, family, severity), false alarms that are
        allowed in 30 days by (model,), as the store says."""
        self._alerting.publish(alerts, incidents, allowed)

    def retrain(self, trigger: str, outcome: str) -> None:
        """An attempt to start a run ended, or a run did; `outcome` as `drift_retrain_attempts_total` says."""
        self._retraining.attempt(trigger, outcome)

    def retrain_runs(self, counts: Counts) -> None:
        """Runs by (model, trigger, state), as the store says; replaces what it said before."""
        self._retraining.publish(counts)

    def result(self, snapshot: Snapshot) -> None:
        """A window became final (or was revised): its gauges replace those of the one before."""
        self._last.publish(snapshot)

    def forget_model(self, model: str) -> None:
        """The model is no longer watched: its results go away."""
        self._last.forget(model)


def _labels(partition: Partition) -> tuple[str, str, str]:
    return partition.source, partition.topic, str(partition.number)


def _counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def _histogram(metric: Metric, registry: CollectorRegistry | None) -> Histogram:
    return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=registry)
