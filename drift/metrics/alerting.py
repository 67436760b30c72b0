"""What fires now, and what the budget allows, by model."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge

from drift.metrics import names

Counts = Mapping[tuple[str, ...], float]
"""Label values → how many."""


class Alerting:
    """Gauges of alerts and incidents; what is gone is not exported any more."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        """`registry=None`: exported nowhere."""
        self._gauges = [
            Gauge(one.name, one.help, one.labels, registry=registry)
            for one in (names.ALERTS, names.INCIDENTS, names.ALLOWED)
        ]
        self._told: list[set[tuple[str, ...]]] = [set() for _ in self._gauges]

    def publish(self, alerts: Counts, incidents: Counts, allowed: Counts) -> None:
        """Alerts by (model, state, severity), incidents by (model, family, severity), allowed alarms by (model,)."""
        for gauge, told, counts in zip(self._gauges, self._told, (alerts, incidents, allowed), strict=True):
            for labels, n in counts.items():
                gauge.labels(*labels).set(n)
            for labels in told - counts.keys():
                gauge.remove(*labels)
            told.clear()
            told.update(counts)
