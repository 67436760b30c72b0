"""`drift serve`: the service and its REST API in one process; `drift worker`: ingest with nothing but its metrics."""

import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Final

import structlog
import uvicorn
from prometheus_client import start_http_server

from drift.api.app import create_app
from drift.api.queue import QueuedEvents
from drift.api.services import Services
from drift.config import Config, SourceSettings
from drift.core.catalogue import Reference
from drift.core.clock import Clock
from drift.core.errors import ConfigError, DriftError, NotFound, StoreError
from drift.service.models import add_reference, configured
from drift.service.service import Service, release
from ingest.sources.http import HttpSource

log = structlog.get_logger(__name__)

STOP_WITHIN: Final = 10
"""Seconds that open requests have to end."""


def run_server(config: Config, *, clock: Clock | None = None, started: Callable[[Service], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; `started` is called once the address answers.

    Raises:
        DriftError: it cannot start, or had to stop.
    """
    service = Service.open(config, clock)
    try:
        app, server = _server(service)
        server.config.app = app
        service.add_configured(skip=("http",))
        service.start()
        server.on_start = lambda: started(service) if started else None
        server.run()
    finally:
        service.stop()
    if service.failure:
        raise StoreError(service.failure)


class _Server(uvicorn.Server):
    """Stops when the service does, and says when it listens."""

    service: Service
    on_start: Callable[[], object]

    async def startup(self, sockets: list["socket.socket"] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        if self.started:
            self.on_start()

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop."""
        return await super().on_tick(counter) or self.service.stopping.is_set()


def _server(service: Service) -> "tuple[object, _Server]":
    config = service.config
    http = next((s for s in config.sources if s.kind == "http"), SourceSettings(http=config.http))
    source = HttpSource(f"{config.server.host}:{config.server.port}", config.http.queue)
    service.add_worker(http.name, source, http)
    app = create_app(services_of(service, source))
    server = _Server(
        uvicorn.Config(
            app, host=config.server.host, port=config.server.port, log_level="warning", access_log=False,
            timeout_graceful_shutdown=STOP_WITHIN, server_header=False,
        )
    )  # fmt: skip
    server.service = service
    return app, server


def services_of(service: Service, source: HttpSource) -> Services:
    """The running service as its REST API sees it."""

    def register(path: Path, model: str, version: str) -> Reference:
        found = service.store.catalogue().models.get(model)
        if found is None:
            raise NotFound(f"there is no model {model!r}; register it first")
        return add_reference(
            service.store, found, configured(service.config, found), path, service.clock, version=version
        )

    def replay(ids: Sequence[int]) -> int:
        return replay_dead_letters(service, source, ids)

    return Services(
        store=service.store, config=service.config, registry=service.registry, clock=service.clock,
        events=QueuedEvents(source, service.store, service.clock), register=register, replay=replay,
        ready=service.ready, release=release(), holding=service.holding,
    )  # fmt: skip


def replay_dead_letters(service: Service, source: HttpSource, ids: Sequence[int]) -> int:
    """Feed dead letters in again, each once however often it is asked for; how many.

    Each goes under an idempotency key of its own, so that a crash between counting it and marking it counts it once.
    """
    done = 0
    for row in service.store.dead_letters_to_replay(ids):
        key = f"dead-letter-{row.id}"
        if service.store.idempotent(key) is None:
            payload = row.letter.payload
            source.submit([payload], 1, service.clock.now(), key, payload).result(timeout=30)
        done += len(service.store.dead_letter_replay_claim([row.id]))
    return done


def run_worker(config: Config, *, metrics_port: int | None = None) -> None:
    """Ingest until SIGTERM or SIGINT; several share a PostgreSQL store.

    Raises:
        ConfigError: the store is SQLite, or there is nothing to read.
        DriftError: it cannot start, or had to stop.
    """
    if config.store_url.startswith("sqlite"):
        raise ConfigError("SQLite has one writing process: use `drift serve`, or a PostgreSQL store for several workers")
    if not any(source.kind != "http" for source in config.sources):
        raise ConfigError("there is nothing to read: `sources:` names no Kafka topics and no file")
    service = Service.open(config, ingest_only=True)
    try:
        if metrics_port is not None:
            start_http_server(metrics_port, addr=config.server.host, registry=service.registry)
        service.add_configured(skip=("http",))
        service.start()
        _until_told(service.stopping)
    finally:
        service.stop()
    if service.failure:
        raise StoreError(service.failure)


def _until_told(stop: Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()


__all__ = ["DriftError", "replay_dead_letters", "run_server", "run_worker", "services_of"]
