"""Retrain runs, and attempts to start them."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from drift.metrics import names
from drift.metrics.alerting import Counts


class Retraining:
    """A counter of attempts and a gauge of runs; what is gone is not exported any more."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        """`registry=None`: counted and exported nowhere."""
        one, other = names.RETRAIN_ATTEMPTS, names.RETRAIN_RUNS
        self._attempts = Counter(one.name, one.help, one.labels, registry=registry)
        self._runs = Gauge(other.name, other.help, other.labels, registry=registry)
        self._told = set[tuple[str, ...]]()

    def attempt(self, trigger: str, outcome: str) -> None:
        """An attempt, or a run, ended."""
        self._attempts.labels(trigger, outcome).inc()

    def publish(self, counts: Counts) -> None:
        """Runs by (model, trigger, state)."""
        for labels, n in counts.items():
            self._runs.labels(*labels).set(n)
        for labels in self._told - counts.keys():
            self._runs.remove(*labels)
        self._told = set(counts)
