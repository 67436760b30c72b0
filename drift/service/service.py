"""Everything in one process: workers, evaluation, upkeep; started and stopped as one."""

import os
import socket
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from random import Random
from threading import Event, Lock
from typing import Final
from uuid import uuid4

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from prometheus_client import CollectorRegistry

from drift.config import Config, SourceSettings
from drift.core.clock import Clock, SystemClock
from drift.core.errors import StoreUnavailable
from drift.evaluation import Evaluator, Patience, closing
from drift.evaluation.alerting import Alerting
from drift.evaluation.cases import Standing
from drift.evaluation.detecting import Detecting
from drift.evaluation.publish import Publisher
from drift.metrics import Metrics
from drift.pipeline import Options, Worker
from drift.pipeline.ports import Source
from drift.service.delivering import Deliveries
from drift.service.digesting import Digesting
from drift.service.jobs import Ages, Maintenance, guarded
from drift.service.judging import AlertRules, Judges, Watchers
from drift.service.models import register_models
from drift.service.performing import Performing
from drift.service.publishing import publish_open
from drift.service.retraining import Retraining
from drift.service.routing import routing
from drift.service.running import WorkerThread
from drift.service.sources import decoders_for, source_for
from drift.store import Store, open_store

log = structlog.get_logger(__name__)

EVALUATE_EVERY: Final = 2.0
PUBLISH_EVERY: Final = 2.0
DIGEST_EVERY: Final = 60.0
COMPACT_EVERY: Final = 300.0
RETAIN_EVERY: Final = 3600.0
POLL_RECORDS: Final = {"json": 2_000}
"""Records decoded at once: as many as fit a processor's cache …"""
BATCHES: Final = 16
"""… and where a record is a batch of rows, as many as fit memory."""
STOP_WITHIN: Final = 30.0
"""Seconds for a last commit; what is not committed by then is read again after the restart."""


def release() -> str:
    """The installed release of Driftsum."""
    try:
        return version("driftsum")
    except PackageNotFoundError:
        return "0"


