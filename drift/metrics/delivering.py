"""What is delivered, and what waits for it."""

from collections.abc import Iterable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from drift.core.clock import SECOND
from drift.metrics import names


class OutboxCount(Protocol):
    """The outbox of one receiver."""

    @property
    def receiver(self) -> str:
        """Its name in drift.yaml."""

    @property
    def waiting(self) -> int:
        """Messages not delivered yet."""

    @property
    def dead(self) -> int:
        """Messages given up."""

    @property
    def oldest_waiting_at(self) -> int | None:
        """When the oldest waiting one was queued, microseconds; None: none waits."""


class Delivering:
    """Counters of attempts and gauges of the outbox."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        """`registry=None`: counted and exported nowhere."""
        self._attempts = Counter(
            names.DELIVERIES.name, names.DELIVERIES.help, names.DELIVERIES.labels, registry=registry
        )
        one = names.DELIVERY
        self._seconds = Histogram(one.name, one.help, one.labels, buckets=one.buckets, registry=registry)
        self._waiting, self._dead, self._oldest = (
            Gauge(metric.name, metric.help, metric.labels, registry=registry)
            for metric in (names.OUTBOX_WAITING, names.OUTBOX_DEAD, names.OUTBOX_OLDEST)
        )
        self._told = set[str]()

    def attempt(self, receiver: str, outcome: str, seconds: float) -> None:
        """One attempt ended."""
        self._attempts.labels(receiver, outcome).inc()
        self._seconds.labels(receiver).observe(seconds)

    def outbox(self, counts: Iterable[OutboxCount]) -> None:
        """The outbox of every receiver that has one now; those of others go away."""
        found = {count.receiver: count for count in counts}
        for receiver, count in found.items():
            self._waiting.labels(receiver).set(count.waiting)
            self._dead.labels(receiver).set(count.dead)
            if count.oldest_waiting_at is not None:
                self._oldest.labels(receiver).set(count.oldest_waiting_at / SECOND)
        for receiver in self._told - found.keys():
            self._waiting.remove(receiver)
            self._dead.remove(receiver)
        gone = self._told - {name for name, count in found.items() if count.oldest_waiting_at is not None}
        for receiver in gone:
            self._oldest.remove(receiver)
        self._told = set(found)
