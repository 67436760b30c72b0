"""Alerting in the process under test: hurried up, cut into small slices, with places to die at."""

import logging
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from drift.core.clock import SECOND

if TYPE_CHECKING:
    from alerts.retrain.runner import Runner

LEASE: Final = 0.25
"""Seconds that leases last which a process that was killed gives back to nobody."""
ATTEMPT: Final = 0.2
"""Seconds for an attempt; as in production, less than the lease lasts."""


_MODULES: Final = (
    "alerts.retrain.presets.airflow", "alerts.routes.webhook", "anyio.streams.tls", "apscheduler.triggers.interval",
    "cloudevents.core.bindings.http", "cloudevents.core.formats.json", "cloudevents.core.v1.event", "drift.cli.app",
    "httpcore2", "ingest.formats.arrow", "ingest.formats.csv", "standardwebhooks", "truststore",
    "uvicorn.lifespan.off", "uvicorn.loops.auto", "uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.auto",
)  # fmt: skip


def preload() -> None:
    """Import what telling needs, and what a command line and a server do at their start."""
    from alerts import client

    for name in _MODULES:
        import_module(name)
    client._trusted()
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # jobs that come more often than they take


def _runner(*args: Any, **options: Any) -> "Runner":
    from alerts.backoff import Backoff
    from alerts.retrain.runner import Runner

    hurried = {"poll": SECOND // 50, "backoff": Backoff(tries=100_000, first=0.05, most=0.1)}
    return Runner(*args, **(options | hurried))


def hurry(slices: int) -> None:
    """Slices of so many windows, leases and waits of moments."""
    from alerts import backoff, delivery, http
    from alerts.retrain import asking, runner
    from alerts.routes import webhook
    from drift.evaluation import evaluator
    from drift.service import retraining, service
    from ingest.sources.files import FileSource
    from tests.fault.runner import put

    put(FileSource, flush_interval=0.02)
    put(evaluator, LEASE_SECONDS=LEASE, SLICE_RESULTS=slices)
    put(service, EVALUATE_EVERY=0.03, PUBLISH_EVERY=5.0, COMPACT_EVERY=60.0)
    put(delivery, LEASE_SECONDS=LEASE, WAKE_SECONDS=0.02, STORE_AWAY_SECONDS=0.05)
    put(delivery, Backoff=partial(backoff.Backoff, tries=100_000, first=0.01, most=0.1))
    put(runner, WAKE_SECONDS=0.02, STORE_AWAY_SECONDS=0.05)
    put(asking, TOTAL_SECONDS=ATTEMPT)
    put(retraining, Runner=_runner)
    put(webhook, post=partial(http.post, timeout=ATTEMPT))