def owner_name() -> str:
    """Unique to this process: leases and partitions are held under it."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


class Service:
    """Workers for every configured source and, unless `ingest_only`, evaluation and upkeep.

    Use: `Service.open(config)`, `start()`, … `stop()`.
    """

    def __init__(self, config: Config, store: Store, clock: Clock, *, ingest_only: bool = False) -> None:
        self.config, self.store, self.clock = config, store, clock
        self.owner = owner_name()
        self.registry = CollectorRegistry()
        self.metrics = Metrics(
            self.registry, clock, release=release(), results=not ingest_only,
            max_series=config.metrics.max_series, worst_columns=config.metrics.worst_columns,
        )  # fmt: skip
        self.ingest_only = ingest_only
        self.stopping = Event()
        self._failure = ""
        self._failing = Lock()
        self._threads: list[WorkerThread] = []
        self.patience = Patience(idle_timeout=config.event_time.idle_timeout, max_hold=config.event_time.max_hold)
        self.retraining = None if ingest_only else self._retraining()
        performing = Performing(store, clock)
        self.evaluator = Evaluator(
            store,
            Judges(),
            clock,
            self.metrics,
            self.owner,
            self.patience,
            self.stopping.is_set,
            Detecting(store, Watchers(), performing.duty),
            Alerting(store, clock, AlertRules(), routing(config), self.retraining.due if self.retraining else None),
            performing,
        )
        self.publisher = Publisher(store, self.metrics)
        self.deliveries = None if ingest_only else self._deliveries()
        self.digesting = Digesting(store, clock, config, lambda: self.evaluator.lease)
        self.maintenance = Maintenance(
            store, clock, self.owner,
            Ages(
                config.compaction.hours_after, config.compaction.days_after, config.retention.panes,
                config.retention.results, config.retention.dead_letters, config.retention.labels,
            ),
            self.stopping.is_set,
        )  # fmt: skip
        self._scheduler = _scheduler()

    @staticmethod
    def open(config: Config, clock: Clock | None = None, *, ingest_only: bool = False) -> "Service":
        """Open the store, make or upgrade its tables, register the configured models.

        Raises:
            DriftError: the store is away or held, or a reference cannot be built.
        """
        clock = clock or SystemClock()
        store = open_store(config.store_url, clock)
        try:
            register_models(store, config, clock)
            return Service(config, store, clock, ingest_only=ingest_only)
        except BaseException:
            store.close()
            raise

    @property
    def failure(self) -> str:
        """Why the service had to stop; empty: it did not."""
        return self._failure

    def ready(self) -> str:
        """Why it cannot work now; empty: it can."""
        if self._failure:
            return self._failure
        silent = [thread.name for thread in self._threads if not thread.alive]
        if silent and not self.stopping.is_set():
            return f"source {silent[0]} has stopped"
        ended = [name for threads in (self.deliveries, self.retraining) if threads for name in threads.stopped]
        return f"delivery to {ended[0]} has stopped; see the log" if ended else ""

    def wake(self) -> None:
        """Something waits to be delivered or started: look at once."""
        for threads in (self.deliveries, self.retraining):
            if threads is not None:
                threads.wake()

    def holding(self) -> Mapping[str, str]:
        """Model → the partitions that its next window waits for."""
        statuses = self.store.partitions()
        waits = {
            model.name: closing(model.id, statuses, self.clock.now(), self.patience).holding
            for model in self.store.catalogue().models.values()
        }
        return {name: ", ".join(holding) for name, holding in waits.items() if holding}

    def worker(self, source: Source, settings: SourceSettings) -> Worker:
        """A worker that the caller turns."""
        options = Options(
            owner=self.owner, future_bound=self.config.event_time.max_future,
            poll_records=POLL_RECORDS.get(settings.format, BATCHES),
        )  # fmt: skip
        return Worker(source, decoders_for(settings), self.store, self.clock, self.metrics, options)

    def add_worker(self, name: str, source: Source, settings: SourceSettings) -> Worker:
        """A worker for one more source; it runs from `start` on."""
        worker = self.worker(source, settings)
        self._threads.append(WorkerThread(name, worker, self.stopping, self._fail))
        return worker

    def add_configured(self, *, skip: tuple[str, ...] = ()) -> None:
        """A worker for each source of drift.yaml, but those of the kinds in `skip`."""
        for settings in self.config.sources:
            if settings.kind not in skip:
                self.add_worker(settings.name, source_for(settings, self.store.uuid, self.clock), settings)

    def start(self) -> None:
        """Begin to consume, and unless `ingest_only` to evaluate."""
        for thread in self._threads:
            thread.start()
        if self.ingest_only:
            return
        self._schedule("evaluation", self.evaluator.tick, EVALUATE_EVERY)
        self._schedule("publishing", self._publish, PUBLISH_EVERY)
        self._schedule("digest", self.digesting.tick, DIGEST_EVERY)
        self._schedule("compaction", self.maintenance.compact, COMPACT_EVERY)
        self._schedule("retention", self.maintenance.retain, RETAIN_EVERY)
        self.store.expire_notices({route.name for route in self.config.routes}, self.clock.now())
        for threads in (self.deliveries, self.retraining):
            if threads is not None:
                threads.start()
        self._scheduler.start()

    def stop(self) -> None:
        """Stop polling, commit what was read, hand partitions and leases back, close the store."""
        self.stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        for threads in (self.deliveries, self.retraining):
            if threads is not None:
                threads.stop()
        late = [thread.name for thread in self._threads if not thread.join(STOP_WITHIN)]
        if late:
            log.warning("stopped before a last commit; nothing is lost, it will be read again", sources=late)
        try:
            self.evaluator.release()
        except StoreUnavailable as error:
            log.info("lease not handed back; it ends by itself", error=str(error))
        self.store.close()

    def _deliveries(self) -> Deliveries:
        standing = Standing(self.store, self.clock, self.config.alerting.url)
        return Deliveries(self.config, self.store, self.clock, self.metrics, self.owner, standing, _spread())

    def _retraining(self) -> Retraining:
        return Retraining(self.config, self.store, self.clock, self.metrics, self.owner, _spread())

    def _publish(self) -> None:
        self.publisher.tick()
        publish_open(self.store, self.metrics)
        if self.retraining is not None:
            self.retraining.publish()

    def _fail(self, why: str) -> None:
        with self._failing:
            self._failure = self._failure or why
        self.stopping.set()

    def _schedule(self, name: str, job: Callable[[], object], seconds: float) -> None:
        self._scheduler.add_job(
            guarded(name, job), "interval", seconds=seconds, id=name, coalesce=True, max_instances=1,
            misfire_grace_time=None,
        )  # fmt: skip


def _spread() -> Random:
    return Random()  # noqa: S311  only spreads attempts over time


def _scheduler() -> BackgroundScheduler:
    return BackgroundScheduler(timezone="UTC")
